"""Checking gradients: backpropagation against differences of the loss itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn._groups import add_penalties
from fastnn._spec import check_count, check_number
from fastnn.arrays import check_parameters

if TYPE_CHECKING:
    from fastnn._options import AnyLoss
    from fastnn.sequential import Sequential

# A difference that crosses a kink is taken again with steps this many times smaller.
_SMALLER = (1.0, 0.1, 0.01)

# Gradients below this share of the largest are measured against that share of it.
_SMALL = 0.01

_EPSILON = 2.0**-52  # of float64


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found; printed, it is a sentence or two.

    Attributes
    ----------
    max_error : float
        The largest relative error, that of the worst parameter.
    tolerance : float
        What it may be.
    layer : str
        The worst parameter's layer: "layers[1]", say.
    name : str
        "weights", "bias" or "slopes".
    index : tuple of int
        Its place there.
    analytic, numeric : float
        Its gradient as given and by differences.
    checked, parameters : int
        How many were checked, of how many.
    kinks : int
        How many of those checked lie so near to a kink of the loss that the first step
        crossed it.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1)], input_size=2, dtype="float64")
    >>> report = fastnn.check_gradient(net, [[1.0, 2.0]], [3.0], loss="mean_squared_error")
    >>> report.passed, report.checked
    (True, 3)
    """

    max_error: float
    tolerance: float
    layer: str
    name: str
    index: tuple[int, ...]
    analytic: float
    numeric: float
    checked: int
    parameters: int
    kinks: int

    @property
    def passed(self) -> bool:
        """Whether the largest error is within the tolerance."""
        return self.max_error <= self.tolerance

    def __str__(self) -> str:
        place = f"{self.layer}.{self.name}[{', '.join(map(str, self.index))}]"
        return (
            f"gradient check {'passed' if self.passed else 'FAILED'}: "
            f"largest relative error {self.max_error:.2g}, tolerance {self.tolerance:.2g}\n"
            f"worst: {place}, {self.analytic:.9g} given, {self.numeric:.9g} by differences\n"
            f"{self.checked} of {self.parameters} parameters checked, {self.kinks} near a kink"
        )


