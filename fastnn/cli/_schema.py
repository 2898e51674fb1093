"""What is in a table, and what there is to learn: shown before the training, and in its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastnn.cli._errors import InputError
from fastnn.cli._table import Table
from fastnn.cli._types import BOOL, DATE, NUMBER, TEXT, Column

CLASSIFICATION, REGRESSION = "classification", "regression"
# Whole numbers are classes where they are at most so many different ones, in rows at least ten
# times as many; --task tells otherwise.
MOST_CLASSES, ROWS_A_CLASS = 20, 10


@dataclass
class Schema:
    """The columns of a table: what each is, and what is in it."""

    n_rows: int
    target: str
    task: str = ""
    why: str = ""  # it is that task
    columns: list[Column] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # and why

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return name, kind, share of missing values and what is in it, of each column."""
        return [
            (
                column.name,
                self._role(column),
                _share(column.values.isna().mean()),
                _contents(column),
            )
            for column in self.columns
        ]

    def _role(self, column: Column) -> str:
        if column.name == self.target:
            return f"{column.kind}, target"
        return f"{column.kind}, left out" if column.name in self.left_out else column.kind

    def table(self) -> str:
        """Return the rows as text."""
        return layout([("column", "kind", "missing", "values"), *self.rows()], "<<><")


def read_schema(
    table: Table, target: str, *, ignore: Sequence[str] = (), text: Sequence[str] = ()
) -> Schema:
    """Return what the columns of a table are, each as its values have it.

    Parameters
    ----------
    table : Table
    target : str
    ignore : sequence of str
        Columns that are not looked at.
    text : sequence of str
        Columns that are text, though all their values may be numbers.
    """
    table.check([target], "--target: ")
    table.check(ignore, "--ignore: ")
    table.check(text, "--text: ")
    if target in ignore:
        raise InputError(f"--ignore: got {target!r}, which is the target")
    schema = Schema(len(table), target)
    for name in table.names:
        if name in ignore:
            continue
        if not name:
            schema.left_out[name] = "it has no name"
            continue
        column = table.column(name, TEXT if name in text else None)
        schema.columns.append(column)
        if name != target and _counts_rows(column):
            schema.left_out[name] = "it is the number of the row"
    if all(column.name in {target, *schema.left_out} for column in schema.columns):
        raise InputError(f"{table.path}: no column but the target is left to learn from")
    return schema


def guess_task(target: Column) -> tuple[str, str]:
    """Return "classification" or "regression", and why.

    Text, booleans and few whole numbers are classes: at most 20 different ones, in rows at least
    ten times as many.  All other numbers are for regression.
    """
    if target.kind in (TEXT, BOOL):
        return (
            CLASSIFICATION,
            f"{target.name} is {'text' if target.kind == TEXT else 'true or false'}",
        )
    if target.kind == DATE:
        raise InputError(f"--target: {target.name!r} is of dates, want numbers or classes")
    known = target.values.dropna()
    different = known.nunique()
    many = f"{target.name} has {different:,} different numbers"
    if (known % 1 != 0).any():
        return REGRESSION, f"{many}, not all whole"
    if different > MOST_CLASSES or len(known) < ROWS_A_CLASS * different:
        return REGRESSION, many
    return CLASSIFICATION, f"{target.name} has {different} different whole numbers"


def _counts_rows(column: Column) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..."""
    values = column.values
    if column.kind != NUMBER or len(values) < 10 or values.iloc[0] not in (0, 1):
        return False
    return bool((values.diff().iloc[1:] == 1).all())


def _share(share: float) -> str:
    return "" if share == 0 else "<0.1%" if share < 0.001 else f"{share:.1%}"


def _part(share: float) -> str:
    return "<1%" if share < 0.01 else f"{share:.0%}"


def _contents(column: Column) -> str:
    """Say what the values are: their range, or the most frequent."""
    known = column.values.dropna()
    if not len(known):
        return "none"
    if column.kind == NUMBER:
        low, middle, high = (number(v) for v in (known.min(), known.median(), known.max()))
        return f"{low} to {high}, median {middle}"
    if column.kind == DATE:
        return f"{_date(known.min())} to {_date(known.max())}"
    counts = known.value_counts()
    shown = ", ".join(
        f"{value!s:.20} {_part(count / len(known))}" for value, count in counts.iloc[:3].items()
    )
    more = ", ..." if len(counts) > 3 else ""
    return f"{len(counts):,} different: {shown}{more}"


def _date(value: Any) -> str:
    """Return a date as text; without a clock where that shows midnight."""
    return str(value.date() if value == value.normalize() else value)


def number(value: float) -> str:
    """Return a number with four digits, or all of a whole one's."""
    if value % 1 or abs(value) >= 1e9:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) >= 10000 else f"{value:.0f}"  # years have no comma


def layout(rows: Sequence[Sequence[str]], sides: str) -> str:
    """Return rows of text with their columns beneath each other; "<" or ">" a column."""
    widths = [max(len(row[j]) for row in rows) for j in range(len(sides))]
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    )
