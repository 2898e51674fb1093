"""Steps of training that a Python function takes.

For such a step the engine takes one of SGD with a learning rate of 0: it does all that a step
does (the batches' losses, random numbers, running statistics, counting) but for moving
the parameters.  A clipping bound that no norm reaches makes it store the gradient.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn._groups import add_penalties, constrain, lr_scales
from fastnn._state import Copy, put_back, take_copy
from fastnn._steps import Steps, check_factor, steps_taken
from fastnn.optimizers import SGD

if TYPE_CHECKING:
    from fastnn.sequential import Sequential

_STILL = SGD(lr=0.0, clip_global_norm=1e300)


class FunctionSteps(Steps):
    """Steps by a Python function, in the place of the engine's.

    What the function keeps between its steps is its own, so they cannot be taken again; the way
    back is a copy made before each step.
    """

    def __init__(self, net: Sequential) -> None:
        super().__init__(net, _STILL)
        self.last: Copy | None = None  # the network before the last step
        self.spoiled = False  # by the function: it left a parameter that is not finite

    # All options by name: what is one engine call's must be divided among those of its steps.
    def take(  # type: ignore[override]
        self,
        net: Sequential,
        data: Any,
        batch: int,
        order: np.ndarray | None = None,
        begin: int = 0,
        end: int = -1,
        accumulate: int = 1,
        *,
        lr_factor: float = 1.0,
        seconds: float = math.inf,
        outputs: np.ndarray | None = None,
        link: str = "identity",
        accuracy: bool = False,
        before: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> tuple[Any, ...]:
        """Take the steps from position `begin` to `end`, and return what the engine would."""
        check_factor(lr_factor)
        deadline = time.perf_counter() + seconds
        end = len(data[0]) if end < 0 else end
        sums = np.array(before, np.float64)  # of losses, weights, accuracies
        at = begin
        while at < end:
            after = min(at + batch * accumulate, end)
            rows = None if outputs is None else outputs[at - begin : after - begin]
            kept = take_copy(net)
            try:
                status, *part, position, row, in_targets = super().take(
                    net,
                    data,
                    batch,
                    order,
                    at,
                    after,
                    accumulate,
                    outputs=rows,
                    link=link,
                    accuracy=accuracy,
                )
                self.spoiled = status == _core.OK and not self._change(net, kept[0].parameters)
            except BaseException:  # also Ctrl-C, between the engine's part and the function's
                put_back(net, kept)
                raise
            if status == _core.OK:
                self.last = kept
                if self.spoiled:
                    status, position = _core.NON_FINITE, at
            if status != _core.OK:
                put_back(net, kept)
                return status, *sums, position, row, in_targets
            sums += part
            at = after
            if time.perf_counter() >= deadline:
                break
        return _core.OK, *sums, at, -1, False

    def go_back(self, net: Sequential, error: Exception) -> bool:
        """Restore what was before the last step, if there was one."""
        if self.spoiled:
            error.add_note("the optimizer's function left parameters that are not finite")
        if self.last is None:
            return False
        put_back(net, self.last)
        return True

    def _change(self, net: Sequential, before: np.ndarray) -> bool:
        """Call the function; return whether it left finite parameters."""
        gradient = net._read("gradient")
        add_penalties(net._graph, before, gradient)
        scales = lr_scales(net._graph, net.dtype)
        gradient[scales == 0] = 0
        parameters = before.copy()
        # The engine has counted this step.
        self.optimizer.change(parameters, gradient, steps_taken(net) - 1)
        scaled = scales != 1
        if scaled.any():
            start = before[scaled]
            parameters[scaled] = start + scales[scaled] * (parameters[scaled] - start)
        constrain(net._graph, parameters)
        net._plan.write("parameters", parameters)
        return bool(np.isfinite(parameters).all())
