"""The layers besides dense: values against NumPy, gradients against differences, bits, state.

Networks are float64 where numbers are compared; `loss_and_gradient(training=True)` is a step of
training without its update, random numbers included, so differences of its own value tell
what its gradient should be.
"""

import hashlib
import itertools
import pickle

import numpy as np
import pytest
from common import engine

import fastnn
from fastnn import _core

RNG = np.random.default_rng(5)
X = RNG.normal(size=(37, 20)) * 2 + 1
Y = RNG.normal(size=(37, 3))
LABELS = RNG.integers(0, 3, size=37)

LAYERS = {
    "activation": fastnn.Activation("gelu"),
    "dropout": fastnn.Dropout(0.3),
    "alpha_dropout": fastnn.AlphaDropout(0.2),
    "gaussian_noise": fastnn.GaussianNoise(0.5),
    "batch_norm": fastnn.BatchNorm(),
    "layer_norm": fastnn.LayerNorm(),
    "prelu": fastnn.PReLU(),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def network(*layers, seed=0, dtype="float64", inputs=20):
    net = fastnn.Sequential(list(layers), input_size=inputs, seed=seed, dtype=dtype)
    moved = np.random.default_rng(seed).normal(size=net.parameters.size) * 0.05
    net.parameters = net.parameters + moved
    return net


def between(layer, **options):
    """A network with a layer in every kind of place: first, after a plain and a curved layer."""
    return network(
        layer,
        fastnn.Dense(35),
        layer,
        fastnn.Dense(24, activation="tanh"),
        layer,
        fastnn.Dense(18, activation="silu"),
        layer,
        fastnn.Dense(3),
        **options,
    )


# What joins branches: a chain of layers that uses each.
BLOCKS = {
    "add": [
        fastnn.Residual([fastnn.Dense(20, activation="gelu")]),
        fastnn.Dense(40, activation="silu"),
        fastnn.Residual([fastnn.LayerNorm(), fastnn.Residual([fastnn.Dense(40)]),
                         fastnn.Dense(40, activation="tanh")]),
        fastnn.BatchNorm(),
        fastnn.Residual([fastnn.Dropout(0.2), fastnn.Activation("relu"), fastnn.Dense(40)]),
        fastnn.Activation("tanh"),
    ],
    "concatenate": [
        fastnn.Concatenate([[fastnn.Dense(33, activation="gelu"), fastnn.BatchNorm()], [],
                            [fastnn.Dense(7, activation="tanh")]]),
        fastnn.Dense(32, activation="gelu"),
        fastnn.Concatenate([[], [fastnn.Dense(5), fastnn.LayerNorm()]]),
        fastnn.Residual([fastnn.Concatenate([[fastnn.Dense(20)], [fastnn.Dense(17)]])]),
    ],
}  # fmt: skip
every_block = pytest.mark.parametrize("name", BLOCKS)


def test_every_row_of_the_engine_is_here():
    # tests/test_derivatives.py has the input, tests/test_embedding.py what only stands first.
    missing = set(_core.LAYERS) ^ (set(LAYERS) | set(BLOCKS) | {"input", "embedding"})
    assert not missing, f"add it here: {missing}"
    assert {layer.name for layer in LAYERS.values()} == set(LAYERS)


# ---- values ---------------------------------------------------------------------------------


def test_layer_norm_is_numpys():
    net = network(fastnn.LayerNorm(epsilon=1e-3))
    scale, shift = net.layers[0].weights, net.layers[0].bias
    mean, variance = X.mean(axis=1, keepdims=True), X.var(axis=1, keepdims=True)
    np.testing.assert_allclose(
        net.predict(X), (X - mean) / np.sqrt(variance + 1e-3) * scale + shift, rtol=1e-12
    )


def test_prelu_is_numpys():
    net = network(fastnn.PReLU(0.4))
    slopes = net.layers[0].slopes
    assert len(set(slopes)) == 20
    want = np.maximum(X, 0) + slopes * np.minimum(X, 0)
    np.testing.assert_array_equal(net.predict(X), want)


def test_prelu_learns_by_numpys_gradient():
    """One step of gradient descent on the slopes: of each the sum over the rows of dZ min(0, x)."""
    net = network(fastnn.PReLU(), fastnn.Dense(3))
    slopes, W, b = net.layers[0].slopes, net.layers[1].weights, net.layers[1].bias
    hidden = np.maximum(X, 0) + slopes * np.minimum(X, 0)
    dZ = 2 * (hidden @ W + b - Y) / Y.size @ W.T
    net.train_on_batch(X, Y, loss="mean_squared_error", optimizer=fastnn.SGD(lr=0.1))
    want = slopes - 0.1 * (dZ * np.minimum(X, 0)).sum(axis=0)
    np.testing.assert_allclose(net.layers[0].slopes, want, rtol=1e-12)


def test_batch_norm_predicts_with_what_it_has_seen():
    net = network(fastnn.BatchNorm(epsilon=1e-3))
    scale, shift = net.layers[0].weights, net.layers[0].bias
    np.testing.assert_allclose(
        net.predict(X), X / np.sqrt(1 + 1e-3) * scale + shift, rtol=1e-12, atol=1e-14
    )


def test_batch_norm_trains_with_the_batch():
    net = network(fastnn.BatchNorm(epsilon=1e-3, momentum=0.25), fastnn.Dense(3))
    scale, shift = net.layers[0].weights, net.layers[0].bias
    W, b = net.layers[1].weights, net.layers[1].bias
    normal = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-3)
    loss = np.mean(((normal * scale + shift) @ W + b - Y) ** 2)
    assert net.train_on_batch(X, Y, loss="mean_squared_error") == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(net.layers[0].running_mean, 0.25 * X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        net.layers[0].running_variance, 0.75 + 0.25 * X.var(axis=0, ddof=1), rtol=1e-12
    )


