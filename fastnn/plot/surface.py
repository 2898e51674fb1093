"""A function, or a network's loss, over a plane of its parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._spec import check_count
from fastnn.plot._axes import axes
from fastnn.sequential import Sequential

if TYPE_CHECKING:
    from fastnn._options import AnyLoss


def loss_surface(
    f: Sequential | Callable[[np.ndarray], float],
    X: Any = None,
    y: Any = None,
    *,
    loss: AnyLoss | None = None,
    directions: tuple[Any, Any] = (0, 1),
    center: Any = None,
    path: Any = None,
    limits: tuple[tuple[float, float], tuple[float, float]] | None = None,
    points: int = 41,
    log: bool = False,
    label: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw a function, or a network's loss, over a plane of its parameters, and a path on it.

    The plane is center + a u + b v.  Where u and v are single parameters, a and b are their
    values; else they count from the center.

    Parameters
    ----------
    f : Sequential or callable
        A network, whose loss on X, y is drawn (it is not changed), or f(x) -> float with x of
        shape (n_parameters,).
    X, y : array-like
        For a network: data as `evaluate` takes them.
    loss : str or loss, optional
        For a network; by default the one last used.
    directions : pair of int or of array-like, default (0, 1)
        u and v: indexes of two parameters, or two vectors of shape (n_parameters,).
    center : array-like of shape (n_parameters,), optional
        By default the network's parameters; for a callable the path's last point, or (0, 0).
    path : array-like of shape (n_points, n_parameters), optional
        Drawn as a line, projected on the plane at right angles; its start is a circle, its
        end a star.
    limits : pair of (low, high), optional
        Of a and b; by default what holds the path, or 1 to either side of the center.
    points : int, default 41
        Points of the grid along each axis.
    log : bool, default False
        Whether the levels are evenly spaced in log f; all values must be positive.
    label : str, optional
        Name of the path, for `ax.legend()`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If shapes do not fit, or `log` meets a value that is not positive.

    References
    ----------
    H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, "Visualizing the loss landscape of
    neural nets", NeurIPS 2018.

    Examples
    --------
    >>> import fastnn
    >>> ax = fastnn.plot.loss_surface(
    ...     lambda x: x[0] ** 2 + 3 * x[1] ** 2, path=[[1.0, 1.0], [0.5, 0.2], [0.1, 0.0]]
    ... )
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('parameter 0', 'parameter 1')
    """
    track = None if path is None else np.asarray(path, dtype=np.float64)
    if track is not None and track.ndim != 2:
        raise ValueError(f"path: got shape {track.shape}, want (n_points, n_parameters)")
    if center is None:
        if isinstance(f, Sequential):
            center = f.parameters
        else:
            center = np.zeros(2) if track is None else track[-1]
    middle = np.array(center, dtype=np.float64)
    if track is not None and track.shape[1] != len(middle):
        raise ValueError(f"path: got shape {track.shape}, want (n_points, {len(middle)})")
    origin, plane, names = _plane(middle, directions)
    # The path, or the center, in the plane's coordinates.
    line = (middle[None] if track is None else track) - origin
    line = np.linalg.lstsq(plane.T, line.T, rcond=None)[0].T  # (n_points, 2)
    low, high = _around(line) if limits is None else np.transpose(limits)
    a, b = np.linspace(low, high, check_count("points", points, low=2)).T
    value = _loss_of(f, X, y, loss) if isinstance(f, Sequential) else f
    values = np.array([[value(origin + i * plane[0] + j * plane[1]) for i in a] for j in b])
    values = np.ma.masked_invalid(values)
    if log and values.min() <= 0:
        raise ValueError(f"log: got True and a value of {values.min()}, want all positive")
    ax = axes(ax)
    levels = np.geomspace(values.min(), values.max(), 25) if log else 24
    ax.contourf(a, b, values, levels, cmap="viridis", norm="log" if log else "linear")
    if track is not None:
        (drawn,) = ax.plot(*line.T, ".-", markersize=4, linewidth=1.5, label=label)
        style = {"color": drawn.get_color(), "markeredgecolor": "white", "linestyle": "none"}
        ax.plot(*line[0], "o", markersize=8, **style)
        ax.plot(*line[-1], "*", markersize=13, **style)
    ax.set(xlabel=names[0], ylabel=names[1], xlim=a[[0, -1]], ylim=b[[0, -1]])
    return ax


def _loss_of(net: Sequential, X: Any, y: Any, loss: Any) -> Callable[[np.ndarray], float]:
    """Return a network's loss as a function of its parameters."""
    twin = copy.deepcopy(net)

    def value(parameters: np.ndarray) -> float:
        twin.parameters = parameters
        return twin.evaluate(X, y, loss=loss)["loss"]

    return value


def _around(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the low and high ends of both coordinates, with a margin."""
    margin = 0.25 * np.ptp(line, axis=0)
    margin = np.where(margin > 0, margin, 1.0)
    return line.min(axis=0) - margin, line.max(axis=0) + margin


def _plane(
    center: np.ndarray, directions: tuple[Any, Any]
) -> tuple[np.ndarray, np.ndarray, tuple[str, str]]:
    """Return a plane's origin (d,), its two directions (2, d) and the names of its axes."""
    first, second = directions
    if np.ndim(first) == 0 and np.ndim(second) == 0:
        i, j = (
            check_count(f"directions[{k}]", index, low=0, high=len(center) - 1)
            for k, index in enumerate(directions)
        )
        if i == j:
            raise ValueError(f"directions: got {directions!r}, want two different parameters")
        # From where both are 0, so that the coordinates are the parameters' values.
        origin = center.copy()
        origin[[i, j]] = 0
        return origin, np.eye(len(center))[[i, j]], (f"parameter {i}", f"parameter {j}")
    plane = np.array([np.ravel(vector) for vector in directions], dtype=np.float64)
    if plane.shape != (2, len(center)) or np.linalg.matrix_rank(plane) < 2:
        raise ValueError(
            f"directions: got vectors of shape {plane.shape[1:]}, want two of shape "
            f"{center.shape} that are not parallel"
        )
    return center, plane, ("along direction 0", "along direction 1")
