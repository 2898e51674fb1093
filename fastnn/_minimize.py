"""The least value of any function, by the optimizers that train networks.

The same rules of the engine, on a plain vector of float64: what a network's weights do in
millions of dimensions can be followed here in one or two.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._schedule import learning_rate as _of_step
from fastnn._search import Point, search_of
from fastnn._spec import check_count, check_number

if TYPE_CHECKING:
    from fastnn._options import AnyOptimizer

# A step that is short once may only be turning; so many in a row have arrived.
SHORT_STEPS = 10


@dataclass(frozen=True, eq=False)
class Minimum:
    """What `minimize` found.

    Attributes
    ----------
    x : float or ndarray of shape (d,)
        The point of the path with the least value; a float where x0 was one.
    value : float
        f there.
    gradient : float or ndarray of shape (d,)
        The gradient there, given or numerical.
    path : ndarray of shape (steps + 1, d)
        x0 and the point after each step, as far as f was finite.
    values : ndarray of shape (steps + 1,)
        f on the path.
    steps : int
        Steps of the path.
    converged : bool
        Whether the gradient or the steps became small.
    message : str
        Why it stopped.

    Examples
    --------
    >>> import fastnn
    >>> halving = fastnn.SGD(lr=0.25)
    >>> found = fastnn.minimize(lambda x: x**2, 1.0, lambda x: 2 * x, optimizer=halving, steps=3)
    >>> [float(x) for x in found.path[:, 0]], found.converged, found.message
    ([1.0, 0.5, 0.25, 0.125], False, 'all 3 steps are done')
    """

    x: Any
    value: float
    gradient: Any
    path: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    steps: int
    converged: bool
    message: str


def minimize(
    f: Callable[[Any], float],
    x0: Any,
    gradient: Callable[[Any], Any] | None = None,
    *,
    optimizer: AnyOptimizer = "sgd",
    schedule: Callable[[int], float] | None = None,
    steps: int = 1000,
    tol: float = 1e-6,
) -> Minimum:
    """Look for the least value of a function, step by step downhill.

    Each step is one of the optimizer's rule: plain gradient descent, the default, makes
    x = x - lr gradient(x).  It finds a minimum near x0, which need not be the least of all.

    Parameters
    ----------
    f : callable
        x -> float.  x is a float64 array of shape (d,), or a float where x0 is a number.
    x0 : float or array-like of shape (d,)
        Where to start; f must be finite there.
    gradient : callable, optional
        x -> the gradient, of x's shape.  By default central differences,
        (f(x + h) - f(x - h)) / 2h in each variable with h = 6e-6 max(1, abs(x)): 2 d calls of
        f a step, right to about 1e-10 of f's size.
    optimizer : str, optimizer, `LBFGS` or callable, default "sgd"
        Any of `fastnn.optimizers`; or a function (x, gradient, step) -> None that changes the
        float64 vector x, of shape (d,), in place, `step` counting from 0.  With `fastnn.LBFGS`,
        which needs SciPy, a step is an iteration; it also ends by its own ftol and gtol.
    schedule : schedule or callable, optional
        Step, counted from 0, -> learning rate; takes the place of the optimizer's lr, and is
        for optimizers that have one.
    steps : int, default 1000
        At most so many.
    tol : float, default 1e-6
        Stop when the gradient's Euclidean norm, or the length of each of 10 steps in a row, is
        at most this.  Steps of learning rate 0 do not count.

    Returns
    -------
    Minimum
        The best point, and the path to it.  If f or its gradient becomes infinite or NaN (a
        step went too far), or f raises OverflowError, it stops there, and the message says so.

    Raises
    ------
    ValueError, TypeError
        If an argument, or what f, gradient or schedule returns, is not what is wanted.

    References
    ----------
    A. Cauchy, "Méthode générale pour la résolution des systèmes d'équations simultanées",
    Comptes rendus 25, 1847.

    Examples
    --------
    >>> import fastnn
    >>> found = fastnn.minimize(lambda x: (x - 3) ** 2 + 1, 0.0, optimizer=fastnn.SGD(lr=0.1))
    >>> round(found.x, 4), round(found.value, 4), found.message
    (3.0, 1.0, 'the last 10 steps were at most 1e-06 long')

    Rosenbrock's valley, with its gradient:

    >>> import numpy as np
    >>> def valley(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> def slope(x):
    ...     across = 200 * (x[1] - x[0] ** 2)
    ...     return np.array([2 * (x[0] - 1) - 2 * x[0] * across, across])
    >>> found = fastnn.minimize(valley, [-1.5, 2.0], slope, optimizer=fastnn.Adam(lr=0.05),
    ...                         steps=5000)
    >>> found.x.round(3), found.converged
    (array([1., 1.]), True)
    >>> found.path.shape == (found.steps + 1, 2)
    True

    An optimizer of your own:

    >>> def halve(x, gradient, step):
    ...     x /= 2
    >>> [float(x) for x in fastnn.minimize(abs, 1.0, optimizer=halve, steps=3).path[:, 0]]
    [1.0, 0.5, 0.25, 0.125]
    """
    if not callable(f):
        raise TypeError(f"f: got {type(f).__name__}, want a function of x")
    if gradient is not None and not callable(gradient):
        raise TypeError(f"gradient: got {type(gradient).__name__}, want a function of x, or None")
    x, scalar = _check_start(x0)
    method, search = search_of(optimizer)
    learning_rate = _learning_rate(method, schedule)
    lr_name = "lr" if schedule is None else "schedule"
    steps = check_count("steps", steps)
    check_number("tol", tol, low=0)

    value_at = _Value(f, scalar)
    slope_at = _Slope(gradient, value_at, scalar)
    value = value_at(x)
    if not math.isfinite(value):
        raise ValueError(f"x0: f is {value} there, want a point where it is finite")

    def look(x: np.ndarray) -> Point:
        value = value_at(x) if np.isfinite(x).all() else math.nan
        finite = math.isfinite(value)
        return Point(x, value, slope_at(x) if finite else np.full_like(x, math.nan))

    path = [Point(x, value, slope_at(x))]
    advance: Any = None
    short = 0
    while True:
        done, here = len(path) - 1, path[-1]
        converged = False
        if not np.isfinite(here.gradient).all():
            message = f"the gradient is not finite after step {done}"
            break
        converged = math.hypot(*here.gradient) <= tol or short == SHORT_STEPS
        if converged:
            few = short == SHORT_STEPS
            message = (
                f"the last {SHORT_STEPS} steps were at most {tol:g} long"
                if few
                else f"the gradient's norm is at most {tol:g}"
            )
            break
        if done == steps:
            message = f"all {steps} steps are done"
            break
        lr = learning_rate(done)
        check_number(f"{lr_name}: the learning rate of step {done}", lr, low=0)
        advance = advance or search(method, look, here)
        following = advance(done, lr, here)
        if following is None:
            converged, message = advance.converged, advance.ended
            break
        if not math.isfinite(following.value):
            message = f"f is not finite after step {done + 1}: x is the best point before it"
            break
        short = short + 1 if lr > 0 and math.dist(following.x, here.x) <= tol else 0
        path.append(following)

    values = np.array([point.value for point in path])
    best = path[int(np.argmin(values))]
    return Minimum(
        x=float(best.x[0]) if scalar else best.x.copy(),
        value=best.value,
        gradient=float(best.gradient[0]) if scalar else best.gradient,
        path=np.array([point.x for point in path]),
        values=values,
        steps=len(path) - 1,
        converged=converged,
        message=message,
    )


def _check_start(x0: Any) -> tuple[np.ndarray, bool]:
    """Return x0 as a vector, and whether it was a number."""
    x = np.asarray(x0)
    if x.dtype.kind not in "iuf":
        raise TypeError(f"x0: got {x0!r}, want a real number or a sequence of them")
    if x.ndim > 1 or x.size == 0:
        raise ValueError(f"x0: got shape {x.shape}, want a number or a shape of (d,), d >= 1")
    if not np.isfinite(x).all():
        raise ValueError(f"x0: got {x0!r}, want finite numbers")
    return np.array(x, np.float64).reshape(-1), x.ndim == 0


def _learning_rate(optimizer: Any, schedule: Any) -> Callable[[int], float]:
    if not hasattr(optimizer, "lr"):
        if schedule is not None:
            raise ValueError(f"schedule: got one, and {optimizer!r} has no learning rate")
        return lambda step: 1.0  # whatever its steps, they count
    if schedule is not None:
        if not callable(schedule):
            got = type(schedule).__name__
            raise TypeError(f"schedule: got {got}, want a schedule or a function of the step")
        return schedule  # type: ignore[no-any-return]
    return lambda step: _of_step(optimizer.lr, step)


class _Value:
    """f of a vector as the user wrote it: of a copy, or of a float."""

    def __init__(self, f: Callable[[Any], Any], scalar: bool) -> None:
        self.f, self.scalar = f, scalar

    def __call__(self, x: np.ndarray) -> float:
        value = _call(self.f, x, self.scalar)
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
            raise TypeError(f"f: got {type(value).__name__}{shape} from it, want a number")
        return float(value)


class _Slope:
    """The gradient at a vector: the user's, or central differences of f."""

    def __init__(self, gradient: Callable[[Any], Any] | None, f: _Value, scalar: bool) -> None:
        self.gradient, self.f, self.scalar = gradient, f, scalar

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if self.gradient is None:
            return self.differences(x)
        g = np.asarray(_call(self.gradient, x, self.scalar))
        if g.dtype.kind not in "iuf":
            raise TypeError(f"gradient: got {g.dtype} from it, want real numbers")
        want = () if self.scalar else x.shape
        if g.shape != want and not (g.ndim == 0 and np.isinf(g)):
            raise ValueError(f"gradient: got shape {g.shape} from it, want {want}")
        return np.array(np.broadcast_to(g, x.shape), np.float64)

    def differences(self, x: np.ndarray) -> np.ndarray:
        # The cube root of the rounding's size: its error and the curvature's are alike.
        steps = np.finfo(np.float64).eps ** (1 / 3) * np.maximum(1, np.abs(x))
        slope = np.empty_like(x)
        for i, step in enumerate(steps):
            up, down = x.copy(), x.copy()
            up[i] += step
            down[i] -= step
            slope[i] = (self.f(up) - self.f(down)) / (up[i] - down[i])
        return slope


def _call(function: Callable[[Any], Any], x: np.ndarray, scalar: bool) -> Any:
    """Call the user's function; where it overflows it is infinite, and nobody is warned twice."""
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            return function(float(x[0]) if scalar else x.copy())
        except OverflowError:
            return math.inf
