"""Training: what `fit` and `train_on_batch` do with data, settings and failures.

Where bits are compared, a loop of `train_on_batch` is the twin: it takes one step at a time and
so shows the parameters before and after each.
"""

import logging
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from common import CLASSES, WIDTH, N, same
from common import labelled as data

import fastnn
from fastnn import _core, training
from fastnn.sequential import SHUFFLE_STREAM

MSE = "mean_squared_error"


@pytest.fixture(autouse=True)
def _all_threads():
    yield
    fastnn.set_num_threads(None)


def network(outputs=CLASSES, hidden=8, **options):
    layers = [fastnn.Dense(hidden, activation="tanh"), fastnn.Dense(outputs)]
    return fastnn.Sequential(layers, WIDTH, **options)


def fitted(X, y, *, net=None, **options):
    """A network after a fit."""
    net = net or network()
    net.fit(X, y, **({"loss": "cross_entropy", "epochs": 3, "batch_size": 16} | options))
    return net


# ---- what training does ---------------------------------------------------------------------


def test_one_step_is_the_books():
    X, _ = data()
    t = X @ np.arange(1.0, 6)
    net = fastnn.Sequential([fastnn.Dense(1)], WIDTH, dtype="float64")
    w, b = net.layers[0].weights, net.layers[0].bias
    error = X @ w + b - t[:, None]
    loss = net.train_on_batch(X, t, loss=MSE, optimizer=fastnn.SGD(0.1))
    assert loss == pytest.approx(np.mean(error**2), rel=1e-12)
    np.testing.assert_allclose(net.layers[0].weights, w - 0.1 * 2 * X.T @ error / N, rtol=1e-12)
    np.testing.assert_allclose(net.layers[0].bias, b - 0.1 * 2 * error.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", fastnn.SGD(0.1), fastnn.SGD(0.05, 0.9)])
def test_learns(optimizer):
    X, y = data(n=300)
    net = network(hidden=32)
    history = net.fit(
        X, y, loss="cross_entropy", optimizer=optimizer, epochs=150, metrics=["accuracy"]
    )
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert net.evaluate(X, y)["accuracy"] > 0.9


@pytest.mark.parametrize("batch_size", [1, 7, 16, N, N + 1, 10**12])
def test_fit_is_a_loop_of_train_on_batch(batch_size):
    """Also where the last batch is smaller."""
    X, y = data()
    net = fitted(X, y, shuffle=False, batch_size=batch_size, epochs=2)
    twin = network()
    for _ in range(2):
        for i in range(0, N, batch_size):
            part = slice(i, i + batch_size)
            twin.train_on_batch(X[part], y[part], loss="cross_entropy")
    assert same(net, twin)


def test_shuffle_visits_every_row_once_in_new_orders():
    X, y = data()
    options = {"loss": "cross_entropy", "optimizer": fastnn.SGD(0), "batch_size": 1}
    for epochs in (1, 2):
        history = network().fit(X, y, epochs=epochs, **options)
        plain = network().fit(X, y, epochs=epochs, shuffle=False, **options)
        np.testing.assert_allclose(history["loss"], plain["loss"], rtol=1e-12)
    twin, orders = network(), []
    for epoch in range(2):
        order = np.empty(N, np.int64)
        _core.permutation(twin.seed, SHUFFLE_STREAM + epoch, order)
        orders.append(order.tolist())
        assert sorted(orders[-1]) == list(range(N))
        for i in range(0, N, 16):
            twin.train_on_batch(X[order[i : i + 16]], y[order[i : i + 16]], loss="cross_entropy")
    assert orders[0] != orders[1]
    assert same(fitted(X, y, epochs=2), twin)


def test_same_seed_same_bits():
    X, y = data()
    assert same(fitted(X, y, net=network(seed=3)), fitted(X, y, net=network(seed=3)))
    assert not same(fitted(X, y, net=network(seed=3)), fitted(X, y, net=network(seed=4)))
    other_order = network(seed=4)
    other_order.parameters = network(seed=3).parameters
    assert not same(fitted(X, y, net=other_order), fitted(X, y, net=network(seed=3)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_any_number_of_threads(dtype):
    X, y = data(n=600)
    nets = []
    for threads in (1, 2):
        fastnn.set_num_threads(threads)
        net = network(hidden=200, dtype=dtype)
        nets.append(fitted(X, y, net=net, batch_size=256, validation_data=(X, y)))
    assert same(*nets)
    assert nets[0].history == nets[1].history


@pytest.mark.parametrize("optimizer", ["adam", fastnn.SGD(0.1, 0.9, True)])
def test_a_second_fit_goes_on(optimizer):
    X, y = data()
    net = fitted(X, y, epochs=2, optimizer=optimizer)
    fitted(X, y, epochs=3, net=net, loss=None)
    assert same(net, fitted(X, y, epochs=5, optimizer=optimizer))
    assert len(net.history["loss"]) == 3


@pytest.mark.parametrize("first", [fastnn.Adam(), fastnn.Adam(0.01), fastnn.SGD(0.1, 0.9)])
@pytest.mark.parametrize("step", ["fit", "train_on_batch"])
def test_another_optimizer_starts_afresh(first, step):
    X, y = data()
    net = fitted(X, y, optimizer=first, shuffle=False)
    twin = network()
    twin.parameters = net.parameters
    for each in (net, twin):
        options = {"loss": "cross_entropy", "optimizer": fastnn.Adam(0.02)}
        if step == "fit":
            each.fit(X, y, shuffle=False, **options)
        else:
            each.train_on_batch(X, y, **options)
    assert same(net, twin)
    assert net.optimizer == fastnn.Adam(0.02)


def test_loss_and_optimizer_are_remembered():
    X, y = data()
    net = fitted(X, y, optimizer="adamw")
    net.fit(X, y)
    assert (net.loss, net.optimizer) == (fastnn.losses.CrossEntropy(), fastnn.AdamW())
    assert fitted(X, y).optimizer == fastnn.Adam()


# ---- weights, validation, history -----------------------------------------------------------


def test_weights_of_0_and_2():
    """A row of weight 0 is as good as absent, one of weight 2 as good as there twice."""
    X, y = data()
    weights = np.arange(N) % 3
    rows = np.repeat(np.arange(N), weights)
    a = network(dtype="float64")
    b = network(dtype="float64")
    options = {"loss": "cross_entropy", "batch_size": 1000, "epochs": 5}
    history = a.fit(X, y, sample_weight=weights, **options)
    np.testing.assert_allclose(history["loss"], b.fit(X[rows], y[rows], **options)["loss"])
    np.testing.assert_allclose(a.parameters, b.parameters, rtol=1e-6)
    value = a.evaluate(X, y, sample_weight=weights)
    assert value["loss"] == pytest.approx(a.evaluate(X[rows], y[rows])["loss"])
    assert value["accuracy"] == pytest.approx(a.evaluate(X[rows], y[rows])["accuracy"])


def test_weights_of_1_change_no_bit():
    X, y = data()
    assert same(fitted(X, y), fitted(X, y, sample_weight=[1] * N))


def test_a_batch_of_weights_0_is_no_news():
    X, y = data()
    weights = np.repeat([0, 1], N // 2)
    net = fitted(X, y, sample_weight=weights, shuffle=False, batch_size=5, optimizer=fastnn.SGD(1))
    twin = fitted(X[25:], y[25:], shuffle=False, batch_size=5, optimizer=fastnn.SGD(1))
    assert same(net, twin)


def test_history_without_learning_is_evaluate():
    X, y = data()
    V, v = data(seed=1, n=20)
    weights = np.arange(20.0)
    net = network()
    history = net.fit(
        X,
        y,
        loss="cross_entropy",
        optimizer=fastnn.SGD(0),
        epochs=2,
        validation_data=(V, v, weights),
        metrics=["accuracy"],
    )
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert history is net.history
    own, other = net.evaluate(X, y), net.evaluate(V, v, sample_weight=weights)
    for series, value in zip(history.values(), [*own.values(), *other.values()], strict=True):
        assert series == pytest.approx([value] * 2, rel=1e-6)
        assert all(type(number) is float for number in series)


def test_validation_follows_the_epochs_and_changes_no_bit():
    X, y = data()
    V, v = data(seed=1)
    net = fitted(X, y, validation_data=[V, v])
    assert list(net.history) == ["loss", "val_loss"]
    twin = network()
    for i in range(3):
        fitted(X, y, net=twin, epochs=1)
        assert net.history["val_loss"][i] == pytest.approx(twin.evaluate(V, v)["loss"], rel=1e-6)
    assert same(net, twin)


def test_targets_of_all_kinds():
    X, y = data()
    nets = [fitted(X, t) for t in (y, y[:, None], y.tolist(), y.astype(np.uint8))]
    assert all(same(nets[0], net) for net in nets)
    hot = [fitted(X, t) for t in (np.eye(3)[y], np.eye(3, dtype=bool)[y], np.eye(3, dtype=int)[y])]
    assert all(same(hot[0], net) for net in hot)
    np.testing.assert_allclose(hot[0].parameters, nets[0].parameters, atol=1e-5)


@pytest.mark.parametrize("loss", [MSE, "binary_cross_entropy"])
def test_one_output_takes_flat_targets(loss):
    X, y = data()
    t = (y == 1).astype(float)
    flat, column = (fitted(X, s, net=network(1), loss=loss) for s in (t, t[:, None]))
    assert same(flat, column)


def test_train_on_batch_returns_the_loss_before_the_step():
    X, y = data()
    weights = np.arange(1.0, N + 1)
    net = network()
    before = net.evaluate(X, y, sample_weight=weights, loss="cross_entropy")["loss"]
    value = net.train_on_batch(X, y, sample_weight=weights, loss="cross_entropy")
    assert value == pytest.approx(before, rel=1e-6)
    assert net.evaluate(X, y, sample_weight=weights)["loss"] < before


def test_the_first_fit_tells_the_width():
    X, y = data()
    layers = [fastnn.Dense(8, activation="tanh"), fastnn.Dense(CLASSES)]
    lazy = fastnn.Sequential(layers)
    assert same(fitted(X, y, net=lazy), fitted(X, y))
    assert lazy.input_size == WIDTH


# ---- arrays ---------------------------------------------------------------------------------


def _memmap(X, path):
    kept = np.memmap(path / "X", X.dtype, "w+", shape=X.shape)
    kept[:] = X
    kept.flush()
    return np.memmap(path / "X", X.dtype, "r", shape=X.shape)


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _unaligned(X):
    rows = np.zeros(len(X), [("tag", "u1"), ("x", X.dtype, X.shape[1:])])
    rows["x"] = X
    return rows["x"]


def _strided(X):
    wide = np.full((2 * len(X), 3 * X.shape[1]), np.nan)
    wide[::2, 1::3] = X
    return wide[::2, 1::3]


LAYOUTS = {
    "F-order": lambda X, _: np.asfortranarray(X),
    "strided": lambda X, _: _strided(X),
    "negative strides": lambda X, _: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda X, _: _read_only(X),
    "memmap": _memmap,
    "unaligned": lambda X, _: _unaligned(X),
    "list": lambda X, _: X.tolist(),
    "float32": lambda X, _: X.astype(np.float32),
    "float16": lambda X, _: X.astype(np.float16),
    "long double": lambda X, _: X.astype(np.longdouble),
    "big endian": lambda X, _: X.astype(">f8"),
    "big endian float32": lambda X, _: X.astype(">f4"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layouts_change_no_bit(layout, dtype, tmp_path):
    X, y = data()
    plain = fitted(X, y, net=network(dtype=dtype))
    other = fitted(LAYOUTS[layout](X, tmp_path), y, net=network(dtype=dtype))
    assert same(plain, other)
    assert np.array_equal(plain.predict(X), plain.predict(LAYOUTS[layout](X, tmp_path)))


@pytest.mark.parametrize(
    "kind", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", "longlong", "ulonglong"]
)
def test_integers_are_converted(kind):
    X = np.random.default_rng(0).integers(0, 2 if kind == "?" else 5, (N, WIDTH)).astype(kind)
    y = data()[1]
    assert same(fitted(X, y), fitted(X.astype(np.float64), y))
    assert same(fitted(X.T.copy().T, y), fitted(X, y))
    targets = X[:, :1]
    assert same(
        fitted(X, targets, net=network(1), loss=MSE),
        fitted(X, targets.astype(float), net=network(1), loss=MSE),
    )


@pytest.mark.parametrize("layout", ["C", "F", "reversed"])
def test_inputs_are_never_copied_whole(layout):
    shape = (100_000, 300)
    X = np.zeros(shape, np.uint8, order="F" if layout == "F" else "C")
    X = X[::-1] if layout == "reversed" else X
    y = np.zeros(len(X), np.uint8)
    net = fastnn.Sequential([fastnn.Dense(1)], X.shape[1])
    tracemalloc.start()
    net.fit(X, y, loss=MSE, batch_size=1000, validation_data=(X, y))
    net.predict(X)
    net.loss_and_gradient(X, y)
    peak = tracemalloc.get_traced_memory()[1]  # NumPy's arrays; the plan tells its own
    tracemalloc.stop()
    assert peak + net._plan.nbytes < X.nbytes / 8


# ---- a loss that is not finite --------------------------------------------------------------


def steps_until_failure(net, batches, optimizer):
    """Take single steps until one fails; return the parameters before each and after the last."""
    seen = [net.parameters]
    while True:
        X, y = batches[(len(seen) - 1) % len(batches)](len(seen) - 1)
        try:
            net.train_on_batch(X, y, loss=MSE, optimizer=optimizer)
        except fastnn.NonFiniteError:
            return seen
        seen.append(net.parameters)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("share", [0, 1e9], ids=["copy each epoch", "one copy"])
@pytest.mark.parametrize("optimizer", [fastnn.SGD(20.0), fastnn.SGD(3.0, 0.9), fastnn.SGD(5e18)])
@pytest.mark.parametrize("batches", [1, 2, 3, 7, 50])
def test_non_finite_loss_keeps_the_parameters_before_the_last_step(
    monkeypatch, batches, optimizer, share, shuffle
):
    monkeypatch.setattr(training._Run, "COPY_SHARE", share)
    X = data(n=4 * batches)[0]
    y = X.sum(axis=1) + 1

    def batch(step):
        epoch, number = divmod(step, batches)
        order = np.arange(len(X))
        if shuffle:
            _core.permutation(0, SHUFFLE_STREAM + epoch, order)
        rows = order[4 * number : 4 * number + 4]
        return X[rows], y[rows]

    seen = steps_until_failure(network(1), [batch], optimizer)
    net = network(1)
    with pytest.raises(fastnn.NonFiniteError, match="not finite in epoch") as caught:
        net.fit(X, y, loss=MSE, optimizer=optimizer, batch_size=4, epochs=10**6, shuffle=shuffle)
    assert divmod(len(seen) - 1, batches) == (caught.value.epoch, caught.value.batch)
    assert np.array_equal(net.parameters, seen[max(len(seen) - 2, 0)])
    assert len(net.history["loss"]) == caught.value.epoch
    assert np.isfinite(net.evaluate(X, y)["loss"])
    net.fit(X, y, optimizer=fastnn.SGD(1e-30))  # goes on


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_gradient_that_is_not_finite_where_the_loss_is(epochs):
    """A row of weight 0 whose hidden activations are infinite: 0 times them is NaN."""
    X = data()[0]
    X[3] = 3e38
    layers = [fastnn.Dense(8, activation="relu"), fastnn.Dense(8), fastnn.Dense(1)]
    net = fastnn.Sequential(layers, WIDTH)
    before, weights = net.parameters, np.ones(N)
    weights[3] = 0
    options = {"loss": MSE, "batch_size": N, "epochs": epochs, "sample_weight": weights}
    with pytest.raises(fastnn.NonFiniteError, match="the loss or a parameter is not finite"):
        net.fit(X, np.zeros(N), **options)
    assert np.array_equal(net.parameters, before)


@pytest.mark.parametrize("bad", range(5))
def test_non_finite_loss_in_the_first_epoch(bad):
    X = data()[0]
    X[10 * bad] = 1e25  # finite itself, but not its squared error
    y = np.zeros(N)
    net = fastnn.Sequential([fastnn.Dense(1)], WIDTH)
    twin = fastnn.Sequential([fastnn.Dense(1)], WIDTH)
    for i in range(bad - 1):
        twin.train_on_batch(X[10 * i : 10 * i + 10], y[:10], loss=MSE)
    with pytest.raises(fastnn.NonFiniteError) as caught:
        net.fit(X, y, loss=MSE, batch_size=10, shuffle=False)
    assert (caught.value.epoch, caught.value.batch) == (0, bad)
    assert same(net, twin)


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("batches", [1, 3])
def test_a_last_step_that_goes_too_far_is_taken_back(epochs, batches):
    """No loss tells: the weight itself overflows, while all outputs are small."""
    x, steps = 1e-19, batches * epochs
    optimizer = fastnn.SGD(2 / x**2)  # w becomes w - 2 x^2 lr w = -3 w
    nets = [fastnn.Sequential([fastnn.Dense(1, bias=False)], 1) for _ in range(2)]
    for net in nets:
        net.parameters = [1.5e38 / 3 ** (steps - 1)]
    net, twin = nets
    for _ in range(steps):
        kept = twin.parameters
        twin.train_on_batch([[x]], [0], loss=MSE, optimizer=optimizer)
    assert np.isinf(twin.parameters).all()
    with pytest.raises(fastnn.NonFiniteError) as caught:
        net.fit(
            np.full((batches, 1), x),
            np.zeros(batches),
            loss=MSE,
            optimizer=optimizer,
            batch_size=1,
            epochs=epochs,
        )
    assert (caught.value.epoch, caught.value.batch) == (epochs, 0)
    assert np.array_equal(net.parameters, kept)


def test_train_on_batch_leaves_the_parameters_where_the_loss_is_not_finite():
    net = fastnn.Sequential([fastnn.Dense(1)], 1)
    before = net.parameters
    with pytest.raises(fastnn.NonFiniteError):
        net.train_on_batch([[1e30]], [0], loss=MSE)
    assert np.array_equal(net.parameters, before)


def test_a_validation_loss_may_be_infinite():
    X = data()[0]
    net = network(1)
    net.fit(X, X[:, 0], loss=MSE, validation_data=(X, np.full(N, 1e30)))
    assert net.history["val_loss"] == [np.inf]


# ---- what is wrong --------------------------------------------------------------------------


def wrong(place, value):
    X, _ = data()
    t = X[:, :1].copy()
    {"X": X, "y": t}[place][33, 0] = value
    return X, t


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("place", ["X", "y", "validation_data[0]", "validation_data[1]"])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_bad_value_in_the_middle_changes_nothing(place, value, lazy):
    X, t = data()[0], data()[0][:, :1]
    options = {"loss": MSE, "optimizer": fastnn.Adam(0.1), "shuffle": False, "batch_size": 4}
    net = fastnn.Sequential([fastnn.Dense(1)], None if lazy else WIDTH)
    if not lazy:
        net.fit(X, t, loss=MSE, optimizer=fastnn.SGD(0.1, 0.9))
        twin = fastnn.Sequential([fastnn.Dense(1)], WIDTH)
        twin.fit(X, t, loss=MSE, optimizer=fastnn.SGD(0.1, 0.9))
    before = {key: vars(net)[key] for key in training._CHANGES}
    bad = wrong(place if place in "Xy" else "Xy"[int(place[-2])], value)
    train, validation = (bad, (X, t)) if place in "Xy" else ((X, t), bad)
    message = re.escape(f"{place}: got {value}") + ".* in row 33, column 0"
    with pytest.raises(ValueError, match=message):
        net.fit(*train, validation_data=validation, **options)
    assert {key: vars(net)[key] for key in training._CHANGES} == before
    if not lazy:
        assert same(net, twin)
        net.fit(X, t)  # with momentum's state
        twin.fit(X, t)
        assert same(net, twin)


def test_a_bad_row_in_a_later_epoch_keeps_the_steps(monkeypatch):
    """Somebody else writes into the array between two epochs."""
    X, t = data()[0], data()[0][:, :1]
    net = fastnn.Sequential([fastnn.Dense(1)], WIDTH)
    epoch = training._Run.epoch

    def spoil(run):
        values = epoch(run)
        X[7, 1] = np.nan
        return values

    monkeypatch.setattr(training._Run, "epoch", spoil)
    with pytest.raises(ValueError, match="X: got nan in row 7, column 1"):
        net.fit(X, t, loss=MSE, epochs=3, batch_size=7, shuffle=False)
    assert len(net.history["loss"]) == 1
    assert np.isfinite(net.parameters).all()


BAD = [
    ({"X": np.zeros((N, WIDTH + 1))}, ValueError, "X: got 6 features, want 5"),
    ({"X": np.zeros((0, WIDTH)), "y": []}, ValueError, "X: got 0 samples, want at least 1"),
    ({"X": np.zeros(N)}, ValueError, r"X: got shape \(50,\), want"),
    ({"X": [["a"] * 5] * N}, TypeError, "X: got dtype <U1, want real numbers"),
    ({"y": np.zeros(N - 1, int)}, ValueError, r"y: got shape \(49,\), want 50 rows"),
    ({"y": np.full(N, CLASSES)}, ValueError, "y: got 3, want 0 to 2"),
    ({"y": np.full(N, -1)}, ValueError, "y: got -1, want 0 to 2"),
    ({"y": np.zeros(N)}, TypeError, "y: got float64 labels, cross_entropy wants integers 0 to 2"),
    ({"y": np.zeros((N, 3, 1), int)}, ValueError, r"y: got shape \(50, 3, 1\), want class labels"),
    ({"y": np.zeros((N, 2), int)}, ValueError, r"y: got shape \(50, 2\), want class labels"),
    ({"y": np.full((N, 3), 1.5)}, ValueError, "y: got 1.5, want 0 to 1"),
    ({"y": np.full((N, 3), np.nan)}, ValueError, "y: got nan, want 0 to 1"),
    ({"y": ["cat"] * N}, TypeError, "y: got dtype"),
    ({"y": 1}, ValueError, r"y: got shape \(\), want 50 rows"),
    ({"loss": MSE}, ValueError, r"y: got shape \(50,\), want \(50, 3\)"),
    ({"loss": "hing"}, ValueError, "loss: unknown loss 'hing', want one of"),
    ({"loss": 3}, TypeError, "loss: got int"),
    ({"loss": None}, ValueError, "loss: none given and none used before"),
    ({"optimizer": "newton"}, ValueError, "optimizer: unknown optimizer 'newton', want one of"),
    ({"optimizer": 0.1}, TypeError, "optimizer: got float"),
    ({"epochs": 0}, ValueError, "epochs: got 0, want at least 1"),
    ({"epochs": 1.5}, TypeError, "epochs: got 1.5, want a whole number"),
    ({"epochs": True}, TypeError, "epochs: got True"),
    ({"batch_size": -4}, ValueError, "batch_size: got -4, want at least 1"),
    ({"batch_size": "all"}, TypeError, "batch_size: got 'all'"),
    ({"batch_size": 2**70}, ValueError, "batch_size: got 1180591620717411303424, want at most"),
    ({"metrics": "accuracy"}, ValueError, "metrics: got 'accuracy', want a list"),
    ({"metrics": None}, ValueError, "metrics: got None, want a list"),
    ({"metrics": ["auc"]}, ValueError, r"metrics: got \['auc'\], want a list"),
    ({"sample_weight": [1.0]}, ValueError, r"sample_weight: got shape \(1,\), want \(50,\)"),
    (
        {"sample_weight": [-1.0] * N},
        ValueError,
        "sample_weight: got -1.0 at 0, want finite weights",
    ),
    (
        {"sample_weight": [np.nan] * N},
        ValueError,
        "sample_weight: got nan at 0, want finite weights",
    ),
    ({"sample_weight": [0] * N}, ValueError, "sample_weight: all weights are 0"),
    ({"sample_weight": [1e308] * N}, ValueError, "sample_weight: the sum of the weights is inf"),
    ({"sample_weight": [1e-311] * N}, ValueError, "sample_weight: the sum of the weights is"),
    ({"sample_weight": ["1"] * N}, TypeError, "sample_weight: got dtype"),
    ({"validation_data": 3}, TypeError, "validation_data: got int, want a tuple"),
    ({"validation_data": ([],)}, TypeError, "validation_data: got tuple of 1, want a tuple"),
    ({"checkpoint": 3}, TypeError, "checkpoint: got 3, want a path"),
    ({"shuffle": "no"}, ValueError, "shuffle: got 'no', want True or False"),
    ({"verbose": "yes"}, ValueError, "verbose: got 'yes', want 0 or 1"),
    ({"verbose": -1}, ValueError, "verbose: got -1, want 0 or 1"),
    ({"metrics": [lambda y, outputs: "x"]}, TypeError, "metrics: <lambda> returned 'x', want a"),
    ({"metrics": [lambda y, outputs: y]}, TypeError, "metrics: <lambda> returned array"),
    ({"validation_data": ([[1]], [1])}, ValueError, r"validation_data\[0\]: got 1 features"),
    ({"validation_data": ([[1] * 5], [9])}, ValueError, r"validation_data\[1\]: got 9, want 0"),
    (
        {"validation_data": ([[1] * 5], [0], [-1])},
        ValueError,
        r"validation_data\[2\]: got -1.0 at 0, want",
    ),
    ({"epoch": 3}, TypeError, "epoch"),
]


@pytest.mark.parametrize(("change", "kind", "message"), BAD, ids=[b[2][:40] for b in BAD])
@pytest.mark.parametrize("lazy", [False, True])
def test_errors_name_the_argument(change, kind, message, lazy):
    if lazy and "want 5" in message:
        pytest.skip("the width is what X has")
    X, y = data()
    net = fastnn.Sequential([fastnn.Dense(CLASSES)], None if lazy else WIDTH)
    arguments = {"X": X, "y": y, "loss": "cross_entropy"} | change
    with pytest.raises(kind, match=message):
        net.fit(**arguments)
    assert (net.input_size, net.loss, net.history) == (None if lazy else WIDTH, None, {})
    fitted(X, y, net=net)


def test_accuracy_needs_classes():
    X, _ = data()
    with pytest.raises(ValueError, match=r"metrics: got \['accuracy'\], and mean_squared_error"):
        network(1).fit(X, X[:, 0], loss=MSE, metrics=["accuracy"])


def test_cross_entropy_needs_two_outputs():
    X, y = data()
    with pytest.raises(ValueError, match=r"loss: cross_entropy wants a network of at least 2"):
        network(1).fit(X, y * 0, loss="cross_entropy")


# ---- progress -------------------------------------------------------------------------------


def test_progress_is_silent_by_default(capfd):
    fitted(*data())
    assert capfd.readouterr() == ("", "")


def test_progress_by_tqdm(capfd):
    pytest.importorskip("tqdm")
    fitted(*data(), verbose=1, metrics=["accuracy"])
    out, err = capfd.readouterr()
    assert out == ""
    assert "3/3" in err
    assert "accuracy=" in err


def test_progress_without_tqdm_is_logged(capfd, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    caplog.set_level("INFO", "fastnn")
    net = fitted(*data(), verbose=1)
    assert caplog.record_tuples == [
        ("fastnn", logging.INFO, f"epoch {i + 1}/3  loss {value:.4g}")
        for i, value in enumerate(net.history["loss"])
    ]
    assert capfd.readouterr() == ("", "")  # who has set up logging decides where it goes


def test_progress_stands_on_stderr_where_nobody_logs():
    code = """
import logging, sys
sys.modules["tqdm"] = None
import fastnn
net = fastnn.Sequential([fastnn.Dense(1)])
for _ in range(2):
    net.fit([[1.0]], [1.0], loss="mean_squared_error", epochs=2, verbose=1)
logger = logging.getLogger("fastnn")
assert not logger.hasHandlers() and logger.level == logging.NOTSET
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    assert [line.split("  ")[0] for line in run.stderr.splitlines()] == 2 * [
        "epoch 1/2",
        "epoch 2/2",
    ]


@pytest.mark.parametrize("tqdm", [True, False])
def test_progress_ends_with_an_error(capfd, monkeypatch, tqdm):
    if not tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(fastnn.NonFiniteError):
        network(1).fit(*data(), loss=MSE, optimizer=fastnn.SGD(1e20), epochs=9, verbose=1)
    capfd.readouterr()
