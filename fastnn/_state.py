"""What training changes of a network, as plain arrays: for copies, files and ways back.

The engine's own copies, of which there are two, are `snapshot` and `restore` of the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from fastnn import _core

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


class Values(NamedTuple):
    """What decides about predictions."""

    parameters: np.ndarray
    states: list[np.ndarray | None]  # of each layer: running statistics


class OptimizerState(NamedTuple):
    """What decides about the next step besides."""

    numbers: tuple[Any, ...]  # as `Plan.optimizer_state` has them
    slots: list[np.ndarray]  # each as long as the parameters


def slots_of(rule: str | None) -> list[str]:
    """Return the engine's names of the arrays that an optimizer keeps; None: of no optimizer."""
    return [] if rule is None else [f"slot_{i}" for i in range(_core.OPTIMIZER_SLOTS[rule])]


def get_values(net: Sequential) -> Values:
    """Return copies of a network's values."""
    with net._lock:
        return Values(net.parameters, [layer.state for layer in net._leaves()])


def set_values(net: Sequential, values: Any) -> None:
    """Give a network what `get_values` returned; as a list, too, as files have it."""
    parameters, states = values
    with net._lock:
        net._plan.write("parameters", parameters)
        for layer, state in zip(net._leaves(), states, strict=True):
            if state is not None:
                layer._write("state", state)


def same_values(one: Values, other: Values) -> bool:
    """Whether two networks' values are the same, bit for bit but for the sign of zeros."""
    pairs = zip([one.parameters, *one.states], [other.parameters, *other.states], strict=True)
    return all(a is b or np.array_equal(a, b) for a, b in pairs)  # type: ignore[arg-type]


def checked_values(net: Sequential, values: Any) -> Values:
    """Return a network's values, as a file has them, or raise ValueError or TypeError."""
    parameters, states = values
    own = get_values(net)
    pairs = zip([parameters, *states], [own.parameters, *own.states], strict=True)
    for found, like in pairs:
        if found is None and like is None:
            continue
        if (
            not isinstance(found, np.ndarray)
            or like is None
            or (found.shape, found.dtype) != (like.shape, like.dtype)
        ):
            raise ValueError(f"values: got {found!r:.80}, which are not this network's")
    return Values(parameters, states)


def get_optimizer_state(net: Sequential) -> OptimizerState:
    """Return a copy of what the network's optimizer has kept."""
    with net._lock:
        numbers = net._plan.optimizer_state()
        return OptimizerState(numbers, [net._read(slot) for slot in slots_of(numbers[0])])


def set_optimizer_state(net: Sequential, state: OptimizerState) -> None:
    """Give a network what `get_optimizer_state` returned."""
    with net._lock:
        net._plan.set_optimizer_state(*state.numbers)
        for slot, values in zip(slots_of(state.numbers[0]), state.slots, strict=True):
            net._plan.write(slot, values)


Copy: TypeAlias = tuple[Values, OptimizerState]


def take_copy(net: Sequential) -> Copy:
    """Return copies of all that training changes."""
    with net._lock:
        return get_values(net), get_optimizer_state(net)


def put_back(net: Sequential, copy: Copy) -> None:
    """Give a network what `take_copy` returned of it, or of one with the same layers."""
    with net._lock:
        set_values(net, copy[0])
        set_optimizer_state(net, copy[1])
