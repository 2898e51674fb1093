"""Dates: from ISO 8601 text, and to the numbers that calendars and clocks show."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import numpy as np

# What is meant as a date.  Python reads more as one: 20240131, which may be any number.
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?", re.ASCII)


def parse(text: str) -> np.datetime64 | None:
    """Return what a date or a date with time says, without its time zone; None if it is neither.

    >>> from fastnn.tables._dates import parse
    >>> parse("2024-02-29 12:30Z")
    np.datetime64('2024-02-29T12:30:00.000000')
    >>> parse("2023-02-29")
    """
    if not _ISO.fullmatch(text):
        return None
    try:
        return np.datetime64(datetime.datetime.fromisoformat(text).replace(tzinfo=None), "us")
    except ValueError:
        return None


def parse_all(values: list[Any]) -> np.ndarray | tuple[int, str]:
    """Return text as dates, (n,) datetime64[us], or where the first is that is none, and it.

    What is no text is missing, and NaT.  Each text is read once, however often it comes.
    """
    dates: dict[Any, np.datetime64] = {}
    for value in dict.fromkeys(values):
        if isinstance(value, str):
            date = parse(value)
            if date is None:
                return values.index(value), value
            dates[value] = date
    nat = np.datetime64("NaT", "us")
    return np.array([dates.get(value, nat) for value in values], "datetime64[us]")


def _days_since(unit: str, dates: np.ndarray) -> np.ndarray:
    """Return which day of its year or month each is, from 1."""
    begin = dates.astype(f"M8[{unit}]").astype("M8[D]")
    return np.asarray(dates.astype("M8[D]") - begin, np.int64) + 1


# datetime64[us] -> int64: the year, month from 1, day of the month from 1, weekday from 0 (Monday),
# day of the year from 1, hour, minute and second from 0.
PARTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "year": lambda dates: dates.astype("M8[Y]").astype(np.int64) + 1970,
    "month": lambda dates: dates.astype("M8[M]").astype(np.int64) % 12 + 1,
    "day": lambda dates: _days_since("M", dates),
    "weekday": lambda dates: (dates.astype("M8[D]").astype(np.int64) + 3) % 7,
    "dayofyear": lambda dates: _days_since("Y", dates),
    "hour": lambda dates: dates.astype("M8[h]").astype(np.int64) % 24,
    "minute": lambda dates: dates.astype("M8[m]").astype(np.int64) % 60,
    "second": lambda dates: dates.astype("M8[s]").astype(np.int64) % 60,
}


def part(dates: np.ndarray, name: str) -> np.ndarray:
    """Return one of the parts, (n,) float64, NaN where a date is missing."""
    missing = np.isnat(dates)
    found = PARTS[name](np.where(missing, np.datetime64(0, "us"), dates)).astype(np.float64)
    found[missing] = np.nan
    return found
