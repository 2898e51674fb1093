"""What learning-rate schedules have in common, and their way into the engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import _core
from fastnn._spec import Spec, check_count, check_number


class Schedule(Spec, kind="schedule"):
    """Base class of the schedules; calling one with a step gives its learning rate.

    A subclass of your own defines `__call__`, and may declare fields.

    Examples
    --------
    >>> import fastnn
    >>> class SquareRoot(fastnn.schedules.Schedule):
    ...     first: float = 0.1
    ...     def __call__(self, step):
    ...         return self.first / (step + 1) ** 0.5
    >>> optimizer = fastnn.SGD(lr=SquareRoot(first=0.2))
    >>> optimizer.lr(step=3)
    0.1
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            From 0.

        Returns
        -------
        float
        """
        if self.rule not in _core.SCHEDULES:
            raise NotImplementedError(f"{type(self).__name__} does not define __call__")
        return self._engine()(check_count("step", step, low=0))

    @property
    def rule(self) -> str:
        """Name of the engine's rule; "" if there is none."""
        return getattr(self, "name", "")

    def _engine(self, **warmup: Any) -> _core.Schedule:
        names = _core.SCHEDULES[self.rule]
        numbers = tuple(float(getattr(self, name)) for name in names)
        return _core.Schedule(self.rule, numbers, self._values(), **warmup)

    def _values(self) -> np.ndarray | None:
        """Return the one array that a schedule may have."""
        return None

    def _check(self, *names: str, **limits: Any) -> None:
        """Check the numbers of these names, by default at least 0."""
        for name in names:
            check_number(name, getattr(self, name), **({"low": 0} | limits))

    def _count(self, *names: str) -> None:
        """Check and keep the whole numbers of these names."""
        for name in names:
            object.__setattr__(self, name, check_count(name, getattr(self, name)))


class Constant(Schedule):
    """lr(t) = lr: the same learning rate in every step.

    Parameters
    ----------
    lr : float
        Learning rate, positive or 0.

    References
    ----------
    L. Bottou, F. Curtis and J. Nocedal, "Optimization methods for large-scale machine learning",
    SIAM Review 60, 2018, section 4.2.

    Examples
    --------
    >>> from fastnn.schedules import Constant
    >>> Constant(0.1)(step=1000)
    0.1
    """

    name = "constant"
    lr: float

    def __post_init__(self) -> None:
        self._check("lr")


def learning_rate(lr: Any, step: int) -> Any:
    """Return what an optimizer's lr, a number, a schedule or any callable, gives for a step."""
    return lr(step) if callable(lr) else lr


def engine_schedule(lr: Any) -> _core.Schedule | None:
    """Return an optimizer's lr as the engine evaluates it; None for a callable it does not know.

    Parameters
    ----------
    lr : float, schedule or callable step -> lr
    """
    if not callable(lr):
        return _core.Schedule("constant", (float(lr),))
    builtin = isinstance(lr, Schedule) and type(lr).__call__ is Schedule.__call__
    return lr._engine() if builtin and lr.rule in _core.SCHEDULES else None


def tabulate(lr: Any, first: int, steps: int) -> _core.Schedule:
    """Return a table of a callable's learning rates, for some steps from `first` on.

    Raises
    ------
    ValueError, TypeError
        If it gives anything but a number in [0, inf); the message names the step.
    """
    table = np.empty(steps)
    for i in range(steps):
        value = learning_rate(lr, first + i)
        check_number(f"lr: {lr!r} in step {first + i}", value, low=0)
        table[i] = value
    return _core.Schedule("table", (float(first),), table)
