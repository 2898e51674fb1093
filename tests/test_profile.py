"""Where the engine's time goes: what is counted, and that nothing is where nobody asked."""

import numpy as np
import pytest

import fastnn


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((256, 20)), rng.integers(0, 3, 256)


def build(dtype="float32"):
    layers = [fastnn.Dense(96, activation="relu"), fastnn.LayerNorm(), fastnn.Dense(3)]
    return fastnn.Sequential(layers, input_size=20, dtype=dtype)


@pytest.fixture
def profiled(monkeypatch):
    monkeypatch.setenv("FASTNN_PROFILE", "1")
    return build()


@pytest.mark.parametrize("value", [None, "", "0"])
def test_nobody_counts_where_nobody_asked(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("FASTNN_PROFILE", raising=False)
    else:
        monkeypatch.setenv("FASTNN_PROFILE", value)
    with pytest.raises(RuntimeError, match="FASTNN_PROFILE=1"):
        build().profile()


@pytest.mark.parametrize("threads", [1, 2])
def test_each_step_has_its_laps(profiled, data, threads):
    profiled._exact_threads = threads
    profiled.fit(*data, loss="cross_entropy", epochs=3, batch_size=64)
    used = 1 + max(work.thread for work in profiled.profile())
    calls = {key: calls for key, (calls, _, _) in profiled.profile().totals().items()}
    steps = 3 * 4
    for key in [("gather", 0), *(("forward", layer) for layer in range(3)), ("loss", 0)]:
        assert calls[key] == steps * used, key
    assert calls["backward", 2] == calls["backward", 1] == steps * used
    assert ("backward", 0) not in calls  # nobody wants the gradient in the inputs
    assert {("update", 0), ("update", 1), ("update", 2), ("barrier", 0)} <= set(calls)


def test_seconds_are_those_of_the_job(profiled, data):
    import time

    start = time.perf_counter()
    profiled.fit(*data, loss="cross_entropy", epochs=20)
    taken = time.perf_counter() - start
    work = [entry for entry in profiled.profile() if entry.thread == 0]
    assert 0 < sum(entry.seconds for entry in work) < taken
    assert all(entry.cycles > 0 for entry in work)


def test_predictions_count_too_and_reset_forgets(profiled, data):
    profiled.predict(data[0])
    assert {entry.kind for entry in profiled.profile(reset=True)} == {"gather", "forward", "other"}
    assert profiled.profile() == []
    assert profiled.profile().totals() == {}


def test_counting_changes_no_bit(profiled, data, monkeypatch):
    monkeypatch.delenv("FASTNN_PROFILE")
    plain = build()
    for net in (profiled, plain):
        net.fit(*data, loss="cross_entropy", epochs=2)
    np.testing.assert_array_equal(profiled.parameters, plain.parameters)
