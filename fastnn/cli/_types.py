"""What the columns of a table are: numbers, texts, booleans or dates.

A column of text becomes what all its values are.  One with few others among many numbers or dates
has a fault that would cost the model the column, so that it is an error and says where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastnn.cli._errors import InputError, need

NUMBER, TEXT, BOOL, DATE = "number", "text", "bool", "date"
BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# More than so large a share of numbers makes others among them faults; a smaller one does where
# there are no more than so many different ones, which are words for "missing" then.
MOSTLY, PARTLY, FEW = 0.9, 0.5, 3
LARGEST = 3.4028234663852886e38  # of float32, which networks compute with


@dataclass(frozen=True)
class Column:
    """A column with its type: `values` is a pandas.Series."""

    name: str
    kind: str
    values: Any


class BadValue(InputError):
    """A value that its column cannot have; `row` counts from 0."""

    def __init__(self, row: int, column: str, problem: str) -> None:
        super().__init__(problem)
        self.row, self.column, self.problem = row, column, problem


def typed(name: str, column: Any, kind: str | None = None, decimal: str = ".") -> Column:
    """Return a column with its type.

    Parameters
    ----------
    name : str
    column : pyarrow.ChunkedArray
        Of strings, as fastnn.cli._text reads them, or of a Parquet file's own type.
    kind : {"number", "text", "bool", "date"}, optional
        What it must be; by default what all its values are.
    decimal : str, default "."
        The decimal point in text.

    Raises
    ------
    BadValue
        At the first value that is not what it must be.
    """
    pa = need("pyarrow")
    types = pa.types
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (types.is_string(column.type) or types.is_large_string(column.type)):
        return _native(name, column, kind)
    column = column.combine_chunks()
    if kind is None:
        kind = _guess(name, column, decimal)
    make = {NUMBER: _numbers, TEXT: _texts, BOOL: _bools, DATE: _dates}[kind]
    values, bad = make(column, decimal)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise BadValue(row, name, f"{column[row].as_py()!r:.60} is not a {kind}")
    return _finite(Column(name, kind, values))


def _finite(column: Column) -> Column:
    """Return the column, or raise at a number that is infinite or beyond those of float32."""
    if column.kind == NUMBER:
        beyond = (column.values.abs() > LARGEST).to_numpy(bool)
        if beyond.any():
            row = int(beyond.argmax())
            value = column.values.iloc[row]
            raise BadValue(
                row, column.name, f"{value} is infinite, or beyond what float32 can hold"
            )
    return column


def _guess(name: str, column: Any, decimal: str) -> str:
    """Return what the values of a column of strings are."""
    pc = need("pyarrow.compute")
    found = column.drop_null().value_counts()  # each text is looked at once
    values, counts = found.field("values"), found.field("counts").to_numpy()
    known = counts.sum()
    if not known:
        return TEXT
    for kind, make in ((NUMBER, _numbers), (BOOL, _bools), (DATE, _dates)):
        bad = make(values, decimal)[1].to_numpy()
        share = 1 - counts[bad].sum() / known
        if share == 1:
            return kind
        if share <= PARTLY or kind == BOOL:
            continue
        if share > MOSTLY or bad.sum() <= FEW:
            others = values.filter(need("pyarrow").array(bad))
            row = pc.index(pc.is_in(column, value_set=others), True).as_py()
            text = column[row].as_py()
            raise BadValue(
                row,
                name,
                f"{text!r:.60} is not a {kind}, as {share:.2%} of the column are: mend it, or pass "
                f"--na {text!r} if that stands for a missing value, or --text {name!r} if all are "
                "texts",
            )
    return TEXT


def _numbers(column: Any, decimal: str) -> tuple[Any, Any]:
    """Return numbers, and where there is a text that is none."""
    pa, pc, pd = need("pyarrow"), need("pyarrow.compute"), need("pandas")
    if decimal != ".":
        column = pc.replace_substring(column, decimal, ".")
    for wanted in (pa.int64(), pa.float64()):
        try:
            values = column.cast(wanted).to_pandas()
        except pa.ArrowInvalid:
            continue
        return values, values.isna() & False
    texts = column.to_pandas()
    values = pd.to_numeric(texts, errors="coerce").astype("float64")
    return values, values.isna() & texts.notna()


def _texts(column: Any, decimal: str) -> tuple[Any, Any]:
    values = column.to_pandas()
    return values, values.isna() & False


def _bools(column: Any, decimal: str) -> tuple[Any, Any]:
    texts = column.to_pandas()
    values = texts.map(BOOLS)
    bad = values.isna() & texts.notna()
    return values if values.isna().any() else values.astype(bool), bad


def _dates(column: Any, decimal: str) -> tuple[Any, Any]:
    """Return dates as the preprocessor reads them from text: ISO 8601, without its time zone."""
    from fastnn.tables._dates import parse

    pd = need("pandas")
    texts = column.to_pandas()
    known = {text: parse(text) for text in texts.dropna().unique()}
    values = pd.Series(pd.to_datetime(texts.map(known)), dtype="datetime64[us]")
    return values, values.isna() & texts.notna()


def _native(name: str, column: Any, kind: str | None) -> Column:
    """Return a column that is no text: of a Parquet file."""
    pa = need("pyarrow")
    types = pa.types
    if types.is_boolean(column.type):
        found, values = BOOL, column.to_pandas()
    elif types.is_float16(column.type):  # in which pandas cannot compare with the largest
        found, values = NUMBER, column.cast(pa.float32()).to_pandas()
    elif types.is_integer(column.type) or types.is_floating(column.type):
        found, values = NUMBER, column.to_pandas()
    elif types.is_duration(column.type) or types.is_time(column.type):  # as seconds
        unit = pa.duration("us") if types.is_duration(column.type) else pa.time64("us")
        found, values = NUMBER, column.cast(unit, safe=False).cast(pa.int64()).to_pandas() / 1e6
    elif types.is_decimal(column.type):
        found, values = NUMBER, column.cast(pa.float64()).to_pandas()
    elif types.is_date(column.type) or types.is_timestamp(column.type):
        if getattr(column.type, "tz", None):  # what its own clock shows, as the preprocessor has it
            column = need("pyarrow.compute").local_timestamp(column)
        found, values = DATE, column.cast(pa.timestamp("us")).to_pandas()
    elif types.is_null(column.type):
        return typed(name, column.cast(pa.string()), kind)
    else:
        raise InputError(f"column {name!r}: {column.type} cannot be used; pass --ignore {name!r}")
    if kind == TEXT:
        texts = values.astype(str).where(values.notna(), None)
        return Column(name, TEXT, texts.astype(object))
    if kind not in (None, found):
        raise InputError(f"column {name!r}: is of {found}s, want {kind}s")
    return _finite(Column(name, found, values))
