"""`pytest benchmarks`: times by pytest-benchmark, and tests that all do the same work.

Set OMP_NUM_THREADS for all candidates alike; without it, each takes what it thinks best.
"""

from __future__ import annotations

import importlib.util

import pytest

missing = [
    name for name in ("fastnn", "pytest_benchmark") if importlib.util.find_spec(name) is None
]
collect_ignore_glob = ["test_*.py"] if missing else []


def pytest_report_header() -> str | None:
    """Say why nothing is collected."""
    return f"benchmarks: skipped, {', '.join(missing)} is not installed" if missing else None


@pytest.fixture(autouse=True)
def _no_limit_is_left():
    """Take back a limit of threads that a test set in this process."""
    yield
    import fastnn

    fastnn.set_num_threads(None)
