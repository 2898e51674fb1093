"""A workload's network and optimizer in fastnn, and its twin in NumPy."""

from __future__ import annotations

import dataclasses

import fastnn

from .numpy_mlp import NumpyMLP
from .numpy_rules import STEP_MAX
from .workloads import MOMENTUM, Workload

# One for each rule of the engine.
OPTIMIZERS: dict[str, fastnn.optimizers.Optimizer] = {
    spec.rule: spec
    for spec in (
        fastnn.SGD(),
        fastnn.SGD(momentum=MOMENTUM),
        fastnn.SGD(momentum=MOMENTUM, nesterov=True),
        *(kind(amsgrad=a) for kind in (fastnn.Adam, fastnn.AdamW) for a in (False, True)),
        *(fastnn.RMSprop(momentum=m, centered=c) for m in (0.0, MOMENTUM) for c in (False, True)),
        *(fastnn.NAdam(), fastnn.RAdam(), fastnn.Adagrad(), fastnn.Adadelta()),
        *(fastnn.Lion(), fastnn.Rprop(step_max=STEP_MAX)),
    )
}


def build_fastnn(workload: Workload, seed: int = 0) -> fastnn.Sequential:
    """Return fastnn's network of a workload, not trained yet."""
    *hidden, outputs = workload.widths[1:]
    layers = [fastnn.Dense(width, activation="relu") for width in hidden]
    return fastnn.Sequential(
        [*layers, fastnn.Dense(outputs)],
        input_size=workload.widths[0],
        seed=seed,
        dtype=workload.dtype,
    )


def fastnn_optimizer(workload: Workload) -> fastnn.optimizers.Optimizer:
    """Return fastnn's optimizer of a workload."""
    return dataclasses.replace(OPTIMIZERS[workload.optimizer], lr=workload.lr)


def build_numpy(workload: Workload, seed: int = 0) -> NumpyMLP:
    """Return the NumPy network of a workload."""
    w = workload
    return NumpyMLP(w.widths, w.batch, w.optimizer, w.loss, lr=w.lr, seed=seed, dtype=w.dtype)
