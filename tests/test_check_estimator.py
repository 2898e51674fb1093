"""scikit-learn's checks of estimators: all of them, of each solver, dtype, number of threads."""

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import check_estimator

import fastnn

# What scikit-learn itself skips: array libraries without SCIPY_ARRAY_API in the environment, and
# the format of a method that its own MLP has not either.
SKIPPED = {
    "check_array_api_input",
    "check_classifiers_multilabel_output_format_decision_function",
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_all_checks_pass(name, solver, dtype, threads):
    estimator = getattr(fastnn, name)(solver=solver, dtype=dtype, n_jobs=threads, max_iter=100)
    results = check_estimator(estimator, on_skip=None)
    assert len(results) > 50
    statuses = {result["check_name"]: result["status"] for result in results}
    assert {check for check, status in statuses.items() if status != "passed"} <= SKIPPED
