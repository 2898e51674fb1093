"""MNIST: the accuracy, and the time that it takes to get there.

    python -m benchmarks.mnist
    python -m benchmarks.mnist --seeds 0 --epochs 5 --peer torch --data mnist.npz --json result.json

Needs mnist.npz (arrays x_train, y_train, x_test, y_test of uint8): --data, or in the folder that
FASTNN_DATA names. 784-512-512-10 with relu and dropout 0.2, AdamW, one cycle up to a learning rate
of 0.002, batches of 128. PyTorch has the same, from initial values of its own, and its fused
optimizer; its compiled form is compiled before the clock starts. After every epoch the test
accuracy is taken, while the clock stands still. Progress goes to stderr, the table to stdout.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnn

from .libraries import LIBRARIES
from .measure import PEAK_SECONDS
from .report import LIMIT, OURS, THEIRS, Parser, deliver, say, table
from .workers import Worker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

HIDDEN, RATE, LR, BATCH = (512, 512), 0.2, 2e-3, 128
TARGET = 0.984
WANTED = 3.5  # times as fast to the target as PyTorch

# Of each epoch: seconds of training from the start to its end, and the test accuracy then.
Run = list[tuple[float, float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = Parser("mnist", "Test accuracy on MNIST, and the seconds it takes to get there.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--peer", action="append", default=[], choices=["torch", "torch-compile"])
    parser.add_argument("--target", type=float, default=TARGET, help="default: 0.984")
    parser.add_argument("--data", type=Path, metavar="FILE", help="mnist.npz")
    options = parser.read(arguments)
    if min(options.seeds) < 0:
        parser.error(f"--seeds: got {min(options.seeds)}, want at least 0")
    path = find(options.data)
    if not path.exists():
        say(f"{path}: not there; --data names mnist.npz, or FASTNN_DATA the folder that has it")
        return 1
    kinds: dict[str, tuple[Callable[..., Run], bool]] = {"fastnn": (with_fastnn, False)}
    for name in options.peer:
        if missing := LIBRARIES[name].missing():
            say(f"{name}: skipped, {', '.join(missing)} is not installed")
        else:
            kinds[name] = with_torch, name == "torch-compile"
    results = []
    with contextlib.ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(options.threads)) for name in kinds}
        for seed in options.seeds:  # all of them, one after the other, while the machine is so
            for name, (train, compiles) in kinds.items():
                before = fastnn._core.fma_peak(options.threads, PEAK_SECONDS)
                run = workers[name](train, path, seed, options.epochs, options.threads, compiles)
                peaks = before, fastnn._core.fma_peak(options.threads, PEAK_SECONDS)
                results.append(reduce(name, seed, run, options.target) | {"peaks": peaks})
                say(f"{name}, seed {seed}: {run[-1][1]:.2%}, {run[-1][0]:.1f} s")
    head = f"784-{'-'.join(map(str, HIDDEN))}-10, {options.epochs} epochs"
    deliver("mnist", options, results, f"{head}\n\n{lay_out(results, options.target)}")
    return 0


def find(path: Path | None) -> Path:
    """Return where mnist.npz is, or should be."""
    return path or Path(os.environ.get("FASTNN_DATA") or "../shared/data") / "mnist.npz"


def load(path: Path) -> Tables:
    """Return X, y to train with and X, y to test with; pixels are float32 from 0 to 1."""
    with np.load(path) as arrays:
        tables = []
        for part in ("train", "test"):
            X = arrays[f"x_{part}"]
            tables += [X.reshape(len(X), -1).astype(np.float32) / 255, arrays[f"y_{part}"]]
    return tuple(tables)


def steps(n: int, epochs: int) -> int:
    """Return the number of batches; the last of an epoch may be smaller."""
    return epochs * -(-n // BATCH)


class Clock:
    """Seconds since it was made, without those in which it stood still."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self.start

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.start += time.perf_counter() - began


def with_fastnn(path: Path, seed: int, epochs: int, threads: int, compiles: bool = False) -> Run:
    """Train, and return what came of each epoch."""
    fastnn.set_num_threads(threads)
    X, y, X_test, y_test = load(path)
    layers: list[Any] = []
    for width in HIDDEN:
        layers += [fastnn.Dense(width, activation="relu"), fastnn.Dropout(RATE)]
    net = fastnn.Sequential([*layers, fastnn.Dense(10)], seed=seed)
    schedule = fastnn.schedules.OneCycle(LR, steps=steps(len(X), epochs))
    run: Run = []

    def after(epoch: int, logs: dict[str, float]) -> None:
        seconds = clock.seconds()
        with clock.stopped():
            run.append((seconds, net.evaluate(X_test, y_test)["accuracy"]))

    clock = Clock()
    net.fit(
        X,
        y,
        loss="cross_entropy",
        optimizer=fastnn.AdamW(lr=schedule),
        epochs=epochs,
        batch_size=BATCH,
        callbacks=[fastnn.callbacks.Lambda(on_epoch_end=after)],
        verbose=0,
    )
    return run


