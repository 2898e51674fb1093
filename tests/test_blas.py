"""SciPy's BLAS has one thread while L-BFGS works, and what it had before and after."""

import threading

import numpy as np
import pytest

import fastnn
from fastnn import _blas, _lbfgs

pytest.importorskip("scipy.optimize")
threadpoolctl = pytest.importorskip("threadpoolctl")


def counts():
    """The most threads of a BLAS."""
    found = threadpoolctl.threadpool_info()
    return max(each["num_threads"] for each in found if each["user_api"] == "blas")


def set_count(n):
    """As the environment would: a thread that is gone has no claim on the number."""
    thread = threading.Thread(target=threadpoolctl.threadpool_limits, args=[n, "blas"])
    thread.start()
    thread.join()


@pytest.fixture(autouse=True)
def three():
    before = counts()
    set_count(3)
    yield
    set_count(before)


def train(hidden=5, **options):
    X = np.random.default_rng(0).normal(size=(300, 10))
    net = fastnn.Sequential(
        [fastnn.Dense(hidden, "tanh"), fastnn.Dense(1)], seed=0, dtype="float64"
    )
    net.fit(X, X[:, 0] * X[:, 1], loss="mean_squared_error", optimizer=fastnn.LBFGS(), **options)
    return net.parameters


def test_a_turn_is_left_while_others_are_asked():
    with _blas.Turn() as turn:
        assert counts() == 1
        with turn.left():
            assert counts() == 3
        assert counts() == 1
    assert counts() == 3
    with _blas.on_one_thread():
        assert counts() == 1
    assert counts() == 3


def test_trainings_in_several_threads_leave_no_limit_behind():
    threads = [threading.Thread(target=train, kwargs={"epochs": 40}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts() == 3


def test_fastnns_own_threads_stay_unset(monkeypatch):
    monkeypatch.setattr(fastnn.threads, "_chosen", None)  # whatever other tests have left
    with _blas.on_one_thread():
        pass
    assert fastnn.threads.limits()["set_num_threads"] is None


def test_scipy_works_on_one_thread_and_callbacks_do_not(monkeypatch):
    minimize, seen, between = _lbfgs._scipy_minimize(), [], []

    def watched(function, x, *, callback, **options):
        def ask(x):
            seen.append(counts())
            answer = function(x)
            seen.append(counts())
            return answer

        return minimize(ask, x, callback=callback, **options)

    monkeypatch.setattr(_lbfgs, "_scipy_minimize", lambda: watched)
    told = fastnn.callbacks.Lambda(on_epoch_end=lambda epoch, logs: between.append(counts()))
    train(epochs=6, callbacks=[told])
    assert len(seen) > 12
    assert set(seen) == {1}
    assert between == [3] * 6
    assert counts() == 3


def test_the_number_of_threads_of_blas_changes_no_bit():
    """Of sums that are long enough to be divided among them."""
    found = []
    for threads in (1, 2, 3):
        set_count(threads)
        found.append(train(2000, epochs=12))
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


def test_without_threadpoolctl(monkeypatch):
    monkeypatch.setattr(_blas, "_libraries", lambda: None)
    assert np.isfinite(train(epochs=3)).all()
    assert counts() == 3
