"""Networks from PyTorch's: the one place to add a module for `from_torch`.

A row is a function (module, parts) that appends the module's layer.  Rows go by the name of the
class in torch.nn, so that PyTorch is not imported before somebody has a module of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import activations as functions
from fastnn.exchange._parts import Part, append, assemble, dense
from fastnn.layers import AlphaDropout, BatchNorm, Dropout, LayerNorm, PReLU

if TYPE_CHECKING:
    from fastnn.sequential import Sequential

Row = Callable[[Any, list[Part]], None]


def from_torch(module: Any) -> Sequential:
    """Make a network of a torch.nn.Sequential.

    Linear layers, dropout, one-dimensional batch and layer normalization, PReLU, the activations
    that both libraries have, Flatten and Identity (which pass rows on), and Sequentials of these.

    Parameters
    ----------
    module : torch.nn.Sequential
        In float32 or float64, on any device; it is left as it is.

    Returns
    -------
    Sequential
        In the module's dtype, with the outputs that the module has in evaluation mode
        (``module.eval()``), within a relative 1e-5.  After a last Softmax, LogSoftmax or Sigmoid
        its loss is the cross entropy that suits it.

    Raises
    ------
    ImportError
        Without PyTorch.
    TypeError
        If it is something else.
    ValueError
        If a module in it is no layer of fastnn, or has a setting that fastnn's lacks: the message
        names it by its place.

    Examples
    --------
    >>> import fastnn
    >>> import torch
    >>> from torch import nn
    >>> module = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3), nn.Softmax(dim=1))
    >>> net = fastnn.from_torch(module)
    >>> net.specs[0].activation, net.loss
    (GELU(), CrossEntropy(...))
    """
    try:
        from torch import nn
    except ImportError as error:
        raise ImportError("from_torch: needs PyTorch: https://pytorch.org") from error
    if not isinstance(module, nn.Sequential):
        raise TypeError(f"module: got {type(module).__name__}, want a torch.nn.Sequential")
    rows = {getattr(nn, name): row for name, row in MODULES.items()}
    parts: list[Part] = []
    for path, part in _flat("module", module, nn.Sequential):
        row = rows.get(type(part))
        try:
            if row is None:
                raise ValueError("fastnn has no such layer")
            row(part, parts)
        except ValueError as error:
            raise ValueError(f"{path}: {part}: {error}") from None
    dtypes = {np.asarray(a).dtype.name for part in parts for a in part.arrays.values()}
    if len(dtypes) != 1:
        raise ValueError(f"module: parameters of {sorted(dtypes) or 'none'}, want one dtype")
    return assemble(parts, dtypes.pop())


def _flat(path: str, module: Any, sequential: Any) -> Any:
    """Yield the modules in order, each with its place."""
    for name, part in module.named_children():
        here = f"{path}[{name}]"
        if isinstance(part, sequential):
            yield from _flat(here, part, sequential)
        else:
            yield here, part


def _array(tensor: Any) -> Any:
    array = tensor.detach().cpu()
    if str(array.dtype) not in ("torch.float32", "torch.float64"):
        raise ValueError(f"its numbers are {array.dtype}, want float32 or float64")
    return array.numpy().copy()  # a copy, for training changes the module's in place


def _check(good: bool, why: str) -> None:
    if not good:
        raise ValueError(why)


def _linear(module: Any, parts: list[Part]) -> None:
    bias = None if module.bias is None else _array(module.bias)
    parts.append(dense(_array(module.weight).T, bias))


def _nothing(module: Any, parts: list[Part]) -> None:
    """Pass rows on."""


def _flatten(module: Any, parts: list[Part]) -> None:
    _check(module.start_dim == 1 and module.end_dim == -1, "want it to flatten each row")


def _dropout(module: Any, parts: list[Part]) -> None:
    parts.append(Part(Dropout(module.p)))


def _alpha_dropout(module: Any, parts: list[Part]) -> None:
    parts.append(Part(AlphaDropout(module.p)))


def _scale_and_shift(module: Any, width: int, like: Any) -> dict[str, Any]:
    """Return a normalization's arrays; PyTorch leaves those out that do nothing."""
    weight, bias = module.weight, module.bias
    return {
        "weights": np.ones(width, like) if weight is None else _array(weight),
        "bias": np.zeros(width, like) if bias is None else _array(bias),
    }


