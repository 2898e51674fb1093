"""Compare fastnn with its peers and with the CPU's FMA peak.

    python -m benchmarks.compare
    python -m benchmarks.compare --workload tiny --peer numpy --peer jax --json result.json

Progress goes to stderr, the table to stdout.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .threads import limit_threads

NOTES = """\
samples/s, us/step: fastnn, medians over rounds. of peak: real FLOPs of its matrix products / median
FMA peak of all threads in the same rounds. vs a peer: how many times as fast, median of the ratios
within a round (least - greatest). rounds: good / measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison that the command line asks for."""
    options = parse(arguments)
    # NumPy and the peers size their thread pools when they are imported, so that comes after this.
    limit_threads(options.threads)
    try:
        import fastnn
    except ImportError as error:
        print(
            f"{error}: install fastnn first, for example with `pip install -e .`", file=sys.stderr
        )
        return 1

    from .machine import describe_machine
    from .measure import FEWEST, run_rounds, summarise
    from .peers import PEERS, Fastnn, Peer
    from .workloads import WORKLOADS, synthetic_data

    if unknown := [name for name in options.peer if name not in PEERS]:
        print(f"--peer is one of {', '.join(PEERS)}; got {', '.join(unknown)}", file=sys.stderr)
        return 2
    if unknown := [name for name in options.workload if name not in WORKLOADS]:
        print(
            f"--workload is one of {', '.join(WORKLOADS)}; got {', '.join(unknown)}",
            file=sys.stderr,
        )
        return 2

    kinds: list[type[Peer]] = [Fastnn]
    for name in options.peer:
        if missing := PEERS[name].missing():
            say(f"{name}: skipped, {', '.join(missing)} is not installed")
        else:
            kinds.append(PEERS[name])

    summaries, details = [], []
    for name in options.workload or WORKLOADS:
        workload = WORKLOADS[name]
        X, y = synthetic_data(workload)
        rounds = run_rounds(
            [kind(workload, X, y, threads=options.threads, seed=0) for kind in kinds],
            fastnn._core.fma_peak,
            rounds=options.rounds,
            threads=options.threads,
            seconds=options.seconds_per_entry,
            progress=lambda line, name=name: say(f"{name}: {line}"),
        )
        summaries.append(summarise(workload, rounds, options.threads))
        details.append(
            {"workload": dataclasses.asdict(workload), "rounds": rounds, "summary": summaries[-1]}
        )

    machine = describe_machine(options.threads)
    print(report(machine, summaries, FEWEST))
    if options.json:
        result = {"machine": machine, "options": vars(options), "results": details}
        options.json.write_text(json.dumps(result, indent=1, default=plain) + "\n")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Compare fastnn with its peers and with the CPU's FMA peak.",
    )
    parser.add_argument(
        "--workload", action="append", default=[], metavar="NAME", help="default: all"
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME",
        help="numpy, sklearn, torch, torch-compile or jax; default: numpy and torch",
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds-per-entry", type=float, default=0.25, metavar="SECONDS")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write everything that was measured"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.threads < 1:
        parser.error("--rounds and --threads are at least 1")
    if not options.peer:
        options.peer = ["numpy"] + ["torch"] * (importlib.util.find_spec("torch") is not None)
    return options


def report(machine: dict, summaries: Sequence[dict], needed: int) -> str:
    """Lay the summaries out: the machine, the table, warnings, what the columns mean."""
    peers = list(summaries[0]["ratios"])
    rows = [
        ["workload", "samples/s", "us/step", "of peak", *(f"vs {peer}" for peer in peers), "rounds"]
    ]
    for summary in summaries:
        ratios = [summary["ratios"][peer] for peer in peers]
        rows.append(
            [
                summary["workload"],
                f"{summary['rates']['fastnn']:,.0f}",
                f"{summary['microseconds']['fastnn']:,.1f}",
                f"{summary['share']['fastnn']:.0%}",
                *(f"{ratio.median:.2f} ({ratio.low:.2f} - {ratio.high:.2f})" for ratio in ratios),
                f"{summary['good']}/{summary['rounds']}",
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    low, high = (choose(summary["peak"] for summary in summaries) / 1e9 for choose in (min, max))
    head = (
        f"{machine['cpu']}, {machine['isa']}, {machine['threads']} threads, "
        f"FMA peak {low:.0f} - {high:.0f} GFLOP/s, NumPy with {machine['blas']}"
    )
    warnings = [
        f"WARNING: {summary['workload']}: {summary['good']} of {summary['rounds']} rounds had a "
        f"core for each thread, {needed} are needed. All are used: do not quote these numbers."
        for summary in summaries
        if not summary["enough"]
    ]
    return "\n".join([head, "", *lines, "", *warnings, NOTES])


def plain(value: object) -> object:
    """Turn what JSON does not know into what it does."""
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else str(value)


def say(line: str) -> None:
    """Report progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
