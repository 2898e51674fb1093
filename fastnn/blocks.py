"""Layers that hold other layers; they are part of `fastnn.layers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from fastnn._layer import Layer


class Block(Layer):
    """What holds other layers: `Residual` and `Concatenate`.

    Examples
    --------
    >>> import fastnn
    >>> len(fastnn.Concatenate([[fastnn.Dense(16)], []]).parts)
    2
    """

    field: ClassVar[str]  # what its layers are called

    @property
    def parts(self) -> tuple[tuple[Layer, ...], ...]:
        """The lists of layers, all over the same input."""
        return getattr(self, self.field)  # type: ignore[no-any-return]

    def unparted(self, parts: tuple[tuple[Layer, ...], ...]) -> Any:
        """Return the field's value for these parts: the reverse of `parts`."""
        return parts

    def join(self, path: str, inputs: int, widths: list[int]) -> int:
        """Return the width of the output; raise ValueError if the parts do not fit."""
        raise NotImplementedError(f"{type(self).__name__} does not define join")


class Residual(Block):
    """A block of layers whose input is added to their output: z = x + block(x).

    Parameters
    ----------
    layers : sequence of Layer
        The block; it must have as many outputs as inputs.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition", CVPR
    2016.

    Examples
    --------
    >>> import fastnn
    >>> block = [fastnn.LayerNorm(), fastnn.Dense(64, activation="gelu"), fastnn.Dense(32)]
    >>> net = fastnn.Sequential(
    ...     [fastnn.Dense(32), fastnn.Residual(block), fastnn.Dense(1)], input_size=8)
    >>> net.layers[1].layers[2].weights.shape
    (64, 32)
    """

    name = "residual"
    field = "layers"
    layers: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", _layers("layers", self.layers))
        if not self.layers:
            raise ValueError("layers: got none, want at least one layer in the block")

    @property
    def parts(self) -> tuple[tuple[Layer, ...], ...]:
        """The block."""
        return (self.layers,)

    def unparted(self, parts: tuple[tuple[Layer, ...], ...]) -> Any:
        """Return the block."""
        return parts[0]

    def join(self, path: str, inputs: int, widths: list[int]) -> int:
        """Return the width, if the block keeps it."""
        if widths[0] != inputs:
            raise ValueError(
                f"{path}: the block of Residual has {widths[0]} outputs, want {inputs}, "
                "as many as it has inputs"
            )
        return inputs


class Concatenate(Block):
    """Branches over the same input, their outputs side by side.

    Parameters
    ----------
    branches : sequence of sequences of Layer
        At least two; an empty branch passes the input on.

    References
    ----------
    H.-T. Cheng et al., "Wide & deep learning for recommender systems", DLRS 2016.

    Examples
    --------
    A deep branch, and the input itself, as in wide and deep networks:

    >>> import fastnn
    >>> net = fastnn.Sequential(
    ...     [fastnn.Concatenate([[fastnn.Dense(16, activation="relu")], []]), fastnn.Dense(1)],
    ...     input_size=8)
    >>> net.layers[1].inputs
    24
    """

    name = "concatenate"
    field = "branches"
    branches: Any

    def __post_init__(self) -> None:
        if isinstance(self.branches, (str, Layer)) or not isinstance(self.branches, Sequence):
            raise TypeError(f"branches: got {self.branches!r}, want a list of lists of layers")
        branches = tuple(
            _layers(f"branches[{i}]", branch) for i, branch in enumerate(self.branches)
        )
        object.__setattr__(self, "branches", branches)
        if len(branches) < 2:
            raise ValueError(f"branches: got {len(branches)}, want at least 2")

    def join(self, path: str, inputs: int, widths: list[int]) -> int:
        """Return the sum of the widths."""
        return sum(widths)


def _layers(argument: str, value: Any) -> tuple[Layer, ...]:
    if isinstance(value, (str, Layer)) or not isinstance(value, Sequence):
        raise TypeError(f"{argument}: got {value!r}, want a list of layers")
    for i, layer in enumerate(value):
        if not isinstance(layer, Layer) or not hasattr(layer, "name"):
            raise TypeError(f"{argument}[{i}]: got {layer!r}, want a layer such as fastnn.Dense")
    return tuple(value)
