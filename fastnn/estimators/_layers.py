"""scikit-learn's options as fastnn's layers, losses and optimizers.

scikit-learn adds alpha / 2 sum(W^2) / n to the loss, n being the batch's sum of weights: that is
a layer's l2 where penalties are shared by a step's rows (`Sequential._shared_penalties`).

Its gradient is that of half the squared error summed over the outputs, and of log losses and
Poisson deviances summed over them, where fastnn's losses are means.  The `gradient` of a `Scale`
is by how much, and is made good where the optimizer is not indifferent to it: it multiplies the
learning rate of SGD, and divides Adam's epsilon and the penalties.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastnn import layers, losses
from fastnn._method import method_of
from fastnn.initializers import Uniform
from fastnn.optimizers import SGD, Adam, Optimizer

# What the initial values of scikit-learn's four are made for.
OWN_ACTIVATIONS = {"identity": 6.0, "logistic": 2.0, "tanh": 6.0, "relu": 6.0}
NORMALIZATIONS = {"batch": layers.BatchNorm, "layer": layers.LayerNorm}


@dataclass(frozen=True)
class Scale:
    """How many times fastnn's loss scikit-learn's is."""

    gradient: float = 1.0  # what it trains by
    value: float = 1.0  # what it reports


def loss_of(name: Any, outputs: int, many: bool = False) -> tuple[Any, Scale]:
    """Return a loss as fastnn has it, and its scale.

    Parameters
    ----------
    name : str, loss or callable
    outputs : int
        Of the network.
    many : bool, default False
        Of "log_loss": whether the outputs are classes of which one is right.
    """
    if name == "squared_error":
        return losses.MeanSquaredError(), Scale(outputs / 2, 0.5)
    if name == "poisson":
        return losses.Poisson(), Scale(outputs, outputs)
    if name == "log_loss":
        if many:
            return losses.CrossEntropy(), Scale()
        return losses.BinaryCrossEntropy(), Scale(outputs, outputs)
    return name, Scale()


def optimizer_of(options: Any, scale: Scale) -> tuple[Any, float]:
    """Return an estimator's optimizer, and the factor of its learning rate.

    Parameters
    ----------
    options
        The estimator: its parameters.
    scale : Scale
    """
    solver = options.solver
    schedule = options.learning_rate
    lr = schedule if not isinstance(schedule, str) else float(options.learning_rate_init)
    if solver == "sgd":
        momentum = min(float(options.momentum), 1 - 2**-53)  # 1 is allowed there
        nesterov = bool(options.nesterovs_momentum and momentum > 0)
        return SGD(lr=lr, momentum=momentum, nesterov=nesterov), scale.gradient
    if solver == "adam":
        epsilon = options.epsilon / scale.gradient
        return Adam(lr, float(options.beta_1), float(options.beta_2), float(epsilon)), 1.0
    if isinstance(solver, str) and solver in Optimizer.registry:
        return Optimizer.registry[solver](lr=lr), 1.0
    method = method_of(solver)
    return method, scale.gradient if isinstance(method, SGD) else 1.0


def hidden_sizes(value: Any) -> list[int]:
    """Return `hidden_layer_sizes` as a list."""
    sizes = list(value) if isinstance(value, Iterable) else [value]
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def network_layers(options: Any, inputs: int, outputs: int, tables: Any = ()) -> list[Any]:
    """Return the layers that an estimator's options describe.

    Parameters
    ----------
    options
        The estimator: its parameters.
    inputs, outputs : int
        Of the network.
    tables : sequence of (column, codes, size)
        Of a first layer that embeds categories.
    """
    sizes = hidden_sizes(options.hidden_layer_sizes)
    activations = _each("activation", options.activation, len(sizes))
    dropouts = _each("dropout", options.dropout, len(sizes))
    found: list[Any] = []
    if tables:
        found.append(layers.Embedding({at: (codes, size) for at, codes, size in tables}))
        inputs = found[0].outputs(inputs)
    for units, activation, dropout in zip(sizes, activations, dropouts, strict=True):
        act = "sigmoid" if activation == "logistic" else activation
        if options.normalization is None:
            found.append(_dense(units, activation, inputs, act))
        else:
            found.append(_dense(units, activation, inputs, "identity"))
            found += [NORMALIZATIONS[options.normalization](), layers.Activation(act)]
        if dropout:
            found.append(layers.Dropout(float(dropout)))
        inputs = units
    last = activations[-1] if activations else "identity"
    own = last if isinstance(last, str) and last in OWN_ACTIVATIONS else "identity"
    return [*found, _dense(outputs, own, inputs, "identity")]


def _dense(units: int, like: Any, inputs: int, activation: Any) -> layers.Dense:
    """Return a layer with scikit-learn's initial values (Glorot's, of biases too).

    Where the activation is not one of its four, with those that suit it.
    """
    if not (isinstance(like, str) and like in OWN_ACTIVATIONS):
        return layers.Dense(units, activation)
    bound = math.sqrt(OWN_ACTIVATIONS[like] / (inputs + units))
    init = Uniform(-bound, bound)
    return layers.Dense(units, activation, weight_init=init, bias_init=init)


def _each(name: str, value: Any, n: int) -> list[Any]:
    """Return an option that may be one for all hidden layers, as a list with one for each."""
    if not isinstance(value, (list, tuple)):
        return [value] * n
    if len(value) != n:
        raise ValueError(f"{name}: got {len(value)}, want one for each of {n} hidden layers")
    return list(value)
