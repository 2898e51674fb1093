"""Entry points outside whole epochs: prediction, one step, the whole gradient, gathering."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np
import pytest

from .networks import build_fastnn, build_numpy, fastnn_optimizer
from .predictors import PREDICTORS
from .workloads import WORKLOADS, Workload, synthetic_data


def trained(workload: Workload, X: np.ndarray, y: np.ndarray):
    """Fastnn's network after one step, so that loss and optimizer are known to it."""
    net = build_fastnn(workload)
    net.fit(
        X[: workload.batch],
        y[: workload.batch],
        loss=workload.loss,
        optimizer=fastnn_optimizer(workload),
        epochs=1,
        batch_size=workload.batch,
        verbose=0,
    )
    return net


@pytest.mark.parametrize("name", ["fastnn", *PREDICTORS])
@pytest.mark.parametrize("rows", [1, 4096])
def test_predict(benchmark, name, rows):
    """64-128-128-10, from and to NumPy arrays."""
    benchmark.group = f"predict {rows} row{'s' * (rows > 1)}"
    workload = WORKLOADS["tabular"]
    X, y = synthetic_data(workload)
    net, X = trained(workload, X, y), X[:rows]
    predict = net.predict
    if name in PREDICTORS:
        packages, build = PREDICTORS[name]
        if missing := [
            package for package in packages if importlib.util.find_spec(package) is None
        ]:
            pytest.skip(f"{', '.join(missing)} is not installed")
        predict = build([(layer.weights, layer.bias) for layer in net.layers])
    outputs = benchmark(predict, X)
    np.testing.assert_allclose(outputs, net.predict(X), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["fastnn", "numpy"])
def test_train_on_batch(benchmark, name):
    """One step of the tiny network, called from Python."""
    benchmark.group = "train_on_batch, tiny"
    workload = WORKLOADS["tiny"]
    X, y = synthetic_data(workload)
    if name == "fastnn":
        net, X, y = trained(workload, X, y), X[: workload.batch], y[: workload.batch]
        loss = benchmark(net.train_on_batch, X, y)
    else:
        loss = benchmark(build_numpy(workload).epoch, X, y, np.arange(workload.batch))
    assert np.isfinite(loss)


@pytest.mark.parametrize("name", ["tabular", "medium"])
def test_loss_and_gradient(benchmark, name):
    """The gradient over 4096 rows as one flat vector."""
    benchmark.group = "loss_and_gradient, 4096 rows"
    workload = WORKLOADS[name]
    X, y = synthetic_data(workload)
    net = trained(workload, X, y)
    value, gradient = benchmark(net.loss_and_gradient, X[:4096], y[:4096])
    assert np.isfinite(value)
    assert gradient.shape == net.parameters.shape


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_gather(benchmark, dtype):
    """An epoch of the mnist network; pixels are converted while rows are gathered."""
    benchmark.group = "gather, mnist"
    workload = dataclasses.replace(WORKLOADS["mnist"], samples=4096)
    _, y = synthetic_data(workload)
    X = (
        np.random.default_rng(0)
        .integers(0, 2, (workload.samples, workload.widths[0]))
        .astype(dtype)
    )
    net, optimizer = build_fastnn(workload), fastnn_optimizer(workload)
    history = benchmark(
        net.fit,
        X,
        y,
        loss=workload.loss,
        optimizer=optimizer,
        epochs=1,
        batch_size=workload.batch,
        verbose=0,
    )
    assert np.isfinite(history["loss"][-1])
