"""The learning-rate range test."""

import subprocess
import sys

import numpy as np
import pytest

import fastnn

X = np.random.default_rng(0).normal(size=(200, 3))
Y = X @ [1.0, -2.0, 0.5] + 3


def network(**options):
    return fastnn.Sequential([fastnn.Dense(8, "tanh"), fastnn.Dense(1)], **options)


def find(net, **options):
    options = {"loss": "mean_squared_error", "optimizer": "sgd"} | options
    return fastnn.find_lr(net, X, Y, **options)


def test_what_it_finds():
    found = find(network())
    assert len(found.lrs) == len(found.losses) == len(found.smoothed) < 100
    want = 1e-6 * 1e7 ** (np.arange(len(found.lrs)) / 99)
    assert found.lrs == pytest.approx(want)
    assert found.suggestion == found.lrs[found.smoothed.argmin()] / 10
    assert found.losses[-1] > 4 * found.smoothed.min()  # it stopped there
    assert (found.losses[:-1] < 5 * found.losses[0]).all()


def test_the_suggestion_trains_and_ten_thousand_times_more_does_not():
    lr = find(network()).suggestion
    options = {"loss": "mean_squared_error", "epochs": 20}
    history = network().fit(X, Y, optimizer=fastnn.SGD(lr), **options)
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    with pytest.raises(fastnn.NonFiniteError):
        network().fit(X, Y, optimizer=fastnn.SGD(1e4 * lr), **options)


def test_losses_are_those_of_training_step_by_step():
    found, net = find(network(), batch_size=64, steps=7), network(input_size=3)
    for i in range(7):
        order = np.empty(len(X), dtype=np.int64)
        fastnn._core.permutation(0, fastnn.sequential.SHUFFLE_STREAM + i // 3, order)
        rows = order[i % 3 * 64 : i % 3 * 64 + 64]
        lr = found.lrs[i]
        loss = net.train_on_batch(
            X[rows], Y[rows], loss="mean_squared_error", optimizer=fastnn.SGD(lr)
        )
        if i < len(found.losses):
            assert found.losses[i] == loss


def test_smoothing():
    plain, found = find(network(), smoothing=0), find(network(), smoothing=0.7)
    assert np.array_equal(plain.smoothed, plain.losses)
    i = np.arange(len(found.losses))
    weights = 0.7 ** np.abs(i[:, None] - i)
    assert found.smoothed == pytest.approx(weights @ found.losses / weights.sum(axis=1))


@pytest.mark.parametrize("trained", [False, True])
def test_the_network_stays_as_it_is(trained):
    net, twin = network(), network()
    if trained:
        for each in (net, twin):
            each.fit(X, Y, loss="mean_squared_error", optimizer="adam", epochs=2)
    before = vars(net).copy()
    found = find(net)
    assert vars(net) == before
    assert np.array_equal(found.losses, find(net).losses)
    for each in (net, twin):
        each.fit(X, Y, loss="mean_squared_error", optimizer="adam", epochs=2)
    assert np.array_equal(net.parameters, twin.parameters)


def test_the_optimizer_begins_anew():
    """What Adam remembers of an earlier training is no part of the test."""
    net = network()
    net.fit(X, Y, loss="mean_squared_error", optimizer="adam")
    fresh = network(input_size=3)
    fresh.parameters = net.parameters
    assert np.array_equal(find(net, optimizer=None).losses, find(fresh, optimizer="adam").losses)


def test_rows_without_weight_are_left_out():
    weights = np.zeros(200)
    weights[7:9] = 1
    found = find(network(), sample_weight=weights, batch_size=5, steps=3)
    assert found.losses[0] == pytest.approx(
        network(input_size=3).evaluate(X[7:9], Y[7:9], loss="mean_squared_error")["loss"]
    )


def test_where_nothing_is_learned_nothing_is_suggested():
    net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")], 3)
    options = {"loss": "mean_squared_error", "optimizer": "sgd", "steps": 3}
    assert fastnn.find_lr(net, X, np.zeros(200), **options).suggestion is None
    net.parameters = [1e30, 0, 0, 0]  # its loss is not finite
    found = fastnn.find_lr(net, X, np.zeros(200), **options)
    assert (len(found.losses), found.suggestion) == (0, None)
    pytest.importorskip("matplotlib").use("agg")
    found.plot()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": 2}, ValueError, "steps: got 2, want at least 3"),
        ({"batch_size": 0}, ValueError, "batch_size: got 0"),
        ({"lowest": 0}, ValueError, "lowest: got 0, want a number in"),
        ({"highest": 1e-6}, ValueError, "highest: got 1e-06, want a number in"),
        ({"smoothing": 1}, ValueError, "smoothing: got 1, want a number in"),
        ({"divergence": 0.5}, ValueError, "divergence: got 0.5, want a number in"),
        ({"optimizer": 3}, TypeError, "optimizer: got int"),
        ({"loss": "mse"}, ValueError, "loss: unknown"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight: got shape"),
    ],
)
def test_what_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        find(network(), **options)


def test_bad_rows_are_named():
    bad = X.copy()
    bad[150, 2] = np.nan
    with pytest.raises(ValueError, match="X: got nan in row 150, column 2"):
        fastnn.find_lr(network(), bad, Y, loss="mean_squared_error")
    with pytest.raises(ValueError, match="X: got 0 samples"):
        fastnn.find_lr(network(), X[:0], Y[:0], loss="mean_squared_error")


def test_the_picture(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    found = find(network())
    ax = found.plot()
    assert ax.get_xscale() == "log"
    assert np.array_equal(ax.lines[1].get_ydata(), found.smoothed)
    assert ax.get_legend().get_texts()[2].get_text() == f"suggestion: {found.suggestion:.2g}"
    _, mine = pyplot.subplots()
    assert found.plot(mine) is mine
    mine.figure.savefig(tmp_path / "lr.png")
    pyplot.close("all")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'needs matplotlib, .*: pip install "fastnn\[plot\]"'):
        find(network(), steps=3).plot()


def test_finding_does_not_import_matplotlib():
    code = (
        "import sys, numpy, fastnn; X = numpy.ones((9, 1));"
        "fastnn.find_lr(fastnn.Sequential([fastnn.Dense(1)]), X, X, loss='mean_squared_error');"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_loss_with_several_outputs_a_target():
    layers = [fastnn.Dense(8, "tanh"), fastnn.Dense(3)]
    loss = fastnn.losses.Quantile((0.1, 0.5, 0.9))
    assert find(fastnn.Sequential(layers), loss=loss).suggestion > 0
