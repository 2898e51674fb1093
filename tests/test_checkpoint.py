"""Checkpoints: a training that was killed, anywhere, ends with the bits of one that was not."""

import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from common import valued
from test_serialization import read_safetensors

import fastnn
from fastnn import _core, _safetensors, checkpoint, schedules, serialization
from fastnn.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    Lambda,
    LearningRateScheduler,
    ReduceLROnPlateau,
)
from fastnn.checkpoint import Checkpoint

N = 44
MSE = "mean_squared_error"


class Killed(BaseException):
    """In place of SIGKILL, where there is no time for real ones."""


def data(seed=0, classes=False):
    X, y = valued(seed, N)
    return X, (y > 1).astype(int) if classes else y


def network(dtype="float32", outputs=1):
    layers = [
        fastnn.Dense(8, "tanh"),
        fastnn.BatchNorm(),
        fastnn.Dropout(0.2),
        fastnn.Dense(outputs, l2=1e-3),
    ]
    return fastnn.Sequential(layers, dtype=dtype, seed=3)


def end_of(net, callbacks, history):
    """All that must be the same in the end, bit for bit."""
    rule, *numbers = net._plan.optimizer_state()
    slots = [net._read(f"slot_{i}").tobytes() for i in range(_core.OPTIMIZER_SLOTS[rule])]
    states, arrays = [callback.get_state() for callback in callbacks], {}
    return {
        "parameters": net.parameters.tobytes(),
        "optimizer": (rule, numbers, slots),
        "statistics": [layer.state.tobytes() for layer in net._leaves() if layer.state is not None],
        "history": {name: np.array(values).tobytes() for name, values in history.items()},
        "callbacks": json.dumps(checkpoint._encode("states", states, arrays)),
        "arrays": [array.tobytes() for array in arrays.values()],
        "factors": [callback.run.lr_factor for callback in callbacks],
        "epochs": net._epochs,
    }


def fit(options, net=None, **more):
    """A fit with options that are made anew for each, as in a new process."""
    options = options() | more
    net = net or network(*options.pop("network", ()))
    X, y = options.pop("data", None) or data()
    callbacks = options.setdefault("callbacks", [])
    history = net.fit(X, y, **({"loss": MSE, "epochs": 3, "batch_size": 8} | options))
    return end_of(net, callbacks, history)


def killed_after_each_checkpoint(options, path, monkeypatch, between=lambda times: None):
    """A training with a checkpoint after each step and each epoch, which dies of each."""
    write, times = Checkpoint.write, 0

    def die(keeper):
        write(keeper)
        raise Killed

    monkeypatch.setattr(Checkpoint, "write", die)
    while True:
        between(times)
        try:
            return fit(options, checkpoint=path, checkpoint_every=0), times
        except Killed:
            times += 1


def decay(step):
    return 0.05 / (1 + step)


TRAININGS = {
    "adam, plateaus": lambda: {
        "optimizer": fastnn.Adam(0.05),
        "validation_split": 0.3,
        "epochs": 7,
        "callbacks": [
            ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.2),
            EarlyStopping(patience=3, min_delta=0.3),
        ],
    },
    "momentum, schedule": lambda: {
        "network": ("float64",),
        "optimizer": fastnn.SGD(schedules.Warmup(schedules.Cosine(0.1, 12), 3), 0.9),
        "sample_weight": np.arange(N) % 5,
        "accumulate": 2,
    },
    "nadam, outputs": lambda: {
        "network": ("float32", 2),
        "data": data(classes=True),
        "loss": "cross_entropy",
        "optimizer": fastnn.NAdam(0.02),
        "metrics": ["f1", "roc_auc"],
        "class_weight": {1: 3},
        "validation_data": data(1, classes=True),
    },
    "radam, a function": lambda: {
        "network": ("float64",),
        "optimizer": fastnn.RAdam(decay),
        "shuffle": False,
        "batch_size": 3,
    },
    "amsgrad, steps": lambda: {
        "optimizer": fastnn.Adam(0.05, amsgrad=True),
        "callbacks": [
            Lambda(on_batch_end=lambda batch, logs: None),
            LearningRateScheduler(lambda epoch, lr: lr * 0.7),
        ],
    },
    "target": lambda: {"optimizer": fastnn.Adam(0.1), "target_loss": 0.9, "epochs": 50},
}


