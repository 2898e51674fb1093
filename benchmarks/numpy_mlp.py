"""A feed-forward network in pure NumPy, as fast as NumPy lets it be: the baseline.

What makes it fast: all buffers are made once and every operation writes into one (`out=`); each
matrix product is one BLAS call; parameters, gradients and optimizer state are flat vectors, so that
the optimizer costs the same few calls for any number of layers, and it goes over them in blocks
that stay in the L2 cache between its calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from .numpy_rules import RULES

# Parameters that the optimizer updates at a time: 128 KB of float32 in each of its vectors.
BLOCK = 1 << 15


class NumpyMLP:
    """A ReLU network trained on batches of one fixed size.

    Parameters
    ----------
    widths : sequence of int
        Features of the input, of each hidden layer, of the output.
    batch : int
        Rows of every batch.
    optimizer : str
        A rule of `benchmarks.numpy_rules`.
    loss : {"cross_entropy", "mean_squared_error"}
        Cross-entropy takes integer classes; the squared error is the mean over rows and outputs.
    lr : float
        Learning rate.
    seed : int
        Of the initial weights (He normal; biases are zero).
    dtype : dtype
        Of everything; float64 is for gradient checks.
    """

    def __init__(
        self,
        widths: Sequence[int],
        batch: int,
        optimizer: str = "adam",
        loss: str = "cross_entropy",
        *,
        lr: float = 1e-3,
        seed: int = 0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        layers = list(pairwise(widths))
        size = sum(k * n + n for k, n in layers)
        self.parameters, self.gradient = np.zeros(size, dtype), np.zeros(size, dtype)
        self.weights, self.biases = _views(self.parameters, layers)  # (K, N) and (N,) of each layer
        self.dweights, self.dbiases = _views(self.gradient, layers)
        rng = np.random.default_rng(seed)
        for weights in self.weights:
            weights[...] = rng.standard_normal(weights.shape) * np.sqrt(2 / len(weights))

        # One for each width, (batch, width); the first activation is the batch's input.
        self.activations = [np.empty((batch, width), dtype) for width in widths]
        self.dactivations = [np.empty((batch, width), dtype) for width in widths]
        self.active = [np.empty((batch, width), bool) for width in widths]
        self.row = np.empty((batch, 1), dtype)
        self.rows = np.arange(batch)
        self.batch = batch
        self.loss_gradient = getattr(self, f"_{loss}")

        self.rule, self.lr, self.step_count = RULES[optimizer], lr, 0
        # Pages of zeros that a rule never touches take no memory.
        vectors = (self.parameters, self.gradient, *(np.zeros(size, dtype) for _ in range(3)))
        scratch = [np.empty(min(size, BLOCK), dtype) for _ in range(2)]
        self.blocks = [
            (
                *(vector[start : start + BLOCK] for vector in vectors),
                *(array[: size - start] for array in scratch),
            )
            for start in range(0, size, BLOCK)
        ]

    def epoch(self, X: np.ndarray, y: np.ndarray, order: np.ndarray) -> float:
        """Train on the rows `order` of X, batch after batch; return the mean loss.

        Parameters
        ----------
        X : ndarray of shape (n_samples, widths[0])
            Of the network's dtype.
        y : ndarray
            Classes (n_samples,), or targets (n_samples, widths[-1]).
        order : ndarray of int
            Row numbers; their count is a multiple of the batch.
        """
        target = np.empty((self.batch, *y.shape[1:]), y.dtype)
        total = 0.0
        for start in range(0, len(order), self.batch):
            rows = order[start : start + self.batch]
            # mode="clip": with the default, np.take copies through a buffer.
            np.take(X, rows, axis=0, out=self.activations[0], mode="clip")
            np.take(y, rows, axis=0, out=target, mode="clip")
            total += self.forward_backward(target)
            self.step_count += 1
            self.rule(self.blocks, self.step_count, self.lr)
        return total * self.batch / len(order)

    def forward_backward(self, y: np.ndarray) -> float:
        """Compute the loss of the batch in `activations[0]`, and `gradient`."""
        a, da = self.activations, self.dactivations
        last = len(self.weights)
        for i, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            np.dot(a[i - 1], weights, out=a[i])
            a[i] += bias
            if i < last:
                np.maximum(a[i], 0, out=a[i])
        loss = self.loss_gradient(a[last], y, da[last])
        for i in range(last, 0, -1):
            np.dot(a[i - 1].T, da[i], out=self.dweights[i - 1])
            np.add.reduce(da[i], axis=0, out=self.dbiases[i - 1])
            if i > 1:
                np.dot(da[i], self.weights[i - 1].T, out=da[i - 1])
                # Not a masked assignment: its branch is mispredicted in every second element.
                np.greater(a[i - 1], 0, out=self.active[i - 1])
                da[i - 1] *= self.active[i - 1]
        return loss

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Raw outputs (n, widths[-1]) for any number of rows."""
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            X = np.dot(X, weights)
            X += bias
            np.maximum(X, 0, out=X)
        X = np.dot(X, self.weights[-1])
        X += self.biases[-1]
        return X

    def _cross_entropy(self, logits: np.ndarray, y: np.ndarray, dlogits: np.ndarray) -> float:
        np.maximum.reduce(logits, axis=1, keepdims=True, out=self.row)
        logits -= self.row
        np.exp(logits, out=dlogits)
        np.add.reduce(dlogits, axis=1, keepdims=True, out=self.row)
        likelihood = logits[self.rows, y]
        self.row *= self.batch  # softmax / batch in one pass
        dlogits /= self.row
        dlogits[self.rows, y] -= 1 / self.batch
        np.log(self.row, out=self.row)
        return float(self.row.mean() - np.log(self.batch) - likelihood.mean())

    def _mean_squared_error(
        self, outputs: np.ndarray, y: np.ndarray, doutputs: np.ndarray
    ) -> float:
        np.subtract(outputs, y, out=doutputs)
        error = doutputs.ravel()
        loss = float(np.dot(error, error)) / error.size
        doutputs *= 2 / error.size
        return loss


def _views(
    flat: np.ndarray, layers: Sequence[tuple[int, int]]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return views of the weights (K, N) and biases (N,) of all layers in one flat vector."""
    weights, biases, start = [], [], 0
    for k, n in layers:
        weights.append(flat[start : start + k * n].reshape(k, n))
        biases.append(flat[start + k * n : start + k * n + n])
        start += k * n + n
    return weights, biases
