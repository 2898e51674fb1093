"""The network: how it is made, what it computes, its parameters, its copies."""

import copy
import itertools
import pickle
import re

import numpy as np
import pytest

import fastnn
from fastnn import activations, initializers

MSE, CE, BCE = "mean_squared_error", "cross_entropy", "binary_cross_entropy"
WIDTH = 5


def network(outputs=3, activation="identity", **options):
    layers = [fastnn.Dense(20, activation="tanh"), fastnn.Dense(outputs, activation=activation)]
    return fastnn.Sequential(layers, **({"input_size": WIDTH} | options))


def data(n=40, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, WIDTH)).astype(np.float32)
    return X, X[:, :3].argmax(axis=1)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# ---- making one -----------------------------------------------------------------------------

BAD = [
    ({"layers": []}, TypeError, r"layers: got \[\], want a non-empty list"),
    ({"layers": None}, TypeError, "layers: got None"),
    ({"layers": fastnn.Dense(3)}, TypeError, "layers: got Dense"),
    ({"layers": "dense"}, TypeError, "layers: got 'dense'"),
    ({"layers": [fastnn.Dense(3), 4]}, TypeError, r"layers\[1\]: got 4, want a layer"),
    ({"layers": [fastnn.Dense]}, TypeError, r"layers\[0\]: got <class"),
    ({"layers": [fastnn.Dense(3, activation="rélu")]}, ValueError, r"layers\[0\].activation: unk"),
    ({"layers": [fastnn.Dense(3, activation=fastnn.Adam())]}, TypeError, "activation: got Adam"),
    ({"layers": [fastnn.Dense(3, activation=activations.Activation)]}, TypeError, "activation: g"),
    ({"layers": [fastnn.Dense(3, weight_init="one")]}, ValueError, r"layers\[0\].weight_init"),
    ({"layers": [fastnn.Dense(3, bias_init="one")]}, ValueError, r"layers\[0\].bias_init"),
    (
        {"layers": [fastnn.Dense(3, activation="softmax"), fastnn.Dense(3)]},
        ValueError,
        r"layers\[0\].activation: softmax is for the last layer",
    ),
    (
        {"layers": [fastnn.Dense(3, weight_init=initializers.Constant(1e300))]},
        ValueError,
        r"layers\[0\].weight_init: got NaN or infinity",
    ),
    ({"layers": [fastnn.Dense(1 << 40)]}, ValueError, r"layers\[0\]: 5 inputs x \d+ units are too"),
    ({"layers": [fastnn.Dense(1)] * 1025}, ValueError, "layers: got 1025, want at most 1024"),
    ({"input_size": 0}, ValueError, "input_size: got 0, want at least 1"),
    ({"input_size": -3}, ValueError, "input_size: got -3, want at least 1"),
    ({"input_size": 2**70}, ValueError, "input_size: got .*, want at most"),
    ({"input_size": 2.0}, TypeError, "input_size: got 2.0, want a whole number"),
    ({"input_size": np.array([1, 2])}, TypeError, "input_size: got array"),
    ({"seed": -1}, ValueError, "seed: got -1, want at least 0"),
    ({"seed": 2**64}, ValueError, "seed: got 18446744073709551616, want at most"),
    ({"seed": None}, TypeError, "seed: got None"),
    ({"dtype": "float16"}, ValueError, "dtype: got 'float16', want one of"),
    ({"dtype": int}, ValueError, "dtype: got 'int'"),
]


@pytest.mark.parametrize(("change", "kind", "message"), BAD, ids=[b[2][:40] for b in BAD])
def test_errors_name_the_argument(change, kind, message):
    arguments = {"layers": [fastnn.Dense(3)], "input_size": WIDTH} | change
    with pytest.raises(kind, match=message):
        fastnn.Sequential(arguments.pop("layers"), **arguments)


