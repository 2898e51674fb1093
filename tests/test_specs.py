"""The specs: layers, activations, losses, optimizers, initializers and schedules."""

import copy
import dataclasses
import json
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from common import KINDS

import fastnn
from fastnn import (
    _core,
    activations,
    initializers,
    layers,
    losses,
    optimizers,
    schedules,
    serialization,
)
from fastnn._spec import Spec, from_config, resolve

# What a spec cannot be made without.
NEEDED = {
    fastnn.Dense: {"units": 3},
    fastnn.Activation: {"function": "relu"},
    fastnn.Embedding: {"columns": {0: (5, 3), 2: 40}},
    fastnn.Residual: {"layers": [fastnn.Dense(3), fastnn.Dropout(0.5)]},
    fastnn.Concatenate: {"branches": [[fastnn.Dense(3)], []]},
    schedules.Constant: {"lr": 0.5},
    schedules.Step: {"lr": 0.5, "every": 3},
    schedules.MultiStep: {"lr": 0.5, "milestones": (3, 5)},
    schedules.Exponential: {"lr": 0.5, "factor": 0.9},
    schedules.InverseTime: {"lr": 0.5},
    schedules.Polynomial: {"lr": 0.5, "steps": 9},
    schedules.Cosine: {"lr": 0.5, "steps": 9},
    schedules.CosineRestarts: {"lr": 0.5, "steps": 9},
    schedules.OneCycle: {"lr": 0.5, "steps": 9},
    schedules.Cyclic: {"lr": 0.1, "peak": 0.5},
    schedules.Warmup: {"schedule": 0.5, "steps": 9},
}

SPECS = [spec for kind in KINDS.values() for spec in kind.registry.values()]

EXAMPLES = [spec(**NEEDED.get(spec, {})) for spec in SPECS] + [
    fastnn.Dense(4, "relu", False, "he_normal", "zeros"),
    fastnn.Dense(4, activations.LeakyReLU(0.3), weight_init=initializers.Normal(1, 2)),
    fastnn.SGD(0.1, 0.9, True),
    fastnn.SGD(schedules.Constant(0.1)),
    fastnn.AdamW(1e-4, 0.8, 0.9, 1e-6, 0.1),
    fastnn.AdamW(1e-4, amsgrad=True),
    fastnn.RMSprop(0.1, 0.9, 1e-6, 0.5, True),
    fastnn.Rprop(0.1, 0.4, 1.3, 1e-3, 1),
    initializers.Uniform(-1, 1),
]


def name_of(spec):
    return f"{spec.kind} {spec.name}"


# ---- tables ---------------------------------------------------------------------------------


def test_kinds():
    assert {kind.kind: kind for kind in Spec.__subclasses__()} == KINDS


def test_every_activation_of_the_engine_has_its_dataclass():
    missing = set(_core.ACTIVATIONS) - set(activations.Activation.registry)
    assert not missing, f"add it here: fastnn/activations.py lacks {missing}"
    # The others are made by the loss and by predict's link, or are a layer.
    others = set(activations.Activation.registry) - set(_core.ACTIVATIONS)
    assert others == {"softmax", "log_softmax", "prelu"}


def test_every_loss_of_the_engine_has_its_dataclass():
    made = [loss() for loss in losses.Loss.registry.values()]
    made += [losses.BinaryCrossEntropy(2.0), losses.CrossEntropy(class_weight=[1.0])]
    rules = {loss.rule: loss for loss in made}
    missing = set(_core.LOSSES) - set(rules)
    assert not missing, f"add it here: fastnn/losses.py lacks {missing}"
    assert set(rules) == set(_core.LOSSES)
    for name, link in _core.LOSSES.items():
        loss = rules[name]
        assert (loss.link, loss.classifies) == (link, link in ("sign", "sigmoid", "softmax"))


