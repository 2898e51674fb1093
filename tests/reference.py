"""The engine in plain NumPy: every activation, loss and link, and a network of them.

This is the specification that the kernels are tested against, so it is written to be read,
with no eye to speed.  The names are those of the tables in csrc/ops/; a row without its twin
here fails tests/test_ops.py; the optimizers are in reference_optimizers.py.  Arrays keep their
dtype: float64 is the truth, float32 shows what plain NumPy would make of it.

Shapes: X (n, inputs); z raw outputs and t targets (n, outputs); W (K, N); b (N).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import reference_activations
import reference_losses
from reference_optimizers import HYPERPARAMETERS, MAX_SLOTS, OPTIMIZERS  # noqa: F401

# ---- activations ------------------------------------------------------------------------


class Activation(NamedTuple):
    """h(z) and dh/dz, elementwise; `a` is the layer's activation parameter."""

    value: Callable  # (z, a) -> h
    slope: Callable  # (z, a) -> dh/dz


def erf(x):
    return np.vectorize(math.erf, otypes=[x.dtype])(x)


def sigmoid(z):
    """1 / (1 + exp(-z)), from the side where exp does not overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z < 0, small, 1) / (1 + small)


def normal_cdf(z):
    return 0.5 * (1 + erf(z / math.sqrt(2)))


def normal_pdf(z):
    return np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)


ACTIVATIONS = {
    "identity": Activation(lambda z, a: z, lambda z, a: np.ones_like(z)),
    "relu": Activation(lambda z, a: np.maximum(z, 0), lambda z, a: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": Activation(
        lambda z, a: np.where(z > 0, z, a * z), lambda z, a: np.where(z > 0, 1.0, a)
    ),
    "tanh": Activation(lambda z, a: np.tanh(z), lambda z, a: 1 - np.tanh(z) ** 2),
    "sigmoid": Activation(lambda z, a: sigmoid(z), lambda z, a: sigmoid(z) * (1 - sigmoid(z))),
    "gelu": Activation(
        lambda z, a: z * normal_cdf(z), lambda z, a: normal_cdf(z) + z * normal_pdf(z)
    ),
    "silu": Activation(
        lambda z, a: z * sigmoid(z), lambda z, a: sigmoid(z) * (1 + z * (1 - sigmoid(z)))
    ),
    **{name: Activation(*pair) for name, pair in reference_activations.MORE.items()},
}

# ---- losses -----------------------------------------------------------------------------


class Loss(NamedTuple):
    """The loss of each row and its gradient in the raw outputs."""

    value: Callable  # (z, t) -> (n,)
    gradient: Callable  # (z, t) -> (n, outputs)
    example: Callable  # (generator, n, outputs) -> t, some valid targets


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def softmax(z):
    return np.exp(log_softmax(z))


def cross_entropy(z, t):
    """-sum t log softmax(z); a class without a share in the target counts nothing."""
    return -np.where(t == 0, 0, t * log_softmax(z)).sum(axis=1)


def binary_cross_entropy(z, t):
    """-t log p - (1 - t) log(1 - p) with p = sigmoid(z), as a mean over the outputs."""
    return (np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean(axis=1)


LOSSES = {
    "mean_squared_error": Loss(
        lambda z, t: ((z - t) ** 2).mean(axis=1),
        lambda z, t: 2 * (z - t) / z.shape[1],
        lambda generator, n, outputs: generator.normal(size=(n, outputs)),
    ),
    "binary_cross_entropy": Loss(
        binary_cross_entropy,
        lambda z, t: (sigmoid(z) - t) / z.shape[1],
        lambda generator, n, outputs: generator.integers(0, 2, (n, outputs)).astype(float),
    ),
    "cross_entropy": Loss(
        cross_entropy,
        lambda z, t: softmax(z) * t.sum(axis=1, keepdims=True) - t,
        lambda generator, n, outputs: generator.dirichlet(np.ones(outputs), n),
    ),
    **reference_losses.LOSSES,
}

# Their link is sigmoid, which a last layer's sigmoid stands for.
SIGMOID_LOSSES = ("binary_cross_entropy", "weighted_binary_cross_entropy", "focal")

LINKS = {
    "identity": lambda z: z,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "exp": np.exp,
    "sign": lambda z: np.where(z > 0, 1.0, -1.0),
}


def one_hot(labels, classes):
    return np.eye(classes)[np.asarray(labels).reshape(-1).astype(int)]


def accuracy(z, t, link):
    """Share of right answers in each row: the likeliest class, or each output's side of 1/2."""
    if link == "softmax":
        return (z.argmax(axis=1) == t.argmax(axis=1)).astype(float)
    return ((LINKS[link](z) > 0.5) == (t > 0.5)).mean(axis=1)


