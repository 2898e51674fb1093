"""Prediction of 64-128-128-10 from Python: one row, 32 and 4096, by fastnn and its peers.

    python -m benchmarks.inference
    python -m benchmarks.inference --threads 2 --peer onnxruntime --json result.json

fastnn's two forms are `net.predict` and the bound one, `net.predictor`, which makes no array. The
peers' outputs are compared with fastnn's before anything is timed. One thread each by default;
ONNX Runtime is told so, and would take all cores otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnn

from .measure import FEWEST, Summary, run_rounds
from .networks import build_fastnn
from .predictors import PREDICTORS
from .report import LIMIT, OURS, THEIRS, Parser, deliver, say, table, times
from .workers import Worker
from .workloads import WORKLOADS, synthetic_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORKLOAD = WORKLOADS["tabular"]
ROWS = (1, 32, 4096)
FORMS = ("predict", "predictor")

# Times as fast as ONNX Runtime: (form, rows).
WANTED = {
    ("predict", 1): 5.0,
    ("predictor", 1): 8.0,
    ("predict", 32): 3.0,
    ("predictor", 32): 3.0,
    ("predict", 4096): 1.0,
    ("predictor", 4096): 1.0,
}
WANTED_SHARE = 0.8  # of the FMA peak, with 4096 rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison that the command line asks for."""
    parser = Parser("inference", "Compare predictions from Python.", threads=1)
    parser.add_argument("--peer", action="append", choices=PREDICTORS, help="default: all")
    parser.add_argument("--rows", type=int, action="append", help="default: 1, 32 and 4096")
    parser.add_argument("--rounds", type=int, default=FEWEST, help=f"good ones; default: {FEWEST}")
    parser.add_argument("--seconds", type=float, default=0.1, help="of each in a round")
    options = parser.read(arguments)
    peers = []
    for name in options.peer or PREDICTORS:
        packages, _ = PREDICTORS[name]
        if missing := [p for p in packages if importlib.util.find_spec(p) is None]:
            say(f"{name}: skipped, {', '.join(missing)} is not installed")
        else:
            peers.append(name)
    results = []
    with contextlib.ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(options.threads)) for name in ("fastnn", *peers)
        }
        for rows in options.rows or ROWS:
            results.append(reduce(rows, measure(rows, workers, options), peers))
    warnings = [line for result in results for line in result["warnings"]]
    deliver("inference", options, results, "\n".join([lay_out(results), *warnings]))
    return 0


def caller(name: str, rows: int, threads: int) -> Callable[[int], object]:
    """Make what a worker times: calls, a number of them."""
    fastnn.set_num_threads(threads)
    net = build_fastnn(WORKLOAD)
    X = np.resize(synthetic_data(WORKLOAD)[0], (rows, WORKLOAD.widths[0]))
    if name == "predict":
        function = net.predict
    elif name == "predictor":
        function = net.predictor(rows)
    else:
        layers = [(layer.weights, layer.bias) for layer in net.layers]
        function = PREDICTORS[name][1](layers, threads)
    np.testing.assert_allclose(function(X), net.predict(X), rtol=1e-3, atol=1e-4)

    def call(repeats: int) -> None:
        for _ in range(repeats):
            function(X)

    return call


def measure(rows: int, workers: dict[str, Worker], options: argparse.Namespace) -> Summary:
    """Time all of them, interleaved."""
    homes = dict.fromkeys(FORMS, workers["fastnn"]) | workers
    contenders = {
        name: worker.contender(name, caller, name, rows, options.threads)
        for name, worker in homes.items()
        if name != "fastnn"
    }
    measured = run_rounds(
        contenders,
        rounds=options.rounds,
        threads=options.threads,
        seconds=options.seconds,
        progress=lambda line: say(f"{rows} rows: {line}"),
    )
    return Summary(measured, options.threads, options.rounds)


def reduce(rows: int, summary: Summary, peers: Sequence[str]) -> dict[str, Any]:
    """Turn rounds into the figures of the table, and keep them."""
    flops = 2 * rows * sum(k * n for k, n in pairwise(WORKLOAD.widths))
    return {
        "rows": rows,
        "microseconds": {n: summary.seconds(n).median * 1e6 for n in (*FORMS, *peers)},
        "ratios": {form: {peer: summary.ratio(form, peer) for peer in peers} for form in FORMS},
        "shares": {form: summary.share(form, flops) for form in FORMS},
        "good": summary.good,
        "rounds": summary.rounds,
        "warnings": summary.warning(f"{rows} rows"),
    }


def lay_out(results: Sequence[dict[str, Any]]) -> str:
    """Lay the figures out: a row for each peer and form."""
    rows = [["rows", "form", "us", "against", "its us", "wanted", "reached", "range", "rounds"]]
    for result in results:
        good = f"{result['good']}/{len(result['rounds'])}"
        for form, ratios in result["ratios"].items():
            us = result["microseconds"]
            ours = [str(result["rows"]), form, f"{us[form]:,.2f}"]
            for peer, ratio in ratios.items():
                goal = WANTED.get((form, result["rows"])) if peer == "onnxruntime" else None
                wanted = f"{goal:g}x" if goal else ""
                rows.append([*ours, peer, f"{us[peer]:,.2f}", wanted, *times(ratio), good])
            share = result["shares"][form]
            wanted = f"{WANTED_SHARE:.0%}" if result["rows"] == ROWS[-1] else ""
            reached = f"{share.median:.0%}", f"{share.low:.0%} - {share.high:.0%}"
            rows.append([*ours, "FMA peak", "", wanted, *reached, good])
    return table(rows)


def draw(figure: Figure, results: Sequence[dict[str, Any]]) -> None:
    """One panel a number of rows: microseconds a call; the red line is what ONNX Runtime sets."""
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        us = result["microseconds"]
        colors = [OURS if name in FORMS else THEIRS for name in us]
        axes.barh(list(us), list(us.values()), color=colors)
        axes.invert_yaxis()
        for row, form in enumerate(FORMS):
            goal = WANTED.get((form, result["rows"]))
            if goal and "onnxruntime" in us:
                axes.plot([us["onnxruntime"] / goal] * 2, [row - 0.4, row + 0.4], color=LIMIT)
        axes.set(title=f"{result['rows']} row(s)", xlabel="microseconds")
    figure.suptitle("Prediction of 64-128-128-10 from Python")


if __name__ == "__main__":
    sys.exit(main())
