"""The numeric contract: the same bits for any number of threads and any ISA with FMA.

Every network here is trained, evaluated and asked for predictions on every ISA of the machine
with 1, 2, 3, 4 and 7 threads, and everything that comes out is hashed.  "baseline" has no
FMA and rounds differently, so it agrees only with itself.
"""

import ctypes
import functools
import hashlib
import platform
import sys
from typing import NamedTuple

import numpy as np
import pytest
import reference
import reference_schedules
from reference import LOSSES, example_parameters
from reference_losses import width

from fastnn import _core

THREADS = (1, 2, 3, 4, 7)
ROWS, BATCH, STEPS = 150, 32, 50  # the last batch of an epoch has 22 rows
FMA_ISAS = tuple(isa for isa in _core.isas() if isa != "baseline")
HYPERPARAMETERS = {**reference.HYPERPARAMETERS, "epsilon": 1e-8}
SLOTS = tuple(f"slot_{i}" for i in range(max(_core.OPTIMIZER_SLOTS.values())))


class Case(NamedTuple):
    """One network and how it is trained."""

    inputs: int
    layers: tuple
    loss: str
    optimizer: str


def dense(activation, outputs, bias=True):
    return activation, 0.01, outputs, bias


NETWORKS = {
    "tiny": Case(
        10,
        (dense("relu", 32), dense("relu", 32), dense("identity", 1)),
        "mean_squared_error",
        "adam",
    ),
    "classes": Case(
        64,
        (dense("relu", 100), dense("tanh", 37), dense("identity", 10)),
        "cross_entropy",
        "momentum",
    ),
    "odd": Case(
        7,
        (dense("silu", 33, bias=False), dense("gelu", 65), dense("sigmoid", 5)),
        "binary_cross_entropy",
        "adamw",
    ),
    "curved": Case(
        3,
        (dense("leaky_relu", 17), dense("sigmoid", 49), dense("gelu", 20)),
        "mean_squared_error",
        "nesterov",
    ),
    "exponential": Case(
        9,
        (
            dense("elu", 33),
            dense("selu", 20),
            dense("celu", 17, bias=False),
            dense("softplus", 5),
            dense("mish", 3),
        ),
        "mean_squared_error",
        "adam",
    ),
    "clipped": Case(
        9,
        (
            dense("hard_swish", 33),
            dense("softsign", 20),
            dense("gelu_tanh", 17),
            dense("hard_tanh", 35, bias=False),
            dense("hard_sigmoid", 4),
        ),
        "mean_squared_error",
        "momentum",
    ),
    "linear": Case(1, (dense("identity", 1),), "mean_squared_error", "sgd"),
    "wide": Case(200, (dense("tanh", 300), dense("identity", 130)), "cross_entropy", "sgd"),
    # Layers whose columns 7, or 2 and 4, threads split (csrc/share.c): alone, next to one
    # that is split by rows, next to each other, and at the output.
    "columns": Case(
        224,
        (dense("relu", 224), dense("gelu", 256), dense("silu", 256), dense("identity", 256)),
        "cross_entropy",
        "adam",
    ),
}

# The losses that are in no network above.
RARE_LOSSES = sorted(set(_core.LOSSES) - {case.loss for case in NETWORKS.values()})
NETWORKS |= {
    loss: Case(9, (dense("tanh", 39), dense("identity", width(loss, 21))), loss, "sgd")
    for loss in RARE_LOSSES
}

# The optimizers that are in no network above: each trains one whose tiles are of all shapes.
RARE = sorted(set(_core.OPTIMIZERS) - {case.optimizer for case in NETWORKS.values()})
NETWORKS |= {
    optimizer: Case(
        9,
        (dense("tanh", 39), dense("relu", 21, bias=False), dense("identity", 3)),
        "mean_squared_error",
        optimizer,
    )
    for optimizer in RARE
}

every_network = pytest.mark.parametrize("name", NETWORKS)
every_dtype = pytest.mark.parametrize("dtype", _core.DTYPES)


@pytest.fixture(autouse=True)
def restored_isa():
    before = _core.isa()
    yield
    _core.select_isa(before)


@functools.cache
def data(name):
    """Inputs, targets (labels where the loss takes them), row weights."""
    case, generator = NETWORKS[name], np.random.default_rng(1)
    outputs = case.layers[-1][2]
    X = generator.normal(size=(ROWS, case.inputs))
    t = LOSSES[case.loss].example(generator, ROWS, outputs)
    if has_labels(case):
        t = t.argmax(axis=1)[:, None].astype(np.int32)
    return X, t, generator.uniform(size=ROWS)


def has_labels(case):
    return case.loss == "cross_entropy"


