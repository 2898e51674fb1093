"""What several test modules share: small data, comparisons, the kinds of specs, ISAs in turn."""

import contextlib

import numpy as np

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
