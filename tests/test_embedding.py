"""Embedding: values and gradients against NumPy, what a step leaves alone, bad codes, bits."""

import hashlib
import itertools
import pickle

import numpy as np
import pytest
from common import engine

import fastnn
from fastnn import _core

RNG = np.random.default_rng(3)
N = 70
# Columns 1, 2 and 5 hold codes; code 3 of column 1 never comes up.
X = RNG.normal(size=(N, 6))
X[:, 1] = RNG.choice([0, 1, 2, 4], N)
X[:, 2] = RNG.integers(0, 3, N)
X[:, 5] = RNG.integers(0, 40, N)
Y = RNG.normal(size=(N, 2))
LABELS = RNG.integers(0, 3, N)
COLUMNS = {5: (40, 37), 1: (5, 3), 2: (3, 16)}  # 6 - 3 + 3 + 16 + 37 = 59 outputs
RULES = [
    fastnn.SGD(lr=0.1),
    fastnn.SGD(lr=0.1, momentum=0.9, nesterov=True),
    fastnn.Adam(lr=0.1),
    fastnn.AdamW(lr=0.1, weight_decay=0.1, amsgrad=True),
    fastnn.Rprop(lr=0.1),
    fastnn.AdamW(lr=0.1, clip_value=1e-3),
    fastnn.Adam(lr=0.1, clip_norm=1e-3),
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)


def network(*layers, dtype="float64", **options):
    layers = layers or (fastnn.Dense(8, activation="tanh"), fastnn.Dense(2))
    embedding = fastnn.Embedding(COLUMNS, **options)
    return fastnn.Sequential([embedding, *layers], input_size=6, seed=1, dtype=dtype)


def looked_up(tables, X):
    """The layer's NumPy twin."""
    parts = [
        tables[k][X[:, k].astype(int)] if k in tables else X[:, k : k + 1]
        for k in range(X.shape[1])
    ]
    return np.hstack(parts)


def one_hot(X):
    counts = {column: count for column, (count, _) in COLUMNS.items()}
    return looked_up({column: np.eye(count) for column, count in counts.items()}, X)


# ---- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_type", [np.float64, np.float32, "list"])
def test_codes_become_vectors_where_they_stand(as_type):
    net = network()
    tables = net.layers[0].tables
    assert {column: table.shape for column, table in tables.items()} == COLUMNS
    given = X.tolist() if as_type == "list" else X.astype(as_type)
    hidden = looked_up(tables, np.asarray(given, np.float64))
    one, two = net.layers[1:]
    want = np.tanh(hidden @ one.weights + one.bias) @ two.weights + two.bias
    np.testing.assert_allclose(net.predict(given), want, rtol=1e-12)
    assert (net.layers[0].outputs, one.inputs) == (59, 59)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "uint64", "bool"])
def test_a_table_of_codes_alone(dtype):
    codes = np.array([[0, 1], [1, 1], [1, 0]]).astype(dtype)
    net = fastnn.Sequential([fastnn.Embedding({0: (2, 1), 1: (2, 20)}), fastnn.Dense(3)], 2)
    W, b = net.layers[1].weights, net.layers[1].bias
    want = looked_up(net.layers[0].tables, codes) @ W + b
    np.testing.assert_allclose(net.predict(codes), want, rtol=1e-5)


def test_first_values():
    net = fastnn.Sequential([fastnn.Embedding({0: (4000, 9), 1: (4000, 9)})], 2, seed=5)
    one, two = net.layers[0].tables.values()
    assert one.std() == pytest.approx(1 / 3, rel=0.02)
    assert np.abs((one * two).mean()) < 0.003  # of another stream
    many = fastnn.Embedding(
        dict.fromkeys(range(4), (50, 50)), weight_init=fastnn.initializers.Ones()
    )
    assert fastnn.Sequential([many], 4).parameters.tolist() == [1] * 10_000
    drawn = network(weight_init=lambda shape, rng: rng.laplace(size=shape))
    assert len({*drawn.layers[0].tables[1].ravel()}) == 15
    fewest, most = fastnn.Embedding({0: 12, 1: 1_000_000}).columns
    assert (fewest, most) == ((0, 12, 6), (1, 1_000_000, 600))  # fastai's emb_sz_rule


