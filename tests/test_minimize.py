"""fastnn.minimize: the optimizers' rules on any function of one or many variables."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_optimizers import MAX_SLOTS
from reference_optimizers import OPTIMIZERS as TWINS

import fastnn
from fastnn import _core
from fastnn.optimizers import Optimizer
from fastnn.schedules import Constant

# One for each rule, with a learning rate for curvatures between 1 and 4, and how near to the
# minimum its last steps stay: those of a fixed length or of a gradient's sign go around it.
BOWL_OPTIMIZERS = {
    "sgd": (fastnn.SGD(0.2), 1e-4),
    "momentum": (fastnn.SGD(0.05, 0.8), 1e-4),
    "nesterov": (fastnn.SGD(0.05, 0.8, True), 1e-4),
    "adam": (fastnn.Adam(0.05), 1e-2),
    "adamw": (fastnn.AdamW(0.05, weight_decay=0), 1e-2),
    "adam_amsgrad": (fastnn.Adam(0.05, amsgrad=True), 1e-2),
    "adamw_amsgrad": (fastnn.AdamW(0.05, weight_decay=0, amsgrad=True), 1e-2),
    "nadam": (fastnn.NAdam(0.05), 1e-2),
    "radam": (fastnn.RAdam(0.05), 1e-2),
    "adagrad": (fastnn.Adagrad(1.0), 1e-2),
    "adadelta": (fastnn.Adadelta(1.0, epsilon=1e-3), 0.2),
    "rmsprop": (fastnn.RMSprop(0.01), 2e-2),
    "rmsprop_momentum": (fastnn.RMSprop(0.01, momentum=0.5), 4e-2),
    "rmsprop_centered": (fastnn.RMSprop(0.01, epsilon=0.1, centered=True), 2e-2),
    "rmsprop_centered_momentum": (fastnn.RMSprop(0.01, 0.99, 0.1, 0.5, True), 4e-2),
    "lion": (fastnn.Lion(0.01), 5e-2),
    "rprop": (fastnn.Rprop(0.1), 1e-3),
}


def bowl(curvatures, centre):
    """The sum of curvature (x - centre)^2 / 2, and its gradient."""
    c, m = np.array(curvatures), np.array(centre)
    return lambda x: float((c * (x - m) ** 2).sum() / 2), lambda x: c * (x - m)


def test_every_rule_is_here():
    assert {spec.rule for spec, _ in BOWL_OPTIMIZERS.values()} == set(_core.OPTIMIZERS), "add it"
    assert all(spec.rule == rule for rule, (spec, _) in BOWL_OPTIMIZERS.items())


# ---- where it leads -------------------------------------------------------------------------


@pytest.mark.parametrize("rule", BOWL_OPTIMIZERS)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_bowls_converge(rule, data):
    n = data.draw(st.integers(1, 20))
    numbers = st.floats(-2, 2, allow_subnormal=False)
    curvatures = data.draw(st.lists(st.floats(1, 4), min_size=n, max_size=n))
    centre, start = (
        np.array(data.draw(st.lists(numbers, min_size=n, max_size=n))) for _ in range(2)
    )
    f, slope = bowl(curvatures, centre)
    optimizer, near = BOWL_OPTIMIZERS[rule]
    found = fastnn.minimize(f, start, slope, optimizer=optimizer, steps=1500)
    assert np.abs(found.x - centre).max() < near
    assert found.value == found.values.min() <= f(start)
    assert np.array_equal(found.gradient, slope(found.x))
    assert found.path.shape == (found.steps + 1, n)
    assert found.values.shape == (found.steps + 1,)
    assert np.array_equal(found.path[0], start)
    assert found.values[-1] == f(found.path[-1])


@pytest.mark.parametrize("rule", BOWL_OPTIMIZERS)
def test_the_path_is_the_twins(rule):
    f, slope = bowl(np.linspace(1, 4, 19), np.linspace(-1, 1, 19))
    optimizer, _ = BOWL_OPTIMIZERS[rule]
    x = np.full(19, 0.3)
    path, slots = [x.copy()], np.zeros((MAX_SLOTS, 19))
    for step in range(1, 41):
        TWINS[rule](x, slope(x), slots, step, optimizer.lr, *optimizer.hyperparameters)
        path.append(x.copy())
    found = fastnn.minimize(f, path[0], slope, optimizer=optimizer, steps=40, tol=0)
    assert found.steps == 40
    np.testing.assert_allclose(found.path, path, rtol=0, atol=1e-11)


def test_it_takes_the_steps_of_a_network():
    """A network without inputs to speak of: its loss is a function of one weight and a bias."""
    X, y = np.array([[0.5], [-1.0], [2.0]]), np.array([1.0, 0.0, -1.0])
    net = fastnn.Sequential([fastnn.Dense(1)], input_size=1, dtype="float64")
    start = net.parameters

    def gradient(w):
        net.parameters = w
        return net.loss_and_gradient(X, y, loss="mean_squared_error")[1]

    def loss(w):
        net.parameters = w
        return net.loss_and_gradient(X, y, loss="mean_squared_error")[0]

    optimizer = fastnn.NAdam(0.1)
    found = fastnn.minimize(loss, start, gradient, optimizer=optimizer, steps=25)
    net.parameters = start
    net.fit(X, y, loss="mean_squared_error", optimizer=optimizer, epochs=25, shuffle=False)
    assert np.array_equal(net.parameters, found.path[-1])


@pytest.mark.parametrize("isa", [isa for isa in _core.isas() if isa != "baseline"])
def test_the_bits_are_those_of_every_isa(isa):
    f, slope = bowl(np.linspace(1, 4, 37), np.linspace(-1, 1, 37))
    before = _core.isa()
    try:
        for spec, _ in BOWL_OPTIMIZERS.values():
            paths = []
            for each in (before, isa):
                _core.select_isa(each)
                paths.append(fastnn.minimize(f, np.zeros(37), slope, optimizer=spec, steps=20).path)
            assert paths[0].tobytes() == paths[1].tobytes()
    finally:
        _core.select_isa(before)


def test_central_differences():
    f = lambda x: math.sin(x[0]) * math.exp(x[1] / 100)  # noqa: E731
    at = np.array([0.7, 300.0])
    want = [math.cos(0.7) * math.exp(3), math.sin(0.7) * math.exp(3) / 100]
    found = fastnn.minimize(f, at, steps=1, optimizer=fastnn.SGD(0))
    np.testing.assert_allclose(found.gradient, want, rtol=1e-8)
    found = fastnn.minimize(math.exp, 2.0, steps=1, optimizer=fastnn.SGD(0))
    assert found.gradient == pytest.approx(math.exp(2), rel=1e-9)


# ---- why it stops ---------------------------------------------------------------------------


def test_a_small_gradient():
    found = fastnn.minimize(lambda x: x**2, 0.0, lambda x: 2 * x)
    assert (found.steps, found.converged) == (0, True)
    assert found.message == "the gradient's norm is at most 1e-06"
    assert (type(found.x), type(found.gradient), found.path.shape) == (float, float, (1, 1))
    half = fastnn.SGD(0.25)
    found = fastnn.minimize(lambda x: x**2, 1.0, lambda x: 2 * x, optimizer=half, tol=2**-9)
    assert (found.steps, found.converged) == (10, True)


def test_small_steps():
    found = fastnn.minimize(lambda x: x, 0.0, lambda x: 1, optimizer=fastnn.SGD(1e-7))
    assert (found.steps, found.converged) == (10, True)
    assert found.message == "the last 10 steps were at most 1e-06 long"


def test_steps_that_wait_are_no_end():
    """Rprop stands still where the slope turned, and a warm-up begins with a rate of 0."""
    found = fastnn.minimize(lambda x: (x - 1) ** 2, 0.0, optimizer=fastnn.Rprop(0.3))
    assert (found.path[1:] == found.path[:-1]).any()
    assert found.x == pytest.approx(1, abs=1e-5)
    found = fastnn.minimize(lambda x: x**2, 1.0, schedule=lambda step: 0.1 * (step >= 50))
    assert found.steps > 50
    assert found.x == pytest.approx(0, abs=1e-4)


def test_all_steps_done():
    found = fastnn.minimize(lambda x: x**2, 1.0, steps=7, tol=0)
    assert (found.steps, found.converged, found.message) == (7, False, "all 7 steps are done")


@pytest.mark.parametrize("start", [1.0, [1.0, 2.0]])
def test_it_stops_where_f_is_not_finite(start):
    """A learning rate beyond 2 / curvature: each step is longer than the one before."""
    f = (lambda x: x**4) if np.ndim(start) == 0 else (lambda x: (x**4).sum())
    found = fastnn.minimize(f, start, optimizer=fastnn.SGD(1.0))
    assert not found.converged
    assert "not finite after step" in found.message
    assert np.isfinite(found.path).all()
    assert np.isfinite(found.values).all()
    assert np.array_equal(found.x, start)  # it only went up
    wall = fastnn.minimize(lambda x: x if x > -1 else math.nan, 1.0, optimizer=fastnn.SGD(0.6))
    assert wall.message == "f is not finite after step 4: x is the best point before it"
    assert wall.x == pytest.approx(-0.8)
    assert wall.steps == len(wall.values) - 1 == 3


def test_a_gradient_that_is_not_finite():
    found = fastnn.minimize(lambda x: x**2, 1.0, lambda x: math.nan if x < 0.9 else x)
    assert not found.converged
    assert found.message == f"the gradient is not finite after step {found.steps}"
    assert found.x < 0.9  # f was finite there


# ---- what it is given -----------------------------------------------------------------------


def test_schedules():
    f, slope = bowl([1.0], [0.0])
    want = fastnn.minimize(f, [1.0], slope, optimizer=fastnn.SGD(0.5), steps=5).path
    for options in (
        {"schedule": lambda step: 0.5},
        {"optimizer": fastnn.SGD(lambda step: 0.5)},
        {"schedule": Constant(0.5)},
        {"optimizer": fastnn.SGD(Constant(0.5))},
        {"schedule": Constant(0.5), "optimizer": fastnn.SGD(0.1)},
    ):
        assert np.array_equal(fastnn.minimize(f, [1.0], slope, steps=5, **options).path, want)
    rates = [0.5, 0.25, 0.0]
    path = fastnn.minimize(f, [1.0], slope, schedule=lambda step: rates[step], steps=3).path
    assert path[:, 0].tolist() == [1, 0.5, 0.375, 0.375]


def test_names_and_classes_of_optimizers():
    paths = [
        fastnn.minimize(lambda x: x**2, 1.0, optimizer=optimizer, steps=3).path.tobytes()
        for optimizer in ("nadam", fastnn.NAdam, fastnn.NAdam())
    ]
    assert len(set(paths)) == 1
    for name in Optimizer.registry:
        assert fastnn.minimize(lambda x: x**2, 1, optimizer=name, steps=3).values[-1] < 1


def test_f_cannot_change_the_path():
    start = np.array([1.0, 2.0])

    def f(x):
        value = float((x**2).sum())
        x[:] = 99
        return value

    found = fastnn.minimize(f, start, lambda x: 2 * x, steps=3)
    assert np.abs(found.path).max() == 2
    found.x[:] = 7
    assert np.abs(found.path).max() == 2
    assert start.tolist() == [1, 2]


def test_the_result_is_a_value():
    found = fastnn.minimize(lambda x: x**2, 1.0, steps=3)
    twin = pickle.loads(pickle.dumps(found))
    assert (twin.x, twin.message) == (found.x, found.message)
    assert "path" not in repr(found)
    with pytest.raises(AttributeError):
        found.x = 3


def square(x):
    return float(np.sum(np.square(x)))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"f": 3}, TypeError, "f: got int, want a function of x"),
        ({"f": lambda x: np.ones(1)}, TypeError, r"f: got ndarray of shape \(1,\) from it, want"),
        ({"f": lambda x: None}, TypeError, "f: got NoneType from it, want a number"),
        ({"f": lambda x: 1j}, TypeError, "f: got complex from it, want a number"),
        ({"f": lambda x: True}, TypeError, "f: got bool from it, want a number"),
        ({"f": lambda x: math.nan}, ValueError, "x0: f is nan there, want a point where it is"),
        ({"f": lambda x: math.inf}, ValueError, "x0: f is inf there"),
        ({"f": lambda x: 10.0 ** (400 * x[0])}, ValueError, "x0: f is inf there"),
        ({"x0": [1, math.nan]}, ValueError, r"x0: got \[1, nan\], want finite numbers"),
        ({"x0": math.inf}, ValueError, "x0: got inf, want finite numbers"),
        ({"x0": [[1.0]]}, ValueError, r"x0: got shape \(1, 1\), want a number or"),
        ({"x0": []}, ValueError, r"x0: got shape \(0,\), want"),
        ({"x0": "1"}, TypeError, "x0: got '1', want a real number"),
        ({"x0": 1j}, TypeError, "x0: got 1j, want a real number"),
        ({"x0": None}, TypeError, "x0: got None"),
        ({"gradient": 3}, TypeError, "gradient: got int, want a function of x, or None"),
        ({"gradient": lambda x: 1.0}, ValueError, r"gradient: got shape \(\) from it, want \(2,\)"),
        ({"gradient": lambda x: x[:1]}, ValueError, r"gradient: got shape \(1,\) from it, want"),
        ({"gradient": lambda x: ["1"] * 2}, TypeError, "gradient: got <U1 from it, want real"),
        ({"gradient": lambda x: x, "x0": 1}, None, ""),
        ({"gradient": lambda x: [x], "x0": 1}, ValueError, r"gradient: got shape \(1,\) .* \(\)"),
        ({"optimizer": "newton"}, ValueError, "optimizer: unknown optimizer 'newton'"),
        ({"optimizer": 0.1}, TypeError, "optimizer: got float"),
        ({"schedule": 0.1}, TypeError, "schedule: got float, want a schedule or a function"),
        (
            {"schedule": lambda step: -1},
            ValueError,
            "schedule: the learning rate of step 0: got -1",
        ),
        (
            {"optimizer": fastnn.SGD(lambda step: -1)},
            ValueError,
            "lr: the learning rate of step 0: got -1",
        ),
        ({"schedule": lambda step: None}, TypeError, "schedule: the learning rate of step 0: got"),
        ({"steps": 0}, ValueError, "steps: got 0, want at least 1"),
        ({"steps": 1.5}, TypeError, "steps: got 1.5"),
        ({"tol": -1}, ValueError, "tol: got -1"),
        ({"tol": "small"}, TypeError, "tol: got 'small'"),
    ],
)
def test_what_is_refused(options, kind, message):
    arguments = {"f": square, "x0": [1.0, 2.0], "steps": 3, **options}
    if kind is None:
        assert fastnn.minimize(**arguments).steps == 3
        return
    with pytest.raises(kind, match=message):
        fastnn.minimize(**arguments)


def test_what_the_user_raises_comes_through():
    def f(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        fastnn.minimize(f, 1.0)


def test_the_engine_checks_its_sizes():
    state = ("adam", 0, 1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="hyperparameters"):
        _core.optimizer_step(state, 0.1, (), np.ones(3), np.ones(3), np.zeros((2, 3)))
    values = fastnn.Adam().hyperparameters
    for slots in (np.zeros((1, 3)), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="want a gradient and slots of as many elements"):
            _core.optimizer_step(state, 0.1, values, np.ones(3), np.ones(3), slots)
    with pytest.raises(ValueError, match="want a gradient"):
        _core.optimizer_step(state, 0.1, values, np.ones(2), np.ones(3), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ({"clip_value": 0.5}, [0.5, 0.5]),
        ({"clip_norm": 1.0}, [0.6, 0.8]),
        ({"clip_global_norm": 1.0}, [0.6, 0.8]),
        ({"clip_norm": 1.0, "clip_value": 0.7}, [0.6, 0.7]),
        ({"clip_value": 10.0, "clip_norm": 100.0}, [3.0, 4.0]),
    ],
)
def test_the_optimizer_clips(clip, expected):
    found = fastnn.minimize(
        lambda x: x @ x / 2, [3.0, 4.0], lambda x: x, optimizer=fastnn.SGD(lr=1.0, **clip), steps=1
    )
    np.testing.assert_allclose(found.path[0] - found.path[1], expected, rtol=1e-15)
