"""C headers: they compile without a warning, and answer what the network answers."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from common import ACTIVATION_CASES, LAYER_CASES, WIDTH, exported_network, exported_rows

import fastnn
from fastnn import _core, losses
from fastnn.exchange._c_activations import ACTIVATIONS, ROWS
from fastnn.exchange._c_layers import LAYERS

STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
COMPILERS = {
    "c99": ["gcc", "-std=c99"],
    "c++11": ["g++", "-std=c++11"],
    "c++20": ["g++", "-std=c++20"],
}
pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")

MAIN = """
#include "model.h"
#ifdef __cplusplus
extern "C"
#endif
int run(const float *x, float *y);
int run(const float *x, float *y) { return model_predict(x, y); }
"""


def compiled(folder, language="c99", text=MAIN):
    """The function of a header, as a function of Python: a row to (status, outputs)."""
    command = COMPILERS[language]
    if not shutil.which(command[0]):
        pytest.skip(f"needs {command[0]}")
    source = folder / ("main.c" if language == "c99" else "main.cpp")
    source.write_text(text)
    library = folder / f"{language}.so"
    subprocess.run(
        [*command, *STRICT, "-O1", "-shared", "-fPIC", str(source), "-o", str(library), "-lm"],
        check=True, timeout=100,
    )  # fmt: skip
    run = ctypes.CDLL(str(library)).run

    def call(row, outputs):
        x, y = np.asarray(row, "float32"), np.full(outputs, 7, "float32")
        pointers = (array.ctypes.data_as(ctypes.POINTER(ctypes.c_float)) for array in (x, y))
        return run(*pointers), y

    return call


def answers(folder, X, outputs, language="c99"):
    call = compiled(folder, language)
    results = [call(row, outputs) for row in X]
    assert not any(status for status, _ in results)
    return np.array([row for _, row in results])


def assert_same(got, want):
    """Within a relative 1e-5 of the largest value."""
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_every_row_of_the_engine_is_exported():
    own = set(_core.ACTIVATIONS) | {"softmax", "log_softmax", "exp"}
    assert set(ACTIVATIONS) | set(ROWS) == own, "add it to fastnn/exchange/_c_activations.py"
    assert set(LAYERS) == exported_rows(), "add it to fastnn/exchange/_c_layers.py"


@pytest.mark.parametrize("activation", ACTIVATION_CASES)
def test_every_activation(activation, tmp_path):
    net, X = exported_network([ACTIVATION_CASES[activation]])
    net.to_c(tmp_path / "model.h")
    assert_same(answers(tmp_path, X, net.output_size), net.predict(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYER_CASES)
def test_every_layer(layer, dtype, tmp_path):
    net, X = exported_network(LAYER_CASES[layer], dtype)
    net.to_c(tmp_path / "model.h")
    assert_same(answers(tmp_path, X, net.output_size), net.predict(X))


@pytest.mark.parametrize("language", COMPILERS)
def test_all_in_one(language, tmp_path):
    layers = [fastnn.Embedding({0: (3, 2)}), fastnn.Dense(5, bias=False)]
    layers += [fastnn.Dense(8, activation=name) for name in _core.ACTIVATIONS]
    layers += [fastnn.Residual([fastnn.LayerNorm(), fastnn.Dense(8), fastnn.PReLU()])]
    layers += [fastnn.Concatenate([[], [fastnn.BatchNorm()]]), fastnn.Dense(3, "log_softmax")]
    net, X = exported_network(layers)
    net.loss = losses.CrossEntropy()
    net.to_c(tmp_path / "model.h", output="probabilities")
    assert_same(answers(tmp_path, X, 3, language), net.predict_proba(X))


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_probabilities(loss, tmp_path):
    net, X = exported_network([fastnn.Dense(3)])
    net.loss = losses.Loss.registry[loss]()
    net.to_c(tmp_path / "model.h", output="probabilities")
    assert_same(answers(tmp_path, X, 3), net.predict_proba(X))


def test_numbers_far_from_1(tmp_path):
    """As few digits as give the same numbers, and no overflow where Python has none."""
    net, _ = exported_network([fastnn.Dense(3, activation="softmax")])
    limits = np.finfo("float32")
    values = [limits.max, limits.tiny, limits.smallest_subnormal, -0.0, 1 / 3, 1e20, 16777216]
    net.parameters = np.resize(values, net.parameters.size)
    net.layers[1].weights = np.zeros((5, 3))
    net.to_c(tmp_path / "model.h")
    text = (tmp_path / "model.h").read_text()
    first = text[text.index("{\n", text.index("0_weights")) :].split("}")[0].strip("{\n ")
    numbers = [np.float32(part.strip().removesuffix("f")) for part in first.split(",")]
    assert np.array(numbers).tobytes() == net.layers[0].weights.tobytes()
    X = np.zeros((1, WIDTH))
    assert_same(answers(tmp_path, X, 3), net.predict(X))


def test_what_is_no_number_or_category(tmp_path):
    net, X = exported_network([fastnn.Embedding({1: (3, 2)}), fastnn.Dense(4)])
    net.to_c(tmp_path / "model.h")
    call = compiled(tmp_path)
    assert call(X[0], 4)[0] == 0
    for column, value in [(0, np.nan), (4, np.inf), (3, -np.inf), (1, 3), (1, -1), (1, 0.5)]:
        row = X[0].copy()
        row[column] = value
        status, y = call(row, 4)
        assert status == column + 1
        assert (y == 7).all()
        with pytest.raises(ValueError, match=f"column {column}"):
            net.predict([row])


def test_two_models_in_one_program(tmp_path):
    text = '#include "a.h"\n#include "b.h"\n#include "a.h"\nint run(const float *x, float *y);\n'
    text += "int run(const float *x, float *y) { return a_predict(x, y) + b_predict(x, y + 3); }\n"
    nets = []
    for name in ("a", "b"):
        net, X = exported_network([fastnn.Dense(3, activation="gelu")], seed=len(nets))
        net.to_c(tmp_path / f"{name}.h", name=name)
        nets.append(net)
    call = compiled(tmp_path, text=text)
    want = np.hstack([net.predict(X) for net in nets])
    assert_same(np.array([call(row, 6)[1] for row in X]), want)


def test_memory_of_a_call(tmp_path):
    """Two buffers are enough for a chain, however long."""
    layers = [fastnn.Dense(16, activation="relu") for _ in range(9)]
    fastnn.Sequential(layers, 4).to_c(tmp_path / "model.h")
    text = (tmp_path / "model.h").read_text()
    assert "  float h0[16], h1[16];\n  for" in text
    assert "and 32 numbers on the stack" in text


def test_what_is_refused(tmp_path):
    net, _ = exported_network([fastnn.Dense(3)], "float64")
    for name in ("", "a b", "1st", "_x", "naïve", 3):
        with pytest.raises(ValueError, match=r"name: got .*, want letters, digits"):
            net.to_c(tmp_path / "model.h", name=name)
    with pytest.raises(ValueError, match="output: got 'logits', want one of"):
        net.to_c(tmp_path / "model.h", output="logits")
    with pytest.raises(ValueError, match="input_size: not known yet"):
        fastnn.Sequential([fastnn.Dense(3)]).to_c(tmp_path / "model.h")
    net.layers[1].bias = [0, 1e39, 0]
    with pytest.raises(ValueError, match="to_c: 1_bias has numbers that are too large for float32"):
        net.to_c(tmp_path / "model.h")
    assert not list(tmp_path.iterdir())
