"""The commands from a table to a model and on: what they print, write and end with."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.__main__ import main

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

from fastnn.cli import _measures, _model, _rows  # noqa: E402
from fastnn.cli._errors import InputError  # noqa: E402

DATA = os.environ.get("FASTNN_DATA", "")
real = pytest.mark.skipif(not os.path.isdir(DATA), reason="no FASTNN_DATA")
QUICK = ["--hidden", "16", "--epochs", "30", "--quiet"]


def shop(n=300, seed=0):
    """A table of numbers, text and dates, all with gaps, and two targets that depend on them."""
    rng = np.random.default_rng(seed)
    size = rng.normal(10, 3, n).round(2)
    color = rng.choice(["red", "green", "blue"], n)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, n), "D")
    price = 5 * size + 20 * (color == "red") + 3 * day.month + rng.normal(0, 1, n)
    frame = pd.DataFrame(
        {
            "id": [f"n{i}" for i in range(n)],
            "size": size,
            "color": color,
            "sold": day.strftime("%Y-%m-%d"),
            "new": rng.random(n) < 0.5,
            "price": price.round(2),
            "kind": np.where(price > np.median(price), "dear", "cheap"),
        }
    )
    for name in ("size", "color", "sold"):
        frame.loc[rng.random(n) < 0.1, name] = None
    frame.loc[:4, ["price", "kind"]] = None
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the table, and a model of each task that `train` made."""
    path = tmp_path_factory.mktemp("cli")
    shop().to_csv(path / "shop.csv", index=False)
    here = os.getcwd()
    os.chdir(path)
    try:
        for target, other in (("price", "kind"), ("kind", "price")):
            line = f"train shop.csv --target {target} --ignore {other} --out {target}.safetensors"
            assert main([*line.split(), *QUICK]) == 0
        yield path
    finally:
        os.chdir(here)


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


def run(line, *more):
    return main([*line.split(), *more])


def fails(line, code, message, capsys, *more):
    """A line ends with a code, and the last line on stderr says why."""
    try:
        found = main([*line.split(), *more])
    except SystemExit as error:  # of argparse
        found = error.code
    out, err = capsys.readouterr()
    assert found == code
    last = err.splitlines()[-1]
    assert last.startswith("fastnn: error: ")
    assert re.search(message, last), last
    assert out == "" or line.startswith("train")


# ---- train -------------------------------------------------------------------------------------


def test_train_shows_what_it_found_and_how_good_it_is(capsys):
    line = "train shop.csv --target price --ignore kind,id --out new.safetensors --report new.html"
    assert run(line, "--hidden", "16", "--epochs", "60") == 0
    out, err = capsys.readouterr()
    assert "shop.csv: 300 rows, 7 columns" in out
    assert re.search(r"^size +number +\d+\.\d% +\S+ to \S+, median \S+$", out, re.M)
    assert re.search(r"^color +text +\d+\.\d% +3 different: ", out, re.M)
    assert re.search(r"^sold +date +\d+\.\d% +2024-01-\d\d to 2025-1\d-\d\d$", out, re.M)
    assert re.search(r"^price +number, target +1\.7% ", out, re.M)
    assert "task: regression (price has " in out
    assert "rows: 236 train, 59 validate" in out
    training, validation, base = map(
        float, re.search(r"^R2 +(\S+) +(\S+) +(\S+)$", out, re.M).groups()
    )
    assert training > 0.7
    assert validation > 0.5
    assert abs(base) < 0.1
    assert "model: new.safetensors\nreport: new.html\n" in out
    assert err == "fastnn: 5 rows without price are left out\n"
    os.remove("new.safetensors")
    os.remove("new.html")


