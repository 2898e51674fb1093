"""Learning-rate schedules: their values, PyTorch's, and training with them."""

import json
import math
import pickle

import numpy as np
import pytest
import reference_schedules
from reference_schedules import EXAMPLES

import fastnn
from fastnn import _core, serialization
from fastnn._schedule import engine_schedule, tabulate
from fastnn._spec import from_config
from fastnn.optimizers import Optimizer
from fastnn.schedules import (
    Cosine,
    CosineRestarts,
    Cyclic,
    Exponential,
    InverseTime,
    MultiStep,
    OneCycle,
    Polynomial,
    Schedule,
    Step,
    Warmup,
)

X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
STEPS = 5  # of an epoch of X in batches of 4


def fit(net, lr, epochs=1, optimizer=fastnn.Adam, **options):
    options = {"loss": "mean_squared_error", "batch_size": 4} | options
    return net.fit(X, Y, optimizer=optimizer(lr), epochs=epochs, **options)


def network():
    return fastnn.Sequential([fastnn.Dense(4, "tanh"), fastnn.Dense(1)], 3)


# ---- values ----------------------------------------------------------------------------------

MORE = [
    Step(1, every=1, factor=0.5),
    Step(0.3, every=10, factor=0),
    MultiStep(0.1, [], 0.5),
    Exponential(1e-3, 0.9999),
    Exponential(0.1, 0.96, steps=1000),
    InverseTime(0.1, rate=0),
    Polynomial(0.1, steps=1),
    Polynomial(0.1, steps=1000),
    Polynomial(0.1, steps=777, power=1e-9),
    Polynomial(0.1, steps=777, power=math.pi),
    Polynomial(0.01, steps=777, power=20, final=0.1),
    Cosine(1e-3, steps=9380),
    Cosine(0.1, steps=1, final=0.01),
    CosineRestarts(0.1, steps=1),
    CosineRestarts(0.1, steps=10),
    CosineRestarts(0.1, steps=3, multiplier=3),
    OneCycle(0.1, steps=1),
    OneCycle(0.1, steps=2),
    OneCycle(0.1, steps=100, rise=0),
    OneCycle(0.1, steps=100, rise=0.99),
    OneCycle(0.1, steps=9380, rise=0.25, div_factor=10, final_div_factor=1000),
    Cyclic(0.1, peak=0.01, steps_up=1),
    Cyclic(0, peak=0, steps_up=3, steps_down=9),
    Warmup(0.1, steps=10),
    Warmup(Cosine(0.1, steps=100), steps=33, start_factor=0),
    Warmup(MultiStep(0.1, [5, 10]), steps=4, start_factor=1),
]
ALL_STEPS = [*range(200), 776, 777, 999, 1000, 9379, 9380, 10**5, 10**6 + 1, 2**40]


def test_every_rule_has_its_twin_and_its_dataclass():
    engine = set(_core.SCHEDULES) - {"table"}
    assert engine == set(reference_schedules.SCHEDULES), "add it to tests/reference_schedules.py"
    assert engine == {schedule.rule for schedule in EXAMPLES.values()}
    made = {type(schedule) for schedule in EXAMPLES.values()} | {Warmup}
    assert made == set(Schedule.registry.values())


@pytest.mark.parametrize("schedule", [*EXAMPLES.values(), *MORE], ids=repr)
def test_values(schedule):
    for step in ALL_STEPS:
        got, want = schedule(step), reference_schedules.lr(schedule, step)
        assert type(got) is float
        # The twins lose digits where a cosine or a difference comes near 0.
        plain = getattr(schedule, "schedule", schedule)
        top = max(plain.lr, getattr(plain, "peak", 0))
        assert got == pytest.approx(want, rel=4e-15, abs=4e-16 * top + 1e-300), step


def test_ends_are_exact():
    assert [Cosine(0.3, steps=10, final=0.1)(step) for step in (0, 10)] == [0.3, 0.1]
    assert [Polynomial(0.3, 10, 0.7, 0.1)(step) for step in (0, 10, 99)] == [0.3, 0.1, 0.1]
    assert OneCycle(0.3, steps=100, rise=0.5)(49) == 0.3
    assert OneCycle(0.3, steps=100)(99) == 0.3 / 25 / 1e4
    assert [Cyclic(0.1, 0.3, 3, 7)(step) for step in (0, 3, 10, 13)] == [0.1, 0.3, 0.1, 0.3]
    assert Warmup(0.3, steps=7)(7) == 0.3


def power(x, y):
    """The engine's power: x^y with y of at most 53 bits."""
    steps = 1 << 20
    return _core.Schedule("exponential", (1.0, x, float(steps)))(round(y * steps))


