"""The methods of networks and estimators that write files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


class Exports:
    """What networks and estimators can be written as, for other runtimes."""

    def to_onnx(
        self: Any,
        path: str | os.PathLike[str],
        *,
        output: str = "raw",
        preprocessor: Any = None,
        numbers: str = "float64",
    ) -> None:
        """Write an ONNX model; see `fastnn.exchange.to_onnx`."""
        from fastnn.exchange import to_onnx

        to_onnx(self, path, output=output, preprocessor=preprocessor, numbers=numbers)

    def to_c(
        self: Any,
        path: str | os.PathLike[str],
        *,
        name: str = "model",
        output: str = "raw",
        preprocessor: Any = None,
    ) -> None:
        """Write a header of C99; see `fastnn.exchange.to_c`."""
        from fastnn.exchange import to_c

        to_c(self, path, name=name, output=output, preprocessor=preprocessor)


class Files(Exports):
    """What networks can be written as."""

    def save(self: Any, path: str | os.PathLike[str], *, optimizer_state: bool = True) -> None:
        """Write the network to a safetensors file; `fastnn.load` reads it.

        The file is written beside `path` and renamed, so a file that was there stays
        whole until the new one is.  What is read goes on training with the bits of what was
        saved.  It holds no Python functions: of a loss that is one, or an
        optimizer whose lr is one, nothing is kept, and the next `fit` is to be given it again;
        an initializer that is one becomes the default.

        Parameters
        ----------
        path : path-like
        optimizer_state : bool, default True
            Whether to keep what the optimizer knows of the steps before (Adam's moments, say),
            and the number of epochs.  Without it the file of a network that Adam trained is a
            third as large, and its next `fit` begins with a new state.
        """
        from fastnn import serialization

        serialization.save(self, Path(path), optimizer_state=optimizer_state)
