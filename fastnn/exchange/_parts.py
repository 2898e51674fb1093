"""Networks put together from layers that come with their arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.activations import Activation as Function
from fastnn.layers import Activation, Concatenate, Dense, Layer, Residual
from fastnn.losses import BinaryCrossEntropy, CrossEntropy
from fastnn.sequential import Sequential

# The loss that a last activation is the link of.
_LOSSES = {"softmax": CrossEntropy, "log_softmax": CrossEntropy, "sigmoid": BinaryCrossEntropy}


@dataclass(eq=False)
class Part:
    """A layer and its arrays, by the names of `net.layers[i]`; or a block and its branches.

    One branch is a `Residual`'s, more are a `Concatenate`'s.  `width` is the number of the
    layer's inputs, where its arrays tell it.
    """

    spec: Layer | None
    arrays: Mapping[str, Any] = field(default_factory=dict)
    branches: Sequence[list[Part]] = ()
    width: int = 0


def dense(weights: np.ndarray, bias: np.ndarray | None) -> Part:
    """Return a dense layer of weights (inputs, outputs) and of a bias (outputs,) or none."""
    arrays = {"weights": weights} if bias is None else {"weights": weights, "bias": bias}
    return Part(Dense(weights.shape[1], bias=bias is not None), arrays, width=len(weights))


def append(parts: list[Part], function: Function) -> None:
    """Append an activation: of the dense layer before it, if that has none."""
    last = parts[-1].spec if parts else None
    if isinstance(last, Dense) and last.activation == "identity":
        parts[-1].spec = dataclasses.replace(last, activation=function)
    else:
        parts.append(Part(Activation(function)))


def assemble(parts: Sequence[Part], dtype: str, width: int | None = None) -> Sequential:
    """Return the network, with the loss whose link its last activation is, if there is one.

    Parameters
    ----------
    parts : sequence of Part
    dtype : {"float32", "float64"}
    width : int, optional
        Number of features; by default that of the first layer that knows it.

    Raises
    ------
    ValueError
        If they do not fit together.
    """
    if width is None:
        width = _width(parts)
    if not width:
        raise ValueError("the number of features is not told by any layer")
    net = Sequential(_specs(parts), width, dtype=dtype)
    _fill(net.layers, parts)
    loss = _LOSSES.get(net._graph.output_function.name)
    if loss is not None:
        net.loss = loss()
    return net


def _width(parts: Sequence[Part]) -> int:
    for part in parts:
        inner = max((_width(branch) for branch in part.branches), default=0)
        if part.width or inner:
            return part.width or inner
    return 0


def _specs(parts: Sequence[Part]) -> tuple[Layer, ...]:
    return tuple(_spec(part) for part in parts)


def _spec(part: Part) -> Layer:
    if part.spec is not None:
        return part.spec
    branches = [_specs(branch) for branch in part.branches]
    return Residual(branches[0]) if len(branches) == 1 else Concatenate(branches)


def _fill(layers: Sequence[Any], parts: Sequence[Part]) -> None:
    for layer, part in zip(layers, parts, strict=True):
        if part.branches:
            inner = layer.branches if hasattr(layer, "branches") else [layer.layers]
            for own, branch in zip(inner, part.branches, strict=True):
                _fill(own, branch)
        for name, values in part.arrays.items():
            if isinstance(values, dict):  # an Embedding's tables
                setattr(layer, name, values)
                continue
            # Other libraries may have one slope for all features, say.
            one = np.size(values) == 1 and name != "state" and getattr(layer, name).ndim == 1
            setattr(
                layer, name, np.broadcast_to(np.ravel(values), layer.outputs) if one else values
            )
