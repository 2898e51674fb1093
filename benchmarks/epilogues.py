"""What dropout, normalization, clipping, penalties and metrics cost: medium with and without.

    python -m benchmarks.epilogues --json result.json --picture result.png

All networks are trained by fastnn in one process, interleaved; a cost is the extra time of a step
over that of the plain network in the same round.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import fastnn

from .measure import FEWEST, Summary, run_rounds
from .report import LIMIT, OURS, Parser, deliver, say, table
from .workers import Worker
from .workloads import WORKLOADS, Workload, synthetic_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN = "plain"


def _dense(width: int, **options: Any) -> list[fastnn.layers.Layer]:
    return [fastnn.Dense(width, activation="relu", **options)]


def _normalized(kind: type[fastnn.layers.Layer]) -> Callable[[int], list[fastnn.layers.Layer]]:
    return lambda width: [fastnn.Dense(width), kind(), fastnn.Activation("relu")]


# Name -> a hidden layer of so many units, what the optimizer and fit take besides, the most that
# it may cost.
VARIANTS: dict[str, tuple[Callable[[int], list[Any]], dict[str, Any], dict[str, Any], float]] = {
    PLAIN: (_dense, {}, {}, 0.0),
    "dropout 0.2": (lambda width: [*_dense(width), fastnn.Dropout(0.2)], {}, {}, 0.1),
    "batch norm": (_normalized(fastnn.BatchNorm), {}, {}, 0.15),
    "layer norm": (_normalized(fastnn.LayerNorm), {}, {}, 0.1),
    "clipping by value": (_dense, {"clip_value": 0.5}, {}, 0.1),
    "clipping by norm": (_dense, {"clip_norm": 1.0}, {}, 0.1),
    "clipping by global norm": (_dense, {"clip_global_norm": 1.0}, {}, 0.1),
    "L2 penalty": (lambda width: _dense(width, l2=1e-4), {}, {}, 0.1),
    "accuracy": (_dense, {}, {"metrics": ["accuracy"]}, 0.1),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison that the command line asks for."""
    parser = Parser("epilogues", "What a step costs with dropout, normalization, clipping ...")
    parser.add_argument("--workload", choices=WORKLOADS, default="medium")
    parser.add_argument("--rounds", type=int, default=FEWEST, help=f"good ones; default: {FEWEST}")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each network in a round")
    options = parser.read(arguments)
    summary = measure(options)
    results = {
        "workload": options.workload,
        "microseconds": {
            name: summary.seconds(name).median * 1e6 / WORKLOADS[options.workload].steps
            for name in VARIANTS
        },
        "ratios": {name: summary.ratio(PLAIN, name) for name in VARIANTS if name != PLAIN},
        "good": summary.good,
        "rounds": summary.rounds,
    }
    deliver("epilogues", options, results, "\n".join([lay_out(results), *summary.warning("all")]))
    return 0


def trainer(name: str, workload: Workload, threads: int) -> Callable[[int], object]:
    """Make the training of a variant: what a worker times."""
    fastnn.set_num_threads(threads)
    hidden, of_optimizer, of_fit, _ = VARIANTS[name]
    layers = [layer for width in workload.widths[1:-1] for layer in hidden(width)]
    net = fastnn.Sequential([*layers, fastnn.Dense(workload.widths[-1])], seed=0)
    X, y = synthetic_data(workload)
    optimizer = fastnn.Adam(lr=workload.lr, **of_optimizer)

    def train(epochs: int) -> object:
        return net.fit(
            X,
            y,
            loss=workload.loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=workload.batch,
            verbose=0,
            **of_fit,
        )

    return train


def measure(options: argparse.Namespace) -> Summary:
    """Time all variants, interleaved."""
    workload = WORKLOADS[options.workload]
    with Worker(options.threads) as worker:
        contenders = {
            name: worker.contender(name, trainer, name, workload, options.threads)
            for name in VARIANTS
        }
        rounds = run_rounds(
            contenders,
            rounds=options.rounds,
            threads=options.threads,
            seconds=options.seconds,
            progress=say,
        )
    return Summary(rounds, options.threads, options.rounds)


def lay_out(results: dict[str, Any]) -> str:
    """Lay the figures out: a row a variant."""
    good = f"{results['good']}/{len(results['rounds'])}"
    us = results["microseconds"]
    rows = [
        [results["workload"], "us/step", "cost", "range", "wanted", "rounds"],
        [PLAIN, f"{us[PLAIN]:,.1f}", "", "", "", good],
    ]
    for name, ratio in results["ratios"].items():
        costs = f"{ratio.median - 1:+.1%}", f"{ratio.low - 1:+.1%} - {ratio.high - 1:+.1%}"
        most = f"{VARIANTS[name][-1]:.0%}"
        rows.append([name, f"{us[name]:,.1f}", *costs, most, good])
    return table(rows)


def draw(figure: Figure, results: dict[str, Any]) -> None:
    """Bars of percent, each with the most that is wanted."""
    axes = figure.subplots()
    for row, (name, ratio) in enumerate(results["ratios"].items()):
        low, median, high = (100 * (ratio[key] - 1) for key in ("low", "median", "high"))
        axes.barh(
            [name],
            [median],
            xerr=[[median - low], [high - median]],
            capsize=2,
            color=OURS,
        )
        axes.plot([100 * VARIANTS[name][-1]] * 2, [row - 0.4, row + 0.4], color=LIMIT)
    axes.invert_yaxis()
    axes.set(xlabel="percent", title=f"What a step of {results['workload']} costs more")


if __name__ == "__main__":
    sys.exit(main())