def test_every_optimizer_of_the_engine_has_its_dataclass():
    made = [
        *(spec() for spec in optimizers.Optimizer.registry.values()),
        fastnn.SGD(momentum=0.9),
        fastnn.SGD(momentum=0.9, nesterov=True),
        fastnn.Adam(amsgrad=True),
        fastnn.AdamW(amsgrad=True),
        fastnn.RMSprop(momentum=0.9),
        fastnn.RMSprop(centered=True),
        fastnn.RMSprop(momentum=0.9, centered=True),
    ]
    rules = {optimizer.rule for optimizer in made}
    missing = set(_core.OPTIMIZERS) - rules
    assert not missing, f"add it here: fastnn/optimizers.py lacks {missing}"
    assert rules == set(_core.OPTIMIZERS) == set(_core.OPTIMIZER_SLOTS)
    for optimizer in made:
        values = [getattr(optimizer, name) for name in _core.OPTIMIZERS[optimizer.rule]]
        assert list(optimizer.hyperparameters) == values


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_what_every_spec_has(spec):
    assert spec.registry[spec.name] is spec
    assert spec.__doc__
    assert not spec.__doc__.startswith(f"{spec.__name__}(")  # the one dataclass would make
    for field in dataclasses.fields(spec):
        documented = spec.__doc__ + "".join(base.__doc__ or "" for base in spec.__mro__[1:3])
        assert field.name in documented, f"add it here: {spec.__name__}'s docstring: {field.name}"


# ---- values ---------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", EXAMPLES, ids=repr)
def test_specs_are_values(spec):
    twin = copy.deepcopy(spec)
    assert spec == twin == pickle.loads(pickle.dumps(spec))
    assert hash(spec) == hash(twin)
    assert len({spec, twin}) == 1
    parts = ("activation", "initializer") if spec.kind == "layer" else ("schedule",)
    kinds = [KINDS[kind] for kind in (*parts, spec.kind)]
    names = {cls.__name__: cls for kind in kinds for cls in kind.registry.values()}
    assert eval(repr(spec), names) == spec
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "other"


def test_specs_differ():
    assert len(set(EXAMPLES)) == len(EXAMPLES)
    assert fastnn.Adam() != fastnn.AdamW(weight_decay=0)
    assert initializers.Constant(0.5) != schedules.Constant(0.5)


@pytest.mark.parametrize(
    "spec", [s for s in EXAMPLES if s != fastnn.SGD(schedules.Constant(0.1))], ids=repr
)
def test_config_round_trip(spec):
    config = json.loads(json.dumps(spec.to_config(), allow_nan=False))
    assert config["name"] == spec.name
    if spec.kind == "layer":
        assert serialization._layers(config) == spec
        return
    for key, value in config.items():  # as fastnn.load does
        if isinstance(value, dict):
            config[key] = from_config(KINDS["initializer" if "init" in key else key], value, key)
    assert from_config(KINDS[spec.kind], config, "spec") == spec


@pytest.mark.parametrize("value", [np.float32(0.5), np.longdouble(0.5), Fraction(1, 2)])
def test_config_holds_plain_numbers(value):
    spec = fastnn.Adam(lr=value)
    assert json.loads(json.dumps(spec.to_config()))["lr"] == 0.5
    assert hash(spec) == hash(fastnn.Adam(lr=0.5))
    assert json.dumps(fastnn.Dense(np.int8(3)).to_config()) == json.dumps(
        fastnn.Dense(3).to_config()
    )


@pytest.mark.parametrize("config", [None, [], "adam", {}, {"name": "none"}, {"name": ["adam"]}])
def test_what_is_no_config(config):
    with pytest.raises((ValueError, TypeError)):
        from_config(optimizers.Optimizer, config, "optimizer")


def test_resolve():
    adam = fastnn.Adam(0.1)
    assert resolve(optimizers.Optimizer, adam, "o") is adam
    assert resolve(optimizers.Optimizer, fastnn.Adam, "o") == fastnn.Adam()
    assert resolve(optimizers.Optimizer, "adam", "o") == fastnn.Adam()
    with pytest.raises(
        ValueError, match="o: unknown optimizer 'Adam', want one of 'adadelta', 'adagrad', 'adam'"
    ):
        resolve(optimizers.Optimizer, "Adam", "o")
    for wrong in (3, None, losses.CrossEntropy(), losses.CrossEntropy, optimizers.Optimizer, dict):
        with pytest.raises(
            TypeError, match=r"o: got .*, want a fastnn optimizer or the name of one"
        ):
            resolve(optimizers.Optimizer, wrong, "o")
    with pytest.raises(TypeError, match="i: got"):
        resolve(initializers.Initializer, initializers.VarianceScaling(), "i")


