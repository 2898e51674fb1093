"""Small jobs on plain arrays are done while the GIL is kept (fastnn/_calls.pxi).

They have the bits, the errors and the turns of all others.
"""

import gc
import pickle
import threading
import time

import numpy as np
import pytest

import fastnn
from fastnn import _core

MSE = "mean_squared_error"


def network(outputs=3, dtype="float32", **options):
    layers = [
        fastnn.Dense(17, activation="gelu", **options),
        fastnn.BatchNorm(),
        fastnn.Dropout(0.3),
        fastnn.Dense(outputs),
    ]
    return fastnn.Sequential(layers, input_size=5, seed=3, dtype=dtype)


def rows(n, columns=5, dtype=np.float32):
    return np.random.default_rng(n).normal(size=(n, columns)).astype(dtype)


# ---- the same as the way all jobs can take -----------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [0, 1, 2, 9, 40])
def test_predict_has_the_bits_of_the_long_way(dtype, n):
    net = network(dtype=dtype)
    X = rows(n)
    read_only = X.copy()
    read_only.flags.writeable = False
    for given in (X, X.astype(np.float64), np.asfortranarray(X), X[::-1], X > 0, read_only):
        found = net._forward.fresh(given)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, net._outputs(given, "identity"))
        np.testing.assert_array_equal(found, net.predict(given.tolist() if n else given))


@pytest.mark.parametrize("dtype", "?bBhHiIlLqQfd")
def test_short_calls_read_all_types_and_layouts(dtype):
    net, X = network(), (10 * rows(4)).astype("i1").astype(dtype)
    unaligned = np.frombuffer(b"-" + X.tobytes(), X.dtype, offset=1).reshape(X.shape)  # read-only
    for given in (X, X[::-1], X[:, ::-1], np.asfortranarray(X), unaligned):
        found = net._forward.fresh(given)
        np.testing.assert_array_equal(found, net.predict(given.tolist()))


def test_what_is_not_small_and_plain_takes_the_long_way():
    class Subclass(np.ndarray):
        pass

    net = network()
    X = rows(4)
    others = [X.view(Subclass), X.astype(np.float16), X.astype(">f4"), X.tolist(), rows(100_000)]
    for given in others:
        assert net._forward.fresh(given) is None
        assert net.predict(given).shape == (len(given), 3)
    with pytest.raises(TypeError, match="X: got a masked array"):
        net.predict(np.ma.masked_array(X, X > 0))
    with pytest.raises(TypeError, match="X: got dtype datetime64"):
        net.predict(np.ones((1, 5), "M8[s]"))
    with pytest.raises(ValueError, match="input_size: not known yet"):
        fastnn.Sequential([fastnn.Dense(1)]).predict(X)


OPTIMIZERS = [
    fastnn.Adam(lr=0.01),
    fastnn.SGD(lr=fastnn.schedules.Cosine(0.1, steps=20), momentum=0.9, clip_value=0.1),
    fastnn.AdamW(lr=fastnn.schedules.Warmup(0.01, steps=4), clip_global_norm=0.5),
    fastnn.RMSprop(lr=0.01, clip_norm=0.2),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (MSE, False),
        ("cross_entropy", True),
        (fastnn.losses.CrossEntropy(label_smoothing=0.1), True),
        (fastnn.losses.Huber(delta=0.5), False),
    ],
    ids=str,
)
def test_steps_have_the_bits_of_the_long_way(optimizer, loss, labels):
    short, long = network(l2=0.01, max_norm=0.9), network(l2=0.01, max_norm=0.9)
    for net in (short, long):
        net.train_on_batch(
            rows(8), [0] * 8 if labels else rows(8, 3), loss=loss, optimizer=optimizer
        )
    for n in (8, 1, 8, 31, 8):
        X, y = rows(n), np.arange(n) % 3 if labels else rows(n, 3)
        value = short._steps.step(X, y, short.seed)
        assert value == long.train_on_batch(X.tolist(), y.tolist())
        assert short.train_on_batch(X, y) == long.train_on_batch(X.tolist(), y.tolist())
    np.testing.assert_array_equal(short.parameters, long.parameters)


@pytest.mark.parametrize(
    ("options", "y"),
    [
        ({"loss": "cross_entropy"}, np.eye(3)[[0, 1, 2, 0]]),  # not labels
        ({"loss": "binary_cross_entropy"}, np.ones((4, 3))),  # targets of a range
        ({"loss": MSE, "optimizer": fastnn.Adam(lr=lambda step: 0.01)}, np.ones((4, 3))),
        ({"loss": MSE, "optimizer": lambda p, g, step: None}, np.ones((4, 3))),
        ({"loss": lambda raw, target, grad: 0.0}, np.ones((4, 3))),
    ],
)
def test_steps_that_must_take_the_long_way(options, y):
    net = network()
    net.train_on_batch(rows(4), y, **options)
    assert net._steps.at_once(net, rows(4), y) is None
    assert np.isfinite(net.train_on_batch(rows(4), y))


def test_a_step_sees_another_seed_and_another_loss():
    one, other = network(), network()
    for net in (one, other):
        net.train_on_batch(rows(8), rows(8, 3), loss=MSE)
    one.seed = 4
    assert one.train_on_batch(rows(8), rows(8, 3)) != other.train_on_batch(rows(8), rows(8, 3))
    one.loss = fastnn.losses.MeanAbsoluteError()
    before = one._steps
    one.train_on_batch(rows(8), rows(8, 3))
    assert one._steps is not before


# ---- what is wrong is named, and nothing has changed -----------------------------------------

BAD = rows(4)
BAD[2, 1] = np.nan


