"""Layers, as descriptions; `fastnn.Sequential` makes a network of them.

Layers that draw random numbers (dropout, noise) do so only in steps of training: `predict`
and `evaluate` leave them out.  The numbers depend on the network's seed, the step, the layer
and the element alone, so they are the same on any number of threads.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from fastnn._embedding import Embedding
from fastnn._layer import Layer, Trained, part
from fastnn._spec import check_count, check_flag, check_number
from fastnn.blocks import Block, Concatenate, Residual

__all__ = [
    "Activation",
    "AlphaDropout",
    "BatchNorm",
    "Block",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "Normalization",
    "PReLU",
    "Residual",
    "Trained",
]


class Dense(Trained):
    """A fully connected layer: activation(X W + b).

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str or activation, default "identity"
        See `fastnn.activations`; None means "identity".
    bias : bool, default True
        Whether there is a b.
    weight_init : str, initializer or callable, optional
        Initial W, of shape (inputs, units); by default the one that suits the activation:
        see `fastnn.initializers.default_for`.  A callable gets the shape and a
        numpy.random.Generator, seeded from the network's seed and the layer's place, and
        returns the values; `save` cannot write it down, so a loaded network, which has its
        parameters, knows of the default instead.
    bias_init : str, initializer or callable, default "zeros"
        Initial b, of shape (units,).
    l1, l2 : float, default 0.0
        By keyword: penalties, which add l1 sum(abs(W)) + l2 / 2 sum(W^2) to what training
        makes small (b has none); both make the elastic net.  `loss_and_gradient` counts them
        in; the losses that `fit` and `evaluate` report are those of the data alone.
    max_norm : float, optional
        By keyword: after each step the weights into a unit are scaled down to this norm
        (Srivastava et al. 2014).
    lr_scale, decay_scale, trainable
        By keyword: see `fastnn.layers.Trained`.

    References
    ----------
    D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating
    errors", Nature 323, 1986.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.Dense(128, activation="relu")
    Dense(units=128, activation='relu', bias=True, weight_init=None, bias_init='zeros')
    """

    name = "dense"
    units: int
    activation: Any = "identity"
    bias: bool = True
    weight_init: Any = None
    bias_init: Any = "zeros"
    l1: float = field(default=0.0, kw_only=True)
    l2: float = field(default=0.0, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("l1", self.l1, low=0)
        check_number("l2", self.l2, low=0)
        if self.max_norm is not None:
            check_number("max_norm", self.max_norm, low=0, open_low=True)
        object.__setattr__(self, "units", check_count("units", self.units))
        object.__setattr__(self, "activation", part("activation", self.activation, "identity"))
        object.__setattr__(self, "weight_init", part("weight_init", self.weight_init, None, True))
        object.__setattr__(self, "bias_init", part("bias_init", self.bias_init, "zeros", True))
        check_flag("bias", self.bias)

    @property
    def group(self) -> dict[str, float]:
        """The penalties and the constraint too."""
        own = {"l1": float(self.l1), "l2": float(self.l2), "max_norm": float(self.max_norm or 0)}
        return super().group | own

    def outputs(self, inputs: int) -> int:
        """Return `units`."""
        return self.units

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Return those of W and, if there is one, b."""
        shapes: dict[str, tuple[int, ...]] = {"weights": (inputs, self.units)}
        if self.bias:
            shapes["bias"] = (self.units,)
        return shapes


class Activation(Layer):
    """An activation function as a layer of its own.

    After a layer without an activation it costs nothing: the engine applies it there.

    Parameters
    ----------
    function : str or activation
        See `fastnn.activations`.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential(
    ...     [fastnn.Dense(8), fastnn.BatchNorm(), fastnn.Activation("relu"), fastnn.Dense(1)])
    """

    name = "activation"
    function: Any

    def __post_init__(self) -> None:
        if self.function is None:
            raise TypeError("function: got None, want a name or a fastnn spec")
        object.__setattr__(self, "function", part("function", self.function, None))

    @property
    def activation(self) -> Any:
        """The function."""
        return self.function


class Dropout(Layer):
    """Sets outputs to 0 at random, so that no unit can rely on another one.

    While training z = 0 with probability `rate`, else z = x / (1 - rate), which keeps the mean;
    the gradient is treated alike.

    Parameters
    ----------
    rate : float, default 0.5
        Share of outputs that are dropped, in [0, 1).

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: a
    simple way to prevent neural networks from overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential(
    ...     [fastnn.Dense(128, activation="relu"), fastnn.Dropout(0.2), fastnn.Dense(10)])
    """

    name = "dropout"
    rate: float = 0.5

    def __post_init__(self) -> None:
        check_number("rate", self.rate, low=0, high=1, open_high=True)


