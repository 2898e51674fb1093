"""Rounds, what is set aside of them, and processes that are stopped between their turns."""

from __future__ import annotations

import os
import time

import pytest

from .measure import Round, Stopwatch, Summary, good_rounds, run_rounds
from .workers import Worker


def one_round(one, all_, line=1e-9, **seconds):
    return Round((one, one), (all_, all_), (line, line), seconds or {"fastnn": 1.0})


def test_a_round_is_good_if_each_thread_had_a_core_at_full_speed():
    good, half, slow = one_round(100, 195), one_round(100, 100), one_round(70, 140)
    before_only = Round((100, 100), (195, 110), (1e-9, 1e-9), {})
    far = one_round(100, 195, line=4e-9)
    assert good_rounds([good, half, good, slow, before_only, far], threads=2) == [good, good]


def test_a_summary_takes_ratios_within_good_rounds():
    rounds = [
        one_round(1e9, 2e9, fastnn=seconds, numpy=3 * seconds) for seconds in (1.0, 2.0, 10.0)
    ]
    rounds.append(one_round(1e9, 1e9, fastnn=1.0, numpy=100.0))
    summary = Summary(rounds, threads=2, fewest=3)
    assert (summary.good, summary.enough, summary.warning("tiny")) == (3, True, [])
    ratio = summary.ratio("fastnn", "numpy")
    assert (ratio.low, ratio.median, ratio.high) == (3, 3, 3)
    assert summary.seconds("fastnn").median == 2
    assert summary.share("fastnn", flops=1e9).median == 0.25


def test_too_few_good_rounds_are_told():
    rounds = [one_round(1e9, 1e9, fastnn=1.0, numpy=2.0)] * 5
    summary = Summary(rounds, threads=2)
    assert not summary.enough
    assert summary.ratio("fastnn", "numpy").median == 2
    assert "0 of 5 rounds" in summary.warning("tiny")[0]


def test_a_stopwatch_gives_the_seconds_of_a_repetition():
    done = []

    def work(n):
        done.append(n)
        time.sleep(n * 1e-3)

    seconds = Stopwatch(work).turn(0.05)
    assert 1e-3 <= seconds < 1e-2
    assert sum(done) >= 50


def steady(threads, seconds):
    return 1.0


def test_every_contender_has_a_turn_in_each_round():
    turns = []
    contenders = {
        name: lambda seconds, name=name: turns.append(name) or len(turns) for name in ("a", "b")
    }
    rounds = run_rounds(contenders, rounds=3, threads=1, seconds=0.1, peak=steady, handover=steady)
    assert turns == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert [measured.seconds["a"] for measured in rounds] == [3, 6, 7]


def test_rounds_are_repeated_until_there_are_enough_good_ones():
    peaks = iter([1.0] * 8 + [0.5] * 4 + [1.0] * 100)
    rounds = run_rounds(
        {"a": lambda seconds: 1.0},
        rounds=3,
        threads=1,
        seconds=0.1,
        peak=lambda threads, seconds: next(peaks),
        handover=steady,
    )
    assert len(rounds) == 4  # the third was slow
    falling = (0.5**n for n in range(1000))
    rounds = run_rounds(
        {"a": lambda seconds: 1.0},
        rounds=3,
        threads=1,
        seconds=0.1,
        peak=lambda threads, seconds: next(falling),
        handover=steady,
    )
    assert len(rounds) == 6


def slowly(n):
    time.sleep(n * 1e-3)


def sleeper():
    return slowly


@pytest.fixture
def worker():
    with Worker(threads=1) as worker:
        yield worker


def test_a_worker_works_in_its_own_process_with_its_own_limit(worker):
    assert worker(os.getpid) != os.getpid()
    assert worker(os.getenv, "OMP_NUM_THREADS") == "1"
    turn = worker.contender("sleep", sleeper)
    assert turn(0.02) >= 1e-3


def test_a_worker_is_stopped_between_its_turns(worker):
    pid = worker(os.getpid)
    deadline = time.monotonic() + 5
    while (state := state_of(pid)) != "T" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert state == "T"


def state_of(pid):
    """Return the letter of a process's state."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        pytest.skip("no /proc")


def test_what_goes_wrong_in_a_worker_is_told(worker):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        worker(divmod, 1, 0)
    assert worker(divmod, 7, 2) == (3, 1)  # and it goes on


def test_a_worker_that_dies_is_told(worker):
    with pytest.raises(RuntimeError, match="ended with 3"):
        worker(os._exit, 3)