def test_tables_can_be_set():
    net = network()
    table = np.arange(15).reshape(5, 3)
    net.layers[0].tables = {1: table}
    np.testing.assert_array_equal(net.layers[0].tables[1], table)
    np.testing.assert_array_equal(net.parameters[:15], table.ravel())
    with pytest.raises(ValueError, match=r"table_1: got shape \(5, 4\), want \(5, 3\)"):
        net.layers[0].tables = {1: np.zeros((5, 4))}
    with pytest.raises(ValueError, match="table_0: this layer has none to set"):
        net.layers[0].tables = {0: table}
    assert net.layers[1].tables is None


def test_in_a_branch():
    deep = [fastnn.Embedding(COLUMNS), fastnn.Dense(7, activation="gelu")]
    wide = [fastnn.Embedding({1: (5, 2)})]
    net = fastnn.Sequential(
        [fastnn.Concatenate([deep, wide, []]), fastnn.Dense(3)], input_size=6, dtype="float64"
    )
    assert fastnn.check_gradient(net, X, LABELS, loss="cross_entropy", samples=200).passed
    assert net.layers[0].outputs == 7 + 7 + 6


# ---- gradients and steps ------------------------------------------------------------------------


def test_gradient_is_the_sum_over_the_rows_of_a_code():
    net = network(fastnn.Dense(2))
    layer, dense = net.layers
    dZ = 2 * (looked_up(layer.tables, X) @ dense.weights + dense.bias - Y) / Y.size
    dZ = dZ @ dense.weights.T
    _, gradient = net.loss_and_gradient(X, Y, loss="mean_squared_error")
    at = 0
    for column, first in ((1, 1), (2, 4), (5, 22)):
        count, dim = COLUMNS[column]
        want = np.zeros((count, dim))
        np.add.at(want, X[:, column].astype(int), dZ[:, first : first + dim])
        got = gradient[at : at + want.size].reshape(want.shape)
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-16)
        at += want.size


@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_of_differences(training):
    net = network(fastnn.BatchNorm(), fastnn.Dense(5, activation="gelu"), fastnn.Dense(3))
    report = fastnn.check_gradient(
        net, X, LABELS, loss="cross_entropy", training=training, samples=400
    )
    assert report.passed, report


def test_gradients_of_many_chunks():
    """A gradient over more than 1024 rows is summed up in pieces, and begins anew each time."""
    net = network()
    many, targets = np.tile(X, (40, 1)), np.tile(Y, (40, 1))
    small = net.loss_and_gradient(X, Y, loss="mean_squared_error")[1]
    for _ in range(2):
        large = net.loss_and_gradient(many, targets, loss="mean_squared_error")[1]
        np.testing.assert_allclose(large, small, rtol=1e-9, atol=1e-13)