class AlphaDropout(Layer):
    """Dropout for `selu`: keeps mean 0 and variance 1 of what it gets.

    While training, an output is set to a' = -1.7580993 (selu's lower limit) with
    probability `rate`; then all are mapped by a x + b with a = ((1 - rate) (1 + rate
    a'^2))^(-1/2) and b = -a rate a'.

    Parameters
    ----------
    rate : float, default 0.5
        Share of outputs that are dropped, in [0, 1).

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural
    networks", NeurIPS 2017.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.AlphaDropout(0.1)
    AlphaDropout(rate=0.1)
    """

    name = "alpha_dropout"
    rate: float = 0.5

    def __post_init__(self) -> None:
        check_number("rate", self.rate, low=0, high=1, open_high=True)


class GaussianNoise(Layer):
    """Adds normal noise while training: z = x + std n, n ~ N(0, 1).

    Parameters
    ----------
    std : float, default 0.1
        Standard deviation, in units of the outputs; not negative.

    References
    ----------
    C. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural
    Computation 7, 1995.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.GaussianNoise(0.05)
    GaussianNoise(std=0.05)
    """

    name = "gaussian_noise"
    std: float = 0.1

    def __post_init__(self) -> None:
        check_number("std", self.std, low=0)


class Normalization(Trained):
    """What the normalizations share: z = (x - mean) / sqrt(variance + epsilon) * scale + shift.

    The scale is called `weights` and starts at 1, the shift `bias` and starts at 0; both have
    the shape (width,).

    Examples
    --------
    >>> import fastnn
    >>> fastnn.LayerNorm().shapes(64)
    {'weights': (64,), 'bias': (64,)}
    """

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Return those of scale and shift."""
        return {"weights": (inputs,), "bias": (inputs,)}


class BatchNorm(Normalization):
    """Batch normalization: each feature by its mean and variance over the batch.

    z = (x - mean) / sqrt(variance + epsilon) * scale + shift, learned scale and shift.  While
    training, mean and variance are those of the batch (all its rows alike, whatever their
    sample weights), and running ones follow: running = running + momentum (batch's - running),
    with the variance divided by n - 1.  `predict` and `evaluate` use the running ones.

    Parameters
    ----------
    epsilon : float, default 1e-5
        Keeps the quotient finite; positive.
    momentum : float, default 0.1
        Of the running mean and variance, in (0, 1].

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by
    reducing internal covariate shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.BatchNorm(), fastnn.Dense(1)], input_size=3)
    >>> net.layers[0].running_variance
    array([1., 1., 1.], dtype=float32)
    """

    name = "batch_norm"
    epsilon: float = 1e-5
    momentum: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("epsilon", self.epsilon, low=0, open_low=True)
        check_number("momentum", self.momentum, low=0, high=1, open_low=True)

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Return those of the running mean and variance."""
        return {"running_mean": (inputs,), "running_variance": (inputs,)}


class LayerNorm(Normalization):
    """Layer normalization: each sample by its mean and variance over the features.

    z = (x - mean) / sqrt(variance + epsilon) * scale + shift, learned scale and shift of each
    feature.  The same while training and afterwards.

    Parameters
    ----------
    epsilon : float, default 1e-5
        Keeps the quotient finite; positive.

    References
    ----------
    J. Ba, J. Kiros and G. Hinton, "Layer normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential(
    ...     [fastnn.Dense(64), fastnn.LayerNorm(), fastnn.Activation("gelu"), fastnn.Dense(1)])
    """

    name = "layer_norm"
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("epsilon", self.epsilon, low=0, open_low=True)


class PReLU(Trained):
    """The parametric rectifier: z = max(0, x) + a min(0, x), with a slope a of each feature.

    The slopes are called `slopes` and have the shape (width,).  As their authors found, decay
    would push them towards 0 and relu, so there is none unless `decay_scale` asks for it.
    `Dense(units, activation="prelu")` is a dense layer and this one.

    Parameters
    ----------
    negative_slope : float, default 0.25
        Initial a.
    decay_scale : float, default 0.0
        By keyword: factor of the optimizer's weight decay.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential(
    ...     [fastnn.Dense(3), fastnn.BatchNorm(), fastnn.PReLU(0.1), fastnn.Dense(1)], input_size=2)
    >>> net.layers[2].slopes
    array([0.1, 0.1, 0.1], dtype=float32)
    """

    name = "prelu"
    negative_slope: float = 0.25
    decay_scale: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("negative_slope", self.negative_slope)

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Return that of the slopes."""
        return {"slopes": (inputs,)}
