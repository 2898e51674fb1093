"""The layer for categorical columns; it is part of `fastnn.layers`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastnn._layer import Trained, part
from fastnn._spec import check_count

_MOST_CATEGORIES = 1 << 24  # as far as float32 counts
_MOST_COLUMNS = 4096


class Embedding(Trained):
    """Learned vectors in the place of categorical columns: for tables, the first layer.

    Column k of X holds codes 0, 1, ... of its categories, as integers or as floats; each code is
    replaced by its row of the column's table, (categories, dim), and the other columns pass.
    The order stays: an Embedding({1: (5, 3)}) of 4 columns makes 0, three numbers for 1, 2, 3.

    The tables are called `tables`, a dict by column.  A step changes the rows of the categories
    that are in its batch and leaves the others alone, with their momentum and the like, whatever
    the optimizer; weight decay too acts on a row when its category comes up.  What is no code (a
    fraction, or one past the last category) raises ValueError where NaN does.  A category that
    may turn up only after training wants a code of its own, which stands for "other".

    Parameters
    ----------
    columns : dict of {int: int or (int, int)}
        For each categorical column, counted from 0, its number of categories (at most 2^24), or
        that and the length of the vectors.  That is by default min(600, round(1.6 n^0.56)) for
        n categories, which served fastai's users well.
    weight_init : str, initializer or callable, optional
        Initial table, of shape (categories, dim); by default Normal(0, 1 / sqrt(dim)), so that
        a vector has a mean square length of 1, as a standardized column has.
    lr_scale, decay_scale, trainable
        By keyword: see `fastnn.layers.Trained`.

    References
    ----------
    C. Guo and F. Berkhahn, "Entity embeddings of categorical variables", arXiv:1604.06737, 2016.

    Examples
    --------
    Column 0 has 3 categories, column 1 is a number:

    >>> import numpy as np
    >>> import fastnn
    >>> X = np.array([[0, 1.5], [2, -0.5], [1, 0.5], [2, 1.0]])
    >>> y = np.array([10.0, 30.0, 20.0, 30.0])
    >>> net = fastnn.Sequential([fastnn.Embedding({0: (3, 2)}), fastnn.Dense(1)])
    >>> adam = fastnn.Adam(lr=0.1)
    >>> history = net.fit(X, y, loss="mean_squared_error", optimizer=adam, epochs=500)
    >>> net.predict(X).round(1).ravel()
    array([10., 30., 20., 30.], dtype=float32)
    >>> net.layers[0].tables[0].shape
    (3, 2)
    >>> net.predict([[3, 0.0]])
    Traceback (most recent call last):
    ValueError: X: got 3.0 in row 0, column 0, want a category, 0 to 2
    """

    name = "embedding"
    columns: Any  # ((column, categories, dim), ...) once it is made
    weight_init: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "columns", _columns(self.columns))
        object.__setattr__(self, "weight_init", part("weight_init", self.weight_init, None, True))

    def outputs(self, inputs: int) -> int:
        """Return the number of outputs; 0 if that of inputs is 0, not known yet."""
        return inputs + sum(dim - 1 for _, _, dim in self.columns) if inputs else 0

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Return those of the tables: "table_3" is that of column 3."""
        return {f"table_{column}": (count, dim) for column, count, dim in self.columns}

    @property
    def numbers(self) -> Any:
        """The columns."""
        return self.columns


def default_dim(categories: int) -> int:
    """Return the length of the vectors of so many categories, by fastai's rule of thumb."""
    return min(600, round(1.6 * math.pow(categories, 0.56)))


def _columns(value: Any) -> tuple[tuple[int, int, int], ...]:
    """Return (column, categories, dim) in ascending order, from a dict or from the same."""
    if isinstance(value, Mapping):
        items = [(column, *_pair(column, size)) for column, size in value.items()]
    elif isinstance(value, Sequence) and all(
        isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 3
        for item in value
    ):
        items = [tuple(item) for item in value]
    else:
        raise TypeError(
            f"columns: got {value!r}, want a dict of column to categories or (categories, dim)"
        )
    checked = sorted(
        (
            check_count("columns", column, low=0),
            check_count(f"columns[{column}]", count, high=_MOST_CATEGORIES),
            check_count(f"columns[{column}]", dim, high=1 << 16),
        )
        for column, count, dim in items
    )
    if not 1 <= len(checked) <= _MOST_COLUMNS:
        raise ValueError(f"columns: got {len(checked)}, want 1 to {_MOST_COLUMNS}")
    if len({column for column, _, _ in checked}) < len(checked):
        raise ValueError(f"columns: got {value!r}, want each column once")
    return tuple(checked)


def _pair(column: Any, size: Any) -> tuple[Any, Any]:
    if isinstance(size, Sequence) and not isinstance(size, str):
        if len(size) != 2:
            raise ValueError(
                f"columns[{column}]: got {size!r}, want categories or (categories, dim)"
            )
        return size[0], size[1]
    count = check_count(f"columns[{column}]", size, high=_MOST_CATEGORIES)
    return count, default_dim(count)
