"""Which run a fit is, by its optimizer; and steps of training that a Python function takes.

For such a step the engine takes one of SGD with a learning rate of 0: it does all that a step
does (the batch's loss, random numbers, running statistics, counting) but for moving
the parameters.  A clipping bound that no norm reaches makes it store the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn._method import Function
from fastnn._run import Run
from fastnn.errors import NonFiniteError
from fastnn.optimizers import SGD
from fastnn.solvers import Solver

if TYPE_CHECKING:
    from fastnn.sequential import Sequential

TakeSteps = Callable[..., tuple[Any, ...]]

_STILL = SGD(lr=0.0, clip_global_norm=1e300)


def run_of(optimizer: Any) -> type[Run]:
    """Return the kind of run that an optimizer wants."""
    if isinstance(optimizer, Solver):
        from fastnn._solve import SolverRun

        return SolverRun
    return FunctionRun if isinstance(optimizer, Function) else Run


def steps_of(optimizer: Any, take_steps: TakeSteps) -> TakeSteps:
    """Return what takes the steps of `train_on_batch`."""
    if isinstance(optimizer, Solver):
        raise ValueError(
            f"optimizer: {optimizer!r} takes all the data of a fit at once, want one that takes "
            "a step a batch for train_on_batch"
        )
    return FunctionSteps(take_steps) if isinstance(optimizer, Function) else take_steps


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


class FunctionSteps:
    """Steps by a Python function, in the place of the engine's."""

    def __init__(self, take_steps: TakeSteps) -> None:
        self.take_steps = take_steps
        self.last: _Kept | None = None  # the network before the last step
        self.spoiled = False  # by the function: it left a parameter that is not finite

    def __call__(
        self,
        net: Sequential,
        data: Any,
        batch: int,
        order: np.ndarray | None = None,
        begin: int = 0,
        end: int = -1,
        accuracy: bool = False,
        lr_factor: float = 1.0,
    ) -> tuple[Any, ...]:
        """Take the steps from position `begin` to `end`, and return what the engine would."""
        check_factor(lr_factor)
        end = len(data[0]) if end < 0 else end
        sums = np.zeros(3)  # of losses, weights, accuracies
        for at in range(begin, end, batch):
            before = _Kept(net)
            status, *part, position, row, in_targets = self.take_steps(
                net, data, batch, order, at, min(at + batch, end), accuracy, optimizer=_STILL
            )
            if status == _core.OK:
                try:
                    self.spoiled = not self._change(net, before)
                except BaseException:
                    before.put_back(net)
                    raise
                self.last = before
                if self.spoiled:
                    before.put_back(net)
                    status, position = _core.NON_FINITE, at
            if status != _core.OK:
                return status, *sums, position, row, in_targets
            sums += part
        return _core.OK, *sums, end, -1, False

    def _change(self, net: Sequential, before: _Kept) -> bool:
        """Call the function; return whether it left finite parameters."""
        optimizer: Any = net.optimizer
        gradient = net._read("gradient")
        net._graph.add_penalties(before.parameters, gradient)
        scales = step_scales(net)
        gradient[scales == 0] = 0
        parameters = before.parameters.copy()
        steps: int = before.optimizer[1] if before.optimizer[0] == optimizer.rule else 0
        optimizer.change(parameters, gradient, steps)
        scaled = scales != 1
        if scaled.any():
            start = before.parameters[scaled]
            parameters[scaled] = start + scales[scaled] * (parameters[scaled] - start)
        _constrain(net, parameters)
        net._plan.write("parameters", parameters)
        return bool(np.isfinite(parameters).all())


class FunctionRun(Run):
    """A fit by a Python function.

    What the function keeps between its steps is its own, so they cannot be taken again; the way
    back is a copy made before each step.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.take_steps = self.steps = FunctionSteps(self.take_steps)

    def _go_back(self, epoch: int, batch: int) -> None:
        if self.steps.last is not None:
            self.steps.last.put_back(self.net)
        error = NonFiniteError(epoch, batch)
        if self.steps.spoiled:
            error.add_note("the optimizer's function left parameters that are not finite")
        raise error


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
