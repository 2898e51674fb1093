"""Losses: what training makes small.

A loss takes the network's raw outputs (before softmax or sigmoid: logits), so that it
stays exact where probabilities round to 0 or 1.  The loss of several rows is their mean,
weighted where there are sample weights: sum(w_i l_i) / sum(w_i).

What has no name here can be a Python function of a batch; see `CustomLoss`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._custom import CustomLoss
from fastnn._loss import Loss, vector_of
from fastnn._regression import (
    CosineSimilarity,
    Gamma,
    GaussianNLL,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    Quantile,
    Tweedie,
)
from fastnn._spec import check_number

__all__ = [
    "BinaryCrossEntropy",
    "CosineSimilarity",
    "CrossEntropy",
    "CustomLoss",
    "Focal",
    "Gamma",
    "GaussianNLL",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "Quantile",
    "SquaredHinge",
    "Tweedie",
]


class BinaryCrossEntropy(Loss):
    """Mean over the outputs of -w t log p - (1 - t) log(1 - p), p = sigmoid(z).

    For one yes-or-no answer, or several that do not exclude each other.  Targets in
    [0, 1]: (n_samples, n_outputs), or (n_samples,) for one output.

    Parameters
    ----------
    pos_weight : float or sequence of float, optional
        w, positive: one for all outputs, or one for each; by default 1.

    References
    ----------
    C. Bishop, "Pattern recognition and machine learning", 2006, section 5.2.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1)], input_size=1)
    >>> result = net.evaluate([[0.0]], [1.0], loss=fastnn.losses.BinaryCrossEntropy(3.0))
    >>> round(result["loss"], 4)  # 3 log 2
    2.0794
    """

    name = "binary_cross_entropy"
    target_range = (0.0, 1.0)
    pos_weight: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.pos_weight, (Sequence, np.ndarray)):
            object.__setattr__(self, "pos_weight", tuple(self.pos_weight))
        weights = self.pos_weight if isinstance(self.pos_weight, tuple) else (self.pos_weight,)
        for weight in weights if self.pos_weight is not None else ():
            check_number("pos_weight", weight, low=0, open_low=True)

    @property
    def rule(self) -> str:
        """The engine has a rule of its own for weights."""
        return self.name if self.pos_weight is None else "weighted_binary_cross_entropy"

    def vector(self, outputs: int) -> np.ndarray | None:
        """Return the outputs' weights, if they have their own."""
        return vector_of("pos_weight", self.pos_weight, outputs)


class Focal(Loss):
    """Mean of -w (1 - p)^gamma log p, p the probability given to the right answer.

    p = sigmoid(z) for targets of 1, sigmoid(-z) for targets of 0; answers that are right
    already count less.  w = alpha for targets of 1 and 1 - alpha for 0, or 1 without alpha.
    Targets 0 or 1: (n_samples, n_outputs), or (n_samples,) for one output.

    Parameters
    ----------
    gamma : float, default 2.0
        Not negative; 0 is binary cross entropy.
    alpha : float, optional
        In (0, 1).

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollar, "Focal loss for dense object
    detection", ICCV 2017.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1)], input_size=1)
    >>> round(net.evaluate([[0.0]], [1.0], loss="focal")["loss"], 4)  # log(2) / 4
    0.1733
    """

    name = "focal"
    target_range = (0.0, 1.0)
    gamma: float = 2.0
    alpha: float | None = None

    def __post_init__(self) -> None:
        check_number("gamma", self.gamma, low=0)
        if self.alpha is not None:
            check_number("alpha", self.alpha, low=0, high=1, open_low=True, open_high=True)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The rule's numbers: no alpha is -1 there."""
        return float(self.gamma), -1.0 if self.alpha is None else float(self.alpha)


