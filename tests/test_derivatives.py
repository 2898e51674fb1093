"""Derivatives in the inputs and by sample: against differences, and against each other."""

import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(8)
X = RNG.normal(size=(9, 5))
Y = RNG.normal(size=(9, 3))
LABELS = RNG.integers(0, 3, size=9)
STEP = 1e-5

DEEP = [
    fastnn.BatchNorm(),
    fastnn.Dropout(0.3),
    fastnn.Concatenate([[fastnn.Dense(17, activation="gelu")], []]),
    fastnn.Residual([fastnn.LayerNorm(), fastnn.Dense(22, activation="tanh", l2=0.1)]),
    fastnn.GaussianNoise(0.1),
    fastnn.Dense(9, activation="silu"),
]
NETWORKS = {
    "one layer": [fastnn.Dense(3)],
    "shared input": [fastnn.Residual([fastnn.Dense(5, activation="sigmoid")]), fastnn.Dense(3)],
    "deep": [*DEEP, fastnn.Dense(3)],
    "tanh at the end": [*DEEP, fastnn.Dense(3, activation="tanh")],
    "prelu": [fastnn.Dense(7, activation="prelu"), fastnn.LayerNorm(), fastnn.Dense(3)],
    "sigmoid at the end": [fastnn.Dense(8, activation="elu"), fastnn.Dense(3, "sigmoid")],
    "softmax at the end": [fastnn.Dense(8, activation="mish"), fastnn.Dense(3, "softmax")],
    "log_softmax at the end": [fastnn.Dense(8, activation="mish"), fastnn.Dense(3, "log_softmax")],
}
networks = pytest.mark.parametrize("name", NETWORKS)


def network(name, dtype="float64"):
    net = fastnn.Sequential(NETWORKS[name], input_size=5, dtype=dtype, seed=3)
    net.parameters = net.parameters + RNG.normal(size=net.parameters.size) * 0.1
    if name == "deep":  # so that batch normalization's running statistics are no 0 and 1
        net.fit(X, Y, loss="mean_squared_error", optimizer="sgd", batch_size=9)
    return net


def targets(name):
    return (LABELS, "cross_entropy") if "softmax" in name else (Y, "mean_squared_error")


@networks
def test_gradient_wrt_input(name):
    net = network(name)
    y, loss = targets(name)
    weights = np.arange(9.0)  # one is 0
    gradient = net.gradient_wrt_input(X, y, loss=loss, sample_weight=weights)
    differences = np.empty_like(X)
    for at in np.ndindex(X.shape):
        values = []
        for sign in (1, -1):
            moved = X.copy()
            moved[at] += sign * STEP
            values.append(net.evaluate(moved, y, loss=loss, sample_weight=weights)["loss"])
        differences[at] = (values[0] - values[1]) / (2 * STEP)
    assert np.abs(gradient - differences).max() < 1e-8 * np.abs(differences).max()
    assert not gradient[0].any()


@networks
def test_jacobian_in_the_inputs(name):
    net = network(name)
    found = net.jacobian(X)
    assert found.shape == (9, 3, 5)
    for k in range(5):
        moved = [X.copy(), X.copy()]
        moved[0][:, k] += STEP
        moved[1][:, k] -= STEP
        differences = (net.predict(moved[0]) - net.predict(moved[1])) / (2 * STEP)
        assert np.abs(found[:, :, k] - differences).max() < 1e-8 * np.abs(found).max()


@networks
def test_jacobian_in_the_parameters(name):
    net = network(name)
    found = net.jacobian(X, "parameters")
    start = net.parameters
    assert found.shape == (9, 3, start.size)
    for k in RNG.choice(start.size, min(30, start.size), replace=False):
        outputs = []
        for sign in (1, -1):
            moved = start.copy()
            moved[k] += sign * STEP
            net.parameters = moved
            outputs.append(net.predict(X))
        net.parameters = start
        differences = (outputs[0] - outputs[1]) / (2 * STEP)
        assert np.abs(found[:, :, k] - differences).max() < 1e-8 * np.abs(found).max()