@pytest.mark.parametrize("name", TRAININGS)
def test_killed_after_each_step(name, tmp_path, monkeypatch):
    whole = fit(TRAININGS[name])
    epochs = len(whole["history"]["loss"]) // 8
    assert whole == fit(TRAININGS[name], checkpoint=tmp_path / "once")
    parts, times = killed_after_each_checkpoint(TRAININGS[name], tmp_path / "run", monkeypatch)
    assert parts == whole
    assert times >= 1 + epochs * 4
    if name in ("target", "adam, plateaus"):
        assert 1 < epochs < TRAININGS[name]()["epochs"]
    assert sorted(os.listdir(tmp_path)) == ["once", "run"]


def test_other_numbers_of_threads(tmp_path, monkeypatch):
    def options():
        X = np.random.default_rng(0).standard_normal((256, 64))
        return {"data": (X, X[:, 0]), "batch_size": 64, "epochs": 2, "optimizer": "adam"}

    def big():
        return fastnn.Sequential([fastnn.Dense(256, "relu"), fastnn.Dense(1)], 64)

    monkeypatch.setattr(sys.modules[__name__], "network", big)
    assert big()._plan.threads("train", 64, 2) == 2
    before = fastnn.get_num_threads()
    try:
        fastnn.set_num_threads(1)
        whole = fit(options)

        def between(times):
            fastnn.set_num_threads(1 + times % 3)

        parts, times = killed_after_each_checkpoint(options, tmp_path / "a", monkeypatch, between)
    finally:
        fastnn.set_num_threads(before)
    assert parts == whole
    assert times == 1 + 2 * 5


class Draws:
    """Batches with a random state of their own: each pass has others."""

    def __init__(self):
        self.rng = np.random.default_rng(5)

    def __iter__(self):
        X, y = data()
        for _ in range(4):
            rows = self.rng.integers(0, N, 8)
            yield X[rows], y[rows]


def endless():
    source = Draws()
    while True:
        yield from source


@pytest.mark.parametrize("source", [Draws, endless])
def test_batches(source, tmp_path, monkeypatch):
    def options():
        steps = {"steps_per_epoch": 3} if source is endless else {}
        return {
            "data": (source(), None),
            "optimizer": "adam",
            "epochs": 4,
            "metrics": ["r2"],
        } | steps

    whole = fit(options)
    parts, times = killed_after_each_checkpoint(options, tmp_path / "run", monkeypatch)
    assert parts == whole
    assert times == 1 + 4


def test_a_log_has_each_line_once(tmp_path, monkeypatch):
    def options():
        return {"callbacks": [CSVLogger(tmp_path / name)], "optimizer": "adam"}

    name = "whole"
    fit(options)
    name = "parts"
    killed_after_each_checkpoint(options, tmp_path / "run", monkeypatch)
    assert (tmp_path / "parts").read_text() == (tmp_path / "whole").read_text()


# ---- what a file is good for -----------------------------------------------------------------


def adam(**more):
    return lambda: {"optimizer": fastnn.Adam(0.05), "validation_data": data(1)} | more


def test_a_training_that_is_over_is_there_at_once(tmp_path, monkeypatch):
    path = tmp_path / "run"
    whole = fit(adam(), checkpoint=path)
    raw = path.read_bytes()
    monkeypatch.setattr(_core, "permutation", None)  # no epoch can begin
    assert fit(adam(), checkpoint=str(path)) == whole
    assert path.read_bytes() == raw
    monkeypatch.undo()
    assert fit(adam(), checkpoint=path, epochs=5) == fit(adam(), epochs=5)
    with pytest.raises(
        ValueError, match=r"epochs: got 4, want at least the 5 that .*run has begun"
    ):
        fit(adam(), checkpoint=path, epochs=4)


