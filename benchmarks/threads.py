"""Thread pools of other libraries. Imports nothing, so that it can run before they are imported."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

# OpenMP, four BLAS, XLA.
POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",
)


@contextlib.contextmanager
def thread_limit(threads: int) -> Iterator[None]:
    """Give every library that a process started within imports `threads` threads.

    Parameters
    ----------
    threads : int
    """
    before = {name: os.environ.get(name) for name in POOLS}
    os.environ.update(dict.fromkeys(POOLS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