def order_of(epoch):
    order = np.empty(ROWS, np.int64)
    _core.permutation(3, epoch, order)
    return order


def new_plan(name, dtype, isa=""):
    """A plan with weights of its own, on the kernels of an ISA ("": the best)."""
    case = NETWORKS[name]
    _core.select_isa(isa)
    plan = _core.Plan(dtype, case.inputs, case.layers)
    generator = np.random.default_rng(7)
    plan.write("parameters", example_parameters(generator, case.inputs, case.layers).astype(dtype))
    return plan


def run(plan, name, mode, threads=1, **options):
    case = NETWORKS[name]
    X, t, weights = data(name)
    status, *results = plan.run(
        mode, X, t, labels=has_labels(case), loss=case.loss, row_weights=weights,
        threads=threads, accuracy=_core.LOSSES[case.loss] in ("sign", "sigmoid", "softmax"),
        **options,
    )  # fmt: skip
    assert status == _core.OK
    return results[:3]


def train_epoch(plan, name, epoch, threads=1, optimizer=None, lr=0.01):
    optimizer = optimizer or NETWORKS[name].optimizer
    values = tuple(HYPERPARAMETERS[p] for p in _core.OPTIMIZERS[optimizer])
    return run(
        plan, name, "train", threads, order=order_of(epoch), batch=BATCH, lr=lr,
        optimizer=optimizer, hyperparameters=values,
    )  # fmt: skip


def predict(plan, X, begin=0, end=None, **options):
    end = len(X) if end is None else end
    outputs = np.full((end - begin, plan.layers[-1][2]), np.nan, plan.dtype)
    status, *_ = plan.run("predict", X, outputs=outputs, begin=begin, end=end, **options)
    assert status == _core.OK
    return outputs


def read(plan, part="parameters"):
    flat = np.empty(plan.n_parameters, plan.dtype)
    plan.read(part, flat)
    return flat


