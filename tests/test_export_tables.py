"""Models that travel with their tables: ONNX and C answer what Python does, gaps and all."""

import os
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastnn
from fastnn.exchange import _c_tables, _onnx_tables, onnx_inputs

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

RNG = np.random.default_rng(11)
N = 400
DIAMONDS = Path(os.environ.get("FASTNN_DATA") or "../shared/data") / "diamonds.csv.gz"


def table(seed=0, n=N, strangers=False):
    """A table of every kind of column, with gaps; with `strangers` also what fit has not seen."""
    rng = np.random.default_rng(seed)
    hours = pd.to_timedelta(rng.integers(0, 4000 * 24, n), "h")
    days = pd.to_timedelta(rng.integers(0, 900, n), "D")
    frame = pd.DataFrame(
        {
            "carat": rng.lognormal(size=n),
            "a long name, with (signs)": rng.normal(size=n) * 1e4 + 1e5,
            "cut": rng.choice(["fair", "good", 'it\'s "ideal"?', "zü\\rich*/"], n),
            "city": rng.choice([f"city {i}" for i in range(30)], n),
            "open": rng.choice([True, False], n),
            "store": pd.Categorical(rng.integers(1, 4, n)),
            "shelf": pd.Categorical(rng.integers(100, 130, n)),
            "when": pd.Timestamp("1996-02-27 23:00") + hours,
            "day": (pd.Timestamp("2023-11-30") + days).astype(str),
            "useless": "same",
        }
    )
    frame.loc[rng.random(n) < 0.1, "carat"] = np.nan
    for name in ("cut", "city", "when", "day"):
        frame.loc[rng.random(n) < 0.1, name] = None
    frame["open"] = frame["open"].astype(object).where(rng.random(n) > 0.1, None)
    if strangers:
        frame["store"], frame["shelf"] = frame["store"].astype(int), frame["shelf"].astype(int)
        for name, value in {"cut": "awful", "city": "nowhere", "store": 17, "shelf": 5}.items():
            frame.loc[rng.random(n) < 0.2, name] = value
        frame["store"], frame["shelf"] = (
            pd.Categorical(frame["store"]),
            pd.Categorical(frame["shelf"]),
        )
        frame.loc[0, "when"] = pd.Timestamp("1901-03-01 00:00:59")
        frame.loc[1, "when"] = pd.Timestamp("2100-02-28 23:59:59")
        frame.loc[2, "when"] = pd.Timestamp("2000-02-29")
    return frame


def network(preprocessor, dtype="float32", last=None):
    embeddings = {at: (codes, size) for at, codes, size in preprocessor.embeddings_}
    layers = [fastnn.Embedding(embeddings)] if embeddings else []
    layers += [fastnn.Dense(8, activation="silu"), last or fastnn.Dense(3)]
    return fastnn.Sequential(layers, sum(c.width for c in preprocessor.columns_), dtype=dtype)


def check_classes(found, want, said):
    """Labels and probabilities of a model against those of an estimator."""
    if isinstance(want, list):
        assert (np.stack(found[::2], axis=1) == said).all()
        for got, one in zip(found[1::2], want, strict=True):
            assert_same(got, one)
        return
    labels, probabilities = found
    assert labels.shape == said.shape
    assert (labels == said).all()
    assert_same(probabilities, want)


def trained(mlp, X, y):
    with pytest.warns(match="converged"):
        return mlp.set_params(hidden_layer_sizes=[8], max_iter=3).fit(X, y)


def assert_same(got, want):
    """Within a relative 1e-5 of the largest value."""
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def answers(path, inputs):
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert sorted(inputs) == sorted(item.name for item in session.get_inputs())
    return session.run(None, inputs)


def literal(value, text):
    """A value of a table as a constant of C."""
    missing = value is None or value != value or value is pd.NaT
    if text:
        return "NULL" if missing else _c_tables.text(str(value))
    return "NAN" if missing else repr(float(value))


