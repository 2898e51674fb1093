"""The estimators on tables as they are, and as files."""

import json
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
pd = pytest.importorskip("pandas")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import cross_val_score  # noqa: E402

import fastnn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 400
TABLE = pd.DataFrame(
    {
        "size": np.where(rng.random(N) < 0.1, np.nan, rng.normal(50, 20, N)),
        "colour": rng.choice(["red", "green", "blue"], N),
        "shop": rng.choice([f"shop {i}" for i in range(30)], N),
        "open": rng.random(N) < 0.5,
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, N), "D"),
    }
)
EFFECT = dict(zip([f"shop {i}" for i in range(30)], rng.normal(0, 300, 30), strict=True))
PRICE = 1e4 + 20 * TABLE["size"].fillna(0) + TABLE["shop"].map(EFFECT) + 400 * TABLE["open"]
GRADE = np.where(PRICE.median() < PRICE, "dear", "cheap")
LABELS = {
    "two": GRADE,
    "three": np.digitize(PRICE, np.quantile(PRICE, [0.3, 0.7])) * 10,
    "floats": np.where(PRICE.median() < PRICE, 1.0, -1.0),
    "bools": np.asarray(PRICE.median() < PRICE),
    "objects": GRADE.astype(object),
    "multilabel": np.stack([PRICE > 1e4, TABLE["open"]], axis=1).astype(int),
    "columns": np.stack([GRADE, TABLE["colour"]], axis=1),
}


def other(kind):
    """The table in another library."""
    if kind == "pandas":
        return TABLE
    if kind == "polars":
        return pytest.importorskip("polars").from_pandas(TABLE)
    return pytest.importorskip("pyarrow").Table.from_pandas(TABLE)


def regressor(**options):
    return fastnn.MLPRegressor(random_state=0, learning_rate_init=0.01, **options)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_a_table_as_it_is(kind):
    table = other(kind)
    mlp = regressor(max_iter=300).fit(table, PRICE)
    assert mlp.score(table, PRICE) > 0.9
    assert mlp.predict(table).dtype == np.float32
    np.testing.assert_array_equal(
        mlp.predict(table), regressor(max_iter=300).fit(TABLE, PRICE).predict(TABLE)
    )
    assert list(mlp.feature_names_in_) == list(TABLE.columns)
    assert mlp.n_features_in_ == 5
    assert mlp.target_mean_.shape == mlp.target_scale_.shape == (1,)
    assert isinstance(mlp.network_.specs[0], fastnn.Embedding)
    raw = mlp.network_.predict(mlp.preprocessor_.transform(table))[:, 0]
    np.testing.assert_array_equal(
        mlp.predict(table), (raw * mlp.target_scale_ + mlp.target_mean_).astype(np.float32)
    )


def test_a_batch_of_arrow_and_what_is_not_in_memory():
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    (batch,) = pa.Table.from_pandas(TABLE).combine_chunks().to_batches()
    want = regressor(max_iter=5).fit(TABLE, PRICE)
    mlp = regressor(max_iter=5).fit(batch, PRICE)
    np.testing.assert_array_equal(mlp.network_.parameters, want.network_.parameters)
    np.testing.assert_array_equal(mlp.predict(batch), want.predict(TABLE))
    with pytest.raises(TypeError, match=r"want a table in memory: X\.collect\(\)"):
        regressor().fit(pl.from_pandas(TABLE).lazy(), PRICE)


def test_the_units_of_the_target_do_not_matter():
    small = regressor(max_iter=30).fit(TABLE, PRICE)
    large = regressor(max_iter=30).fit(TABLE, PRICE * 1024)
    np.testing.assert_allclose(large.predict(TABLE), small.predict(TABLE) * 1024, rtol=1e-5)
    assert large.score(TABLE, PRICE * 1024) == pytest.approx(small.score(TABLE, PRICE), abs=1e-6)


