"""Which activation some nodes of ONNX are: told by what they compute, not by how.

Exporters write a function in many ways (a gelu is one node or five, in several orders), so the
nodes are evaluated on points of the line, in float64, and compared with every activation.  What
is none of them may still be a line for each feature (scaling; batch normalization in parts) or
two half-lines (a PReLU in parts).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.activations import Activation as Function
from fastnn.exchange._onnx_reader import Reader
from fastnn.exchange._parts import Part
from fastnn.layers import BatchNorm, LayerNorm, PReLU

# Nodes that take each element by itself, and the mean over the features.
SIMPLE = {
    "Abs", "Add", "And", "Celu", "Clip", "Div", "Elu", "Equal", "Erf", "Exp", "Gelu", "Greater",
    "GreaterOrEqual", "HardSigmoid", "HardSwish", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max",
    "Min", "Mish", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "ReduceMean", "Relu",
    "Selu", "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Sub", "Tanh",
    "ThresholdedRelu", "Where",
}  # fmt: skip

_NEAR = 1e-6  # relative, for constants are often float32
_MANY, _FEW = np.linspace(-12, 12, 961), np.linspace(-12, 12, 25)  # with 0, 1 and -1
_ENDS = np.array([-30.0, -20.0, 20.0, 30.0])
_FAR = -1000.0  # where an exponential is gone

# The number of an activation that has one, of the function's values.
_NUMBERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "leaky_relu": ("negative_slope", lambda at: -at(-1.0)),
    "elu": ("alpha", lambda at: -at(_FAR)),
    "celu": ("alpha", lambda at: -at(_FAR)),
}


def recognize(reader: Reader, nodes: list[Any], x: str, y: str) -> Function | Part | None:
    """Return the activation, or the layer, that nodes between two values are; None if none is."""
    names = {name for node in nodes for name in node.input}
    constants = {name: reader.constants[name] for name in names & reader.constants.keys()}
    if any(node.op_type == "ReduceMean" for node in nodes):
        return _layer_norm(reader, nodes, constants, x, y)
    feeds = _doubles(constants)
    if any(values.ndim > 2 or (values.ndim == 2 and len(values) > 1) for values in feeds.values()):
        return None
    wide = any(values.size > 1 for values in feeds.values())
    z = np.concatenate([_FEW if wide else _MANY, _ENDS, [_FAR]])
    h = _evaluated(reader, nodes, feeds | {x: z[:, None]}, y)
    if h is None or h.shape[:1] != z.shape or h.ndim != 2 or h.dtype != z.dtype:
        return None
    if np.ptp(h, axis=1).max() == 0:
        function = _activation(z, h[:, 0])
        if function is not None:
            return function
    double = any(values.dtype == "float64" for values in constants.values())
    return _half_lines(z, h, "float64" if double else "float32")


def _layer_norm(
    reader: Reader, nodes: list[Any], constants: dict[str, np.ndarray], x: str, y: str
) -> Part | None:
    """Return the LayerNorm without scale and shift that nodes are.

    Before opset 17 it was written as means over the features; its epsilon is one of the numbers.
    """
    z = np.sin(np.arange(35.0)).reshape(5, 7) * np.arange(1, 6)[:, None]
    h = _evaluated(reader, nodes, _doubles(constants) | {x: z}, y)
    centered = z - z.mean(axis=1, keepdims=True)
    for values in constants.values():
        if values.size != 1 or not 0 < values.item() < 0.1 or h is None or h.shape != z.shape:
            continue
        epsilon = float(np.float32(values.item()).astype(str))
        if _same(h, centered / np.sqrt(z.var(axis=1, keepdims=True) + epsilon)):
            return Part(LayerNorm(epsilon))
    return None


def _doubles(constants: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: values.astype("float64") if values.dtype.kind == "f" else values
        for name, values in constants.items()
    }


def _evaluated(
    reader: Reader, nodes: list[Any], feeds: dict[str, np.ndarray], y: str
) -> np.ndarray | None:
    try:
        with np.errstate(all="ignore"):
            return reader.evaluate(nodes, feeds, y)
    except Exception:  # whatever onnx's implementation finds wrong with them
        return None


def _same(h: Any, want: Any) -> bool:
    return bool((np.abs(h - want) <= _NEAR * (1 + np.abs(want))).all())


def _activation(z: np.ndarray, h: np.ndarray) -> Function | None:
    near = slice(0, -1)  # what is far only tells numbers
    registry: dict[str, Any] = Function.registry
    kinds = {
        name: kind
        for name, kind in registry.items()
        if not (kind.link or kind.learned) and kind.__module__.startswith("fastnn.")
    }
    # Those without a number first: relu is also an elu of alpha 0.
    for name in sorted(kinds, key=lambda name: name in _NUMBERS):
        try:
            function: Function = _with_number(name, kinds[name], z, h)
        except ValueError:  # a number that it cannot have
            continue
        if _same(h[near], function(z[near])):
            return function
    return None


def _with_number(name: str, kind: Any, z: np.ndarray, h: np.ndarray) -> Any:
    if name not in _NUMBERS:
        return kind()
    field, number = _NUMBERS[name]
    value = number(lambda at: h[np.abs(z - at).argmin()])
    return kind(**{field: float(np.float32(value).astype(str))})  # 0.01, not 0.00999999978


def _half_lines(z: np.ndarray, h: np.ndarray, dtype: str) -> Part | None:
    """Return a PReLU, or a BatchNorm that scales and shifts."""
    shift, one, minus = (h[np.abs(z - at).argmin()] for at in (0.0, 1.0, -1.0))
    scale, slopes = one - shift, -minus
    width = len(shift) if len(shift) > 1 else 0  # numbers for all features tell no width
    z = z[:, None]
    if not np.isfinite(h).all():
        return None
    if _same(h, scale * z + shift):
        arrays = {"weights": scale.astype(dtype), "bias": shift.astype(dtype)}
        # Of mean 0 and variance 1, beside which this epsilon is lost.
        return Part(BatchNorm(epsilon=1e-30), arrays, width=width)
    if _same(h, np.where(z > 0, z, slopes * z)):
        return Part(PReLU(), {"slopes": slopes.astype(dtype)}, width=width)
    return None
