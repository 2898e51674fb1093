"""Every optimizer of the engine in plain NumPy, as reference.py has the rest.

step(w, g, slots, t, lr, hyperparameters ...) changes w and the slots in place; flat arrays all,
t = 1, 2, ... counts the steps, `slots` starts as zeros of shape (MAX_SLOTS, len(w)).
"""

import math

import numpy as np

MAX_SLOTS = 3


def keep(mean, share, value):
    """The mean that forgets: `share` of it stays."""
    mean[:] = share * mean + (1 - share) * value
    return mean


def sgd(w, g, slots, t, lr):
    w -= lr * g


def heavy_ball(w, g, slots, t, lr, momentum):
    velocity = slots[0]
    velocity[:] = momentum * velocity + g
    w -= lr * velocity


def nesterov(w, g, slots, t, lr, momentum):
    velocity = slots[0]
    velocity[:] = momentum * velocity + g
    w -= lr * (g + momentum * velocity)


def adam(w, g, slots, t, lr, beta_1, beta_2, epsilon):
    m, v = keep(slots[0], beta_1, g), keep(slots[1], beta_2, g**2)
    w -= lr * (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


def adamw(w, g, slots, t, lr, beta_1, beta_2, epsilon, weight_decay):
    w -= lr * weight_decay * w
    adam(w, g, slots, t, lr, beta_1, beta_2, epsilon)


def adam_amsgrad(w, g, slots, t, lr, beta_1, beta_2, epsilon):
    m, v = keep(slots[0], beta_1, g), keep(slots[1], beta_2, g**2)
    slots[2] = np.maximum(slots[2], v)
    w -= lr * (m / (1 - beta_1**t)) / (np.sqrt(slots[2] / (1 - beta_2**t)) + epsilon)


def adamw_amsgrad(w, g, slots, t, lr, beta_1, beta_2, epsilon, weight_decay):
    w -= lr * weight_decay * w
    adam_amsgrad(w, g, slots, t, lr, beta_1, beta_2, epsilon)


def nadam(w, g, slots, t, lr, beta_1, beta_2, epsilon, momentum_decay):
    m, v = keep(slots[0], beta_1, g), keep(slots[1], beta_2, g**2)
    mu = [beta_1 * (1 - 0.96 ** (k * momentum_decay) / 2) for k in range(1, t + 2)]
    m_hat = mu[t] * m / (1 - math.prod(mu)) + (1 - mu[t - 1]) * g / (1 - math.prod(mu[:t]))
    w -= lr * m_hat / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


def radam(w, g, slots, t, lr, beta_1, beta_2, epsilon):
    m, v = keep(slots[0], beta_1, g), keep(slots[1], beta_2, g**2)
    m_hat = m / (1 - beta_1**t)
    R = 2 / (1 - beta_2) - 1
    r = R - 2 * t * beta_2**t / (1 - beta_2**t)
    if r > 5:
        rectifier = math.sqrt((r - 4) * (r - 2) * R / ((R - 4) * (R - 2) * r))
        m_hat = m_hat * rectifier * math.sqrt(1 - beta_2**t) / (np.sqrt(v) + epsilon)
    w -= lr * m_hat


def adagrad(w, g, slots, t, lr, epsilon):
    slots[0] += g**2
    w -= lr * g / (np.sqrt(slots[0]) + epsilon)


def adadelta(w, g, slots, t, lr, rho, epsilon):
    v, u = keep(slots[0], rho, g**2), slots[1]
    d = np.sqrt(u + epsilon) / np.sqrt(v + epsilon) * g
    keep(u, rho, d**2)
    w -= lr * d


def rmsprop(w, g, slots, t, lr, alpha, epsilon):
    w -= lr * g / (np.sqrt(keep(slots[0], alpha, g**2)) + epsilon)


def rmsprop_momentum(w, g, slots, t, lr, alpha, epsilon, momentum):
    velocity = slots[1]
    velocity *= momentum
    velocity += g / (np.sqrt(keep(slots[0], alpha, g**2)) + epsilon)
    w -= lr * velocity


def standard_deviation(g, slots, alpha):
    v, mean = keep(slots[0], alpha, g**2), keep(slots[1], alpha, g)
    return np.sqrt(np.maximum(0, v - mean**2))


def rmsprop_centered(w, g, slots, t, lr, alpha, epsilon):
    w -= lr * g / (standard_deviation(g, slots, alpha) + epsilon)


def rmsprop_centered_momentum(w, g, slots, t, lr, alpha, epsilon, momentum):
    velocity = slots[2]
    velocity *= momentum
    velocity += g / (standard_deviation(g, slots, alpha) + epsilon)
    w -= lr * velocity


def lion(w, g, slots, t, lr, beta_1, beta_2, weight_decay):
    w -= lr * weight_decay * w
    w -= lr * np.sign(beta_1 * slots[0] + (1 - beta_1) * g)
    keep(slots[0], beta_2, g)


def rprop(w, g, slots, t, lr, eta_minus, eta_plus, step_min, step_max):
    last, step = slots[:2]
    if t == 1:
        step[:] = lr
    same = g * last
    factor = np.where(same > 0, eta_plus, np.where(same < 0, eta_minus, 1))
    step[:] = np.clip(step * factor, step_min, step_max)
    last[:] = np.where(same < 0, 0, g)
    w -= step * np.sign(last)


OPTIMIZERS = {
    "sgd": sgd,
    "momentum": heavy_ball,
    "nesterov": nesterov,
    "adam": adam,
    "adamw": adamw,
    "adam_amsgrad": adam_amsgrad,
    "adamw_amsgrad": adamw_amsgrad,
    "nadam": nadam,
    "radam": radam,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "rmsprop_momentum": rmsprop_momentum,
    "rmsprop_centered": rmsprop_centered,
    "rmsprop_centered_momentum": rmsprop_centered_momentum,
    "lion": lion,
    "rprop": rprop,
}

# Values to test with.  epsilon is large, so that the sign of a gradient that is nearly zero
# does not decide a whole step; beta_2 is such that radam rectifies from the sixth step on.
HYPERPARAMETERS = {
    "momentum": 0.9,
    "beta_1": 0.9,
    "beta_2": 0.99,
    "epsilon": 1e-3,
    "weight_decay": 0.1,
    "momentum_decay": 0.1,
    "rho": 0.9,
    "alpha": 0.9,
    "eta_minus": 0.5,
    "eta_plus": 1.2,
    "step_min": 1e-3,
    "step_max": 0.1,
}
