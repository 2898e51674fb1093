"""Derivatives of a network besides those that training takes: in its inputs, and by sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core, arrays
from fastnn.errors import NonFiniteError

if TYPE_CHECKING:
    from fastnn._options import AnyLoss
    from fastnn.sequential import Sequential


def gradient_wrt_input(
    net: Sequential, X: Any, y: Any, *, sample_weight: Any = None, loss: AnyLoss | None = None
) -> np.ndarray:
    """Return the gradient of the mean loss in the inputs: the same as `net.gradient_wrt_input`.

    It says how a small change of each feature of each sample changes what
    `net.loss_and_gradient` returns as the loss: what saliency maps [1]_ and adversarial examples
    are made from.  Layers work as in `predict`: no dropout, no noise, running statistics.

    Parameters
    ----------
    net : Sequential
    X : array-like of shape (n_samples, n_features)
    y : array-like
        Targets as the loss wants them; see `fastnn.losses`.
    sample_weight : array-like of shape (n_samples,), optional
    loss : str or loss, optional
        By default the one last used with this network.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Row i is the gradient of sample i's loss times its share of all weights, 1/n_samples.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong.
    fastnn.NonFiniteError
        If the loss is not finite; it has no gradient then.

    References
    ----------
    .. [1] Simonyan, Vedaldi and Zisserman (2014), "Deep inside convolutional networks".

    Examples
    --------
    The loss is (2 x - 3)^2, whose derivative at x = 2 is 2 (2 x - 3) 2:

    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1)], input_size=1)
    >>> net.layers[0].weights = [[2.0]]
    >>> net.gradient_wrt_input([[2.0]], [3.0], loss="mean_squared_error")
    array([[4.]], dtype=float32)
    """
    chosen = net._use_loss(loss)
    net._built()
    inputs, targets, weights = data = net._checked_data(X, y, sample_weight, chosen)
    out = np.empty(inputs.shape, net.dtype)
    options = {"row_weights": weights, "labels": targets.labels}
    with net._lock:
        _derive(
            net, _with_inputs(net), data, "inputs", out, **options, **chosen.engine(net.output_size)
        )
    return out


def per_sample_gradients(
    net: Sequential, X: Any, y: Any, *, loss: AnyLoss | None = None
) -> np.ndarray:
    """Return the gradient of each sample's own loss: the same as `net.per_sample_gradients`.

    Their mean is the gradient of `net.loss_and_gradient` where no layer has a penalty.  Layers
    work as in `predict`: no dropout, no noise, running statistics.

    Parameters
    ----------
    net : Sequential
    X : array-like of shape (n_samples, n_features)
    y : array-like
        Targets as the loss wants them; see `fastnn.losses`.
    loss : str or loss, optional
        By default the one last used with this network.

    Returns
    -------
    ndarray of shape (n_samples, n_parameters)
        In the order of `net.parameters`.  Mind its size.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong.
    fastnn.NonFiniteError
        If a sample's loss is not finite.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")], input_size=1)
    >>> net.per_sample_gradients([[1.0], [2.0]], [1.0, 3.0], loss="mean_squared_error")
    array([[ -2.,  -2.],
           [-12.,  -6.]], dtype=float32)
    """
    chosen = net._use_loss(loss)
    plan = net._built()
    inputs, targets, _ = data = net._checked_data(X, y, None, chosen)
    out = np.empty((len(inputs), plan.n_parameters), net.dtype)
    with net._lock:
        _derive(
            net, plan, data, "rows", out, labels=targets.labels, **chosen.engine(net.output_size)
        )
    return out


def jacobian(net: Sequential, X: Any, wrt: str = "inputs") -> np.ndarray:
    """Return the derivatives of `net.predict(X)`, sample by sample: the same as `net.jacobian`.

    Parameters
    ----------
    net : Sequential
    X : array-like of shape (n_samples, n_features)
    wrt : {"inputs", "parameters"}, default "inputs"
        With respect to what.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs, n_features) or (n_samples, n_outputs, n_parameters)
        Element (i, j, k) is d predict(X)[i, j] / d X[i, k], or d net.parameters[k].

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong.

    Notes
    -----
    Taken backwards, a pass over the samples for each output; for parameters sample by sample.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(2)], input_size=2)
    >>> net.layers[0].weights = [[1.0, 2.0], [3.0, 4.0]]
    >>> net.jacobian([[5.0, 6.0]])
    array([[[1., 3.],
            [2., 4.]]], dtype=float32)
    """
    if wrt not in ("inputs", "parameters"):
        raise ValueError(f"wrt: got {wrt!r}, want 'inputs' or 'parameters'")
    plan = net._built()
    inputs = arrays.check_inputs("X", X, net.input_size)
    C, n = net.output_size, len(inputs)
    result = np.empty((C, n, inputs.shape[1] if wrt == "inputs" else plan.n_parameters), net.dtype)
    with net._lock:
        plan = _with_inputs(net) if wrt == "inputs" else plan
        for one, out in zip(np.eye(C, dtype=net.dtype), result, strict=True):
            data = inputs, arrays.Targets(np.broadcast_to(one, (n, C)), False), None
            _derive(net, plan, data, "inputs" if wrt == "inputs" else "rows", out)
    link = net._graph.output_function.link
    if link:  # d log p_j = d z_j - sum over k of p_k d z_k, and d p_j = p_j d log p_j
        p = net._outputs(inputs, "softmax").T[:, :, None]
        result -= (p * result).sum(axis=0)
        result *= p if link == "softmax" else 1
    return result.transpose(1, 0, 2)


def _with_inputs(net: Sequential) -> Any:
    """Return a copy of the network in the engine that has gradients in its inputs too."""
    layers = (("input", (), "identity", 0.0), *net._graph.engine)
    plan = _core.Plan(net.dtype, int(net.input_size or 0), layers)
    plan.write("parameters", net.parameters)
    for layer in net._leaves():
        if layer.state is not None:
            plan.write("state", layer.state, layer._place + 1)
    return plan


def _derive(
    net: Sequential, plan: Any, data: Any, of: str, out: np.ndarray, **options: Any
) -> None:
    """Run a job that leaves the gradients in `out`; without a loss, targets are the outputs'."""
    X, (targets, _), _ = data
    threads = net._threads("derive", len(X))
    status, *_, position, row, in_targets = net._run(
        "derive", (X, targets), {"of": of, "gradients": out, "threads": threads, **options}, plan
    )
    if status == _core.BAD_INPUT:
        net._raise_bad_row(data, row, in_targets)
    if status == _core.NON_FINITE:
        raise NonFiniteError(0, position if of == "rows" else 0)
