"""An ONNX model, reduced to what a dense network needs: nodes in order, constants, no detours.

Nodes of constants alone are computed (a transposed weight, say), and those that pass a value on
are replaced by it (dropout, casts, flattening rows that are flat).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn.exchange._onnx_graph import import_onnx

# What is computed of constants: nothing that makes much of little.
_FOLDED = {"Cast", "Constant", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
_BROADCAST = {"Add", "Div", "Expand", "Mul", "Neg", "Reciprocal", "Sqrt", "Sub"}
_LITTLE = 1024  # numbers that these, which could, and Concat may make of fewer


def unsupported(node: Any, why: str) -> ValueError:
    """Return the error of a node that no layer of fastnn is."""
    return ValueError(f"from_onnx: node {node.name or node.output[0]!r} ({node.op_type}): {why}")


def attributes(node: Any) -> dict[str, Any]:
    """Return a node's attributes."""
    helper = import_onnx("from_onnx").helper
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


class Reader:
    """The nodes between a model's input and one of its values.

    Parameters
    ----------
    model : onnx.ModelProto
        Checked, with the shapes that could be inferred.
    output : str or None
        Name of the value; by default the model's output, if one alone is an array of floats.

    Attributes
    ----------
    nodes : list
        Of the graph, in an order in which they can be computed; inputs are names of constants,
        of `input`, or of earlier nodes' outputs.
    constants : dict
        Arrays by name.
    input, output : str
    width : int or None
        Number of features, if the model tells it.
    """

    def __init__(self, model: Any, output: str | None) -> None:
        self._onnx = import_onnx("from_onnx")
        graph = model.graph
        self._opset = next((item.version for item in model.opset_import if not item.domain), 1)
        self._shapes = {
            item.name: [dim.dim_value or None for dim in item.type.tensor_type.shape.dim]
            for item in (*graph.input, *graph.value_info, *graph.output)
        }
        numpy_helper = self._onnx.numpy_helper
        self.constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        inputs = [item.name for item in graph.input if item.name not in self.constants]
        if len(inputs) != 1:
            raise ValueError(f"from_onnx: the model has the inputs {inputs}, want one array")
        self.input = inputs[0]
        self._same: dict[str, str] = {}  # names of a value -> the first of them
        known = {node.output[0] for node in graph.node} | {self.input}
        self.output = self._choose(graph.output) if output is None else output
        if self.output not in known:
            raise ValueError(f"output: got {output!r}, want the name of a value in the model")
        self.nodes = self._simplified(self._needed(graph.node))
        self.output = self._same.get(self.output, self.output)
        shape = self._shapes.get(self.input, [])
        self.width = shape[1] if len(shape) == 2 and isinstance(shape[1], int) else None

    def _choose(self, outputs: Any) -> str:
        kinds = {self._onnx.TensorProto.FLOAT, self._onnx.TensorProto.DOUBLE}
        floats = [item.name for item in outputs if item.type.tensor_type.elem_type in kinds]
        if len(floats) != 1:
            names = [item.name for item in outputs]
            raise ValueError(f"output: the model has {names}, want the name of one")
        return str(floats[0])

    def _needed(self, nodes: Iterable[Any]) -> list[Any]:
        """Return the nodes that the output depends on."""
        wanted, found = {self.output}, []
        for node in reversed(list(nodes)):
            if wanted.intersection(node.output):
                found.append(node)
                wanted.update(node.input)
        return found[::-1]

    def _simplified(self, nodes: Iterable[Any]) -> list[Any]:
        kept = []
        for node in nodes:
            for i, name in enumerate(node.input):
                node.input[i] = self._same.get(name, name)
            values = [name for name in node.input if name]
            known = all(name in self.constants for name in values)
            feeds = {name: self.constants[name] for name in values} if known else {}
            if known and self._stays_small(node, [feeds[name] for name in values]):
                self.constants[node.output[0]] = self.evaluate([node], feeds, node.output[0])
            elif self._passes(node):
                self._same[node.output[0]] = node.input[0]
            else:
                kept.append(node)
        return kept

    def _stays_small(self, node: Any, arrays: list[np.ndarray]) -> bool:
        """Whether a node of constants is computed: what it makes is no larger than they are."""
        if node.op_type in _FOLDED:
            return True
        if node.op_type == "Concat":
            made = sum(array.size for array in arrays)
        elif node.op_type in _BROADCAST:
            shapes = [array.shape for array in arrays]
            if node.op_type == "Expand":
                shapes[1] = tuple(map(int, arrays[1].ravel()))
            try:
                made = math.prod(np.broadcast_shapes(*shapes))
            except ValueError:  # whoever needs it will be named
                return False
        else:
            return False
        return made <= max(_LITTLE, *(array.size for array in arrays))

    def _passes(self, node: Any) -> bool:
        """Whether a node leaves rows as they are."""
        own = attributes(node)
        if node.op_type == "Cast":
            return own["to"] in (self._onnx.TensorProto.FLOAT, self._onnx.TensorProto.DOUBLE)
        if node.op_type == "Flatten":
            return bool(own.get("axis", 1) == 1)
        if node.op_type == "Reshape":
            shape, before = self.constants.get(node.input[1]), self._shapes.get(node.input[0], [])
            width = math.prod(before[1:]) if before and all(before[1:]) else None  # type: ignore[arg-type]
            return (
                shape is not None
                and shape.shape == (2,)
                and (shape.tolist() == [0, -1] or (shape[0] in (-1, 0) and shape[1] == width))
            )
        return node.op_type in ("Dropout", "Identity")

    def evaluate(self, nodes: list[Any], feeds: dict[str, np.ndarray], output: str) -> np.ndarray:
        """Return what nodes make of arrays, by onnx's own implementation of them."""
        from onnx.reference import ReferenceEvaluator

        helper = self._onnx.helper
        kinds = {
            name: helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in feeds.items()
        }
        inputs = [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()]
        outputs = [helper.make_tensor_value_info(output, self._onnx.TensorProto.FLOAT, None)]
        opset = [helper.make_opsetid("", self._opset)]
        model = helper.make_model(
            helper.make_graph(nodes, "part", inputs, outputs), opset_imports=opset
        )
        value: np.ndarray = ReferenceEvaluator(model).run(None, feeds)[0]
        return value