@every_rule
def test_one_step_is_that_of_a_dense_layer_on_one_hot_columns(rule):
    """Of the codes in the batch: there the rule sees the same gradients."""
    net = network(fastnn.Dense(2))
    tables, W = net.layers[0].tables, net.layers[1].weights
    twin = fastnn.Sequential([fastnn.Dense(59, bias=False), fastnn.Dense(2)], 51, dtype="float64")
    first = np.zeros((51, 59))  # block by block: a number passes, a code has its row
    k = n = 0
    for column in range(6):
        block = tables.get(column, np.ones((1, 1)))
        first[k : k + block.shape[0], n : n + block.shape[1]] = block
        k, n = k + block.shape[0], n + block.shape[1]
    twin.layers[0].weights, twin.layers[1].weights = first, W
    np.testing.assert_allclose(net.predict(X), twin.predict(one_hot(X)), rtol=1e-10)
    if rule.clip_norm:
        return  # that of the twin's first layer has other weights in it too
    net.train_on_batch(X, Y, loss="mean_squared_error", optimizer=rule)
    twin.train_on_batch(one_hot(X), Y, loss="mean_squared_error", optimizer=rule)
    moved = twin.layers[0].weights
    here, there = net.layers[0].tables, {1: moved[1:6, 1:4], 2: moved[6:9, 4:20]}
    seen = [0, 1, 2, 4]
    np.testing.assert_allclose(here[1][seen], there[1][seen], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(here[2], there[2], rtol=1e-7, atol=1e-9)
    assert (here[2] != tables[2]).any()


@every_rule
def test_a_step_leaves_the_other_rows_alone(rule):
    """Also where they have momentum from steps before, and weight decay."""
    net = network()
    net.fit(X, Y, loss="mean_squared_error", optimizer=rule, epochs=2)
    assert np.array_equal(net.layers[0].tables[1][3], network().layers[0].tables[1][3])
    slots = [name for name in ("slot_0", "slot_1") if net._read(name).any()]

    def rows_of_column_1():
        parts = [net.parameters, *(net._read(name) for name in slots)]
        return np.array([part[:15].reshape(5, 3) for part in parts])

    some = X[X[:, 1] < 2]  # without codes 2, 3 and 4
    before = rows_of_column_1()
    net.train_on_batch(some, Y[: len(some)])
    after = rows_of_column_1()
    np.testing.assert_array_equal(after[:, 2:], before[:, 2:])
    assert (after[0, :2] != before[0, :2]).any(axis=1).all()


def test_clipping_sees_the_norm_of_the_rows_in_the_batch():
    net = network(fastnn.Dense(2))
    before = net.parameters
    gradient = net.loss_and_gradient(X, Y, loss="mean_squared_error")[1]
    rule = fastnn.SGD(lr=1.0, clip_global_norm=1e-3)
    net.train_on_batch(X, Y, loss="mean_squared_error", optimizer=rule)
    want = before - gradient * 1e-3 / np.linalg.norm(gradient)
    np.testing.assert_allclose(net.parameters, want, rtol=1e-12)
    # A gradient after it is that of all tables, whatever clipping left in its place.
    few = X[:2]
    again = net.loss_and_gradient(few, Y[:2])[1][:15].reshape(5, 3)
    absent = sorted({0, 1, 2, 3, 4} - {*few[:, 1].astype(int)})
    assert not again[absent].any()


def test_groups():
    still = network(lr_scale=0.0)
    frozen = network(trainable=False)
    for net in (still, frozen):
        before = net.layers[0].tables
        net.fit(X, Y, loss="mean_squared_error", optimizer=fastnn.Adam(clip_global_norm=1.0))
        for column in COLUMNS:
            np.testing.assert_array_equal(net.layers[0].tables[column], before[column])
    kept, decayed = network(decay_scale=0.0), network()
    for net in (kept, decayed):
        net.layers[1].weights = np.zeros((59, 8))  # no gradient reaches the tables
        rule = fastnn.AdamW(lr=0.1, weight_decay=0.5)
        before = net.layers[0].tables[2]
        net.train_on_batch(X, Y, loss="mean_squared_error", optimizer=rule)
        factor = 1 if net is kept else 0.95
        np.testing.assert_allclose(net.layers[0].tables[2], factor * before, rtol=1e-12)


def test_it_learns_what_a_number_cannot():
    """The target is another one for each code, in no order."""
    codes = RNG.integers(0, 50, (600, 1))
    target = RNG.permutation(50)[codes[:, 0]] / 10
    net = fastnn.Sequential([fastnn.Embedding({0: 50}), fastnn.Dense(1)])
    net.fit(codes, target, loss="mean_squared_error", optimizer=fastnn.Adam(lr=0.05), epochs=60)
    assert net.evaluate(codes, target)["loss"] < 0.01


# ---- what is no code ----------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, r"got 5.0 in row 66, column 1, want a category, 0 to 4"),
        (-1, r"got -1.0 in row 66, column 1, want a category"),
        (1.5, r"got 1.5 in row 66, column 1, want a category"),
        (1e30, r"got 1e\+30 in row 66, column 1, want a category"),
        (np.nan, r"got nan in row 66, column 1, want finite"),
        (np.inf, r"got inf in row 66, column 1, want finite"),
    ],
)
def test_bad_codes(value, message, threads):
    net = network(dtype="float32")
    net._exact_threads = threads
    net.fit(X, Y, loss="mean_squared_error")
    before = net.parameters
    bad = X.copy()
    bad[66, 1] = value
    calls = [
        lambda: net.fit(bad, Y, batch_size=16),
        lambda: net.train_on_batch(bad, Y),
        lambda: net.evaluate(bad, Y),
        lambda: net.predict(bad),
        lambda: net.loss_and_gradient(bad, Y),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=f"^X: {message}"):
            call()
        np.testing.assert_array_equal(net.parameters, before)


