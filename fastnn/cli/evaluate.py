"""``python -m fastnn evaluate``: how good a model is on a table that has the target."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastnn.cli import _measures, _model, _options
from fastnn.cli._errors import InputError
from fastnn.cli._options import log
from fastnn.cli._schema import CLASSIFICATION
from fastnn.cli._table import Table


def main(argv: Sequence[str]) -> int:
    """Evaluate; return 0."""
    options = _parser().parse_args(argv)
    with _options.working(options):
        model = _model.load(options.model)
        target = options.target or model.info.get("target")
        if not isinstance(target, str):
            raise InputError(f"--target: {options.model} does not know what its target is called")
        table = _options.table(options)
        y = _known(model.targets(table, target), table, target)
        X = model.frame(table).loc[y.index]
        if model.task == CLASSIFICATION:
            y = _model.as_classes(y)
            _check_classes(model, table, y, target)
        scores = _measures.measure(model.estimator, model.task, X, y)
        if options.json:
            values = {name: None if math.isnan(v) else v for name, v in scores.items()}
            print(json.dumps({"rows": len(y), **values}))
        else:
            print(_measures.table({f"{len(y):,} rows": scores}))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _options.Parser("evaluate", "Measure a model on a table that has the target.")
    add = parser.add_argument
    add("model", type=Path, help="what `train` has made")
    _options.add_table(parser)
    add("--target", metavar="COLUMN", help="the column of the true values (that of `train`)")
    add("--json", action="store_true", help="print one JSON object")
    _options.add_work(parser)
    return parser


def _known(y: Any, table: Table, target: str) -> Any:
    known = y.dropna()
    if not len(known):
        raise InputError(f"{table.path}: no row has a value of {target!r}")
    if len(known) < len(y):
        log.info("%s rows without %s are left out", f"{len(y) - len(known):,}", target)
    return known


def _check_classes(model: _model.Model, table: Table, y: Any, target: str) -> None:
    """Raise at the first class that the model has never seen."""
    strange = ~y.isin(model.estimator.classes_)
    if strange.any():
        row = int(y.index[strange.to_numpy().argmax()])
        known = ", ".join(map(repr, model.estimator.classes_.tolist()))
        raise InputError(
            f"{table.place(row, target)}: {y[row]!r} is no class of the model, which knows "
            f"{known:.300}"
        )
