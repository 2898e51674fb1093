"""Dense networks from ONNX models."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.errors import ModelFormatError
from fastnn.exchange._onnx_embedding import LOOKUPS, embedding
from fastnn.exchange._onnx_functions import SIMPLE, recognize
from fastnn.exchange._onnx_graph import import_onnx
from fastnn.exchange._onnx_nodes import ROWS
from fastnn.exchange._onnx_reader import Reader, attributes, unsupported
from fastnn.exchange._parts import Part, append, assemble, dense
from fastnn.layers import Dense

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


def from_onnx(path: str | os.PathLike[str], *, output: str | None = None) -> Sequential:
    """Read a dense network from an ONNX model.

    Dense layers (Gemm, MatMul and Add), normalizations, activations as one node or as the nodes
    that exporters write, softmax at the end, blocks that are added to their input or stand side
    by side over it, columns of the input that are looked up in tables, and scaling of the input;
    dropout, casts and flattening are passed over: all that `to_onnx` writes of a network without
    a preprocessor.  The network is in float64 if a weight is, else in float32, and
    gives what the model gives, within a relative 1e-5.

    Parameters
    ----------
    path : path-like
    output : str, optional
        The value of the model that the network is to give, by its name: needed where the model
        has more outputs than one array of numbers.

    Returns
    -------
    Sequential
        After a last softmax or sigmoid its loss is the cross entropy that suits it.

    Raises
    ------
    ImportError
        Without onnx, which the extra ``fastnn[onnx]`` brings.
    ValueError
        If the model has a node that is no layer of fastnn: the message names it.
    fastnn.ModelFormatError
        If the file is not an ONNX model, or is damaged.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> import fastnn
    >>> net = fastnn.Sequential(
    ...     [fastnn.Dense(8, activation="gelu"), fastnn.Dense(3, activation="softmax")],
    ...     input_size=4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.to_onnx(pathlib.Path(folder) / "net.onnx")
    ...     again = fastnn.from_onnx(pathlib.Path(folder) / "net.onnx")
    >>> again.specs[0].activation, again.loss
    (GELU(), CrossEntropy(...))
    """
    path = Path(path)
    model = _load(path)
    try:
        with np.errstate(all="ignore"):  # numbers that are not finite are refused in the end
            reader = Reader(model, output)
            parts = _Parser(reader).chain(reader.input, reader.output)
            dtype = "float64" if "float64" in _dtypes(parts) else "float32"
            return assemble(parts, dtype, reader.width)
    except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        # An attribute or an input that is missing; ValueErrors say what is not supported.
        raise ModelFormatError(f"{path.name} is not a sound ONNX model: {error}") from error


def _load(path: Path) -> Any:
    """Return the model of a file, checked."""
    onnx = import_onnx("from_onnx")
    from google.protobuf.message import Error  # which onnx brings

    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
        for item in model.graph.initializer:
            onnx.numpy_helper.to_array(item)
        model = onnx.shape_inference.infer_shapes(model)
        if model.functions:
            model = importlib.import_module("onnx.inliner").inline_local_functions(model)
    except OSError:
        raise
    except (
        Error,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        ValueError,
        TypeError,
        LookupError,
        RuntimeError,
    ) as error:
        raise ModelFormatError(f"{path.name} is not an ONNX model: {error}") from error
    return model


def _dtypes(parts: list[Part]) -> Iterator[str]:
    for part in parts:
        for values in part.arrays.values():
            arrays = values.values() if isinstance(values, dict) else [values]
            yield from (np.asarray(array).dtype.name for array in arrays)
        for branch in part.branches:
            yield from _dtypes(branch)


_JOINS = ("Add", "Concat")  # what the branches of a block end in


class _Parser:
    """Turns the nodes between two values into layers."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def chain(self, x: str, end: str) -> list[Part]:
        """Return the layers between two values."""
        parts: list[Part] = []
        regions = self._regions(x, end)
        at = 0
        while at < len(regions):
            nodes, _ = regions[at]
            row = ROWS.get(nodes[0].op_type) if len(nodes) == 1 else None
            if row is not None:
                row(self.reader, nodes[0], x, parts)
                taken = 1
            elif self._is_bias(nodes, parts):
                self._add_bias(nodes[0], parts)
                taken = 1
            elif found := self._embedding(regions[at:], x):
                part, taken = found
                parts.append(part)
            elif all(node.op_type in SIMPLE for node in nodes):
                taken = self._function(regions[at:], x, parts)
            else:
                parts.append(self._block(nodes[-1], x))
                taken = 1
            at += taken
            x = regions[at - 1][1]
        return parts

    def _regions(self, x: str, end: str) -> list[tuple[list[Any], str]]:
        """Cut the nodes between two values where one value alone goes on.

        Each piece is some nodes and the value that they make of the one before.
        """
        inside = self._inside(x, end)
        readers: dict[str, int] = {end: 1}
        for node in inside:
            for name in node.input:
                readers[name] = readers.get(name, 0) + 1
        alive, nodes, regions = {x}, [], []
        for node in inside:
            for name in node.input:
                if name in alive:
                    readers[name] -= 1
                    if not readers[name]:
                        alive.discard(name)
                elif name and name not in self.reader.constants:
                    raise unsupported(node, f"takes {name!r} from elsewhere")
            alive.add(node.output[0])
            nodes.append(node)
            if len(alive) == 1:
                regions.append((nodes, node.output[0]))
                nodes = []
        if (not regions and x != end) or nodes:
            raise ValueError(f"from_onnx: {end!r} does not depend on {x!r} alone")
        return regions

    def _inside(self, x: str, end: str) -> list[Any]:
        """Return the nodes that depend on one value and that the other depends on."""
        after, before = {x}, {end}
        for node in self.reader.nodes:
            if after.intersection(node.input):
                after.add(node.output[0])
        found = []
        for node in reversed(self.reader.nodes):
            if node.output[0] in before and node.output[0] in after and node.output[0] != x:
                before.update(node.input)
                found.append(node)
        return found[::-1]

    def _is_bias(self, nodes: list[Any], parts: list[Part]) -> bool:
        spec = parts[-1].spec if parts else None
        constants = [name for name in nodes[0].input if name in self.reader.constants]
        return (
            len(nodes) == 1
            and nodes[0].op_type == "Add"
            and isinstance(spec, Dense)
            and not spec.bias
            and spec.activation == "identity"
            and len(constants) == 1
            and self.reader.constants[constants[0]].ndim  # a number begins a hard sigmoid
            and self.reader.constants[constants[0]].size in (1, spec.units)
        )

    def _add_bias(self, node: Any, parts: list[Part]) -> None:
        (name,) = (name for name in node.input if name in self.reader.constants)
        weights = parts[-1].arrays["weights"]
        bias = self.reader.constants[name].ravel()
        parts[-1] = dense(weights, np.broadcast_to(bias, weights.shape[1]))

    def _embedding(self, regions: list[tuple[list[Any], str]], x: str) -> tuple[Part, int] | None:
        """Return the Embedding that the next regions are, and how many of them."""
        for count, (nodes, y) in enumerate(regions, 1):
            if nodes[-1].op_type in ("Concat", "Gather"):
                part = embedding(self.reader, x, y)
                if part is not None:
                    return part, count
            elif nodes[-1].op_type not in LOOKUPS:
                break
        return None

    def _function(self, regions: list[tuple[list[Any], str]], x: str, parts: list[Part]) -> int:
        """Append the activation that most of the next regions are; return how many."""
        most = 0
        while most < len(regions) and all(n.op_type in SIMPLE for n in regions[most][0]):
            most += 1
        for count in range(most, 0, -1):
            nodes = [node for region, _ in regions[:count] for node in region]
            found = recognize(self.reader, nodes, x, regions[count - 1][1])
            if isinstance(found, Part):
                parts.append(found)
            elif found is not None and found.name != "identity":
                append(parts, found)
            if found is not None:
                return count
        node = regions[0][0][-1]
        if node.op_type not in _JOINS:
            raise unsupported(node, "no activation of fastnn is what it computes")
        parts.append(self._block(node, x))
        return 1

    def _block(self, node: Any, x: str) -> Part:
        """Return the block whose branches a node joins."""
        inputs = list(node.input)
        if node.op_type == "Add" and len(inputs) == 2 and x in inputs:
            inputs.remove(x)
            return Part(None, branches=[self.chain(x, inputs[0])])
        if node.op_type == "Concat" and attributes(node)["axis"] in (1, -1):
            return Part(None, branches=[self.chain(x, name) for name in inputs])
        raise unsupported(node, "fastnn has no such layer")
