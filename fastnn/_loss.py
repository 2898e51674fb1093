"""What the losses have in common; they are in `fastnn.losses`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastnn import _core
from fastnn._spec import Spec


@dataclass(frozen=True)
class Loss(Spec, kind="loss"):
    """Base class of the losses.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.losses.CrossEntropy().link, fastnn.losses.Poisson().link
    ('softmax', 'exp')
    """

    # What targets may be: both ends included.
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    @property
    def rule(self) -> str:
        """Name of the engine's rule."""
        return self.name

    @property
    def link(self) -> str:
        """What turns raw outputs into predictions: "identity", "sigmoid", "softmax" or "exp"."""
        return _core.LOSSES[self.rule]

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes, so that accuracy means something."""
        return self.link in ("sigmoid", "softmax")

    @property
    def numbers(self) -> tuple[float, ...]:
        """The rule's numbers, in the engine's order."""
        return tuple(float(getattr(self, name)) for name in _core.LOSS_DEFAULTS[self.rule])

    def vector(self, outputs: int) -> np.ndarray | None:
        """Return a number for each output where they have their own, else None."""
        return None

    def repeats(self) -> int:
        """Return how many outputs stand for one column of the targets."""
        return 1

    def engine(self, outputs: int) -> dict[str, Any]:
        """Return what the engine wants to know, for a network of so many outputs."""
        vector = self.vector(outputs)
        numbers = self.numbers if vector is None else (0.0,)
        return {"loss": self.rule, "loss_numbers": numbers, "loss_vector": vector}
