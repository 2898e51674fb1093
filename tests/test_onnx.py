"""ONNX: what a network answers, its model answers; what a model answers, its network does."""

import numpy as np
import pytest
from common import ACTIVATION_CASES, LAYER_CASES, exported_network, exported_rows

import fastnn
from fastnn import _core, losses
from fastnn.exchange._onnx_activations import ACTIVATIONS
from fastnn.exchange._onnx_layers import LAYERS

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def session(path):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(path, X, dtype):
    return session(path).run(None, {"input": np.asarray(X, dtype)})[0]


def assert_same(got, want, tolerance=1e-5):
    """Within a tolerance of the largest value."""
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * np.abs(want).max())


def test_every_row_of_the_engine_is_exported():
    own = set(_core.ACTIVATIONS) | {"softmax", "log_softmax", "exp"}
    assert set(ACTIVATIONS) == own, "add it to fastnn/exchange/_onnx_activations.py"
    assert set(LAYERS) == exported_rows(), "add it to fastnn/exchange/_onnx_layers.py"


@DTYPES
@pytest.mark.parametrize("activation", ACTIVATION_CASES)
def test_every_activation(activation, dtype, tmp_path):
    net, X = exported_network([ACTIVATION_CASES[activation]], dtype)
    net.to_onnx(tmp_path / "net.onnx")
    want = net.predict(X)
    tolerance = 1e-5 if dtype == "float32" else 1e-6  # erf is float32's there
    assert_same(answers(tmp_path / "net.onnx", X, dtype), want, tolerance)


@DTYPES
@pytest.mark.parametrize("layer", LAYER_CASES)
def test_every_layer(layer, dtype, tmp_path):
    net, X = exported_network(LAYER_CASES[layer], dtype)
    net.to_onnx(tmp_path / "net.onnx")
    tolerance = 1e-5 if dtype == "float32" else 1e-6  # epsilon is a float32 there
    assert_same(answers(tmp_path / "net.onnx", X, dtype), net.predict(X), tolerance)
    assert answers(tmp_path / "net.onnx", X[:1], dtype).shape == (1, net.output_size)


@DTYPES
@pytest.mark.parametrize(
    ("last", "loss"),
    [
        ("identity", "cross_entropy"),
        ("softmax", "cross_entropy"),
        ("log_softmax", "cross_entropy"),
        ("identity", "binary_cross_entropy"),
        ("sigmoid", "binary_cross_entropy"),
    ],
)
def test_probabilities(last, loss, dtype, tmp_path):
    net, X = exported_network([fastnn.Dense(3, activation=last)], dtype)
    net.loss = losses.Loss.registry[loss]()
    net.to_onnx(tmp_path / "net.onnx", output="probabilities")
    assert_same(answers(tmp_path / "net.onnx", X, dtype), net.predict_proba(X))


def test_who_wrote_it(tmp_path):
    net, _ = exported_network([fastnn.Dense(3)])
    net.to_onnx(tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    assert (model.producer_name, model.producer_version) == ("fastnn", fastnn.__version__)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 17)]
    assert model.doc_string == "A network trained by fastnn"


