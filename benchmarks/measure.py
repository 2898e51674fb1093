"""Measuring contenders side by side on a machine that is never quiet.

Clocks change and neighbours make noise, so nothing is compared across time: in each round every
contender has one turn, and ratios are taken within the round. Before and after, the round measures
the FMA peak of one thread and of all, and how long a line of cache takes between two threads.
A round is set aside where all threads together gave too little for their number, where a peak fell
well below the best of the run, or where the threads were far from each other, as those of a virtual
machine are at times: it says something about the machine, and nothing about anyone.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import fastnn

SCALING = 0.8  # a good round: n threads give at least this times n of one thread's peak ...
STEADY = 0.85  # ... each peak is at least this of its best ...
NEAR = 3.0  # ... and a line takes at most this times the least of the run
FEWEST = 5  # good rounds that make a result
PEAK_SECONDS = 0.02
HANDOVER_SECONDS = 0.004

# Works for about so many seconds, returns the seconds of one repetition.
Turn = Callable[[float], float]
PeakFunction = Callable[[int, float], float]


@dataclass(frozen=True)
class Round:
    """One round: what was measured before and after, and each contender's seconds a repetition.

    Peaks are in FLOP/s, the handover in seconds a line.
    """

    peak_one: tuple[float, float]
    peak_all: tuple[float, float]
    handover: tuple[float, float]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Spread:
    """Median and range of a quantity over rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def times(self, factor: float) -> Spread:
        return Spread(factor * self.median, factor * self.low, factor * self.high)


class Stopwatch:
    """Times work that can be repeated.

    Parameters
    ----------
    work : callable
        Of a number of repetitions.
    """

    def __init__(self, work: Callable[[int], object]) -> None:
        self.work = work
        self.portion = 0  # repetitions of one call; not known yet

    def turn(self, seconds: float) -> float:
        """Work for at least so many seconds; return those of one repetition."""
        self.work(1)  # compiles, allocates; later: fills the caches again
        if not self.portion:
            self.portion = 1
            while (elapsed := self._time()) < seconds / 2:
                more = round(self.portion * seconds / elapsed)
                self.portion = max(2 * self.portion, min(10 * self.portion, more))
        done, elapsed = 0, 0.0
        while elapsed < seconds:
            elapsed += self._time()
            done += self.portion
        return elapsed / done

    def _time(self) -> float:
        start = time.perf_counter()
        self.work(self.portion)
        return time.perf_counter() - start


def run_rounds(
    contenders: Mapping[str, Turn],
    *,
    rounds: int,
    threads: int,
    seconds: float,
    peak: PeakFunction = fastnn._core.fma_peak,
    handover: PeakFunction = fastnn._core.handover,
    progress: Callable[[str], None] = lambda line: None,
    nearest: float = math.inf,
) -> list[Round]:
    """Give all contenders a turn in each round, until there are enough good rounds.

    Parameters
    ----------
    contenders : mapping of str to callable
        A worker's contender, or the `turn` of a Stopwatch.
    rounds : int
        Good ones that are wanted; after twice as many it ends as it is.
    threads : int
    seconds : float
        Each contender's share of a round, at least.
    peak : callable
        Peak FLOP/s of (threads, seconds).
    handover : callable
        Seconds a line of (threads, seconds).
    progress : callable
        Gets a line after each step.
    nearest : float
        The least handover known from elsewhere.

    Returns
    -------
    list of Round
    """
    for name, turn in contenders.items():
        turn(seconds)
        progress(f"{name} is warm")
    results: list[Round] = []
    while len(results) < 2 * rounds:
        one, all_ = peak(1, PEAK_SECONDS), peak(threads, PEAK_SECONDS)
        line = handover(threads, HANDOVER_SECONDS)
        names = list(contenders)
        first = len(results) % len(names)  # nobody always follows the same one
        taken = {name: contenders[name](seconds) for name in names[first:] + names[:first]}
        lines = line, handover(threads, HANDOVER_SECONDS)
        peak_one, peak_all = peak(1, PEAK_SECONDS), peak(threads, PEAK_SECONDS)
        results.append(Round((one, peak_one), (all_, peak_all), lines, taken))
        good = len(good_rounds(results, threads, nearest))
        progress(f"round {len(results)}, {all_ / 1e9:.0f} GFLOP/s: {good} of {rounds} good ones")
        if good >= rounds:
            break
    return results


def good_rounds(rounds: Sequence[Round], threads: int, nearest: float = math.inf) -> list[Round]:
    """Return the rounds in which all threads had a core each, as fast and near as at the best."""
    best_one = max(value for measured in rounds for value in measured.peak_one)
    best_all = max(value for measured in rounds for value in measured.peak_all)
    nearest = min(nearest, *(value for measured in rounds for value in measured.handover))

    def is_good(measured: Round) -> bool:
        return (
            min(measured.peak_one) >= STEADY * best_one
            and min(measured.peak_all) >= STEADY * best_all
            and max(measured.handover) <= NEAR * nearest
            and all(
                all_ >= SCALING * threads * one
                for one, all_ in zip(measured.peak_one, measured.peak_all, strict=True)
            )
        )

    return [measured for measured in rounds if is_good(measured)]


class Summary:
    """What rounds say.

    Parameters
    ----------
    rounds : sequence of Round
    threads : int
    fewest : int
        Good rounds that make a result.
    nearest : float
        The least handover known from elsewhere.

    Attributes
    ----------
    used : list of Round
        The good ones if there are enough of them, otherwise all.
    good : int
    enough : bool
        Whether there were. Numbers of a summary that had too few are not to be quoted.
    peak_one, peak : float
        FLOP/s of one thread and of all, medians.
    """

    def __init__(
        self,
        rounds: Sequence[Round],
        threads: int,
        fewest: int = FEWEST,
        nearest: float = math.inf,
    ) -> None:
        good = good_rounds(rounds, threads, nearest)
        self.rounds, self.good, self.fewest = list(rounds), len(good), fewest
        self.enough = self.good >= fewest
        self.used = good if self.enough else self.rounds
        self.peak_one = statistics.median(p for measured in self.used for p in measured.peak_one)
        self.peak = statistics.median(p for measured in self.used for p in measured.peak_all)

    def seconds(self, name: str) -> Spread:
        """Seconds of a repetition."""
        return Spread.of([measured.seconds[name] for measured in self.used])

    def ratio(self, subject: str, other: str) -> Spread:
        """How many times as fast the subject is as the other."""
        return Spread.of([m.seconds[other] / m.seconds[subject] for m in self.used])

    def share(self, name: str, flops: float) -> Spread:
        """Share of all threads' peak, for that many FLOPs a repetition, peak by peak."""
        return Spread.of(
            [2 * flops / sum(m.peak_all) / m.seconds[name] for m in self.used],
        )

    def warning(self, what: str) -> list[str]:
        """Say that a result is not to be quoted, if it is not."""
        if self.enough:
            return []
        return [
            f"WARNING: {what}: {self.good} of {len(self.rounds)} rounds had a core for each thread "
            f"at full speed, {self.fewest} are needed. All are used: do not quote these numbers."
        ]
