"""Training feed-forward neural networks on the CPU, close to what the chip can do.

See `Sequential`, `Dense`, `SGD`, `Adam` and its kin, `minimize` and `load`; losses, activations and
initializers go by name or are classes in modules of that name.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fastnn._version import __version__
from fastnn.errors import ModelFormatError, NonFiniteError
from fastnn.threads import get_num_threads, register_threadpoolctl, set_num_threads

if TYPE_CHECKING:
    # What the package's `__getattr__` finds; "as" tells type checkers that it is public.
    from fastnn import (
        activations,
        callbacks,
        datasets,
        initializers,
        losses,
        metrics,
        optimizers,
        plot,
        schedules,
        solvers,
        tables,
    )
    from fastnn import checkpoint as checkpoint
    from fastnn import derivatives as derivatives
    from fastnn import errors as errors
    from fastnn import estimators as estimators
    from fastnn import exchange as exchange
    from fastnn import gradients as gradients
    from fastnn import history as history
    from fastnn import layers as layers
    from fastnn import lr_finder as lr_finder
    from fastnn import predictor as predictor
    from fastnn import profile as profile
    from fastnn import serialization as serialization
    from fastnn import threads as threads
    from fastnn import training as training
    from fastnn._minimize import Minimum, minimize
    from fastnn.estimators import MLPClassifier, MLPRegressor
    from fastnn.exchange import from_onnx, from_sklearn, from_torch
    from fastnn.gradients import check_gradient
    from fastnn.layers import (
        Activation,
        AlphaDropout,
        BatchNorm,
        Concatenate,
        Dense,
        Dropout,
        Embedding,
        GaussianNoise,
        LayerNorm,
        PReLU,
        Residual,
    )
    from fastnn.lr_finder import find_lr
    from fastnn.optimizers import (
        SGD,
        Adadelta,
        Adagrad,
        Adam,
        AdamW,
        Lion,
        NAdam,
        RAdam,
        RMSprop,
        Rprop,
    )
    from fastnn.sequential import Sequential
    from fastnn.serialization import load
    from fastnn.solvers import LBFGS, LevenbergMarquardt
    from fastnn.tables import TabularPreprocessor

__all__ = [
    "LBFGS",
    "SGD",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "AlphaDropout",
    "BatchNorm",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "GaussianNoise",
    "LayerNorm",
    "LevenbergMarquardt",
    "Lion",
    "Minimum",
    "ModelFormatError",
    "NAdam",
    "NonFiniteError",
    "PReLU",
    "RAdam",
    "RMSprop",
    "Residual",
    "Rprop",
    "Sequential",
    "TabularPreprocessor",
    "__version__",
    "activations",
    "callbacks",
    "check_gradient",
    "datasets",
    "find_lr",
    "from_onnx",
    "from_sklearn",
    "from_torch",
    "get_num_threads",
    "initializers",
    "load",
    "losses",
    "metrics",
    "minimize",
    "optimizers",
    "plot",
    "schedules",
    "set_num_threads",
    "solvers",
    "tables",
]

# They are not there for `from fastnn import *` without scikit-learn.
if find_spec("sklearn"):
    __all__ += ["MLPClassifier", "MLPRegressor"]

register_threadpoolctl()

# Imported when first used, so that `import fastnn` takes little time and memory: what is in which
# module.  Here already are the engine and its threads, for those who limit them.
_HOME = {
    name: module
    for module, names in {
        "_minimize": "Minimum minimize",
        "estimators": "MLPClassifier MLPRegressor",
        "exchange": "from_onnx from_sklearn from_torch",
        "gradients": "check_gradient",
        "layers": "Activation AlphaDropout BatchNorm Concatenate Dense Dropout Embedding "
        "GaussianNoise LayerNorm PReLU Residual",
        "lr_finder": "find_lr",
        "optimizers": "SGD Adadelta Adagrad Adam AdamW Lion NAdam RAdam RMSprop Rprop",
        "sequential": "Sequential",
        "serialization": "load",
        "solvers": "LBFGS LevenbergMarquardt",
        "tables": "TabularPreprocessor",
    }.items()
    for name in names.split()
}


if not TYPE_CHECKING:  # to which every name would be right

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            value = getattr(importlib.import_module(f"fastnn.{_HOME[name]}"), name)
            globals()[name] = value  # found at once from now on
            return value
        module = f"fastnn.{name}"
        try:
            if not name.startswith("_"):
                return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
        raise AttributeError(f"module 'fastnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
