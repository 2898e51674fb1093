"""Callbacks: when they are called, what they may steer, and that training stays the same bits."""

import numpy as np
import pytest
from common import WIDTH, N
from common import valued as data

import fastnn
from fastnn import training
from fastnn._steps import Steps
from fastnn.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    Lambda,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from fastnn.schedules import Exponential

MSE = "mean_squared_error"


def network(*, norm=False, **options):
    extra = [fastnn.BatchNorm(), fastnn.Dropout(0.3)] if norm else []
    layers = [fastnn.Dense(8, activation="tanh"), *extra, fastnn.Dense(1)]
    return fastnn.Sequential(layers, WIDTH, **options)


def state(net):
    return [net.parameters, *(layer.state for layer in net._leaves() if layer.state is not None)]


def same(a, b):
    return all(map(np.array_equal, state(a), state(b)))


class Recorder(Callback):
    def __init__(self):
        self.calls = []

    def on_train_begin(self):
        self.calls.append("begin")

    def on_epoch_begin(self, epoch):
        self.calls.append(("epoch", epoch))

    def on_batch_end(self, batch, logs):
        self.calls.append(("batch", batch, *logs))

    def on_epoch_end(self, epoch, logs):
        self.calls.append(("end", epoch, *logs))

    def on_train_end(self):
        self.calls.append("done")


def test_hooks_are_called_in_their_order():
    X, y = data()
    recorder = Recorder()
    net = network()
    options = {"loss": MSE, "epochs": 2, "batch_size": 20, "validation_data": (X, y)}
    net.fit(X, y, callbacks=[recorder], **options)
    batches = [("batch", i, "loss") for i in range(3)]
    epochs = [[("epoch", e), *batches, ("end", e, "loss", "val_loss")] for e in range(2)]
    assert recorder.calls == ["begin", *epochs[0], *epochs[1], "done"]
    assert recorder.net is net


def engine_calls(monkeypatch, callbacks):
    calls, take = [], Steps.take
    monkeypatch.setattr(Steps, "take", lambda *a, **b: (calls.append(a), take(*a, **b))[1])
    network().fit(*data(), loss=MSE, epochs=2, batch_size=10, callbacks=callbacks)
    return len(calls)


def test_an_epoch_is_one_engine_call_unless_batches_are_watched(monkeypatch):
    assert engine_calls(monkeypatch, []) == 2
    assert engine_calls(monkeypatch, [EarlyStopping("loss"), Lambda(on_epoch_end=print)]) == 2
    assert engine_calls(monkeypatch, [Lambda(on_batch_end=lambda batch, logs: None)]) == 10


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("lr", [0.01, Exponential(0.01, 0.5, 10), lambda step: 0.01 / (step + 1)])
def test_watching_batches_changes_no_bit(lr, shuffle):
    X, y = data()
    nets, histories, losses = [network(norm=True) for _ in range(2)], [], []
    watch = Lambda(on_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    for net, callbacks in zip(nets, ([], [watch]), strict=True):
        options = {"optimizer": fastnn.Adam(lr), "shuffle": shuffle, "callbacks": callbacks}
        histories.append(net.fit(X, y, loss=MSE, epochs=3, batch_size=16, **options))
    assert same(*nets)
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-12)
    sizes = [16, 16, 16, 2]
    means = np.average(np.reshape(losses, (3, 4)), axis=1, weights=sizes)
    np.testing.assert_allclose(means, histories[0]["loss"], rtol=1e-12)


