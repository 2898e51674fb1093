"""The estimators: as scikit-learn's step for step, and what they have beyond them."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from sklearn import neural_network as sk
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score
from sklearn.model_selection import cross_val_score

import fastnn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(230, 6))
y_two = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
y_three = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
y_many = (X[:, :4] > 0.2).astype(int)
y_number = X[:, 0] ** 2 + X[:, 1]
y_numbers = np.stack([y_number, X[:, 2], X[:, 0] * X[:, 3]], axis=1)
y_count = rng.poisson(np.exp(X[:, :2] / 2)).astype(float)

TARGETS = {
    "two": ("MLPClassifier", y_two, {}),
    "three": ("MLPClassifier", y_three, {}),
    "multilabel": ("MLPClassifier", y_many, {}),
    "number": ("MLPRegressor", y_number, {}),
    "numbers": ("MLPRegressor", y_numbers, {}),
    "counts": ("MLPRegressor", y_count, {"loss": "poisson"}),
}
OPTIONS = {
    "adam": {"solver": "adam", "learning_rate_init": 0.01, "epsilon": 1e-12},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "plain": {"solver": "sgd", "momentum": 0.0},
    "heavy": {"solver": "sgd", "nesterovs_momentum": False, "alpha": 1.0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.3},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
}


def twins(target, options):
    """scikit-learn's and fastnn's estimators, which begin with the same parameters."""
    name, y, own = TARGETS[target]
    given = {"hidden_layer_sizes": (7, 5), "random_state": 0, "shuffle": False, "tol": 1e-9}
    given |= {"activation": "tanh", "batch_size": 50, "warm_start": True} | own | options
    pair = [getattr(home, name)(max_iter=1, **given) for home in (sk, fastnn)]
    for one in pair:
        one.fit(X, y)
    theirs, mine = pair
    start = [np.random.default_rng(3).normal(size=w.shape) / 3 for w in theirs.coefs_]
    biases = [np.random.default_rng(4).normal(size=b.shape) / 3 for b in theirs.intercepts_]
    for one in pair:
        one.coefs_, one.intercepts_ = [w.copy() for w in start], [b.copy() for b in biases]
        one.set_params(max_iter=25)
        one.loss_curve_, one.best_loss_, one._no_improvement_count, one.t_ = [], np.inf, 0, 0
        if "_optimizer" in vars(one):
            del one._optimizer
    return theirs, mine, y


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_trains_step_for_step_as_scikit_learn(target, options):
    theirs, mine, y = twins(target, OPTIONS[options])
    theirs.fit(X, y)
    mine.fit(X, y)
    for a, b in zip(
        theirs.coefs_ + theirs.intercepts_, mine.coefs_ + mine.intercepts_, strict=True
    ):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-9)
    assert mine.n_iter_ == theirs.n_iter_
    assert mine.t_ == theirs.t_
    # What is approximate is the penalty within an epoch.
    np.testing.assert_allclose(mine.loss_curve_, theirs.loss_curve_, rtol=2e-3)
    assert mine._optimizer.learning_rate == pytest.approx(
        theirs._optimizer.learning_rate if theirs.solver == "sgd" else mine.learning_rate_init
    )
    assert mine.out_activation_ == theirs.out_activation_
    assert mine.n_layers_ == theirs.n_layers_
    assert mine.n_outputs_ == theirs.n_outputs_


@pytest.mark.parametrize("target", ["two", "three", "number", "counts"])
def test_partial_fit_with_weights_as_scikit_learn(target):
    theirs, mine, y = twins(target, {"solver": "sgd"})
    weights = np.random.default_rng(5).uniform(0.1, 2, len(X))
    for _ in range(4):
        theirs.partial_fit(X, y, sample_weight=weights)
        mine.partial_fit(X, y, sample_weight=weights)
    for a, b in zip(theirs.coefs_, mine.coefs_, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("target", ["two", "three", "number"])
def test_the_loss_of_one_batch_is_exact(target):
    theirs, mine, y = twins(target, {"batch_size": 230, "alpha": 3.0, "solver": "sgd"})
    theirs.fit(X, y)
    mine.fit(X, y)
    np.testing.assert_allclose(mine.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    assert mine.best_loss_ == pytest.approx(theirs.best_loss_, rel=1e-9)


@pytest.mark.parametrize("target", ["two", "three", "multilabel", "number"])
def test_lbfgs_as_scikit_learn(target):
    theirs, mine, y = twins(target, {"solver": "lbfgs", "alpha": 0.5, "tol": 1e-6})
    theirs.set_params(max_iter=15).fit(X, y)
    mine.set_params(max_iter=15).fit(X, y)
    assert mine.n_iter_ == theirs.n_iter_
    assert mine.loss_ == pytest.approx(theirs.loss_, rel=1e-6)
    for a, b in zip(theirs.coefs_, mine.coefs_, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5)


# ---- beyond scikit-learn ------------------------------------------------------------------


def test_everything_by_keyword():
    mlp = fastnn.MLPClassifier(
        (16, 8),
        ["gelu", fastnn.activations.LeakyReLU(0.1)],
        solver=fastnn.AdamW(fastnn.schedules.Cosine(0.02, steps=400)),
        normalization="batch",
        dropout=[0.1, 0.0],
        class_weight={"a": 2.0},
        random_state=0,
        max_iter=60,
        batch_size=32,
    ).fit(X, y_three)
    assert mlp.score(X, y_three) > 0.9
    kinds = [type(spec).__name__ for spec in mlp.network_.specs]
    assert kinds == [
        "Dense",
        "BatchNorm",
        "Activation",
        "Dropout",
        "Dense",
        "BatchNorm",
        "Activation",
        "Dense",
    ]
    assert [w.shape for w in mlp.coefs_] == [(6, 16), (16, 8), (8, 3)]


@pytest.mark.parametrize("solver", ["rmsprop", "adamw", fastnn.SGD(0.1), fastnn.LBFGS()])
def test_other_optimizers(solver):
    mlp = fastnn.MLPClassifier(20, solver=solver, random_state=0, learning_rate_init=0.01)
    assert mlp.fit(X, y_two).score(X, y_two) > 0.9


@pytest.mark.parametrize(
    "loss", ["focal", "hinge", "squared_hinge", "cross_entropy", "binary_cross_entropy"]
)
@pytest.mark.parametrize("y", [y_two, y_three], ids=["two", "three"])
def test_other_losses_of_classes(loss, y):
    mlp = fastnn.MLPClassifier(20, loss=loss, random_state=0, learning_rate_init=0.01).fit(X, y)
    assert mlp.score(X, y) > 0.9
    p = mlp.predict_proba(X)
    assert p.shape == (len(X), len(mlp.classes_))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(mlp.classes_[p.argmax(axis=1)], mlp.predict(X))


def test_a_class_that_weighs_more_is_found_more_often():
    counts = [
        (
            fastnn.MLPClassifier(5, class_weight=weight, random_state=0).fit(X, y_two).predict(X)
        ).sum()
        for weight in ({0: 9.0}, "balanced", {1: 9.0})
    ]
    assert counts[0] < counts[1] < counts[2]


def test_several_columns_of_classes():
    y = np.stack([y_three, np.array(["no", "yes"])[y_two]], axis=1)
    mlp = fastnn.MLPClassifier(30, random_state=0, learning_rate_init=0.01).fit(X, y)
    assert [list(one) for one in mlp.classes_] == [["a", "b", "c"], ["no", "yes"]]
    assert (mlp.predict(X) == y).mean() > 0.9
    first, second = mlp.predict_proba(X)
    assert first.shape == (len(X), 3)
    assert second.shape == (len(X), 2)
    np.testing.assert_allclose(first.sum(axis=1), 1)
    again = pickle.loads(pickle.dumps(mlp))
    np.testing.assert_array_equal(again.predict(X), mlp.predict(X))
    assert np.isfinite(np.concatenate(mlp.predict_log_proba(X), axis=1)).all()


def test_the_gradient_of_several_heads():
    from fastnn.estimators._heads import CrossEntropies

    net = fastnn.Sequential(
        [fastnn.Dense(4, "tanh"), fastnn.Dense(5)], input_size=6, seed=1, dtype="float64"
    )
    y = np.stack([rng.integers(0, 3, 20), rng.integers(0, 2, 20)], axis=1)
    assert fastnn.check_gradient(net, X[:20], y, loss=CrossEntropies((3, 2))).passed


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_several_heads_are_as_many_cross_entropies(size, weighted):
    """Of networks of one layer each, whose losses are the engine's."""
    from fastnn.estimators._heads import CrossEntropies

    sizes, weights = (3, 2, 4), rng.random(20) if weighted else None
    raw, gradient = rng.normal(size=(20, 9)) * size, np.empty((20, 9))
    targets = np.stack([rng.integers(0, classes, 20) for classes in sizes], axis=1)
    got = CrossEntropies(sizes)(raw, targets.astype(float), gradient, weights)
    value = 0.0
    for y, head, slope in zip(
        targets.T, np.split(raw, [3, 5], axis=1), np.split(gradient, [3, 5], axis=1), strict=True
    ):
        net = fastnn.Sequential([fastnn.Dense(head.shape[1])], head.shape[1], dtype="float64")
        net.layers[0].weights = np.eye(head.shape[1])
        loss, found = net.loss_and_gradient(head, y, loss="cross_entropy", sample_weight=weights)
        value += loss
        np.testing.assert_allclose(slope.sum(axis=0), found[-head.shape[1] :], atol=1e-14)
    assert got == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("targets", [1, 2])
