"""The base class of layers, which fastnn.layers and fastnn.blocks share."""

from __future__ import annotations

from dataclasses import dataclass

from fastnn import _core
from fastnn._spec import Spec


@dataclass(frozen=True)
class Layer(Spec, kind="layer"):
    """Base class of the layers; a layer keeps the width of its input unless it says otherwise."""

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
    def numbers(self) -> tuple[float, ...]:
        """What the engine wants to know, in its order."""
        return tuple(float(getattr(self, name)) for name in _core.LAYERS[self.name])