def test_what_is_refused(tmp_path):
    net, _ = exported_network([fastnn.Dense(3)])
    with pytest.raises(ValueError, match=r"output: got 'logits', want one of \('raw', 'prob"):
        net.to_onnx(tmp_path / "net.onnx", output="logits")
    with pytest.raises(ValueError, match="loss: none given"):
        net.to_onnx(tmp_path / "net.onnx", output="probabilities")
    net.loss = losses.Huber()
    with pytest.raises(ValueError, match="output: the loss 'huber' has no probabilities"):
        net.to_onnx(tmp_path / "net.onnx", output="probabilities")
    with pytest.raises(ValueError, match="input_size: not known yet"):
        fastnn.Sequential([fastnn.Dense(3)]).to_onnx(tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        net.to_onnx(tmp_path / "no" / "net.onnx")


# ---- and back ------------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("activation", ACTIVATION_CASES)
def test_every_activation_comes_back(activation, dtype, tmp_path):
    net, X = exported_network([ACTIVATION_CASES[activation]], dtype)
    net.to_onnx(tmp_path / "net.onnx")
    twin = fastnn.from_onnx(tmp_path / "net.onnx")
    assert (twin.dtype, twin.input_size) == (dtype, net.input_size)
    assert_same(twin.predict(X), net.predict(X), 1e-6)
    z = np.linspace(-20, 20, 999)  # of relu, say, there are several in the house
    own, back = net._graph.output_function, twin._graph.output_function
    np.testing.assert_allclose(back(z), own(z), rtol=1e-6, atol=1e-7)
    assert twin.loss is None or twin.loss.link == (own.link or "sigmoid").removeprefix("log_")


@DTYPES
@pytest.mark.parametrize("layer", LAYER_CASES)
def test_every_layer_comes_back(layer, dtype, tmp_path):
    net, X = exported_network(LAYER_CASES[layer], dtype)
    net.to_onnx(tmp_path / "net.onnx")
    twin = fastnn.from_onnx(tmp_path / "net.onnx")
    assert_same(twin.predict(X), net.predict(X), 1e-6)
    assert twin.dtype == dtype
    twin.to_onnx(tmp_path / "again.onnx")
    assert_same(answers(tmp_path / "again.onnx", X, dtype), net.predict(X))


# What fits together with what only now and then.
TWINS = {
    "a hard sigmoid without a bias": (
        3,
        [fastnn.Dense(2, activation="hard_sigmoid", bias=False)],
    ),
    "one slope alone": (1, [fastnn.PReLU(0.3)]),
    "slopes that are of no account": (3, [fastnn.Activation("relu"), fastnn.PReLU()]),
    "slopes of one number": (3, [fastnn.Dense(1, activation="prelu")]),
    "an activation of several nodes, of one number": (1, [fastnn.Dense(1, activation="mish")]),
}


@DTYPES
@pytest.mark.parametrize("case", TWINS)
def test_small_networks_come_back(case, dtype, tmp_path):
    width, layers = TWINS[case]
    net = fastnn.Sequential(layers, width, seed=1, dtype=dtype)
    X = np.random.default_rng(2).normal(size=(40, width)).astype("float32") * 5
    net.to_onnx(tmp_path / "net.onnx")
    assert_same(fastnn.from_onnx(tmp_path / "net.onnx").predict(X), net.predict(X), 1e-6)


EMBEDDINGS = {
    "one column": (1, [fastnn.Embedding({0: (3, 2)})]),
    "of one number": (1, [fastnn.Embedding({0: (3, 1)}), fastnn.Activation("tanh")]),
    "no other column": (3, [fastnn.Embedding({0: (2, 3), 1: (4, 1), 2: (9, 2)})]),
    "in the middle": (4, [fastnn.Embedding({1: (3, 2)}), fastnn.BatchNorm()]),
    "in a branch": (
        3,
        [
            fastnn.Concatenate(
                [
                    [fastnn.Embedding({0: (3, 2), 1: (5, 2)}), fastnn.Dense(3, "relu")],
                    [fastnn.Dense(2)],
                ]
            ),
            fastnn.Dense(4),
        ],
    ),
    "in branches": (
        3,
        [fastnn.Concatenate([[fastnn.Embedding({0: (3, 2)})], [fastnn.Embedding({2: (5, 1)})]])],
    ),
}


@DTYPES
@pytest.mark.parametrize("case", EMBEDDINGS)
def test_embeddings_come_back(case, dtype, tmp_path):
    width, layers = EMBEDDINGS[case]
    net = fastnn.Sequential(layers, width, seed=1, dtype=dtype)
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, width)).astype("float32")
    for column, count in net._graph.categories().items():
        X[:, column] = rng.integers(0, count, len(X))
    net.to_onnx(tmp_path / "net.onnx")
    twin = fastnn.from_onnx(tmp_path / "net.onnx")
    assert twin.dtype == dtype
    assert_same(twin.predict(X), net.predict(X), 1e-6)
    assert twin._graph.categories() == net._graph.categories()


