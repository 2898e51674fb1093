"""The learning-rate range test: which learning rates a network learns from, in a few seconds."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn._spec import check_count, check_number
from fastnn.arrays import as_real, check_inputs, check_not_empty
from fastnn.errors import NonFiniteError
from fastnn.schedules import Exponential
from fastnn.sequential import SHUFFLE_STREAM

if TYPE_CHECKING:
    from fastnn._options import AnyLoss, AnyOptimizer
    from fastnn.sequential import Sequential


@dataclass(frozen=True, eq=False)
class RangeTest:
    """What `find_lr` saw.

    Attributes
    ----------
    lrs : ndarray of shape (n_steps,)
        Learning rate of each step taken, rising.
    losses : ndarray of shape (n_steps,)
        Mean loss of the step's batch, before the step.
    smoothed : ndarray of shape (n_steps,)
        The losses without most of the noise of the batches.
    suggestion : float or None
        A tenth of the learning rate of the lowest smoothed loss; None if that is the first one.

    Examples
    --------
    >>> import fastnn
    >>> X, y = fastnn.datasets.load_digits()
    >>> net = fastnn.Sequential([fastnn.Dense(10)])
    >>> found = fastnn.find_lr(net, X / 16, y, loss="cross_entropy", steps=50)
    >>> len(found.lrs) == len(found.losses) <= 50
    True
    """

    lrs: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the learning rate, and the suggestion.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from fastnn.plot._axes import axes

        ax = axes(ax)
        ax.plot(self.lrs, self.losses, color="0.8", label="loss of a batch")
        ax.plot(self.lrs, self.smoothed, color="C0", label="smoothed")
        if self.suggestion is not None:
            label = f"suggestion: {self.suggestion:.2g}"
            ax.axvline(self.suggestion, color="C3", linestyle="--", label=label)
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
        if len(self.losses):  # the last ones may be many times as high
            low, high = self.losses.min(), self.losses[: 1 + len(self.losses) // 4].max()
            margin = 0.1 * (high - low) + 1e-12
            ax.set_ylim(low - margin, high + 2 * margin)
        ax.legend(loc="lower left")
        return ax


def find_lr(
    net: Sequential,
    X: Any,
    y: Any,
    *,
    loss: AnyLoss | None = None,
    optimizer: AnyOptimizer | None = None,
    batch_size: int = 32,
    sample_weight: Any = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.8,
    divergence: float = 4.0,
) -> RangeTest:
    """Train a copy with a learning rate that grows from batch to batch, and watch the loss.

    The learning rate of step i is lowest (highest / lowest)^(i / (steps - 1)).  Below the right
    range the loss hardly moves, within it it falls, and above it it explodes; there the test
    ends.  The network itself stays as it is.

    Parameters
    ----------
    net : Sequential
        The network; the copy begins with its parameters, so try one not yet trained.
    X : array-like of shape (n_samples, n_features)
    y : array-like
        Targets as the loss wants them.
    loss : str or loss, optional
        By default the one last used with this network.
    optimizer : str or optimizer, optional
        Its `lr` does not matter.  By default the one last used, at first Adam().
    batch_size : int, default 32
        Take the one you will train with: the right learning rate depends on it.
    sample_weight : array-like of shape (n_samples,), optional
    lowest, highest : float, default 1e-6, 10.0
        Positive, highest above lowest.
    steps : int, default 100
        Batches, at least 3; the data are visited anew, in another order, as often as they take.
    smoothing : float, default 0.8
        In [0, 1): a smoothed loss is a mean of the losses around it, each step away counting
        so many times less.
    divergence : float, default 4.0
        The test ends when a loss is above so many times the lowest smoothed one, at least 1.

    Returns
    -------
    RangeTest
        The suggestion is a tenth of the learning rate of the lowest smoothed loss.  The other
        usual choice, where the loss falls most steeply, is a slope of noise where batches are
        small: on the digits it strayed over several decades between seeds with SGD and batches
        of 8, and the tenth over one.  It suits a constant learning rate, or one that shrinks.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong; names it, what it got and what it wants.

    References
    ----------
    L. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

    Examples
    --------
    >>> import fastnn
    >>> X, y = fastnn.datasets.load_digits()
    >>> net = fastnn.Sequential([fastnn.Dense(64, activation="relu"), fastnn.Dense(10)])
    >>> found = fastnn.find_lr(net, X / 16, y, loss="cross_entropy", optimizer="adam")
    >>> found.suggestion is not None and 1e-4 < found.suggestion < 1e-1
    True
    """
    batch_size, steps = check_count("batch_size", batch_size), check_count("steps", steps, low=3)
    check_number("lowest", lowest, low=0, open_low=True)
    check_number("highest", highest, low=float(lowest), open_low=True)
    check_number("smoothing", smoothing, low=0, high=1, open_high=True)
    check_number("divergence", divergence, low=1)
    trial = copy.deepcopy(net)
    chosen = trial._use_optimizer(optimizer)
    if not hasattr(chosen, "lr"):
        raise TypeError(f"optimizer: got {chosen!r}, want one with a learning rate lr")
    growing = Exponential(lowest, highest / lowest, steps - 1)
    trial.loss = trial._use_loss(loss)
    trial.optimizer = dataclasses.replace(chosen, lr=growing)  # type: ignore[call-arg]
    inputs = check_inputs("X", X, trial.input_size)
    check_not_empty("X", inputs)
    if trial.input_size is None:
        trial._build(inputs.shape[1])
    trial._plan.reset_optimizer()
    y = as_real("y", y)
    *_, weights = trial._checked_data(inputs, y, sample_weight, trial.loss)
    losses = _losses(trial, inputs, y, weights, batch_size, steps, smoothing, divergence)
    lrs = np.array([growing(step) for step in range(len(losses))])
    smoothed = _smooth(losses, smoothing)
    lowest_at = int(np.argmin(smoothed)) if len(smoothed) else 0
    return RangeTest(lrs, losses, smoothed, float(lrs[lowest_at]) / 10 if lowest_at else None)


def _losses(
    net: Sequential,
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    batch_size: int,
    steps: int,
    smoothing: float,
    divergence: float,
) -> np.ndarray:
    """Train, and return the losses of the batches until they explode."""
    rows = np.arange(len(X)) if weights is None else np.flatnonzero(weights)
    batch_size = min(batch_size, len(rows))
    per_pass = len(rows) // batch_size
    losses: list[float] = []
    order, lowest, total, weight = np.empty(len(rows), dtype=np.int64), np.inf, 0.0, 0.0
    for step in range(steps):
        at = step % per_pass * batch_size
        if at == 0:
            _core.permutation(net.seed, SHUFFLE_STREAM + step // per_pass, order)
        batch = rows[order[at : at + batch_size]]
        part = None if weights is None else weights[batch]
        try:
            loss = net.train_on_batch(X[batch], y[batch], sample_weight=part)
        except NonFiniteError:
            break
        except ValueError:  # a value that is not finite: name its row in X, not in the batch
            net.evaluate(X, y, sample_weight=weights)
            raise
        losses.append(loss)
        total, weight = smoothing * total + loss, smoothing * weight + 1
        lowest = min(lowest, total / weight)
        if loss > lowest + (divergence - 1) * abs(lowest):  # some losses are below 0
            break
    return np.array(losses)


def _smooth(losses: np.ndarray, smoothing: float) -> np.ndarray:
    """Return means of weights smoothing^|i - j|: the same to both sides, so nothing is delayed."""
    sums, weights = -losses, np.full(len(losses), -1.0)  # both ways count i itself
    for way in (slice(None), slice(None, None, -1)):
        total = weight = 0.0
        for i in range(len(losses))[way]:
            total, weight = smoothing * total + losses[i], smoothing * weight + 1
            sums[i] += total
            weights[i] += weight
    smoothed: np.ndarray = sums / weights
    return smoothed
