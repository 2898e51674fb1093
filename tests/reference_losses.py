"""Losses in plain NumPy, at their default numbers: more rows for tests/reference.py.

Each is (value of each row, its gradient in the raw outputs, some valid targets).
"""

from typing import Any, NamedTuple

import numpy as np


class Loss(NamedTuple):
    """As reference.Loss."""

    value: Any
    gradient: Any
    example: Any


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


def normal(generator, n, outputs):
    return generator.normal(size=(n, outputs))


def positive(generator, n, outputs):
    return generator.gamma(2.0, size=(n, outputs)) + 0.01


def binary(generator, n, outputs):
    return generator.integers(0, 2, (n, outputs)).astype(float)


def elementwise(value, slope, example):
    """A mean over the outputs."""
    return Loss(
        lambda z, t: value(z, t).mean(axis=1), lambda z, t: slope(z, t) / z.shape[1], example
    )


def side(t):
    return np.where(t > 0.5, 1.0, -1.0)


def focal(z, t):
    right = sigmoid(side(t) * z)
    return (1 - right) ** 2 * softplus(-side(t) * z)


def focal_slope(z, t):
    y = side(t)
    right, wrong = sigmoid(y * z), sigmoid(-y * z)
    return -y * wrong**2 * (2 * right * softplus(-y * z) + wrong)


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def half_as_many(generator, n, outputs):
    return generator.normal(size=(n, outputs // 2))


def distributions(generator, n, outputs):
    return generator.dirichlet(np.ones(outputs), n)


def gaussian_nll(z, t):
    mean, log_variance = np.split(z, 2, axis=1)
    return (log_variance + (mean - t) ** 2 * np.exp(-log_variance)).mean(axis=1) / 2


def gaussian_nll_slope(z, t):
    mean, log_variance = np.split(z, 2, axis=1)
    share = (mean - t) * np.exp(-log_variance)
    return np.hstack([share, (1 - share * (mean - t)) / 2]) / t.shape[1]


def cosines(z, t):
    """Cosine and both directions; zeros have the cosine 0."""
    lengths = [np.linalg.norm(x, axis=1, keepdims=True) for x in (z, t)]
    z, t = (x / np.where(a > 0, a, 1) for x, a in zip((z, t), lengths, strict=True))
    return (z * t).sum(axis=1, keepdims=True), z, t, np.where(lengths[0] > 0, lengths[0], 1)


def cosine_distance(z, t):
    return 1 - cosines(z, t)[0][:, 0]


def cosine_distance_slope(z, t):
    cosine, z, t, length = cosines(z, t)
    return (cosine * z - t) / length * z.any(axis=1, keepdims=True)


LOSSES = {
    "mean_absolute_error": elementwise(
        lambda z, t: np.abs(z - t), lambda z, t: np.sign(z - t), normal
    ),
    "huber": elementwise(
        lambda z, t: np.where(np.abs(z - t) <= 1, (z - t) ** 2 / 2, np.abs(z - t) - 0.5),
        lambda z, t: np.clip(z - t, -1, 1),
        normal,
    ),
    "log_cosh": elementwise(
        lambda z, t: np.abs(z - t) + np.log1p(np.exp(-2 * np.abs(z - t))) - np.log(2),
        lambda z, t: np.tanh(z - t),
        normal,
    ),
    "quantile": elementwise(
        lambda z, t: np.abs(z - t) / 2, lambda z, t: np.sign(z - t) / 2, normal
    ),
    "poisson": elementwise(
        lambda z, t: np.exp(z) - t * z,
        lambda z, t: np.exp(z) - t,
        lambda generator, n, outputs: generator.poisson(2.0, (n, outputs)).astype(float),
    ),
    "gamma": elementwise(
        lambda z, t: z + t * np.exp(-z), lambda z, t: 1 - t * np.exp(-z), positive
    ),
    "tweedie": elementwise(
        lambda z, t: np.exp(z / 2) / 0.5 + t * np.exp(-z / 2) / 0.5,
        lambda z, t: np.exp(z / 2) - t * np.exp(-z / 2),
        positive,
    ),
    "weighted_binary_cross_entropy": elementwise(
        lambda z, t: softplus(z) - t * z, lambda z, t: sigmoid(z) - t, binary
    ),
    "focal": elementwise(focal, focal_slope, binary),
    "hinge": elementwise(
        lambda z, t: np.maximum(0, 1 - side(t) * z),
        lambda z, t: np.where(side(t) * z < 1, -side(t), 0.0),
        binary,
    ),
    "squared_hinge": elementwise(
        lambda z, t: np.maximum(0, 1 - side(t) * z) ** 2,
        lambda z, t: -2 * side(t) * np.maximum(0, 1 - side(t) * z),
        binary,
    ),
    "gaussian_nll": Loss(gaussian_nll, gaussian_nll_slope, half_as_many),
    "cosine_similarity": Loss(cosine_distance, cosine_distance_slope, normal),
    "weighted_cross_entropy": Loss(
        lambda z, t: -np.where(t == 0, 0, t * log_softmax(z)).sum(axis=1),
        lambda z, t: np.exp(log_softmax(z)) * t.sum(axis=1, keepdims=True) - t,
        distributions,
    ),
    "kl_divergence": Loss(
        lambda z, t: (np.where(t > 0, t * np.log(np.where(t > 0, t, 1)), 0)
                      - t * log_softmax(z)).sum(axis=1),
        lambda z, t: np.exp(log_softmax(z)) * t.sum(axis=1, keepdims=True) - t,
        distributions,
    ),
}  # fmt: skip

# Outputs for each column of the targets, where that is not 1.
OUTPUTS = {"gaussian_nll": 2}


def width(loss, outputs):
    """That many outputs, or the next number that the loss can have."""
    each = OUTPUTS.get(loss, 1)
    return -(-outputs // each) * each
