"""Networks and estimators as C headers; their `to_c` is this."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path
from typing import Any

from fastnn._version import __version__
from fastnn._whole import write_whole
from fastnn.exchange._c_code import Code, Value
from fastnn.exchange._c_heads import add_head, labels
from fastnn.exchange._c_layers import chain
from fastnn.exchange._c_tables import add_table
from fastnn.exchange._models import Model, describe

_HEADER = """\
/* {title}
 * Written by fastnn {version}.  C99 or C++11, no dependency but the C library's <math.h>, no
 * allocation: {numbers:,} constants, and {stack:,} numbers on the stack of a call.
 *
{usage}
 *
{layers} */
#ifndef {PREFIX}_H
#define {PREFIX}_H

#include <math.h>
#include <stddef.h>

#define {PREFIX}_INPUTS {inputs}
#define {PREFIX}_OUTPUTS {outputs}

{constants}

{functions}

/* {gives}, y, for one row x of numbers.  Returns 0; or i + 1, with y as it
 * was, if x[i] is {wrong}. */
static inline int {prefix}_predict(const float *x, float *y) {{
{body}
}}
{more}
#endif
"""

_USAGE = """\
 *   float x[{PREFIX}_INPUTS] = {{0}}, y[{PREFIX}_OUTPUTS];
 *   if ({prefix}_predict(x, y) == 0)
 *     ...; // y has what the network makes of x"""

_TABLE_USAGE = """\
 *   {prefix}_row row = {{0}}; // then its members
 *   float y[{PREFIX}_OUTPUTS];
 *   if ({prefix}_predict_row(&row, y) == 0)
 *     ...; // y has what the model makes of the row"""

_TABLE = """
/* A row of the table: numbers are NAN where missing, text (of UTF-8) and dates (2024-01-31 or
 * 2024-01-31T12:30:59) are NULL or "". */
typedef struct {{
{members}
}} {prefix}_row;

/* y for a row.  Returns 0; or i, with y as it was, if its member i, from 1, is no date, or a
 * number that is infinite or too large. */
static inline int {prefix}_predict_row(const {prefix}_row *row, float *y) {{
  float x[{PREFIX}_INPUTS];
{lines}
  return {prefix}_predict(x, y);
}}
"""

_TITLES = {"network": "A neural network", "regressor": "A regressor"}
_GIVES = {
    "network": "The network's outputs",
    "regressor": "The prediction",
    "multilabel": "The probability of each label",
    "multioutput": "The probabilities of the classes of each column, one after the other",
}


def to_c(
    model: Any,
    path: str | os.PathLike[str],
    *,
    name: str = "model",
    output: str = "raw",
    preprocessor: Any = None,
) -> None:
    """Write a network or an estimator as one header of C99, with its weights and a function.

    Nothing has to be linked but libm, nothing is allocated; it is also C++11.  Its first lines
    tell how to use it.  ``model_predict(x, y)`` takes a row of numbers; dropout and noise are left
    out, batch normalization uses its running statistics, as in `predict`.  It computes in float32,
    also what a float64 network does.

    Of an estimator y are the probabilities in the order of ``classes_``, or the prediction in the
    unit of the target; ``model_label(y)`` is the class that is most probable.  Where it was fitted
    on a table, ``model_predict_row(&row, y)`` takes a struct with a member for each column that is
    used: double, NAN where missing; and text and dates as ``const char *``, NULL or "" where
    missing.

    Parameters
    ----------
    model : Sequential, MLPClassifier or MLPRegressor
    path : path-like
        Written beside and renamed, so a file that was there stays whole until the new one is.
    name : str, default "model"
        What all names in the header begin with: ``model_predict``, ``MODEL_INPUTS``.
    output : {"raw", "probabilities"}, default "raw"
        Of a network: what the function gives, what `predict` does or what `predict_proba` does.
    preprocessor : TabularPreprocessor, optional
        Of a network: what makes its input of a table.

    Raises
    ------
    ValueError
        If the network has no input size yet; if the name is none in C; if there are no
        probabilities; if the preprocessor is another one's; if a weight is too large for float32.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(3, activation="relu")], input_size=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.to_c(pathlib.Path(folder) / "model.h")
    ...     text = (pathlib.Path(folder) / "model.h").read_text()
    >>> print(text[text.index("  float h0"):text.rindex("}") + 1])
      float h0[3];
      for (size_t i = 0; i < MODEL_INPUTS; i++)
        if (!isfinite(x[i]))
          return (int)i + 1;
      model_dense(x, h0, model_0_weights, model_0_bias, 2, 3);
      model_relu(h0, 3);
      model_copy(h0, y, 3);
      return 0;
    }
    """
    if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII)):
        raise ValueError(f"name: got {name!r}, want letters, digits, underscores; a letter first")
    described = describe(model, output, preprocessor)
    write_whole(Path(path), [header(described, name).encode()])


def header(model: Model, name: str) -> str:
    """Return the text that `to_c` writes."""
    net, c = model.network, Code(name)
    names = {"prefix": name, "PREFIX": name.upper()}
    inputs = net.input_size or 0
    y = add_head(c, model, chain(c, net.layers, Value("x", inputs, False)))
    c.call("copy", y.name, "y", y.width)
    more = labels(c, model)
    usage = _USAGE
    if model.preprocessor is not None:
        members, lines = add_table(c, model.preprocessor)
        declared = ["int found;"] if any("found = " in line for line in lines) else []
        declared += ["float parts[8];"] if any("parts[" in line for line in lines) else []
        text = textwrap.indent("\n".join([*declared, *lines]), "  ")
        more = [*more, _TABLE.format(members=members, lines=text, **names)]
        usage = _TABLE_USAGE
    return _HEADER.format(
        title=f"{_TITLES.get(model.kind, 'A classifier')}: {inputs} -> {y.width}.",
        version=__version__,
        numbers=c.numbers,
        stack=sum(c.buffers.values()) + (inputs if model.preprocessor is not None else 0),
        usage=usage.format(**names),
        layers="".join(f" * {line}\n" for line in net.summary().splitlines()),
        inputs=inputs,
        outputs=y.width,
        constants="\n".join(c.constants),
        functions="\n\n".join(c.functions.values()),
        gives=_GIVES.get(model.kind, "The probabilities of the classes"),
        wrong="NaN, infinite or no category" if c.checks else "NaN or infinite",
        body=_body(c, name),
        more="".join(f"\n{part.strip()}\n" for part in more),
        **names,
    )


def _body(c: Code, name: str) -> str:
    """Return the lines of the function."""
    buffers = "float " + ", ".join(f"{key}[{size}]" for key, size in c.buffers.items()) + ";"
    lines = [textwrap.fill(buffers, 98, subsequent_indent="      ")] if c.buffers else []
    finite = f"""for (size_t i = 0; i < {name.upper()}_INPUTS; i++)
    if (!isfinite(x[i]))
      return (int)i + 1;"""
    return "\n".join(f"  {line}" for line in [*lines, finite, *c.checks, *c.calls, "return 0;"])
