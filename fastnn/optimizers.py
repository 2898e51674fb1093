"""Optimizers: how a gradient changes the weights.

g is the gradient of the batch's mean loss, w a weight, lr the learning rate, t the number
of the step from 1.  The rules run in C on each block of weights while its gradient is
still in registers.
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

from fastnn._optimizer import Optimizer
from fastnn._spec import check_flag, check_number
from fastnn.adaptive import Adadelta, Adagrad, Lion, NAdam, RAdam, RMSprop, Rprop

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum.

    Without momentum w = w - lr g.  With it the velocity m = momentum m + g takes the
    gradient's place; with Nesterov's, g + momentum m does.

    Parameters
    ----------
    lr : float, schedule or callable step -> lr, default 0.01
        Learning rate; see `fastnn.schedules`.
    momentum : float, default 0.0
        In [0, 1).
    nesterov : bool, default False
        Nesterov's momentum; needs momentum > 0.

    References
    ----------
    B. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
    Y. Nesterov, 1983; in the form of I. Sutskever et al., "On the importance of
    initialization and momentum in deep learning", ICML 2013.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.SGD(lr=0.1, momentum=0.9)
    SGD(lr=0.1, momentum=0.9, nesterov=False)
    """

    name = "sgd"
    lr: Any = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        self._check_below_1("momentum")
        check_flag("nesterov", self.nesterov)
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov: got True with momentum 0, want momentum > 0")

    @property
    def rule(self) -> str:
        """The engine has a rule of its own for each of the three."""
        if self.momentum == 0:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"


class Adam(Optimizer):
    """Adaptive moment estimation.

    m = beta_1 m + (1 - beta_1) g, v = beta_2 v + (1 - beta_2) g^2, and with
    m' = m / (1 - beta_1^t), v' = v / (1 - beta_2^t):  w = w - lr m' / (sqrt(v') + epsilon).
    The defaults are the paper's, and PyTorch's.

    Parameters
    ----------
    lr : float, schedule or callable step -> lr, default 0.001
        Learning rate; see `fastnn.schedules`.
    beta_1, beta_2 : float, default 0.9, 0.999
        How slowly the two means forget, in [0, 1).
    epsilon : float, default 1e-8
        Keeps the quotient finite; positive.
    amsgrad : bool, default False
        Divide by the largest v so far in place of v (a third array of state), so that the
        steps of a weight cannot grow again.  v is corrected after that, as in PyTorch.

    References
    ----------
    D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015; S. Reddi,
    S. Kale and S. Kumar, "On the convergence of Adam and beyond", ICLR 2018.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.Adam(amsgrad=True)
    Adam(lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-08, amsgrad=True)
    """

    name = "adam"
    lr: Any = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    _: KW_ONLY
    amsgrad: bool = False

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        self._check_below_1("beta_1", "beta_2")
        check_number("epsilon", self.epsilon, low=0, open_low=True)
        check_flag("amsgrad", self.amsgrad)

    @property
    def rule(self) -> str:
        """The engine has a rule of its own for each with AMSGrad."""
        return f"{self.name}_amsgrad" if self.amsgrad else self.name


class AdamW(Adam):
    """Adam with decoupled weight decay: each step first makes w = w - lr weight_decay w.

    The defaults are PyTorch's.

    Parameters
    ----------
    lr, beta_1, beta_2, epsilon, amsgrad
        As for `Adam`.
    weight_decay : float, default 0.01
        Acts on all parameters, biases too.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.AdamW(lr=0.01, weight_decay=0.1).weight_decay
    0.1
    """

    name = "adamw"
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("weight_decay", self.weight_decay, low=0)
