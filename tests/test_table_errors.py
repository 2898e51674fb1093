"""Tables that are refused, columns of no use, states that are malformed."""

import datetime as dt
import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from common_tables import COLUMNS, libraries
from sklearn.base import clone
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from fastnn.tables import Category, TabularPreprocessor

# ---- what is wrong --------------------------------------------------------------------------

WRONG = {
    "text for a number": ("rooms", ["x"] * 6, "column 'rooms': got 'x' in row 0, want a number"),
    "number for text": ("city", [1] * 6, "column 'city': got 1.0 in row 0, want text, as in fit"),
    "text for a truth value": ("lift", ["yes"] * 6, "'lift': got 'yes' in row 0, want True or"),
    "number for a date": ("sold", [1] * 6, "column 'sold': got 1.0 in row 0, want a date"),
    "text for a date": ("built", [None, "soon"] * 3, "'built': got 'soon' in row 1, want a date"),
    "infinite": (
        "area",
        [0.0, np.nan, float("inf")] * 2,
        "'area': got inf in row 2, want a finite",
    ),
    "huge": ("area", [0.0, -1e39] * 3, "'area': got -1e[+]39 in row 1, want a finite number"),
    "date for text": ("city", COLUMNS["sold"], "column 'city': got '2024-01-03T01:00"),
}


@pytest.mark.parametrize(("column", "values", "message"), WRONG.values(), ids=WRONG)
def test_wrong_values(column, values, message):
    for library in libraries():
        made = TabularPreprocessor().fit(libraries()[library])
        with pytest.raises(ValueError, match=message):
            made.transform(libraries(COLUMNS | {column: values})[library])


def test_all_missing_is_of_every_kind():
    table = libraries()["polars"]
    made = TabularPreprocessor().fit(table)
    nothing = pl.DataFrame({name: [None] * 3 for name in COLUMNS})
    assert np.isfinite(made.transform(nothing)).all()
    for of_types in (nothing.cast(table.schema), table.clear(3)):  # and of each column's own type
        for again in (nothing.to_pandas(), of_types, of_types.to_pandas(), of_types.to_arrow()):
            assert np.array_equal(made.transform(again), made.transform(nothing))


def test_columns_are_found_by_name():
    table = libraries()["pandas"]
    made = TabularPreprocessor().fit(table)
    other = table[list(reversed(COLUMNS))].assign(more="ignored")
    assert np.array_equal(made.transform(other), made.transform(table))
    with pytest.raises(ValueError, match="columns that were in fit are missing: 'rooms', 'city'"):
        made.transform(table.drop(columns=["rooms", "city"]))
    with pytest.raises(
        ValueError, match=r"missing: 'area', 'rooms', 'city', 'lift', 'sold', \.\.\."
    ):
        made.transform(pd.DataFrame({"x": [1]}))


def test_tables_and_arrays_in_turn():
    table = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 1.0, 0.0]})
    of_table, of_array = TabularPreprocessor().fit(table), TabularPreprocessor().fit(table.values)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        first = of_table.transform(table.values)
    with pytest.warns(UserWarning, match="fitted without feature names"):
        second = of_array.transform(table)
    assert np.array_equal(first, second)
    numbered = table.rename(columns={"a": 0, "b": 1})
    assert not hasattr(TabularPreprocessor().fit(numbered), "feature_names_in_")
    assert np.array_equal(of_array.transform(numbered), second)
    with pytest.raises(ValueError, match="X has 1 features, but TabularPreprocessor is expecting"):
        of_array.transform(numbered[[0]])
    of_table.fit(table.values)
    assert not hasattr(of_table, "feature_names_in_")


