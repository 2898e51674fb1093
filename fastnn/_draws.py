"""Random arrays of a (seed, stream), the same on every machine.

All come from the engine's counter-based generator by operations whose rounding is IEEE's, so
neither a BLAS nor the C library's functions decide about the last bit.
"""

from __future__ import annotations

import math

import numpy as np

from fastnn import _core


def uniform(shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
    """Return values uniform in [0, 1)."""
    out = np.empty(math.prod(shape))
    _core.uniform(seed, stream, out)
    return out.reshape(shape)


def normal(shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
    """Return standard normal values."""
    out = np.empty(math.prod(shape))
    _core.normal(seed, stream, out)
    return out.reshape(shape)


def truncated_normal(shape: tuple[int, ...], seed: int, stream: int) -> np.ndarray:
    """Return standard normal values given that they lie in [-2, 2].

    By rejection, hence exact: what falls outside is drawn again from a stream of its own,
    counted in the high bits, which no other use has.
    """
    out = normal((math.prod(shape),), seed, stream)
    again = 0
    while (outside := np.flatnonzero(np.abs(out) > 2)).size:
        again += 1
        out[outside] = normal((outside.size,), seed, stream + (again << 48))
    return out.reshape(shape)


def orthonormal(rows: int, columns: int, seed: int, stream: int) -> np.ndarray:
    """Return a (rows, columns) matrix of orthonormal columns, rows >= columns.

    Uniform (by Haar's measure) over all of them: the Q of a normal matrix's QR, with R's
    diagonal positive, as a product of Householder reflections (G. Stewart, "The efficient
    generation of random orthogonal matrices", SIAM Journal on Numerical Analysis 17, 1980).  What a
    reflection leaves of a normal matrix is normal again, so nothing needs factoring: the
    j-th takes the j-th column as it was drawn.
    """
    drawn = normal((rows, columns), seed, stream)
    q = np.eye(rows, columns)
    for j in reversed(range(columns)):
        x = drawn[j:, j]
        norm = math.sqrt(math.fsum(x * x))
        sign = -1.0 if x[0] < 0 else 1.0
        v = x.copy()
        v[0] += sign * norm  # nothing cancels
        block = q[j:, j:]
        # Down the columns, so each sum is taken row by row; a product by BLAS would not be.
        along = np.add.reduce(v[:, None] * block, axis=0)
        block -= v[:, None] * (along * (2 / math.fsum(v * v)))
        block[:, 0] *= -sign
    return q
