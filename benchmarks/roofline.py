"""Where a step's time goes, and what the machine allows: phase by phase.

    python -m benchmarks.roofline
    python -m benchmarks.roofline --workload medium --threads 1 --json result.json

FLOPs and bytes of each phase come from formulas (`phases`), seconds from fastnn's own profile
(FASTNN_PROFILE=1), the roofs from the machine in the same run: the FMA peak, and the bandwidth of
the level that holds all that a step touches (benchmarks/bandwidth.py). The bound of a phase is the
longer of FLOPs / peak and bytes / bandwidth (Williams, Waterman and Patterson 2009); the share is
that bound over the time it took. Barriers have no bound: what stands there is waiting.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnn

from .bandwidth import bandwidths, level_of
from .libraries import LIBRARIES
from .measure import PEAK_SECONDS, STEADY
from .report import LIMIT, OURS, Parser, deliver, say, table
from .workers import Worker
from .workloads import WORKLOADS, Workload, synthetic_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("gather", "forward", "loss", "backward", "update")
WAITING = ("barrier", "other")


@dataclass(frozen=True)
class Phase:
    """What a step does for one layer, counted once for all threads together."""

    kind: str
    layer: int
    flops: int
    nbytes: int


def phases(workload: Workload) -> list[Phase]:
    """Count the FLOPs and bytes of a step: widths as they are, every array once a phase.

    A batch of B rows, a layer of K inputs and N outputs, elements of s bytes:

    ========  ==========  ============================================================
    gather    0           2 B K s: rows read and written
    forward   2 B K N     (K N + B K + B N) s: weights and inputs read, outputs written
    loss      0           2 B N s: outputs read, their gradient written
    backward  2 B K N     (K N + B N + 2 B K) s: transposed weights, the gradient and, for
                          the slope, the outputs of the layer before read; its gradient written
    update    2 B K N     (B K + B N + (2 + 2 slots) K N) s: inputs and gradient read, weights
                          and the optimizer's state read and written; after the first layer
                          K N s more for the transposed weights
    ========  ==========  ============================================================

    Parameters
    ----------
    workload : Workload

    Returns
    -------
    list of Phase
    """
    B, size = workload.batch, np.dtype(workload.dtype).itemsize
    slots = fastnn._core.OPTIMIZER_SLOTS[workload.optimizer]
    layers = list(pairwise(workload.widths))
    counted = [Phase("gather", 0, 0, 2 * B * workload.widths[0] * size)]
    for i, (K, N) in enumerate(layers):
        flops = 2 * B * K * N
        counted.append(Phase("forward", i, flops, (K * N + B * K + B * N) * size))
        if i:
            counted.append(Phase("backward", i, flops, (K * N + B * N + 2 * B * K) * size))
        arrays = 2 + 2 * slots + (i > 0)
        counted.append(Phase("update", i, flops, (B * K + B * N + arrays * K * N) * size))
    counted.append(Phase("loss", 0, 0, 2 * B * workload.widths[-1] * size))  # of no layer
    return sorted(counted, key=lambda phase: (KINDS.index(phase.kind), phase.layer))


def footprint(workload: Workload) -> int:
    """Return the bytes that a step touches: weights, their state and copies, activations."""
    size = np.dtype(workload.dtype).itemsize
    slots = fastnn._core.OPTIMIZER_SLOTS[workload.optimizer]
    weights = [K * N * (1 + slots + (i > 0)) for i, (K, N) in enumerate(pairwise(workload.widths))]
    return size * (sum(weights) + 2 * workload.batch * sum(workload.widths))


def profile(workload: Workload, threads: int, seconds: float) -> dict[str, Any]:
    """Train for so many seconds and ask fastnn where the time went; runs in a worker.

    Returns
    -------
    dict
        `step`, seconds; `works`, of (kind, layer, seconds of a step: the mean over its threads).
    """
    os.environ["FASTNN_PROFILE"] = "1"
    peer = LIBRARIES["fastnn"](workload, *synthetic_data(workload), threads=threads, seed=0)
    peer.train(1)
    entries = peer.net.profile(reset=True)
    epochs, spent = 0, 0.0
    while spent < seconds:
        peer.train(1)
        epochs += 1
        entries = peer.net.profile()
        spent = max(sum(w.seconds for w in entries if w.thread == t) for t in range(threads))
    used = len({work.thread for work in entries})
    steps = epochs * workload.steps
    return {
        "threads": used,
        "step": spent / steps,
        "works": [
            (kind, layer, seconds / used / steps)
            for (kind, layer), (_, _, seconds) in entries.totals().items()
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for."""
    parser = Parser("roofline", "FLOPs, bytes and time of a step's phases, against the machine.")
    parser.add_argument("--workload", action="append", choices=WORKLOADS, help="default: all")
    parser.add_argument(
        "--trials",
        type=int,
        default=5,
        help="default: 5, of which the median is told",
    )
    parser.add_argument("--seconds", type=float, default=0.3, help="of a trial")
    options = parser.read(arguments)
    roofs = {}
    for threads in sorted({1, options.threads}):  # a small step may take one
        roofs[threads] = bandwidths(threads)
        say(f"bandwidth of {threads}: {tell(roofs[threads])}")
    results = [measure(WORKLOADS[name], roofs, options) for name in options.workload or WORKLOADS]
    text = [f"bandwidth of {n} threads: {tell(roofs[n])}" for n in roofs]
    text += [f"\n{lay_out(result)}" for result in results]
    deliver("roofline", options, {"bandwidths": roofs, "workloads": results}, "\n".join(text))
    return 0


