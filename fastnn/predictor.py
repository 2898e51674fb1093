"""`predict` for many calls: what they have in common is settled once, and the outputs' array kept.

For loops that ask for a row or a few at a time, where making an array and checking what does not
change takes longer than the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastnn import _core, arrays
from fastnn._spec import check_count
from fastnn.errors import _busy

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


class Predictor(_core.Forward):
    """A network's `predict` with an array of its own for the outputs; calls make no array.

    ``p = net.predictor(n)``, then ``p(X)`` is ``net.predict(X)``, bit for bit, for up to n rows.
    It sees the parameters as they are when it is called, so it stays good while the network is
    trained.  Calls of several threads take turns (also with a training: one waits for the batches
    of an epoch), but the outputs are in one array: give each thread a predictor of its own.

    A call takes X as `predict` does, at most n_rows samples, and returns `out`, or a view of its
    first rows where there are fewer samples; the outputs are there until the next call.  X may be
    `out` itself, but must not share memory with it in any other way.  ValueError is raised if
    the shape is wrong or a value is not finite.

    Parameters
    ----------
    network : Sequential
        Built: with input_size, or fitted.
    n_rows : int, default 1
        The most rows of a call.
    out : ndarray of shape (n_rows, n_outputs), optional
        Takes the outputs: C-contiguous, of the network's dtype.  By default a new one.
    link : {"identity", "sigmoid", "softmax", "log_softmax", "exp", "sign"}, optional
        What becomes of the outputs; by default as `predict` has them.

    Attributes
    ----------
    out : ndarray of shape (n_rows, n_outputs)

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(2, weight_init="ones")], input_size=3)
    >>> p = net.predictor(1)
    >>> x = np.array([[1, 2, 3]], dtype=np.float32)
    >>> p(x)
    array([[6., 6.]], dtype=float32)
    >>> p(x) is p.out
    True
    """

    _network: Sequential
    _plan: _core.Plan
    _n_rows: int

    def __new__(  # noqa: D102
        cls,
        network: Sequential,
        n_rows: int = 1,
        *,
        out: np.ndarray | None = None,
        link: str | None = None,
    ) -> Self:
        plan = network._built()
        n_rows = check_count("n_rows", n_rows)
        if link is None:
            link = network._own_link()
        elif link not in _core.LINKS:
            raise ValueError(f"link: got {link!r}, want one of {_core.LINKS}")
        shape = (n_rows, plan.outputs)
        if out is None:
            out = np.empty(shape, network.dtype)
        _check_out(out, shape, network.dtype)
        self = super().__new__(cls, plan, network._lock, out, link)
        self._network, self._plan, self._n_rows = network, plan, n_rows
        return self

    def otherwise(self, X: Any) -> np.ndarray:
        """Do what the engine's own call, which takes small and plain arrays, has left."""
        net = self._network
        # Of other types it must first be known what they are: masked arrays, lists, ...
        inputs = X if type(X) is np.ndarray else arrays.as_real("X", X)
        status = self._status(net, inputs)
        if status == _core.REFUSED:
            inputs = arrays.check_inputs("X", inputs, net.input_size)
            if len(inputs) > self._n_rows:
                raise ValueError(f"X: got {len(inputs)} rows, want at most n_rows={self._n_rows}")
            status = self._status(net, inputs)
        if status == _core.BAD_INPUT:
            arrays.raise_bad_row("X", inputs, self.bad_row, net.dtype, net._graph.categories())
        n = len(inputs)
        out: np.ndarray = self.out
        return out if n == self._n_rows else out[:n]

    def _status(self, net: Sequential, inputs: np.ndarray) -> int:
        with net._lock as turn:
            if turn.running:
                raise _busy("predictor")
            if net._plan is not self._plan:
                raise RuntimeError("predictor: the network was built anew, make another one")
            turn.running = True
            try:
                return self.run(inputs, net._threads("predict", len(inputs)))
            finally:
                turn.running = False


def _check_out(out: Any, shape: tuple[int, int], dtype: str) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: got {type(out).__name__}, want an array")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out: got {out.dtype} of shape {out.shape}, want {dtype} of {shape}")
    if not (out.flags.c_contiguous and out.flags.writeable and out.flags.aligned):
        raise ValueError(f"out: got strides {out.strides}, want a writable C-contiguous array")
