"""Tables to arrays: numbers, categories, dates and gaps, of pandas, polars, Arrow and NumPy."""

import datetime as dt
import json
import os
import pickle
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

from sklearn.base import clone  # noqa: E402
from sklearn.preprocessing import RobustScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from fastnn import AdamW, Dense, Embedding, Sequential, schedules  # noqa: E402
from fastnn.tables import Category, Date, Numeric, OneHot, TabularPreprocessor  # noqa: E402

NAN = float("nan")
COLUMNS = {
    "area": [31.5, 44.0, None, 80.25, 120.0, 55.0],
    "rooms": [1, 2, 2, 3, 5, 2],
    "city": ["Rome", "Oslo", None, "Rome", "Bern", "Oslo"],
    "lift": [True, False, True, None, False, True],
    "sold": [dt.datetime(2024, month, 3, month) for month in range(1, 6)] + [None],
    "built": ["1999-01-31", "2001-02-01", "1985-07-14", "2020-12-24", None, "2001-02-01"],
}


def libraries(columns=COLUMNS):
    frame = pl.DataFrame(columns)
    return {"pandas": pd.DataFrame(columns), "polars": frame, "arrow": pa.table(columns)}


def learned(values, **parameters):
    """What a column of a polars table becomes."""
    made = TabularPreprocessor(**parameters).fit(pl.DataFrame({"a": values}))
    return made.columns_[0]


def transformed(values, new, **parameters):
    made = TabularPreprocessor(**parameters).fit(pl.DataFrame({"a": values}))
    return made.transform(pl.DataFrame({"a": new})).tolist()


@parametrize_with_checks([TabularPreprocessor()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- tables of all libraries ----------------------------------------------------------------


def test_all_libraries_give_the_same_bits():
    outputs = [
        TabularPreprocessor().fit(one).transform(other)
        for one in libraries().values()
        for other in libraries().values()
    ]
    assert outputs[0].dtype == np.float32
    assert np.isfinite(outputs[0]).all()
    for output in outputs:
        assert np.array_equal(output, outputs[0])


@pytest.mark.parametrize("library", libraries())
def test_a_table_becomes(library):
    table = libraries()[library]
    made = TabularPreprocessor().fit(table)
    assert [type(column) for column in made.columns_] == [
        Numeric,
        Numeric,
        OneHot,
        OneHot,
        Date,
        Date,
    ]
    assert made.columns_[0].indicator
    assert not made.columns_[1].indicator
    assert made.columns_[2] == OneHot("city", ("Oslo", "Rome"), other=True)  # Bern is rare
    assert made.columns_[3] == OneHot("lift", (False, True), other=True)
    assert made.columns_[4].parts == ("month", "weekday", "dayofyear", "hour")
    assert made.columns_[5].parts == ("year", "month", "day", "weekday", "dayofyear")
    assert made.n_features_in_ == 6
    assert list(made.feature_names_in_) == list(COLUMNS)
    assert list(made.get_feature_names_out()[:7]) == [
        "area",
        "area_missing",
        "rooms",
        "city_Oslo",
        "city_Rome",
        "city_other",
        "lift_False",
    ]
    city = made.transform(table)[:, 3:6]
    assert city.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_arrays_of_objects_and_lists_too():
    rows = list(zip(*COLUMNS.values(), strict=True))
    table = TabularPreprocessor().fit_transform(libraries()["arrow"])
    assert np.array_equal(TabularPreprocessor().fit_transform(rows), table)
    objects = np.array(rows, dtype=object)
    assert np.array_equal(TabularPreprocessor().fit_transform(objects), table)


@pytest.mark.parametrize("missing", [NAN, None, pd.NA, pd.NaT, np.float32("nan"), Decimal("NaN")])
def test_all_that_stands_for_none(missing):
    frame = pd.DataFrame({"a": pd.Series(["x", "y", "x", missing, "y"], dtype=object)})
    made = TabularPreprocessor().fit(frame)
    assert made.columns_ == (OneHot("a", ("x", "y"), other=True),)
    assert made.transform(frame)[3].tolist() == [0, 0, 1]


NUMBERS = {
    "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
    "arrow in pandas": pd.array([1, None, 3, 4], dtype="int64[pyarrow]"),
    "objects": np.array([1, None, np.int8(3), 4.0], dtype=object),
    "decimals": [Decimal(1), None, Decimal(3), Decimal(4)],
    "durations": pd.to_timedelta([1, None, 3, 4], unit="s"),
    "seconds": [dt.timedelta(seconds=1), None, dt.timedelta(seconds=3), dt.timedelta(seconds=4)],
    "times": [dt.time(0, 0, 1), None, dt.time(0, 0, 3), dt.time(0, 0, 4)],
    "float32": np.array([1, NAN, 3, 4], dtype=np.float32),
}


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS)
def test_kinds_of_numbers(values):
    frame = pd.DataFrame({"a": values})
    expected = TabularPreprocessor().fit([[1.0], [NAN], [3.0], [4.0]])
    made = TabularPreprocessor().fit(frame)
    assert made.columns_[0].center == 3
    assert np.array_equal(made.transform(frame), expected.transform([[1.0], [NAN], [3.0], [4.0]]))


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS)
def test_kinds_of_numbers_in_polars_and_arrow(values):
    if isinstance(values, np.ndarray) and values.dtype == object:
        pytest.skip("they have no such column")
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