def test_it_learns_classes(capsys):
    assert run("evaluate kind.safetensors shop.csv --json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["rows"] == 295
    assert scores["accuracy"] > 0.8
    assert set(scores) == {"rows", "accuracy", "balanced accuracy", "F1", "ROC AUC", "log loss"}


def test_ids_and_row_numbers_are_left_out(capsys):
    frame = shop().drop(columns="kind")
    frame.insert(0, "row", range(1, 301))
    frame.to_csv("numbered.csv", index=False)
    assert run("train numbered.csv --target price --out numbered.safetensors --epochs 1") == 0
    err = capsys.readouterr().err
    assert "fastnn: column 'row' is left out: it is the number of the row" in err
    assert "fastnn: column 'id' is left out: " in err
    assert [c.name for c in _model.load(model("numbered")).columns] == [
        "size",
        "color",
        "sold",
        "new",
    ]


def model(name):
    return Path(f"{name}.safetensors")


def test_the_same_line_gives_the_same_model():
    line = "train shop.csv --target kind --ignore price --out again.safetensors"
    for threads in ("1", "2"):
        assert run(line, *QUICK, "--threads", threads) == 0
        again, first = _model.load(model("again")), _model.load(model("kind"))
        assert (again.estimator.network_.parameters == first.estimator.network_.parameters).all()
    assert run(line, *QUICK, "--seed", "1") == 0
    again = _model.load(model("again"))
    assert (again.estimator.network_.parameters != first.estimator.network_.parameters).any()


def test_settings_reach_the_network():
    line = "train shop.csv --target price --ignore kind --out set.safetensors --hidden 7,5"
    assert run(line, *["--activation", "tanh", "--dropout", "0.1", "--epochs", "2", "--quiet"]) == 0
    estimator = _model.load(model("set")).estimator
    assert [spec for spec in estimator.network_.specs if isinstance(spec, fastnn.Dropout)]
    assert estimator.hidden_layer_sizes == (7, 5)
    assert estimator.n_iter_ == 2


@pytest.mark.parametrize(
    ("target", "task", "kind"),
    [
        ("size", "auto", fastnn.MLPRegressor),
        ("new", "auto", fastnn.MLPClassifier),
        ("stars", "auto", fastnn.MLPClassifier),
        ("stars", "regression", fastnn.MLPRegressor),
        ("kind", "classification", fastnn.MLPClassifier),
    ],
)
def test_tasks(target, task, kind):
    shop().assign(stars=np.arange(300) % 5).to_csv("tasks.csv", index=False)
    line = f"train tasks.csv --target {target} --task {task} --out task.safetensors --epochs 1"
    assert run(line, "--quiet") == 0
    found = _model.load(model("task"))
    assert type(found.estimator) is kind
    assert found.info["target"] == target
    if kind is fastnn.MLPClassifier:
        known = shop().assign(stars=np.arange(300) % 5)[target].dropna().unique().tolist()
        assert found.estimator.classes_.tolist() == sorted(known)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train shop.csv", "required: --target"),
        (
            "train shop.csv --target price --epochs 0",
            "--epochs: got '0', want a whole number from 1",
        ),
        ("train shop.csv --target price --lr 0", "--lr: got '0', want a number above 0"),
        ("train shop.csv --target price --validation 1", "want a number above 0 to below 1"),
        ("train shop.csv --target price --hidden 3,x", "--hidden: got '3,x', want widths such as"),
        ("train shop.csv --target price --sep ab", "--sep: got 'ab', want one character"),
        ("train shop.csv --target price --epoch 3", "unrecognized arguments: --epoch 3"),
        ("train shop.csv --target price --task cluster", "invalid choice: 'cluster'"),
        ("predict kind.safetensors", "required: data"),
        ("export kind.safetensors --to pmml --out m", "invalid choice: 'pmml'"),
    ],
)
def test_lines_that_make_no_sense(line, message, capsys):
    fails(line, 2, message, capsys)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train no.csv --target price", "^fastnn: error: no.csv: there is no such file$"),
        ("train shop.csv --target cost", "--target: shop.csv: no column 'cost'; it has 'id', 's"),
        ("train shop.csv --target color --task regression", "line 2, column 'color': '.*' is not"),
        ("train shop.csv --target price --task classification", "line 7, column 'price': .* is no"),
        ("train shop.csv --target id", "'id' has 300 classes in 300 rows, want at most half"),
        ("train shop.csv --target sold", "--target: 'sold' is of dates"),
        ("train shop.csv --target price --out no/model", "--out: there is no folder no"),
        ("train shop.csv --target price --out .", "--out: . is a folder, want a file"),
        ("train shop.csv --target price --out shop.csv", "--out: shop.csv is what is read, and"),
        ("train shop.csv --target price --out a --report ./a", "--report: a is --out too"),
        ("train shop.csv --target price --report shop.csv", "--report: shop.csv is what is read"),
        ("predict no.safetensors shop.csv", "no.safetensors: there is no such file"),
        ("predict shop.csv shop.csv", "shop.csv is not a .*saved by fastnn"),
        ("predict kind.safetensors no.csv", "no.csv: there is no such file"),
        ("predict price.safetensors shop.csv --proba", "--proba: price.safetensors is of a reg"),
        ("predict kind.safetensors shop.csv --out p.xls", "p.xls: want a name that ends in one of"),
        ("predict kind.safetensors shop.csv --out shop.csv", "--out: shop.csv is what is read"),
        ("predict kind.safetensors shop.csv --keep x", "--keep: shop.csv: no column 'x'"),
        ("evaluate kind.safetensors shop.csv --target x", "--target: shop.csv: no column 'x'"),
        ("evaluate kind.safetensors shop.csv --target color", "column 'color': .* no class of"),
        ("inspect shop.csv", "shop.csv is not a .*saved by fastnn"),
        ("export kind.safetensors --out m.txt", "--to: none given, and m.txt ends in neither"),
        ("export kind.safetensors --out kind.safetensors --to c", "is what is read, and would"),
    ],
)  # fmt: skip
def test_input_that_cannot_be_used(line, message, capsys):
    before = sorted(os.listdir())
    fails(line, 2, message, capsys)
    assert sorted(os.listdir()) == before


