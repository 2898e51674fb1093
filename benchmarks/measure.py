"""Measuring candidates side by side on a machine that is never quiet.

Clocks change and neighbours make noise, so nothing is compared across time: in each round every
candidate runs once, and ratios are taken within the round. Before and after, the round measures
what the CPU itself gives on one thread and on all; a round in which all threads together gave too
little for their number says nothing about anyone and is set aside.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .peers import Peer
from .workloads import Workload, flops_per_step

SCALING = 0.8  # a good round: n threads give at least this times n of one thread's peak
FEWEST = 3  # good rounds that make a result
PAUSE = 0.1  # seconds; after their work, the threads of OpenMP and BLAS spin for a while
PEAK_SECONDS = 0.02

PeakFunction = Callable[[int, float], float]


@dataclass(frozen=True)
class Round:
    """One round: peaks in FLOP/s, (before, after), and each candidate's samples a second."""

    peak_one: tuple[float, float]
    peak_all: tuple[float, float]
    rates: Mapping[str, float]


@dataclass(frozen=True)
class Spread:
    """Median and range of a quantity over rounds."""

    median: float
    low: float
    high: float


def epochs_for(candidate: Peer, seconds: float) -> int:
    """Warm a candidate up and find a number of epochs that take about `seconds`."""
    candidate.train(1)  # compiles, allocates
    epochs = 1
    while (elapsed := _time(candidate, epochs)) < seconds / 2:
        epochs = max(2 * epochs, min(10 * epochs, round(epochs * seconds / elapsed)))
    return epochs


def samples_per_second(candidate: Peer, epochs: int, seconds: float) -> float:
    """Train in portions of `epochs` for at least `seconds`."""
    trained, elapsed = 0, 0.0
    while elapsed < seconds:
        elapsed += _time(candidate, epochs)
        trained += epochs
    return trained * candidate.workload.samples / elapsed


def run_rounds(
    candidates: Sequence[Peer],
    peak: PeakFunction,
    *,
    rounds: int,
    threads: int,
    seconds: float,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Round]:
    """Measure all candidates in each of several rounds.

    Parameters
    ----------
    candidates : sequence of Peer
    peak : callable
        Peak FLOP/s of (threads, seconds).
    rounds, threads : int
    seconds : float
        Each candidate's share of a round, at least.
    progress : callable
        Gets a line after each step.

    Returns
    -------
    list of Round
    """
    epochs = {}
    for candidate in candidates:
        epochs[candidate.name] = epochs_for(candidate, seconds)
        progress(f"{candidate.name} is warm: {epochs[candidate.name]} epochs a portion")
        time.sleep(PAUSE)
    results = []
    for number in range(rounds):
        rates = {}
        one, all_ = peak(1, PEAK_SECONDS), peak(threads, PEAK_SECONDS)
        first = number % len(candidates)  # nobody always follows the same one
        for candidate in [*candidates[first:], *candidates[:first]]:
            rates[candidate.name] = samples_per_second(candidate, epochs[candidate.name], seconds)
            time.sleep(PAUSE)
        peak_one = one, peak(1, PEAK_SECONDS)
        peak_all = all_, peak(threads, PEAK_SECONDS)
        results.append(Round(peak_one, peak_all, rates))
        verdict = "good" if is_good(results[-1], threads) else "set aside"
        progress(f"round {number + 1} of {rounds}: {verdict}")
    return results


def is_good(measured: Round, threads: int) -> bool:
    """Tell whether all threads had a core each, before and after."""
    if threads == 1:
        return True
    pairs = zip(measured.peak_one, measured.peak_all, strict=True)
    return all(all_ >= SCALING * threads * one for one, all_ in pairs)


def summarise(
    workload: Workload, rounds: Sequence[Round], threads: int, subject: str = "fastnn"
) -> dict:
    """Reduce rounds to the numbers of the table.

    Parameters
    ----------
    workload : Workload
    rounds : sequence of Round
    threads : int
    subject : str
        The candidate that is compared with all others.

    Returns
    -------
    dict
        `good` rounds and whether they were `enough` (otherwise all rounds are used); `rates` in
        samples a second, `microseconds` a step and `share` of the peak as medians; `ratios`, a
        Spread for each peer: how many times as fast the subject is.
    """
    good = [measured for measured in rounds if is_good(measured, threads)]
    enough = len(good) >= FEWEST
    used = good if enough else list(rounds)
    names = list(used[0].rates)
    rates = {name: statistics.median(measured.rates[name] for measured in used) for name in names}
    peak = statistics.median(value for measured in used for value in measured.peak_all)
    steps = {name: rate / workload.batch for name, rate in rates.items()}
    return {
        "workload": workload.name,
        "rounds": len(rounds),
        "good": len(good),
        "enough": enough,
        "peak_one": statistics.median(value for measured in used for value in measured.peak_one),
        "peak": peak,
        "rates": rates,
        "microseconds": {name: 1e6 / rate for name, rate in steps.items()},
        "share": {name: flops_per_step(workload) * rate / peak for name, rate in steps.items()},
        "ratios": {
            name: spread([measured.rates[subject] / measured.rates[name] for measured in used])
            for name in names
            if name != subject
        },
    }


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest of some values."""
    return Spread(statistics.median(values), min(values), max(values))


def _time(candidate: Peer, epochs: int) -> float:
    """Seconds that so many epochs take; fails where the loss is not a number any more."""
    start = time.perf_counter()
    loss = candidate.train(epochs)
    elapsed = time.perf_counter() - start
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"{candidate.name} on {candidate.workload.name}: the loss is {loss}"
        )
    return elapsed
