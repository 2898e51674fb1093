"""Random networks, to find where fastnn is slow: any shape, every optimizer, both precisions.

    python -m benchmarks.sweep
    python -m benchmarks.sweep --networks 20 --seed 1 --json result.json --picture result.png

1 to 8 layers with relu, widths from 1 to 4096 and batches from 1 to 4096, both log-uniform, no
width a multiple of 16; a network whose step takes more than `MOST_FLOPS` or whose weights are more
than `MOST_WEIGHTS` is drawn again, so that 200 take some ten minutes. The optimizers take turns.
Each network is trained by fastnn on as many threads as it chooses of --threads, on exactly one and
on exactly all, by pure NumPy and by PyTorch (eager, fused where it can) on one and on all; of the
peers the better counts.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnn

from .bandwidth import bandwidths, level_of
from .libraries import LIBRARIES, TORCH_OPTIMIZERS, trainer
from .measure import Summary, run_rounds
from .networks import OPTIMIZERS
from .report import LIMIT, OURS, THEIRS, Parser, deliver, say, table
from .roofline import footprint, phases
from .workers import Worker
from .workloads import Workload, flops_per_step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDEST = BIGGEST_BATCH = 4096
MOST_LAYERS = 8
MOST_FLOPS = 1.5e9
MOST_WEIGHTS = 1.5e7
# At least so many steps, if the data are not larger than this: a call of fit begins with a copy of
# the parameters, which few steps would have to pay for.
FEW_STEPS, FEW_BYTES = 8, 6e7
# Of an epoch, at most, if that is two steps: the data's bytes, the products' FLOPs, the weights
# that are updated, and the steps.
DATA_BYTES, EPOCH_FLOPS, EPOCH_WEIGHTS, MOST_STEPS = 8e6, 5e8, 2e7, 256
LR = 1e-5  # what is timed are the steps, not where they lead
CALL_SECONDS = 1e-6  # of a step, whatever its size: a guess, for the guess of the bound

WANTED_OVER_TORCH = 5.0
SLOWER_WITH_THREADS, SLOWER_BY_DEFAULT = 1.05, 1.10


def log_uniform(rng: np.random.Generator, greatest: int) -> int:
    """Draw an integer from 1 to `greatest`."""
    return int(np.exp(rng.uniform(0, np.log(greatest + 1))))


def random_network(rng: np.random.Generator, number: int) -> Workload:
    """Draw a network; its optimizer goes by its number."""
    rules = list(OPTIMIZERS)
    while True:
        layers = int(rng.integers(1, MOST_LAYERS, endpoint=True))
        widths = tuple(_width(rng) for _ in range(layers + 1))
        batch = log_uniform(rng, BIGGEST_BATCH)
        dtype = str(rng.choice(["float32", "float64"]))
        loss = "mean_squared_error" if widths[-1] == 1 else "cross_entropy"
        rule = rules[number % len(rules)]
        name = f"{'-'.join(map(str, widths))}, {batch}"
        drawn = Workload(name, widths, batch, rule, LR, loss, batch, dtype)
        flops, weights = flops_per_step(drawn), sum(k * n for k, n in pairwise(widths))
        if flops <= MOST_FLOPS and weights <= MOST_WEIGHTS:
            nbytes = batch * widths[0] * np.dtype(dtype).itemsize
            steps = min(DATA_BYTES / nbytes, EPOCH_FLOPS / flops, EPOCH_WEIGHTS / weights)
            least = FEW_STEPS if FEW_STEPS * nbytes <= FEW_BYTES else 2
            steps = int(np.clip(steps, least, MOST_STEPS))
            return dataclasses.replace(drawn, samples=steps * batch)


def _width(rng: np.random.Generator) -> int:
    while (width := log_uniform(rng, WIDEST)) % 16 == 0:
        pass
    return width


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sweep that the command line asks for."""
    parser = Parser("sweep", "Random networks by fastnn, NumPy and PyTorch.")
    parser.add_argument("--networks", type=int, default=200, help="default: 200")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3, help="good ones; default: 3")
    parser.add_argument("--seconds", type=float, default=0.04, help="of each in a round")
    options = parser.read(arguments)
    libraries = ["fastnn", "numpy"]
    if missing := LIBRARIES["torch"].missing():
        say(f"torch: skipped, {', '.join(missing)} is not installed")
    else:
        libraries.append("torch")
    rng = np.random.default_rng(options.seed)
    results: list[dict[str, Any]] = []
    failed = []
    roofs = bandwidths(options.threads)
    nearest = math.inf  # of all networks: threads can be far from each other for minutes
    with contextlib.ExitStack() as stack:
        counts = sorted({1, options.threads})
        workers = {
            (library, threads): stack.enter_context(Worker(threads))
            for library in libraries
            for threads in counts
        }
        for number in range(options.networks):
            workload = random_network(rng, number)
            try:
                summary = measure(workload, workers, options, nearest)
            except RuntimeError as error:  # of one network: the others can still be measured
                failed.append(f"FAILED: {workload.name}, {workload.optimizer}: {error}")
                say(failed[-1])
                continue
            nearest = min(nearest, *(min(one.handover) for one in summary.rounds))
            results.append(
                reduce(workload, summary, roofs[level_of(footprint(workload), options.threads)])
            )
            say(f"{number + 1}: {' '.join(describe(results[-1]))}")
    deliver("sweep", options, results, "\n".join([lay_out(results), *failed]))
    return 1 if failed else 0