def test_powers_are_right_to_the_last_digits():
    mpmath = pytest.importorskip("mpmath")
    generator = np.random.default_rng(0)
    worst = 0
    for _ in range(2000):
        x, y = float(generator.uniform(0, 1.1)), int(generator.integers(1 << 34)) / 2**20
        with mpmath.workprec(200):
            want = mpmath.mpf(x) ** mpmath.mpf(y)
            if 1e-200 < want < 1e200:
                worst = max(worst, abs(power(x, y) / want - 1))
    assert worst < 2.3e-16
    # Many squarings of a number near 1: plain double would lose five digits.
    with mpmath.workprec(200):
        assert abs(power(0.99999, 10**6) / mpmath.mpf(0.99999) ** (10**6) - 1) < 2.3e-16


def test_powers_at_the_ends():
    assert power(1.0, 12345.678) == 1
    assert power(0.5, 2000) == 0
    assert power(2.0, 1023) == 2.0**1023
    assert power(2.0, 1024) == math.inf
    assert power(0.25, 0.5) == 0.5
    assert power(4.0, -0.0) == 1


def test_cosines_are_right_to_the_last_digits():
    mpmath = pytest.importorskip("mpmath")
    steps = 1 << 12
    for step in range(steps):
        with mpmath.workprec(200):
            want = mpmath.cos(mpmath.pi * step / steps / 2) ** 2
            assert abs(Cosine(1.0, steps)(step) / want - 1) < 7e-16, step


# ---- PyTorch's -------------------------------------------------------------------------------

# Schedule, how torch.optim.lr_scheduler makes it, and its numbers (PyTorch 2.13).
TORCH = [
    (Step(0.5, every=30, factor=0.3), "StepLR(o, 30, gamma=0.3)"),
    (MultiStep(0.5, [10, 55, 56], 0.3), "MultiStepLR(o, [10, 55, 56], gamma=0.3)"),
    (Exponential(0.5, 0.97), "ExponentialLR(o, 0.97)"),
    (Polynomial(0.5, 90, 0.9), "PolynomialLR(o, 90, power=0.9)"),
    (Cosine(0.5, 99, 0.01), "CosineAnnealingLR(o, 99, eta_min=0.01)"),
    (
        CosineRestarts(0.5, 7, 2, 0.01),
        "CosineAnnealingWarmRestarts(o, 7, T_mult=2, eta_min=0.01)",
    ),
    (OneCycle(0.5, 100), "OneCycleLR(o, 0.5, total_steps=100, cycle_momentum=False)"),
    (
        OneCycle(0.5, 100, 0.45, 10, 100),
        "OneCycleLR(o, 0.5, total_steps=100, pct_start=0.45, div_factor=10, "
        "final_div_factor=100, cycle_momentum=False)",
    ),
    (Cyclic(0.1, 0.5, 10, 25), "CyclicLR(o, 0.1, 0.5, 10, 25, cycle_momentum=False)"),
    (
        Cyclic(0.1, 0.5, 10, mode="triangular2"),
        "CyclicLR(o, 0.1, 0.5, 10, mode='triangular2', cycle_momentum=False)",
    ),
    (
        Cyclic(0.1, 0.5, 10, mode="exp_range", factor=0.98),
        "CyclicLR(o, 0.1, 0.5, 10, mode='exp_range', gamma=0.98, cycle_momentum=False)",
    ),
    (
        Warmup(Exponential(0.5, 0.9), 15, 0.2),
        "SequentialLR(o, [LinearLR(o, 0.2, total_iters=15), ExponentialLR(o, 0.9)], [15])",
    ),
]
RECORDED_STEPS = (0, 6, 10, 29, 50, 77, 99)
RECORDED = [
    (0.5, 0.5, 0.5, 0.5, 0.15, 0.045, 0.0135),
    (0.5, 0.5, 0.15, 0.15, 0.15, 0.0135, 0.0135),
    (0.5, 0.416486002, 0.368712063, 0.206704675, 0.109032688, 0.0479064007, 0.024511602),
    (0.5, 0.469897466, 0.449710196, 0.352329167, 0.240993727, 0.0876396759, 0),
    (0.5, 0.495572531, 0.487767424, 0.403374373, 0.251112839, 0.0673191114, 0.01),
    (0.5, 0.0342626274, 0.446548713, 0.407755001, 0.49961457, 0.255, 0.0237485841),
    (0.02, 0.0689376642, 0.147581974, 0.5, 0.396946725, 0.112277306, 2e-06),
    (0.05, 0.070332801, 0.104956346, 0.382831022, 0.48547563, 0.173073006, 0.0005),
    (0.1, 0.34, 0.5, 0.196, 0.42, 0.38, 0.196),
    (0.1, 0.34, 0.5, 0.28, 0.2, 0.115, 0.1025),
    (0.1, 0.312602171, 0.426829123, 0.300381995, 0.245667872, 0.12532731, 0.105413043),
    (0.1, 0.26, 0.366666667, 0.114383962, 0.0125157775, 0.000727789171, 7.16705599e-05),
]
ids = [call.split("(")[0] for _, call in TORCH]


