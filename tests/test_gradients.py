"""The engine's gradients against central differences of the engine's own losses, in float64.

This needs no twin: "evaluate" at parameters moved by a step must tell what "derive" says.
With a step of 1e-5 the differences are right to about 1e-10 of the largest element, so the
bound of 1e-6 has room; the last tests show that it still catches errors of 1e-4.
"""

import numpy as np
import pytest
from common import engine
from reference import LOSSES, Network, example_parameters
from reference_losses import width

from fastnn import _core

STEP = 1e-5
BOUND = 1e-6
KINKS = {  # where slopes jump
    "relu": (0,),
    "leaky_relu": (0,),
    "elu": (0,),
    "selu": (0,),
    "hard_tanh": (-1, 1),
    "hard_sigmoid": (-3, 3),
    "hard_swish": (-3, 3),
}
INPUTS, ROWS = 3, 6


@pytest.fixture(params=_core.isas(), autouse=True)
def isa(request):
    with engine(request.param):
        yield


def distance_to_kinks(twin, X):
    """Of the pre-activations, where the layer's slope has jumps."""
    distances = [
        np.abs(Z - kink).min()
        for layer, Z in zip(twin.layers, twin.forward(X)[1], strict=True)
        for kink in KINKS.get(layer[0], ())
    ]
    return min(distances, default=np.inf)


def problem(layers, loss):
    """Parameters, inputs, targets and weights, with no kink within reach of a step."""
    for seed in range(100):
        generator = np.random.default_rng(seed)
        parameters = example_parameters(generator, INPUTS, layers)
        X = generator.normal(size=(ROWS, INPUTS))
        t = LOSSES[loss].example(generator, ROWS, layers[-1][2])
        if distance_to_kinks(Network(INPUTS, layers, parameters), X) > 100 * STEP:
            return parameters, X, t, generator.uniform(0.5, 2, ROWS)
    raise AssertionError("no seed keeps clear of the kinks")


def gradient_of(plan, parameters, *data, **options):
    plan.write("parameters", parameters)
    assert plan.run("derive", *data, **options)[0] == _core.OK
    gradient = np.empty_like(parameters)
    plan.read("gradient", gradient)
    return gradient


def loss_of(plan, parameters, *data, **options):
    plan.write("parameters", parameters)
    status, loss_sum, weight_sum, *_ = plan.run("evaluate", *data, **options)
    assert status == _core.OK
    return loss_sum / weight_sum


def differences(plan, parameters, *data, **options):
    """Central differences in each parameter."""
    slopes = np.empty_like(parameters)
    for i in range(len(parameters)):
        step = STEP * (np.arange(len(parameters)) == i)
        up = loss_of(plan, parameters + step, *data, **options)
        down = loss_of(plan, parameters - step, *data, **options)
        slopes[i] = (up - down) / (2 * STEP)
    return slopes


def worst(gradient, numeric):
    """Largest relative error; what is below a hundredth of the largest counts as that."""
    size = np.maximum(np.abs(numeric), 0.01 * np.abs(numeric).max())
    return np.max(np.abs(gradient - numeric) / size)


def both_gradients(layers, loss, labels=False):
    parameters, X, t, weights = problem(layers, loss)
    if labels:
        t = t.argmax(axis=1)[:, None]
    plan = _core.Plan("float64", INPUTS, layers)
    options = {"loss": loss, "row_weights": weights, "labels": labels}
    analytic = gradient_of(plan, parameters, X, t, **options)
    return analytic, differences(plan, parameters, X, t, **options)


@pytest.mark.parametrize("activation", _core.ACTIVATIONS)
@pytest.mark.parametrize("loss", _core.LOSSES)
def test_hidden_activation(loss, activation):
    hidden = ((activation, 0.1, 17, True), (activation, 0.1, 5, False))
    assert worst(*both_gradients((*hidden, ("identity", 0, 4, True)), loss)) < BOUND


@pytest.mark.parametrize("activation", _core.ACTIVATIONS)
def test_output_activation(activation):
    layers = (("tanh", 0, 6, True), (activation, 0.1, 4, True))
    assert worst(*both_gradients(layers, "mean_squared_error")) < BOUND


@pytest.mark.parametrize("activation", _core.ACTIVATIONS)
@pytest.mark.parametrize("loss", _core.LOSSES)
def test_one_layer(loss, activation):
    layer = (activation, 0.1, width(loss, 3), True)
    assert worst(*both_gradients((layer,), loss)) < BOUND


def test_labels():
    layers = (("silu", 0, 6, True), ("identity", 0, 5, True))
    assert worst(*both_gradients(layers, "cross_entropy", labels=True)) < BOUND


# ---- the check itself -------------------------------------------------------------------


@pytest.fixture
def checked():
    return both_gradients((("tanh", 0, 6, True), ("identity", 0, 4, True)), "mean_squared_error")


def test_the_check_catches_a_scaled_gradient(checked):
    gradient, numeric = checked
    assert worst(1.0001 * gradient, numeric) > 50 * BOUND


def test_the_check_catches_one_wrong_element(checked):
    gradient, numeric = checked
    for i in range(len(gradient)):
        wrong = gradient.copy()
        wrong[i] += 1e-4 * np.abs(gradient).max()
        assert worst(wrong, numeric) > 50 * BOUND


def test_the_check_catches_a_kink():
    """A pre-activation of 0 in relu: half the step sees the slope 1, half sees 0."""
    plan = _core.Plan("float64", 1, (("relu", 0, 1, True),))
    at_kink, X, t = np.zeros(2), np.ones((1, 1)), np.ones((1, 1))
    gradient = gradient_of(plan, at_kink, X, t, loss="mean_squared_error")
    numeric = differences(plan, at_kink, X, t, loss="mean_squared_error")
    assert worst(gradient, numeric) > 0.5
