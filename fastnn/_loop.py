"""The epochs of a fit: what is told, kept and asked around each, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fastnn._custom import raised_by_loss
from fastnn._frozen import Frozen

if TYPE_CHECKING:
    from fastnn._callback import Callback
    from fastnn._run import Run
    from fastnn._samples import Validation
    from fastnn.checkpoint import Checkpoint
    from fastnn.history import History
    from fastnn.progress import Progress


class Loop(Frozen):
    """A run with all that watches it.

    `undo` leaves the network as it was before the fit.
    """

    run: Run
    history: History
    validation: Validation | None
    callbacks: Sequence[Callback]
    keeper: Checkpoint | None
    target_loss: float | None
    undo: Callable[[], None]

    def train(self, epochs: int, progress: Progress) -> None:
        """Train until so many epochs are done, or something ends it earlier."""
        run = self.run
        while run.done < epochs and not (run.stop_training and run.position == 0):
            epoch = run.done
            for callback in self.callbacks if run.position == 0 else ():
                callback.on_epoch_begin(epoch)
            logs = self._epoch(epoch)
            for name, value in logs.items():
                self.history[name].append(value)
            progress.show(logs)
            # A checkpoint that a callback makes of this epoch knows that it is the last.
            run.stop_training |= self.target_loss is not None and logs["loss"] <= self.target_loss
            for callback in self.callbacks:
                callback.on_epoch_end(epoch, logs)
            if self.keeper is not None:
                self.keeper.end_epoch()
            if run.late():
                break

    def end(self) -> None:
        """Look at the last step too, and tell all that the training is over."""
        self.run.check_parameters()
        if self.keeper is not None:
            self.keeper.end()
        for callback in self.callbacks:
            callback.on_train_end()

    def _epoch(self, epoch: int) -> dict[str, float]:
        try:
            values = self.run.epoch()
            if self.validation is not None:
                values += self.run.validate(self.validation)
        # Not finite, in a row, or what a callable lr gives.
        except (ValueError, TypeError) as error:
            if self.run.undoable(epoch) and not raised_by_loss(error):
                self.undo()
            raise
        return dict(zip(self.run.names, values, strict=True))
