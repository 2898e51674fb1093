"""Tables for the estimators: which of them want a `TabularPreprocessor`, and what it makes of them.

A table of numbers without gaps is treated as an array, as scikit-learn does; any other becomes
what a network takes.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import _check_y, check_consistent_length, validate_data

from fastnn.tables import TabularPreprocessor

DTYPES = (np.float64, np.float32)


def fitted_preprocessor(asked: Any, X: Any) -> Any:
    """Return a preprocessor that was fitted to X, or None where it needs none.

    Parameters
    ----------
    asked : "auto", None or TabularPreprocessor
        The estimator's parameter; one that is given is cloned.
    X : table or array-like
    """
    if asked is None or (isinstance(asked, str) and not wants_one(X)):
        return None
    made = TabularPreprocessor() if isinstance(asked, str) else clone(asked)
    return made.fit(X)


def wants_one(X: Any) -> bool:
    """Return whether X is a table with anything but numbers, or with gaps.

    What is no DataFrame (a batch of Arrow's, a DuckDB relation) is not looked into.
    """
    if isinstance(X, np.ndarray):
        return False
    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        kinds = frame.schema.items()
        whole = (_is_whole(frame.get_column(name), kind) for name, kind in kinds)
        return bool(len(frame)) and not all(whole)
    return isinstance(frame, nw.LazyFrame) or (
        hasattr(X, "__arrow_c_stream__") and not hasattr(X, "dtype")
    )


def _is_whole(column: Any, kind: Any) -> bool:
    if not kind.is_numeric() or column.null_count():
        return False
    return not (kind.is_float() and column.is_nan().any())


def check_both(estimator: Any, X: Any, y: Any, reset: bool, **options: Any) -> tuple[Any, Any]:
    """Return X and y as arrays; of a table what the estimator's preprocessor makes of it.

    Parameters
    ----------
    estimator
        Gets a `preprocessor_` where `reset`.
    X, y
        As given to `fit`.
    reset : bool
        Whether it is the first fit.
    **options
        Of scikit-learn's check of y.
    """
    if reset:
        estimator.preprocessor_ = fitted_preprocessor(estimator.preprocessor, X)
    preprocessor = vars(estimator).get("preprocessor_")
    if preprocessor is None:
        return validate_data(  # type: ignore[no-any-return]
            estimator,
            X,
            y,
            accept_sparse=["csr"],
            multi_output=True,
            dtype=DTYPES,
            reset=reset,
            **options,
        )
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y "
            "is None."
        )
    y = _check_y(y, multi_output=True, estimator=estimator, **options)
    X = preprocessor.transform(X)
    check_consistent_length(X, y)
    if reset:
        estimator.n_features_in_ = preprocessor.n_features_in_
        vars(estimator).pop("feature_names_in_", None)
        if hasattr(preprocessor, "feature_names_in_"):
            estimator.feature_names_in_ = preprocessor.feature_names_in_
    return X, y


def check_inputs(estimator: Any, X: Any) -> Any:
    """Return the X of a prediction as an array."""
    preprocessor = vars(estimator).get("preprocessor_")
    if preprocessor is not None:
        return preprocessor.transform(X)
    return validate_data(estimator, X, accept_sparse=["csr"], dtype=DTYPES, reset=False)