@pytest.mark.parametrize("dtype", ["float32", np.float64, np.dtype("float32"), np.dtype("float64")])
def test_dtype(dtype):
    net = network(dtype=dtype)
    assert net.dtype == np.dtype(dtype).name
    X, y = data()
    net.fit(X, y, loss=CE)
    results = [net.parameters, net.layers[0].weights, net.layers[1].bias, net.predict(X)]
    results += [net.predict_proba(X), net.loss_and_gradient(X, y)[1]]
    assert {result.dtype.name for result in results} == {net.dtype}


def test_seeds():
    def start(seed):
        return network(seed=seed).parameters.tolist()

    assert start(0) == start(np.uint8(0)) == network().parameters.tolist()
    assert len({tuple(start(seed)) for seed in (0, 1, 2**32, 2**64 - 1)}) == 4
    assert np.array_equal(network(dtype="float64").parameters.astype("f4"), network().parameters)


def test_initial_values():
    net = fastnn.Sequential(
        [
            fastnn.Dense(400, activation="relu"),
            fastnn.Dense(300, activation=activations.Tanh, bias_init=initializers.Constant(2)),
            fastnn.Dense(1, weight_init="zeros", bias=False),
        ],
        200,
    )
    he, glorot, zeros = (layer.weights for layer in net.layers)
    assert he.var() == pytest.approx(2 / 200, rel=0.05)
    assert glorot.var() == pytest.approx(2 / 700, rel=0.05)
    assert not zeros.any()
    assert not net.layers[0].bias.any()
    assert (net.layers[1].bias == 2).all()
    assert net.layers[2].bias is None


def test_repr_says_how_to_make_it_again():
    net = network(seed=4, dtype="float64", activation=activations.LeakyReLU(0.2))
    names = vars(fastnn) | vars(activations)
    again = eval(repr(net), names)
    assert repr(again) == repr(net)
    assert np.array_equal(again.parameters, net.parameters)
    layer = "<layer 0, 5 -> 20: Dense(units=20, activation='tanh', bias=True, weight_init=None, "
    assert repr(net.layers[0]) == layer + "bias_init='zeros')>"


SUMMARY = """\
layer    activation  shape      parameters
------------------------------------------
0 Dense  relu        {0} -> 1000  {1}
1 Dense  softmax     1000 -> 3       3,000
{2} parameters, float32"""


def test_summary():
    layers = [fastnn.Dense(1000, activation="relu"), fastnn.Dense(3, "softmax", bias=False)]
    net = fastnn.Sequential(layers)
    assert net.summary() == SUMMARY.format("?", "         ?", "?")
    net = fastnn.Sequential(layers, 9)
    assert net.summary() == SUMMARY.format(9, "    10,000", "13,000")


# ---- parameters -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [(1, 1), (5, 20, 3), (33, 1, 65, 32), (16, 16)])
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_and_layers_are_one(widths, bias, dtype):
    layers = [fastnn.Dense(units, bias=bias) for units in widths[1:]]
    net = fastnn.Sequential(layers, widths[0], dtype=dtype)
    flat = np.arange(net.parameters.size, dtype=dtype)
    net.parameters = flat
    assert np.array_equal(net.parameters, flat)
    at = 0
    for layer, shape in zip(net.layers, itertools.pairwise(widths), strict=True):
        assert (layer.inputs, layer.outputs) == shape == layer.weights.shape
        n = shape[0] * shape[1]
        assert np.array_equal(layer.weights.ravel(), flat[at : at + n])
        at += n
        if bias:
            assert np.array_equal(layer.bias, flat[at : at + shape[1]])
            at += shape[1]
        else:
            assert layer.bias is None
        layer.weights = (layer.weights + 0.5).tolist()
        if bias:
            layer.bias = layer.bias[::-1] * 2
    assert at == flat.size
    first = net.layers[0]
    assert np.array_equal(net.parameters[: first.weights.size], first.weights.ravel())
    assert np.array_equal(first.weights.ravel(), flat[: first.weights.size] + 0.5)


