"""What training led to: learning curves, predictions and where they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._spec import check_count
from fastnn.plot._axes import axes

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


def learning_curves(
    history: Mapping[str, Sequence[float]],
    metric: str = "loss",
    *,
    label: str = "",
    ax: Any = None,
) -> Any:
    """Draw a metric over the epochs: training as a line, validation dashed in the same colour.

    Parameters
    ----------
    history : mapping of str to sequence of float
        What `fit` returns: one number an epoch.
    metric : str, default "loss"
        Which of them, without ``"val_"``; either twin may be missing.
    label : str, default ""
        Stands in the legend, to tell several runs on one Axes apart.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the history has no such metric.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1)])
    >>> history = net.fit([[0.0], [1.0]], [1.0, 3.0], loss="mean_squared_error", epochs=20)
    >>> ax = fastnn.plot.learning_curves(history)
    >>> ax.get_xlabel(), ax.get_ylabel(), len(ax.lines[0].get_xdata())
    ('epoch', 'loss', 20)
    """
    shown = [name for name in (metric, f"val_{metric}") if name in history]
    if not shown:
        raise ValueError(f"metric: got {metric!r}, want one of {[*history]}")
    ax = axes(ax)
    color = None
    for name in shown:
        values = history[name]
        line, kind = ("-", "training") if name == metric else ("--", "validation")
        text = label if label and len(shown) == 1 else f"{label} {kind}".strip()
        # One epoch is a point, and a line would not show it.
        marker = "." if len(values) < 30 else ""
        epochs = np.arange(1, len(values) + 1)
        (drawn,) = ax.plot(epochs, values, line, marker=marker, color=color, label=text)
        color = drawn.get_color()
    ax.set(xlabel="epoch", ylabel=metric)
    if ax.get_xscale() == "linear":
        ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def confusion_matrix(
    y_true: Any, y_pred: Any, *, labels: Sequence[Any] | None = None, ax: Any = None
) -> Any:
    """Draw how many samples of each class (row) were taken for each class (column).

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted classes.
    labels : sequence, optional
        The classes and their order; by default all that occur, sorted.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the lengths differ, or a class is not among `labels`.

    Examples
    --------
    >>> import fastnn
    >>> ax = fastnn.plot.confusion_matrix([0, 0, 1, 1, 1], [0, 1, 1, 1, 1])
    >>> [text.get_text() for text in ax.texts]
    ['1', '1', '0', '3']
    """
    truth, guess = _pair("y_true", y_true, "y_pred", y_pred)
    classes = np.unique([truth, guess]) if labels is None else np.asarray(labels)
    rows, columns = truth[:, None] == classes, guess[:, None] == classes  # (n_samples, n_classes)
    for name, found, values in (("y_true", rows, truth), ("y_pred", columns, guess)):
        if not found.any(axis=1).all():
            strange = values[~found.any(axis=1)][0]
            raise ValueError(f"{name}: got class {strange!r}, want one of {classes.tolist()}")
    counts = rows.T.astype(np.int64) @ columns
    ax = axes(ax)
    ax.imshow(counts, cmap="Blues")
    for (i, j), count in np.ndenumerate(counts):
        shade = "white" if 2 * count > counts.max() else "black"
        ax.text(j, i, str(count), color=shade, ha="center", va="center")
    ticks = np.arange(len(classes))
    ax.set_xticks(ticks, [str(name) for name in classes])
    ax.set_yticks(ticks, [str(name) for name in classes])
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def predicted_against_true(y: Any, prediction: Any, *, ax: Any = None) -> Any:
    """Draw predictions over true values; a perfect one lies on the diagonal.

    Parameters
    ----------
    y, prediction : array-like of shape (n_samples,) or (n_samples, n_outputs)
        True values and predictions; each output has its colour.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the numbers of samples or outputs differ.

    Examples
    --------
    >>> import fastnn
    >>> ax = fastnn.plot.predicted_against_true([1.0, 2.0, 3.0], [1.1, 2.0, 2.7])
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('true value', 'predicted value')
    """
    shape, other = np.shape(y), np.shape(prediction)
    # A network of one output predicts a column.
    if shape != other and {(*shape, 1), (*other, 1)}.isdisjoint((shape, other)):
        raise ValueError(f"prediction: got shape {other}, want {shape}, which is y's")
    columns = shape[1] if len(shape) == 2 else 1
    truth, guess = _pair("y", np.ravel(y), "prediction", np.ravel(prediction))
    ax = axes(ax)
    both = np.concatenate([truth, guess])
    ends = [both.min(), both.max()]
    ax.plot(ends, ends, color="gray", linewidth=1, label="predicted = true", zorder=1)
    for i in range(columns):
        name = f"output {i}" if columns > 1 else "samples"
        ax.scatter(truth[i::columns], guess[i::columns], s=12, alpha=0.6, label=name)
    ax.set(xlabel="true value", ylabel="predicted value")
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend()
    return ax


def decision_boundary(net: Sequential, X: Any, y: Any, *, points: int = 150, ax: Any = None) -> Any:
    """Draw which class a network of two features predicts where, and the samples.

    Parameters
    ----------
    net : Sequential
        A classifier of two features.  With one output the shade is the probability of
        class 1, and a line marks 1/2; with several each area has the colour of its class.
    X : array-like of shape (n_samples, 2)
    y : array-like of shape (n_samples,)
        Classes: integers from 0.
    points : int, default 150
        Points of the grid along each axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If X has not two features, or the network's loss has no probabilities.

    Examples
    --------
    >>> import fastnn
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> net = fastnn.Sequential([fastnn.Dense(16, activation="tanh"), fastnn.Dense(2)], seed=1)
    >>> history = net.fit(X, y, loss="cross_entropy", optimizer=fastnn.Adam(lr=0.05), epochs=200)
    >>> ax = fastnn.plot.decision_boundary(net, X, y)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('feature 0', 'feature 1')
    """
    inputs = np.asarray(X, dtype=np.float64)
    if inputs.ndim != 2 or inputs.shape[1] != 2:
        raise ValueError(f"X: got shape {inputs.shape}, want (n_samples, 2)")
    classes = np.asarray(y).astype(np.int64)
    if classes.shape != (len(inputs),):
        raise ValueError(f"y: got shape {np.shape(y)}, want ({len(inputs)},)")
    margin = 0.1 * np.ptp(inputs, axis=0)
    low, high = inputs.min(axis=0) - margin, inputs.max(axis=0) + margin
    columns, rows = np.linspace(low, high, check_count("points", points, low=2)).T
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    binary = net.output_size == 1
    scores = net.predict_proba(grid) if binary else net.predict(grid)
    values = scores if binary else scores.argmax(axis=1)
    values = values.reshape(len(rows), len(columns))
    ax = axes(ax)
    if binary:
        colors, span = "coolwarm", (0, 1)
        ax.contourf(columns, rows, values, np.linspace(0, 1, 11), cmap=colors, alpha=0.6)
        ax.contour(columns, rows, values, [0.5], colors="black", linewidths=1)
    else:
        colors, span = "tab10", (0, 9)
        ends = (columns[0], columns[-1], rows[0], rows[-1])
        ax.imshow(
            values % 10, extent=ends, origin="lower", aspect="auto", cmap=colors, alpha=0.35,
            vmin=span[0], vmax=span[1], interpolation="nearest",
        )  # fmt: skip
    ax.scatter(
        *inputs.T, c=classes % 10, cmap=colors, vmin=span[0], vmax=span[1], s=18,
        edgecolors="black", linewidths=0.5,
    )  # fmt: skip
    ax.set(xlabel="feature 0", ylabel="feature 1")
    return ax


def _pair(first: str, a: Any, second: str, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays of one length and one dimension each."""
    x, y = np.asarray(a), np.asarray(b)
    for name, values in ((first, x), (second, y)):
        if values.ndim != 1 or len(values) == 0:
            raise ValueError(f"{name}: got shape {values.shape}, want (n_samples,), not empty")
    if len(x) != len(y):
        raise ValueError(f"{second}: got {len(y)} samples, want {len(x)} as {first} has")
    return x, y
