"""Every activation, loss and optimizer of the engine against its twin in reference.py.

The tests walk the tables that the engine exports, so a new row is tested as soon as it is
there, for every ISA of the machine and both dtypes.  float32 is compared with the twin in
float64, on numbers that float32 holds exactly: what differs is the engine's own rounding.
"""

import numpy as np
import pytest
import reference
from common import engine
from reference import ACTIVATIONS, HYPERPARAMETERS, LOSSES, Network
from reference_losses import width as width_of

from fastnn import _core

ROWS = (1, 5, 32, 33)
WIDTHS = (1, 7, 16, 33, 100)
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}  # of the largest element, through a network
CLASSIFIERS = tuple(
    loss for loss, link in _core.LOSSES.items() if link in ("sign", "sigmoid", "softmax")
)
LABEL_TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


@pytest.fixture(params=_core.isas())
def isa(request):
    with engine(request.param):
        yield request.param


@pytest.fixture(params=_core.DTYPES)
def dtype(request, isa):
    """For tests over every ISA and dtype."""
    return request.param


def single(x):
    """Rounded to float32, in float64: the same number in both dtypes."""
    return np.asarray(x).astype(np.float32).astype(np.float64)


def pair(dtype, inputs, layers, seed=0):
    """A plan of the engine and its twin with the same parameters."""
    layers = tuple(layers)
    parameters = single(reference.example_parameters(np.random.default_rng(seed), inputs, layers))
    plan = _core.Plan(dtype, inputs, layers)
    plan.write("parameters", parameters.astype(dtype))
    return plan, Network(inputs, layers, parameters)


def data(loss, n, inputs, outputs, seed=1):
    """Inputs, targets and weights of n rows."""
    generator = np.random.default_rng(seed)
    X = single(generator.normal(size=(n, inputs)))
    t = single(LOSSES[loss].example(generator, n, outputs))
    return X, t, generator.uniform(0.1, 2, n)


def read(plan, part="parameters"):
    flat = np.empty(plan.n_parameters, plan.dtype)
    plan.read(part, flat)
    return flat


def run(plan, mode, *arguments, **options):
    """Runs a job that must go well; returns (loss_sum, weight_sum, accuracy_sum)."""
    status, *sums, _, _, _ = plan.run(mode, *arguments, **options)
    assert status == _core.OK
    return sums


def predict(plan, X, **options):
    outputs = np.full((len(X), plan.layers[-1][2]), np.nan, plan.dtype)
    run(plan, "predict", X, outputs=outputs, **options)
    return outputs


def mapped(function, x, parameter=0.0):
    """Values and slopes of one of the kernels' functions."""
    values, slopes = np.empty_like(x), np.full_like(x, np.nan)
    _core.map_function(function, x, values, slopes, parameter)
    return values, slopes


def assert_near(got, want, tolerance, least=1e-30):
    """All elements, within a share of the largest of them (or of `least`)."""
    want = np.asarray(want, np.float64)
    scale = max(np.abs(want).max(initial=0), least)
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale)


# ---- the tables -------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["ACTIVATIONS", "LOSSES", "OPTIMIZERS"])
def test_every_row_has_a_twin(table):
    missing = set(getattr(_core, table)) - set(getattr(reference, table))
    assert not missing, f"no twin in {table} for {sorted(missing)}: add it to tests/reference.py"


@pytest.mark.parametrize("loss", _core.LOSSES)
def test_every_link_has_a_twin(loss):
    link = _core.LOSSES[loss]
    assert link in reference.LINKS, f"no twin of the link {link}: add it to tests/reference.py"


@pytest.mark.parametrize("optimizer", _core.OPTIMIZERS)
def test_every_hyperparameter_has_a_value(optimizer):
    missing = set(_core.OPTIMIZERS[optimizer]) - set(HYPERPARAMETERS)
    assert not missing, f"no value of {sorted(missing)}: add it to reference_optimizers.py"


