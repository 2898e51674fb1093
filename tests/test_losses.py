"""Losses with numbers of their own, targets they refuse, and several quantiles."""

import numpy as np
import pytest

import fastnn
from fastnn import losses

RNG = np.random.default_rng(2)
X = RNG.normal(size=(30, 5))
LABELS = RNG.integers(0, 4, 30)
BINARY = RNG.integers(0, 2, (30, 4)).astype(float)
REAL = RNG.normal(size=(30, 4))


def network(outputs=4, dtype="float64"):
    layers = [fastnn.Dense(7, activation="tanh"), fastnn.Dense(outputs)]
    return fastnn.Sequential(layers, input_size=5, dtype=dtype, seed=3)


NUMBERS = {
    "huber": (losses.Huber(0.3), REAL),
    "quantile": (losses.Quantile(0.9), REAL),
    "quantiles": (losses.Quantile((0.1, 0.5, 0.7, 0.9)), REAL[:, 0]),
    "quantiles of two": (losses.Quantile([0.2, 0.8]), REAL[:, :2]),
    "tweedie": (losses.Tweedie(1.2), np.abs(REAL)),
    "pos_weight": (losses.BinaryCrossEntropy(3.0), BINARY),
    "pos_weights": (losses.BinaryCrossEntropy([0.5, 1, 2, 5]), BINARY * 0.9),
    "focal": (losses.Focal(1.5, alpha=0.25), BINARY),
    "smooth": (losses.CrossEntropy(label_smoothing=0.2), LABELS),
    "smooth rows": (losses.CrossEntropy(label_smoothing=0.2), np.eye(4)[LABELS]),
    "kl labels": (losses.KLDivergence(), LABELS),
    "weighted": (losses.CrossEntropy(class_weight=[0.5, 2, 0, 1]), LABELS),
    "weighted rows": (losses.CrossEntropy(0.1, class_weight=np.arange(4)), np.eye(4)[LABELS]),
    "gaussian": (losses.GaussianNLL(), REAL[:, :2]),
    "cosine": (losses.CosineSimilarity(), REAL),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_gradients(name):
    loss, y = NUMBERS[name]
    assert fastnn.check_gradient(network(), X, y, loss=loss).passed


@pytest.mark.parametrize("name", NUMBERS)
def test_saved(name, tmp_path):
    loss, y = NUMBERS[name]
    net = network()
    net.fit(X, y, loss=loss)
    net.save(tmp_path / "net.safetensors")
    assert fastnn.load(tmp_path / "net.safetensors").loss == loss
    assert net.evaluate(X, y)["loss"] > 0


def test_label_smoothing_is_the_smoothed_rows():
    net, smooth = network(), losses.CrossEntropy(label_smoothing=0.2)
    rows = np.eye(4)[LABELS]
    expected = net.evaluate(X, 0.8 * rows + 0.05, loss="cross_entropy")["loss"]
    assert net.evaluate(X, LABELS, loss=smooth)["loss"] == pytest.approx(expected, rel=1e-12)
    assert net.evaluate(X, rows, loss=smooth)["loss"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_class_weights_multiply_the_terms(smoothing):
    net = network()
    z = net.predict(X)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    w, one_hot = np.array([0.5, 0, 1, 3]), np.eye(4)[LABELS]
    t = (1 - smoothing) * one_hot + smoothing / 4
    weights = RNG.uniform(size=30)
    expected = -(weights @ (w * t * log_p)).sum() / weights.sum()
    loss = losses.CrossEntropy(smoothing, class_weight=w)
    for y in (LABELS, one_hot):
        value = net.evaluate(X, y, loss=loss, sample_weight=weights)["loss"]
        assert value == pytest.approx(expected, rel=1e-12)


def test_class_weights_of_labels_are_sample_weights():
    """But for what the mean divides by: the samples' number, not the sum of the weights."""
    net, w = network(), np.array([0.5, 0.1, 1, 3])
    by_class = net.evaluate(X, LABELS, loss=losses.CrossEntropy(class_weight=w))["loss"]
    by_sample = net.evaluate(X, LABELS, loss="cross_entropy", sample_weight=w[LABELS])["loss"]
    assert by_class == pytest.approx(by_sample * w[LABELS].mean(), rel=1e-12)


def test_gaussian_nll_learns_mean_and_variance():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 2, (4000, 1))  # two groups, of means 1 and -2, deviations 0.5 and 2
    y = np.where(x, -2, 1) + np.where(x, 2.0, 0.5) * generator.normal(size=(4000, 1))
    net = fastnn.Sequential([fastnn.Dense(2)], input_size=1, dtype="float64")
    net.fit(x, y, loss="gaussian_nll", optimizer=fastnn.Adam(0.05), epochs=300, batch_size=4000)
    for group in (0, 1):
        mean, log_variance = net.predict([[group]])[0]
        assert mean == pytest.approx(y[x == group].mean(), abs=1e-3)
        assert np.exp(log_variance) == pytest.approx(y[x == group].var(), rel=1e-2)


def test_several_columns_have_their_means_first():
    net = network()
    mean, log_variance = np.split(net.predict(X), 2, axis=1)
    t = REAL[:, :2]
    expected = ((log_variance + (mean - t) ** 2 / np.exp(log_variance)) / 2).mean()
    found = net.evaluate(X, t, loss="gaussian_nll", metrics=["mae"])
    assert found["loss"] == pytest.approx(expected, rel=1e-12)
    assert found["mae"] == pytest.approx(np.abs(mean - t).mean(), rel=1e-12)


def test_pos_weight_counts_the_first_term():
    net = network()
    z = net.predict(X)
    p = 1 / (1 + np.exp(-z))
    w = np.array([0.5, 1, 2, 5])
    expected = -(w * BINARY * np.log(p) + (1 - BINARY) * np.log(1 - p)).mean()
    loss = losses.BinaryCrossEntropy(w)
    assert net.evaluate(X, BINARY, loss=loss)["loss"] == pytest.approx(expected, rel=1e-12)


def test_quantiles_are_learned():
    generator = np.random.default_rng(0)
    X = np.ones((4000, 1))
    y = generator.exponential(size=4000)
    net = fastnn.Sequential([fastnn.Dense(3)], input_size=1, dtype="float64")
    loss = losses.Quantile((0.1, 0.5, 0.9))
    net.fit(X, y, loss=loss, optimizer=fastnn.Adam(fastnn.schedules.Cosine(0.05, steps=2500)),
            epochs=20, batch_size=32)  # fmt: skip
    np.testing.assert_allclose(net.predict(X[:1])[0], np.quantile(y, [0.1, 0.5, 0.9]), atol=0.05)


def test_poisson_learns_the_mean():
    y = np.random.default_rng(0).poisson(3.0, 2000)
    net = fastnn.Sequential([fastnn.Dense(1)], input_size=1, dtype="float64")
    net.fit(np.zeros((2000, 1)), y, loss="poisson", optimizer=fastnn.SGD(0.3), epochs=30,
            batch_size=2000)  # fmt: skip
    assert np.exp(net.predict([[0.0]])[0, 0]) == pytest.approx(y.mean(), rel=1e-3)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("poisson", -BINARY, r"y: got -1.0, want 0.0 to inf \(poisson wants targets"),
        ("gamma", BINARY, r"y: got 0.0, want .* to inf \(gamma wants targets"),
        ("tweedie", -BINARY, "y: got -1.0"),
        ("focal", 2 * BINARY, "y: got 2.0, want 0.0 to 1.0"),
        ("hinge", 2 * BINARY, "y: got 2.0, want -1.0 to 1.0"),
        ("kl_divergence", 2 * np.eye(4)[LABELS], "y: got 2.0, want 0 to 1"),
        (losses.Quantile((0.1, 0.5, 0.9)), REAL, "wants 3 outputs for each column of targets"),
        (losses.Quantile((0.1, 0.9)), REAL, r"y: got shape \(30, 4\), want \(30, 2\)"),
        (losses.BinaryCrossEntropy([1, 2]), BINARY, "pos_weight: got 2 weights, want 4"),
        (losses.CrossEntropy(class_weight=[1]), LABELS, "class_weight: got 1 weights, want 4"),
        ("gaussian_nll", REAL, r"y: got shape \(30, 4\), want \(30, 2\)"),
    ],
)
def test_targets_that_are_refused(loss, y, message):
    net = network()
    before = net.parameters
    with pytest.raises(ValueError, match=message):
        net.fit(X, y, loss=loss)
    np.testing.assert_array_equal(net.parameters, before)