def test_one_that_was_stopped_stays_so(tmp_path):
    def options():
        return {"callbacks": [EarlyStopping("loss", patience=2, min_delta=99.0)]}

    whole = fit(options, checkpoint=tmp_path / "run", epochs=9)
    assert len(whole["history"]["loss"]) == 3 * 8
    assert fit(options, checkpoint=tmp_path / "run", epochs=99) == whole


def test_the_network_before_the_training_does_not_matter(tmp_path):
    """One that has trained before, with other data, and one that has not."""
    net = network()
    X, y = data(7)
    net.fit(X, y, loss=MSE, optimizer="lion", epochs=2)
    whole = fit(adam(), net, checkpoint=tmp_path / "run", epochs=2)
    assert fit(adam(), checkpoint=tmp_path / "run", epochs=2) == whole
    assert whole != fit(adam(), epochs=2)
    longer = fit(adam(), checkpoint=tmp_path / "run")
    net = network()
    net.fit(X, y, loss=MSE, optimizer="lion", epochs=2)
    assert longer == fit(adam(), net)


def test_load_gives_the_network_to_train_on(tmp_path):
    path = tmp_path / "run"
    fit(adam(), checkpoint=path)
    net, same = fastnn.load(path), network()
    fit(adam(), same)
    assert net.optimizer == fastnn.Adam(0.05)
    assert fit(adam(), net) == fit(adam(), same)


def test_other_readers_can_read_it(tmp_path):
    stop = EarlyStopping(restore_best_weights=False)
    net = network()
    fit(adam(callbacks=[stop]), net, checkpoint=tmp_path / "run")
    metadata, tensors = read_safetensors(tmp_path / "run")
    assert all(isinstance(value, str) for value in metadata.values())
    assert np.array_equal(tensors["layers.0.weights"], net.layers[0].weights)
    assert np.array_equal(tensors["optimizer.slot_1"], net._read("slot_1"))
    state = json.loads(metadata["checkpoint"])
    assert state["history"] == net.history
    assert state["callbacks"][0]["best_epoch"] == stop.best_epoch
    assert state["run"]["done"] == 3


def test_when_it_is_written(tmp_path, monkeypatch):
    times = []
    write = Checkpoint.write
    monkeypatch.setattr(Checkpoint, "write", lambda keeper: times.append(0) or write(keeper))

    def count(share, every):
        times.clear()
        (tmp_path / "run").unlink(missing_ok=True)
        monkeypatch.setattr(Checkpoint, "SHARE", share)
        fit(adam(), checkpoint=tmp_path / "run", checkpoint_every=every)
        return len(times)

    assert count(0, 1000) == 1 + 3  # at the beginning, after each epoch
    assert count(math.inf, 1000) == 1 + 1  # at the beginning, at the end
    assert count(math.inf, 0) == 1 + 3 * (6 + 1)  # after each step and each epoch


def test_within_a_long_epoch(tmp_path, monkeypatch):
    """An epoch of some seconds is many engine calls, each of more than one step."""
    X = np.random.default_rng(0).standard_normal((40_000, 8)).astype("float32")
    positions = []
    write = Checkpoint.write

    def note(keeper):
        positions.append(keeper._run.position)
        write(keeper)

    def options():
        return {"data": (X, X[:, 0]), "batch_size": 1, "epochs": 1}

    monkeypatch.setattr(Checkpoint, "write", note)
    monkeypatch.setattr(checkpoint.os, "fsync", lambda file: None)
    parts = fit(options, checkpoint=tmp_path / "run", checkpoint_every=0.002)
    assert parts == fit(options)
    inner = [position for position in positions if position]
    assert 1 < len(inner) < 20_000


# ---- what it is not good for -----------------------------------------------------------------


def other(**more):
    return lambda: adam()() | more


