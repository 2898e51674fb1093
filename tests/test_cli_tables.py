"""What the command line reads: tables as columns with types, and where in the file a fault is."""

from __future__ import annotations

import bz2
import csv
import datetime
import decimal
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

from pyarrow import parquet  # noqa: E402

from fastnn.cli import _schema  # noqa: E402
from fastnn.cli._errors import InputError  # noqa: E402
from fastnn.cli._table import read_table  # noqa: E402
from fastnn.cli._text import Text  # noqa: E402
from fastnn.cli._types import Column  # noqa: E402

CSV = """\
size,color,bought,when,sold
1,red,2024-01-31,true,0.5
2,,2024-02-29,false,
3,blue,2024-03-01T12:30,true,-1e3
"""


def file(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path, text, name="table.csv", **options):
    table = read_table(file(tmp_path, text, name), **options)
    return table.frame(dict.fromkeys(table.names))


def fault(tmp_path, text, name="table.csv", **options):
    """The message, without the folder, of what reading a file and all its columns raises."""
    with pytest.raises(InputError) as error:
        read(tmp_path, text, name, **options)
    return str(error.value).replace(f"{tmp_path}/", "")


# ---- what is read ------------------------------------------------------------------------------


def test_columns_have_the_types_of_their_values(tmp_path):
    table = read_table(file(tmp_path, CSV))
    assert [table.column(name).kind for name in table.names] == [
        "number", "text", "date", "bool", "number",
    ]  # fmt: skip
    frame = table.frame(dict.fromkeys(table.names))
    assert frame["size"].tolist() == [1, 2, 3]
    assert frame["size"].dtype == "int64"
    assert frame["color"].fillna("-").tolist() == ["red", "-", "blue"]
    assert frame["bought"].tolist() == [
        pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-29"), pd.Timestamp("2024-03-01 12:30"),
    ]  # fmt: skip
    assert frame["when"].tolist() == [True, False, True]
    assert frame["sold"].fillna(7).tolist() == [0.5, 7, -1000]


@pytest.mark.parametrize(
    "column", ["1\n2\n", "1.5\nNA\n", "a\nb\n", 'a\n""\n', "True\nFalse\n", "1e3\n+4\n"]
)
def test_they_are_those_that_pandas_reads(tmp_path, column):
    """So that a model gives a user of pandas the same answers."""
    path = file(tmp_path, "x,y\n" + "".join(f"{line},0\n" for line in column.splitlines()))
    table = read_table(path)
    pd.testing.assert_frame_equal(table.frame(dict.fromkeys(table.names)), pd.read_csv(path))


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("t.csv", bytes), ("t.CSV", bytes), ("t.txt", bytes), ("t.csv.gz", gzip.compress),
        ("t.csv.bz2", bz2.compress), ("t.csv.xz", lzma.compress), ("a.b.c.csv", bytes),
    ],
)  # fmt: skip
def test_files_of_text(tmp_path, name, pack):
    pd.testing.assert_frame_equal(read(tmp_path, pack(CSV.encode()), name), read(tmp_path, CSV))


@pytest.mark.parametrize("name", ["t.tsv", "t.tab", "t.tsv.gz"])
def test_tabs(tmp_path, name):
    text = b"a,b\tc\n1\t2\n"
    data = gzip.compress(text) if name.endswith("gz") else text
    assert read(tmp_path, data, name).columns.tolist() == ["a,b", "c"]


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_separators_are_found(tmp_path, sep):
    frame = read(
        tmp_path,
        sep.join(
            [
                '"a,b;c"',
                "b",
                "c\n",
            ]
        )
        + sep.join([f'"x{sep}y"', "2", "3\n"]),
    )
    assert frame.columns.tolist() == ["a,b;c", "b", "c"]
    assert frame.iloc[0].tolist() == [f"x{sep}y", 2, 3]


def test_separators_and_decimals_that_are_told(tmp_path):
    frame = read(tmp_path, "a:b\n1,5:2\n-2,25:3\n", sep=":", decimal=",")
    assert frame["a"].tolist() == [1.5, -2.25]
    assert frame["b"].tolist() == [2, 3]


