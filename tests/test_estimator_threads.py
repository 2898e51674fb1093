"""Estimators within joblib: the same results, and no more threads than there are CPUs for."""

import os
import threading

import numpy as np
import pytest

pytest.importorskip("sklearn")
joblib = pytest.importorskip("joblib")

from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402

import fastnn  # noqa: E402
from fastnn.estimators._threads import ANY, threads_of  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 20))
y = (X[:, 0] > 0).astype(int)

CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def allowed():
    """The threads of an estimator's engine, as it sees it where it is called."""
    return min(threads_of(None), fastnn.get_num_threads())


def allowed_in_fit():
    mlp = fastnn.MLPClassifier(256, max_iter=2, random_state=0).fit(np.tile(X, (1, 20)), y)
    return mlp.network_._threads("train", 1 << 20), threading.active_count()


@pytest.mark.parametrize("jobs", [2])
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_all_jobs_together_have_a_thread_a_cpu(backend, jobs):
    with joblib.parallel_config(backend, n_jobs=jobs):
        found = joblib.Parallel()(joblib.delayed(allowed)() for _ in range(2 * jobs))
        fits = joblib.Parallel()(joblib.delayed(allowed_in_fit)() for _ in range(jobs))
    assert set(found) == {max(1, CPUS // jobs) if backend == "loky" else 1}
    assert {threads for threads, _ in fits} <= set(found)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_searches_find_the_same(backend):
    mlp = fastnn.MLPClassifier(20, max_iter=20, random_state=0)
    search = GridSearchCV(mlp, {"alpha": [1e-4, 10.0]}, cv=3)
    alone = search.fit(X, y).cv_results_["mean_test_score"]
    scores = cross_val_score(mlp, X, y, cv=3)
    with joblib.parallel_config(backend, n_jobs=2):
        together = search.fit(X, y).cv_results_["mean_test_score"]
        others = cross_val_score(mlp, X, y, cv=3)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(others, scores)


def test_n_jobs():
    assert threads_of(None) == ANY
    assert threads_of(3) == 3
    assert threads_of(-1) == os.cpu_count()
    assert threads_of(-10_000) == 1
    with pytest.raises(ValueError, match="n_jobs: got 0"):
        threads_of(0)