def test_a_batch_of_one_row_keeps_batch_norm_finite():
    net = network(fastnn.BatchNorm(), fastnn.Dense(3))
    net.fit(X, Y, loss="mean_squared_error", batch_size=1)
    assert np.isfinite(net.predict(X)).all()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    """Seen through the bias gradient of a linear layer that sums what dropout lets through."""
    width, rows = 400, 300
    net = fastnn.Sequential([fastnn.Dropout(rate), fastnn.Dense(1)], input_size=width, seed=3)
    net.layers[1].weights = np.zeros((width, 1))
    ones, target = np.ones((rows, width)), np.full((rows, 1), -0.5)
    # d loss / d W[k] = mean over rows of 2 (0 + 0.5) x[k]: the mean of what came through.
    gradient = net.loss_and_gradient(ones, target, loss="mean_squared_error", training=True)[1]
    through = gradient[:width].astype(float)
    kept = through * (1 - rate) * rows  # how many rows kept feature k
    np.testing.assert_allclose(kept, kept.round(), atol=1e-3)
    sigma = np.sqrt(rate * (1 - rate) / rows)
    assert abs(kept.mean() / rows - (1 - rate)) < 5 * sigma / np.sqrt(width)
    assert 0.8 < (kept / rows).std() / sigma < 1.2


def test_alpha_dropout_keeps_mean_and_variance():
    """Of a normal input, through a linear layer that reads one feature."""
    net = fastnn.Sequential(
        [fastnn.AlphaDropout(0.3), fastnn.Dense(1)], input_size=1, dtype="float64"
    )
    net.parameters = np.array([1.0, 0.0])
    normal = np.random.default_rng(0).normal(size=(60_000, 1))
    zero = np.zeros((60_000, 1))
    square, gradient = net.loss_and_gradient(normal, zero, loss="mean_squared_error", training=True)
    assert square == pytest.approx(1, abs=0.03)  # E z^2
    assert gradient[1] / 2 == pytest.approx(0, abs=0.02)  # E z