# ---- activations ------------------------------------------------------------------------


@pytest.mark.parametrize("activation", _core.ACTIVATIONS)
def test_activation_and_its_slope(dtype, activation):
    z = np.concatenate([np.linspace(-8, 8, 4001), np.geomspace(1e-30, 1, 99)])
    z = single(np.concatenate([z, [0, -0.0, 1e-30, -1e-30]]))
    epsilon = np.finfo(dtype).eps
    values, slopes = mapped(activation, z.astype(dtype), 0.125)
    twin = ACTIVATIONS[activation]
    np.testing.assert_allclose(values, twin.value(z, 0.125), rtol=8 * epsilon, atol=4 * epsilon)
    np.testing.assert_allclose(slopes, twin.slope(z, 0.125), rtol=8 * epsilon, atol=4 * epsilon)


@pytest.mark.parametrize("activation", _core.ACTIVATIONS)
def test_activation_far_out(dtype, activation):
    z = single([20, 80, 100, 1e4, 1e10, 1e15])
    z = np.concatenate([z, -z, single([1e30, -1e30])])
    values, slopes = mapped(activation, z.astype(dtype), 0.125)
    twin = ACTIVATIONS[activation]
    epsilon = np.finfo(dtype).eps
    np.testing.assert_allclose(values, twin.value(z, 0.125), rtol=4 * epsilon, atol=1e-7)
    np.testing.assert_allclose(slopes, twin.slope(z, 0.125), rtol=4 * epsilon, atol=1e-7)


@pytest.mark.parametrize("activation", _core.ACTIVATIONS)
def test_activation_lets_nan_through(dtype, activation):
    values, _ = mapped(activation, np.full(17, np.nan, dtype), 0.125)
    assert np.isnan(values).all()


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 33])
def test_map_function_of_any_length(dtype, n):
    x = np.linspace(-1, 1, n, dtype=dtype)
    values = np.full(n + 1, 7, dtype)
    _core.map_function("relu", x, values[:n])
    np.testing.assert_array_equal(values, [*np.maximum(x, 0), 7])


# ---- predict ----------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("width", WIDTHS)
def test_predict(dtype, width, bias):
    layers = [("tanh", 0, width, bias), ("leaky_relu", 0.1, 19, bias), ("identity", 0, width, bias)]
    plan, twin = pair(dtype, width, layers)
    for n in ROWS:
        X, _, _ = data("mean_squared_error", n, width, width)
        assert_near(predict(plan, X), twin.predict(X), TOLERANCE[dtype])


@pytest.mark.parametrize("activation", _core.ACTIVATIONS)
def test_predict_through_each_activation(dtype, activation):
    layers = [(activation, 0.1, 33, True), (activation, 0.1, 7, True)]
    plan, twin = pair(dtype, 5, layers)
    X, _, _ = data("mean_squared_error", 33, 5, 7)
    assert_near(predict(plan, X), twin.predict(X), TOLERANCE[dtype])


@pytest.mark.parametrize("outputs", WIDTHS)
@pytest.mark.parametrize("link", _core.LINKS)
def test_predict_with_a_link(dtype, link, outputs):
    plan, twin = pair(dtype, 4, [("relu", 0, 16, True), ("identity", 0, outputs, True)])
    X, _, _ = data("mean_squared_error", 33, 4, outputs)
    got = predict(plan, X, link=link)
    assert_near(got, twin.predict(X, link), TOLERANCE[dtype])
    if link == "softmax":
        np.testing.assert_allclose(got.sum(axis=1), 1, rtol=outputs * np.finfo(dtype).eps)