def test_parameters_are_copies():
    net = network()
    before = net.parameters
    for array in (net.parameters, net.layers[0].weights, net.layers[0].bias):
        array[:] = 7
    assert np.array_equal(net.parameters, before)


def test_set_parameters_predict():
    net = network()
    X, _ = data()
    W, b = np.ones((WIDTH, 20)) / 8, np.linspace(-1, 1, 20)
    net.layers[0].weights, net.layers[0].bias = W, b
    net.layers[-1].weights, net.layers[-1].bias = np.full((20, 3), 0.25), [1, 2, 3]
    expected = np.tanh(X @ W + b) @ np.full((20, 3), 0.25) + [1, 2, 3]
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "shape"), [("parameters", (183,)), ("weights", (WIDTH, 20)), ("bias", (20,))]
)
def test_wrong_parameters(name, shape):
    net = network()
    owner = net if name == "parameters" else net.layers[0]
    before = net.parameters
    good = np.zeros(shape)
    bad = [
        (good[1:], ValueError, f"{name}: got shape .* want "),
        (good[..., None], ValueError, f"{name}: got shape"),
        (0, ValueError, f"{name}: got shape"),
        (good.astype(complex), TypeError, f"{name}: got dtype complex128"),
        (good.astype(object), TypeError, f"{name}: got dtype object"),
        (good + np.nan, ValueError, f"{name}: got NaN or infinity"),
        (good + 1e300, ValueError, rf"{name}: got NaN or infinity \(as float32\)"),
    ]
    for value, kind, message in bad:
        with pytest.raises(kind, match=message):
            setattr(owner, name, value)
    assert np.array_equal(net.parameters, before)


def test_no_bias_to_set():
    net = fastnn.Sequential([fastnn.Dense(3, bias=False)], 2)
    with pytest.raises(ValueError, match=r"^bias: this layer was made with bias=False"):
        net.layers[0].bias = [1, 2, 3]


@pytest.mark.parametrize(
    "use",
    [
        lambda net: net.parameters,
        lambda net: setattr(net, "parameters", [1]),
        lambda net: net.layers,
        lambda net: net.predict([[1]]),
        lambda net: net.evaluate([[1]], [1], loss=MSE),
        lambda net: net.loss_and_gradient([[1]], [1], loss=MSE),
        lambda net: net.train_on_batch([[1]], [1], loss=MSE),
        lambda net: net.save("nowhere"),
    ],
)
def test_before_the_width_is_known(use):
    with pytest.raises(ValueError, match="input_size: not known yet; pass input_size="):
        use(fastnn.Sequential([fastnn.Dense(1)]))


# ---- predictions ----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 31, 1000])
@pytest.mark.parametrize("outputs", [1, 3, 40])
def test_predict_shapes(n, outputs):
    net = network(outputs)
    out = net.predict(data(n)[0])
    assert out.shape == (n, outputs)
    assert np.isfinite(out).all()
    assert out.flags.writeable


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["identity", "softmax", "gelu"])
def test_a_row_does_not_depend_on_its_neighbours(dtype, activation):
    net = network(37, activation, dtype=dtype)
    X, _ = data(700)
    whole = net.predict(X)
    for i in (0, 1, 5, 6, 8, 255, 256, 699):
        assert np.array_equal(net.predict(X[i : i + 1])[0], whole[i])
    for n in (2, 9, 100, 333):
        assert np.array_equal(net.predict(X[-n:]), whole[-n:])


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_predict_refuses_what_is_not_finite(method, value):
    net = network()
    X, y = data(300)
    net.fit(X, y, loss=CE)
    bad = X.astype(float)
    bad[123, 4] = value
    message = re.escape(f"X: got {value}") + ".* in row 123, column 4"
    with pytest.raises(ValueError, match=message):
        getattr(net, method)(bad)
    assert np.isfinite(net.predict(X)).all()


