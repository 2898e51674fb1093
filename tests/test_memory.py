"""What fastnn takes of memory: when it is imported, in an epoch, in a training from bytes."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import _core

CSRC = Path(__file__).resolve().parent.parent / "csrc"
linux = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux only")


def number(code):
    """Run a program that prints a number."""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return float(run.stdout)


@linux
def test_importing_fastnn_takes_little():
    code = """
import re, numpy
def resident():
    return int(re.search(r"Rss: +(\\d+) kB", open("/proc/self/smaps_rollup").read())[1])
before = resident()
import fastnn
print((resident() - before) / 1e3)
"""
    assert 0 < number(code) < 3  # MB


def test_names_are_there_when_first_used():
    code = """
import sys, fastnn, fastnn._minimize
assert "fastnn.sequential" not in sys.modules
from fastnn import Adam, Sequential, minimize
assert minimize is fastnn.minimize and Adam is fastnn.optimizers.Adam
print(fastnn.minimize(lambda x: x * x, 1.0, steps=1).steps)
"""
    assert number(code) == 1


def trained(**options):
    """Return how often the engine asked for memory in each epoch of a training."""
    layers = [
        fastnn.Dense(64, activation="gelu", max_norm=2.0),
        fastnn.BatchNorm(),
        fastnn.Dropout(0.1),
        fastnn.Dense(3),
    ]
    net, counts = fastnn.Sequential(layers, input_size=200), [_core.allocations()]

    class Count(fastnn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            counts.append(_core.allocations())

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 200)).astype("f4"), rng.integers(0, 3, 2000)
    options = {"batch_size": 64, "epochs": 5, "callbacks": [Count()], **options}
    net.fit(X, y, loss="cross_entropy", **options)
    return np.diff(counts)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": fastnn.Adam()},
        {"optimizer": fastnn.SGD(momentum=0.9, clip_global_norm=1.0)},
        {"optimizer": "adam", "accumulate": 3},
    ],
    ids=["adam", "clipping", "accumulate"],
)
def test_the_engine_asks_for_no_memory_within_epochs(options):
    """All that batches need is there before the first one."""
    first, *others = trained(**options, epochs=9)
    assert first > 0
    assert sum(others) <= 2  # between epochs, the room for copies to go back to
    assert trained(**options, batch_size=16)[0] == first  # four times as many batches


@pytest.mark.parametrize("split", [None, 0.25])
def test_an_epoch_makes_no_arrays(split):
    """Not even of its order: after the first one, Python asks for next to nothing."""
    rows, peaks = 40_000, []

    class Watch(fastnn.callbacks.Callback):
        def on_epoch_begin(self, epoch):
            tracemalloc.reset_peak()
            self.before = tracemalloc.get_traced_memory()[0]

        def on_epoch_end(self, epoch, logs):
            peaks.append(tracemalloc.get_traced_memory()[1] - self.before)

    net = fastnn.Sequential([fastnn.Dense(1)])
    X, y = np.ones((rows, 2), "f4"), np.ones(rows, "f4")
    options = {"loss": "mean_squared_error", "batch_size": 500, "validation_split": split}
    tracemalloc.start()
    try:
        net.fit(X, y, epochs=4, callbacks=[Watch()], **options)
    finally:
        tracemalloc.stop()
    assert max(peaks[1:]) < rows  # bytes; the indices of the rows are 8 times as many


@pytest.mark.skipif(not CSRC.exists(), reason="an installed fastnn, without its sources")
def test_the_engine_asks_in_one_place():
    asks = re.compile(r"\b(malloc|calloc|realloc|aligned_alloc|strdup)\(")
    files = [path for path in CSRC.rglob("*.[ch]") if asks.search(path.read_text("utf-8"))]
    assert {path.name for path in files} <= {"arena.c", "profile.c"}  # that one only where asked


@linux
def test_training_from_bytes_takes_little():
    """Of 60,000 pictures as they lie on disk: rows are converted as they are gathered."""
    code = """
import re, sys, numpy as np
rng = np.random.default_rng(0)
X = rng.integers(0, 256, (60000, 784), dtype=np.uint8)
y = rng.integers(0, 10, 60000, dtype=np.uint8)
def most():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
before = most()
import fastnn
net = fastnn.Sequential([fastnn.Dense(128, activation="relu"), fastnn.Dense(10)])
net.fit(X, y, loss="cross_entropy", optimizer=fastnn.Adam(lr=1e-6), epochs=2, batch_size=128,
        validation_data=(X[:10000], y[:10000]), metrics=["accuracy"])
print((most() - before) / 1e3)
"""
    assert 0 < number(code) < 25  # MB