def test_what_people_and_programs_write(tmp_path):
    text = '\ufeffname , n\r\n" Ann", 1\r\n\r\n"Bob\r\nor so",2 \r\n'
    frame = read(tmp_path, text)
    assert frame.columns.tolist() == ["name", "n"]
    assert frame["name"].tolist() == ["Ann", "Bob\r\nor so"]
    assert frame["n"].tolist() == [1, 2]


def test_missing_values_of_ones_own(tmp_path):
    frame = read(tmp_path, "a,b\n?,x\n1,?\nnan,N/A\n", missing=["?"])
    assert frame["a"].isna().tolist() == [True, False, True]
    assert frame["b"].isna().tolist() == [False, True, True]


def test_encodings(tmp_path):
    text = "größe\n1\n"
    assert read(tmp_path, text.encode("latin-1"), encoding="latin-1").columns[0] == "größe"
    assert read(tmp_path, text.encode("utf-16"), encoding="utf-16").columns[0] == "größe"


def test_numbers_that_are_to_be_text(tmp_path):
    table = read_table(file(tmp_path, "zip\n01234\n90210\n"))
    assert table.column("zip").values.tolist() == [1234, 90210]
    assert table.column("zip", "text").values.tolist() == ["01234", "90210"]


def test_large_numbers_of_many_digits(tmp_path):
    frame = read(tmp_path, "a\n123456789012345678901\n2\n")
    assert frame["a"].tolist() == [123456789012345678901.0, 2.0]


def test_parquet(tmp_path):
    day = datetime.date(2024, 2, 29)
    columns = {
        "int": pa.array([1, None, 3], pa.int16()),
        "float": pa.array([0.5, None, 2], pa.float32()),
        "money": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("2.50")]),
        "text": pa.array(["a", None, "b"]),
        "level": pa.array(["a", None, "b"]).dictionary_encode(),
        "half": pa.array(np.array([0.5, np.nan, 2], np.float16), from_pandas=True),
        "took": pa.array([1500, None, 2000], pa.duration("ms")),
        "clock": pa.array([datetime.time(1, 0, 0, 500000), None, datetime.time(0, 1)]),
        "flag": pa.array([True, None, False]),
        "day": pa.array([day, None, day]),
        "zone": pa.array([1.7e9, None, 1.6e9], pa.float64())
        .cast(pa.int64())
        .cast(pa.timestamp("s", "Asia/Tokyo")),
        "none": pa.nulls(3),
        "number": pa.array(["1", None, "2"]),
    }
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table(columns), path)
    table = read_table(path)
    kinds = {name: table.column(name).kind for name in table.names}
    assert kinds == {
        "half": "number", "took": "number", "clock": "number",
        "int": "number", "float": "number", "money": "number", "text": "text", "level": "text",
        "flag": "bool", "day": "date", "zone": "date", "none": "text", "number": "number",
    }  # fmt: skip
    frame = table.frame(dict.fromkeys(table.names))
    assert frame["half"].fillna(0).tolist() == [0.5, 0, 2]
    assert frame["took"].fillna(0).tolist() == [1.5, 0, 2]
    assert frame["clock"].fillna(0).tolist() == [3600.5, 0, 60]
    assert frame["money"].fillna(0).tolist() == [1.25, 0, 2.5]
    assert frame["flag"].tolist() == [True, None, False]
    assert frame["zone"].iloc[0] == pd.Timestamp("2023-11-15 07:13:20")
    assert frame["day"].iloc[0] == pd.Timestamp("2024-02-29")
    assert table.column("int", "text").values.fillna("-").tolist()[1] == "-"


# ---- faults ------------------------------------------------------------------------------------

