"""The training of an estimator's network, by each kind of solver."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from fastnn._groups import _weights
from fastnn._state import set_values
from fastnn.errors import NonFiniteError
from fastnn.estimators._course import Course, Evaluation
from fastnn.estimators._layers import optimizer_of
from fastnn.estimators._rate import Rate
from fastnn.solvers import Solver

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


class Data(NamedTuple):
    """Samples with their targets, as a network takes them."""

    X: Any
    y: np.ndarray
    weights: np.ndarray | None = None

    @property
    def weight(self) -> float:
        """Of all samples together."""
        return float(len(self.y) if self.weights is None else self.weights.sum())


def by_lbfgs(estimator: Any, data: Data) -> None:
    """Train by scikit-learn's L-BFGS."""
    from fastnn.estimators._lbfgs import Objective, solve

    net, scale = estimator.network_, estimator._scale
    checked = net._checked_data(data.X, data.y, data.weights, net.loss)
    parts = weight_parts(net)
    objective = Objective(net, checked, scale.gradient, estimator.alpha, parts)
    try:
        found = solve(objective, estimator)
    except NonFiniteError as error:
        raise ValueError(NOT_FINITE) from error
    estimator.n_iter_ = _check_optimize_result("lbfgs", found, estimator.max_iter)
    penalty = objective.penalty(np.asarray(found.x))
    estimator.loss_ = float(scale.value * objective.mean + penalty + estimator._loss_constant(data))


def by_epochs(
    estimator: Any,
    data: Data,
    held: Data | None,
    evals: list[Data],
    incremental: bool,
) -> None:
    """Train epoch after epoch, by an optimizer or a solver of fastnn.

    Parameters
    ----------
    estimator
        With a `network_`.
    data : Data
        What trains.
    held : Data or None
        What tells the validation score.
    evals : list of Data
        What else is evaluated after each epoch.
    incremental : bool
        Whether it is one epoch of many calls.
    """
    net, scale = estimator.network_, estimator._scale
    optimizer, factor = optimizer_of(estimator, scale)
    if incremental and "_optimizer" in vars(estimator):
        optimizer = net.optimizer or optimizer
    else:
        kind = estimator.learning_rate if estimator.solver == "sgd" else "constant"
        estimator._optimizer = Rate(
            estimator.learning_rate_init,
            kind if isinstance(kind, str) else "constant",
            estimator.power_t,
        )
        net._plan.reset_optimizer()
    solver = isinstance(optimizer, Solver)
    estimator._set_l2(estimator.alpha / scale.gradient / (data.weight if solver else 1))
    n = len(data.y)
    batch = n if solver else estimator._batch_size(n)
    if not isinstance(estimator.batch_size, str) and estimator.batch_size > n and not solver:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    course = Course(
        estimator,
        factor=factor,
        value=scale.value,
        penalty=penalty_of(net, estimator.alpha) if estimator.alpha > 0 else None,
        samples=n,
        weight=data.weight,
        batches=-(-n // batch),
        score=None if held is None else partial(estimator._score_of, held),
    )
    course.offset = estimator._loss_constant(data)
    more = [
        Evaluation(partial(estimator._loss_of, one), partial(estimator._score_of, one))
        for one in evals
    ]
    if evals:
        estimator.evals_result_ = {f"validation_{i}": each.result for i, each in enumerate(more)}
    estimator.n_iter_ = 0
    try:
        net.fit(
            data.X,
            data.y,
            sample_weight=data.weights,
            loss=net.loss,
            optimizer=optimizer,
            epochs=1 if incremental else int(estimator.max_iter),
            batch_size=int(batch),
            shuffle=bool(estimator.shuffle),
            callbacks=[course, *more, *(estimator.callbacks or ())],
            verbose=int(estimator.verbose == "progress"),
        )
    except NonFiniteError as error:
        diverged(estimator, course, held, error)
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    else:
        if estimator.n_iter_ == estimator.max_iter and not (
            course.stopped or incremental or solver
        ):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )
    if held is not None and estimator.restore_best and "_best_values" in vars(estimator):
        set_values(net, estimator._best_values)


def diverged(estimator: Any, course: Course, held: Data | None, error: Exception) -> None:
    """Raise for a loss that is not finite, unless there is a best epoch to go back to."""
    if held is None or not estimator.validation_scores_:
        raise ValueError(NOT_FINITE) from error
    estimator.n_iter_ += 1
    course.note_loss(np.nan)
    course.note_improvement(float("nan"))
    warnings.warn(
        f"Stochastic Optimizer: the loss became infinite or NaN in iteration {estimator.n_iter_}; "
        "the parameters are those of the best one before.",
        ConvergenceWarning,
        stacklevel=3,
    )


def weight_parts(net: Any) -> list[slice]:
    """Return where the dense layers' weights are among the parameters."""
    return [part for group, _, part in _weights(net._graph) if "l2" in group]


def penalty_of(net: Any, alpha: float) -> Any:
    """Return a function that returns alpha / 2 sum(W^2)."""
    parts = weight_parts(net)

    def penalty() -> float:
        values = net.parameters
        return alpha / 2 * sum(float(values[part] @ values[part]) for part in parts)

    return penalty
