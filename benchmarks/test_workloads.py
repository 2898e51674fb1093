"""Each workload by fastnn and by NumPy, and that both do the same arithmetic."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import fastnn

from .libraries import LIBRARIES, Fastnn, Numpy
from .networks import OPTIMIZERS, build_fastnn, build_numpy, fastnn_optimizer
from .numpy_mlp import NumpyMLP
from .numpy_rules import RULES
from .workloads import WORKLOADS, Workload, flops_per_step, synthetic_data


@pytest.mark.parametrize("kind", [Fastnn, Numpy], ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", WORKLOADS)
def test_epoch(benchmark, epochs, name, kind):
    workload = WORKLOADS[name]
    benchmark.group = name
    candidate = kind(workload, *synthetic_data(workload), threads=fastnn.get_num_threads(), seed=0)
    loss = benchmark.pedantic(candidate.epoch, rounds=5, warmup_rounds=1)
    assert np.isfinite(loss)
    seconds = benchmark.stats and benchmark.stats["median"]  # None with --benchmark-disable
    if seconds:
        epochs.setdefault(name, {})[kind.name] = benchmark.stats["min"]
        benchmark.extra_info["samples_per_second"] = workload.samples / seconds
        benchmark.extra_info["gflops"] = 1e-9 * flops_per_step(workload) * workload.steps / seconds


def twins(workload):
    """Fastnn's network and NumPy's with the same parameters."""
    net, twin = build_fastnn(workload), build_numpy(workload)
    for layer, weights, bias in zip(net.layers, twin.weights, twin.biases, strict=True):
        weights[...], bias[...] = layer.weights, layer.bias
    return net, twin


def train(net, workload, X, y):
    """Train fastnn's for an epoch in the data's order; return the mean loss."""
    return net.fit(
        X,
        y,
        loss=workload.loss,
        optimizer=fastnn_optimizer(workload),
        epochs=1,
        batch_size=workload.batch,
        shuffle=False,
        verbose=0,
    )["loss"][-1]


@pytest.mark.parametrize("name", WORKLOADS)
def test_fastnn_and_numpy_do_the_same_work(name):
    """From the same parameters and in the same order, an epoch ends at the same loss."""
    steps = 4 if name == "large" else 16
    workload = dataclasses.replace(WORKLOADS[name], samples=steps * WORKLOADS[name].batch)
    X, y = synthetic_data(workload)
    net, twin = twins(workload)
    loss = twin.epoch(X, y, np.arange(workload.samples))
    np.testing.assert_allclose(train(net, workload, X, y), loss, rtol=1e-4)
    np.testing.assert_allclose(net.predict(X[:64]), twin.predict(X[:64]), rtol=1e-2, atol=1e-2)


SMALL = Workload("small", (7, 33, 19, 5), 12, "sgd", 1e-2, "cross_entropy", 20 * 12, "float64")


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_every_optimizer_of_numpy_is_the_engine_s(rule):
    workload = dataclasses.replace(SMALL, optimizer=rule)
    X, y = synthetic_data(workload)
    net, twin = twins(workload)
    loss = twin.epoch(X, y, np.arange(workload.samples))
    np.testing.assert_allclose(train(net, workload, X, y), loss, rtol=1e-6)
    ours = [a for layer in net.layers for a in (layer.weights.ravel(), layer.bias)]
    np.testing.assert_allclose(np.concatenate(ours), twin.parameters, rtol=1e-4, atol=1e-7)


def test_there_is_every_optimizer():
    assert set(OPTIMIZERS) == set(RULES) == set(fastnn._core.OPTIMIZERS)


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_torch_trains_by_the_same_rule(rule):
    """An epoch in the order that PyTorch draws, from fastnn's parameters."""
    torch = pytest.importorskip("torch")
    from .libraries import TORCH_OPTIMIZERS

    if rule not in TORCH_OPTIMIZERS:
        pytest.skip(f"PyTorch has no {rule}")
    workload = dataclasses.replace(SMALL, optimizer=rule)
    X, y = synthetic_data(workload)
    net, _ = twins(workload)
    peer = LIBRARIES["torch"](workload, X, y, threads=1, seed=0)
    with torch.no_grad():
        for layer, module in zip(net.layers, list(peer.net)[::2], strict=True):
            module.weight.copy_(torch.from_numpy(layer.weights.T.copy()))
            module.bias.copy_(torch.from_numpy(layer.bias.copy()))
    torch.manual_seed(3)
    order = torch.randperm(workload.samples).numpy()
    torch.manual_seed(3)
    loss = peer.epoch()
    np.testing.assert_allclose(train(net, workload, X[order], y[order]), loss, rtol=1e-6)
    last = list(peer.net)[-1].weight.detach().numpy().T
    np.testing.assert_allclose(net.layers[-1].weights, last, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in LIBRARIES if name != "torch-compile"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mean_squared_error"])
def test_every_library_learns(name, loss):
    """All go down from about the same loss to about the same."""
    kind = LIBRARIES[name]
    if missing := kind.missing():
        pytest.skip(f"{', '.join(missing)} is not installed")
    outputs = 5 if loss == "cross_entropy" else 1
    workload = Workload("small", (7, 64, outputs), 16, "adam", 3e-3, loss, 1600)
    peer = kind(workload, *synthetic_data(workload), threads=1, seed=0)
    first = peer.train(1)
    last = peer.train(9)
    start = np.log(5) if loss == "cross_entropy" else 0.51  # of a net that has learned nothing
    assert 0.4 * start < first < 2 * start
    assert last < 0.75 * first


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