NOT_TABLES = {
    "duplicates": (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "'a' 2 times"),
    "arrow duplicates": (
        pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        ValueError,
        "'a' 2 times",
    ),
    "names": (pd.DataFrame([[1, 2]], columns=["a", 1]), TypeError, "column 1 has a int for a name"),
    "no rows": (pl.DataFrame({"a": []}), ValueError, "0 rows and 1 columns"),
    "no columns": (pd.DataFrame(index=[0, 1]), ValueError, "0 columns"),
    "lazy": (pl.LazyFrame({"a": [1]}), TypeError, "got a LazyFrame, want a table in memory"),
    "series": (pd.Series([1, 2]), ValueError, "Expected a 2-dimensional container"),
    "one dimension": ([1, 2], ValueError, "Expected 2D array"),
    "mixed": (
        pd.DataFrame({"a": [None, 1, "x"]}),
        TypeError,
        r"column 'a': got 1 \(int\) in row 1 and 'x' \(str\) in row 2, want all numbers, all text",
    ),
    "lists": (pl.DataFrame({"a": [[1], [2]]}), TypeError, "column 'a': got .1. .list. in row 0"),
    "bytes": (pd.DataFrame({"a": [b"x", b"y"]}), TypeError, r"column 'a': got b'x' \(bytes\)"),
    "intervals": (pd.DataFrame({"a": pd.cut([1, 2, 3], 2)}), TypeError, "got Interval"),
    "infinite category": (
        pd.DataFrame({"a": pd.Categorical([1.5, np.inf])}),
        ValueError,
        "column 'a': got inf in row 1",
    ),
    "complex": (np.array([[1j], [2]]), ValueError, "Complex data not supported"),
    "an array of bytes": (np.array([[b"x"], [b"y"]]), TypeError, r"column 'x0': got .S1 values"),
    "all the same": (pd.DataFrame({"a": [1, 1]}), ValueError, r"'a': it is constant"),
    "nothing": (pd.DataFrame({"a": [None, np.nan]}), ValueError, r"'a': every value is missing"),
    "names of rows": (pl.DataFrame({"a": ["x", "y"]}), ValueError, "none of its 2 values comes 2"),
    "infinite": (pl.DataFrame({"a": [1.0, -np.inf]}), ValueError, "got -inf in row 1, want a fin"),
    "huge": (pd.DataFrame({"a": [1, 10**400]}), ValueError, "got inf in row 1, want a finite"),
}


@pytest.mark.parametrize(("X", "error", "message"), NOT_TABLES.values(), ids=NOT_TABLES)
def test_not_tables(X, error, message):
    made = TabularPreprocessor().fit([[1.0], [2.0]])
    before = made.get_state()
    with pytest.raises(error, match=message):
        made.fit(X)
    assert made.get_state() == before


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_one_hot": -1}, "max_one_hot: got -1, want at least 0"),
        ({"max_one_hot": 2.5}, "max_one_hot: got 2.5, want a whole number"),
        ({"min_frequency": -0.1}, "min_frequency: got -0.1"),
        ({"min_frequency": 1.5}, "min_frequency: got 1.5, want a whole number"),
        ({"min_frequency": "2"}, "min_frequency: got '2', want a number"),
        ({"embedding_size": 0}, "embedding_size: got 0, want at least 1"),
    ],
)
def test_parameters_are_checked_in_fit(parameters, message):
    with pytest.raises((ValueError, TypeError), match=message):
        TabularPreprocessor(**parameters).fit([[1.0], [2.0]])


def test_columns_of_no_use_are_dropped():
    frame = pd.DataFrame(
        {
            "constant": [1, 1, 1, 1],
            "always": ["x"] * 4,
            "nothing": [None] * 4,
            "name": ["p", "q", "r", "s"],
            "day": [dt.date(2024, 1, 1)] * 4,
            "use": [1, 2, 3, 4],
        }
    )
    made = TabularPreprocessor().fit(frame)
    assert made.dropped_ == {
        "constant": "it is constant",
        "always": "it is constant",
        "nothing": "every value is missing",
        "name": "none of its 4 values comes 2 times",
        "day": "it is constant",
    }
    assert np.array_equal(made.transform(frame[["use"]]), made.transform(frame))


# ---- scikit-learn's conventions, and states --------------------------------------------------


def test_clone_pickle_and_set_output():
    table = libraries()["pandas"].set_index(pd.Index(list("uvwxyz")))
    made = TabularPreprocessor(max_one_hot=1).fit(table)
    assert not hasattr(clone(made), "columns_")
    again = pickle.loads(pickle.dumps(made))
    assert np.array_equal(again.transform(table), made.transform(table))
    out = made.set_output(transform="pandas").transform(table)
    assert list(out.columns) == list(made.get_feature_names_out())
    assert list(out.index) == list(table.index)
    out = made.set_output(transform="polars").transform(table)
    assert out.columns == list(made.get_feature_names_out())
    assert "TabularPreprocessor" in made._repr_html_()