# ---- validation -----------------------------------------------------------------------------

NAN, INF = math.nan, math.inf

# Argument -> values that are refused; every number also refuses what is none.
RANGES = [
    (fastnn.SGD, "lr", [-0.1, NAN, INF]),
    (fastnn.SGD, "momentum", [-0.1, 1, 1.5, NAN]),
    (fastnn.Adam, "lr", [-0.1, NAN, INF, 10**400]),
    (fastnn.Adam, "beta_1", [-0.1, 1.0, NAN]),
    (fastnn.Adam, "beta_2", [-0.1, 1.0, NAN]),
    (fastnn.Adam, "epsilon", [0, -1e-8, NAN, INF]),
    (fastnn.AdamW, "lr", [-0.1]),
    (fastnn.AdamW, "beta_1", [1.0]),
    (fastnn.AdamW, "weight_decay", [-0.1, NAN, INF]),
    (layers.Trained, "lr_scale", [-0.1, NAN, INF]),
    (layers.Trained, "decay_scale", [-0.1, NAN, INF]),
    (losses.Huber, "delta", [0, -1.0, NAN, INF]),
    (losses.Tweedie, "power", [1, 2.0, NAN]),
    (losses.Focal, "gamma", [-0.1, NAN, INF]),
    (losses.CrossEntropy, "label_smoothing", [-0.1, 1.1, NAN]),
    (fastnn.Dropout, "rate", [-0.1, 1, NAN]),
    (fastnn.AlphaDropout, "rate", [-0.1, 1, NAN]),
    (fastnn.GaussianNoise, "std", [-0.1, NAN, INF]),
    (fastnn.BatchNorm, "epsilon", [0, -1e-5, NAN, INF]),
    (fastnn.BatchNorm, "momentum", [0, -0.1, 1.1, NAN]),
    (fastnn.LayerNorm, "epsilon", [0, -1e-5, NAN, INF]),
    (fastnn.PReLU, "negative_slope", [NAN, INF]),
    (fastnn.PReLU, "decay_scale", [-0.1, NAN, INF]),
    (activations.PReLU, "negative_slope", [NAN, INF]),
    (fastnn.Adagrad, "lr", [-0.1, NAN, INF]),
    (fastnn.Adagrad, "epsilon", [0, -1e-8, NAN, INF]),
    (fastnn.Adadelta, "lr", [-0.1, NAN, INF]),
    (fastnn.Adadelta, "rho", [-0.1, 1.0, NAN]),
    (fastnn.Adadelta, "epsilon", [0, -1e-8, NAN, INF]),
    (fastnn.RMSprop, "lr", [-0.1, NAN, INF]),
    (fastnn.RMSprop, "alpha", [-0.1, 1.0, NAN]),
    (fastnn.RMSprop, "epsilon", [0, -1e-8, NAN, INF]),
    (fastnn.RMSprop, "momentum", [-0.1, 1.0, NAN]),
    (fastnn.NAdam, "lr", [-0.1, NAN, INF]),
    (fastnn.NAdam, "beta_1", [-0.1, 1.0, NAN]),
    (fastnn.NAdam, "beta_2", [-0.1, 1.0, NAN]),
    (fastnn.NAdam, "epsilon", [0, -1e-8, NAN, INF]),
    (fastnn.NAdam, "momentum_decay", [-0.1, NAN, INF]),
    (fastnn.RAdam, "lr", [-0.1, NAN, INF]),
    (fastnn.RAdam, "beta_1", [-0.1, 1.0, NAN]),
    (fastnn.RAdam, "beta_2", [-0.1, 1.0, NAN]),
    (fastnn.RAdam, "epsilon", [0, -1e-8, NAN, INF]),
    (fastnn.Lion, "lr", [-0.1, NAN, INF]),
    (fastnn.Lion, "beta_1", [-0.1, 1.0, NAN]),
    (fastnn.Lion, "beta_2", [-0.1, 1.0, NAN]),
    (fastnn.Lion, "weight_decay", [-0.1, NAN, INF]),
    (fastnn.Rprop, "lr", [-0.1, NAN, INF]),
    (fastnn.Rprop, "eta_minus", [0, 1, -0.1, NAN]),
    (fastnn.Rprop, "eta_plus", [1, 0.5, NAN, INF]),
    (fastnn.Rprop, "step_min", [0, -0.1, NAN, INF]),
    (fastnn.Rprop, "step_max", [0, 1e-7, NAN, INF]),
    (fastnn.LBFGS, "gtol", [-0.1, NAN, INF]),
    (fastnn.LBFGS, "ftol", [-0.1, NAN, INF]),
    (fastnn.LevenbergMarquardt, "damping", [0, -0.1, NAN, INF]),
    (fastnn.LevenbergMarquardt, "increase", [1, 0.5, NAN, INF]),
    (fastnn.LevenbergMarquardt, "decrease", [1, 0.5, NAN, INF]),
    (fastnn.LevenbergMarquardt, "gtol", [-0.1, NAN, INF]),
    (fastnn.LevenbergMarquardt, "ftol", [-0.1, NAN, INF]),
    (activations.LeakyReLU, "negative_slope", [-0.1, 1.1, NAN]),
    (activations.ELU, "alpha", [-0.1, NAN, INF]),
    (activations.CELU, "alpha", [-0.1, 0, NAN, INF]),
    (initializers.Constant, "value", [NAN, INF, -INF]),
    (initializers.Uniform, "low", [NAN, INF, 1.0]),
    (initializers.Uniform, "high", [NAN, INF, -1.0]),
    (initializers.Normal, "mean", [NAN, INF]),
    (initializers.Normal, "std", [-0.1, NAN, INF]),
    (initializers.TruncatedNormal, "mean", [NAN, INF]),
    (initializers.TruncatedNormal, "std", [-0.1, NAN, INF]),
    (initializers.Orthogonal, "gain", [-0.1, NAN, INF]),
    (initializers.VarianceScaling, "gain", [-0.1, NAN, INF]),
    *((spec, "lr", [-0.1, NAN, INF]) for spec in NEEDED if "lr" in NEEDED[spec]),
    (schedules.Step, "factor", [-0.1, 1.1, NAN]),
    (schedules.MultiStep, "factor", [-0.1, 1.1, NAN]),
    (schedules.Exponential, "factor", [0, -0.1, NAN, INF]),
    (schedules.InverseTime, "rate", [-0.1, NAN, INF]),
    (schedules.Polynomial, "power", [0, -0.1, NAN, INF]),
    (schedules.Polynomial, "final", [-0.1, NAN, INF]),
    (schedules.Cosine, "final", [-0.1, NAN, INF]),
    (schedules.CosineRestarts, "final", [-0.1, NAN, INF]),
    (schedules.OneCycle, "rise", [-0.1, 1, NAN]),
    (schedules.OneCycle, "div_factor", [0.9, NAN, INF]),
    (schedules.OneCycle, "final_div_factor", [0.9, NAN, INF]),
    (schedules.Cyclic, "peak", [-0.1, NAN, INF]),
    (schedules.Cyclic, "factor", [-0.1, 1.1, NAN]),
    (schedules.Warmup, "schedule", [-0.1, NAN, INF]),
    (schedules.Warmup, "start_factor", [-0.1, 1.1, NAN]),
]
NO_NUMBERS = ["0.1", None, True, 1j, [0.1], np.array([0.1]), np.array(0.1), np.bool_(True), object]


