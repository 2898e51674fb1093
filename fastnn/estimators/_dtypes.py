"""A network in another dtype: the same layers, with all that training changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._state import (
    OptimizerState,
    Values,
    get_optimizer_state,
    get_values,
    set_optimizer_state,
    set_values,
)
from fastnn.sequential import Sequential


def rounded(values: Values, dtype: str) -> Values:
    """Return a network's values in another dtype."""
    states = [None if state is None else state.astype(dtype) for state in values.states]
    return Values(values.parameters.astype(dtype), states)


def with_dtype(net: Sequential, dtype: str) -> Any:
    """Return a network like another, in another dtype; where that holds less, what is rounded."""
    other = Sequential(net.specs, net.input_size, seed=net.seed, dtype=dtype)
    for name in ("loss", "optimizer", "history", "_epochs", "_most_threads", "_shared_penalties"):
        setattr(other, name, getattr(net, name))
    with np.errstate(over="ignore"):
        set_values(other, rounded(get_values(net), dtype))
        numbers, slots = get_optimizer_state(net)
        set_optimizer_state(other, OptimizerState(numbers, [slot.astype(dtype) for slot in slots]))
    return other
