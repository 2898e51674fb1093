"""What a column of a table becomes: frozen dataclasses, each of which says all that there is to it.

They are what `TabularPreprocessor` learned, what is saved of it, and what exports read.  All
arithmetic is of one value at a time, in float64, then rounded to float32: a row has the same
bits in whatever batch it comes.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from itertools import repeat
from typing import Any, ClassVar

import numpy as np

from fastnn._spec import check_count, check_flag, check_number
from fastnn.tables._dates import PARTS, parse_all, part
from fastnn.tables._values import LARGEST, Values

Level = str | bool | int | float


@dataclasses.dataclass(frozen=True)
class Column:
    """Base of the kinds of columns.

    Attributes
    ----------
    name : str
        The column's in the table; "x0", "x1", ... where columns have no names.
    """

    kind: ClassVar[str]
    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"name: got {self.name!r}, want text")

    @property
    def width(self) -> int:
        """The number of columns that it becomes."""
        return len(self.outputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What each of those columns is called after the name; "" is the value itself."""
        raise NotImplementedError

    def encode(self, values: Values, out: np.ndarray) -> None:
        """Write what the column becomes to out, (n, width) float32."""
        raise NotImplementedError

    def to_state(self) -> dict[str, Any]:
        """Return it as a dict that JSON can hold."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {"kind": self.kind} | {
            key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()
        }


@dataclasses.dataclass(frozen=True)
class Numeric(Column):
    """A number x as (x - center) / scale, where a missing one is `fill`.

    Truth values count as 0 and 1; durations and times of day in seconds.

    Attributes
    ----------
    name : str
    fill, center, scale : float
    indicator : bool
        Whether a second column is 1 where the number was missing, else 0.

    Examples
    --------
    >>> import fastnn
    >>> X = [[1.0], [3.0], [float("nan")], [5.0]]
    >>> fastnn.TabularPreprocessor().fit(X).columns_[0]
    Numeric(name='x0', fill=3.0, center=3.0, scale=1.48..., indicator=True)
    """

    kind = "numeric"
    fill: float
    center: float
    scale: float
    indicator: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_scaling(self.fill, self.center, self.scale)
        check_flag("indicator", self.indicator)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The number, and whether it was missing."""
        return ("", "missing") if self.indicator else ("",)

    def encode(self, values: Values, out: np.ndarray) -> None:
        """Write the scaled numbers, and which were missing."""
        values.want("number", "bool")
        numbers = values.floats()
        missing = np.isnan(numbers)
        scaled = (np.where(missing, self.fill, numbers) - self.center) / self.scale
        values.want_finite(scaled, f", which is {LARGEST:.2g} times the scale or more")
        out[:, 0] = scaled
        if self.indicator:
            out[:, 1] = missing


@dataclasses.dataclass(frozen=True)
class _Levels(Column):
    """What categories have in common."""

    categories: tuple[Level, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.categories, (list, tuple)):
            raise TypeError(f"categories: got {self.categories!r:.80}, want a tuple")
        levels = tuple(self.categories)
        object.__setattr__(self, "categories", levels)
        text = {isinstance(level, str) for level in levels}
        good = all(
            isinstance(v, str) or (isinstance(v, (int, float)) and v - v == 0) for v in levels
        )
        if not levels or len(text) > 1 or not good:
            raise ValueError(f"categories: got {levels!r:.80}, want all text or all finite numbers")
        if len(set(levels)) < len(levels):
            raise ValueError(f"categories: got {levels!r:.80}, want each once")

    def codes(self, values: Values) -> np.ndarray:
        """Return where in `categories` each is, from 1; 0 for any other; (n,) int64."""
        first = self.categories[0]
        kinds = ("bool", "number") if isinstance(first, bool) else ("number", "bool")
        values.want(*(("text",) if isinstance(first, str) else kinds))
        objects = values.objects()
        return np.fromiter(map(self._code.get, objects, repeat(0)), np.int64, len(objects))

    @cached_property
    def _code(self) -> dict[Level, int]:
        return {level: i for i, level in enumerate(self.categories, 1)}


