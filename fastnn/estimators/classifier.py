"""`MLPClassifier`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_is_fitted

from fastnn._spec import resolve
from fastnn.estimators import _heads
from fastnn.estimators._base import BaseMLP, scorer_of, validation_of
from fastnn.estimators._classes import Classes
from fastnn.estimators._tables import check_both
from fastnn.estimators._training import Data
from fastnn.losses import Loss

if TYPE_CHECKING:
    from fastnn._options import AnyLoss, AnyOptimizer


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """A multi-layer perceptron that classifies, with scikit-learn's interface.

    All parameters, defaults and attributes of `sklearn.neural_network.MLPClassifier`, of
    scikit-learn 1.9, mean what they mean there, and it makes the same steps from the same
    parameters.  Random numbers are fastnn's own.  Some parameters take more, and those from `loss`
    on are fastnn's.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of the hidden layers.
    activation : str, activation, or sequence of them, default "relu"
        "identity", "logistic", "tanh", "relu", or any of `fastnn.activations`; a sequence has one
        for each hidden layer.  Of those four the initial values are scikit-learn's (Glorot's,
        uniform, of biases too), of the others the ones that suit them.
    solver : str, optimizer or solver, default "adam"
        "sgd", "adam", "lbfgs"; the name of another of `fastnn.optimizers`, which takes
        `learning_rate_init`; or an object, such as ``fastnn.AdamW(1e-3)``, with its own rate.
    alpha : float, default 0.0001
        The penalty alpha / 2 sum(W^2) / n is added to the loss, n being the sum of the weights of
        the samples in a batch.
    batch_size : int, default "auto"
        "auto": 200, or all samples where there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"} or schedule, default "constant"
        Of "sgd".  A schedule, or a function step -> rate, is for all optimizers by name.
    learning_rate_init, power_t, momentum, nesterovs_momentum, beta_1, beta_2, epsilon
        Of "sgd" and "adam": see `fastnn.SGD`, `fastnn.Adam`.
    max_iter : int, default 200
        Epochs, of solvers iterations.
    shuffle : bool, default True
        Visit the samples in a new order each epoch.
    random_state : int, RandomState instance or None, default None
        Of the initial values, the orders, the held-out part, dropout.
    tol, n_iter_no_change : float, int, default 1e-4, 10
        Training ends when so many epochs in a row the loss (with `early_stopping` the score) got
        no better by at least tol.
    verbose : bool, int or "progress", default False
        Print the losses; "progress": fastnn's bar instead, on stderr.
    warm_start : bool, default False
        A later `fit` goes on from the parameters.
    early_stopping, validation_fraction : bool, float, default False, 0.1
        Hold a share of the samples out (of two classes, in equal shares), and score them after
        each epoch.
    max_fun : int, default 15000
        Of "lbfgs": most gradients.
    loss : str, loss or callable, default "log_loss"
        Any of classes of `fastnn.losses`, or a function; see `fastnn.losses.CustomLoss`.
    class_weight : dict, "balanced", list of dicts or None, default None
        Multiplies the sample weights.
    dropout : float or sequence of float, default 0.0
        After the hidden layers.
    normalization : {"batch", "layer", None}, default None
        Of the hidden layers, before their activations.
    scoring : str, callable or None, default None
        What validation looks at: None is accuracy; "loss"; a name of `fastnn.metrics`; or a
        function (targets, outputs) -> float that grows as they get better.
    restore_best : bool, default True
        With validation data: end with the parameters of the best score.
    callbacks : list of Callback, optional
        See `fastnn.callbacks`.
    n_jobs : int, optional
        Most threads; None: as many as fastnn uses, -1: as there are CPUs.
    dtype : {"auto", "float32", "float64"}, default "auto"
        Of the network; "auto": that of X, and float64 with "lbfgs", as in scikit-learn.
    preprocessor : "auto", None or TabularPreprocessor, default "auto"
        "auto": tables with anything but numbers, or with gaps, go through a
        `fastnn.TabularPreprocessor`, whose categories with many levels are embedded; arrays, and
        tables of numbers, are taken as they are.

    Attributes
    ----------
    classes_ : ndarray, or list of ndarray
        A list where y has several columns of classes.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, outputs) and biases of each dense layer; may be set, and changed.
    network_ : Sequential
        The network; its outputs are raw.
    preprocessor_ : TabularPreprocessor or None
        What X went through.
    loss_, best_loss_, loss_curve_ : float, float, list of float
        With the penalties.
    validation_scores_, best_validation_score_ : list of float, float
        None without validation.
    evals_result_ : dict
        "validation_0", ...: lists of "loss" and "score" of each of `eval_set`.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    X may be sparse: the engine reads compressed rows, and X is never made dense.  y may be of two
    or more classes, of several labels each (an indicator matrix), or have several columns of
    classes.

    A fit of no more samples than a batch has, and "lbfgs", run in float64 and round their result
    to `dtype`: it takes no time there.

    References
    ----------
    F. Pedregosa et al., "Scikit-learn: machine learning in Python", Journal of Machine Learning
    Research 12, 2011.

    Examples
    --------
    >>> import fastnn
    >>> X, y = fastnn.datasets.load_digits()
    >>> mlp = fastnn.MLPClassifier(learning_rate_init=0.01, random_state=0)
    >>> mlp.fit(X[:1400] / 16, y[:1400]).score(X[1400:] / 16, y[1400:]) > 0.85
    True
    >>> mlp.predict(X[:3] / 16).tolist()
    [0, 1, 2]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "class_weight": [dict, list, str, None],
    }

    def __init__(
        self,
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
        loss: AnyLoss = "log_loss",
        class_weight: Any = None,
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
    ) -> MLPClassifier:
        """Train.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels.
        sample_weight : array-like of shape (n_samples,), optional
        X_val, y_val, sample_weight_val : array-likes, optional
            Scored after each epoch, in place of a held-out part.
        eval_set : list of tuples (X, y) or (X, y, sample_weight), optional
            Evaluated after each epoch, for `evals_result_`.

        Returns
        -------
        MLPClassifier
            Itself.

        Raises
        ------
        ValueError, TypeError
            If an argument is wrong, or the loss becomes infinite or NaN.
        """
        validation = validation_of(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation=validation, evals=eval_set)  # type: ignore[no-any-return]

    @available_if(lambda estimator: estimator._check_solver())  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """Train one epoch, and go on from there at the next call.

        Parameters
        ----------
        X, y, sample_weight
            As of `fit`.
        classes : array-like of shape (n_classes,), optional
            All classes; needed at the first call.

        Returns
        -------
        MLPClassifier
            Itself.
        """
        self._validate_params()
        if _check_partial_fit_first_call(self, classes):
            kind = type_of_target(y)
            own = kind.startswith("multilabel") or kind == "multiclass-multioutput"
            self._label_classes(y if own else classes)
        return self._fit(X, y, sample_weight, incremental=True)  # type: ignore[no-any-return]

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = check_both(self, X, y, reset)
        if hasattr(y, "toarray"):
            y = y.toarray()
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_classes(y)
        else:
            self._check_labels(y)
        return X, y

    def _label_classes(self, y: Any) -> None:
        """Find the classes."""
        loss: Any = self.loss
        own = loss != "log_loss" and isinstance(loss, (str, type, Loss))
        link = resolve(Loss, loss, "loss").link if own else ""
        self._classes = Classes.of(y, link)
        self.classes_ = self._classes.classes

    def _check_labels(self, y: np.ndarray) -> None:
        """Raise where a later fit has other classes."""
        if self._classes.kind == "multioutput":
            for one, column in zip(self.classes_, y.T, strict=True):
                if not np.isin(column, one).all():
                    raise ValueError("`y` has classes not in `self.classes_`.")
            return
        classes = unique_labels(y)
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _targets(self, y: np.ndarray) -> Any:
        return self._classes.encode(y)

    def _choose_loss(self, columns: int) -> tuple[int, Any, Any]:
        loss, scale = self._classes.loss(self.loss)
        return self._classes.outputs, loss, scale

    def _out_activation(self) -> str:
        return self._classes.out_activation

    def _weigh(self, y: np.ndarray, weights: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return weights
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight: got 'balanced' in partial_fit, which does not know all classes' "
                "shares; want a dict, such as from compute_class_weight"
            )
        if self._classes.kind in ("binary", "multiclass") and isinstance(self.class_weight, dict):
            table = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            own = table[np.searchsorted(self.classes_, y)]
        else:
            own = compute_sample_weight(self.class_weight, y)
        return own if weights is None else own * weights

    def _score_of(self, data: Data) -> float:
        if self.scoring == "loss":
            return -self._loss_of(data)
        known = self._classes
        p = known.probabilities(self.network_._outputs(data.X, known.link))
        if not np.isfinite(p).all():
            return float("nan")
        if self.scoring in (None, "accuracy"):
            return float(np.average(known.right(p, data.y), weights=data.weights))
        function, sign = scorer_of(self.scoring)
        weights = {} if data.weights is None else {"sample_weight": data.weights}
        return sign * float(function(data.y, p, **weights))

    # ---- predictions ----------------------------------------------------------------------------

    def _probabilities(self, X: Any) -> Any:
        check_is_fitted(self)
        return self._classes.probabilities(self._outputs_of(X, self._classes.link))

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each sample.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        p = self._probabilities(X)
        labels: np.ndarray = self._classes.decode(self._classes.decide(p))
        return labels

    def predict_proba(self, X: Any) -> np.ndarray | Any:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; of several columns of classes a list of them.
        """
        p = self._probabilities(X)
        if self._classes.kind == "binary":
            return np.hstack([1 - p, p])
        if self._classes.kind == "multioutput":
            return _heads.split(p, self._classes.sizes)
        return p

    def predict_log_proba(self, X: Any) -> np.ndarray | Any:
        """Return the logarithms of what `predict_proba` returns."""
        p = self.predict_proba(X)
        if isinstance(p, list):
            return [np.log(one) for one in p]
        return np.log(p, out=p)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; of several labels or columns, the share of rows all right."""
        if hasattr(self, "_classes") and self._classes.kind == "multioutput":
            right = (self.predict(X) == np.asarray(y)).all(axis=1)
            return float(np.average(right, weights=sample_weight))
        return float(super().score(X, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags
