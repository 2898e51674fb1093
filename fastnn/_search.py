"""How the optimizers of `minimize` go from one point to the next."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from fastnn import _core
from fastnn._method import Function, method_of
from fastnn.solvers import LBFGS, Solver


class Point(NamedTuple):
    """A point of the path."""

    x: np.ndarray  # (d,)
    value: float
    gradient: np.ndarray  # (d,); NaN where the value is not finite


Look = Callable[[np.ndarray], Point]


class RuleSearch:
    """Steps by a rule of the engine."""

    def __init__(self, method: Any, look: Look, start: Point) -> None:
        self.method, self.look = method, look
        self.slots = np.zeros((_core.OPTIMIZER_SLOTS[method.rule], len(start.x)))
        self.state: Any = (method.rule, 0, 1.0, 1.0, 1.0)

    def __call__(self, step: int, lr: float, here: Point) -> Point | None:
        """Return the next point."""
        x = here.x.copy()
        gradient = _clipped(here.gradient, **self.method.clipping)
        self.state = _core.optimizer_step(
            self.state, float(lr), self.method.hyperparameters, gradient, x, self.slots
        )
        return self.look(x)


def _clipped(
    gradient: np.ndarray,
    clip_value: float = math.inf,
    clip_norm: float = math.inf,
    clip_global_norm: float = math.inf,
) -> np.ndarray:
    """Bring a gradient within its bounds, in the engine's order; of one vector both norms are."""
    most = min(clip_norm, clip_global_norm)
    if most < math.inf:
        gradient = gradient * min(1.0, most / max(math.hypot(*gradient), most))
    clipped: np.ndarray = np.clip(gradient, -clip_value, clip_value)
    return clipped


class FunctionSearch(RuleSearch):
    """Steps by a function of the user's."""

    def __call__(self, step: int, lr: float, here: Point) -> Point | None:
        """Return the next point."""
        x = here.x.copy()
        self.method.change(x, here.gradient.copy(), step)
        return self.look(x)


class LBFGSSearch:
    """Iterations of L-BFGS."""

    def __init__(self, method: LBFGS, look: Look, start: Point) -> None:
        from fastnn import _lbfgs

        def derive(x: np.ndarray) -> Point:
            point = start if np.array_equal(x, start.x) else look(x)
            return point if np.isfinite(point.gradient).all() else point._replace(value=math.inf)

        self.points = _lbfgs.iterations(SimpleNamespace(x=start.x, derive=derive), method)
        self.ended, self.lost = "", _lbfgs.LOST

    def __call__(self, step: int, lr: float, here: Point) -> Point | None:
        """Return the next point; None: it goes no further, and `ended` says why."""
        if not self.ended:
            found: Point
            found, self.ended = next(self.points)
            if not np.array_equal(found.x, here.x):
                return found
        return None

    @property
    def converged(self) -> bool:
        """Whether it ended at a minimum, as far as it can tell."""
        return self.ended not in ("", self.lost)


def search_of(optimizer: Any) -> tuple[Any, Callable[[Any, Look, Point], Any]]:
    """Return an optimizer for what was given as one, and what searches by it."""
    method = method_of(optimizer)
    if isinstance(method, LBFGS):
        return method, LBFGSSearch
    if isinstance(method, Solver):
        raise TypeError(f"optimizer: got {method!r}, which trains networks alone")
    return method, FunctionSearch if isinstance(method, Function) else RuleSearch
