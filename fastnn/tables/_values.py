"""The values of a column, of one kind: numbers, truth values, text, dates, or none at all."""

from __future__ import annotations

import datetime
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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


def objects_of(name: str, values: list[Any], category: bool = False) -> Values:
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
        return dates_of(name, np.array([_date(v) for v in values], "datetime64[us]"))
    if kind == "text":
        if types != {str}:  # NumPy's, or an Enum's
            values = [None if v is None else str.__str__(v) for v in values]
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
    return numbers_of(name, Values(name, kind, values).floats())


def numbers_of(name: str, values: np.ndarray) -> Values:
    """Return a column of numbers, (n,) float64."""
    found = Values(name, "number", values)
    found.want_finite(values)
    return found if not np.isnan(values).all() else Values(name, "missing", values.tolist())


def dates_of(name: str, values: np.ndarray) -> Values:
    """Return a column of dates, (n,) datetime64 of any unit."""
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
