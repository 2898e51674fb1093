"""What scikit-learn's estimators keep account of between the epochs of a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._callback import Callback
from fastnn._state import get_values


class Course(Callback):
    """Follows a training: loss curve, validation scores, learning rate, when it is over.

    Parameters
    ----------
    estimator
        Gets the numbers as they come: `n_iter_`, `t_`, `loss_`, `loss_curve_`, ...
    factor : float
        Of the optimizer's learning rate, besides `estimator._optimizer`'s.
    value : float
        How many times fastnn's loss is the one to report.
    penalty : callable () -> float
        Returns alpha / 2 sum(W^2).
    samples, weight : int, float
        Rows of an epoch, and the sum of their weights.
    batches : int
        Steps of an epoch.
    score : callable () -> float, optional
        Of the validation data; greater is better.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        factor: float,
        value: float,
        penalty: Callable[[], float] | None,
        samples: int,
        weight: float,
        batches: int,
        score: Callable[[], float] | None,
    ) -> None:
        self.estimator, self.factor, self.value = estimator, factor, value
        self.penalty, self.score = penalty, score
        self.samples, self.weight, self.batches = samples, weight, batches
        self.offset = 0.0  # added to the losses: what depends on the targets alone
        self.stopped = False

    def on_train_begin(self) -> None:
        """Begin with the learning rate as it is."""
        rate = self.estimator._optimizer
        self.run.lr_factor *= self.factor * rate.learning_rate / rate.learning_rate_init
        self._penalty_before = self.penalty() if self.penalty else 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Take account of an epoch, and end the training where nothing has become better."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.t_ += self.samples
        self.note_loss(self.value * logs["loss"] + self._penalties() + self.offset)
        self.note_improvement(None if self.score is None else self.score())
        rate = estimator._optimizer
        before = rate.learning_rate
        rate.iteration_ends(estimator.t_)
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            self._nothing_improved()
        if rate.learning_rate != before:
            self._change_rate(rate.learning_rate / before)

    def _penalties(self) -> float:
        """Return the mean penalty of the epoch's batches, each divided by its weight.

        Of its size before each step, which is taken to grow in a line from epoch to epoch.
        """
        if self.penalty is None:
            return 0.0
        before, self._penalty_before = self._penalty_before, self.penalty()
        growth = (self._penalty_before - before) * (self.batches - 1) / (2 * self.batches)
        return self.batches * (before + growth) / self.weight

    def note_loss(self, loss: float) -> None:
        """Add a loss to the curve."""
        estimator = self.estimator
        estimator.loss_ = float(loss)
        estimator.loss_curve_.append(estimator.loss_)
        self._tell(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")

    def note_improvement(self, score: float | None) -> None:
        """Count the epochs in which the validation score, or without one the loss, got no better.

        The parameters of the best score are kept.
        """
        estimator = self.estimator
        if score is not None:
            estimator.validation_scores_.append(score)
            self._tell(f"Validation score: {score:f}")
            if score > estimator.best_validation_score_ and estimator.restore_best:
                estimator._best_values = get_values(self.net)
        if score is not None and estimator.early_stopping:
            better = not score < estimator.best_validation_score_ + estimator.tol
        else:
            better = not estimator.loss_ > estimator.best_loss_ - estimator.tol
            estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        if score is not None and score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
        estimator._no_improvement_count = 0 if better else estimator._no_improvement_count + 1

    def _nothing_improved(self) -> None:
        estimator = self.estimator
        what = "Validation score" if estimator.early_stopping else "Training loss"
        why = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        stops = estimator._optimizer.trigger_stopping()
        if stops:
            self.run.stop_training = self.stopped = True
        else:
            estimator._no_improvement_count = 0
            stops = f"Setting learning rate to {estimator._optimizer.learning_rate:f}"
        self._tell(f"{why} {stops}")

    def _change_rate(self, ratio: float) -> None:
        """Go on with another learning rate.

        scikit-learn's velocity has the rates of its steps in it, fastnn's has not: it is changed
        so that the product stays what it was.
        """
        self.run.lr_factor *= ratio
        net: Any = self.net
        if getattr(net.optimizer, "rule", "") in ("momentum", "nesterov"):
            velocity = net._read("slot_0")
            with np.errstate(over="ignore"):
                velocity /= ratio
            net._plan.write("slot_0", velocity)

    def _tell(self, text: str) -> None:
        if self.estimator.verbose and self.estimator.verbose != "progress":
            print(text)


class Evaluation(Callback):
    """The loss and the score of other data after each epoch, kept in lists.

    Parameters
    ----------
    loss, score : callable () -> float
    """

    def __init__(self, loss: Callable[[], float], score: Callable[[], float]) -> None:
        self.functions = {"loss": loss, "score": score}
        self.result: dict[str, list[float]] = {"loss": [], "score": []}

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Evaluate."""
        for name, function in self.functions.items():
            self.result[name].append(function())