def test_a_batch_of_no_weight_has_no_loss():
    X, y = data()
    weights = np.repeat([1.0, 0, 1, 1, 1], 10)
    seen = []
    watch = Lambda(on_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    options = {"batch_size": 10, "shuffle": False, "callbacks": [watch]}
    network().fit(X, y, loss=MSE, sample_weight=weights, **options)
    assert np.isnan(seen).tolist() == [False, True, False, False, False]


# ---- the learning rate -------------------------------------------------------------------------


@pytest.mark.parametrize("lr", [0.125, Exponential(0.125, 0.5, 10), lambda step: 0.25 / (step + 1)])
def test_the_factor_multiplies_the_learning_rate_of_an_epoch(lr):
    X, y = data()
    factors = [1.0, 0.3, 2.0]

    def steer(epoch):
        control.run.lr_factor = factors[epoch]

    control = Lambda(on_epoch_begin=steer)
    options = {"loss": MSE, "batch_size": 16, "shuffle": False}
    net, twin = network(dtype="float64"), network(dtype="float64")
    net.fit(X, y, epochs=3, optimizer=fastnn.SGD(lr), callbacks=[control], **options)
    step = 0
    for factor in factors:
        for i in range(0, N, 16):
            value = factor * (lr(step) if callable(lr) else lr)
            part = slice(i, i + 16)
            twin.train_on_batch(X[part], y[part], loss=MSE, optimizer=fastnn.SGD(value))
            step += 1
    assert np.array_equal(net.parameters, twin.parameters)


def test_a_bad_factor_is_told_and_undone():
    X, y = data()
    control = Lambda(on_train_begin=lambda: setattr(control.run, "lr_factor", -1))
    net, twin = network(), network()
    with pytest.raises(ValueError, match="lr_factor: got -1, want a number in"):
        net.fit(X, y, loss=MSE, callbacks=[control])
    assert same(net, twin)
    assert net.loss is None


def test_scheduler_sets_the_learning_rate():
    seen = []

    def schedule(epoch, lr):
        seen.append((epoch, lr))
        return [0.1, 0.05, 0.025][epoch]

    scheduler = LearningRateScheduler(schedule)
    options = {"loss": MSE, "optimizer": fastnn.SGD(0.5), "epochs": 3}
    network().fit(*data(), callbacks=[scheduler], **options)
    np.testing.assert_allclose(seen, [(0, 0.5), (1, 0.1), (2, 0.05)])
    with pytest.raises(ValueError, match="schedule: its value in epoch 0: got -1"):
        network().fit(*data(), callbacks=[LearningRateScheduler(lambda e, lr: -1)], **options)
    options["optimizer"] = fastnn.SGD(0.0)
    with pytest.raises(ValueError, match="lr: got 0 from the optimizer"):
        network().fit(*data(), callbacks=[scheduler], **options)


def drive(callback, values, lr=1.0):
    """Show a callback one number an epoch; return lr_factor after each."""

    class Run:
        names, lr_factor, stop_training = ("loss",), 1.0, False

        def base_lr(self):
            return lr

    callback.run = Run()
    callback.on_train_begin()
    factors = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"loss": value})
        factors.append(callback.run.lr_factor)
        if callback.run.stop_training:
            break
    return factors


@pytest.mark.parametrize(
    ("options", "values", "factors"),
    [
        ({"patience": 2}, [1, 1, 1, 1, 1], [1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "cooldown": 2}, [1] * 6, [1, 0.5, 0.5, 0.5, 0.25, 0.25]),
        ({"patience": 1, "min_lr": 0.4}, [1] * 4, [1, 0.5, 0.4, 0.4]),
        ({"patience": 1, "min_delta": 0.1}, [1, 0.95, 0.85, 0.8], [1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "mode": "max"}, [1, 2, 3, 2], [1, 1, 1, 0.5]),
        ({"patience": 1}, [np.nan, 1, 0.5, np.nan], [0.5, 0.5, 0.5, 0.25]),
    ],
)
def test_reduce_on_plateau(options, values, factors):
    assert drive(ReduceLROnPlateau("loss", factor=0.5, **options), values) == factors


# ---- stopping and the best weights ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "values", "epochs", "best"),
    [
        ({"patience": 2}, [3, 2, 2, 2, 1], 4, 1),
        ({"patience": 1}, [3, 2, 1, 0.5], 4, 3),
        ({"patience": 1, "min_delta": 1}, [3, 1.5, 1, 1], 3, 1),
        ({"patience": 2, "mode": "max"}, [1, 2, 1, 1, 9], 4, 1),
        ({"patience": 2}, [np.nan] * 9, 3, -1),
    ],
)
def test_early_stopping(options, values, epochs, best):
    stop = EarlyStopping("loss", restore_best_weights=False, **options)
    assert len(drive(stop, values)) == epochs
    assert stop.best_epoch == best


@pytest.mark.parametrize("restore", [True, False])
def test_the_best_weights_come_back_with_running_statistics(restore):
    X, y = data()
    net = network(norm=True)
    seen = []
    keep = Lambda(on_epoch_end=lambda epoch, logs: seen.append(state(net)))
    stop = EarlyStopping(patience=4, restore_best_weights=restore)
    options = {"loss": MSE, "optimizer": fastnn.Adam(0.05), "validation_data": data(1)}
    history = net.fit(X, y, epochs=500, batch_size=8, callbacks=[keep, stop], **options)
    best = int(np.argmin(history["val_loss"]))
    assert len(history["loss"]) == best + 5 < 500
    expected = seen[best if restore else -1]
    assert all(map(np.array_equal, state(net), expected))
    assert not np.array_equal(seen[best][1], seen[-1][1])