def contenders_of(workload: Workload, workers: Mapping[tuple[str, int], Worker]) -> dict[str, Any]:
    """Return what is made of a network in which worker: name -> worker, arguments of `trainer`."""
    threads = max(threads for _, threads in workers)
    made: dict[str, Any] = {
        "fastnn": (workers["fastnn", threads], ("fastnn", workload, threads)),
    }
    for (library, n), worker in workers.items():
        if library == "torch" and workload.optimizer not in TORCH_OPTIMIZERS:
            continue
        kind = "fastnn-exactly" if library == "fastnn" else library
        made[f"{library} {n}"] = worker, (kind, workload, n)
    return made


def measure(
    workload: Workload,
    workers: Mapping[tuple[str, int], Worker],
    options: argparse.Namespace,
    nearest: float,
) -> Summary:
    """Train a network by all of them, interleaved."""

    def peak(threads: int, seconds: float) -> float:
        return fastnn._core.fma_peak(threads, seconds, workload.dtype)

    rounds = run_rounds(
        {
            # A worker's network of before is given up for it.
            name: worker.contender("own" if name != "fastnn" else name, trainer, *arguments)
            for name, (worker, arguments) in contenders_of(workload, workers).items()
        },
        rounds=options.rounds,
        threads=options.threads,
        seconds=options.seconds,
        peak=peak,
        nearest=nearest,
    )
    return Summary(rounds, options.threads, options.rounds, nearest)


def reduce(workload: Workload, summary: Summary, bandwidth: float) -> dict[str, Any]:
    """Turn rounds into figures: seconds a step, and how many times as fast fastnn is."""
    names = list(summary.rounds[0].seconds)
    peers = [name for name in names if not name.startswith("fastnn")]
    seconds = {name: summary.seconds(name).median / workload.steps for name in names}

    def best(library: str = "") -> float | None:
        ratios = [
            summary.ratio("fastnn", name).median for name in peers if name.startswith(library)
        ]
        return min(ratios) if ratios else None

    exact = [name for name in names if name.startswith("fastnn ")]
    flops, nbytes = flops_per_step(workload), sum(phase.nbytes for phase in phases(workload))
    bounds = {"calls": CALL_SECONDS, "bytes": nbytes / bandwidth, "FLOPs": flops / summary.peak}
    return {
        "workload": dataclasses.asdict(workload),
        "seconds": seconds,
        "numpy": best("numpy"),
        "torch": best("torch"),
        "best": best(),
        "best_peer": min(peers, key=seconds.__getitem__),
        # As times of one thread's, and of the best.
        "over_one": 1 / summary.ratio("fastnn", exact[0]).median,
        "over_best": 1 / min(summary.ratio("fastnn", name).median for name in exact),
        "flops": flops,
        "share": flops / seconds["fastnn"] / summary.peak,
        "bound": max(bounds, key=bounds.__getitem__),
        "enough": summary.enough,
        "rounds": summary.rounds,
    }


