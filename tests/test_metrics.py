"""Metrics against their definitions, counted one sample (or pair) at a time."""

import functools
import itertools

import numpy as np
import pytest

import fastnn
from fastnn import metrics

N = 40
CE, BCE, MSE = "cross_entropy", "binary_cross_entropy", "mean_squared_error"


def problem(kind, weighted, seed=0):
    """Return y, outputs (with ties) and weights."""
    rng = np.random.default_rng(seed)
    columns = {"binary": 1, "two classes": 2, "classes": 4, "questions": 3}[kind]
    outputs = rng.integers(1, 8, (N, columns)) / 8
    if kind in ("classes", "two classes"):
        y = rng.integers(0, columns, N)
    else:
        y = rng.integers(0, 2, (N, columns))
    weights = rng.random(N) if weighted else None
    return (y[:, 0], outputs[:, 0], weights) if kind == "binary" else (y, outputs, weights)


def questions(y, outputs):
    """Yield truths, answers and scores of each yes-or-no question, as lists."""
    if outputs.ndim == 1:
        y, outputs = y[:, None], outputs[:, None]
    for c in range(outputs.shape[1]):
        if y.ndim == 2:
            yield [*(y[:, c] == 1)], [*(outputs[:, c] > 0.5)], [*outputs[:, c]]
        elif c == 1 or outputs.shape[1] > 2:
            yield [*(y == c)], [row.argmax() == c for row in outputs], [*outputs[:, c]]