OTHERS = {
    r"batch_size: got 4, it has 8": other(batch_size=4),
    r"accumulate: got 2, it has 1": other(accumulate=2),
    r"shuffle: got False, it has True": other(shuffle=False),
    r"loss.delta: got 1.0, it has None; loss.kind|loss.kind: got 'Huber', it has 'Mean": other(
        loss="huber"
    ),
    r"optimizer.lr: got 0.1, it has 0.05$": other(optimizer=fastnn.Adam(0.1)),
    r"optimizer.lr: got 'decay', it has 0.05$": other(optimizer=fastnn.Adam(decay)),
    r"optimizer.kind: got 'Lion', it has 'Adam'": other(optimizer="lion"),
    r"dtype: got 'float64', it has 'float32'": other(network=("float64",)),
    r"layers\[3\].units: got 2, it has 1": other(
        network=("float32", 2),
        data=(data()[0], np.zeros((N, 2))),
        validation_data=(data()[0], np.zeros((N, 2))),
    ),
    r"X.samples.checksum: got \d+, it has \d+; X.targets": other(data=data(5)),
    r"X.samples.shape\[0\]: got 43, it has 44": other(data=[part[1:] for part in data()]),
    r"X.weights: got {.*}, it has None": other(sample_weight=np.ones(N)),
    r"validation_data.targets.checksum": other(validation_data=(data(1)[0], data(0)[1])),
    r"metrics: got \[.*\], it has \[.*\]; validation_data": other(validation_data=None),
    r"callbacks: got \[{'kind': 'EarlyStopping',.*}\], it has \[\]$": other(
        callbacks=[EarlyStopping()]
    ),
}


@pytest.mark.parametrize("message", OTHERS)
def test_another_training_is_refused(message, tmp_path):
    path = tmp_path / "run"
    fit(adam(), checkpoint=path, epochs=1)
    raw = path.read_bytes()
    net = network(*OTHERS[message]().get("network", ()))
    with pytest.raises(ValueError, match=f"checkpoint: .*run is of another training .*{message}"):
        fit(
            lambda: {k: v for k, v in OTHERS[message]().items() if k != "network"},
            net,
            checkpoint=path,
        )
    assert path.read_bytes() == raw
    assert (net.input_size, net.loss, net.history, net._epochs) == (None, None, {}, 0)


def test_other_settings_of_a_callback_are_refused(tmp_path):
    fit(adam(callbacks=[EarlyStopping(patience=5)]), checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match=r"callbacks\[0\].patience: got 50, it has 5$"):
        fit(adam(callbacks=[EarlyStopping(patience=50)]), checkpoint=tmp_path / "run")


def test_a_training_that_cannot_go_on_leaves_the_network_as_it_was(tmp_path):
    class Refuse(Callback):
        def on_train_begin(self):
            if self.run.done:
                raise ValueError("no")

    fit(adam(callbacks=[Refuse()]), checkpoint=tmp_path / "run")
    net = network()
    before = fit(adam(), net)
    with pytest.raises(ValueError, match="no"):
        fit(adam(callbacks=[Refuse()]), net, checkpoint=tmp_path / "run")
    assert end_of(net, [], net.history) == before


