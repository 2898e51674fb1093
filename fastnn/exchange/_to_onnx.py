"""Networks and estimators as ONNX models; their `to_onnx` is this."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._whole import write_whole
from fastnn.arrays import check_inputs
from fastnn.exchange._models import Model, describe
from fastnn.exchange._onnx_graph import Graph
from fastnn.exchange._onnx_heads import add_head
from fastnn.exchange._onnx_layers import chain
from fastnn.exchange._onnx_tables import add_table, check_numbers, feeds
from fastnn.sequential import Sequential


def to_onnx(
    model: Any,
    path: str | os.PathLike[str],
    *,
    output: str = "raw",
    preprocessor: Any = None,
    numbers: str = "float64",
) -> None:
    """Write a network or an estimator as an ONNX model, for ONNX Runtime and other readers.

    *A network's* model has one input, "input" of shape (batch, n_features), and one output,
    "output" of shape (batch, n_outputs), both in the network's dtype; batch is any number of
    rows.  Dropout and noise are left out, batch normalization uses its running statistics, as in
    `predict`.

    *An estimator's* has the outputs "label" and "probabilities" of a classifier (of several
    columns of classes "label_0", "probabilities_0", ...), "variable" of a regressor, as skl2onnx
    calls them.  Where it was fitted on a table, the preprocessing is in the model, and each column
    that is used is an input of its own, of shape (batch, 1): see `onnx_inputs`.

    It is of opset 17 and was checked by `onnx.checker`.

    Parameters
    ----------
    model : Sequential, MLPClassifier or MLPRegressor
    path : path-like
        Written beside and renamed, so a file that was there stays whole until the new one is.
    output : {"raw", "probabilities"}, default "raw"
        Of a network: what the model gives, what `predict` does or what `predict_proba` does.
    preprocessor : TabularPreprocessor, optional
        Of a network: what makes its input of a table.
    numbers : {"float64", "float32"}, default "float64"
        Of a table: the type of the inputs that are numbers or truth values.  In Python they are
        scaled in float64, then rounded; with inputs in float32, which some runtimes and devices
        want, a number is rounded before, and answers may differ in the fifth digit.

    Raises
    ------
    ImportError
        Without onnx, which the extra ``fastnn[onnx]`` brings.
    ValueError
        If the network has no input size yet; if there are no probabilities; if the preprocessor
        is another one's; if `numbers` is no such type; if the model is larger than 2 GB.

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
    check_numbers(numbers)
    described = describe(model, output, preprocessor)
    write_whole(Path(path), [model_of(described, numbers).SerializeToString()])


def model_of(model: Model, numbers: str) -> Any:
    """Return the model that `to_onnx` writes, an onnx.ModelProto."""
    net = model.network
    g = Graph(net.dtype)
    if model.preprocessor is None:
        x = g.input("input", net.input_size or 0)
    else:
        x = add_table(g, model.preprocessor, numbers)
    add_head(g, model, chain(g, net.layers, x))
    return g.model("fastnn", f"A {model.kind} trained by fastnn")


def onnx_inputs(model: Any, X: Any, *, numbers: str = "float64") -> dict[str, np.ndarray]:
    """Return data as ONNX Runtime takes them for a model that `to_onnx` wrote.

    Parameters
    ----------
    model : Sequential, MLPClassifier, MLPRegressor or TabularPreprocessor
        What was written; or the preprocessor that was written with a network.
    X : table or array-like, (n_samples, n_features)
    numbers : {"float64", "float32"}, default "float64"
        What `to_onnx` was told.

    Returns
    -------
    dict of {str: ndarray}
        By the name of the input, which is the column's ("column_label" of one that is called as
        an output is).  Of a table each column that is used is an array (n_samples, 1):
        numbers and truth values, NaN where missing; text, "" where missing; dates, int64
        microseconds since 1970 as in NumPy's datetime64[us], the least int64 where missing.  Of
        others it is "input", (n_samples, n_features).

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = np.array([[1.0, "a"], [2.0, "b"], [None, "a"], [3.0, "b"]], dtype=object)
    >>> preprocessor = fastnn.TabularPreprocessor().fit(X)
    >>> inputs = fastnn.exchange.onnx_inputs(preprocessor, X)
    >>> inputs["x0"].ravel(), inputs["x1"].ravel()
    (array([ 1.,  2., nan,  3.]), array(['a', 'b', 'a', 'b'], dtype=object))
    """
    check_numbers(numbers)
    preprocessor = model if hasattr(model, "columns_") else getattr(model, "preprocessor_", None)
    if preprocessor is not None:
        return feeds(preprocessor, X, numbers)
    net = model if isinstance(model, Sequential) else model.network_
    return {"input": check_inputs("X", X, net.input_size).astype(net.dtype)}
