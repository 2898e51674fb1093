"""Networks as files in the safetensors format.

The format (https://github.com/huggingface/safetensors) is 8 bytes of length, a JSON header
and the arrays: nothing in it can be executed, and any tool that knows it can read the
weights.  Reading and writing it takes a page of code, so it is written here rather than
added to the dependencies (docs/decisions/0002-safetensors-by-hand.md).

Arrays are named layers.0.weights (inputs, outputs), layers.0.bias (outputs,) and so on;
the metadata entry "fastnn" holds the architecture and the library's version as JSON.  A
checkpoint of `fit` is such a file with more in it (fastnn.checkpoint), and so is a model that
has more to keep than its network, as its preprocessing: entries of its own in the metadata.

What a file says is believed only as far as its own length vouches for it: the arrays that its
architecture asks for are compared with those that are there before any is made, and every file
has a checksum of header and arrays.  (Networks saved before that was so have none, and load:
they are of format 1.)
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fastnn import _core
from fastnn._compile import Graph, Leaf
from fastnn._safetensors import TYPES, as_arrays, check_header, checksum, read_header, write
from fastnn._spec import Spec, check_count, check_flag, from_config
from fastnn._state import OptimizerState, get_optimizer_state, set_optimizer_state, slots_of
from fastnn._version import __version__
from fastnn.activations import Activation
from fastnn.errors import ModelFormatError
from fastnn.initializers import Initializer
from fastnn.layers import Layer
from fastnn.losses import CustomLoss, Loss
from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule
from fastnn.sequential import DTYPES, Sequential
from fastnn.solvers import Solver

__all__ = ["load", "save"]  # the others are for fastnn.checkpoint

_FORMAT = 2  # 1 is the same, and may be without a checksum
# Of a checkpoint: its metadata entry, and what names of arrays that are no network's begin with.
_TRAINING, _MORE = "checkpoint", "checkpoint."
_WIDE = 1 << 20  # outputs of all its Embeddings that a file may have, however short it is


def save(
    net: Sequential,
    path: Path,
    more: Mapping[str, Any] | None = None,
    optimizer_state: bool = True,
) -> None:
    """Write a network; see `Sequential.save`.

    Parameters
    ----------
    net : Sequential
    path : Path
    more : mapping, optional
        What else belongs to the model, by name, as JSON has it: `read` returns the texts among
        the metadata, and `load` leaves them alone.
    optimizer_state : bool, default True
        Also the optimizer's state and the number of epochs.
    """
    check_flag("optimizer_state", optimizer_state)
    net._built()
    tensors, architecture = describe(net, optimizer_state)
    texts = {name: json.dumps(value, allow_nan=False) for name, value in (more or {}).items()}
    write(path, tensors, texts | {"fastnn": json.dumps(architecture)})


def describe(net: Sequential, training: bool = False) -> tuple[dict[str, np.ndarray], Any]:
    """Return a network's arrays and its architecture as JSON has it.

    Parameters
    ----------
    net : Sequential
    training : bool, default False
        Also the optimizer's state and the number of epochs.
    """
    tensors: dict[str, np.ndarray] = {}
    for leaf, layer in zip(net._graph.leaves, net._leaves(), strict=True):
        for part in _shapes(leaf):
            values = layer._get(part)
            tensors[f"layers.{leaf.name}.{part}"] = (
                getattr(layer, part) if values is None else values
            )
    architecture = {
        "format": _FORMAT,
        "version": __version__,
        "input_size": net.input_size,
        "seed": net.seed,
        "dtype": net.dtype,
        "layers": [spec.to_config() for spec in net.specs],
        "loss": _loss_config(net.loss),
        "optimizer": _optimizer_config(net.optimizer),
    }
    if training:
        numbers, slots = get_optimizer_state(net)
        architecture |= {"optimizer_state": numbers, "epochs": net._epochs}
        names = [f"optimizer.{slot}" for slot in slots_of(numbers[0])]
        tensors |= dict(zip(names, slots, strict=True))
    return tensors, architecture


def load(path: str | os.PathLike[str]) -> Any:
    """Read a network that `Sequential.save` wrote, or `fit` with `checkpoint`, or an estimator.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Sequential, MLPClassifier or MLPRegressor
        What was saved, with the same parameters and the same predictions, bit for bit; also the
        optimizer's state, unless it was left out.  Of a checkpoint, those of its last step.

    Raises
    ------
    fastnn.ModelFormatError
        If the file is not one, or is damaged; nothing in it is executed.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1)], input_size=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(pathlib.Path(folder) / "net.safetensors")
    ...     again = fastnn.load(pathlib.Path(folder) / "net.safetensors")
    >>> bool((again.parameters == net.parameters).all())
    True
    """
    path = Path(path)
    with refusing(path, "a network saved by fastnn"):
        net, metadata = _load(path)
        if "estimator" not in metadata:
            return net
        from fastnn.estimators import _files

        return _files.load(metadata["estimator"], net)


@contextlib.contextmanager
def refusing(path: Path, wanted: str) -> Iterator[None]:
    """Turn what reading a file of another kind raises into a ModelFormatError."""
    try:
        yield
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        OverflowError,
        struct.error,
    ) as error:
        raise ModelFormatError(f"{path.name} is not {wanted}: {error}") from error


def read(path: Path) -> tuple[Any, dict[str, str], dict[str, np.ndarray]]:
    """Return a file's architecture, metadata and arrays, which were found to suit each other.

    Raises
    ------
    ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError, struct.error
        If it is another file, or damaged; to be called within `refusing`.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        header, body = read_header(file, size)
        metadata = header["__metadata__"]
        found = metadata.pop("crc32", None)
        checked = dict(header)
        del header["__metadata__"]
        architecture = json.loads(metadata["fastnn"])
        if architecture["format"] not in (1, _FORMAT):
            raise ValueError(
                f"format {architecture['format']!r}, this fastnn reads 1 and {_FORMAT}"
            )
        summed = architecture["format"] != 1 or found is not None or _TRAINING in metadata
        if architecture["dtype"] not in DTYPES:
            raise ValueError(f"dtype {architecture['dtype']!r}, want one of {DTYPES}")
        layers = _layers(architecture["layers"])
        if not layers:
            raise ValueError("it has no layers")
        graph = Graph(layers)
        graph.measure(check_count("input_size", architecture["input_size"]))
        shapes = {
            f"layers.{leaf.name}.{part}": list(shape)
            for leaf in graph.leaves
            for part, shape in _shapes(leaf).items()
        }
        # Of all layers these alone have room in the engine that no array vouches for.
        wide = sum(leaf.outputs for leaf in graph.leaves if leaf.spec.name == "embedding")
        if wide > max(size, _WIDE):
            raise ValueError(f"Embeddings with {wide} outputs in a file of {size} bytes")
        for slot in slots_of(architecture.get("optimizer_state", [None])[0]):
            shapes[f"optimizer.{slot}"] = [graph.n_parameters]
        more = _MORE if _TRAINING in metadata else None
        check_header(header, shapes, TYPES[architecture["dtype"]], body, more)
        arrays = as_arrays(header, file.read())
    if summed and found != checksum(checked, arrays):
        raise ValueError("its checksum is another one")
    return architecture, metadata, arrays