def answers_of_c(folder, columns, X, outputs, label=""):
    """What a program prints for the rows of a table: status, label, numbers."""
    rows = []
    for _, row in X.iterrows():
        values = (literal(row[column.name], _c_tables.of_text(column)) for column in columns)
        rows.append("{" + ", ".join(values) + "}")
    (folder / "main.c").write_text(
        '#include <stdio.h>\n#include "model.h"\n'
        f"static const model_row rows[] = {{{', '.join(rows)}}};\n"
        "int main(void) {\n"
        f"  for (int i = 0; i < {len(rows)}; i++) {{\n"
        "    float y[MODEL_OUTPUTS] = {0};\n"
        '    printf("%d", model_predict_row(&rows[i], y));\n'
        "    for (int j = 0; j < MODEL_OUTPUTS; j++)\n"
        '      printf("\\t%.9g", y[j]);\n'
        f"    {label}\n"
        '    printf("\\n");\n'
        "  }\n  return 0;\n}\n"
    )
    for compiler in (["gcc", "-std=c99"], ["g++", "-std=c++11", "-x", "c++"]):
        if not shutil.which(compiler[0]):
            pytest.skip(f"needs {compiler[0]}")
        command = [
            *compiler,
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "main.c",
            "-o",
            "main",
            "-lm",
        ]
        subprocess.run(command, check=True, cwd=folder, timeout=100)
    run = subprocess.run([folder / "main"], capture_output=True, check=True, timeout=100)
    found = [line.split("\t") for line in run.stdout.decode().splitlines()]
    numbers = np.array([row[1 : 1 + outputs] for row in found], "float64")
    return [int(row[0]) for row in found], numbers, [row[-1] for row in found]


def test_every_kind_of_column_is_exported():
    kinds = set(fastnn.tables.columns.KINDS)
    assert set(_onnx_tables.COLUMNS) == kinds, "add it to fastnn/exchange/_onnx_tables.py"
    assert set(_c_tables.COLUMNS) == kinds, "add it to fastnn/exchange/_c_tables.py"


@pytest.mark.parametrize("strangers", [False, True])
def test_a_network_with_its_preprocessor_in_c(strangers, tmp_path):
    preprocessor = fastnn.TabularPreprocessor().fit(table())
    net = network(preprocessor)
    net.to_c(tmp_path / "model.h", preprocessor=preprocessor)
    X = table(1, 100, strangers=strangers)
    statuses, got, _ = answers_of_c(tmp_path, preprocessor.columns_, X, 3)
    assert not any(statuses)
    assert_same(got, net.predict(preprocessor.transform(X)))


def test_what_is_no_value_in_c(tmp_path):
    preprocessor = fastnn.TabularPreprocessor().fit(table())
    network(preprocessor).to_c(tmp_path / "model.h", preprocessor=preprocessor)
    names = [column.name for column in preprocessor.columns_]
    X = table(1, 12).astype(object)
    dates = ["2024-02-30", "2023-02-29", "2024-1-31", "2024-13-01", "20240131", "2024-01-31T25:00"]
    dates += ["0000-01-01", "2024-01-31x", "2024-01-31T12", "soon", "-", "2024-02-29T23:59:60"]
    X["day"] = dates
    statuses, got, _ = answers_of_c(tmp_path, preprocessor.columns_, X, 3)
    assert statuses == [names.index("day") + 1] * 12
    assert (got == 0).all()  # left alone
    for text in dates:
        with pytest.raises(ValueError, match="want a date as in fit"):
            preprocessor.transform(X[:1].assign(day=text))


def test_numbers_in_c_have_the_digits_of_doubles(tmp_path):
    """Too large ones are refused, as in Python; and categories told apart that floats do not."""
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "n": pd.Categorical([2**24, 2**24 + 1] * 2)})
    preprocessor = fastnn.TabularPreprocessor(min_frequency=1).fit(frame)
    net = network(preprocessor)
    net.to_c(tmp_path / "model.h", preprocessor=preprocessor)
    statuses, got, _ = answers_of_c(tmp_path, preprocessor.columns_, frame, 3)
    assert not any(statuses)
    assert_same(got, net.predict(preprocessor.transform(frame)))
    X = frame.assign(x=[1e39, -1e300, 3, 1e30])
    assert answers_of_c(tmp_path, preprocessor.columns_, X, 3)[0] == [1, 1, 0, 0]
    for row, wrong in enumerate([True, True, False, False]):
        with pytest.raises(ValueError, match="finite") if wrong else nullcontext():
            preprocessor.transform(X[row : row + 1])