def by_counting(name, y, outputs, weights):
    weights = np.ones(N) if weights is None else weights
    values = []
    for truths, answers, scores in questions(y, outputs):
        if name == "roc_auc":
            won = whole = 0.0
            for i, j in itertools.product(range(N), repeat=2):
                if truths[i] and not truths[j]:
                    pair = weights[i] * weights[j]
                    won += pair * ((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
                    whole += pair
            values.append(won / whole)
            continue
        cases = dict.fromkeys(itertools.product((True, False), repeat=2), 0.0)
        for truth, answer, weight in zip(truths, answers, weights, strict=True):
            cases[bool(truth), bool(answer)] += weight
        hit, false, missed = cases[True, True], cases[False, True], cases[True, False]
        p, r = hit / (hit + false), hit / (hit + missed)
        f1 = 2 / (1 / p + 1 / r) if hit else 0.0
        values.append({"precision": p, "recall": r, "f1": f1}[name])
    return np.mean(values)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["binary", "two classes", "classes", "questions"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1", "roc_auc"])
def test_of_classes(name, kind, weighted):
    y, outputs, weights = problem(kind, weighted)
    expected = by_counting(name, y, outputs, weights)
    assert getattr(metrics, name)(y, outputs, weights) == pytest.approx(expected, rel=1e-12)


def test_a_weight_is_a_number_of_copies():
    for kind in ("binary", "classes"):
        y, outputs, _ = problem(kind, False)
        copies = np.random.default_rng(1).integers(0, 4, N)
        many = np.repeat(y, copies), np.repeat(outputs, copies, axis=0)
        for name in ("precision", "recall", "f1", "roc_auc"):
            function = getattr(metrics, name)
            assert function(y, outputs, copies) == pytest.approx(function(*many), rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("columns", [0, 1, 3])
def test_of_numbers(columns, weighted):
    rng = np.random.default_rng(2)
    y, outputs = rng.standard_normal((2, N, max(columns, 1)))
    weights = rng.random(N) if weighted else np.ones(N)
    share = weights[:, None] / weights.sum()
    error = y - outputs
    mean = (share * y).sum(axis=0)
    r2 = np.mean(1 - (share * error**2).sum(axis=0) / (share * (y - mean) ** 2).sum(axis=0))
    rmse = np.sqrt((share * error**2).sum(axis=0).mean())
    mae = (share * abs(error)).sum(axis=0).mean()
    if columns == 0:
        y, outputs = y[:, 0], outputs[:, 0]
    given = weights if weighted else None
    assert metrics.r2(y, outputs, given) == pytest.approx(r2, rel=1e-12)
    assert metrics.rmse(y, outputs, given) == pytest.approx(rmse, rel=1e-12)
    assert metrics.mae(y, outputs, given) == pytest.approx(mae, rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 9])
def test_top_k(k):
    y, outputs, weights = problem("classes", True)
    hits = [
        label in sorted(range(4), key=lambda c: -row[c])[:k]
        for label, row in zip(y, outputs, strict=True)
    ]
    assert metrics.top_k(y, outputs, k=k) == pytest.approx(np.mean(hits))
    assert metrics.top_k(y, outputs, weights, k=k) == pytest.approx(
        np.average(hits, weights=weights)
    )
    if k == 1:
        assert np.mean(hits) == np.mean(outputs.argmax(axis=1) == y)


def test_edges():
    assert metrics.precision([1, 0], [0.1, 0.1]) == 0
    assert metrics.recall([0, 0], [0.9, 0.1]) == 0
    assert metrics.f1([0, 0], [0.1, 0.1]) == 0
    assert np.isnan(metrics.roc_auc([1, 1], [0.1, 0.9]))
    assert metrics.r2([2, 2], [2, 2]) == 1
    assert metrics.r2([2, 2], [2, 3]) == 0
    for bad in (lambda: metrics.mae([1, 2], [1]), lambda: metrics.f1([1, 2], [1])):
        with pytest.raises(ValueError, match="y: got shape"):
            bad()
    with pytest.raises(ValueError, match="y: got 0 samples"):
        metrics.mae([], [])
    with pytest.raises(ValueError, match="y: got shape"):
        metrics.top_k([0, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match="sample_weight: got shape"):
        metrics.mae([1, 2], [1, 2], [1])


# ---- in evaluate and fit -------------------------------------------------------------------------


def trained(loss, outputs, activation="identity", **options):
    rng = np.random.default_rng(3)
    X = rng.integers(-50, 50, (N, 5)) / 64
    y = X[:, :3].argmax(axis=1) if loss == CE else (X[:, 0] > 0).astype(int)
    net = fastnn.Sequential([fastnn.Dense(8, "tanh"), fastnn.Dense(outputs, activation)], 5)
    return net, X, y, net.fit(X, y, loss=loss, epochs=3, **options)


@pytest.mark.parametrize(
    ("loss", "outputs", "activation"),
    [(CE, 3, "identity"), (CE, 3, "softmax"), (BCE, 1, "identity"), (BCE, 1, "sigmoid")],
)
def test_evaluate_gives_probabilities(loss, outputs, activation):
    net, X, y, _ = trained(loss, outputs, activation)
    weights = np.random.default_rng(4).random(N)
    names = ["accuracy", "precision", "recall", "f1", "roc_auc"]
    found = net.evaluate(X, y, metrics=names, sample_weight=weights)
    assert list(found) == ["loss", *names]
    probabilities = net.predict_proba(X)
    for name in names[1:]:
        assert found[name] == getattr(metrics, name)(y, probabilities, weights)
    assert found["accuracy"] == net.evaluate(X, y, sample_weight=weights)["accuracy"]


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("negative", [0, -1])
def test_hinges_classify_by_the_side_of_0(loss, negative):
    net, X, y, _ = trained(MSE, 1)
    z = net.predict(X)[:, 0]
    y = np.where(y == 1, 1, negative)
    assert len(set(z > 0)) == len(set(z > 0.5)) == 2
    names = ["accuracy", "precision", "recall", "roc_auc"]
    found = net.evaluate(X, y, loss=loss, metrics=names)
    assert found["accuracy"] == np.mean((z > 0) == (y == 1))
    assert found["precision"] == metrics.precision(y == 1, z > 0)
    assert found["recall"] == metrics.recall(y == 1, z > 0)
    assert found["roc_auc"] == metrics.roc_auc(y == 1, z)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_metrics_of_a_log_link_compare_the_mean(loss):
    net, X, y, _ = trained(MSE, 1)
    y, mean = y + 0.5, np.exp(net.predict(X))
    found = net.evaluate(X, y, loss=loss, metrics=["r2", "mae", "rmse"])
    for name in ("r2", "mae", "rmse"):
        assert found[name] == pytest.approx(getattr(metrics, name)(y, mean), rel=1e-5)


def test_one_hot_rows_become_labels():
    net, X, y, _ = trained(CE, 3)
    names = ["f1", functools.partial(metrics.top_k, k=2)]
    a, b = (net.evaluate(X, t, metrics=names) for t in (y, np.eye(3)[y]))
    assert a["f1"] == b["f1"]
    assert a["top_k"] == b["top_k"] == metrics.top_k(y, net.predict(X), k=2)


def test_functions_of_ones_own():
    def bias(y, outputs):
        return np.mean(outputs - y)

    net, X, y, history = trained(MSE, 1, metrics=[bias, "r2"], validation_split=0.25)
    assert list(history) == ["loss", "bias", "r2", "val_loss", "val_bias", "val_r2"]
    found = net.evaluate(X, y, metrics=[bias, "rmse"])
    assert found["rmse"] == pytest.approx(found["loss"] ** 0.5, rel=1e-6)
    with pytest.raises(TypeError, match="sample_weight"):
        net.evaluate(X, y, metrics=[bias], sample_weight=np.ones(N))


@pytest.mark.parametrize("how", ["split", "data"])
def test_validation_metrics_are_those_of_evaluate(how):
    rng = np.random.default_rng(5)
    X, weights = rng.integers(-50, 50, (N, 5)) / 64, rng.random(N)
    y = X[:, :3].argmax(axis=1)
    net = fastnn.Sequential([fastnn.Dense(3)], 5)
    rows = slice(None)
    options = {"validation_data": (X, y, weights)}
    if how == "split":
        rows = fastnn._samples.split(0, 0.25, (X, y, weights))[1]
        options = {"validation_split": 0.25, "sample_weight": weights}
    names = ["accuracy", "f1"]
    stop = fastnn.callbacks.EarlyStopping("val_f1", restore_best_weights=False)
    history = net.fit(X, y, loss=CE, metrics=names, epochs=3, callbacks=[stop], **options)
    assert list(history) == ["loss", *names, "val_loss", "val_accuracy", "val_f1"]
    found = net.evaluate(X[rows], y[rows], sample_weight=weights[rows], metrics=names)
    assert [history[f"val_{name}"][-1] for name in found] == pytest.approx([*found.values()])
    assert stop.best == max(history["val_f1"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["f2"], r"metrics: got \['f2'\], want a list of functions or of names"),
        ("f1", "metrics: got 'f1', want a list"),
        (["f1", "f1"], "metrics: got 'f1' twice"),
    ],
)
def test_bad_metrics(value, message):
    with pytest.raises(ValueError, match=message):
        trained(CE, 3, metrics=value)
