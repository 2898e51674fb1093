"""Sparse rows: the same bits as dense ones, nothing made dense, and no way to read outside."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

sparse = pytest.importorskip("scipy.sparse")

import fastnn  # noqa: E402
from fastnn import _core  # noqa: E402

rng = np.random.default_rng(0)
DENSE = rng.normal(size=(90, 37)) * (rng.random((90, 37)) < 0.15)
y = rng.integers(0, 3, 90)


def network(dtype="float32", inputs=37):
    layers = [fastnn.Dense(20, "relu"), fastnn.Dense(3)]
    return fastnn.Sequential(layers, inputs, seed=1, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stored", ["float32", "float64", "int8", "uint16", "int64", "bool"])
@pytest.mark.parametrize(
    "kind", ["csr_array", "csr_matrix", "csc_array", "coo_matrix", "lil_array"]
)
def test_the_bits_are_those_of_dense_rows(kind, stored, dtype):
    dense = (DENSE * 10).astype(stored)
    matrix = getattr(sparse, kind)(dense)
    ends = []
    for X in (dense, matrix):
        net = network(dtype)
        history = net.fit(X, y, loss="cross_entropy", epochs=3, validation_split=0.2)
        value, gradient = net.loss_and_gradient(X, y)
        ends.append((net.predict(X), net.evaluate(X, y)["loss"], gradient, value, dict(history)))
    for a, b in zip(*ends, strict=True):
        if isinstance(a, dict):
            assert a == b
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_indices_of_both_sizes_and_empty_rows(index):
    matrix = sparse.csr_array(DENSE)
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    np.testing.assert_array_equal(network().predict(matrix), network().predict(DENSE))
    nothing = sparse.csr_array((4, 37))
    np.testing.assert_array_equal(network().predict(nothing), network().predict(np.zeros((4, 37))))
    assert network().predict(sparse.csr_array((0, 37))).shape == (0, 3)


def test_duplicates_are_summed_and_the_callers_stay():
    data, indices = np.array([1.0, 2.0, 4.0]), np.array([5, 5, 2])
    matrix = sparse.csr_array((data, indices, np.array([0, 3])), shape=(1, 37))
    np.testing.assert_array_equal(network().predict(matrix), network().predict(matrix.toarray()))
    assert matrix.nnz == 3


def test_nothing_is_made_dense():
    wide = sparse.random_array((400, 20000), density=1e-3, format="csr", random_state=0)
    net = network(inputs=20000)
    net.fit(wide, np.arange(400) % 3, loss="cross_entropy")
    tracemalloc.start()
    net.fit(wide, np.arange(400) % 3, loss="cross_entropy")
    net.predict(wide)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4e6  # dense, it would be 64 MB


@pytest.mark.parametrize(
    ("part", "at", "value", "match"),
    [
        ("data", 3, np.nan, r"X: got nan in row 1, column \d+"),
        ("data", 3, np.inf, r"X: got inf in row 1, column \d+"),
        ("indices", 3, 37, "X: got an index outside of its 37 columns"),
        ("indices", 3, -1, "X: got an index outside of its 37 columns"),
        ("indptr", 4, 1 << 20, "indptr is damaged"),
        ("indptr", 4, -1, "indptr is damaged"),
        ("indptr", 0, 2, "indptr is damaged"),
        ("indptr", 90, 1 << 20, "indptr is damaged"),
    ],
)
def test_damaged_ones_are_refused(part, at, value, match):
    matrix = sparse.csr_array(DENSE)
    getattr(matrix, part)[at] = value
    net = network()
    before = net.parameters
    with pytest.raises(ValueError, match=match):
        net.predict(matrix)
    with pytest.raises(ValueError, match=match):
        net.fit(matrix, y, loss="cross_entropy")
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("part", ["indices", "indptr"])
@pytest.mark.parametrize("value", [-(1 << 62), -1, 37, 1 << 30, 1 << 62])
def test_the_engine_itself_reads_nothing_outside(part, value):
    """Whoever changes the arrays after they were checked gets an error, not others' memory."""
    csr = sparse.csr_array(DENSE)
    rows = SimpleNamespace(data=csr.data, shape=csr.shape)
    rows.indices, rows.indptr = csr.indices.astype(np.int64), csr.indptr.astype(np.int64)
    getattr(rows, part)[7] = value if part == "indices" or value != 37 else csr.nnz + 1
    out = np.empty((90, 3), np.float32)
    status, *_, row, in_targets = network()._plan.run("predict", rows, outputs=out)
    assert (status, in_targets) == (_core.BAD_INPUT, False)
    assert row <= 7


def test_what_the_engine_cannot_read_is_refused():
    csr = sparse.csr_array(DENSE)
    out = np.empty((90, 3), np.float32)
    good = {"data": csr.data, "indices": csr.indices, "indptr": csr.indptr, "shape": csr.shape}
    for wrong in (
        {"indptr": csr.indptr[:-1]},
        {"indices": csr.indices[:-1]},
        {"indices": csr.indices.astype(np.int16)},
        {"indptr": csr.indptr.astype(np.int64)},
        {"data": csr.data.astype(complex)},
        {"data": np.repeat(csr.data, 2)[::2]},
        {"shape": (91, 37)},
        {"shape": (90, 38)},
    ):
        with pytest.raises(ValueError, match=r"want|refused"):
            network()._plan.run("predict", SimpleNamespace(**good | wrong), outputs=out)
    rows = SimpleNamespace(**good)
    with pytest.raises(ValueError, match="refused"):  # targets
        network()._plan.run("evaluate", DENSE, rows, loss="mean_squared_error")


def test_where_dense_arrays_are_wanted_it_says_so():
    with pytest.raises(TypeError, match="y: got a sparse matrix"):
        network().fit(DENSE, sparse.csr_array(DENSE[:, :3]), loss="mean_squared_error")
    with pytest.raises(ValueError, match="X: got 37 features, want 5"):
        network(inputs=5).predict(sparse.csr_array(DENSE))
    with pytest.raises(TypeError, match="want real numbers"):
        network().predict(sparse.csr_array(DENSE.astype(complex)))
