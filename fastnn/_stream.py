"""The fit of an iterator of batches: each comes, is checked, and trains.

Its batches cannot be had again, so those since the last copies of the parameters are kept: the
way back from a loss that is not finite takes their steps again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import metrics
from fastnn._method import check_steps
from fastnn._run import Piece, Run
from fastnn._spec import check_count
from fastnn.arrays import Targets

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


def batch_names(number: int) -> tuple[str, str, str]:
    """Return what messages call the parts of a batch."""
    return tuple(f"X: {part} of batch {number}" for part in ("X", "y", "sample_weight"))  # type: ignore[return-value]


class Batches:
    """Where batches come from: an iterator, or an iterable, which begins anew.

    Parameters
    ----------
    source : iterable of (X, y) or (X, y, sample_weight)
    epochs : int
    steps : int or None
        Steps of an epoch; None: until the source ends.
    """

    def __init__(self, source: Any, epochs: int, steps: int | None) -> None:
        if hasattr(source, "__array__") or not hasattr(source, "__iter__"):
            raise TypeError(
                f"y: got None and X: got {type(source).__name__}, want targets, or X to be an "
                "iterable of batches (X, y) or (X, y, sample_weight)"
            )
        self.steps = None if steps is None else check_count("steps_per_epoch", steps)
        self.source = source
        begun = iter(source)
        self.once = begun is source  # it cannot begin anew
        if self.once and epochs > 1 and steps is None:
            raise ValueError(
                f"X: got a {type(source).__name__}, which ends with its first epoch, for {epochs} "
                "epochs; want steps_per_epoch too, or an object whose __iter__ begins anew"
            )
        first = list(itertools.islice(begun, 1))
        if not first:
            raise ValueError("X: got an iterable of no batches, want at least 1")
        self.first = first[0]  # tells how many features there are
        parts_of(self.first, 0)
        self._begun: Any = itertools.chain([self.first], begun)

    def begin(self) -> Iterator[Any]:
        """Return the batches from the source's beginning, those begun with first."""
        begun, self._begun = self._begun, None
        return iter(self.source) if begun is None else begun