def test_names_of_outputs_are_unique():
    frame = pl.DataFrame({"a": ["b_c", "x"] * 2, "a_b": ["c", "x"] * 2})
    made = TabularPreprocessor().fit(frame)
    assert list(made.get_feature_names_out()) == ["a_b_c", "a_x", "a_b_c_2", "a_b_x"]
    assert made.set_output(transform="polars").transform(frame).shape == (4, 4)
    of_array = TabularPreprocessor().fit([[1.0, 2.0], [2.0, 1.0]])
    assert list(of_array.get_feature_names_out(["p", "q"])) == ["p", "q"]


def spoiled(state):
    """Malformed variants of a state, each with one thing wrong."""
    yield None
    yield {}
    for key in state:
        yield {name: value for name, value in state.items() if name != key}
        for value in (None, 3, 1 << 39, "x", [], {}, [None], {"x": 1}, [[]]):
            if value != state[key] and not (key == "names" and value is None):
                yield state | {key: value}
    for i, column in enumerate(state["columns"]):
        for key in column:
            for value in (None, "x", -1.5, [], [None], [1, "a"], ["a", "a"], np.nan, {}):
                changed = column | {key: value}
                if key != "name" and changed != column and value != column[key]:
                    columns = [*state["columns"]]
                    columns[i] = changed
                    yield state | {"columns": columns}


def test_states_have_no_numpy():
    X = np.array([[True, "a", np.int64(3)], [False, "b", np.float32(1)]] * 6, dtype=object)
    made = TabularPreprocessor(max_one_hot=np.int64(1), min_frequency=np.float64(0.1)).fit(X)
    assert isinstance(made.columns_[0], Category)
    again = TabularPreprocessor.from_state(json.loads(json.dumps(made.get_state())))
    assert again.get_params() == {"max_one_hot": 1, "min_frequency": 0.1, "embedding_size": 8}
    assert np.array_equal(again.transform(X), made.transform(X))


def test_malformed_states_are_refused():
    table = libraries()["polars"].with_columns(city2=pl.Series(list("abcabc")), six=6)
    state = TabularPreprocessor(max_one_hot=2).fit(table).get_state()
    assert {column["kind"] for column in state["columns"]} == {
        "numeric",
        "one_hot",
        "category",
        "date",
    }
    with pytest.raises(ValueError, match="want every column once"):  # and at once
        TabularPreprocessor.from_state(state | {"names": None, "n_features": 1 << 39})
    fine = []
    for wrong in spoiled(json.loads(json.dumps(state))):
        try:
            made = TabularPreprocessor.from_state(wrong)
        except (ValueError, TypeError, KeyError):
            continue
        fine.append(made)
    for made in fine:  # another one, then, but a whole one
        json.dumps(made.get_state())
        assert made.transform(table).dtype == np.float32


def test_without_scikit_learn():
    code = (
        "import sys; sys.modules['sklearn'] = None; import fastnn\n"
        "try: fastnn.TabularPreprocessor\nexcept ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "fastnn[sklearn]"' in run.stdout


def test_permuted_columns_and_folds():
    """What scikit-learn makes of a table, to see what a column is worth, are tables again."""
    random = np.random.default_rng(0)
    kind = random.choice(["a", "b", "c"], 300)
    X = pd.DataFrame({"kind": pd.Categorical(kind), "noise": random.random(300), "size": 1.0})
    X["size"] = np.where(random.random(300) < 0.2, None, random.random(300)).astype(float)
    y = (kind == "a") * 2 + X["size"].fillna(0.5)
    model = make_pipeline(TabularPreprocessor(), Ridge(alpha=1e-3))
    assert cross_val_score(model, X, y).min() > 0.99
    found = permutation_importance(model.fit(X, y), X, y, random_state=0).importances_mean
    assert found[0] > found[2] > 100 * abs(found[1])