def test_a_model_is_replaced_only_when_asked(capsys):
    line = "train shop.csv --target price --ignore kind"
    assert run(line, *QUICK) == 0
    assert capsys.readouterr().out.endswith("model: model.safetensors\n")
    fails(
        line,
        2,
        "--out: model.safetensors is there already; pass --out model.safetensors to",
        capsys,
    )
    assert run(f"{line} --out model.safetensors", *QUICK) == 0
    os.remove("model.safetensors")


def test_a_target_that_says_nothing(capsys):
    pd.DataFrame({"a": range(20), "b": 1.5, "c": "x", "d": [1.0, *[None] * 19], "e": 7}).to_csv(
        "flat.csv"
    )
    for target, message in (
        ("b", "flat.csv: 'b' is 1.5 in all rows"),
        ("c", "flat.csv: 'c' is 'x' in all rows"),
        ("e", "flat.csv: 'e' is 7 in all rows"),
        ("d", "flat.csv: 1 rows have a value of 'd', want at least 10"),
    ):
        fails(f"train flat.csv --target {target}", 2, message, capsys)


def test_a_training_that_diverges(capsys):
    before = sorted(os.listdir())
    line = "train shop.csv --target price --ignore kind --lr 1e30 --out diverged.safetensors"
    assert run(line, "--quiet") == 1
    assert re.search(
        r"^fastnn: error: the training failed: .* lower --lr ", capsys.readouterr().err
    )
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("target", ["price", "kind"])
@pytest.mark.parametrize("lr", [10, 100])
def test_a_training_that_diverges_to_a_loss_that_is_finite(target, lr, capsys):
    before = sorted(os.listdir())
    line = f"train shop.csv --target {target} --lr {lr} --out diverged.safetensors --quiet"
    assert run(line) == 1
    message = (
        r"the training diverged: in none of its epochs .* \(at best .*\)\. A lower --lr may help\."
    )
    assert re.fullmatch(rf"fastnn: error: {message}\n", capsys.readouterr().err)
    assert sorted(os.listdir()) == before


