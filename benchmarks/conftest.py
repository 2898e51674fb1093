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


EPOCHS = pytest.StashKey[dict[str, dict[str, float]]]()


@pytest.fixture(scope="session")
def epochs(pytestconfig) -> dict[str, dict[str, float]]:
    """Return workload -> library -> seconds of its best epoch, for the card at the end."""
    return pytestconfig.stash.setdefault(EPOCHS, {})


@pytest.hookimpl(trylast=True)  # below the tables
def pytest_terminal_summary(terminalreporter, config) -> None:
    """Print the card: how many times as fast as pure NumPy."""
    timed = config.stash.get(EPOCHS, {})
    timed = {name: seconds for name, seconds in timed.items() if len(seconds) == 2}
    if timed:
        terminalreporter.section("fastnn is faster than pure NumPy by")
    for name, seconds in timed.items():
        terminalreporter.write_line(f"{name:<10}{seconds['numpy'] / seconds['fastnn']:6.1f}x")


@pytest.fixture(autouse=True)
def _no_limit_is_left():
    """Take back a limit of threads that a test set in this process."""
    yield
    import fastnn

    fastnn.set_num_threads(None)
