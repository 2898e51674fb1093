"""A network as a table for people to read: what `net.summary()` returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


def table(net: Sequential) -> str:
    """Return the layers, their shapes and their numbers of parameters; "?" where unknown."""
    rows = [("layer", "activation", "shape", "parameters")]
    width, total = net.input_size, 0
    for i, (spec, activation) in enumerate(zip(net.specs, net._activations, strict=True)):
        unknown = width is None and bool(spec.shapes(1))
        count = 0 if width is None else sum(map(math.prod, spec.shapes(width).values()))
        outputs = spec.outputs(width)
        shape = " -> ".join("?" if size is None else str(size) for size in (width, outputs))
        name = f"{i} {type(spec).__name__}"
        rows.append((name, activation.name, shape, "?" if unknown else f"{count:,}"))
        width, total = outputs, total + count
    lengths = [max(len(row[j]) for row in rows) for j in range(4)]
    lines = [
        "  ".join(
            cell.rjust(lengths[j]) if j == 3 else cell.ljust(lengths[j])
            for j, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
    number = "?" if net.input_size is None else f"{total:,}"
    return "\n".join([*lines, f"{number} parameters, {net.dtype}"])
