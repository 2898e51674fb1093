"""A C header while it is written: constants, the functions it needs, calls, buffers."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

import numpy as np

from fastnn.exchange import _c_activations

# What layers call besides activations.
FUNCTIONS = {
    "dense": """(const float *x, float *y, const float *W, const float *b,
    size_t inputs, size_t outputs) {
  for (size_t j = 0; j < outputs; j++)
    y[j] = b ? b[j] : 0;
  for (size_t k = 0; k < inputs; k++)
    for (size_t j = 0; j < outputs; j++)
      y[j] += x[k] * W[k * outputs + j];
}""",
    "copy": """(const float *x, float *y, size_t n) {
  for (size_t i = 0; i < n; i++)
    y[i] = x[i];
}""",
    "add": """(const float *x, float *y, size_t n) {
  for (size_t i = 0; i < n; i++)
    y[i] += x[i];
}""",
    "prelu": """(float *h, const float *slopes, size_t n) {
  for (size_t i = 0; i < n; i++)
    h[i] = h[i] > 0 ? h[i] : slopes[i] * h[i];
}""",
    "batch_norm": """(float *h, const float *mean, const float *scale,
    const float *shift, size_t n) {
  for (size_t i = 0; i < n; i++)
    h[i] = (h[i] - mean[i]) * scale[i] + shift[i];
}""",
    "layer_norm": """(float *h, const float *scale, const float *shift,
    float epsilon, size_t n) {
  float mean = 0, variance = 0;
  for (size_t i = 0; i < n; i++)
    mean += h[i] / (float)n;
  for (size_t i = 0; i < n; i++)
    variance += (h[i] - mean) * (h[i] - mean) / (float)n;
  for (size_t i = 0; i < n; i++)
    h[i] = (h[i] - mean) / sqrtf(variance + epsilon) * scale[i] + shift[i];
}""",
}


class Value(NamedTuple):
    """Numbers in an array; `own`: a buffer that may be written to, and is to be given back."""

    name: str
    width: int
    own: bool


class Code:
    """The parts of a header, in the order in which they are added.

    Parameters
    ----------
    prefix : str
        What all names begin with.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.constants: list[str] = []
        self.functions: dict[str, str] = {}
        self.checks: list[str] = []
        self.calls: list[str] = []
        self.buffers: dict[str, int] = {}  # name -> numbers
        self._free: list[str] = []
        self.numbers = 0  # in all constants

    def array(self, name: str, values: np.ndarray) -> str:
        """Add an array of constants and return its name.

        Raises
        ------
        ValueError
            If float32 has no such numbers.
        """
        with np.errstate(over="ignore"):
            single = np.asarray(values).astype("float32").ravel()
        if not np.isfinite(single).all():
            raise ValueError(f"to_c: {name} has numbers that are too large for float32")
        name = f"{self.prefix}_{name}"
        self.numbers += single.size
        # As few digits as give the same float32 again: hexadecimal ones C++ has from 2017 on.
        rows = textwrap.fill(", ".join(f"{text}f" for text in single.astype(str)), 96)
        self.constants.append(
            f"static const float {name}[{single.size}] = {{\n{textwrap.indent(rows, '    ')}}};"
        )
        return name

    def call(self, function: str, *arguments: str | int) -> None:
        """Add a call of a function of this module or of an activation."""
        if function in FUNCTIONS:
            text = f"PREFIX_{function}{FUNCTIONS[function]}"
        else:
            text = _c_activations.function(function)
        self.add_function(function, f"void {text}")
        given = ", ".join(map(str, arguments))
        self.calls.append(f"{self.prefix}_{function}({given});")

    def add_function(self, name: str, text: str) -> None:
        """Add a function that is needed, once; in its text names begin with PREFIX."""
        self.functions[name] = f"static inline {text.replace('PREFIX', self.prefix)}"

    def check(self, condition: str, column: int) -> None:
        """Add a condition that the input must meet in a column."""
        self.checks.append(f"if (!({condition}))\n    return {column + 1};")

    def buffer(self, width: int) -> Value:
        """Return an array that nobody uses."""
        name = self._free.pop() if self._free else f"h{len(self.buffers)}"
        self.buffers[name] = max(width, self.buffers.get(name, 0))
        return Value(name, width, True)

    def done(self, value: Value) -> None:
        """Give an array back that is no longer read."""
        if value.own:
            self._free.append(value.name)

    def writable(self, value: Value) -> Value:
        """Return the value in a buffer of its own."""
        if value.own:
            return value
        copy = self.buffer(value.width)
        self.call("copy", value.name, copy.name, value.width)
        return copy
