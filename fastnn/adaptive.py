"""Optimizers that give each weight a step of its own; all are in `fastnn.optimizers` too.

g is the gradient of the batch's mean loss, w a weight, lr the learning rate, t the number
of the step from 1; what a rule keeps of a weight is 0 at first.
"""

from __future__ import annotations

from typing import Any

from fastnn._optimizer import Optimizer
from fastnn._spec import check_flag, check_number


class Adagrad(Optimizer):
    """Steps that shrink with all the gradients there were.

    v = v + g^2, w = w - lr g / (sqrt(v) + epsilon).  The defaults are PyTorch's.

    Parameters
    ----------
    lr : float or schedule, default 0.01
        Learning rate: the length of the first step.
    epsilon : float, default 1e-10
        Keeps the quotient finite; positive.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization", JMLR 12, 2011; with a diagonal matrix.

    Examples
    --------
    >>> import fastnn
    >>> found = fastnn.minimize(lambda x: (x - 3) ** 2, 0.0, optimizer=fastnn.Adagrad(lr=1.0))
    >>> round(found.x, 3)
    3.0
    """

    name = "adagrad"
    lr: Any = 0.01
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        check_number("epsilon", self.epsilon, low=0, open_low=True)


class Adadelta(Optimizer):
    """Steps as long as the last ones were, for the present gradient: it needs no lr.

    v = rho v + (1 - rho) g^2, d = sqrt(u + epsilon) / sqrt(v + epsilon) g,
    u = rho u + (1 - rho) d^2, w = w - lr d.  The defaults are PyTorch's.

    Parameters
    ----------
    lr : float or schedule, default 1.0
        A factor of the steps, 1 in the paper.
    rho : float, default 0.9
        How slowly the two means forget, in [0, 1).
    epsilon : float, default 1e-6
        Decides the first steps, which are about lr sqrt(epsilon) long; positive.

    References
    ----------
    M. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, 2012.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.Adadelta(rho=0.95)
    Adadelta(lr=1.0, rho=0.95, epsilon=1e-06)
    """

    name = "adadelta"
    lr: Any = 1.0
    rho: float = 0.9
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        self._check_below_1("rho")
        check_number("epsilon", self.epsilon, low=0, open_low=True)


