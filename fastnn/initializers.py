"""Initial values of weights and biases.

Weights that start too small let signal and gradient fade from layer to layer, weights
that start too large blow them up; the schemes named after Glorot, He and LeCun choose the
variance that keeps them level, from the layer's fan_in (inputs) and fan_out (outputs).

All draw from a counter-based generator, so that the same seed gives the same values on
every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnn import _core
from fastnn._spec import Spec, check_number


@dataclass(frozen=True)
class Initializer(Spec, kind="initializer"):
    """Base class of the initializers."""

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return a float64 array; the last two axes are fan_in and fan_out.

        Parameters
        ----------
        shape : tuple of int
            (inputs, outputs) of weights, (outputs,) of a bias.
        seed, stream : int
            The same pair gives the same values.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define sample")


def _uniform(shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
    out = np.empty(math.prod(shape))
    _core.uniform(seed, stream, out)
    return out.reshape(shape)


def _normal(shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
    out = np.empty(math.prod(shape))
    _core.normal(seed, stream, out)
    return out.reshape(shape)


@dataclass(frozen=True)
class Zeros(Initializer):
    """All 0: for biases.  Weights of 0 make all units of a layer alike for ever."""

    name = "zeros"

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return zeros."""
        return np.zeros(shape)


@dataclass(frozen=True)
class Constant(Initializer):
    """All `value`.

    Parameters
    ----------
    value : float, default 0.0
    """

    name = "constant"
    value: float = 0.0

    def __post_init__(self) -> None:
        check_number("value", self.value)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return an array filled with `value`."""
        return np.full(shape, float(self.value))


@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniform in [low, high).

    Parameters
    ----------
    low, high : float, default -0.05, 0.05
    """

    name = "uniform"
    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        check_number("low", self.low)
        check_number("high", self.high, low=self.low)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return uniform values."""
        return self.low + (self.high - self.low) * _uniform(shape, seed, stream)


@dataclass(frozen=True)
class Normal(Initializer):
    """Normal with the given mean and standard deviation.

    Parameters
    ----------
    mean : float, default 0.0
    std : float, default 0.05
    """

    name = "normal"
    mean: float = 0.0
    std: float = 0.05

    def __post_init__(self) -> None:
        check_number("mean", self.mean)
        check_number("std", self.std, low=0)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return normal values."""
        return self.mean + self.std * _normal(shape, seed, stream)


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Mean 0 and variance scale / fan; its subclasses are the named schemes."""

    scale: ClassVar[float]
    mean_fan: ClassVar[bool]  # fan is (fan_in + fan_out) / 2, else fan_in
    normal: ClassVar[bool]  # else uniform

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return values of mean 0 and the scheme's variance."""
        fan_in = shape[0]
        fan = (fan_in + shape[-1]) / 2 if self.mean_fan else fan_in
        std = math.sqrt(self.scale / fan)
        if self.normal:
            return std * _normal(shape, seed, stream)
        return math.sqrt(3) * std * (2 * _uniform(shape, seed, stream) - 1)


@dataclass(frozen=True)
class GlorotUniform(VarianceScaling):
    """Uniform of variance 2 / (fan_in + fan_out); suits identity, tanh and sigmoid.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010.
    """

    name = "glorot_uniform"
    scale, mean_fan, normal = 1.0, True, False


@dataclass(frozen=True)
class GlorotNormal(VarianceScaling):
    """Normal of variance 2 / (fan_in + fan_out); see `GlorotUniform`."""

    name = "glorot_normal"
    scale, mean_fan, normal = 1.0, True, True


@dataclass(frozen=True)
class HeUniform(VarianceScaling):
    """Uniform of variance 2 / fan_in; suits relu and what resembles it.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.
    """

    name = "he_uniform"
    scale, mean_fan, normal = 2.0, False, False


@dataclass(frozen=True)
class HeNormal(VarianceScaling):
    """Normal of variance 2 / fan_in; see `HeUniform`."""

    name = "he_normal"
    scale, mean_fan, normal = 2.0, False, True


@dataclass(frozen=True)
class LecunUniform(VarianceScaling):
    """Uniform of variance 1 / fan_in.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp", 1998.
    """

    name = "lecun_uniform"
    scale, mean_fan, normal = 1.0, False, False


@dataclass(frozen=True)
class LecunNormal(VarianceScaling):
    """Normal of variance 1 / fan_in; see `LecunUniform`."""

    name = "lecun_normal"
    scale, mean_fan, normal = 1.0, False, True


def default_for(gain: str) -> Initializer:
    """Return the scheme for an activation's gain: He's for relu and its kin, else Glorot's."""
    return HeUniform() if gain == "he" else GlorotUniform()