def test_no_probabilities_of_a_log_link():
    net = network(1)
    net.fit(X, np.abs(REAL[:, 0]), loss="poisson")
    with pytest.raises(ValueError, match="predict_proba: the loss 'poisson' has none"):
        net.predict_proba(X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.Quantile(1.0), "quantile: got 1.0"),
        (lambda: losses.Quantile(()), "quantile: got none"),
        (lambda: losses.Quantile((0.5, "a")), "quantile: got 'a'"),
        (lambda: losses.Quantile("ab"), "quantile: got 'ab'"),
        (lambda: losses.BinaryCrossEntropy(0), "pos_weight: got 0"),
        (lambda: losses.BinaryCrossEntropy([1, -1]), "pos_weight: got -1"),
        (lambda: losses.Focal(alpha=1), "alpha: got 1"),
        (lambda: losses.CrossEntropy(class_weight=[1, -1]), "class_weight: got -1"),
        (lambda: losses.CrossEntropy(class_weight=(0, 0)), "class_weight: got .*, want one above"),
        (lambda: losses.CrossEntropy(class_weight=2.0), "class_weight: got 2.0, want a number a"),
        (lambda: losses.CrossEntropy(class_weight="balanced"), "class_weight: got 'balanced'"),
    ],
)
def test_bad_numbers(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
