"""SciPy's L-BFGS-B, an iteration at a time.

SciPy calls the function that it minimizes; a fit wants it the other way round, an iteration
a call.  So SciPy runs in a thread of its own that only ever waits, or does SciPy's own
arithmetic while the caller waits: where it wants a value of the function it asks the caller,
in whose thread the network works, signals arrive and exceptions rise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from queue import SimpleQueue
from typing import Any

import numpy as np

from fastnn._blas import Turn
from fastnn.errors import NonFiniteError
from fastnn.solvers import LBFGS

# More than any search takes: who asks for iterations says when it is enough.
_ANY = 1 << 30

LOST = "the line search found no better point"


class _Abandoned(BaseException):
    """Ends SciPy's work where nobody wants more of it."""


def check(net: Any) -> None:
    """Raise ImportError without SciPy."""
    _scipy_minimize()


def iterations(objective: Any, solver: LBFGS) -> Generator[tuple[Any, str], None, None]:
    """Yield the point that each iteration reached, and why it was the last ("": it was not).

    Parameters
    ----------
    objective
        `objective.x` is where to start, `objective.derive(x)` a point: x, value, gradient.
    solver : LBFGS
    """
    minimize = _scipy_minimize()
    asked: SimpleQueue[tuple[str, Any]] = SimpleQueue()
    answers: SimpleQueue[tuple[float, np.ndarray] | None] = SimpleQueue()
    options = {
        "maxcor": int(solver.history_size),
        "maxls": int(solver.max_line_search),
        "ftol": float(solver.ftol),
        "gtol": float(solver.gtol),
        "maxiter": _ANY,
        "maxfun": _ANY,
    }

    turn = Turn()

    def ask(x: np.ndarray) -> tuple[float, np.ndarray]:
        with turn.left():
            asked.put(("value", x.copy()))
            answer = answers.get()
        if answer is None:
            raise _Abandoned
        return answer

    def work() -> None:
        try:
            with turn:
                found = minimize(
                    ask,
                    objective.x,
                    jac=True,
                    method="L-BFGS-B",
                    callback=lambda x: asked.put(("iteration", None)),
                    options=options,
                )
            asked.put(("end", _reason(str(found.message), solver)))
        except _Abandoned:
            pass
        except BaseException as error:
            asked.put(("error", error))

    thread = threading.Thread(target=work, name="fastnn L-BFGS", daemon=True)
    thread.start()
    latest = best = None  # what was looked at last; where the last iteration ended
    pending = False
    try:
        while True:
            what, content = asked.get()
            if what == "value":
                # Only now it is known that the last iteration was not the last of all.
                if pending:
                    yield best, ""
                    pending = False
                latest = objective.derive(content)
                if best is None:  # the start
                    best = latest
                    if not np.isfinite(latest.value):
                        raise NonFiniteError(0, 0)
                answers.put(_finite(latest, best))
            elif what == "iteration":
                best, pending = latest, True
            elif what == "end":
                yield best, content
                return
            else:
                raise content
    finally:
        answers.put(None)
        thread.join()


def _finite(point: Any, best: Any) -> tuple[float, np.ndarray]:
    """Return value and gradient; where there are none, a flat place too high to be accepted.

    The line search interpolates: from an infinite value it would get nothing but NaN.
    """
    if np.isfinite(point.value):
        return float(point.value), point.gradient
    return float(best.value + abs(best.value) + 1), np.zeros_like(point.x)


def _reason(message: str, solver: LBFGS) -> str:
    """Return SciPy's reason in words that its versions share."""
    if "GRADIENT" in message:
        return f"every element of the gradient is at most {solver.gtol:g}"
    if "REDUCTION" in message:
        return f"the loss fell by at most {solver.ftol:g} of itself"
    return LOST


def _scipy_minimize() -> Callable[..., Any]:
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError('LBFGS: needs SciPy: pip install "fastnn[scipy]"') from error
    return minimize  # type: ignore[no-any-return]