MANY = "".join(f"{i},x\n" for i in range(20))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "table.csv: line 3: 1 fields where the header has 2"),
        ("a,b\n1,2\n\n3,4,5\n", "table.csv: line 4: 3 fields where the header has 2"),
        ('a,b\n"1\n\n",2\n3,4,5\n', "table.csv: line 5: 3 fields where the header has 2"),
        (
            'a,b\n1,2\n"3,4\n5,6\n',
            "table.csv: line 3: 1 fields where the header has 2; is a quote open there?",
        ),
        ("", "table.csv: is empty, want a header and rows"),
        ("\n\n", "table.csv: is empty, want a header and rows"),
        ("a,b\n", "table.csv: has columns but no rows"),
        ("a,b,a\n1,2,3\n", "table.csv: line 1: columns 1 and 3 are both called 'a'"),
        ("a,b, a \n1,2,3\n", "table.csv: line 1: columns 1 and 3 are both called 'a'"),
        (
            b"a,b\n1,2\n3,\xe9t\xe9\n",
            "line 3: byte 0xe9 is not utf-8; what it is tells --encoding, such as latin-1",
        ),
        (
            f"a,b\n{MANY}1o,x\n",
            "table.csv: line 22, column 'a': '1o' is not a number, as 95.24% of the column are: "
            "mend it, or pass --na '1o' if that stands for a missing value, or --text 'a' if all "
            "are texts",
        ),
        ("a\n1\n?\n3\n", "table.csv: line 3, column 'a': '?' is not a number"),
        ("b\n2024-01-01\n2024-02-30\n2024-03-01\n", "line 3, column 'b': '2024-02-30' is not"),
        ("a,b\n1,2\ninf,3\n", "line 3, column 'a': inf is infinite, or beyond what float32"),
        ("a,b\n1,2\n1e39,3\n", "line 3, column 'a': 1e+39 is infinite, or beyond"),
    ],
)  # fmt: skip
def test_faults_have_a_line(tmp_path, text, message):
    assert message in fault(tmp_path, text)


def test_lines_are_those_of_an_editor(tmp_path):
    text = 'a,b\n\n"1",x\n2,"two\nlines"\n\n\n3,y\n4,z\nfour,w\n'
    assert "line 10, column 'a': 'four'" in fault(tmp_path, text)
    assert text.splitlines()[9] == "four,w"


def test_many_texts_among_numbers_are_a_column_of_text(tmp_path):
    frame = read(tmp_path, "ticket\n12\n13\n14\n15\n16\nA 1\nB 2\nC 3\nD 4\n")
    assert frame["ticket"].tolist()[:2] == ["12", "13"]


def test_a_kind_that_is_wanted(tmp_path):
    table = read_table(file(tmp_path, "a,b,c\n1,yes,1\nx,no,2\n"))
    for name, kind, message in (
        ("a", "number", "line 3, column 'a': 'x' is not a number"),
        ("b", "bool", "line 2, column 'b': 'yes' is not a bool"),
        ("c", "date", "line 2, column 'c': '1' is not a date"),
    ):
        with pytest.raises(InputError, match=message):
            table.column(name, kind)
    with pytest.raises(InputError, match=r"table.csv: no column 'd', 'e'; it has 'a', 'b', 'c'"):
        table.frame({"d": None, "a": None, "e": None})


def test_faults_of_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": [1.0, 2.0, float("inf")], "b": [[1], [2], [3]]}), path)
    table = read_table(path)
    with pytest.raises(InputError, match="row 3, column 'a': inf is infinite"):
        table.column("a")
    with pytest.raises(InputError, match=r"column 'b': list<.*> cannot be used; pass --ignore 'b'"):
        table.column("b")
    with pytest.raises(InputError, match="column 'b': list"):
        table.column("b", "text")
    parquet.write_table(pa.table({"a": [1.0, 2.0]}), path)
    with pytest.raises(InputError, match="column 'a': is of numbers, want dates"):
        read_table(path).column("a", "date")
    assert "bad.parquet: is no whole Parquet file: " in fault(tmp_path, "PAR1", "bad.parquet")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"no\.csv: there is no such file"):
        read_table(tmp_path / "no.csv")
    with pytest.raises(InputError, match="is a folder, want a file"):
        read_table(tmp_path)
    assert fault(tmp_path, CSV, "t.xlsx").startswith("t.xlsx: want a name that ends in one of .csv")
    assert fault(tmp_path, CSV, "t.parquet.gz").startswith("t.parquet.gz: want a name that ends in")
    assert fault(tmp_path, CSV, "t").startswith("t: want a name that ends in one of .csv")
    packed = gzip.compress(CSV.encode() * 1000)
    for data in (packed[:-40], CSV.encode()):
        assert fault(tmp_path, data, "t.csv.gz").startswith("t.csv.gz: damaged or cut off: ")
    assert fault(tmp_path, bytes(range(256)) * 40).startswith("table.csv: ")
    assert "unknown encoding" in fault(tmp_path, CSV, encoding="latin-99")