@dataclasses.dataclass(frozen=True)
class OneHot(_Levels):
    """A category as a column for each, which is 1 where the value is that category, else 0.

    Attributes
    ----------
    name : str
    categories : tuple of str, bool, int or float
    other : bool
        Whether a last column is 1 where none of them is: the value is missing, rare or unseen.

    Examples
    --------
    >>> import fastnn
    >>> X = [["red"], ["blue"], ["red"], ["blue"], [None]]
    >>> fastnn.TabularPreprocessor().fit(X).columns_[0]
    OneHot(name='x0', categories=('blue', 'red'), other=True)
    """

    kind = "one_hot"
    other: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag("other", self.other)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The categories, and other."""
        return (
            (*map(str, self.categories), "other") if self.other else (*map(str, self.categories),)
        )

    def encode(self, values: Values, out: np.ndarray) -> None:
        """Write ones and zeros."""
        codes = self.codes(values) - 1  # -1 is the last column
        out[:] = 0
        rows = np.arange(len(codes)) if self.other else np.flatnonzero(codes >= 0)
        out[rows, codes[rows]] = 1


@dataclasses.dataclass(frozen=True)
class Category(_Levels):
    """A category as its code, for an `Embedding`: i + 1 is `categories[i]`.

    The code 0 is for what is missing, rare or unseen.

    Attributes
    ----------
    name : str
    categories : tuple of str, bool, int or float
    size : int
        The length of the vectors to embed it in.

    Examples
    --------
    >>> import fastnn
    >>> X = [[city] for city in ("Bern", "Rome", "Oslo") * 2]
    >>> fastnn.TabularPreprocessor(max_one_hot=2).fit(X).columns_[0]
    Category(name='x0', categories=('Bern', 'Oslo', 'Rome'), size=8)
    """

    kind = "category"
    size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("size", self.size, high=1 << 16)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The code."""
        return ("",)

    def encode(self, values: Values, out: np.ndarray) -> None:
        """Write the codes, which float32 holds exactly."""
        out[:, 0] = self.codes(values)


@dataclasses.dataclass(frozen=True)
class Date(Column):
    """A date as numbers that a calendar and a clock show, each like a `Numeric`.

    Attributes
    ----------
    name : str
    parts : tuple of str
        Of "year", "month" (1 to 12), "day" (of the month, from 1), "weekday" (0 is Monday),
        "dayofyear" (from 1), "hour", "minute", "second"; those which were not constant in fit.
        Of dates with a time zone they are what its clock shows.
    fills, centers, scales : tuple of float
        One for each part.
    indicator : bool
        Whether a last column is 1 where the date was missing, else 0.

    Examples
    --------
    >>> import fastnn
    >>> X = [["2024-01-01"], ["2025-01-01"], ["2026-01-01"]]
    >>> fastnn.TabularPreprocessor().fit(X).columns_[0]
    Date(name='x0', parts=('year', 'weekday'), ...)
    """

    kind = "date"
    parts: tuple[str, ...]
    fills: tuple[float, ...]
    centers: tuple[float, ...]
    scales: tuple[float, ...]
    indicator: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("parts", "fills", "centers", "scales"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        if not set(self.parts) <= set(PARTS) or len(set(self.parts)) < len(self.parts):
            raise ValueError(f"parts: got {self.parts!r:.80}, want some of {', '.join(PARTS)}")
        for scaling in zip(self.parts, self.fills, self.centers, self.scales, strict=True):
            _check_scaling(*scaling[1:])
        check_flag("indicator", self.indicator)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The parts, and whether it was missing."""
        return (*self.parts, "missing") if self.indicator else self.parts

    def encode(self, values: Values, out: np.ndarray) -> None:
        """Write the scaled parts, and which were missing."""
        dates = self.dates(values)
        missing = np.isnat(dates)
        scaling = zip(self.parts, self.fills, self.centers, self.scales, strict=True)
        for at, (name, fill, center, scale) in enumerate(scaling):
            out[:, at] = (np.where(missing, fill, part(dates, name)) - center) / scale
        if self.indicator:
            out[:, -1] = missing

    @staticmethod
    def dates(values: Values) -> np.ndarray:
        """Return dates, or the dates that text says, (n,) datetime64[us]."""
        values.want("date", "text")
        if values.kind == "date":
            return values.data  # type: ignore[no-any-return]
        dates = parse_all(values.objects())
        if isinstance(dates, tuple):
            row, text = dates
            raise ValueError(
                f"column {values.name!r}: got {text!r} in row {row}, want a date as in fit, "
                "such as 2024-01-31 or 2024-01-31T12:30:00"
            )
        return dates


KINDS: dict[str, type[Column]] = {kind.kind: kind for kind in (Numeric, OneHot, Category, Date)}


def from_state(state: Any) -> Column:
    """Reverse `to_state`.

    Raises
    ------
    ValueError, TypeError
        If it is anything else.
    """
    if not isinstance(state, dict) or state.get("kind") not in KINDS:
        raise ValueError(f"columns: {state!r:.80} does not describe a column")
    return KINDS[state["kind"]](**{key: value for key, value in state.items() if key != "kind"})


def _check_scaling(fill: Any, center: Any, scale: Any) -> None:
    check_number("fill", fill)
    check_number("center", center)
    check_number("scale", scale, low=0, open_low=True)