def test_predict_proba_is_the_losss_link():
    X, y = data()
    net = network()
    net.fit(X, y, loss=CE)
    np.testing.assert_allclose(net.predict_proba(X), softmax(net.predict(X)), rtol=1e-5)
    net.fit(X, np.eye(3)[y], loss=BCE)
    np.testing.assert_allclose(net.predict_proba(X), 1 / (1 + np.exp(-net.predict(X))), rtol=1e-5)
    net.fit(X, np.eye(3)[y], loss=MSE)
    with pytest.raises(ValueError, match="predict_proba: the loss 'mean_squared_error' has none"):
        net.predict_proba(X)
    with pytest.raises(ValueError, match="loss: none given and none used before"):
        network().predict_proba(X)


@pytest.mark.parametrize(("activation", "loss"), [("softmax", CE), ("sigmoid", BCE)])
def test_an_output_activation_that_is_the_link(activation, loss):
    """It trains as raw outputs do, bit for bit, and predict gives probabilities."""
    X, y = data()
    t = y if loss == CE else np.eye(3)[y]
    net, raw = network(3, activation), network()
    raw.parameters = net.parameters
    assert net.fit(X, t, loss=loss, epochs=5) == raw.fit(X, t, loss=loss, epochs=5)
    assert np.array_equal(net.parameters, raw.parameters)
    assert np.array_equal(net.predict_proba(X), raw.predict_proba(X))
    assert np.array_equal(net.predict(X), net.predict_proba(X))
    assert net.evaluate(X, t) == raw.evaluate(X, t)
    value, gradient = net.loss_and_gradient(X, t)
    assert value == raw.loss_and_gradient(X, t)[0]
    assert np.array_equal(gradient, raw.loss_and_gradient(X, t)[1])


def test_a_sigmoid_output_under_another_loss_is_an_activation():
    X, y = data()
    net = network(3, "sigmoid")
    value = net.evaluate(X, np.eye(3)[y], loss=MSE)["loss"]
    assert value == pytest.approx(np.mean((net.predict(X) - np.eye(3)[y]) ** 2), rel=1e-5)


@pytest.mark.parametrize(
    ("activation", "loss"),
    [("softmax", MSE), ("softmax", BCE), ("sigmoid", CE), ("relu", CE), ("relu", BCE)],
)
def test_an_output_activation_that_does_not_go_with_the_loss(activation, loss):
    X, y = data()
    for method in ("fit", "evaluate", "train_on_batch", "loss_and_gradient"):
        with pytest.raises(ValueError, match=rf"^loss: (got )?'{loss}'.*{activation}"):
            getattr(network(3, activation), method)(X, np.eye(3)[y], loss=loss)


# ---- evaluate, gradients --------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 40, 3000])
def test_evaluate(n):
    X, y = data(n)
    net = network()
    p = softmax(net.predict(X).astype(float))
    value = net.evaluate(X, y, loss="cross_entropy")
    assert list(value) == ["loss", "accuracy"]
    assert value["loss"] == pytest.approx(-np.log(p[np.arange(n), y]).mean(), rel=1e-5)
    assert value["accuracy"] == pytest.approx(np.mean(p.argmax(axis=1) == y))
    t = np.eye(3)[y]
    assert list(net.evaluate(X, t, loss=MSE)) == ["loss"]
    hits = np.mean((net.predict(X) > 0) == t)
    assert net.evaluate(X, t, loss=BCE)["accuracy"] == pytest.approx(hits)
    assert net.loss is None  # evaluate does not decide


