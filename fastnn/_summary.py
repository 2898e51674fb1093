"""A network as a table for people to read: what `net.summary()` returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


def table(net: Sequential) -> str:
    """Return the layers, their shapes and their numbers of parameters; "?" where unknown."""
    known = net.input_size is not None
    rows = [("layer", "activation", "shape", "parameters")]
    total = 0
    for leaf in net._graph.leaves:
        inputs, outputs = leaf.inputs or None, leaf.outputs or None  # 0: not known yet
        shapes = leaf.spec.shapes(inputs or 1)
        count = sum(map(math.prod, shapes.values()))
        total += count
        rows.append(
            (
                f"{leaf.name} {type(leaf.spec).__name__}",
                leaf.function.name,
                f"{inputs or '?'} -> {outputs or '?'}",
                "?" if shapes and inputs is None else f"{count:,}",
            )
        )
    lengths = [max(len(row[j]) for row in rows) for j in range(4)]
    lines = [
        "  ".join(
            cell.rjust(lengths[j]) if j == 3 else cell.ljust(lengths[j])
            for j, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join([*lines, f"{f'{total:,}' if known else '?'} parameters, {net.dtype}"])
