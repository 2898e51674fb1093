"""Solvers: optimizers that see all the data of a fit in every step.

`fit` takes one as its `optimizer`; an epoch is one of its iterations.  A solver makes the
mean loss of all samples plus the penalties of the layers as small as it can, of the network as
`predict` computes it: `BatchNorm` normalizes by the statistics it has and keeps them, and layers
that draw random numbers are refused.  `batch_size` and `shuffle` of `fit` do not count;
`accumulate` and iterables of batches are refused.  Metrics of the training data take a pass of
their own, for they are those of the point that an iteration reached.

A solver has no learning rate: a layer's `lr_scale` and `decay_scale` do not count, except that
`lr_scale=0`, like `trainable=False`, keeps the layer as it is.  `max_norm` is refused.
"""

from __future__ import annotations

from fastnn._spec import Spec, check_count, check_number

__all__ = ["LBFGS", "LevenbergMarquardt", "Solver"]


class Solver(Spec, kind="solver"):
    """Base class of the solvers.

    The "loss" of an epoch is the one that its iteration reached, without penalties.  A fit ends
    before its `epochs` where the solver cannot get any further; `history.message` says why
    then.  Each fit begins without what an earlier one knew of the curvature.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1)])
    >>> history = net.fit([[0.0], [1.0]], [1.0, 3.0], loss="mean_squared_error", epochs=100,
    ...                   optimizer=fastnn.LevenbergMarquardt(gtol=1e-5))
    >>> len(history["loss"]) < 10, history.message
    (True, 'every element of the gradient is at most 1e-05')
    """


class LBFGS(Solver):
    """Quasi-Newton steps from the last few gradients, by SciPy's L-BFGS-B.

    w = w - a H g with an approximation H of the inverse of the loss's second derivatives made
    from the changes of w and g in the last `history_size` iterations, and a step a that a line
    search finds, by Wolfe's conditions: it takes a gradient or two of all the data an
    iteration.  Memory: 2 history_size + 5 vectors of the parameters' number, in float64.

    The engine computes in the network's dtype.  In float32 the loss has about 7 digits, below
    which no line search finds its way; for solutions exact to more, use float64.

    Needs SciPy, which the extra ``fastnn[scipy]`` brings.

    Parameters
    ----------
    history_size : int, default 10
        Changes that are kept; 3 to 20 are usual.
    gtol : float, default 1e-5
        End when every element of the gradient is at most this.
    ftol : float, default 1e-9
        End when an iteration makes the loss smaller by at most this share of it (or, where it is
        below 1, by this itself).
    max_line_search : int, default 20
        At most so many gradients an iteration.

    References
    ----------
    R. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited memory algorithm for bound constrained
    optimization", SIAM Journal on Scientific Computing 16, 1995; D. Liu and J. Nocedal, "On the
    limited memory BFGS method for large scale optimization", Mathematical Programming 45, 1989.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = np.linspace(0, 6, 50)[:, None]
    >>> net = fastnn.Sequential([fastnn.Dense(10, activation="tanh"), fastnn.Dense(1)])
    >>> history = net.fit(X, np.sin(X), loss="mean_squared_error", epochs=200,
    ...                   optimizer=fastnn.LBFGS())
    >>> history["loss"][-1] < 1e-4
    True
    """

    name = "lbfgs"
    history_size: int = 10
    gtol: float = 1e-5
    ftol: float = 1e-9
    max_line_search: int = 20

    def __post_init__(self) -> None:
        check_count("history_size", self.history_size)
        check_count("max_line_search", self.max_line_search)
        check_number("gtol", self.gtol, low=0)
        check_number("ftol", self.ftol, low=0)


class LevenbergMarquardt(Solver):
    """Gauss-Newton steps, damped: for small regression networks and mean_squared_error alone.

    With the residuals r (outputs minus targets, times the roots of the samples' shares of the
    loss) and their derivatives J in the parameters, each step solves
    (J^T J + mu I) d = -J^T r and makes w = w + d.  Where that makes the loss smaller, mu is
    divided by `decrease`; else it is multiplied by `increase`, and the step is tried again.  A
    large mu makes it a short step of gradient descent, a small one Newton's step for residuals
    that are small or nearly linear.

    Penalties `l2` count as residuals of their own; `l1` is refused, being no square.

    J^T J is summed in float64 over some rows at a time, so that memory depends on the number p
    of the parameters that train alone: about 24 p^2 bytes, and 64 MB for rows.  The time of a step
    grows with n_samples n_outputs p^2 + p^3.  So p may be at most 4096.

    Parameters
    ----------
    damping : float, default 1e-3
        The first mu, as a share of the largest element on the diagonal of J^T J; positive.
    increase, decrease : float, default 3.0, 10.0
        Above 1.  Raising mu by less than lowering it lets it follow narrow valleys.
    gtol : float, default 1e-8
        End when every element of the loss's gradient is at most this.
    ftol : float, default 1e-12
        End when a step makes the loss smaller by at most this share of it.

    Notes
    -----
    The fit also ends when mu exceeds 1e10 times that largest element and no step made the loss
    smaller: its last epoch has then changed nothing.  A step after which the loss is not finite
    is one that did not make it smaller.

    References
    ----------
    K. Levenberg, "A method for the solution of certain non-linear problems in least squares",
    Quarterly of Applied Mathematics 2, 1944; D. Marquardt, "An algorithm for least-squares
    estimation of nonlinear parameters", SIAM Journal 11, 1963; for networks M. Hagan and
    M. Menhaj, "Training feedforward networks with the Marquardt algorithm", IEEE Transactions
    on Neural Networks 5, 1994; the first mu as in K. Madsen, H. B. Nielsen and O. Tingleff,
    "Methods for non-linear least squares problems", 2004; two factors as in M. Transtrum and
    J. Sethna, "Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares
    minimization", arXiv:1201.5885, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = np.linspace(0, 6, 40)[:, None]
    >>> net = fastnn.Sequential([fastnn.Dense(10, activation="tanh"), fastnn.Dense(1)],
    ...                         dtype="float64")
    >>> history = net.fit(X, np.sin(X), loss="mean_squared_error", epochs=50,
    ...                   optimizer=fastnn.LevenbergMarquardt())
    >>> history["loss"][-1] < 1e-6
    True
    """

    name = "levenberg_marquardt"
    damping: float = 1e-3
    increase: float = 3.0
    decrease: float = 10.0
    gtol: float = 1e-8
    ftol: float = 1e-12

    def __post_init__(self) -> None:
        check_number("damping", self.damping, low=0, open_low=True)
        check_number("increase", self.increase, low=1, open_low=True)
        check_number("decrease", self.decrease, low=1, open_low=True)
        check_number("gtol", self.gtol, low=0)
        check_number("ftol", self.ftol, low=0)
