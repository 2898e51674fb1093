"""Trainings that can be killed: ``net.fit(..., checkpoint="run.safetensors")``.

Where there is no such file, the training starts, and keeps it up to date.  Where there is one,
the same call goes on from it.  However often the process is killed (``kill -9`` too, and in the
middle of a save), the training ends with the same bits as one that was never stopped:
parameters, optimizer's state, history, and what callbacks reach; on another number of threads
too.

The file
    is a safetensors file, as `Sequential.save` writes it, and `fastnn.load` reads the network as
    of then, with its optimizer's state.  Besides, it has the step within the epoch, all that
    decides about random numbers, the history, and the states of the callbacks.  It is written to
    a file beside it, brought to the disk and renamed, so there is a whole one at any moment.

When it is written
    Before the first epoch; within an epoch every `checkpoint_every` seconds; after an epoch, if
    that many seconds are over, or 20 times what the last one took to write (so the time spent on
    checkpoints after epochs stays below 5 percent); after the last epoch.  Ctrl-C and other
    exceptions write none, so as much is done again as after a kill.

What must be the same
    The network, the loss, the optimizer, the data, batch size and the other options that decide
    about the numbers, callbacks and their settings: what differs is told by a ValueError before
    anything is changed.  (Of the data, the shapes and the values of about a thousand rows are
    compared.)  Functions, as a learning rate, say, are compared by name; what they do is taken
    from the arguments.  Not compared are `epochs`, which may grow, `target_loss`, `time_budget`,
    which begins anew, `verbose`, `checkpoint_every` and the paths of callbacks.

A training that is over
    gives its network and history at once.  With more epochs, it goes on, unless it was ended by
    a callback or `target_loss`.  To train again from the beginning, remove the file.

Callbacks of your own
    that remember something have `get_state` and `set_state` (`fastnn.callbacks.Callback`).

Iterables of batches
    have checkpoints after epochs only; what was trained on is drawn from them again, and must be
    the same.

One process at a time may train with a file.
"""

from __future__ import annotations

import glob
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _safetensors, serialization
from fastnn._identity import as_json, differences, look_at, settings_of
from fastnn._spec import check_count, check_flag, check_number

if TYPE_CHECKING:
    from fastnn._callback import Callback
    from fastnn._run import Run

_FORMAT = 1
_WHAT = "a checkpoint of fastnn"


class Checkpoint:
    """The file of one `fit`, and when it is written.

    Parameters
    ----------
    path : str or path
    every : float
        Seconds from one checkpoint to the next, not negative.

    Raises
    ------
    ValueError, TypeError
        If `every` is wrong.

    Examples
    --------
    `fit` makes it:

    >>> import pathlib
    >>> import tempfile
    >>> import fastnn
    >>> def train(epochs):
    ...     net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")])
    ...     return net.fit([[1.0]], [1.0], loss="mean_squared_error", optimizer=fastnn.SGD(0.1),
    ...                    epochs=epochs, checkpoint=path)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "run.safetensors"
    ...     first = train(epochs=2)
    ...     longer = train(epochs=3)  # trains one epoch
    >>> [round(loss, 4) for loss in first["loss"]], [round(loss, 4) for loss in longer["loss"]]
    ([1.0, 0.36], [1.0, 0.36, 0.1296])
    """

    SHARE = 20  # after an epoch, one is written once training took this many times its time

    def __init__(self, path: str | os.PathLike[str], every: float) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"checkpoint: got {path!r}, want a path")
        check_number("checkpoint_every", every, low=0)
        self.path, self.every = Path(path), float(every)
        self._ended = -math.inf  # when the last one was written
        self._took = 0.0
        self._states: list[Any] | None = None  # of the callbacks, in the file that was there
        self._written: tuple[int, int] | None = None  # what the file has: epochs, steps

    # ---- what fit calls, in this order -------------------------------------------------------

    def describe(self, settings: dict[str, Any], data: Any, validation: Any) -> None:
        """Take what must be the same in a training that goes on.

        Parameters
        ----------
        settings : dict
            By the name of the argument.
        data, validation : tuple (X, targets, weights) or None
            Checked.
        """
        self._settings = settings | {"X": None if data is None else look_at(data)}
        self._settings["validation_data"] = None if validation is None else look_at(validation)

    def go_on(
        self, run: Run, callbacks: Sequence[Callback], history: dict[str, list[float]]
    ) -> bool:
        """Bring network, run and history to where the file has them; False if there is none.

        Raises
        ------
        ValueError
            If it is another training's.
        fastnn.ModelFormatError
            If it is something else, or damaged.
        """
        self._run, self._callbacks, self._history = run, callbacks, history
        net: Any = run.net
        own = {"seed": net.seed, "dtype": net.dtype, "input_size": net.input_size}
        own |= {"layers": net.specs, "loss": net.loss, "optimizer": net.optimizer}
        own["callbacks"] = [settings_of(callback) for callback in callbacks]
        self._settings = as_json(own | self._settings)
        # Those of processes that were killed while they wrote.
        for beside in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.tmp"):
            beside.unlink(missing_ok=True)
        if not self.path.exists():
            return False
        with serialization.refusing(self.path, _WHAT):
            architecture, metadata, arrays = serialization.read(self.path)
            if "checkpoint" not in metadata:
                raise ValueError("it is a saved network, without a training")
            state = _decode(json.loads(metadata["checkpoint"]), arrays)
            if state["format"] != _FORMAT:
                raise ValueError(f"format {state['format']!r}, this fastnn reads {_FORMAT}")
            had, began = state["settings"], _checked(state["run"])
        different = [*differences("", self._settings, had)]
        if different:
            raise ValueError(
                f"checkpoint: {self.path} is of another training (remove it to start anew): "
                + "; ".join(different[:3])
            )
        begun = began["done"] + (began["position"] > 0)
        if run.epochs < begun:
            raise ValueError(
                f"epochs: got {run.epochs}, want at least the {begun} that the training in "
                f"{self.path} has begun"
            )
        run.start(True)  # what `undo` goes back to
        with serialization.refusing(self.path, _WHAT):
            serialization.fill(net, architecture, arrays)
            _check_place(run, began)
            for name, values in _checked_history(state["history"], history, began["done"]):
                history[name][:] = values
            self._states = list(state["callbacks"])
            if len(self._states) != len(callbacks):
                raise ValueError(f"the states of {len(self._states)} callbacks")
        run.set_state(began)
        self._written = run.done, run.position
        return True

    def begin(self) -> None:
        """Give the callbacks their states, or write the first checkpoint."""
        if self._states is None:
            self.write()  # a place where nothing can be written is better found out now
            return
        for i, (callback, state) in enumerate(zip(self._callbacks, self._states, strict=True)):
            with serialization.refusing(self.path, f"{_WHAT}: callbacks[{i}]"):
                callback.set_state(state)
        self._plan_pause()

    def end_epoch(self) -> None:
        """Write after an epoch, unless the last one was only just written."""
        since = time.perf_counter() - self._ended
        if since >= min(self.every, self.SHARE * self._took):
            self.write()

    def end(self) -> None:
        """Write after the last epoch."""
        if self._written != (self._run.done, self._run.position):
            self.write()

    # ---- the file ----------------------------------------------------------------------------

    def write(self) -> None:
        """Write a checkpoint; none of parameters that the next step will find to be no numbers."""
        run, begun = self._run, time.perf_counter()
        tensors, architecture = serialization.describe(run.net, training=True)
        if np.isfinite(run.net.parameters).all():
            state = {
                "format": _FORMAT,
                "settings": self._settings,
                "run": run.get_state(),
                "history": dict(self._history),
                "callbacks": [callback.get_state() for callback in self._callbacks],
            }
            text = json.dumps(_encode("checkpoint", state, tensors), allow_nan=False)
            metadata = {"fastnn": json.dumps(architecture), "checkpoint": text}
            _safetensors.write(self.path, tensors, metadata)
            self._written = run.done, run.position
        self._ended = time.perf_counter()
        self._took = self._ended - begun
        self._plan_pause()

    def _plan_pause(self) -> None:
        if self._run.enterable:
            self._run.pause, self._run.on_pause = time.perf_counter() + self.every, self.write