class RMSprop(Optimizer):
    """The gradient divided by the root of its mean square.

    v = alpha v + (1 - alpha) g^2, d = g / (sqrt(v) + epsilon), w = w - lr d.  With momentum
    the velocity m = momentum m + d takes the place of d; centered, the variance v - u^2 with
    u = alpha u + (1 - alpha) g takes that of v.  The defaults are PyTorch's.

    Parameters
    ----------
    lr : float or schedule, default 0.01
        Learning rate.
    alpha : float, default 0.99
        How slowly the means forget, in [0, 1).
    epsilon : float, default 1e-8
        Keeps the quotient finite; positive.
    momentum : float, default 0.0
        In [0, 1).
    centered : bool, default False
        Divide by the root of the variance.

    References
    ----------
    T. Tieleman and G. Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; A. Graves,
    "Generating sequences with recurrent neural networks", arXiv:1308.0850, 2013 (centered).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.RMSprop(lr=0.001, momentum=0.9).rule
    'rmsprop_momentum'
    """

    name = "rmsprop"
    lr: Any = 0.01
    alpha: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        self._check_below_1("alpha", "momentum")
        check_number("epsilon", self.epsilon, low=0, open_low=True)
        check_flag("centered", self.centered)

    @property
    def rule(self) -> str:
        """The engine has a rule of its own for each of the four."""
        centered = "_centered" if self.centered else ""
        return self.name + centered + ("_momentum" if self.momentum else "")


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, which grows from half of beta_1 to beta_1.

    m = beta_1 m + (1 - beta_1) g, v = beta_2 v + (1 - beta_2) g^2, and with the momenta
    mu_t = beta_1 (1 - 0.96^(t momentum_decay) / 2), their product P_t = mu_1 ... mu_t and
    v' = v / (1 - beta_2^t):
    w = w - lr (mu_(t+1) m / (1 - P_(t+1)) + (1 - mu_t) g / (1 - P_t)) / (sqrt(v') + epsilon).
    The defaults are PyTorch's.

    Parameters
    ----------
    lr : float or schedule, default 0.002
        Learning rate.
    beta_1, beta_2 : float, default 0.9, 0.999
        How slowly the two means forget, in [0, 1).
    epsilon : float, default 1e-8
        Keeps the quotient finite; positive.
    momentum_decay : float, default 0.004
        How fast the momentum grows; not negative.

    References
    ----------
    T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop, 2016.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.NAdam(lr=0.01).momentum_decay
    0.004
    """

    name = "nadam"
    lr: Any = 0.002
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        self._check_below_1("beta_1", "beta_2")
        check_number("epsilon", self.epsilon, low=0, open_low=True)
        check_number("momentum_decay", self.momentum_decay, low=0)


class RAdam(Optimizer):
    """Adam that waits until its steps have a finite variance, and so needs no warm-up.

    m and v as in `Adam`, m' = m / (1 - beta_1^t), R = 2 / (1 - beta_2) - 1 and
    r = R - 2 t beta_2^t / (1 - beta_2^t), the number of gradients that v rests on.
    While r <= 5:  w = w - lr m'.  After that, with v' = 1 - beta_2^t,
    w = w - lr m' sqrt((r - 4) (r - 2) R / ((R - 4) (R - 2) r)) sqrt(v') / (sqrt(v) + epsilon).
    The defaults are PyTorch's, and so are the bound (the paper's is 4) and the place of epsilon.

    Parameters
    ----------
    lr : float or schedule, default 0.001
        Learning rate.
    beta_1, beta_2 : float, default 0.9, 0.999
        How slowly the two means forget, in [0, 1).
    epsilon : float, default 1e-8
        Keeps the quotient finite; positive.

    References
    ----------
    L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.RAdam()
    RAdam(lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-08)
    """

    name = "radam"
    lr: Any = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        self._check_below_1("beta_1", "beta_2")
        check_number("epsilon", self.epsilon, low=0, open_low=True)


class Lion(Optimizer):
    """The sign of a mean: each step moves every weight by lr, one way or the other.

    w = w - lr (sign(beta_1 m + (1 - beta_1) g) + weight_decay w), then
    m = beta_2 m + (1 - beta_2) g.  One array of state, half of Adam's.  The defaults are those
    of the paper's program; it wants an lr of about a third to a tenth of Adam's, and a
    weight_decay as much larger.

    Parameters
    ----------
    lr : float or schedule, default 0.0001
        Learning rate: the length of each weight's step.
    beta_1, beta_2 : float, default 0.9, 0.99
        What the past weighs in the step, and in the mean that is kept; in [0, 1).
    weight_decay : float, default 0.0
        Decoupled: acts on the weights, not through the gradient; on biases too.

    References
    ----------
    X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    Examples
    --------
    >>> import fastnn
    >>> found = fastnn.minimize(lambda x: x**2, 1.0, optimizer=fastnn.Lion(lr=0.25), steps=2)
    >>> [float(x) for x in found.path[:, 0]]
    [1.0, 0.75, 0.5]
    """

    name = "lion"
    lr: Any = 0.0001
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        self._check_below_1("beta_1", "beta_2")
        check_number("weight_decay", self.weight_decay, low=0)


class Rprop(Optimizer):
    """Resilient propagation: only the gradient's sign counts, and each weight's step adapts.

    The step d of a weight, lr at first, grows by eta_plus where g has the sign it had in the
    step before, and shrinks by eta_minus where it turned, between step_min and step_max;
    w = w - d sign(g).  Where g turned, the weight waits for one step.

    For full batches (batch_size of at least n_samples): the noise of small ones turns signs
    all the time, and all steps shrink to nothing.  The defaults are PyTorch's.

    Parameters
    ----------
    lr : float or schedule, default 0.01
        Length of the first step; of a schedule, only its first value counts.
    eta_minus, eta_plus : float, default 0.5, 1.2
        Factors of the step; in (0, 1), and above 1.
    step_min, step_max : float, default 1e-6, 50.0
        Bounds of the step; 0 < step_min <= step_max.

    References
    ----------
    M. Riedmiller and H. Braun, "A direct adaptive method for faster backpropagation learning:
    the RPROP algorithm", ICNN 1993; in the form (iRprop-) of C. Igel and M. Hüsken,
    "Improving the Rprop learning algorithm", 2000.

    Examples
    --------
    >>> import fastnn
    >>> found = fastnn.minimize(lambda x: abs(x - 3), 0.0, optimizer=fastnn.Rprop(lr=0.1))
    >>> round(found.x, 4)
    3.0
    """

    name = "rprop"
    lr: Any = 0.01
    eta_minus: float = 0.5
    eta_plus: float = 1.2
    step_min: float = 1e-6
    step_max: float = 50.0

    def __post_init__(self) -> None:
        self._check_lr_and_clipping(self.lr)
        check_number("eta_minus", self.eta_minus, low=0, high=1, open_low=True, open_high=True)
        check_number("eta_plus", self.eta_plus, low=1, open_low=True)
        check_number("step_min", self.step_min, low=0, open_low=True)
        check_number("step_max", self.step_max, low=self.step_min)
