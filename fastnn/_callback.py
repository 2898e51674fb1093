"""What all callbacks of `fit` are; those that fastnn brings are in `fastnn.callbacks`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


class Callback:
    """Base class; override the hooks that you need, and pass a list as `callbacks` of `fit`.

    Attributes
    ----------
    net : Sequential
        The network in training; set by `fit`.
    run
        The training itself, set by `fit`: set `run.stop_training = True` to end it after the
        epoch, and `run.lr_factor`, at first 1, to multiply the optimizer's learning rate
        (a schedule's too) from the next epoch on.  `run.epochs` is the number asked for,
        `run.done` how many are, `run.position` the steps done of the present one, `run.names`
        what the logs of an epoch have, `run.base_lr()` the learning rate of the next step
        before the factor, and `run.get_state()` all that a later fit needs to go on.

    Notes
    -----
    An exception ends the training; the network keeps the steps taken, except that a ValueError
    or TypeError of `on_train_begin`, or of `on_batch_end` in the first epoch, leaves it as it was.

    Do not change parameters or freeze layers in the middle of a training: should the loss
    become infinite, `fit` goes back by taking steps again, and knows nothing of such changes.
    From `on_train_end` you may.

    Examples
    --------
    >>> import fastnn
    >>> class Stop(fastnn.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         self.run.stop_training = logs["loss"] < 0.3
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")])
    >>> history = net.fit([[1.0]], [1.0], loss="mean_squared_error", epochs=100,
    ...                   optimizer=fastnn.SGD(0.1), callbacks=[Stop()])
    >>> [round(loss, 4) for loss in history["loss"]]
    [1.0, 0.36, 0.1296]
    """

    net: Sequential
    run: Any

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch; they count from 0 in each fit."""

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """After a step; `logs` has the batch's "loss" before it (NaN where no sample weighs)."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """After an epoch; `logs` has what the history gets, validation included."""

    def on_train_end(self) -> None:
        """After the last epoch; not where an exception ended the training."""

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of the callback.

        A dict of what JSON can hold, with NumPy arrays anywhere in it; by default nothing.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned.

        Called after `on_train_begin`, when a checkpoint's training goes on; `run.done` and
        `run.position` already tell there how many epochs, and steps of the next, are done.
        """


class Lambda(Callback):
    """Functions as a callback.

    Parameters
    ----------
    on_train_begin, on_epoch_begin, on_batch_end, on_epoch_end, on_train_end : callable, optional
        By keyword; they take what the hooks of `Callback` take.

    Examples
    --------
    >>> import fastnn
    >>> seen: list[int] = []
    >>> watch = fastnn.callbacks.Lambda(on_epoch_begin=seen.append)
    >>> net = fastnn.Sequential([fastnn.Dense(1)])
    >>> _ = net.fit([[1.0]], [1.0], loss="mean_squared_error", epochs=3, callbacks=[watch])
    >>> seen
    [0, 1, 2]
    """

    def __init__(
        self,
        *,
        on_train_begin: Callable[[], Any] | None = None,
        on_epoch_begin: Callable[[int], Any] | None = None,
        on_batch_end: Callable[[int, dict[str, float]], Any] | None = None,
        on_epoch_end: Callable[[int, dict[str, float]], Any] | None = None,
        on_train_end: Callable[[], Any] | None = None,
    ) -> None:
        hooks = {name: hook for name, hook in locals().items() if name.startswith("on_")}
        for name, hook in hooks.items():
            if hook is not None and not callable(hook):
                raise TypeError(f"{name}: got {hook!r}, want a function")
            if hook is not None:
                setattr(self, name, hook)


def check_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """Return callbacks as a tuple, or raise unless they are a list of them."""
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks: got {callbacks!r}, want a list of callbacks")
    for i, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks[{i}]: got {callback!r}, want a fastnn.callbacks.Callback")
    return tuple(callbacks)
