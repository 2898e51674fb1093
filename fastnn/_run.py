"""The epochs of one fit, and the way back from a loss that is not finite.

Only steps whose loss is finite are taken.  When a loss is not, the parameters that last
had a finite one are those before the step just taken; since training is deterministic, they
are found by going back to a copy made at the start of an epoch and taking the steps again.
The copies are made so rarely that they cost about one part in fifty.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core, metrics
from fastnn._callback import Callback
from fastnn._spec import check_number
from fastnn.errors import NonFiniteError
from fastnn.sequential import SHUFFLE_STREAM

if TYPE_CHECKING:
    from fastnn._samples import Validation
    from fastnn.metrics import Metric
    from fastnn.sequential import Sequential


def steps_taken(net: Sequential) -> int:
    """Return how many steps the network's optimizer has taken."""
    rule, taken, *_ = net._plan.optimizer_state()
    return int(taken) if rule == getattr(net.optimizer, "rule", None) else 0


class Run:
    """The epochs of one fit, and the way back from a loss that is not finite.

    Attributes
    ----------
    epochs : int
        Of the fit, at most.
    names : tuple of str
        What the logs of an epoch have.
    lr_factor : float
        Multiplies the optimizer's learning rate from the next epoch on; at first 1.
    stop_training : bool
        Set it, and training ends after the epoch.
    """

    COPY_SHARE = 50  # a copy is made when training took this many times a copy's time

    def __init__(
        self,
        net: Sequential,
        data: Any,
        part: np.ndarray | None,
        batch: int,
        shuffle: bool,
        accuracy: bool,
        take_steps: Callable[..., tuple[Any, ...]],
    ) -> None:
        self.net, self.data, self.accuracy = net, data, accuracy
        self.take_steps = take_steps
        self.part = part  # the rows of the data that train; None: all
        self.rows = len(data[0]) if part is None else len(part)
        self.batch = batch = min(batch, self.rows)
        self.batches = -(-self.rows // batch)
        self.drawn = np.empty(self.rows, dtype=np.int64) if shuffle else None
        self.order = part if self.drawn is None else self.drawn
        self.first_stream = SHUFFLE_STREAM + net._epochs
        self.done = 0  # epochs
        self.epochs = 1
        self.names: tuple[str, ...] = ("loss",)
        self.metrics: dict[str, Metric] = {}  # of validation, besides accuracy
        self.stop_training, self.lr_factor = False, 1.0
        self.factors: list[float] = []  # lr_factor of each epoch: the way back takes them again
        self.batch_hooks: list[Any] = []
        self.copies: list[tuple[int, int]] = []  # (epoch at whose start, place), newest last
        self.copied_at = self.copy_seconds = 0.0
        self.before = 0  # the copy to undo the first epoch with: the one made at its start

    def watch(self, callbacks: Sequence[Callback]) -> None:
        """Find those that want to know of every batch, which makes each one an engine call."""
        hooks = [callback.on_batch_end for callback in callbacks]
        idle = Callback.on_batch_end
        self.batch_hooks = [hook for hook in hooks if getattr(hook, "__func__", None) is not idle]

    def start(self, afresh: bool) -> None:
        """Begin, with another optimizer's state where `afresh`."""
        if afresh:
            self.before = 1  # that place is free until a second epoch starts
            self.net._plan.snapshot(self.before)
            self.net._plan.reset_optimizer()

    def base_lr(self) -> float:
        """Return the learning rate of the next step before `lr_factor` multiplies it."""
        lr = getattr(self.net.optimizer, "lr", None)
        if lr is None:
            raise TypeError(f"optimizer: got {self.net.optimizer!r}, want one with a learning rate")
        return float(lr(steps_taken(self.net)) if callable(lr) else lr)

    def epoch(self) -> tuple[float, ...]:
        """Train one epoch; return its mean loss and, if asked for, accuracy."""
        self._copy_if_due()
        check_number("lr_factor", self.lr_factor, low=0)
        self.factors.append(float(self.lr_factor))
        self._shuffle(self.done)
        sums = np.zeros(3)  # of losses, weights, accuracies
        ends = range(self.batch, self.rows + self.batch, self.batch)
        for i, end in enumerate(ends if self.batch_hooks else (self.rows,)):
            begin, end = i * self.batch, min(end, self.rows)
            status, *part, position, row, in_targets = self._steps(self.done, begin, end)
            if status == _core.BAD_INPUT:
                self.net._raise_bad_row(self.data, row, in_targets)
            if status == _core.NON_FINITE:
                self._go_back(self.done, position // self.batch)
            sums += part
            for hook in self.batch_hooks:
                hook(i, self._means(*part))
        self.done += 1
        self.net._epochs += 1
        return tuple(self._means(*sums).values())

    def _means(self, loss: float, weight: float, accuracy: float) -> dict[str, float]:
        """Return the mean loss and, if asked for, accuracy; NaN where no sample weighs."""
        sums = {"loss": loss} | ({"accuracy": accuracy} if self.accuracy else {})
        return {name: float(sum_ / weight) if weight else np.nan for name, sum_ in sums.items()}

    def validate(self, validation: Validation) -> tuple[float, ...]:
        """Evaluate after an epoch; return what `epoch` returns, and the other metrics."""
        loss: Any = self.net.loss
        values = self.net._evaluate(
            "evaluate",
            validation.data,
            loss,
            accuracy=self.accuracy,
            batch=self.batch,
            names=validation.names,
            order=validation.rows,
        )
        others = metrics._compute(self.net, validation.data, loss, self.metrics, validation.rows)
        return (*(values if self.accuracy else values[:1]), *others.values())

    def undo(self) -> None:
        """Go back to before the first epoch, the state of another optimizer included."""
        self.net._plan.restore(self.before)

    def close(self) -> None:
        """End what the run began, also where an exception ended the fit."""

    def check_parameters(self) -> None:
        """After the last epoch: no later loss will tell that its last step went too far."""
        if not np.isfinite(self.net.parameters).all():
            self._go_back(self.done, 0)

    def _shuffle(self, epoch: int) -> None:
        if self.drawn is not None:
            _core.permutation(self.net.seed, self.first_stream + epoch, self.drawn)
            self.order = self.drawn if self.part is None else self.part[self.drawn]

    def _steps(self, epoch: int, begin: int, end: int) -> tuple[Any, ...]:
        factor = self.factors[epoch]
        return self.take_steps(
            self.net, self.data, self.batch, self.order, begin, end, self.accuracy, factor
        )

    def _copy_if_due(self) -> None:
        now = time.perf_counter()
        if self.copies and now - self.copied_at < self.COPY_SHARE * self.copy_seconds:
            return
        place = 1 - self.copies[-1][1] if self.copies else 0
        self.net._plan.snapshot(place)
        self.copies = [*self.copies[-1:], (self.done, place)]
        self.copied_at = time.perf_counter()
        self.copy_seconds = self.copied_at - now

    def _go_back(self, epoch: int, batch: int) -> None:
        """Restore the parameters before the step before this batch, and raise."""
        error = NonFiniteError(epoch, batch)
        if batch == 0 and epoch > 0:
            last_epoch, steps = epoch - 1, self.batches - 1
        else:
            last_epoch, steps = epoch, max(batch - 1, 0)
        start, place = next(copy for copy in reversed(self.copies) if copy[0] <= last_epoch)
        self.net._plan.restore(place)
        for again in range(start, last_epoch + 1):
            self._shuffle(again)
            end = self.rows if again < last_epoch else steps * self.batch
            if end:
                self._steps(again, 0, end)
        raise error