def test_tables_of_numbers_are_arrays():
    numbers = pd.DataFrame(rng.normal(size=(N, 4)), columns=list("abcd"))
    one = regressor(max_iter=5).fit(numbers, PRICE)
    two = regressor(max_iter=5).fit(numbers.to_numpy(), PRICE)
    assert one.preprocessor_ is None
    assert one.target_mean_ is None
    np.testing.assert_array_equal(one.network_.parameters, two.network_.parameters)
    gaps = numbers.mask(numbers > 2)
    assert regressor(max_iter=5).fit(gaps, PRICE).preprocessor_ is not None
    with pytest.raises(ValueError, match="NaN"):
        regressor(max_iter=5, preprocessor=None).fit(gaps, PRICE)


def test_a_preprocessor_of_ones_own_is_cloned():
    own = fastnn.TabularPreprocessor(max_one_hot=50)
    mlp = regressor(max_iter=5, preprocessor=own).fit(TABLE, PRICE)
    assert not hasattr(own, "columns_")
    assert not isinstance(mlp.network_.specs[0], fastnn.Embedding)
    assert clone(mlp).get_params()["preprocessor__max_one_hot"] == 50
    array = regressor(max_iter=5, preprocessor=own).fit(TABLE[["size"]].to_numpy(), PRICE)
    assert array.preprocessor_ is not None


@pytest.mark.parametrize("labels", LABELS)
def test_classes_of_tables(labels):
    y = LABELS[labels]
    mlp = fastnn.MLPClassifier(random_state=0, learning_rate_init=0.01, early_stopping=True)
    mlp.fit(TABLE, y)
    assert (mlp.predict(TABLE) == y).mean() > 0.75


def test_in_cross_validation_and_in_parts():
    scores = cross_val_score(regressor(max_iter=200), TABLE, PRICE, cv=3)
    assert scores.min() > 0.5
    mlp = regressor()
    for _ in range(3):
        mlp.partial_fit(TABLE, PRICE)
    held = regressor(max_iter=20).fit(
        TABLE[:300], PRICE[:300], X_val=TABLE[300:], y_val=PRICE[300:]
    )
    assert held.best_validation_score_ == pytest.approx(
        held.score(TABLE[300:], PRICE[300:]), abs=1e-5
    )
    with pytest.raises(ValueError, match="missing: 'shop'"):
        mlp.predict(TABLE.drop(columns="shop"))
    with pytest.raises(ValueError, match="inconsistent numbers"):
        regressor().fit(TABLE, PRICE[:-1])


@pytest.mark.parametrize("loss", ["poisson", fastnn.losses.Quantile((0.1, 0.9)), "gaussian_nll"])
def test_losses_on_tables(loss):
    mlp = regressor(loss=loss, max_iter=100).fit(TABLE, PRICE / 1e4)
    assert (mlp.target_mean_ is None) == (loss == "poisson")
    predicted = mlp.predict(TABLE)
    assert abs(predicted.mean() - PRICE.mean() / 1e4) < 0.1


# ---- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", LABELS)
def test_a_classifier_comes_back(labels, tmp_path):
    y = LABELS[labels]
    mlp = fastnn.MLPClassifier((8, 4), ("gelu", "tanh"), random_state=3, max_iter=5)
    mlp.fit(TABLE, y)
    mlp.save(tmp_path / "mlp.safetensors")
    again = fastnn.load(tmp_path / "mlp.safetensors")
    assert type(again) is fastnn.MLPClassifier
    predicted = mlp.predict(TABLE)
    np.testing.assert_array_equal(again.predict(TABLE), predicted)
    assert again.predict(TABLE).dtype == predicted.dtype
    np.testing.assert_array_equal(
        np.hstack(again.predict_proba(TABLE)), np.hstack(mlp.predict_proba(TABLE))
    )
    assert again.get_params() == mlp.get_params()
    for name in ("loss_curve_", "n_iter_", "t_", "out_activation_", "best_loss_", "n_outputs_"):
        assert getattr(again, name) == getattr(mlp, name)
    assert again.score(TABLE, y) == mlp.score(TABLE, y)
    again.partial_fit(TABLE, y)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": fastnn.losses.Quantile((0.1, 0.9)), "solver": fastnn.AdamW(0.01)},
        {"loss": "poisson", "solver": "lbfgs", "hidden_layer_sizes": 5},
        {"early_stopping": True, "normalization": "batch", "dropout": 0.1},
        {"learning_rate": fastnn.schedules.Cosine(0.01, steps=10), "n_iter_no_change": np.inf},
        {"random_state": np.random.RandomState(0), "callbacks": [fastnn.callbacks.Lambda()]},
    ],
)
def test_a_regressor_comes_back(options, tmp_path):
    mlp = fastnn.MLPRegressor(**{"random_state": 0, "max_iter": 5} | options)
    mlp.fit(TABLE, PRICE / 1e4)
    mlp.save(tmp_path / "mlp.safetensors")
    again = fastnn.load(tmp_path / "mlp.safetensors")
    np.testing.assert_array_equal(again.predict(TABLE), mlp.predict(TABLE))
    left_out = {"random_state", "callbacks"} & set(options)
    for name, value in mlp.get_params().items():
        if name not in left_out or name not in options:
            assert getattr(again, name) == value
    again.fit(TABLE, PRICE / 1e4)


