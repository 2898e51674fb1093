"""The columns of a table, of whatever library, as one of five kinds.

narwhals reads them all.  It comes with scikit-learn, imports none of the libraries itself, and
one way of reading is why all of them give the same bits; an array does without.

Python's objects are taken as lists and not as arrays, since narwhals 2.29 makes a category of
what is missing in an Arrow dictionary when it makes an array of it.
"""

from __future__ import annotations

import datetime
import math
import numbers
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np

# Of float32, in which networks compute by default: beyond it, a number is as good as infinite.
LARGEST = float(np.finfo(np.float32).max)

# How errors say what a kind is.
KINDS = {"number": "a number", "bool": "True or False", "text": "text", "date": "a date"}


@dataclass(frozen=True, eq=False)
class Values:
    """The values of one column.

    Attributes
    ----------
    name : str
    kind : {"number", "bool", "text", "date", "missing"}
        "missing": nothing else is in it.
    data : list or ndarray, (n,)
        Numbers: float64, NaN where missing.  Dates: datetime64[us], NaT where missing.  Others,
        and numbers that are categories: a list of Python's objects, None or NaN where missing.
    category : bool
        Whether the table itself calls them categories.
    """

    name: str
    kind: str
    data: Any
    category: bool = False

    def objects(self) -> list[Any]:
        """Return them as Python's; what is missing is None or NaN."""
        data: list[Any] = self.data if isinstance(self.data, list) else self.data.tolist()
        return data

    def floats(self) -> np.ndarray:
        """Return numbers or truth values, (n,) float64 with NaN where missing."""
        if isinstance(self.data, list):
            return np.array([math.nan if v is None else v for v in self.data], np.float64)
        return self.data  # type: ignore[no-any-return]

    def want(self, *kinds: str) -> None:
        """Raise unless they are of one of these kinds, or all missing."""
        if self.kind in kinds or self.kind == "missing":
            return
        row, value = next(
            (row, value) for row, value in enumerate(self.objects()) if not is_missing(value)
        )
        if self.kind == "date":
            value = str(self.data[row])
        raise ValueError(
            f"column {self.name!r}: got {value!r} in row {row}, want {KINDS[kinds[0]]}, as in fit"
        )

    def want_finite(self, numbers: np.ndarray, what: str = "") -> None:
        """Raise if any of these numbers, which are made of the values, is beyond float32's."""
        beyond = np.abs(numbers) > LARGEST
        if beyond.any():
            row = int(beyond.argmax())
            raise ValueError(
                f"column {self.name!r}: got {self.objects()[row]!r} in row {row}{what}, want a "
                f"finite number within float32's range"
            )


def read_series(name: str, series: Any) -> Values:
    """Return a column of a table that narwhals reads."""
    kind = series.dtype
    if series.null_count() == len(series):  # of any type: pandas' is str where there is none
        return Values(name, "missing", [None] * len(series))
    if kind.is_numeric():  # int, float, decimal
        return _numbers(name, series.cast(nw.Float64()).to_numpy())
    if kind == nw.Duration:
        return _numbers(name, series.to_numpy() / np.timedelta64(1, "s"))
    if kind == nw.Date or kind == nw.Datetime:
        if getattr(kind, "time_zone", None):  # what its own clock shows
            series = series.dt.replace_time_zone(None)
        return _dates(name, series.to_numpy())
    if kind in (nw.String, nw.Boolean, nw.Categorical, nw.Enum, nw.Time, nw.Object):
        category = kind in (nw.Categorical, nw.Enum)
        return read_objects(name, series.to_list(), category)
    raise TypeError(f"column {name!r}: got {kind} values, want numbers, text, booleans or dates")


def read_array(name: str, values: np.ndarray) -> Values:
    """Return a column of an array, (n,)."""
    kind = values.dtype.kind
    if kind in "iuf":
        return _numbers(name, values.astype(np.float64))
    if kind == "m":
        return _numbers(name, values / np.timedelta64(1, "s"))
    if kind == "M":
        return _dates(name, values)
    if kind in "bUTO":
        return read_objects(name, values.tolist())
    raise TypeError(
        f"column {name!r}: got {values.dtype} values, want numbers, text, booleans or dates"
    )


