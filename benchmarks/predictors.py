"""The same network in other libraries, for prediction: rows in, raw outputs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .numpy_mlp import NumpyMLP

Layers = Sequence[
    tuple[np.ndarray, np.ndarray]
]  # weights (K, N) and bias (N,) of each; ReLU between
Predict = Callable[[np.ndarray], np.ndarray]


def numpy_predict(layers: Layers, threads: int = 0) -> Predict:
    """Pure NumPy; its BLAS has the threads of the environment."""
    net = NumpyMLP([layers[0][0].shape[0], *(len(bias) for _, bias in layers)], batch=1)
    for i, (weights, bias) in enumerate(layers):
        net.weights[i][...], net.biases[i][...] = weights, bias
    return net.predict


def torch_predict(layers: Layers, threads: int = 0) -> Predict:
    """PyTorch in inference mode, from and to NumPy."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    modules = []
    for weights, bias in layers:
        linear = torch.nn.Linear(*weights.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights.T.copy()))
            linear.bias.copy_(torch.from_numpy(bias.copy()))
        modules += [linear, torch.nn.ReLU()]
    net = torch.nn.Sequential(*modules[:-1]).eval()

    def predict(X: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return net(torch.from_numpy(X)).numpy()

    return predict


def onnxruntime_predict(layers: Layers, threads: int = 0) -> Predict:
    """ONNX Runtime, the session's `run`; 0 threads are as many as it likes."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, previous = [], [], "X"
    for i, (weights, bias) in enumerate(layers):
        constants += [
            numpy_helper.from_array(np.ascontiguousarray(weights), f"W{i}"),
            numpy_helper.from_array(np.ascontiguousarray(bias), f"b{i}"),
        ]
        nodes.append(helper.make_node("Gemm", [previous, f"W{i}", f"b{i}"], [f"Z{i}"]))
        previous = f"Z{i}"
        if i + 1 < len(layers):
            nodes.append(helper.make_node("Relu", [previous], [f"A{i}"]))
            previous = f"A{i}"
    widths = {"X": layers[0][0].shape[0], previous: len(layers[-1][1])}
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, ["rows", width])
        for end, width in widths.items()
    ]
    graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda X: session.run(None, {"X": X})[0]


# What each needs installed, and how it is made.
PREDICTORS: dict[str, tuple[tuple[str, ...], Callable[..., Predict]]] = {
    "numpy": ((), numpy_predict),
    "torch": (("torch",), torch_predict),
    "onnxruntime": (("onnx", "onnxruntime"), onnxruntime_predict),
}
