"""What a call from Python costs beside the engine's arithmetic, in instructions.

``python -m benchmarks.overhead`` needs valgrind.  Unlike times, its counts are the same on a busy
machine; what they show is the difference between two versions.  Each figure is the difference of
two runs, one with more calls, so that imports and the building of networks do not count.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np

import fastnn

FEW, MANY = 200, 700


def _network(sizes: tuple[int, ...]) -> fastnn.Sequential:
    hidden = [fastnn.Dense(n, activation="relu") for n in sizes[1:-1]]
    return fastnn.Sequential([*hidden, fastnn.Dense(sizes[-1])], input_size=sizes[0])


def step(n: int) -> None:
    """Call `train_on_batch` on tiny, n times."""
    net, X, y = (
        _network((10, 32, 32, 1)),
        np.ones((32, 10), np.float32),
        np.ones((32, 1), np.float32),
    )
    net.train_on_batch(X, y, loss="mean_squared_error", optimizer="adam")
    for _ in range(n):
        net.train_on_batch(X, y)


def epoch(n: int) -> None:
    """Take the same steps as one epoch of `fit`: those of the engine alone."""
    net, X, y = _network((10, 32, 32, 1)), np.ones((32 * n, 10), np.float32), np.ones((32 * n, 1))
    y = y.astype(np.float32)
    net.fit(X, y, loss="mean_squared_error", optimizer="adam", shuffle=False)


def predict(n: int) -> None:
    """Take one row through 64-128-128-10, n times."""
    net, X = _network((64, 128, 128, 10)), np.ones((1, 64), np.float32)
    for _ in range(n):
        net.predict(X)


def predictor(n: int) -> None:
    """Do the same by a predictor."""
    p, X = _network((64, 128, 128, 10)).predictor(), np.ones((1, 64), np.float32)
    for _ in range(n):
        p(X)


CALLS = {function.__name__: function for function in (step, epoch, predict, predictor)}


def count(what: str, n: int) -> int:
    """Return the instructions of a process that does something n times."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable]
    run = subprocess.run(
        [*command, "-m", "benchmarks.overhead", what, str(n)],
        env={**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", run.stderr)
    if found is None:
        raise RuntimeError(run.stderr)
    return int(found[1])


if __name__ == "__main__":
    if len(sys.argv) == 3:
        CALLS[sys.argv[1]](int(sys.argv[2]))
    else:
        for name in CALLS:
            print(f"{name:10s} {(count(name, MANY) - count(name, FEW)) // (MANY - FEW):8,d}")
