"""Activations as nodes of ONNX: the one place to add one for `to_onnx`.

A row is a function (graph, z, a) -> h: from the name of the input's value and the activation's
parameter to the name of the output's.  Where opset 17 has the function as a node, that is used,
if ONNX Runtime has it in the network's dtype: in float64 it lacks several.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from fastnn.exchange._onnx_graph import Graph

Row = Callable[[Graph, str, float], str]

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _identity(g: Graph, z: str, a: float) -> str:
    return z


def _node(op: str) -> Row:
    return lambda g, z, a: g.add(op, z)


def _leaky_relu(g: Graph, z: str, a: float) -> str:
    return g.add("LeakyRelu", z, alpha=a)


def _gelu(g: Graph, z: str, a: float) -> str:
    x = g.add("Mul", z, g.number(math.sqrt(0.5)))
    if g.single:
        phi = g.add("Erf", x)
    else:  # ONNX Runtime's erf is float32's
        phi = g.add("Erf", g.add("Cast", x, to=g.kind("float32")))
        phi = g.add("Cast", phi, to=g.kind("float64"))
    half = g.add("Mul", z, g.number(0.5))
    return g.add("Mul", half, g.add("Add", phi, g.number(1)))


def _gelu_tanh(g: Graph, z: str, a: float) -> str:
    cube = g.add("Mul", g.add("Mul", z, z), z)
    u = g.add("Add", z, g.add("Mul", cube, g.number(0.044715)))
    gate = g.add("Tanh", g.add("Mul", u, g.number(math.sqrt(2 / math.pi))))
    half = g.add("Mul", z, g.number(0.5))
    return g.add("Mul", half, g.add("Add", gate, g.number(1)))


def _silu(g: Graph, z: str, a: float) -> str:
    return g.add("Mul", z, g.add("Sigmoid", z))


def _exponential(g: Graph, z: str, low: float, inner: float = 1, scale: float = 1) -> str:
    """Return scale max(z, 0) + low (exp(min(z, 0) / inner) - 1)."""
    negative = g.add("Min", z, g.number(0))
    if inner != 1:
        negative = g.add("Div", negative, g.number(inner))
    below = g.add("Sub", g.add("Exp", negative), g.number(1))
    above = g.add("Relu", z)
    if low != 1:
        below = g.add("Mul", below, g.number(low))
    if scale != 1:
        above = g.add("Mul", above, g.number(scale))
    return g.add("Add", above, below)


def _elu(g: Graph, z: str, a: float) -> str:
    return g.add("Elu", z, alpha=a) if g.single else _exponential(g, z, a)


def _selu(g: Graph, z: str, a: float) -> str:
    if g.single:
        return g.add("Selu", z, alpha=_SELU_ALPHA, gamma=_SELU_SCALE)
    return _exponential(g, z, _SELU_ALPHA * _SELU_SCALE, 1, _SELU_SCALE)


def _celu(g: Graph, z: str, a: float) -> str:
    return g.add("Celu", z, alpha=a) if g.single else _exponential(g, z, a, a)


def _softplus(g: Graph, z: str, a: float) -> str:
    if g.single:
        return g.add("Softplus", z)
    small = g.add("Exp", g.add("Neg", g.add("Abs", z)))
    return g.add("Add", g.add("Relu", z), g.add("Log", g.add("Add", small, g.number(1))))


def _mish(g: Graph, z: str, a: float) -> str:
    return g.add("Mul", z, g.add("Tanh", _softplus(g, z, a)))


def _softsign(g: Graph, z: str, a: float) -> str:
    if g.single:
        return g.add("Softsign", z)
    return g.add("Div", z, g.add("Add", g.add("Abs", z), g.number(1)))


def _clip(g: Graph, z: str, low: float, high: float) -> str:
    return g.add("Clip", z, g.number(low), g.number(high))


def _hard_tanh(g: Graph, z: str, a: float) -> str:
    return _clip(g, z, -1, 1)


def _hard_sigmoid(g: Graph, z: str, a: float) -> str:
    if g.single:
        return g.add("HardSigmoid", z, alpha=1 / 6, beta=0.5)
    return g.add("Div", _clip(g, g.add("Add", z, g.number(3)), 0, 6), g.number(6))


def _hard_swish(g: Graph, z: str, a: float) -> str:
    return g.add("Mul", z, _hard_sigmoid(g, z, a))


ACTIVATIONS: dict[str, Row] = {
    "identity": _identity,
    "relu": _node("Relu"),
    "leaky_relu": _leaky_relu,
    "tanh": _node("Tanh"),
    "sigmoid": _node("Sigmoid"),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": _silu,
    "elu": _elu,
    "selu": _selu,
    "celu": _celu,
    "mish": _mish,
    "softplus": _softplus,
    "softsign": _softsign,
    "hard_tanh": _hard_tanh,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _hard_swish,
    # At the output only.
    "softmax": lambda g, z, a: g.add("Softmax", z, axis=-1),
    "log_softmax": lambda g, z, a: g.add("LogSoftmax", z, axis=-1),
    "exp": _node("Exp"),  # no activation: what is left to do after log_softmax
}