def test_several_quantiles_have_a_score(targets):
    """As cross-validation and searches ask for."""
    y = y_numbers[:, :targets] if targets > 1 else y_number
    mlp = fastnn.MLPRegressor(fastnn.losses.Quantile((0.1, 0.5)), solver="lbfgs", random_state=0)
    weights = np.random.default_rng(1).random(len(y))
    predicted = mlp.fit(X, y).predict(X)
    for own in (None, weights):
        want = [
            d2_pinball_score(y, predicted[:, i::2].reshape(y.shape), alpha=q, sample_weight=own)
            for i, q in enumerate((0.1, 0.5))
        ]
        np.testing.assert_allclose(mlp.score(X, y, own), np.mean(want), rtol=1e-12)
    assert np.isfinite(cross_val_score(mlp.set_params(max_iter=10), X, y, cv=3)).all()


def test_several_quantiles():
    loss = fastnn.losses.Quantile((0.1, 0.5, 0.9))
    mlp = fastnn.MLPRegressor(loss, 30, random_state=0, learning_rate_init=0.01, max_iter=400)
    noisy = y_number + rng.normal(size=len(X))
    low, middle, high = mlp.fit(X, noisy).predict(X).T
    for share, line in ((0.1, low), (0.5, middle), (0.9, high)):
        assert abs((noisy < line).mean() - share) < 0.1
    assert mlp.n_outputs_ == 3


