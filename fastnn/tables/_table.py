"""Tables of whatever library, and arrays, as columns of `Values`.

narwhals reads the tables.  It comes with scikit-learn, imports none of the libraries itself, and
one way of reading is why all of them give the same bits; arrays do without.

Text and categories are taken as lists and not as arrays, since narwhals 2.29 makes a category of
what is missing in an Arrow dictionary when it makes an array of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from sklearn.utils import check_array

from fastnn.tables._values import Values, dates_of, numbers_of, objects_of


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


def read(X: Any) -> Table:
    """Return what `fit` and `transform` were given, with at least one row and one column.

    Raises
    ------
    ValueError, TypeError
        If it is nothing of two dimensions, is empty, or has names that cannot tell columns apart.
    """
    frame = _frame(X)
    if frame is None:
        return _array(X)
    if not frame.shape[0] or not frame.shape[1]:
        rows, columns = frame.shape
        raise ValueError(f"X: got {rows} rows and {columns} columns, want at least 1 of each")
    names = list(frame.columns)
    of_text = [isinstance(name, str) for name in names]
    if any(of_text) and not all(of_text):
        name = names[of_text.index(False)]
        raise TypeError(f"X: column {name!r} has a {type(name).__name__} for a name, others text")

    def column(index: int, name: str) -> Values:
        return _read_series(name, frame.get_column(names[index]))

    return Table(len(frame), len(names), names if all(of_text) else None, column)


def _frame(X: Any) -> Any:
    """Return narwhals' view of a table; None if X is none."""
    try:
        frame = nw.from_native(X, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"X: {' '.join(str(error).split())}") from None
    if not isinstance(frame, nw.DataFrame):
        if hasattr(X, "collect") and hasattr(X, "collect_schema"):
            raise TypeError(f"X: got a {type(X).__name__}, want a table in memory: X.collect()")
        if not hasattr(X, "__arrow_c_stream__") or hasattr(X, "dtype"):  # a series
            return None
        return nw.from_arrow(X, backend="pyarrow")  # a batch of Arrow's, a DuckDB relation ...
    return frame


def _array(X: Any) -> Table:
    if isinstance(X, (list, tuple)):  # whose columns may be of different kinds
        X = np.array(X, dtype=object)
    X = check_array(X, dtype=None, ensure_all_finite=False, input_name="X")
    rows, columns = X.shape
    return Table(rows, columns, None, lambda index, name: _read_array(name, X[:, index]))


def _read_series(name: str, series: Any) -> Values:
    """Return a column of a table that narwhals reads."""
    kind = series.dtype
    if kind.is_numeric():
        if kind.is_decimal() or kind in (nw.Int128, nw.UInt128):  # of which NumPy makes objects
            series = series.cast(nw.Float64())
        return numbers_of(name, series.to_numpy().astype(np.float64, copy=False))
    if kind == nw.Duration:
        return numbers_of(name, series.to_numpy() / np.timedelta64(1, "s"))
    if kind in (nw.Date, nw.Datetime):
        if getattr(kind, "time_zone", None):  # what its own clock shows
            series = series.dt.replace_time_zone(None)
        dates = series.to_numpy()
        if dates.dtype.kind == "M":  # pandas makes objects of Arrow's days
            return dates_of(name, dates)
    return objects_of(name, series.to_list(), kind in (nw.Categorical, nw.Enum))


def _read_array(name: str, values: np.ndarray) -> Values:
    """Return a column of an array, (n,)."""
    kind = values.dtype.kind
    if kind in "iuf":
        return numbers_of(name, values.astype(np.float64))
    if kind == "m":
        return numbers_of(name, values / np.timedelta64(1, "s"))
    if kind == "M":
        return dates_of(name, values)
    if kind in "bUTO":
        return objects_of(name, values.tolist())
    raise TypeError(
        f"column {name!r}: got {values.dtype} values, want numbers, text, booleans or dates"
    )
