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

# On pages: a line with this behind it is run only where PyTorch is installed.
NEEDS_TORCH = doctest.register_optionflag("NEEDS_TORCH")


def pytest_collection_modifyitems(items):
    """Skip those."""
    torch = find_spec("torch") is not None
    for item in items:
        wanted = WANTS.get(item.name)
        if wanted and find_spec(wanted) is None:
            item.add_marker(pytest.mark.skip(reason=f"needs {wanted}"))
        for example in item.dtest.examples if isinstance(item, pytest.DoctestItem) else ():
            if NEEDS_TORCH in example.options and not torch:
                example.options[doctest.SKIP] = True
