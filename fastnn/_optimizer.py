"""What the optimizers have in common; they are in `fastnn.optimizers`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastnn import _core
from fastnn._spec import Spec, check_number


@dataclass(frozen=True)
class Optimizer(Spec, kind="optimizer"):
    """Base class of the optimizers."""

    @property
    def rule(self) -> str:
        """Name of the engine's rule."""
        return self.name

    @property
    def hyperparameters(self) -> tuple[float, ...]:
        """The rule's numbers, in the engine's order."""
        return tuple(float(getattr(self, name)) for name in _core.OPTIMIZERS[self.rule])

    def _check_lr(self, lr: Any) -> None:
        # A schedule has checked itself; specs do not import each other.
        if not (isinstance(lr, Spec) and lr.kind == "schedule"):
            check_number("lr", lr, low=0)

    def _check_below_1(self, *names: str) -> None:
        """Raise unless these are in [0, 1): shares of a mean that stay, momenta."""
        for name in names:
            check_number(name, getattr(self, name), low=0, high=1, open_high=True)

    def _check_flag(self, name: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, bool):
            raise TypeError(f"{name}: got {value!r}, want True or False")
