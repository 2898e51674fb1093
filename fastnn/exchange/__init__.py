"""Networks from other libraries and to other runtimes.

`to_onnx` and `to_c` are methods of networks and estimators; `from_onnx`, `from_sklearn` and
`from_torch` make networks.  Nothing here is imported before it is used, and other libraries only
by the function that is about them.
"""

from fastnn.exchange._from_onnx import from_onnx
from fastnn.exchange._from_sklearn import from_sklearn
from fastnn.exchange._from_torch import from_torch
from fastnn.exchange._to_c import to_c
from fastnn.exchange._to_onnx import onnx_inputs, to_onnx

__all__ = ["from_onnx", "from_sklearn", "from_torch", "onnx_inputs", "to_c", "to_onnx"]
