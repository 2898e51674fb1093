"""What the losses have in common; they are in `fastnn.losses`."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from fastnn import _core
from fastnn._spec import Spec


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
    # Whether the engine itself has several outputs for a column of the targets.
    shares_targets: ClassVar[bool] = False

    @property
    def rule(self) -> str:
        """Name of the engine's rule."""
        return self.name

    @property
    def link(self) -> str:
        """What turns raw outputs into predictions.

        "identity", "exp", "sign" (1 above 0, else -1), "sigmoid" or "softmax".
        """
        return _core.LOSSES[self.rule]

    @property
    def score_link(self) -> str:
        """What turns raw outputs into what metrics compare: the link, or what keeps its order."""
        return "sigmoid" if self.link == "sign" else self.link

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes, so that accuracy means something."""
        return self.link in ("sign", "sigmoid", "softmax")

    @property
    def numbers(self) -> tuple[float, ...]:
        """The rule's numbers, in the engine's order; 0 for what `vector` stands for."""
        values = (getattr(self, name) for name in _core.LOSS_DEFAULTS[self.rule])
        return tuple(0.0 if isinstance(value, tuple) else float(value) for value in values)

    def vector(self, outputs: int) -> np.ndarray | None:
        """Return a number for each output where they have their own, else None."""
        return None

    def repeats(self) -> int:
        """Return how many outputs stand for one column of the targets; 0: any number."""
        return 1

    def comparable(self, outputs: np.ndarray) -> np.ndarray:
        """Return what metrics compare with the targets, of outputs through the link."""
        return outputs

    def check_output(self, activation: Any) -> None:
        """Raise ValueError where the last layer's activation is not what the loss takes."""
        if activation.link and self.link != "softmax":
            raise ValueError(
                f"loss: got {self.name!r} for a network that ends in {activation.name}, want "
                "'cross_entropy' (or no activation at the output)"
            )
        takes = {"softmax": ("softmax", "log_softmax"), "sigmoid": ("sigmoid",)}.get(self.link)
        if takes and activation.name not in ("identity", *takes):
            raise ValueError(
                f"loss: {self.name!r} takes raw outputs, and the last layer's activation is "
                f"{activation.name!r}; want none there, or {self.link!r}"
            )

    def engine(self, outputs: int) -> dict[str, Any]:
        """Return what the engine wants to know, for a network of so many outputs."""
        return {
            "loss": self.rule,
            "loss_numbers": self.numbers,
            "loss_vector": self.vector(outputs),
        }


def vector_of(argument: str, weights: Any, outputs: int) -> np.ndarray | None:
    """Return weights of the outputs as the engine takes them; None unless they are a tuple."""
    if not isinstance(weights, tuple):
        return None
    if len(weights) != outputs:
        raise ValueError(f"{argument}: got {len(weights)} weights, want {outputs}, one an output")
    return np.array(weights, np.float64)