class Hinge(Loss):
    """Mean over the outputs of max(0, 1 - y z), y = 1 for targets above 1/2, else -1.

    Targets 0 and 1, or -1 and 1: (n_samples, n_outputs), or (n_samples,) for one output.  An
    answer is right where z > 0 and y = 1, or z <= 0 and y = -1; for `fastnn.metrics` outputs are
    sigmoid(z), above 1/2 where z > 0, and no probabilities.

    References
    ----------
    C. Cortes and V. Vapnik, "Support-vector networks", Machine Learning 20, 1995.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> net.evaluate([[0.25]], [-1], loss="hinge")
    {'loss': 1.25, 'accuracy': 0.0}
    """

    name = "hinge"
    target_range = (-1.0, 1.0)


class SquaredHinge(Loss):
    """Mean over the outputs of max(0, 1 - y z)^2; see `Hinge`.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> net.evaluate([[0.5]], [1], loss="squared_hinge")
    {'loss': 0.25, 'accuracy': 1.0}
    """

    name = "squared_hinge"
    target_range = (-1.0, 1.0)


class CrossEntropy(Loss):
    """-sum over the classes of w t log p, p = softmax(z).

    Targets: integer labels 0 .. n_outputs - 1 of shape (n_samples,), or one-hot or
    probability rows of shape (n_samples, n_outputs).

    The class weights are part of a sample's loss, so the mean over samples divides by their
    number (or the sum of the sample weights), as every loss here does.  PyTorch's ``weight``
    gives the same terms; its mean of integer labels divides by the sum of w over the labels
    instead, which takes the same as sample weights, or ``fit(class_weight=...)``.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        This share of each target is spread evenly over all classes: t becomes
        (1 - label_smoothing) t + label_smoothing / n_outputs.  In [0, 1].
    class_weight : sequence of float, optional
        w of each class, of n_outputs numbers that are not negative; by default all 1.  It
        multiplies the smoothed targets, as in PyTorch.

    References
    ----------
    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the inception
    architecture for computer vision", CVPR 2016 (label smoothing).

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(2)], input_size=1)
    >>> result = net.evaluate([[0.0]], [1], loss=fastnn.losses.CrossEntropy(label_smoothing=0.1))
    >>> round(result["loss"], 4), result["accuracy"]
    (0.6931, 0.0)
    """

    name = "cross_entropy"
    target_range = (0.0, 1.0)
    label_smoothing: float = 0.0
    class_weight: Sequence[float] | None = None

    def __post_init__(self) -> None:
        check_number("label_smoothing", self.label_smoothing, low=0, high=1)
        if self.class_weight is None:
            return
        if isinstance(self.class_weight, str) or not isinstance(
            self.class_weight, (Sequence, np.ndarray)
        ):
            raise TypeError(f"class_weight: got {self.class_weight!r}, want a number a class")
        object.__setattr__(self, "class_weight", tuple(self.class_weight))
        for weight in self.class_weight:
            check_number("class_weight", weight, low=0)
        if not any(self.class_weight):
            raise ValueError(f"class_weight: got {self.class_weight}, want one above 0")

    @property
    def rule(self) -> str:
        """The engine has a rule of its own for weights."""
        return self.name if self.class_weight is None else "weighted_cross_entropy"

    def vector(self, outputs: int) -> np.ndarray | None:
        """Return the classes' weights."""
        return vector_of("class_weight", self.class_weight, outputs)


class KLDivergence(Loss):
    """sum over the classes of t (log t - log p), p = softmax(z): how far p is from t.

    Its gradient is cross entropy's; it is 0 where p is t.  Targets: as for `CrossEntropy`.

    References
    ----------
    S. Kullback and R. Leibler, "On information and sufficiency", Annals of Mathematical
    Statistics 22, 1951.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(2)], input_size=1)
    >>> round(net.evaluate([[0.0]], [[0.5, 0.5]], loss="kl_divergence")["loss"], 4)
    0.0
    """

    name = "kl_divergence"
    target_range = (0.0, 1.0)
