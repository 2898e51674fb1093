"""A table from a file: read, its columns typed, and faults told by line and column."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastnn.cli._errors import InputError, need
from fastnn.cli._text import OPENERS, Text
from fastnn.cli._types import BadValue, Column, typed

TEXTS = (".csv", ".tsv", ".tab", ".txt")
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Table:
    """What was read: `columns` is a pyarrow.Table, of strings where `text` is not None."""

    path: Path
    columns: Any
    text: Text | None
    decimal: str = "."

    @property
    def names(self) -> list[str]:
        """The columns, in the file's order."""
        found: list[str] = self.columns.column_names
        return found

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def column(self, name: str, kind: str | None = None) -> Column:
        """Return a column with its type, guessed if no kind is given."""
        try:
            return typed(name, self.columns[name], kind, self.decimal)
        except BadValue as error:
            raise InputError(f"{self.place(error.row, name)}: {error.problem}") from error
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error

    def frame(self, kinds: Mapping[str, str | None]) -> Any:
        """Return a pandas.DataFrame of columns of these names, each of this kind."""
        pd = need("pandas")
        self.check(kinds)
        return pd.DataFrame({name: self.column(name, kind).values for name, kind in kinds.items()})

    def check(self, names: Collection[str], what: str = "") -> None:
        """Raise unless all of them are columns."""
        lost = [name for name in names if name not in self.names]
        if lost:
            known = ", ".join(map(repr, self.names))
            raise InputError(
                f"{what}{self.path}: no column {', '.join(map(repr, lost))}; it has {known:.600}"
            )

    def place(self, row: int, column: str) -> str:
        """Say where in the file a value stands; row 0 is the first below the header."""
        where = f"row {row + 1}" if self.text is None else f"line {self.text.line(row)}"
        return f"{self.path}: {where}, column {column!r}"


def read_table(
    path: Path,
    *,
    sep: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    missing: Collection[str] = (),
) -> Table:
    """Read CSV, TSV or Parquet, by the file's suffix.

    Raises
    ------
    InputError
        If there is no such file, or it is none of those, or it is damaged, or it has no rows; says
        the line where it can.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder, want a file")
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    kind, _ = suffixes_of(path)
    if kind in PARQUET:
        table = Table(path, _parquet(path), None, decimal)
    else:
        text = Text(path, sep, encoding, tuple(missing))
        table = Table(path, text.read(), text, decimal)
    _check(table)
    return table


def suffixes_of(path: Path) -> tuple[str, str]:
    """Return what says how a table is written, such as ".csv", and how packed, "" or ".gz"."""
    suffixes = ["", "", *(suffix.lower() for suffix in path.suffixes)]
    kind, packing = (suffixes[-2], suffixes[-1]) if suffixes[-1] in OPENERS else (suffixes[-1], "")
    if kind not in TEXTS and not (kind in PARQUET and not packing):
        raise InputError(
            f"{path}: want a name that ends in one of {', '.join((*TEXTS, *PARQUET))}; those of "
            f"text may have one of {', '.join(OPENERS)} too"
        )
    return kind, packing


def _parquet(path: Path) -> Any:
    pa, parquet = need("pyarrow"), need("pyarrow.parquet")
    try:
        return parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        message = " ".join(str(error).split())
        raise InputError(f"{path}: is no whole Parquet file: {message:.200}") from error


def _check(table: Table) -> None:
    """Raise unless there are rows, and columns that can be told apart."""
    for i, name in enumerate(table.names):
        first = table.names.index(name)
        if first != i:
            raise InputError(
                f"{table.path}: line 1: columns {first + 1} and {i + 1} are both called {name!r}"
            )
    if len(table) == 0:
        raise InputError(f"{table.path}: has columns but no rows")
