"""Which samples train and which validate, and what the classes weigh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn._frozen import Frozen
from fastnn._spec import check_count, check_number
from fastnn.arrays import as_real, check_not_negative, check_weights

if TYPE_CHECKING:
    from fastnn.arrays import Targets
    from fastnn.sequential import Sequential

VALIDATION_NAMES = tuple(f"validation_data[{i}]" for i in range(3))

# Of the random generator: the one before those that shuffle.
VALIDATION_STREAM = (1 << 32) - 1


class Validation(Frozen):
    """What is evaluated after each epoch."""

    data: Any
    names: tuple[str, ...]
    rows: np.ndarray | None = None  # of the data; None: all


def given(net: Sequential, value: Any, loss: Any) -> Validation | None:
    """Return `validation_data`, checked."""
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        got = type(value).__name__
        got += f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
        raise TypeError(f"validation_data: got {got}, want a tuple (X, y) or (X, y, sample_weight)")
    X, y, *weight = value
    data = net._checked_data(X, y, weight[0] if weight else None, loss, VALIDATION_NAMES)
    return Validation(data, VALIDATION_NAMES)


def split(seed: int, share: float, data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Divide the samples at random; return the rows that train and those that validate.

    Parameters
    ----------
    seed : int
        The same one always gives the same parts of as many samples.
    share : float
        In (0, 1), of the samples that validate; rounded, and at least one is in each part.
    data : tuple
        X, targets and weights, checked.

    Returns
    -------
    training, validation : ndarray of int64
        In rising order.
    """
    check_number("validation_split", share, low=0, high=1, open_low=True, open_high=True)
    X, _, weights = data
    if len(X) < 2:
        raise ValueError("validation_split: got 1 sample, want at least 2 to divide")
    drawn = np.empty(len(X), dtype=np.int64)
    _core.permutation(seed, VALIDATION_STREAM, drawn)
    held = min(max(round(share * len(X)), 1), len(X) - 1)
    parts = np.sort(drawn[held:]), np.sort(drawn[:held])
    check_part(weights, parts[1], "validation")
    return parts


def check_part(weights: np.ndarray | None, rows: np.ndarray | None, what: str) -> None:
    """Raise unless some sample of a part weighs something."""
    if weights is not None and rows is not None and not weights[rows].any():
        raise ValueError(f"sample_weight: all weights of the {what} part are 0, want one above")


def weigh_classes(
    value: Any, targets: Targets, weights: np.ndarray | None, outputs: int, whole: bool = True
) -> np.ndarray | None:
    """Return the sample weights times the weights of the samples' classes.

    Parameters
    ----------
    value : dict, array-like of shape (n_classes,) or None
        A class that a dict does not have weighs 1.
    targets : Targets
        Integer labels, or one column of 0 and 1.
    weights : ndarray of shape (n_samples,) or None
    outputs : int
        Of the network: the number of classes; 1 has two.
    whole : bool, default True
        Whether these are all samples; one batch of several may weigh nothing.
    """
    if value is None:
        return weights
    labels = targets.array[:, 0]
    if not targets.labels and (outputs > 1 or not np.isin(labels, (0, 1)).all()):
        raise ValueError("class_weight: want integer labels as y, or one column of 0 and 1")
    classes = max(outputs, 2)
    if isinstance(value, Mapping):
        table = np.ones(classes)
        for key, weight in value.items():
            label = check_count("class_weight: a class", key, low=0, high=classes - 1)
            check_number(f"class_weight[{label}]", weight, low=0)
            table[label] = weight
    else:
        table = np.asarray(as_real("class_weight", value), dtype=np.float64)
        if table.shape != (classes,):
            raise ValueError(f"class_weight: got shape {table.shape}, want ({classes},)")
        check_not_negative("class_weight", table)
    product = table[labels.astype(np.intp)] * (1 if weights is None else weights)
    if not (whole or product.any()):
        return np.ascontiguousarray(product)
    return check_weights("class_weight times sample_weight", product, len(labels))
