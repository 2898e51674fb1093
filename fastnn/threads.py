"""How many threads fastnn may use: the least of all who have a say.

These are the program (`set_num_threads`), the environment (FASTNN_NUM_THREADS,
OMP_NUM_THREADS), the affinity mask of the process, and the CPU quota of its control group
(containers).  The engine may use fewer where a step is too small to be shared.
"""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path

from fastnn import _core
from fastnn._spec import check_count

_chosen: int | None = None


def set_num_threads(n: int | None) -> None:
    """Set the most threads that fastnn uses in this process.

    Parameters
    ----------
    n : int or None
        At least 1; None lifts the limit.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.set_num_threads(1)
    >>> fastnn.get_num_threads()
    1
    >>> fastnn.set_num_threads(None)
    """
    global _chosen
    _chosen = None if n is None else check_count("n", n)


def get_num_threads() -> int:
    """Return the most threads that fastnn uses, at least 1.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.get_num_threads() >= 1
    True
    """
    if _chosen == 1:
        return 1
    return max(1, min(n for n in limits().values() if n is not None))


def limits() -> dict[str, int | None]:
    """Return what each limit allows; None where it sets none.

    Examples
    --------
    >>> from fastnn import threads
    >>> list(threads.limits())
    ['set_num_threads', 'FASTNN_NUM_THREADS', 'OMP_NUM_THREADS', 'affinity', 'cgroup']
    """
    return {
        "set_num_threads": _chosen,
        "FASTNN_NUM_THREADS": _ENVIRONMENT["FASTNN_NUM_THREADS"],
        "OMP_NUM_THREADS": _ENVIRONMENT["OMP_NUM_THREADS"],
        "affinity": _affinity(),
        "cgroup": _QUOTA,
    }


def _from_environment(name: str) -> int | None:
    # OMP_NUM_THREADS may be a list, one number a nesting level: the outermost counts.
    text = os.environ.get(name, "").split(",")[0].strip()
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(
    root: Path = Path("/sys/fs/cgroup"), self_file: Path = Path("/proc/self/cgroup")
) -> int | None:
    """Whole CPUs of the tightest cgroup quota from the process's group up, v2 or v1."""
    try:
        lines = self_file.read_text().splitlines()
    except (OSError, ValueError):  # also where a path is not text
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2) if line.count(":") > 1 else ("", "none", "")
        if controllers == "" or "cpu" in controllers.split(","):
            base = root if controllers == "" else root / "cpu"
            group = base / path.lstrip("/")
            for folder in [group, *group.parents]:
                if folder == base.parent:
                    break
                found.append(_quota_of(folder))
    quotas = [quota for quota in found if quota is not None]
    return max(1, math.ceil(min(quotas))) if quotas else None


def _quota_of(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():  # v2: "max 100000" or "150000 100000"
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return None if quota in ("max", "-1") else float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


# Read once: neither changes in a running process, and a fit may be short.
_ENVIRONMENT = {name: _from_environment(name) for name in ("FASTNN_NUM_THREADS", "OMP_NUM_THREADS")}
_QUOTA = _quota()


@functools.cache
def register_threadpoolctl() -> bool:
    """Make threadpoolctl (and so joblib's limits) know fastnn's threads.

    Returns
    -------
    bool
        False where threadpoolctl is not installed, or is older than 3.2.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.threads.register_threadpoolctl() in (True, False)  # done when fastnn was imported
    True
    """
    try:
        from threadpoolctl import LibController, register
    except ImportError:  # not there, or older than 3.2
        return False

    class FastnnController(LibController):  # type: ignore[misc]
        """fastnn's own team of threads."""

        user_api = "fastnn"
        internal_api = "fastnn"
        filename_prefixes = ("_core",)
        check_symbols = ("fnn_team_size",)

        def get_num_threads(self) -> int:
            return get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            set_num_threads(num_threads)

        def get_version(self) -> str:
            from fastnn._version import __version__

            return __version__

        def set_additional_attributes(self) -> None:
            self.isa = _core.isa()

    register(FastnnController)
    return True
