"""From layer specs to what the engine is given: its layers and their first values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import arrays
from fastnn.layers import Activation, Dense, Layer

if TYPE_CHECKING:
    from fastnn import activations
    from fastnn.initializers import Initializer


def widths_of(specs: Sequence[Layer], inputs: int) -> list[int]:
    """Return the width of the network's input and of each layer's output."""
    widths = [inputs]
    for i, spec in enumerate(specs):
        widths.append(spec.outputs(widths[-1]))
        if widths[-2] * widths[-1] > 1 << 40 and isinstance(spec, Dense):
            raise ValueError(f"layers[{i}]: {widths[-2]} inputs x {widths[-1]} units are too many")
    return widths


def engine_layers(
    specs: Sequence[Layer], functions: Sequence[activations.Activation]
) -> tuple[tuple[Any, ...], list[int | None]]:
    """Return the engine's layers, and which of them each spec became.

    An `Activation` after a layer without one becomes part of that layer, and is none itself.
    """
    layers: list[tuple[Any, ...]] = []
    places: list[int | None] = []
    for spec, function in zip(specs, functions, strict=True):
        # Softmax is not a row of the engine's table: it is what the loss is made for,
        # and predict's link.
        act = (
            ("identity", 0.0) if function.name == "softmax" else (function.name, function.parameter)
        )
        if isinstance(spec, Activation) and layers and "identity" in _activation_of(layers[-1]):
            before = layers[-1]
            layers[-1] = (*before[:2], *act) if _is_other(before) else (*act, *before[2:])
            places.append(None)
            continue
        places.append(len(layers))
        if isinstance(spec, Dense):
            layers.append((*act, spec.units, spec.bias))
        else:
            layers.append((spec.name, spec.numbers, *act))
    return tuple(layers), places


def _is_other(layer: tuple[Any, ...]) -> bool:
    return isinstance(layer[1], tuple)


def _activation_of(layer: tuple[Any, ...]) -> tuple[Any, ...]:
    return layer[2:] if _is_other(layer) else layer[:2]


def first_values(
    specs: Sequence[Layer],
    initializers: Sequence[tuple[Initializer, Initializer] | None],
    widths: Sequence[int],
    seed: int,
    dtype: str,
) -> np.ndarray:
    """Return all parameters as a vector: drawn for dense layers, ones and zeros for others."""
    parts: list[np.ndarray] = [np.empty(0, dtype)]
    for i, (spec, pair) in enumerate(zip(specs, initializers, strict=True)):
        for j, (name, shape) in enumerate(spec.shapes(widths[i]).items()):
            if pair is None:
                values = np.ones(shape) if name == "weights" else np.zeros(shape)
            else:
                values = pair[j].sample(shape, seed, 2 * i + j)
            argument = f"layers[{i}].{'weight' if name == 'weights' else name}_init"
            parts.append(arrays.check_parameters(argument, values, shape, dtype).ravel())
    return np.concatenate(parts)


def first_state(spec: Layer, width: int, dtype: str) -> np.ndarray | None:
    """Return what a layer remembers besides its parameters: running mean and variance."""
    if not spec.state_shapes(width):
        return None
    return np.concatenate([np.zeros(width, dtype), np.ones(width, dtype)])