# ---- numbers --------------------------------------------------------------------------------


def test_numbers_are_scaled_as_by_robust_scaler():
    X = np.random.default_rng(0).normal(3, 5, (101, 4)) ** 3
    expected = RobustScaler(unit_variance=True).fit_transform(X)
    np.testing.assert_allclose(TabularPreprocessor().fit_transform(X), expected, rtol=1e-6)


def test_numbers_of_which_most_are_tied_have_a_standard_deviation():
    values = [0.0] * 90 + [float(value) for value in range(10)]
    assert learned(values).scale == pytest.approx(np.std(values))
    assert max(map(abs, np.ravel(transformed(values, values)))) < 10
    nearly = [0.0, 1e-9, 2e-9, 3e-9] * 20 + [1.0, 2.0]
    assert learned(nearly).scale == pytest.approx(np.std(nearly))


def test_numbers_of_a_tiny_unit_are_scaled_too():
    values = [1e-19, 2e-19, 3e-19, 4e-19]
    assert np.ravel(transformed(values, values)).std() > 0.5
    values = [0.0, 5e-324, 0.0]
    assert np.isfinite(transformed(values, values)).all()


def test_missing_numbers_become_the_median():
    column = learned([1.0, 2.0, None, 9.0, NAN])
    assert column.fill == column.center == 2
    assert column.indicator
    new = transformed([1.0, 2.0, None, 9.0], [None, 2.0])
    assert new == [[0, 1], [0, 0]]
    assert transformed([1.0, 2.0, 9.0], [None, 2.0]) == [[0], [0]]  # none was missing in fit
    assert transformed([5.0, None, 5.0], [None, 5.0, 6.0]) == [[0, 1], [0, 0], [1, 0]]


# ---- categories -----------------------------------------------------------------------------


def test_levels_by_cardinality():
    levels = [f"level {i:02}" for i in range(11)] * 2
    assert learned(levels) == Category("a", tuple(levels[:11]), size=8)
    assert learned(levels, embedding_size=None).size == 6
    assert learned(levels, max_one_hot=11) == OneHot("a", tuple(levels[:11]), other=False)
    assert learned(levels, embedding_size=3).size == 3
    # those that are rare do not count
    assert learned(levels[:-1]) == OneHot("a", tuple(levels[:10]), other=True)


def test_codes():
    levels = ["b", "a", "c"] * 2 + ["rare", None]
    assert transformed(levels, ["a", "b", "c", "rare", None, "unseen"], max_one_hot=0) == [
        [1],
        [2],
        [3],
        [0],
        [0],
        [0],
    ]
    made = TabularPreprocessor(max_one_hot=0, embedding_size=2)
    frame = pl.DataFrame({"n": range(8), "m": [*range(7), None], "c": levels})
    out = made.fit_transform(frame)
    assert made.embeddings_ == ((3, 4, 2),)
    columns = {at: (codes, size) for at, codes, size in made.embeddings_}
    net = Sequential([Embedding(columns), Dense(1)], input_size=out.shape[1])
    assert net.predict(out).shape == (8, 1)


