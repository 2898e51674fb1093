"""``python -m fastnn inspect``: what a model's file holds."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastnn.cli import _measures, _model, _options
from fastnn.cli._schema import CLASSIFICATION, layout, number


def main(argv: Sequence[str]) -> int:
    """Show the model; return 0."""
    options = _parser().parse_args(argv)
    model = _model.load(options.model)
    if options.json:
        print(json.dumps(facts(model), indent=2))
    else:
        print(text(model))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _options.Parser("inspect", "Show what a model was made of and what it wants.")
    add = parser.add_argument
    add("model", type=Path, help="what `train` has made")
    add("--json", action="store_true", help="print one JSON object")
    return parser


def facts(model: _model.Model) -> dict[str, Any]:
    """Return what is shown, of types that JSON has."""
    network = model.estimator.network_
    classes = model.estimator.classes_.tolist() if model.task == CLASSIFICATION else None
    return {
        "task": model.task,
        "target": model.info.get("target"),
        "classes": classes,
        "columns": [
            {"name": column.name, "kind": _model.kind_of(column), "becomes": becomes(column)}
            for column in model.columns
        ],
        "parameters": len(network.parameters),
        "dtype": network.dtype,
        "training": dict(model.info),
    }


def text(model: _model.Model) -> str:
    """Return the facts for people."""
    found = facts(model)
    lines = [f"{model.path}: {found['task']}"]
    if found["target"] is not None:
        lines[0] += f" of {found['target']}"
    if found["classes"] is not None:
        lines.append(f"classes: {', '.join(map(str, found['classes']))}")
    if "data" in model.info:
        lines.append(f"trained on {model.info['data']}: {model.info['command']}")
    rows = [(c["name"], c["kind"], c["becomes"]) for c in found["columns"]]
    lines += ["", layout([("column", "kind", "becomes"), *rows], "<<<")]
    lines += ["", model.estimator.network_.summary()]
    if model.info.get("scores"):
        lines += ["", _measures.table(model.info["scores"])]
    return "\n".join(lines)


def becomes(column: Any) -> str:
    """Say what the preprocessor makes of a column."""
    kind = column.kind
    if kind == "numeric":
        missing = f", missing: {number(column.fill)}" if column.indicator else ""
        return f"(x - {number(column.center)}) / {number(column.scale)}{missing}"
    if kind == "date":
        return ", ".join(column.parts)
    levels = ", ".join(map(str, column.categories[:4]))
    more = ", ..." if len(column.categories) > 4 else ""
    how = f"vectors of {column.size}" if kind == "category" else "0 or 1"
    return f"{len(column.categories)} levels as {how}: {levels}{more}"
