"""The schedules that also rise: warm-up, one cycle, and many (public in `fastnn.schedules`)."""

from __future__ import annotations

import numbers
from typing import Any

from fastnn import _core
from fastnn._schedule import Constant, Schedule
from fastnn._spec import check_number

MODES = ("triangular", "triangular2", "exp_range")


class CosineRestarts(Schedule):
    """Half cosines one after the other, each from lr down to final (SGDR).

    final + (lr - final) (1 + cos(pi u)) / 2, u from 0 to 1 within each cycle.

    Parameters
    ----------
    lr : float
        Learning rate of the first step of each cycle, positive or 0.
    steps : int
        Steps of the first cycle.
    multiplier : int, default 1
        Each cycle is so many times as long as the one before it.
    final : float, default 0.0
        Where a cycle leads, positive or 0; its last step is one before that.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
    2017; there the parameters are eta_max, T_0, T_mult and eta_min.

    Examples
    --------
    >>> from fastnn.schedules import CosineRestarts
    >>> schedule = CosineRestarts(0.8, steps=100, multiplier=2)
    >>> [round(schedule(step), 4) for step in (0, 50, 99, 100, 200, 299, 300)]
    [0.8, 0.4, 0.0002, 0.8, 0.4, 0.0, 0.8]
    """

    name = "cosine_restarts"
    lr: float
    steps: int
    multiplier: int = 1
    final: float = 0.0

    def __post_init__(self) -> None:
        self._check("lr", "final")
        self._count("steps", "multiplier")


class OneCycle(Schedule):
    """Up to lr, then down to nearly nothing, each in half a cosine.

    From lr / div_factor in step 0 up to lr in step rise * steps - 1, then down to
    lr / div_factor / final_div_factor in step steps - 1, and no lower: PyTorch's OneCycleLR.
    The momentum stays as it is.

    Parameters
    ----------
    lr : float
        The highest learning rate, positive or 0.
    steps : int
        All steps of the training.
    rise : float, default 0.3
        Share of the steps that lead up, in [0, 1); 0 begins at lr.
    div_factor : float, default 25.0
        lr over the learning rate of step 0, at least 1.
    final_div_factor : float, default 1e4
        Learning rate of step 0 over that of the last, at least 1.

    References
    ----------
    L. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", arXiv:1708.07120, 2018.

    Examples
    --------
    >>> from fastnn.schedules import OneCycle
    >>> schedule = OneCycle(1.0, steps=101, rise=11 / 101)
    >>> [round(schedule(step), 6) for step in (0, 5, 10, 55, 100, 200)]
    [0.04, 0.52, 1.0, 0.500002, 4e-06, 4e-06]
    """

    name = "one_cycle"
    lr: float
    steps: int
    rise: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def __post_init__(self) -> None:
        self._check("lr")
        self._count("steps")
        self._check("rise", high=1, open_high=True)
        self._check("div_factor", "final_div_factor", low=1)


class Cyclic(Schedule):
    """Up and down between lr and peak in straight lines, again and again.

    lr + (peak - lr) triangle(t) height(t): the triangle is 0 at the start of a cycle, 1 after
    steps_up steps, and 0 after steps_down more.  Its height is 1 ("triangular"), halved after
    each cycle ("triangular2") or factor^t ("exp_range").

    Parameters
    ----------
    lr, peak : float
        The lowest and the highest learning rate, positive or 0.
    steps_up : int, default 2000
        Steps from lr to peak; Smith advises 2 to 8 epochs.
    steps_down : int, optional
        Steps from peak to lr; by default as many.
    mode : {"triangular", "triangular2", "exp_range"}, default "triangular"
        How the height changes.
    factor : float, default 1.0
        Of "exp_range", in [0, 1]; the other modes have none.

    References
    ----------
    L. Smith, "Cyclical learning rates for training neural networks", WACV 2017.

    Examples
    --------
    >>> from fastnn.schedules import Cyclic
    >>> schedule = Cyclic(0.0, peak=0.8, steps_up=100, mode="triangular2")
    >>> [schedule(step) for step in (0, 50, 100, 150, 200, 250, 300)]
    [0.0, 0.4, 0.8, 0.4, 0.0, 0.2, 0.4]
    """

    name = "cyclic"
    lr: float
    peak: float
    steps_up: int = 2000
    steps_down: int | None = None
    mode: str = "triangular"
    factor: float = 1.0

    def __post_init__(self) -> None:
        self._check("lr", "peak")
        if self.steps_down is None:
            object.__setattr__(self, "steps_down", self.steps_up)
        self._count("steps_up", "steps_down")
        if self.mode not in MODES:
            raise ValueError(f"mode: got {self.mode!r}, want one of {MODES}")
        self._check("factor", high=1)
        if self.factor != 1 and self.mode != "exp_range":
            raise ValueError(f"factor: got {self.factor!r} with mode {self.mode!r}, want exp_range")

    @property
    def rule(self) -> str:
        """The engine has a rule of its own for each mode."""
        return self.mode


class Warmup(Schedule):
    """A straight rise before another schedule.

    schedule(0) (start_factor + (1 - start_factor) t / steps) for t < steps, and from there
    on schedule(t - steps): the other schedule counts from where the rise ends.

    Parameters
    ----------
    schedule : schedule or float
        Any of the built-in ones, or a learning rate that stays.
    steps : int
        Steps of the rise.
    start_factor : float, default 0.01
        The first step's share of schedule(0), in [0, 1].

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour",
    arXiv:1706.02677, 2017, section 2.2.

    Examples
    --------
    >>> from fastnn.schedules import Cosine, Warmup
    >>> schedule = Warmup(Cosine(0.8, steps=100), steps=10, start_factor=0.5)
    >>> [round(schedule(step), 4) for step in (0, 5, 10, 60, 110)]
    [0.4, 0.6, 0.8, 0.4, 0.0]
    """

    name = "warmup"
    schedule: Any
    steps: int
    start_factor: float = 0.01

    def __post_init__(self) -> None:
        if isinstance(self.schedule, numbers.Real):
            check_number("schedule", self.schedule, low=0)
            object.__setattr__(self, "schedule", Constant(float(self.schedule)))
        of_engine = getattr(self.schedule, "rule", None) in _core.SCHEDULES
        if isinstance(self.schedule, Warmup) or not of_engine:
            raise TypeError(
                f"schedule: got {self.schedule!r}, want a number or a built-in one, not Warmup"
            )
        self._count("steps")
        self._check("start_factor", high=1)

    @property
    def rule(self) -> str:
        """The engine has the warm-up beside each rule."""
        return str(self.schedule.rule)

    def _engine(self, **warmup: Any) -> _core.Schedule:
        engine: _core.Schedule = self.schedule._engine(
            warmup=self.steps, start_factor=self.start_factor
        )
        return engine
