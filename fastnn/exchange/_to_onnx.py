"""Networks as ONNX models; `Sequential.to_onnx` is this."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn._whole import write_whole
from fastnn.exchange._onnx_activations import ACTIVATIONS
from fastnn.exchange._onnx_graph import Graph
from fastnn.exchange._onnx_layers import chain
from fastnn.exchange._output import last_step

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


def to_onnx(net: Sequential, path: str | os.PathLike[str], *, output: str = "raw") -> None:
    """Write a network as an ONNX model, for ONNX Runtime and whatever else reads the format.

    The model has one input, "input" of shape (batch, n_features), and one output, "output" of
    shape (batch, n_outputs), both in the network's dtype; batch is any number of rows.  Dropout
    and noise are left out, batch normalization uses its running statistics, as in `predict`.
    It is of opset 17 and was checked by `onnx.checker`.

    Parameters
    ----------
    net : Sequential
    path : path-like
        Written beside and renamed, so a file that was there stays whole until the new one is.
    output : {"raw", "probabilities"}, default "raw"
        What the model gives: what `predict` does, or what `predict_proba` does.

    Raises
    ------
    ImportError
        Without onnx, which the extra ``fastnn[onnx]`` brings.
    ValueError
        If the network has no input size yet; if there are no probabilities; if the model is
        larger than 2 GB.

    Notes
    -----
    Categories of an `Embedding` are codes in the same input, as in `predict`; one past the last
    is an error in the runtime, but a fraction is rounded down and -1 is the last one.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(3, activation="relu")], input_size=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.to_onnx(pathlib.Path(folder) / "net.onnx")
    ...     again = fastnn.from_onnx(pathlib.Path(folder) / "net.onnx")
    >>> again.specs[0].units, again.specs[0].activation
    (3, ReLU())
    """
    write_whole(Path(path), [model_of(net, output).SerializeToString()])


def model_of(net: Sequential, output: str) -> Any:
    """Return the model that `to_onnx` writes, an onnx.ModelProto."""
    last = last_step(net, output)
    g = Graph(net.dtype)
    x = g.input("input", net.input_size or 0)
    g.output(ACTIVATIONS[last](g, chain(g, net.layers, x), 0), "output", net.output_size)
    return g.model("fastnn", f"A neural network trained by fastnn; output: {output}")
