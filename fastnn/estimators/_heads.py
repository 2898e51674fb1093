"""Several columns of classes: a softmax over the outputs of each, and the sum of their losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


def split(outputs: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Return views of each head's columns."""
    return np.split(outputs, np.cumsum(sizes)[:-1], axis=1)


def softmax(raw: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return raw outputs, (n, sum of sizes), as probabilities within each head."""
    out = np.empty_like(raw)
    for z, p in zip(split(raw, sizes), split(out, sizes), strict=True):
        np.exp(z - z.max(axis=1, keepdims=True), out=p)
        p /= p.sum(axis=1, keepdims=True)
    return out


@dataclass(frozen=True)
class CrossEntropies:
    """The sum of the heads' cross entropies, as a loss in Python: see `fastnn.losses.CustomLoss`.

    Targets: the number of the right class in each head, (n, heads).
    """

    sizes: tuple[int, ...]
    __name__ = "cross_entropies"

    def __call__(
        self,
        raw: np.ndarray,
        target: np.ndarray,
        grad_out: np.ndarray,
        sample_weight: np.ndarray | None = None,
    ) -> float:
        """Return the mean loss; its gradient goes to `grad_out`."""
        n, starts = len(raw), self._starts
        share = np.full(n, 1 / n) if sample_weight is None else sample_weight / sample_weight.sum()
        # All heads at once: of so little work, each call of NumPy's costs more than its numbers.
        z = raw - np.repeat(np.maximum.reduceat(raw, starts, axis=1), self.sizes, axis=1)
        np.exp(z, out=grad_out)
        sums = np.add.reduceat(grad_out, starts, axis=1)
        rows, right = np.arange(n)[:, None], target.astype(np.intp) + starts
        value = share @ (np.log(sums) - z[rows, right]).sum(axis=1)
        grad_out /= np.repeat(sums, self.sizes, axis=1)
        grad_out[rows, right] -= 1
        grad_out *= share[:, None].astype(raw.dtype)
        return float(value)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum((0, *self.sizes[:-1]))