def test_gaussian_noise_is_normal():
    net = fastnn.Sequential(
        [fastnn.GaussianNoise(2.0), fastnn.Dense(1)], input_size=1, dtype="float64"
    )
    net.parameters = np.array([1.0, 0.0])
    zero = np.zeros((60_000, 1))
    square, gradient = net.loss_and_gradient(zero, zero, loss="mean_squared_error", training=True)
    assert square == pytest.approx(4, rel=0.03)
    assert gradient[1] / 2 == pytest.approx(0, abs=0.05)
    # Its tails: the mean of max(z - t, 0), z standard normal, for t = 0, 1, 2, 3.
    net = fastnn.Sequential(
        [fastnn.GaussianNoise(1.0), fastnn.Dense(1, activation="relu"), fastnn.Dense(1)],
        input_size=1, dtype="float64",
    )  # fmt: skip
    for t, mean in enumerate([0.398942, 0.083315, 0.008491, 0.000382]):
        net.parameters = np.array([1.0, -t, 1.0, 0.0])
        gradient = net.loss_and_gradient(zero, zero, loss="mean_squared_error", training=True)[1]
        assert gradient[3] / 2 == pytest.approx(mean, rel=0.03 * 3**t)


@every_layer
def test_random_layers_rest_while_predicting(name):
    net = between(LAYERS[name])
    first = net.predict(X)
    np.testing.assert_array_equal(first, net.predict(X))
    for i in range(0, len(X), 5):
        np.testing.assert_array_equal(net.predict(X[i : i + 1]), first[i : i + 1])


def test_random_numbers_change_with_step_seed_and_layer():
    def loss(net):
        return net.loss_and_gradient(X, Y, loss="mean_squared_error", training=True)[0]

    nets = {seed: network(fastnn.Dropout(0.5), fastnn.Dense(3)) for seed in (0, 1)}
    nets[1].seed = 1
    assert loss(nets[0]) == loss(nets[0]) != loss(nets[1])
    before = loss(nets[0])
    nets[0].train_on_batch(X, Y, loss="mean_squared_error", optimizer=fastnn.SGD(lr=0.0))
    assert loss(nets[0]) != before


def test_an_activation_layer_is_the_argument():
    argument = fastnn.Sequential(
        [fastnn.Dense(9, activation="gelu"), fastnn.Dense(3, activation="softmax")], input_size=20
    )
    layers = fastnn.Sequential(
        [fastnn.Dense(9), fastnn.Activation("gelu"), fastnn.Dense(3), fastnn.Activation("softmax")],
        input_size=20,
    )
    layers.parameters = argument.parameters
    for net in (argument, layers):
        net.fit(X, LABELS, loss="cross_entropy", epochs=2)
    np.testing.assert_array_equal(argument.predict(X), layers.predict(X))


def test_two_activations_in_a_row():
    net = fastnn.Sequential(
        [fastnn.Dense(9, activation="tanh"), fastnn.Activation("relu"), fastnn.Dense(3)],
        input_size=20, dtype="float64",
    )  # fmt: skip
    one, _, two = net.layers
    hidden = np.maximum(np.tanh(X @ one.weights + one.bias), 0)
    np.testing.assert_allclose(net.predict(X), hidden @ two.weights + two.bias, rtol=1e-12)


def test_residual_adds_its_input():
    net = network(fastnn.Dense(8, activation="tanh"), fastnn.Residual([fastnn.Dense(8)]))
    first, (inner,) = net.layers[0], net.layers[1].layers
    hidden = np.tanh(X @ first.weights + first.bias)
    expected = hidden + hidden @ inner.weights + inner.bias
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-12)


def test_concatenate_puts_branches_side_by_side():
    net = network(fastnn.Concatenate([[fastnn.Dense(5)], [], [fastnn.Dense(2), fastnn.Dense(3)]]))
    (one,), _, (two, three) = net.layers[0].branches
    deep = (X @ two.weights + two.bias) @ three.weights + three.bias
    expected = np.hstack([X @ one.weights + one.bias, X, deep])
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-12)
    assert net.output_size == net.layers[0].outputs == 28


