"""The solver "lbfgs" of the estimators: SciPy's L-BFGS-B, by scikit-learn's options.

`fastnn.LBFGS` is the same method an iteration at a time; this one has a bound on the number of
gradients, and SciPy's own result, of which scikit-learn's warning is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from fastnn._blas import on_one_thread
from fastnn.errors import NonFiniteError


class Objective:
    """What is made small: the loss as scikit-learn has it, in float64.

    gradient * (fastnn's mean loss) + alpha / 2 sum(W^2) / sum(weights), over all the data.
    """

    def __init__(self, net: Any, data: Any, gradient: float, alpha: float, parts: Any) -> None:
        self.net, self.data, self.gradient = net, data, gradient
        weights = data[2]
        self.alpha = alpha / (len(data[0]) if weights is None else float(weights.sum()))
        self.parts = parts  # where the weights are, among the parameters
        self.mean = np.nan  # fastnn's, where it was looked at last
        self.highest: float | None = None

    def penalty(self, x: np.ndarray) -> float:
        """Return that of the weights."""
        return self.alpha / 2 * sum(float(x[part] @ x[part]) for part in self.parts)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return value and gradient; where they are not finite, a flat place that is too high."""
        net: Any = self.net
        try:
            net._plan.write("parameters", np.ascontiguousarray(x, dtype=net.dtype))
            self.mean, _ = net._evaluate("derive", self.data, net.loss)
            slope = net._read("gradient").astype(np.float64) * self.gradient
            value = self.gradient * self.mean + self.penalty(x)
        except NonFiniteError:
            value = np.inf
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            if self.highest is None:  # at the start
                raise NonFiniteError(0, 0)
            return self.highest + abs(self.highest) + 1, np.zeros_like(x)
        for part in self.parts:
            slope[part] += self.alpha * x[part]
        self.highest = value if self.highest is None else max(value, self.highest)
        return value, slope


def solve(objective: Objective, options: Any) -> Any:
    """Return SciPy's result; the network gets the best parameters that were found."""
    net = objective.net
    steps: list[float] = []

    def tell(x: np.ndarray) -> None:
        steps.append(objective.mean)
        print(f"Iteration {len(steps)}, mean loss = {steps[-1]:.8f}")

    with net._lock, on_one_thread():
        found = minimize(
            objective,
            net.parameters.astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=tell if options.verbose else None,
            options={
                "maxfun": options.max_fun,
                "maxiter": options.max_iter,
                "gtol": options.tol,
            },
        )
        objective(found.x)
    return found
