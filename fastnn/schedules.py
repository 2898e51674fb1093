"""Learning-rate schedules: the learning rate as a function of the step.

A step is one batch.  Steps count from 0 over the life of an optimizer's state: a second fit
with the same optimizer goes on where the first ended, and another optimizer begins anew.
The built-in schedules run in C; calling one with a step asks the same C function.  In the
formulas t is the step, and u = min(t / steps, 1) how much of the schedule is done.

An optimizer's `lr` may also be any function ``step -> lr``.  It is asked for all steps of an
epoch before that begins, and for some of them again where a fit has to go back, so it must
depend on the step alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn._cycles import CosineRestarts, Cyclic, OneCycle, Warmup
from fastnn._schedule import Constant, Schedule
from fastnn._spec import check_count

__all__ = [
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Exponential",
    "InverseTime",
    "MultiStep",
    "OneCycle",
    "Polynomial",
    "Schedule",
    "Step",
    "Warmup",
]


class Step(Schedule):
    """Multiplied by a factor every so many steps: lr factor^floor(t / every).

    Parameters
    ----------
    lr : float
        Learning rate of step 0, positive or 0.
    every : int
        Steps between two drops.
    factor : float, default 0.1
        In [0, 1].

    References
    ----------
    C. Szegedy et al., "Going deeper with convolutions", CVPR 2015, section 6.

    Examples
    --------
    >>> from fastnn.schedules import Step
    >>> schedule = Step(0.8, every=100, factor=0.5)
    >>> [schedule(step) for step in (0, 99, 100, 200)]
    [0.8, 0.8, 0.4, 0.2]
    """

    name = "step"
    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        self._check("lr")
        self._count("every")
        self._check("factor", high=1)


class MultiStep(Schedule):
    """Multiplied by a factor at each milestone: lr factor^(number of milestones <= t).

    Parameters
    ----------
    lr : float
        Learning rate of step 0, positive or 0.
    milestones : sequence of int
        The steps of the drops, rising.
    factor : float, default 0.1
        In [0, 1].

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition", CVPR
    2016, section 4.2.

    Examples
    --------
    >>> from fastnn.schedules import MultiStep
    >>> schedule = MultiStep(0.8, milestones=[100, 150], factor=0.5)
    >>> [schedule(step) for step in (99, 100, 149, 150)]
    [0.8, 0.4, 0.4, 0.2]
    """

    name = "multi_step"
    lr: float
    milestones: Sequence[int]
    factor: float = 0.1

    def __post_init__(self) -> None:
        self._check("lr")
        self._check("factor", high=1)
        if not isinstance(self.milestones, (tuple, list)):
            raise TypeError(f"milestones: got {self.milestones!r}, want a list of steps")
        milestones = tuple(check_count("milestones", step) for step in self.milestones)
        if sorted(set(milestones)) != list(milestones):
            raise ValueError(f"milestones: got {self.milestones!r}, want each above the last")
        object.__setattr__(self, "milestones", milestones)

    def _values(self) -> np.ndarray:
        return np.array(self.milestones, dtype=np.float64)


class Exponential(Schedule):
    """Multiplied by a factor over every so many steps, smoothly: lr factor^(t / steps).

    Parameters
    ----------
    lr : float
        Learning rate of step 0, positive or 0.
    factor : float
        Positive; above 1 the learning rate grows, as in a range test.
    steps : int, default 1
        Steps in which the whole factor is applied.

    References
    ----------
    A. Senior, G. Heigold, M. Ranzato and K. Yang, "An empirical study of learning rates in deep
    neural networks for speech recognition", ICASSP 2013.

    Examples
    --------
    >>> from fastnn.schedules import Exponential
    >>> schedule = Exponential(0.8, factor=0.5, steps=100)
    >>> [round(schedule(step), 4) for step in (0, 50, 100, 200)]
    [0.8, 0.5657, 0.4, 0.2]
    """

    name = "exponential"
    lr: float
    factor: float
    steps: int = 1

    def __post_init__(self) -> None:
        self._check("lr")
        self._check("factor", open_low=True)
        self._count("steps")


class InverseTime(Schedule):
    """lr / (1 + rate t / steps).

    Its sum over all steps is infinite and that of its squares is not, which is what gradient
    descent on noisy gradients needs to converge.

    Parameters
    ----------
    lr : float
        Learning rate of step 0, positive or 0.
    rate : float, default 1.0
        Positive or 0.
    steps : int, default 1
        The unit of time: with rate 1, the steps until the learning rate is halved.

    References
    ----------
    H. Robbins and S. Monro, "A stochastic approximation method", Annals of Mathematical
    Statistics 22, 1951.

    Examples
    --------
    >>> from fastnn.schedules import InverseTime
    >>> schedule = InverseTime(0.8, steps=100)
    >>> [schedule(step) for step in (0, 100, 300)]
    [0.8, 0.4, 0.2]
    """

    name = "inverse_time"
    lr: float
    rate: float = 1.0
    steps: int = 1

    def __post_init__(self) -> None:
        self._check("lr", "rate")
        self._count("steps")


class Polynomial(Schedule):
    """final + (lr - final) (1 - u)^power; a straight line with power 1.

    Parameters
    ----------
    lr : float
        Learning rate of step 0, positive or 0.
    steps : int
        From this step on the learning rate is `final`.
    power : float, default 1.0
        Positive.
    final : float, default 0.0
        Positive or 0.

    References
    ----------
    L.-C. Chen, G. Papandreou, I. Kokkinos, K. Murphy and A. Yuille, "DeepLab", IEEE TPAMI 40,
    2018, section 4.1.

    Examples
    --------
    >>> from fastnn.schedules import Polynomial
    >>> [Polynomial(0.8, steps=100, power=2)(step) for step in (0, 50, 100, 200)]
    [0.8, 0.2, 0.0, 0.0]
    """

    name = "polynomial"
    lr: float
    steps: int
    power: float = 1.0
    final: float = 0.0

    def __post_init__(self) -> None:
        self._check("lr", "final")
        self._count("steps")
        self._check("power", open_low=True)


class Cosine(Schedule):
    """Half a cosine from lr down to final: final + (lr - final) (1 + cos(pi u)) / 2.

    Parameters
    ----------
    lr : float
        Learning rate of step 0, positive or 0.
    steps : int
        From this step on the learning rate is `final`.
    final : float, default 0.0
        Positive or 0.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
    2017, equation 5, without the restarts.

    Examples
    --------
    >>> from fastnn.schedules import Cosine
    >>> schedule = Cosine(0.8, steps=100)
    >>> [round(schedule(step), 4) for step in (0, 25, 50, 100, 200)]
    [0.8, 0.6828, 0.4, 0.0, 0.0]
    """

    name = "cosine"
    lr: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        self._check("lr", "final")
        self._count("steps")