# ---- what a file says, checked: anybody can make one, with the checksum that suits it ---------


def _checked(state: Any) -> dict[str, Any]:
    """Return what `Run.get_state` returned, if it can be that."""
    for name in ("done", "position", "first_epoch"):
        check_count(name, state[name], low=0)
    check_number("lr_factor", state["lr_factor"], low=0)
    check_flag("stop_training", state["stop_training"])
    if len(state["sums"]) != 3:
        raise ValueError(f"sums: got {state['sums']!r:.80}, want three numbers")
    _check_numbers("sums", state["sums"])
    return dict(state)


def _check_place(run: Any, state: dict[str, Any]) -> None:
    """Raise if the epochs of the run have no such step, or that has other outputs for metrics."""
    position = state["position"]
    check_count("position", position, low=0, high=run.steps if run.enterable else 0)
    room = getattr(run, "outputs", None)
    if room is not None:
        seen, room = state["outputs"], room[: min(position * run.step_rows, run.rows)]
        if (seen.shape, seen.dtype) != (room.shape, room.dtype):
            raise ValueError(f"outputs of shape {seen.shape}, want {room.shape} of {room.dtype}")


def _checked_history(found: Any, own: Mapping[str, Any], epochs: int) -> Any:
    """Return the names of a history with their numbers, of so many epochs."""
    if set(found) != set(own) or any(len(values) != epochs for values in found.values()):
        raise ValueError(f"history: got {found!r:.80}, want {epochs} epochs of {sorted(own)}")
    for name, values in found.items():
        _check_numbers(f"history[{name!r}]", values)
    return found.items()


def _check_numbers(what: str, values: Any) -> None:
    if not isinstance(values, list) or not all(isinstance(value, (int, float)) for value in values):
        raise TypeError(f"{what}: got {values!r:.80}, want a list of numbers")


# ---- states as JSON and arrays ---------------------------------------------------------------


def _encode(where: str, value: Any, tensors: dict[str, np.ndarray]) -> Any:
    """Return a value as JSON has it; its arrays go to `tensors`.

    JSON has neither arrays nor NaN and infinity: they become ``{"$array": name}`` and
    ``{"$float": "nan"}``.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.dtype.name in _safetensors.TYPES:
        name = f"{serialization._MORE}{len(tensors)}"
        tensors[name] = value
        return {"$array": name}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(float(value))}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_encode(f"{where}[{i}]", item, tensors) for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) and key[:1] != "$" for key in value):
        return {key: _encode(f"{where}.{key}", item, tensors) for key, item in value.items()}
    raise TypeError(
        f"{where}: got {value!r}, want numbers, strings, None, NumPy arrays of numbers, lists, and "
        'dicts whose keys are strings without "$" at the beginning'
    )


def _decode(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        return arrays[value["$array"]]
    if "$float" in value:
        return float(value["$float"])
    return {key: _decode(item, arrays) for key, item in value.items()}
