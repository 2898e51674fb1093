"""A model of the command line answers the same in Python, ONNX Runtime and C."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

import numpy as np
import pytest

import fastnn
from fastnn.__main__ import main

pd = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")

from test_cli import shop  # noqa: E402
from test_export_tables import answers, answers_of_c  # noqa: E402

from fastnn.exchange import onnx_inputs  # noqa: E402


def strange(n=80):
    """Rows that training has not seen, of a color and a day that it has not either."""
    frame = shop(n, seed=1)
    frame.loc[:9, "color"] = "purple"
    frame.loc[5:14, "sold"] = "2031-12-31"
    return frame


@pytest.fixture(scope="module", params=["price", "kind", "stars"])
def travelled(request, tmp_path_factory):
    """A folder with model.safetensors, .onnx and .h, and what `predict` says of strange rows."""
    folder = tmp_path_factory.mktemp(request.param)
    table, model = folder / "shop.csv", folder / "model.safetensors"
    # Classes of whole numbers; more shops than one-hot columns are for.
    shop().assign(stars=np.arange(300) % 4 + 1, shop=[f"shop {i % 23}" for i in range(300)]).to_csv(
        table, index=False
    )
    strange().assign(shop=[f"shop {i % 25}" for i in range(80)]).to_csv(
        folder / "strange.csv", index=False
    )
    ignored = ",".join({"id", "kind", "stars"} - {request.param})
    line = ["train", table, "--target", request.param, "--ignore", ignored, "--out", model]
    assert run(*line, "--epochs", 15, "--hidden", "16,8", "--quiet") == 0
    for name in ("model.onnx", "model.h"):
        assert run("export", model, "--out", folder / name) == 0
    proba = [] if request.param == "price" else ["--proba"]
    said = folder / "said.csv"
    assert run("predict", model, folder / "strange.csv", "--out", said, *proba, "--quiet") == 0
    return folder, pd.read_csv(said)


def run(*line):
    return main(list(map(str, line)))


def same(found, wanted):
    wanted = np.asarray(wanted, "float64")
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def rows(folder):
    return pd.read_csv(folder / "strange.csv")


def test_in_python(travelled):
    folder, said = travelled
    estimator = fastnn.load(folder / "model.safetensors")
    kinds = {column.name: column.kind for column in estimator.preprocessor_.columns_}
    assert kinds.items() >= {
        "size": "numeric", "color": "one_hot", "sold": "date", "new": "one_hot", "shop": "category",
    }.items()  # fmt: skip
    assert estimator.predict(rows(folder)).tolist() == pytest.approx(said["prediction"].tolist())
    if len(said.columns) > 1:
        same(estimator.predict_proba(rows(folder)), said.iloc[:, 1:])


def test_in_onnx_runtime(travelled):
    folder, said = travelled
    inputs = onnx_inputs(fastnn.load(folder / "model.safetensors"), rows(folder))
    found = answers(folder / "model.onnx", inputs)
    if len(said.columns) == 1:
        same(found[0].ravel(), said["prediction"])
        return
    labels, probabilities = found
    assert labels.tolist() == said["prediction"].tolist()
    same(probabilities, said.iloc[:, 1:])


def test_in_c(travelled):
    folder, said = travelled
    estimator = fastnn.load(folder / "model.safetensors")
    classes = getattr(estimator, "classes_", None)
    outputs = 1 if classes is None else len(classes)
    label = "" if classes is None else label_in_c(classes)
    columns = estimator.preprocessor_.columns_
    statuses, numbers, labels = answers_of_c(folder, columns, rows(folder), outputs, label)
    assert not any(statuses)
    if classes is None:
        same(numbers[:, 0], said["prediction"])
        return
    assert labels == said["prediction"].astype(str).tolist()
    same(numbers, said.iloc[:, 1:])


def test_parquet_of_all_types_in_python(tmp_path):
    """By what pandas, polars and Arrow make of the file themselves."""
    rng, n = np.random.default_rng(0), 60
    moments = pd.Series(pd.date_range("2024-03-30", periods=n, freq="7h", tz="Europe/Berlin"))
    frame = pd.DataFrame(
        {
            "at": moments.where(rng.random(n) < 0.9),
            "took": pd.to_timedelta(rng.integers(0, 9999, n), "s"),
            "clock": moments.dt.time,
            "level": pd.Categorical(rng.choice(list("abc"), n)),
            "flag": rng.random(n) < 0.5,
            "half": rng.random(n).astype("float32"),
            "y": rng.random(n),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    path, model, said = (tmp_path / name for name in ("t.parquet", "m.safetensors", "p.parquet"))
    assert run("train", path, "--target", "y", "--out", model, "--epochs", 3, "--quiet") == 0
    assert run("predict", model, path, "--out", said) == 0
    wanted = pd.read_parquet(said)["prediction"]
    estimator = fastnn.load(model)
    assert len(estimator.preprocessor_.columns_) == 6
    tables = [pd.read_parquet(path), pyarrow.parquet.read_table(path)]
    if find_spec("polars"):
        tables.append(importlib.import_module("polars").read_parquet(path))
    for table in tables:
        same(estimator.predict(table), wanted)


def label_in_c(classes):
    kind = "%s" if isinstance(classes[0], str) else "%ld"
    cast = "" if kind == "%s" else "(long)"
    return f'printf("\\t{kind}", {cast}model_label(y));'
