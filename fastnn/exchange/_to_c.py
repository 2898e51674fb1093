"""Networks as C headers; `Sequential.to_c` is this."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from fastnn._version import __version__
from fastnn._whole import write_whole
from fastnn.exchange._c_code import Code, Value
from fastnn.exchange._c_layers import activate, chain
from fastnn.exchange._output import last_step

if TYPE_CHECKING:
    from fastnn.sequential import Sequential

_HEADER = """\
/* {title}
 * Written by fastnn {version}.  C99 or C++11, no dependency but the C library's <math.h>, no
 * allocation: {numbers:,} constants, and {stack:,} numbers on the stack of a call.
 *
 *   float x[{PREFIX}_INPUTS] = {{0}}, y[{PREFIX}_OUTPUTS];
 *   if ({prefix}_predict(x, y) == 0)
 *     ...; // y has {what}
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

/* y = the network's output for one row x.  Returns 0; or i + 1, with y as it was, if x[i] is NaN,
 * infinite{or_no_category}. */
static inline int {prefix}_predict(const float *x, float *y) {{
{body}
}}

#endif
"""


def to_c(
    net: Sequential, path: str | os.PathLike[str], *, name: str = "model", output: str = "raw"
) -> None:
    """Write a network as one header of C99, which has its weights and a `predict` function.

    Nothing has to be linked but libm, nothing is allocated; it is also C++11.  Its first lines
    tell how to use it.  Dropout and noise are left out, batch normalization uses its running
    statistics, as in `predict`.  It computes in float32, also what a float64 network does.

    Parameters
    ----------
    net : Sequential
    path : path-like
        Written beside and renamed, so a file that was there stays whole until the new one is.
    name : str, default "model"
        What all names in the header begin with: ``model_predict``, ``MODEL_INPUTS``.
    output : {"raw", "probabilities"}, default "raw"
        What the function gives: what `predict` does, or what `predict_proba` does.

    Raises
    ------
    ValueError
        If the network has no input size yet; if the name is none in C; if there are no
        probabilities; if a weight is too large for float32.

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
    write_whole(Path(path), [header(net, name, output).encode()])


def header(net: Sequential, name: str, output: str) -> str:
    """Return the text that `to_c` writes."""
    if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII)):
        raise ValueError(
            f"name: got {name!r}, want letters, digits and underscores, a letter first"
        )
    last = last_step(net, output)
    c = Code(name)
    inputs = net.input_size or 0
    y = activate(c, last, chain(c, net.layers, Value("x", inputs, False)))
    c.call("copy", y.name, "y", y.width)
    buffers = "float " + ", ".join(f"{key}[{size}]" for key, size in c.buffers.items()) + ";"
    finite = f"""for (size_t i = 0; i < {name.upper()}_INPUTS; i++)
    if (!isfinite(x[i]))
      return (int)i + 1;"""
    lines = [textwrap.fill(buffers, 98, subsequent_indent="      ")] if c.buffers else []
    lines += [finite, *c.checks, *c.calls, "return 0;"]
    return _HEADER.format(
        title=f"A neural network: {inputs} -> {net.output_size}.",
        version=__version__,
        numbers=c.numbers,
        stack=sum(c.buffers.values()),
        what={"raw": "what predict gives"}.get(output, output),
        layers="".join(f" * {line}\n" for line in net.summary().splitlines()),
        prefix=name,
        PREFIX=name.upper(),
        inputs=inputs,
        outputs=net.output_size,
        constants="\n".join(c.constants),
        functions="\n\n".join(c.functions.values()),
        or_no_category=" or no category that it knows" if c.checks else "",
        body="\n".join(f"  {line}" for line in lines),
    )