@networks
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_per_sample_gradients_are_those_of_single_samples(name, dtype):
    net = network(name, dtype)
    y, loss = targets(name)
    found = net.per_sample_gradients(X, y, loss=loss)
    plain = fastnn.Sequential(NETWORKS[name], input_size=5, dtype=dtype)
    if name in ("deep", "tanh at the end"):  # loss_and_gradient has the penalty too
        specs = [fastnn.Residual([fastnn.LayerNorm(), fastnn.Dense(22, activation="tanh")])]
        plain = fastnn.Sequential(
            [*NETWORKS[name][:3], *specs, *NETWORKS[name][4:]], input_size=5, dtype=dtype
        )
    plain.parameters = net.parameters
    for to, of in zip(plain._leaves(), net._leaves(), strict=True):
        to.state = of.state
    for i in range(9):
        _, gradient = plain.loss_and_gradient(X[i : i + 1], y[i : i + 1], loss=loss)
        np.testing.assert_array_equal(found[i], gradient)
    _, mean = plain.loss_and_gradient(X, y, loss=loss)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(found.mean(axis=0), mean, atol=tolerance * np.abs(mean).max())


def test_the_same_bits_for_any_number_of_threads(monkeypatch):
    net = network("deep", "float32")
    big = np.tile(X, (60, 1))
    found = []
    for threads in (1, 2, 3, 7):
        monkeypatch.setattr(net, "_exact_threads", threads)
        gradient = net.gradient_wrt_input(big, np.tile(Y, (60, 1)), loss="mean_squared_error")
        found.append((gradient.tobytes(), net.jacobian(big).tobytes()))
    assert len(set(found)) == 1


def test_the_network_stays_as_it_was():
    net = network("deep")
    before = net.parameters, [leaf.state for leaf in net._leaves() if leaf.state is not None]
    net.gradient_wrt_input(X, Y)
    net.per_sample_gradients(X, Y)
    net.jacobian(X)
    net.jacobian(X, "parameters")
    after = net.parameters, [leaf.state for leaf in net._leaves() if leaf.state is not None]
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    assert before[1], "there is batch normalization in it"


def test_codes_have_no_gradient_and_what_passes_an_embedding_has():
    net = fastnn.Sequential(
        [fastnn.Embedding({1: (4, 3)}), fastnn.Dense(6, activation="tanh"), fastnn.Dense(2)],
        input_size=3,
        dtype="float64",
    )
    table = np.column_stack([X[:, 0], RNG.integers(0, 4, size=9), X[:, 1]])
    found = net.jacobian(table)
    assert not found[:, :, 1].any()
    for k in (0, 2):
        step = STEP * np.eye(3)[k]
        differences = (net.predict(table + step) - net.predict(table - step)) / (2 * STEP)
        assert np.abs(found[:, :, k] - differences).max() < 1e-8 * np.abs(found).max()
    table[5, 1] = 4
    with pytest.raises(ValueError, match=r"row 5.*column 1"):
        net.jacobian(table)


def test_a_wrong_gradient_would_be_seen():
    """The comparison with differences tells a gradient of another loss."""
    net = network("one layer")
    right = net.gradient_wrt_input(X, Y, loss="mean_squared_error")
    other = net.gradient_wrt_input(X, Y, loss="huber")
    assert np.abs(right - other).max() > 1e-2 * np.abs(right).max()


def test_no_samples():
    net = network("one layer")
    assert net.jacobian(np.empty((0, 5))).shape == (0, 3, 5)
    assert net.jacobian(np.empty((0, 5)), "parameters").shape == (0, 3, net.parameters.size)


def test_what_is_wrong_is_named():
    net = network("one layer")
    bad = X.copy()
    bad[4, 2] = np.nan
    with pytest.raises(ValueError, match=r"X: .*row 4"):
        net.gradient_wrt_input(bad, Y, loss="mean_squared_error")
    with pytest.raises(ValueError, match=r"X: .*row 4"):
        net.jacobian(bad)
    with pytest.raises(ValueError, match=r"y: "):
        net.per_sample_gradients(X, Y[:5], loss="mean_squared_error")
    with pytest.raises(ValueError, match="wrt: got 'weights', want 'inputs' or 'parameters'"):
        net.jacobian(X, "weights")
    with pytest.raises(ValueError, match="input_size: not known yet"):
        fastnn.Sequential([fastnn.Dense(1)]).jacobian(X)
    net.layers[0].weights, net.layers[0].bias = np.full((5, 3), 1e200), np.zeros(3)
    with pytest.raises(fastnn.NonFiniteError):
        net.gradient_wrt_input(X, Y, loss="mean_squared_error")
    two_good = np.concatenate([X[:2] * 0, X])
    with pytest.raises(fastnn.NonFiniteError) as error:
        net.per_sample_gradients(two_good, np.zeros((11, 3)), loss="mean_squared_error")
    assert error.value.batch == 2