@pytest.mark.parametrize(("spec", "argument", "values"), RANGES)
def test_ranges(spec, argument, values):
    for value in values:
        names = "(low|high)" if argument == "low" else argument
        with pytest.raises(
            ValueError, match=rf"^{names}: got .*, want a number in [\[\(].*, .*[\]\)]$"
        ):
            spec(**(NEEDED.get(spec, {}) | {argument: value}))
    for value in NO_NUMBERS:
        with pytest.raises(TypeError, match=rf"^{argument}: got .*, want a number"):
            spec(**(NEEDED.get(spec, {}) | {argument: value}))


# Their fields are no numbers.
NOT_NUMBERS = (
    fastnn.Dense, fastnn.Activation, fastnn.Residual, fastnn.Concatenate, fastnn.Embedding,
    losses.Quantile, losses.BinaryCrossEntropy,
)  # fmt: skip


def test_every_number_has_its_range():
    checked = {(spec, argument) for spec, argument, _ in RANGES}
    for spec in SPECS:
        for field in dataclasses.fields(spec):
            if field.type in ("float", "Any") and spec not in NOT_NUMBERS:
                owner = next(c for c in spec.__mro__ if field.name in c.__annotations__)
                assert (owner, field.name) in checked, f"add it here: {spec.__name__}.{field.name}"


