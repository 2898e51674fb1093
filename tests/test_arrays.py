"""Whatever is passed as an array: it works, or an error says which argument is wrong and why."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastnn
from fastnn import arrays, losses

SETTINGS = settings(deadline=None, database=None, max_examples=150)
MSE, CE = "mean_squared_error", "cross_entropy"

INTEGERS = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "longlong", ">i2", ">u4", ">i8"]
REAL = st.sampled_from([*INTEGERS, "f2", "f4", "f8", ">f4", ">f8", "longdouble"])
ANY_DTYPE = REAL | st.sampled_from(["c8", "c16", "S3", "U3", "M8[s]", "m8[D]", "O", "V4"])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)


def net(outputs=2, width=3):
    return fastnn.Sequential([fastnn.Dense(4, "relu"), fastnn.Dense(outputs)], width)


def small(dtype):
    """Elements that every real type holds exactly."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return st.booleans()
    return st.integers(0 if kind == "u" else -8, 8)


@st.composite
def layouts(draw, dtype, columns=3):
    """A real 2-D array in any memory order that NumPy can make of it."""
    n = draw(st.integers(0, 40))
    x = draw(hnp.arrays(dtype, (n, columns), elements=small(dtype)))
    steps = [draw(st.sampled_from([1, 2, 3, -1, -2])) for _ in range(2)]
    order = draw(st.sampled_from("CF"))
    big = np.zeros((n * abs(steps[0]), columns * abs(steps[1])), dtype, order=order)
    view = big[:: steps[0], :: steps[1]]
    view[...] = x
    if draw(st.booleans()):
        packed = np.zeros(view.shape, [("tag", "u1"), ("x", dtype)])
        packed["x"] = view
        view = packed["x"]
    view.flags.writeable = draw(st.booleans())
    assume(view.shape == x.shape)
    return view


@given(st.data())
@SETTINGS
def test_every_layout_and_type_is_read_right(data):
    x = data.draw(layouts(data.draw(REAL)))
    before = x.copy()
    network = net()
    assert np.array_equal(network.predict(x), network.predict(x.astype(np.float64)))
    if len(x):
        t = x[:, :2]
        value, gradient = network.loss_and_gradient(x, t, loss=MSE)
        plain, expected = network.loss_and_gradient(x.astype(float), t.astype(float), loss=MSE)
        assert value == plain
        assert np.array_equal(gradient, expected)
    assert np.array_equal(x, before)


@given(st.data())
@SETTINGS
def test_labels_of_every_layout_and_type(data):
    labels = data.draw(st.lists(st.integers(0, 1), min_size=1, max_size=30))
    dtype = data.draw(
        st.sampled_from(
            ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", ">u8", "longlong"]
        )
    )
    step = data.draw(st.sampled_from([1, 2, -1, -3]))
    y = np.ones(len(labels) * abs(step), dtype)[::step]
    y[...] = labels
    X = np.arange(3.0 * len(y)).reshape(-1, 3) % 7
    assert net().evaluate(X, y, loss=CE) == net().evaluate(X, labels, loss=CE)


@given(stride=st.sampled_from([0, 8]), n=st.integers(1, 100))
@SETTINGS
def test_broadcast_arrays(stride, n):
    """Strides of 0: one row, or one number, seen many times."""
    x = np.lib.stride_tricks.as_strided(np.arange(3.0), (n, 3), (0, stride))
    assert np.array_equal(net().predict(x), net().predict(x.copy()))
    y = np.broadcast_to(np.int32(1), n)
    assert net().evaluate(x, y, loss=CE) == net().evaluate(x.copy(), y.copy(), loss=CE)


# Nothing is too odd.  Arrays of any type and shape, lists in lists, and what Python has.
ANY_ARRAY = st.builds(
    lambda dtype, shape, fill: np.full(shape, fill).astype(dtype),
    ANY_DTYPE.filter(lambda dtype: dtype != "V4"),
    SHAPES,
    st.sampled_from([0, 1, 2]),
)
NUMBERS = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text()
ANYTHING = st.one_of(
    ANY_ARRAY,
    st.just(np.zeros((3, 3), "V4")),
    st.just(np.ma.masked_equal(np.eye(3), 1)),
    st.sampled_from([{}, {"x": [1]}, {1, 2}, iter([1]), range(3), b"abc", object(), np, max]),
    st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=4), max_leaves=20),
)


def check(job, *names):
    """Run a job: it works, or its error begins with the name of an argument."""
    error = None
    try:
        return job()
    except (ValueError, TypeError) as raised:
        error = raised
    assert str(error).startswith(tuple(f"{name}: " for name in names)), error
    return None