def test_an_activation_in_a_block_leaves_the_skip_alone():
    net = network(fastnn.Dense(6), fastnn.Residual([fastnn.Activation("relu")]))
    plain = X @ net.layers[0].weights + net.layers[0].bias
    np.testing.assert_allclose(net.predict(X), plain + np.maximum(plain, 0), rtol=1e-12)


def test_prelu_as_an_activation_is_the_layer():
    specs = {
        "argument": [fastnn.Dense(9, activation="prelu"), fastnn.Dense(3)],
        "layer": [fastnn.Dense(9), fastnn.PReLU(), fastnn.Dense(3)],
        "activation": [fastnn.Dense(9), fastnn.Activation("prelu"), fastnn.Dense(3)],
    }
    nets = {name: fastnn.Sequential(layers, input_size=20) for name, layers in specs.items()}
    gain = np.sqrt(2 / (1 + 0.25**2))  # He et al. 2015, equation 15
    bound = gain * np.sqrt(3 / 20)
    start = nets["layer"].parameters
    for net in nets.values():
        assert 0.9 * bound < np.abs(net.layers[0].weights).max() < bound
        net.parameters = start
        net.fit(X, LABELS, loss="cross_entropy", optimizer=fastnn.SGD(), epochs=3)
        np.testing.assert_array_equal(net.parameters, nets["argument"].parameters)
    moved = nets["argument"].layers[0].slopes
    assert len(set(moved)) == 9
    np.testing.assert_array_equal(moved, nets["layer"].layers[1].slopes)
    np.testing.assert_array_equal(moved, nets["activation"].layers[1].slopes)


def test_slopes_take_part_as_their_layer_does():
    layers = [fastnn.Dense(5, "prelu", lr_scale=0.0), fastnn.Dense(3)]
    net = fastnn.Sequential(layers, input_size=20)
    net.fit(X, LABELS, loss="cross_entropy", optimizer=fastnn.AdamW(weight_decay=0.5))
    np.testing.assert_array_equal(net.layers[0].slopes, np.float32(0.25))
    net = fastnn.Sequential([fastnn.Dense(5, "prelu"), fastnn.Dense(3)], input_size=20)
    net.layers[0].trainable = False
    net.fit(X, LABELS, loss="cross_entropy")
    np.testing.assert_array_equal(net.layers[0].slopes, np.float32(0.25))
    net.layers[0].trainable = True
    net.fit(X, LABELS)
    assert (net.layers[0].slopes != 0.25).all()


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_slopes_do_not_decay_unless_asked(scale):
    layer = fastnn.PReLU(decay_scale=scale) if scale else fastnn.PReLU()
    net = network(layer, fastnn.Dense(3))
    net.layers[1].weights = np.zeros((20, 3))  # no gradient reaches the slopes
    before = net.layers[0].slopes
    optimizer = fastnn.AdamW(lr=0.1, weight_decay=0.5)
    net.train_on_batch(X, Y, loss="mean_squared_error", optimizer=optimizer)
    np.testing.assert_allclose(net.layers[0].slopes, before * (1 - 0.05 * scale), rtol=1e-12)


def test_networks_with_prelu_activations_are_saved(tmp_path):
    layers = [
        fastnn.Dense(9, activation="prelu", lr_scale=0.5),
        fastnn.Residual(
            [fastnn.Dense(9, fastnn.activations.PReLU(0.1)), fastnn.Activation("prelu")]
        ),
        fastnn.Dense(3),
    ]
    net = fastnn.Sequential(layers, input_size=20)
    net.fit(X, LABELS, loss="cross_entropy")
    net.save(tmp_path / "net.safetensors")
    for copy in (fastnn.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(net))):
        assert copy.specs == net.specs
        np.testing.assert_array_equal(copy.predict(X), net.predict(X))
        np.testing.assert_array_equal(copy.layers[0].slopes, net.layers[0].slopes)
        for one in (net.layers[1].layers[0], net.layers[1].layers[1]):
            assert one.slopes.shape == (9,)
    report = fastnn.check_gradient(net, X, LABELS)
    assert report.passed, report
    assert "0 PReLU" in net.summary()
    net.layers[0].slopes = np.arange(9)
    assert net.layers[0].slopes[8] == 8
    with pytest.raises(ValueError, match="slopes: this layer has none to set"):
        net.layers[2].slopes = np.zeros(3)
    wrong = net.loss_and_gradient(X, LABELS)[1]
    wrong[20 * 9 + 9 + 4] += 1
    report = fastnn.check_gradient(net, X, LABELS, gradient=wrong)
    assert (report.layer, report.name, report.index) == ("layers[0]", "slopes", (4,))


