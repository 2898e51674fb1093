"""From layer specs to what the engine is given: a list of layers, and their first values.

A network is a tree: blocks (`Residual`, `Concatenate`) hold lists of layers.  The engine has
one list, in which a layer says how many layers back its input is.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from fastnn import activations as functions
from fastnn import arrays
from fastnn._spec import resolve
from fastnn.activations import Activation as Function
from fastnn.initializers import Constant, Initializer, Normal, default_for, initializer_of
from fastnn.layers import Activation, Block, Concatenate, Dense, Embedding, Layer, PReLU


class Leaf:
    """A layer that the engine knows, with the names in it looked up."""

    initializers: tuple[Initializer, ...] | None = None  # of its parameters, in their order
    slopes: Leaf | None = None  # the PReLU that is this layer's activation
    place: int | None = None  # in the engine's list; None: part of the layer before
    inputs = outputs = 0

    def __init__(self, spec: Layer, path: str, function: Function) -> None:
        self.spec, self.function = spec, function
        self.path = path  # "layers[0]", for messages

    @property
    def name(self) -> str:
        """What files call it: "1.layers.0" for layers[1].layers[0]."""
        return self.path.removeprefix("layers[").replace("]", "").replace("[", ".")


class Node:
    """A block: lists of layers over the same input."""

    inputs = outputs = 0

    def __init__(self, spec: Block, path: str, branches: list[list[Tree]]) -> None:
        self.spec, self.path, self.branches = spec, path, branches


Tree: TypeAlias = Leaf | Node

# What the slopes of an activation have from their layer.
_GROUP: dict[str, Any] = {"lr_scale": 1.0, "trainable": True}


class Graph:
    """The layers of a network, as a tree for people and as a list for the engine."""

    def __init__(self, specs: Sequence[Layer]) -> None:
        self.tree = _grow(specs, "layers")
        self.leaves = list(_leaves(self.tree))
        last = self.tree[-1]
        self.output_function = last.function if isinstance(last, Leaf) else functions.Identity()
        for leaf in self.leaves:
            if leaf.function.link and leaf is not last:
                name = leaf.function.name
                raise ValueError(f"{leaf.path}.activation: {name} is for the last layer only")
        if not any(leaf.spec.shapes(1) for leaf in self.leaves):
            raise ValueError("layers: none has parameters to train, want a Dense among them")
        _measure(self.tree, 0)  # as far as is known without the width of the input
        self.engine: list[tuple[Any, ...]] = []
        self._emit(self.tree, -1)

    def measure(self, inputs: int) -> None:
        """Tell all layers their widths; raise ValueError where they do not fit."""
        _measure(self.tree, inputs)

    def first_values(self, seed: int, dtype: str) -> np.ndarray:
        """Return all parameters as a vector: drawn for dense layers, ones and zeros for others."""
        first = np.empty(self.n_parameters, dtype)
        at = 0
        for i, leaf in enumerate(self.leaves):
            for j, (name, shape) in enumerate(leaf.spec.shapes(leaf.inputs).items()):
                if leaf.initializers is None:
                    values = np.ones(shape) if name == "weights" else np.zeros(shape)
                else:
                    stream = 2 * i + j % 2 + (j // 2 << 20)  # an Embedding may have many
                    values = leaf.initializers[j].sample(shape, seed, stream)
                argument = f"{leaf.path}.{'bias' if name == 'bias' else 'weight'}_init"
                out = first[at : at + math.prod(shape)].reshape(shape)
                arrays.check_parameters(argument, values, shape, dtype, out)
                at += out.size
        return first

    def specs(self) -> tuple[Layer, ...]:
        """Return the specs, as they are now."""
        return _specs(self.tree)

    def tensors(self) -> Iterator[tuple[Leaf, str, tuple[int, ...], slice]]:
        """Yield each array of parameters: its layer, name, shape, and where it is among all."""
        at = 0
        for leaf in self.leaves:
            for name, shape in leaf.spec.shapes(leaf.inputs).items():
                part = slice(at, at + math.prod(shape))
                yield leaf, name, shape, part
                at = part.stop

    @property
    def n_parameters(self) -> int:
        """Numbers in all arrays of parameters."""
        return sum(math.prod(shape) for _, _, shape, _ in self.tensors())

    def categories(self) -> dict[int, int]:
        """Return the number of categories of each column that an `Embedding` replaces."""
        found: dict[int, int] = {}
        for leaf in self.leaves:
            for column, count, _ in leaf.spec.columns if isinstance(leaf.spec, Embedding) else ():
                found[column] = min(count, found.get(column, count))
        return found

    def _emit(self, tree: Sequence[Tree], source: int) -> int:
        """Append layers that begin with the output of `source`; return the last one's place."""
        at = source
        for part in tree:
            if isinstance(part, Node):
                ends = [self._emit(branch, at) for branch in part.branches]
                if isinstance(part.spec, Concatenate):
                    at = ends[0]
                    for end in ends[1:]:
                        at = self._append("concatenate", (), "identity", 0.0, at, end)
                else:
                    at = self._append("add", (), "identity", 0.0, ends[0], at)
                continue
            # Softmax and its logarithm are no rows of the engine's table: they are what the
            # loss is made for, and predict's link.
            function = part.function
            # Nor is what is learned: it is a layer.
            act = (function.name, function.parameter)
            if function.link or function.learned:
                act = ("identity", 0.0)
            # Only in its own list: others may read the layer before a block.
            if isinstance(part.spec, Activation) and at > source and self._is_plain(at):
                before = self.engine[at]
                other = isinstance(before[1], tuple)
                self.engine[at] = (*before[:2], *act, *before[4:]) if other else (*act, *before[2:])
            elif not (isinstance(part.spec, Activation) and part.slopes):
                part.place = len(self.engine)
                if isinstance(part.spec, Dense):
                    at = self._append(*act, part.spec.units, part.spec.bias, at)
                else:
                    if isinstance(part.spec, Embedding) and at >= 0:
                        raise ValueError(
                            f"{part.path}: an Embedding replaces columns of the network's input, "
                            "want it first"
                        )
                    at = self._append(part.spec.name, part.spec.numbers, *act, at)
            if part.slopes:
                at = self._emit([part.slopes], at)
        return at

    def _append(self, *layer: Any) -> int:
        here, sources = len(self.engine), layer[4:]
        back = [here - source for source in sources] + [0] * (2 - len(sources))
        self.engine.append((*layer[:4], *back))
        return here

    def _is_plain(self, at: int) -> bool:
        layer = self.engine[at]
        return bool((layer[2] if isinstance(layer[1], tuple) else layer[0]) == "identity")


