"""Penalties, clipping, max-norm, groups of parameters: a step against NumPy, and the same bits."""

import hashlib
import itertools
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import _core, _groups

RNG = np.random.default_rng(11)
X = RNG.normal(size=(40, 23))
Y = RNG.normal(size=(40, 3)) * 3
LABELS = RNG.integers(0, 3, size=40)
LR = 0.25


def network(dtype="float64", **options):
    net = fastnn.Sequential(
        [
            fastnn.Dense(37, activation="tanh", **options),
            fastnn.LayerNorm(),
            fastnn.Dense(3, **options),
        ],
        input_size=23,
        dtype=dtype,
    )
    net.parameters = net.parameters + 0.1 * np.random.default_rng(0).normal(
        size=net.parameters.size
    )
    return net


def tensors(net):
    """Each weight matrix and bias as a slice of the parameters, and whether it has penalties."""
    at = 0
    for layer in net.layers:
        for name in ("weights", "bias"):
            size = getattr(layer, name).size
            yield slice(at, at + size), name == "weights" and isinstance(layer.spec, fastnn.Dense)
            at += size


def step(net, optimizer):
    """Parameters before and after a step, and the gradient of the data between."""
    before = net.parameters
    _, gradient = net.loss_and_gradient(X, Y, loss="mean_squared_error")
    penalties = np.zeros_like(gradient)
    _groups.add_penalties(net._graph, before, penalties)
    net.train_on_batch(X, Y, loss="mean_squared_error", optimizer=optimizer)
    return before, net.parameters, gradient - penalties


def test_clip_value():
    net = network()
    before, after, g = step(net, fastnn.SGD(LR, clip_value=0.05))
    assert (np.abs(g) > 0.05).any()
    np.testing.assert_allclose(after, before - LR * np.clip(g, -0.05, 0.05), rtol=1e-12)


def test_clip_norm_is_of_each_tensor():
    net = network()
    before, after, g = step(net, fastnn.SGD(LR, clip_norm=1.0))
    norms = [np.linalg.norm(g[part]) for part, _ in tensors(net)]
    assert min(norms) < 1 < max(norms)
    for (part, _), norm in zip(tensors(net), norms, strict=True):
        g[part] *= min(1, 1 / norm)
    np.testing.assert_allclose(after, before - LR * g, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("bound", [0.1, 1e6])
def test_clip_global_norm(bound):
    before, after, g = step(network(), fastnn.SGD(LR, clip_global_norm=bound))
    expected = before - LR * g * min(1, bound / np.linalg.norm(g))
    np.testing.assert_allclose(after, expected, rtol=1e-12, atol=1e-14)


def test_a_bound_that_is_not_reached_changes_no_bit():
    plain, bounded = network("float32"), network("float32")
    plain.fit(X, Y, loss="mean_squared_error", optimizer=fastnn.Adam(), batch_size=16)
    bounded.fit(
        X, Y, loss="mean_squared_error", optimizer=fastnn.Adam(clip_global_norm=1e9), batch_size=16
    )
    np.testing.assert_array_equal(plain.parameters, bounded.parameters)


@pytest.mark.parametrize("options", [{"l1": 0.01}, {"l2": 0.1}, {"l1": 0.01, "l2": 0.1}])
@pytest.mark.parametrize("clipping", [{}, {"clip_global_norm": 0.5}, {"clip_value": 0.05}])
def test_penalties_are_added_to_the_clipped_gradient(options, clipping):
    net = network(**options)
    before, after, g = step(net, fastnn.SGD(LR, **clipping))
    if "clip_value" in clipping:
        g = np.clip(g, -0.05, 0.05)
    elif clipping:
        g = g * min(1, 0.5 / np.linalg.norm(g))
    for part, penalized in tensors(net):
        if penalized:
            w = before[part]
            g[part] += options.get("l1", 0) * np.sign(w) + options.get("l2", 0) * w
    np.testing.assert_allclose(after, before - LR * g, rtol=1e-12, atol=1e-14)


def test_penalties_are_in_the_gradient_for_users():
    net = network(l1=0.01, l2=0.1)
    assert fastnn.check_gradient(net, X, Y, loss="mean_squared_error").passed
    value, _ = net.loss_and_gradient(X, Y, loss="mean_squared_error")
    W = [layer.weights for layer in (net.layers[0], net.layers[2])]
    penalty = sum(0.01 * np.abs(w).sum() + 0.05 * (w**2).sum() for w in W)
    assert value == pytest.approx(
        net.evaluate(X, Y, loss="mean_squared_error")["loss"] + penalty, rel=1e-12
    )


def test_groups_scale_learning_rate_and_decay():
    layers = [
        fastnn.Dense(8, lr_scale=0.1, decay_scale=0.0),
        fastnn.Dense(3, lr_scale=2.0, decay_scale=3.0),
    ]
    net = fastnn.Sequential(layers, input_size=23, dtype="float64")
    twins = []
    for lr_scale, decay_scale in ((0.1, 0.0), (2.0, 3.0)):
        twin = fastnn.Sequential([fastnn.Dense(8), fastnn.Dense(3)], input_size=23, dtype="float64")
        twin.train_on_batch(
            X, Y, loss="mean_squared_error",
            optimizer=fastnn.AdamW(lr=0.01 * lr_scale, weight_decay=0.1 * decay_scale),
        )  # fmt: skip
        twins.append(twin)
    net.train_on_batch(
        X, Y, loss="mean_squared_error", optimizer=fastnn.AdamW(lr=0.01, weight_decay=0.1)
    )
    for i in (0, 1):
        np.testing.assert_array_equal(net.layers[i].weights, twins[i].layers[i].weights)
        np.testing.assert_array_equal(net.layers[i].bias, twins[i].layers[i].bias)


@pytest.mark.parametrize("optimizer", [fastnn.AdamW(), fastnn.SGD(0.1, clip_global_norm=0.1)])
def test_frozen_layers_stay(optimizer):
    layers = [fastnn.Dense(8, trainable=False), fastnn.BatchNorm(trainable=False), fastnn.Dense(3)]
    net = fastnn.Sequential(layers, input_size=23)
    before = net.parameters
    net.fit(X, Y, loss="mean_squared_error", optimizer=optimizer)
    frozen = 23 * 8 + 8 + 16
    np.testing.assert_array_equal(net.parameters[:frozen], before[:frozen])
    np.testing.assert_array_equal(net.layers[1].running_mean, np.zeros(8))
    assert (net.parameters[frozen:] != before[frozen:]).any()


def test_freezing_and_freeing_a_built_layer(tmp_path):
    net = network()
    assert net.layers[0].trainable
    net.layers[0].trainable = False
    before = net.layers[0].weights
    net.train_on_batch(X, Y, loss="mean_squared_error")
    np.testing.assert_array_equal(net.layers[0].weights, before)
    net.save(tmp_path / "net.safetensors")
    for copy in (fastnn.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(net))):
        assert not copy.layers[0].trainable
        copy.train_on_batch(X, Y, loss="mean_squared_error")
        np.testing.assert_array_equal(copy.layers[0].weights, before)
    net.layers[0].trainable = True
    net.train_on_batch(X, Y, loss="mean_squared_error")
    assert (net.layers[0].weights != before).any()
    with pytest.raises(ValueError, match="trainable: this layer has no parameters"):
        fastnn.Sequential([fastnn.Dropout(0.5), fastnn.Dense(1)], 3).layers[0].trainable = False


