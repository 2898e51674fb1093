"""What the two estimators have in common: parameters, one fit, outputs."""

from __future__ import annotations

import dataclasses
import os
from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from fastnn._files import Exports
from fastnn._schedule import Schedule
from fastnn.activations import Activation
from fastnn.estimators import _files, _layers
from fastnn.estimators._coefficients import Coefficients, dense_layers
from fastnn.estimators._dtypes import rounded, with_dtype
from fastnn.estimators._tables import check_inputs
from fastnn.estimators._threads import threads_of
from fastnn.estimators._training import Data, by_epochs, by_lbfgs
from fastnn.losses import Loss
from fastnn.optimizers import Optimizer
from fastnn.sequential import Sequential
from fastnn.solvers import Solver
from fastnn.tables import TabularPreprocessor

STOCHASTIC = ("sgd", "adam")
_LOSSES = {"squared_error", "poisson", "log_loss"}


class BaseMLP(Coefficients, Exports, BaseEstimator, metaclass=ABCMeta):  # type: ignore[misc]
    """Base of `MLPClassifier` and `MLPRegressor`."""

    network_: Any
    _best_values: Any

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "loss": [StrOptions(_LOSSES | set(Loss.registry)), Loss, callable],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [
            StrOptions(set(_layers.OWN_ACTIVATIONS) | set(Activation.registry)),
            Activation,
            list,
            tuple,
        ],
        "solver": [StrOptions({"lbfgs", *Optimizer.registry}), Optimizer, Solver, callable],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [
            StrOptions({"constant", "invscaling", "adaptive"}),
            Schedule,
            callable,
        ],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose", StrOptions({"progress"})],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
        "normalization": [StrOptions(set(_layers.NORMALIZATIONS)), None],
        "scoring": [str, callable, None],
        "restore_best": ["boolean"],
        "callbacks": [list, tuple, None],
        "n_jobs": [Integral, None],
        "dtype": [StrOptions({"auto", "float32", "float64"})],
        "preprocessor": [StrOptions({"auto"}), TabularPreprocessor, None],
    }

    # ---- what the two kinds differ in ---------------------------------------------------------

    @abstractmethod
    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        """Return X and y, checked as scikit-learn does."""

    @abstractmethod
    def _targets(self, y: np.ndarray) -> Any:
        """Return y as the loss takes it, (n, columns) or (n,)."""

    @abstractmethod
    def _choose_loss(self, columns: int) -> tuple[int, Any, _layers.Scale]:
        """Return the number of outputs, the loss and its scale, for targets of so many columns."""

    @abstractmethod
    def _score_of(self, data: Data) -> float:
        """Return the score by which training is watched; greater is better."""

    def _loss_constant(self, data: Data) -> float:
        """Return what scikit-learn's loss has besides fastnn's."""
        return 0.0

    def _weigh(self, y: np.ndarray, weights: np.ndarray | None, incremental: bool) -> Any:
        """Return the samples' weights, of their classes too."""
        return weights

    # ---- fitting --------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        incremental: bool = False,
        validation: tuple[Any, ...] | None = None,
        evals: Any = None,
    ) -> Any:
        self._validate_params()
        _layers.hidden_sizes(self.hidden_layer_sizes)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._validate_input(X, y, incremental, first)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        weights = self._weigh(y, weights, incremental)
        data = Data(X, self._targets(y), weights)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        random = check_random_state(self.random_state)
        self._prepare(data, first, random)
        by_scikit_learn = isinstance(self.solver, str) and self.solver == "lbfgs"
        others = [self._other(*each) for each in evals or ()]
        held = None if validation is None else self._other(*validation)
        if held is None and self.early_stopping and not by_scikit_learn:
            data, held = self._split(data, random)
        dtype = self.network_.dtype
        if by_scikit_learn or (not incremental and len(data.y) <= self._batch_size(len(data.y))):
            self._change_dtype("float64")
        if by_scikit_learn:
            by_lbfgs(self, data)
        else:
            self._open_account(first, held is not None)
            by_epochs(self, data, held, others, incremental)
        self._change_dtype(dtype)
        self._forget_coefficients()
        return self

    def _batch_size(self, n: int) -> int:
        """Return the rows of a batch, of a fit of so many."""
        return min(200 if isinstance(self.batch_size, str) else int(self.batch_size), n)

    def _change_dtype(self, dtype: str) -> None:
        """Train in float64 where a step is of all the data, and round what that has found.

        It takes no time then, and line searches want the digits.  A sample of weight 2 is so the
        same as two samples, to the last digit of float32.
        """
        if self.network_.dtype != dtype:
            self.network_ = with_dtype(self.network_, dtype)
            if "_best_values" in vars(self):
                self._best_values = rounded(self._best_values, dtype)

    def _prepare(self, data: Data, first: bool, random: np.random.RandomState) -> None:
        """See that there is a network for the data, a new one or the one that there was."""
        n_features = data.X.shape[1]
        self._columns = 1 if data.y.ndim == 1 else data.y.shape[1]
        outputs, loss, scale = self._choose_loss(self._columns)
        if first:
            self._forget_coefficients()
            for name in ("network_", "_best_values", "_optimizer", "evals_result_"):
                self.__dict__.pop(name, None)
            self.n_iter_ = self.t_ = 0
        self.n_outputs_ = outputs
        self.n_layers_ = len(_layers.hidden_sizes(self.hidden_layer_sizes)) + 2
        if "network_" not in vars(self):  # the first fit, or coefs_ were set before it
            given = {name: value for name, value in vars(self).items() if name.endswith("_given")}
            double = self.dtype == "auto" and self.solver == "lbfgs"
            dtype = "float64" if double else data.X.dtype.name
            tables = self.preprocessor_.embeddings_ if vars(self).get("preprocessor_") else ()
            network = Sequential(
                _layers.network_layers(self, n_features, outputs, tables),
                n_features,
                seed=int(random.randint(1 << 31)),
                dtype=dtype if self.dtype == "auto" else self.dtype,
            )
            network._shared_penalties = True
            self.network_ = network
            self._forget_coefficients()
            self.__dict__.update(given)
        if self.network_.output_size != outputs:
            raise ValueError(
                f"y: got what takes {outputs} outputs, and the network has "
                f"{self.network_.output_size}; want targets as in the first fit"
            )
        self._use_coefficients()
        net = self.network_
        net.loss, self._scale = net._use_loss(loss), scale
        net._most_threads = threads_of(self.n_jobs)
        self.out_activation_ = self._out_activation()

    @abstractmethod
    def _out_activation(self) -> str:
        """Return the name of what the outputs go through."""

    def _set_l2(self, l2: float) -> None:
        """Give the dense layers their penalty, which may change from fit to fit."""
        for layer in dense_layers(self.network_):
            if layer.spec.l2 != l2:
                layer.spec = layer._leaf.spec = dataclasses.replace(layer.spec, l2=float(l2))
                layer.regroup()
        self.network_.specs = self.network_._graph.specs()

    def _open_account(self, first: bool, scores: bool) -> None:
        """Begin the numbers of a training; a later one goes on with those that there are."""
        fresh: dict[str, Any] = {"loss_curve_": [], "_no_improvement_count": 0}
        fresh["best_loss_"] = None if self.early_stopping else np.inf
        fresh["validation_scores_"] = [] if scores else None
        fresh["best_validation_score_"] = -np.inf if scores else None
        fresh["t_"] = 0
        for name, value in fresh.items():
            lacks = name not in vars(self) or getattr(self, name) is None
            if first or lacks:
                setattr(self, name, value)

    def _split(self, data: Data, random: np.random.RandomState) -> tuple[Data, Data]:
        """Hold a part of the data out, as scikit-learn does."""
        by_class = data.y.dtype == bool and data.y.shape[1] == 1
        parts = train_test_split(
            np.arange(len(data.y)),
            random_state=random,
            test_size=self.validation_fraction,
            stratify=data.y if by_class else None,
        )
        if len(parts[1]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        train, held = (
            Data(_safe_indexing(data.X, rows), data.y[rows], _rows(data.weights, rows))
            for rows in parts
        )
        return train, held

    def _other(self, X: Any, y: Any, sample_weight: Any = None) -> Data:
        """Return validation data, checked against those of the fit."""
        X = check_inputs(self, X)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        return Data(X, self._targets(np.asarray(y)), weights)

    # ---- outputs --------------------------------------------------------------------------------

    def _outputs_of(self, X: Any, link: str) -> np.ndarray:
        """Return the network's outputs through a link, (n, n_outputs_)."""
        check_is_fitted(self)
        X = check_inputs(self, X)
        self._use_coefficients()
        self.network_._most_threads = threads_of(self.n_jobs)
        outputs: np.ndarray = self.network_._outputs(X, link)
        found: np.ndarray = outputs.astype(np.result_type(outputs, X.dtype), copy=False)
        return found  # of the dtype that a product with X has

    def _loss_of(self, data: Data) -> float:
        """Return the loss of other data, without penalties."""
        net = self.network_
        found = net.evaluate(data.X, data.y, sample_weight=data.weights)["loss"]
        return float(self._scale.value * found + self._loss_constant(data))

    def save(self, path: str | os.PathLike[str], *, optimizer_state: bool = True) -> None:
        """Write the fitted estimator to a safetensors file, which `fastnn.load` reads.

        It has the network, the preprocessor, the classes, and the parameters but functions,
        callbacks and random states.  See `fastnn.Sequential.save`.

        Parameters
        ----------
        path : str or path
        optimizer_state : bool, default True
            Whether to keep what the optimizer knows, so that `partial_fit` goes on with the same
            bits.  Without it the file of a network that Adam trained is a third as large, and
            `partial_fit` begins with a new state.

        Raises
        ------
        TypeError
            If there are labels that are neither numbers nor text.
        OSError
            If it cannot be written; a file that was there stays.
        """
        check_is_fitted(self)
        self._use_coefficients()
        _files.save(self, path, optimizer_state)

    def _check_solver(self) -> bool:
        if isinstance(self.solver, Solver) or self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def validation_of(X: Any, y: Any, weights: Any) -> tuple[Any, ...] | None:
    """Return `X_val`, `y_val` and their weights, or raise where one is without the other."""
    if (X is None) != (y is None) or (X is None and weights is not None):
        raise ValueError("X_val: got one without y_val, or the other way round; want both")
    return None if X is None else (X, y, weights)


def scorer_of(scoring: Any) -> tuple[Callable[..., float], float]:
    """Return a function (targets, outputs, sample_weight=...) and the sign that makes it grow."""
    from fastnn import metrics

    if callable(scoring):
        return scoring, 1.0
    if scoring not in metrics._BY_NAME:
        known = sorted([*metrics._BY_NAME, "loss", "accuracy"])
        raise ValueError(f"scoring: got {scoring!r}, want one of {known}, a function or None")
    return metrics._BY_NAME[scoring], -1.0 if scoring in ("mae", "rmse") else 1.0


def _rows(values: Any, rows: np.ndarray) -> Any:
    return None if values is None else values[rows]
