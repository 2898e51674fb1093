"""What there is to export: a network, what comes before it and what is made of its outputs.

Estimators and plain networks are described alike here, so that exporters need not know them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.exchange._output import last_step, left_of
from fastnn.sequential import Sequential


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its surroundings.

    Attributes
    ----------
    network : Sequential
    preprocessor : TabularPreprocessor or None
    kind : str
        "network" (its outputs as they are), "regressor", or a kind of classes: "binary",
        "multiclass", "rest" (several, each against the rest), "multilabel", "multioutput".
    link : str
        The function that the network's outputs still go through: "identity", "exp", "sigmoid",
        "softmax".
    width : int
        How many of the outputs are used: the first.
    scale, mean : ndarray or None
        Of the targets, by which a regressor's outputs are multiplied, and which is added.
    classes : tuple of ndarray
        Of a classifier; several arrays for several columns of classes.
    """

    network: Sequential
    preprocessor: Any
    kind: str
    link: str
    width: int
    scale: np.ndarray | None = None
    mean: np.ndarray | None = None
    classes: tuple[np.ndarray, ...] = ()


def describe(model: Any, output: str = "raw", preprocessor: Any = None) -> Model:
    """Return what there is to export of a network or a fitted estimator.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If it is not fitted, or if `output` is not one of them.
    """
    if isinstance(model, Sequential):
        link = last_step(model, output)
        _check_width(model, preprocessor)
        return Model(model, preprocessor, "network", link, model.output_size)
    if not hasattr(model, "network_") or not hasattr(model, "predict"):
        raise TypeError(f"model: got {model!r:.80}, want a network or a fitted estimator of fastnn")
    if output != "raw" or preprocessor is not None:
        raise ValueError("output, preprocessor: an estimator has its own, want none given")
    model._use_coefficients()  # which may have been set
    net, own = model.network_, getattr(model, "preprocessor_", None)
    _check_width(net, own)
    if not hasattr(model, "classes_"):
        loss = net.loss
        width = loss.comparable(np.zeros((1, net.output_size))).shape[1]
        link = left_of(net, loss.score_link)
        scale, mean = (getattr(model, f"target_{name}_", None) for name in ("scale", "mean"))
        if scale is not None and mean is not None:  # of outputs, of which not all may be used
            step = len(mean) // width
            scale, mean = scale[::step], mean[::step]
        return Model(net, own, "regressor", link, width, scale, mean)
    known = model._classes
    several = known.kind == "multioutput"
    classes = tuple(map(np.asarray, known.classes if several else [known.classes]))
    kind = "rest" if known.one_against_rest else known.kind
    link = "identity" if several else left_of(net, known.link)
    return Model(net, own, kind, link, net.output_size, classes=classes)


def _check_width(net: Sequential, preprocessor: Any) -> None:
    if preprocessor is not None:
        width = sum(column.width for column in preprocessor.columns_)
        if width != net.input_size:
            raise ValueError(
                f"preprocessor: it makes {width} columns, and the network has {net.input_size}"
            )
