"""Layer-sequential unit variance: initial values measured on data rather than derived.

Users find it as fastnn.initializers.lsuv.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fastnn import _draws
from fastnn._spec import check_count, check_number


def lsuv(net: Any, X: Any, *, tolerance: float = 0.01, steps: int = 10) -> list[float]:
    """Set a network's weights so that every layer's raw outputs have variance 1 on X.

    Layer-sequential unit variance: each W starts orthogonal and is divided by the standard
    deviation of Z = H W + b over the rows of X and the layer's units, from the first layer
    to the last; H is what the layers before it, already scaled, make of X.  As Z is linear
    in W, one division is enough but for rounding and the bias.  Biases stay as they are.
    It serves where no scheme is known to fit: deep networks, unusual activations, inputs
    that are not standardized.

    Parameters
    ----------
    net : Sequential
        Built, that is with a known input_size.  Dense layers within blocks stay as they are.
    X : array-like of shape (n_samples, n_features)
        A batch of inputs, a few hundred say; at least 2.
    tolerance : float, default 0.01
        How near to 1 the variance shall be.
    steps : int, default 10
        Divisions of a layer's weights at most.

    Returns
    -------
    list of float
        The variance of each dense layer's raw outputs, as it is now.

    Raises
    ------
    ValueError
        If a layer's raw outputs do not vary, so that no factor helps: X has one row, say, or
        the layer before is dead.

    References
    ----------
    D. Mishkin and J. Matas, "All you need is a good init", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = 50 + 10 * np.random.default_rng(0).normal(size=(256, 8))
    >>> layers = [fastnn.Dense(64, activation="mish") for _ in range(5)]
    >>> net = fastnn.Sequential([*layers, fastnn.Dense(1)], input_size=8)
    >>> [round(v, 2) for v in fastnn.initializers.lsuv(net, X)]
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    check_number("tolerance", tolerance, low=0, open_low=True)
    check_count("steps", steps)
    variances = []
    for i, layer in enumerate(net.layers):
        if not hasattr(layer.spec, "units"):  # normalizations and blocks stay as they are
            continue
        # The network up to this layer's raw outputs: its parameters are the first ones.
        last = dataclasses.replace(layer.spec, activation="identity", weight_init="zeros")
        part = type(net)([*net.specs[:i], last], net.input_size, dtype=net.dtype)
        for own, given in zip(part._leaves(), net._leaves(), strict=False):
            own.state = given.state  # of a BatchNorm that has trained
        wide, narrow = max(layer.inputs, layer.outputs), min(layer.inputs, layer.outputs)
        weights = _draws.orthonormal(wide, narrow, net.seed, 2 * i)
        layer.weights = weights if layer.inputs >= layer.outputs else weights.T
        for step in range(steps + 1):
            part.parameters = net.parameters[: part.parameters.size]
            variance = float(np.var(part.predict(X), dtype=np.float64))
            if not variance > 0:
                raise ValueError(
                    f"X: the raw outputs of layers[{i}] do not vary over it, want rows that differ"
                )
            if abs(variance - 1) <= tolerance or step == steps:
                break
            layer.weights = layer.weights / np.sqrt(variance)
        variances.append(variance)
    return variances
