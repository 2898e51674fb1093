"""Pictures of training and of what is inside a network, on matplotlib (`fastnn[plot]`).

Every function draws on the Axes given as `ax`, or on a new figure's, and returns the Axes, so
that titles, limits and scales can be changed there.  matplotlib is imported when first needed;
without it they raise ImportError, which names the extra.
"""

from fastnn.plot.layers import activations, gradient_flow, weights
from fastnn.plot.results import (
    confusion_matrix,
    decision_boundary,
    learning_curves,
    predicted_against_true,
)
from fastnn.plot.surface import loss_surface

__all__ = [
    "activations",
    "confusion_matrix",
    "decision_boundary",
    "gradient_flow",
    "learning_curves",
    "loss_surface",
    "predicted_against_true",
    "weights",
]
