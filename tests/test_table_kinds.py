"""Kinds of values of pandas, polars, Arrow and NumPy, and tables at random."""

import datetime as dt
import enum
import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn.tables import OneHot, TabularPreprocessor

NUMBERS = {
    "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
    "arrow in pandas": pd.array([1, None, 3, 4], dtype="int64[pyarrow]"),
    "objects": np.array([1, None, np.int8(3), 4.0], dtype=object),
    "decimals": [Decimal(1), None, Decimal(3), Decimal(4)],
    "durations": pd.to_timedelta([1, None, 3, 4], unit="s"),
    "seconds": [dt.timedelta(seconds=1), None, dt.timedelta(seconds=3), dt.timedelta(seconds=4)],
    "times": [dt.time(0, 0, 1), None, dt.time(0, 0, 3), dt.time(0, 0, 4)],
    "float32": np.array([1, np.nan, 3, 4], dtype=np.float32),
}


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS)
def test_kinds_of_numbers(values):
    frame = pd.DataFrame({"a": values})
    expected = TabularPreprocessor().fit([[1.0], [np.nan], [3.0], [4.0]])
    made = TabularPreprocessor().fit(frame)
    assert made.columns_[0].center == 3
    assert np.array_equal(
        made.transform(frame), expected.transform([[1.0], [np.nan], [3.0], [4.0]])
    )


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS)
def test_kinds_of_numbers_in_polars_and_arrow(values):
    if isinstance(values, np.ndarray):  # of objects, of which they have no column
        values = values.astype(np.float32)
    values = [None if value is pd.NA or value != value else value for value in values]
    for table in (pl.DataFrame({"a": values}), pa.table({"a": values})):
        assert TabularPreprocessor().fit_transform(table)[:, 0].tolist() == pytest.approx(
            [-2 / 1.5 * 1.349, 0, 0, 1 / 1.5 * 1.349], rel=1e-4
        )


def test_categoricals():
    values = ["b", "a", None, "b", "a"]
    tables = [
        pd.DataFrame({"a": pd.Categorical(values, categories=["z", "b", "a"])}),  # z is unused
        pl.DataFrame({"a": pl.Series(values, dtype=pl.Categorical)}),
        pl.DataFrame({"a": pl.Series(values, dtype=pl.Enum(["b", "a", "z"]))}),
        pa.table({"a": pa.array(values).dictionary_encode()}),
    ]
    for table in tables:
        made = TabularPreprocessor().fit(table)
        assert made.columns_ == (OneHot("a", ("a", "b"), other=True),)
        assert made.transform(table)[2].tolist() == [0, 0, 1]


OTHER_KINDS = {
    "sparse": pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 1.0, 2.0])}),
    "unsigned": pa.table({"a": pa.array([0, 2**63, 2**64 - 1], pa.uint64())}),
    "128 bits": pl.DataFrame({"a": pl.Series([0, 2**40, 2**41], dtype=pl.Int128)}),
    "decimal256": pa.table(
        {"a": pa.array([Decimal(0), Decimal(2), Decimal(4)], pa.decimal256(50))}
    ),
    "half": pa.table({"a": pa.array(np.array([0, 1, 2], np.float16))}),
    "a batch": pa.record_batch({"a": [0, 1, 2]}),
    "fractions": np.array([[Fraction(0)], [Fraction(1, 3)], [Fraction(2, 3)]], dtype=object),
    "durations": np.array([[0], [1], [2]], "m8[h]"),
    "objects of durations": np.array([[np.timedelta64(n, "s")] for n in range(3)], dtype=object),
    "float16": np.array([[0], [1], [2]], np.float16),
}


