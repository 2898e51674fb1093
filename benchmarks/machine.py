"""What a result depends on besides the code: the CPU, the ISA in use, the versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import numpy as np

import fastnn

PACKAGES = ("numpy", "scikit-learn", "torch", "jax", "jaxlib", "optax", "onnxruntime")


def describe_machine(threads: int) -> dict:
    """Describe CPU, ISA, kernel and versions; nothing that names the machine.

    Parameters
    ----------
    threads : int
        Threads that every candidate may use.

    Returns
    -------
    dict
        Strings and numbers, ready for JSON.
    """
    return {
        "cpu": cpu_model(),
        "architecture": platform.machine(),
        "isa": isa_in_use(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "blas": blas_of_numpy(),
        "versions": {"fastnn": fastnn.__version__}
        | {package: version for package in PACKAGES if (version := installed_version(package))},
    }


def cpu_model() -> str:
    """Return the CPU's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def isa_in_use() -> str:
    """Return the instruction set that fastnn chose, or that `FASTNN_ISA` chose for it."""
    return fastnn._core.isa()


def blas_of_numpy() -> str:
    """Return the BLAS that NumPy was built with."""
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()


def installed_version(package: str) -> str | None:
    """Return a package's version, None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
