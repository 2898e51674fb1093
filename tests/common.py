"""What several test modules share: small data, comparisons, the kinds of specs, ISAs in turn."""

import contextlib
import os
from importlib.util import find_spec

import numpy as np
import pytest

import fastnn
from fastnn import (
    _core,
    activations,
    initializers,
    layers,
    losses,
    optimizers,
    schedules,
    solvers,
)

N, WIDTH, CLASSES = 50, 5, 3

KINDS = {
    "activation": activations.Activation,
    "initializer": initializers.Initializer,
    "layer": layers.Layer,
    "loss": losses.Loss,
    "optimizer": optimizers.Optimizer,
    "schedule": schedules.Schedule,
    "solver": solvers.Solver,
}


def labelled(seed=0, n=N):
    """Inputs that float32 holds exactly, and labels that depend on them."""
    X = np.random.default_rng(seed).integers(-50, 50, (n, WIDTH)) / 64
    return X, X[:, :CLASSES].argmax(axis=1)


def valued(seed=0, n=N):
    """The same inputs, and targets of a regression."""
    X, _ = labelled(seed, n)
    return X, X.sum(axis=1) + 1


def same(a, b):
    """Whether two networks have the same parameters, bit for bit."""
    return np.array_equal(a.parameters, b.parameters)


@contextlib.contextmanager
def engine(isa, threads=None):
    """Within, the kernels are those of an ISA, and there are at most so many threads."""
    before = _core.isa()
    _core.select_isa(isa)
    fastnn.set_num_threads(threads)
    try:
        yield
    finally:
        _core.select_isa(before)
        fastnn.set_num_threads(None)


# ---- what networks are exported as, and how they come back ---------------------------------------

ACTIVATION_CASES = {
    name: fastnn.Dense(6, activation=name) for name in sorted(activations.Activation.registry)
} | {
    "leaky_relu 0.3": fastnn.Dense(6, activation=activations.LeakyReLU(0.3)),
    "elu 0.5": fastnn.Dense(6, activation=activations.ELU(0.5)),
    "celu 2": fastnn.Dense(6, activation=activations.CELU(2)),
    "of a layer": fastnn.Activation("gelu"),
}
LAYER_CASES = {
    "dense": [fastnn.Dense(9, activation="relu"), fastnn.Dense(4, bias=False)],
    "activation": [fastnn.Activation("tanh"), fastnn.Dense(4), fastnn.Activation("softmax")],
    "dropout": [fastnn.Dropout(0.3), fastnn.Dense(4), fastnn.Dropout(0.3)],
    "alpha_dropout": [fastnn.Dense(9, activation="selu"), fastnn.AlphaDropout(0.2)],
    "gaussian_noise": [fastnn.GaussianNoise(2.0), fastnn.Dense(4)],
    "batch_norm": [fastnn.BatchNorm(1e-3), fastnn.Dense(9), fastnn.BatchNorm()],
    "layer_norm": [fastnn.LayerNorm(1e-3), fastnn.Dense(9), fastnn.LayerNorm()],
    "prelu": [fastnn.PReLU(0.1), fastnn.Dense(9, activation="prelu"), fastnn.Dense(4)],
    "embedding": [fastnn.Embedding({0: (3, 2), 2: (5, 4), 3: (2, 1)}), fastnn.Dense(4)],
    "embedding last": [fastnn.Embedding({4: (3, 2)}), fastnn.Dense(4)],
    "residual": [
        fastnn.Dense(9),
        fastnn.Residual([fastnn.Residual([fastnn.Dense(9, activation="relu")]), fastnn.Dense(9)]),
        fastnn.Residual([fastnn.Activation("relu"), fastnn.Dropout(), fastnn.Dense(9)]),
        fastnn.Residual([fastnn.Activation("gelu")]),
    ],
    "concatenate": [
        fastnn.Concatenate([[fastnn.Dense(9, activation="gelu")], [], [fastnn.BatchNorm()]]),
        fastnn.Concatenate([[], [fastnn.Residual([fastnn.Dense(19)])]]),
        fastnn.Concatenate([[], []]),
    ],
}


def exported_rows():
    """Layers of the engine, as specs call them."""
    return set(_core.LAYERS) - {"input", "add"} | {"dense", "residual"}


def exported_network(layers, dtype="float32", seed=0):
    """A network whose every number is its own, and rows for it; codes where it has categories."""
    rng = np.random.default_rng(seed)
    before = [] if layers[0].name == "embedding" else [fastnn.Dense(WIDTH)]
    net = fastnn.Sequential([*before, *layers], WIDTH, seed=1, dtype=dtype)
    net.parameters = net.parameters + rng.normal(size=net.parameters.size) * 0.1
    for leaf in net._leaves():
        if leaf.state is not None:
            mean, spread = rng.normal(size=leaf.outputs), rng.uniform(0.5, 3, leaf.outputs)
            leaf.state = np.concatenate([mean, spread])
    X = (rng.normal(size=(40, WIDTH)) * 2).astype("float32")
    for column, count in net._graph.categories().items():
        X[:, column] = rng.integers(0, count, len(X))
    return net, X


def keras_or_skip():
    """Keras 3 with a backend that is there; it is not among what the tests install."""
    backends = [name for name in ("jax", "torch", "tensorflow") if find_spec(name)]
    if not backends:
        pytest.skip("no backend of Keras is installed", allow_module_level=True)
    os.environ.setdefault("KERAS_BACKEND", backends[0])
    return pytest.importorskip("keras", minversion="3")
