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
from fastnn._steps import Steps, steps_taken
from fastnn.optimizers import SGD

if TYPE_CHECKING:
    from fastnn.sequential import Sequential

_STILL = SGD(lr=0.0, clip_global_norm=1e300)


def check_factor(lr_factor: float) -> None:
    """Raise where a callback wants another learning rate, and there is none."""
    if lr_factor != 1:
        raise ValueError(
            f"lr_factor: got {lr_factor!r}, but the optimizer has no learning rate that fastnn "
            "could multiply"
        )


class _Kept:
    """What a step changes, to go back to."""

    def __init__(self, net: Sequential) -> None:
        self.parameters = net.parameters
        self.states = [layer.state for layer in net._leaves()]
        self.optimizer = net._plan.optimizer_state()

    def put_back(self, net: Sequential) -> None:
        net._plan.write("parameters", self.parameters)
        net._plan.set_optimizer_state(*self.optimizer)
        for layer, state in zip(net._leaves(), self.states, strict=True):
            layer.state = state


class FunctionSteps(Steps):
    """Steps by a Python function, in the place of the engine's.

    What the function keeps between its steps is its own, so they cannot be taken again; the way
    back is a copy made before each step.
    """

    def __init__(self, net: Sequential) -> None:
        super().__init__(net, _STILL)
        self.last: _Kept | None = None  # the network before the last step
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
            kept = _Kept(net)
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
                self.spoiled = status == _core.OK and not self._change(net, kept)
            except BaseException:  # also Ctrl-C, between the engine's part and the function's
                kept.put_back(net)
                raise
            if status == _core.OK:
                self.last = kept
                if self.spoiled:
                    status, position = _core.NON_FINITE, at
            if status != _core.OK:
                kept.put_back(net)
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
        self.last.put_back(net)
        return True

    def _change(self, net: Sequential, before: _Kept) -> bool:
        """Call the function; return whether it left finite parameters."""
        gradient = net._read("gradient")
        net._graph.add_penalties(before.parameters, gradient)
        scales = step_scales(net)
        gradient[scales == 0] = 0
        parameters = before.parameters.copy()
        # The engine has counted this step.
        self.optimizer.change(parameters, gradient, steps_taken(net) - 1)
        scaled = scales != 1
        if scaled.any():
            start = before.parameters[scaled]
            parameters[scaled] = start + scales[scaled] * (parameters[scaled] - start)
        _constrain(net, parameters)
        net._plan.write("parameters", parameters)
        return bool(np.isfinite(parameters).all())


def step_scales(net: Sequential) -> np.ndarray:
    """Return for each parameter by what its steps are multiplied; 0 where they are frozen."""
    scales = np.ones(net._plan.n_parameters, net.dtype)
    for leaf, _, _, part in net._graph.tensors():
        group = leaf.spec.group
        scales[part] = 0 if group.get("frozen") else group.get("lr_scale", 1)
    return scales


def _constrain(net: Sequential, parameters: np.ndarray) -> None:
    """Bring the weights into an output down to `max_norm`, as the engine does after its steps."""
    for leaf, name, shape, part in net._graph.tensors():
        group = leaf.spec.group
        most = group.get("max_norm", 0)
        if name == "weights" and most and not group.get("frozen"):
            W = parameters[part].reshape(shape)
            norms = np.maximum(np.linalg.norm(W, axis=0), most)
            W *= np.asarray(most / norms, W.dtype)