def test_a_training_that_ends_far_off_after_a_good_epoch(capsys, monkeypatch):
    """By a loss that is finite, which is told alike."""
    monkeypatch.setattr(
        fastnn.schedules, "Cosine", lambda lr, steps: fastnn.schedules.Exponential(lr, 1.2)
    )
    line = "train shop.csv --target price --ignore kind --out end.safetensors --epochs 9 --quiet"
    assert run(line, "--batch-size", "32") == 1
    assert re.fullmatch(
        r"fastnn: error: the training diverged in epoch 9; end.safetensors is of epoch \d, .*\n",
        capsys.readouterr().err,
    )
    assert run("evaluate end.safetensors shop.csv --quiet") == 0


def test_a_model_that_is_no_better_than_a_guess(capsys):
    rng = np.random.default_rng(0)
    rows = "".join(f"{x:.3f},{y:.3f},{'ab'[int(y > 0)]}\n" for x, y in rng.normal(size=(200, 2)))
    Path("noise.csv").write_text("x,y,c\n" + rows)
    note = "fastnn: the model is no better than the baseline, a guess from {} alone\n"
    for target, other in ("yc", "cy"):
        line = f"train noise.csv --target {target} --ignore {other} --out noise.safetensors"
        assert run(line, "--epochs", "1", "--lr", "0.0001") == 0
        assert note.format(target) in capsys.readouterr().err
    assert run("train shop.csv --target price --ignore kind --out noise.safetensors") == 0
    assert "no better" not in capsys.readouterr().err


def test_a_training_that_diverges_after_a_good_epoch(capsys, monkeypatch):
    """The best epoch is kept, and a script sees that it went wrong."""

    def rising(lr, steps):
        return fastnn.schedules.Exponential(lr, 1.5)

    monkeypatch.setattr(fastnn.schedules, "Cosine", rising)
    line = "train shop.csv --target price --ignore kind --out late.safetensors --report late.html"
    assert run(line, *QUICK) == 1
    out, err = capsys.readouterr()
    found = re.fullmatch(
        r"fastnn: error: the training diverged in epoch (\d+); late.safetensors is of epoch (\d+), "
        r"the best before. A lower --lr may help.\n",
        err,
    )
    assert found, err
    diverged, kept = map(int, found.groups())
    assert 1 <= kept < diverged < 30
    assert "trained in" in out
    assert f": {diverged} epochs, kept is epoch {kept}\n" in out
    assert "</html>" in Path("late.html").read_text("utf-8")
    assert run("predict late.safetensors shop.csv --quiet") == 0
    predicted = capsys.readouterr().out.split()[1:]
    assert np.isfinite(np.array(predicted, float)).all()


