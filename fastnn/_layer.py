"""The base class of layers, which fastnn.layers and fastnn.blocks share."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from fastnn import _core
from fastnn._spec import Spec, check_flag, check_number


class Layer(Spec, kind="layer"):
    """Base class of the layers; a layer keeps the width of its input unless it says otherwise.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.Dropout(0.2).outputs(64), fastnn.Dense(10).outputs(64)
    (64, 10)
    """

    def outputs(self, inputs: int) -> int:
        """Return the number of outputs."""
        return inputs

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the parameters, by name, in their order."""
        return {}

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what training changes besides the parameters, by name."""
        return {}

    @property
    def group(self) -> dict[str, float]:
        """How the layer takes part in steps of training, as the engine wants it."""
        return {}

    @property
    def numbers(self) -> tuple[float, ...]:
        """What the engine wants to know, in its order."""
        return tuple(float(getattr(self, name)) for name in _core.LAYERS[self.name])


class Trained(Layer):
    """Base class of the layers with parameters.

    Parameters
    ----------
    lr_scale : float, default 1.0
        Factor of the learning rate for this layer's parameters.
    decay_scale : float, default 1.0
        Factor of the optimizer's weight decay (`AdamW`, `Lion`).
    trainable : bool, default True
        False: frozen, no step changes it (nor its running mean and variance).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.Dense(64, activation="relu", lr_scale=0.1).lr_scale
    0.1
    """

    lr_scale: float = field(default=1.0, kw_only=True)
    decay_scale: float = field(default=1.0, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        check_number("lr_scale", self.lr_scale, low=0)
        check_number("decay_scale", self.decay_scale, low=0)
        check_flag("trainable", self.trainable)

    @property
    def group(self) -> dict[str, float]:
        """The factors, and whether it is frozen."""
        return {
            "lr_scale": float(self.lr_scale),
            "decay_scale": float(self.decay_scale),
            "frozen": not self.trainable,
        }


def part(argument: str, value: Any, default: str | None, functions: bool = False) -> Any:
    """Return a name, a spec or a function; names are looked up where the network is built."""
    if value is None:
        return default
    if isinstance(value, type) and issubclass(value, Spec):
        return value()
    if not isinstance(value, (str, Spec)) and not (functions and callable(value)):
        raise TypeError(f"{argument}: got {value!r}, want a name or a fastnn spec")
    return value