# ---- gradients ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*LAYERS, *BLOCKS])
@pytest.mark.parametrize("training", [True, False])
def test_gradients(name, training):
    net = between(LAYERS[name]) if name in LAYERS else network(*BLOCKS[name], fastnn.Dense(3))
    options = {"loss": "mean_squared_error", "training": training}
    start = net.parameters
    _, gradient = net.loss_and_gradient(X, Y, **options)
    step = 1e-7 if name == "prelu" else 1e-5  # so short that none crosses a kink
    pick = np.random.default_rng(1).choice(start.size, 150, replace=False)
    differences = np.empty(len(pick))
    for i, at in enumerate(pick):
        values = []
        for sign in (1, -1):
            moved = start.copy()
            moved[at] += sign * step
            net.parameters = moved
            values.append(net.loss_and_gradient(X, Y, **options)[0])
        differences[i] = (values[0] - values[1]) / (2 * step)
    assert np.abs(differences - gradient[pick]).max() < 1e-6 * np.abs(gradient).max()


def test_gradients_do_not_depend_on_chunks():
    """Without training, batch normalization is a fixed map: rows can be summed in any pieces."""
    many = np.tile(X, (60, 1))
    net = between(fastnn.BatchNorm())
    small = net.loss_and_gradient(X, Y, loss="mean_squared_error")[1]
    large = net.loss_and_gradient(many, np.tile(Y, (60, 1)), loss="mean_squared_error")[1]
    np.testing.assert_allclose(large, small, rtol=1e-9, atol=1e-12)


# ---- bits -----------------------------------------------------------------------------------


def trained(isa, threads, dtype, layers):
    with engine(isa, threads):
        net = fastnn.Sequential(layers, input_size=20, seed=4, dtype=dtype)
        net._exact_threads = threads  # by itself it would take one
        net.fit(X, LABELS, loss="cross_entropy", epochs=4, batch_size=16)
        net.loss_and_gradient(X, LABELS, training=True)
        digest = hashlib.sha256(net.parameters.tobytes())
        for layer in net._leaves():
            digest.update(b"" if layer.state is None else layer.state.tobytes())
        digest.update(net._read("gradient").tobytes())
        digest.update(net.predict(X).tobytes())
        return digest.hexdigest()


@every_block
@pytest.mark.parametrize("dtype", _core.DTYPES)
def test_same_bits_of_blocks(name, dtype):
    isas = [isa for isa in _core.isas() if isa != "baseline"]
    layers = [*BLOCKS[name], fastnn.Dense(256, activation="gelu"), fastnn.Dense(3)]
    hashes = {
        trained(isa, threads, dtype, layers)
        for isa, threads in itertools.product(isas, (1, 2, 3, 4, 7))
    }
    assert len(hashes) == 1


@every_layer
@pytest.mark.parametrize("dtype", _core.DTYPES)
@pytest.mark.parametrize("width", [37, 256])  # split by rows, and by columns
def test_same_bits(name, dtype, width):
    layer = LAYERS[name]
    layers = [
        layer, fastnn.Dense(width), layer, fastnn.Dense(width, activation="gelu"), layer,
        fastnn.Dense(256, activation="relu"), layer, fastnn.Dense(3),
    ]  # fmt: skip
    if name not in ("activation", "prelu"):  # before cross entropy there is none
        layers.append(layer)
    isas = [isa for isa in _core.isas() if isa != "baseline"]
    hashes = {
        trained(isa, threads, dtype, layers)
        for isa, threads in itertools.product(isas, (1, 2, 3, 4, 7))
    }
    assert len(hashes) == 1


