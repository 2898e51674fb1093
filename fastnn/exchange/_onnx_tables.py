"""A table's columns as nodes of ONNX: the one place to add a kind of column for `to_onnx`.

Each column that is used is an input of shape (batch, 1): numbers and truth values as float64 or
float32, NaN where missing; text as strings, "" where missing; dates as int64, microseconds since
1970 as NumPy counts them, and the least int64 where missing.  A row is a function (graph, column,
x) -> list of values of shape (batch, any), in float32 as in Python, whatever the network's dtype.

Numbers are float64 unless asked otherwise: rounding 61.8 to float32 before the center is taken
from it moves what is left by 3e-6, and probabilities by 2e-5 where a network is steep.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.exchange._onnx_dates import parts_of
from fastnn.exchange._onnx_graph import Graph

Row = Callable[[Graph, Any, str], list[str]]


NUMBERS = ("float64", "float32")
# Outputs, and what begins as the names of all other values do.
_TAKEN = re.compile(r"(output|variable|(label|probabilities)(_\d+)?)$|/")


def check_numbers(numbers: str) -> None:
    """Raise unless it is a type that numbers of a table can have."""
    if numbers not in NUMBERS:
        raise ValueError(f"numbers: got {numbers!r}, want one of {NUMBERS}")


def add_table(g: Graph, preprocessor: Any, numbers: str) -> str:
    """Add an input for each column and what a preprocessor makes of it; return the array."""
    values: list[str] = []
    names = input_names(preprocessor)
    for column in preprocessor.columns_:
        x = g.input(names[column.name], 1, input_type(column, numbers))
        values += COLUMNS[column.kind](g, column, x)
    array = g.add("Concat", *values, axis=1) if len(values) > 1 else values[0]
    return array if g.single else g.add("Cast", array, to=g.kind(g.dtype))


def input_names(preprocessor: Any) -> dict[str, str]:
    """Return what the input of each column is called: as the column, if no other value may be.

    "label", an output of classifiers, is "column_label".
    """
    names = {column.name: column.name for column in preprocessor.columns_}
    for name in names:
        while _TAKEN.match(names[name]) or (names[name] != name and names[name] in names):
            names[name] = f"column_{names[name]}"
    return names


def input_type(column: Any, numbers: str) -> str:
    """Return the type of the input that a column is."""
    if column.kind == "date":
        return "int64"
    categories = getattr(column, "categories", (0,))
    return "str" if isinstance(categories[0], str) else numbers


def feeds(preprocessor: Any, X: Any, numbers: str) -> dict[str, np.ndarray]:
    """Return a table as ONNX Runtime takes it for such a model: an array (n, 1) an input."""
    from fastnn.tables._table import read  # which wants scikit-learn

    table = read(X)
    places, names = preprocessor._places(table), input_names(preprocessor)
    found = {}
    for column in preprocessor.columns_:
        values = table.column(places[column.name], column.name)
        kind = input_type(column, numbers)
        if kind == "int64":
            array = column.dates(values).astype("datetime64[us]").astype("int64")
        elif kind == "str":
            values.want("text")
            texts = [text if isinstance(text, str) else "" for text in values.objects()]
            array = np.array(texts, dtype=object)
        else:
            values.want("number", "bool")
            array = values.floats().astype(kind)
        found[names[column.name]] = array[:, None]
    return found


def _scaled(g: Graph, x: str, missing: str, scaling: tuple[float, float, float]) -> str:
    """Return (x - center) / scale of doubles, with `fill` for what is missing."""
    fill, center, scale = (g.number(value, "float64") for value in scaling)
    filled = g.add("Where", missing, fill, x)
    standard = g.add("Div", g.add("Sub", filled, center), scale)
    return _single(g, standard)


def _single(g: Graph, x: str) -> str:
    return g.add("Cast", x, to=g.kind("float32"))


def _numeric(g: Graph, column: Any, x: str) -> list[str]:
    missing = g.add("IsNaN", x)
    double = g.add("Cast", x, to=g.kind("float64"))
    values = [_scaled(g, double, missing, (column.fill, column.center, column.scale))]
    return [*values, _single(g, missing)] if column.indicator else values


def _date(g: Graph, column: Any, x: str) -> list[str]:
    missing = g.add("Equal", x, g.number(np.iinfo("int64").min, "int64"))
    found = parts_of(g, g.add("Where", missing, g.number(0, "int64"), x), column.parts)
    values = []
    for name, *scaling in zip(
        column.parts, column.fills, column.centers, column.scales, strict=True
    ):
        double = g.add("Cast", found[name], to=g.kind("float64"))
        values.append(_scaled(g, double, missing, tuple(scaling)))
    return [*values, _single(g, missing)] if column.indicator else values


def _codes(g: Graph, column: Any, x: str, first: int, other: int) -> str:
    """Return where in its categories each value is, counted from `first`; else `other`."""
    codes = [float(first + i) for i in range(len(column.categories))]
    if isinstance(column.categories[0], str):
        return _found(
            g, x, keys_strings=column.categories, values_floats=codes, default_float=other
        )
    # Doubles are no keys in opset 3.  What is found of them as whole numbers or float32, is
    # compared with them.
    exact = np.array(list(map(float, column.categories)), g.types[x]).astype("float64")
    whole = bool((exact == np.floor(exact)).all() and (np.abs(exact) < 1 << 53).all())
    kind, keys = ("int64", "keys_int64s") if whole else ("float32", "keys_floats")
    if len(np.unique(exact.astype(kind))) < len(exact):
        kind = g.types[x] if whole else kind
        raise ValueError(f"to_onnx: categories of {column.name!r} are the same in {kind}")
    near = g.add("Cast", x, to=g.kind(kind))
    code = _found(
        g, near, **{keys: exact.astype(kind).tolist()}, values_floats=codes, default_float=first
    )
    place = g.add("Sub", code, g.number(float(first), "float32")) if first else code
    values = g.array(f"categories of {column.name}", exact, "float64")
    found = g.add("Gather", values, g.add("Cast", place, to=g.kind("int64")))
    same = g.add("Equal", g.add("Cast", x, to=g.kind("float64")), found)
    return g.add("Where", same, code, g.number(float(other), "float32"))


def _found(g: Graph, x: str, *, default_float: int, **table: Any) -> str:
    return g.add(
        "LabelEncoder", x, domain="ai.onnx.ml", default_float=float(default_float), **table
    )


def _category(g: Graph, column: Any, x: str) -> list[str]:
    return [_codes(g, column, x, 1, 0)]


def _one_hot(g: Graph, column: Any, x: str) -> list[str]:
    count = len(column.categories)
    codes = _codes(g, column, x, 0, count)  # without a column for others, none is that
    columns = np.arange(count + column.other, dtype="float32")[None]
    places = g.array(f"columns of {column.name}", columns, "float32")
    return [_single(g, g.add("Equal", codes, places))]


COLUMNS: dict[str, Row] = {
    "numeric": _numeric,
    "one_hot": _one_hot,
    "category": _category,
    "date": _date,
}
