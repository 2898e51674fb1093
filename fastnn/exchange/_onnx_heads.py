"""What estimators make of a network's outputs, as nodes and outputs of ONNX.

Names are those of skl2onnx: "label" and "probabilities" of a classifier, "variable" of a
regressor; a plain network has "output".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.exchange._models import Model
from fastnn.exchange._onnx_activations import ACTIVATIONS
from fastnn.exchange._onnx_graph import Graph


def add_head(g: Graph, model: Model, x: str) -> None:
    """Add what is made of the network's outputs, and the model's outputs."""
    if model.width < model.network.output_size:
        bounds = [g.array(f"first_{i}", [i], "int64") for i in (0, model.width, 1)]
        x = g.add("Slice", x, *bounds)
    if model.link != "identity":
        x = ACTIVATIONS[model.link](g, x, 0)
    if model.kind == "network":
        g.output(x, "output", model.width)
    elif model.kind == "regressor":
        if model.scale is not None:
            x = g.add("Mul", x, g.array("target_scale", model.scale))
        if model.mean is not None:
            x = g.add("Add", x, g.array("target_mean", model.mean))
        g.output(x, "variable", model.width)
    else:
        _add_classes(g, model, x)


def _add_classes(g: Graph, model: Model, p: str) -> None:
    if model.kind == "multilabel":
        right = g.add("Greater", p, g.number(0.5))
        g.output(g.add("Cast", right, to=g.kind("int64")), "label", model.width, dtype="int64")
        g.output(p, "probabilities", model.width)
        return
    if model.kind == "binary":
        p = g.add("Concat", g.add("Sub", g.number(1), p), p, axis=1)
    if model.kind == "rest":
        total = g.add("ReduceSum", p, g.array("axis_1", [1], "int64"), keepdims=1)
        tiny = float(np.finfo(g.dtype).tiny)
        p = g.add("Div", p, g.add("Max", total, g.number(tiny)))
    if model.kind != "multioutput":
        _add_label(g, model.classes[0], p, "")
        return
    sizes = [len(classes) for classes in model.classes]
    heads = [f"{p}_{i}" for i in range(len(sizes))]
    g.split(p, heads, sizes)
    for i, (classes, raw) in enumerate(zip(model.classes, heads, strict=True)):
        _add_label(g, classes, g.add("Softmax", raw, axis=-1), f"_{i}")


def _add_label(g: Graph, classes: np.ndarray, p: str, suffix: str) -> None:
    kind, values = _labels(classes)
    place = g.add("ArgMax", p, axis=1, keepdims=0)
    names = g.array(f"classes{suffix}", values, kind)
    g.output(g.add("Gather", names, place), f"label{suffix}", dtype=kind)
    g.output(p, f"probabilities{suffix}", len(classes))


def _labels(classes: np.ndarray) -> tuple[str, Any]:
    """Return classes as ONNX has them: whole numbers, truth values, floats or text."""
    kind = {"i": "int64", "u": "int64", "b": "bool", "f": "float32"}.get(classes.dtype.kind)
    if kind is not None:
        return kind, classes
    texts = classes.tolist()
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"to_onnx: classes {texts!r:.80}, want all numbers or all text")
    return "str", texts