# As PyTorch writes x[:, 0] and x[:, 1:].
LOOKUP = "c = Gather<axis = 1>({x}, {at}) i = Cast<to = 7>(c) e = Gather<axis = {axis}>(table, i)"
REST = "s = Slice(input, {begin}, last, along) y = Concat<axis = {join}>(e, s)"


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        ({}, True),
        ({"at": "back"}, True),  # counted from the end
        ({"begin": "two"}, False),  # a column is left out
        ({"begin": "none"}, False),  # one comes twice
        ({"axis": 1}, False),  # columns of the table
        ({"join": 0}, False),  # rows after rows
        ({"x": "r"}, False),  # of what was computed
    ],
)
def test_lookups_of_other_exporters(changed, known, tmp_path):
    told = {"x": "input", "at": "zero", "axis": 0, "begin": "one", "join": 1} | changed
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[n, 3] input) => (float[n, m] y) '
        f"{{ r = Relu(input) {LOOKUP.format(**told)} {REST.format(**told)} }}"
    )
    table = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    numbers = {"zero": 0, "back": -3, "none": [0], "one": [1], "two": [2], "along": [1]}
    numbers["last"] = [2**63 - 1]
    arrays = {"table": table} | {key: np.array(value) for key, value in numbers.items()}
    for name, array in arrays.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.save(model, tmp_path / "model.onnx")
    if not known:
        with pytest.raises(ValueError, match="from_onnx: "):
            fastnn.from_onnx(tmp_path / "model.onnx")
        return
    net = fastnn.from_onnx(tmp_path / "model.onnx")
    X = np.array([[3, 0.5, 1], [0, -1, 2]], "float32")
    assert (net.predict(X) == np.hstack([table[[3, 0]], X[:, 1:]])).all()


# What exporters write: nodes between x and y.
GRAPHS = {
    "gelu": """a = Div(x, root) e = Erf(a) s = Add(e, one) m = Mul(x, s) y = Mul(m, half)""",
    "gelu, other order": """a = Mul(x, q) e = Erf(a) s = Add(one, e) m = Mul(half, s)
        y = Mul(m, x)""",
    "gelu_tanh": """c = Pow(x, three) t = Mul(c, k) u = Add(x, t) v = Mul(u, p) e = Tanh(v)
        s = Add(e, one) m = Mul(x, s) y = Mul(half, m)""",
    "silu": "s = Sigmoid(x) y = Mul(x, s)",
    "mish": "s = Softplus(x) t = Tanh(s) y = Mul(x, t)",
    "mish, in parts": "e = Exp(x) n = Add(e, one) s = Log(n) t = Tanh(s) y = Mul(t, x)",
    "softplus": "e = Exp(x) n = Add(e, one) y = Log(n)",
    "softsign": "s = Abs(x) n = Add(s, one) y = Div(x, n)",
    "sigmoid": "m = Neg(x) e = Exp(m) n = Add(e, one) y = Reciprocal(n)",
    "hard_tanh": "y = Clip(x, minus, one)",
    "hard_tanh, in parts": "m = Min(x, one) y = Max(m, minus)",
    "hard_sigmoid": "s = Add(x, three) c = Clip(s, zero, six) y = Div(c, six)",
    "hard_sigmoid, one node": "y = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x)",
    "hard_swish": "s = Add(x, three) c = Clip(s, zero, six) m = Mul(x, c) y = Div(m, six)",
    "hard_swish, one node": "y = HardSwish(x)",
    "relu": "y = Max(x, zero)",
    "leaky_relu": "t = Mul(x, tenth) g = Greater(x, zero) y = Where(g, x, t)",
    "selu": "y = Selu(x)",
    "elu": "y = Elu<alpha = 0.7>(x)",
    "celu": "y = Celu<alpha = 2.5>(x)",
    "tanh after a dropout": "d = Dropout(x) i = Identity(d) t = Tanh(i) y = Flatten(t)",
    "prelu": "y = PRelu(x, each)",
    "prelu, in parts": "r = Relu(x) m = Neg(x) n = Relu(m) s = Mul(n, each) y = Sub(r, s)",
    "prelu, one slope": "y = PRelu(x, tenth)",
    "scaling": "c = Sub(x, each) y = Div(c, two)",
    "a scaling of all": "y = Mul(x, two)",
    "tanh after a scaling": "c = Sub(x, each) d = Div(c, two) y = Tanh(d)",
    "layer norm, in parts": """m = ReduceMean<axes = [-1]>(x) c = Sub(x, m) sq = Pow(c, two)
        v = ReduceMean<axes = [-1]>(sq) e = Add(v, small) s = Sqrt(e) n = Div(c, s)
        w = Mul(n, each) y = Add(w, shift)""",
    "batch norm": "y = BatchNormalization<epsilon = 0.01>(x, each, each, shift, each)",
    # As Keras on JAX has it, every number of constants being a node.
    "batch norm, in parts": """v = Add(each, small) s = Sqrt(v) r = Div(one, s) f = Mul(r, each)
        m = Neg(shift) c = Mul(m, f) b1 = Add(c, each) h = Mul(x, f) y = Add(h, b1)""",
    "prelu, of a slope that is computed": """r = Relu(x) s = Neg(each) m = Neg(x) n = Relu(m)
        i = Concat<axis = 0>(ones, fours) e = Expand(s, i) t = Mul(e, n) y = Add(r, t)""",
    "scaler": "y = ai.onnx.ml.Scaler<offset = [1.0], scale = [0.5, 1.0, 2.0, 4.0]>(x)",
    "two": "r = Relu(x) y = Tanh(r)",
    "a block": "r = Relu(x) w = MatMul(r, square) y = Add(w, x)",
    "branches": "w = MatMul(x, square) r = Tanh(w) y = Concat<axis = 1>(r, x)",
}
NUMBERS = {
    "one": 1, "half": 0.5, "root": 2**0.5, "q": 0.5**0.5, "k": 0.044715, "p": (2 / np.pi) ** 0.5,
    "zero": 0, "minus": -1, "three": 3, "six": 6, "two": 2, "tenth": 0.1, "each": np.arange(1.0, 5),
    "small": 1e-3, "shift": np.arange(4.0) - 2,
    "ones": np.array([1]), "fours": np.array([4]),
    "square": np.arange(16.0).reshape(4, 4) / 9 - 1,
}  # fmt: skip


