"""check_gradient: it passes what is right, names what is wrong, and knows a kink."""

import dataclasses

import numpy as np
import pytest

import fastnn
from fastnn import activations
from fastnn._spec import resolve


def problem(seed=0, rows=12, inputs=3, outputs=4):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(rows, inputs)), generator.normal(size=(rows, outputs))


def network(activation="tanh", dtype="float64", bias=True):
    layers = [fastnn.Dense(7, activation=activation, bias=bias), fastnn.Dense(4)]
    return fastnn.Sequential(layers, 3, seed=1, dtype=dtype)


def check(net, X, y, **options):
    return fastnn.check_gradient(net, X, y, loss="mean_squared_error", **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(activations.Activation.registry))
def test_every_activation_passes(name, dtype):
    if resolve(activations.Activation, name, "activation").link:
        net = fastnn.Sequential([fastnn.Dense(4, name)], 3, dtype=dtype)
        X, _ = problem()
        report = fastnn.check_gradient(net, X, np.arange(12) % 4, loss="cross_entropy")
    else:
        net = network(name, dtype)
        report = check(net, *problem())
    assert report.passed, str(report)
    assert report.checked == report.parameters == net.parameters.size
    assert 0 <= report.max_error < 1e-6


def test_the_network_stays_as_it_was():
    net = network(dtype="float32")
    before = net.parameters
    assert check(net, *problem()).passed
    assert np.array_equal(net.parameters, before)
    assert net.loss is None


@pytest.mark.parametrize(
    ("wrong", "place"),
    [(0, (0, "weights", (0, 0))), (20, (0, "weights", (2, 6))), (24, (0, "bias", (3,))),
     (28, (1, "weights", (0, 0))), (59, (1, "bias", (3,)))],
)  # fmt: skip
def test_a_wrong_element_is_named(wrong, place):
    net, (X, y) = network(), problem()
    gradient = net.loss_and_gradient(X, y, loss="mean_squared_error")[1]
    gradient[wrong] += 1e-3 * np.abs(gradient).max()
    report = check(net, X, y, gradient=gradient)
    assert not report.passed
    assert (report.layer, report.name, report.index) == (f"layers[{place[0]}]", *place[1:])
    assert report.analytic == gradient[wrong]
    assert report.numeric == pytest.approx(gradient[wrong] - 1e-3 * np.abs(gradient).max(), 1e-4)
    assert "FAILED" in str(report)
    assert f"layers[{place[0]}].{place[1]}[" in str(report)


def test_a_network_that_derives_wrongly_is_found():
    class Wrong(fastnn.Sequential):
        def loss_and_gradient(self, X, y, **options):
            value, gradient = super().loss_and_gradient(X, y, **options)
            return value, gradient * 1.0001

    X, y = problem()
    net = Wrong([fastnn.Dense(4, activation="relu")], 3)
    assert not check(net, X, y).passed
    assert check(net, X, y, tolerance=1e-3).passed


def test_without_bias():
    report = check(network(bias=False), *problem())
    assert report.passed
    assert report.parameters == 21 + 32


def on_a_kink(offset):
    """One relu whose pre-activation is `offset`, and a target that makes its slope matter."""
    net = fastnn.Sequential([fastnn.Dense(1, activation="relu")], 1, dtype="float64")
    net.parameters = np.array([1.0, offset - 1.0])
    return net, np.ones((1, 1)), np.full((1, 1), 5.0)


@pytest.mark.parametrize("offset", [0.0, 3e-6, -3e-6, 5e-7, 1e-9])
def test_a_kink_is_no_error(offset):
    net, X, y = on_a_kink(offset)
    report = check(net, X, y)
    assert report.passed, str(report)
    assert report.kinks == 2
    assert "2 near a kink" in str(report)


def test_a_wrong_gradient_at_a_kink_is_found():
    net, X, y = on_a_kink(0.0)
    for slope in (1.0, -11.0):  # the slopes are -10 and 0
        assert not check(net, X, y, gradient=[slope, slope]).passed
    assert check(net, X, y, gradient=[-10.0, 0.0]).passed


def test_far_from_kinks_there_are_none():
    net, X, y = on_a_kink(0.5)
    assert check(net, X, y).kinks == 0
    assert not check(net, X, y, gradient=[-8.9, -9.0]).passed


def test_samples():
    net, (X, y) = network(), problem()
    gradient = net.loss_and_gradient(X, y, loss="mean_squared_error")[1]
    gradient[10] += 1
    found = [
        not check(net, X, y, gradient=gradient, samples=20, seed=seed).passed for seed in range(12)
    ]
    assert True in found
    assert False in found
    report = check(net, X, y, samples=20, seed=3)
    assert report == check(net, X, y, samples=20, seed=3)
    assert (report.checked, report.parameters) == (20, 60)
    assert check(net, X, y, samples=1000).checked == 60


def test_at_a_minimum():
    """A gradient of nothing but rounding."""
    net, (X, _) = network(), problem()
    assert check(net, X, net.predict(X)).passed


def test_weights_and_the_loss_last_used():
    net, (X, y) = network(), problem()
    net.fit(X, y, loss="mean_squared_error", epochs=1)
    assert fastnn.check_gradient(net, X, y, sample_weight=np.arange(12) + 0.5).passed


def test_the_report_is_a_value():
    report = check(network(), *problem())
    assert report == dataclasses.replace(report)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.kinks = 3


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"step": 0}, ValueError, "step: got 0"),
        ({"tolerance": -1}, ValueError, "tolerance: got -1"),
        ({"samples": 0}, ValueError, "samples: got 0"),
        ({"seed": -1}, ValueError, "seed: got -1"),
        ({"gradient": [1, 2]}, ValueError, r"gradient: got shape \(2,\), want \(60,\)"),
        ({"loss": "none"}, ValueError, "loss: unknown loss"),
    ],
)
def test_what_is_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        fastnn.check_gradient(network(), *problem(), **({"loss": "mean_squared_error"} | options))


def test_layers_with_statistics_and_random_numbers_while_training():
    block = [fastnn.BatchNorm(), fastnn.Dropout(0.2), fastnn.Dense(6, activation="tanh")]
    net = fastnn.Sequential([fastnn.Dense(6), fastnn.Residual(block), fastnn.Dense(4)], 3)
    X, y = problem()
    report = fastnn.check_gradient(net, X, y, loss="mean_squared_error", training=True)
    assert report.passed, str(report)
    wrong = net.loss_and_gradient(X, y, loss="mean_squared_error", training=True)[1]
    wrong[24 + 3] += np.abs(wrong).max()
    report = fastnn.check_gradient(
        net, X, y, loss="mean_squared_error", training=True, gradient=wrong
    )
    assert not report.passed
    assert report.layer == "layers[1].layers[0]"
