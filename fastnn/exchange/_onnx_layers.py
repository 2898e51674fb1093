"""Layers as nodes of ONNX: the one place to add one for `to_onnx`.

A row is a function (graph, layer, x) -> z from a built layer, or block, and the name of its
input's value to the name of its output's.  Activations are added by `chain`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastnn.exchange._onnx_activations import ACTIVATIONS
from fastnn.exchange._onnx_graph import Graph

Row = Callable[[Graph, Any, str], str]


def chain(g: Graph, layers: Sequence[Any], x: str) -> str:
    """Add layers one after the other, and return the name of the last one's value."""
    for layer in layers:
        x = LAYERS[layer.spec.name](g, layer, x)
        leaf = getattr(layer, "_leaf", None)  # a block has none
        if leaf is None or layer.spec.name == "prelu":
            continue
        if leaf.slopes:
            x = _prelu(g, layer, x)
        else:
            x = ACTIVATIONS[leaf.function.name](g, x, leaf.function.parameter)
    return x


def _named(g: Graph, layer: Any, part: str, values: Any) -> str:
    return g.array(f"{layer.path}.{part}", values)


def _dense(g: Graph, layer: Any, x: str) -> str:
    weights = _named(g, layer, "weights", layer.weights)
    if layer.bias is None:
        return g.add("MatMul", x, weights)
    return g.add("Gemm", x, weights, _named(g, layer, "bias", layer.bias))


def _nothing(g: Graph, layer: Any, x: str) -> str:
    return x


def _batch_norm(g: Graph, layer: Any, x: str) -> str:
    parts = ("weights", "bias", "running_mean", "running_variance")
    names = [_named(g, layer, part, getattr(layer, part)) for part in parts]
    return g.add("BatchNormalization", x, *names, epsilon=layer.spec.epsilon)


def _layer_norm(g: Graph, layer: Any, x: str) -> str:
    names = [_named(g, layer, part, getattr(layer, part)) for part in ("weights", "bias")]
    return g.add("LayerNormalization", x, *names, axis=-1, epsilon=layer.spec.epsilon)


def _prelu(g: Graph, layer: Any, x: str) -> str:
    return g.add("PRelu", x, _named(g, layer, "slopes", layer.slopes))


def _columns(g: Graph, x: str, begin: int, end: int) -> str:
    bounds = [g.array(f"column_{i}", [i], "int64") for i in (begin, end)]
    return g.add("Slice", x, *bounds, g.array("axis_1", [1], "int64"))


def _embedding(g: Graph, layer: Any, x: str) -> str:
    """Add columns that pass as slices, codes as rows of their table, side by side."""
    parts, at, axis = [], 0, g.array("axis_1", [1], "int64")
    for column, table in layer.tables.items():
        if at < column:
            parts.append(_columns(g, x, at, column))
        codes = g.add("Squeeze", _columns(g, x, column, column + 1), axis)
        codes = g.add("Cast", codes, to=g.kind("int64"))
        name = _named(g, layer, f"tables[{column}]", table)
        parts.append(g.add("Gather", name, codes, axis=0))
        at = column + 1
    if at < layer.inputs:
        parts.append(_columns(g, x, at, layer.inputs))
    return g.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]


def _residual(g: Graph, layer: Any, x: str) -> str:
    return g.add("Add", chain(g, layer.layers, x), x)


def _concatenate(g: Graph, layer: Any, x: str) -> str:
    return g.add("Concat", *(chain(g, branch, x) for branch in layer.branches), axis=1)


LAYERS: dict[str, Row] = {
    "dense": _dense,
    "activation": _nothing,
    "dropout": _nothing,
    "alpha_dropout": _nothing,
    "gaussian_noise": _nothing,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "prelu": _prelu,
    "embedding": _embedding,
    "residual": _residual,
    "concatenate": _concatenate,
}