@pytest.mark.parametrize("loss", ["huber", "mean_absolute_error", "gaussian_nll", "log_cosh"])
def test_other_losses_of_numbers(loss):
    mlp = fastnn.MLPRegressor(loss, 40, random_state=0, learning_rate_init=0.01).fit(X, y_number)
    assert mlp.predict(X).shape == (len(X),)
    assert mlp.score(X, y_number) > 0.8


@pytest.mark.parametrize("loss", ["gamma", "tweedie", "poisson"])
def test_log_links_predict_means(loss):
    y = np.exp(X[:, 0])
    mlp = fastnn.MLPRegressor(loss, 20, random_state=0, learning_rate_init=0.01).fit(X, y)
    assert mlp.out_activation_ == "exp"
    assert mlp.score(X, y) > 0.8


def test_a_function_as_the_loss():
    def squared(raw, target, grad_out):
        grad_out[...] = (raw - target) / len(raw)
        return float(np.mean((raw - target) ** 2) / 2)

    mlp = fastnn.MLPRegressor(squared, 10, random_state=0).fit(X, y_number)
    twin = fastnn.MLPRegressor("squared_error", 10, random_state=0).fit(X, y_number)
    np.testing.assert_allclose(mlp.predict(X), twin.predict(X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scoring", [None, "loss", "f1", lambda y, p: -float(np.mean(p - y))])
def test_validation_data_and_the_best_epoch(scoring):
    seen = []
    stop = fastnn.callbacks.Lambda(on_epoch_end=lambda epoch, logs: seen.append(logs["loss"]))
    mlp = fastnn.MLPClassifier(
        30, scoring=scoring, random_state=0, max_iter=40, callbacks=[stop], alpha=0.0
    )
    parts = {"X_val": X[150:], "y_val": y_two[150:]}
    mlp.fit(X[:150], y_two[:150], eval_set=[(X[150:], y_two[150:])], **parts)
    assert len(mlp.validation_scores_) == mlp.n_iter_ == len(seen)
    assert mlp.best_validation_score_ == max(mlp.validation_scores_)
    assert mlp.evals_result_["validation_0"]["score"] == mlp.validation_scores_
    best = mlp.validation_scores_.index(mlp.best_validation_score_)
    loss = mlp._loss_of(mlp._other(X[150:], y_two[150:]))
    assert loss == pytest.approx(mlp.evals_result_["validation_0"]["loss"][best], rel=1e-9)
    np.testing.assert_allclose(seen, mlp.loss_curve_)
    with pytest.raises(ValueError, match="X_val: got one without y_val"):
        mlp.fit(X, y_two, X_val=X)


def test_progress(capsys):
    fastnn.MLPClassifier(5, verbose="progress", max_iter=3, random_state=0).fit(X, y_two)
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err


# ---- what scikit-learn's users rely on --------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_sparse_rows_have_the_bits_of_dense_ones(solver, dtype):
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.where(np.abs(X) > 0.8, X, 0).astype(dtype)
    fits = [
        fastnn.MLPClassifier(9, solver=solver, random_state=0, max_iter=20, batch_size=32)
        .fit(data, y_three)
        .predict_proba(data)
        for data in (dense, sparse.csr_array(dense), sparse.coo_matrix(dense))
    ]
    np.testing.assert_array_equal(fits[1], fits[0])
    np.testing.assert_array_equal(fits[2], fits[0])


def test_a_row_has_the_same_bits_in_any_batch():
    mlp = fastnn.MLPClassifier(33, random_state=0, max_iter=5).fit(X, y_three)
    together = mlp.predict_proba(X)
    alone = np.concatenate([mlp.predict_proba(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_goes_on_exactly_after_unpickling(solver):
    mlp = fastnn.MLPRegressor(hidden_layer_sizes=9, solver=solver, random_state=0)
    for _ in range(3):
        mlp.partial_fit(X, y_number)
    again = pickle.loads(pickle.dumps(mlp))
    for one in (mlp, again):
        for _ in range(3):
            one.partial_fit(X, y_number)
    np.testing.assert_array_equal(again.network_.parameters, mlp.network_.parameters)
    assert again.loss_curve_ == mlp.loss_curve_


def test_fit_is_as_many_partial_fits():
    fitted = fastnn.MLPClassifier(9, random_state=0, max_iter=7, tol=0).fit(X, y_two)
    parts = fastnn.MLPClassifier(9, random_state=0)
    for _ in range(7):
        parts.partial_fit(X, y_two, classes=[0, 1])
    np.testing.assert_array_equal(parts.network_.parameters, fitted.network_.parameters)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_no_bit(threads):
    wide = np.tile(X, (1, 20))
    mlp = fastnn.MLPClassifier((256, 256), random_state=0, max_iter=3, n_jobs=threads)
    one = clone(mlp).set_params(n_jobs=1)
    a, b = mlp.fit(wide, y_two), one.fit(wide, y_two)
    np.testing.assert_array_equal(a.network_.parameters, b.network_.parameters)
    assert a.network_._threads("train", 10**6) <= threads


def test_coefficients_may_be_changed_in_place():
    mlp = fastnn.MLPRegressor(hidden_layer_sizes=4, random_state=0, max_iter=3).fit(X, y_number)
    before = mlp.predict(X)
    mlp.intercepts_[-1] += 1.0
    np.testing.assert_allclose(mlp.predict(X), before + 1)
    mlp.coefs_ = [np.zeros_like(w) for w in mlp.coefs_]
    assert np.ptp(mlp.predict(X)) == 0
    mlp.coefs_ = mlp.coefs_[:1]
    with pytest.raises(ValueError, match="coefs_: got 1 arrays, want 2"):
        mlp.predict(X)


def test_searches_and_routing_and_output():
    import sklearn
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcdef"))
    with sklearn.config_context(enable_metadata_routing=True):
        mlp = fastnn.MLPClassifier(5, random_state=0, max_iter=30)
        mlp.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, mlp).set_output(transform="pandas")
        search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2)
        search.fit(table, y_two, sample_weight=np.ones(len(X)))
    assert list(search.best_estimator_[-1].feature_names_in_) == list("abcdef")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search.predict(table)
    with pytest.raises(ValueError, match="feature names"):
        search.best_estimator_[-1].predict(table.rename(columns={"a": "z"}))
    assert "MLPClassifier" in mlp._repr_html_()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must be > 0"),
        ({"activation": ["relu", "tanh"]}, "activation: got 2, want one for each of 1"),
        ({"n_jobs": 0}, "n_jobs: got 0"),
        ({"scoring": "best", "early_stopping": True}, "scoring: got 'best'"),
        ({"solver": "none"}, "'solver' parameter"),
    ],
)
def test_wrong_arguments_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        fastnn.MLPClassifier(**{"hidden_layer_sizes": 5, "max_iter": 2} | options).fit(X, y_two)


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.startswith("fastnn.estimators")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(vars(fastnn), "MLPClassifier", raising=False)  # kept since the first use
    with pytest.raises(ImportError, match=r"fastnn\[sklearn\]"):
        fastnn.MLPClassifier  # noqa: B018