def test_max_norm():
    net = network(max_norm=0.5)
    before, _, g = step(net, fastnn.SGD(LR))
    for layer, (part, penalized) in zip(
        (net.layers[0], None, None, None, net.layers[2], None), tensors(net), strict=True
    ):
        if penalized:
            W = (before - LR * g)[part].reshape(layer.weights.shape)
            norms = np.linalg.norm(W, axis=0)
            assert (norms > 0.5).any()
            np.testing.assert_allclose(layer.weights, W * np.minimum(1, 0.5 / norms), rtol=1e-12)
    # The copy that the backward pass reads is constrained too.
    assert fastnn.check_gradient(net, X, Y).passed


@pytest.mark.parametrize("clipping", [{"clip_norm": 0.05}, {"clip_global_norm": 0.1}])
@pytest.mark.parametrize("dtype", _core.DTYPES)
def test_same_bits(clipping, dtype):
    options = {"l1": 1e-3, "l2": 1e-2, "max_norm": 0.8}
    layers = [
        fastnn.Dense(256, activation="relu", **options),
        fastnn.BatchNorm(lr_scale=0.5),
        fastnn.Dense(37, activation="gelu", lr_scale=2.0, **options),
        fastnn.Dense(3, decay_scale=0.5, max_norm=0.3),
    ]
    hashes = set()
    before = _core.isa()
    isas = [isa for isa in _core.isas() if isa != "baseline"]
    for isa, threads in itertools.product(isas, (1, 2, 3, 4, 7)):
        _core.select_isa(isa)
        net = fastnn.Sequential(layers, input_size=23, dtype=dtype)
        net._exact_threads = threads
        optimizer = fastnn.AdamW(lr=0.01, clip_value=0.04, **clipping)
        net.fit(X, LABELS, loss="cross_entropy", optimizer=optimizer, epochs=4, batch_size=16)
        hashes.add(hashlib.sha256(net.parameters.tobytes()).hexdigest())
    _core.select_isa(before)
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fastnn.Adam(clip_value=0), "clip_value: got 0"),
        (lambda: fastnn.SGD(clip_norm=-1), "clip_norm: got -1"),
        (lambda: fastnn.SGD(clip_norm=1, clip_global_norm=1), "clip_norm: got one and"),
        (lambda: fastnn.Dense(3, l1=-1), "l1: got -1"),
        (lambda: fastnn.Dense(3, l2=float("nan")), "l2: got nan"),
        (lambda: fastnn.Dense(3, max_norm=0), "max_norm: got 0"),
        (lambda: fastnn.LayerNorm(trainable=1), "trainable: got 1"),
    ],
)
def test_bad_control(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