@pytest.mark.parametrize("strangers", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_with_its_preprocessor(dtype, strangers, tmp_path):
    preprocessor = fastnn.TabularPreprocessor().fit(table())
    assert {column.kind for column in preprocessor.columns_} == {
        "numeric", "one_hot", "category", "date"
    }  # fmt: skip
    net = network(preprocessor, dtype)
    net.to_onnx(tmp_path / "net.onnx", preprocessor=preprocessor)
    X = table(1, strangers=strangers)
    (got,) = answers(tmp_path / "net.onnx", onnx_inputs(preprocessor, X))
    assert_same(got, net.predict(preprocessor.transform(X)))


@pytest.mark.parametrize("numbers", ["float64", "float32"])
def test_numbers_are_double_unless_asked_otherwise(numbers, tmp_path):
    preprocessor = fastnn.TabularPreprocessor().fit(table())
    told = {} if numbers == "float64" else {"numbers": numbers}
    network(preprocessor).to_onnx(tmp_path / "net.onnx", preprocessor=preprocessor, **told)
    inputs = onnx_inputs(preprocessor, table(1), **told)
    assert {inputs[name].dtype for name in ("carat", "open", "store")} == {np.dtype(numbers)}
    assert np.isfinite(answers(tmp_path / "net.onnx", inputs)[0]).all()
    with pytest.raises(ValueError, match="numbers: got 'float16', want one of"):
        onnx_inputs(preprocessor, table(1), numbers="float16")
    with pytest.raises(ValueError, match="numbers: got 'float16', want one of"):
        network(preprocessor).to_onnx("net.onnx", preprocessor=preprocessor, numbers="float16")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_the_preprocessor_makes_is_the_same(dtype, tmp_path):
    """Each number to the last bit, by a network that passes them on, as no float32 input has."""
    preprocessor = fastnn.TabularPreprocessor(max_one_hot=100).fit(table())
    width = sum(c.width for c in preprocessor.columns_)
    net = fastnn.Sequential([fastnn.Dense(width)], width, dtype=dtype)
    net.layers[0].weights = np.eye(width)
    net.to_onnx(tmp_path / "net.onnx", preprocessor=preprocessor)
    X = table(2, strangers=True)
    (got,) = answers(tmp_path / "net.onnx", onnx_inputs(preprocessor, X))
    want = preprocessor.transform(X)
    assert (got == want).all()
    if dtype == "float32":
        net.to_c(tmp_path / "model.h", preprocessor=preprocessor)
        columns = preprocessor.columns_
        assert (answers_of_c(tmp_path, columns, X, width)[1].astype(dtype) == want).all()
    (row,) = answers(
        tmp_path / "net.onnx", {k: v[:1] for k, v in onnx_inputs(preprocessor, X).items()}
    )
    np.testing.assert_array_equal(row, got[:1])


IDS = [1, 2**24, 2**24 + 1, 2**40 - 1, 2**40, -7]


@pytest.mark.parametrize("max_one_hot", [2, 100])
@pytest.mark.parametrize(
    ("levels", "near"),
    [(IDS, 1), (IDS, 0.5), ([0.1, 0.25, 0.7, 1e30], 1e-12), ([True, False], 1e-9)],
)
def test_categories_that_are_numbers_are_the_same_to_the_last_digit(
    levels, near, max_one_hot, tmp_path
):
    fitted = pd.DataFrame({"id": pd.Categorical([*levels, None] * 3)})
    preprocessor = fastnn.TabularPreprocessor(max_one_hot=max_one_hot).fit(fitted)
    width = preprocessor.columns_[0].width
    net = fastnn.Sequential([fastnn.Dense(width)], width)
    net.layers[0].weights = np.eye(width)
    net.to_onnx(tmp_path / "net.onnx", preprocessor=preprocessor)
    values = [float(level) for level in levels]
    X = pd.DataFrame({"id": [*values, *(v + near for v in values), np.nan, 2.0**63, -1e30]})
    want = preprocessor.transform(X)
    (got,) = answers(tmp_path / "net.onnx", onnx_inputs(preprocessor, X))
    np.testing.assert_array_equal(got, want)
    assert len(np.unique(want, axis=0)) == len(levels) + 1


@pytest.mark.parametrize("kind", ["network", "regressor", "binary", "multilabel", "multioutput"])
def test_columns_may_be_called_as_anything_in_the_model_is(kind, tmp_path):
    names = ["label", "column_label", "output", "variable", "probabilities_1", "label_0", "/cast_2"]
    values = RNG.normal(size=(N, len(names)))
    X = pd.DataFrame(values, columns=names).mask(values > 2)
    preprocessor = fastnn.TabularPreprocessor().fit(X)
    if kind == "network":
        model = network(preprocessor)
        model.to_onnx(tmp_path / "net.onnx", preprocessor=preprocessor)
    else:
        mlp = fastnn.MLPRegressor() if kind == "regressor" else fastnn.MLPClassifier()
        model = trained(mlp, X, values[:, 0] if kind == "regressor" else targets(kind, values))
        model.to_onnx(tmp_path / "net.onnx")
        preprocessor = model
    inputs = onnx_inputs(preprocessor, X)
    assert list(inputs)[:2] == ["column_column_label", "column_label"]
    found = answers(tmp_path / "net.onnx", inputs)
    if kind in ("network", "regressor"):
        data = preprocessor.transform(X) if kind == "network" else X
        assert_same(found[0], model.predict(data).reshape(found[0].shape))
    else:
        check_classes(found, model.predict_proba(X), model.predict(X))


def targets(kind, X):
    return {
        "binary": X[:, 0] > 0,
        "multiclass": X[:, :3].argmax(axis=1) * 2,
        "strings": np.array(["no", "perhaps", "yes"])[X[:, :3].argmax(axis=1)],
        "multilabel": (X[:, :3] > 0).astype(int),
        "multioutput": np.stack([X[:, :3].argmax(axis=1), X[:, :4].argmax(axis=1) + 5], axis=1),
    }[kind]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "strings", "multilabel", "multioutput"])
