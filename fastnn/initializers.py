"""Initial values of weights and biases.

Weights that start too small let signal and gradient fade from layer to layer, weights
that start too large blow them up; the schemes named after Glorot, He and LeCun choose the
variance that keeps them level, from the layer's fan_in (inputs) and fan_out (outputs).

All draw from a counter-based generator, so that the same seed gives the same values on
every machine.  A function of one's own works wherever a name does: called with the shape
and a `numpy.random.Generator`, it returns the values.

>>> import fastnn
>>> layer = fastnn.Dense(3, weight_init=lambda shape, rng: rng.laplace(size=shape))
>>> fastnn.Sequential([layer], input_size=2).layers[0].weights.round(2)
array([[-3.77, -0.73, -1.5 ],
       [ 0.14,  0.  , -0.59]], dtype=float32)
"""

from __future__ import annotations

import numpy as np

from fastnn import _draws
from fastnn._initializer import Initializer, initializer_of
from fastnn._lsuv import lsuv
from fastnn._schemes import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    default_for,
)
from fastnn._spec import check_number

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "Zeros",
    "default_for",
    "initializer_of",
    "lsuv",
]


class Zeros(Initializer):
    """w = 0: for biases.  Weights of 0 make all units of a layer alike for ever.

    References
    ----------
    I. Goodfellow, Y. Bengio and A. Courville, "Deep learning", 2016, section 8.4.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.initializers.Zeros().sample((3,), seed=0, stream=0)
    array([0., 0., 0.])
    """

    name = "zeros"

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return zeros."""
        return np.zeros(shape)


class Ones(Initializer):
    """w = 1: for scales.  The source is that of `Zeros`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.initializers.Ones().sample((3,), seed=0, stream=0)
    array([1., 1., 1.])
    """

    name = "ones"

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return ones."""
        return np.ones(shape)


class Constant(Initializer):
    """w = value.  The source is that of `Zeros`.

    Parameters
    ----------
    value : float, default 0.0

    Examples
    --------
    >>> import fastnn
    >>> fastnn.initializers.Constant(0.1).sample((3,), seed=0, stream=0)
    array([0.1, 0.1, 0.1])
    """

    name = "constant"
    value: float = 0.0

    def __post_init__(self) -> None:
        check_number("value", self.value)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return an array filled with `value`."""
        return np.full(shape, float(self.value))


class Uniform(Initializer):
    """w ~ U[low, high), uniform.  The source is that of `Zeros`.

    Parameters
    ----------
    low, high : float, default -0.05, 0.05

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.Uniform(-1, 3).sample((1000, 10), seed=0, stream=0)
    >>> float(values.min().round(1)), float(values.max().round(1))
    (-1.0, 3.0)
    """

    name = "uniform"
    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        check_number("low", self.low)
        check_number("high", self.high, low=self.low)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return uniform values."""
        return self.low + (self.high - self.low) * _draws.uniform(shape, seed, stream)


class Normal(Initializer):
    """w ~ N(mean, std^2), normal.  The source is that of `Zeros`.

    Parameters
    ----------
    mean : float, default 0.0
    std : float, default 0.05

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.Normal(std=2).sample((1000, 10), seed=0, stream=0)
    >>> float(values.std().round(1))
    2.0
    """

    name = "normal"
    mean: float = 0.0
    std: float = 0.05

    def __post_init__(self) -> None:
        check_number("mean", self.mean)
        check_number("std", self.std, low=0)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return normal values."""
        return self.mean + self.std * _draws.normal(shape, seed, stream)


class TruncatedNormal(Initializer):
    """w ~ N(mean, std^2), normal, cut at 2 standard deviations.

    What falls outside is drawn again, so the values have the density of the normal on
    [mean - 2 std, mean + 2 std], scaled to 1 there; their own standard deviation is
    0.8796 std.

    Parameters
    ----------
    mean : float, default 0.0
    std : float, default 0.05
        Before the cut.

    References
    ----------
    N. Johnson, S. Kotz and N. Balakrishnan, "Continuous univariate distributions", volume 1,
    2nd edition, 1994, chapter 13.

    Examples
    --------
    >>> import fastnn
    >>> values = fastnn.initializers.TruncatedNormal(std=1).sample((1000, 10), 0, 0)
    >>> float(abs(values).max().round(2)), float(values.std().round(1))
    (2.0, 0.9)
    """

    name = "truncated_normal"
    mean: float = 0.0
    std: float = 0.05

    def __post_init__(self) -> None:
        check_number("mean", self.mean)
        check_number("std", self.std, low=0)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return truncated normal values."""
        return self.mean + self.std * _draws.truncated_normal(shape, seed, stream)


class Orthogonal(Initializer):
    """W = gain Q, Q with orthonormal columns, or rows where there are fewer of them.

    Q^T Q = I, or Q Q^T = I; uniform over all such matrices.  For weights only: a bias has no
    columns.  The time it takes is cubic in the width: a second or two for 1024 x 1024.

    Parameters
    ----------
    gain : float, default 1.0
        Such as `fastnn.activations.ReLU().gain`.

    References
    ----------
    A. Saxe, J. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks", ICLR 2014.

    Examples
    --------
    >>> import fastnn
    >>> W = fastnn.initializers.Orthogonal(gain=2).sample((5, 2), seed=0, stream=0)
    >>> abs(W.T @ W).round(12)
    array([[4., 0.],
           [0., 4.]])
    """

    name = "orthogonal"
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_number("gain", self.gain, low=0)

    def sample(self, shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
        """Return an orthogonal matrix, scaled."""
        if len(shape) != 2:
            raise ValueError(f"orthogonal: got shape {shape}, want a matrix (inputs, outputs)")
        q = _draws.orthonormal(max(shape), min(shape), seed, stream)
        return self.gain * (q if shape[0] >= shape[1] else q.T)
