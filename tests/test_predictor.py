"""net.predictor: the bits of predict, no array a call, errors that name what is wrong."""

import threading
import tracemalloc

import numpy as np
import pytest

import fastnn


def network(dtype="float32", inputs=5, outputs=3):
    layers = [fastnn.Dense(16, activation="tanh"), fastnn.Dense(outputs)]
    return fastnn.Sequential(layers, input_size=inputs, seed=3, dtype=dtype)


def rows(n, columns=5, dtype=np.float32):
    return np.random.default_rng(n).normal(size=(n, columns)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 7, 600])
def test_bits_are_those_of_predict(dtype, n):
    net = network(dtype)
    p = net.predictor(n)
    X = rows(n)
    for given in (X, X.astype(np.float64), np.asfortranarray(X), X[::-1], X.tolist(), X > 0):
        got = p(given)
        assert got is p.out
        np.testing.assert_array_equal(got, net.predict(given))


def test_float16_and_byte_swapped_arrays_are_converted():
    net = network()
    p = net.predictor(4)
    for X in (rows(4).astype(np.float16), rows(4).astype(">f4"), rows(4).astype(np.longdouble)):
        np.testing.assert_array_equal(p(X), net.predict(X))


def test_fewer_rows_are_the_first_of_out():
    net = network()
    p = net.predictor(8)
    got = p(rows(3))
    assert got.base is p.out
    np.testing.assert_array_equal(got, net.predict(rows(3)))
    assert p(rows(3)[:0]).shape == (0, 3)


def test_own_out_and_link():
    net = network()
    out = np.empty((2, 3), np.float32)
    p = net.predictor(2, out=out, link="softmax")
    assert p(rows(2)) is out
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-6)


def test_out_may_be_the_inputs():
    net = network(outputs=5)
    state = rows(1)
    p = net.predictor(1, out=state)
    for _ in range(3):
        want = net.predict(state)
        np.testing.assert_array_equal(p(state), want)
    state[:] = np.nan
    with pytest.raises(ValueError, match=r"X: got nan in row 0, column 0"):
        p(state)


def test_sees_the_parameters_as_they_are():
    net = network()
    p = net.predictor(4)
    before = p(rows(4)).copy()
    net.train_on_batch(rows(4), rows(4, 3), loss="mean_squared_error")
    assert (p(rows(4)) != before).any()
    np.testing.assert_array_equal(p.out, net.predict(rows(4)))
    net.parameters = np.zeros_like(net.parameters)
    assert not p(rows(4)).any()


def test_a_call_makes_no_array():
    net = network()
    p, X = net.predictor(4096), rows(4096)
    p(X)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(100):
            p(X)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    least = p.out.nbytes / 8  # what counts lines or calls makes a little itself
    assert after - before < least
    assert peak - before < least


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones(5), ValueError, r"X: got shape \(5,\), want \(n_samples, n_features\); for one"),
        (np.ones((1, 4)), ValueError, "X: got 4 features, want 5"),
        (np.ones((3, 5)), ValueError, "X: got 3 rows, want at most n_rows=2"),
        (np.ones((1, 5), complex), TypeError, "X: got dtype complex128, want real numbers"),
        (np.ones((1, 5), object), TypeError, "X: got dtype object, want real numbers"),
        (np.ones((1, 5), "M8[s]"), TypeError, "X: got dtype datetime64"),
        (np.ma.masked_array(np.ones((1, 5)), True), TypeError, "X: got a masked array"),
        (np.array([[1, 2, np.inf, 4, 5]]), ValueError, "X: got inf in row 0, column 2"),
        (np.array([[1, 2, 3, 4, 1e300]]), ValueError, "X: got 1e.300, too large for float32"),
        ("text", TypeError, "X: got dtype <U4"),
    ],
)
def test_wrong_inputs_are_named(X, error, message):
    p = network().predictor(2)
    with pytest.raises(error, match=message):
        p(X)
    p(rows(2))  # and it goes on


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_rows": 0}, ValueError, "n_rows: got 0, want at least 1"),
        ({"out": [1, 2, 3]}, TypeError, "out: got list, want an array"),
        ({"out": np.empty((1, 3))}, ValueError, "out: got float64 of shape"),
        ({"out": np.empty((2, 3), np.float32)}, ValueError, r"want float32 of \(1, 3\)"),
        (
            {"n_rows": 3, "out": np.empty((3, 3), np.float32).T},
            ValueError,
            "want a writable C-",
        ),
        ({"link": "soft"}, ValueError, "link: got 'soft', want one of"),
    ],
)
def test_wrong_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        network().predictor(**options)


def test_a_network_must_have_been_built():
    with pytest.raises(ValueError, match="input_size: not known yet"):
        fastnn.Sequential([fastnn.Dense(1)]).predictor()


def test_threads_with_predictors_of_their_own():
    net = network()
    want = {n: net.predict(rows(n)) for n in range(1, 5)}
    wrong = []

    def work(n):
        p = net.predictor(n)
        for _ in range(200):
            if (p(rows(n)) != want[n]).any():
                wrong.append(n)

    workers = [threading.Thread(target=work, args=(n,)) for n in want]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_not_from_a_loss_while_the_network_is_at_work():
    net = network()
    p = net.predictor(2)

    def loss(raw, target, grad_out):
        p(rows(2))
        return 0.0

    with pytest.raises(RuntimeError, match="predictor: called by a signal handler or a loss"):
        net.train_on_batch(rows(2), rows(2, 3), loss=loss)