@pytest.mark.parametrize(
    ("X", "y", "loss", "error", "message"),
    [
        (BAD, rows(4, 3), MSE, ValueError, "X: got nan in row 2, column 1"),
        (rows(4), np.full((4, 3), np.inf), MSE, ValueError, "y: got inf in row 0, column 0"),
        (rows(4)[:, :4], rows(4, 3), MSE, ValueError, "X: got 4 features, want 5"),
        (rows(4)[0], rows(4, 3), MSE, ValueError, r"X: got shape \(5,\)"),
        (rows(4), rows(3, 3), MSE, ValueError, r"y: got shape \(3, 3\), want 4 rows"),
        (rows(4), rows(4, 2), MSE, ValueError, r"y: got shape \(4, 2\), want \(4, 3\)"),
        (rows(4), rows(4)[:, 0], MSE, ValueError, r"y: got shape \(4,\), want \(4, 3\)"),
        (rows(4)[:0], rows(4, 3)[:0], MSE, ValueError, "X: got 0 samples"),
        (rows(4), rows(4, 3) * 1j, MSE, TypeError, "y: got dtype complex64"),
        (rows(4), np.array([0, 1, 3, 0]), "cross_entropy", ValueError, "y: got 3, want 0 to 2"),
        (rows(4), np.array([0, 1, -1, 0]), "cross_entropy", ValueError, "y: got -1, want 0 to 2"),
        (rows(4), np.zeros(4), "cross_entropy", TypeError, "y: got float64 labels"),
        (rows(4), np.full((4, 3), 3e38), MSE, fastnn.NonFiniteError, "loss"),
    ],
)
def test_what_is_wrong_with_a_step(X, y, loss, error, message):
    net = network()
    net.train_on_batch(rows(4), rows(4, 3) if loss == MSE else np.arange(4) % 3, loss=loss)
    assert net._steps.step is not None
    before, state = net.parameters, net._plan.optimizer_state()
    with pytest.raises(error, match=message):
        net.train_on_batch(X, y)
    np.testing.assert_array_equal(net.parameters, before)
    assert net._plan.optimizer_state() == state


@pytest.mark.parametrize("X", [BAD, rows(4)[:, :4], rows(4)[0], rows(4)[None]])
def test_what_is_wrong_with_a_prediction(X):
    net = network()
    with pytest.raises(ValueError, match="X: got "):
        net.predict(X)


def test_codes_of_an_embedding_are_looked_at():
    net = fastnn.Sequential([fastnn.Embedding({0: 4}), fastnn.Dense(2)], input_size=3)
    X = np.ones((2, 3), np.float32)
    assert net._forward.fresh(X) is not None
    X[1, 0] = 4
    with pytest.raises(
        ValueError, match=r"X: got 4\.0 in row 1, column 0, want a category, 0 to 3"
    ):
        net.predict(X)


# ---- turns ----------------------------------------------------------------------------------


def test_calls_wait_for_who_has_the_network():
    net, seen = network(), []
    p = net.predictor(1)
    net.train_on_batch(rows(1), rows(1, 3), loss=MSE)
    calls = [
        lambda: net.predict(rows(1)),
        lambda: p(rows(1)),
        lambda: net.train_on_batch(rows(1), rows(1, 3)),
    ]

    def work(call):
        call()
        seen.append(time.perf_counter())

    for call in calls:
        with net._lock:
            worker = threading.Thread(target=work, args=(call,))
            worker.start()
            call()  # its own thread may
            time.sleep(0.02)
            until = time.perf_counter()
        worker.join()
        assert seen.pop() > until


def test_nothing_runs_within_a_job():
    net = network()
    p = net.predictor(1)
    net.train_on_batch(rows(1), rows(1, 3), loss=MSE)
    net._lock.running = True
    for call in (
        lambda: net.predict(rows(1)),
        lambda: p(rows(1)),
        lambda: net.train_on_batch(rows(1), rows(1, 3)),
    ):
        with pytest.raises(RuntimeError, match="called by a signal handler or a loss"):
            call()


def test_a_new_array_may_wake_who_predicts_too():
    """A call makes an array, which can run the garbage collector, and that can run anything."""
    net, within = network(), []
    X, other = rows(1), rows(9)
    want = net.predict(X)

    def predict(phase, info):
        if not within and phase == "start":
            within.append(True)
            assert net.predict(other).shape == (9, 3)
            within.clear()

    threshold = gc.get_threshold()
    gc.callbacks.append(predict)
    try:
        gc.set_threshold(1)
        for _ in range(50):
            np.testing.assert_array_equal(net.predict(X), want)
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(predict)


def test_a_network_built_anew_and_a_copy_have_calls_of_their_own():
    net = network()
    twin = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(twin._forward.fresh(rows(2)), net.predict(rows(2)))
    old = net._forward
    net._build(5)
    assert old.fresh(rows(2)) is None
    assert net._forward.fresh(rows(2)) is not None


def test_turns_are_taken_again_by_their_thread_and_given_back_by_no_other():
    turn = _core.Turn()
    with turn, turn:
        refused = []

        def release():
            try:
                turn.release()
            except RuntimeError as error:
                refused.append(error)

        worker = threading.Thread(target=release)
        worker.start()
        worker.join()
        assert refused
    with pytest.raises(RuntimeError, match="does not have"):
        turn.release()


def test_turns_of_many_threads():
    turn, inside, count = _core.Turn(), [], []

    def work():
        for _ in range(300):
            with turn, turn:
                inside.append(1)
                if len(inside) == 1:
                    time.sleep(0)  # the others try meanwhile
                    count.append(len(inside))
                inside.pop()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert count == [1] * 2400
