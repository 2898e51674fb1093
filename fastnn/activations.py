"""Activation functions: the nonlinearity after a layer's weights.

Each class here describes one row of the engine's table; layers take the class, an
instance, or the name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastnn._spec import Spec, check_number


@dataclass(frozen=True)
class Activation(Spec, kind="activation"):
    """Base class of the activations."""

    # How the variance of the default initial weights depends on the activation: see
    # fastnn.initializers.default_for.
    gain: ClassVar[str] = "glorot"

    @property
    def parameter(self) -> float:
        """The number that the engine knows as `a`."""
        return 0.0


@dataclass(frozen=True)
class Identity(Activation):
    """h(z) = z: no nonlinearity."""

    name = "identity"


@dataclass(frozen=True)
class ReLU(Activation):
    """h(z) = max(z, 0), the rectified linear unit.

    References
    ----------
    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann
    machines", ICML 2010.
    """

    name = "relu"
    gain = "he"


@dataclass(frozen=True)
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
    """

    name = "leaky_relu"
    gain = "he"
    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        # The engine tells the sign of z by the sign of h, so the slope must not be negative.
        check_number("negative_slope", self.negative_slope, low=0, high=1)

    @property
    def parameter(self) -> float:
        """The slope for z < 0."""
        return float(self.negative_slope)


@dataclass(frozen=True)
class Tanh(Activation):
    """h(z) = tanh(z), the hyperbolic tangent."""

    name = "tanh"


@dataclass(frozen=True)
class Sigmoid(Activation):
    """h(z) = 1 / (1 + exp(-z)), the logistic function.

    At the output before `binary_cross_entropy` it is the loss's own link: the loss is
    computed from the raw output, and `predict` gives probabilities.
    """

    name = "sigmoid"


@dataclass(frozen=True)
class GELU(Activation):
    """h(z) = z * Phi(z), Phi the distribution function of the standard normal (erf form).

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415,
    2016.
    """

    name = "gelu"
    gain = "he"


@dataclass(frozen=True)
class SiLU(Activation):
    """h(z) = z * sigmoid(z), also called swish.

    References
    ----------
    S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units for neural network
    function approximation in reinforcement learning", Neural Networks 107, 2018.
    """

    name = "silu"
    gain = "he"


@dataclass(frozen=True)
class Softmax(Activation):
    """h(z)_i = exp(z_i) / sum_j exp(z_j): probabilities of classes that exclude each other.

    Only at the output, and trained by `cross_entropy`, which is computed from the raw
    outputs; `predict` then gives probabilities.
    """

    name = "softmax"
