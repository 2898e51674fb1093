"""What the commands' options have in common: kinds of numbers, lists, and how tables are read."""

from __future__ import annotations

import argparse
import contextlib
import csv
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import fastnn
from fastnn.cli._table import Table, read_table

log = logging.getLogger("fastnn.cli")

PROG = "python -m fastnn"
EXIT_CODES = """\
exit codes: 0 done; 1 failed, such as a training that diverged or a full disk; 2 the command
line, the table or the model cannot be used; 130 ended by Ctrl-C, 143 by SIGTERM. One line on
stderr, "fastnn: error: ...", says why. Results go to stdout, all else to stderr. A file appears
whole or not at all."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors look like all others of fastnn, and whose help tells the exit codes."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"{PROG} {command}",
            description=description,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"fastnn: error: {message}\n")


def whole(least: int) -> Callable[[str], int]:
    """Return what reads a whole number of at least so much."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"got {text!r}, want a whole number from {least}")
        return value

    return read


def number(
    low: float, high: float = float("inf"), *, open_low: bool = False
) -> Callable[[str], float]:
    """Return what reads a number from low (or above it) to below high."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (low < value if open_low else low <= value) or not value < high:
            want = f"above {low:g}" if open_low else f"from {low:g}"
            upper = "" if high == float("inf") else f" to below {high:g}"
            raise argparse.ArgumentTypeError(f"got {text!r}, want a number {want}{upper}")
        return value

    return read


def widths(text: str) -> tuple[int, ...]:
    """Read "128,64" as (128, 64); "" is no hidden layer."""
    try:
        found = tuple(int(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        found = (0,)
    if any(width < 1 for width in found):
        raise argparse.ArgumentTypeError(f"got {text!r}, want widths such as 128,64")
    return found


def names(text: str) -> list[str]:
    """Read names with commas between them; one that has a comma stands in double quotes."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def character(text: str) -> str:
    r"""Read one character; "\t" and "tab" are a tab."""
    text = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, want one character")
    return text


def add_table(parser: argparse.ArgumentParser) -> None:
    """Add the table, and how it is read."""
    parser.add_argument(
        "data", type=Path, help="a table: .csv, .tsv or .parquet; the first two also .gz, .bz2, .xz"
    )
    group = parser.add_argument_group("how the table is read")
    add = group.add_argument
    add("--sep", type=character, metavar="C", help="between fields (found out of , ; tab |)")
    add("--decimal", type=character, default=".", metavar="C", help="the decimal point (.)")
    add("--encoding", default="utf-8", metavar="NAME", help="of the text (utf-8)")
    add(
        "--na", action="append", default=[], metavar="TEXT",
        help="a missing value too, besides empty fields, NA, NaN, null and such; may be repeated",
    )  # fmt: skip


def add_work(parser: argparse.ArgumentParser) -> None:
    """Add what all that compute take."""
    parser.add_argument("--threads", type=whole(1), metavar="N", help="at most so many (all cores)")
    parser.add_argument("--quiet", action="store_true", help="nothing on stderr but errors")


def table(options: argparse.Namespace) -> Table:
    """Read the table as the options say."""
    return read_table(
        options.data,
        sep=options.sep,
        decimal=options.decimal,
        encoding=options.encoding,
        missing=options.na,
    )


def shows_progress(options: argparse.Namespace) -> bool:
    """Whether somebody looks on: bars are for terminals."""
    return sys.stderr.isatty() and not options.quiet


@contextlib.contextmanager
def working(options: argparse.Namespace) -> Iterator[None]:
    """Keep to the options' threads, and let what is logged stand on stderr, unless quiet."""
    logger = logging.getLogger("fastnn")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("fastnn: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR if options.quiet else logging.INFO)
    try:
        fastnn.set_num_threads(options.threads)
        yield
    finally:
        fastnn.set_num_threads(None)
        logger.removeHandler(handler)
        logger.setLevel(level)
