"""Examples of what an extra brings are skipped where it is missing."""

from importlib.util import find_spec

import pytest

WANTS = {
    "fastnn.exchange._from_onnx.from_onnx": "onnx",
    "fastnn.exchange._from_sklearn.from_sklearn": "sklearn",
    "fastnn.exchange._from_torch.from_torch": "torch",
    "fastnn.exchange._to_onnx.to_onnx": "onnx",
    "fastnn.solvers.LBFGS": "scipy",
}


def pytest_collection_modifyitems(items):
    """Skip those."""
    for item in items:
        wanted = WANTS.get(item.name)
        if wanted and find_spec(wanted) is None:
            item.add_marker(pytest.mark.skip(reason=f"needs {wanted}"))
