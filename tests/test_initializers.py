"""Initial values beyond single moments: gains, depth, orthogonality, functions, lsuv."""

import json
import math

import numpy as np
import pytest

import fastnn
from fastnn import _draws, activations, initializers

ROWS_OF_THE_TABLE = sorted(
    name
    for name, spec in activations.Activation.registry.items()
    if spec.link is None
)  # fmt: skip


def made(name):
    return activations.Activation.registry[name]()


# ---- gains ----------------------------------------------------------------------------------


def test_gains_known_in_closed_form():
    assert made("identity").gain == 1
    assert made("selu").gain == 1
    assert made("relu").gain == round(math.sqrt(2), 6)
    for slope in (0.01, 0.3, 1):
        want = math.sqrt(2 / (1 + slope**2))
        assert activations.LeakyReLU(slope).gain == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("name", ROWS_OF_THE_TABLE)
def test_gain_is_that_of_a_sample(name):
    activation, z = made(name), _draws.normal((1_000_000,), 1, 2)
    assert activation.gain == pytest.approx(1 / math.sqrt(np.mean(activation(z) ** 2)), rel=0.005)


def test_gain_follows_the_parameter():
    assert activations.ELU(0).gain == made("relu").gain
    assert activations.ELU(0.5).gain > activations.ELU(1.5).gain
    assert isinstance(made("softmax").gain, float)


def test_activations_as_functions():
    z = np.linspace(-2, 2, 7).reshape(1, 7)
    assert np.array_equal(made("relu")(z), np.maximum(z, 0))
    assert made("tanh")(np.float32(0.5)).shape == ()
    assert made("softmax")([[1, 2], [3, 4]]).sum(axis=1) == pytest.approx([1, 1])


@pytest.mark.parametrize("name", ROWS_OF_THE_TABLE)
def test_defaults_keep_the_signal_through_ten_layers(name):
    """To within a factor; silu and its like drift up, those that saturate lose some."""
    layers = [fastnn.Dense(256, name) for _ in range(10)]
    net = fastnn.Sequential([*layers, fastnn.Dense(256)], 256, seed=2)
    X = np.random.default_rng(0).normal(size=(200, 256))
    mean_square = np.mean(net.predict(X).astype(float) ** 2)
    low, high = (0.002, 1.5) if made(name).scheme == "glorot" else (0.3, 40)
    assert low < mean_square < high


# ---- draws ----------------------------------------------------------------------------------


def test_truncated_normal_draws_again_only_what_fell_outside():
    plain, cut = _draws.normal((5000,), 7, 8), _draws.truncated_normal((5000,), 7, 8)
    inside = np.abs(plain) <= 2
    assert np.array_equal(plain[inside], cut[inside])
    assert (plain[~inside] != cut[~inside]).all()
    assert np.abs(cut).max() <= 2
    edges = np.linspace(-2, 2, 9)
    large = _draws.truncated_normal((200_000,), 1, 1)
    cdf = np.array([0.5 * (1 + math.erf(e / math.sqrt(2))) for e in edges])
    want = np.diff(cdf) / (cdf[-1] - cdf[0])
    assert np.histogram(large, edges)[0] / large.size == pytest.approx(want, abs=0.004)


@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (1, 5), (30, 30), (40, 7), (7, 40)])
def test_orthogonal(shape):
    W = initializers.Orthogonal(gain=3).sample(shape, 4, 6)
    assert W.shape == shape
    product = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(product, 9 * np.eye(min(shape)), atol=1e-13)
    assert np.array_equal(W, initializers.Orthogonal(gain=3).sample(shape, 4, 6))


def test_orthogonal_is_the_q_of_what_was_drawn():
    """Its first column is; so the directions are uniform, and both determinants occur."""
    drawn = _draws.normal((9, 4), 2, 3)
    q = _draws.orthonormal(9, 4, 2, 3)
    np.testing.assert_allclose(q[:, 0], drawn[:, 0] / np.linalg.norm(drawn[:, 0]), atol=1e-15)
    many = np.array([_draws.orthonormal(3, 3, seed, 0) for seed in range(2000)])
    np.testing.assert_allclose(many.mean(axis=0), 0, atol=0.06)  # 4.6 standard errors
    np.testing.assert_allclose((many**2).mean(axis=0), 1 / 3, atol=0.03)
    assert 0.4 < np.mean(np.linalg.det(many) > 0) < 0.6


def test_orthogonal_is_for_matrices():
    with pytest.raises(ValueError, match=r"orthogonal: got shape \(4,\), want a matrix"):
        fastnn.Sequential([fastnn.Dense(4, bias_init="orthogonal")], 3)


def test_gain_scales_a_scheme():
    shape = (30, 20)
    plain = initializers.HeNormal().sample(shape, 0, 0)
    np.testing.assert_allclose(initializers.HeNormal(1.5).sample(shape, 0, 0), 1.5 * plain)


# ---- functions ------------------------------------------------------------------------------


def laplace(shape, rng):
    return rng.laplace(size=shape)


def test_a_function_is_called_with_shape_and_generator():
    seen = []

    def function(shape, rng):
        seen.append(shape)
        assert isinstance(rng, np.random.Generator)
        return rng.normal(size=shape)

    layers = [fastnn.Dense(5, weight_init=function, bias_init=function), fastnn.Dense(2)]
    net = fastnn.Sequential(layers, 3, seed=9)
    assert seen == [(3, 5), (5,)]
    same = fastnn.Sequential(layers, 3, seed=9)
    assert np.array_equal(net.parameters, same.parameters)
    other = fastnn.Sequential(layers, 3, seed=10)
    assert not np.isin(net.layers[0].weights, other.layers[0].weights).any()
    generator = np.random.Generator(np.random.Philox(key=9))
    assert np.array_equal(net.layers[0].weights, generator.normal(size=(3, 5)).astype("f4"))


