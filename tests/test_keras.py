"""What docs/howto/from-keras.md says of the two libraries' numbers, where Keras is installed."""

import numpy as np
import pytest
from common import keras_or_skip

import fastnn
from fastnn import losses, schedules

keras = keras_or_skip()

pytestmark = pytest.mark.filterwarnings("default")  # Keras's own

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(64, 6)), RNG.normal(size=(64, 2))
WEIGHTS = RNG.normal(size=(6, 8)), RNG.normal(size=(8, 2))
SHARES = RNG.random(64) + 0.5


def train(own, theirs, optimizers=None, hidden=((), ()), *, sample_weight=None, **options):
    """Train the same dense network in both from the same weights; return outputs and histories.

    Parameters
    ----------
    own, theirs : dict
        Arguments of the first layer.
    optimizers : tuple, optional
        fastnn's and Keras's.
    hidden : tuple of sequences
        Layers after the first.
    sample_weight, **options
        Of fastnn's `fit`; the first of Keras's too.
    """
    optimizer, their_optimizer = optimizers or (fastnn.SGD(lr=0.1), keras.optimizers.SGD(0.1))
    net = fastnn.Sequential([fastnn.Dense(8, "tanh", **own), *hidden[0], fastnn.Dense(2)], 6)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.Input((6,)), dense(8, "tanh", **theirs), *hidden[1], keras.layers.Dense(2)]
    )
    layers = [layer for layer in net.layers if isinstance(layer.spec, fastnn.Dense)]
    others = [layer for layer in model.layers if isinstance(layer, dense)]
    for layer, other, weights in zip(layers, others, WEIGHTS, strict=True):
        layer.weights = weights
        other.set_weights([weights, np.zeros(weights.shape[1])])
    model.compile(loss="mse", optimizer=their_optimizer)
    shared = {"batch_size": 16, "epochs": 3, "shuffle": False, "sample_weight": sample_weight}
    history = net.fit(X, Y, loss="mean_squared_error", optimizer=optimizer, **shared, **options)
    their_history = model.fit(X, Y, verbose=0, **shared)
    outputs = net.predict(X), model.predict(X, verbose=0)
    return outputs, (history["loss"], their_history.history["loss"])


SGDS = {
    "clip_norm": ({"clip_norm": 0.3}, {"clipnorm": 0.3}),
    "clip_value": ({"clip_value": 0.05}, {"clipvalue": 0.05}),
    "clip_global_norm": ({"clip_global_norm": 0.3}, {"global_clipnorm": 0.3}),
    "momentum": ({"momentum": 0.9}, {"momentum": 0.9}),
    "nesterov": (
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.9, "nesterov": True},
    ),
}
OPTIMIZERS = {
    "adam": lambda k: (fastnn.Adam(lr=0.001, epsilon=1e-7), k.Adam()),
    "adamw": lambda k: (fastnn.AdamW(lr=0.001, weight_decay=0.004, epsilon=1e-7), k.AdamW()),
    "rmsprop": lambda k: (fastnn.RMSprop(lr=0.001, alpha=0.9, epsilon=1e-7), k.RMSprop()),
    "adagrad": lambda k: (fastnn.Adagrad(lr=0.001), k.Adagrad(initial_accumulator_value=0.0)),
    "adadelta": lambda k: (fastnn.Adadelta(lr=0.001, rho=0.95, epsilon=1e-7), k.Adadelta()),
    "nadam": lambda k: (fastnn.NAdam(lr=0.001, epsilon=1e-7, momentum_decay=1.0), k.Nadam()),
    "lion": lambda k: (fastnn.Lion(lr=0.001), k.Lion()),
} | {
    f"sgd, {name}": lambda k, o=own, t=theirs: (fastnn.SGD(lr=0.01, **o), k.SGD(0.01, **t))
    for name, (own, theirs) in SGDS.items()
}


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizers_of_the_same_numbers_take_the_same_steps(case):
    outputs, histories = train({}, {}, OPTIMIZERS[case](keras.optimizers))
    under_the_root = case in ("rmsprop", "adagrad")  # where Keras has epsilon
    np.testing.assert_allclose(*outputs, atol=5e-3 if under_the_root else 2e-5)
    np.testing.assert_allclose(*histories, rtol=1e-3 if under_the_root else 1e-5)


