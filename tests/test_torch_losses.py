"""Losses against PyTorch's, in float64: values and gradients as tests/torch_losses.py recorded."""

import functools

import numpy as np
import pytest
import torch_losses
from torch_losses import CASES, OUTPUTS, RECORDING, ROWS

import fastnn


@functools.cache
def recording():
    with np.load(RECORDING) as file:
        return dict(file)


@pytest.mark.parametrize("case", CASES)
def test_the_loss_is_pytorchs(case):
    name, options, targets = CASES[case]
    net = fastnn.Sequential([fastnn.Dense(OUTPUTS, bias=False)], ROWS, dtype="float64")
    net.parameters = recording()["z"].ravel()  # of inputs that are the rows of a unit matrix
    loss = getattr(fastnn.losses, name)(**options)
    value, gradient = net.loss_and_gradient(np.eye(ROWS), recording()[targets], loss=loss)
    want = recording()[case]
    assert value == pytest.approx(want[0, 0], rel=1e-13)
    np.testing.assert_allclose(gradient.reshape(ROWS, OUTPUTS), want[1:], rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("case", CASES)
def test_the_recording_is_what_pytorch_does(case):
    pytest.importorskip("torch")
    found = torch_losses.torch_loss(case, recording())
    np.testing.assert_allclose(found, recording()[case], rtol=1e-12, atol=1e-15)
