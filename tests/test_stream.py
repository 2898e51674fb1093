"""`fit` of batches: the same steps as by hand, told errors, and the way back."""

import numpy as np
import pytest
from common import CLASSES, WIDTH, N, same
from common import labelled as data

import fastnn
from fastnn import training
from fastnn._stream import StreamRun
from fastnn.callbacks import Lambda

SIZE = 8
CE, MSE = "cross_entropy", "mean_squared_error"


def network(outputs=CLASSES, lazy=False, **options):
    layers = [fastnn.Dense(8, "tanh"), fastnn.Dropout(0.2), fastnn.Dense(outputs)]
    return fastnn.Sequential(layers, None if lazy else WIDTH, **options)


def pairs(*arrays, size=SIZE):
    return [tuple(a[i : i + size] for a in arrays) for i in range(0, len(arrays[0]), size)]


class Again:
    """Begins anew, and fills the same arrays again."""

    def __init__(self, batches):
        self.batches, self.begun = batches, 0

    def __iter__(self):
        self.begun += 1
        room = [np.empty_like(array) for array in self.batches[0]]
        for batch in self.batches:
            parts = [where[: len(array)] for where, array in zip(room, batch, strict=True)]
            for part, array in zip(parts, batch, strict=True):
                part[...] = array
            yield tuple(parts)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("lazy", [False, True])
def test_batches_train_as_the_arrays_that_they_are_of(lazy, accumulate, weighted):
    X, y = data()
    weights = np.random.default_rng(1).random(N)
    net, twin = network(lazy=lazy), network()
    options = {"loss": CE, "epochs": 3, "metrics": ["accuracy", "f1"], "accumulate": accumulate}
    options |= {"class_weight": {1: 2.0}, "validation_data": (X, y)}
    source = Again(pairs(X, y, *([weights] if weighted else [])))
    history = net.fit(source, **options)
    given = {"sample_weight": weights} if weighted else {}
    expected = twin.fit(X, y, batch_size=SIZE, shuffle=False, **given, **options)
    assert source.begun == 3
    assert same(net, twin)
    assert list(history) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-12)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_batch_of_classes_that_weigh_nothing(accumulate):
    X, y = data()
    order = np.argsort(y)  # of class 0 alone first
    options = {"loss": CE, "class_weight": {0: 0.0}, "accumulate": accumulate}
    net, twin = network(), network()
    history = net.fit(pairs(X[order], y[order]), **options)
    expected = twin.fit(X[order], y[order], batch_size=SIZE, shuffle=False, **options)
    assert same(net, twin)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-12)


def test_steps_of_an_epoch():
    """An epoch begins where the one before ended; only what can begin anew does."""
    X, y = data()
    batches = pairs(X, y)
    nets = [network() for _ in range(3)]
    options = {"loss": CE, "optimizer": "adam"}
    nets[0].fit(Again(batches), epochs=4, steps_per_epoch=5, **options)
    nets[1].fit((batches[i % 7] for i in range(20)), epochs=4, steps_per_epoch=5, **options)
    for i in range(20):
        nets[2].train_on_batch(*batches[i % 7], **options)
    assert same(nets[0], nets[2])
    assert same(nets[1], nets[2])
    once = network()
    history = once.fit(iter(batches), **options)
    assert len(history["loss"]) == 1
    assert once._plan.optimizer_state()[1] == 7


def test_hooks_of_batches():
    X, y = data()
    seen = []
    watch = Lambda(on_batch_end=lambda batch, logs: seen.append((batch, logs["loss"])))
    history = network().fit(pairs(X, y), loss=CE, epochs=2, callbacks=[watch])
    assert [batch for batch, _ in seen] == [*range(7)] * 2
    sizes = [SIZE] * 6 + [2]
    means = [np.average([loss for _, loss in part], weights=sizes) for part in (seen[:7], seen[7:])]
    np.testing.assert_allclose(history["loss"], means, rtol=1e-12)