def test_a_classifier(kind, tmp_path):
    X = RNG.normal(size=(N, 5)).astype("float32")
    y = targets(kind, X)
    mlp = trained(fastnn.MLPClassifier(), X, y)
    mlp.to_onnx(tmp_path / "mlp.onnx")
    found = answers(tmp_path / "mlp.onnx", onnx_inputs(mlp, X))
    check_classes(found, mlp.predict_proba(X), mlp.predict(X))


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gaussian_nll"])
@pytest.mark.parametrize("targets", [1, 2])
def test_a_regressor(loss, targets, tmp_path):
    X = RNG.normal(size=(N, 5)).astype("float32")
    y = np.exp(X[:, 0]) if targets == 1 else np.exp(X[:, :2])
    mlp = trained(fastnn.MLPRegressor(loss), X, y)
    mlp.to_onnx(tmp_path / "mlp.onnx")
    (got,) = answers(tmp_path / "mlp.onnx", onnx_inputs(mlp, X))
    assert_same(got, mlp.predict(X).reshape(len(X), targets))


LABELS = {
    "binary": 'printf("\\t%lld", model_label(y));',
    "multiclass": 'printf("\\t%lld", model_label(y));',
    "strings": 'printf("\\t%s", model_label(y));',
    "multilabel": "",
    "multioutput": 'printf("\\t%lld %lld", model_label_0(y), model_label_1(y));',
}


