"""Every loss with every activation with every layer: the gradient against differences.

A network's gradient times a direction must be how fast the loss changes along it.  Where a step
crosses a kink of the loss or of an activation a smaller one tells.
"""

import numpy as np
import pytest
from reference import LOSSES

import fastnn
from fastnn import _core, losses

ROWS, OUTPUTS = 7, 4
RNG = np.random.default_rng(11)
X = np.column_stack([RNG.normal(size=(ROWS, 3)), RNG.integers(0, 3, ROWS)])

LAYERS = {
    "activation": fastnn.Activation("tanh"),
    "dropout": fastnn.Dropout(0.3),
    "alpha_dropout": fastnn.AlphaDropout(0.2),
    "gaussian_noise": fastnn.GaussianNoise(0.3),
    "batch_norm": fastnn.BatchNorm(),
    "layer_norm": fastnn.LayerNorm(),
    "prelu": fastnn.PReLU(),
    "add": fastnn.Residual([fastnn.Dense(6)]),
    "concatenate": fastnn.Concatenate([[], [fastnn.Dense(5)]]),
}
FIRST = {"input": [], "embedding": [fastnn.Embedding({3: (3, 2)})]}  # what only stands first
BY_RULE = {
    "weighted_binary_cross_entropy": losses.BinaryCrossEntropy(pos_weight=2.5),
    "weighted_cross_entropy": losses.CrossEntropy(class_weight=[0.5, 1.0, 2.0, 1.5]),
}


def change_and_gradient(net, loss, t, direction, step):
    """How much the loss changes along a direction, and what the gradient says."""
    start = net.parameters
    options = {"loss": loss, "training": True}
    values = []
    for sign in (1, -1):
        net.parameters = start + sign * step * direction
        values.append(net.loss_and_gradient(X, t, **options)[0])
    net.parameters = start
    _, gradient = net.loss_and_gradient(X, t, **options)
    return (values[0] - values[1]) / (2 * step), float(gradient @ direction)


def error(net, rule, factor=1.0):
    """Relative error, at the step that it is least with; of a gradient off by a factor."""
    loss = BY_RULE.get(rule, rule)
    t = LOSSES[rule].example(np.random.default_rng(1), ROWS, OUTPUTS)
    direction = np.random.default_rng(2).normal(size=net.parameters.size)
    found = []
    for step in (1e-5, 1e-6, 1e-7):
        change, slope = change_and_gradient(net, loss, t, direction, step)
        found.append(abs(change - factor * slope) / max(abs(change), 1e-3))
        if found[-1] < 1e-6:
            break
    return min(found)


def network(layer, activation):
    layers = FIRST.get(layer, [])
    between = [LAYERS[layer]] if layer in LAYERS else []
    hidden = fastnn.Dense(6, activation=activation)
    return fastnn.Sequential(
        [*layers, hidden, *between, fastnn.Dense(OUTPUTS)],
        input_size=4,
        dtype="float64",
        seed=5,
    )


def test_nothing_is_left_out():
    assert set(_core.LAYERS) == set(LAYERS) | set(FIRST)


@pytest.mark.parametrize("activation", [*_core.ACTIVATIONS, "prelu"])
@pytest.mark.parametrize("layer", [*LAYERS, *FIRST])
def test_every_loss(layer, activation):
    net = network(layer, activation)
    errors = {rule: error(net, rule) for rule in _core.LOSSES}
    assert max(errors.values()) < 1e-5, errors


def test_a_wrong_gradient_is_seen():
    net = network("batch_norm", "gelu")
    for rule in _core.LOSSES:
        assert error(net, rule, factor=1.001) > 1e-4
