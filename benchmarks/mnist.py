"""Test accuracy on MNIST, and the seconds it takes to get there.

    python -m benchmarks.mnist
    python -m benchmarks.mnist --seeds 0 --epochs 5 --peer torch --json result.json

Needs mnist.npz (arrays x_train, y_train, x_test, y_test of uint8) in the folder that FASTNN_DATA
names.  784-512-512-10 with relu and dropout 0.2, AdamW, one cycle up to a learning rate of 0.002,
batches of 128.  A peer has the same, from initial values of its own.  Progress goes to stderr, the
table to stdout.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .threads import limit_threads

if TYPE_CHECKING:
    import numpy as np

    Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

HIDDEN, RATE, LR, BATCH = (512, 512), 0.2, 2e-3, 128


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    options = parse(arguments)
    limit_threads(options.threads)  # before the libraries are imported
    path = Path(os.environ.get("FASTNN_DATA") or "../shared/data") / "mnist.npz"
    if not path.exists():
        print(f"{path}: not there; FASTNN_DATA names the folder that has it", file=sys.stderr)
        return 1
    from .machine import describe_machine

    kinds: dict[str, Callable[..., tuple[float, float]]] = {"fastnn": with_fastnn}
    for name in options.peer:
        if importlib.util.find_spec(name) is None:
            print(f"{name}: skipped, it is not installed", file=sys.stderr)
        else:
            kinds[name] = with_torch
    data = load(path)
    results = []
    for seed in options.seeds:  # all of them, one after the other, while the machine is as it is
        for name, train in kinds.items():
            accuracy, seconds = train(data, seed, options.epochs, options.threads)
            print(f"{name}, seed {seed}: {accuracy:.2%}, {seconds:.1f} s", file=sys.stderr)
            results.append(
                {"library": name, "seed": seed, "accuracy": accuracy, "seconds": seconds}
            )
    machine = describe_machine(options.threads)
    print(report(machine, results, options.epochs))
    if options.json:
        result = {"machine": machine, "options": vars(options), "results": results}
        options.json.write_text(json.dumps(result, indent=1, default=str) + "\n")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mnist",
        description="Test accuracy on MNIST, and the seconds it takes to get there.",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--peer", action="append", default=[], choices=["torch"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all results")
    options = parser.parse_args(arguments)
    if options.epochs < 1 or options.threads < 1 or min(options.seeds) < 0:
        parser.error("--epochs and --threads are at least 1, --seeds at least 0")
    return options


def load(path: Path) -> Tables:
    """Return X, y to train with and X, y to test with; pixels are float32 from 0 to 1."""
    import numpy as np

    with np.load(path) as table:
        arrays = []
        for part in ("train", "test"):
            X = table[f"x_{part}"]
            arrays += [X.reshape(len(X), -1).astype(np.float32) / 255, table[f"y_{part}"]]
    return tuple(arrays)


def steps(n: int, epochs: int) -> int:
    """Return the number of batches; the last of an epoch may be smaller."""
    return epochs * -(-n // BATCH)


def with_fastnn(data: Tables, seed: int, epochs: int, threads: int) -> tuple[float, float]:
    """Return the test accuracy and the seconds of the training."""
    import fastnn

    fastnn.set_num_threads(threads)
    X, y, X_test, y_test = data
    layers: list[Any] = []
    for width in HIDDEN:
        layers += [fastnn.Dense(width, activation="relu"), fastnn.Dropout(RATE)]
    net = fastnn.Sequential([*layers, fastnn.Dense(10)], seed=seed)
    schedule = fastnn.schedules.OneCycle(LR, steps=steps(len(X), epochs))
    start = time.perf_counter()
    net.fit(
        X,
        y,
        loss="cross_entropy",
        optimizer=fastnn.AdamW(lr=schedule),
        epochs=epochs,
        batch_size=BATCH,
    )
    seconds = time.perf_counter() - start
    return net.evaluate(X_test, y_test)["accuracy"], seconds


def with_torch(data: Tables, seed: int, epochs: int, threads: int) -> tuple[float, float]:
    """Return the same of PyTorch, with the fused optimizer; its defaults of AdamW are fastnn's."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    X, y, X_test, y_test = (torch.from_numpy(array) for array in data)
    y, y_test = y.long(), y_test.long()
    layers: list[Any] = []
    for inputs, width in zip((X.shape[1], *HIDDEN), HIDDEN, strict=False):
        layers += [torch.nn.Linear(inputs, width), torch.nn.ReLU(), torch.nn.Dropout(RATE)]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(HIDDEN[-1], 10))
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=LR, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LR, total_steps=steps(len(X), epochs), cycle_momentum=False
    )
    start = time.perf_counter()
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            criterion(net(X.index_select(0, rows)), y.index_select(0, rows)).backward()
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - start
    with torch.inference_mode():
        hits = net.eval()(X_test).argmax(dim=1) == y_test
    return hits.double().mean().item(), seconds


def report(machine: dict, results: Sequence[dict], epochs: int) -> str:
    """Lay out the results: a row a seed, and the medians."""
    libraries = list(dict.fromkeys(result["library"] for result in results))
    seeds = list(dict.fromkeys(result["seed"] for result in results))
    head = (
        f"784-{'-'.join(map(str, HIDDEN))}-10, {epochs} epochs; {machine['cpu']}, "
        f"{machine['isa']}, {machine['threads']} threads"
    )
    lines = [head, "", f"{'seed':6}" + "".join(f"{name:>10}{'seconds':>10}" for name in libraries)]
    for seed in [*seeds, "median"]:
        line = f"{seed!s:6}"
        for name in libraries:
            own = [r for r in results if r["library"] == name and seed in (r["seed"], "median")]
            accuracy, seconds = (
                statistics.median(result[key] for result in own) for key in ("accuracy", "seconds")
            )
            line += f"{accuracy:10.2%}{seconds:10.1f}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