def sha(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def state(plan):
    """Everything that training changes, as bits."""
    parts = [read(plan, part) for part in ("parameters", *SLOTS)]
    name, *numbers = plan.optimizer_state()
    return sha(*parts, np.float64(numbers)) + f" {name}"


def everything(name, dtype, isa, threads):
    """What a user would do with a network, hashed: {what: hash}."""
    plan = new_plan(name, dtype, isa)
    epochs = -(-STEPS // -(-ROWS // BATCH))
    sums = [train_epoch(plan, name, epoch, threads) for epoch in range(epochs)]
    assert plan.optimizer_state()[1] == STEPS
    X = data(name)[0]
    assert np.isfinite(read(plan)).all()
    return {
        "parameters": sha(read(plan)),
        "slots": sha(*(read(plan, slot) for slot in SLOTS)),
        "sums of training": sha(np.array(sums)),
        "sums of evaluate": sha(np.array(run(plan, name, "evaluate", threads))),
        "sums of derive": sha(np.array(run(plan, name, "derive", threads))),
        "gradient": sha(read(plan, "gradient")),
        **{
            f"predictions, {link}": sha(predict(plan, X, threads=threads, link=link))
            for link in _core.LINKS
        },
    }


# ---- the matrix -------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["ACTIVATIONS", "LOSSES", "OPTIMIZERS"])
def test_every_row_is_in_a_network(table):
    cases = NETWORKS.values()
    used = {
        "ACTIVATIONS": {layer[0] for case in cases for layer in case.layers},
        "LOSSES": {case.loss for case in cases},
        "OPTIMIZERS": {case.optimizer for case in cases},
    }[table]
    missing = set(getattr(_core, table)) - used
    assert not missing, f"{table}: {sorted(missing)} in no network: add it to NETWORKS here"


@pytest.mark.skipif(not FMA_ISAS, reason="no kernels with FMA here")
@every_dtype
@every_network
def test_threads_and_isas_give_the_same_bits(name, dtype):
    want = everything(name, dtype, FMA_ISAS[0], 1)
    for isa in FMA_ISAS:
        for threads in THREADS:
            assert everything(name, dtype, isa, threads) == want, (isa, threads)


@pytest.mark.skipif("baseline" not in _core.isas(), reason="no kernels without FMA here")
@every_dtype
@every_network
def test_threads_give_the_same_bits_without_fma(name, dtype):
    want = everything(name, dtype, "baseline", 1)
    for threads in THREADS[1:]:
        assert everything(name, dtype, "baseline", threads) == want, threads


# The learning rates themselves, on any machine.
SCHEDULE_HASHES = {
    "constant": "083d45a946b96875",
    "cosine": "8a0f9a8b9a788fa6",
    "cosine_restarts": "4ba7234fe101d148",
    "exp_range": "266c49e60504fd13",
    "exponential": "7eefe3add2a9eb5e",
    "inverse_time": "814549ce051c0cc8",
    "multi_step": "93c3cc6362c799df",
    "one_cycle": "b628ce7507cd51c3",
    "polynomial": "4b2d40572c1d9a86",
    "step": "46ef05ea9490f24b",
    "triangular": "06b30c3dd35b4b43",
    "triangular2": "310e2979f39e66d3",
}


@pytest.mark.skipif(not FMA_ISAS, reason="no kernels with FMA here")
@pytest.mark.parametrize("rule", sorted(set(_core.SCHEDULES) - {"table"}))  # of given numbers
def test_schedules_give_the_same_bits(rule):
    lr = reference_schedules.EXAMPLES[rule]._engine(warmup=3, start_factor=0.1)
    seen = set()
    for isa in FMA_ISAS:
        for threads in THREADS:
            plan = new_plan("tiny", "float32", isa)
            for epoch in range(10):
                train_epoch(plan, "tiny", epoch, threads, lr=lr)
            seen.add(state(plan))
    assert len(seen) == 1
    learning_rates = np.array([lr(step) for step in range(STEPS)])
    assert sha(learning_rates)[:16] == SCHEDULE_HASHES[rule]


def test_the_matrix_sees_a_difference():
    """A hash that could not differ would prove nothing."""
    assert everything("tiny", "float32", "", 1) != everything("tiny", "float64", "", 1)
    plan = new_plan("tiny", "float32")
    before = state(plan)
    parameters = read(plan)
    parameters[0] = np.nextafter(parameters[0], np.float32(9))
    plan.write("parameters", parameters)
    assert state(plan) != before


# ---- batches ----------------------------------------------------------------------------


@pytest.mark.parametrize("isa", _core.isas())
@every_dtype
@every_network
def test_a_row_has_the_same_outputs_in_any_batch(name, dtype, isa):
    plan, X = new_plan(name, dtype, isa), data(name)[0]
    link = _core.LOSSES[NETWORKS[name].loss]
    want = predict(plan, X, link=link)
    alone = np.concatenate([predict(plan, X[i : i + 1], link=link) for i in range(ROWS)])
    assert sha(alone) == sha(want)
    for batch in (1, 5, 32, 33, 1000):
        for threads in (1, 3):
            got = predict(plan, X, link=link, batch=batch, threads=threads)
            assert sha(got) == sha(want), (batch, threads)
    order = order_of(0)
    assert sha(predict(plan, X, link=link, order=order)) == sha(want[order])
    assert sha(predict(plan, X, link=link, begin=37, end=90)) == sha(want[37:90])


@every_dtype
def test_evaluate_does_not_depend_on_the_batch(dtype):
    plan = new_plan("classes", dtype)
    sums = {tuple(run(plan, "classes", "evaluate", batch=batch)) for batch in (0, 1, 7, 32, 1000)}
    assert len(sums) == 1


def test_a_reset_optimizer_begins_anew():
    plan, fresh = new_plan("tiny", "float32"), new_plan("tiny", "float32")
    train_epoch(plan, "tiny", 0)
    fresh.write("parameters", read(plan))
    plan.reset_optimizer()
    assert plan.optimizer_state() == ("adam", 0, 1, 1, 1)
    train_epoch(plan, "tiny", 1)
    train_epoch(fresh, "tiny", 1)
    assert state(plan) == state(fresh)


@every_dtype
def test_a_run_in_pieces_is_the_same_run(dtype):
    """Steps called one by one end where one call over the epoch ends."""
    whole, pieces = new_plan("odd", dtype), new_plan("odd", dtype)
    train_epoch(whole, "odd", 0)
    case, (X, t, weights) = NETWORKS["odd"], data("odd")
    values = tuple(HYPERPARAMETERS[p] for p in _core.OPTIMIZERS[case.optimizer])
    for begin in range(0, ROWS, BATCH):
        rows = order_of(0)[begin : begin + BATCH]
        pieces.run(
            "train", X[rows], t[rows], loss=case.loss, row_weights=weights[rows], batch=len(rows),
            optimizer=case.optimizer, lr=0.01, hyperparameters=values,
        )  # fmt: skip
    assert state(pieces) == state(whole)


# ---- going back and going on ------------------------------------------------------------


@every_dtype
@every_network
def test_a_restored_plan_goes_the_same_way(name, dtype):
    plan = new_plan(name, dtype)
    train_epoch(plan, name, 0)
    plan.snapshot(0)
    at_snapshot = state(plan)
    train_epoch(plan, name, 1)
    want = state(plan)
    plan.snapshot(1)
    for threads in (1, 2):
        plan.restore(0)
        assert state(plan) == at_snapshot != want
        train_epoch(plan, name, 1, threads)
        assert state(plan) == want
    plan.restore(0)
    plan.restore(1)
    assert state(plan) == want


@pytest.mark.parametrize("other", _core.OPTIMIZERS)
@pytest.mark.parametrize("optimizer", _core.OPTIMIZERS)
def test_a_snapshot_survives_another_optimizer(optimizer, other):
    plan = new_plan("tiny", "float32")
    train_epoch(plan, "tiny", 0, optimizer=optimizer)
    plan.snapshot(0)
    train_epoch(plan, "tiny", 1, optimizer=optimizer)
    want = state(plan)
    plan.restore(0)
    train_epoch(plan, "tiny", 2, optimizer=other)
    plan.restore(0)
    train_epoch(plan, "tiny", 1, optimizer=optimizer)
    assert state(plan) == want


@every_dtype
@every_network
def test_a_fresh_plan_goes_on_from_written_state(name, dtype):
    plan, fresh = new_plan(name, dtype), new_plan(name, dtype)
    train_epoch(plan, name, 0)
    fresh.set_optimizer_state(*plan.optimizer_state())
    for part in ("parameters", *SLOTS):
        fresh.write(part, read(plan, part))
    assert state(fresh) == state(plan)
    train_epoch(plan, name, 1)
    train_epoch(fresh, name, 1)
    assert state(fresh) == state(plan)


def test_slots_may_be_written_before_the_optimizer_is_set():
    plan, fresh = new_plan("tiny", "float32"), new_plan("tiny", "float32")
    train_epoch(plan, "tiny", 0)
    for part in (*reversed(SLOTS), "parameters"):
        fresh.write(part, read(plan, part))
    fresh.set_optimizer_state(*plan.optimizer_state())
    train_epoch(plan, "tiny", 1)
    train_epoch(fresh, "tiny", 1)
    assert state(fresh) == state(plan)


@pytest.mark.parametrize("other", _core.OPTIMIZERS)
def test_another_optimizer_begins_anew(other):
    """Its slots are zeros, whatever the one before left in them."""
    plan, fresh = new_plan("tiny", "float32"), new_plan("tiny", "float32")
    train_epoch(plan, "tiny", 0, optimizer="nesterov" if other == "adam" else "adam")
    fresh.write("parameters", read(plan))
    train_epoch(plan, "tiny", 1, optimizer=other)
    train_epoch(fresh, "tiny", 1, optimizer=other)
    assert sha(read(plan)) == sha(read(fresh))


def test_derive_and_evaluate_leave_the_training_alone():
    plan, other = new_plan("classes", "float32"), new_plan("classes", "float32")
    for epoch in range(2):
        train_epoch(plan, "classes", epoch)
        train_epoch(other, "classes", epoch)
        run(other, "classes", "derive", 2)
        run(other, "classes", "evaluate", 3)
        predict(other, data("classes")[0], threads=2)
    assert state(other) == state(plan)


# ---- the caller's floating-point mode ---------------------------------------------------

FE_UPWARD = {"x86_64": 0x800, "aarch64": 0x400000}.get(platform.machine())


@pytest.mark.parametrize("threads", [1, 3])
@every_dtype
def test_denormals_still_work_after_a_run(dtype, threads):
    plan = new_plan("classes", dtype)
    train_epoch(plan, "classes", 0, threads)
    for mode in ("derive", "evaluate"):
        run(plan, "classes", mode, threads)
    predict(plan, data("classes")[0], threads=threads)
    for of in (np.float32, np.float64):
        tiny = np.full(99, np.finfo(of).tiny, of)
        assert (tiny / 2 != 0).all()
        assert (tiny / 2 * 2 == tiny).all()


@pytest.mark.skipif(
    sys.platform != "linux" or FE_UPWARD is None, reason="the C library's constants are known here"
)
@pytest.mark.parametrize("threads", [1, 3])
def test_the_rounding_mode_is_the_callers(threads):
    """Bits do not depend on it, and it is still there afterwards."""
    want, plan = new_plan("curved", "float32"), new_plan("curved", "float32")
    data("curved"), order_of(0)
    train_epoch(want, "curved", 0)
    libc = ctypes.CDLL(None)
    before = libc.fegetround()
    try:
        libc.fesetround(FE_UPWARD)
        train_epoch(plan, "curved", 0, threads)
        after = libc.fegetround()
    finally:
        libc.fesetround(before)
    assert after == FE_UPWARD
    assert state(plan) == state(want)
