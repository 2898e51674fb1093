"""Losses of numbers; they are part of `fastnn.losses`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._loss import Loss
from fastnn._spec import check_number


class MeanSquaredError(Loss):
    """Mean over the outputs of (z - t)^2.

    Targets: (n_samples, n_outputs), or (n_samples,) for one output.

    References
    ----------
    C. Bishop, "Pattern recognition and machine learning", 2006, section 5.2.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> net.evaluate([[3.0]], [1.0], loss="mean_squared_error")
    {'loss': 4.0}
    """

    name = "mean_squared_error"


class MeanAbsoluteError(Loss):
    """Mean over the outputs of abs(z - t); its minimum is at the median.

    Targets: (n_samples, n_outputs), or (n_samples,) for one output.

    References
    ----------
    R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> net.evaluate([[3.0]], [1.0], loss="mean_absolute_error")
    {'loss': 2.0}
    """

    name = "mean_absolute_error"


class Huber(Loss):
    """Mean of e^2 / 2 where abs(e) <= delta, else delta (abs(e) - delta / 2); e = z - t.

    Targets: (n_samples, n_outputs), or (n_samples,) for one output.

    Parameters
    ----------
    delta : float, default 1.0
        Where the square ends; positive, in units of the targets.

    References
    ----------
    P. Huber, "Robust estimation of a location parameter", Annals of Statistics 35, 1964.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> net.evaluate([[3.0]], [1.0], loss=fastnn.losses.Huber(delta=1.0))
    {'loss': 1.5}
    """

    name = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        check_number("delta", self.delta, low=0, open_low=True)


class LogCosh(Loss):
    """Mean over the outputs of log(cosh(z - t)): a square near 0, an absolute value far off.

    Targets: (n_samples, n_outputs), or (n_samples,) for one output.

    References
    ----------
    R. Saleh and A. Saleh, "Statistical properties of the log-cosh loss function used in machine
    learning", arXiv:2208.04564, 2022.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> round(net.evaluate([[3.0]], [1.0], loss="log_cosh")["loss"], 4)  # log(cosh(2))
    1.325
    """

    name = "log_cosh"


class Quantile(Loss):
    """Pinball loss: mean of max(q (t - z), (q - 1) (t - z)); its minimum is the q-quantile.

    Several quantiles at once want as many outputs for each column of the targets: for
    quantiles (0.1, 0.9) and one column, output 0 is the first and output 1 the second.
    They may cross.  Targets: (n_samples, n_outputs / n_quantiles), or (n_samples,).

    Parameters
    ----------
    quantile : float or sequence of float, default 0.5
        In (0, 1).

    References
    ----------
    R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(2, weight_init="ones")], input_size=1)
    >>> loss = fastnn.losses.Quantile((0.25, 0.75))
    >>> net.evaluate([[3.0]], [1.0], loss=loss)  # (0.75 * 2 + 0.25 * 2) / 2
    {'loss': 1.0}
    """

    name = "quantile"
    quantile: Any = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.quantile, Sequence) and not isinstance(self.quantile, str):
            object.__setattr__(self, "quantile", tuple(self.quantile))
            if not self.quantile:
                raise ValueError("quantile: got none, want at least one")
        for q in self._quantiles():
            check_number("quantile", q, low=0, high=1, open_low=True, open_high=True)

    def _quantiles(self) -> tuple[float, ...]:
        return self.quantile if isinstance(self.quantile, tuple) else (self.quantile,)

    def repeats(self) -> int:
        """Return the number of quantiles."""
        return len(self._quantiles())

    def vector(self, outputs: int) -> np.ndarray | None:
        """Return each output's quantile."""
        return np.tile(np.array(self._quantiles(), np.float64), outputs // self.repeats())


class GaussianNLL(Loss):
    """Mean of (s + (m - t)^2 exp(-s)) / 2: a normal distribution's mean m and log-variance s.

    Its negative log likelihood but for log(2 pi) / 2.  Targets: (n_samples, n_outputs / 2), or
    (n_samples,) for two outputs; the mean is over their columns.  Of 2 D outputs the first D
    are the means and the last D, in the same order, the logarithms of the variances::

        mean, log_variance = np.split(net.predict(X), 2, axis=1)

    Metrics see the means alone.

    References
    ----------
    D. Nix and A. Weigend, "Estimating the mean and variance of the target probability
    distribution", ICNN 1994.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(2, weight_init="zeros")], input_size=1)
    >>> net.evaluate([[1.0]], [3.0], loss="gaussian_nll")  # m = 0, s = 0
    {'loss': 4.5}
    """

    name = "gaussian_nll"
    shares_targets = True

    def repeats(self) -> int:
        """Return 2: a mean and a log-variance."""
        return 2

    def comparable(self, outputs: np.ndarray) -> np.ndarray:
        """Return the means."""
        return outputs[:, : outputs.shape[1] // 2]


class CosineSimilarity(Loss):
    """1 - z.t / (norm(z) norm(t)) of each row: 0 where they point the same way, 2 where opposite.

    A row of zeros, of outputs or of targets, has no direction: its loss is 1 and its gradient
    0.  Targets: (n_samples, n_outputs).

    References
    ----------
    G. Salton, A. Wong and C. Yang, "A vector space model for automatic indexing",
    Communications of the ACM 18, 1975 (the similarity).

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(2, weight_init="ones")], input_size=1)
    >>> result = net.evaluate([[1.0], [1.0]], [[-1, 1], [-2, -2]], loss="cosine_similarity")
    >>> round(result["loss"], 4)  # (1 + 2) / 2
    1.5
    """

    name = "cosine_similarity"


class Poisson(Loss):
    """Mean of exp(z) - t z: a Poisson distribution of mean exp(z), log likelihood but for t!.

    `predict` gives z, and ``np.exp(net.predict(X))`` the means, with which metrics compare the
    targets.  Targets: counts or rates, not negative,
    (n_samples, n_outputs), or (n_samples,) for one output.

    References
    ----------
    P. McCullagh and J. Nelder, "Generalized linear models", 2nd edition, 1989.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> net.evaluate([[0.0]], [5.0], loss="poisson")
    {'loss': 1.0}
    """

    name = "poisson"
    target_range = (0.0, math.inf)


class Gamma(Loss):
    """Mean of z + t exp(-z): a gamma distribution of mean exp(z) and constant shape.

    `predict` gives z, and ``np.exp(net.predict(X))`` the means, with which metrics compare the
    targets.  Targets: positive, (n_samples, n_outputs), or (n_samples,) for one output.

    References
    ----------
    P. McCullagh and J. Nelder, "Generalized linear models", 2nd edition, 1989.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> net.evaluate([[0.0]], [5.0], loss="gamma")
    {'loss': 5.0}
    """

    name = "gamma"
    target_range = (math.ulp(0.0), math.inf)


class Tweedie(Loss):
    """Mean of exp((2 - p) z) / (2 - p) - t exp((1 - p) z) / (1 - p): many zeros, long tail.

    A compound Poisson-gamma distribution of mean exp(z) and variance ~ mean^p.  `predict`
    gives z, and ``np.exp(net.predict(X))`` the means, with which metrics compare the targets.
    Targets: not negative, (n_samples, n_outputs), or (n_samples,) for one output.

    Parameters
    ----------
    power : float, default 1.5
        p, in (1, 2); towards 1 it is `Poisson`, towards 2 `Gamma`.

    References
    ----------
    B. Jorgensen, "Exponential dispersion models", JRSS B 49, 1987.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="ones")], input_size=1)
    >>> net.evaluate([[0.0]], [0.0], loss="tweedie")
    {'loss': 2.0}
    """

    name = "tweedie"
    target_range = (0.0, math.inf)
    power: float = 1.5

    def __post_init__(self) -> None:
        check_number("power", self.power, low=1, high=2, open_low=True, open_high=True)
