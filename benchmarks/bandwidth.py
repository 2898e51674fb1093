"""What the caches and the memory give: bytes a second, for as many threads as train.

Each thread is a process of its own, all at once, with an array that it reads and writes in place,
as a step does with its weights: of what NumPy has, that moves the most bytes. What the second-level
cache gives is more than is told of it: a call of NumPy's takes some tenth of each pass there.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

import numpy as np

from .workers import Worker

LEVELS = ("L2", "L3", "memory")
SECONDS = 0.1
REPEATS = 5


def cache_sizes() -> dict[str, int]:
    """Return the bytes of the caches that a core sees, by name; guesses where nobody tells."""
    sizes = {"L1": 32 << 10, "L2": 1 << 20, "L3": 32 << 20}
    for folder in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        with contextlib.suppress(OSError):
            level, kind, size = (
                (folder / name).read_text().strip() for name in ("level", "type", "size")
            )
            found = re.fullmatch(r"(\d+)([KM])", size)
            if kind != "Instruction" and found:
                sizes[f"L{level}"] = int(found[1]) << {"K": 10, "M": 20}[found[2]]
    return sizes


def working_sets(threads: int) -> dict[str, int]:
    """Return the bytes of a thread's array that lies in each level."""
    sizes = cache_sizes()
    return {
        "L2": sizes["L2"] // 2,
        # At least twice what the level below holds, and together within this one where it can be.
        "L3": max(2 * sizes["L2"], min(8 << 20, sizes["L3"] // (2 * threads))),
        "memory": max(64 << 20, min(256 << 20, 2 * sizes["L3"] // threads)),
    }


def level_of(nbytes: float, threads: int) -> str:
    """Return where so many bytes, shared by the threads, lie between two uses."""
    sizes = cache_sizes()
    if nbytes <= sizes["L2"] * threads:
        return "L2"
    return "L3" if nbytes <= sizes["L3"] else "memory"


def bandwidths(threads: int) -> dict[str, float]:
    """Measure all levels.

    Parameters
    ----------
    threads : int

    Returns
    -------
    dict
        Level -> bytes a second of all threads together, the best of a few trials.
    """
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(1)) for _ in range(threads)]
        for worker in workers:
            worker(os.getpid)  # imports are over
        best = {}
        for level, size in working_sets(threads).items():
            trials = []
            for _ in range(REPEATS):
                for worker in workers:
                    worker.send(stream, size, SECONDS)
                trials.append(sum(worker.receive() for worker in workers))
            best[level] = max(trials)
    return best


def stream(size: int, seconds: float) -> float:
    """Go over an array of so many bytes again and again; return the bytes a second."""
    array, one = np.ones(size // 4, np.float32), np.float32(1)
    passes = max(1, (1 << 22) // size)
    moved, elapsed, start = 0, 0.0, time.perf_counter()
    while elapsed < seconds:
        for _ in range(passes):
            np.multiply(array, one, out=array)
        moved += 2 * array.nbytes * passes
        elapsed = time.perf_counter() - start
    return moved / elapsed
