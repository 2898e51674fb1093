"""Tables as they are: diamonds and flights."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from fastnn import AdamW, Dense, MLPClassifier, MLPRegressor, Sequential, schedules
from fastnn.tables import TabularPreprocessor

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
def test_a_network_of_diamonds(target, least):
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


@real
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    ("name", "target", "least", "epochs"),
    [
        ("diamonds.csv.gz", "price", 0.97, 20),
        ("diamonds.csv.gz", "cut", 0.74, 20),
        ("flights.csv.gz", "arr_delay", 0.88, 3),
    ],
)
def test_estimators_by_default(name, target, least, epochs):
    X, y, n = real_table(name, target)
    kind = MLPClassifier if target == "cut" else MLPRegressor
    model = kind(max_iter=epochs, random_state=0).fit(X[:n], y[:n])
    assert model.score(X[n:], y[n:]) > least
    found = model.predict(X[n : n + 500])
    for table in (pl.from_pandas(X[n:]), pl.from_pandas(X[n:]).to_arrow()):
        assert np.array_equal(model.predict(table)[:500], found)
