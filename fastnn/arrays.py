"""The caller's arrays, checked once at the boundary.

Inputs and targets are passed to the engine as they are: any strides, read-only or
memory-mapped, float32, float64, integers or bools.  It converts rows as it gathers them,
and finds NaN and infinity there, so nothing here makes a pass over X.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fastnn._sparse import SparseRows
from fastnn.losses import Loss

# What the engine reads as it is; float16, long double, byte-swapped and unaligned arrays are
# copied.
_DIRECT = frozenset(np.dtype(code) for code in "?bBhHiIlLqQfd")


class Targets(NamedTuple):
    """Targets as the engine takes them: (n, 1) labels or (n, outputs) values."""

    array: np.ndarray
    labels: bool


def as_real(argument: str, value: Any, sparse: bool = False) -> np.ndarray:
    """Return an array-like as an array of a real type that the engine reads.

    With `sparse` a sparse one becomes a `SparseRows`, which is used as if it were an array.
    """
    # Nearly all are this already, and a step of training may take less time than finding it out.
    if type(value) is np.ndarray and value.dtype in _DIRECT and value.flags.aligned:
        return value
    if hasattr(value, "tocsr"):
        if not sparse:
            raise TypeError(f"{argument}: got a sparse matrix, want a dense array; use .toarray()")
        rows: Any = SparseRows(argument, value)
        rows.data = np.ascontiguousarray(as_real(argument, rows.data))
        return rows  # type: ignore[no-any-return]
    if type(value) is SparseRows:
        return value  # type: ignore[return-value]
    if np.ma.is_masked(value):
        raise TypeError(f"{argument}: got a masked array, want one without holes; use .filled()")
    try:
        array = np.asarray(value)
    except ValueError as error:  # ragged lists
        raise TypeError(f"{argument}: {error}; want an array of numbers") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{argument}: got dtype {array.dtype}, want real numbers")
    if array.dtype not in _DIRECT or not array.flags.aligned:
        small = array.dtype.kind == "f" and array.dtype.itemsize <= 4
        native = np.float32 if small else np.float64 if array.dtype.kind == "f" else None
        with np.errstate(over="ignore"):  # infinity is told where it is found
            array = array.astype(native or array.dtype.newbyteorder("="))
    return array


def check_inputs(argument: str, value: Any, width: int | None) -> np.ndarray:
    """Return X as a 2-D array of a type that the engine reads.

    Parameters
    ----------
    argument : str
        Name in messages.
    value : array-like or sparse matrix of shape (n_samples, n_features)
        Sparse ones of any of SciPy's formats: CSR as it is, others are converted to it.
    width : int or None
        Features that the network wants; None when it has not been built yet.
    """
    array = as_real(argument, value, sparse=True)
    shape = array.shape
    if len(shape) == 2 and shape[1] == width:
        return array
    if len(shape) != 2:
        hint = (
            f"; for one sample use {argument}[None, :], for one feature {argument}[:, None]"
            if len(shape) == 1
            else ""
        )
        raise ValueError(f"{argument}: got shape {shape}, want (n_samples, n_features){hint}")
    if shape[1] == 0 or width is not None:
        want = "at least 1" if width is None else width
        raise ValueError(f"{argument}: got {shape[1]} features, want {want}")
    return array


def check_not_empty(argument: str, array: np.ndarray) -> None:
    """Raise unless there is at least one row."""
    if len(array) == 0:
        raise ValueError(f"{argument}: got 0 samples, want at least 1")


def check_targets(argument: str, value: Any, loss: Loss, n: int, outputs: int) -> Targets:
    """Return y as the engine takes it, for a loss on a network of so many outputs."""
    array = as_real(argument, value)
    if array.ndim == 0 or len(array) != n:
        raise ValueError(f"{argument}: got shape {array.shape}, want {n} rows, as many as X has")
    if loss.link == "softmax":
        return _class_targets(argument, array, loss, outputs)
    repeats = loss.repeats()
    if repeats == 0:
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[1] == 0:
            raise ValueError(f"{argument}: got shape {array.shape}, want ({n}, columns) or ({n},)")
        return Targets(array, False)
    if outputs % repeats:
        raise ValueError(
            f"loss: {loss.name} wants {repeats} outputs for each column of targets, and the "
            f"network has {outputs}"
        )
    columns = outputs // repeats
    if array.ndim == 1 and columns == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != columns:
        want = f"({n}, {columns})" + (f" or ({n},)" if columns == 1 else "")
        raise ValueError(f"{argument}: got shape {array.shape}, want {want}")
    low, high = loss.target_range
    if low > -np.inf and len(array):
        _check_range(argument, array, low, high, f"{loss.name} wants targets in [{low}, {high}]")
    if repeats > 1 and not loss.shares_targets:  # a view where there is one column
        array = (
            np.broadcast_to(array, (n, outputs)) if columns == 1 else array.repeat(repeats, axis=1)
        )
    return Targets(array, False)


def _class_targets(argument: str, array: np.ndarray, loss: Loss, outputs: int) -> Targets:
    if outputs == 1:
        raise ValueError(
            f"loss: {loss.name} wants a network of at least 2 outputs, one a class; this one has "
            "1; for a single yes or no use binary_cross_entropy"
        )
    if array.ndim == 2 and array.shape[1] == outputs:
        _check_range(argument, array, 0, 1, f"{loss.name} wants probabilities in [0, 1]")
        return Targets(array, False)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"{argument}: got shape {array.shape}, want class labels ({len(array)},) or one-hot or "
            f"probability rows ({len(array)}, {outputs})"
        )
    if array.dtype.kind == "f":
        raise TypeError(
            f"{argument}: got {array.dtype} labels, {loss.name} wants integers 0 to "
            f"{outputs - 1}; use {argument}.astype(int)"
        )
    _check_range(argument, array, 0, outputs - 1, f"labels of {outputs} outputs")
    return Targets(array[:, None], True)


def _check_range(argument: str, array: np.ndarray, low: float, high: float, why: str) -> None:
    least, most = array.min(), array.max()
    if not (least >= low and most <= high):  # also where they are NaN
        bad = least if not least >= low else most
        raise ValueError(f"{argument}: got {bad}, want {low} to {high} ({why})")


def check_weights(argument: str, value: Any, n: int) -> np.ndarray | None:
    """Return sample weights as contiguous float64, or None."""
    if value is None:
        return None
    array = np.ascontiguousarray(as_real(argument, value), dtype=np.float64)
    if array.shape != (n,):
        raise ValueError(f"{argument}: got shape {array.shape}, want ({n},)")
    check_not_negative(argument, array)
    if n and not array.any():
        raise ValueError(f"{argument}: all weights are 0, want at least one above")
    with np.errstate(over="ignore"):
        total = array.sum()
    if n and not np.finfo(np.float64).tiny <= total < np.inf:
        raise ValueError(f"{argument}: the sum of the weights is {total}, want weights near 1")
    return array


def check_not_negative(argument: str, weights: np.ndarray) -> None:
    """Raise unless all weights are finite and at least 0."""
    good = np.isfinite(weights) & (weights >= 0)
    if not good.all():
        at = int(np.argmin(good))
        raise ValueError(
            f"{argument}: got {weights[at]} at {at}, want finite weights that are not negative"
        )


def check_parameters(
    argument: str,
    value: Any,
    shape: tuple[int, ...],
    dtype: Any,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Return parameters as a contiguous, finite array of a network's dtype: `out`, if given."""
    array = as_real(argument, value)
    if array.shape != shape:
        raise ValueError(f"{argument}: got shape {array.shape}, want {shape}")
    with np.errstate(over="ignore"):
        if out is None:
            array = np.ascontiguousarray(array, dtype=dtype)
        else:
            out[...] = array
            array = out
    if not np.isfinite(array).all():
        raise ValueError(f"{argument}: got NaN or infinity (as {array.dtype}), want finite numbers")
    return array


def raise_bad_row(
    argument: str,
    array: np.ndarray,
    row: int,
    dtype: str,
    categories: Mapping[int, int] | None = None,
) -> None:
    """Raise for the row in which the engine found a value that is not finite, or no category.

    `categories` are the numbers of them in the columns that have some.
    """
    with np.errstate(over="ignore"):
        values = np.asarray(array[row]).astype(dtype)
    for column, count in (categories or {}).items():
        value = values[column]
        if np.isfinite(value) and not (0 <= value < count and value == int(value)):
            raise ValueError(
                f"{argument}: got {array[row, column]} in row {row}, column {column}, want a "
                f"category, 0 to {count - 1}"
            )
    column = int(np.flatnonzero(~np.isfinite(values))[0])
    original = array[row, column]
    too_large = f", too large for {dtype}" if np.isfinite(original) else ""
    raise ValueError(
        f"{argument}: got {original}{too_large} in row {row}, column {column}, want finite numbers"
    )
