"""`MLPRegressor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from fastnn._spec import resolve
from fastnn.estimators._base import BaseMLP, scorer_of, validation_of
from fastnn.estimators._layers import loss_of
from fastnn.estimators._tables import check_both
from fastnn.estimators._training import Data
from fastnn.losses import Loss

if TYPE_CHECKING:
    from fastnn._options import AnyLoss, AnyOptimizer


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """A multi-layer perceptron that predicts numbers, with scikit-learn's interface.

    All parameters, defaults and attributes of `sklearn.neural_network.MLPRegressor`, of
    scikit-learn 1.9, mean what they mean there, and it makes the same steps from the same
    parameters.

    Parameters
    ----------
    loss : str, loss or callable, default "squared_error"
        "squared_error" and "poisson" as in scikit-learn; or any of `fastnn.losses`, as
        ``fastnn.losses.Quantile((0.1, 0.9))``, or a function.
    scoring : str, callable or None, default None
        What validation looks at; None is r2, of several quantiles "loss".
    hidden_layer_sizes, activation, ...
        The others as of `fastnn.MLPClassifier`, which has the Notes too.

    Attributes
    ----------
    coefs_, intercepts_, network_, loss_, ...
        As of `fastnn.MLPClassifier`.
    target_mean_, target_scale_ : ndarray of shape (n_outputs,), or None
        Where X is a table that is preprocessed, the network's outputs times the scale plus the mean
        are the predictions; the losses are those of the scaled targets.  None: they are not scaled.

    Notes
    -----
    y may have several columns.  Of losses with a log link (poisson, gamma, tweedie) `predict`
    gives the means; of several quantiles a column for each quantile of each target, those of the
    first target first; of "gaussian_nll" the means.

    References
    ----------
    F. Pedregosa et al., "Scikit-learn: machine learning in Python", Journal of Machine Learning
    Research 12, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = np.linspace(-2, 2, 400)[:, None]
    >>> mlp = fastnn.MLPRegressor(activation="tanh", solver="lbfgs", random_state=0)
    >>> mlp.fit(X, np.sin(2 * X[:, 0])).score(X, np.sin(2 * X[:, 0])) > 0.99
    True
    >>> band = fastnn.MLPRegressor(fastnn.losses.Quantile((0.1, 0.9)), random_state=0)
    >>> band.fit(X, X[:, 0]).predict(X).shape
    (400, 2)
    """

    target_mean_: Any
    target_scale_: Any

    def __init__(
        self,
        loss: AnyLoss = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: AnyOptimizer = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        normalization: str | None = None,
        scoring: Any = None,
        restore_best: bool = True,
        callbacks: Any = None,
        n_jobs: int | None = None,
        dtype: str = "auto",
        preprocessor: Any = "auto",
    ) -> None:
        for name, value in locals().items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    # ---- fitting --------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        eval_set: Any = None,
    ) -> MLPRegressor:
        """Train; see `MLPClassifier.fit`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
        X_val, y_val, sample_weight_val : array-likes, optional
            Scored after each epoch, in place of a held-out part.
        eval_set : list of tuples (X, y) or (X, y, sample_weight), optional
            Evaluated after each epoch, for `evals_result_`.

        Returns
        -------
        MLPRegressor
            Itself.
        """
        validation = validation_of(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation=validation, evals=eval_set)  # type: ignore[no-any-return]

    @available_if(lambda estimator: estimator._check_solver())  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train one epoch, and go on from there at the next call; see `fit`."""
        return self._fit(X, y, sample_weight, incremental=True)  # type: ignore[no-any-return]

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = check_both(self, X, y, reset, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if reset:
            self._scale_targets(y.reshape(len(y), -1))
        return X, y

    def _scale_targets(self, y: np.ndarray) -> None:
        """Find mean and scale of the targets, which belong to the preprocessing of a table.

        Losses with a log link, and functions, want them as they are.
        """
        self.target_mean_ = self.target_scale_ = None
        loss, _ = loss_of(self.loss, y.shape[1])
        if self.preprocessor_ is None or not isinstance(loss, (str, type, Loss)):
            return
        loss = resolve(Loss, loss, "loss")
        if loss.score_link != "identity":
            return
        repeats = 1 if loss.shares_targets else max(loss.repeats(), 1)
        scale = y.std(axis=0, dtype=np.float64)
        self.target_mean_ = np.repeat(y.mean(axis=0, dtype=np.float64), repeats)
        self.target_scale_ = np.repeat(np.where(scale > 0, scale, 1.0), repeats)

    def _targets(self, y: np.ndarray) -> Any:
        y = y[:, None] if y.ndim == 1 else y
        if getattr(self, "target_mean_", None) is None:
            return y
        step = len(self.target_mean_) // y.shape[1]  # several quantiles have the same
        return (y - self.target_mean_[::step]) / self.target_scale_[::step]

    def _unscaled(self, values: np.ndarray) -> np.ndarray:
        """Return targets or outputs in the units of y."""
        if getattr(self, "target_mean_", None) is None:
            return values
        step = len(self.target_mean_) // values.shape[1]
        found: np.ndarray = values * self.target_scale_[::step] + self.target_mean_[::step]
        return found.astype(values.dtype, copy=False)

    def _resolved(self) -> Any:
        """Return a loss of fastnn's own; None for scikit-learn's and functions."""
        own = self.loss in ("squared_error", "poisson") if isinstance(self.loss, str) else False
        if own or not isinstance(self.loss, (str, type, Loss)):
            return None
        return resolve(Loss, self.loss, "loss")

    def _choose_loss(self, columns: int) -> tuple[int, Any, Any]:
        loss = self._resolved()
        outputs = columns * (1 if loss is None else max(loss.repeats(), 1))
        return outputs, *loss_of(self.loss, outputs)

    def _out_activation(self) -> str:
        return str(self.network_.loss.score_link)

    def _loss_constant(self, data: Data) -> float:
        """Return the part of the Poisson deviance that depends on the targets alone."""
        if self.loss != "poisson":
            return 0.0
        y = np.asarray(data.y, np.float64)
        own = y * np.log(np.where(y > 0, y, 1)) - y
        return float(np.average(own, weights=data.weights, axis=0).sum())

    def _quantiles(self) -> tuple[float, ...]:
        """Return the quantiles that are predicted of each target; none where it is one number."""
        loss = self.network_.loss
        several = loss.repeats() > 1 and not loss.shares_targets
        return tuple(loss.quantile) if several else ()

    def _score_of(self, data: Data) -> float:
        loss = self.network_.loss
        if self.scoring == "loss" or (self.scoring is None and self._quantiles()):
            return -self._loss_of(data)
        raw = self.network_._outputs(data.X, loss.score_link)
        outputs = loss.comparable(raw).astype(np.float64)
        if not np.isfinite(outputs).all():
            return float("nan")
        function, sign = scorer_of(self.scoring or "r2")
        weights = {} if data.weights is None else {"sample_weight": data.weights}
        with np.errstate(over="ignore", invalid="ignore"):
            y, outputs = self._unscaled(np.asarray(data.y, np.float64)), self._unscaled(outputs)
            return sign * float(function(y, outputs, **weights))

    # ---- predictions ----------------------------------------------------------------------------

    def predict(self, X: Any) -> np.ndarray:
        """Return the prediction for each sample.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        loss = self.network_.loss
        outputs: np.ndarray = self._unscaled(loss.comparable(self._outputs_of(X, loss.score_link)))
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R2; of several quantiles D2, the share of their pinball loss that is explained.

        D2 is 1 less the loss over that of the best constant, the mean over quantiles and targets:
        see `sklearn.metrics.d2_pinball_score`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        check_is_fitted(self)
        quantiles = self._quantiles()
        if not quantiles:
            return float(super().score(X, y, sample_weight))
        y = np.asarray(y, np.float64)
        y = y.reshape(len(y), -1)
        predicted = self.predict(X).reshape(*y.shape, len(quantiles))
        found = [
            d2_pinball_score(y, predicted[:, :, i], sample_weight=sample_weight, alpha=quantile)
            for i, quantile in enumerate(quantiles)
        ]
        return float(np.mean(found))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