def fill(net: Sequential, architecture: Any, arrays: dict[str, np.ndarray]) -> None:
    """Give a network of this architecture what `describe` took of one."""
    parameters = []
    for leaf, layer in zip(net._graph.leaves, net._leaves(), strict=True):
        own = {part: arrays[f"layers.{leaf.name}.{part}"].ravel() for part in _shapes(leaf)}
        parameters += [own.pop(part) for part in leaf.spec.shapes(leaf.inputs)]
        if own:
            layer.state = np.concatenate(list(own.values()))
    net.parameters = np.concatenate(parameters)
    if "optimizer_state" in architecture:
        rule, steps, *numbers = architecture["optimizer_state"]
        state = (rule, check_count("steps", steps, low=0), *numbers)
        slots = [arrays[f"optimizer.{slot}"] for slot in slots_of(rule)]
        # They may be infinite, as a square of float32s is; NaN would be the next parameters.
        if not all(isinstance(number, (int, float)) for number in numbers) or any(
            np.isnan(values).any() for values in (numbers, *slots)
        ):
            raise ValueError(f"optimizer_state: got {numbers!r:.80}, want numbers, and no NaN")
        set_optimizer_state(net, OptimizerState(state, slots))
        net._epochs = check_count("epochs", architecture["epochs"], low=0)


def _load(path: Path) -> tuple[Sequential, dict[str, str]]:
    architecture, metadata, arrays = read(path)
    net = Sequential(
        _layers(architecture["layers"]),
        architecture["input_size"],
        seed=architecture["seed"],
        dtype=architecture["dtype"],
    )
    fill(net, architecture, arrays)
    if architecture["loss"] is not None:
        net.loss = from_config(Loss, architecture["loss"], "loss")
    if architecture.get("optimizer") is not None:  # None: its lr is a function
        config = _parts(architecture["optimizer"])
        kind: Any = Solver if config.get("name") in Solver.registry else Optimizer
        net.optimizer = from_config(kind, config, "optimizer")
    return net, metadata


def _shapes(leaf: Leaf) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all arrays of a layer, by name."""
    return leaf.spec.shapes(leaf.inputs) | leaf.spec.state_shapes(leaf.inputs)


def _layers(value: Any) -> Any:
    """Return a list of layers' configs, or a list of such lists, with the specs made."""
    if isinstance(value, list):
        return [_layers(item) for item in value]
    return from_config(Layer, _parts(value), "layers")


def _loss_config(loss: Loss | None) -> dict[str, Any] | None:
    """Return a loss's config; None if it is a Python function, which JSON cannot hold."""
    return None if loss is None or isinstance(loss, CustomLoss) else loss.to_config()


def _optimizer_config(optimizer: Optimizer | Solver | None) -> dict[str, Any] | None:
    """Return an optimizer's config; None if it or its lr is a function: JSON holds none."""
    lr = getattr(optimizer, "lr", None)
    function = callable(lr) and getattr(lr, "rule", "") not in _core.SCHEDULES
    if optimizer is None or not hasattr(optimizer, "name") or function:
        return None
    return optimizer.to_config()


def _parts(config: Any) -> Any:
    """Return a spec's config with the specs within it made."""
    kinds: dict[str, type[Spec]] = {
        "activation": Activation,
        "function": Activation,
        "weight_init": Initializer,
        "bias_init": Initializer,
        "lr": Schedule,
        "schedule": Schedule,
    }
    return {
        key: _layers(value)
        if key in ("layers", "branches")
        else from_config(kinds[key], _parts(value), key)
        if key in kinds and isinstance(value, dict)
        else value
        for key, value in config.items()
    }
