"""Which rows of a table train and which validate, and whether the target is fit to be learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastnn.cli import _schema
from fastnn.cli._errors import InputError, need
from fastnn.cli._schema import CLASSIFICATION, REGRESSION, Schema
from fastnn.cli._table import Table
from fastnn.cli._types import NUMBER, Column

LEAST_ROWS = 10


@dataclass(frozen=True)
class Rows:
    """The rows that train and those that validate: pandas.DataFrames and pandas.Series."""

    X: Any
    y: Any
    X_val: Any
    y_val: Any


def target_of(table: Table, schema: Schema, task: str) -> Any:
    """Return the target as the task wants it, and note the task in the schema."""
    column = next(column for column in schema.columns if column.name == schema.target)
    guess = _schema.guess_task(column)
    schema.task, schema.why = guess if task == "auto" else (task, "--task")
    if schema.task == REGRESSION and column.kind != NUMBER:
        column = table.column(schema.target, NUMBER)  # which says the line of what is none
    known = column.values.dropna()
    if len(known) < LEAST_ROWS:
        raise InputError(
            f"{table.path}: {len(known)} rows have a value of {schema.target!r}, want at least "
            f"{LEAST_ROWS}"
        )
    if schema.task == CLASSIFICATION:
        _check_classes(table, column, known)
    elif known.nunique() == 1:
        raise InputError(f"{table.path}: {schema.target!r} is {known.iloc[0]} in all rows")
    return column.values


def _check_classes(table: Table, column: Column, known: Any) -> None:
    if column.kind == NUMBER and (known % 1 != 0).any():
        row = int(known.index[(known % 1 != 0).to_numpy().argmax()])
        raise InputError(
            f"{table.place(row, column.name)}: {known[row]} is no whole number, want classes; pass "
            f"--text {column.name!r} if these numbers are classes"
        )
    counts = known.value_counts()
    if len(counts) == 1:
        raise InputError(
            f"{table.path}: {column.name!r} is {counts.index.tolist()[0]!r} in all rows"
        )
    if len(counts) > len(known) / 2:
        raise InputError(
            f"{table.path}: {column.name!r} has {len(counts):,} classes in {len(known):,} rows, "
            "want at most half as many"
        )


def split(task: str, X: Any, y: Any, share: float, seed: int) -> Rows:
    """Hold a share of the rows out.

    Each class has its share in both where it can; one of a single row trains.
    """
    pd, selection = need("pandas"), need("sklearn.model_selection")
    alone = y.index[:0]
    by_class = None
    if task == CLASSIFICATION:
        alone = y.index[y.groupby(y).transform("size") == 1]
        rest = y.drop(alone)
        if min(share, 1 - share) * len(rest) >= rest.nunique():
            by_class = rest
    else:
        rest = y
    train, held = selection.train_test_split(
        rest.index, test_size=share, random_state=seed, stratify=by_class
    )
    if by_class is None and task == CLASSIFICATION:  # none may be unknown in training
        unseen = held[~y[held].isin(y[train])]
        alone, held = alone.append(unseen), held.difference(unseen, sort=False)
    train = pd.Index(train).append(alone)
    if not len(held):
        raise InputError("--validation: no row is left to validate; give more rows")
    return Rows(X.loc[train], y[train], X.loc[held], y[held])