@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau])
def test_a_monitor_that_is_not_there(kind):
    X, y = data()
    net = network()
    before = net.parameters
    with pytest.raises(ValueError, match=r"monitor: got 'val_loss', want one of \('loss',\); give"):
        net.fit(X, y, loss=MSE, callbacks=[kind()])
    assert np.array_equal(net.parameters, before)
    assert net.loss is None


def test_the_mode_is_told_by_the_name():
    assert EarlyStopping("val_accuracy").mode == "max"
    assert EarlyStopping("val_loss").mode == "min"
    with pytest.raises(TypeError, match="monitor: got 3, want a name"):
        fastnn.callbacks.EarlyStopping(3)
    with pytest.raises(ValueError, match="mode: got 'up', want"):
        EarlyStopping(mode="up")


# ---- files ---------------------------------------------------------------------------------------


def test_checkpoints(tmp_path):
    X, y = data()
    best = ModelCheckpoint(tmp_path / "best", "loss", save_best_only=True)
    each = ModelCheckpoint(tmp_path / "{epoch}-{loss:.2f}")
    net = network(norm=True)
    seen = []
    keep = Lambda(on_epoch_end=lambda epoch, logs: seen.append(state(net)))
    options = {"loss": MSE, "optimizer": fastnn.Adam(0.3), "epochs": 6}
    history = net.fit(X, y, callbacks=[best, each, keep], **options)
    losses = history["loss"]
    found = state(fastnn.load(tmp_path / "best"))
    assert all(map(np.array_equal, found, seen[int(np.argmin(losses))]))
    names = {f"{epoch + 1}-{loss:.2f}" for epoch, loss in enumerate(losses)}
    assert {path.name for path in tmp_path.iterdir()} == names | {"best"}


def test_csv(tmp_path):
    path = tmp_path / "log"
    net = network()
    options = {"loss": MSE, "epochs": 2}
    first = net.fit(*data(), callbacks=[CSVLogger(path, separator=";")], **options)
    second = net.fit(*data(), callbacks=[CSVLogger(path, separator=";", append=True)], **options)
    names, *lines = [line.split(";") for line in path.read_text().splitlines()]
    assert names == ["epoch", "loss"]
    assert [int(line[0]) for line in lines] == [0, 1, 0, 1]
    assert [float(line[1]) for line in lines] == first["loss"] + second["loss"]


# ---- the way back --------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 1e9], ids=["copy each epoch", "one copy"])
@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("batches", [1, 3, 7])
def test_the_way_back_takes_the_same_factors(monkeypatch, batches, watched, share):
    monkeypatch.setattr(training._Run, "COPY_SHARE", share)
    X, y = data(n=4 * batches)
    factors = [0.01, 0.03, 0.02, 1e6]

    def steer(epoch):
        control.run.lr_factor = factors[min(epoch, 3)]

    control = Lambda(on_epoch_begin=steer)
    callbacks = [control] + watched * [Lambda(on_batch_end=lambda batch, logs: None)]
    net, twin = network(norm=True), network(norm=True)
    options = {"loss": MSE, "batch_size": 4, "shuffle": False}
    with pytest.raises(fastnn.NonFiniteError) as caught:
        net.fit(X, y, epochs=10**4, optimizer=fastnn.SGD(0.5), callbacks=callbacks, **options)
    end = caught.value.epoch * batches + caught.value.batch - 1
    assert end > 2 * batches
    optimizer = fastnn.SGD(lambda step: 0.5 * factors[min(step // batches, 3)])
    for step in range(end):
        i = 4 * (step % batches)
        twin.train_on_batch(X[i : i + 4], y[i : i + 4], loss=MSE, optimizer=optimizer)
    assert same(net, twin)


@pytest.mark.parametrize("value", [None, Callback(), [print], "loss"])
def test_what_is_no_callback(value):
    with pytest.raises(TypeError, match=r"callbacks(\[0\])?: got .*, want a"):
        network().fit(*data(), loss=MSE, callbacks=value)
