"""A layer of a network with its parameters: what `net.layers[i]` is.

In the annotations "or Any" stands where a user knows what there is and a type checker cannot: a
`Dense` has weights, a `Dropout` None.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._compile import Leaf
from fastnn.arrays import check_parameters

if TYPE_CHECKING:
    from fastnn._compile import Node, Tree
    from fastnn.sequential import Sequential


class BuiltLayer:
    """A layer of a network, with its parameters.

    Attributes
    ----------
    spec : Layer
        What was asked for.
    path : str
        Where it is in the network: "layers[1]", or "layers[1].layers[0]" in a block.
    inputs, outputs : int
        Width of the layer.
    layers, branches : tuple
        (): these are a block's, see `BuiltBlock`.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(3, weight_init="ones")], input_size=2)
    >>> net.layers[0].weights
    array([[1., 1., 1.],
           [1., 1., 1.]], dtype=float32)
    >>> net.layers[0].bias = [0.0, 0.5, 1.0]
    >>> net.predict([[1.0, 1.0]])
    array([[2. , 2.5, 3. ]], dtype=float32)
    """

    layers: tuple[BuiltLayer | Any, ...] = ()
    branches: tuple[tuple[BuiltLayer | Any, ...], ...] = ()

    def __init__(self, network: Sequential, leaf: Leaf) -> None:
        self._network = network
        self._leaf = leaf
        self._name = leaf.name
        self.path = leaf.path
        self._place: Any = leaf.place  # in the engine; None: part of another layer
        self.spec: Any = leaf.spec
        self.inputs = leaf.inputs
        self.outputs = leaf.outputs

    def __repr__(self) -> str:
        return f"<layer {self._name}, {self.inputs} -> {self.outputs}: {self.spec!r}>"

    @property
    def weights(self) -> np.ndarray | Any:
        """W, of shape (inputs, outputs), or a normalization's scale (outputs,): a copy.

        Assign to change it.  None for a layer without.
        """
        return self._get("weights")

    @weights.setter
    def weights(self, value: Any) -> None:
        self._set("weights", value)

    @property
    def bias(self) -> np.ndarray | Any:
        """The bias, of shape (outputs,), or a normalization's shift: a copy.

        Assign to change it.  None for a layer without.
        """
        return self._get("bias")

    @bias.setter
    def bias(self, value: Any) -> None:
        self._set("bias", value)

    @property
    def slopes(self) -> np.ndarray | Any:
        """A PReLU's slopes, also as this layer's activation, of shape (outputs,): a copy.

        Assign to change them.  None for a layer without.
        """
        return self._of_slopes()._get("slopes")

    @slopes.setter
    def slopes(self, value: Any) -> None:
        self._of_slopes()._set("slopes", value)

    def _of_slopes(self) -> BuiltLayer:
        return BuiltLayer(self._network, self._leaf.slopes) if self._leaf.slopes else self

    @property
    def tables(self) -> dict[int, np.ndarray] | Any:
        """An Embedding's tables by column, each of shape (categories, dim): copies.

        Assign a dict to change those in it.  None for a layer without.
        """
        if self.spec.name != "embedding":
            return None
        return {column: self._get(f"table_{column}") for column, _, _ in self.spec.columns}

    @tables.setter
    def tables(self, value: Any) -> None:
        for column, table in value.items():
            self._set(f"table_{column}", table)

    @property
    def running_mean(self) -> np.ndarray | Any:
        """What a `BatchNorm` has seen, of shape (outputs,): a copy.  None for others."""
        return None if self.state is None else self.state[: self.outputs]

    @property
    def running_variance(self) -> np.ndarray | Any:
        """What a `BatchNorm` has seen, of shape (outputs,): a copy.  None for others."""
        return None if self.state is None else self.state[self.outputs :]

    @property
    def state(self) -> np.ndarray | None:
        """What training changes besides the parameters, as one vector; None without."""
        size = _size(self.spec.state_shapes(self.inputs))
        return self._read("state", size) if size else None

    @state.setter
    def state(self, value: Any) -> None:
        size = _size(self.spec.state_shapes(self.inputs))
        if size or value is not None:
            dtype = self._network.dtype
            self._write("state", check_parameters("state", value, (size,), dtype))

    def reset_state(self) -> None:
        """Begin with mean 0 and variance 1."""
        n = _size(self.spec.state_shapes(self.inputs)) // 2
        if n:
            self.state = np.concatenate([np.zeros(n), np.ones(n)])

    @property
    def trainable(self) -> bool:
        """Whether steps of training change the layer; assign to freeze it or to free it."""
        return bool(getattr(self.spec, "trainable", False))

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if not hasattr(self.spec, "trainable"):
            raise ValueError("trainable: this layer has no parameters")
        self.spec = self._leaf.spec = dataclasses.replace(self.spec, trainable=value)
        self._network.specs = self._network._graph.specs()
        self.regroup()
        slopes: Any = self._leaf.slopes
        if slopes:
            slopes.spec = dataclasses.replace(slopes.spec, trainable=value)
            self._of_slopes().regroup()

    def regroup(self) -> None:
        """Tell the engine how the layer takes part in steps of training."""
        group = self.spec.group
        if group:
            with self._network._lock:
                self._network._plan.set_group(self._place, **group)

    def _get(self, name: str) -> np.ndarray | None:
        at, shape = self._find(name)
        if shape is None:
            return None
        flat = self._read("parameters", _size(self.spec.shapes(self.inputs)))
        return flat[at : at + math.prod(shape)].reshape(shape)

    def _set(self, name: str, value: Any) -> None:
        at, shape = self._find(name)
        if shape is None:
            made = name == "bias" and hasattr(self.spec, name)
            why = " was made with bias=False and" if made else ""
            raise ValueError(f"{name}: this layer{why} has none to set")
        flat = self._read("parameters", _size(self.spec.shapes(self.inputs)))
        checked = check_parameters(name, value, shape, flat.dtype)
        flat[at : at + math.prod(shape)] = checked.ravel()
        self._write("parameters", flat)

    def _find(self, name: str) -> tuple[int, tuple[int, ...] | None]:
        """Return where a parameter begins in the layer's, and its shape."""
        at = 0
        for other, shape in self.spec.shapes(self.inputs).items():
            if other == name:
                return at, shape
            at += math.prod(shape)
        return 0, None

    def _read(self, part: str, size: int) -> np.ndarray:
        out = np.empty(size, dtype=self._network.dtype)
        with self._network._lock:
            self._network._built().read(part, out, self._place)
        return out

    def _write(self, part: str, values: np.ndarray) -> None:
        with self._network._lock:
            self._network._plan.write(part, values, self._place)


class BuiltBlock:
    """A block of layers of a network.

    Attributes
    ----------
    spec : Layer
        What was asked for.
    inputs, outputs : int
        Width of the block.
    layers : tuple
        Of a `Residual`: its layers with their parameters.
    branches : tuple of tuples
        Of a `Concatenate`: each branch's.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Residual([fastnn.Dense(2)]), fastnn.Dense(1)], input_size=2)
    >>> net.layers[0].layers[0].weights.shape
    (2, 2)
    """

    def __init__(self, network: Sequential, node: Node) -> None:
        self.spec: Any = node.spec
        self.inputs = node.inputs
        self.outputs = node.outputs
        parts = tuple(build(network, branch) for branch in node.branches)
        setattr(self, self.spec.field, parts if self.spec.field == "branches" else parts[0])

    def __repr__(self) -> str:
        return f"<{self.inputs} -> {self.outputs}: {self.spec!r}>"


def build(network: Sequential, tree: Sequence[Tree]) -> tuple[BuiltLayer | Any, ...]:
    """Return layers with their parameters."""
    return tuple(
        BuiltLayer(network, part) if isinstance(part, Leaf) else BuiltBlock(network, part)
        for part in tree
    )


def _size(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(map(math.prod, shapes.values()))
