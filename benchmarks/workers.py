"""Each library in a process of its own, which is stopped (SIGSTOP) whenever it is not its turn.

Thread pools of OpenMP, BLAS and XLA spin for a while after their work, for that makes the next
piece of it start sooner. Forbidding it (`OMP_WAIT_POLICY=PASSIVE`) would slow the peers; letting it
be, the spinning would slow whoever comes next. A stopped process keeps its library as it likes to
be and uses no CPU. It also keeps what libraries do to each other out of the figures: floating-point
modes, two copies of OpenMP, allocators.

Where there is no SIGSTOP (Windows), `PAUSE` seconds between the turns have to do.
"""

from __future__ import annotations

import functools
import gc
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Self

from .measure import Stopwatch, Turn
from .threads import thread_limit

PAUSE = 0.3  # seconds: longer than any of the pools spins by default

_SPAWN = multiprocessing.get_context("spawn")


class Worker:
    """A process that runs functions for the one that made it, and rests in between.

    Parameters
    ----------
    threads : int
        How many the libraries that it imports may use.
    """

    def __init__(self, threads: int) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs,))
        with thread_limit(threads):
            self._process.start()
        theirs.close()

    def __call__(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function of a module there; return what it returns."""
        self.send(function, *arguments)
        return self.receive()

    def send(self, function: Callable[..., Any], *arguments: object) -> None:
        """Start a function there, without waiting for it."""
        self._signal("SIGCONT")
        self._pipe.send((function, arguments))

    def receive(self) -> Any:
        """Wait for the function that was sent; return what it returns."""
        try:
            error, value = self._pipe.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(f"a worker ended with {self._process.exitcode}") from None
        self._signal("SIGSTOP")
        if error:
            raise RuntimeError(f"in a worker:\n{error}")
        return value

    def contender(self, name: str, build: Callable[..., Any], *arguments: object) -> Turn:
        """Make something that can be timed there, in place of what had this name.

        Parameters
        ----------
        name : str
        build : callable
            Of a module; given the arguments it returns work, a function of a number of repetitions.
        """
        self(_build, name, build, arguments)
        return functools.partial(self, _turn, name)

    def close(self) -> None:
        """End the process."""
        self._signal("SIGCONT")
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _signal(self, name: str) -> None:
        if hasattr(signal, name):
            if self._process.is_alive():
                os.kill(self._process.pid, getattr(signal, name))
        elif name == "SIGSTOP":
            time.sleep(PAUSE)


_watches: dict[str, Stopwatch] = {}  # in the worker's process


def _serve(pipe: Connection) -> None:
    """Run what comes through the pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that measures
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        try:
            answer = None, function(*arguments)
        except Exception:
            answer = traceback.format_exc(), None
        pipe.send(answer)


def _build(name: str, build: Callable[..., Any], arguments: Sequence[object]) -> None:
    _watches.pop(name, None)
    gc.collect()  # a network holds on to its data
    _watches[name] = Stopwatch(build(*arguments))


def _turn(name: str, seconds: float) -> float:
    return _watches[name].turn(seconds)
