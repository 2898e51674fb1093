"""Estimators as files: the network's, with what else they know as JSON in the metadata.

Nothing in it is executed: parameters that JSON cannot hold (functions, callbacks, a RandomState)
are left out, and come back as their defaults.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._spec import Spec, from_config
from fastnn._state import get_values, same_values
from fastnn.activations import Activation
from fastnn.estimators._classes import Classes
from fastnn.estimators._rate import Rate
from fastnn.losses import CustomLoss, Loss
from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule
from fastnn.solvers import Solver

ENTRY = "estimator"  # in the metadata
_KINDS: dict[str, type[Spec]] = {
    kind.kind: kind for kind in (Activation, Loss, Optimizer, Solver, Schedule)
}
# Numbers, lists of them and names that a fit leaves, besides what is named below.
_PLAIN = (
    *("loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_"),
    *("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"),
    *("evals_result_", "_no_improvement_count"),
)
_ARRAYS = ("feature_names_in_", "target_mean_", "target_scale_")


def save(estimator: Any, path: str | os.PathLike[str], optimizer_state: bool) -> None:
    """Write a fitted estimator; see `BaseMLP.save`."""
    from fastnn import serialization

    values = vars(estimator)
    known = values.get("_classes")
    preprocessor = values.get("preprocessor_")
    state = {
        "kind": type(estimator).__name__,
        "parameters": {
            name: value
            for name, value in estimator.get_params(deep=False).items()
            if name != "preprocessor" and _is_plain(value)
        },
        "columns": estimator._columns,
        "attributes": {name: _flat(values[name]) for name in _PLAIN if name in values},
        "arrays": {
            name: None if values[name] is None else _of_array(values[name])
            for name in _ARRAYS
            if name in values
        },
        "preprocessor": None if preprocessor is None else preprocessor.get_state(),
        "classes": None if known is None else _of_classes(known),
    }
    if optimizer_state and "_optimizer" in values:  # else `partial_fit` begins a new one
        state["rate"] = vars(values["_optimizer"])
    # Most often those of the network, which a later fit goes back to where it finds no better.
    state["best"] = "_best_values" in values and same_values(
        values["_best_values"], get_values(estimator.network_)
    )
    state["parameters"] = {name: _described(v) for name, v in state["parameters"].items()}
    more = {ENTRY: json.loads(_text(state))}
    serialization.save(estimator.network_, Path(path), more, optimizer_state)


def load(text: str, net: Any) -> Any:
    """Return the estimator of a file, of its metadata's text and its network.

    Raises
    ------
    ValueError, TypeError, LookupError, AttributeError
        If the text describes none.
    """
    from fastnn import estimators
    from fastnn.tables import TabularPreprocessor

    state = _numbers(json.loads(text))
    if state["kind"] not in estimators.__all__:
        raise ValueError(f"no estimator is called {state['kind']!r}")
    kind = getattr(estimators, state["kind"])
    estimator = kind(**{name: _made(v) for name, v in state["parameters"].items()})
    estimator._validate_params()
    unknown = set(state["attributes"]) - set(_PLAIN) | set(state["arrays"]) - set(_ARRAYS)
    if unknown:
        raise ValueError(f"no estimator has {sorted(unknown)}")
    for name, value in state["attributes"].items():
        setattr(estimator, name, value)
    for name, value in state["arrays"].items():
        setattr(estimator, name, None if value is None else _array(value))
    made, inputs = state["preprocessor"], estimator.n_features_in_
    estimator.preprocessor_ = None if made is None else TabularPreprocessor.from_state(made)
    if estimator.preprocessor_ is not None:
        inputs = sum(column.width for column in estimator.preprocessor_.columns_)
    if state["classes"] is not None:
        estimator._classes = _classes(state["classes"])
        estimator.classes_ = estimator._classes.classes
    estimator._columns = state["columns"]
    net._shared_penalties = True
    estimator.network_ = net
    outputs, loss, estimator._scale = estimator._choose_loss(state["columns"])
    if (net.input_size, net.output_size) != (inputs, outputs):
        raise ValueError(f"its network has {net.input_size} inputs and {net.output_size} outputs")
    net.loss = net._use_loss(loss)
    if "rate" in state:  # older files have none
        estimator._optimizer = Rate.from_state(state["rate"])
    if state.get("best"):
        estimator._best_values = get_values(net)
    return estimator


# ---- parameters -----------------------------------------------------------------------------


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(_is_plain(item) for item in (*value.keys(), *value.values()))
    if isinstance(value, Spec):
        fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return not isinstance(value, CustomLoss) and all(_is_plain(field) for field in fields)
    return value is None or isinstance(value, (str, bool, int, float, np.generic))


def _described(value: Any) -> Any:
    """Return a parameter as JSON has it; specs, dicts and tuples by name."""
    if isinstance(value, Spec):
        return {"spec": value.kind, "config": value.to_config()}
    if isinstance(value, dict):
        pairs = [[_described(key), _described(item)] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, (list, tuple)):
        return [_described(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_made(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "dict" in value:
        return {_made(key): _made(item) for key, item in value["dict"]}
    from fastnn.serialization import _parts

    kind = _KINDS[value["spec"]]
    return from_config(kind, _parts(value["config"]), kind.kind)


# ---- numbers and arrays ---------------------------------------------------------------------


def _text(state: Any) -> str:
    """Return JSON without what it has no words for: infinite numbers and NaN are tagged."""
    return json.dumps(_tagged(state), allow_nan=False)


def _tagged(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tagged(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(float(value))}
    return value


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"float"}:
            return float(value["float"])
        return {key: _numbers(item) for key, item in value.items()}
    return [_numbers(item) for item in value] if isinstance(value, list) else value


def _flat(value: Any) -> Any:
    """Return a number of NumPy's as Python's, in lists and dicts too."""
    if isinstance(value, dict):
        return {key: _flat(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_flat(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _of_array(array: np.ndarray) -> dict[str, Any]:
    values = np.asarray(array).tolist()
    if not all(isinstance(value, (str, bool, int, float)) for value in values):
        raise TypeError(f"save: labels {values[:3]} are neither numbers nor text")
    return {"dtype": np.asarray(array).dtype.str, "values": values}


def _array(described: Any) -> np.ndarray:
    dtype, values = np.dtype(described["dtype"]), described["values"]
    if dtype.kind not in "biufUO" or not isinstance(values, list):
        raise ValueError(f"an array of {dtype}")
    if not all(isinstance(value, (str, bool, int, float)) for value in values):
        raise ValueError("an array of neither numbers nor text")
    if dtype.kind == "U" and dtype.itemsize > 4 * max(map(len, values), default=0) + 4:
        raise ValueError(f"an array of {dtype}, with shorter text")
    return np.array(values, dtype=dtype)


def _of_classes(known: Classes) -> dict[str, Any]:
    arrays = known.classes if isinstance(known.classes, list) else [known.classes]
    return {
        "kind": known.kind,
        "link": known.loss_link,
        "columns": [_of_array(one) for one in arrays],
    }


def _classes(described: Any) -> Classes:
    kind, columns = described["kind"], [_array(one) for one in described["columns"]]
    if kind not in ("binary", "multiclass", "multilabel", "multioutput"):
        raise ValueError(f"classes that are {kind!r}")
    if not columns or (kind != "multioutput" and len(columns) != 1):
        raise ValueError(f"{len(columns)} columns of classes that are {kind!r}")
    classes = columns if kind == "multioutput" else columns[0]
    return Classes(kind, classes, str(described["link"]))