def written(tmp_path, text, output="y", opset=17, dtype="float32", **more):
    """The path of a model: rows times a matrix, then the nodes of a text."""
    kind = {"float32": "float", "float64": "double"}[dtype]
    nodes = f"x0 = MatMul(input, W) x = Add(b, x0) {text}"
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}, "ai.onnx.ml" : 3]>'
        f"g ({kind}[n, 3] input) => ({kind}[n, m] {output}) {{ {nodes} }}"
    )
    rng = np.random.default_rng(3)
    arrays = NUMBERS | {"W": rng.normal(size=(3, 4)) * 3, "b": rng.normal(size=4)} | more
    for name, values in arrays.items():
        if any(name in node.input for node in model.graph.node):
            array = np.asarray(values)
            if array.dtype.kind == "f" or isinstance(values, int):
                array = array.astype(dtype)
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


@DTYPES
@pytest.mark.parametrize("case", GRAPHS)
def test_functions_are_known_by_what_they_compute(case, dtype, tmp_path):
    path = written(tmp_path, GRAPHS[case], dtype=dtype)
    net = fastnn.from_onnx(path)
    X = np.random.default_rng(4).normal(size=(30, 3)).astype("float32")
    from onnx.reference import ReferenceEvaluator  # ONNX Runtime has not all in float64

    want = ReferenceEvaluator(onnx.load(path)).run(None, {"input": X.astype(dtype)})[0]
    assert_same(net.predict(X), want, 2e-6)
    assert net.dtype == dtype or case == "scaler"
    name = case.split(",")[0]
    if name in _core.ACTIVATIONS:
        assert net.specs[0].activation.name == name


