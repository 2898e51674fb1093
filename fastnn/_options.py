"""What `fit` and its kin take, for type checkers: nothing imports this at run time.

`net.fit(...)` passes its options on to `fastnn.training.fit`; a misspelled one, and a loss or an
optimizer that is none, is so found before anything runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, SupportsFloat, TypeAlias, TypedDict

import numpy as np

from fastnn._callback import Callback
from fastnn._loss import Loss
from fastnn._optimizer import Optimizer
from fastnn.metrics import Metric
from fastnn.solvers import Solver

# A name, a spec or its class, or a function of the user's.
AnyLoss: TypeAlias = str | Loss | type[Loss] | Callable[..., SupportsFloat]
AnyOptimizer: TypeAlias = (
    str
    | Optimizer
    | Solver
    | type[Optimizer]
    | type[Solver]
    | Callable[[np.ndarray, np.ndarray, int], None]
)


class FitOptions(TypedDict, total=False):
    """The options of `fastnn.training.fit`, which explains them."""

    loss: AnyLoss | None
    optimizer: AnyOptimizer | None
    epochs: int
    batch_size: int
    accumulate: int
    steps_per_epoch: int | None
    shuffle: bool
    sample_weight: Any
    class_weight: Any
    validation_data: Any
    validation_split: float | None
    metrics: Sequence[str | Metric]
    verbose: int
    callbacks: Sequence[Callback]
    target_loss: float | None
    time_budget: float | None
    checkpoint: str | os.PathLike[str] | None
    checkpoint_every: float
