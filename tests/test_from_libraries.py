"""Networks from scikit-learn and PyTorch have the outputs of those.

PyTorch is not among what the tests install: where it is, its part runs.
"""

import copy
import sys

import numpy as np
import pytest

import fastnn
from fastnn import _core
from fastnn.exchange._from_torch import MODULES

RNG = np.random.default_rng(2)
X = RNG.normal(size=(60, 5))
TOLERANCES = {"float32": 1e-5, "float64": 1e-12}


def assert_same(got, want, tolerance):
    """Within a tolerance of the largest value."""
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * np.abs(want).max())


# ---- scikit-learn --------------------------------------------------------------------------------


def fitted(kind, y, **options):
    neural_network = pytest.importorskip("sklearn.neural_network")
    mlp = getattr(neural_network, kind)(
        hidden_layer_sizes=[7, 6], max_iter=30, random_state=0, **options
    )
    with pytest.warns(match="onverge"):
        return mlp.fit(X, y)


CLASSES = {
    "two": (X[:, 0] > 0, "cross_entropy"),
    "two, of strings": (np.where(X[:, 0] > 0, "yes", "no"), "cross_entropy"),
    "three": (X[:, :3].argmax(axis=1), "cross_entropy"),
    "labels": ((X[:, :3] > 0).astype(int), "binary_cross_entropy"),
    "one label": ((X[:, :1] > 0).astype(int), "cross_entropy"),
}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("case", CLASSES)
def test_a_classifier_of_scikit_learn(case, activation, dtype):
    y, loss = CLASSES[case]
    mlp = fitted("MLPClassifier", y.ravel() if case == "one label" else y, activation=activation)
    net = fastnn.from_sklearn(mlp, dtype=dtype)
    assert (net.dtype, net.loss.name) == (dtype, loss)
    assert_same(net.predict_proba(X), mlp.predict_proba(X), TOLERANCES[dtype])
    if loss == "cross_entropy":
        chosen = mlp.classes_[net.predict(X).argmax(axis=1)]
        assert (chosen == mlp.predict(X)).all()


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("targets", [1, 3])
def test_a_regressor_of_scikit_learn(targets, dtype):
    y = X[:, :targets] if targets > 1 else X[:, 0]
    mlp = fitted("MLPRegressor", y)
    net = fastnn.from_sklearn(mlp, dtype=dtype)
    want = mlp.predict(X).reshape(len(X), targets)
    assert_same(net.predict(X), want, TOLERANCES[dtype])
    assert net.loss.name == "mean_squared_error"


def test_a_poisson_regressor_of_scikit_learn():
    mlp = fitted("MLPRegressor", np.exp(X[:, 0]), loss="poisson")
    net = fastnn.from_sklearn(mlp)
    assert_same(np.exp(net.predict(X)[:, 0]), mlp.predict(X), 1e-12)
    assert (net.dtype, net.loss.name) == ("float64", "poisson")


def test_it_has_the_dtype_that_scikit_learn_trained_in():
    neural_network = pytest.importorskip("sklearn.neural_network")
    mlp = neural_network.MLPRegressor(max_iter=1)
    with pytest.warns(match="onverge"):
        mlp.fit(X.astype("float32"), X[:, 0])
    assert fastnn.from_sklearn(mlp).dtype == mlp.coefs_[0].dtype.name == "float32"


def test_what_is_not_scikit_learns(monkeypatch):
    neural_network = pytest.importorskip("sklearn.neural_network")
    with pytest.raises(TypeError, match="mlp: got 3, want scikit-learn's MLPClassifier or"):
        fastnn.from_sklearn(3)
    with pytest.raises(ValueError, match=r"mlp: got MLPRegressor\(\), which is not fitted"):
        fastnn.from_sklearn(neural_network.MLPRegressor())
    monkeypatch.setitem(sys.modules, "sklearn.neural_network", None)
    with pytest.raises(ImportError, match=r'pip install "fastnn\[sklearn\]"'):
        fastnn.from_sklearn(3)


# ---- PyTorch, where it is installed ----------------------------------------------------------


