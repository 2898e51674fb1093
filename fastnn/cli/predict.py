"""``python -m fastnn predict``: what a model says of each row of a table."""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fastnn._whole import write_whole
from fastnn.cli import _model, _options
from fastnn.cli._errors import InputError, need
from fastnn.cli._files import check_output
from fastnn.cli._schema import CLASSIFICATION
from fastnn.cli._table import PARQUET, suffixes_of

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def main(argv: Sequence[str]) -> int:
    """Predict; return 0."""
    options = _parser().parse_args(argv)
    with _options.working(options):
        if options.out is not None:
            suffixes_of(options.out)
        check_output("--out", options.out, [options.data, options.model])
        model = _model.load(options.model)
        if options.proba and model.task != CLASSIFICATION:
            raise InputError(f"--proba: {options.model} is of a regression, which has none")
        table = _options.table(options)
        table.check(options.keep, "--keep: ")
        frame = predictions(model, model.frame(table), options.proba)
        for i, name in enumerate(options.keep):
            if name in frame.columns:
                raise InputError(f"--keep: got {name!r}, which is a column of the predictions")
            frame.insert(i, name, table.columns[name].to_pandas())
        write(frame, options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _options.Parser(
        "predict",
        "Predict: a row of output for each row of the table, under the header `prediction`.",
    )
    add = parser.add_argument
    add("model", type=Path, help="what `train` has made")
    _options.add_table(parser)
    add(
        "--out", type=Path, metavar="FILE",
        help="a table by its suffix, as those read; without it CSV goes to stdout",
    )  # fmt: skip
    add(
        "--proba", action="store_true",
        help="also the probability of each class, as proba_CLASS",
    )  # fmt: skip
    add(
        "--keep", type=_options.names, action="extend", default=[], metavar="COLUMNS",
        help="columns of the table that go before the predictions, such as id",
    )  # fmt: skip
    _options.add_work(parser)
    return parser


def predictions(model: _model.Model, X: Any, proba: bool = False) -> Any:
    """Return the predictions of rows as a pandas.DataFrame."""
    pd = need("pandas")
    estimator = model.estimator
    if not proba:
        found = estimator.predict(X)
        if found.ndim == 1:
            return pd.DataFrame({"prediction": found})
        return pd.DataFrame({f"prediction_{i}": column for i, column in enumerate(found.T)})
    shares = estimator.predict_proba(X)
    frame = pd.DataFrame({"prediction": estimator.classes_[shares.argmax(axis=1)]})
    return frame.assign(
        **{f"proba_{name}": shares[:, i] for i, name in enumerate(estimator.classes_)}
    )


def write(frame: Any, path: Path | None) -> None:
    """Write a table: to a file by its suffix, or as CSV to stdout."""
    if path is None:
        frame.to_csv(sys.stdout, index=False)
        return
    kind, packing = suffixes_of(path)
    if kind in PARQUET:
        file = io.BytesIO()
        frame.to_parquet(file, index=False)
        data = file.getvalue()
    else:
        text = frame.to_csv(index=False, sep="\t" if kind in (".tsv", ".tab") else ",")
        data = PACKERS[packing](text.encode())
    write_whole(path, [data])