def _grow(specs: Sequence[Layer], path: str) -> list[Tree]:
    tree: list[Tree] = []
    for i, spec in enumerate(specs):
        here = f"{path}[{i}]"
        if isinstance(spec, Block):
            parts = spec.parts
            names = [f"{here}.{spec.field}"] if len(parts) == 1 else []
            names = names or [f"{here}.{spec.field}[{j}]" for j in range(len(parts))]
            branches = [_grow(part, name) for part, name in zip(parts, names, strict=True)]
            tree.append(Node(spec, here, branches))
        else:
            tree.append(_leaf(spec, here))
    for i, leaf in enumerate(tree):
        if isinstance(leaf, Leaf) and isinstance(leaf.spec, Dense):
            leaf.initializers = _initializers(leaf, tree[i + 1 :])
    return tree


def _leaf(spec: Layer, path: str) -> Leaf:
    if isinstance(spec, PReLU):
        slope = float(spec.negative_slope)
        leaf = Leaf(spec, path, functions.PReLU(slope))
        leaf.initializers = (Constant(slope),)
        return leaf
    if isinstance(spec, Embedding):
        given = spec.weight_init
        leaf = Leaf(spec, path, functions.Identity())
        leaf.initializers = tuple(
            Normal(0, 1 / math.sqrt(dim))
            if given is None
            else initializer_of(given, f"{path}.weight_init")
            for _, _, dim in spec.columns
        )
        return leaf
    function = resolve(Function, getattr(spec, "activation", "identity"), f"{path}.activation")
    leaf = Leaf(spec, path, function)
    if isinstance(function, functions.PReLU):
        group = {key: getattr(spec, key, default) for key, default in _GROUP.items()}
        leaf.slopes = _leaf(PReLU(function.negative_slope, **group), path)
    return leaf


def _specs(tree: Sequence[Tree]) -> tuple[Layer, ...]:
    specs: list[Layer] = []
    for part in tree:
        if isinstance(part, Node):
            parts = tuple(_specs(branch) for branch in part.branches)
            field = part.spec.field
            specs.append(dataclasses.replace(part.spec, **{field: part.spec.unparted(parts)}))
        else:
            specs.append(part.spec)
    return tuple(specs)


def _initializers(leaf: Leaf, later: Sequence[Tree]) -> tuple[Initializer, Initializer]:
    """Return those of a dense layer; its default suits the activation that follows."""
    spec: Any = leaf.spec
    function = leaf.function
    for other in later:
        if function.name != "identity" or isinstance(other, Node) or isinstance(other.spec, Dense):
            break
        function = other.function
    return (
        default_for(function)
        if spec.weight_init is None
        else initializer_of(spec.weight_init, f"{leaf.path}.weight_init"),
        initializer_of(spec.bias_init, f"{leaf.path}.bias_init"),
    )


def _leaves(tree: Sequence[Tree]) -> Iterator[Leaf]:
    for part in tree:
        if isinstance(part, Leaf):
            yield part
            if part.slopes:
                yield part.slopes
        else:
            for branch in part.branches:
                yield from _leaves(branch)


def _measure(tree: Sequence[Tree], inputs: int) -> int:
    """Set widths; 0 is one that is not known yet."""
    for part in tree:
        part.inputs = inputs
        if isinstance(part, Node):
            widths = [_measure(branch, inputs) for branch in part.branches]
            known = inputs and all(widths)
            part.outputs = part.spec.join(part.path, inputs, widths) if known else 0
        else:
            part.outputs = part.spec.outputs(inputs)
            if isinstance(part.spec, Embedding) and 0 < inputs <= part.spec.columns[-1][0]:
                raise ValueError(
                    f"{part.path}: the Embedding has column {part.spec.columns[-1][0]}, counted "
                    f"from 0, and the input {inputs} columns"
                )
            if isinstance(part.spec, Dense) and inputs * part.outputs > 1 << 40:
                raise ValueError(
                    f"{part.path}: {inputs} inputs x {part.outputs} units are too many"
                )
            if part.slopes:
                _measure([part.slopes], part.outputs)
        inputs = part.outputs
    return inputs