def weighted_mean(per_row, weights=None):
    weights = np.ones(len(per_row)) if weights is None else weights
    return (weights * per_row).sum() / weights.sum()


# ---- the network ------------------------------------------------------------------------


class Network:
    """Dense layers, each an (activation, parameter, outputs, bias) tuple as in _core.Plan.

    `parameters` is flat: of each layer the weights (K, N) in C order, then the bias (N).
    """

    def __init__(self, inputs, layers, parameters):
        self.layers = layers
        self.parameters = np.array(parameters)
        self.slots = np.zeros((MAX_SLOTS, self.parameters.size), self.parameters.dtype)
        self.steps = 0
        self.shapes = layer_shapes(inputs, layers)

    def weights_and_biases(self):
        """(W, b) of each layer; b is 0 where there is none."""
        at = 0
        for K, N, bias in self.shapes:
            W = self.parameters[at : at + K * N].reshape(K, N)
            at += K * N
            yield W, self.parameters[at : at + N] if bias else 0
            at += N if bias else 0

    def forward(self, X):
        """The input H and the pre-activation Z of each layer, then the outputs."""
        Hs, Zs, H = [], [], np.asarray(X, self.parameters.dtype)
        for (activation, a, _, _), (W, b) in zip(
            self.layers, self.weights_and_biases(), strict=True
        ):
            Hs.append(H)
            Zs.append(H @ W + b)
            H = ACTIVATIONS[activation].value(Zs[-1], a)
        return Hs, Zs, H

    def predict(self, X, link="identity"):
        return LINKS[link](self.forward(X)[2])

    def raw_outputs(self, X, loss):
        """What the loss sees: it takes its own link's place where that is the last activation."""
        _, Zs, H = self.forward(X)
        return Zs[-1] if self.own_link(loss) else H

    def own_link(self, loss):
        return loss in SIGMOID_LOSSES and self.layers[-1][0] == "sigmoid"

    def evaluate(self, X, t, loss, weights=None):
        return weighted_mean(LOSSES[loss].value(self.raw_outputs(X, loss), t), weights)

    def loss_and_gradient(self, X, t, loss, weights=None):
        """Mean loss of the rows and its flat gradient in the parameters."""
        Hs, Zs, _ = self.forward(X)
        Ws = [W for W, _ in self.weights_and_biases()]
        z = self.raw_outputs(X, loss)
        weights = np.ones(len(z)) if weights is None else weights
        dH = LOSSES[loss].gradient(z, t) * (weights / weights.sum())[:, None]
        parts = []
        for i in reversed(range(len(self.layers))):
            activation, a, _, bias = self.layers[i]
            in_the_loss = i == len(self.layers) - 1 and self.own_link(loss)
            dZ = dH if in_the_loss else dH * ACTIVATIONS[activation].slope(Zs[i], a)
            dW, db = Hs[i].T @ dZ, dZ.sum(axis=0)
            parts = [dW, db, *parts] if bias else [dW, *parts]
            dH = dZ @ Ws[i].T
        gradient = np.concatenate([part.reshape(-1) for part in parts])
        return weighted_mean(LOSSES[loss].value(z, t), weights), gradient

    def train(self, X, t, loss, optimizer, lr, hyperparameters=(), *, batch, weights=None):
        """One step for each batch of rows, in the order given; returns the epoch's mean loss."""
        weights = np.ones(len(X)) if weights is None else weights
        total = 0
        for at in range(0, len(X), batch):
            rows = slice(at, at + batch)
            value, g = self.loss_and_gradient(X[rows], t[rows], loss, weights[rows])
            total += value * weights[rows].sum()
            self.steps += 1
            OPTIMIZERS[optimizer](self.parameters, g, self.slots, self.steps, lr, *hyperparameters)
        return total / weights.sum()


def layer_shapes(inputs, layers):
    """(K, N, bias) of each layer."""
    widths = [inputs, *(outputs for _, _, outputs, _ in layers)]
    return [(K, N, layer[3]) for K, N, layer in zip(widths, widths[1:], layers, strict=False)]


def example_parameters(generator, inputs, layers):
    """Weights that keep activations near 1 in size, biases that are not zero."""
    parts = []
    for K, N, bias in layer_shapes(inputs, layers):
        parts.append(generator.normal(size=K * N) / math.sqrt(K))
        parts.append(generator.normal(size=N if bias else 0) / 4)
    return np.concatenate(parts)
