"""Activations: the exponential units, their smooth kin, and the piecewise ones.

Users find them in fastnn.activations.
"""

from __future__ import annotations

from fastnn._activation import Activation
from fastnn._spec import check_number


class ELU(Activation):
    """h(z) = z for z > 0, else alpha (exp(z) - 1), the exponential linear unit.

    Parameters
    ----------
    alpha : float, default 1.0
        -h where z goes to -infinity; at least 0.

    References
    ----------
    D. Clevert, T. Unterthiner and S. Hochreiter, "Fast and accurate deep network learning
    by exponential linear units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.ELU(alpha=0.5)([-1.0, 0.0, 1.0]).round(4)
    array([-0.3161,  0.    ,  1.    ])
    """

    name = "elu"
    scheme = "gain"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        # The engine tells the sign of z by the sign of h.
        check_number("alpha", self.alpha, low=0)

    @property
    def parameter(self) -> float:
        """Alpha."""
        return float(self.alpha)


class SELU(Activation):
    """h(z) = 1.0507 z for z > 0, else 1.0507 * 1.6733 (exp(z) - 1): scaled `ELU`.

    The two constants (to full precision in the engine) are those for which z ~ N(0, 1)
    gives h of mean 0 and variance 1.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural
    networks", NIPS 2017.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.SELU()([-1.0, 0.0, 1.0]).round(4)
    array([-1.1113,  0.    ,  1.0507])
    """

    name = "selu"
    scheme = "lecun"


class CELU(Activation):
    """h(z) = z for z > 0, else alpha (exp(z / alpha) - 1): an `ELU` without a kink.

    Parameters
    ----------
    alpha : float, default 1.0
        -h where z goes to -infinity; above 0.

    References
    ----------
    J. Barron, "Continuously differentiable exponential linear units", arXiv:1704.07483, 2017.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.CELU(alpha=0.5)([-1.0, 0.0, 1.0]).round(4)
    array([-0.4323,  0.    ,  1.    ])
    """

    name = "celu"
    scheme = "gain"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, low=0, open_low=True)

    @property
    def parameter(self) -> float:
        """Alpha."""
        return float(self.alpha)


class Mish(Activation):
    """h(z) = z tanh(log(1 + exp(z))).

    References
    ----------
    D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.Mish()([-1.0, 0.0, 1.0]).round(4)
    array([-0.3034,  0.    ,  0.8651])
    """

    name = "mish"
    scheme = "gain"


class Softplus(Activation):
    """h(z) = log(1 + exp(z)): relu with its kink rounded off.

    References
    ----------
    C. Dugas et al., "Incorporating second-order functional knowledge for better option
    pricing", NIPS 2000.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.Softplus()([-1000.0, 0.0, 1000.0]).round(4)
    array([0.000e+00, 6.931e-01, 1.000e+03])
    """

    name = "softplus"
    scheme = "gain"


class Softsign(Activation):
    """h(z) = z / (1 + abs(z)): like tanh, with slower tails.

    References
    ----------
    J. Bergstra et al., "Quadratic polynomials learn better image features", technical
    report 1337, Université de Montréal, 2009.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.Softsign()([-1.0, 0.0, 3.0])
    array([-0.5 ,  0.  ,  0.75])
    """

    name = "softsign"


class HardTanh(Activation):
    """h(z) = min(max(z, -1), 1).

    References
    ----------
    R. Collobert, "Large scale machine learning", PhD thesis, Université Paris VI, 2004.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.HardTanh()([-2.0, 0.5, 2.0])
    array([-1. ,  0.5,  1. ])
    """

    name = "hard_tanh"


class HardSigmoid(Activation):
    """h(z) = min(max(z + 3, 0), 6) / 6.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.HardSigmoid()([-4.0, 0.0, 1.5, 4.0])
    array([0.  , 0.5 , 0.75, 1.  ])
    """

    name = "hard_sigmoid"


class HardSwish(Activation):
    """h(z) = z min(max(z + 3, 0), 6) / 6: `SiLU` with the hard sigmoid of `HardSigmoid`.

    The source is that of `HardSigmoid`.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.activations.HardSwish()([-4.0, -1.5, 1.5, 4.0])
    array([-0.   , -0.375,  1.125,  4.   ])
    """

    name = "hard_swish"
    scheme = "gain"
