"""Callbacks of `fit`: what looks at a training while it runs, and stops or steers it.

They have Keras's hook names.  One that does not override `on_batch_end` costs nothing within
an epoch: the epoch stays one call into the engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._callback import Callback, Lambda
from fastnn._loggers import CSVLogger, TensorBoard
from fastnn._spec import check_count, check_number
from fastnn._state import checked_values, get_values, set_values

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "Lambda",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TensorBoard",
]

# Names that grow as a network gets better, for mode="auto".
_GROWING = ("accuracy", "precision", "recall", "f1", "roc_auc", "r2", "top_k")


class _Monitor(Callback):
    """What watches one number of the logs for a new best."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor: got {monitor!r}, want a name in the logs, such as 'loss'")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode: got {mode!r}, want 'auto', 'min' or 'max'")
        check_number("min_delta", min_delta, low=0)
        if mode == "auto":
            mode = "max" if monitor.removeprefix("val_") in _GROWING else "min"
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.best = np.nan

    def on_train_begin(self) -> None:
        """Forget what earlier trainings reached."""
        self._check_monitor()
        self.best = np.nan

    def get_state(self) -> dict[str, Any]:
        """Return the best number, and what else the callback goes on from."""
        return {"best": float(self.best)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self.best = float(state["best"])  # which may be NaN

    def _check_monitor(self) -> None:
        if self.monitor not in self.run.names:
            hint = "; give fit validation data" if self.monitor.startswith("val_") else ""
            raise ValueError(f"monitor: got {self.monitor!r}, want one of {self.run.names}{hint}")

    def _improved(self, logs: dict[str, float]) -> bool:
        """Whether the number is a new best; NaN never is."""
        value = logs[self.monitor]
        gain = self.best - value if self.mode == "min" else value - self.best
        if np.isnan(value) or not (np.isnan(self.best) or gain > self.min_delta):
            return False
        self.best = value
        return True


class EarlyStopping(_Monitor):
    """Ends a training that no longer gets better.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A name of the history.
    patience : int, default 5
        Epochs without a new best after which training ends, at least 1.
    min_delta : float, default 0.0
        A new best is better by more than this.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto": more for accuracy, precision, recall, f1,
        roc_auc, r2 and top_k, less for all else.
    restore_best_weights : bool, default True
        At the end of training, stopped or not, the network gets the parameters of the best
        epoch and the running statistics of its `BatchNorm` layers.  The optimizer's state
        stays the last epoch's.

    Attributes
    ----------
    best, best_epoch : float, int
        Of the last training; NaN and -1 where no number was finite.

    Raises
    ------
    ValueError
        From `fit`, before it trains: the history will not have the name.

    References
    ----------
    L. Prechelt, "Early stopping - but when?", in Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> import fastnn
    >>> X, y = fastnn.datasets.load_digits()
    >>> net = fastnn.Sequential([fastnn.Dense(32, activation="relu"), fastnn.Dense(10)])
    >>> stop = fastnn.callbacks.EarlyStopping(patience=3)
    >>> history = net.fit(X[:200] / 16, y[:200], loss="cross_entropy", epochs=1000,
    ...                   optimizer=fastnn.Adam(0.01), callbacks=[stop],
    ...                   validation_data=(X[200:400] / 16, y[200:400]))
    >>> len(history["loss"]) == stop.best_epoch + 1 + 3
    True
    >>> net.evaluate(X[200:400] / 16, y[200:400])["loss"] == min(history["val_loss"])
    True
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best_weights: bool = True,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = check_count("patience", patience)
        self.restore_best_weights = restore_best_weights
        self.best_epoch = -1
        self._weights: Any = None

    def on_train_begin(self) -> None:
        """Forget what earlier trainings reached."""
        super().on_train_begin()
        self.best_epoch, self._weights = -1, None

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep the weights of a new best, or count the epochs since the last."""
        if self._improved(logs):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._weights = get_values(self.net)
        elif epoch - max(self.best_epoch, 0) >= self.patience:
            self.run.stop_training = True

    def on_train_end(self) -> None:
        """Restore the best weights."""
        if self._weights is not None:
            set_values(self.net, self._weights)
            self._weights = None

    def get_state(self) -> dict[str, Any]:
        """Return also the best epoch, and its weights where they are to come back."""
        return super().get_state() | {"best_epoch": self.best_epoch, "weights": self._weights}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        super().set_state(state)
        self.best_epoch = check_count("best_epoch", state["best_epoch"], low=-1)
        weights = state["weights"]
        self._weights = None if weights is None else checked_values(self.net, weights)


class ModelCheckpoint(_Monitor):
    """Saves the network after each epoch, or after each that is the best so far.

    Parameters
    ----------
    path : str or path
        Of a safetensors file, for `fastnn.load`; "{epoch}" in it becomes the number of the
        epoch, from 1, and "{val_loss:.3f}" a number of the history, as `str.format` has it.
    monitor : str, default "val_loss"
        A name of the history; only used with `save_best_only`.
    save_best_only : bool, default False
    mode : {"auto", "min", "max"}, default "auto"
        As of `EarlyStopping`.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> import fastnn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "net-{epoch}.safetensors"
    ...     net = fastnn.Sequential([fastnn.Dense(1)])
    ...     history = net.fit([[1.0]], [1.0], loss="mean_squared_error", epochs=2,
    ...                       callbacks=[fastnn.callbacks.ModelCheckpoint(path)])
    ...     sorted(file.name for file in pathlib.Path(folder).iterdir())
    ['net-1.safetensors', 'net-2.safetensors']
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, mode, 0.0)
        self.path = Path(path)
        self.save_best_only = save_best_only

    def _check_monitor(self) -> None:
        if self.save_best_only:
            super()._check_monitor()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Save."""
        if not self.save_best_only or self._improved(logs):
            self.net.save(str(self.path).format(epoch=epoch + 1, **logs))


class ReduceLROnPlateau(_Monitor):
    """Multiplies the learning rate by a factor when training gets no better.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A name of the history.
    factor : float, default 0.1
        In (0, 1).
    patience : int, default 10
        Epochs without a new best before a reduction, at least 1.
    min_lr : float, default 0.0
        The learning rate (a schedule's: that of the next step) is not brought below this.
    cooldown : int, default 0
        Epochs after a reduction that do not count.
    min_delta : float, default 1e-4
        A new best is better by more than this.
    mode : {"auto", "min", "max"}, default "auto"
        As of `EarlyStopping`.

    Examples
    --------
    >>> import fastnn
    >>> reduce = fastnn.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2)
    >>> net = fastnn.Sequential([fastnn.Dense(1)])
    >>> history = net.fit([[0.0], [0.0]], [-1.0, 1.0], loss="mean_squared_error",
    ...                   epochs=5, callbacks=[reduce])  # a loss of 1, whatever it does
    >>> reduce.run.lr_factor
    0.25
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_lr: float = 0.0,
        cooldown: int = 0,
        min_delta: float = 1e-4,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        check_number("factor", factor, low=0, high=1, open_low=True, open_high=True)
        check_number("min_lr", min_lr, low=0)
        self.factor, self.min_lr = float(factor), float(min_lr)
        self.patience = check_count("patience", patience)
        self.cooldown = check_count("cooldown", cooldown, low=0)
        self._waited = self._cooling = 0

    def on_train_begin(self) -> None:
        """Forget what earlier trainings reached."""
        super().on_train_begin()
        self._waited = self._cooling = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Count the epochs without a new best, and reduce."""
        improved = self._improved(logs)
        self._waited = 0 if improved or self._cooling else self._waited + 1
        self._cooling = max(self._cooling - 1, 0)
        if self._waited >= self.patience:
            base, present = self.run.base_lr(), self.run.lr_factor
            least = min(self.min_lr / base, present) if base > 0 else 0.0
            self.run.lr_factor = max(present * self.factor, least)
            self._waited, self._cooling = 0, self.cooldown

    def get_state(self) -> dict[str, Any]:
        """Return also how long it has waited and cools down; the factor is the run's."""
        return super().get_state() | {"waited": self._waited, "cooling": self._cooling}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        super().set_state(state)
        self._waited = check_count("waited", state["waited"], low=0)
        self._cooling = check_count("cooling", state["cooling"], low=0)


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch.

    For a learning rate of each step, use a schedule as the optimizer's `lr`
    (`fastnn.schedules`); this is for rules that look at more than the step.

    Parameters
    ----------
    schedule : callable (epoch, lr) -> lr
        Gets the number of the epoch, from 0, and the present learning rate; returns the one of
        the epoch, at least 0.  It becomes a factor on the optimizer's, so it may differ by a
        rounding from what was asked for; where that is a schedule, the factor holds for all
        steps of the epoch.

    Raises
    ------
    ValueError, TypeError
        From `fit`: it returned something else, or the optimizer's learning rate is 0.

    Examples
    --------
    >>> import fastnn
    >>> halve = fastnn.callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2)
    >>> net = fastnn.Sequential([fastnn.Dense(1)])
    >>> history = net.fit([[1.0]], [1.0], loss="mean_squared_error", epochs=3,
    ...                   optimizer=fastnn.SGD(0.5), callbacks=[halve])
    >>> halve.run.lr_factor
    0.125
    """

    def __init__(self, schedule: Callable[[int, float], float]) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule: got {schedule!r}, want a function of (epoch, lr)")
        self.schedule = schedule

    def on_epoch_begin(self, epoch: int) -> None:
        """Ask for the learning rate."""
        base = self.run.base_lr()
        if base == 0:
            raise ValueError("lr: got 0 from the optimizer, and no factor makes it another")
        lr = self.schedule(epoch, base * self.run.lr_factor)
        check_number(f"schedule: its value in epoch {epoch}", lr, low=0)
        self.run.lr_factor = float(lr) / base
