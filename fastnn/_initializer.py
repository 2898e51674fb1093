"""What initializers have in common, and functions of the user's own in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._spec import Spec, resolve


class Initializer(Spec, kind="initializer"):
    """Base class of the initializers.

    Examples
    --------
    >>> from fastnn.initializers import Initializer
    >>> sorted(Initializer.registry)[:3]
    ['constant', 'glorot_normal', 'glorot_uniform']
    """

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return a float64 array; the last two axes are fan_in and fan_out.

        Parameters
        ----------
        shape : tuple of int
            (inputs, outputs) of weights, (outputs,) of a bias.
        seed, stream : int
            The same pair gives the same values.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define sample")


class _Function(Initializer):
    """What a function of the user's own returns; it has no name and is not saved."""

    function: Callable[[tuple[int, ...], np.random.Generator], Any]

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return the function's values; who asks checks them."""
        key = seed | stream << 64
        values: np.ndarray = self.function(shape, np.random.Generator(np.random.Philox(key=key)))
        return values


def initializer_of(value: Any, argument: str) -> Initializer:
    """Return an initializer for its name, class or instance, or for a function.

    Parameters
    ----------
    value : str, initializer or callable
    argument : str
        What errors call it.

    Examples
    --------
    >>> from fastnn.initializers import initializer_of
    >>> initializer_of("he_normal", "weight_init")
    HeNormal(gain=1.0)
    """
    if callable(value) and not isinstance(value, (type, Spec)):
        return _Function(value)
    chosen: Initializer = resolve(Initializer, value, argument)
    return chosen
