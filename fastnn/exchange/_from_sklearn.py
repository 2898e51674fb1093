"""Networks from scikit-learn's fitted MLPs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.activations import ReLU, Sigmoid, Tanh
from fastnn.exchange._parts import Part, append, assemble, dense
from fastnn.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError, Poisson

if TYPE_CHECKING:
    from fastnn.sequential import Sequential

_ACTIVATIONS = {"identity": None, "logistic": Sigmoid(), "tanh": Tanh(), "relu": ReLU()}


def from_sklearn(mlp: Any, *, dtype: str | None = None) -> Sequential:
    """Make a network of a fitted MLPClassifier or MLPRegressor of scikit-learn.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier or MLPRegressor
        Fitted.
    dtype : {"float32", "float64"}, optional
        By default that of its weights, which is float64 unless it was fitted to float32.

    Returns
    -------
    Sequential
        With the same outputs, and with the loss that goes with them.  Of a classifier
        `predict_proba` is the same, column by column in the order of ``mlp.classes_``, and
        ``net.predict(X).argmax(axis=1)`` counts in that order too (of two classes it has two raw
        outputs, half the logit and its negative; of several labels at a time, one each).  Of a
        regressor `predict` is the same, with one column if there is one target; if its loss is
        Poisson's, it is the logarithm.

    Raises
    ------
    ImportError
        Without scikit-learn.
    TypeError
        If it is something else.
    ValueError
        If it is not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, y = np.eye(4), np.array(["a", "b", "c", "a"])
    >>> mlp = MLPClassifier([8], solver="lbfgs", random_state=0).fit(X, y)
    >>> net = fastnn.from_sklearn(mlp)
    >>> bool(np.allclose(net.predict_proba(X), mlp.predict_proba(X), atol=1e-12))
    True
    """
    try:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
    except ImportError as error:
        raise ImportError(
            'from_sklearn: needs scikit-learn: pip install "fastnn[sklearn]"'
        ) from error
    if not isinstance(mlp, (MLPClassifier, MLPRegressor)):
        raise TypeError(f"mlp: got {mlp!r:.80}, want scikit-learn's MLPClassifier or MLPRegressor")
    if not hasattr(mlp, "coefs_"):
        raise ValueError(f"mlp: got {mlp!r:.80}, which is not fitted")
    arrays = [
        (np.asarray(W), np.asarray(b)) for W, b in zip(mlp.coefs_, mlp.intercepts_, strict=True)
    ]
    hidden = _ACTIVATIONS[mlp.activation]
    parts: list[Part] = []
    for W, b in arrays[:-1]:
        parts.append(dense(W, b))
        if hidden is not None:
            append(parts, hidden)
    W, b = arrays[-1]
    two = isinstance(mlp, MLPClassifier) and mlp.n_outputs_ == 1
    if two:  # softmax of (-z/2, z/2) is (1 - sigmoid(z), sigmoid(z)), and halves are exact
        W, b = np.hstack([-W / 2, W / 2]), np.hstack([-b / 2, b / 2])
    parts.append(dense(W, b))
    net = assemble(parts, dtype or W.dtype.name)
    net.loss = _loss("softmax" if two else mlp.out_activation_)
    return net


def _loss(link: str) -> Any:
    """Return the loss whose link scikit-learn applies to the outputs."""
    return {
        "softmax": CrossEntropy,
        "logistic": BinaryCrossEntropy,
        "identity": MeanSquaredError,
        "exp": Poisson,
    }[link]()
