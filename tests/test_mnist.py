"""MNIST, real digits in number: accuracy, and the same bits on threads and ISAs.

Needs mnist.npz (arrays x_train, y_train, x_test, y_test of uint8) in the folder that
FASTNN_DATA names; skipped where it is not there.
"""

import os
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import _core

MNIST = Path(os.environ.get("FASTNN_DATA") or "../shared/data") / "mnist.npz"
pytestmark = pytest.mark.skipif(not MNIST.exists(), reason="mnist.npz not in FASTNN_DATA")


@pytest.fixture(scope="module")
def mnist():
    with np.load(MNIST) as data:
        X, y = data["x_train"].reshape(-1, 784), data["y_train"]
        X_test, y_test = data["x_test"].reshape(-1, 784), data["y_test"]
    return X.astype(np.float32) / 255, y, X_test.astype(np.float32) / 255, y_test


def trained(X, y, epochs):
    net = fastnn.Sequential([fastnn.Dense(128, activation="relu"), fastnn.Dense(10)], seed=0)
    optimizer = fastnn.SGD(lr=0.1, momentum=0.9)
    net.fit(X, y, loss="cross_entropy", optimizer=optimizer, epochs=epochs, batch_size=128)
    return net


def test_ten_epochs_reach_97_5_percent_with_the_same_bits_everywhere(mnist):
    X, y, X_test, y_test = mnist
    net = trained(X, y, epochs=10)
    accuracy = net.evaluate(X_test, y_test)["accuracy"]
    print(f"test accuracy {accuracy:.4f}")
    assert accuracy >= 0.975
    with_fma = [isa for isa in _core.isas() if isa != "baseline"]
    for isa in with_fma:
        for threads in (1, 2):
            _core.select_isa(isa)
            fastnn.set_num_threads(threads)
            try:
                again = trained(X, y, epochs=10)
            finally:
                _core.select_isa()
                fastnn.set_num_threads(None)
            assert np.array_equal(again.parameters, net.parameters), (isa, threads)