@pytest.mark.parametrize("loss", [CE, BCE, MSE])
@pytest.mark.parametrize("n", [7, 2500])
def test_loss_and_gradient(loss, n):
    X, y = data(n)
    t = y if loss == CE else np.eye(3)[y]
    weights = np.random.default_rng(1).uniform(0, 2, n)
    net = network(dtype="float64")
    start = net.parameters
    value, gradient = net.loss_and_gradient(X, t, sample_weight=weights, loss=loss)
    assert type(value) is float
    evaluated = net.evaluate(X, t, sample_weight=weights, loss=loss)["loss"]
    assert value == pytest.approx(evaluated, rel=1e-12)
    assert np.array_equal(net.parameters, start)
    direction = np.random.default_rng(2).normal(size=start.size)
    sides = []
    for step in (1e-5, -1e-5):
        net.parameters = start + step * direction
        sides.append(net.evaluate(X, t, sample_weight=weights, loss=loss)["loss"])
    assert gradient @ direction == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-6)


def test_a_gradient_step_is_sgd():
    X, y = data()
    net = network(dtype="float64")
    expected = net.parameters - 0.5 * net.loss_and_gradient(X, y, loss=CE)[1]
    net.train_on_batch(X, y, loss=CE, optimizer=fastnn.SGD(0.5))
    np.testing.assert_allclose(net.parameters, expected, rtol=1e-12)


def test_an_infinite_loss_has_no_gradient():
    net = fastnn.Sequential([fastnn.Dense(1)], 1)
    assert net.evaluate([[1e30]], [0], loss=MSE) == {"loss": np.inf}
    with pytest.raises(fastnn.NonFiniteError):
        net.loss_and_gradient([[1e30]], [0], loss=MSE)


@pytest.mark.parametrize("method", ["evaluate", "loss_and_gradient", "train_on_batch"])
def test_jobs_refuse_bad_data(method):
    X, y = data()
    job = getattr(network(), method)
    nan = X.copy()
    nan[3, 2] = np.nan
    for arguments, message in [
        ((nan, y), "X: got nan in row 3, column 2"),
        ((X[:0], y[:0]), "X: got 0 samples"),
        ((X[:, 1:], y), "X: got 4 features, want 5"),
        ((X, y[1:]), r"y: got shape \(39,\)"),
        ((X, y + 1), "y: got 3, want 0 to 2"),
    ]:
        with pytest.raises(ValueError, match=message):
            job(*arguments, loss=CE)
    with pytest.raises(ValueError, match=r"sample_weight: got .* want finite"):
        job(X, y, loss=CE, sample_weight=-np.ones(40))
    with pytest.raises(ValueError, match=r"y: got inf in row 7, column 0"):
        job(X, np.where(np.arange(40)[:, None] == 7, np.inf, np.zeros((40, 3))), loss=MSE)


# ---- copies ---------------------------------------------------------------------------------

COPIES = {
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize(
    "optimizer",
    ["adam", "adamw", fastnn.SGD(0.1), fastnn.SGD(0.1, 0.9), "nadam", fastnn.Adam(amsgrad=True)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_goes_on_with_the_same_bits(way, optimizer, dtype):
    X, y = data()
    net = network(dtype=dtype, seed=7)
    net.fit(X, y, loss=CE, optimizer=optimizer, epochs=3)
    twin = COPIES[way](net)
    assert repr(twin) == repr(net)
    assert twin.history == net.history
    kept = net.parameters
    assert np.array_equal(twin.parameters, kept)
    twin.fit(X, y, epochs=2)
    assert np.array_equal(net.parameters, kept)  # the two are apart
    net.fit(X, y, epochs=2)
    assert np.array_equal(twin.parameters, net.parameters)
    assert np.array_equal(twin.predict(X), net.predict(X))


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_of_a_network_that_was_not_trained(way):
    X, y = data()
    for options in ({}, {"input_size": None}):
        net = network(activation="softmax", **options)
        twin = COPIES[way](net)
        assert twin.input_size == net.input_size
        for each in (net, twin):
            each.fit(X, y, loss=CE)
        assert np.array_equal(twin.parameters, net.parameters)