@pytest.mark.parametrize("argument", ["weight_init", "bias_init"])
@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (lambda shape, rng: np.zeros(3), ValueError, r"got shape \(3,\), want \(.*\)"),
        (lambda shape, rng: np.full(shape, np.nan), ValueError, "got NaN or infinity"),
        (lambda shape, rng: np.full(shape, 1e300), ValueError, "got NaN or infinity"),
        (lambda shape, rng: "much", (ValueError, TypeError), "got"),
        (lambda shape, rng: 1 / 0, ZeroDivisionError, "division"),
    ],
)
def test_what_a_function_returns_is_checked(argument, function, kind, message):
    match = message if kind is ZeroDivisionError else rf"layers\[0\]\.{argument}: {message}"
    with pytest.raises(kind, match=match):
        fastnn.Sequential([fastnn.Dense(2, **{argument: function})], 4)


def test_a_network_of_functions_is_saved(tmp_path):
    layer = fastnn.Dense(3, "elu", weight_init=laplace, bias_init=laplace)
    assert json.loads(json.dumps(layer.to_config()))["weight_init"] is None
    net = fastnn.Sequential([layer], 4)
    net.save(tmp_path / "net")
    again = fastnn.load(tmp_path / "net")
    assert np.array_equal(net.parameters, again.parameters)
    assert (again.specs[0].weight_init, again.specs[0].bias_init) == (None, "zeros")


# ---- lsuv -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["relu", "tanh", "softplus", "hard_swish"])
def test_lsuv(name, dtype):
    widths = (50, 20, 70, 70)
    layers = [fastnn.Dense(n, name, bias=n != 20, bias_init="normal") for n in widths]
    net = fastnn.Sequential([*layers, fastnn.Dense(3)], 30, seed=5, dtype=dtype)
    biases = [layer.bias for layer in net.layers]
    X = 3 + 20 * np.random.default_rng(0).normal(size=(300, 30))
    variances = initializers.lsuv(net, X)
    assert variances == pytest.approx([1] * 5, abs=0.01)
    H = X
    for layer, bias in zip(net.layers, biases, strict=True):
        Z = H @ layer.weights.astype(float) + (0 if bias is None else bias)
        assert Z.var() == pytest.approx(1, abs=0.011)
        W = layer.weights.astype(float)
        gram = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
        np.testing.assert_allclose(gram / gram[0, 0], np.eye(len(gram)), atol=1e-5)
        assert np.array_equal(bias, layer.bias)
        H = made(name)(Z)


def test_lsuv_sees_what_batch_normalization_has_seen():
    X = 10 + 5 * np.random.default_rng(0).normal(size=(256, 4))
    net = fastnn.Sequential([fastnn.BatchNorm(), fastnn.Dense(3)], 4, dtype="float64")
    net.fit(X, X[:, :3], loss="mean_squared_error", epochs=20)
    (variance,) = initializers.lsuv(net, X)
    assert net.predict(X).var() == pytest.approx(variance, rel=1e-9)


def test_lsuv_refuses_what_does_not_vary():
    net = fastnn.Sequential([fastnn.Dense(1, "relu"), fastnn.Dense(3)], 2)
    with pytest.raises(ValueError, match=r"X: the raw outputs of layers\[0\] do not vary"):
        initializers.lsuv(net, np.ones((5, 2)))
    with pytest.raises(ValueError, match="input_size: not known yet"):
        initializers.lsuv(fastnn.Sequential([fastnn.Dense(1)]), np.ones((5, 2)))
    with pytest.raises(ValueError, match="tolerance: got 0"):
        initializers.lsuv(net, np.ones((5, 2)), tolerance=0)


# ---- at the output --------------------------------------------------------------------------


def test_log_softmax_at_the_output(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 3))
    y = np.arange(20) % 4
    ends = ("identity", "softmax", "log_softmax")
    nets = [fastnn.Sequential([fastnn.Dense(4, end)], 3) for end in ends]
    for net in nets:
        net.fit(X, y, loss="cross_entropy", epochs=3)
    raw, soft, log_soft = nets
    assert np.array_equal(raw.parameters, log_soft.parameters)
    z = raw.predict(X).astype(float)
    want = made("log_softmax")(z)
    np.testing.assert_allclose(log_soft.predict(X), want, rtol=1e-5, atol=1e-6)
    assert np.array_equal(log_soft.predict_proba(X), soft.predict(X))
    log_soft.save(tmp_path / "net")
    assert np.array_equal(fastnn.load(tmp_path / "net").predict(X), log_soft.predict(X))
    with pytest.raises(ValueError, match="a network that ends in log_softmax, want 'cross_entr"):
        log_soft.fit(X, z, loss="mean_squared_error")
    with pytest.raises(ValueError, match=r"layers\[0\].activation: log_softmax is for the last"):
        fastnn.Sequential([fastnn.Dense(4, "log_softmax"), fastnn.Dense(4)], 3)


def test_log_softmax_keeps_what_softmax_loses():
    net = fastnn.Sequential([fastnn.Dense(3, "log_softmax")], 1)
    net.parameters = [0, 0, 0, 0, 500, -500]
    assert net.predict([[0.0]]).tolist() == [[-500, 0, -1000]]
