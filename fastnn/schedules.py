"""Learning-rate schedules: the learning rate as a function of the step."""

from __future__ import annotations

from dataclasses import dataclass

from fastnn._spec import Spec, check_number


@dataclass(frozen=True)
class Schedule(Spec, kind="schedule"):
    """Base class of the schedules; calling one with a step gives its learning rate."""

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__")


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate in every step.

    Parameters
    ----------
    lr : float
        Learning rate, positive or 0.

    Examples
    --------
    >>> from fastnn.schedules import Constant
    >>> Constant(0.1)(step=1000)
    0.1
    """

    name = "constant"
    lr: float

    def __post_init__(self) -> None:
        check_number("lr", self.lr, low=0)

    def __call__(self, step: int) -> float:
        """Return `lr`."""
        return float(self.lr)