def describe(result: Mapping[str, Any]) -> list[str]:
    """Return the cells of a network's row."""
    workload = result["workload"]
    return [
        workload["name"],
        workload["optimizer"],
        workload["dtype"],
        f"{result['seconds']['fastnn'] * 1e6:,.1f}",
        f"{result['best']:.2f}x",
        result["best_peer"],
        f"{result['share']:.0%}",
        f"{result['over_one']:.2f}",
        f"{result['over_best']:.2f}",
        result["bound"],
    ]


HEAD = ["network, batch", "optimizer", "dtype", "us/step", "times as fast as", "the best peer"]
HEAD += ["of peak", "time: over one", "over best", "bound (a guess)"]


def lay_out(results: Sequence[dict[str, Any]]) -> str:
    """Lay the figures out: sums, and the networks with the least lead and the worst threads."""
    lines = [f"{len(results)} networks; in {count(results, 'enough')} enough rounds were good"]
    for name in ("numpy", "torch", "best"):
        ratios = [result[name] for result in results if result[name] is not None]
        if ratios:
            mean, slower = geometric_mean(ratios), sum(ratio < 1 for ratio in ratios)
            what = "the best of both" if name == "best" else name
            lines.append(
                f"{what}: {mean:.2f} times as fast (geometric mean of {len(ratios)}; median "
                f"{statistics.median(ratios):.2f}), slower on {slower}"
            )
    for key, limit, what in (
        ("over_one", SLOWER_WITH_THREADS, "by default slower than on one thread"),
        ("over_best", SLOWER_BY_DEFAULT, "by default slower than on the best number of threads"),
    ):
        slower = sum(result[key] > limit for result in results)
        lines.append(f"{what} by over {limit - 1:.0%}: {slower}")
    lines.append(f"wanted: {WANTED_OVER_TORCH:g} times PyTorch, and none that is slower")
    worst = sorted(results, key=lambda result: result["best"])[:10]
    threads = sorted(results, key=lambda result: -result["over_best"])[:10]
    for title, chosen in (("least ahead", worst), ("threads chosen worst", threads)):
        lines += ["", f"{title}:", table([HEAD, *map(describe, chosen)])]
    return "\n".join(lines)


def count(results: Sequence[Mapping[str, Any]], key: str) -> int:
    """Return how many have a mark."""
    return sum(bool(result[key]) for result in results)


def geometric_mean(values: Sequence[float]) -> float:
    """Return exp of the mean logarithm."""
    return math.exp(statistics.fmean(map(math.log, values)))


def draw(figure: Figure, results: Sequence[dict[str, Any]]) -> None:
    """Over the FLOPs of a step: the lead, and what the choice of threads costs."""
    lead, threads = figure.subplots(1, 2)
    for peer, color in (("numpy", OURS), ("torch", THEIRS)):
        own = [result for result in results if result["best_peer"].startswith(peer)]
        for dtype, marker in (("float32", "o"), ("float64", "s")):
            points = [result for result in own if result["workload"]["dtype"] == dtype]
            flops = [result["flops"] for result in points]
            label = f"{peer} is the best peer, {dtype}"
            lead.loglog(
                flops, [p["best"] for p in points], marker, color=color, alpha=0.6, label=label
            )
    flops = [result["flops"] for result in results]
    threads.semilogx(flops, [result["over_best"] for result in results], "o", color=OURS, alpha=0.6)
    lead.axhline(1, color=LIMIT)
    threads.axhline(SLOWER_BY_DEFAULT, color=LIMIT)
    lead.set(xlabel="FLOPs of a step", ylabel="times as fast", title="fastnn over the best peer")
    threads.set(
        xlabel="FLOPs of a step", ylabel="times the time of the best", title="Default threads"
    )
    lead.legend(fontsize=7)


if __name__ == "__main__":
    sys.exit(main())