@pytest.mark.parametrize(
    ("spec", "options", "kind", "message"),
    [
        (fastnn.SGD, {"nesterov": True}, ValueError, "nesterov: got True with momentum 0"),
        (fastnn.SGD, {"nesterov": 1, "momentum": 0.9}, TypeError, "nesterov: got 1, want True or"),
        (fastnn.Adam, {"amsgrad": 1}, TypeError, "amsgrad: got 1, want True or False"),
        (fastnn.RMSprop, {"centered": 0}, TypeError, "centered: got 0, want True or False"),
        (fastnn.Rprop, {"step_min": 60}, ValueError, "step_max: got 50.0, want a number in .60, "),
        (fastnn.SGD, {"lr": fastnn.Adam()}, TypeError, "lr: got Adam"),
        (fastnn.Dense, {"units": 0}, ValueError, "units: got 0, want at least 1"),
        (fastnn.Dense, {"units": -3}, ValueError, "units: got -3, want at least 1"),
        (fastnn.Dense, {"units": 2**41}, ValueError, "units: got .*, want at most"),
        (fastnn.Dense, {"units": 3.0}, TypeError, "units: got 3.0, want a whole number"),
        (fastnn.Dense, {"units": True}, TypeError, "units: got True, want a whole number"),
        (fastnn.Dense, {"units": None}, TypeError, "units: got None, want a whole number"),
        (fastnn.Dense, {"units": np.array([3, 4])}, TypeError, "units: got array"),
        (fastnn.Dense, {"activation": 3}, TypeError, "activation: got 3, want a name or a fastnn"),
        (fastnn.Dense, {"activation": max}, TypeError, "activation: got <built-in"),
        (fastnn.Dense, {"bias": 1}, TypeError, "bias: got 1, want True or False"),
        (fastnn.Dense, {"weight_init": 0.1}, TypeError, "weight_init: got 0.1"),
        (fastnn.Dense, {"bias_init": 0}, TypeError, "bias_init: got 0"),
    ],
)
def test_what_else_is_refused(spec, options, kind, message):
    with pytest.raises(kind, match=message):
        spec(**(NEEDED.get(spec, {}) | options))


def test_what_dense_accepts():
    assert fastnn.Dense(np.int32(3)) == fastnn.Dense(3)
    assert type(fastnn.Dense(np.int32(3)).units) is int
    assert fastnn.Dense(3, activation=None) == fastnn.Dense(3)
    assert fastnn.Dense(3, bias_init=None) == fastnn.Dense(3)
    assert fastnn.Dense(3, activation=activations.ReLU).activation == activations.ReLU()


def test_bases_do_nothing():
    with pytest.raises(NotImplementedError, match="Initializer does not define sample"):
        initializers.Initializer().sample((1, 1), 0, 0)
    with pytest.raises(NotImplementedError, match="Schedule does not define __call__"):
        schedules.Schedule()(0)


def test_schedules():
    assert schedules.Constant(np.float32(0.5))(7) == 0.5
    X, y = np.ones((3, 1)), np.zeros(3)
    nets = [fastnn.Sequential([fastnn.Dense(1)], 1) for _ in range(2)]
    for net, lr in zip(nets, (0.1, schedules.Constant(0.1)), strict=True):
        net.fit(X, y, loss="mean_squared_error", optimizer=fastnn.Adam(lr))
    assert np.array_equal(nets[0].parameters, nets[1].parameters)