def torch_lrs(call):
    torch = pytest.importorskip("torch")
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = eval(call, vars(torch.optim.lr_scheduler) | {"o": o})
    lrs = []
    for _ in range(100):
        lrs.append(o.param_groups[0]["lr"])
        o.step()
        scheduler.step() if len(lrs) < 100 else None
    return lrs


@pytest.mark.parametrize(("example", "recorded"), [*zip(TORCH, RECORDED, strict=True)], ids=ids)
def test_recorded_numbers_of_pytorch(example, recorded):
    got = [example[0](step) for step in RECORDED_STEPS]
    assert got == pytest.approx(recorded, rel=1e-8, abs=1e-16)


@pytest.mark.parametrize(("schedule", "call"), TORCH, ids=ids)
@pytest.mark.filterwarnings("ignore")
def test_pytorch_goes_the_same_way(schedule, call):
    got = [schedule(step) for step in range(100)]
    assert got == pytest.approx(torch_lrs(call), rel=1e-13, abs=1e-16)


# ---- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Step(1, every=0), ValueError, "every: got 0, want at least 1"),
        (lambda: Step(1, every=1.5), TypeError, "every: got 1.5, want a whole number"),
        (lambda: MultiStep(1, 3), TypeError, "milestones: got 3, want a list of steps"),
        (lambda: MultiStep(1, [3.5]), TypeError, "milestones: got 3.5, want a whole number"),
        (lambda: MultiStep(1, [0]), ValueError, "milestones: got 0, want at least 1"),
        (lambda: MultiStep(1, [5, 5]), ValueError, r"milestones: got \[5, 5\], want each above"),
        (lambda: Exponential(1, 0.0), ValueError, "factor: got 0.0, want a number in"),
        (lambda: Cyclic(1, 2, mode="up"), ValueError, "mode: got 'up', want one of"),
        (lambda: Cyclic(1, 2, factor=0.9), ValueError, "factor: got 0.9 with mode 'triangular'"),
        (lambda: Cyclic(1, 2, steps_down=0), ValueError, "steps_down: got 0, want at least 1"),
        (lambda: Warmup(-1, 2), ValueError, "schedule: got -1, want a number in"),
        (lambda: Warmup(abs, 2), TypeError, "abs>, want a number or a built-in one"),
        (lambda: Warmup(Warmup(1, 2), 2), TypeError, "schedule: got Warmup.*, not Warmup"),
        (lambda: Warmup(Own(), 2), TypeError, "schedule: got .*Own.*, want a number or a built"),
        (lambda: Cosine(1, 9)(-1), ValueError, "step: got -1, want at least 0"),
        (lambda: Cosine(1, 9)(0.5), TypeError, "step: got 0.5, want a whole number"),
        (lambda: _core.Schedule("cosine", (1.0,)), ValueError, "parameters: got"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "0.1", None, True])
def test_what_a_callable_may_not_give(value):
    net = network()
    fit(net, 0.01)
    before, optimizer, state = net.parameters, net.optimizer, net._plan.optimizer_state()

    def lr(step):
        return 0.1 if step < 3 else value

    with pytest.raises((ValueError, TypeError), match=r"lr: <function .*> in step 3: got"):
        fit(net, lr)
    assert np.array_equal(net.parameters, before)
    assert (net.optimizer, net._plan.optimizer_state()) == (optimizer, state)


# ---- in training -----------------------------------------------------------------------------


class Own(Schedule):
    """A schedule that only Python knows."""

    def __call__(self, step):
        return 0.02 / (1 + step)


WRAPPED = Warmup(EXAMPLES["cosine"], steps=7)