GOING_ON = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.01},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    "another": {"solver": fastnn.AdamW(fastnn.schedules.Cosine(0.01, steps=90))},
    "dropout": {"dropout": 0.2, "normalization": "batch", "activation": "gelu"},
    "float64": {"dtype": "float64"},
}


@pytest.mark.parametrize("kind", [fastnn.MLPClassifier, fastnn.MLPRegressor])
@pytest.mark.parametrize("before", ["fit", "partial_fit"])
@pytest.mark.parametrize("options", GOING_ON)
def test_partial_fit_goes_on_with_the_same_bits(options, before, kind, tmp_path):
    X = rng.normal(size=(300, 5))
    y = (X[:, 0] > 0) if kind is fastnn.MLPClassifier else X[:, 0]
    mlp = kind(hidden_layer_sizes=(8, 4), random_state=3, max_iter=4, batch_size=50).set_params(
        **GOING_ON[options]
    )
    if before == "fit":
        mlp.fit(X, y)
    else:
        for _ in range(4):
            mlp.partial_fit(X, y, **({"classes": [0, 1]} if y.dtype == bool else {}))
    mlp.save(tmp_path / "mlp.safetensors")
    mlp.save(tmp_path / "small.safetensors", optimizer_state=False)
    again, pickled = fastnn.load(tmp_path / "mlp.safetensors"), pickle.loads(pickle.dumps(mlp))
    small = fastnn.load(tmp_path / "small.safetensors")
    for each in (mlp, again, pickled, small):
        for rows in (slice(0, 120), slice(120, 300), slice(60, 240)):
            each.partial_fit(X[rows], y[rows])
    assert (again.network_.parameters == mlp.network_.parameters).all()
    assert (pickled.network_.parameters == mlp.network_.parameters).all()
    assert not (small.network_.parameters == mlp.network_.parameters).all()
    assert vars(again._optimizer) == vars(mlp._optimizer)
    assert again.loss_curve_ == mlp.loss_curve_


def test_a_later_fit_goes_back_to_the_best_of_before(tmp_path):
    """Where it finds no better one, as it does without the way through a file."""
    X = rng.normal(size=(300, 5))
    options = {"warm_start": True, "early_stopping": True, "normalization": "batch"}
    mlp = fastnn.MLPRegressor(random_state=0, max_iter=30, **options).fit(X, X[:, 0])
    mlp.save(tmp_path / "mlp.safetensors")
    best = mlp.network_.parameters
    for each in (mlp, fastnn.load(tmp_path / "mlp.safetensors")):
        each.set_params(learning_rate_init=10.0, max_iter=2).fit(X, X[:, 0])
        assert (each.network_.parameters == best).all()


