"""Metrics: numbers that say how good predictions are, besides the loss.

Each is a function of (y, outputs, sample_weight=None) that `evaluate` and `fit` take by name or
as it is; so is any function of yours.  For losses of classes, outputs are probabilities, of shape
(n_samples, n_outputs), and y is labels (n_samples,), also where one-hot or probability rows were
given for cross_entropy; y of several columns is one yes-or-no question a column.  The hinge losses
have no probabilities: outputs are sigmoid(z), above 0.5 where z > 0.  For poisson, gamma and
tweedie outputs are the means exp(z), for gaussian_nll the means alone.

They are computed of the outputs that the loss was computed of: those of training data are the
ones of each step as it trained.  "accuracy" the engine counts itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._spec import as_number, check_count

if TYPE_CHECKING:
    from fastnn.losses import Loss
    from fastnn.sequential import Sequential

__all__ = ["f1", "mae", "precision", "r2", "recall", "rmse", "roc_auc", "top_k"]


def precision(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """Return TP / (TP + FP): the share of right ones among what was called positive.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels; or 0 and 1, one yes-or-no question a column.
    outputs : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Probabilities.  With labels, the class is that of the largest; else, and for one output,
        positive is above 0.5.
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    float
        Of class 1 where there are two; else the mean over the classes or columns that occur in
        y or among the predictions.  0 where nothing was called positive.

    References
    ----------
    C. van Rijsbergen, "Information retrieval", 2nd edition, 1979, chapter 7: precision, recall and
    their harmonic mean.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.metrics.precision([0, 1, 1, 0], [0.2, 0.9, 0.4, 0.7])
    0.5
    """
    hits, false, _ = _counts(y, outputs, sample_weight)
    return _mean_share(hits, hits + false)


def recall(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """Return TP / (TP + FN): the share of the positives that were found.

    Parameters
    ----------
    y, outputs, sample_weight
        As of `precision`.

    Returns
    -------
    float
        Averaged as by `precision`; 0 where there is no positive.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.metrics.recall([0, 1, 1, 1], [0.2, 0.9, 0.4, 0.7]) == 2 / 3
    True
    """
    hits, _, missed = _counts(y, outputs, sample_weight)
    return _mean_share(hits, hits + missed)


def f1(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """Return 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall.

    Parameters
    ----------
    y, outputs, sample_weight
        As of `precision`.

    Returns
    -------
    float
        Averaged as by `precision`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.metrics.f1([0, 1, 1, 0], [0.2, 0.9, 0.4, 0.7])
    0.5
    """
    hits, false, missed = _counts(y, outputs, sample_weight)
    return _mean_share(2 * hits, 2 * hits + false + missed)


def roc_auc(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """Return the area under the ROC curve: P(a positive's output > a negative's) + P(=) / 2.

    Parameters
    ----------
    y, outputs, sample_weight
        As of `precision`; only the order of the outputs matters.

    Returns
    -------
    float
        Of class 1 where there are two; else the mean over the classes (each against the rest)
        or columns that have positives and negatives.  NaN where none has.

    References
    ----------
    T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.metrics.roc_auc([0, 1, 1, 0], [0.2, 0.9, 0.4, 0.7])
    0.75
    """
    truth, _, scores = _questions(y, outputs)
    weights = _weights(sample_weight, len(truth))
    areas = []
    for yes, score in zip(truth.T, scores.T, strict=True):
        _, group = np.unique(score, return_inverse=True)
        up, down = (np.bincount(group, weights * part) for part in (yes, ~yes))
        pairs = up.sum() * down.sum()
        if pairs > 0:
            areas.append(up @ (np.cumsum(down) - down / 2) / pairs)
    return float(np.mean(areas)) if areas else float("nan")


def top_k(y: Any, outputs: Any, sample_weight: Any = None, k: int = 5) -> float:
    """Return the share of samples whose class is among those of the k largest outputs.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.
    outputs : array-like of shape (n_samples, n_classes)
        Of equal ones the first counts as larger.
    sample_weight : array-like of shape (n_samples,), optional
    k : int, default 5
        For another in `fit`: ``functools.partial(fastnn.metrics.top_k, k=3)``.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional
    neural networks", NIPS 2012 (the top-5 error).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.metrics.top_k([0, 2], [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], k=2)
    0.0
    >>> fastnn.metrics.top_k([0, 2], [[0.3, 0.5, 0.2], [0.6, 0.3, 0.1]], k=2)
    0.5
    """
    k = check_count("k", k)
    y, outputs = np.asarray(y), np.asarray(outputs)
    if y.ndim != 1 or outputs.ndim != 2 or len(y) != len(outputs) or outputs.shape[1] < 2:
        raise ValueError(
            f"y: got shape {y.shape} with outputs {outputs.shape}, want (n,) and (n, classes)"
        )
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :k]
    return float(
        np.average((best == y[:, None]).any(axis=1), weights=_weights(sample_weight, len(y)))
    )


def r2(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """Return 1 - sum (y - f)^2 / sum (y - mean y)^2, the share of the variance explained.

    Parameters
    ----------
    y, outputs : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    float
        The mean over the outputs; an output without variance has 1 where all is exact, else 0.

    References
    ----------
    N. Draper and H. Smith, "Applied regression analysis", 3rd edition, 1998, chapter 1.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.metrics.r2([1, 2, 3], [1, 2, 4])
    0.5
    """
    y, outputs, weights = _values(y, outputs, sample_weight)
    rest = weights @ (y - outputs) ** 2
    whole = weights @ (y - np.average(y, axis=0, weights=weights)) ** 2
    constant = whole == 0
    explained = 1 - rest / np.where(constant, 1, whole)
    return float(np.mean(np.where(constant, rest == 0, explained)))


def mae(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """Return the mean of abs(y - f), over the outputs too.

    Parameters
    ----------
    y, outputs, sample_weight
        As of `r2`.

    References
    ----------
    C. Willmott and K. Matsuura, "Advantages of the mean absolute error (MAE) over the root mean
    square error (RMSE)", Climate Research 30, 2005.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.metrics.mae([1, 2], [1, 4])
    1.0
    """
    y, outputs, weights = _values(y, outputs, sample_weight)
    return float(np.average(np.abs(y - outputs).mean(axis=1), weights=weights))


def rmse(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """Return the square root of the mean of (y - f)^2, over the outputs too; see `mae`.

    Parameters
    ----------
    y, outputs, sample_weight
        As of `r2`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.metrics.rmse([1, 2], [1, 4]) ** 2
    2.0000000000000004
    """
    y, outputs, weights = _values(y, outputs, sample_weight)
    return float(np.sqrt(np.average(((y - outputs) ** 2).mean(axis=1), weights=weights)))


# ---- arrays ------------------------------------------------------------------------------


def _weights(value: Any, n: int) -> np.ndarray:
    weights = np.ones(n) if value is None else np.asarray(value, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight: got shape {weights.shape}, want ({n},)")
    return weights


def _columns(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array[:, None] if array.ndim == 1 else array


def _values(y: Any, outputs: Any, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y and outputs as float64 (n, outputs), and weights (n,)."""
    y, outputs = (_columns(value).astype(np.float64) for value in (y, outputs))
    if y.shape != outputs.shape or y.ndim != 2:
        raise ValueError(f"y: got shape {y.shape}, want that of the outputs, {outputs.shape}")
    if not y.size:
        raise ValueError("y: got 0 samples, want at least 1")
    return y, outputs, _weights(weights, len(y))