# ---- files, copies, text ---------------------------------------------------------------------


@pytest.mark.parametrize("name", [*LAYERS, *BLOCKS])
def test_saved_copied_and_pickled(name, tmp_path):
    if name in LAYERS:
        net = between(LAYERS[name], dtype="float32")
    else:
        net = network(*BLOCKS[name], fastnn.Dense(3), dtype="float32")
    net.fit(X, LABELS, loss="cross_entropy", epochs=2)
    net.save(tmp_path / "net.safetensors")
    copies = [fastnn.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(net))]
    for copy in copies:
        np.testing.assert_array_equal(copy.predict(X), net.predict(X))
    for one in (net, copies[1]):  # a pickle goes on where it was
        one.fit(X, LABELS, epochs=1)
    np.testing.assert_array_equal(copies[1].parameters, net.parameters)


def test_what_training_cannot_do_is_undone_in_batch_norm_too():
    net = network(fastnn.BatchNorm(), fastnn.Dense(3))
    before = net.layers[0].state
    bad = X.copy()
    bad[30, 2] = np.nan
    with pytest.raises(ValueError, match=r"X.*row 30"):
        net.fit(bad, Y, loss="mean_squared_error", batch_size=8)
    np.testing.assert_array_equal(net.layers[0].state, before)


def test_summary_counts_normalizations():
    text = network(fastnn.BatchNorm(), fastnn.Dense(3), fastnn.Dropout(0.5)).summary()
    assert "0 BatchNorm" in text
    assert "103 parameters" in text  # 2 * 20 + 21 * 3


def test_layers_without_parameters():
    net = network(fastnn.Dropout(0.5), fastnn.Dense(3, bias=False))
    assert net.layers[0].weights is None
    assert net.layers[0].bias is None
    assert net.layers[0].running_mean is None
    with pytest.raises(ValueError, match="weights: this layer has none to set"):
        net.layers[0].weights = np.zeros(20)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fastnn.Dropout(1.0), "rate: got 1.0"),
        (lambda: fastnn.Dropout("0.5"), "rate: got '0.5'"),
        (lambda: fastnn.BatchNorm(momentum=0), "momentum: got 0"),
        (lambda: fastnn.LayerNorm(epsilon=0), "epsilon: got 0"),
        (lambda: fastnn.PReLU(np.nan), "negative_slope: got nan"),
        (lambda: fastnn.GaussianNoise(-1), "std: got -1"),
        (lambda: fastnn.Activation(None), "function: got None"),
        (lambda: fastnn.Residual([]), "layers: got none"),
        (lambda: fastnn.Residual(fastnn.Dense(3)), "layers: got Dense"),
        (lambda: fastnn.Concatenate([[fastnn.Dense(3)]]), "branches: got 1, want at least 2"),
        (lambda: fastnn.Concatenate([[], [3]]), r"branches\[1\]\[0\]: got 3"),
        (
            lambda: network(fastnn.Dense(4), fastnn.Residual([fastnn.Dense(5)])),
            r"layers\[1\]: the block of Residual has 5 outputs, want 4",
        ),
        (
            lambda: fastnn.Sequential([fastnn.Residual([fastnn.Dense(5, activation="softmax")])]),
            r"layers\[0\].layers\[0\].activation: softmax",
        ),
        (lambda: fastnn.Sequential([fastnn.Dropout(0.5)]), "layers: none has parameters"),
        (
            lambda: fastnn.Sequential([fastnn.Activation("softmax"), fastnn.Dense(3)]),
            r"layers\[0\].activation: softmax",
        ),
    ],
)
def test_bad_layers(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