def test_files_of_other_kinds_are_refused_and_stay(tmp_path):
    path = tmp_path / "run"
    fit(adam(), checkpoint=path)
    raw = path.read_bytes()
    net = network()
    net.fit(*data(), loss=MSE)
    net.save(tmp_path / "net")
    damaged = [bytearray(raw) for _ in range(60)]
    rng = random.Random(1)
    for one in damaged:
        one[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    others = [b"", b"notes", raw[:-1], raw + b"\0", (tmp_path / "net").read_bytes(), *damaged]
    for other in others:
        path.write_bytes(other)
        with pytest.raises(fastnn.ModelFormatError, match="run is not a checkpoint of fastnn: "):
            fit(adam(), checkpoint=path)
        if other is not others[4]:
            with pytest.raises(fastnn.ModelFormatError, match="run is not a network saved by"):
                fastnn.load(path)
        assert path.read_bytes() == other


def forged(value):
    """What JSON may have in the place of a value, or of one within it."""
    yield from (None, True, -1, 2.5, 1 << 70, "x", [], {}, [1.0], {"$array": "none"}, {"a": [None]})
    inner = enumerate(value) if isinstance(value, list) else getattr(value, "items", list)()
    for key, item in inner:
        copy = value.copy()
        del copy[key]
        yield copy
        for wrong in forged(item):
            copy = value.copy()
            copy[key] = wrong
            yield copy


def outcome(options, path):
    """Whether a fit went through; if not, it left the network as it was and the file in place."""
    net, raw = network(), path.read_bytes()
    before = fit(adam(), net)
    try:
        fit(options, net, checkpoint=path)
    except ValueError as caught:
        error = caught
    else:
        return None
    known, text = isinstance(error, fastnn.ModelFormatError), str(error)
    # Or it is well-formed, but another training's, or of more epochs than are asked for.
    others = ("checkpoint: ", "epochs: ")
    assert text.startswith("run is not a checkpoint of fastnn: " if known else others)
    assert end_of(net, [], net.history) == before
    assert path.read_bytes() == raw
    return known


def test_forged_states_are_refused(tmp_path):
    """Whatever the JSON of a checkpoint says, with the checksum that suits it."""
    path = tmp_path / "run"

    def options():
        callbacks = [EarlyStopping("loss"), ReduceLROnPlateau("loss"), CSVLogger(tmp_path / "log")]
        return adam(callbacks=callbacks, metrics=["r2"])()

    fit(options, checkpoint=path)
    _, metadata, arrays = serialization.read(path)
    state = json.loads(metadata["checkpoint"])
    del state["settings"]["layers"]  # so many, and all are compared alike
    refused = []
    for wrong in forged(state):
        if isinstance(wrong, dict) and isinstance(wrong.get("settings"), dict):
            layers = json.loads(metadata["checkpoint"])["settings"]["layers"]
            wrong = wrong | {"settings": wrong["settings"] | {"layers": layers}}
        told = metadata | {"checkpoint": json.dumps(wrong)}
        _safetensors.write(path, arrays, told)
        refused.append(outcome(options, path))
    assert refused.count(True) > 300
    assert refused.count(None) < len(refused) / 4  # numbers that may be others


def test_forged_optimizer_states_are_refused(tmp_path):
    path = tmp_path / "run"
    fit(adam(), checkpoint=path)
    _, metadata, arrays = serialization.read(path)
    architecture = json.loads(metadata["fastnn"])
    kept = {name: architecture[name] for name in ("optimizer_state", "epochs")}
    refused = []
    for wrong in forged(kept):
        changed = architecture | wrong if isinstance(wrong, dict) else wrong
        _safetensors.write(path, arrays, metadata | {"fastnn": json.dumps(changed)})
        refused.append(outcome(adam(), path))
    assert refused.count(True) > 50


@pytest.mark.parametrize(
    ("every", "error", "message"),
    [(-1, ValueError, "got -1, want"), ("x", TypeError, "got 'x', want a number")],
)
def test_wrong_intervals(every, error, message):
    with pytest.raises(error, match=f"checkpoint_every: {message}"):
        fit(adam(), checkpoint="run", checkpoint_every=every)


def test_where_nothing_can_be_written(tmp_path):
    for path in (tmp_path / "no" / "run", tmp_path):
        net = network()
        with pytest.raises(OSError, match=str(path)):
            fit(adam(), net, checkpoint=path)
        assert net.input_size is None


def test_a_full_disk(tmp_path, monkeypatch):
    path, room = tmp_path / "run", [True] * 9

    def fsync(file):
        if not room:
            raise OSError(28, "No space left on device")
        room.pop()

    monkeypatch.setattr(serialization.os, "fsync", fsync)
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        fit(adam(), checkpoint=path, checkpoint_every=0)
    assert os.listdir(tmp_path) == ["run"]
    monkeypatch.undo()
    assert fit(adam(), checkpoint=path) == fit(adam())


def test_what_killed_processes_left_is_removed(tmp_path):
    (tmp_path / ".run.123.tmp").write_bytes(b"half")
    (tmp_path / ".run2.123.tmp").write_bytes(b"another's")
    fit(adam(), checkpoint=tmp_path / "run")
    assert sorted(os.listdir(tmp_path)) == [".run2.123.tmp", "run"]


def test_parameters_that_went_too_far_are_not_kept(tmp_path):
    path = tmp_path / "run"
    options = adam(optimizer=fastnn.SGD(1e25), batch_size=N, epochs=9)
    for _ in range(2):  # at once, and from the file
        net = network()
        with pytest.raises(fastnn.NonFiniteError):
            fit(options, net, checkpoint=path, checkpoint_every=0)
        assert np.isfinite(fastnn.load(path).parameters).all()


# ---- callbacks' states -----------------------------------------------------------------------


class Keeps(Callback):
    """Has a state of any kind."""

    def __init__(self, state=None):
        self.state = state

    def get_state(self):
        return self.state

    def set_state(self, state):
        self.state = state


def test_states_come_back(tmp_path):
    state = {
        "none": None,
        "numbers": [1, -2.5, True, 1 << 70, 5e-324],
        "special": (math.nan, [math.inf, -math.inf], -0.0),
        "numpy": [np.float32(0.1), np.int16(3)],
        "arrays": {"a": np.arange(6).reshape(2, 3)[:, ::2], "b": [np.float16([1, np.nan])]},
        "empty": [np.zeros((0, 3), bool), {}, [], ""],
        "big": np.arange(3, dtype=">i4"),
        "scalar": np.array(2.5),
    }
    fit(adam(callbacks=[Keeps(state)]), checkpoint=tmp_path / "run")
    again = Keeps()
    fit(adam(callbacks=[again]), checkpoint=tmp_path / "run")
    found = again.state
    assert list(found) == list(state)
    assert found["numbers"] == state["numbers"]
    assert repr(found["special"]) == repr([math.nan, [math.inf, -math.inf], -0.0])
    assert found["numpy"] == [float(np.float32(0.1)), 3]
    for mine, its in (
        (found["arrays"]["a"], state["arrays"]["a"]),
        (found["arrays"]["b"][0], state["arrays"]["b"][0]),
        (found["empty"][0], state["empty"][0]),
        (found["big"], state["big"].astype("i4")),
        (found["scalar"], state["scalar"]),
    ):
        assert (mine.dtype, mine.shape, mine.tobytes()) == (its.dtype, its.shape, its.tobytes())
        mine[...] = 0  # its own memory
    assert found["empty"][1:] == [{}, [], ""]
    _, metadata, _ = serialization.read(tmp_path / "run")
    json.loads(metadata["checkpoint"], parse_constant=pytest.fail)  # JSON has no NaN


@pytest.mark.parametrize("state", [{1, 2}, 1j, {3: 4}, {"$float": 1}, np.array([None]), [object()]])
def test_states_that_no_file_can_hold(state, tmp_path):
    with pytest.raises(TypeError, match=r"checkpoint.callbacks\[0\](.a)?.*: got .*, want numbers"):
        fit(adam(callbacks=[Keeps(state)]), checkpoint=tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_progress_begins_where_the_training_goes_on(tmp_path, caplog, monkeypatch):
    fit(adam(), checkpoint=tmp_path / "run")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    caplog.set_level("INFO", "fastnn")
    fit(adam(), checkpoint=tmp_path / "run", epochs=4, verbose=1)
    assert caplog.messages[0].startswith("epoch 4/4 ")


# ---- real kills ------------------------------------------------------------------------------

KILLS = int(os.environ.get("FASTNN_KILLS", "8"))  # CONTRIBUTING.md tells how to have 100

# A file is 3 MB, so that saving takes about as long as training does.  With more arguments, the
# process kills itself when the function fastnn._safetensors.<name> is called so many times.
TRAIN = """
import hashlib
import os
import signal
import sys
import numpy as np
import fastnn
from fastnn import _safetensors

path, every, epochs, *fatal = sys.argv[1:]
rng = np.random.default_rng(0)
X = rng.standard_normal((120, 256), dtype="float32")
y = (X[:, :10] + rng.standard_normal((120, 10))).argmax(axis=1)
layers = [fastnn.Dense(512, "relu"), fastnn.BatchNorm(), fastnn.Dropout(0.1), fastnn.Dense(10)]
net = fastnn.Sequential(layers, seed=1)

def suicidal(function, calls):
    def call(*arguments):
        nonlocal calls
        calls -= 1
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return call

def ready():
    if fatal:
        name, calls = fatal
        owner = os if hasattr(os, name) else _safetensors
        setattr(owner, name, suicidal(getattr(owner, name), int(calls)))
    print("ready", flush=True)

history = net.fit(
    X, y, loss="cross_entropy", optimizer=fastnn.Adam(fastnn.schedules.Cosine(1e-3, 2000)),
    epochs=int(epochs), batch_size=8, validation_split=0.1, metrics=["f1"],
    checkpoint=path or None, checkpoint_every=float(every),
    callbacks=[
        fastnn.callbacks.Lambda(on_train_begin=ready),
        fastnn.callbacks.ReduceLROnPlateau(patience=2),
        fastnn.callbacks.EarlyStopping(patience=1000),
    ],
)
parts = [net.parameters, net._read("slot_0"), net._read("slot_1"), net.layers[1].state]
print(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
print(dict(history), net._plan.optimizer_state())
"""

real = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")


def started(path, every, epochs, *fatal):
    """The training in a process of its own."""
    folder = Path(fastnn.__file__).parent.parent
    env = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", TRAIN, *map(str, (path, every, epochs, *fatal))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)


def output(process):
    with process:
        text = process.communicate(timeout=100)[0]
    assert process.returncode == 0
    return text


def half_written(folder):
    """Whether there is a file that a save begins with, and ends with the removal of."""
    return any(name.endswith(".tmp") for name in os.listdir(folder))


@real
def test_kills_in_a_save(tmp_path):
    path = tmp_path / "run"
    points = {  # of the first save, second save and so on of a process
        ("_raw", 15): True,  # some arrays are written
        ("fsync", 3): True,  # all, but perhaps not on the disk
        ("replace", 2): True,
        ("fsync", 4): False,  # renamed, which is perhaps not on the disk
    }
    for point, half in points.items():
        process = started(path, 0, 2, *point)
        output_so_far = process.communicate(timeout=100)[0]
        assert (process.returncode, output_so_far) == (-9, "ready\n")
        assert half_written(tmp_path) == half
    assert output(started(path, 60, 2)) == output(started("", 60, 2))
    assert os.listdir(tmp_path) == ["run"]


@real
def test_random_kills(tmp_path):
    path, rng, epochs = tmp_path / "run", random.Random(KILLS), 6 * KILLS
    killed = {"in a save": 0, "in training": 0, "before it": 0}
    for _ in range(KILLS):
        with started(path, 0, epochs) as process:
            early = rng.random() < 0.1
            if not early:
                assert process.stdout.readline() == "ready\n"
            time.sleep(rng.random() * 0.1)
            process.kill()
        assert process.returncode == -9, "it was over before it could be killed"
        where = "before it" if early else "in training"
        killed["in a save" if half_written(tmp_path) else where] += 1
        for left in tmp_path.glob("*.tmp"):
            left.unlink()
    done = serialization.read(path)[0]["epochs"] if path.exists() else 0
    print(f"killed {killed}; {done} of {epochs} epochs were done")
    assert killed["in a save"] >= 10 or KILLS < 100
    assert output(started(path, 60, epochs)) == output(started("", 60, epochs))
