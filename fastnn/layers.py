"""Layers, as descriptions; `fastnn.Sequential` makes a network of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastnn._spec import Spec, check_count


@dataclass(frozen=True)
class Layer(Spec, kind="layer"):
    """Base class of the layers."""


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer: activation(X W + b).

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str or activation, default "identity"
        See `fastnn.activations`; None means "identity".
    bias : bool, default True
        Whether there is a b.
    weight_init : str, initializer or callable, optional
        Initial W, of shape (inputs, units); by default the one that suits the activation:
        see `fastnn.initializers.default_for`.  A callable gets the shape and a
        numpy.random.Generator, seeded from the network's seed and the layer's place, and
        returns the values; `save` cannot write it down, so a loaded network, which has its
        parameters, knows of the default instead.
    bias_init : str, initializer or callable, default "zeros"
        Initial b, of shape (units,).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.Dense(128, activation="relu")
    Dense(units=128, activation='relu', bias=True, weight_init=None, bias_init='zeros')
    """

    name = "dense"
    units: int
    activation: Any = "identity"
    bias: bool = True
    weight_init: Any = None
    bias_init: Any = "zeros"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", check_count("units", self.units))
        object.__setattr__(self, "activation", _part("activation", self.activation, "identity"))
        object.__setattr__(self, "weight_init", _part("weight_init", self.weight_init, None, True))
        object.__setattr__(self, "bias_init", _part("bias_init", self.bias_init, "zeros", True))
        if not isinstance(self.bias, bool):
            raise TypeError(f"bias: got {self.bias!r}, want True or False")


def _part(argument: str, value: Any, default: str | None, functions: bool = False) -> Any:
    """Return a name, a spec or a function; names are looked up where the network is built."""
    if value is None:
        return default
    if isinstance(value, type) and issubclass(value, Spec):
        return value()
    if not isinstance(value, (str, Spec)) and not (functions and callable(value)):
        raise TypeError(f"{argument}: got {value!r}, want a name or a fastnn spec")
    return value
