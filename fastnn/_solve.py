"""The fit of a solver: its iterations as the epochs of a run."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn import metrics
from fastnn._groups import add_penalties, lr_scales
from fastnn._run import ArrayRun
from fastnn._steps import check_factor
from fastnn.errors import NonFiniteError
from fastnn.solvers import LBFGS

if TYPE_CHECKING:
    from fastnn.sequential import Sequential

# Layers that draw random numbers in training.
NOISY = ("dropout", "alpha_dropout", "gaussian_noise")


class Point(NamedTuple):
    """A point of the search: the parameters that train, and what is known there."""

    x: np.ndarray  # (p,) float64
    value: float  # mean loss and penalties; inf where they are not finite
    gradient: np.ndarray | None = None  # (p,) float64
    means: tuple[float, ...] = ()  # loss and, if asked for, accuracy, as the history has them


class Objective:
    """What a solver makes small: a function of the parameters that train, in float64."""

    def __init__(self, net: Sequential, data: Any, part: np.ndarray | None, accuracy: bool) -> None:
        self.net, self.data, self.part, self.accuracy = net, data, part, accuracy
        self.free = lr_scales(net._graph, net.dtype) != 0
        self.base = net.parameters
        self.x = self.base[self.free].astype(np.float64)

    def move(self, x: np.ndarray) -> bool:
        """Give the network its parameters; False: as it was, for they are not finite there."""
        with np.errstate(over="ignore"):
            self.base[self.free] = x
        if not np.isfinite(self.base).all():
            return False
        self.net.parameters = self.base
        return True

    def value(self, x: np.ndarray) -> Point:
        """Return the point at x, without its gradient."""
        return self._look("evaluate", x)

    def derive(self, x: np.ndarray) -> Point:
        """Return the point at x."""
        return self._look("derive", x)

    def _look(self, mode: str, x: np.ndarray) -> Point:
        net, bad = self.net, Point(x, np.inf)
        loss: Any = net.loss
        if not self.move(x):
            return bad
        try:
            means = net._evaluate(mode, self.data, loss, accuracy=self.accuracy, order=self.part)
        except NonFiniteError:
            return bad
        gradient = net._read("gradient") if mode == "derive" else np.zeros_like(self.base)
        value = means[0] + add_penalties(net._graph, self.base, gradient)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return bad
        slope = gradient[self.free].astype(np.float64) if mode == "derive" else None
        return Point(x, value, slope, means if self.accuracy else means[:1])


class SolverRun(ArrayRun):
    """A fit by a solver; one iteration is an epoch of one batch."""

    _finished = False

    def __init__(
        self,
        net: Sequential,
        data: Any,
        part: np.ndarray | None,
        **options: Any,
    ) -> None:
        self.solver: Any = net.optimizer
        accumulate = options["accumulate"]
        if accumulate > 1:
            raise ValueError(
                f"accumulate: got {accumulate} for {self.solver!r}, which takes all the data at "
                "once; want 1"
            )
        super().__init__(net, data, part, **options | {"shuffle": False})
        self._refuse()
        name = "_lbfgs" if isinstance(self.solver, LBFGS) else "_levenberg"
        self._solve: Any = importlib.import_module(f"fastnn.{name}")
        self._solve.check(net)

    def _refuse(self) -> None:
        """Raise for what no solver can train."""
        for leaf in self.net._graph.leaves:
            if leaf.spec.name in NOISY:
                raise ValueError(
                    f"{leaf.path}: got {leaf.spec!r}, which draws random numbers in training; "
                    f"{self.solver.name} wants a loss that stays the same function"
                )
            if leaf.spec.group.get("max_norm"):
                raise ValueError(f"{leaf.path}.max_norm: got one, {self.solver.name} wants none")
        if not lr_scales(self.net._graph, self.net.dtype).any():
            raise ValueError("trainable: got False for all layers, want one that trains")

    # A solver that is done ends the training, whatever callbacks say.
    @property
    def stop_training(self) -> bool:
        """Set it, and training ends after the epoch."""
        return self._stop or self._finished

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._stop = value

    def get_state(self) -> dict[str, Any]:
        """Raise: what the solver knows of the curvature is not to be had."""
        raise ValueError(
            f"optimizer: got {self.solver!r}, want one whose training can be stored to go on later"
        )

    def set_state(self, state: dict[str, Any]) -> None:
        """Raise, as `get_state` does."""
        self.get_state()

    def start(self, afresh: bool) -> None:
        """Begin at the present parameters."""
        super().start(afresh)
        self._copy_if_due()  # what `undo` goes back to
        self.objective = Objective(self.net, self.data, self.part, self.accuracy)
        self.x = self.objective.x  # where the last iteration ended
        self.points: Generator[tuple[Point, str], None, None] = self._solve.iterations(
            self.objective, self.solver
        )

    def epoch(self) -> tuple[float, ...]:
        """Take one iteration; return what is told of the point that it reached."""
        check_factor(self.lr_factor)
        try:
            point, message = next(self.points)
            self.x = point.x
        finally:
            self.objective.move(self.x)
        if message:
            self._finished = True
            history: Any = self.net.history
            history.message = message
        for hook in self._batch_hooks:
            hook(0, dict(zip(("loss", "accuracy"), point.means, strict=False)))
        self.done += 1
        self.net._epochs += 1
        return point.means + self._others()

    def _others(self) -> tuple[float, ...]:
        """Return the metrics at the present point, which take a pass of their own."""
        if not self.metrics:
            return ()
        loss: Any = self.net.loss
        found = metrics._measure(
            self.net, self.data, loss, self.metrics, accuracy=False, order=self.part
        )
        return tuple(found.values())[1:]

    def check_parameters(self) -> None:
        """They are finite: the solver found the loss so."""

    def close(self) -> None:
        """End the search."""
        if hasattr(self, "points"):
            self.points.close()
