"""How good a model is: the metrics of a task, of its predictions and of a guess without a look."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fastnn.cli._errors import need
from fastnn.cli._schema import CLASSIFICATION, layout, number

# Metric: what it is, for people; whether more is better.
METRICS = {
    "accuracy": "share of rows whose class is right",
    "balanced accuracy": "the same, the mean over the classes",
    "F1": "mean over the classes",
    "ROC AUC": "mean over the classes, each against the others",
    "log loss": "less is better",
    "R2": "share of the variance that is explained",
    "RMSE": "root of the mean squared error",
    "MAE": "mean absolute error",
    "median error": "absolute; half of the rows have less",
}
ROWS, REPEATS = 5000, 5  # of importances: at most so many rows, each column shuffled so often


def of_classes(y: Any, predicted: Any, proba: Any, classes: Any) -> dict[str, float]:
    """Return the metrics of a classifier.

    Parameters
    ----------
    y, predicted : array-like of shape (n_samples,)
    proba : ndarray of shape (n_samples, n_classes)
    classes : ndarray of shape (n_classes,)
        In the order of proba's columns.
    """
    m = need("sklearn.metrics")
    proba = proba.astype("float64")
    proba /= proba.sum(axis=1, keepdims=True)  # 1 in float32 need not be 1 in float64
    known = [label for label in classes if (y == label).any()]
    found = {
        "accuracy": m.accuracy_score(y, predicted),
        "balanced accuracy": m.recall_score(
            y, predicted, labels=known, average="macro", zero_division=0
        ),
        "F1": m.f1_score(y, predicted, labels=known, average="macro", zero_division=0),
        "ROC AUC": _auc(m, y, proba, classes),
        "log loss": m.log_loss(y, proba, labels=classes),
    }
    return {name: float(value) for name, value in found.items()}


def _auc(m: Any, y: Any, proba: Any, classes: Any) -> float:
    """Return the mean over the classes that occur and are not all; two classes have the same."""
    areas = [
        m.roc_auc_score(y == label, proba[:, i])
        for i, label in enumerate(classes)
        if 0 < (y == label).sum() < len(y)
    ]
    return sum(areas) / len(areas) if areas else math.nan


def of_numbers(y: Any, predicted: Any) -> dict[str, float]:
    """Return the metrics of a regression; y and predicted are of shape (n_samples,)."""
    m = need("sklearn.metrics")
    found = {
        "R2": m.r2_score(y, predicted) if len(y) > 1 else math.nan,
        "RMSE": m.root_mean_squared_error(y, predicted),
        "MAE": m.mean_absolute_error(y, predicted),
        "median error": m.median_absolute_error(y, predicted),
    }
    return {name: float(value) for name, value in found.items()}


def measure(model: Any, task: str, X: Any, y: Any) -> dict[str, float]:
    """Return the metrics of an estimator on rows."""
    if task == CLASSIFICATION:
        proba = model.predict_proba(X)
        return of_classes(y, model.classes_[proba.argmax(axis=1)], proba, model.classes_)
    return of_numbers(y, model.predict(X))


def baseline(task: str, y: Any, y_new: Any) -> dict[str, float]:
    """Return the metrics of a guess that knows y alone: its classes' shares, or its mean."""
    dummy, np = need("sklearn.dummy"), need("numpy")
    made = dummy.DummyClassifier() if task == CLASSIFICATION else dummy.DummyRegressor()
    X, X_new = np.zeros((len(y), 1)), np.zeros((len(y_new), 1))
    return measure(made.fit(X, y), task, X_new, y_new)


def better(task: str, scores: Mapping[str, float], others: Mapping[str, float]) -> bool:
    """Whether scores are better than others, by what the training goes by."""
    name = "log loss" if task == CLASSIFICATION else "RMSE"
    return scores[name] < others[name]


def importances(model: Any, task: str, X: Any, y: Any, seed: int) -> list[tuple[str, float, float]]:
    """Return for each column what shuffling it costs, and its standard deviation; most first.

    In accuracy or R2: L. Breiman, "Random forests", Machine Learning 45(1), 2001.
    """
    inspection = need("sklearn.inspection")
    if len(X) > ROWS:
        X = X.sample(ROWS, random_state=seed)
        y = y.loc[X.index]
    scoring = "accuracy" if task == CLASSIFICATION else "r2"
    found = inspection.permutation_importance(
        model, X, y, scoring=scoring, n_repeats=REPEATS, random_state=seed
    )
    rows = zip(
        X.columns, found.importances_mean.tolist(), found.importances_std.tolist(), strict=True
    )
    return sorted(rows, key=lambda row: -row[1])


def text(name: str, value: float) -> str:
    """Return a metric's value as people read it."""
    if math.isnan(value):
        return "-"
    if name in ("RMSE", "MAE", "median error"):
        return number(value)
    return f"{round(value, 4) + 0.0:.4f}"  # without the sign of -0.00001


def table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """Return metrics as text, with a column for each part of the rows."""
    names = list(next(iter(scores.values())))
    rows = [
        [name, *(text(name, found.get(name, math.nan)) for found in scores.values())]
        for name in names
    ]
    return layout([["", *scores], *rows], "<" + ">" * len(scores))