@pytest.mark.parametrize("table", OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_other_kinds_of_numbers(table):
    out = TabularPreprocessor().fit_transform(table)
    expected = np.array([-1, 0, 1]) * 1.3489795
    np.testing.assert_allclose(out[:, 0], expected, rtol=1e-6)


def test_other_kinds_of_text():
    Color = enum.StrEnum("Color", ["A", "B"])
    columns = [
        pd.DataFrame({"a": pd.array(["a", "b"], dtype="string[python]")}),
        pd.DataFrame({"a": pd.array(["a", "b"], dtype=pd.ArrowDtype(pa.large_string()))}),
        pa.table({"a": pa.RunEndEncodedArray.from_arrays([1, 2], ["a", "b"])}),
        pa.table({"a": pa.chunked_array([["a"], ["b"]])}),
        pd.DataFrame({"a": pd.Series([np.str_("a"), Color.B], dtype=object)}),
    ]
    for column in columns:
        made = TabularPreprocessor(min_frequency=1).fit(column)
        assert made.columns_ == (OneHot("a", ("a", "b"), other=False),)
        assert {type(level) for level in made.columns_[0].categories} == {str}


def test_other_kinds_of_dates():
    days = [dt.date(2024, 1, 1), None, dt.date(2025, 2, 1)]
    kinds = pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns")
    tables = [pa.table({"a": pa.array(days).cast(kind)}) for kind in kinds]
    tables += [pd.DataFrame({"a": pd.array(days, dtype=pd.ArrowDtype(pa.date32()))})]
    tables += [pd.DataFrame({"a": pd.Categorical(pd.to_datetime(days))})]
    array = np.array([["2024-01-01"], ["NaT"], ["2025-02-01"]], "M8[D]")
    tables += [array, np.array([[array[0, 0]], [array[1, 0]], [array[2, 0]]], dtype=object)]
    expected = TabularPreprocessor().fit_transform(pl.DataFrame({"a": days}))
    assert expected.shape == (3, 5)
    for table in tables:
        assert np.array_equal(TabularPreprocessor().fit_transform(table), expected)


def test_numbers_are_categories_where_the_table_says_so():
    frame = pd.DataFrame({"a": pd.Categorical([7, 7, 12, 12, 99])})
    made = TabularPreprocessor().fit(frame)
    assert made.columns_ == (OneHot("a", (7, 12), other=True),)
    assert made.transform(pl.DataFrame({"a": [12, 7, 5, None]})).tolist() == [
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
        [0, 0, 1],
    ]
    dates = pd.DataFrame({"a": pd.Categorical(["2024-01-01", "2024-01-02"] * 2)})
    assert isinstance(TabularPreprocessor().fit(dates).columns_[0], OneHot)


# ---- random tables --------------------------------------------------------------------------

FINITE = st.floats(-1e6, 1e6, width=32) | st.floats(-10, 10) | st.integers(-5, 5).map(float)
KINDS = {
    "number": st.none() | FINITE,
    "text": st.none() | st.text(max_size=2) | st.sampled_from("ab"),
    "bool": st.none() | st.booleans(),
    "date": st.none() | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
}


@st.composite
def tables(draw):
    """A table of polars, and another one of the same columns."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4))
    types = {"number": pl.Float64, "text": pl.String, "bool": pl.Boolean, "date": pl.Datetime("us")}
    n, m = draw(st.integers(2, 15)), draw(st.integers(1, 8))
    made = []
    for rows in (n, m):
        columns = [
            pl.Series(
                f"{kind} {i}",
                draw(st.lists(KINDS[kind], min_size=rows, max_size=rows)),
                dtype=types[kind],
            )
            for i, kind in enumerate(kinds)
        ]
        made.append(pl.DataFrame([*columns, pl.Series("row", range(rows))]))
    return made


@settings(max_examples=60, deadline=None)
@given(tables(), st.integers(0, 12), st.integers(1, 3), st.randoms())
def test_random_tables(pair, max_one_hot, min_frequency, random):
    table, other = pair
    made = TabularPreprocessor(max_one_hot=max_one_hot, min_frequency=min_frequency).fit(table)
    out = made.transform(table)
    assert np.isfinite(out).all()
    assert out.shape == (len(table), len(made.get_feature_names_out()))
    again = TabularPreprocessor.from_state(json.loads(json.dumps(made.get_state())))
    assert again.columns_ == made.columns_
    assert np.array_equal(again.transform(table), out)
    for library in (table.to_pandas(), table.to_arrow()):
        assert TabularPreprocessor(**made.get_params()).fit(library).columns_ == made.columns_
        assert np.array_equal(made.transform(library), out)
    new = made.transform(other)
    assert np.isfinite(new).all()
    for at, codes, _ in made.embeddings_:
        assert set(new[:, at]) <= set(range(codes))
    for row in range(len(other)):
        assert np.array_equal(made.transform(other[row]), new[row : row + 1])
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = TabularPreprocessor(**made.get_params()).fit(table[order])
    assert shuffled.columns_ == made.columns_
    assert np.array_equal(made.transform(table[order]), out[order])