REFUSED = {
    "Conv": ("y = Sin(x)", r"node 'y' \(Sin\): fastnn has no such layer"),
    "relu6": ("y = Clip(x, zero, six)", r"node 'y' \(Clip\): no activation of fastnn is what"),
    "a square": ("y = Mul(x, x)", r"node 'y' \(Mul\): no activation"),
    "softmax within": (
        "s = Softmax(x) y = Relu(s)",
        r"'s' \(Softmax\): fastnn has it at the",
    ),
    "softmax over rows": (
        "y = Softmax<axis = 0>(x)",
        r"'y' \(Softmax\): want it over the feat",
    ),
    "a product of two": ("t = Transpose(x) y = MatMul(x, t)", r"\(Transpose\)|\(MatMul\)"),
    "a sum of two": (
        "u = MatMul(x, square) r = Relu(x) v = MatMul(r, square) y = Add(u, v)",
        r"node 'y' \(Add\): fastnn has no such layer",
    ),
    "a transposed input": (
        "y = Gemm<transA = 1>(x, square)",
        r"'y' \(Gemm\): its first input is",
    ),
    "training": (
        "y = BatchNormalization<training_mode = 1>(x, each, each, each, each)",
        r"'y' \(BatchNormalization\): it is in training mode",
    ),
    "other axes": (
        "y = LayerNormalization<axis = 0>(x, each, each)",
        r"'y' \(LayerNormalization\): axis 0, want 1 or -1",
    ),
    "a reshape": ("y = Reshape(x, shape)", r"node 'y' \(Reshape\): fastnn has no such layer"),
    "wrong widths": ("y = MatMul(x, wide)", "weights: got shape"),
    "a lookup of what is computed": (
        "c = Gather<axis = 1>(x, first) i = Cast<to = 7>(c) y = Gather(square, i)",
        r"node '.*' \(Gather\): fastnn has no such layer",
    ),
    "much of little": ("a = Expand(one, huge) t = Mul(x, a) y = Relu(t)", r"takes 'a' from elsew"),
    "shapes that do not fit": ("a = Add(each, three_of) y = Mul(x, a)", r"takes 'a' from elsew"),
    "integers": ("y = Cast<to = 7>(x)", r"node 'y' \(Cast\): fastnn has no such layer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_supported_is_named(case, tmp_path):
    text, message = REFUSED[case]
    more = {"shape": np.array([-1, 2]), "first": np.array(0), "wide": np.ones((3, 2))}
    more |= {"huge": np.array([1 << 20, 1 << 20]), "three_of": np.ones(3)}
    path = written(tmp_path, text, **more)
    with pytest.raises(ValueError, match=message) as caught:
        fastnn.from_onnx(path)
    assert not isinstance(caught.value, fastnn.ModelFormatError)


def test_one_of_several_outputs(tmp_path):
    text = "h = Relu(x) l = ArgMax<axis = 1>(h) y = Sigmoid(h) z = Sub(one, y)"
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match="output: got 'probabilities', want the name of a value"):
        fastnn.from_onnx(path, output="probabilities")
    assert fastnn.from_onnx(path, output="y").loss.name == "binary_cross_entropy"
    assert [spec.activation.name for spec in fastnn.from_onnx(path, output="h").specs] == ["relu"]
    model = onnx.load(path)
    model.graph.output.append(onnx.helper.make_tensor_value_info("h", 1, ["n", 4]))
    onnx.save(model, path)
    with pytest.raises(ValueError, match=r"output: the model has \['y', 'h'\], want the name of"):
        fastnn.from_onnx(path)


def test_one_input(tmp_path):
    path = written(tmp_path, "y = Relu(x)")
    model = onnx.load(path)
    model.graph.input.append(onnx.helper.make_tensor_value_info("more", 1, ["n", 4]))
    onnx.save(model, path)
    with pytest.raises(ValueError, match=r"the model has the inputs \['input', 'more'\], want one"):
        fastnn.from_onnx(path)


@pytest.mark.parametrize("raw", [b"", b"x", b"PK\3\4", b"\x08\x08" * 40, bytes(1000)])
def test_what_is_no_model(raw, tmp_path):
    (tmp_path / "file").write_bytes(raw)
    with pytest.raises(fastnn.ModelFormatError, match="file is not an ONNX model"):
        fastnn.from_onnx(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        fastnn.from_onnx(tmp_path / "none")


def test_damaged_models_never_crash(tmp_path):
    net, _ = exported_network(
        LAYER_CASES["embedding"] + LAYER_CASES["batch_norm"] + LAYER_CASES["residual"]
    )
    net.to_onnx(tmp_path / "net.onnx")
    raw = (tmp_path / "net.onnx").read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(300):
        damaged = bytearray(raw)
        for place in rng.integers(len(raw), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        (tmp_path / "net.onnx").write_bytes(damaged[: rng.integers(len(raw)) or None])
        try:
            fastnn.from_onnx(tmp_path / "net.onnx")
        except ValueError:  # which a ModelFormatError is
            refused += 1
    assert refused > 100
