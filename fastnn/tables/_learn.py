"""What a column of a table becomes, learned from its values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from fastnn._embedding import default_dim
from fastnn.tables._dates import PARTS, parse_all, part
from fastnn.tables._values import Values, is_missing
from fastnn.tables.columns import Category, Column, Date, Numeric, OneHot

# Of a normal distribution: its interquartile range in standard deviations.
_NORMAL_RANGE = 1.3489795003921634


@dataclass(frozen=True)
class Settings:
    """The parameters of a `TabularPreprocessor`, checked."""

    max_one_hot: int
    min_frequency: int  # rows
    embedding_size: int | None


def learn(values: Values, settings: Settings) -> Column | str:
    """Return what a column becomes, or why it is dropped."""
    if values.kind == "missing":
        return "every value is missing"
    if values.category or values.kind == "bool":
        return _levels(values, settings)
    if values.kind == "number":
        return _numeric(values)
    dates = values.data if values.kind == "date" else parse_all(values.objects())
    if isinstance(dates, tuple):  # the first that is none
        return _levels(values, settings)
    return _date(values.name, dates)


def scaling(numbers: np.ndarray) -> tuple[float, float] | None:
    """Return the center and scale of numbers, (n,) float64 without NaN; None if constant.

    The median, and the interquartile range as a standard deviation: scikit-learn's
    RobustScaler(unit_variance=True).  That takes 1 for a scale of 0, and for one below 2e-15,
    whatever the unit: here it is the standard deviation where half of the values or more are
    tied, and also where the rest lie a hundred times farther out.
    """
    numbers = np.sort(numbers)  # so that the order of rows is of no account, not even in rounding
    low, center, high = np.quantile(numbers, [0.25, 0.5, 0.75])
    spread = numbers[-1] - numbers[0]
    if spread == 0:
        return None
    scale = (high - low) / _NORMAL_RANGE
    deviation = numbers.std() or spread  # which may be too small to be squared
    return float(center), float(scale if 100 * scale > deviation else deviation)


def _numeric(values: Values) -> Column | str:
    numbers = values.floats()
    missing = np.isnan(numbers)
    found = scaling(numbers[~missing])
    if found is None and not missing.any():
        return "it is constant"
    center, scale = found or (float(numbers[~missing][0]), 1.0)
    return Numeric(values.name, center, center, scale, bool(missing.any()))


def _date(name: str, dates: np.ndarray) -> Column | str:
    missing = np.isnat(dates)
    found = {part_name: scaling(part(dates[~missing], part_name)) for part_name in PARTS}
    kept = {part_name: pair for part_name, pair in found.items() if pair is not None}
    if not kept and not missing.any():
        return "it is constant"
    centers = tuple(center for center, _ in kept.values())
    scales = tuple(scale for _, scale in kept.values())
    return Date(name, tuple(kept), centers, centers, scales, bool(missing.any()))


def _levels(values: Values, settings: Settings) -> Column | str:
    counts = Counter(values.objects())
    of_levels = {level: count for level, count in counts.items() if not is_missing(level)}
    # In an order that does not depend on that of the rows.
    enough = (level for level, count in of_levels.items() if count >= settings.min_frequency)
    kept = tuple(sorted(enough))
    # There are more: missing or rare ones.
    other = sum(counts.values()) > sum(of_levels[level] for level in kept)
    if not kept:
        return f"none of its {len(of_levels)} values comes {settings.min_frequency} times"
    if len(kept) == 1 and not other:
        return "it is constant"
    if len(kept) <= settings.max_one_hot:
        return OneHot(values.name, kept, other)
    size = settings.embedding_size or default_dim(len(kept) + 1)
    return Category(values.name, kept, size)
