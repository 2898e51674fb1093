"""Examples of what an extra brings are skipped where it is missing."""

import doctest
from importlib.util import find_spec

import pytest

# Scripts: build.py of docs/theory runs them, and Sphinx its conf.py.
collect_ignore_glob = ["docs/*.py", "docs/theory/*.py"]

WANTS = {
    "fastnn.exchange._from_onnx.from_onnx": "onnx",
    "fastnn.exchange._from_sklearn.from_sklearn": "sklearn",
    "fastnn.exchange._from_torch.from_torch": "torch",
    "fastnn.exchange._to_onnx.to_onnx": "onnx",
    "fastnn.solvers.LBFGS": "scipy",
}

# On pages: lines with one of these behind them are run only where PyTorch is installed, or where
# the CPU has a fused multiply-add.
NEEDS_TORCH = doctest.register_optionflag("NEEDS_TORCH")
NEEDS_FMA = doctest.register_optionflag("NEEDS_FMA")


def pytest_collection_modifyitems(items):
    """Skip those."""
    from fastnn import _core

    missing = set() if find_spec("torch") else {NEEDS_TORCH}
    missing |= {NEEDS_FMA} if _core.isa() == "baseline" else set()
    for item in items:
        wanted = WANTS.get(item.name)
        if wanted and find_spec(wanted) is None:
            item.add_marker(pytest.mark.skip(reason=f"needs {wanted}"))
        for example in item.dtest.examples if isinstance(item, pytest.DoctestItem) else ():
            if missing & set(example.options):
                example.options[doctest.SKIP] = True
