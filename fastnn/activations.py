"""Activation functions: the nonlinearity after a layer's weights.

Each class here describes one row of the engine's table; layers take the class, an
instance, or the name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._activation import Activation
from fastnn._spec import check_number
from fastnn._units import (
    CELU,
    ELU,
    SELU,
    HardSigmoid,
    HardSwish,
    HardTanh,
    Mish,
    Softplus,
    Softsign,
)

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "GELUTanh",
    "HardSigmoid",
    "HardSwish",
    "HardTanh",
    "Identity",
    "LeakyReLU",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]


class Identity(Activation):
    """h(z) = z: no nonlinearity.

    References
    ----------
    B. Widrow and M. Hoff, "Adaptive switching circuits", IRE WESCON 1960.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.Identity()([-2.0, 3.0])
    array([-2.,  3.])
    """

    name = "identity"


class ReLU(Activation):
    """h(z) = max(z, 0), the rectified linear unit.

    References
    ----------
    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann
    machines", ICML 2010.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.ReLU()([-2.0, 0.0, 3.0])
    array([0., 0., 3.])
    """

    name = "relu"
    scheme = "he"


class LeakyReLU(Activation):
    """h(z) = z for z > 0, else negative_slope * z.

    Parameters
    ----------
    negative_slope : float, default 0.01
        Slope for z < 0, in [0, 1].

    References
    ----------
    A. Maas, A. Hannun and A. Ng, "Rectifier nonlinearities improve neural network
    acoustic models", ICML 2013.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.LeakyReLU(0.1)([-2.0, 0.0, 3.0])
    array([-0.2,  0. ,  3. ])
    """

    name = "leaky_relu"
    scheme = "gain"
    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        # The engine tells the sign of z by the sign of h, so the slope must not be negative.
        check_number("negative_slope", self.negative_slope, low=0, high=1)

    @property
    def parameter(self) -> float:
        """The slope for z < 0."""
        return float(self.negative_slope)


class PReLU(Activation):
    """h(z) = z for z > 0, else a z, with a slope a that each unit learns.

    `Dense(activation="prelu")` is followed by the layer `fastnn.PReLU`, whose slopes are the
    dense layer's `slopes`.  Called, the activation takes a = negative_slope.

    Parameters
    ----------
    negative_slope : float, default 0.25
        The a that learning begins with.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(3, activation="prelu")], input_size=2)
    >>> net.layers[0].slopes
    array([0.25, 0.25, 0.25], dtype=float32)
    """

    name = "prelu"
    scheme = "gain"
    learned = True
    negative_slope: float = 0.25

    def __post_init__(self) -> None:
        check_number("negative_slope", self.negative_slope)

    def __call__(self, z: Any) -> np.ndarray:
        """Return h(z) as it is before training, elementwise."""
        z = np.asarray(z, dtype=np.float64)
        values: np.ndarray = np.where(z > 0, z, self.negative_slope * z)
        return values


class Tanh(Activation):
    """h(z) = tanh(z), the hyperbolic tangent.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp", 1998, section 4.4.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.Tanh()([-1.0, 0.0, 1.0]).round(4)
    array([-0.7616,  0.    ,  0.7616])
    """

    name = "tanh"


class Sigmoid(Activation):
    """h(z) = 1 / (1 + exp(-z)), the logistic function.

    At the output before `binary_cross_entropy` it is the loss's own link: the loss is
    computed from the raw output, and `predict` gives probabilities.

    References
    ----------
    D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating
    errors", Nature 323, 1986.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.Sigmoid()([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """

    name = "sigmoid"


class GELU(Activation):
    """h(z) = z * Phi(z), Phi the distribution function of the standard normal (erf form).

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415,
    2016.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.GELU()([-1.0, 0.0, 1.0]).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """

    name = "gelu"
    scheme = "gain"


class SiLU(Activation):
    """h(z) = z * sigmoid(z), also called swish.

    References
    ----------
    S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units for neural network
    function approximation in reinforcement learning", Neural Networks 107, 2018.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.SiLU()([-1.0, 0.0, 1.0]).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """

    name = "silu"
    scheme = "gain"


class GELUTanh(Activation):
    """h(z) = z / 2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))): `GELU` to within 5e-4.

    PyTorch's GELU(approximate="tanh"); the source is that of `GELU`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.GELUTanh()([-1.0, 0.0, 1.0]).round(4)
    array([-0.1588,  0.    ,  0.8412])
    """

    name = "gelu_tanh"
    scheme = "gain"


class Softmax(Activation):
    """h(z)_i = exp(z_i) / sum_j exp(z_j): probabilities of classes that exclude each other.

    Only at the output, and trained by `cross_entropy`, which is computed from the raw
    outputs; `predict` then gives probabilities.  Called, it takes the last axis.

    References
    ----------
    J. Bridle, "Probabilistic interpretation of feedforward classification network outputs, with
    relationships to statistical pattern recognition", in Neurocomputing, 1990.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.Softmax()([0.0, 0.0, 1e4])
    array([0., 0., 1.])
    """

    name = "softmax"
    link = "softmax"

    def __call__(self, z: Any) -> np.ndarray:
        """Return softmax over the last axis."""
        probabilities: np.ndarray = np.exp(LogSoftmax()(z))
        return probabilities

    @property
    def gain(self) -> float:
        """1: what depends on the other outputs has no gain of its own."""
        return 1.0


class LogSoftmax(Softmax):
    """h(z)_i = z_i - log(sum_j exp(z_j)): the logarithm of `Softmax`, without its underflow.

    Only at the output, as softmax: trained by `cross_entropy`, and `predict` gives
    logarithms of probabilities, `predict_proba` probabilities.  For its source see `Softmax`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.LogSoftmax()([0.0, 0.0, 1e4])
    array([-10000., -10000.,      0.])
    """

    name = "log_softmax"
    link = "log_softmax"

    def __call__(self, z: Any) -> np.ndarray:
        """Return log softmax over the last axis."""
        z = np.asarray(z, dtype=np.float64)
        z = z - z.max(axis=-1, keepdims=True)
        logs: np.ndarray = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        return logs
