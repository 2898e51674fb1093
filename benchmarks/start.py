"""What `import fastnn` adds to `import numpy`, and whether the first epoch is slower than others.

    python -m benchmarks.start --json result.json

Each figure is the median over fresh processes, which import NumPy, then fastnn, then make the
network of the mnist workload, and train it for some epochs of 16,384 rows.  The network is not
built until `fit` is told the width of its input, so the first epoch has that in it, too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .fresh import ask
from .measure import Spread
from .report import LIMIT, OURS, Parser, bars, deliver, say, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What is told of a process -> its unit, the most that is wanted.
FIGURES = {
    "import fastnn": ("ms", 15.0),
    "memory of fastnn": ("MB", 3.0),
    "first network": ("ms", None),
    "first epoch": ("% over the later ones", 10.0),
    "it adds": ("ms", None),
    "a later epoch": ("ms", None),
    "import numpy": ("ms", None),
    "memory of numpy": ("MB", None),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for."""
    parser = Parser("start", "What import fastnn adds to import numpy, and the first epoch.")
    parser.add_argument("--processes", type=int, default=15, help="default: 15")
    options = parser.read(arguments)
    runs = [ask("start") for _ in range(options.processes + 1)]
    say(f"{options.processes} processes, and one before them that filled the disk's cache")
    results = {name: Spread.of([run[name] for run in runs[1:]]) for name in FIGURES}
    deliver("start", options, results, lay_out(results))
    return 0


def lay_out(results: dict[str, Spread]) -> str:
    """Lay the figures out."""
    rows = [["", "median", "range", "unit", "wanted"]]
    for name, spread in results.items():
        unit, most = FIGURES[name]
        median, span = f"{spread.median:.1f}", f"{spread.low:.1f} - {spread.high:.1f}"
        rows.append([name, median, span, unit, "" if most is None else f"{most:g}"])
    return table(rows)


def draw(figure: Figure, results: dict[str, Any]) -> None:
    """One panel a unit."""
    units = list(dict.fromkeys(unit for unit, _ in FIGURES.values()))
    panels = figure.subplots(len(units), 1)
    for axes, unit in zip(panels, units, strict=True):
        names = [name for name in results if FIGURES[name][0] == unit]
        bars(axes, names, [results[name] for name in names], color=OURS)
        for row, name in enumerate(names):
            if FIGURES[name][1] is not None:
                axes.plot([FIGURES[name][1]] * 2, [row - 0.4, row + 0.4], color=LIMIT)
        axes.set_xlabel(unit)
    figure.suptitle("A fresh process")


if __name__ == "__main__":
    sys.exit(main())