# ---- initializers ---------------------------------------------------------------------------

MOMENTS = {  # mean, variance, and the largest absolute value, of weights (200, 600)
    "zeros": (0, 0, 0),
    "constant": (0, 0, 0),
    "uniform": (0, 0.1**2 / 12, 0.05),
    "normal": (0, 0.05**2, INF),
    "ones": (1, 0, 1),
    "orthogonal": (0, 1 / 600, INF),
    "truncated_normal": (0, 0.7737413 * 0.05**2, 0.1),
    "glorot_uniform": (0, 2 / 800, math.sqrt(6 / 800)),
    "glorot_normal": (0, 2 / 800, INF),
    "he_uniform": (0, 2 / 200, math.sqrt(6 / 200)),
    "he_normal": (0, 2 / 200, INF),
    "lecun_uniform": (0, 1 / 200, math.sqrt(3 / 200)),
    "lecun_normal": (0, 1 / 200, INF),
}


@pytest.mark.parametrize("name", sorted(initializers.Initializer.registry))
def test_moments(name):
    assert name in MOMENTS, "add it here"
    mean, variance, most = MOMENTS[name]
    sample = initializers.Initializer.registry[name]().sample((200, 600), 3, 4)
    assert (sample.shape, sample.dtype) == ((200, 600), np.float64)
    assert sample.mean() == pytest.approx(mean, abs=5 * math.sqrt(variance / sample.size))
    assert sample.var() == pytest.approx(variance, rel=0.03)
    assert np.abs(sample).max() <= most
    if "uniform" in name:
        assert np.abs(sample).max() > 0.999 * most
    elif name == "truncated_normal":
        assert np.abs(sample).max() > 0.999 * most
        inside = np.mean(np.abs(sample) < 0.05)
        assert inside == pytest.approx(0.6826895 / 0.9544997, abs=0.005)
    elif "normal" in name:
        z = sample / math.sqrt(variance)
        assert np.mean(np.abs(z) < 1) == pytest.approx(0.6827, abs=0.01)
        assert 3.5 < np.abs(z).max() < 6


@pytest.mark.parametrize("name", ["uniform", "normal", "glorot_normal", "he_uniform"])
def test_samples_are_of_their_seed_and_stream(name):
    sample = initializers.Initializer.registry[name]().sample
    assert np.array_equal(sample((9, 4), 1, 2), sample((9, 4), 1, 2))
    assert not np.isin(sample((9, 4), 1, 2), sample((9, 4), 1, 3)).any()
    assert not np.isin(sample((9, 4), 1, 2), sample((9, 4), 2, 2)).any()
    assert np.unique(sample((9, 4), 1, 2)).size == 36


def test_parameters_of_initializers():
    shape = (300, 300)
    uniform = initializers.Uniform(2, 5).sample(shape, 0, 0)
    assert 2 <= uniform.min() < 2.01
    assert 4.99 < uniform.max() < 5
    normal = initializers.Normal(-3, 0.5).sample(shape, 0, 0)
    assert (normal.mean(), normal.std()) == pytest.approx((-3, 0.5), rel=0.01)
    assert (initializers.Constant(7).sample((5,), 0, 0) == 7).all()
    assert initializers.HeNormal().sample((50,), 0, 0).shape == (50,)  # of a bias


@pytest.mark.parametrize("name", sorted(activations.Activation.registry))
def test_the_default_suits_the_activation(name):
    activation = activations.Activation.registry[name]()
    expected = {"relu": initializers.HeUniform(), "selu": initializers.LecunNormal()}.get(
        name,
        initializers.LecunUniform(activation.gain)
        if activation.scheme == "gain"
        else initializers.GlorotUniform(),
    )
    net = fastnn.Sequential([fastnn.Dense(6, activation=name)], 4)
    assert np.array_equal(net.layers[0].weights, expected.sample((4, 6), 0, 0).astype("f4"))
