"""A workload's network and optimizer in fastnn, and its twin in NumPy."""

from __future__ import annotations

import fastnn

from .numpy_mlp import NumpyMLP
from .workloads import MOMENTUM, Workload


def build_fastnn(workload: Workload, seed: int = 0) -> fastnn.Sequential:
    """Return fastnn's network of a workload, not trained yet."""
    *hidden, outputs = workload.widths[1:]
    layers = [fastnn.Dense(width, activation="relu") for width in hidden]
    return fastnn.Sequential(
        [*layers, fastnn.Dense(outputs)], input_size=workload.widths[0], seed=seed
    )


def fastnn_optimizer(workload: Workload) -> fastnn.SGD | fastnn.Adam:
    """Return fastnn's optimizer of a workload."""
    if workload.optimizer == "adam":
        return fastnn.Adam(lr=workload.lr)
    return fastnn.SGD(lr=workload.lr, momentum=MOMENTUM)


def build_numpy(workload: Workload, seed: int = 0) -> NumpyMLP:
    """Return the NumPy network of a workload."""
    w = workload
    return NumpyMLP(w.widths, w.batch, w.optimizer, w.loss, lr=w.lr, momentum=MOMENTUM, seed=seed)