def test_predict_with_a_link_far_out(dtype):
    plan = _core.Plan(dtype, 3, (("identity", 0, 3, False),))
    plan.write("parameters", np.eye(3, dtype=dtype).reshape(-1))
    z = single([[1e30, -1e30, 0], [-1e4, -1e4, -1e4], [80, 0, -80], [0, 1e4, 1e4]])
    for link in ("sigmoid", "softmax", "log_softmax"):
        np.testing.assert_allclose(
            predict(plan, z, link=link), reference.LINKS[link](z), rtol=1e-6, atol=1e-30
        )


INPUT_TYPES = ("float32", "float64", *LABEL_TYPES, "bool")


@pytest.mark.parametrize("of_type", INPUT_TYPES)
def test_inputs_of_any_type_and_order(of_type):
    plan, _ = pair("float64", 19, [("identity", 0, 3, True)])
    X = np.random.default_rng(0).integers(0, 100, (11, 38)).astype(of_type)
    frozen = X.copy()
    frozen.flags.writeable = False
    fortran = np.asfortranarray(X)
    for view in (X[:, :19], fortran[:, 19:], X[::-1, ::-2], X.T[:19].T, frozen[:, ::2]):
        plain = np.ascontiguousarray(view, np.float64)
        np.testing.assert_array_equal(predict(plan, view), predict(plan, plain))


# ---- losses -----------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", WIDTHS)
@pytest.mark.parametrize("loss", _core.LOSSES)
def test_evaluate(dtype, loss, outputs):
    outputs = width_of(loss, outputs)
    plan, twin = pair(dtype, 7, [("tanh", 0, 16, True), ("identity", 0, outputs, True)])
    for n in ROWS:
        X, t, weights = data(loss, n, 7, outputs)
        for w in (None, weights):
            total, weight_sum, _ = run(plan, "evaluate", X, t, loss=loss, row_weights=w)
            assert weight_sum == pytest.approx(n if w is None else w.sum())
            want = twin.evaluate(X, t, loss, w)
            assert_near(total / weight_sum, want, TOLERANCE[dtype], least=1)


@pytest.mark.parametrize("loss", CLASSIFIERS)
def test_accuracy(dtype, loss):
    for outputs in WIDTHS:
        plan, twin = pair(dtype, 7, [("tanh", 0, 16, True), ("identity", 0, outputs, True)])
        X, t, weights = data(loss, 33, 7, outputs)
        right = reference.accuracy(twin.raw_outputs(X, loss), t, _core.LOSSES[loss])
        for w in (None, weights):
            options = {"loss": loss, "row_weights": w, "accuracy": True, "batch": 8}
            _, total, got = run(plan, "evaluate", X, t, **options)
            assert got / total == pytest.approx(reference.weighted_mean(right, w))


def test_a_row_without_weight_counts_nothing(dtype):
    plan, _ = pair(dtype, 3, [("identity", 0, 4, True)])
    X, t, _ = data("mean_squared_error", 6, 3, 4)
    weights = np.array([1, 0, 2, 0, 1, 0.5])
    used = weights > 0
    for mode in ("evaluate", "derive"):
        sums = [
            run(plan, mode, X[rows], t[rows], loss="mean_squared_error", row_weights=weights[rows])
            for rows in (slice(None), used)
        ]
        assert sums[0] == pytest.approx(sums[1])


def test_losses_sum_in_float64(dtype):
    """A million equal rows: float32 would have lost the last digits long ago."""
    plan = _core.Plan(dtype, 1, (("identity", 0, 1, False),))
    n = 1_000_000
    X, t = np.zeros((n, 1), np.uint8), np.broadcast_to(np.float64(0.5), (n, 1))
    assert run(plan, "evaluate", X, t, loss="mean_squared_error")[0] == 0.25 * n


# ---- gradients --------------------------------------------------------------------------


# What a gradient may be made of rounding alone: with one output left by relu it is 0.
LEAST = {"cosine_similarity": 1e-2}