def parts_of(batch: Any, number: int) -> tuple[Any, Any, Any]:
    """Return X, y and weights (or None) of a batch as it came."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        raise TypeError(
            f"X: batch {number}: got {type(batch).__name__}, want a tuple (X, y) or (X, y, "
            "sample_weight); without y, X is an iterable of batches"
        )
    X, y, *weights = batch
    return X, y, weights[0] if weights else None


class StreamRun(Run):
    """The fit of batches: each step is a call of the engine."""

    KEPT = 100  # steps, at most, between two copies of the parameters

    def __init__(
        self,
        net: Sequential,
        batches: Batches,
        accumulate: int,
        weigh: Callable[[Any], Any],
        **options: Any,
    ) -> None:
        super().__init__(net, **options)
        check_steps(net.optimizer, "an iterable of batches")
        self.batches, self.accumulate = batches, accumulate
        self.weigh = weigh  # checked data -> the same with class weights
        self._endless = self._passes()
        self._drawn = 0  # batches of this epoch
        self._kept: dict[int, tuple[int, Piece]] = {}  # by step: its epoch and what it trained
        self._batches_of_step: list[Any] = []
        self._seen: list[Any] = []  # outputs, targets, weights of this epoch, for metrics

    def undoable(self, epoch: int) -> bool:
        """As long as no step was taken: a later batch may always be a wrong one."""
        return self._step == 0

    def get_state(self) -> dict[str, Any]:
        """Return the state between epochs; a stream cannot be entered in the middle of one."""
        if self.position:
            raise ValueError("get_state: called within an epoch of batches, want its end")
        return super().get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Draw again what was trained on: only so can a source be where it was."""
        super().set_state(state)
        if self.done < self.epochs and not self.stop_training:
            for _ in range(self.done):
                for _ in self._epoch():
                    pass

    # ---- batches -----------------------------------------------------------------------------

    def _epoch(self) -> Iterator[list[Any]]:
        """Yield the steps of an epoch."""
        steps = self.batches.steps
        return self._pass() if steps is None else itertools.islice(self._endless, steps)

    def _pass(self) -> Iterator[list[Any]]:
        """Yield the steps of one pass over the source: lists of batches, checked and copied."""
        batches = map(self._check, self.batches.begin())
        while step := list(itertools.islice(batches, self.accumulate)):
            yield step

    def _passes(self) -> Iterator[list[Any]]:
        came = True
        while came:
            came = False
            for step in self._pass():
                came = not self.batches.once
                yield step

    def _check(self, batch: Any) -> Any:
        number, self._drawn = self._drawn, self._drawn + 1
        loss: Any = self.net.loss
        names = batch_names(number)
        X, (targets, labels), weights = self.weigh(
            self.net._checked_data(*parts_of(batch, number), loss, names)
        )
        # Copies: the source may fill the same arrays again.
        weights = None if weights is None else weights.copy()
        return X.copy(), Targets(targets.copy(), labels), weights

    def _pieces(self) -> Iterator[Piece]:
        self._seen, self._drawn = [], 0
        steps, first = self.batches.steps, 0
        for step in self._epoch():
            self._copy_if_due()
            data = _together(step, first)
            n, batch = len(data[0]), len(step[0][0])
            outputs = metrics._room(self.net, n, self.metrics)
            if outputs is not None:
                self._seen.append((outputs, *data[1:]))
            # Batches of one size are the engine's too, for layers that look at a whole batch.
            piece = Piece(data, batch, None, 0, n, -(-n // batch), first, outputs)
            self._kept[self._step] = self.done, piece._replace(outputs=None)
            self._batches_of_step = step
            first += len(step)
            yield piece
        if self.position < (steps or 1):
            raise ValueError(
                f"X: the {type(self.batches.source).__name__} ended after {self.position} steps "
                f"of epoch {self.done}, want {steps or 'at least 1'}"
            )

    def _copy_is_due(self) -> bool:
        return super()._copy_is_due() or self._step - self._copies[-1][0] >= self.KEPT

    def _copy_if_due(self) -> None:
        super()._copy_if_due()
        oldest = self._copies[0][0]
        for step in [step for step in self._kept if step < oldest]:
            del self._kept[step]

    def _again(self, start: int, end: int) -> Iterator[tuple[int, Piece]]:
        return (self._kept[step] for step in range(start, end))

    def _others(self) -> Sequence[float]:
        if not self._seen:
            return ()
        loss: Any = self.net.loss
        outputs, *rest = _together(self._seen, 0)
        return [*metrics._compute(self.metrics, loss, outputs, (None, *rest)).values()]

    def _raise_bad_row(self, piece: Piece, row: int, in_targets: bool) -> None:
        for number, data in enumerate(self._batches_of_step, piece.first_batch):
            if row < len(data[0]):
                self.net._raise_bad_row(data, row, in_targets, batch_names(number))
            row -= len(data[0])


def _together(batches: Sequence[Any], first: int) -> Any:
    """Return several batches, the number of the first of which is given, as one."""
    if len(batches) == 1:
        return batches[0]
    X, targets, weights = zip(*batches, strict=True)
    for number, each in enumerate(targets, first):
        if each.labels != targets[0].labels:
            raise ValueError(
                f"{batch_names(number)[1]}: want labels, or rows of numbers, in all batches alike"
            )
    labels = Targets(np.concatenate([each.array for each in targets]), targets[0].labels)
    if all(each is None for each in weights):
        return np.concatenate(X), labels, None
    own = [np.ones(len(x)) if each is None else each for x, each in zip(X, weights, strict=True)]
    return np.concatenate(X), labels, np.concatenate(own)
