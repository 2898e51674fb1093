"""What estimators make of a network's outputs, in C."""

from __future__ import annotations

import numpy as np

from fastnn.exchange._c_code import Code, Value
from fastnn.exchange._c_layers import activate
from fastnn.exchange._c_tables import texts
from fastnn.exchange._models import Model

_SCALE = """(float *y, const float *scale, const float *mean, size_t n) {
  for (size_t i = 0; i < n; i++)
    y[i] = y[i] * scale[i] + mean[i];
}"""
_REST = """(float *p, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += p[i];
  for (size_t i = 0; i < n; i++)
    p[i] /= fmaxf(sum, 1.17549435e-38f);
}"""
_LARGEST = """size_t PREFIX_largest(const float *p, size_t n) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (p[i] > p[best])
      best = i;
  return best;
}"""


def add_head(c: Code, model: Model, x: Value) -> Value:
    """Add what is made of the network's outputs."""
    x = activate(c, model.link, x._replace(width=model.width))
    if model.kind == "regressor" and (model.scale is not None or model.mean is not None):
        ones = np.ones(model.width)
        x = c.writable(x)
        c.add_function("scale", f"void PREFIX_scale{_SCALE}")
        scale = c.array("target_scale", ones if model.scale is None else model.scale)
        mean = c.array("target_mean", ones * 0 if model.mean is None else model.mean)
        c.calls.append(f"{c.prefix}_scale({x.name}, {scale}, {mean}, {x.width});")
    if model.kind == "rest":
        x = c.writable(x)
        c.add_function("share", f"void PREFIX_share{_REST}")
        c.calls.append(f"{c.prefix}_share({x.name}, {x.width});")
    if model.kind == "binary":
        both = c.buffer(2)
        c.calls += [f"{both.name}[0] = 1 - {x.name}[0];", f"{both.name}[1] = {x.name}[0];"]
        c.done(x)
        return both
    if model.kind == "multioutput":
        x, at = c.writable(x), 0
        for classes in model.classes:
            c.call("softmax", f"{x.name} + {at}" if at else x.name, len(classes))
            at += len(classes)
    return x


def labels(c: Code, model: Model) -> list[str]:
    """Return functions from probabilities to the class that is most probable."""
    if model.kind in ("network", "regressor", "multilabel"):
        return []
    functions, at = [], 0
    several = len(model.classes) > 1
    c.add_function("largest", _LARGEST)
    for i, classes in enumerate(model.classes):
        suffix = f"_{i}" if several else ""
        names, kind = _array(c, f"classes{suffix}", classes)
        y = f"y + {at}" if at else "y"
        functions.append(
            f"/* The class that is most probable, by the y of {c.prefix}_predict. */\n"
            f"static inline {kind}{c.prefix}_label{suffix}(const float *y) {{\n"
            f"  return {names}[{c.prefix}_largest({y}, {len(classes)})];\n}}"
        )
        at += len(classes)
    return functions


def _array(c: Code, name: str, classes: np.ndarray) -> tuple[str, str]:
    """Add an array of classes; return its name and the type of a class."""
    values = classes.tolist()
    if all(isinstance(value, (int, bool)) for value in values):
        full = f"{c.prefix}_{name}"
        rows = ", ".join(f"{int(value)}LL" for value in values)
        c.constants.append(f"static const long long {full}[{len(values)}] = {{{rows}}};")
        return full, "long long "
    if all(isinstance(value, str) for value in values):
        return texts(c, name, values), "const char *"
    if all(isinstance(value, float) for value in values):
        return c.array(name, classes), "float "
    raise ValueError(f"to_c: classes {values!r:.80}, want all numbers or all text")
