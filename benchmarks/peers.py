"""Training the five workloads: fastnn, its peers, and the CPU's FMA peak, in one run.

    python -m benchmarks.peers
    python -m benchmarks.peers --workload tiny --peer numpy --peer jax --json result.json
    python -m benchmarks.peers --peer numpy --quick --check

Peers come from `benchmarks/requirements-peers.txt`; what is not installed is skipped. Each is in a
process of its own that is stopped while it is not its turn (benchmarks/workers.py says why).
PyTorch is the better of eager and compiled, both with the fused optimizer. ONNX Runtime does not
train: `python -m benchmarks.inference` has it. Progress goes to stderr, the table to stdout.

`--check` fails where fastnn lost its lead over NumPy: it compares the best rounds of both, which
noise changes least, with floors well below what is reached, and looks again before it complains.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .libraries import LIBRARIES, trainer
from .measure import FEWEST, Summary, run_rounds
from .report import LIMIT, OURS, Parser, bars, deliver, say, table, times
from .workers import Worker
from .workloads import WORKLOADS, Workload, flops_per_step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Columns of the table, and the libraries whose better one stands there.
PEERS = {
    "numpy": ("numpy",),
    "sklearn": ("sklearn",),
    "torch": ("torch", "torch-compile"),
    "jax": ("jax",),
}

# How many times as fast as each peer, and what share of the FMA peak.
WANTED = {
    "tiny": {"numpy": 40, "sklearn": 70, "torch": 110, "jax": 11, "peak": 0.22},
    "tabular": {"numpy": 6.5, "sklearn": 11, "torch": 10, "jax": 5.5, "peak": 0.75},
    "mnist": {"numpy": 3.2, "sklearn": 5, "torch": 5.5, "jax": 2.3, "peak": 0.78},
    "medium": {"numpy": 4, "sklearn": 6.5, "torch": 4, "jax": 2.1, "peak": 0.90},
    "large": {"numpy": 2.1, "sklearn": 2.6, "torch": 2.6, "jax": 1.3, "peak": 0.88},
}

# Times NumPy that fastnn must not lose on any machine, however busy: about half of the least that
# was measured anywhere.
FLOORS = {"tiny": 3.0, "tabular": 1.3, "mnist": 1.0, "medium": 1.3, "large": 0.8}
ATTEMPTS = 3
QUICK = ("tiny", "tabular", "mnist", "medium")

NOTES = """\
us/step: medians over rounds. reached: how many times as fast as the peer, median of the ratios
within a round, and their range; of peak: real FLOPs of the matrix products / FMA peak of all
threads in the same round. rounds: good / measured; wanted: the goals of the project, which are
for 2 threads on 2 cores."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison that the command line asks for."""
    options = parse(arguments)
    libraries = ["fastnn"]
    for peer in options.peer:
        for name in PEERS[peer]:
            if missing := LIBRARIES[name].missing():
                say(f"{name}: skipped, {', '.join(missing)} is not installed")
            else:
                libraries.append(name)
    results: list[dict[str, Any]] = []
    lost = []
    with contextlib.ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(options.threads)) for name in libraries}
        for name in options.workload:
            summary = measure(WORKLOADS[name], workers, options)
            results.append(reduce(WORKLOADS[name], summary, libraries))
            if options.check and not keeps_lead(summary, WORKLOADS[name], workers, options):
                lost.append(name)
    warnings = [line for result in results for line in result["warnings"]]
    deliver("peers", options, results, "\n".join([lay_out(results), "", *warnings, NOTES]))
    for name in lost:
        say(f"FAILED: {name}: fastnn is less than {FLOORS[name]} times as fast as NumPy")
    return 1 if lost else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = Parser("peers", "Compare fastnn with its peers and with the CPU's FMA peak.")
    parser.add_argument("--workload", action="append", choices=WORKLOADS, help="default: all")
    parser.add_argument("--peer", action="append", choices=PEERS, help="default: all")
    parser.add_argument("--rounds", type=int, help="good ones; default: 5")
    parser.add_argument(
        "--seconds", type=float, help="of each library in a round, at least; default: 0.3"
    )
    parser.add_argument("--quick", action="store_true", help="small workloads, short rounds")
    parser.add_argument(
        "--check", action="store_true", help="fail where the lead over NumPy is lost"
    )
    options = parser.read(arguments)
    options.workload = options.workload or list(QUICK if options.quick else WORKLOADS)
    options.peer = options.peer or list(PEERS)
    options.rounds = options.rounds or (2 if options.quick else FEWEST)
    options.seconds = options.seconds or (0.1 if options.quick else 0.3)
    if options.check and "numpy" not in options.peer:
        parser.error("--check needs --peer numpy")
    return options


