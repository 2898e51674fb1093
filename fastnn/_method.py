"""What `optimizer=` may be: one of the engine's rules, a solver, or a function of the user's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._optimizer import Optimizer
from fastnn._spec import Spec, resolve
from fastnn.solvers import Solver


class Function(Optimizer):
    """A function (parameters, gradient, step) -> None; it has no name and is not saved."""

    function: Callable[[np.ndarray, np.ndarray, int], Any]

    @property
    def rule(self) -> str:
        """The rule of the engine that counts its steps."""
        return "sgd"

    def change(self, parameters: np.ndarray, gradient: np.ndarray, step: int) -> None:
        """Let the function change the parameters."""
        result = self.function(parameters, gradient, step)
        if result is not None:
            raise TypeError(
                f"optimizer: got {type(result).__name__} from {self.function!r}, want None: it "
                "changes the parameters in place (parameters -= ...)"
            )


def method_of(value: Any) -> Optimizer | Solver:
    """Return an optimizer or a solver for its name, class or instance, or for a function."""
    made = isinstance(value, (Optimizer, Solver))
    if made and (hasattr(value, "name") or isinstance(value, Function)):
        return value  # type: ignore[no-any-return]
    if callable(value) and not isinstance(value, (type, Spec)):
        return Function(value)
    of_solvers = (
        isinstance(value, Solver)
        or (isinstance(value, str) and value in Solver.registry)
        or (isinstance(value, type) and issubclass(value, Solver))
    )
    kind: Any = Solver if of_solvers else Optimizer
    chosen: Optimizer | Solver = resolve(kind, value, "optimizer")
    return chosen


def check_steps(optimizer: Optimizer | Solver | None, where: str) -> None:
    """Raise for a solver, where batches take steps."""
    if isinstance(optimizer, Solver):
        raise ValueError(
            f"optimizer: {optimizer!r} takes all the data of a fit at once, want one that takes "
            f"a step a batch for {where}"
        )