def check_gradient(plan, twin, loss, X, t, weights, tolerance):
    total, weight_sum, _ = run(plan, "derive", X, t, loss=loss, row_weights=weights)
    want, gradient = twin.loss_and_gradient(X, t, loss, weights)
    assert_near(total / weight_sum, want, tolerance, least=1)
    assert_near(read(plan, "gradient"), gradient, tolerance, LEAST.get(loss, 1e-30))


@pytest.mark.parametrize("activation", _core.ACTIVATIONS)
@pytest.mark.parametrize("loss", _core.LOSSES)
def test_derive_through_each_activation(dtype, loss, activation):
    """Hidden and at the output; sigmoid before its own loss is part of the loss."""
    outputs = width_of(loss, 5)
    layers = [(activation, 0.1, 33, True), (activation, 0.1, 16, False)]
    plan, twin = pair(dtype, 7, [*layers, (activation, 0.1, outputs, True)])
    for n in ROWS:
        X, t, weights = data(loss, n, 7, outputs)
        check_gradient(plan, twin, loss, X, t, weights, TOLERANCE[dtype])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("loss", _core.LOSSES)
def test_derive_of_each_width(dtype, loss, width):
    width = width_of(loss, width)
    layers = [("silu", 0, width, False), ("relu", 0, 100, True), ("identity", 0, width, True)]
    plan, twin = pair(dtype, width, layers)
    for n in ROWS:
        X, t, _ = data(loss, n, width, width)
        check_gradient(plan, twin, loss, X, t, None, TOLERANCE[dtype])


def test_derive_of_more_rows_than_fit_at_once(dtype):
    plan, twin = pair(dtype, 3, [("tanh", 0, 5, True), ("identity", 0, 2, True)])
    X, t, weights = data("mean_squared_error", 2500, 3, 2)
    check_gradient(plan, twin, "mean_squared_error", X, t, weights, 10 * TOLERANCE[dtype])


@pytest.mark.parametrize("of_type", LABEL_TYPES)
@pytest.mark.parametrize("classes", [2, 7, 33, 100])
def test_labels_are_one_hot_targets(classes, of_type):
    for dtype in _core.DTYPES:
        plan, _ = pair(dtype, 3, [("identity", 0, classes, True)])
        X, _, _ = data("mean_squared_error", 33, 3, 1)
        labels = np.random.default_rng(2).integers(0, classes, (33, 1)).astype(of_type)
        one_hot = reference.one_hot(labels, classes)
        options = {"loss": "cross_entropy", "accuracy": True}
        want = run(plan, "derive", X, one_hot, **options), read(plan, "gradient")
        got = run(plan, "derive", X, labels, labels=True, **options), read(plan, "gradient")
        assert got[0] == pytest.approx(want[0], rel=1e-6)
        assert_near(got[1], want[1], 1e-6)


def test_targets_need_not_be_normalized(dtype):
    """The softmax's share of the gradient is the targets' mass, whatever that is."""
    plan, twin = pair(dtype, 3, [("identity", 0, 5, True)])
    X, t, _ = data("cross_entropy", 5, 3, 5)
    check_gradient(plan, twin, "cross_entropy", X, single(3 * t), None, TOLERANCE[dtype])


# ---- the ends of the range --------------------------------------------------------------


def logits(loss, dtype, z, t, **options):
    """Loss and gradient where the outputs are z: the bias, before inputs of zero."""
    z = np.asarray(z, dtype)
    plan = _core.Plan(dtype, 1, (("identity", 0, len(z), True),))
    plan.write("parameters", np.concatenate([np.zeros_like(z), z]))
    X, t = np.zeros((1, 1)), np.atleast_2d(t)
    total, _, _ = run(plan, "derive", X, t, loss=loss, **options)
    assert run(plan, "evaluate", X, t, loss=loss, **options)[0] == total
    return total, read(plan, "gradient")[len(z) :]


