"""Every optimizer in pure NumPy, in place: what `benchmarks.numpy_mlp` updates its parameters by.

A rule is a function of (blocks, t, lr) for step t = 1, 2, ... Each block has a stretch of the
parameters w, of the gradient g (which a rule may overwrite), of three arrays of state m, v, s that
start as zeros, and two of scratch x, y. Scalars are put together once a step, so that a block
costs as few passes as NumPy can do with; hyperparameters are fastnn's defaults, and
PyTorch's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from .workloads import MOMENTUM

Block = tuple[np.ndarray, ...]  # w, g, m, v, s, x, y
Rule = Callable[[Sequence[Block], int, float], None]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
WEIGHT_DECAY = 0.01  # of AdamW
RMSPROP_ALPHA, ADADELTA_RHO, ADADELTA_EPSILON, ADAGRAD_EPSILON = 0.99, 0.9, 1e-6, 1e-10
LION_BETA_2, NADAM_DECAY = 0.99, 0.004
# Rprop is for full batches: on others a step that may grow to 50 ends in infinity.
ETA_MINUS, ETA_PLUS, STEP_MIN, STEP_MAX = 0.5, 1.2, 1e-6, 1e-3


def sgd(blocks: Sequence[Block], t: int, lr: float) -> None:
    for w, g, *_ in blocks:
        g *= lr
        w -= g


def momentum(blocks: Sequence[Block], t: int, lr: float) -> None:
    for w, g, m, _, _, x, _ in blocks:
        m *= MOMENTUM
        m += g
        np.multiply(m, lr, out=x)
        w -= x


def nesterov(blocks: Sequence[Block], t: int, lr: float) -> None:
    for w, g, m, _, _, x, _ in blocks:
        m *= MOMENTUM
        m += g
        np.multiply(m, MOMENTUM * lr, out=x)
        w -= x
        g *= lr
        w -= g


def keep(mean: np.ndarray, share: float, value: np.ndarray, x: np.ndarray) -> None:
    """Let a mean forget: `share` of it stays."""
    mean *= share
    np.multiply(value, 1 - share, out=x)
    mean += x


def keep_square(mean: np.ndarray, share: float, value: np.ndarray, x: np.ndarray) -> None:
    """Do the same with the square of what comes."""
    mean *= share
    np.multiply(value, value, out=x)
    x *= 1 - share
    mean += x


def _adam(
    blocks: Sequence[Block], t: int, lr: float, decay: float = 0.0, amsgrad: bool = False
) -> None:
    """Adam and its variants; the bias corrections are moved into two scalars."""
    root = (1 - BETA_2**t) ** 0.5
    rate = lr * root / (1 - BETA_1**t)
    for w, g, m, v, s, x, _ in blocks:
        if decay:
            w *= 1 - lr * decay
        keep(m, BETA_1, g, x)
        keep_square(v, BETA_2, g, x)
        if amsgrad:
            np.maximum(s, v, out=s)
        np.sqrt(s if amsgrad else v, out=x)
        x += EPSILON * root
        np.divide(m, x, out=x)
        x *= rate
        w -= x


adam = _adam
adamw = functools.partial(_adam, decay=WEIGHT_DECAY)
adam_amsgrad = functools.partial(_adam, amsgrad=True)
adamw_amsgrad = functools.partial(_adam, decay=WEIGHT_DECAY, amsgrad=True)


def _nadam_momentum(t: int) -> float:
    return BETA_1 * (1 - 0.96 ** (t * NADAM_DECAY) / 2)


@functools.cache
def _nadam_product(t: int) -> float:
    """Product of the momenta up to step t, which is asked for step after step."""
    return _nadam_product(t - 1) * _nadam_momentum(t) if t else 1.0


def nadam(blocks: Sequence[Block], t: int, lr: float) -> None:
    now, after = _nadam_momentum(t), _nadam_momentum(t + 1)
    product, root = _nadam_product(t), (1 - BETA_2**t) ** 0.5
    of_gradient = lr * root * (1 - now) / (1 - product)
    of_mean = lr * root * after / (1 - product * after)
    for w, g, m, v, _, x, y in blocks:
        keep(m, BETA_1, g, x)
        keep_square(v, BETA_2, g, x)
        np.sqrt(v, out=x)
        x += EPSILON * root
        np.multiply(m, of_mean, out=y)
        g *= of_gradient
        y += g
        y /= x
        w -= y


def radam(blocks: Sequence[Block], t: int, lr: float) -> None:
    longest = 2 / (1 - BETA_2) - 1
    length = longest - 2 * t * BETA_2**t / (1 - BETA_2**t)
    rate = lr / (1 - BETA_1**t)
    rectifies = length > 5
    if rectifies:
        up, down = (length - 4) * (length - 2) * longest, (longest - 4) * (longest - 2) * length
        rate *= (up / down * (1 - BETA_2**t)) ** 0.5
    for w, g, m, v, _, x, y in blocks:
        keep(m, BETA_1, g, x)
        keep_square(v, BETA_2, g, x)
        np.multiply(m, rate, out=x)
        if rectifies:
            np.sqrt(v, out=y)
            y += EPSILON
            x /= y
        w -= x


def adagrad(blocks: Sequence[Block], t: int, lr: float) -> None:
    for w, g, m, _, _, x, _ in blocks:
        np.multiply(g, g, out=x)
        m += x
        np.sqrt(m, out=x)
        x += ADAGRAD_EPSILON
        np.divide(g, x, out=x)
        x *= lr
        w -= x


def adadelta(blocks: Sequence[Block], t: int, lr: float) -> None:
    for w, g, m, v, _, x, y in blocks:
        keep_square(m, ADADELTA_RHO, g, x)
        np.add(v, ADADELTA_EPSILON, out=x)
        np.add(m, ADADELTA_EPSILON, out=y)
        x /= y
        np.sqrt(x, out=x)
        g *= x
        keep_square(v, ADADELTA_RHO, g, x)
        g *= lr
        w -= g


def _rmsprop(
    blocks: Sequence[Block], t: int, lr: float, centered: bool = False, heavy: bool = False
) -> None:
    for w, g, m, v, s, x, y in blocks:
        keep_square(m, RMSPROP_ALPHA, g, x)
        if centered:
            keep(v, RMSPROP_ALPHA, g, x)
            np.multiply(v, v, out=y)
            np.subtract(m, y, out=y)
            np.maximum(y, 0, out=y)  # it may round to less
            np.sqrt(y, out=y)
        else:
            np.sqrt(m, out=y)
        y += EPSILON
        np.divide(g, y, out=y)
        if heavy:
            s *= MOMENTUM
            s += y
            np.multiply(s, lr, out=y)
        else:
            y *= lr
        w -= y


rmsprop = _rmsprop
rmsprop_momentum = functools.partial(_rmsprop, heavy=True)
rmsprop_centered = functools.partial(_rmsprop, centered=True)
rmsprop_centered_momentum = functools.partial(_rmsprop, centered=True, heavy=True)


def lion(blocks: Sequence[Block], t: int, lr: float) -> None:
    for w, g, m, _, _, x, y in blocks:
        np.multiply(m, BETA_1, out=y)
        np.multiply(g, 1 - BETA_1, out=x)
        y += x
        np.sign(y, out=y)
        y *= lr
        w -= y
        keep(m, LION_BETA_2, g, x)


def rprop(blocks: Sequence[Block], t: int, lr: float) -> None:
    for w, g, last, step, _, x, y in blocks:
        if t == 1:
            step.fill(lr)
        np.multiply(g, last, out=x)
        np.sign(x, out=x)  # 1: as before, -1: turned
        # 1, eta_plus or eta_minus, as a parabola of the sign: passes, but no branches.
        rise, fall = ETA_PLUS - 1, 1 - ETA_MINUS
        np.multiply(x, (rise - fall) / 2, out=y)
        y += (rise + fall) / 2
        y *= x
        y += 1
        step *= y
        np.clip(step, STEP_MIN, STEP_MAX, out=step)
        x += 1
        np.minimum(x, 1, out=x)  # 0 where it turned
        np.multiply(g, x, out=last)
        np.sign(last, out=x)
        x *= step
        w -= x


RULES: dict[str, Rule] = {
    "sgd": sgd,
    "momentum": momentum,
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