@pytest.mark.parametrize("kind", LABELS)
def test_a_classifier_of_tables(kind, tmp_path):
    y = targets(kind, np.random.default_rng(0).normal(size=(N, 5)))
    mlp = trained(fastnn.MLPClassifier(), table(), y)
    assert mlp.network_.specs[0].name == "embedding"
    X = table(1, 100, strangers=True)
    want, said = mlp.predict_proba(X), mlp.predict(X)
    mlp.to_onnx(tmp_path / "mlp.onnx")
    check_classes(answers(tmp_path / "mlp.onnx", onnx_inputs(mlp, X)), want, said)
    mlp.to_c(tmp_path / "model.h")
    columns = mlp.preprocessor_.columns_
    outputs = 7 if kind == "multioutput" else want.shape[1]
    statuses, got, labels = answers_of_c(tmp_path, columns, X, outputs, LABELS[kind])
    assert not any(statuses)
    assert_same(got, np.hstack(want) if kind == "multioutput" else want)
    if kind != "multilabel":
        plain = said.astype(int) if kind == "binary" else said
        assert labels == [" ".join(map(str, np.ravel(label))) for label in plain]


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gaussian_nll", "quantile"])
def test_a_regressor_of_tables(loss, tmp_path):
    y = np.random.default_rng(0).gamma(2, 300, size=N)
    if loss == "quantile":
        loss = fastnn.losses.Quantile((0.1, 0.5, 0.9))
    mlp = trained(fastnn.MLPRegressor(loss), table(), y)
    X = table(1, 100, strangers=True)
    want = mlp.predict(X).reshape(len(X), -1)
    mlp.to_c(tmp_path / "model.h")
    mlp.to_onnx(tmp_path / "mlp.onnx")
    (got,) = answers(tmp_path / "mlp.onnx", onnx_inputs(mlp, X))
    assert_same(got, want)
    assert_same(answers_of_c(tmp_path, mlp.preprocessor_.columns_, X, want.shape[1])[1], want)
    mlp.save(tmp_path / "mlp.safetensors")
    fastnn.load(tmp_path / "mlp.safetensors").to_onnx(tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "mlp.onnx").read_bytes()


def test_coefficients_that_were_set(tmp_path):
    X = RNG.normal(size=(N, 5))
    mlp = trained(fastnn.MLPRegressor(), X, X[:, 0])
    mlp.coefs_[0][:] *= 2
    mlp.to_onnx(tmp_path / "mlp.onnx")
    (got,) = answers(tmp_path / "mlp.onnx", onnx_inputs(mlp, X))
    assert_same(got[:, 0], mlp.predict(X))


@pytest.mark.skipif(not DIAMONDS.exists(), reason="no diamonds.csv.gz in FASTNN_DATA")
@pytest.mark.parametrize("target", ["price", "cut"])
def test_diamonds(target, tmp_path):
    frame = pd.read_csv(DIAMONDS).sample(3000, random_state=0)
    y = frame.pop(target)
    frame = frame.mask(RNG.random(frame.shape) < 0.05)
    train, rest = frame[:2000], frame[2000:].copy()
    rest.iloc[:50, rest.columns.get_loc("clarity")] = "unheard of"
    kind = fastnn.MLPRegressor if target == "price" else fastnn.MLPClassifier
    mlp = trained(kind(), train, y[:2000])
    mlp.to_onnx(tmp_path / "mlp.onnx")
    mlp.to_c(tmp_path / "model.h")
    found = answers(tmp_path / "mlp.onnx", onnx_inputs(mlp, rest))
    if target == "price":
        want = mlp.predict(rest)[:, None]
        assert_same(found[0], want)
    else:
        want = mlp.predict_proba(rest)
        check_classes(found, want, mlp.predict(rest))
    got = answers_of_c(tmp_path, mlp.preprocessor_.columns_, rest, want.shape[1])[1]
    assert_same(got, want)


def test_what_is_refused(tmp_path):
    preprocessor = fastnn.TabularPreprocessor().fit(table())
    net = fastnn.Sequential([fastnn.Dense(2)], 3)
    with pytest.raises(ValueError, match=r"preprocessor: it makes .* columns, and the net"):
        net.to_onnx(tmp_path / "net.onnx", preprocessor=preprocessor)
    with pytest.raises(TypeError, match="model: got 3, want a network or a fitted estimator"):
        fastnn.exchange.to_onnx(3, tmp_path / "net.onnx")
    with pytest.raises(TypeError, match=r"model: got MLPRegressor\(\), want a network or a fitted"):
        fastnn.exchange.to_onnx(fastnn.MLPRegressor(), tmp_path / "net.onnx")
    close = pd.DataFrame({"x": pd.Categorical([2**24, 2**24 + 1] * 3)})
    close = fastnn.TabularPreprocessor().fit(close)
    with pytest.raises(ValueError, match="categories of 'x' are the same in float32"):
        network(close).to_onnx(tmp_path / "net.onnx", preprocessor=close, numbers="float32")
    assert not list(tmp_path.iterdir())
