"""Other libraries' products on one thread, where they are too small for more.

SciPy's L-BFGS-B calls BLAS for a few short vectors an iteration.  On BLAS's threads that takes
twice as long, ten times while others use the cores, and sums of long vectors have other bits on
another number of threads.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

_lock = threading.Lock()


def on_one_thread() -> AbstractContextManager[Any]:
    """Return a context that keeps BLAS libraries to one thread; to nothing without threadpoolctl.

    SciPy has to be imported before the first.  The limit is the process's or the thread's that
    sets it, as the library has it.
    """
    libraries = _libraries()
    if libraries is None:
        return nullcontext()
    limit: AbstractContextManager[Any] = libraries.limit(limits=1, user_api="blas")
    return limit


class Turn:
    """A context `on_one_thread` that is left while others are asked, and that one thread has.

    So it limits nobody else's products; and of two that overlap, the second would take the limit
    of the first for what was before, and leave it behind.
    """

    def __enter__(self) -> Turn:
        self._within = ExitStack()
        self._within.enter_context(_lock)
        self._within.enter_context(on_one_thread())
        return self

    def __exit__(self, *error: object) -> None:
        self._within.close()

    @contextmanager
    def left(self) -> Iterator[None]:
        """Leave it for a while."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


@functools.cache
def _libraries() -> Any:
    """Return threadpoolctl's view of the loaded BLAS libraries, which takes a while to be had."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    # Not fastnn, whose number of threads would be set back too.
    return ThreadpoolController().select(user_api="blas")


def _renew() -> None:
    """Have a lock that nobody has, in a forked child too."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
