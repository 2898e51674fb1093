"""A training that goes on: what callbacks keep of themselves, and what they write."""

import contextlib
import json
import sys

import numpy as np
import pytest
from common import WIDTH
from common import valued as data

import fastnn
from fastnn import training
from fastnn.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    Lambda,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TensorBoard,
)

EPOCHS = 12
MSE = "mean_squared_error"


def network():
    layers = [fastnn.Dense(8, "tanh"), fastnn.BatchNorm(), fastnn.Dense(1)]
    return fastnn.Sequential(layers, WIDTH)


def plain(state):
    """Through JSON: what is no array is something that it can hold."""
    arrays = []

    def name(value):
        assert isinstance(value, np.ndarray), value
        arrays.append(value)
        return {"array": len(arrays) - 1}

    text = json.dumps(state, default=name)
    found = json.loads(text, object_hook=lambda d: arrays[d["array"]] if "array" in d else d)
    assert found.keys() == state.keys()
    return found


def run(callbacks, net=None, epochs=EPOCHS, state=None):
    """A fit, which goes on from the states of a run and its callbacks if they are given."""
    net = net or network()
    begin = training.ArrayRun.start

    def start(run, afresh):
        begin(run, afresh)
        for callback, own in zip(callbacks, state[1], strict=True):
            callback.set_state(own)

    made = training.ArrayRun.__init__

    def make(run, *arguments, **options):
        made(run, *arguments, **options)
        run.set_state(state[0])

    with pytest.MonkeyPatch.context() as patch:
        if state is not None:
            patch.setattr(training.ArrayRun, "start", start)
            patch.setattr(training.ArrayRun, "__init__", make)
        history = net.fit(
            *data(),
            loss=MSE,
            optimizer=fastnn.Adam(0.05),
            epochs=epochs,
            batch_size=16,
            validation_data=data(1),
            callbacks=callbacks,
        )
    return net, history


@pytest.mark.parametrize("at", [2, 4])
@pytest.mark.parametrize(
    "kind",
    [
        lambda folder: EarlyStopping(patience=2, min_delta=0.3),
        lambda folder: EarlyStopping("loss", patience=3, min_delta=1.0),
        lambda folder: ReduceLROnPlateau(patience=2, factor=0.5, cooldown=1, min_delta=0.2),
        lambda folder: ModelCheckpoint(folder / "best", save_best_only=True),
        lambda folder: CSVLogger(folder / "log"),
        lambda folder: CSVLogger(folder / "log", append=True),
    ],
)
def test_a_training_that_goes_on_ends_as_the_whole_one(kind, at, tmp_path):
    folders = [tmp_path / name for name in ("whole", "parts")]
    for folder in folders:
        folder.mkdir()
    whole_callback = kind(folders[0])
    whole, expected = run([whole_callback])

    first, states = kind(folders[1]), []
    killed = Lambda()

    def keep(epoch, logs):
        if epoch + 1 == at:
            run_state = plain(killed.run.get_state())
            states.append((run_state, [plain(first.get_state()), {}]))
            states.append(killed.net.__getstate__())
        if epoch == at:  # one epoch more, of which the state knows nothing
            raise KeyboardInterrupt

    killed.on_epoch_end = keep
    with contextlib.suppress(KeyboardInterrupt):
        run([first, killed])
    net = network()
    net.__setstate__(states[1])
    second = kind(folders[1])
    net, history = run([second, Lambda()], net, state=states[0])
    assert np.array_equal(net.parameters, whole.parameters)
    assert np.array_equal(net._leaves()[1].state, whole._leaves()[1].state)
    assert history["val_loss"] == expected["val_loss"][at:]
    assert second.run.lr_factor == whole_callback.run.lr_factor
    assert getattr(second, "best", 0) == getattr(whole_callback, "best", 0)
    for path in folders[0].iterdir():
        assert (folders[1] / path.name).read_bytes() == path.read_bytes()


def test_a_training_that_was_over_stays_so():
    """Killed between its last epoch and its end."""
    X, y = data()
    states = []
    keep = Lambda(on_epoch_end=lambda epoch, logs: states.append(keep.run.get_state()))
    net = network()
    options = {"loss": MSE, "target_loss": 0.2, "epochs": 50, "optimizer": fastnn.Adam(0.05)}
    history = net.fit(X, y, callbacks=[keep], **options)
    assert 2 < len(history["loss"]) == len(states) < 50
    assert [state["stop_training"] for state in states] == [False] * (len(states) - 1) + [True]
    before = net.parameters
    go_on = Lambda(on_train_begin=lambda: go_on.run.set_state(states[-1]))
    assert net.fit(X, y, callbacks=[go_on], **options) == {"loss": []}
    assert np.array_equal(net.parameters, before)


def test_callbacks_have_no_state_by_default():
    callback = Callback()
    assert callback.get_state() == {}
    callback.set_state({})


# ---- TensorBoard -----------------------------------------------------------------------------


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, history = run([TensorBoard(tmp_path / "logs"), ReduceLROnPlateau(patience=1)], epochs=6)
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {*history, "learning_rate"}
    for name, values in history.items():
        found = events.Scalars(name)
        assert [scalar.step for scalar in found] == [*range(6)]
        np.testing.assert_allclose([scalar.value for scalar in found], values, rtol=1e-6)
    rates = [scalar.value for scalar in events.Scalars("learning_rate")]
    assert rates[0] == pytest.approx(0.05)
    assert min(rates) > 0


def test_without_tensorboard_the_error_names_the_extra(monkeypatch):
    for name in ("tensorboard", "tensorboard.summary.writer.event_file_writer"):
        monkeypatch.setitem(sys.modules, name, None)
    net = network()
    before = net.parameters
    with pytest.raises(ImportError, match=r'TensorBoard: .* pip install "fastnn\[tensorboard\]"'):
        run([TensorBoard()], net)
    assert np.array_equal(net.parameters, before)
    assert net.loss is None
