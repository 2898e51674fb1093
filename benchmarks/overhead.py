"""What a call from Python costs beside the engine's arithmetic: microseconds, or instructions.

    python -m benchmarks.overhead
    python -m benchmarks.overhead --instructions        needs valgrind

Unlike times, instructions are the same on a busy machine; what they show is the difference between
two versions. Each count is the difference of two runs, one with more calls, so that imports and the
building of networks do not count. All on one thread.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnn

from .measure import FEWEST, Summary, run_rounds
from .report import OURS, Parser, bars, deliver, say, table
from .workers import Worker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW, MANY = 200, 700
WANTED = 3.0  # microseconds of train_on_batch over a step of the engine


def _network(sizes: tuple[int, ...]) -> fastnn.Sequential:
    fastnn.set_num_threads(1)
    hidden = [fastnn.Dense(n, activation="relu") for n in sizes[1:-1]]
    return fastnn.Sequential([*hidden, fastnn.Dense(sizes[-1])], input_size=sizes[0])


@functools.lru_cache(maxsize=1)
def _rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.ones((n, 10), np.float32), np.ones((n, 1), np.float32)


def step() -> Callable[[int], None]:
    """Call `train_on_batch` on tiny."""
    net = _network((10, 32, 32, 1))
    X, y = _rows(32)
    net.train_on_batch(X, y, loss="mean_squared_error", optimizer="adam")

    def work(n: int) -> None:
        for _ in range(n):
            net.train_on_batch(X, y)

    return work


def epoch() -> Callable[[int], None]:
    """Take the same steps as one epoch of `fit`: those of the engine alone."""
    net = _network((10, 32, 32, 1))

    def work(n: int) -> None:
        X, y = _rows(32 * n)
        net.fit(X, y, loss="mean_squared_error", optimizer="adam", shuffle=False, verbose=0)

    return work


def predict() -> Callable[[int], None]:
    """Take one row through 64-128-128-10."""
    net, X = _network((64, 128, 128, 10)), np.ones((1, 64), np.float32)

    def work(n: int) -> None:
        for _ in range(n):
            net.predict(X)

    return work


def predictor() -> Callable[[int], None]:
    """Do the same by a predictor."""
    p, X = _network((64, 128, 128, 10)).predictor(), np.ones((1, 64), np.float32)

    def work(n: int) -> None:
        for _ in range(n):
            p(X)

    return work


CALLS = {function.__name__: function for function in (step, epoch, predict, predictor)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or count what the command line asks for."""
    parser = Parser("overhead", "What calls from Python cost.", threads=1)
    parser.add_argument("--instructions", action="store_true", help="count them, by valgrind")
    parser.add_argument("--rounds", type=int, default=FEWEST, help=f"good ones; default: {FEWEST}")
    parser.add_argument("--seconds", type=float, default=0.1, help="of each in a round")
    options = parser.read(arguments)
    if options.instructions:
        counts = {name: (count(name, MANY) - count(name, FEW)) // (MANY - FEW) for name in CALLS}
        results: dict[str, Any] = {"unit": "instructions", "calls": counts}
        rows = [["", "instructions"], *([name, f"{n:,d}"] for name, n in counts.items())]
        deliver("overhead", options, results, table(rows))
        return 0
    with Worker(1) as worker:
        # Of 1024 calls, or an epoch of as many steps, so that what is around it does not count.
        contenders = {name: worker.contender(name, thousand, name) for name in CALLS}
        rounds = run_rounds(
            contenders, rounds=options.rounds, threads=1, seconds=options.seconds, progress=say
        )
    summary = Summary(rounds, 1, options.rounds)
    spreads = {name: summary.seconds(name) for name in CALLS}
    around = [1e6 / 1024 * (m.seconds["step"] - m.seconds["epoch"]) for m in summary.used]
    results = {
        "unit": "microseconds",
        "calls": {name: spread.times(1e6 / 1024) for name, spread in spreads.items()},
        "around": type(spreads["step"]).of(around),
        "rounds": rounds,
    }
    rows = [["us a call", "median", "range", "wanted"]]
    told = results["calls"] | {"step - epoch": results["around"]}
    for name, spread in told.items():
        wanted = f"{WANTED:g}" if name == "step - epoch" else ""
        rows.append([name, f"{spread.median:.2f}", f"{spread.low:.2f} - {spread.high:.2f}", wanted])
    deliver("overhead", options, results, "\n".join([table(rows), *summary.warning("calls")]))
    return 0


def thousand(name: str) -> Callable[[int], None]:
    """Make work of 1024 calls a repetition."""
    work = CALLS[name]()

    def repeat(n: int) -> None:
        for _ in range(n):
            work(1024)

    return repeat


def count(what: str, n: int) -> int:
    """Return the instructions of a process that does something n times."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable]
    code = f"from benchmarks.overhead import {what}; {what}()({n})"
    run = subprocess.run(
        [*command, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", run.stderr)
    if found is None:
        raise RuntimeError(run.stderr)
    return int(found[1])


def draw(figure: Figure, results: dict[str, Any]) -> None:
    """Bars, one a call."""
    axes, calls = figure.subplots(), results["calls"]
    if results["unit"] == "instructions":
        axes.barh(list(calls), list(calls.values()), color=OURS)
        axes.invert_yaxis()
    else:
        bars(axes, list(calls), list(calls.values()), color=OURS)
    axes.set(xlabel=f"{results['unit']} a call", title="Calls from Python; epoch: steps of fit")


if __name__ == "__main__":
    sys.exit(main())
