"""Compare two versions of fastnn: the same trainings by two checkouts, interleaved in one run.

    python -m benchmarks.versions ../before . --workload tabular --workload medium --threads 2

Each checkout, built in place, has a process of its own, which trains when it is asked to and sleeps
otherwise.  In every round each version trains every workload once, and ratios are taken within a
round: times of different minutes say nothing on a machine that others use too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison that the command line asks for."""
    options = parse(arguments)
    if options.serve:
        serve(options.threads)
        return 0
    versions = [Version(folder, options.threads) for folder in options.checkouts]
    names = options.workload
    times: dict[str, list[list[float]]] = {name: [[], []] for name in names}
    for number in range(options.rounds):
        for name in names:
            # Whichever comes first has the colder caches.
            for i in (0, 1) if number % 2 == 0 else (1, 0):
                times[name][i].append(versions[i].train(name, options.seconds))
    print(f"{options.threads} threads, {options.rounds} rounds; us a step: median (least)")
    print(f"{'workload':<10}{'before':>20}{'after':>20}   after / before: median (of the least)")
    for name, (before, after) in times.items():
        ratio = statistics.median(b / a for a, b in zip(before, after, strict=True))
        print(
            f"{name:<10}"
            + "".join(f"{statistics.median(t):>11.2f} ({min(t):.2f})" for t in (before, after))
            + f"   {ratio:.3f} ({min(after) / min(before):.3f})"
        )
    return 0


class Version:
    """A checkout's process."""

    def __init__(self, folder: Path, threads: int) -> None:
        if not list(folder.glob("fastnn/_core*")):
            raise SystemExit(f"{folder}: no checkout of fastnn; build it with setup.py build_ext")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "versions.py"), "--serve", "--threads", str(threads)],
            env=os.environ | {"PYTHONPATH": str(folder.resolve())},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def train(self, workload: str, seconds: float) -> float:
        """Return the microseconds of a step."""
        assert self.process.stdin
        assert self.process.stdout
        print(workload, seconds, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def serve(threads: int) -> None:
    """Answer each line "workload seconds" of the standard input with microseconds a step."""
    sys.path[0] = os.getcwd()  # the checkout, whose fastnn this is about ...
    sys.path.append(str(HERE.parent))  # ... and whose benchmarks may be older than these
    import fastnn

    assert Path(fastnn.__file__).is_relative_to(os.getcwd()), fastnn.__file__
    from benchmarks.workloads import MOMENTUM, WORKLOADS, synthetic_data

    fastnn.set_num_threads(threads)
    trainings = {}
    for line in sys.stdin:
        name, seconds = line.split()
        if name not in trainings:
            workload = WORKLOADS[name]
            layers = [fastnn.Dense(width, activation="relu") for width in workload.widths[1:-1]]
            net = fastnn.Sequential([*layers, fastnn.Dense(workload.widths[-1])])
            optimizer = (
                fastnn.Adam(lr=workload.lr)
                if workload.optimizer == "adam"
                else fastnn.SGD(lr=workload.lr, momentum=MOMENTUM)
            )
            data = synthetic_data(workload)
            options = {"loss": workload.loss, "optimizer": optimizer, "batch_size": workload.batch}
            net.fit(*data, **options)  # makes the plan
            trainings[name] = (net, data, options, workload)
        net, data, options, workload = trainings[name]
        epochs, best, end = 1, [], time.perf_counter() + float(seconds)
        while time.perf_counter() < end:
            start = time.perf_counter()
            net.fit(*data, epochs=epochs, **options)
            taken = time.perf_counter() - start
            if taken < float(seconds) / 20:  # the calls around the epochs should not count
                epochs *= 2
            else:
                best.append(taken / epochs)
        print(1e6 * min(best or [taken / epochs]) / workload.steps, flush=True)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.versions",
        description="Compare two versions of fastnn, interleaved.",
    )
    parser.add_argument(
        "checkouts", nargs="*", type=Path, metavar="CHECKOUT", help="before and after"
    )
    parser.add_argument("--workload", action="append", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each training in a round")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not options.serve and len(options.checkouts) != 2:
        parser.error("two checkouts are compared: before and after")
    options.workload = options.workload or ["tiny", "tabular", "mnist", "medium"]
    return options


if __name__ == "__main__":
    sys.exit(main())