@given(ANYTHING)
@SETTINGS
def test_any_input(x):
    out = check(lambda: net().predict(x), "X")
    if out is not None:
        assert out.shape == (len(x), 2)
        assert np.isfinite(out).all()
    check(lambda: fastnn.Sequential([fastnn.Dense(2)]).fit(x, np.zeros(3, int), loss=CE), "X", "y")


@given(ANYTHING, st.sampled_from([MSE, CE, "binary_cross_entropy"]), st.integers(1, 3))
@SETTINGS
def test_any_target(y, loss, outputs):
    network = net(outputs)
    before = network.parameters
    X = np.eye(3)
    done = check(lambda: network.fit(X, y, loss=loss), "y", "loss")
    if done is None:
        assert np.array_equal(network.parameters, before)
    check(lambda: network.evaluate(X, y, loss=loss), "y", "loss")


@given(ANYTHING)
@SETTINGS
def test_any_weight(weights):
    X, y = np.eye(3), [0, 1, 0]
    value = check(lambda: net().evaluate(X, y, sample_weight=weights, loss=CE), "sample_weight")
    if value is not None:
        assert np.isfinite(value["loss"])


@given(ANYTHING)
@SETTINGS
def test_any_parameters(value):
    network = net()
    for name in ("parameters", "weights", "bias"):
        owner = network if name == "parameters" else network.layers[0]
        check(lambda name=name, owner=owner: setattr(owner, name, value), name)
    assert np.isfinite(network.parameters).all()


@given(
    hnp.arrays("f8", (5, 3), elements=st.floats(width=64)), st.sampled_from(["float32", "float64"])
)
@SETTINGS
def test_what_is_not_finite_is_found(x, dtype):
    network = fastnn.Sequential([fastnn.Dense(2)], 3, dtype=dtype)
    with np.errstate(over="ignore"):
        finite = np.isfinite(x.astype(dtype))
    if finite.all():
        assert network.predict(x).shape == (5, 2)
        return
    with pytest.raises(ValueError, match=r"^X: got .* in row \d, column \d, want finite") as caught:
        network.predict(x)
    row, column = re.search(r"row (\d), column (\d)", str(caught.value)).groups()
    assert not finite[int(row), int(column)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 3, 4, 5, 7, 8, 9, 16, 17])
def test_narrow_rows_are_read_whole(columns, given, dtype):
    """Short rows are read by 4, 8 or 16 elements, which ends of the array have not."""
    network = fastnn.Sequential([fastnn.Dense(2)], columns, dtype=dtype)
    X = np.random.default_rng(0).normal(size=(21, columns)).astype(given)
    expected = X.astype(dtype) @ network.layers[0].weights + network.layers[0].bias
    for rows in (X, np.hstack([np.full_like(X, np.nan), X])[:, columns:]):
        np.testing.assert_allclose(network.predict(rows), expected, rtol=1e-4, atol=1e-6)
    for row in range(len(X)):
        for value in (np.nan, np.inf, -np.inf):
            bad = X.copy()
            bad[row, -1] = value
            with pytest.raises(ValueError, match=rf"X: got .* in row {row}, column {columns - 1},"):
                network.predict(bad)


@pytest.mark.parametrize("value", [np.longdouble("1e4000"), np.float64(1e300), np.float16(np.inf)])
def test_numbers_too_large_for_the_network(value):
    with pytest.raises(ValueError, match=r"^X: got (inf|1e\+300, too large for float32) in row 1"):
        net().predict(np.array([[0] * 3, [value] * 3]))


def test_a_masked_array_is_refused():
    full = np.ma.masked_array(np.eye(3))
    assert net().predict(full).shape == (3, 2)
    with pytest.raises(TypeError, match="X: got a masked array, want one without holes"):
        net().predict(np.ma.masked_equal(full, 1))
    with pytest.raises(TypeError, match="y: got a masked array"):
        net().evaluate(np.eye(3), np.ma.masked_equal([0, 1, 0], 0), loss=CE)


def test_a_sparse_matrix_is_refused_where_rows_are_few():
    class Sparse:
        def tocsr(self):
            raise AssertionError

    with pytest.raises(TypeError, match=r"X: got a sparse matrix, want a dense array; use \.toarr"):
        net().predictor()(Sparse())


def test_what_says_it_is_an_array():
    class Frame:
        def __array__(self, dtype=None, copy=None):
            return np.eye(3)

    assert np.array_equal(net().predict(Frame()), net().predict(np.eye(3)))
    assert net().predict(memoryview(np.eye(3))).shape == (3, 2)


def test_nothing_is_copied_that_the_engine_can_read():
    for x in (np.zeros((4, 6), "u1"), np.zeros((4, 6), "f8")[::2, ::-3], np.zeros((2, 2), "q").T):
        assert arrays.check_inputs("X", x, None) is x
        mse = losses.MeanSquaredError()
        assert arrays.check_targets("y", x, mse, len(x), x.shape[1]).array is x
