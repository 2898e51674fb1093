"""Estimators with scikit-learn's interface and its MLP's parameters, trained by fastnn.

A script for `sklearn.neural_network.MLPClassifier` or `MLPRegressor` runs with the import
changed; what fastnn has beyond them goes by the same parameters, which take more, and by
keywords of its own.  They need scikit-learn, which the extra ``fastnn[sklearn]`` brings.
"""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        'fastnn.estimators: needs scikit-learn: pip install "fastnn[sklearn]"'
    ) from error

from fastnn.estimators.classifier import MLPClassifier
from fastnn.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