@pytest.mark.parametrize("kept", [1, 100])
@pytest.mark.parametrize("share", [0, 1e9], ids=["copy each step", "one copy"])
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("batches", [1, 3, 7])
def test_the_way_back(monkeypatch, batches, accumulate, share, kept):
    monkeypatch.setattr(training._Run, "COPY_SHARE", share)
    monkeypatch.setattr(StreamRun, "KEPT", kept)
    X = data(n=SIZE * batches)[0]
    y = X.sum(axis=1) + 1
    net, twin = network(1), network(1)
    optimizer = fastnn.SGD(3.0, 0.9)
    with pytest.raises(fastnn.NonFiniteError) as caught:
        net.fit(
            Again(pairs(X, y)), loss=MSE, optimizer=optimizer, epochs=10**4, accumulate=accumulate
        )
    seen, failed = [twin.parameters], False
    per_epoch = -(-batches // accumulate)
    while not failed:
        step = len(seen) - 1
        rows = slice(
            step % per_epoch * SIZE * accumulate, (step % per_epoch + 1) * SIZE * accumulate
        )
        options = {"loss": MSE, "optimizer": optimizer, "batch_size": SIZE, "shuffle": False}
        try:
            twin.fit(X[rows], y[rows], accumulate=accumulate, **options)
        except fastnn.NonFiniteError:
            failed = True
        else:
            seen.append(twin.parameters)
    assert caught.value.epoch * per_epoch + caught.value.batch // accumulate == len(seen) - 1
    assert len(seen) > 3
    assert np.array_equal(net.parameters, seen[-2])


# ---- what is wrong -----------------------------------------------------------------------------


def spoiled(number, batch):
    batches = pairs(*data())
    batches[number] = batch(*batches[number])
    return batches


def with_nan(X, y):
    X = X.copy()
    X[1, 2] = np.nan
    return X, y


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("number", [0, 4])
@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (lambda X, y: X, r"X: batch {}: got ndarray, want a tuple \(X, y\)"),
        (lambda X, y: (X,), r"X: batch {}: got tuple, want a tuple \(X, y\)"),
        (lambda X, y: (X[:, :4], y), "X: X of batch {}: got 4 features, want 5"),
        (lambda X, y: (X, y[:3]), r"X: y of batch {}: got shape \(3,\), want 8 rows"),
        (lambda X, y: (X, y + 7), "X: y of batch {}: got .*, want 0 to 2"),
        (
            lambda X, y: (X, y, -y - 1.0),
            "X: sample_weight of batch {}: got -.* at 0, want finite weights",
        ),
        (lambda X, y: (X[:0], y[:0]), "X: X of batch {}: got 0 samples"),
        (with_nan, "X: X of batch {}: got nan in row 1, column 2"),
    ],
)
def test_a_wrong_batch_is_named(batch, message, number, accumulate):
    net, twin = network(), network()
    with pytest.raises((ValueError, TypeError), match="^" + message.format(number)):
        net.fit(spoiled(number, batch), loss=CE, accumulate=accumulate)
    for i in range(number // accumulate):
        X, y = (array[i * SIZE * accumulate :][: SIZE * accumulate] for array in data())
        twin.fit(X, y, loss=CE, accumulate=accumulate, batch_size=SIZE, shuffle=False)
    assert same(net, twin)
    if number == 0:
        assert net.loss is None


def test_labels_and_rows_do_not_make_one_step():
    batches = spoiled(1, lambda X, y: (X, np.eye(CLASSES)[y]))
    network().fit(batches, loss=CE)
    with pytest.raises(ValueError, match="X: y of batch 1: want labels, or rows of numbers"):
        network().fit(batches, loss=CE, accumulate=2)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (lambda: iter(pairs(*data())), {"epochs": 2}, "X: got a list_iterator, which ends with"),
        (
            lambda: (batch for batch in pairs(*data())),
            {"epochs": 2, "steps_per_epoch": 4},
            "X: the generator ended after 3 steps of epoch 1, want 4",
        ),
        (list, {}, "X: got an iterable of no batches"),
        (lambda: data()[0], {}, "y: got None and X: got ndarray, want targets, or X to be"),
        (lambda: 3, {}, "y: got None and X: got int"),
        (lambda: pairs(*data()), {"sample_weight": [1]}, "sample_weight: got one without y"),
        (lambda: pairs(*data()), {"validation_split": 0.5}, "validation_split: got one without y"),
        (lambda: pairs(*data()), {"steps_per_epoch": 0}, "steps_per_epoch: got 0"),
        (lambda: data()[0], {"y": data()[1], "steps_per_epoch": 3}, "steps_per_epoch: got one"),
    ],
)
def test_wrong_sources(source, options, message):
    net = network()
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(source(), loss=CE, **options)


def test_a_source_that_is_empty_the_second_time():
    class Once:
        begun = False

        def __iter__(self):
            batches, self.begun = [] if self.begun else pairs(*data()), True
            return iter(batches)

    with pytest.raises(ValueError, match="X: the Once ended after 0 steps of epoch 1, want at"):
        network().fit(Once(), loss=CE, epochs=3)


def test_time_ends_an_epoch_of_batches():
    def endless():
        while True:
            yield data()

    history = network().fit(
        endless(), loss=CE, epochs=9, steps_per_epoch=10**9, time_budget=0.05, metrics=["f1"]
    )
    assert len(history["loss"]) == len(history["f1"]) == 1


def test_the_state_between_epochs():
    X, y = data()
    states = []
    keep = Lambda(on_epoch_end=lambda epoch, logs: states.append(keep.run.get_state()))
    network().fit(pairs(X, y), loss=CE, epochs=2, callbacks=[keep])
    assert [(state["done"], state["position"]) for state in states] == [(1, 0), (2, 0)]
    watch = Lambda(on_batch_end=lambda batch, logs: watch.run.get_state())
    with pytest.raises(ValueError, match="get_state: called within an epoch of batches"):
        network().fit(pairs(X, y), loss=CE, callbacks=[watch])
