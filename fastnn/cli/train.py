"""``python -m fastnn train``: from a table to a model and its report, with one command."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fastnn
from fastnn._whole import write_whole
from fastnn.cli import _measures, _model, _options, _schema
from fastnn.cli._errors import InputError, need
from fastnn.cli._files import check_output
from fastnn.cli._options import log
from fastnn.cli._rows import Rows, split, target_of
from fastnn.cli._schema import CLASSIFICATION, REGRESSION, Schema

OUT = "model.safetensors"


def main(argv: Sequence[str]) -> int:
    """Train; return 0."""
    options = _parser().parse_args(argv)
    with _options.working(options):
        _train(options, shlex.join([*_options.PROG.split(), "train", *argv]))
    return 0


def _train(options: argparse.Namespace, command: str) -> None:
    for module in ("pandas", "pyarrow", "sklearn", *(("matplotlib",) if options.report else ())):
        need(module)  # rather than after a minute's work
    out = _checked_out(options)
    table = _options.table(options)
    schema = _schema.read_schema(table, options.target, ignore=options.ignore, text=options.text)
    y = target_of(table, schema, options.task)
    print(f"{options.data.name}: {len(table):,} rows, {len(table.names)} columns\n")
    print(f"{schema.table()}\n")
    print(f"task: {schema.task} ({schema.why})", flush=True)
    _tell_left_out(schema.left_out)
    rows = _rows_of(schema, y, options)
    print(f"rows: {len(rows.y):,} train, {len(rows.y_val):,} validate", flush=True)

    settings = _model.Settings.of(options, len(rows.y))
    training = _model.train(schema.task, settings, rows, _options.shows_progress(options))
    for text in training.notes:
        log.warning(text)
    dropped = training.estimator.preprocessor_.dropped_
    _tell_left_out(dropped)
    schema.left_out |= dropped
    scores = {
        "training": _measures.measure(training.estimator, schema.task, rows.X, rows.y),
        "validation": _measures.measure(training.estimator, schema.task, rows.X_val, rows.y_val),
        "baseline": _measures.baseline(schema.task, rows.y, rows.y_val),
    }
    print(f"\n{_measures.table(scores)}\n")
    if not _measures.better(schema.task, scores["validation"], scores["baseline"]):
        log.warning(
            "the model is no better than the baseline, a guess from %s alone", schema.target
        )
    epochs = len(training.history["loss"])
    print(f"trained in {training.seconds:.1f} s: {epochs} epochs, kept is epoch {training.kept}")
    _model.save(training.estimator, out, _info(schema, options, scores, command))
    print(f"model: {out}", flush=True)
    if options.report is not None:
        page = _report(options, schema, training, scores, rows, command)
        write_whole(options.report, [page.encode()])
        print(f"report: {options.report}")
    if training.diverged:
        raise RuntimeError(
            f"the training diverged in epoch {epochs}; {out} is of epoch {training.kept}, the best "
            "before. A lower --lr may help."
        )


def _parser() -> argparse.ArgumentParser:
    parser = _options.Parser(
        "train",
        "Train a neural network on a table, to predict one of its columns from the others.",
    )
    _options.add_table(parser)
    add = parser.add_argument
    add("--target", required=True, metavar="COLUMN", help="what is to be predicted")
    add(
        "--task", choices=("auto", CLASSIFICATION, REGRESSION), default="auto",
        help="auto: classification of text, booleans, and whole numbers of at most "
        f"{_schema.MOST_CLASSES} different values in {_schema.ROWS_A_CLASS} times as many rows; "
        "regression of all other numbers",
    )  # fmt: skip
    add(
        "--out", type=Path, metavar="FILE",
        help=f"the model ({OUT}, which only --out replaces)",
    )  # fmt: skip
    add("--report", type=Path, metavar="FILE", help="an HTML page about the model")
    columns = parser.add_argument_group("columns")
    add = columns.add_argument
    add(
        "--ignore", type=_options.names, action="extend", default=[], metavar="COLUMNS",
        help="do not learn from these, such as id,name",
    )  # fmt: skip
    add(
        "--text", type=_options.names, action="extend", default=[], metavar="COLUMNS",
        help="take the numbers in these as texts, such as zip codes",
    )  # fmt: skip
    group = parser.add_argument_group("training")
    add = group.add_argument
    number, whole = _options.number, _options.whole
    add(
        "--validation", type=number(0, 1, open_low=True), default=0.2, metavar="SHARE",
        help="of the rows, held out to stop the training and to measure the model (0.2)",
    )  # fmt: skip
    add("--epochs", type=whole(1), metavar="N", help="at most so many (20 to 200, by the rows)")
    add(
        "--patience", type=whole(1), metavar="N",
        help="epochs without a better validation loss that end the training (a fifth of --epochs, "
        "at least 10)",
    )  # fmt: skip
    add("--batch-size", type=whole(1), metavar="N", help="rows of a step (32 to 512, by the rows)")
    add(
        "--lr", type=number(0, open_low=True), default=3e-3, metavar="X",
        help="learning rate at the start; it falls to 0 by half a cosine (0.003)",
    )  # fmt: skip
    add(
        "--hidden", type=_options.widths, default=(128, 64), metavar="WIDTHS",
        help="of the hidden layers (128,64)",
    )  # fmt: skip
    add(
        "--activation", choices=sorted(fastnn.activations.Activation.registry), default="relu",
        metavar="NAME", help="of the hidden layers (relu)",
    )  # fmt: skip
    add(
        "--dropout", type=number(0, 1), default=0.0, metavar="SHARE",
        help="of the hidden layers' outputs, left out at random in training (0)",
    )  # fmt: skip
    add("--alpha", type=number(0), default=1e-4, metavar="X", help="the L2 penalty (0.0001)")
    add("--seed", type=whole(0), default=0, metavar="N", help="of split, weights and order (0)")
    _options.add_work(parser)
    return parser


def _checked_out(options: argparse.Namespace) -> Path:
    """Return where the model goes, after a look whether the files can be made."""
    out: Path = options.out or Path(OUT)
    if options.out is None and out.exists():
        raise InputError(f"--out: {OUT} is there already; pass --out {OUT} to replace it")
    check_output("--out", out, [options.data])
    check_output("--report", options.report, [options.data])
    if options.report is not None and options.report.absolute() == out.absolute():
        raise InputError(f"--report: {options.report} is --out too")
    return out


def _tell_left_out(columns: Mapping[str, str]) -> None:
    for name, why in columns.items():
        log.info("column %r is left out: %s", name, why)


def _rows_of(schema: Schema, y: Any, options: argparse.Namespace) -> Rows:
    """Return the rows that have a target, parted."""
    left_out = {schema.target, *schema.left_out}
    columns = {c.name: c.values for c in schema.columns if c.name not in left_out}
    X = need("pandas").DataFrame(columns)
    known = y.dropna()
    if len(known) < len(y):
        log.info("%s rows without %s are left out", f"{len(y) - len(known):,}", schema.target)
    if schema.task == CLASSIFICATION:
        known = _model.as_classes(known)
    return split(schema.task, X.loc[known.index], known, options.validation, options.seed)


def _info(
    schema: Schema, options: argparse.Namespace, scores: dict[str, Any], command: str
) -> dict[str, Any]:
    """Return what the model's file is to know of its training."""
    return {
        "target": schema.target,
        "task": schema.task,
        "data": options.data.name,
        "rows": schema.n_rows,
        "scores": {name: {k: v for k, v in of.items() if v == v} for name, of in scores.items()},
        "command": command,
    }


def _report(
    options: argparse.Namespace,
    schema: Schema,
    training: _model.Training,
    scores: dict[str, Any],
    rows: Rows,
    command: str,
) -> str:
    from fastnn.cli._report import Report

    estimator = training.estimator
    return Report(
        data=options.data.name,
        schema=schema,
        command=command,
        seconds=training.seconds,
        n_training=len(rows.y),
        history=training.history,
        kept=training.kept,
        scores=scores,
        y=rows.y_val,
        predicted=estimator.predict(rows.X_val),
        classes=estimator.classes_ if schema.task == CLASSIFICATION else None,
        importances=_measures.importances(
            estimator, schema.task, rows.X_val, rows.y_val, options.seed
        ),
        network=estimator.network_,
        settings=dataclasses.asdict(training.settings),
    ).html()