def module_of(make, dtype):
    """A torch.nn.Sequential whose every number is its own, in evaluation mode."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(*make(torch.nn)).to(getattr(torch, dtype))
    with torch.no_grad():
        for values in (*module.parameters(), *module.buffers()):
            if values.is_floating_point():
                values.add_(torch.rand_like(values) * 0.3)
    return module.eval()


def outputs(module, dtype):
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        return module(torch.tensor(X.astype(dtype))).numpy()


TORCH = {
    "Linear": lambda nn: [nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3, bias=False)],
    "Identity": lambda nn: [nn.Identity(), nn.Linear(5, 3), nn.Identity()],
    "Flatten": lambda nn: [nn.Flatten(), nn.Linear(5, 3)],
    "Dropout": lambda nn: [nn.Dropout(0.2), nn.Linear(5, 3), nn.Dropout()],
    "AlphaDropout": lambda nn: [nn.Linear(5, 3), nn.SELU(), nn.AlphaDropout(0.1)],
    "BatchNorm1d": lambda nn: [nn.BatchNorm1d(5), nn.Linear(5, 4), nn.BatchNorm1d(4, 1e-3)],
    "BatchNorm1d, plain": lambda nn: [nn.BatchNorm1d(5, affine=False), nn.Linear(5, 3)],
    "LayerNorm": lambda nn: [nn.LayerNorm(5), nn.Linear(5, 4), nn.LayerNorm([4], 1e-3)],
    "LayerNorm, plain": lambda nn: [nn.Linear(5, 4), nn.LayerNorm(4, elementwise_affine=False)],
    "LayerNorm, no bias": lambda nn: [nn.Linear(5, 4), nn.LayerNorm(4, bias=False)],
    "PReLU": lambda nn: [nn.Linear(5, 4), nn.PReLU(), nn.Linear(4, 3), nn.PReLU(3)],
    "ReLU": lambda nn: [nn.Linear(5, 9), nn.ReLU()],
    "LeakyReLU": lambda nn: [nn.Linear(5, 9), nn.LeakyReLU(0.2)],
    "Tanh": lambda nn: [nn.Linear(5, 9), nn.Tanh()],
    "Sigmoid": lambda nn: [nn.Linear(5, 9), nn.Sigmoid()],
    "GELU": lambda nn: [nn.Linear(5, 9), nn.GELU()],
    "GELU, tanh": lambda nn: [nn.Linear(5, 9), nn.GELU(approximate="tanh")],
    "SiLU": lambda nn: [nn.Linear(5, 9), nn.SiLU()],
    "ELU": lambda nn: [nn.Linear(5, 9), nn.ELU(0.7)],
    "SELU": lambda nn: [nn.Linear(5, 9), nn.SELU()],
    "CELU": lambda nn: [nn.Linear(5, 9), nn.CELU(2.0)],
    "Mish": lambda nn: [nn.Linear(5, 9), nn.Mish()],
    "Softplus": lambda nn: [nn.Linear(5, 9), nn.Softplus()],
    "Softsign": lambda nn: [nn.Linear(5, 9), nn.Softsign()],
    "Hardtanh": lambda nn: [nn.Linear(5, 9), nn.Hardtanh()],
    "Hardsigmoid": lambda nn: [nn.Linear(5, 9), nn.Hardsigmoid()],
    "Hardswish": lambda nn: [nn.Linear(5, 9), nn.Hardswish()],
    "Softmax": lambda nn: [nn.Linear(5, 9), nn.Softmax(dim=1)],
    "LogSoftmax": lambda nn: [nn.Linear(5, 9), nn.LogSoftmax(-1)],
    "Sequential": lambda nn: [
        nn.Sequential(nn.Linear(5, 4), nn.Sequential(nn.BatchNorm1d(4), nn.ReLU())),
        nn.Linear(4, 2),
    ],
}


def test_every_module_is_compared():
    tested = {case.split(",")[0] for case in TORCH} | {"Embedding"}
    assert tested == set(MODULES) | {"Sequential"}, "add it to TORCH"


def test_pytorch_has_every_activation():
    found = {
        fastnn.from_torch(module_of(make, "float32"))._graph.output_function.name
        for make in TORCH.values()
    }
    assert found >= set(_core.ACTIVATIONS), "if PyTorch has it too, add it to _from_torch.py"


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("case", TORCH)
def test_a_module_of_pytorch(case, dtype):
    module = module_of(TORCH[case], dtype)
    before = copy.deepcopy(module.state_dict())
    net = fastnn.from_torch(module)
    assert net.dtype == dtype
    want = outputs(module, dtype)
    assert_same(net.predict(X), want, {"float32": 1e-5, "float64": 1e-11}[dtype])
    if net._graph.output_function.link:
        net.fit(X, want.argmax(axis=1), optimizer=fastnn.SGD(1e-3))
    else:
        net.fit(X, want, loss=net.loss or "mean_squared_error", optimizer=fastnn.SGD(1e-3))
    for name, values in module.state_dict().items():  # which fit has left alone
        assert (values == before[name]).all()


REFUSED = {
    "conv": (lambda nn: [nn.Conv1d(1, 1, 1)], r"module\[0\]: Conv1d.*: fastnn has no such layer"),
    "inside": (
        lambda nn: [nn.Linear(5, 5), nn.Sequential(nn.ReLU6())],
        r"module\[1\]\[0\]: ReLU6.*: fastnn has no such layer",
    ),
    "embedding": (lambda nn: [nn.Embedding(3, 2)], r"module\[0\]: Embedding.*: it takes whole num"),
    "softplus": (lambda nn: [nn.Linear(5, 3), nn.Softplus(2)], "Softplus.*: want beta=1"),
    "hardtanh": (lambda nn: [nn.Linear(5, 3), nn.Hardtanh(0, 6)], "want it from -1 to 1"),
    "softmax": (lambda nn: [nn.Linear(5, 3), nn.Softmax(dim=0)], "dim is 0, want 1 or -1"),
    "within": (lambda nn: [nn.Linear(5, 3), nn.Softmax(1), nn.Linear(3, 3)], "for the last layer"),
    "statistics": (
        lambda nn: [nn.BatchNorm1d(5, track_running_stats=False)], "it has no running statistics",
    ),
    "momentum": (lambda nn: [nn.BatchNorm1d(5, momentum=None)], "want a momentum"),
    "half": (lambda nn: [nn.Linear(5, 3).half()], "its numbers are torch.float16"),
    "mixed": (lambda nn: [nn.Linear(5, 3), nn.Linear(3, 3).double()], r"of \['float32', 'float64"),
    "flatten": (lambda nn: [nn.Flatten(0), nn.Linear(5, 3)], "want it to flatten each row"),
    "nothing": (lambda nn: [nn.ReLU()], "parameters of none, want one dtype"),
    "dropout": (lambda nn: [nn.Linear(5, 3), nn.Dropout(1.0)], "rate: got 1.0"),
    "layer norm": (lambda nn: [nn.LayerNorm([2, 5])], "want it over the features alone"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_network_of_fastnn(case):
    torch = pytest.importorskip("torch")
    make, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        fastnn.from_torch(torch.nn.Sequential(*make(torch.nn)))


def test_what_is_no_sequential():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"module: got Linear, want a torch\.nn\.Sequential"):
        fastnn.from_torch(torch.nn.Linear(2, 2))


def test_without_pytorch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="from_torch: needs PyTorch"):
        fastnn.from_torch(None)
