"""What is inside a network, layer by layer: weights, activations, gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.plot._axes import axes
from fastnn.sequential import Sequential

if TYPE_CHECKING:
    from fastnn._options import AnyLoss


def weights(net: Sequential, *, ax: Any = None) -> Any:
    """Draw the distribution of each layer's weights: one histogram a layer, the first on top.

    Parameters
    ----------
    net : Sequential
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Each histogram is scaled to its own highest bar; the standard deviation stands
        beside it, and the share of exact zeros, which are not drawn.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(8), fastnn.Dense(3)], input_size=4)
    >>> ax = fastnn.plot.weights(net)
    >>> ax.get_xlabel(), len(ax.get_yticklabels())
    ('weight', 2)
    """
    return _histograms([(name, values) for name, values, _ in _weights(net)], "weight", ax)


def activations(net: Sequential, X: Any, *, ax: Any = None) -> Any:
    """Draw the distribution of each layer's outputs: one histogram a layer, the first on top.

    Parameters
    ----------
    net : Sequential
    X : array-like of shape (n_samples, n_features)
        What goes through the network.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Each histogram is scaled to its own highest bar; the standard deviation stands
        beside it, and the share of exact zeros, which are not drawn.

    Raises
    ------
    ValueError
        If X has the wrong shape.

    Examples
    --------
    >>> import fastnn
    >>> layers = [fastnn.Dense(8, activation="tanh"), fastnn.Dense(3)]
    >>> net = fastnn.Sequential(layers, input_size=2)
    >>> ax = fastnn.plot.activations(net, [[0.5, -1.0], [2.0, 1.0]])
    >>> ax.get_xlabel(), len(ax.get_yticklabels())
    ('activation', 2)
    """
    outputs = [(f"layer {i}", values) for i, values in enumerate(_outputs(net, X))]
    if not all(values.size for _, values in outputs):
        raise ValueError("X: got 0 samples, want at least 1")
    return _histograms(outputs, "activation", ax)


def gradient_flow(
    net: Sequential,
    X: Any,
    y: Any,
    *,
    loss: AnyLoss | None = None,
    label: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw the mean absolute gradient of each layer's weights, on a logarithmic axis.

    Gradients that shrink or grow by orders of magnitude from layer to layer are the sign of
    initial values that do not suit the network.  A layer whose gradient is 0 has no point.

    Parameters
    ----------
    net : Sequential
    X : array-like of shape (n_samples, n_features)
    y : array-like
        Targets as the loss wants them.
    loss : str or loss, optional
        By default the one last used.
    label : str, optional
        Name of the line, for `ax.legend()`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    fastnn.NonFiniteError
        If the loss is not finite; it has no gradient then.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")], input_size=1)
    >>> ax = fastnn.plot.gradient_flow(net, [[2.0]], [3.0], loss="mean_squared_error")
    >>> ax.lines[0].get_ydata().tolist()
    [12.0]
    """
    _, gradient = net.loss_and_gradient(X, y, loss=loss)
    layers = list(_weights(net))
    means = np.array([np.abs(gradient[where]).mean() for _, _, where in layers])
    ax = axes(ax)
    ax.plot(np.arange(len(layers)), np.where(means > 0, means, np.nan), ".-", label=label)
    ax.set_xticks(np.arange(len(layers)), [name.removeprefix("layer ") for name, _, _ in layers])
    ax.set(xlabel="layer", ylabel="mean |gradient|", yscale="log")
    return ax


def _weights(net: Sequential) -> Iterator[tuple[str, np.ndarray, slice]]:
    """Yield each layer's name, its weights, and where they stand in `net.parameters`."""
    parameters = net.parameters
    for leaf, name, shape, part in net._graph.tensors():
        if name == "weights":
            yield f"layer {leaf.name}", parameters[part].reshape(shape), part


def _outputs(net: Sequential, X: Any) -> Iterator[np.ndarray]:
    """Yield what each layer makes of X, by networks of only the layers so far."""
    parameters = net.parameters
    for i in range(len(net.specs)):
        specs = net.specs[: i + 1]
        if not any(hasattr(spec, "trainable") or hasattr(spec, "parts") for spec in specs):
            continue  # dropout of the inputs, say: no network yet
        part = Sequential(specs, net.input_size, dtype=net.dtype)
        part.parameters = parameters[: part.parameters.size]
        for copy, layer in zip(part._leaves(), net._leaves(), strict=False):
            copy.state = layer.state
        yield part.predict(X)


def _histograms(named: Sequence[tuple[str, np.ndarray]], xlabel: str, ax: Any) -> Any:
    """Draw histograms of one common scale below each other.

    Exact zeros, of which relu makes many, would be a bar beside which one sees no other.
    """
    low = min(values.min() for _, values in named)
    high = max(values.max() for _, values in named)
    if low == high:  # all the same: zeros, for instance
        low, high = low - 1, high + 1
    edges = np.linspace(low, high, 62)
    ax = axes(ax)
    labels = []
    for i, (name, values) in enumerate(named):
        counts, _ = np.histogram(values[values != 0], bins=edges)
        # Downwards is up on this axis: the first layer stands on top.
        tops = i - 0.85 * counts / max(counts.max(), 1)
        ax.stairs(tops, edges, baseline=i, fill=True, color="C0")
        zeros = np.mean(values == 0)
        share = f", {zeros:.0%} zeros" if zeros > 0 else ""
        labels.append(f"{name}, std {values.std():.2g}{share}")
    ax.set_yticks(np.arange(len(named)), labels)
    ax.set(xlabel=xlabel, xlim=(low, high), ylim=(len(named) - 0.9, -1))
    return ax
