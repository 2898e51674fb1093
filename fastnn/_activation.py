"""What activations have in common: the base class of their specs."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, ClassVar

import numpy as np

from fastnn import _core
from fastnn._spec import Spec


class Activation(Spec, kind="activation"):
    """Base class of the activations; called, one gives h(z) as the engine computes it.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.LeakyReLU(0.25)([-2.0, 0.0, 3.0])
    array([-0.5,  0. ,  3. ])
    """

    # Which initial weights are the default before it: see fastnn.initializers.default_for.
    scheme: ClassVar[str] = "glorot"

    # Whether training changes it: it is then a layer of the engine's, not a row of its table.
    learned: ClassVar[bool] = False

    # The link of `predict` that makes it, for those that only stand at the output.
    link: ClassVar[str | None] = None

    @property
    def parameter(self) -> float:
        """The number that the engine knows as `a`."""
        return 0.0

    def __call__(self, z: Any) -> np.ndarray:
        """Return h(z), elementwise.

        Parameters
        ----------
        z : array-like

        Returns
        -------
        ndarray of float64
            Of z's shape.
        """
        x = np.array(z, dtype=np.float64)
        values = np.empty(x.size)
        _core.map_function(self.name, x.ravel(), values, None, self.parameter)
        return values.reshape(x.shape)

    @property
    def gain(self) -> float:
        """1 / sqrt(E[h(z)^2]) for z ~ N(0, 1).

        Weights of mean 0 and variance gain^2 / fan_in keep the mean square of the
        pre-activations at 1 from layer to layer (He et al. 2015, for any h).  Integrated
        numerically and rounded to 6 digits, which are the same on every machine: sqrt(2)
        for relu, 1 for identity and selu.

        Examples
        --------
        >>> import fastnn
        >>> fastnn.activations.ReLU().gain, fastnn.activations.Tanh().gain
        (1.414214, 1.592537)
        """
        return _gain(self)


@cache
def _gain(activation: Activation) -> float:
    # Gauss and Legendre between whole numbers, where the kinks of the rows are.
    nodes, weights = np.polynomial.legendre.leggauss(20)
    z = np.arange(-12, 12)[:, None] + (nodes + 1) / 2
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return round(1 / math.sqrt((activation(z) ** 2 * density * (weights / 2)).sum()), 6)