LAYERS = {
    "max_norm": lambda k: ({"max_norm": 2}, {"kernel_constraint": k.constraints.MaxNorm(2)}),
    "l2": lambda k: ({"l2": 2e-2}, {"kernel_regularizer": k.regularizers.L2(1e-2)}),
}
HIDDEN = {
    "prelu": lambda k: ([fastnn.PReLU(negative_slope=0.0)], [k.layers.PReLU()]),
    "layer_norm": lambda k: ([fastnn.LayerNorm(epsilon=1e-3)], [k.layers.LayerNormalization()]),
    "leaky_relu": lambda k: (
        [fastnn.Activation(fastnn.activations.LeakyReLU(0.3))],
        [k.layers.LeakyReLU()],
    ),
    "gelu": lambda k: ([fastnn.Activation("gelu")], [k.layers.Activation("gelu")]),
    "hard_swish": lambda k: ([fastnn.Activation("hard_swish")], [k.layers.Activation("hard_silu")]),
}


@pytest.mark.parametrize("case", LAYERS)
def test_options_of_a_dense_layer(case):
    outputs, histories = train(*LAYERS[case](keras))
    np.testing.assert_allclose(*outputs, atol=1e-5)
    own, theirs = histories
    if case == "l2":  # Keras's history has the penalty
        assert all(theirs > np.array(own) * 1.05)
    else:
        np.testing.assert_allclose(own, theirs, rtol=1e-5)


@pytest.mark.parametrize("case", HIDDEN)
def test_layers_of_the_same_numbers(case):
    outputs, histories = train({}, {}, hidden=HIDDEN[case](keras))
    np.testing.assert_allclose(*outputs, atol=1e-5)
    np.testing.assert_allclose(*histories, rtol=1e-5)


def test_batch_normalization_but_for_the_running_variance():
    own, theirs = fastnn.BatchNorm(epsilon=1e-3, momentum=0.01), keras.layers.BatchNormalization()
    outputs, histories = train({}, {}, hidden=([own], [theirs]))
    np.testing.assert_allclose(*histories, rtol=1e-5)
    np.testing.assert_allclose(*outputs, atol=0.02)  # n in place of n - 1


def test_gradient_accumulation():
    their = keras.optimizers.SGD(0.1, gradient_accumulation_steps=4)
    outputs, _ = train({}, {}, (fastnn.SGD(lr=0.1), their), accumulate=4)
    np.testing.assert_allclose(*outputs, atol=1e-5)


def test_sample_weights_of_mean_one_are_the_same():
    batches = SHARES.reshape(4, 16)
    weights = (batches / batches.mean(axis=1, keepdims=True)).ravel()
    np.testing.assert_allclose(*train({}, {}, sample_weight=weights)[0], atol=1e-5)
    own, theirs = train({}, {}, sample_weight=SHARES)[0]
    assert np.abs(own - theirs).max() > 0.01


def test_schedules():
    theirs, lr = keras.optimizers.schedules, 0.1
    warm = theirs.CosineDecay(0.0, 40, 0.1, warmup_target=lr, warmup_steps=10)
    pairs = [
        (schedules.Exponential(lr, 0.5, steps=10), theirs.ExponentialDecay(lr, 10, 0.5)),
        (schedules.Step(lr, 10, 0.5), theirs.ExponentialDecay(lr, 10, 0.5, staircase=True)),
        (schedules.Cosine(lr, 40, final=0.1 * lr), theirs.CosineDecay(lr, 40, 0.1)),
        (schedules.CosineRestarts(lr, 10, multiplier=2), theirs.CosineDecayRestarts(lr, 10)),
        (schedules.Polynomial(lr, steps=40, final=1e-4), theirs.PolynomialDecay(lr, 40)),
        (schedules.InverseTime(lr, 0.5, steps=10), theirs.InverseTimeDecay(lr, 10, 0.5)),
    ]
    for own, their in pairs:
        rates = [own(step) for step in range(60)], [float(their(step)) for step in range(60)]
        np.testing.assert_allclose(*rates, atol=1e-7, err_msg=str(own))
    own = schedules.Warmup(schedules.Cosine(lr, 40, final=0.1 * lr), 10)
    np.testing.assert_allclose(own(0), lr / 100)
    after = [own(step) for step in range(10, 60)], [float(warm(step)) for step in range(10, 60)]
    np.testing.assert_allclose(*after, atol=1e-7)


