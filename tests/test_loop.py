"""The training loop: metrics of the outputs it has anyway, steps of several batches, time."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from common import CLASSES, WIDTH, N, same
from common import labelled as data

import fastnn
from fastnn import _core, training
from fastnn._steps import steps_of
from fastnn.callbacks import Callback, Lambda
from fastnn.schedules import Cosine, Exponential

CE, BCE, MSE = "cross_entropy", "binary_cross_entropy", "mean_squared_error"
WATCH = [Lambda(on_batch_end=lambda batch, logs: None)]


def network(outputs=CLASSES, *, extra=(), activation="identity", **options):
    layers = [fastnn.Dense(8, activation="tanh"), *extra, fastnn.Dense(outputs, activation)]
    return fastnn.Sequential(layers, WIDTH, **options)


# ---- metrics -------------------------------------------------------------------------------------


def mean_output(y, outputs, sample_weight=None):
    return float(np.average(outputs[:, 0], weights=sample_weight))


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "outputs", "activation"),
    [(CE, CLASSES, "identity"), (BCE, 1, "identity"), (BCE, 1, "sigmoid"), (MSE, 1, "identity")],
)
def test_metrics_of_training_data_are_those_of_the_steps(
    loss, outputs, activation, weighted, watched
):
    """A learning rate of 0: what an evaluation gives."""
    X, y = data()
    y = y if loss == CE else (y == 1).astype(int)
    weights = np.random.default_rng(1).random(N) if weighted else None
    names = [mean_output, "rmse"] if loss == MSE else ["accuracy", mean_output, "f1"]
    net = network(outputs, activation=activation)
    options = {"sample_weight": weights, "loss": loss, "metrics": names}
    history = net.fit(
        X,
        y,
        optimizer=fastnn.SGD(0.0),
        epochs=2,
        batch_size=8,
        callbacks=WATCH if watched else [],
        validation_data=(X, y, weights) if weighted else (X, y),
        **options,
    )
    found = net.evaluate(X, y, **options)
    for name, value in found.items():
        assert history[name] == pytest.approx([value] * 2, rel=1e-5), name
        assert history[f"val_{name}"] == pytest.approx([value] * 2, rel=1e-6), name
    with_link = net.predict(X) if loss == MSE else net.predict_proba(X)
    assert found["mean_output"] == mean_output(y, with_link, weights)


def test_each_sample_counts_as_it_trained():
    X, y = data()
    net, twin = network(), network()
    rows, losses = [], []
    for i in range(0, N, 16):
        part = slice(i, i + 16)
        rows.append(twin.predict_proba(X[part]) if i else twin._outputs(X[part], "softmax"))
        losses.append(twin.train_on_batch(X[part], y[part], loss=CE, optimizer="adam"))
    seen = {}

    def keep(y, outputs):
        seen.update(y=y, outputs=outputs)
        return 0.0

    net.fit(X, y, loss=CE, optimizer="adam", batch_size=16, shuffle=False, metrics=[keep])
    assert same(net, twin)
    assert np.array_equal(seen["outputs"], np.concatenate(rows))
    assert np.array_equal(seen["y"], y)


def test_metrics_change_no_bit_and_take_no_pass_of_prediction(monkeypatch):
    X, y = data()
    net, twin = network(), network()
    options = {"loss": CE, "epochs": 2, "validation_split": 0.2}
    modes, run = [], fastnn.Sequential._run
    monkeypatch.setattr(
        fastnn.Sequential,
        "_run",
        lambda net, mode, *a, **b: (modes.append(mode), run(net, mode, *a, **b))[1],
    )
    net.fit(X, y, metrics=["f1", "roc_auc"], **options)
    assert modes == ["train", "evaluate"] * 2
    net.evaluate(X, y, metrics=["f1"])
    assert modes[4:] == ["evaluate"]
    twin.fit(X, y, **options)
    assert same(net, twin)
    assert net.history["val_loss"] == twin.history["val_loss"]


def test_a_metric_that_fails_leaves_the_network_as_it_was():
    X, y = data()
    net, twin = network(), network()

    def fails(y, outputs):
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"^no$"):
        net.fit(X, y, loss=CE, metrics=[fails], epochs=2)
    assert same(net, twin)
    assert net.loss is None


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("mode", ["train", "evaluate"])
def test_the_engine_writes_the_outputs_of_the_rows_it_visits(mode, threads):
    X, y = data()
    net = network()
    expected = net.predict(X)
    order = np.random.default_rng(0).permutation(N)[:37]
    outputs = np.full((30, CLASSES), np.nan, np.float32)
    options = {"optimizer": "sgd", "lr": 0.0, "batch": 8} if mode == "train" else {}
    if mode == "train":
        options["hyperparameters"] = (0.0,) * len(_core.OPTIMIZERS["sgd"])
    net._plan.run(
        mode, X, y[:, None], labels=True, order=order, begin=7, end=37, outputs=outputs,
        threads=threads, loss=CE, **options,
    )  # fmt: skip
    assert np.array_equal(outputs, expected[order[7:]])
    with pytest.raises(ValueError, match="outputs: want a writable"):
        net._plan.run(mode, X, y[:, None], labels=True, outputs=outputs, loss=CE, **options)


# ---- steps of several batches --------------------------------------------------------------------


@pytest.mark.parametrize("clip", [{}, {"clip_global_norm": 0.1}, {"clip_value": 0.01}])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accumulated_batches_are_one_large_batch(dtype, weighted, clip):
    """Penalties, clipping, dropout and layer normalization included."""
    X, y = data()
    weights = np.random.default_rng(1).random(N) if weighted else None
    extra = [fastnn.LayerNorm(), fastnn.Dropout(0.3), fastnn.Dense(4, l2=0.1, max_norm=0.8)]
    nets = [network(extra=extra, dtype=dtype) for _ in range(2)]
    options = {"loss": CE, "optimizer": fastnn.Adam(0.01, **clip), "epochs": 3, "metrics": ["f1"]}
    sizes = {"batch_size": 5, "accumulate": 4}, {"batch_size": 20}
    histories = [
        net.fit(X, y, sample_weight=weights, **options, **size)
        for net, size in zip(nets, sizes, strict=True)
    ]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, tolerance, tolerance)
    for name in histories[0]:
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)
    assert [net._plan.optimizer_state()[1] for net in nets] == [9, 9]


def test_weights_of_accumulated_batches_are_the_same_bits():
    X, y = data()
    nets = [network() for _ in range(2)]
    for net, size in zip(
        nets, ({"batch_size": 4, "accumulate": 5}, {"batch_size": 20}), strict=True
    ):
        net.fit(X[:20], y[:20], loss=CE, optimizer=fastnn.SGD(0.5), **size)
    for a, b in zip(nets[0].layers, nets[1].layers, strict=True):
        assert np.array_equal(a.weights, b.weights)


@pytest.mark.parametrize("threads", [2, 3])
def test_accumulation_is_the_same_bits_on_any_number_of_threads(threads):
    X, y = np.random.default_rng(0).normal(size=(200, 64)), np.arange(200) % 10
    results = []
    for n in (1, threads):
        layers = [fastnn.Dense(256, "relu"), fastnn.BatchNorm(), fastnn.Dense(10)]
        net = fastnn.Sequential(layers, 64)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fastnn.Sequential, "_exact_threads", n)
            net.fit(X, y, loss=CE, batch_size=32, accumulate=3, epochs=2)
        results.append((net.parameters, *net._leaves()[1].state))
    assert all(map(np.array_equal, *results))


@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"sample_weight": True}])
def test_training_changes_its_number_of_threads_and_no_bit(options):
    """Of a step that takes tens of microseconds, so that all numbers are tried in every fit."""
    X, y = np.random.default_rng(0).normal(size=(2000, 64)), np.arange(2000) % 10
    if "sample_weight" in options:
        options = {"sample_weight": np.arange(2000) / 1000}
    results = []
    for exactly in (1, None):
        net = fastnn.Sequential([fastnn.Dense(256, "relu"), fastnn.Dense(10)], 64)
        net._exact_threads = exactly
        history = net.fit(X, y, loss=CE, batch_size=24, epochs=4, **options)
        results.append((net.parameters, history["loss"], net._read("slot_0")))
    assert all(map(np.array_equal, *results))


def test_batch_normalization_sees_the_small_batches():
    X, y = data()
    large, small = (network(extra=[fastnn.BatchNorm()]) for _ in range(2))
    large.fit(X[:32], y[:32], loss=CE, batch_size=32, shuffle=False)
    small.fit(X[:32], y[:32], loss=CE, batch_size=16, accumulate=2, shuffle=False)
    assert not np.allclose(large.parameters, small.parameters)
    first = network(extra=[fastnn.BatchNorm()])
    before = first.parameters
    gradients = [
        first.loss_and_gradient(X[part], y[part], loss=CE, training=True)[1] / 2
        for part in (slice(0, 16), slice(16, 32))
    ]
    step = network(extra=[fastnn.BatchNorm()])
    step.fit(X[:32], y[:32], loss=CE, batch_size=16, accumulate=2, shuffle=False,
             optimizer=fastnn.SGD(1.0))  # fmt: skip
    np.testing.assert_allclose(step.parameters, before - sum(gradients), atol=1e-6)


def test_watched_steps_of_several_batches():
    X, y = data()
    seen = []
    watch = Lambda(on_batch_end=lambda batch, logs: seen.append((batch, logs["loss"])))
    nets = [network(extra=[fastnn.Dropout(0.2)]) for _ in range(2)]
    for net, callbacks in zip(nets, ([], [watch]), strict=True):
        net.fit(X, y, loss=CE, batch_size=8, accumulate=3, callbacks=callbacks)
    assert same(*nets)
    assert [batch for batch, _ in seen] == [0, 1, 2]
    assert np.average([loss for _, loss in seen], weights=[24, 24, 2]) == pytest.approx(
        nets[0].history["loss"][0]
    )


@pytest.mark.parametrize("share", [0, 1e9], ids=["copy each epoch", "one copy"])
def test_the_way_back_through_steps_of_several_batches(monkeypatch, share):
    monkeypatch.setattr(training._Run, "COPY_SHARE", share)
    X = data()[0]
    y = X.sum(axis=1) + 1
    net, twin = network(1), network(1)
    options = {"loss": MSE, "optimizer": fastnn.SGD(3.0, 0.9), "batch_size": 8, "accumulate": 3}
    with pytest.raises(fastnn.NonFiniteError) as caught:
        net.fit(X, y, epochs=10**4, shuffle=False, **options)
    steps = caught.value.epoch * 3 + caught.value.batch // 3 - 1
    assert steps > 3
    whole, rest = divmod(steps, 3)
    twin.fit(X, y, epochs=whole, shuffle=False, **options)
    if rest:
        twin.fit(X[: rest * 24], y[: rest * 24], shuffle=False, **options)
    assert same(net, twin)


@pytest.mark.parametrize("value", [0, 1.5, True])
def test_bad_accumulate(value):
    with pytest.raises((ValueError, TypeError), match="accumulate: got"):
        network().fit(*data(), loss=CE, accumulate=value)


# ---- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("elsewhere", [False, True], ids=["main thread", "another"])
def test_time_ends_an_epoch_after_a_step(elsewhere):
    """An epoch that would take minutes."""
    X, y = np.random.default_rng(0).normal(size=(1000, 64)), np.arange(1000) % 10
    order = np.arange(3_000_000) % 1000
    net = fastnn.Sequential([fastnn.Dense(256, "relu"), fastnn.Dense(10)], 64)
    net.loss, net.optimizer = fastnn.losses.CrossEntropy(), fastnn.SGD(0.1)
    data_ = net._checked_data(X, y, None, net.loss)
    arguments = net, data_, 30, order, 0, len(order), 3
    if elsewhere:  # where nobody looks for Ctrl-C
        with ThreadPoolExecutor() as pool:
            found = pool.submit(steps_of(net).take, *arguments, seconds=0.01).result()
    else:
        found = steps_of(net).take(*arguments, seconds=0.01)
    status, _, weight, *_, position, _, _ = found
    assert status == _core.OK
    assert 0 < position < len(order)
    assert weight == position
    assert position % 90 == 0
    assert net._plan.optimizer_state()[1] == position // 90


def test_the_numbers_of_an_epoch_cut_short_are_of_what_trained(monkeypatch):
    """A clock that every step moves on by a second."""
    X, y = data()
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    tick = Lambda(on_batch_end=lambda batch, logs: now.__setitem__(0, now[0] + 1))
    net, twin = network(), network()
    seen = []

    def count(y, outputs):
        seen.append(len(y))
        return float(len(y))

    options = {"loss": CE, "batch_size": 8, "shuffle": False, "metrics": [count]}
    history = net.fit(X, y, epochs=9, callbacks=[tick], time_budget=10.5, **options)
    assert history["count"] == [N, 4 * 8]
    twin.fit(X, y, **options)
    expected = twin.fit(X[:32], y[:32], **options)
    assert history["loss"][1] == pytest.approx(expected["loss"][0], rel=1e-12)
    assert same(net, twin)


# ---- what is found out once ----------------------------------------------------------------------


def test_steps_are_kept_while_loss_and_optimizer_are_the_same():
    X, y = data()
    net = network()
    net.train_on_batch(X, y, loss=CE, optimizer=fastnn.Adam(0.1))
    kept = steps_of(net)
    net.train_on_batch(X, y)
    net.train_on_batch(X, y, loss="cross_entropy", optimizer=fastnn.Adam(0.1))
    assert steps_of(net) is kept
    twin = network()
    twin.fit(X, y, loss=CE, optimizer=fastnn.Adam(0.1), batch_size=N, epochs=3, shuffle=False)
    assert same(net, twin)
    for change in ({"optimizer": fastnn.Adam(0.2)}, {"loss": fastnn.losses.CrossEntropy(0.1)}):
        net.train_on_batch(X, y, **change)
        assert steps_of(net) is not kept
        kept = steps_of(net)
        assert kept.optimizer is net.optimizer
        assert kept.loss is net.loss


@pytest.mark.parametrize("lr", [0.1, Exponential(0.1, 0.5, 10), Cosine(0.1, 20)])
def test_the_engine_multiplies_the_learning_rate(monkeypatch, lr):
    """No table is made where the engine knows the schedule."""
    monkeypatch.setattr("fastnn._steps.tabulate", None)
    X, y = data()
    nets = [network(dtype="float64") for _ in range(2)]
    factors = [1.0, 0.3, 2.0]
    steer = Lambda(on_epoch_begin=lambda epoch: setattr(steer.run, "lr_factor", factors[epoch]))
    options = {"loss": CE, "batch_size": 16, "shuffle": False}
    nets[0].fit(X, y, epochs=3, optimizer=fastnn.SGD(lr), callbacks=[steer], **options)
    for step in range(12):
        value = factors[step // 4] * (lr(step) if callable(lr) else lr)
        part = slice(step % 4 * 16, step % 4 * 16 + 16)
        nets[1].train_on_batch(X[part], y[part], loss=CE, optimizer=fastnn.SGD(value))
    assert same(*nets)


# ---- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lr", [0.01, Exponential(0.01, 0.5, 10), lambda step: 0.01 / (step + 1)])
def test_a_later_fit_goes_on(lr):
    """With the optimizer's state, the schedule's step and new orders: as one longer fit."""
    X, y = data()
    options = {"loss": CE, "optimizer": fastnn.Adam(lr), "batch_size": 8}
    net, twin = (network(extra=[fastnn.Dropout(0.2)]) for _ in range(2))
    net.fit(X, y, epochs=3, **options)
    net.fit(X, y, epochs=2)  # of the default batch size
    twin.fit(X, y, epochs=3, **options)
    assert not same(net, twin)
    again = network(extra=[fastnn.Dropout(0.2)])
    again.fit(X, y, epochs=2, **options)
    again.fit(X, y, batch_size=8)
    assert same(again, twin)


class Keep(Callback):
    """Keeps the states at a step, and sets them in another fit."""

    def __init__(self, at, state=None):
        self.at, self.state, self.steps = at, state, 0

    def on_batch_end(self, batch, logs):
        self.steps += 1
        if self.steps == self.at:
            self.state = self.run.get_state()
            self.pickled = self.net.__getstate__()
            self.run.stop_training = True


@pytest.mark.parametrize("at", [1, 7, 10, 14])
def test_the_state_of_a_run_is_all_it_needs(at):
    X, y = data()
    options = {"loss": CE, "optimizer": fastnn.Adam(0.1), "batch_size": 8, "metrics": ["f1"]}
    steer = Lambda(on_epoch_begin=lambda epoch: setattr(steer.run, "lr_factor", 1 / (epoch + 1)))
    whole = network(extra=[fastnn.Dropout(0.2)])
    expected = whole.fit(X, y, epochs=4, callbacks=[steer], **options)
    keep = Keep(at)
    network(extra=[fastnn.Dropout(0.2)]).fit(X, y, epochs=4, callbacks=[steer, keep], **options)
    resumed = network()
    resumed.__setstate__(keep.pickled)
    keep.state["stop_training"] = False
    begin = training.ArrayRun.start

    def start(run, afresh):
        run.set_state(keep.state)
        begin(run, afresh)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.ArrayRun, "start", start)
        history = resumed.fit(X, y, epochs=4, callbacks=[steer], **options)
    assert same(resumed, whole)
    assert resumed._epochs == whole._epochs == 4
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values[(at - 1) // 7 :], rtol=1e-12)
