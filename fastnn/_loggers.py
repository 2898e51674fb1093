"""Callbacks that write down the numbers of the epochs; they are in `fastnn.callbacks`."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path
from typing import Any

from fastnn._callback import Callback
from fastnn._spec import check_count


class CSVLogger(Callback):
    r"""Writes a line of numbers after each epoch.

    Parameters
    ----------
    path : str or path
        Of the file: a line of names, "epoch" and those of the history, then one an epoch.
    separator : str, default ","
        One character.
    append : bool, default False
        Go on in a file that is there, without another line of names.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> import fastnn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "log.csv"
    ...     net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")])
    ...     history = net.fit([[1.0]], [1.0], loss="mean_squared_error",
    ...                       callbacks=[fastnn.callbacks.CSVLogger(path)])
    ...     path.read_text()
    'epoch,loss\n0,1.0\n'
    """

    def __init__(
        self, path: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"separator: got {separator!r}, want one character")
        self.path, self.separator, self.append = Path(path), separator, append

    def on_train_begin(self) -> None:
        """Begin the file, unless an earlier part of the training has."""
        goes_on = self.append or self.run.done or self.run.position
        if not (goes_on and self.path.exists() and self.path.stat().st_size):
            self._write("w", ("epoch", *self.run.names))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Write a line; the file is closed after each, so a crash loses none."""
        self._write("a", (epoch, *logs.values()))

    def get_state(self) -> dict[str, Any]:
        """Return how long the file is, in bytes."""
        return {"size": self.path.stat().st_size if self.path.exists() else 0}

    def set_state(self, state: dict[str, Any]) -> None:
        """Cut off the lines that were written after the state was taken."""
        size = check_count("size", state["size"], low=0)
        if self.path.stat().st_size > size > 0:
            os.truncate(self.path, size)

    def _write(self, mode: str, row: tuple[Any, ...]) -> None:
        with open(self.path, mode, newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=self.separator, lineterminator="\n").writerow(row)


class TensorBoard(Callback):
    """Writes the numbers of each epoch where TensorBoard reads them.

    ``tensorboard --logdir ...`` then shows "loss", "val_loss" and what else the history has,
    and "learning_rate", that of the step to come (where the optimizer has one), over the
    epochs, from 0.

    Parameters
    ----------
    log_dir : str or path, default "logs"
        A directory, made if it is not there; each training adds a file, so take one for each.

    Raises
    ------
    ImportError
        From `fit`, before it trains, without tensorboard, which the extra
        ``fastnn[tensorboard]`` brings.

    Examples
    --------
    >>> import fastnn
    >>> board = fastnn.callbacks.TensorBoard("logs/first")
    >>> board.log_dir.name
    'first'
    """

    def __init__(self, log_dir: str | os.PathLike[str] = "logs") -> None:
        self.log_dir = Path(log_dir)

    def on_train_begin(self) -> None:
        """Begin a file of events."""
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(
                'TensorBoard: needs tensorboard: pip install "fastnn[tensorboard]"'
            ) from error
        self._writer: Any = EventFileWriter(str(self.log_dir))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Write the numbers, and see that they are in the file."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        numbers = dict(logs)
        if hasattr(self.net.optimizer, "lr"):
            numbers["learning_rate"] = self.run.base_lr() * self.run.lr_factor
        values = [Summary.Value(tag=name, simple_value=x) for name, x in numbers.items()]
        self._writer.add_event(
            Event(wall_time=time.time(), step=epoch, summary=Summary(value=values))
        )
        self._writer.flush()

    def on_train_end(self) -> None:
        """Close the file."""
        self._writer.close()