def measure(workload: Workload, workers: dict[str, Worker], options: argparse.Namespace) -> Summary:
    """Give every library a network of this workload, and all of them their rounds."""
    contenders = {
        name: worker.contender("training", trainer, name, workload, options.threads)
        for name, worker in workers.items()
    }
    rounds = run_rounds(
        contenders,
        rounds=options.rounds,
        threads=options.threads,
        seconds=options.seconds,
        progress=lambda line: say(f"{workload.name}: {line}"),
    )
    return Summary(rounds, options.threads, options.rounds)


def reduce(workload: Workload, summary: Summary, libraries: Sequence[str]) -> dict[str, Any]:
    """Turn rounds into the figures of the table, and keep them."""
    microseconds = {name: summary.seconds(name).median / workload.steps * 1e6 for name in libraries}
    ratios = {}
    for peer, forms in PEERS.items():
        if measured := [name for name in forms if name in microseconds]:
            best = min(measured, key=microseconds.__getitem__)
            ratios[peer] = {"form": best, "ratio": summary.ratio("fastnn", best)}
    return {
        "workload": dataclasses.asdict(workload),
        "microseconds": microseconds,
        "ratios": ratios,
        "peak": summary.peak,
        "share": summary.share("fastnn", flops_per_step(workload) * workload.steps),
        "good": summary.good,
        "rounds": summary.rounds,
        "warnings": summary.warning(workload.name),
    }


def keeps_lead(
    summary: Summary, workload: Workload, workers: dict[str, Worker], options: argparse.Namespace
) -> bool:
    """Tell whether fastnn's best round is as far from NumPy's best as it must be."""
    for attempt in range(ATTEMPTS):
        ours, theirs = (
            min(measured.seconds[name] for measured in summary.rounds)
            for name in ("fastnn", "numpy")
        )
        if theirs / ours >= FLOORS[workload.name]:
            return True
        say(f"{workload.name}: attempt {attempt + 1}: {theirs / ours:.2f} times NumPy")
        if attempt + 1 < ATTEMPTS:
            summary = measure(workload, workers, options)
    return False


def lay_out(results: Sequence[dict[str, Any]]) -> str:
    """Lay the figures out: a row a peer."""
    rows = [
        ["workload", "against", "its us/step", "fastnn's", "wanted", "reached", "range", "rounds"]
    ]
    for result in results:
        name, good = result["workload"]["name"], f"{result['good']}/{len(result['rounds'])}"
        ours, wanted = f"{result['microseconds']['fastnn']:,.1f}", WANTED[name]
        for peer, entry in result["ratios"].items():
            theirs = f"{result['microseconds'][entry['form']]:,.1f}"
            goal = f"{wanted[peer]:g}x"
            rows.append([name, entry["form"], theirs, ours, goal, *times(entry["ratio"]), good])
        against, share = f"FMA peak, {result['peak'] / 1e9:.0f} GFLOP/s", result["share"]
        reached = f"{share.median:.0%}", f"{share.low:.0%} - {share.high:.0%}"
        rows.append([name, against, "", ours, f"{wanted['peak']:.0%}", *reached, good])
    return table(rows)


def draw(figure: Figure, results: Sequence[dict[str, Any]]) -> None:
    """One panel a workload: times as fast as each peer; a red line is what is wanted."""
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        name, ratios = result["workload"]["name"], result["ratios"]
        bars(axes, list(ratios), [entry["ratio"] for entry in ratios.values()], color=OURS)
        for row, peer in enumerate(ratios):
            axes.plot([WANTED[name][peer]] * 2, [row - 0.4, row + 0.4], color=LIMIT)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_title(f"{name}\n{result['share']['median']:.0%} of peak")
    figure.suptitle("Training: times as fast as ...")


if __name__ == "__main__":
    sys.exit(main())
