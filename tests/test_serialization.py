"""Files: what is saved comes back bit for bit, and what is damaged is refused."""

import json
import math
import os
import pickle
import shutil
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import activations, initializers, losses, serialization
from fastnn._compile import Graph

SETTINGS = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def network(activation="relu", **options):
    layers = [
        fastnn.Dense(7, activation=activation, weight_init=initializers.Uniform(-2, 2)),
        fastnn.Dense(3, bias=False, bias_init=initializers.Constant(np.float32(0.1))),
    ]
    return fastnn.Sequential(layers, **({"input_size": 5, "seed": 11} | options))


@pytest.fixture
def saved(tmp_path):
    """The path of a small file, its bytes, and its network."""
    net = network()
    net.fit(np.ones((4, 5)), [0, 1, 2, 0], loss="cross_entropy")
    net.save(tmp_path / "net")
    return tmp_path / "net", (tmp_path / "net").read_bytes(), net


def parts(raw):
    """The header as a dict, and the bytes of the arrays."""
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def joined(header, body, sign=True):
    """A file of them; with the checksum that suits them, as anybody can compute it."""
    if not isinstance(header, bytes):
        metadata = header.get("__metadata__") if isinstance(header, dict) else None
        if isinstance(metadata, dict):
            metadata.pop("crc32", None)
            summed = zlib.crc32(body, zlib.crc32(json.dumps(header).encode()))
            metadata |= {"crc32": str(summed)} if sign else {}
        header = json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + body


def refused(path, raw, message="is not a network"):
    path.write_bytes(raw)
    with pytest.raises(fastnn.ModelFormatError, match=message) as caught:
        fastnn.load(path)
    assert str(caught.value).startswith(f"{path.name} is not a network saved by fastnn: ")


# ---- round trip ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", sorted(activations.Activation.registry))
def test_round_trip(activation, dtype, tmp_path):
    at_the_output = activation in ("softmax", "log_softmax")
    net = network("tanh", dtype=dtype) if at_the_output else network(activation)
    if at_the_output:
        net = fastnn.Sequential([*net.specs[:1], fastnn.Dense(3, activation)], 5, dtype=dtype)
    path = tmp_path / "net.safetensors"
    net.save(path)
    for twin in (
        fastnn.load(path),
        fastnn.load(str(path)),
        fastnn.load(os.fsencode(path).decode()),
    ):
        assert twin.parameters.tobytes() == net.parameters.tobytes()
        X = np.random.default_rng(0).normal(size=(9, 5))
        assert np.array_equal(twin.predict(X), net.predict(X))
        assert (twin.dtype, twin.seed, twin.input_size) == (net.dtype, net.seed, 5)
        assert [layer.to_config() for layer in twin.specs] == [s.to_config() for s in net.specs]
        assert twin.loss is None


def test_spec_instances_come_back(tmp_path):
    net = network(activations.LeakyReLU(np.float32(0.25)))
    net.save(tmp_path / "net")
    twin = fastnn.load(tmp_path / "net")
    assert twin.specs[0] == net.specs[0]
    assert twin.specs[1].bias_init == initializers.Constant(float(np.float32(0.1)))
    twin.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "net").read_bytes()


@pytest.mark.parametrize("loss", sorted(losses.Loss.registry))
def test_the_loss_is_kept(loss, tmp_path):
    net = fastnn.Sequential([fastnn.Dense(2)], 1)
    X, y = np.array([[1.0], [2.0]]), np.eye(2)
    y = y + 0.5 if loss == "gamma" else y  # which wants positive targets
    y = y[:, 0] if loss == "gaussian_nll" else y
    net.fit(X, y, loss=loss)
    net.save(tmp_path / "net")
    twin = fastnn.load(tmp_path / "net")
    assert twin.loss == net.loss
    assert twin.evaluate(X, y) == net.evaluate(X, y)
    for each in (net, twin):
        each.fit(X, y, optimizer="adamw", shuffle=False)
    assert np.array_equal(net.parameters, twin.parameters)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", sorted(fastnn.optimizers.Optimizer.registry))
