"""Models of the command line: fastnn's estimators, trained on tables, in files that know of them.

A file is that of `fastnn.load`.  `train` adds an entry to its metadata: what the target is
called, and where the model comes from.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn._safetensors import as_arrays, read_header, write
from fastnn.cli._errors import InputError, need
from fastnn.cli._rows import Rows
from fastnn.cli._schema import CLASSIFICATION, REGRESSION
from fastnn.cli._table import Table
from fastnn.cli._types import BOOL, DATE, NUMBER, TEXT

ENTRY = "training"  # of the metadata


@dataclass(frozen=True)
class Settings:
    """How a model is trained; what the options leave open goes by the number of rows."""

    hidden: tuple[int, ...]
    activation: str
    dropout: float
    alpha: float
    lr: float
    batch_size: int
    epochs: int
    patience: int
    min_frequency: int  # of levels that are no "other"
    seed: int

    @classmethod
    def of(cls, options: Any, rows: int) -> Settings:
        """Return the settings of `train`'s options: about 10,000 steps, of a 200th of the rows."""
        batch = options.batch_size or 2 ** round(math.log2(min(max(rows / 200, 32), 512)))
        epochs = options.epochs or min(max(10_000 // math.ceil(rows / batch), 20), 200)
        chosen = {
            "batch_size": batch,
            "epochs": epochs,
            "patience": options.patience or max(epochs // 5, 10),
            "min_frequency": min(max(rows // 2000, 2), 100),
        }
        names = [f.name for f in dataclasses.fields(cls) if f.name not in chosen]
        return cls(**chosen, **{name: getattr(options, name) for name in names})


@dataclass
class Training:
    """What came out of a training."""

    estimator: Any
    settings: Settings
    history: dict[str, list[float]]
    kept: int  # the epoch, from 1, whose parameters the estimator has
    seconds: float
    diverged: bool  # in the last epoch
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Model:
    """A trained estimator and what it is to be called with."""

    path: Path
    estimator: Any
    info: Mapping[str, Any]  # what `train` noted; empty for other models

    @property
    def task(self) -> str:
        """Classification or regression."""
        return CLASSIFICATION if hasattr(self.estimator, "classes_") else REGRESSION

    @property
    def columns(self) -> tuple[Any, ...]:
        """What the preprocessor makes of the columns."""
        found: tuple[Any, ...] = self.estimator.preprocessor_.columns_
        return found

    def frame(self, table: Table) -> Any:
        """Return the columns that the model wants, each of its kind."""
        return table.frame({column.name: kind_of(column) for column in self.columns})

    def targets(self, table: Table, target: str) -> Any:
        """Return the column of the true values, of the kind that the model predicts."""
        table.check([target], "--target: ")
        if self.task == REGRESSION:
            return table.column(target, NUMBER).values
        return table.column(target, kind_of_values(self.estimator.classes_)).values


def kind_of(column: Any) -> str:
    """Return the kind of values that a column of the preprocessor is made of."""
    if column.kind in ("numeric", "date"):
        return NUMBER if column.kind == "numeric" else DATE
    return kind_of_values(column.categories)


def kind_of_values(values: Any) -> str:
    """Return the kind of some values of a column, which are all of one."""
    first = values[0]
    if isinstance(first, (bool, np.bool_)):
        return BOOL
    return TEXT if isinstance(first, str) else NUMBER


def as_classes(known: Any) -> Any:
    """Return a target without missing values as classes, of the type it has where none was."""
    if known.dtype.kind == "f":
        return known.astype("int64")
    return known.infer_objects()  # booleans


def train(task: str, settings: Settings, rows: Rows, progress: bool) -> Training:
    """Train an estimator until the loss of the validation rows gets no better.

    Parameters
    ----------
    task : str
    settings : Settings
    rows : Rows
    progress : bool
        Whether to show a bar.

    Raises
    ------
    RuntimeError
        If it diverged, and there is no epoch to go back to.
    KeyboardInterrupt
        At Ctrl-C.
    """
    kind = fastnn.MLPClassifier if task == CLASSIFICATION else fastnn.MLPRegressor
    steps = settings.epochs * math.ceil(len(rows.y) / settings.batch_size)
    estimator = kind(
        hidden_layer_sizes=settings.hidden,
        activation=settings.activation,
        alpha=settings.alpha,
        batch_size=min(settings.batch_size, len(rows.y)),
        learning_rate=fastnn.schedules.Cosine(settings.lr, steps=steps),
        max_iter=settings.epochs,
        random_state=settings.seed,
        early_stopping=True,
        n_iter_no_change=settings.patience,
        tol=0.0,
        dropout=settings.dropout,
        scoring="loss",
        preprocessor=fastnn.TabularPreprocessor(min_frequency=settings.min_frequency),
        verbose="progress" if progress else False,
    )
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            estimator.fit(rows.X, rows.y, X_val=rows.X_val, y_val=rows.y_val)
        except ValueError as error:  # the table was checked, so that nothing else is left
            raise RuntimeError(f"the training failed: {error} A lower --lr may help.") from error
    seconds = time.perf_counter() - start
    notes = [str(warning.message) for warning in told if not _expected(warning)]
    if any("interrupted" in note for note in notes):  # which the estimator takes for an early end
        raise KeyboardInterrupt
    losses = [-score for score in estimator.validation_scores_]
    history = {"loss": list(estimator.loss_curve_), "val_loss": losses}
    kept = int(np.nanargmin(losses)) + 1
    far_off = _far_off(estimator, history)
    if far_off[kept - 1]:
        raise RuntimeError(
            "the training diverged: in none of its epochs was the loss near that of a guess from "
            f"the target alone (at best {min(losses):.2g}). A lower --lr may help."
        )
    diverged = far_off[-1] or not np.isfinite(estimator.loss_curve_[-1])
    return Training(estimator, settings, history, kept, seconds, bool(diverged), notes)


def _far_off(estimator: Any, history: Mapping[str, list[float]]) -> Any:
    """Return in which epochs both losses were far beyond that of a guess from the target alone.

    Which is half the variance of scaled numbers, and the logarithm of how many classes there are:
    an untrained network's is about that, an overfitted one's validation loss alone is far beyond.
    """
    classes = getattr(estimator, "classes_", None)
    limit = 4 * 0.5 if classes is None else 2 * math.log(len(classes))
    return np.min([history["loss"], history["val_loss"]], axis=0) > limit


def _expected(warning: Any) -> bool:
    """Whether a warning says what is as it is to be, or is told otherwise."""
    text = str(warning.message)
    return "Maximum iterations" in text or "became infinite or NaN" in text


def save(estimator: Any, path: Path, info: Mapping[str, Any]) -> None:
    """Write an estimator, with what there is to know of its training."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        estimator.save(beside, optimizer_state=False)  # nothing here trains it further
        with open(beside, "rb") as file:
            header, _ = read_header(file, beside.stat().st_size)
            body = file.read()
    finally:
        beside.unlink(missing_ok=True)
    metadata = header.pop("__metadata__")
    del metadata["crc32"]  # `write` makes another one
    write(path, as_arrays(header, body), metadata | {ENTRY: json.dumps(info)})


def load(path: Path) -> Model:
    """Read a model of `train`, or another estimator that was trained on a table.

    Raises
    ------
    InputError
        If it is none.
    """
    need("sklearn")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        estimator: Any = fastnn.load(path)
        with open(path, "rb") as file:
            header, _ = read_header(file, path.stat().st_size)
        info = _checked(json.loads(header["__metadata__"].get(ENTRY, "{}")))
    except (fastnn.ModelFormatError, ValueError, KeyError) as error:
        raise InputError(str(error)) from error
    if getattr(estimator, "preprocessor_", None) is None:
        raise InputError(
            f"{path}: is of a network that was not trained on a table; want a model of "
            "`python -m fastnn train`, or an estimator that was given a DataFrame"
        )
    return Model(path, estimator, info)


def _checked(info: Any) -> dict[str, Any]:
    """Return what `train` noted; nothing where something else stands in the file."""
    good = isinstance(info, dict) and all(
        isinstance(info.get(name), str) for name in ("target", "task", "data", "command")
    )
    if not good:
        return {}
    scores = info.get("scores")
    parts = scores.values() if isinstance(scores, dict) else [None]
    numbers = [
        isinstance(part, dict) and all(isinstance(value, float) for value in part.values())
        for part in parts
    ]
    return info if all(numbers) else {}