def test_unseen_levels_without_others_are_all_zeros():
    assert transformed(["a", "b"] * 2, ["b", "c", None]) == [[0, 1], [0, 0], [0, 0]]


def test_rare_levels():
    levels = ["a"] * 5 + ["b"] * 3 + ["c"] * 2
    assert learned(levels, min_frequency=3).categories == ("a", "b")
    assert learned(levels, min_frequency=0.3).categories == ("a", "b")
    assert learned(levels, min_frequency=0.5) == OneHot("a", ("a",), other=True)
    assert learned(["a", "b"], min_frequency=1).categories == ("a", "b")


# ---- dates ----------------------------------------------------------------------------------


def test_dates_become_parts():
    values = [dt.datetime(2023, 1, 2, 3, 4, 5), dt.datetime(2024, 12, 30, 23, 59, 58), None]
    column = learned(values)
    assert column.parts == ("year", "month", "day", "dayofyear", "hour", "minute", "second")
    assert column.fills[:4] == (2023.5, 6.5, 16.0, 183.5)
    assert column.indicator
    assert learned(values, max_one_hot=3).width == 8
    first, second, third = transformed(values, values)
    assert third == [0] * 7 + [1]
    assert first == [-value for value in second[:7]] + [0]


@pytest.mark.parametrize("day", [dt.date(1583, 3, 1), dt.date(1969, 12, 31), dt.date(2100, 2, 28)])
def test_parts_are_those_of_a_calendar(day):
    from fastnn.tables._dates import PARTS, part

    dates = np.array([day + dt.timedelta(n) for n in range(800)], "M8[us]")
    for i, name in enumerate(("year", "month", "day", "weekday", "dayofyear")):
        days = [day + dt.timedelta(n) for n in range(800)]
        expected = [(d.year, d.month, d.day, d.weekday(), d.timetuple().tm_yday)[i] for d in days]
        assert part(dates, name).tolist() == expected
    assert list(PARTS)[:5] == ["year", "month", "day", "weekday", "dayofyear"]


def test_dates_with_a_zone_show_its_clock():
    hours = [0, 5, 23]
    naive = pd.DataFrame({"a": [dt.datetime(2024, 1, 1, hour) for hour in hours]})
    aware = naive.apply(lambda column: column.dt.tz_localize("Asia/Tokyo"))
    text = pd.DataFrame({"a": [f"2024-01-01T{hour:02}:00+09:00" for hour in hours]})
    objects = pd.DataFrame({"a": pd.Series(list(aware["a"]), dtype=object)})
    made = TabularPreprocessor().fit(naive)
    for table in (aware, text, objects, pl.from_pandas(aware), pa.table(aware)):
        assert np.array_equal(made.transform(table), made.transform(naive))


@pytest.mark.parametrize(
    "text", ["20240131", "2024-02-30", "2024-01", "2024", "31.1.2024", "2024-1-1", "now", ""]
)
def test_text_that_is_no_date(text):
    assert isinstance(learned(["2024-01-01", "2024-01-02", text] * 2), OneHot)


# ---- what is wrong --------------------------------------------------------------------------