FAR = (80.0, 1e4, 1e30)


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("loss", sorted({*CLASSIFIERS} - {"squared_hinge"}))  # its own square
def test_far_logits(dtype, loss, far):
    far = float(single(far))
    for z in ([far, -far], [-far, far], [far, far], [-far, -far], [far, 0], [0, -far]):
        for t in ([1.0, 0.0], [0.0, 1.0], [0.25, 0.75]):
            total, gradient = logits(loss, dtype, z, t)
            twin = LOSSES[loss]
            z64, t64 = np.atleast_2d(z).astype(float), np.atleast_2d(t)
            assert total == pytest.approx(twin.value(z64, t64)[0], rel=1e-6, abs=1e-30)
            np.testing.assert_allclose(gradient, twin.gradient(z64, t64)[0], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("far", FAR)
def test_far_logits_with_labels(dtype, far):
    far = float(single(far))
    total, gradient = logits("cross_entropy", dtype, [far, 0, 0], [[0]], labels=True)
    assert total == 0
    assert np.abs(gradient).max() < 1e-30
    total, gradient = logits("cross_entropy", dtype, [far, 0, 0], [[2]], labels=True)
    assert total == pytest.approx(far, rel=1e-6)
    np.testing.assert_allclose(gradient, [1, 0, -1], atol=1e-30)


def test_gaussian_nll_at_the_ends_of_the_range(dtype):
    far = [
        ([1e15, 70], 0),  # (m - t)^2 exp(-s) is below 1, its first factor near the end
        ([1e18, 60], -1e18),
        ([1e-15, -70], 0),
        ([3, 1e30], 2),
        ([2, -1e30], 2),  # exp(-s) is infinite, and not used
        ([0, -80], 1e-20),
    ]
    twin = LOSSES["gaussian_nll"]
    for z, t in far:
        z, t = single(z), single([t])
        total, gradient = logits("gaussian_nll", dtype, z, t)
        with np.errstate(over="ignore", invalid="ignore"):
            exact = np.atleast_2d(z).astype(float), np.atleast_2d(t).astype(float)
            value, slope = twin.value(*exact)[0], twin.gradient(*exact)[0]
        if z[0] == t[0]:  # where NumPy has 0 * inf
            value, slope = z[1] / 2, [0, 0.5]
        assert total == pytest.approx(value, rel=4e-6)
        np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("far", [1e-30, 1e-3, 1, 1e19, 1e30])
def test_cosine_similarity_at_the_ends_of_the_range(dtype, far):
    z = np.array([1.0, -2.0, 3.0, 0.5])
    for t in ([2, 1, 0.5, -1], z, -z, [1e-30, -2e-30, 3e-30, 0], [1e30, 0, 1e30, 0]):
        total, gradient = logits("cosine_similarity", dtype, far * z, t)
        twin = LOSSES["cosine_similarity"]
        exact = np.atleast_2d(z), np.atleast_2d(t).astype(float)
        assert total == pytest.approx(twin.value(*exact)[0], rel=1e-6, abs=1e-7)
        want = twin.gradient(*exact)[0]
        np.testing.assert_allclose(gradient * far, want, rtol=1e-5, atol=3e-7)


def test_cosine_similarity_keeps_its_digits_where_directions_agree():
    """1 - cos itself would have none left: cos rounds to 1."""
    total, _ = logits("cosine_similarity", "float32", [1, 1e-4], [1, 0])
    assert total == pytest.approx(0.5e-8, rel=1e-5)


@pytest.mark.parametrize(("z", "t"), [([0, 0], [1, 2]), ([1, 2], [0, 0]), ([0, 0], [0, 0])])
def test_cosine_similarity_of_zeros(dtype, z, t):
    total, gradient = logits("cosine_similarity", dtype, z, t)
    assert total == 1
    assert not gradient.any()


def test_a_row_without_weight_may_have_an_infinite_loss(dtype):
    """Its gradient is 0, through an activation too; the others' steps are those without it."""
    layers = [("tanh", 0, 5, True), ("leaky_relu", 0.1, 2, True)]
    X, t, weights = data("mean_squared_error", 9, 3, 2)
    t[8] = np.finfo(dtype).max
    weights[8] = 0
    others = np.arange(9) < 8  # the last one: sums over rows keep their order
    for mode in ("train", "derive"):
        plans = [pair(dtype, 3, layers)[0] for _ in range(2)]
        options = {"loss": "mean_squared_error"}
        if mode == "train":
            options |= {"batch": 9, "optimizer": "sgd", "lr": 0.1}
        part = "parameters" if mode == "train" else "gradient"
        sums = run(plans[0], mode, X, t, row_weights=weights, **options)
        assert sums == run(plans[1], mode, X[others], t[others], row_weights=weights[others],
                           **options)  # fmt: skip
        np.testing.assert_array_equal(read(plans[0], part), read(plans[1], part))
        assert np.isfinite(sums).all()


def test_large_errors_within_the_range(dtype):
    total, gradient = logits("mean_squared_error", dtype, [1e15, -1e15], [-1e15, 1e15])
    assert total == pytest.approx(4e30, rel=1e-6)
    np.testing.assert_allclose(gradient, [2e15, -2e15], rtol=1e-6)


def test_a_loss_that_is_not_finite_changes_nothing(dtype):
    plan, _ = pair(dtype, 2, [("identity", 0, 1, True)])
    X = np.ones((6, 2))
    t = np.zeros((6, 1))
    t[4] = float(np.finfo(dtype).max)
    options = {"loss": "mean_squared_error", "optimizer": "adam", "hyperparameters": (0.9,) * 3}
    run(plan, "train", X[:4], t[:4], batch=2, **options)
    before = read(plan), read(plan, "slot_0"), plan.optimizer_state()
    status, *_, position, _, _ = plan.run("train", X, t, begin=4, batch=2, **options)
    assert (status, position) == (_core.NON_FINITE, 4)
    assert plan.optimizer_state() == before[2]
    np.testing.assert_array_equal(read(plan), before[0])
    np.testing.assert_array_equal(read(plan, "slot_0"), before[1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("in_targets", [False, True])
def test_a_bad_row_is_found(dtype, in_targets, bad):
    plan, _ = pair(dtype, 17, [("identity", 0, 3, True)])
    arrays = [np.zeros((9, 17)), np.zeros((9, 3))]
    arrays[in_targets][6, -1] = bad
    order = np.arange(8, -1, -1)
    status, *_, position, row, targets = plan.run(
        "train", *arrays, order=order, batch=2, loss="mean_squared_error", optimizer="sgd"
    )
    assert (status, position, row, targets) == (_core.BAD_INPUT, 2, 6, in_targets)


# ---- optimizers -------------------------------------------------------------------------


def assert_same_training(plan, twin, loss, optimizer, X, t, weights, order=None, batch=8):
    values = tuple(HYPERPARAMETERS[name] for name in _core.OPTIMIZERS[optimizer])
    rows = np.arange(len(X)) if order is None else order
    total, weight_sum, _ = run(
        plan, "train", X, t, loss=loss, row_weights=weights, order=order, end=len(rows),
        batch=batch, optimizer=optimizer, lr=0.05, hyperparameters=values,
    )  # fmt: skip
    mean = twin.train(
        X[rows], t[rows], loss, optimizer, 0.05, values, batch=batch,
        weights=None if weights is None else weights[rows],
    )  # fmt: skip
    tolerance = 5 * TOLERANCE[plan.dtype]
    assert total / weight_sum == pytest.approx(mean, rel=tolerance)
    assert_near(read(plan), twin.parameters, tolerance)
    used = _core.OPTIMIZER_SLOTS[optimizer]
    for slot in range(used):
        assert_near(read(plan, f"slot_{slot}"), twin.slots[slot], tolerance)
    assert not twin.slots[used:].any()
    assert plan.optimizer_state()[:2] == (optimizer, twin.steps)


# Every optimizer, and every loss.
TRAININGS = sorted(
    {(optimizer, "mean_squared_error") for optimizer in _core.OPTIMIZERS}
    | {(optimizer, loss) for optimizer in ("sgd", "adam") for loss in _core.LOSSES}
)


@pytest.mark.parametrize(("optimizer", "loss"), TRAININGS)
def test_train(dtype, optimizer, loss):
    """Four steps, the last one with a row left over; then two more, in another order."""
    outputs = width_of(loss, 7)
    layers = [("gelu", 0, 33, False), ("leaky_relu", 0.1, 16, True), ("identity", 0, outputs, True)]
    plan, twin = pair(dtype, 5, layers)
    X, t, weights = data(loss, 25, 5, outputs)
    assert_same_training(plan, twin, loss, optimizer, X, t, weights)
    order = np.random.default_rng(3).permutation(25)[:13].astype(np.int64)
    assert_same_training(plan, twin, loss, optimizer, X, t, None, order)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("optimizer", _core.OPTIMIZERS)
def test_train_each_width(dtype, optimizer, width):
    layers = [("tanh", 0, width, True), ("identity", 0, width, True)]
    for batch in ROWS:
        plan, twin = pair(dtype, width, layers)
        X, t, _ = data("mean_squared_error", 3 * batch, width, width)
        assert_same_training(plan, twin, "mean_squared_error", optimizer, X, t, None, batch=batch)


@pytest.mark.parametrize("optimizer", _core.OPTIMIZERS)
def test_what_every_rule_keeps(isa, optimizer):
    """A weight of 0 without a gradient stays 0, as the padding must, and a NaN is not hidden."""
    values = tuple(HYPERPARAMETERS[name] for name in _core.OPTIMIZERS[optimizer])
    w, state = np.zeros(21), (optimizer, 0, 1.0, 1.0, 1.0)
    slots = np.zeros((_core.OPTIMIZER_SLOTS[optimizer], 21))
    g = np.where(np.arange(21) % 2, 0.5, 0)
    for step in range(1, 21):
        state = _core.optimizer_step(state, 0.1, values, g, w, slots)
        assert state[:2] == (optimizer, step)
        np.testing.assert_array_equal(w != 0, g != 0)
    g[3] = np.nan
    _core.optimizer_step(state, 0.1, values, g, w, slots)
    np.testing.assert_array_equal(np.isnan(w), np.arange(21) == 3)


def test_training_lowers_the_loss(dtype):
    plan, _ = pair(dtype, 4, [("relu", 0, 32, True), ("identity", 0, 3, True)])
    X, _, _ = data("mean_squared_error", 100, 4, 1)
    labels = X[:, :3].argmax(axis=1)[:, None]
    options = {"labels": True, "loss": "cross_entropy", "batch": 10, "optimizer": "adam"}
    epochs = [
        run(plan, "train", X, labels, lr=0.01, hyperparameters=(0.9, 0.999, 1e-8), **options)[0]
        for _ in range(50)
    ]
    assert epochs[-1] < 0.1 * epochs[0]
    right = run(plan, "evaluate", X, labels, labels=True, loss="cross_entropy", accuracy=True)[2]
    assert right >= 98


def test_twins_are_what_the_docstring_says():
    """The twin in float32 stays float32, and agrees with itself in float64."""
    layers = (("gelu", 0, 9, True), ("identity", 0, 3, True))
    parameters = reference.example_parameters(np.random.default_rng(0), 4, layers)
    X, t, _ = data("cross_entropy", 10, 4, 3)
    small, large = (Network(4, layers, parameters.astype(d)) for d in _core.DTYPES)
    for twin in (small, large):
        twin.train(X, t, "cross_entropy", "adam", 0.01, (0.9, 0.99, 1e-3), batch=5)
    assert small.parameters.dtype == np.float32
    assert_near(small.parameters, large.parameters, 1e-5)
