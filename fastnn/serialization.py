"""Networks as files in the safetensors format.

The format (https://github.com/huggingface/safetensors) is 8 bytes of length, a JSON header
and the arrays: nothing in it can be executed, and any tool that knows it can read the
weights.  Reading and writing it takes a page of code, so it is written here rather than
added to the dependencies (docs/decisions/0002-safetensors-by-hand.md).

Arrays are named layers.0.weights (inputs, outputs), layers.0.bias (outputs,) and so on;
the metadata entry "fastnn" holds the architecture as JSON.
"""

from __future__ import annotations

import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from fastnn import _core
from fastnn._compile import Graph, Leaf
from fastnn._spec import Spec, check_count, from_config
from fastnn._version import __version__
from fastnn.activations import Activation
from fastnn.errors import ModelFormatError
from fastnn.initializers import Initializer
from fastnn.layers import Layer
from fastnn.losses import Loss
from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule
from fastnn.sequential import Sequential
from fastnn.solvers import Solver

_FORMAT = 1
_TYPES = {"float32": "F32", "float64": "F64"}
_MOST_HEADER = 100 << 20  # bytes; the format's own limit


def save(net: Sequential, path: Path) -> None:
    """Write a network; see `Sequential.save`."""
    net._built()
    tensors: dict[str, np.ndarray] = {}
    for leaf, layer in zip(net._graph.leaves, net._leaves(), strict=True):
        for part in _shapes(leaf):
            tensors[f"layers.{leaf.name}.{part}"] = getattr(layer, part)
    architecture = {
        "format": _FORMAT,
        "version": __version__,
        "input_size": net.input_size,
        "seed": net.seed,
        "dtype": net.dtype,
        "layers": [spec.to_config() for spec in net.specs],
        "loss": net.loss.to_config() if net.loss else None,
        "optimizer": _optimizer_config(net.optimizer),
    }
    header: dict[str, Any] = {"__metadata__": {"fastnn": json.dumps(architecture), "format": "np"}}
    at = 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": _TYPES[net.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.nbytes],
        }
        at += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # arrays start at a multiple of 8
    # In the same folder, so that the rename is one; a unique name, so that two
    # processes do not write into one file.
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    little = np.dtype(net.dtype).newbyteorder("<")
    try:
        with open(beside, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for tensor in tensors.values():
                file.write(tensor.astype(little, copy=False).tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Sequential:
    """Read a network that `Sequential.save` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Sequential
        With the same parameters and the same predictions, bit for bit.

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
    try:
        return _load(path)
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        struct.error,
    ) as error:
        raise ModelFormatError(f"{path.name} is not a network saved by fastnn: {error}") from error


def _load(path: Path) -> Sequential:
    size = path.stat().st_size
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(size - 8, _MOST_HEADER):
            raise ValueError(f"a header of {length} bytes in a file of {size}")
        header = json.loads(file.read(length))
        architecture = json.loads(header.pop("__metadata__")["fastnn"])
        if architecture["format"] != _FORMAT:
            raise ValueError(f"format {architecture['format']!r}, this fastnn reads {_FORMAT}")
        dtype = architecture["dtype"]
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
        _check_header(header, shapes, _TYPES[dtype], size - 8 - length)
        body = file.read()
    little = np.dtype(dtype).newbyteorder("<")
    net = Sequential(layers, architecture["input_size"], seed=architecture["seed"], dtype=dtype)
    parameters = []
    for leaf, layer in zip(net._graph.leaves, net._leaves(), strict=True):
        arrays = {
            part: np.frombuffer(
                body,
                little,
                offset=header[f"layers.{leaf.name}.{part}"]["data_offsets"][0],
                count=math.prod(shape),
            )
            for part, shape in _shapes(leaf).items()
        }
        parameters += [arrays.pop(part) for part in leaf.spec.shapes(leaf.inputs)]
        if arrays:
            layer.state = np.concatenate(list(arrays.values()))
    net.parameters = np.concatenate(parameters)
    if architecture["loss"] is not None:
        net.loss = from_config(Loss, architecture["loss"], "loss")
    if architecture.get("optimizer") is not None:  # None: its lr is a function
        config = _parts(architecture["optimizer"])
        kind: Any = Solver if config.get("name") in Solver.registry else Optimizer
        net.optimizer = from_config(kind, config, "optimizer")
    return net


def _shapes(leaf: Leaf) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all arrays of a layer, by name."""
    return leaf.spec.shapes(leaf.inputs) | leaf.spec.state_shapes(leaf.inputs)


def _layers(value: Any) -> Any:
    """Return a list of layers' configs, or a list of such lists, with the specs made."""
    if isinstance(value, list):
        return [_layers(item) for item in value]
    return from_config(Layer, _parts(value), "layers")


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


def _check_header(
    header: dict[str, Any], shapes: dict[str, list[int]], dtype: str, body: int
) -> None:
    """Every array that the architecture has, and no other, with no gaps and no overlap."""
    if set(header) != set(shapes):
        raise ValueError("its arrays are not those of its architecture")
    size = 4 if dtype == "F32" else 8
    spans = []
    for name, shape in shapes.items():
        entry = header[name]
        begin, end = entry["data_offsets"]
        if entry["dtype"] != dtype or entry["shape"] != shape:
            raise ValueError(f"{name} is {entry['dtype']} {entry['shape']}, not {dtype} {shape}")
        if not (isinstance(begin, int) and end - begin == math.prod(shape) * size):
            raise ValueError(f"{name} has the wrong number of bytes")
        spans.append((begin, end))
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise ValueError("its arrays overlap or leave gaps")
        at = end
    if at != body:
        raise ValueError(f"{body} bytes of arrays, not {at}: the file is cut or has more")
