"""Tables to arrays: what columns become."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from common_tables import COLUMNS, libraries
from sklearn.preprocessing import RobustScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnn import Dense, Embedding, Sequential
from fastnn.tables import Category, Date, Numeric, OneHot, TabularPreprocessor


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


@pytest.mark.parametrize(
    "missing", [np.nan, None, pd.NA, pd.NaT, np.float32("nan"), Decimal("NaN")]
)
def test_all_that_stands_for_none(missing):
    frame = pd.DataFrame({"a": pd.Series(["x", "y", "x", missing, "y"], dtype=object)})
    made = TabularPreprocessor().fit(frame)
    assert made.columns_ == (OneHot("a", ("x", "y"), other=True),)
    assert made.transform(frame)[3].tolist() == [0, 0, 1]


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
    column = learned([1.0, 2.0, None, 9.0, np.nan])
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


def test_a_date_that_is_one_or_missing():
    column = learned([dt.date(2024, 1, 1), None])
    assert column == Date("a", (), (), (), (), indicator=True)
    assert transformed([dt.date(2024, 1, 1), None], [None, dt.date(1, 1, 1)]) == [[1], [0]]
