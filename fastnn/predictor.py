"""`predict` for many calls: what they have in common is settled once, and the outputs' array kept.

For loops that ask for a row or a few at a time, where making an array and checking what does not
change takes longer than the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core, arrays
from fastnn._spec import check_count
from fastnn.errors import _busy

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


class Predictor:
    """A network's `predict` with an array of its own for the outputs; calls make no array.

    ``p = net.predictor(n)``, then ``p(X)`` is ``net.predict(X)``, bit for bit, for up to n rows.
    It sees the parameters as they are when it is called, so it stays good while the network is
    trained.  Calls of several threads take turns (also with a training: one waits for the batches
    of an epoch), but the outputs are in one array: give each thread a predictor of its own.

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

    def __init__(
        self,
        network: Sequential,
        n_rows: int = 1,
        *,
        out: np.ndarray | None = None,
        link: str | None = None,
    ) -> None:
        plan = network._built()
        n_rows = check_count("n_rows", n_rows)
        if link is None:
            link = network._graph.output_function.link or "identity"
        elif link not in _core.LINKS:
            raise ValueError(f"link: got {link!r}, want one of {_core.LINKS}")
        shape = (n_rows, plan.outputs)
        if out is None:
            out = np.empty(shape, network.dtype)
        _check_out(out, shape, network.dtype)
        self.out: np.ndarray = out
        self._network = network
        self._plan = plan
        self._n_rows = n_rows
        self._forward = _core.Forward(plan, out, link)
        self._alone = plan.threads(n_rows) == 1

    def __call__(self, X: Any) -> np.ndarray:
        """Return the outputs for X, in `out` until the next call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            At most n_rows samples, of any real type.  May be `out` itself, but must not share
            memory with it in any other way.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            `out`, or a view of its first rows where there are fewer samples.

        Raises
        ------
        ValueError
            If the shape is wrong or a value is not finite.
        """
        net = self._network
        # Of other types it must first be known what they are: masked arrays, lists, ...
        inputs = X if type(X) is np.ndarray else arrays.as_real("X", X)
        status = self._run(net, inputs)
        if status == _core.REFUSED:
            inputs = arrays.check_inputs("X", inputs, net.input_size)
            if len(inputs) > self._n_rows:
                raise ValueError(f"X: got {len(inputs)} rows, want at most n_rows={self._n_rows}")
            status = self._run(net, inputs)
        if status == _core.BAD_INPUT:
            row = self._forward.bad_row
            arrays.raise_bad_row("X", inputs, row, net.dtype, net._graph.categories())
        n = len(inputs)
        return self.out if n == self._n_rows else self.out[:n]

    def _run(self, net: Sequential, inputs: np.ndarray) -> int:
        with net._lock:
            if net._running:
                raise _busy("predictor")
            if net._plan is not self._plan:
                raise RuntimeError("predictor: the network was built anew, make another one")
            net._running = True
            try:
                return self._forward(inputs, 1 if self._alone else net._threads(len(inputs)))
            finally:
                net._running = False


def _check_out(out: Any, shape: tuple[int, int], dtype: str) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: got {type(out).__name__}, want an array")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out: got {out.dtype} of shape {out.shape}, want {dtype} of {shape}")
    if not (out.flags.c_contiguous and out.flags.writeable and out.flags.aligned):
        raise ValueError("out: got strides {out.strides}, want a writable C-contiguous array")
