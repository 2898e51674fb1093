"""The optimizers against PyTorch's over 100 steps in float64, within a relative 1e-5.

Most tests need no PyTorch: tests/torch_optimizers.py has recorded what it does.
"""

import functools

import numpy as np
import pytest
import reference
import torch_optimizers
from torch_optimizers import CASES, RECORDED, RECORDING, start

import fastnn
from fastnn import _core

# PyTorch's name of an argument -> fastnn's.
NAMES = {
    "eps": "epsilon",
    "betas": ("beta_1", "beta_2"),
    "etas": ("eta_minus", "eta_plus"),
    "step_sizes": ("step_min", "step_max"),
}
NOT_IN_TORCH = {"lion"}


@functools.cache
def recording():
    with np.load(RECORDING) as file:
        return dict(file)


def spec_of(case):
    """A case in fastnn's terms."""
    name, options = CASES[case]
    fields = {}
    for key, value in options.items():
        names = NAMES.get(key, key)
        fields |= {names: value} if isinstance(names, str) else dict(zip(names, value, strict=True))
    return getattr(fastnn, name)(**fields)


def assert_near(got, want, case):
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-12, err_msg=case)


def test_every_optimizer_is_compared():
    compared = {spec_of(case).rule for case in CASES}
    missing = set(_core.OPTIMIZERS) - compared - NOT_IN_TORCH
    assert not missing, f"add it to CASES in torch_optimizers.py, and record: {missing}"


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("case", CASES)
def test_the_rule_does_what_pytorchs_does(case, isa):
    spec, w = spec_of(case), start()
    slots = np.zeros((_core.OPTIMIZER_SLOTS[spec.rule], len(w)))
    state, before = (spec.rule, 0, 1.0, 1.0, 1.0), _core.isa()
    path = []
    _core.select_isa(isa)
    try:
        for step, g in enumerate(recording()["gradients"], 1):
            state = _core.optimizer_step(state, spec.lr, spec.hyperparameters, g, w, slots)
            if step in RECORDED:
                path.append(w.copy())
    finally:
        _core.select_isa(before)
    assert_near(path, recording()[case], case)


@pytest.mark.parametrize("case", CASES)
def test_the_twin_does_what_pytorchs_does(case):
    spec, w = spec_of(case), start()
    slots = np.zeros((reference.MAX_SLOTS, len(w)))
    path = []
    for step, g in enumerate(recording()["gradients"], 1):
        reference.OPTIMIZERS[spec.rule](w, g, slots, step, spec.lr, *spec.hyperparameters)
        if step in RECORDED:
            path.append(w.copy())
    assert_near(path, recording()[case], case)


def test_the_cases_move():
    """A path that stands still, or two that are the same, would show nothing."""
    ends = {case: recording()[case][-1] for case in CASES}
    for case, end in ends.items():
        assert np.abs(end - start()).max() > 1e-3, case
        for other in set(ends) - {case}:
            assert np.abs(end - ends[other]).max() > 1e-6, (case, other)


@pytest.mark.parametrize("case", CASES)
def test_the_recording_is_what_pytorch_does(case):
    pytest.importorskip("torch")
    path = torch_optimizers.torch_path(case, recording()["gradients"])
    np.testing.assert_allclose(path, recording()[case], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("case", CASES)
def test_a_network_ends_where_pytorchs_does(case):
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(1)
    X, y = generator.normal(size=(40, 5)), generator.normal(size=(40, 3))
    layers = [fastnn.Dense(17, activation="tanh"), fastnn.Dense(3)]
    net = fastnn.Sequential(layers, input_size=5, dtype="float64")
    linear = [torch.nn.Linear(5, 17), torch.nn.Linear(17, 3)]
    twin = torch.nn.Sequential(linear[0], torch.nn.Tanh(), linear[1]).double()
    with torch.no_grad():
        for layer, own in zip(linear, net.layers, strict=True):
            layer.weight.copy_(torch.tensor(own.weights.T.copy()))
            layer.bias.copy_(torch.tensor(own.bias))
    optimizer = torch_optimizers.torch_optimizer(case, twin.parameters())
    for _ in range(100):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(twin(torch.tensor(X)), torch.tensor(y)).backward()
        optimizer.step()
    net.fit(
        X, y, loss="mean_squared_error", optimizer=spec_of(case), epochs=100, batch_size=40,
        shuffle=False,
    )  # fmt: skip
    for layer, own in zip(linear, net.layers, strict=True):
        assert_near(own.weights, layer.weight.detach().numpy().T, case)
        assert_near(own.bias, layer.bias.detach().numpy(), case)
