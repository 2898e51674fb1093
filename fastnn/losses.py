"""Losses: what training makes small.

A loss takes the network's raw outputs (before softmax or sigmoid: logits), so that it
stays exact where probabilities round to 0 or 1.  The loss of several rows is their mean,
weighted where there are sample weights: sum(w_i l_i) / sum(w_i).
"""

from __future__ import annotations

from dataclasses import dataclass

from fastnn import _core
from fastnn._spec import Spec


@dataclass(frozen=True)
class Loss(Spec, kind="loss"):
    """Base class of the losses."""

    @property
    def link(self) -> str:
        """What turns raw outputs into predictions: "identity", "sigmoid" or "softmax"."""
        return _core.LOSSES[self.name]

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes, so that accuracy means something."""
        return self.link != "identity"


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean over the outputs of (z - t)^2.

    Targets: (n_samples, n_outputs), or (n_samples,) for one output.
    """

    name = "mean_squared_error"


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Mean over the outputs of -t log p - (1 - t) log(1 - p), p = sigmoid(z).

    For one yes-or-no answer, or several that do not exclude each other.  Targets in
    [0, 1]: (n_samples, n_outputs), or (n_samples,) for one output.
    """

    name = "binary_cross_entropy"


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """-sum over the classes of t log p, p = softmax(z).

    Targets: integer labels 0 .. n_outputs - 1 of shape (n_samples,), or one-hot or
    probability rows of shape (n_samples, n_outputs).
    """

    name = "cross_entropy"
