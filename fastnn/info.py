"""``python -m fastnn info``: what fastnn found on this machine, for people and for programs.

It is the first thing to ask for when a run is slower than hoped, and belongs into bug reports.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn import _core, threads

_LINUX_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")

# macOS: cache -> sysctl names, the first that exists; Apple's fast cores are performance level 0
_MACOS_CACHES = {
    "L1d": ("hw.perflevel0.l1dcachesize", "hw.l1dcachesize"),
    "L1i": ("hw.perflevel0.l1icachesize", "hw.l1icachesize"),
    "L2": ("hw.perflevel0.l2cachesize", "hw.l2cachesize"),
    "L3": ("hw.l3cachesize",),
}


def main(argv: Sequence[str]) -> int:
    """Print the facts and return 0."""
    parser = argparse.ArgumentParser(
        prog="python -m fastnn info",
        description="Show the instruction set, threads, caches, build and versions in use.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    facts = collect()
    if arguments.json:
        print(json.dumps(facts, indent=2))
    else:
        rows = list(_rows(facts))
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            print(f"{name:{width}}  {value}")
    return 0


def collect() -> dict[str, Any]:
    """Return what ``info`` prints, of plain types only.

    Returns
    -------
    dict
        ``version``; ``isa`` with ``in_use`` and ``available`` (best first); ``threads`` with
        ``in_use``, ``limits`` (None where something sets no limit) and ``limited_by`` (the names
        of the lowest limits); ``caches`` of the first core in bytes, empty where unknown;
        ``build``; ``python``, ``numpy`` and ``platform``.
    """
    limits = threads.limits()
    lowest = min((limit for limit in limits.values() if limit is not None), default=None)
    return {
        "version": fastnn.__version__,
        "isa": {"in_use": _core.isa(), "available": list(_core.isas())},
        "threads": {
            "in_use": fastnn.get_num_threads(),
            "limits": dict(limits),
            "limited_by": [
                name for name, limit in limits.items() if limit is not None and limit == lowest
            ],
        },
        "caches": cache_sizes(),
        "build": dict(_core.build_info()),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }


def cache_sizes() -> dict[str, int]:
    """Return the first core's caches in bytes, as {"L1d": 32768, ...}; empty where unknown."""
    if sys.platform == "linux":
        return _linux_caches(_LINUX_CACHES)
    if sys.platform == "darwin":
        return _macos_caches()
    return {}


def _linux_caches(folder: Path) -> dict[str, int]:
    kinds = {"Data": "d", "Instruction": "i", "Unified": ""}
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    sizes = {}
    for index in sorted(folder.glob("index*")):
        try:
            level, kind, size = (
                (index / name).read_text().strip() for name in ("level", "type", "size")
            )
            unit = units.get(size[-1:], 1)
            sizes[f"L{level}{kinds[kind]}"] = int(size.rstrip("KMG")) * unit
        except (OSError, KeyError, ValueError):
            continue  # some virtual machines leave files out; the others still tell something
    return sizes


def _macos_caches() -> dict[str, int]:
    names = [name for choices in _MACOS_CACHES.values() for name in choices]
    try:
        output = subprocess.run(
            ["sysctl", *names], capture_output=True, text=True, timeout=5, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return _parse_sysctl(output)


def _parse_sysctl(output: str) -> dict[str, int]:
    found = {}  # lines read "hw.l1dcachesize: 65536"; names that do not exist have none
    for line in output.splitlines():
        name, _, value = line.partition(":")
        if value.strip().isdigit():
            found[name.strip()] = int(value)
    sizes = {}
    for cache, choices in _MACOS_CACHES.items():
        size = next((found[name] for name in choices if found.get(name)), None)
        if size is not None:
            sizes[cache] = size
    return sizes


def _rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the facts as (name, value) lines of text."""
    yield "fastnn", facts["version"]
    yield "isa in use", facts["isa"]["in_use"]
    yield "isa available", ", ".join(facts["isa"]["available"])
    limited_by = ", ".join(facts["threads"]["limited_by"]) or "nothing"
    yield "threads", f"{facts['threads']['in_use']} (limited by {limited_by})"
    for name, limit in facts["threads"]["limits"].items():
        yield f"  {name}", "no limit" if limit is None else str(limit)
    caches = (f"{cache} {_binary(size)}" for cache, size in facts["caches"].items())
    yield "caches", ", ".join(caches) or "unknown"
    for name, value in facts["build"].items():
        yield f"build {name}", value
    for name in ("python", "numpy", "platform"):
        yield name, facts[name]


def _binary(size: int) -> str:
    """Return a number of bytes as people write a cache's size: 48 KiB, 2 MiB."""
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:g} {name}"
    return f"{size} B"