def test_losses():
    theirs = keras.losses
    z, values = RNG.normal(size=(7, 4)).astype("float32"), RNG.normal(size=(7, 4))
    classes, yes = RNG.integers(0, 4, 7), RNG.random((7, 4)) > 0.5
    shares = RNG.random((7, 4))
    shares /= shares.sum(axis=1, keepdims=True)
    exp = np.exp(z)
    p = exp / exp.sum(axis=1, keepdims=True)
    ce = theirs.SparseCategoricalCrossentropy(from_logits=True)
    triples = [
        ("cross_entropy", classes, ce(classes, z)),
        ("cross_entropy", shares, theirs.CategoricalCrossentropy(from_logits=True)(shares, z)),
        ("binary_cross_entropy", yes, theirs.BinaryCrossentropy(from_logits=True)(yes, z)),
        (losses.Focal(), yes, theirs.BinaryFocalCrossentropy(gamma=2, from_logits=True)(yes, z)),
        ("mean_squared_error", values, theirs.MeanSquaredError()(values, z)),
        ("mean_absolute_error", values, theirs.MeanAbsoluteError()(values, z)),
        (losses.Huber(delta=1), values, theirs.Huber(delta=1)(values, z)),
        ("log_cosh", values, theirs.LogCosh()(values, z)),
        ("hinge", yes, theirs.Hinge()(yes, z)),
        ("squared_hinge", yes, theirs.SquaredHinge()(yes, z)),
        ("poisson", abs(values), theirs.Poisson()(abs(values), exp)),
        ("kl_divergence", shares, theirs.KLDivergence()(shares, p)),
        ("cosine_similarity", values, 1 + theirs.CosineSimilarity()(values, z)),
    ]
    net = fastnn.Sequential([fastnn.Dense(4, bias=False)], 4)
    net.layers[0].weights = np.eye(4)
    for loss, target, want in triples:
        net.loss = net._use_loss(loss)
        found = net.evaluate(z, target)["loss"]
        np.testing.assert_allclose(found, float(want), rtol=1e-4, err_msg=str(loss))


@pytest.mark.parametrize(
    "layers",
    [["dense"], ["dense", "batch"], ["dense", "prelu"], ["gelu"], ["silu", "leaky"]],
    ids="-".join,
)
def test_what_it_exports_is_read(tmp_path, layers):
    pytest.importorskip("onnx")
    pytest.importorskip("jax2onnx" if keras.backend.backend() == "jax" else "tf2onnx")
    own = keras.layers
    made = {
        "dense": lambda: own.Dense(8),
        "gelu": lambda: own.Dense(8, "gelu"),
        "silu": lambda: own.Dense(8, "silu"),
        "batch": own.BatchNormalization,
        "prelu": lambda: own.PReLU(keras.initializers.RandomUniform(0.1, 0.5)),
        "leaky": own.LeakyReLU,
    }
    model = keras.Sequential(
        [keras.Input((6,)), *(made[name]() for name in layers), own.Dense(3, "softmax")]
    )
    model(X)
    model.export(tmp_path / "net.onnx", format="onnx", verbose=False)
    net = fastnn.from_onnx(tmp_path / "net.onnx")
    np.testing.assert_allclose(net.predict(X), model.predict(X, verbose=0), atol=1e-6)
