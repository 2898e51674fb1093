"""Types of the engine as `_core.pyx` shows it to Python."""

from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias, final

import numpy as np
import numpy.typing as npt

_Real: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]
_Data: TypeAlias = npt.NDArray[Any]

# Activation, parameter, outputs, bias; or kind, numbers (of an embedding: (column, codes, width)
# of each of its columns), activation, parameter.
_Layer: TypeAlias = tuple[Any, ...]

# Name, steps, two powers, a product: fnn_optimizer_state.
_OptimizerState: TypeAlias = tuple[str | None, int, float, float, float]

LINKS: tuple[str, ...]
DTYPES: tuple[str, ...]
ACTIVATIONS: tuple[str, ...]
LOSSES: dict[str, str]
LOSS_DEFAULTS: dict[str, dict[str, float]]
LAYERS: dict[str, tuple[str, ...]]
OPTIMIZERS: dict[str, tuple[str, ...]]
OPTIMIZER_SLOTS: dict[str, int]
SCHEDULES: dict[str, tuple[str, ...]]
OK: int
BAD_INPUT: int
NON_FINITE: int
REFUSED: int

@final
class Schedule:
    def __new__(
        cls,
        rule: str,
        parameters: tuple[float, ...],
        values: npt.NDArray[np.float64] | None = None,
        *,
        warmup: int = 0,
        start_factor: float = 1,
    ) -> Self: ...
    def __call__(self, step: int) -> float: ...

@final
class Plan:
    def __new__(cls, dtype: str, inputs: int, layers: tuple[_Layer, ...]) -> Self: ...
    @property
    def dtype(self) -> str: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def layers(self) -> tuple[_Layer, ...]: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    def threads(self, mode: str, rows: int, most: int = ...) -> int: ...
    def read(self, part: str, out: _Real, layer: int = -1) -> None: ...
    def write(self, part: str, values: _Real, layer: int = -1) -> None: ...
    def optimizer_state(self) -> _OptimizerState: ...
    def set_optimizer_state(
        self, name: str | None, steps: int, decay_0: float, decay_1: float, product: float, /
    ) -> None: ...
    def set_group(
        self,
        layer: int,
        *,
        l1: float = 0,
        l2: float = 0,
        max_norm: float = 0,
        lr_scale: float = 1,
        decay_scale: float = 1,
        frozen: bool = False,
    ) -> None: ...
    def reset_optimizer(self) -> None: ...
    def profile(self) -> list[tuple[str, int, int, int, int, float]] | None: ...
    def reset_profile(self) -> None: ...
    def snapshot(self, which: int) -> None: ...
    def restore(self, which: int) -> None: ...
    def run(
        self,
        mode: str,
        inputs: _Data,
        targets: _Data | None = None,
        *,
        labels: bool = False,
        row_weights: npt.NDArray[np.float64] | None = None,
        order: npt.NDArray[np.int64] | None = None,
        begin: int = 0,
        end: int = -1,
        batch: int = 0,
        threads: int = 1,
        fewer_threads: bool = False,
        loss: str | None = None,
        loss_numbers: tuple[float, ...] | None = None,
        loss_vector: npt.NDArray[np.float64] | None = None,
        custom: Callable[[int, int, int, str, bool], tuple[Any, ...]] | None = None,
        accuracy: bool = False,
        link: str = "identity",
        outputs: _Real | None = None,
        seed: int = 0,
        training: bool = False,
        of: str = "parameters",
        gradients: _Real | None = None,
        optimizer: str | None = None,
        lr: float | Schedule = 0.0,
        lr_factor: float = 1,
        hyperparameters: tuple[float, ...] = (),
        clip_value: float = 0,
        clip_norm: float = 0,
        clip_global_norm: float = 0,
        accumulate: int = 1,
        shared_penalties: bool = False,
        seconds: float = 0,
        before: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> tuple[int, float, float, float, int, int, bool]: ...

@final
class Turn:
    running: bool
    plan: Plan | None
    def acquire(self) -> None: ...
    def release(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

def _renew_turns() -> None: ...

class Forward:
    def __new__(
        cls, plan: Plan, turn: Turn, out: _Real | None = None, link: str = "identity"
    ) -> Self: ...
    @property
    def out(self) -> _Data | Any: ...
    @property
    def bad_row(self) -> int: ...
    def __call__(self, X: Any) -> _Data: ...
    def otherwise(self, X: Any) -> Any: ...
    def fresh(self, X: Any) -> Any: ...
    def run(self, inputs: _Data, threads: int) -> int: ...

class Step:
    def __new__(
        cls, plan: Plan, turn: Turn, lr: Schedule, labels: bool, **options: Any
    ) -> Self: ...
    def __call__(self, X: Any, y: Any, seed: int) -> float | None: ...

def optimizer_step(
    state: _OptimizerState,
    lr: float,
    hyperparameters: tuple[float, ...],
    gradient: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    slots: npt.NDArray[np.float64],
) -> _OptimizerState: ...
def isas() -> tuple[str, ...]: ...
def isa() -> str: ...
def select_isa(name: str = "") -> None: ...
def build_info() -> dict[str, str]: ...
def fma_peak(threads: int = 1, seconds: float = 0.05, dtype: str = "float32") -> float: ...
def handover(threads: int = 2, seconds: float = 0.01) -> float: ...
def team_size() -> int: ...
def allocations() -> int: ...
def team_stop() -> None: ...
def uniform(seed: int, stream: int, out: npt.NDArray[np.float64]) -> None: ...
def normal(seed: int, stream: int, out: npt.NDArray[np.float64]) -> None: ...
def permutation(seed: int, stream: int, out: npt.NDArray[np.int64]) -> None: ...
def map_function(
    function: str,
    x: _Real,
    values: _Real,
    slopes: _Real | None = None,
    parameter: float = 0,
) -> None: ...
