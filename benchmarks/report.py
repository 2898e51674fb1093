"""What the commands share: options, tables, results as JSON with the machine, pictures.

    python -m benchmarks.report result.json --picture result.png

draws a command's picture from what it wrote, so that matplotlib need not be where the peers are.

A command is a module with `draw(figure, results)`, which sees its results as they are in the file.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .machine import describe_machine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS, THEIRS, LIMIT = "tab:blue", "tab:gray", "tab:red"


class Parser(argparse.ArgumentParser):
    """The command line of a command, with the options that all of them have.

    Parameters
    ----------
    command : str
        The module's name in `benchmarks`.
    description : str
    threads : int
        By default, for every library.
    """

    def __init__(self, command: str, description: str, threads: int = 2) -> None:
        super().__init__(prog=f"python -m benchmarks.{command}", description=description)
        self.add_argument(
            "--threads", type=int, default=threads, help=f"of every library; default: {threads}"
        )
        self.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
        self.add_argument("--picture", type=Path, metavar="FILE", help="draw it (matplotlib)")

    def read(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """Read the command line; numbers are at least 1, seeds at least 0."""
        options = self.parse_args(arguments)
        for name, value in vars(options).items():
            least = 0 if name == "seed" else 1
            if isinstance(value, int) and not isinstance(value, bool) and value < least:
                self.error(f"--{name.replace('_', '-')}: got {value}, want at least {least}")
        if options.picture and importlib.util.find_spec("matplotlib") is None:
            self.error("--picture needs matplotlib: pip install 'fastnn[plot]'")
        return options


def deliver(command: str, options: argparse.Namespace, results: Any, text: str) -> None:
    """Print a table under the machine it is of; write and draw what the options ask for.

    Parameters
    ----------
    command : str
        The module's name in `benchmarks`.
    options : argparse.Namespace
    results : object
        Lists, dicts, numbers, strings and dataclasses of these.
    text : str
    """
    machine = describe_machine(options.threads)
    print(f"{headline(machine)}\n\n{text}")
    record = {"command": command, "machine": machine, "options": vars(options), "results": results}
    written = json.dumps(record, indent=1, default=_plain) + "\n"
    if options.json:
        options.json.write_text(written, encoding="utf-8")
    if options.picture:
        draw(json.loads(written), options.picture)


def headline(machine: dict[str, Any]) -> str:
    """Say in a line where something was measured."""
    versions = " ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cpu']}, {machine['isa']}, {machine['threads']} threads, "
        f"NumPy with {machine['blas']}\n{versions}"
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows of cells out, the first of them the head; all columns but one are right-aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def times(spread: Any) -> tuple[str, str]:
    """Cells of a ratio: its median, and its range."""
    return f"{spread.median:.2f}x", f"{spread.low:.2f} - {spread.high:.2f}"


def say(line: str) -> None:
    """Report progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw the picture of what a command wrote."""
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(9, 5), layout="constrained")
    importlib.import_module(f"benchmarks.{record['command']}").draw(figure, record["results"])
    machine = record["machine"]
    where = f"{machine['cpu']}, {machine['isa']}, {machine['threads']} threads"
    figure.supxlabel(where, fontsize=7, x=0.99, ha="right")
    figure.savefig(path, dpi=120)


def bars(
    axes: Any, labels: Sequence[str], spreads: Sequence[dict[str, float]], **style: Any
) -> None:
    """Draw medians as horizontal bars, the first on top, each with its range."""
    medians = [spread["median"] for spread in spreads]
    errors = [
        [spread["median"] - spread["low"] for spread in spreads],
        [spread["high"] - spread["median"] for spread in spreads],
    ]
    axes.barh(labels, medians, xerr=errors, capsize=2, ecolor="black", **style)
    axes.invert_yaxis()


def _plain(value: object) -> object:
    """Turn what JSON does not know into what it does."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the picture that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report", description="Draw what a command wrote with --json."
    )
    parser.add_argument("result", type=Path)
    parser.add_argument("--picture", type=Path, metavar="FILE", required=True)
    options = parser.parse_args(arguments)
    draw(json.loads(options.result.read_text("utf-8")), options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
