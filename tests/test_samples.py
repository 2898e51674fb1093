"""Which samples train and validate, what their classes weigh, and when a fit has had enough."""

import itertools
import time

import numpy as np
import pytest
from common import CLASSES, WIDTH, N, same
from common import labelled as data

import fastnn
from fastnn import _samples

CE, BCE, MSE = "cross_entropy", "binary_cross_entropy", "mean_squared_error"


def network(outputs=CLASSES, **options):
    layers = [fastnn.Dense(8, activation="tanh"), fastnn.Dense(outputs)]
    return fastnn.Sequential(layers, WIDTH, **options)


# ---- validation_split ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "share", "held"), [(50, 0.2, 10), (2, 0.01, 1), (2, 0.99, 1), (7, 0.5, 4)]
)
def test_split(n, share, held):
    checked = np.zeros((n, 1)), None, None
    training, validation = _samples.split(3, share, checked)
    assert len(validation) == held
    assert sorted([*training, *validation]) == list(range(n))
    again = _samples.split(3, share, checked)
    assert all(map(np.array_equal, (training, validation), again))


def test_the_parts_depend_on_the_seed():
    parts = [_samples.split(seed, 0.2, (np.zeros((N, 1)), None, None))[1] for seed in range(3)]
    assert len({tuple(part) for part in parts}) == 3


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_split_is_two_arrays(shuffle, weighted):
    """Bit for bit what the two parts give, passed as arrays."""
    X, y = data()
    weights = np.random.default_rng(1).random(N) if weighted else None
    train, held = _samples.split(0, 0.2, (X, y, weights))
    options = {"loss": CE, "epochs": 3, "batch_size": 16, "shuffle": shuffle}
    options["metrics"] = ["accuracy"]
    net, twin = network(), network()
    history = net.fit(X, y, validation_split=0.2, sample_weight=weights, **options)
    parts = [(X[i], y[i], weights[i] if weighted else None) for i in (train, held)]
    expected = twin.fit(
        *parts[0][:2], sample_weight=parts[0][2], validation_data=parts[1], **options
    )
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert history == expected
    assert same(net, twin)


def test_the_held_out_do_not_train():
    X, y = data()
    _, held = _samples.split(0, 0.2, (X, y, None))
    changed = X.copy()
    changed[held] += 1
    net, other = network(), network()
    a = net.fit(X, y, loss=CE, validation_split=0.2)
    b = other.fit(changed, y, loss=CE, validation_split=0.2)
    assert same(net, other)
    assert a["val_loss"] != b["val_loss"]


@pytest.mark.parametrize("which", [0, 1])
def test_a_bad_row_is_named_as_in_X(which):
    X, y = data()
    row = _samples.split(0, 0.2, (X, y, None))[which][3]
    X[row, 2] = np.nan
    net, twin = network(), network()
    with pytest.raises(ValueError, match=f"^X: got nan in row {row}, column 2"):
        net.fit(X, y, loss=CE, validation_split=0.2)
    assert same(net, twin)


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, "a fifth", True])
def test_a_share_is_between_0_and_1(value):
    with pytest.raises((ValueError, TypeError), match="validation_split: got"):
        network().fit(*data(), loss=CE, validation_split=value)


def test_what_cannot_be_divided():
    X, y = data()
    with pytest.raises(ValueError, match="validation_split: got 1 sample"):
        network().fit(X[:1], y[:1], loss=CE, validation_split=0.5)
    with pytest.raises(ValueError, match="validation_split: got one and validation_data too"):
        network().fit(X, y, loss=CE, validation_split=0.5, validation_data=(X, y))
    parts = _samples.split(0, 0.2, (X, y, None))
    for part, rows in zip(("training", "validation"), parts, strict=True):
        weights = np.ones(N)
        weights[rows] = 0
        with pytest.raises(ValueError, match=f"all weights of the {part} part are 0"):
            network().fit(X, y, loss=CE, validation_split=0.2, sample_weight=weights)


# ---- class_weight --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [{0: 2.0, 2: 0.5}, [2, 1, 0.5], np.array([2, 1, 0.5])])
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weight_multiplies_sample_weight(value, weighted):
    X, y = data()
    weights = np.random.default_rng(1).random(N) if weighted else np.ones(N)
    options = {"loss": CE, "epochs": 2, "validation_data": (X, y)}
    net, twin = network(), network()
    given = {"sample_weight": weights} if weighted else {}
    history = net.fit(X, y, class_weight=value, **given, **options)
    product = weights * np.array([2, 1, 0.5])[y]
    assert history == twin.fit(X, y, sample_weight=product, **options)
    assert same(net, twin)


@pytest.mark.parametrize("dtype", [bool, int, float])
def test_class_weight_of_one_output(dtype):
    X, y = data()
    y = (y == 1).astype(dtype)
    net, twin = network(1), network(1)
    net.fit(X, y, loss=BCE, class_weight={1: 3})
    twin.fit(X, y, loss=BCE, sample_weight=1.0 + 2 * y)
    assert same(net, twin)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({3: 1}, "class_weight: a class: got 3, want at most 2"),
        ({"cat": 1}, "class_weight: a class: got 'cat', want a whole number"),
        ({1: -1}, r"class_weight\[1\]: got -1, want"),
        ([1, 2], r"class_weight: got shape \(2,\), want \(3,\)"),
        ([1, 2, -1], "class_weight: got -1.0 at 2, want finite weights"),
        ([0, 0, 0], "class_weight times sample_weight: all weights are 0"),
    ],
)
def test_bad_class_weights(value, message):
    net = network()
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(*data(), loss=CE, class_weight=value)
    assert net.loss is None


def test_class_weight_wants_classes():
    X, y = data()
    with pytest.raises(ValueError, match="class_weight: want integer labels"):
        network().fit(X, np.eye(CLASSES)[y], loss=CE, class_weight={0: 2})
    with pytest.raises(ValueError, match="class_weight: want integer labels"):
        network(1).fit(X, X[:, 0], loss=MSE, class_weight={0: 2})


# ---- enough --------------------------------------------------------------------------------------


def test_target_loss():
    X, y = data()
    full = network().fit(X, y, loss=CE, epochs=40)["loss"]
    target = full[20]
    first = next(i for i, loss in enumerate(full) if loss <= target)
    assert network().fit(X, y, loss=CE, epochs=40, target_loss=target)["loss"] == full[: first + 1]
    assert network().fit(X, y, loss=CE, epochs=3, target_loss=0)["loss"] == full[:3]


def test_time_budget(monkeypatch):
    """A clock that every look moves on by a second."""
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    history = network().fit(*data(), loss=CE, epochs=10**6, time_budget=30)
    assert 2 <= len(history["loss"]) <= 30


def test_a_budget_that_is_over_at_once_gives_one_epoch():
    assert len(network().fit(*data(), loss=CE, epochs=9, time_budget=1e-12)["loss"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_budget": 0}, "time_budget: got 0, want"),
        ({"time_budget": "1 h"}, "time_budget: got '1 h', want"),
        ({"target_loss": np.nan}, "target_loss: got nan, want"),
    ],
)
def test_bad_limits(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        network().fit(*data(), loss=CE, **options)
