"""Nodes of ONNX that are a layer by themselves: the one place to add one for `from_onnx`.

A row is a function (reader, node, x, parts) that appends the node's layer, whose input is x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.activations import Activation as Function
from fastnn.activations import LogSoftmax, Softmax
from fastnn.exchange._onnx_reader import Reader, attributes, unsupported
from fastnn.exchange._parts import Part, append, dense
from fastnn.layers import BatchNorm, LayerNorm, PReLU

Row = Callable[[Reader, Any, str, list[Part]], None]


def _constant(reader: Reader, node: Any, i: int, width: int | None = None) -> Any:
    """Return an input that is to be a constant; of so many numbers, if that is given."""
    values = reader.constants.get(node.input[i])
    if values is None:
        raise unsupported(node, f"its input {node.input[i]!r} is no constant")
    if values.dtype.kind != "f":
        raise unsupported(node, f"its input {node.input[i]!r} is of {values.dtype}")
    if width is None:
        return values
    if values.size not in (1, width):
        raise unsupported(node, f"{values.shape} numbers in {node.input[i]!r}, want {width}")
    return np.broadcast_to(values.ravel(), width)


def _weights(reader: Reader, node: Any, x: str) -> Any:
    weights = _constant(reader, node, 1)
    if node.input[0] != x or weights.ndim != 2 or not weights.size:
        raise unsupported(node, "want rows times a matrix of weights")
    return weights


def _matmul(reader: Reader, node: Any, x: str, parts: list[Part]) -> None:
    parts.append(dense(_weights(reader, node, x), None))


def _gemm(reader: Reader, node: Any, x: str, parts: list[Part]) -> None:
    own = attributes(node)
    if own.get("transA", 0):
        raise unsupported(node, "its first input is transposed")
    weights = _weights(reader, node, x) * own.get("alpha", 1.0)
    weights = weights.T if own.get("transB", 0) else weights
    bias = None
    if len(node.input) > 2 and node.input[2]:
        bias = _constant(reader, node, 2, weights.shape[1]) * own.get("beta", 1.0)
    parts.append(dense(weights, bias))


def _batch_norm(reader: Reader, node: Any, x: str, parts: list[Part]) -> None:
    own = attributes(node)
    if own.get("training_mode", 0):
        raise unsupported(node, "it is in training mode")
    width = _constant(reader, node, 1).size
    weights, bias, mean, variance = (_constant(reader, node, i, width) for i in (1, 2, 3, 4))
    arrays = {"weights": weights, "bias": bias, "state": np.concatenate([mean, variance])}
    parts.append(Part(BatchNorm(epsilon=_epsilon(own)), arrays, width=width))


def _layer_norm(reader: Reader, node: Any, x: str, parts: list[Part]) -> None:
    own = attributes(node)
    if own.get("axis", -1) not in (1, -1):
        raise unsupported(node, f"axis {own['axis']}, want 1 or -1")
    weights = _constant(reader, node, 1).ravel()
    bias = np.zeros_like(weights)
    if len(node.input) > 2 and node.input[2]:
        bias = _constant(reader, node, 2, len(weights))
    arrays = {"weights": weights, "bias": bias}
    parts.append(Part(LayerNorm(epsilon=_epsilon(own)), arrays, width=len(weights)))


def _prelu(reader: Reader, node: Any, x: str, parts: list[Part]) -> None:
    slopes = _constant(reader, node, 1).ravel()  # one for all features, or one for each
    width = slopes.size if slopes.size > 1 else 0
    parts.append(Part(PReLU(), {"slopes": slopes}, width=width))


def _epsilon(own: dict[str, Any]) -> float:
    """Return an attribute, which is a float32, as it was written."""
    return float(np.float32(own.get("epsilon", 1e-5)).astype(str))


def _scaler(reader: Reader, node: Any, x: str, parts: list[Part]) -> None:
    """(x - offset) scale, of ai.onnx.ml, which scikit-learn's scalers become."""
    own = attributes(node)
    offset, scale = (np.array(own[name], "float32") for name in ("offset", "scale"))
    width = max(len(offset), len(scale))
    # Of variance 1, beside which this epsilon is lost.
    state = np.concatenate([np.broadcast_to(offset, width), np.ones(width, "float32")])
    arrays = {"weights": np.broadcast_to(scale, width), "state": state}
    parts.append(Part(BatchNorm(epsilon=1e-30), arrays, width=width))


def _softmax(function: Function) -> Row:
    def row(reader: Reader, node: Any, x: str, parts: list[Part]) -> None:
        if attributes(node).get("axis", -1) not in (1, -1):
            raise unsupported(node, "want it over the features")
        if node.output[0] != reader.output:
            raise unsupported(node, "fastnn has it at the output only")
        append(parts, function)

    return row


ROWS: dict[str, Row] = {
    "MatMul": _matmul,
    "Gemm": _gemm,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "PRelu": _prelu,
    "Scaler": _scaler,
    "Softmax": _softmax(Softmax()),
    "LogSoftmax": _softmax(LogSoftmax()),
}