def test_a_wrong_rate_is_refused(tmp_path):
    from fastnn import serialization

    path = tmp_path / "mlp.safetensors"
    mlp = fastnn.MLPClassifier(5, random_state=0, max_iter=2).fit(TABLE, GRADE)
    mlp.save(path)
    state = json.loads(serialization.read(path)[1]["estimator"])
    for change in (
        {"kind": "none"},
        {"kind": ["constant"]},
        {"learning_rate": "0.1"},
        {"learning_rate": -0.1},
        {"learning_rate": {"float": "nan"}},
        {"learning_rate_init": 0},
        {"power_t": None},
    ):
        wrong = state | {"rate": state["rate"] | change}
        serialization.save(mlp.network_, path, {"estimator": wrong})
        with pytest.raises(fastnn.ModelFormatError, match="is not a network saved by fastnn"):
            fastnn.load(path)
    del state["rate"]  # as files of before
    serialization.save(mlp.network_, path, {"estimator": state}, False)
    fastnn.load(path).partial_fit(TABLE, GRADE)


def test_arrays_and_functions(tmp_path):
    X = rng.normal(size=(50, 3))

    def squared(raw, target, grad_out):
        grad_out[...] = (raw - target) / len(raw)
        return float(np.mean((raw - target) ** 2) / 2)

    mlp = fastnn.MLPRegressor(squared, random_state=0, max_iter=3).fit(X, X[:, 0])
    mlp.save(tmp_path / "mlp.safetensors")
    again = fastnn.load(tmp_path / "mlp.safetensors")
    assert again.loss == "squared_error"
    np.testing.assert_array_equal(again.predict(X), mlp.predict(X))
    labels = np.array([frozenset([i % 2]) for i in range(50)] + [None], object)[:50]
    with pytest.raises((TypeError, ValueError)):
        fastnn.MLPClassifier(max_iter=2).fit(X, labels).save(tmp_path / "other.safetensors")
    assert not (tmp_path / "other.safetensors").exists()


def damaged(state):
    """Descriptions that are none, each with one thing changed."""
    yield {}
    yield []
    for key in state:
        for value in (None, 3, "x", [], {}, {"a": 1}, [[1]]):
            if value != state[key] and not (key == "preprocessor" and value is None):
                yield state | {key: value}
    for name, value in (
        ("hidden_layer_sizes", "a"),
        ("alpha", -1),
        ("solver", {"spec": "loss", "config": {"name": "huber", "delta": 1.0}}),
        ("solver", {"spec": "os.system", "config": {}}),
        ("nothing", 1),
    ):
        yield state | {"parameters": state["parameters"] | {name: value}}
    yield state | {"attributes": state["attributes"] | {"predict": 3}}
    yield state | {"attributes": state["attributes"] | {"n_features_in_": 99}, "preprocessor": None}
    classes = {"dtype": "<U99999999", "values": ["a", "b"]}
    yield state | {"classes": state["classes"] | {"columns": [classes]}}
    yield state | {"classes": state["classes"] | {"columns": [{"dtype": "V8", "values": [1]}]}}
    yield state | {"classes": state["classes"] | {"kind": "none"}}
    three = {"dtype": "<i8", "values": [1, 2, 3]}
    yield state | {"classes": state["classes"] | {"kind": "multiclass", "columns": [three]}}


def test_what_is_no_estimator_is_refused(tmp_path, monkeypatch):
    from fastnn import serialization

    path = tmp_path / "mlp.safetensors"
    mlp = fastnn.MLPClassifier(5, random_state=0, max_iter=2).fit(TABLE, GRADE)
    mlp.save(path)
    _, metadata, _ = serialization.read(path)
    state = json.loads(metadata["estimator"])
    refused = 0
    for wrong in damaged(state):
        serialization.save(mlp.network_, path, {"estimator": wrong})
        try:
            again = fastnn.load(path)
        except fastnn.ModelFormatError:
            refused += 1
        else:  # what was changed was of no consequence
            np.testing.assert_array_equal(again.predict(TABLE), mlp.predict(TABLE))
    assert refused > 40
    mlp.save(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"dear")
    content[at : at + 4] = b"near"
    path.write_bytes(bytes(content))
    with pytest.raises(fastnn.ModelFormatError, match="checksum"):
        fastnn.load(path)
