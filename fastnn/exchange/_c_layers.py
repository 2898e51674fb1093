"""Layers in C: the one place to add one for `to_c`.

A row is a function (code, layer, x) -> y from a built layer, or block, and its input to its
output; it gives the input back if it owns it.  Activations are added by `chain`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn.exchange._c_activations import takes_parameter
from fastnn.exchange._c_code import Code, Value

Row = Callable[[Code, Any, Value], Value]


def chain(c: Code, layers: Sequence[Any], x: Value) -> Value:
    """Add layers one after the other, and return the last one's output."""
    for layer in layers:
        x = LAYERS[layer.spec.name](c, layer, x)
        leaf = getattr(layer, "_leaf", None)  # a block has none
        if leaf is None or layer.spec.name == "prelu":
            continue
        x = _prelu(c, layer, x) if leaf.slopes else activate(c, leaf.function, x)
    return x


def activate(c: Code, function: Any, x: Value) -> Value:
    """Add an activation, by its spec or its name."""
    name = getattr(function, "name", function)
    if name == "identity":
        return x
    x = c.writable(x)
    parameter = [number(function.parameter)] if takes_parameter(name) else []
    c.call(name, x.name, x.width, *parameter)
    return x


def number(value: float) -> str:
    """Return a float constant."""
    return f"{np.float32(value)!s}f"


def _array(c: Code, layer: Any, part: str, values: Any = None) -> str:
    name = f"{layer._name.replace('.', '_')}_{part}"
    return c.array(name, getattr(layer, part) if values is None else values)


def _at(name: str, offset: int | str) -> str:
    return f"{name} + {offset}" if offset else name


def _dense(c: Code, layer: Any, x: Value) -> Value:
    weights = _array(c, layer, "weights")
    bias = "NULL" if layer.bias is None else _array(c, layer, "bias")
    y = c.buffer(layer.outputs)
    c.call("dense", x.name, y.name, weights, bias, layer.inputs, layer.outputs)
    c.done(x)
    return y


def _nothing(c: Code, layer: Any, x: Value) -> Value:
    return x


def _batch_norm(c: Code, layer: Any, x: Value) -> Value:
    x = c.writable(x)
    spread = np.sqrt(np.float64(layer.running_variance) + layer.spec.epsilon)
    names = [
        _array(c, layer, "mean", layer.running_mean),
        _array(c, layer, "scale", layer.weights / spread),
        _array(c, layer, "shift", layer.bias),
    ]
    c.call("batch_norm", x.name, *names, x.width)
    return x


def _layer_norm(c: Code, layer: Any, x: Value) -> Value:
    x = c.writable(x)
    names = [_array(c, layer, "scale", layer.weights), _array(c, layer, "shift", layer.bias)]
    c.call("layer_norm", x.name, *names, number(layer.spec.epsilon), x.width)
    return x


def _prelu(c: Code, layer: Any, x: Value) -> Value:
    x = c.writable(x)
    c.call("prelu", x.name, _array(c, layer, "slopes"), x.width)
    return x


def _embedding(c: Code, layer: Any, x: Value) -> Value:
    """Add columns that pass, and rows of tables in the place of codes."""
    y, begin, at = c.buffer(layer.outputs), 0, 0

    def copy(source: str, offset: int | str, width: int) -> None:
        nonlocal at
        if width:
            c.call("copy", _at(source, offset), _at(y.name, at), width)
            at += width

    for column, table in layer.tables.items():
        count, width = table.shape
        code = f"{x.name}[{column}]"
        c.check(f"{code} >= 0 && {code} < {count} && {code} == floorf({code})", column)
        copy(x.name, begin, column - begin)
        name = _array(c, layer, f"table_{column}", table)
        copy(name, f"{width} * (size_t){code}", width)
        begin = column + 1
    copy(x.name, begin, layer.inputs - begin)
    c.done(x)
    return y


def _residual(c: Code, layer: Any, x: Value) -> Value:
    y = c.writable(chain(c, layer.layers, x._replace(own=False)))
    c.call("add", x.name, y.name, x.width)
    c.done(x)
    return y


def _concatenate(c: Code, layer: Any, x: Value) -> Value:
    branches = [chain(c, branch, x._replace(own=False)) for branch in layer.branches]
    y, at = c.buffer(layer.outputs), 0
    for branch in branches:
        c.call("copy", branch.name, _at(y.name, at), branch.width)
        at += branch.width
        c.done(branch)
    c.done(x)
    return y


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
