"""The loss that is a Python function; it is part of `fastnn.losses`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._loss import Loss
from fastnn._spec import as_number


class CustomLoss(Loss):
    """A Python function as a loss; what a callable given as `loss` becomes.

    Parameters
    ----------
    function : callable ``(raw, target, grad_out) -> float``
        Gets C-contiguous arrays of the network's dtype with one row for each of n samples:

        - raw : (n, n_outputs), what `predict` gives of them; read-only;
        - target : (n, n_columns), their targets, any number of columns; read-only;
        - grad_out : (n, n_outputs), zeros.

        It returns the mean of the samples' losses as a number, and writes that mean's gradient
        in `raw` into `grad_out`.  Where there are sample weights it also gets
        ``sample_weight=``, (n,) float64, and means the weighted mean, sum(w_i l_i) / sum(w_i):
        a function without that argument has no sample weights and no class_weight in `fit`.
        It is not called for samples that all weigh nothing.

    Notes
    -----
    The arrays are memory that function and engine share, made once for an epoch: the engine's
    threads leave their rows there at the end of the forward pass and take the gradient from
    there, and no array is made or copied between a step and the function.  The next batch comes
    in the same memory, so copy what you keep.

    In `fit` n is the batch size (the last batch may be smaller), in its validation too; in
    `evaluate` and `loss_and_gradient` at most 1024, and the result is the mean over the calls,
    weighted by their samples.  With `loss_and_gradient(training=True)` n is all of them.

    The function runs on the calling thread and holds the GIL; the engine's other threads wait.
    What it raises comes out of `fit` as it is, and the network stays as before the batch.  A loss
    or gradient that is not finite raises `fastnn.NonFiniteError`, for which `fit` may take steps
    again, so the same arguments must give the same results.  Files do not hold functions: a
    saved network comes back without a loss.

    Examples
    --------
    A mean squared error, which trains to the same bits as fastnn's own:

    >>> import numpy as np
    >>> import fastnn
    >>> def squared_error(raw, target, grad_out):
    ...     error = raw - target
    ...     np.multiply(error + error, 1 / len(error) / error.shape[1], out=grad_out)
    ...     return np.mean(error**2)
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> nets = [fastnn.Sequential([fastnn.Dense(16, "tanh"), fastnn.Dense(1)]) for _ in range(2)]
    >>> history = nets[0].fit(X, X**2, loss=squared_error, epochs=5)
    >>> history = nets[1].fit(X, X**2, loss="mean_squared_error", epochs=5)
    >>> np.array_equal(nets[0].parameters, nets[1].parameters)
    True
    >>> fastnn.check_gradient(nets[0], X, X**2, loss=squared_error).passed
    True
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function: got {self.function!r}, want a function")
        # Not of the class: with a name there it would be in the registry.
        name = getattr(self.function, "__name__", type(self.function).__name__)
        object.__setattr__(self, "name", name)

    @property
    def link(self) -> str:
        """Return "identity": metrics get the outputs as they are."""
        return "identity"

    def repeats(self) -> int:
        """Return 0: the targets may have any number of columns."""
        return 0

    def to_config(self) -> dict[str, Any]:
        """Raise: a function cannot be described."""
        raise TypeError(f"loss: {self.name} is a Python function, which a file cannot hold")

    def engine(self, outputs: int) -> dict[str, Any]:
        """Return what the engine wants to know: the function that prepares a job."""
        return {"custom": self._prepare}

    def _prepare(
        self, rows: int, outputs: int, columns: int, dtype: str, weighted: bool
    ) -> tuple[Any, ...]:
        """Return what the engine calls with a number of rows, and the arrays that they are in."""
        if weighted and not _takes_weights(self.function):
            raise ValueError(
                f"sample_weight: got weights, and the loss {self.name} takes none; want a function "
                "(raw, target, grad_out, sample_weight)"
            )
        raw, gradient = (np.empty((rows, outputs), dtype) for _ in range(2))
        target, weights = np.empty((rows, columns), dtype), np.empty((rows, 1))
        seen = raw.view(), target.view(), weights[:, 0]
        for view in seen:
            view.flags.writeable = False

        def call(n: int) -> float:
            options = {"sample_weight": seen[2][:n]} if weighted else {}
            return self._call(seen[0][:n], seen[1][:n], gradient[:n], options)

        return call, raw, target, gradient, weights

    def _call(self, raw: Any, target: Any, grad_out: Any, options: dict[str, Any]) -> float:
        value = self.function(raw, target, grad_out, **options)
        return as_number(f"loss: {self.name}", value, "the mean loss as a number")


def _takes_weights(function: Callable[..., Any]) -> bool:
    try:
        import inspect

        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some of C's have none
        return True
    by_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return by_keyword or "sample_weight" in parameters


def raised_by_loss(error: BaseException) -> bool:
    """Return whether an exception came out of a Python loss."""
    import traceback

    code = CustomLoss._call.__code__
    return any(frame.f_code is code for frame, _ in traceback.walk_tb(error.__traceback__))