def test_what_is_missing_is_named(capsys, monkeypatch):
    for module in ("pandas", "pyarrow", "sklearn", "matplotlib"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            line = "train shop.csv --target price --out x.safetensors --report x.html"
            fails(line, 1, rf'needs {module}, .*: pip install "fastnn\[tables\]"', capsys)


def test_a_full_disk(capsys, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device", "full.safetensors")

    monkeypatch.setattr(_model, "write", full)
    line = "train shop.csv --target price --ignore kind --out full.safetensors"
    assert run(line, *QUICK) == 1
    assert "No space left on device: 'full.safetensors'" in capsys.readouterr().err
    assert not [name for name in os.listdir() if "full" in name]


# ---- which rows train --------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [[50, 50], [97, 3], [99, 1], [40, 30, 20, 5, 2, 2, 1], [2] * 30])
def test_every_class_trains(counts):
    y = pd.Series(np.repeat([f"c{i}" for i in range(len(counts))], counts))
    X = pd.DataFrame({"x": np.arange(len(y))})
    for seed in range(5):
        rows = _rows.split("classification", X, y, 0.2, seed)
        assert set(rows.y) == set(y)
        assert sorted([*rows.X["x"], *rows.X_val["x"]]) == list(range(len(y)))
        assert (rows.X.index == rows.y.index).all()
        assert (rows.X_val.index == rows.y_val.index).all()
        assert 1 <= len(rows.y_val) <= 0.2 * len(y) + 1


def test_no_row_is_left_to_validate():
    y = pd.Series([f"c{i}" for i in range(10)])
    with pytest.raises((InputError, ValueError)):
        _rows.split("classification", pd.DataFrame({"x": y}), y, 0.2, 0)


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"),
    [(100, 32, 200), (10_000, 64, 63), (43_152, 256, 59), (10**6, 512, 20)],
)
def test_settings_go_by_the_rows(rows, batch, epochs):
    from fastnn.cli.train import _parser

    options = _parser().parse_args(["t.csv", "--target", "y"])
    found = _model.Settings.of(options, rows)
    assert (found.batch_size, found.epochs) == (batch, epochs)
    options = _parser().parse_args(
        ["t.csv", "--target", "y", "--batch-size", "7", "--epochs", "3", "--patience", "2"]
    )
    found = _model.Settings.of(options, rows)
    assert (found.batch_size, found.epochs, found.patience) == (7, 3, 2)


# ---- predict, evaluate, inspect ----------------------------------------------------------------


def frame():
    return pd.read_csv("shop.csv")


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.csv.gz", "p.parquet"])
def test_predictions_are_those_of_python(name):
    assert run(f"predict price.safetensors shop.csv --out {name} --keep id,color") == 0
    read = pd.read_parquet if name.endswith("parquet") else pd.read_csv
    table = read(name, sep="\t") if name.endswith("tsv") else read(name)
    assert table.columns.tolist() == ["id", "color", "prediction"]
    assert table["id"].tolist() == frame()["id"].tolist()
    wanted = fastnn.load("price.safetensors").predict(frame())
    np.testing.assert_array_equal(table["prediction"].astype(wanted.dtype), wanted)
    os.remove(name)


def test_probabilities_on_stdout(capsys):
    assert run("predict kind.safetensors shop.csv --proba") == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "prediction,proba_cheap,proba_dear"
    estimator = fastnn.load("kind.safetensors")
    wanted = estimator.predict_proba(frame())
    found = np.array([line.split(",")[1:] for line in lines[1:]], float)
    np.testing.assert_array_equal(found.astype(wanted.dtype), wanted)
    assert [line.split(",")[0] for line in lines[1:]] == estimator.predict(frame()).tolist()


def test_a_table_of_another_order_and_a_table_that_lacks_a_column(capsys):
    mixed = frame()[["new", "price", "sold", "color", "size", "id"]].assign(more=1)
    mixed.to_csv("mixed.csv", index=False)
    assert run("predict price.safetensors mixed.csv --out a.csv") == 0
    assert run("predict price.safetensors shop.csv --out b.csv") == 0
    with open("a.csv") as a, open("b.csv") as b:
        assert a.read() == b.read()
    mixed.drop(columns=["size", "sold"]).to_csv("lacks.csv", index=False)
    fails(
        "predict price.safetensors lacks.csv",
        2,
        "lacks.csv: no column 'size', 'sold'; it has",
        capsys,
    )


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("size", "tall", "line 9, column 'size': 'tall' is not a number"),
        ("size", "1e50", "line 9, column 'size': 1e[+]50 is infinite, or beyond"),
        ("sold", "2024-13-01", "line 9, column 'sold': '2024-13-01' is not a date"),
        ("new", "maybe", "line 9, column 'new': 'maybe' is not a bool"),
    ],
)
def test_a_value_that_the_model_cannot_take(column, value, message, capsys):
    table = frame().astype(object)
    table.loc[7, column] = value
    table.to_csv("bad.csv", index=False)
    fails("predict price.safetensors bad.csv", 2, message, capsys)


