"""Steps of training in the engine, and what those of one loss and one optimizer have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn._schedule import engine_schedule, learning_rate, tabulate

if TYPE_CHECKING:
    import numpy as np

    from fastnn.sequential import Sequential


def steps_taken(net: Sequential) -> int:
    """Return how many steps the network's optimizer has taken."""
    rule, taken, *_ = net._plan.optimizer_state()
    return int(taken) if rule == getattr(net.optimizer, "rule", None) else 0


class Steps:
    """What the engine wants to know of a loss and an optimizer, found out once.

    Both are frozen, so it holds as long as the network has the same two objects.
    """

    def __init__(self, net: Sequential) -> None:
        loss: Any = net.loss
        optimizer: Any = net.optimizer
        self.loss, self.optimizer = loss, optimizer
        self.schedule = engine_schedule(optimizer.lr)
        self.options = {
            **loss.engine(net.output_size),
            "optimizer": optimizer.rule,
            "hyperparameters": optimizer.hyperparameters,
            **optimizer.clipping,
        }

    def lr(self, net: Sequential) -> float:
        """Return the learning rate of the next step."""
        return float(learning_rate(self.optimizer.lr, steps_taken(net)))

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
        lr = self.schedule
        if lr is None:
            rows = (len(X) if end < 0 else end) - begin
            lr = tabulate(self.optimizer.lr, steps_taken(net), -(-rows // (batch * accumulate)))
        return net._run(
            "train",
            X,
            targets,
            labels=labels,
            row_weights=weights,
            order=order,
            begin=begin,
            end=end,
            batch=batch,
            accumulate=accumulate,
            threads=net._threads(min(batch, len(X))),
            seed=net.seed,
            lr=lr,
            **self.options,
            **options,
        )


def steps_of(net: Sequential) -> Steps:
    """Return the steps of a network's loss and optimizer: those kept, unless it has others now."""
    kept: Steps | None = net._steps
    if kept is None or kept.loss is not net.loss or kept.optimizer is not net.optimizer:
        kept = net._steps = Steps(net)
    return kept
