"""A network as a table for people to read: `net.summary()`, and what a notebook shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.sequential import Sequential

HEADER = ("layer", "activation", "shape", "parameters")


def rows(net: Sequential) -> tuple[list[tuple[str, str, str, str]], str]:
    """Return a row a layer, and what they are together; "?" stands for what is not known yet."""
    known = net.input_size is not None
    found = []
    total = 0
    for leaf in net._graph.leaves:
        inputs, outputs = leaf.inputs or None, leaf.outputs or None  # 0: not known yet
        shapes = leaf.spec.shapes(inputs or 1)
        count = sum(map(math.prod, shapes.values()))
        total += count
        found.append(
            (
                f"{leaf.name} {type(leaf.spec).__name__}",
                leaf.function.name,
                f"{inputs or '?'} -> {outputs or '?'}",
                "?" if shapes and inputs is None else f"{count:,}",
            )
        )
    return found, f"{f'{total:,}' if known else '?'} parameters, {net.dtype}"


def table(net: Sequential) -> str:
    """Return the table as text."""
    found, together = rows(net)
    found.insert(0, HEADER)
    lengths = [max(len(row[j]) for row in found) for j in range(4)]
    lines = [
        "  ".join(
            cell.rjust(lengths[j]) if j == 3 else cell.ljust(lengths[j])
            for j, cell in enumerate(row)
        ).rstrip()
        for row in found
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join([*lines, together])


def html(net: Sequential) -> str:
    """Return the table as HTML, in the notebook's own style."""
    from html import escape

    found, together = rows(net)
    style = ("left", "left", "left", "right")
    head, *body = (
        "<tr>"
        + "".join(
            f'<{tag} style="text-align: {side}">{escape(cell).replace("-&gt;", "&rarr;")}</{tag}>'
            for cell, side in zip(row, style, strict=True)
        )
        + "</tr>"
        for tag, row in (("th", HEADER), *(("td", row) for row in found))
    )
    return (
        f"<table><caption><b>{type(net).__name__}</b>: {together}</caption>"
        f"<thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"
    )
