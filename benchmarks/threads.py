"""Thread pools of other libraries. Imports nothing, so that it can run before they are imported."""

from __future__ import annotations

import os

# OpenMP, four BLAS, XLA.
POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",
)


def limit_threads(threads: int) -> None:
    """Give every library that is imported from now on `threads` threads.

    Parameters
    ----------
    threads : int
    """
    for name in POOLS:
        os.environ[name] = str(threads)
