"""Peak memory of a training on bytes, over that of a process that only loads the data.

    python -m benchmarks.memory
    python -m benchmarks.memory --data mnist.npz --json result.json

The data are MNIST's 60,000 x 784 bytes: from mnist.npz (--data, or in the folder that FASTNN_DATA
names) or, without it, random ones of that shape. fastnn trains on them as they are. Each figure is
of a fresh process. A training that goes on without new memory has no page faults: they are counted
for the epochs after the first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .fresh import ask
from .mnist import find
from .report import OURS, THEIRS, Parser, deliver, say, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WANTED = {"load, train 784-128-10": 25}  # MB over loading alone
# What the process does -> hidden layers that it trains; None is loading alone.
PROCESSES: dict[str, tuple[int, ...] | None] = {
    "load": None,
    "load, train 784-128-10": (128,),
    "load, train 784-512-512-10": (512, 512),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for."""
    parser = Parser("memory", "Peak memory of a training over that of loading its data.")
    parser.add_argument("--data", type=Path, metavar="FILE", help="mnist.npz")
    parser.add_argument("--processes", type=int, default=3, help="of each kind; default: 3")
    options = parser.read(arguments)
    path = find(options.data)
    if options.data and not path.exists():
        parser.error(f"--data: {path} is not there")
    results: list[dict[str, Any]] = []
    for name, hidden in PROCESSES.items():
        where = str(path) if path.exists() else None
        runs = [
            ask("memory", hidden=hidden, path=where, threads=options.threads)
            for _ in range(options.processes)
        ]
        peak, faults = (max(run[key] for run in runs) for key in ("peak", "faults"))
        results.append({"process": name, "peak": peak, "faults": faults, "runs": runs})
        say(f"{name}: {peak:.1f} MB")
    text = lay_out(results)
    deliver("memory", options, results, text if path.exists() else f"random bytes\n\n{text}")
    return 0


def lay_out(results: Sequence[dict[str, Any]]) -> str:
    """Lay the figures out: a row a process."""
    rows = [["a process that does", "peak MB", "over loading", "wanted", "page faults later"]]
    base = results[0]["peak"]
    for result in results:
        name, peak = result["process"], f"{result['peak']:.1f}"
        cells = [f"{result['peak'] - base:+.1f}", str(WANTED.get(name, "")), str(result["faults"])]
        rows.append([name, peak, *(cells if result is not results[0] else [""] * 3)])
    return table(rows)


def draw(figure: Figure, results: Sequence[dict[str, Any]]) -> None:
    """Bars of megabytes; loading is gray."""
    axes = figure.subplots()
    names = [result["process"] for result in results]
    base = results[0]["peak"]
    axes.barh(names, [result["peak"] for result in results], color=OURS)
    axes.barh(names, [base] * len(names), color=THEIRS)
    axes.invert_yaxis()
    axes.set(xlabel="MB", title="Peak memory; gray: of loading the data alone")


if __name__ == "__main__":
    sys.exit(main())