def test_training_goes_on_with_the_same_bits(rule, dtype, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    layers = [fastnn.Dense(9, activation="relu"), fastnn.BatchNorm(), fastnn.Dropout(0.3)]
    net = fastnn.Sequential([*layers, fastnn.Dense(3)], seed=3, dtype=dtype)
    optimizer = fastnn.optimizers.Optimizer.registry[rule](lr=fastnn.schedules.Cosine(0.1, 40))
    batch = 60 if rule == "rprop" else 16
    net.fit(X, y, loss="cross_entropy", optimizer=optimizer, epochs=3, batch_size=batch)
    net.save(tmp_path / "net")
    net.save(tmp_path / "small", optimizer_state=False)
    twin, other = fastnn.load(tmp_path / "net"), fastnn.load(tmp_path / "small")
    for each in (net, twin, other):
        each.fit(X, y, epochs=2, batch_size=batch)
        each.train_on_batch(X[:7], y[:7])
    assert (twin.parameters == net.parameters).all()
    assert twin.optimizer == other.optimizer == optimizer
    assert not (other.parameters == net.parameters).all()  # other orders of the samples


def test_a_file_without_the_optimizers_state_is_small(tmp_path):
    net = fastnn.Sequential([fastnn.Dense(300)])
    net.fit(np.ones((2, 300)), np.ones((2, 300)), loss="mean_squared_error")
    sizes = []
    for options in ({}, {"optimizer_state": False}):
        net.save(tmp_path / "net", **options)
        sizes.append((tmp_path / "net").stat().st_size)
    assert 2.9 < sizes[0] / sizes[1] < 3
    with pytest.raises(TypeError, match="optimizer_state: got 1"):
        net.save(tmp_path / "net", optimizer_state=1)


def test_a_state_that_is_infinite_comes_back(tmp_path):
    """Squares of gradients may be, and steps are 0 then."""
    net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")])
    X = np.array([[1e25]])
    net.fit(X, [1.0], loss="mean_squared_error", optimizer="adam")
    assert np.isinf(net._read("slot_1")).any()
    net.save(tmp_path / "net")
    assert np.isinf(fastnn.load(tmp_path / "net")._read("slot_1")).any()


@pytest.mark.parametrize(
    "state",
    [None, 3, [], {}, ["adam"], ["adam", 3], ["adam", -1, 1, 1, 1], ["adam", 2.5, 1, 1, 1],
     ["adam", 3, "x", 1, 1], ["adam", 3, None, 1, 1], ["adam", 3, float("nan"), 1, 1],
     ["none", 3, 1, 1, 1], [["adam"], 3, 1, 1, 1], ["sgd", 3, 1, 1, 1], ["adam", 3, 1, 1, 1, 1],
     [None, 3, 1, 1, 1], ["adam", 1 << 70, 1, 1, 1]],
)  # fmt: skip
def test_a_wrong_state_of_an_optimizer_is_refused(saved, state):
    path, raw, _ = saved
    header, body = parts(raw)
    change_architecture(header, optimizer_state=state)
    refused(path, joined(header, body))
    header, body = parts(raw)
    change_architecture(header, epochs=-1)
    refused(path, joined(header, body), "epochs: got -1")
    header, body = parts(raw)
    _, end = header["optimizer.slot_1"]["data_offsets"]
    body = body[: end - 4] + struct.pack("<f", np.nan) + body[end:]
    refused(path, joined(header, body), "optimizer_state: got .* want numbers, and no NaN")


def test_extreme_values_come_back(tmp_path):
    net = fastnn.Sequential([fastnn.Dense(1)], 5)
    limits = np.finfo(np.float32)
    net.parameters = [limits.max, limits.tiny, limits.smallest_subnormal, -0.0, limits.min, 0.0]
    net.save(tmp_path / "net")
    assert fastnn.load(tmp_path / "net").parameters.tobytes() == net.parameters.tobytes()


def read_safetensors(path):
    """A reader of the format's ten lines, to see that others can read the file."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length].decode())
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        kind = {"F32": "<f4", "F64": "<f8"}[entry["dtype"]]
        tensors[name] = np.frombuffer(raw[8 + length :][begin:end], kind).reshape(entry["shape"])
    return metadata, tensors


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_readers_can_read_it(dtype, tmp_path):
    net = network(dtype=dtype)
    net.save(tmp_path / "net")
    metadata, tensors = read_safetensors(tmp_path / "net")
    assert all(isinstance(value, str) for value in metadata.values())
    assert sorted(tensors) == ["layers.0.bias", "layers.0.weights", "layers.1.weights"]
    assert np.array_equal(tensors["layers.0.weights"], net.layers[0].weights)
    assert np.array_equal(tensors["layers.0.bias"], net.layers[0].bias)
    assert np.array_equal(tensors["layers.1.weights"], net.layers[1].weights)
    assert {tensor.dtype.name for tensor in tensors.values()} == {dtype}
    header_bytes = 8 + struct.unpack("<Q", (tmp_path / "net").read_bytes()[:8])[0]
    assert header_bytes % 8 == 0  # aligned arrays, as the format wants


# ---- damage --------------------------------------------------------------------------------------


def test_every_truncation_is_refused(saved):
    path, raw, _ = saved
    for length in range(len(raw)):
        refused(path, raw[:length])
    path.write_bytes(raw)
    fastnn.load(path)
    refused(path, raw + b"\0", "the file is cut or has more")


@given(place=st.integers(0, 4000), flip=st.integers(1, 255), again=st.integers(0, 4000))
@SETTINGS
def test_flipped_bytes_never_crash(saved, place, flip, again):
    """What loads after all is the network; everything else is refused."""
    path, raw, own = saved
    damaged = bytearray(raw)
    damaged[place % len(raw)] ^= flip
    damaged[again % len(raw)] ^= flip >> 3
    path.write_bytes(damaged)
    try:
        net = fastnn.load(path)
    except fastnn.ModelFormatError:
        return
    assert np.array_equal(net.parameters, own.parameters)
    net.save(path)


def test_every_flipped_byte_of_the_arrays_is_noticed(saved):
    path, raw, _ = saved
    _, body = parts(raw)
    for place in range(len(raw) - len(body), len(raw)):
        damaged = bytearray(raw)
        damaged[place] ^= 1  # the last bit of a number, or another one that leaves it finite
        refused(path, damaged, "its checksum is another one|NaN or infinity")


def test_files_without_a_checksum_still_load(saved):
    path, raw, net = saved
    header, body = parts(raw)
    refused(path, joined(header, body, sign=False), "its checksum is another one")
    change_architecture(header, format=1)
    path.write_bytes(joined(header, body, sign=False))
    assert b"crc32" not in path.read_bytes()
    assert np.array_equal(fastnn.load(path).parameters, net.parameters)


def test_what_else_belongs_to_a_model(saved):
    path, _, net = saved
    serialization.save(net, path, {"preprocessing": {"columns": ["carat"]}})
    architecture, metadata, _ = serialization.read(path)
    assert json.loads(metadata["preprocessing"]) == {"columns": ["carat"]}
    assert architecture["version"] == fastnn.__version__
    assert np.array_equal(fastnn.load(path).parameters, net.parameters)
    refused(path, path.read_bytes().replace(b"carat", b"karat"), "its checksum is another one")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["header", "metadata", "text", "architecture", "entry", "offsets", "layer"]),
    st.sampled_from(["format", "input_size", "seed", "dtype", "layers", "loss"]),
    st.sampled_from(["name", "units", "activation", "bias", "weight_init", "bias_init"]),
)
@SETTINGS
def test_wrong_json_never_crashes(saved, value, where, key, layer_key):
    path, raw, _ = saved
    header, body = parts(raw)
    architecture = json.loads(header["__metadata__"]["fastnn"])
    if where == "header":
        header = value
    elif where == "metadata":
        header["__metadata__"] = value
    elif where == "text":
        header["__metadata__"]["fastnn"] = value
    elif where == "architecture":
        architecture[key] = value
    elif where == "entry":
        header["layers.0.bias"] = value
    elif where == "offsets":
        header["layers.0.bias"]["data_offsets"] = value
    elif where == "layer":
        architecture["layers"][0][layer_key] = value
    if where in ("architecture", "layer"):
        header["__metadata__"]["fastnn"] = json.dumps(architecture)
    path.write_bytes(joined(header, body))
    try:
        fastnn.load(path).save(path)
    except fastnn.ModelFormatError:
        assert True


SIZES = st.integers(-1, 9) | st.sampled_from([2**k for k in (16, 24, 31, 32, 40, 62, 63, 64)])
WIDE = [{"name": "concatenate", "branches": [[], []]}]
LAYERS = st.recursive(
    st.builds(lambda units: {"name": "dense", "units": units, "bias": False}, SIZES)
    | st.builds(lambda *c: {"name": "embedding", "columns": [c]}, SIZES, SIZES, SIZES)
    | st.sampled_from([{"name": name} for name in ("batch_norm", "prelu", "dropout")] + WIDE),
    lambda inner: (
        st.builds(
            lambda a, b: {"name": "concatenate", "branches": [a, b]},
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4),
        )
        | st.builds(lambda a: {"name": "residual", "layers": a}, st.lists(inner, max_size=4))
    ),
    max_leaves=12,
)


def arrays_for(configs, width):
    """The header's entries of an architecture's arrays, and how many bytes they are."""
    entries, at = {}, 0
    try:
        graph = Graph(serialization._layers(configs))
        graph.measure(width)
    except (ValueError, TypeError):
        return entries, at
    for leaf in graph.leaves:
        for name, shape in serialization._shapes(leaf).items():
            end = at + 4 * math.prod(shape)
            entries[f"layers.{leaf.name}.{name}"] = {
                "dtype": "F32", "shape": list(shape), "data_offsets": [at, end]
            }  # fmt: skip
            at = end
    return entries, at


@given(layers=st.lists(LAYERS, min_size=1, max_size=5), more=st.integers(0, 45), width=SIZES)
@SETTINGS
def test_no_architecture_takes_memory_that_the_file_does_not_vouch_for(saved, layers, more, width):
    """Its arrays are there if they are few; else the header says so, and they are not."""
    path, raw, _ = saved
    header, _ = parts(raw)
    layers = layers + WIDE * more
    untrained = [None, 0, 1.0, 1.0, 1.0]
    change_architecture(
        header, layers=layers, input_size=width, loss=None, optimizer_state=untrained
    )
    entries, size = arrays_for(layers, width)
    header = {"__metadata__": header["__metadata__"]} | entries
    raw = joined(header, bytes(size if 0 < size < 100_000 else 1000))
    path.write_bytes(raw)
    tracemalloc.start()
    try:
        fastnn.load(path)
    except fastnn.ModelFormatError:
        assert size >= 100_000 or not 1 <= width <= 1 << 20 or not entries
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 30 * len(raw) + 1_000_000


@pytest.mark.parametrize(
    "header",
    [b"", b"{", b"[]", b"3", b'"x"', b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"a":1}'],
)
def test_what_is_no_header(saved, header):
    path, raw, _ = saved
    refused(path, joined(header, raw))


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, 100 << 20, 2**32])
def test_a_huge_header_is_refused_before_it_is_read(saved, length):
    path, raw, _ = saved
    refused(path, struct.pack("<Q", length) + raw[8:], f"a header of {length} bytes in a file of")


def change_entry(header, **values):
    header["layers.0.bias"] |= values


def rename(header, old, new):
    header[new] = header.pop(old)


def change_architecture(header, **values):
    architecture = json.loads(header["__metadata__"]["fastnn"]) | values
    header["__metadata__"]["fastnn"] = json.dumps(architecture)


HUGE = {"name": "dense", "units": 2**40}
DAMAGE = {
    "an array missing": (lambda h: h.pop("layers.0.bias"), "its arrays are not those"),
    "an array too many": (lambda h: h.update(extra=h["layers.0.bias"]), "its arrays are not those"),
    "another name": (lambda h: rename(h, "layers.0.bias", "bias"), "its arrays are not those"),
    "overlap": (
        lambda h: change_entry(h, data_offsets=[0, 28]),
        "its arrays overlap or leave gaps",
    ),
    "negative": (lambda h: change_entry(h, data_offsets=[-28, 0]), "its arrays overlap or leave"),
    "backwards": (lambda h: change_entry(h, data_offsets=[168, 140]), "the wrong number of bytes"),
    "past the end": (lambda h: change_entry(h, data_offsets=[10**9, 10**9 + 28]), "leave gaps"),
    "a float": (lambda h: change_entry(h, data_offsets=[140.0, 168.0]), "wrong number of bytes"),
    "three": (lambda h: change_entry(h, data_offsets=[140, 168, 1]), "too many values"),
    "another dtype": (
        lambda h: change_entry(h, dtype="F64"),
        r"layers.0.bias is F64 \[7\], not F32",
    ),
    "another shape": (lambda h: change_entry(h, shape=[1, 7]), r"layers.0.bias is F32 \[1, 7\]"),
    "no dtype": (lambda h: h["layers.0.bias"].pop("dtype"), "dtype"),
    "no metadata": (lambda h: h.pop("__metadata__"), "__metadata__"),
    "other metadata": (lambda h: h["__metadata__"].pop("fastnn"), "fastnn"),
    "another format": (lambda h: change_architecture(h, format=3), "format 3, this fastnn reads 1"),
    "float64": (lambda h: change_architecture(h, dtype="float64"), "F32"),
    "float16": (lambda h: change_architecture(h, dtype="float16"), "float16"),
    "width 0": (lambda h: change_architecture(h, input_size=0), "input_size: got 0"),
    "no width": (lambda h: change_architecture(h, input_size=None), "input_size: got None"),
    "no layers": (lambda h: change_architecture(h, layers=[]), "it has no layers"),
    "a layer of text": (lambda h: change_architecture(h, layers=["dense"]), "is not a network"),
    "an unknown layer": (lambda h: change_architecture(h, layers=[{"name": "conv"}]), "conv"),
    "a layer too big": (lambda h: change_architecture(h, layers=[HUGE, HUGE]), "too many"),
    "an unknown loss": (lambda h: change_architecture(h, loss={"name": "x"}), "loss: .* does not"),
    "a wrong seed": (lambda h: change_architecture(h, seed=-1), "seed: got -1"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named(saved, damage):
    path, raw, _ = saved
    header, body = parts(raw)
    change, message = DAMAGE[damage]
    change(header)
    refused(path, joined(header, body), message)


def test_an_embedding_of_a_trillion_columns_is_refused(saved):
    """It asks for one array of one number, which is there."""
    path, raw, _ = saved
    header, _ = parts(raw)
    layers = [{"name": "embedding", "columns": [[0, 1, 1]]}]
    change_architecture(header, input_size=1 << 40, layers=layers, loss=None)
    table = {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}
    header = {"__metadata__": header["__metadata__"], "layers.0.table_0": table}
    refused(path, joined(header, bytes(4)), "Embeddings with 1099511627776 outputs in a file of")


def test_a_size_that_overflows_is_refused(saved):
    """2^62 * 4 is 0 in 64 bits."""
    path, raw, _ = saved
    header, _ = parts(raw)
    change_architecture(header, input_size=2**62, layers=[{"name": "dense", "units": 4}])
    metadata = header["__metadata__"]
    entry = {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}
    bias = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    header = {"__metadata__": metadata, "layers.0.weights": entry, "layers.0.bias": bias}
    refused(path, joined(header, bytes(16)), "input_size: got 4611686018427387904")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(saved, value):
    path, raw, _ = saved
    header, body = parts(raw)
    _, end = header["layers.1.weights"]["data_offsets"]
    damaged = joined(header, body[: end - 4] + struct.pack("<f", value) + body[end:])
    refused(path, damaged, "parameters: got NaN or infinity")


def test_other_files_are_refused(tmp_path):
    for raw in (b"", b"fastnn", pickle.dumps(network()), b"\x93NUMPY" + bytes(100), bytes(1000)):
        refused(tmp_path / "file", raw)


def test_what_cannot_be_read_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        fastnn.load(tmp_path / "none")
    with pytest.raises(OSError, match=r"directory|denied"):
        fastnn.load(tmp_path)


# ---- saving --------------------------------------------------------------------------------------


def test_a_failed_save_keeps_the_old_file(saved, monkeypatch):
    path, raw, net = saved
    before = net.parameters
    net.parameters = before * 2

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serialization.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        net.save(path)
    assert path.read_bytes() == raw
    assert os.listdir(path.parent) == ["net"]
    monkeypatch.undo()
    net.save(path)
    assert np.array_equal(fastnn.load(path).parameters, before * 2)
    assert os.listdir(path.parent) == ["net"]


def test_where_nothing_can_be_saved(saved):
    path, raw, net = saved
    (path.parent / "folder").mkdir()
    for place in (path.parent / "no" / "net", path / "net", path.parent / "folder"):
        with pytest.raises(OSError, match=str(place.name)):
            net.save(place)
    assert sorted(os.listdir(path.parent)) == ["folder", "net"]
    assert path.read_bytes() == raw


def test_saving_twice_gives_the_same_bytes(saved):
    path, raw, net = saved
    net.save(path)
    assert path.read_bytes() == raw
    shutil.copy(path, path.with_name("copy"))
    fastnn.load(path.with_name("copy")).save(path)
    assert path.read_bytes() == raw
