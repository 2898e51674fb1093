"""Levenberg-Marquardt, an iteration at a time; see `fastnn.LevenbergMarquardt`.

With float64 throughout, but for what the network itself computes.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from fastnn._groups import l2_of, lr_scales
from fastnn.errors import NonFiniteError
from fastnn.losses import MeanSquaredError
from fastnn.solvers import LevenbergMarquardt

MAX_PARAMETERS = 4096  # J^T J of so many, with its damped copy and its factors: 400 MB
CHUNK_BYTES = 1 << 25  # of J, of which there are two copies
# Bounds of the damping, as shares of the largest element of the diagonal.
MIN_DAMPING, MAX_DAMPING = 1e-16, 1e10


def check(net: Any) -> None:
    """Raise where the loss is no sum of squares, or J^T J would be too large."""
    if not isinstance(net.loss, MeanSquaredError):
        raise ValueError(
            f"loss: got {net.loss!r}, levenberg_marquardt wants MeanSquaredError(), a sum of "
            "squares"
        )
    for leaf in net._graph.leaves:
        if leaf.spec.group.get("l1"):
            raise ValueError(f"{leaf.path}.l1: got one, levenberg_marquardt wants none (l2 works)")
    trained = int(np.count_nonzero(lr_scales(net._graph, net.dtype)))
    if trained > MAX_PARAMETERS:
        raise ValueError(
            f"optimizer: levenberg_marquardt for a network of {trained} parameters that train, "
            f"want at most {MAX_PARAMETERS}; LBFGS takes any number"
        )


def iterations(
    objective: Any, solver: LevenbergMarquardt
) -> Generator[tuple[Any, str], None, None]:
    """Yield the point that each iteration reached, and why it was the last ("": it was not)."""
    point = objective.value(objective.x)
    if not np.isfinite(point.value):
        raise NonFiniteError(0, 0)
    A, g = normal_equations(objective, point.x)
    largest = float(A.diagonal().max())
    damping = solver.damping * largest
    message = _flat(g, solver)
    if message:
        yield point, message
    while not message:
        before, found = point, None
        while found is None and damping <= MAX_DAMPING * largest < np.inf:
            found = _try(objective, A, g, damping, before)
            damping *= solver.increase if found is None else 1 / solver.decrease
        damping = max(damping, MIN_DAMPING * largest)  # it grows by a factor: never from 0
        if found is None:
            yield before, "no step made the loss smaller, however short"
            return
        point = found
        if before.value - point.value <= solver.ftol * before.value:
            message = f"the loss fell by at most {solver.ftol:g} of itself"
        else:
            A, g = normal_equations(objective, point.x)
            largest = float(A.diagonal().max())
            message = _flat(g, solver)
        yield point, message


def _flat(g: np.ndarray, solver: LevenbergMarquardt) -> str:
    """Return why the search ends where J^T r is g, or "" where it does not."""
    small = 2 * np.abs(g).max() <= solver.gtol
    return f"every element of the gradient is at most {solver.gtol:g}" if small else ""


def _try(objective: Any, A: np.ndarray, g: np.ndarray, damping: float, start: Any) -> Any:
    """Return the point that a damped step leads to, or None where the loss is no smaller."""
    damped = A.copy()
    damped.flat[:: len(A) + 1] += damping
    try:
        step = np.linalg.solve(damped, -g)
    except np.linalg.LinAlgError:  # singular: two units alike, and too little damping
        return None
    found = objective.value(start.x + step)
    return found if found.value < start.value else None


def normal_equations(objective: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return J^T J and J^T r of the network at its present parameters x, penalties included."""
    net, (X, (targets, _), weights) = objective.net, objective.data
    rows = np.arange(len(X)) if objective.part is None else objective.part
    shares = np.ones(len(rows)) if weights is None else weights[rows]
    rows, shares = rows[shares > 0], shares[shares > 0]
    shares = shares / shares.sum() / net.output_size
    p = len(x)
    A, g = np.zeros((p, p)), np.zeros(p)
    some = max(1, CHUNK_BYTES // (8 * net.output_size * net._plan.n_parameters))
    for at in range(0, len(rows), some):
        part = rows[at : at + some]
        residuals = (net.predict(X[part]) - targets[part].astype(np.float64)).ravel()
        roots = np.sqrt(shares[at : at + some].repeat(net.output_size))
        J = net.jacobian(X[part], "parameters")[:, :, objective.free].reshape(-1, p)
        J = J * roots[:, None]  # float64 from here on
        A += J.T @ J
        g += J.T @ (roots * residuals)
    # l2 w^2 / 2 is the square of a residual sqrt(l2 / 2) w.
    half = l2_of(net._graph)[objective.free] / 2
    A.flat[:: p + 1] += half
    g += half * x
    return A, g