def test_a_bad_code_of_whole_numbers():
    net = fastnn.Sequential([fastnn.Embedding({0: 3}), fastnn.Dense(1)], 1)
    for value in (3, 2**24 + 1, 2**63 - 1, -(2**63)):
        with pytest.raises(ValueError, match=f"got {value} in row 0, column 0, want a category"):
            net.predict(np.array([[value]]))
    bad = np.array([[0.0], [7.0]])
    with pytest.raises(ValueError, match="y: got nan in row 1, column 0, want finite"):
        net.fit(bad[[0, 0]], [0, np.nan], loss="mean_squared_error")


# ---- bits, files, text ---------------------------------------------------------------------------


def trained(isa, threads, dtype, rule):
    with engine(isa, threads):
        layers = [fastnn.Dense(256, activation="gelu"), fastnn.Dense(3)]
        net = network(*layers, dtype=dtype)
        net._exact_threads = threads  # by itself it would take one
        net.fit(X, LABELS, loss="cross_entropy", epochs=4, batch_size=16, optimizer=rule)
        net.loss_and_gradient(X, LABELS, training=True)
        parts = (net.parameters, net._read("gradient"), net._read("slot_0"), net.predict(X))
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.mark.parametrize("rule", RULES[-3:], ids=repr)
@pytest.mark.parametrize("dtype", _core.DTYPES)
def test_same_bits(dtype, rule):
    isas = [isa for isa in _core.isas() if isa != "baseline"]
    hashes = {
        trained(isa, threads, dtype, rule)
        for isa, threads in itertools.product(isas, (1, 2, 3, 4, 7))
    }
    assert len(hashes) == 1


def test_saved_copied_and_pickled(tmp_path):
    net = network(fastnn.Dense(3), dtype="float32", weight_init="he_normal", lr_scale=0.5)
    net.fit(X, LABELS, loss="cross_entropy", epochs=2)
    net.save(tmp_path / "net.safetensors")
    copies = [fastnn.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(net))]
    for copy in copies:
        assert copy.specs == net.specs
        np.testing.assert_array_equal(copy.predict(X), net.predict(X))
        np.testing.assert_array_equal(copy.layers[0].tables[5], net.layers[0].tables[5])
    for one in (net, copies[1]):  # a pickle goes on where it was
        one.fit(X, LABELS, epochs=1)
    np.testing.assert_array_equal(copies[1].parameters, net.parameters)
    text = net.summary()
    assert "0 Embedding" in text
    assert "6 -> 59" in text
    assert f"{15 + 48 + 40 * 37:,}" in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fastnn.Embedding({}), "columns: got 0, want 1 to"),
        (lambda: fastnn.Embedding(3), "columns: got 3, want a dict"),
        (lambda: fastnn.Embedding({-1: 3}), "columns: got -1"),
        (lambda: fastnn.Embedding({0: 0}), r"columns\[0\]: got 0"),
        (lambda: fastnn.Embedding({0: 2.5}), r"columns\[0\]: got 2.5"),
        (lambda: fastnn.Embedding({0: (3, 0)}), r"columns\[0\]: got 0"),
        (lambda: fastnn.Embedding({0: (3, 4, 5)}), r"columns\[0\]: got \(3, 4, 5\)"),
        (lambda: fastnn.Embedding({0: 2**24 + 1}), r"columns\[0\]: got 16777217, want at most"),
        (lambda: fastnn.Embedding([(0, 3, 2), (0, 4, 2)]), "columns: .* want each column once"),
        (lambda: fastnn.Embedding({0: 3}, weight_init=5), "weight_init: got 5"),
        (
            lambda: fastnn.Sequential([fastnn.Embedding({6: 3}), fastnn.Dense(1)], 6),
            r"layers\[0\]: the Embedding has column 6, counted from 0, and the input 6 columns",
        ),
        (
            lambda: fastnn.Sequential([fastnn.Dense(9), fastnn.Embedding({0: 3})]),
            r"layers\[1\]: an Embedding replaces columns of the network's input, want it first",
        ),
    ],
)
def test_bad_layers(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