FIELD = st.text(st.sampled_from('ab1 ,;"\n\r'), max_size=5)


@given(st.lists(st.tuples(FIELD, st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_every_row_is_found_again(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    lines = []
    with open(path, "w", newline="") as out:
        at = 1
        for row in [("text", "n", 0), *rows]:
            piece = Piece()
            csv.writer(piece, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(row[:2])
            lines.append(at)
            text = str(piece) + "\n" * row[2]  # blank lines
            out.write(text)
            at += len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1
    text = Text(Path(path))
    assert [text.line(row) for row in range(len(rows))] == lines[1:]
    table = text.read()
    assert table["n"].to_pylist() == [str(row[1]) for row in rows]


class Piece(list):
    """A file in memory that leaves \\r alone."""

    write = list.append

    def __str__(self):
        return "".join(self)


# ---- the schema --------------------------------------------------------------------------------


def schema(tmp_path, rows, target, **options):
    return _schema.read_schema(read_table(file(tmp_path, rows)), target, **options)


def column(kind, *values):
    return Column("y", kind, pd.Series(values))


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (column("text", "a", "b"), "classification"),
        (column("bool", True, False), "classification"),
        (column("number", *[0, 1] * 10), "classification"),
        (column("number", *range(20), *range(20)), "regression"),  # in too few rows
        (column("number", *[*range(20)] * 10), "classification"),
        (column("number", *[*range(21)] * 10), "regression"),
        (column("number", *[0.0, 1.0, None] * 10), "classification"),
        (column("number", *[0.0, 0.5] * 100), "regression"),
    ],
)
def test_the_task_is_guessed(target, task):
    assert _schema.guess_task(target)[0] == task


def test_dates_are_no_target():
    with pytest.raises(InputError, match="'y' is of dates, want numbers or classes"):
        _schema.guess_task(column("date", pd.Timestamp("2024-01-01")))


def test_the_schema_as_a_table(tmp_path):
    text = "n,color,day,flag,y\n" + "".join(
        f"{1000 * i or ''},{'red' if i < 9 else 'blue'},2024-01-{i + 1:02d},{i > 4},{i / 2}\n"
        for i in range(12)
    )
    assert schema(tmp_path, text, "y").table().splitlines() == [
        "column  kind            missing  values",
        "n       number             8.3%  1000 to 11,000, median 6000",
        "color   text                     2 different: red 75%, blue 25%",
        "day     date                     2024-01-01 to 2024-01-12",
        "flag    bool                     2 different: True 58%, False 42%",
        "y       number, target           0 to 5.5, median 2.75",
    ]


def test_what_is_left_out(tmp_path):
    rows = "".join(f"{i},{i % 3},{i % 2}\n" for i in range(12))
    found = schema(tmp_path, f",id,a,y\n{rows}".replace("\n", "\n1,")[:-2], "y")
    assert found.left_out == {"": "it has no name", "id": "it is the number of the row"}
    assert "id      number, left out" in found.table()
    found = schema(tmp_path, f"a,b,y\n{rows}", "y", ignore=["a"])
    assert [c.name for c in found.columns] == ["b", "y"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "z"}, "--target: .*table.csv: no column 'z'; it has 'a', 'b'"),
        ({"target": "a", "ignore": ["z"]}, "--ignore: .*table.csv: no column 'z'"),
        ({"target": "a", "text": ["z"]}, "--text: .*table.csv: no column 'z'"),
        ({"target": "a", "ignore": ["a"]}, "--ignore: got 'a', which is the target"),
        ({"target": "a", "ignore": ["b"]}, "table.csv: no column but the target is left"),
    ],
)
def test_columns_that_cannot_be(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        schema(tmp_path, "a,b\n1,2\n3,4\n", **options)
