"""Sparse rows, checked once at the boundary; the engine reads them as they are.

Compressed sparse rows (CSR) hold the elements that are not 0, row after row, with their columns:
what a gather of rows needs, so X is never made dense as a whole.  A row gathered of them is the
dense row, so everything after that has the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class SparseRows:
    """A SciPy CSR matrix or array that was found to be in order.

    Parameters
    ----------
    argument : str
        Name in messages.
    value
        What has `tocsr`.
    """

    def __init__(self, argument: str, value: Any) -> None:
        csr = value.tocsr()
        _check(argument, csr)
        if not csr.has_canonical_format:  # the caller's own is never changed
            csr = csr.copy()
            csr.sum_duplicates()
        self._csr = csr
        self.data: np.ndarray = csr.data  # of a type that the engine reads: see `arrays`
        wide = {csr.indices.dtype, csr.indptr.dtype} != {np.dtype(np.int32)}
        index = np.int64 if wide else np.int32
        self.indices = np.ascontiguousarray(csr.indices, dtype=index)
        self.indptr = np.ascontiguousarray(csr.indptr, dtype=index)
        self.shape: tuple[int, int] = csr.shape

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def dtype(self) -> Any:
        """Of the elements."""
        return self.data.dtype

    def __getitem__(self, key: Any) -> Any:
        """Return some rows as a dense array, one row, or an element."""
        if isinstance(key, tuple):
            return self._csr[key]
        rows = np.atleast_1d(np.arange(len(self))[key])
        dense = self._csr[rows].toarray()
        return dense[0] if np.ndim(np.arange(len(self))[key]) == 0 else dense


def _check(argument: str, csr: Any) -> None:
    """Raise unless every row's elements are there, and their columns are the array's.

    SciPy's own functions do not look, and read and write outside of arrays that are not so.
    """
    starts, indices = csr.indptr, csr.indices
    rows, columns = csr.shape
    good = (
        starts.ndim == indices.ndim == csr.data.ndim == 1
        and starts.dtype.kind == indices.dtype.kind == "i"
        and len(starts) == rows + 1
        and starts[0] == 0
        and starts[-1] <= len(indices) == len(csr.data)
        and bool((starts[1:] >= starts[:-1]).all())
    )
    if not good:
        raise ValueError(f"{argument}: its rows do not lie in order: indptr is damaged")
    if len(indices) and not (indices.min() >= 0 and indices.max() < columns):
        raise ValueError(f"{argument}: got an index outside of its {columns} columns")