def read_objects(name: str, values: list[Any], category: bool = False) -> Values:
    """Return a column of Python's objects, which have to be of one kind."""
    types = set(map(type, values))
    if not types <= {str, bool, type(None)}:  # nothing of these needs a second look
        missing = {kind for kind in types if not issubclass(kind, (str, bool))}
        values = [None if type(v) in missing and is_missing(v) else v for v in values]
        types = set(map(type, values))
    types.discard(type(None))
    if not types:
        return Values(name, "missing", values)
    kinds = {kind: next((k for k in _OBJECTS if issubclass(kind, k)), None) for kind in types}
    found = {_OBJECTS[kind][0] for kind in kinds.values() if kind is not None}
    if None in kinds.values() or (len(found) > 1 and found != {"number", "bool"}):
        raise TypeError(f"column {name!r}: {_of_several_kinds(values)}")
    kind = "number" if "number" in found else found.pop()
    if kind == "date":
        return _dates(name, np.array([_date(v) for v in values], "datetime64[us]"))
    if kind == "text":
        return Values(name, kind, values, category)
    convert = {t: _OBJECTS[k][1] for t, k in kinds.items() if k is not None}
    if category:  # whole numbers stay what they are
        whole = {
            t for t, k in kinds.items() if k is numbers.Real and issubclass(t, numbers.Integral)
        }
        convert |= dict.fromkeys(whole, int)
    values = [None if v is None else convert[type(v)](v) for v in values]
    if category or kind == "bool":
        found_levels = Values(name, kind, values, category)
        found_levels.want_finite(found_levels.floats())
        return found_levels
    return _numbers(name, Values(name, kind, values).floats())


def _numbers(name: str, values: np.ndarray) -> Values:
    found = Values(name, "number", values)
    found.want_finite(values)
    return found if not np.isnan(values).all() else Values(name, "missing", values.tolist())


def _dates(name: str, values: np.ndarray) -> Values:
    values = values.astype("datetime64[us]")
    return Values(name, "missing" if np.isnat(values).all() else "date", values)


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, NaT, pandas' NA and NaT."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, (float, Decimal, np.floating)):
        return bool(value != value)
    return isinstance(value, (np.datetime64, np.timedelta64)) and bool(np.isnat(value))


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf if value > 0 else -math.inf


def _date(value: Any) -> Any:
    if isinstance(value, datetime.datetime):  # pandas' Timestamp is one
        return value.replace(tzinfo=None)
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, datetime.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "s"))
    return float(value.total_seconds())


# Of which kind the objects of a class are, and as what number they count; the first that suits.
_OBJECTS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    str: ("text", str),
    bool: ("bool", bool),
    np.bool_: ("bool", bool),
    np.datetime64: ("date", _date),
    np.timedelta64: ("number", _seconds),  # before numbers: NumPy calls it a whole one
    numbers.Real: ("number", _float),
    Decimal: ("number", _float),
    datetime.timedelta: ("number", _seconds),
    datetime.time: ("number", _seconds),
    datetime.date: ("date", _date),
}


def _of_several_kinds(values: list[Any]) -> str:
    """Say of what kinds a column's objects are, with an example of two."""
    first: dict[type, tuple[int, Any]] = {}
    for row, value in enumerate(values):
        if value is not None:
            first.setdefault(type(value), (row, value))
    shown = [
        f"{value!r:.60} ({kind.__name__}) in row {row}" for kind, (row, value) in first.items()
    ]
    return f"got {' and '.join(shown[:3])}, want all numbers, all text, all booleans or all dates"


@dataclass(frozen=True, eq=False)
class Table:
    """What `fit` and `transform` are given.

    Attributes
    ----------
    n_rows : int
    names : list of str, or None
        None of an array, and of a pandas table whose columns have numbers for names.
    n_columns : int
    column : callable
        Takes a column's number and the name to call it by; returns its `Values`.
    """

    n_rows: int
    n_columns: int
    names: list[str] | None
    column: Callable[[int, str], Values]


def read_table(X: Any) -> Table | None:
    """Return a table of a library that narwhals reads; None if it is something else."""
    try:
        frame = nw.from_native(X, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"X: {' '.join(str(error).split())}") from None
    if not isinstance(frame, nw.DataFrame):
        if hasattr(X, "collect") and hasattr(X, "collect_schema"):
            raise TypeError(f"X: got a {type(X).__name__}, want a table in memory: X.collect()")
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = list(frame.columns)
    of_text = [isinstance(name, str) for name in names]
    if any(of_text) and not all(of_text):
        name = names[of_text.index(False)]
        raise TypeError(f"X: column {name!r} has a {type(name).__name__} for a name, others text")

    def column(index: int, name: str) -> Values:
        return read_series(name, frame.get_column(names[index]))

    return Table(len(frame), len(names), names if all(of_text) else None, column)