def check_gradient(
    net: Sequential,
    X: Any,
    y: Any,
    *,
    loss: AnyLoss | None = None,
    sample_weight: Any = None,
    training: bool = False,
    gradient: Any = None,
    samples: int | None = None,
    seed: int = 0,
    step: float = 1e-5,
    tolerance: float = 1e-5,
) -> GradientReport:
    """Compare a network's gradient with central differences of its loss, in float64.

    Of each parameter w the slope (L(w + h) - L(w - h)) / 2h, h = step max(1, abs(w)), is
    compared with backpropagation's.  The relative error is their distance as a share of the
    larger of them, or of 1% of the gradient's largest element, or of what differences can
    resolve (10 roundings of the loss, as a slope, count as the tolerance).  A network in
    float32 is checked as one in float64 with the same parameters; the network itself is not
    changed.

    Where the loss has a kink between w - h and w + h (relu at 0), the difference is a mean of
    two slopes and no gradient.  So if a parameter is off and the slope from w - h to w is not
    that from w to w + h, the step is tried 10 and 100 times smaller.  If the two slopes
    differ still, w lies on the kink: the gradient is right if it lies between them.  The
    report counts both as kinks.  Where the two slopes agree, being off is being wrong.

    Parameters
    ----------
    net : Sequential
    X : array-like of shape (n_samples, n_features)
    y : array-like
        Targets as the loss wants them.  A few samples are enough.
    loss : str, loss or callable, optional
        By default the one last used.
    sample_weight : array-like of shape (n_samples,), optional
    training : bool, default False
        True: check a step of training, with dropout, noise and a batch's own statistics.
    gradient : array-like of shape (n_parameters,), optional
        What to check, in the order of `net.parameters`, such as one derived by hand; by
        default what `net.loss_and_gradient` says.
    samples : int, optional
        How many parameters to check, drawn at random; by default all.  Each takes two
        evaluations.
    seed : int, default 0
        Of that choice.
    step : float, default 1e-5
        In (0, 1).
    tolerance : float, default 1e-5
        Largest relative error that passes.

    Returns
    -------
    GradientReport

    Raises
    ------
    fastnn.NonFiniteError
        If the loss is not finite at the parameters.

    References
    ----------
    C. Bishop, "Pattern Recognition and Machine Learning", section 5.3.3, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = np.random.default_rng(0).normal(size=(8, 3))
    >>> net = fastnn.Sequential([fastnn.Dense(5, activation="tanh"), fastnn.Dense(2)], 3)
    >>> report = fastnn.check_gradient(net, X, X[:, :2], loss="mean_squared_error")
    >>> report.passed, report.checked
    (True, 32)
    >>> wrong = net.loss_and_gradient(X, X[:, :2], loss="mean_squared_error")[1]
    >>> wrong[31] *= 1.01
    >>> print(fastnn.check_gradient(
    ...     net, X, X[:, :2], loss="mean_squared_error", gradient=wrong
    ... ))
    gradient check FAILED: largest relative error 0.0099, tolerance 1e-05
    worst: layers[1].bias[1], ... given, ... by differences
    32 of 32 parameters checked, 0 near a kink
    """
    check_number("step", step, low=0, high=1, open_low=True, open_high=True)
    check_number("tolerance", tolerance, low=0, open_low=True)
    check_count("seed", seed, low=0, high=(1 << 64) - 1)
    chosen = net._use_loss(loss)
    start = net.parameters.astype(np.float64)
    twin = type(net)(net.specs, net.input_size, seed=net.seed, dtype="float64")
    twin.parameters = start
    for copy, of_net in zip(twin._leaves(), net._leaves(), strict=True):
        copy.state = of_net.state
    options = {"sample_weight": sample_weight, "loss": chosen}
    at_start, given = twin.loss_and_gradient(X, y, training=training, **options)
    if gradient is not None:
        given = check_parameters("gradient", gradient, start.shape, np.float64)

    moved = start.copy()

    def loss_at(i: int, value: float) -> float:
        moved[i] = value
        twin.parameters = moved
        moved[i] = start[i]
        if training:
            return float(twin.loss_and_gradient(X, y, training=True, **options)[0])
        penalty = add_penalties(twin._graph, twin.parameters, np.zeros_like(start))
        return float(twin.evaluate(X, y, **options)["loss"]) + penalty

    least = _SMALL * float(np.abs(given).max())
    worst = (-1.0, 0, 0.0)  # error, parameter, numeric
    kinks = 0
    chosen_ones = _chosen(start.size, samples, seed)
    for i in chosen_ones:
        w, analytic = float(start[i]), float(given[i])
        first = (np.inf, 0.0)
        for smaller in _SMALLER:
            up, down = w + smaller * step * max(1, abs(w)), w - smaller * step * max(1, abs(w))
            loss_up, loss_down = loss_at(i, up), loss_at(i, down)
            numeric = (loss_up - loss_down) / (up - down)
            rounding = 10 * _EPSILON * abs(at_start) / (up - w)
            scale = max(abs(analytic), abs(numeric), least, rounding / tolerance)
            error = abs(analytic - numeric) / scale if scale > 0 else 0.0
            # A loss that is not finite within a step is a gradient that cannot be right.
            error = error if np.isfinite(error) else np.inf
            if smaller == 1:
                first = error, numeric
            if error <= tolerance:
                break
            left, right = (at_start - loss_down) / (w - down), (loss_up - at_start) / (up - w)
            if not abs(right - left) > tolerance * scale:  # smooth here, and another slope
                error, numeric = first
                break
        else:
            low, high = min(left, right), max(left, right)
            if low - tolerance * scale <= analytic <= high + tolerance * scale:
                error, numeric = 0.0, min(max(analytic, low), high)
            else:
                error, numeric = first
        kinks += first[0] > tolerance >= error
        if error > worst[0]:
            worst = error, int(i), numeric
    error, i, numeric = worst
    layer, name, index = _place(twin, i)
    return GradientReport(
        max_error=error,
        tolerance=float(tolerance),
        layer=layer,
        name=name,
        index=index,
        analytic=float(given[i]),
        numeric=numeric,
        checked=len(chosen_ones),
        parameters=start.size,
        kinks=kinks,
    )


def _chosen(n: int, samples: int | None, seed: int) -> np.ndarray:
    """Return the numbers of the parameters to check, ascending."""
    if samples is None:
        return np.arange(n)
    count = min(check_count("samples", samples), n)
    order = np.empty(n, np.int64)
    _core.permutation(seed, 0, order)
    return np.sort(order[:count])


def _place(net: Sequential, i: int) -> tuple[str, str, tuple[int, ...]]:
    """Return layer, name and index of a network's i-th parameter."""
    for leaf, name, shape, part in net._graph.tensors():
        if i < part.stop:
            index = np.unravel_index(i - part.start, shape)
            return leaf.path, name, tuple(int(k) for k in index)
    raise AssertionError("the layers have fewer parameters than the network")
