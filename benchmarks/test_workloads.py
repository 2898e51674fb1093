"""Each workload by fastnn and by NumPy, and that both do the same arithmetic."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import fastnn

from .networks import build_fastnn, build_numpy, fastnn_optimizer
from .numpy_mlp import NumpyMLP
from .peers import Fastnn, Numpy
from .workloads import WORKLOADS, flops_per_step, synthetic_data


@pytest.mark.parametrize("kind", [Fastnn, Numpy], ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", WORKLOADS)
def test_epoch(benchmark, name, kind):
    workload = WORKLOADS[name]
    benchmark.group = name
    candidate = kind(workload, *synthetic_data(workload), threads=fastnn.get_num_threads(), seed=0)
    loss = benchmark.pedantic(candidate.epoch, rounds=5, warmup_rounds=1)
    assert np.isfinite(loss)
    seconds = benchmark.stats and benchmark.stats["median"]  # None with --benchmark-disable
    if seconds:
        benchmark.extra_info["samples_per_second"] = workload.samples / seconds
        benchmark.extra_info["gflops"] = 1e-9 * flops_per_step(workload) * workload.steps / seconds


@pytest.mark.parametrize("name", WORKLOADS)
def test_fastnn_and_numpy_do_the_same_work(name):
    """From the same parameters and in the same order, an epoch ends at the same loss."""
    steps = 4 if name == "large" else 16
    workload = dataclasses.replace(WORKLOADS[name], samples=steps * WORKLOADS[name].batch)
    X, y = synthetic_data(workload)
    net, twin = build_fastnn(workload), build_numpy(workload)
    for layer, weights, bias in zip(net.layers, twin.weights, twin.biases, strict=True):
        weights[...], bias[...] = layer.weights, layer.bias
    history = net.fit(
        X,
        y,
        loss=workload.loss,
        optimizer=fastnn_optimizer(workload),
        epochs=1,
        batch_size=workload.batch,
        shuffle=False,
        verbose=0,
    )
    loss = twin.epoch(X, y, np.arange(workload.samples))
    np.testing.assert_allclose(history["loss"], [loss], rtol=1e-4)
    np.testing.assert_allclose(net.predict(X[:64]), twin.predict(X[:64]), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(("loss", "outputs"), [("cross_entropy", 4), ("mean_squared_error", 3)])
def test_gradient_of_numpy(loss, outputs):
    """The baseline's gradient is the derivative of its loss."""
    rng = np.random.default_rng(0)
    net = NumpyMLP((5, 7, 6, outputs), 8, "momentum", loss, dtype=np.float64)
    net.parameters += 0.1 * rng.standard_normal(net.parameters.size)
    net.activations[0][...] = rng.standard_normal((8, 5))
    y = (
        rng.integers(0, outputs, 8)
        if loss == "cross_entropy"
        else rng.standard_normal((8, outputs))
    )
    net.forward_backward(y)
    gradient, differences, step = net.gradient.copy(), np.empty_like(net.gradient), 1e-6
    for i, value in enumerate(net.parameters.copy()):
        ends = []
        for net.parameters[i] in (value + step, value - step):
            ends.append(net.forward_backward(y))
        net.parameters[i] = value
        differences[i] = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(gradient, differences, atol=1e-8)


def test_flops_per_step():
    """By hand: 2 * 32 * (10 * 32 * 2 + 32 * 32 * 3 + 32 * 1 * 3)."""
    assert flops_per_step(WORKLOADS["tiny"]) == 243_712
