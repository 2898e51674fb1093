"""Derivatives of each output of each row in the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.losses import MeanAbsoluteError

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


def _jacobian_rows(net: Sequential, X: np.ndarray) -> np.ndarray:
    """Return the derivatives of `net.predict(X)`: (n_rows, n_outputs, n_parameters), float64.

    Of abs(z - t) the slope is 1 for t < z and 0 for t = z, without rounding: with such targets the
    gradient of one row's mean absolute error is that of one output, divided by their number.
    """
    outputs = net.output_size
    z = net.predict(X)
    J = np.empty((len(X), outputs, net._plan.n_parameters))
    loss = MeanAbsoluteError()
    for row in range(len(X)):
        for output in range(outputs):
            target = z[row : row + 1].copy()
            target[0, output] -= 1 + abs(target[0, output])
            net._evaluate("derive", (X[row : row + 1], (target, False), None), loss)
            J[row, output] = net._read("gradient")
    J *= outputs
    return J