def _questions(y: Any, outputs: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return truth and answers (bool) and scores, (n, questions): one where there are 2 classes."""
    y, outputs = _columns(y), _columns(outputs)
    if y.ndim != 2 or outputs.ndim != 2 or len(y) != len(outputs):
        raise ValueError(f"y: got shape {y.shape} with outputs {outputs.shape}, want as many rows")
    if y.shape == outputs.shape:
        return y > 0.5, outputs > 0.5, outputs
    if y.shape[1] != 1:
        raise ValueError(f"y: got shape {y.shape}, want labels or {outputs.shape}")
    classes = np.arange(outputs.shape[1])
    first = 1 if len(classes) == 2 else 0
    answers = outputs.argmax(axis=1)[:, None] == classes
    return (y == classes)[:, first:], answers[:, first:], outputs[:, first:]


def _counts(y: Any, outputs: Any, sample_weight: Any) -> tuple[np.ndarray, ...]:
    """Return true positives, false positives and false negatives of the questions that occur."""
    truth, answers, _ = _questions(y, outputs)
    weights = _weights(sample_weight, len(truth))
    occurs = (truth | answers).any(axis=0)
    cases = (truth & answers, ~truth & answers, truth & ~answers)
    return tuple(weights @ case[:, occurs] for case in cases)


def _mean_share(part: np.ndarray, whole: np.ndarray) -> float:
    shares = np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0.0)
    return float(shares.mean()) if shares.size else 0.0


# ---- what fit and evaluate do with them ---------------------------------------------------------

Metric = Callable[..., float]
_BY_NAME: dict[str, Metric] = {name: globals()[name] for name in __all__}


def _resolve(metrics: Any, loss: Loss) -> tuple[bool, dict[str, Metric]]:
    """Return whether accuracy is wanted, and the other metrics by name."""
    known = ("accuracy", *__all__)
    want = f"want a list of functions or of names among {known}"
    if not isinstance(metrics, (list, tuple)):
        raise ValueError(f"metrics: got {metrics!r}, {want}")
    found: dict[str, Any] = {}
    for metric in metrics:
        if not callable(metric) and not (isinstance(metric, str) and metric in known):
            raise ValueError(f"metrics: got {metrics!r}, {want}")
        function = _BY_NAME.get(metric) if isinstance(metric, str) else metric
        named = getattr(metric, "func", metric)  # a functools.partial
        name = (
            metric if isinstance(metric, str) else getattr(named, "__name__", type(named).__name__)
        )
        if name in found or name == "loss":
            raise ValueError(f"metrics: got {name!r} twice, want each name once")
        found[name] = function
    accuracy = "accuracy" in found and found.pop("accuracy") is None
    if accuracy and not loss.classifies:
        raise ValueError(f"metrics: got {metrics!r}, and {loss.name} has no classes to count")
    return accuracy, found


def _room(net: Sequential, rows: int, metrics: dict[str, Metric]) -> np.ndarray | None:
    """Return an array for the outputs of so many rows, if some metric wants them."""
    return np.empty((rows, net.output_size), dtype=net.dtype) if metrics else None


def _measure(
    net: Sequential,
    data: Any,
    loss: Loss,
    metrics: dict[str, Metric],
    *,
    accuracy: bool,
    order: np.ndarray | None = None,
    **options: Any,
) -> dict[str, float]:
    """Return loss, accuracy if wanted and metrics of checked data (of its rows `order`)."""
    outputs = _room(net, len(data[0]) if order is None else len(order), metrics)
    value, right = net._evaluate(
        "evaluate", data, loss, accuracy=accuracy, order=order, outputs=outputs, **options
    )
    found = {"loss": value} | ({"accuracy": right} if accuracy else {})
    rows = slice(None) if order is None else order
    return found | _compute(metrics, loss, outputs, data, rows)


def _compute(
    metrics: dict[str, Metric], loss: Loss, outputs: Any, data: Any, rows: Any = slice(None)
) -> dict[str, float]:
    """Return metrics of what the engine has put out, the loss's link applied, for some rows."""
    if not metrics:
        return {}
    _, (targets, labels), weights = data
    targets = targets[rows]
    outputs = loss.comparable(outputs)
    if loss.link == "softmax" and not labels:
        targets = targets.argmax(axis=1)
    elif targets.shape[1] == 1:
        targets = targets[:, 0]
    given = {} if weights is None else {"sample_weight": weights[rows]}
    return {
        name: as_number(f"metrics: {name}", metric(targets, outputs, **given), "a number")
        for name, metric in metrics.items()
    }