def _batch_norm(module: Any, parts: list[Part]) -> None:
    _check(module.running_mean is not None, "it has no running statistics, which predict uses")
    _check(module.momentum is not None, "want a momentum: fastnn has no cumulative average")
    mean, variance = _array(module.running_mean), _array(module.running_var)
    arrays = _scale_and_shift(module, len(mean), mean.dtype)
    arrays["state"] = np.concatenate([mean, variance])
    parts.append(Part(BatchNorm(module.eps, module.momentum), arrays, width=len(mean)))


def _layer_norm(module: Any, parts: list[Part]) -> None:
    _check(len(module.normalized_shape) == 1, "want it over the features alone")
    (width,) = module.normalized_shape
    # One without parameters tells no dtype: the layers before it do.
    like = next((a.dtype for part in parts[::-1] for a in part.arrays.values()), "float32")
    arrays = _scale_and_shift(module, width, like)
    parts.append(Part(LayerNorm(module.eps), arrays, width=width))


def _prelu(module: Any, parts: list[Part]) -> None:
    slopes = _array(module.weight)
    parts.append(Part(PReLU(), {"slopes": slopes}, width=len(slopes) if len(slopes) > 1 else 0))


def _embedding(module: Any, parts: list[Part]) -> None:
    raise ValueError(
        "it takes whole numbers and adds an axis, where a fastnn.Embedding replaces columns of a "
        "table; make the network with fastnn.Embedding and set its `tables`"
    )


def _activation(make: Callable[[Any], Any]) -> Row:
    return lambda module, parts: append(parts, make(module))


def _softmax(function: Any) -> Row:
    def row(module: Any, parts: list[Part]) -> None:
        _check(module.dim in (1, -1), f"dim is {module.dim}, want 1 or -1")
        append(parts, function)

    return row


def _gelu(module: Any) -> Any:
    return functions.GELU() if module.approximate == "none" else functions.GELUTanh()


def _softplus(module: Any) -> Any:
    # From the threshold on it is linear: where it is 20, nothing is lost.
    _check(module.beta == 1 and module.threshold >= 15, "want beta=1 and threshold=20")
    return functions.Softplus()


def _hard_tanh(module: Any) -> Any:
    _check((module.min_val, module.max_val) == (-1, 1), "want it from -1 to 1")
    return functions.HardTanh()


MODULES: dict[str, Row] = {
    "Linear": _linear,
    "Identity": _nothing,
    "Flatten": _flatten,
    "Dropout": _dropout,
    "AlphaDropout": _alpha_dropout,
    "BatchNorm1d": _batch_norm,
    "LayerNorm": _layer_norm,
    "PReLU": _prelu,
    "Embedding": _embedding,
    "ReLU": _activation(lambda module: functions.ReLU()),
    "LeakyReLU": _activation(lambda module: functions.LeakyReLU(module.negative_slope)),
    "Tanh": _activation(lambda module: functions.Tanh()),
    "Sigmoid": _activation(lambda module: functions.Sigmoid()),
    "GELU": _activation(_gelu),
    "SiLU": _activation(lambda module: functions.SiLU()),
    "ELU": _activation(lambda module: functions.ELU(module.alpha)),
    "SELU": _activation(lambda module: functions.SELU()),
    "CELU": _activation(lambda module: functions.CELU(module.alpha)),
    "Mish": _activation(lambda module: functions.Mish()),
    "Softplus": _activation(_softplus),
    "Softsign": _activation(lambda module: functions.Softsign()),
    "Hardtanh": _activation(_hard_tanh),
    "Hardsigmoid": _activation(lambda module: functions.HardSigmoid()),
    "Hardswish": _activation(lambda module: functions.HardSwish()),
    "Softmax": _softmax(functions.Softmax()),
    "LogSoftmax": _softmax(functions.LogSoftmax()),
}
