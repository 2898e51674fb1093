"""The boundary of the engine: whatever it is given, it answers or refuses, and never crashes."""

import numpy as np
import pytest

from fastnn import _core

X = np.ones((4, 2))
TARGETS = np.zeros((4, 3))


@pytest.fixture
def plan():
    return _core.Plan("float32", 2, (("identity", 0, 3, True),))


def labels(*values, dtype=np.int64):
    return np.array(values, dtype)[:, None]


@pytest.mark.parametrize("which", [-1, 2])
def test_a_place_for_a_snapshot_that_is_not_there_is_refused(plan, which):
    with pytest.raises(ValueError, match="refused"):
        plan.snapshot(which)
    with pytest.raises(ValueError, match="refused"):
        plan.restore(which)


def test_nothing_to_restore_is_refused(plan):
    with pytest.raises(ValueError, match="refused"):
        plan.restore(0)


@pytest.mark.parametrize("row", [-1, 4, 10**9])
def test_a_row_past_the_data_is_refused(plan, row):
    order = np.array([0, 1, 2, row])
    with pytest.raises(ValueError, match="refused"):
        plan.run("derive", X, TARGETS, loss="mean_squared_error", order=order)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint64])
def test_an_unknown_label_is_found(plan, dtype):
    bad = labels(0, 1, 3, 2, dtype=dtype)
    status, *_, row, in_targets = plan.run("derive", X, bad, labels=True, loss="cross_entropy")
    assert (status, row, in_targets) == (_core.BAD_INPUT, 2, True)


def test_a_huge_label_is_found(plan):
    bad = labels(0, 2**64 - 1, 0, 0, dtype=np.uint64)
    assert plan.run("derive", X, bad, labels=True, loss="cross_entropy")[0] == _core.BAD_INPUT


def test_labels_are_integers_of_a_loss_of_classes(plan):
    with pytest.raises(ValueError, match="refused"):
        plan.run("derive", X, labels(0, 1, 2, 0), labels=True, loss="mean_squared_error")
    with pytest.raises(ValueError, match="refused"):
        plan.run("derive", X, labels(0, 1, 2, 0, dtype=float), labels=True, loss="cross_entropy")


def test_accuracy_needs_classes(plan):
    with pytest.raises(ValueError, match="refused"):
        plan.run("evaluate", X, TARGETS, loss="mean_squared_error", accuracy=True)


def test_an_optimizer_needs_its_hyperparameters(plan):
    with pytest.raises(ValueError, match="hyperparameters"):
        plan.run("train", X, TARGETS, loss="mean_squared_error", optimizer="adam", batch=4, lr=0.1)


def test_unused_hyperparameters_leave_a_state_that_compares(plan):
    for optimizer, values in [("sgd", ()), ("momentum", (0.9,)), ("nesterov", (0.9,))]:
        plan.run(
            "train", X, TARGETS, loss="mean_squared_error", batch=4, lr=0.1,
            optimizer=optimizer, hyperparameters=values,
        )  # fmt: skip
        assert plan.optimizer_state() == plan.optimizer_state()


@pytest.mark.parametrize("size", [0, 8, 12])
def test_an_array_of_the_wrong_size_changes_nothing(plan, size):
    before = np.empty(9, np.float32)
    plan.read("parameters", before)
    with pytest.raises(ValueError, match="want 9"):
        plan.write("parameters", np.ones(size, np.float32))
    after = np.empty(9, np.float32)
    plan.read("parameters", after)
    assert np.array_equal(before, after)


def test_a_good_job_says_nothing_of_bad_rows(plan):
    result = plan.run("derive", X, TARGETS, loss="mean_squared_error")
    assert result[0] == _core.OK
    assert result[-2:] == (-1, False)


def test_outputs_of_the_wrong_kind_are_refused(plan):
    for outputs in (np.empty((4, 2), "f4"), np.empty((4, 3), "f8"), np.empty((3, 3), "f4"),
                    np.empty((4, 6), "f4")[:, ::2]):  # fmt: skip
        with pytest.raises(ValueError, match="outputs"):
            plan.run("predict", X, outputs=outputs)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="dtype"):
        _core.Plan("float16", 2, (("identity", 0, 3, True),))
    with pytest.raises(ValueError, match="refused"):
        _core.Plan("float32", 0, (("identity", 0, 3, True),))
    with pytest.raises(ValueError, match="FASTNN_ISA: got 'abacus', this CPU has"):
        _core.select_isa("abacus")
    with pytest.raises(ValueError, match="refused"):
        _core.map_function("sine", np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="one length"):
        _core.map_function("exp", np.zeros(3), np.zeros(2))


def test_too_many_layers_are_refused():
    with pytest.raises(ValueError, match="at most 1024"):
        _core.Plan("float32", 2, (("identity", 0, 3, True),) * 1025)


def test_arrays_of_other_types_are_refused(plan):
    with pytest.raises(TypeError, match="2-D"):
        plan.run("derive", X[0], TARGETS, loss="mean_squared_error")
    with pytest.raises(TypeError, match="real type"):
        plan.run("derive", X.astype(complex), TARGETS, loss="mean_squared_error")
    with pytest.raises(TypeError, match="float32"):
        plan.read("parameters", np.empty(9))
