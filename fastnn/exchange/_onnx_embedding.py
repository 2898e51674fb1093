"""Embeddings in ONNX, for `from_onnx`: columns of the input, of which some are looked up.

A column that passes is cut out of the input (Slice); codes are cut out (Slice and Squeeze, or
Gather, as PyTorch writes x[:, 0]), cast to whole numbers and looked up in a table (Gather).
Side by side (Concat) and in their order they are an Embedding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.exchange._onnx_reader import Reader, attributes
from fastnn.exchange._parts import Part
from fastnn.layers import Embedding

LOOKUPS = ("Slice", "Squeeze", "Gather", "Cast", "Concat")  # what an Embedding is made of
_FEATURES = (1, -1)  # the axis of the features


class _Other(ValueError):
    """What is no column, or none that an Embedding has."""


def embedding(reader: Reader, x: str, y: str) -> Part | None:
    """Return the Embedding that the nodes between the input and a value are; None if none is."""
    if x != reader.input or not reader.width:
        return None
    makers = {node.output[0]: node for node in reader.nodes}
    walk = _Walk(reader, makers, x, reader.width)
    try:
        node = makers[y]
        if node.op_type == "Concat" and attributes(node)["axis"] in _FEATURES:
            for name in node.input:
                walk.add(name)
        else:
            walk.add(y)
    except (ValueError, LookupError):  # what is missing, or not one number
        return None
    if not walk.tables or walk.at != reader.width:
        return None
    columns = {column: table.shape for column, table in walk.tables.items()}
    return Part(Embedding(columns), {"tables": walk.tables}, width=reader.width)


class _Walk:
    """The columns of x from the first on, as pieces side by side tell them.

    Attributes
    ----------
    at : int
        How many columns have been told.
    tables : dict of {int: ndarray}
        Of those that are looked up, (categories, dim).
    """

    def __init__(self, reader: Reader, makers: dict[str, Any], x: str, width: int) -> None:
        self.constants, self.makers, self.x, self.width = reader.constants, makers, x, width
        self.at = 0
        self.tables: dict[int, np.ndarray] = {}

    def add(self, name: str) -> None:
        """Add a piece, which has to begin where the last one ended."""
        node = self._maker(name, "Slice", "Gather")
        if node.op_type == "Slice":
            begin, end = self._columns(node)
        else:
            table = self.constants[node.input[0]]
            if table.ndim != 2 or table.dtype.kind != "f" or attributes(node).get("axis", 0):
                raise _Other
            begin = self._code(node.input[1])
            self.tables[begin], end = table, begin + 1
        if begin != self.at or end <= begin:
            raise _Other
        self.at = end

    def _code(self, name: str) -> int:
        """Return the column that codes are, (batch,), as whole numbers."""
        node = self._maker(self._maker(name, "Cast").input[0], "Squeeze", "Gather")
        if node.op_type == "Squeeze":
            if self._numbers(node.input[1]) not in ([1], [-1]):
                raise _Other
            begin, end = self._columns(self._maker(node.input[0], "Slice"))
            if end != begin + 1:
                raise _Other
            return begin
        index = self.constants[node.input[1]]
        if (
            node.input[0] != self.x
            or index.ndim
            or attributes(node).get("axis", 0) not in _FEATURES
        ):
            raise _Other
        return range(self.width)[int(index)]  # which may be counted from the end

    def _columns(self, node: Any) -> tuple[int, int]:
        """Return the first column that a Slice of x takes, and the one after the last."""
        axes, steps = ([*node.input, "", ""][i] for i in (3, 4))
        (begin,), (end,) = map(self._numbers, node.input[1:3])
        if (
            node.input[0] != self.x
            or not axes
            or self._numbers(axes) not in ([1], [-1])
            or (steps and self._numbers(steps) != [1])
        ):
            raise _Other
        begin, end, _ = slice(begin, end).indices(self.width)
        return begin, end

    def _numbers(self, name: str) -> list[int]:
        return [int(number) for number in self.constants[name].ravel()]

    def _maker(self, name: str, *kinds: str) -> Any:
        node = self.makers[name]
        if node.op_type not in kinds:
            raise _Other
        return node
