"""Data that comes with fastnn: small enough for the wheel, real enough for demo and docs.

Each set's source, licence and how to make its file again stand in ``fastnn/data/README.md``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

__all__ = ["load_digits"]

_FOLDER = Path(__file__).parent / "data"


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return 1,797 handwritten digits: 8x8 images and what each of them shows.

    This is the test set of the UCI "Optical Recognition of Handwritten Digits" [1]_, the same
    samples in the same order as ``sklearn.datasets.load_digits``.

    Returns
    -------
    X : ndarray of shape (1797, 64), uint8
        One image a row, pixel by pixel from the top left, ink from 0 (none) to 16. Networks
        learn better from ``X.astype(np.float32) / 16``.
    y : ndarray of shape (1797,), uint8
        The digits, 0 to 9.

    References
    ----------
    .. [1] E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI
       Machine Learning Repository, https://doi.org/10.24432/C50P49 (CC BY 4.0).

    Examples
    --------
    >>> from fastnn.datasets import load_digits
    >>> X, y = load_digits()
    >>> X.shape, y.shape, int(X.max())
    ((1797, 64), (1797,), 16)
    >>> y[:12].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    """
    with np.load(_FOLDER / "digits.npz") as arrays:
        return arrays["X"], arrays["y"]
