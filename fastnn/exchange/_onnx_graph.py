"""An ONNX graph while it is written: nodes, constants, names.

Opset 17 of 2022 is the first that has a node for each of fastnn's layers (its last addition was
LayerNormalization), and every runtime of the last years reads it.  Functions that came later, as
Gelu (20) and Mish (18), are a few nodes instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._version import __version__

OPSET, IR_VERSION = 17, 8  # of the same release, so that runtimes of then read both
ML_OPSET = 3  # of ai.onnx.ml, for tables


def import_onnx(what: str) -> Any:
    """Return the package, or raise ImportError that names the extra."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise ImportError(f'{what}: needs onnx: pip install "fastnn[onnx]"') from error
    return onnx


class Graph:
    """Nodes and constants, in the order in which they are added.

    Names of values within the graph begin with a slash: those of inputs may be any column's.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Of all numbers that are not said to be others.
    """

    def __init__(self, dtype: str) -> None:
        self.onnx = import_onnx("to_onnx")
        self.dtype = dtype
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self.types: dict[str, str] = {}  # of the inputs
        self._outputs: list[Any] = []
        self._domains = {"": OPSET}

    @property
    def single(self) -> bool:
        """Whether numbers are float32, for which ONNX Runtime has functions that float64 lacks."""
        return self.dtype == "float32"

    def kind(self, dtype: str) -> int:
        """Return ONNX's number of a NumPy type."""
        wanted = np.dtype(object if dtype == "str" else dtype)
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(wanted))

    def input(self, name: str, width: int, dtype: str = "") -> str:
        """Add an input of shape (batch, width)."""
        self.types[name] = dtype or self.dtype
        self._inputs.append(self._value(name, self.types[name], ("batch", width)))
        return name

    def output(self, value: str, name: str, *width: int, dtype: str = "") -> None:
        """Make a value an output of shape (batch, *width), under a name of its own."""
        self._nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        if value == self._nodes[-2].output[0]:  # which nobody else reads
            del self._nodes[-1]
            self._nodes[-1].output[0] = name
        self._outputs.append(self._value(name, dtype or self.dtype, ("batch", *width)))

    def add(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its value."""
        name = f"/{op.lower()}_{len(self._nodes)}"
        node = self.onnx.helper.make_node(
            op, list(inputs), [name], name=name, domain=domain, **attributes
        )
        self._nodes.append(node)
        if domain:
            self._domains[domain] = ML_OPSET
        return name

    def split(self, value: str, names: Sequence[str], sizes: Sequence[int]) -> None:
        """Cut a value's columns into values of these names."""
        node = self.onnx.helper.make_node(
            "Split", [value, self.array("sizes", sizes, "int64")], list(names), axis=1
        )
        self._nodes.append(node)

    def array(self, name: str, values: Any, dtype: str = "") -> str:
        """Add a constant under a name of its own."""
        name = f"/{name}"
        array = np.asarray(values, object if dtype == "str" else dtype or self.dtype)
        self._constants[name] = self.onnx.numpy_helper.from_array(array, name)
        return name

    def number(self, value: float, dtype: str = "") -> str:
        """Return a constant of no dimensions; the same for the same number."""
        name = f"{value!r}_{dtype}" if dtype else repr(value)
        return f"/{name}" if f"/{name}" in self._constants else self.array(name, value, dtype)

    def model(self, name: str, text: str) -> Any:
        """Return the model, checked.

        Raises
        ------
        ValueError
            If it is larger than the 2 GB that ONNX has room for.
        """
        helper = self.onnx.helper
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, list(self._constants.values())
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(*pair) for pair in self._domains.items()],
            ir_version=IR_VERSION,
            producer_name="fastnn",
            producer_version=__version__,
            doc_string=text,
        )
        if model.ByteSize() >= 1 << 31:
            raise ValueError(f"to_onnx: {model.ByteSize()} bytes, and ONNX files end at 2 GB")
        self.onnx.checker.check_model(model, full_check=True)
        return model

    def _value(self, name: str, dtype: str, shape: Sequence[str | int]) -> Any:
        return self.onnx.helper.make_tensor_value_info(name, self.kind(dtype), shape)
