"""The options of `fit`, for type checkers: `net.fit(...)` passes them on to `fastnn.training.fit`.

So a misspelled one is found before anything runs.  Nothing imports this at run time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypedDict

from fastnn._callback import Callback
from fastnn.metrics import Metric


class FitOptions(TypedDict, total=False):
    """The options of `fastnn.training.fit`, which explains them."""

    loss: Any
    optimizer: Any
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
