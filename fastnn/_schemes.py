"""Initial weights whose variance follows from the layer's width, and which is the default.

Users find them in fastnn.initializers.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from fastnn import _draws
from fastnn._initializer import Initializer
from fastnn._spec import check_number


class VarianceScaling(Initializer):
    """Mean 0 and variance gain^2 scale / fan; its subclasses are the named schemes.

    Parameters
    ----------
    gain : float, default 1.0
        Factor on the scheme's standard deviation.

    Examples
    --------
    >>> import fastnn
    >>> gain = fastnn.activations.Tanh().gain
    >>> layer = fastnn.Dense(64, "tanh", weight_init=fastnn.initializers.LecunNormal(gain))
    """

    scale: ClassVar[float]
    mean_fan: ClassVar[bool]  # fan is (fan_in + fan_out) / 2, else fan_in
    normal: ClassVar[bool]  # else uniform
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_number("gain", self.gain, low=0)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return values of mean 0 and the scheme's variance."""
        fan_in = shape[0]
        fan = (fan_in + shape[-1]) / 2 if self.mean_fan else fan_in
        std = self.gain * math.sqrt(self.scale / fan)
        if self.normal:
            return std * _draws.normal(shape, seed, stream)
        values = _draws.uniform(shape, seed, stream)
        values *= 2  # in place: memory that a process uses first takes as long as arithmetic
        values -= 1
        values *= math.sqrt(3) * std
        return values


class GlorotUniform(VarianceScaling):
    """w ~ U[-a, a), a = sqrt(6 / (fan_in + fan_out)); suits identity, tanh and sigmoid.

    The variance is 2 / (fan_in + fan_out).

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010.

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.GlorotUniform().sample((400, 100), seed=0, stream=0)
    >>> float(values.std().round(2))  # sqrt(2 / 500) = 0.063
    0.06
    """

    name = "glorot_uniform"
    scale, mean_fan, normal = 1.0, True, False


class GlorotNormal(VarianceScaling):
    """w ~ N(0, 2 / (fan_in + fan_out)), normal; see `GlorotUniform`.

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.GlorotNormal().sample((400, 100), seed=0, stream=0)
    >>> float(values.std().round(2))  # sqrt(2 / 500) = 0.063
    0.06
    """

    name = "glorot_normal"
    scale, mean_fan, normal = 1.0, True, True


class HeUniform(VarianceScaling):
    """w ~ U[-a, a), a = sqrt(6 / fan_in); suits relu and what resembles it.

    The variance is 2 / fan_in.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.HeUniform().sample((400, 100), seed=0, stream=0)
    >>> float(values.std().round(2))  # sqrt(2 / 400) = 0.071
    0.07
    """

    name = "he_uniform"
    scale, mean_fan, normal = 2.0, False, False


class HeNormal(VarianceScaling):
    """w ~ N(0, 2 / fan_in), normal; see `HeUniform`.

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.HeNormal().sample((400, 100), seed=0, stream=0)
    >>> float(values.std().round(2))  # sqrt(2 / 400) = 0.071
    0.07
    """

    name = "he_normal"
    scale, mean_fan, normal = 2.0, False, True


class LecunUniform(VarianceScaling):
    """w ~ U[-a, a), a = sqrt(3 / fan_in).

    The variance is 1 / fan_in.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.LecunUniform().sample((400, 100), seed=0, stream=0)
    >>> float(values.std().round(2))  # sqrt(1 / 400)
    0.05
    """

    name = "lecun_uniform"
    scale, mean_fan, normal = 1.0, False, False


class LecunNormal(VarianceScaling):
    """w ~ N(0, 1 / fan_in), normal; see `LecunUniform`.

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.LecunNormal().sample((400, 100), seed=0, stream=0)
    >>> float(values.std().round(2))  # sqrt(1 / 400)
    0.05
    """

    name = "lecun_normal"
    scale, mean_fan, normal = 1.0, False, True


def default_for(activation: Any) -> Initializer:
    """Return the initial weights before an activation that keep the variances level.

    "he_uniform" for relu and "lecun_normal" for selu, as their authors found; for what
    resembles relu the same with its own gain, LecunUniform(gain=activation.gain); and
    "glorot_uniform" for the rest, which saturate (or are the identity): their gain would
    keep activations level at the price of growing gradients.  The level is a mean over one
    layer; silu and what is shaped like it amplify a deviation from it by a third in every
    layer, so networks of more than about ten such layers are better started by `lsuv`.

    Parameters
    ----------
    activation : activation

    Examples
    --------
    >>> import fastnn
    >>> fastnn.initializers.default_for(fastnn.activations.ELU())
    LecunUniform(gain=1.245198)
    """
    if activation.scheme == "gain":
        return LecunUniform(activation.gain)
    schemes = {"glorot": GlorotUniform(), "he": HeUniform(), "lecun": LecunNormal()}
    return schemes[activation.scheme]
