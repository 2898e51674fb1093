"""How many threads an estimator may use, within joblib too.

joblib's processes (loky) are told by OMP_NUM_THREADS how many threads are theirs, which fastnn
keeps to.  Its threads are not: there each estimator has its own, and no more.
"""

from __future__ import annotations

import os
import threading

from joblib.parallel import get_active_backend

ANY = 1 << 30  # as many as fastnn uses


def threads_of(n_jobs: int | None) -> int:
    """Return the most threads that the parameter `n_jobs` allows.

    Of None as many as fastnn uses, but 1 in a thread of joblib's; of -1 as many as there are CPUs,
    of -2 one less.
    """
    if n_jobs is None:
        return 1 if _in_a_thread_of_joblib() else ANY
    if n_jobs == 0:
        raise ValueError("n_jobs: got 0, want a number of threads, or -1 for all")
    return int(n_jobs) if n_jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + int(n_jobs))


def _in_a_thread_of_joblib() -> bool:
    if threading.current_thread() is threading.main_thread():
        return False
    backend, _ = get_active_backend()
    return (getattr(backend, "nesting_level", None) or 0) > 0
