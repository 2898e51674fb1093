"""What a fresh process tells of itself: run by `benchmarks.start` and `benchmarks.memory`.

At the top only the standard library is imported, for what the libraries add is what is asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

EPOCHS = 6


def ask(question: str, **details: object) -> dict[str, float]:
    """Start a process that answers a question, which is a function's name here.

    It keeps bytecode, as there is of an installed package: pip compiles what it installs.
    """
    command = [sys.executable, "-m", "benchmarks.fresh", question, json.dumps(details)]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=kept)
    return json.loads(child.stdout)


def status(name: str) -> float:
    """Return an entry of the process's status in MB: VmRSS is its memory, VmHWM the most it had.

    Unlike getrusage's, that peak is of this program alone, not of what the process was before.
    """
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition(f"{name}:")[2].split()[0]) * 1024 / 1e6


def start() -> dict[str, float]:
    """Import NumPy, then fastnn, make a network, train it: ms, MB, and what the first epoch adds.

    The first epoch is all of `fit` until its end: what `fit` imports, the network's first values,
    the threads' start.
    """
    told = {}
    for name in ("numpy", "fastnn"):
        began, before = time.perf_counter(), status("VmRSS")
        __import__(name)
        told[f"import {name}"] = (time.perf_counter() - began) * 1e3
        told[f"memory of {name}"] = status("VmRSS") - before
    import numpy as np

    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((16384, 784), np.float32), rng.integers(0, 10, 16384)
    trained = train(X, y, [128], threads=None)
    first, others = trained["ends"][0], float(np.median(np.diff(trained["ends"])))
    return told | {
        "first network": trained["network"] * 1e3,
        "first epoch": (first / others - 1) * 100,
        "it adds": (first - others) * 1e3,
        "a later epoch": others * 1e3,
    }


def memory(hidden: list[int] | None, path: str | None, threads: int) -> dict[str, float]:
    """Load MNIST's bytes (random ones without a path) and train on them, if there are layers."""
    import numpy as np

    if path:
        with np.load(path) as arrays:
            X, y = arrays["x_train"].reshape(-1, 784), arrays["y_train"]
    else:
        rng = np.random.default_rng(0)
        X = rng.integers(0, 256, (60_000, 784), dtype=np.uint8)
        y = rng.integers(0, 10, 60_000, dtype=np.uint8)
    faults = train(X, y, hidden, threads)["faults"] if hidden else [0]
    return {"peak": status("VmHWM"), "faults": faults[-1] - faults[0]}


def train(X: Any, y: Any, hidden: list[int], threads: int | None) -> dict[str, Any]:
    """Return the seconds that the network took, and from the start of `fit` to each epoch's end.

    And the page faults until then.
    """
    import resource

    import fastnn

    fastnn.set_num_threads(threads)
    began = time.perf_counter()
    layers = [fastnn.Dense(width, activation="relu") for width in hidden]
    net = fastnn.Sequential([*layers, fastnn.Dense(10)], seed=0)
    network = time.perf_counter() - began
    ends: list[float] = []
    faults: list[float] = []

    def after(epoch: int, logs: dict[str, float]) -> None:
        ends.append(time.perf_counter() - began)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)

    watch = fastnn.callbacks.Lambda(on_epoch_end=after)  # who has none does not import callbacks
    began = time.perf_counter()
    net.fit(
        X,
        y,
        loss="cross_entropy",
        optimizer=fastnn.SGD(lr=1e-6, momentum=0.9),
        epochs=EPOCHS,
        batch_size=128,
        callbacks=[watch],
        verbose=0,
    )
    return {"network": network, "ends": ends, "faults": faults}


if __name__ == "__main__":
    print(json.dumps({"start": start, "memory": memory}[sys.argv[1]](**json.loads(sys.argv[2]))))
