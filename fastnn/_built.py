"""A layer of a network that has parameters: what `net.layers[i]` is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.arrays import check_parameters

if TYPE_CHECKING:
    from fastnn.layers import Dense
    from fastnn.sequential import Sequential


class BuiltLayer:
    """A layer of a network, with its parameters.

    Attributes
    ----------
    spec : Layer
        What was asked for.
    inputs, outputs : int
        Width of the layer.
    """

    def __init__(self, network: Sequential, index: int, inputs: int) -> None:
        self._network = network
        self._index = index
        self.spec: Dense = network.specs[index]
        self.inputs = inputs
        self.outputs = self.spec.units

    def __repr__(self) -> str:
        return f"<layer {self._index}, {self.inputs} -> {self.outputs}: {self.spec!r}>"

    @property
    def weights(self) -> np.ndarray:
        """W, of shape (inputs, outputs): a copy; assign to change it."""
        return self._read()[: self.inputs * self.outputs].reshape(self.inputs, self.outputs)

    @weights.setter
    def weights(self, value: Any) -> None:
        both = self._read()
        n = self.inputs * self.outputs
        both[:n] = check_parameters(
            "weights", value, (self.inputs, self.outputs), both.dtype
        ).ravel()
        self._write(both)

    @property
    def bias(self) -> np.ndarray | None:
        """The bias, of shape (outputs,): a copy; assign to change it.  None without one."""
        return self._read()[self.inputs * self.outputs :] if self.spec.bias else None

    @bias.setter
    def bias(self, value: Any) -> None:
        if not self.spec.bias:
            raise ValueError("bias: this layer was made with bias=False and has none to set")
        both = self._read()
        both[self.inputs * self.outputs :] = check_parameters(
            "bias", value, (self.outputs,), both.dtype
        )
        self._write(both)

    def _read(self) -> np.ndarray:
        size = (self.inputs + self.spec.bias) * self.outputs
        out = np.empty(size, dtype=self._network.dtype)
        with self._network._lock:
            self._network._plan.read("parameters", out, self._index)
        return out

    def _write(self, values: np.ndarray) -> None:
        with self._network._lock:
            self._network._plan.write("parameters", values, self._index)
