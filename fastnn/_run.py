"""The epochs of one fit, and the way back from a loss that is not finite.

Only steps whose loss is finite are taken.  When a loss is not, the parameters that last
had a finite one are those before the step just taken; since training is deterministic, they
are found by going back to a copy and taking the steps since again.  The copies are made so
rarely that they cost about one part in fifty.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn import _core, metrics
from fastnn._callback import Callback
from fastnn._spec import check_number
from fastnn._steps import learning_rate_of, steps_of
from fastnn.errors import NonFiniteError
from fastnn.sequential import SHUFFLE_STREAM

if TYPE_CHECKING:
    from fastnn._samples import Validation
    from fastnn.metrics import Metric
    from fastnn.sequential import Sequential


class Piece(NamedTuple):
    """Steps that are one call of the engine."""

    data: Any
    batch: int
    order: np.ndarray | None = None
    begin: int = 0
    end: int = -1
    accumulate: int = 1
    first_batch: int = 0  # its number in the epoch
    outputs: np.ndarray | None = None  # where metrics want them: the rows of this piece


class Run(ABC):
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
    done : int
        Epochs done.
    position : int
        Steps done of the present epoch.
    pause : float
        When `on_pause` is to be called, by `time.perf_counter`: after the step at hand then.
    """

    enterable = False  # in the middle of an epoch

    COPY_SHARE = 50  # a copy is made when training took this many times a copy's time

    def __init__(
        self,
        net: Sequential,
        epochs: int,
        accuracy: bool,
        metrics: dict[str, Metric],
        deadline: float = math.inf,
    ) -> None:
        self.net, self.epochs, self.accuracy = net, epochs, accuracy
        self.metrics = metrics  # besides accuracy
        self.deadline = deadline  # of time.perf_counter
        self.pause, self.on_pause = math.inf, _nothing
        self.names: tuple[str, ...] = ("loss",)
        self.stop_training, self.lr_factor = False, 1.0
        self.done = self.position = 0
        self.first_epoch = net._epochs
        self._step = 0  # of this fit
        self._sums = np.zeros(3)  # of the epoch's losses, weights, accuracies
        self._factors: dict[int, float] = {}  # lr_factor of each epoch, for the way back
        self._batch_hooks: list[Any] = []
        self._copies: list[tuple[int, int]] = []  # (step before which, place), newest last
        self._copied_at = self._copy_seconds = 0.0
        self._before = 0  # the copy to undo the first epoch with: the one made at its start

    # ---- what callbacks may want ---------------------------------------------------------

    def base_lr(self) -> float:
        """Return the learning rate of the next step before `lr_factor` multiplies it."""
        return learning_rate_of(self.net)

    def get_state(self) -> dict[str, Any]:
        """Return all that a later fit must know to go on: plain values and arrays.

        The parameters, the optimizer's state, the callbacks' and the history are not in it.
        """
        return {
            "done": self.done,
            "position": self.position,
            "first_epoch": self.first_epoch,
            "lr_factor": float(self.lr_factor),
            "stop_training": bool(self.stop_training),
            "sums": self._sums.tolist(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned of a fit of the same data and options.

        To be called before the callbacks' `on_train_begin`; the network, its optimizer and what
        that has kept are set before.
        """
        self.done, self.position = state["done"], state["position"]
        self.first_epoch = state["first_epoch"]
        self.lr_factor, self.stop_training = state["lr_factor"], state["stop_training"]
        self._sums = np.array(state["sums"])
        self.net._epochs = self.first_epoch + self.done

    # ---- epochs --------------------------------------------------------------------------

    def watch(self, callbacks: Sequence[Callback]) -> None:
        """Find those that want to know of every batch, which makes each step an engine call."""
        hooks = [callback.on_batch_end for callback in callbacks]
        idle = Callback.on_batch_end
        self._batch_hooks = [hook for hook in hooks if getattr(hook, "__func__", None) is not idle]

    def start(self, afresh: bool) -> None:
        """Begin, with another optimizer's state where `afresh`."""
        self.net._steps = None  # what an earlier fit's have kept is nothing to go back to
        if afresh:
            self._before = 1  # that place is free until a second copy is made
            self.net._plan.snapshot(self._before)
            self.net._plan.reset_optimizer()

    def epoch(self) -> tuple[float, ...]:
        """Train one epoch; return its mean loss, accuracy if asked for, and metrics."""
        check_number("lr_factor", self.lr_factor, low=0)
        self._factors[self.done] = float(self.lr_factor)
        for piece in self._pieces():
            sums = self._train(piece)
            for hook in self._batch_hooks:
                hook(self.position - 1, self._means(sums))
            if self.late():
                break
            if time.perf_counter() >= self.pause:
                self.on_pause()
        values = *self._means(self._sums).values(), *self._others()
        self.done += 1
        self.net._epochs += 1
        self.position, self._sums = 0, np.zeros(3)
        return values

    def late(self) -> bool:
        """Whether the time is over."""
        return time.perf_counter() >= self.deadline

    def validate(self, validation: Validation) -> tuple[float, ...]:
        """Evaluate after an epoch; return what `epoch` returns."""
        loss: Any = self.net.loss
        found = metrics._measure(
            self.net,
            validation.data,
            loss,
            self.metrics,
            accuracy=self.accuracy,
            batch=self._validation_batch(),
            names=validation.names,
            order=validation.rows,
        )
        return tuple(found.values())

    @abstractmethod
    def undoable(self, epoch: int) -> bool:
        """Whether what is found to be wrong in an epoch or its validation is to be undone."""

    def undo(self) -> None:
        """Go back to before the first epoch, the state of another optimizer included."""
        if self._copies or self._before:
            self.net._plan.restore(self._before)

    def close(self) -> None:  # noqa: B027 - most have begun nothing
        """End what the run began, also where an exception ended the fit."""

    def check_parameters(self) -> None:
        """After the last epoch: no later loss will tell that its last step went too far."""
        if self._copies and not np.isfinite(self.net.parameters).all():
            self._go_back(self._step, NonFiniteError(self.done, 0))

    # ---- what differs between arrays and batches ---------------------------------------------

    @abstractmethod
    def _pieces(self) -> Iterator[Piece]:
        """Yield the present epoch's pieces from `position` on."""

    @abstractmethod
    def _again(self, start: int, end: int) -> Iterator[tuple[int, Piece]]:
        """Yield the pieces, each with its epoch, of some steps that were taken already."""

    @abstractmethod
    def _others(self) -> Sequence[float]:
        """Return the metrics of the outputs of the epoch."""

    def _validation_batch(self) -> int:
        return 0

    def _raise_bad_row(self, piece: Piece, row: int, in_targets: bool) -> None:
        self.net._raise_bad_row(piece.data, row, in_targets)

    # ---- steps and copies --------------------------------------------------------------------

    def _take(self, piece: Piece, epoch: int, **options: Any) -> tuple[Any, ...]:
        data, batch, order, begin, end, accumulate, *_ = piece
        return steps_of(self.net).take(
            self.net,
            data,
            batch,
            order,
            begin,
            end,
            accumulate,
            lr_factor=self._factors[epoch],
            **options,
        )

    def _train(self, piece: Piece) -> np.ndarray:
        options: dict[str, Any] = {"accuracy": self.accuracy}
        if piece.outputs is not None:
            loss: Any = self.net.loss
            options |= {"outputs": piece.outputs, "link": loss.score_link}
        until = min(self.deadline, self.pause)
        if until < math.inf:
            options["seconds"] = max(until - time.perf_counter(), 1e-9)
        if not self._batch_hooks:  # they want the sums of each step alone
            options["before"] = self._sums
        status, *part, position, row, in_targets = self._take(piece, self.done, **options)
        if status == _core.BAD_INPUT:
            self._raise_bad_row(piece, row, in_targets)
        batches = -(-(position - piece.begin) // piece.batch)
        steps = -(-batches // piece.accumulate)
        if status == _core.NON_FINITE:
            failed = NonFiniteError(self.done, piece.first_batch + batches)
            self._go_back(self._step + batches // piece.accumulate, failed)
        self._step += steps
        self.position += steps
        sums = np.array(part)
        self._sums = self._sums + sums if self._batch_hooks else sums
        return sums

    def _means(self, sums: np.ndarray) -> dict[str, float]:
        """Return the mean loss and, if asked for, accuracy; NaN where no sample weighs."""
        loss, weight, accuracy = sums
        values = {"loss": loss} | ({"accuracy": accuracy} if self.accuracy else {})
        return {name: float(value / weight) if weight else np.nan for name, value in values.items()}

    def _copy_is_due(self) -> bool:
        since = time.perf_counter() - self._copied_at
        return not self._copies or since >= self.COPY_SHARE * self._copy_seconds

    def _copy_if_due(self) -> None:
        if not self._copy_is_due():
            return
        now = time.perf_counter()
        place = 1 - self._copies[-1][1] if self._copies else 0
        self.net._plan.snapshot(place)
        self._copies = [*self._copies[-1:], (self._step, place)]
        self._copied_at = time.perf_counter()
        self._copy_seconds = self._copied_at - now

    def _go_back(self, step: int, error: NonFiniteError) -> None:
        """Restore the parameters before the step before this one, and raise."""
        if steps_of(self.net).go_back(self.net, error):
            raise error
        target = max(step - 1, self._copies[0][0])
        start, place = next(copy for copy in reversed(self._copies) if copy[0] <= target)
        self.net._plan.restore(place)
        for epoch, piece in self._again(start, target):
            self._take(piece, epoch)
        raise error


def _nothing() -> None:
    pass


class ArrayRun(Run):
    """The fit of arrays: an epoch is one call of the engine, or one a step."""

    enterable = True

    def __init__(
        self,
        net: Sequential,
        data: Any,
        part: np.ndarray | None,
        *,
        batch: int,
        accumulate: int,
        shuffle: bool,
        **options: Any,
    ) -> None:
        super().__init__(net, **options)
        self.data = data
        self.part = part  # the rows of the data that train; None: all
        self.rows = len(data[0]) if part is None else len(part)
        self.batch = min(batch, self.rows)
        self.accumulate = min(accumulate, -(-self.rows // self.batch))
        self.step_rows = self.batch * self.accumulate
        self.steps = -(-self.rows // self.step_rows)  # of an epoch
        # Made once: an epoch writes its order into them.
        self.drawn = np.empty(self.rows, dtype=np.int64) if shuffle else None
        self.order = self.drawn if part is None else part.copy() if shuffle else part
        self.outputs = metrics._room(net, self.rows, self.metrics)

    def get_state(self) -> dict[str, Any]:
        """Return also the outputs that metrics are waiting for."""
        seen = None if self.outputs is None else self.outputs[: self._rows_done()].copy()
        return super().get_state() | {"outputs": seen}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on, in the middle of an epoch too."""
        super().set_state(state)
        self._step = self.done * self.steps + self.position
        if self.outputs is not None:
            self.outputs[: self._rows_done()] = state["outputs"]

    def undoable(self, epoch: int) -> bool:
        """In the first one, which sees all rows and what a callable lr gives."""
        return epoch == 0

    def _rows_done(self) -> int:
        return min(self.position * self.step_rows, self.rows)

    def _piece(self, step: int, steps: int) -> Piece:
        begin, end = (min(at * self.step_rows, self.rows) for at in (step, step + steps))
        outputs = None if self.outputs is None else self.outputs[begin:end]
        return Piece(
            self.data,
            self.batch,
            self.order,
            begin,
            end,
            self.accumulate,
            step * self.accumulate,
            outputs,
        )

    def _pieces(self) -> Iterator[Piece]:
        self._copy_if_due()
        self._shuffle(self.done)
        while self.position < self.steps:
            one = self._batch_hooks or time.perf_counter() >= self.pause
            yield self._piece(self.position, 1 if one else self.steps)

    def _again(self, start: int, end: int) -> Iterator[tuple[int, Piece]]:
        while start < end:
            epoch, step = divmod(start, self.steps)
            steps = min(self.steps - step, end - start)
            self._shuffle(epoch)
            yield epoch, self._piece(step, steps)
            start += steps

    def _others(self) -> Sequence[float]:
        loss: Any = self.net.loss
        n = self._rows_done()
        rows = slice(n) if self.order is None else self.order[:n]
        outputs = None if self.outputs is None else self.outputs[:n]
        return [*metrics._compute(self.metrics, loss, outputs, self.data, rows).values()]

    def _validation_batch(self) -> int:
        return self.batch

    def _shuffle(self, epoch: int) -> None:
        if self.drawn is not None:
            _core.permutation(self.net.seed, SHUFFLE_STREAM + self.first_epoch + epoch, self.drawn)
            if self.part is not None and self.order is not None:
                # In range, and with "raise" NumPy would write into memory of its own first.
                np.take(self.part, self.drawn, out=self.order, mode="clip")
