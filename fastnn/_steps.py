"""Steps of training in the engine, and what those of one loss and one optimizer have in common."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnn import _core
from fastnn._method import Function
from fastnn._schedule import engine_schedule, learning_rate, tabulate

if TYPE_CHECKING:
    import numpy as np

    from fastnn.sequential import Sequential


def steps_taken(net: Sequential) -> int:
    """Return how many steps the network's optimizer has taken."""
    rule, taken, *_ = net._plan.optimizer_state()
    return int(taken) if rule == getattr(net.optimizer, "rule", None) else 0


def learning_rate_of(net: Sequential) -> float:
    """Return the learning rate of the network's next step."""
    lr = getattr(net.optimizer, "lr", None)
    if lr is None:
        raise TypeError(f"optimizer: got {net.optimizer!r}, want one with a learning rate")
    return float(learning_rate(lr, steps_taken(net)))


def check_factor(lr_factor: float) -> None:
    """Raise where a callback wants another learning rate, and there is none."""
    if lr_factor != 1:
        raise ValueError(
            f"lr_factor: got {lr_factor!r}, but the optimizer has no learning rate that fastnn "
            "could multiply"
        )


class Steps:
    """What the engine wants to know of a loss and an optimizer, found out once.

    Both are frozen, so it holds as long as the network has the same two objects.

    Parameters
    ----------
    net : Sequential
    optimizer : Optimizer, optional
        What the engine is to step by; by default the network's own.
    """

    def __init__(self, net: Sequential, optimizer: Any = None) -> None:
        loss: Any = net.loss
        self.loss: Any = loss
        self.optimizer: Any = net.optimizer
        optimizer = optimizer or net.optimizer
        self.schedule = engine_schedule(optimizer.lr)
        self.options = {
            **loss.engine(net.output_size),
            "optimizer": optimizer.rule,
            "hyperparameters": optimizer.hyperparameters,
            **optimizer.clipping,
        }
        if net._shared_penalties:
            self.options["shared_penalties"] = True
        self.step = self._step_of(net) if optimizer is net.optimizer else None

    def _step_of(self, net: Sequential) -> _core.Step | None:
        """Return a step that the engine can take on arrays as they come; None: has to be looked at.

        Of labels the engine finds those that are none, but not targets outside a range.
        """
        labels = self.loss.link == "softmax"
        values = self.loss.repeats() == 1 and self.loss.target_range[0] == -math.inf
        if self.schedule is None or "custom" in self.options or not (labels or values):
            return None
        return _core.Step(net._plan, net._lock, self.schedule, labels, **self.options)

    def at_once(self, net: Sequential, X: Any, y: Any) -> float | None:
        """Take a step on plain arrays and return its mean loss; None: nothing has been done."""
        if self.step is None or self.loss is not net.loss or self.optimizer is not net.optimizer:
            return None
        return self.step(X, y, net.seed)

    def take(
        self,
        net: Sequential,
        data: Any,
        batch: int,
        order: np.ndarray | None = None,
        begin: int = 0,
        end: int = -1,
        accumulate: int = 1,
        **options: Any,
    ) -> tuple[Any, ...]:
        """Run the engine over the batches of `data` from position `begin` up to `end`."""
        X, (targets, labels), weights = data
        rows = len(X)
        lr = self.schedule
        if lr is None:
            n = (rows if end < 0 else end) - begin
            lr = tabulate(self.optimizer.lr, steps_taken(net), -(-n // (batch * accumulate)))
        job = {
            **self.options,
            **options,
            "labels": labels,
            "batch": batch,
            "threads": net._threads("train", batch if batch < rows else rows),
            "fewer_threads": net._exact_threads is None,
            "seed": net.seed,
            "lr": lr,
        }
        # One step may take less time than to pass on what is as it is by default.
        if weights is not None:
            job["row_weights"] = weights
        if order is not None or begin != 0 or end >= 0 or accumulate != 1:
            job.update(order=order, begin=begin, end=end, accumulate=accumulate)
        return net._run("train", (X, targets), job)

    def go_back(self, net: Sequential, error: Exception) -> bool:
        """Restore what was before the last step, if that is kept: else it can be found again.

        May add to the error that is the reason.
        """
        return False


def steps_of(net: Sequential) -> Steps:
    """Return the steps of a network's loss and optimizer: those kept, unless it has others now."""
    kept: Steps | None = net._steps
    if kept is None or kept.loss is not net.loss or kept.optimizer is not net.optimizer:
        kept = net._steps = _kind_of(net.optimizer)(net)
    return kept


def _kind_of(optimizer: Any) -> type[Steps]:
    if isinstance(optimizer, Function):
        from fastnn._function_steps import FunctionSteps  # which are such steps

        return FunctionSteps
    return Steps
