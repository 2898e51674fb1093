"""The five networks that every benchmark trains, their synthetic data and their arithmetic.

They go from a network that fits in the L1 cache, where the calls decide, to one whose weights leave
every cache, where the matrix products decide. Between the layers stands ReLU; a workload with one
output is a regression, the others classify.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MOMENTUM = 0.9


@dataclass(frozen=True)
class Workload:
    """A network and how it is trained.

    Parameters
    ----------
    name : str
        What the command line and the tables call it.
    widths : tuple of int
        Features of the input, of each hidden layer, of the output.
    batch : int
        Samples of one training step.
    optimizer : str
        A rule of `benchmarks.networks.OPTIMIZERS`; "momentum" is SGD with `MOMENTUM`.
    lr : float
        Learning rate.
    loss : {"mean_squared_error", "cross_entropy"}
        Named as in fastnn.
    samples : int
        Samples of one epoch, a multiple of `batch`: every step is a full one.
    dtype : {"float32", "float64"}
        Of data and network.
    """

    name: str
    widths: tuple[int, ...]
    batch: int
    optimizer: str
    lr: float
    loss: str
    samples: int
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.loss not in ("mean_squared_error", "cross_entropy"):
            raise ValueError(f"loss is mean_squared_error or cross_entropy, got {self.loss!r}")
        if self.samples <= 0 or self.samples % self.batch:
            raise ValueError(f"samples is a multiple of batch={self.batch}, got {self.samples}")

    @property
    def steps(self) -> int:
        """Training steps of one epoch."""
        return self.samples // self.batch


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("tiny", (10, 32, 32, 1), 32, "adam", 1e-3, "mean_squared_error", 8192),
        Workload("tabular", (64, 128, 128, 10), 128, "adam", 1e-3, "cross_entropy", 16384),
        Workload("mnist", (784, 128, 10), 128, "momentum", 1e-2, "cross_entropy", 16384),
        Workload("medium", (784, 512, 512, 10), 128, "adam", 1e-3, "cross_entropy", 8192),
        Workload("large", (1024, 2048, 2048, 1000), 512, "momentum", 1e-2, "cross_entropy", 2048),
    )
}


def synthetic_data(workload: Workload, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make data that the workload's network can learn, but not at once.

    Classes are overlapping Gaussian clouds; a regression target is a smooth function of the input
    with noise. All inputs are nonzero, and the noise keeps gradients away from the denormal range,
    where some peers would slow down.

    Parameters
    ----------
    workload : Workload
    seed : int
        The same seed gives the same arrays.

    Returns
    -------
    X : ndarray of shape (samples, widths[0])
        Of the workload's dtype.
    y : ndarray
        Of shape (samples,) and int64 for classes, else (samples, widths[-1]) and X's dtype.
    """
    rng = np.random.default_rng(seed)
    inputs, outputs = workload.widths[0], workload.widths[-1]
    X = rng.standard_normal((workload.samples, inputs), dtype=np.float32)
    if workload.loss == "mean_squared_error":
        directions = rng.standard_normal((inputs, outputs), dtype=np.float32) / np.sqrt(inputs)
        noise = rng.standard_normal((workload.samples, outputs), dtype=np.float32)
        y = np.sin(2 * (X @ directions)) + 0.1 * noise
        return X.astype(workload.dtype, copy=False), y.astype(workload.dtype)
    # Expected distance of two centres: 3 standard deviations of the noise, whatever the number of
    # inputs.
    centres = rng.standard_normal((outputs, inputs), dtype=np.float32) * 3 / np.sqrt(2 * inputs)
    y = rng.integers(0, outputs, workload.samples)
    X += centres.astype(np.float32)[y]
    return X.astype(workload.dtype, copy=False), y


def flops_per_step(workload: Workload) -> int:
    """Count the floating-point operations of the matrix products of one training step.

    A product of a batch B with a layer of K inputs and N outputs takes 2BKN. Each layer has one
    forward and one for the weight gradient; all but the first also one for the gradient of their
    input. The widths are the real ones, without a library's padding, and the rest (bias,
    activation, loss, optimizer) is left out.

    Parameters
    ----------
    workload : Workload

    Returns
    -------
    int
    """
    layers = list(pairwise(workload.widths))
    products = 3 * sum(k * n for k, n in layers) - layers[0][0] * layers[0][1]
    return 2 * workload.batch * products