@pytest.mark.parametrize("optimizer", [fastnn.SGD, fastnn.AdamW])
@pytest.mark.parametrize("schedule", [*EXAMPLES.values(), WRAPPED], ids=repr)
def test_the_engine_takes_the_steps_of_the_schedule(schedule, optimizer):
    """As it does with the learning rate of each step given as a number."""
    net, other, function = network(), network(), network()
    fit(net, schedule, epochs=3, optimizer=optimizer)
    fit(function, lambda step: schedule(step), epochs=3, optimizer=optimizer)
    other._build(3)
    fit_options = {"loss": "mean_squared_error"}
    for epoch in range(3):
        order = np.empty(len(X), dtype=np.int64)
        _core.permutation(other.seed, fastnn.sequential.SHUFFLE_STREAM + epoch, order)
        for i in range(STEPS):
            rows = order[4 * i : 4 * i + 4]
            made = optimizer(schedule(epoch * STEPS + i))
            other.optimizer = made  # the state goes on
            other.train_on_batch(X[rows], Y[rows], optimizer=made, **fit_options)
    assert np.array_equal(net.parameters, other.parameters)
    assert np.array_equal(net.parameters, function.parameters)
    assert len({schedule(step) for step in range(3 * STEPS)}) > 1 or schedule.rule == "constant"


@pytest.mark.parametrize("lr", [WRAPPED, Own(), lambda step: 0.1 / (3 + step)])
def test_steps_count_over_fits(lr):
    whole, parts = network(), network()
    fit(whole, lr, epochs=4)
    for _ in range(4):
        fit(parts, lr)
    assert np.array_equal(whole.parameters, parts.parameters)
    assert parts._plan.optimizer_state()[1] == 4 * STEPS


def test_another_optimizer_begins_with_step_0():
    seen = []
    net = network()
    fit(net, Cosine(0.01, steps=9))
    fit(net, lambda step: seen.append(step) or 0.01)
    fit(net, lambda step: seen.append(step) or 0.01, optimizer=fastnn.SGD)
    assert seen == [*range(STEPS), *range(STEPS)]


def test_a_callable_counts_steps_and_not_samples():
    seen = []
    net = network()
    optimizer = fastnn.Adam(lambda step: seen.append(step) or 0.01)
    options = {"loss": "mean_squared_error", "optimizer": optimizer}
    net.fit(X, Y, batch_size=8, **options)  # 8, 8, 4
    net.train_on_batch(X, Y)
    net.fit(X, Y, batch_size=20, **options)
    assert seen == [0, 1, 2, 3, 4]


def test_going_back_takes_the_same_learning_rates():
    """After a loss that is not finite, the steps before it are taken again."""
    nets = [network(), network()]
    with pytest.raises(fastnn.NonFiniteError) as caught:
        fit(nets[0], lambda step: 0.001 * 0.9**step if step < 12 else 1e38, 20, fastnn.SGD)
    assert (caught.value.epoch, caught.value.batch) == (2, 3)
    assert nets[0]._plan.optimizer_state()[1] == 12
    fit(nets[1], lambda step: 0.001 * 0.9**step if step < 12 else 0, 3, fastnn.SGD)
    assert np.array_equal(nets[0].parameters, nets[1].parameters)


def test_pickles_go_on():
    """A network in the middle of its schedule, and the same one after a pickle."""
    net = network()
    fit(net, WRAPPED)
    twin = pickle.loads(pickle.dumps(net))
    assert twin.optimizer == net.optimizer == fastnn.Adam(WRAPPED)
    for each in (net, twin):
        fit(each, WRAPPED)
    assert np.array_equal(net.parameters, twin.parameters)


@pytest.mark.parametrize("lr", [0.02, *EXAMPLES.values(), WRAPPED], ids=repr)
def test_files_keep_the_optimizer(lr, tmp_path):
    net = network()
    fit(net, lr)
    net.save(tmp_path / "net")
    twin = fastnn.load(tmp_path / "net")
    assert twin.optimizer == net.optimizer == fastnn.Adam(lr)


def test_files_without_the_optimizer(tmp_path):
    """A function cannot be written; the network can."""
    net = network()
    fit(net, lambda step: 0.01)
    net.save(tmp_path / "net")
    twin = fastnn.load(tmp_path / "net")
    assert twin.optimizer is None
    assert np.array_equal(twin.parameters, net.parameters)


@pytest.mark.parametrize("schedule", [*EXAMPLES.values(), WRAPPED], ids=repr)
def test_configs(schedule):
    config = json.loads(json.dumps(fastnn.Adam(schedule).to_config(), allow_nan=False))
    assert from_config(Optimizer, serialization._parts(config), "o") == fastnn.Adam(schedule)


def test_own_schedules_need_a_call():
    assert engine_schedule(Own()) is None
    assert tabulate(Own(), 3, 2)(4) == 0.02 / 5
    assert math.isnan(tabulate(Own(), 3, 2)(5))  # beyond the table
    assert math.isnan(tabulate(Own(), 3, 2)(2))
    assert engine_schedule(np.float32(0.5))(9) == 0.5