def tell(roofs: dict[str, float]) -> str:
    """Put bandwidths in words."""
    return ", ".join(f"{level} {value / 1e9:.0f} GB/s" for level, value in roofs.items())


def measure(
    workload: Workload, roofs: dict[int, dict[str, float]], options: argparse.Namespace
) -> dict[str, Any]:
    """Profile a workload several times and put its median step beside the bounds."""
    trials = []
    with Worker(options.threads) as worker:
        for _ in range(options.trials):
            trial = worker(profile, workload, options.threads, options.seconds)
            peak = fastnn._core.fma_peak(trial["threads"], PEAK_SECONDS, workload.dtype)
            trials.append(trial | {"peak": peak})
            say(f"{workload.name}: {trial['step'] * 1e6:,.1f} us/step")
    best = max(trial["peak"] for trial in trials)
    steady = [trial for trial in trials if trial["peak"] >= STEADY * best]
    trial = sorted(steady, key=lambda trial: trial["step"])[len(steady) // 2]
    level = level_of(footprint(workload), trial["threads"])
    bandwidth = roofs[trial["threads"]][level]
    counted = {(phase.kind, phase.layer): phase for phase in phases(workload)}
    works = []
    for kind, layer, seconds in trial["works"]:
        phase = counted.get((kind, layer), Phase(kind, layer, 0, 0))
        by_flops, by_bytes = phase.flops / trial["peak"], phase.nbytes / bandwidth
        works.append(
            {
                "kind": kind,
                "layer": layer,
                "flops": phase.flops,
                "bytes": phase.nbytes,
                "seconds": seconds,
                "bound": max(by_flops, by_bytes),
                "by": "FMA" if by_flops > by_bytes else level,
            }
        )
    works.sort(key=lambda work: ((*KINDS, *WAITING).index(work["kind"]), work["layer"]))
    told = {"name": workload.name, "level": level, "bandwidth": bandwidth}
    return told | {key: trial[key] for key in ("threads", "peak", "step")} | {"works": works}


def lay_out(result: dict[str, Any]) -> str:
    """Lay a workload out: a row a phase and layer, and the step."""
    name, step = result["name"], result["step"]
    rows = [[name, "layer", "kFLOP", "kB", "bound us", "by", "us", "of bound", "of step"]]
    totals = {"kind": "step", "layer": "", "by": "", "seconds": step} | {
        key: sum(work[key] for work in result["works"]) for key in ("flops", "bytes", "bound")
    }
    for work in [*result["works"], totals]:
        bound, seconds = work["bound"], work["seconds"]
        counts = f"{work['flops'] / 1e3:,.0f}", f"{work['bytes'] / 1e3:,.0f}"
        limit = (f"{bound * 1e6:,.2f}", work["by"]) if bound else ("", "")
        share = f"{bound / seconds:.0%}" if bound else ""
        took = f"{seconds * 1e6:,.2f}", share, f"{seconds / step:.1%}"
        rows.append([work["kind"], str(work["layer"]), *counts, *limit, *took])
    head = f"{result['threads']} threads, FMA peak {result['peak'] / 1e9:.0f} GFLOP/s; "
    share = totals["flops"] / step / result["peak"]
    return head + f"{share:.0%} of it; data in {result['level']}\n{table(rows)}"


def draw(figure: Figure, results: dict[str, Any]) -> None:
    """Rooflines: a phase and layer a point, by what it computes for a byte."""
    panels = figure.subplots(1, len(results["workloads"]), squeeze=False, sharey=True)[0]
    markers = dict(zip(KINDS, "vo*sD", strict=True))
    for axes, result in zip(panels, results["workloads"], strict=True):
        x = np.geomspace(0.1, 1000, 100)
        peak = result["peak"] / 1e9
        for level, value in results["bandwidths"][str(result["threads"])].items():
            bold = level == result["level"]
            roof = np.minimum(x * value / 1e9, peak)
            axes.loglog(x, roof, color=LIMIT if bold else "lightgray", label=level, zorder=1)
        for work in result["works"]:
            if work["flops"]:
                axes.plot(
                    work["flops"] / work["bytes"],
                    work["flops"] / work["seconds"] / 1e9,
                    markers[work["kind"]],
                    color=OURS,
                    alpha=0.7,
                    label=None if work["layer"] != 1 else work["kind"],
                )
        share = sum(work["flops"] for work in result["works"]) / result["step"] / result["peak"]
        axes.set(title=f"{result['name']}\n{share:.0%} of peak", xlabel="FLOP/byte")
    peak = max(result["peak"] for result in results["workloads"]) / 1e9
    panels[0].set_ylim(peak / 300, peak * 2)
    panels[0].set_ylabel("GFLOP/s")
    panels[-1].legend(fontsize=7, loc="lower right")


if __name__ == "__main__":
    sys.exit(main())