WRONG = {
    "text for a number": ("rooms", ["x"] * 6, "column 'rooms': got 'x' in row 0, want a number"),
    "number for text": ("city", [1] * 6, "column 'city': got 1.0 in row 0, want text, as in fit"),
    "number for a date": ("sold", [1] * 6, "column 'sold': got 1.0 in row 0, want a date"),
    "text for a date": ("built", [None, "soon"] * 3, "'built': got 'soon' in row 1, want a date"),
    "infinite": ("area", [0.0, NAN, float("inf")] * 2, "'area': got inf in row 2, want a finite"),
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
    assert np.array_equal(made.transform(nothing), made.transform(nothing.to_pandas()))


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
    "lists": (pl.DataFrame({"a": [[1], [2]]}), TypeError, r"column 'a': got List\(Int64\) values"),
    "bytes": (pd.DataFrame({"a": [b"x", b"y"]}), TypeError, r"column 'a': got b'x' \(bytes\)"),
    "complex": (np.array([[1j], [2]]), ValueError, "Complex data not supported"),
    "all the same": (pd.DataFrame({"a": [1, 1]}), ValueError, r"'a': it is constant"),
    "nothing": (pd.DataFrame({"a": [None, NAN]}), ValueError, r"'a': every value is missing"),
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


def test_a_date_that_is_one_or_missing():
    column = learned([dt.date(2024, 1, 1), None])
    assert column == Date("a", (), (), (), (), indicator=True)
    assert transformed([dt.date(2024, 1, 1), None], [None, dt.date(1, 1, 1)]) == [[1], [0]]


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
        for value in (None, 3, "x", [], {}, [None], {"x": 1}, [[]]):
            if value != state[key] and not (key == "names" and value is None):
                yield state | {key: value}
    for i, column in enumerate(state["columns"]):
        for key in column:
            for value in (None, "x", -1.5, [], [None], [1, "a"], ["a", "a"], NAN, {}):
                changed = column | {key: value}
                if key != "name" and changed != column and value != column[key]:
                    columns = [*state["columns"]]
                    columns[i] = changed
                    yield state | {"columns": columns}


def test_malformed_states_are_refused():
    table = libraries()["polars"].with_columns(city2=pl.Series(list("abcabc")), six=6)
    state = TabularPreprocessor(max_one_hot=2).fit(table).get_state()
    assert {column["kind"] for column in state["columns"]} == {
        "numeric",
        "one_hot",
        "category",
        "date",
    }
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


# ---- real tables ----------------------------------------------------------------------------

DATA = Path(os.environ.get("FASTNN_DATA") or "../shared/data")
real = pytest.mark.skipif(
    not (DATA / "flights.csv.gz").exists(), reason="no flights.csv.gz in FASTNN_DATA"
)


def real_table(name, target):
    """A real table of pandas without its target, that, and how many rows to train on."""
    frame = pd.read_csv(DATA / name)
    frame = frame[frame[target].notna()].sample(frac=1, random_state=0, ignore_index=True)
    return frame.drop(columns=target), frame[target].to_numpy(), len(frame) * 8 // 10


@real
@pytest.mark.parametrize("name", ["diamonds.csv.gz", "flights.csv.gz"])
def test_real_tables_give_the_same_bits(name):
    frame = pl.read_csv(DATA / name, null_values="NA", infer_schema_length=None)
    made = TabularPreprocessor().fit(frame)
    out = made.transform(frame)
    pandas = pd.read_csv(DATA / name)
    for table in (frame.to_arrow(), pandas):
        assert TabularPreprocessor().fit(table).columns_ == made.columns_
        assert np.array_equal(made.transform(table), out)
    assert np.isfinite(out).all()
    assert np.array_equal(made.transform(pandas[1000:1001]), out[1000:1001])


@real
@pytest.mark.parametrize(("target", "least"), [("price", 0.97), ("cut", 0.74)])
def test_diamonds(target, least):
    X, y, n = real_table("diamonds.csv.gz", target)
    made = TabularPreprocessor().fit(X[:n])
    inputs = made.transform(X)
    if target == "price":
        loss, outputs = "mean_squared_error", 1
        y = (y - y[:n].mean()) / y[:n].std()
    else:
        loss, outputs = "cross_entropy", 5
        y = np.unique(y, return_inverse=True)[1]
    layers = [Dense(128, activation="relu"), Dense(128, activation="relu"), Dense(outputs)]
    net = Sequential(layers, seed=0)
    rate = schedules.Cosine(2e-3, steps=15 * -(-n // 256))
    net.fit(inputs[:n], y[:n], loss=loss, optimizer=AdamW(lr=rate), epochs=15, batch_size=256)
    metric = {"price": "r2", "cut": "accuracy"}[target]
    assert net.evaluate(inputs[n:], y[n:], metrics=[metric])[metric] > least


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