def with_torch(path: Path, seed: int, epochs: int, threads: int, compiles: bool = False) -> Run:
    """Do the same by PyTorch, whose defaults of AdamW are fastnn's."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    X, y, X_test, y_test = (torch.from_numpy(array) for array in load(path))
    y, y_test = y.long(), y_test.long()
    layers: list[Any] = []
    for inputs, width in zip((X.shape[1], *HIDDEN), HIDDEN, strict=False):
        layers += [torch.nn.Linear(inputs, width), torch.nn.ReLU(), torch.nn.Dropout(RATE)]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(HIDDEN[-1], 10))
    criterion = torch.nn.CrossEntropyLoss()

    def loss(X: Any, y: Any) -> Any:
        return criterion(net(X), y)

    if compiles:
        loss = torch.compile(loss, dynamic=False)
        for rows in {BATCH, len(X) % BATCH} - {0}:  # it compiles once for each
            loss(X[:rows], y[:rows]).backward()
    optimizer = torch.optim.AdamW(net.parameters(), lr=LR, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LR, total_steps=steps(len(X), epochs), cycle_momentum=False
    )
    run: Run = []
    clock = Clock()
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss(X.index_select(0, rows), y.index_select(0, rows)).backward()
            optimizer.step()
            schedule.step()
        seconds = clock.seconds()
        with clock.stopped(), torch.inference_mode():
            hits = net.eval()(X_test).argmax(dim=1) == y_test
            run.append((seconds, hits.double().mean().item()))
            net.train()
    return run


def reduce(library: str, seed: int, run: Run, target: float) -> dict[str, Any]:
    """Turn a training into the figures of the table, and keep it."""
    reached = next((i for i, (_, accuracy) in enumerate(run) if accuracy >= target), None)
    seconds, accuracy = run[-1]
    return {
        "library": library,
        "seed": seed,
        "accuracy": accuracy,
        "seconds": seconds,
        "epochs_to_target": None if reached is None else reached + 1,
        "seconds_to_target": None if reached is None else run[reached][0],
        "run": run,
    }


def lay_out(results: Sequence[dict[str, Any]], target: float) -> str:
    """Lay the results out: a row a training, and the medians and what they come to."""
    rows = [["", "seed", "accuracy", "seconds", "epochs", f"s to {target:.1%}"]]
    for result in results:
        epochs, seconds = result["epochs_to_target"], result["seconds_to_target"]
        reached = ("-", "-") if epochs is None else (str(epochs), f"{seconds:.1f}")
        cells = f"{result['accuracy']:.2%}", f"{result['seconds']:.1f}", *reached
        rows.append([result["library"], str(result["seed"]), *cells])
    lines = []
    libraries = list(dict.fromkeys(result["library"] for result in results))
    medians = {}
    for name in libraries:
        own = [result for result in results if result["library"] == name]
        accuracy, seconds = (
            statistics.median(result[key] for result in own) for key in ("accuracy", "seconds")
        )
        # One that did not get there took longer than all that did.
        to_target = statistics.median(r["seconds_to_target"] or float("inf") for r in own)
        medians[name] = to_target
        reached = "-" if to_target == float("inf") else f"{to_target:.1f}"
        rows.append([name, "median", f"{accuracy:.2%}", f"{seconds:.1f}", "", reached])
    peers = [medians[name] for name in libraries if name != "fastnn"]
    if peers and max(medians["fastnn"], min(peers)) < float("inf"):
        times = min(peers) / medians["fastnn"]
        lines = ["", f"to {target:.1%}: {times:.2f} times as fast as PyTorch; wanted: {WANTED}"]
    return "\n".join([table(rows), *lines])


def draw(figure: Figure, results: Sequence[dict[str, Any]]) -> None:
    """Accuracy over seconds, a line a training."""
    axes = figure.subplots()
    told = set()
    for result in results:
        seconds, accuracies = zip(*result["run"], strict=True)
        library = result["library"]
        axes.plot(
            seconds,
            accuracies,
            color=OURS if library == "fastnn" else THEIRS,
            linestyle="--" if library == "torch-compile" else "-",
            label=None if library in told else library,
        )
        told.add(library)
    axes.axhline(TARGET, color=LIMIT, linewidth=0.8, label=f"{TARGET:.1%}")
    axes.set(xlabel="seconds of training", ylabel="test accuracy", title="MNIST")
    axes.set_ylim(max(0.95, axes.get_ylim()[0]), None)
    axes.legend()


if __name__ == "__main__":
    sys.exit(main())
