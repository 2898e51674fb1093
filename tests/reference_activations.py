"""The rest of reference.py's activations: {name: (h(z, a), dh/dz(z, a))}, from their papers."""

import math

import numpy as np

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def logistic(z):
    small = np.exp(-np.abs(z))
    return np.where(z < 0, small, 1) / (1 + small)


def elu(z, a):
    return np.where(z > 0, z, a * np.expm1(np.minimum(z, 0)))


def elu_slope(z, a):
    return np.where(z > 0, 1, a * np.exp(np.minimum(z, 0)))


def gelu_tanh(z, a):
    with np.errstate(over="ignore"):
        u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    return z * logistic(2 * u)


def gelu_tanh_slope(z, a):
    z = np.clip(z, -30, 30)  # 0 or 1 beyond, where z^2 may overflow
    u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    du = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z**2)
    return logistic(2 * u) + z * 2 * du * logistic(2 * u) * logistic(-2 * u)


def softplus(z, a=None):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def mish_slope(z, a):
    gate = np.tanh(softplus(z))
    gate_slope = logistic(z) / np.cosh(np.minimum(softplus(z), 300)) ** 2
    return gate + z * gate_slope


def hard_sigmoid(z, a):
    return np.clip(z + 3, 0, 6) / 6


MORE = {
    "gelu_tanh": (gelu_tanh, gelu_tanh_slope),
    "elu": (elu, elu_slope),
    "selu": (
        lambda z, a: SELU_SCALE * elu(z, SELU_ALPHA),
        lambda z, a: SELU_SCALE * elu_slope(z, SELU_ALPHA),
    ),
    "celu": (
        lambda z, a: np.where(z > 0, z, a * np.expm1(np.minimum(z, 0) / a)),
        lambda z, a: np.where(z > 0, 1, np.exp(np.minimum(z, 0) / a)),
    ),
    "mish": (lambda z, a: z * np.tanh(softplus(z)), mish_slope),
    "softplus": (softplus, lambda z, a: logistic(z)),
    "softsign": (lambda z, a: z / (1 + np.abs(z)), lambda z, a: 1 / (1 + np.abs(z)) ** 2),
    "hard_tanh": (
        lambda z, a: np.clip(z, -1, 1),
        lambda z, a: np.where(np.abs(z) < 1, 1.0, 0.0),
    ),
    "hard_sigmoid": (hard_sigmoid, lambda z, a: np.where(np.abs(z) < 3, 1 / 6, 0)),
    "hard_swish": (
        lambda z, a: z * hard_sigmoid(z, a),
        lambda z, a: np.where(np.abs(z) < 3, z / 3 + 0.5, np.where(z > 0, 1.0, 0.0)),
    ),
}