def test_numbers_of_categories_that_nobody_has_seen(capsys):
    table = frame().astype(object)
    table["color"] = 7
    table.to_csv("strange.csv", index=False)
    assert run("predict price.safetensors strange.csv") == 0
    out = capsys.readouterr().out.splitlines()[1:]
    wanted = fastnn.load("price.safetensors").predict(table.assign(color="7"))
    assert np.array(out, wanted.dtype).tolist() == wanted.tolist()


def test_evaluate_is_what_train_has_said(capsys):
    assert run("evaluate price.safetensors shop.csv") == 0
    out, err = capsys.readouterr()
    assert err == "fastnn: 5 rows without price are left out\n"
    assert out.splitlines()[0].split() == ["295", "rows"]
    rows = dict(line.rsplit(maxsplit=1) for line in out.splitlines()[1:])
    known = frame().dropna(subset=["price"])
    estimator = fastnn.load("price.safetensors")
    wanted = _measures.of_numbers(known["price"], estimator.predict(known))
    assert {name.strip(): value for name, value in rows.items()} == {
        name: _measures.text(name, value) for name, value in wanted.items()
    }


def test_inspect(capsys):
    assert run("inspect kind.safetensors") == 0
    out = capsys.readouterr().out
    assert "kind.safetensors: classification of kind\nclasses: cheap, dear\n" in out
    assert "trained on shop.csv: python -m fastnn train shop.csv --target kind" in out
    assert re.search(r"^color +text +3 levels as 0 or 1: blue, green, red$", out, re.M)
    assert re.search(r"^size +number +\(x - \S+\) / \S+, missing: \S+$", out, re.M)
    assert re.search(r"^sold +date +year, month", out, re.M)
    assert "parameters, float32" in out
    assert run("inspect price.safetensors --json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["task"] == "regression"
    assert facts["target"] == "price"
    assert [c["kind"] for c in facts["columns"]] == ["number", "text", "date", "bool"]
    assert facts["training"]["data"] == "shop.csv"


def test_a_model_that_python_has_trained(capsys):
    table = frame().dropna(subset=["kind"])
    estimator = fastnn.MLPClassifier([8], max_iter=3, tol=0.0, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        estimator.fit(table[["size", "color"]], table["kind"])
    estimator.save("python.safetensors")
    assert run("predict python.safetensors shop.csv --quiet") == 0
    assert capsys.readouterr().out.splitlines()[1:] == estimator.predict(frame()).tolist()
    fails(
        "evaluate python.safetensors shop.csv",
        2,
        "--target: .* does not know what its target",
        capsys,
    )
    assert run("evaluate python.safetensors shop.csv --target kind --quiet") == 0
    assert run("inspect python.safetensors") == 0
    assert "python.safetensors: classification\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "info",
    [
        [],
        {"target": 3},
        {"target": "kind"},
        {**dict.fromkeys(("target", "task", "data", "command"), "x"), "scores": 1},
    ],
)
def test_what_else_may_stand_in_a_file(info, capsys):
    estimator = _model.load(model("kind")).estimator
    _model.save(estimator, model("else"), info)
    assert _model.load(model("else")).info == {}
    assert run("inspect else.safetensors") == 0
    assert "else.safetensors: classification\n" in capsys.readouterr().out


def test_a_network_alone_is_no_model_of_tables(capsys):
    fastnn.Sequential([fastnn.Dense(1)], input_size=2).save("net.safetensors")
    fails("predict net.safetensors shop.csv", 2, "that was not trained on a table", capsys)


# ---- as a program ------------------------------------------------------------------------------


def start(line, **options):
    arguments = [sys.executable, "-m", "fastnn", *line.split()]
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(fastnn.__file__))}
    return subprocess.Popen(arguments, stdout=pipe, stderr=pipe, env=environment, **options)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize(
    ("number", "code", "why"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_signal_leaves_no_file(number, code, why):
    shop(3000).to_csv("long.csv", index=False)
    before = sorted(os.listdir())
    process = start(
        "train long.csv --target price --out long.safetensors --epochs 1000000 --lr 1e-5"
    )
    for line in process.stdout:
        if line.startswith(b"rows:"):
            break
    time.sleep(0.5)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err.decode().splitlines()[-1] == f"fastnn: error: ended by {why}"
    assert b"Traceback" not in err
    assert sorted(os.listdir()) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_a_signal_while_a_model_is_written_keeps_the_old_one():
    """The file beside it goes, too."""
    shutil.copy("price.safetensors", "kept.safetensors")
    raw, before = Path("kept.safetensors").read_bytes(), sorted(os.listdir())
    program = """if True:
        import os, runpy, signal, sys
        os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGTERM)  # the last moment
        sys.argv[0] = "fastnn"
        runpy.run_module("fastnn", run_name="__main__", alter_sys=True)
    """
    line = "train shop.csv --target price --ignore kind --out kept.safetensors"
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(fastnn.__file__))}
    done = subprocess.run(
        [sys.executable, "-c", program, *line.split(), *QUICK],
        env=environment, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 143, done.stderr
    assert Path("kept.safetensors").read_bytes() == raw
    assert sorted(os.listdir()) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows reports a closed pipe as another error")
def test_a_reader_that_has_seen_enough():
    pd.concat([frame()] * 50).to_csv("many.csv", index=False)
    with start("predict price.safetensors many.csv") as process:
        assert process.stdout.readline() == b"prediction\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


# ---- real tables -------------------------------------------------------------------------------


def session(text):
    """The commands of a page's console blocks, each with the lines that it prints."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        for part in block.removeprefix("$ ").split("\n$ "):
            command, *lines = part.strip("\n").split("\n")
            yield command, lines


def shape(lines):
    """Lines without what another machine may do differently: digits, and so widths."""
    return [re.sub(r"[\d., ]+", " ", line).strip() for line in lines]


@real
def test_the_page_tells_what_happens(tmp_path, monkeypatch, capsys):
    page = Path(__file__).parent.parent / "docs" / "howto" / "command-line.md"
    if not page.exists():
        pytest.skip("an installed fastnn, without its documentation")
    shutil.copy(Path(DATA) / "diamonds.csv.gz", tmp_path)
    monkeypatch.chdir(tmp_path)
    table = pd.read_csv("diamonds.csv.gz", nrows=3).astype(object)
    table.loc[1, "depth"] = "61.8mm"
    table.to_csv("broken.csv", index=False)
    commands = list(session(page.read_text("utf-8")))
    assert len(commands) == 7
    for command, told in commands:
        program, *words = shlex.split(command)
        if program == "head":
            lines = Path(words[1]).read_text().splitlines()[: -int(words[0])]
        else:
            assert [program, *words[:2]] == ["python", "-m", "fastnn"]
            assert main(words[2:]) == (2 if "broken.csv" in words else 0)
            printed = capsys.readouterr()
            lines = (printed.out + printed.err).rstrip("\n").splitlines()
        assert shape(lines) == shape(told), command


@real
def test_flights_from_csv_to_report(tmp_path, capsys):
    model, page = tmp_path / "delay.safetensors", tmp_path / "delay.html"
    line = ["train", f"{DATA}/flights.csv.gz", "--target", "arr_delay", "--epochs", "2"]
    assert main([*line, "--out", str(model), "--report", str(page)]) == 0
    out, err = capsys.readouterr()
    assert "fastnn: 9,430 rows without arr_delay are left out" in err
    assert "rows: 261,876 train, 65,470 validate" in out
    assert float(re.search(r"^R2 +\S+ +(\S+)", out, re.M)[1]) > 0.85
    assert page.stat().st_size > 20_000
