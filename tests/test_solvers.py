"""Optimizers that are no rule of the engine: Python functions, L-BFGS, Levenberg-Marquardt."""

import pickle
import sys
import threading
import time

import numpy as np
import pytest

import fastnn
from fastnn import _levenberg, _samples
from fastnn._solve import Objective
from fastnn.solvers import Solver

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 3))
Y = np.stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]], axis=1)
WAVE_X = np.linspace(0, 6, 40)[:, None]
WAVE_Y = np.sin(WAVE_X)
MSE = "mean_squared_error"


def descend(parameters, gradient, step):
    parameters -= 0.1 * gradient


def network(*layers, dtype="float64", **options):
    layers = layers or (fastnn.Dense(6, activation="tanh", **options), fastnn.Dense(2, **options))
    return fastnn.Sequential(layers, input_size=3, dtype=dtype)


def wave_network(dtype="float64"):
    return fastnn.Sequential(
        [fastnn.Dense(10, activation="tanh"), fastnn.Dense(1)], input_size=1, dtype=dtype
    )


def all_of(net):
    """What training changes: parameters, running statistics, the optimizer's steps."""
    states = [layer.state for layer in net._leaves() if layer.state is not None]
    return np.concatenate([net.parameters, *states, net._plan.optimizer_state()[1:]])


# ---- a Python function ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_python_sgd_is_the_engines(dtype):
    layers = [
        fastnn.Dense(9, activation="tanh", l1=0.01, l2=0.1, max_norm=0.9),
        fastnn.Dropout(0.2),
        fastnn.BatchNorm(lr_scale=0.5),
        fastnn.Dense(4, trainable=False),
        fastnn.Dense(2, lr_scale=2.0),
    ]
    nets = [network(*layers, dtype=dtype) for _ in range(2)]
    labels = (X[:, 0] > 0).astype(int)
    options = {"loss": "cross_entropy", "metrics": ["accuracy"], "epochs": 5, "batch_size": 12}
    options["validation_split"] = 0.2
    built_in, python = (
        net.fit(X, labels, optimizer=optimizer, **options)
        for net, optimizer in zip(nets, (fastnn.SGD(0.1), descend), strict=True)
    )
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(all_of(nets[1])[:-4], all_of(nets[0])[:-4], atol=tolerance)
    np.testing.assert_array_equal(all_of(nets[1])[-4:], all_of(nets[0])[-4:])
    assert all_of(nets[1])[-4] == 5 * 3
    for name, values in built_in.items():
        np.testing.assert_allclose(python[name], values, rtol=tolerance)
    frozen = network(*layers, dtype=dtype).layers[3].weights
    np.testing.assert_array_equal(nets[1].layers[3].weights, frozen)


def test_what_the_function_gets():
    net = network(fastnn.Dense(4, trainable=False), fastnn.Dense(2, l2=0.5), dtype="float32")
    seen = []

    def watch(parameters, gradient, step):
        seen.append((parameters.copy(), gradient.copy(), step))
        parameters += 1  # the frozen ones too

    start = net.parameters
    _, gradient = net.loss_and_gradient(X, Y, loss=MSE)
    net.train_on_batch(X, Y, loss=MSE, optimizer=watch)
    net.fit(X, Y, epochs=2, batch_size=20)  # the one last used
    assert [step for *_, step in seen] == [0, 1, 2, 3, 4]
    assert seen[0][0].dtype == seen[0][1].dtype == np.float32
    np.testing.assert_array_equal(seen[0][0], start)
    np.testing.assert_array_equal(seen[0][1][:16], 0)
    np.testing.assert_allclose(seen[0][1][16:], gradient[16:], rtol=1e-6)
    np.testing.assert_array_equal(net.parameters[:16], start[:16])
    np.testing.assert_allclose(net.parameters[16:], start[16:] + 5, rtol=1e-6)
    # Another function starts afresh, and so does another optimizer after it.
    steps = []
    net.train_on_batch(X, Y, optimizer=lambda p, g, step: steps.append(step))
    net.train_on_batch(X, Y, optimizer=fastnn.SGD(0.1))
    assert steps == [0]
    assert net._plan.optimizer_state()[:2] == ("sgd", 1)


def test_a_function_that_fails_takes_no_step():
    def fail(parameters, gradient, step):
        parameters[:] = 7
        if step == 3:
            raise RuntimeError("at 3")

    net, twin = (
        network(fastnn.BatchNorm(), fastnn.Dense(2)),
        network(fastnn.BatchNorm(), fastnn.Dense(2)),
    )
    with pytest.raises(RuntimeError, match="at 3"):
        net.fit(X, Y, loss=MSE, optimizer=fail, epochs=3, batch_size=20, shuffle=False)
    twin.fit(X, Y, loss=MSE, optimizer=fail, batch_size=20, shuffle=False)
    twin.train_on_batch(X[:20], Y[:20])
    np.testing.assert_array_equal(all_of(net), all_of(twin))


def test_a_function_that_returns_something():
    net = network()
    net.fit(X, Y, loss=MSE, optimizer=fastnn.Adam())
    before, state = net.parameters, net._plan.optimizer_state()
    for train in (net.fit, net.train_on_batch):
        with pytest.raises(TypeError, match=r"optimizer: got ndarray from .*, want None"):
            train(X, Y, optimizer=lambda p, g, step: p - g)
        np.testing.assert_array_equal(net.parameters, before)
    assert net._plan.optimizer_state()[1] == 0  # of train_on_batch, which had begun afresh
    net = pickle.loads(pickle.dumps(network()))
    net.fit(X, Y, loss=MSE, optimizer=fastnn.Adam())
    with pytest.raises(TypeError):
        net.fit(X, Y, optimizer=lambda p, g, step: p)
    assert (net.optimizer, net._plan.optimizer_state()) == (fastnn.Adam(), state)


@pytest.mark.parametrize("value", [np.nan, 1e300])
def test_a_step_too_far(value):
    """A parameter that is not finite at once, or one that makes the next loss so."""

    def jump(parameters, gradient, step):
        parameters -= 0.1 * gradient
        if step == 4:
            parameters[-1] = value

    net, twin = (network(fastnn.BatchNorm(), fastnn.Dense(2)) for _ in range(2))
    options = {"loss": MSE, "optimizer": jump, "batch_size": 20, "shuffle": False}
    with pytest.raises(fastnn.NonFiniteError) as caught:
        net.fit(X, Y, epochs=4, **options)
    assert (caught.value.epoch, caught.value.batch) == (2, 0 if np.isnan(value) else 1)
    assert bool(getattr(caught.value, "__notes__", [])) == np.isnan(value)
    twin.fit(X, Y, epochs=2, **options)
    np.testing.assert_array_equal(all_of(net), all_of(twin))


def test_a_function_has_no_learning_rate(tmp_path):
    net = network()
    scheduler = fastnn.callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2)
    with pytest.raises(TypeError, match="want one with a learning rate"):
        net.fit(X, Y, loss=MSE, optimizer=descend, callbacks=[scheduler])

    class Faster(fastnn.callbacks.Callback):
        def on_train_begin(self):
            self.run.lr_factor = 2

    for optimizer in (descend, fastnn.LevenbergMarquardt()):
        with pytest.raises(ValueError, match="lr_factor: got 2"):
            net.fit(X, Y, loss=MSE, optimizer=optimizer, callbacks=[Faster()])
    with pytest.raises(TypeError, match="want one with a learning rate"):
        fastnn.find_lr(net, X, Y, loss=MSE, optimizer=descend)
    net.fit(X, Y, loss=MSE, optimizer=descend)
    net.save(tmp_path / "net.safetensors")
    assert fastnn.load(tmp_path / "net.safetensors").optimizer is None
    assert pickle.loads(pickle.dumps(net)).optimizer == net.optimizer


def batches(X, y, size=12):
    return [(X[at : at + size], y[at : at + size]) for at in range(0, len(X), size)]


@pytest.mark.parametrize("streams", [False, True])
def test_a_python_sgd_with_accumulation_and_metrics(streams):
    """The last step has fewer batches, the last batch fewer samples."""
    layers = [fastnn.Dense(6, activation="tanh", l1=0.01, l2=0.1), fastnn.BatchNorm()]
    layers += [fastnn.Dropout(0.2), fastnn.Dense(2)]
    data = (batches(X, Y),) if streams else (X, Y)
    found = []
    for optimizer in (fastnn.SGD(0.1), descend):
        net, losses = network(*layers), []
        watch = fastnn.callbacks.Lambda(
            on_batch_end=lambda batch, logs, losses=losses: losses.append(logs["loss"])
        )
        options = {"loss": MSE, "optimizer": optimizer, "accumulate": 3, "metrics": ["r2", "mae"]}
        if not streams:
            options |= {"batch_size": 12, "validation_split": 0.1}
        histories = [net.fit(*data, epochs=2, callbacks=c, **options) for c in ([], [watch])]
        found.append((all_of(net), losses, *(list(h.values()) for h in histories)))
        assert net._plan.optimizer_state()[1] == (8 if streams else 4)
    for python, built_in in zip(*found[::-1], strict=True):
        np.testing.assert_allclose(python, built_in, rtol=1e-10, atol=1e-12)


def test_a_function_and_a_loss_not_finite_within_an_accumulated_step():
    """It goes back to before the step before, as the engine does."""
    net, twin = (network(fastnn.BatchNorm(), fastnn.Dense(2)) for _ in range(2))
    targets = Y.copy()
    targets[30] = 1e200  # in the second batch of step 3
    options = {"loss": MSE, "optimizer": descend, "batch_size": 4, "accumulate": 2}
    with pytest.raises(fastnn.NonFiniteError) as caught:
        net.fit(X, targets, epochs=2, shuffle=False, **options)
    assert (caught.value.epoch, caught.value.batch) == (0, 7)
    twin.fit(X[:16], targets[:16], shuffle=False, **options)
    np.testing.assert_array_equal(all_of(net), all_of(twin))
    # A later fit does not go back to what an earlier one had.
    net.fit(X, Y, epochs=2, **options)
    before = all_of(net)
    with pytest.raises(fastnn.NonFiniteError):
        net.fit(X, np.full_like(Y, 1e200), optimizer=None)
    np.testing.assert_array_equal(all_of(net), before)


def test_a_time_budget_ends_the_steps_of_a_function():
    steps = []

    def slow(parameters, gradient, step):
        steps.append(step)
        time.sleep(0.02)

    net = network()
    history = net.fit(X, Y, loss=MSE, optimizer=slow, batch_size=1, epochs=9, time_budget=0.05)
    assert len(history["loss"]) == 1
    assert 1 <= len(steps) <= 3
    assert net._plan.optimizer_state()[1] == len(steps)


def test_tensorboard_of_an_optimizer_without_learning_rate(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = fastnn.callbacks.TensorBoard(tmp_path)
    network().fit(X, Y, loss=MSE, optimizer=descend, callbacks=[board])
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert events.Tags()["scalars"] == ["loss"]


# ---- L-BFGS ---------------------------------------------------------------------------------


def lbfgs(**options):
    pytest.importorskip("scipy")
    return fastnn.LBFGS(**options)


def test_lbfgs_is_scipys():
    optimizer = lbfgs(history_size=5, gtol=0, ftol=0)
    from scipy.optimize import minimize

    weights = RNG.uniform(0.5, 2, size=40)
    net, twin = network(l2=0.01), network(l2=0.01)
    seen = fastnn.callbacks.Lambda(on_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    losses = []
    history = net.fit(
        X, Y, loss=MSE, optimizer=optimizer, epochs=12, sample_weight=weights, callbacks=[seen]
    )

    def f(x):
        twin.parameters = x
        return twin.loss_and_gradient(X, Y, loss=MSE, sample_weight=weights)

    options = {"maxcor": 5, "maxiter": 12, "gtol": 0, "ftol": 0}
    found = minimize(f, twin.parameters, jac=True, method="L-BFGS-B", options=options)
    np.testing.assert_array_equal(net.parameters, found.x)
    assert history["loss"][-1] == net.evaluate(X, Y, sample_weight=weights)["loss"]
    assert history["loss"] == losses
    assert len(losses) == 12
    assert history.message == ""


def test_lbfgs_converges_and_says_so():
    net = network(fastnn.Dense(2, l2=0.1))
    history = net.fit(X, Y, loss=MSE, optimizer=lbfgs(gtol=1e-6, ftol=0), epochs=100)
    assert len(history["loss"]) < 100
    assert history.message == "every element of the gradient is at most 1e-06"
    assert np.abs(net.loss_and_gradient(X, Y)[1]).max() <= 1e-6
    again = net.fit(X, Y, epochs=100)  # nothing is left to do
    assert len(again["loss"]) == 1
    history = network().fit(X, Y, loss=MSE, optimizer=lbfgs(ftol=1e-2), epochs=100)
    assert history.message == "the loss fell by at most 0.01 of itself"
    # Callbacks that assign False each epoch do not keep it going.
    go_on = fastnn.callbacks.Lambda(
        on_epoch_end=lambda epoch, logs: setattr(go_on.run, "stop_training", False)
    )
    history = network().fit(
        X, Y, loss=MSE, optimizer=lbfgs(ftol=1e-2), epochs=100, callbacks=[go_on]
    )
    assert len(history["loss"]) < 100


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lbfgs_in_a_fit(dtype):
    """Validation, metrics, early stopping and a target; threads end with the fit."""
    labels = (X[:, 0] + 0.5 * X[:, 1] ** 2 > np.cos(9 * X[:, 2])).astype(int)  # hard to guess
    threads = threading.active_count()
    net = network(dtype=dtype)
    stop = fastnn.callbacks.EarlyStopping(patience=2)
    history = net.fit(
        X,
        labels,
        loss="cross_entropy",
        optimizer=lbfgs(),
        epochs=200,
        validation_split=0.25,
        metrics=["accuracy"],
        callbacks=[stop],
    )
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(history["loss"]) == stop.best_epoch + 3 < 200
    assert history["accuracy"][-1] > history["accuracy"][0]
    assert np.all(np.diff(history["loss"]) < 0)
    assert threading.active_count() <= threads  # others may end meanwhile, none is new
    history = network(dtype=dtype).fit(
        X, labels, loss="cross_entropy", optimizer="lbfgs", epochs=99, target_loss=0.2
    )
    assert history["loss"][-1] <= 0.2 < history["loss"][-2]


@pytest.mark.parametrize("name", sorted(Solver.registry))
def test_metrics_of_a_solver_are_those_of_the_point_reached(name):
    if name == "lbfgs":
        pytest.importorskip("scipy")
    net = network(dtype="float64")
    weights = RNG.uniform(0.5, 2, size=40)
    found = []
    watch = fastnn.callbacks.Lambda(
        on_epoch_end=lambda epoch, logs: found.append(
            net.evaluate(X, Y, sample_weight=weights, metrics=["r2", "mae"])
        )
    )
    options = {"loss": MSE, "optimizer": name, "metrics": ["r2", "mae"], "sample_weight": weights}
    history = net.fit(X, Y, epochs=3, callbacks=[watch], validation_data=(X, Y, weights), **options)
    for key in ("loss", "r2", "mae"):
        want = [logs[key] for logs in found]
        np.testing.assert_allclose(history[key], want, rtol=1e-12)
        np.testing.assert_allclose(history[f"val_{key}"], want, rtol=1e-12)
    assert list(history) == ["loss", "r2", "mae", "val_loss", "val_r2", "val_mae"]
    # Of the rows that train alone.
    net = network(dtype="float64")
    history = net.fit(X, Y, validation_split=0.25, **options)
    part, held = _samples.split(net.seed, 0.25, net._checked_data(X, Y, weights, net.loss))
    for rows, prefix in ((part, ""), (held, "val_")):
        given = {"sample_weight": weights[rows], "metrics": ["r2", "mae"]}
        for key, value in net.evaluate(X[rows], Y[rows], **given).items():
            np.testing.assert_allclose(history[prefix + key], [value], rtol=1e-12)


def test_a_time_budget_ends_a_solver():
    slow = fastnn.callbacks.Lambda(on_epoch_end=lambda epoch, logs: time.sleep(0.2))
    options = {"optimizer": "levenberg_marquardt", "epochs": 50, "callbacks": [slow]}
    history = wave_network().fit(WAVE_X, WAVE_Y, loss=MSE, time_budget=0.1, **options)
    assert len(history["loss"]) == 1
    assert history.message == ""


def test_lbfgs_leaves_frozen_layers():
    net = network(fastnn.Dense(6, activation="tanh", trainable=False), fastnn.Dense(2))
    before = net.parameters
    net.fit(X, Y, loss=MSE, optimizer=lbfgs(gtol=1e-7, ftol=0), epochs=100)
    np.testing.assert_array_equal(net.parameters[:24], before[:24])
    assert np.abs(net.loss_and_gradient(X, Y)[1][24:]).max() <= 1e-7


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("optimizer", ["lbfgs", "levenberg_marquardt"])
def test_an_exception_leaves_the_last_iteration(monkeypatch, error, optimizer):
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    net, twin = network(), network()
    threads = threading.active_count()
    run = net._run
    calls = []

    def interrupted(mode, *arguments, **options):
        calls.append(mode)
        if calls.count(calls[0]) > 12:
            raise error
        return run(mode, *arguments, **options)

    epochs = fastnn.callbacks.Lambda(on_epoch_end=lambda epoch, logs: kept.append(net.parameters))
    kept = []
    monkeypatch.setattr(net, "_run", interrupted)
    with pytest.raises(error):
        net.fit(X, Y, loss=MSE, optimizer=optimizer, epochs=1000, callbacks=[epochs])
    np.testing.assert_array_equal(net.parameters, kept[-1])
    twin.fit(X, Y, loss=MSE, optimizer=optimizer, epochs=len(kept))
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert threading.active_count() <= threads


def test_lbfgs_goes_around_where_the_loss_is_not_finite():
    seen = []

    def f(x):
        seen.append(x)
        return 1e-4 * x - np.log(x) if 0 < x < 1e3 else np.inf

    found = fastnn.minimize(f, 1.0, lambda x: 1e-4 - 1 / x, optimizer=lbfgs(), steps=50)
    assert max(seen) >= 1e3  # it went too far
    assert 100 < found.x < 1e3
    assert np.all(np.diff(found.values) < 0)


@pytest.mark.parametrize("name", sorted(Solver.registry))
def test_a_start_whose_loss_is_not_finite(name):
    if name == "lbfgs":
        pytest.importorskip("scipy")
    net = network()
    net.parameters = np.full(net.parameters.size, 1e200)
    before = net.parameters
    for optimizer in (descend, name):
        with pytest.raises(fastnn.NonFiniteError):
            net.fit(X, Y, loss=MSE, optimizer=optimizer)
    np.testing.assert_array_equal(net.parameters, before)


def test_points_that_float32_cannot_hold():
    """The search is in float64, and a point out of the network's range is one too far."""
    net = network(dtype="float32")
    net.loss = fastnn.losses.MeanSquaredError()
    objective = Objective(net, net._checked_data(X, Y, None, net.loss), None, False)
    before = net.parameters
    assert objective.derive(objective.x).value < np.inf
    assert objective.derive(objective.x + 1e300).value == np.inf
    np.testing.assert_array_equal(net.parameters, before)


def test_an_error_of_scipys_is_raised(monkeypatch):
    optimizer = lbfgs()
    import scipy.optimize

    def broken(*arguments, **options):
        raise ValueError("in its thread")

    monkeypatch.setattr(scipy.optimize, "minimize", broken)
    net = network()
    with pytest.raises(ValueError, match="in its thread"):
        net.fit(X, Y, loss=MSE, optimizer=optimizer)
    assert (net.loss, net.optimizer) == (None, None)


def test_lbfgs_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    net = network()
    with pytest.raises(ImportError, match=r'pip install "fastnn\[scipy\]"'):
        net.fit(X, Y, loss=MSE, optimizer="lbfgs")
    assert (net.loss, net.optimizer) == (None, None)
    with pytest.raises(ImportError, match="fastnn"):
        fastnn.minimize(lambda x: x**2, 1.0, optimizer=fastnn.LBFGS)


# ---- Levenberg-Marquardt --------------------------------------------------------------------


def test_levenberg_marquardt_beats_adam_by_far():
    history = wave_network().fit(
        WAVE_X, WAVE_Y, loss=MSE, optimizer=fastnn.LevenbergMarquardt(), epochs=100
    )
    assert history["loss"][-1] < 1e-6
    assert np.all(np.diff(history["loss"]) < 0)
    adam = wave_network().fit(WAVE_X, WAVE_Y, loss=MSE, optimizer=fastnn.Adam(0.01), epochs=100)
    assert adam["loss"][-1] > 1e4 * history["loss"][-1]
    single = wave_network("float32").fit(
        WAVE_X, WAVE_Y, loss=MSE, optimizer="levenberg_marquardt", epochs=100
    )
    assert single["loss"][-1] < 1e-5


@pytest.mark.parametrize("l2", [0, 0.3])
def test_of_a_linear_network_it_is_least_squares(l2):
    """By the normal equations, weights of the samples and penalty included."""
    weights = RNG.integers(0, 3, size=40).astype(float)
    net = network(fastnn.Dense(2, l2=l2))
    optimizer = fastnn.LevenbergMarquardt(damping=1e-9, gtol=1e-12)
    net.fit(X, Y, loss=MSE, optimizer=optimizer, epochs=5, sample_weight=weights)
    A = np.column_stack([X, np.ones(40)])
    S = weights[:, None] / weights.sum() / 2
    ridge = l2 / 2 * np.diag([1, 1, 1, 0])
    want = np.linalg.solve(A.T @ (S * A) + ridge, A.T @ (S * Y))
    np.testing.assert_allclose(net.layers[0].weights, want[:3], atol=1e-8)
    np.testing.assert_allclose(net.layers[0].bias, want[3], atol=1e-8)
    assert len(net.history["loss"]) < 5


def test_normal_equations_are_summed_in_chunks(monkeypatch):
    nets = [network(fastnn.Dense(4, "tanh"), fastnn.Dense(2, trainable=False)) for _ in range(2)]
    for net in nets:
        before = net.parameters
        net.fit(X, Y, loss=MSE, optimizer=fastnn.LevenbergMarquardt(), epochs=3)
        np.testing.assert_array_equal(net.parameters[16:], before[16:])
        monkeypatch.setattr(_levenberg, "CHUNK_BYTES", 8 * 2 * 26 * 7)
    np.testing.assert_allclose(nets[1].parameters, nets[0].parameters, rtol=1e-9)
    assert (nets[0].parameters[:16] != before[:16]).all()


def test_levenberg_marquardt_ends_where_no_step_helps():
    net = wave_network("float32")
    optimizer = fastnn.LevenbergMarquardt(gtol=0, ftol=0)
    history = net.fit(WAVE_X, np.sign(WAVE_Y - 0.3), loss=MSE, optimizer=optimizer, epochs=2000)
    assert history.message == "no step made the loss smaller, however short"
    assert history["loss"][-1] == history["loss"][-2]
    still = network(fastnn.Dense(2, weight_init="zeros"))
    history = still.fit(X, 0 * Y, loss=MSE, optimizer="levenberg_marquardt", epochs=9)
    assert history == {"loss": [0]}
    assert history.message == "every element of the gradient is at most 1e-08"
    optimizer = fastnn.LevenbergMarquardt(ftol=0.1)
    history = wave_network().fit(WAVE_X, WAVE_Y, loss=MSE, optimizer=optimizer, epochs=100)
    assert history.message == "the loss fell by at most 0.1 of itself"


def test_levenberg_marquardt_of_units_that_are_alike():
    """J^T J is singular, and the first damping too small to help."""
    net = network(fastnn.Dense(2, "tanh", weight_init="ones"), fastnn.Dense(2, weight_init="ones"))
    optimizer = fastnn.LevenbergMarquardt(damping=1e-30)
    history = net.fit(X, Y, loss=MSE, optimizer=optimizer, epochs=20)
    assert np.all(np.diff(history["loss"][:-1]) < 0)
    assert history["loss"][-1] < history["loss"][0]


# ---- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(Solver.registry))
def test_what_solvers_refuse(name, tmp_path):
    if name == "lbfgs":
        pytest.importorskip("scipy")
    solver = Solver.registry[name]()
    for layers, message in (
        ([fastnn.Dense(4), fastnn.Dropout(0.5), fastnn.Dense(2)], r"layers\[1\]: got Dropout"),
        ([fastnn.Dense(2, max_norm=1.0)], r"layers\[0\].max_norm: got one"),
        ([fastnn.Dense(2, trainable=False)], "trainable: got False for all layers"),
    ):
        net = network(*layers)
        with pytest.raises(ValueError, match=message):
            net.fit(X, Y, loss=MSE, optimizer=solver)
        assert net.optimizer is None
    net = network()
    before = net.parameters
    with pytest.raises(ValueError, match="takes all the data of a fit at once"):
        net.train_on_batch(X, Y, loss=MSE, optimizer=solver)
    with pytest.raises(ValueError, match="step a batch for an iterable of batches"):
        net.fit(batches(X, Y), loss=MSE, optimizer=solver)
    with pytest.raises(ValueError, match=r"accumulate: got 2 for .*; want 1"):
        net.fit(X, Y, loss=MSE, optimizer=solver, accumulate=2)
    store = fastnn.callbacks.Lambda(on_train_begin=lambda: store.run.get_state())
    resume = fastnn.callbacks.Lambda(on_train_begin=lambda: resume.run.set_state({}))
    for callback in (store, resume):
        with pytest.raises(ValueError, match="want one whose training can be stored"):
            net.fit(X, Y, loss=MSE, optimizer=solver, callbacks=[callback])
    bad = X.copy()
    bad[7, 1] = np.nan
    for inputs, targets in ((bad, Y), (X, np.full_like(Y, np.inf))):
        with pytest.raises(ValueError, match="in row"):
            net.fit(inputs, targets, loss=MSE, optimizer=solver)
        np.testing.assert_array_equal(net.parameters, before)
    assert net.optimizer is None
    net.fit(X, Y, loss=MSE, optimizer=solver)
    net.save(tmp_path / "net.safetensors")
    assert fastnn.load(tmp_path / "net.safetensors").optimizer == solver
    with pytest.raises(TypeError, match="want one with a learning rate"):
        fastnn.find_lr(net, X, Y)


def test_what_levenberg_marquardt_refuses(monkeypatch):
    net, optimizer = network(), fastnn.LevenbergMarquardt()
    with pytest.raises(ValueError, match=r"loss: got Huber.*, levenberg_marquardt wants"):
        net.fit(X, Y, loss="huber", optimizer=optimizer)
    with pytest.raises(ValueError, match=r"layers\[0\].l1: got one"):
        network(l1=0.1).fit(X, Y, loss=MSE, optimizer=optimizer)
    monkeypatch.setattr(_levenberg, "MAX_PARAMETERS", 37)
    with pytest.raises(ValueError, match="of 38 parameters that train, want at most 37"):
        net.fit(X, Y, loss=MSE, optimizer=optimizer)
    net.layers[0].trainable = False
    net.fit(X, Y, loss=MSE, optimizer=optimizer)
    with pytest.raises(TypeError, match="which trains networks alone"):
        fastnn.minimize(lambda x: x**2, 1.0, optimizer=optimizer)


@pytest.mark.parametrize("name", ["history_size", "max_line_search"])
def test_bad_counts(name):
    for value, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match=f"{name}: got {value}"):
            fastnn.LBFGS(**{name: value})


# ---- any function's minimum -----------------------------------------------------------------


def valley(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def slope(x):
    across = 200 * (x[1] - x[0] ** 2)
    return np.array([2 * (x[0] - 1) - 2 * x[0] * across, across])


def test_minimize_by_a_function():
    def sgd(x, gradient, step):
        steps.append(step)
        x -= 1e-3 * gradient

    steps = []
    found = fastnn.minimize(valley, [-1.0, 1.0], slope, optimizer=sgd, steps=50)
    want = fastnn.minimize(valley, [-1.0, 1.0], slope, optimizer=fastnn.SGD(1e-3), steps=50)
    np.testing.assert_allclose(found.path, want.path, rtol=1e-12)
    assert steps == [*range(50)]
    with pytest.raises(TypeError, match="optimizer: got float64 from"):
        fastnn.minimize(valley, [-1.0, 1.0], optimizer=lambda x, g, step: x[0])
    far = fastnn.minimize(lambda x: x**2, 1.0, optimizer=lambda x, g, step: x.fill(np.nan))
    assert (far.x, far.message) == (
        1,
        "f is not finite after step 1: x is the best point before it",
    )
    for optimizer in (sgd, fastnn.LBFGS()):
        with pytest.raises(ValueError, match=r"schedule: got one, and .* has no learning rate"):
            fastnn.minimize(valley, [0.0, 0.0], optimizer=optimizer, schedule=lambda step: 0.1)


def test_minimize_by_lbfgs():
    threads = threading.active_count()
    calls = []
    found = fastnn.minimize(
        lambda x: calls.append(x) or valley(x), [-1.5, 2.0], slope, optimizer=lbfgs()
    )
    np.testing.assert_allclose(found.x, [1, 1], atol=1e-6)
    assert found.converged
    assert found.path.shape == (found.steps + 1, 2)
    assert found.steps < len(calls) < 2 * found.steps
    np.testing.assert_array_equal([valley(x) for x in found.path], found.values)
    few = fastnn.minimize(valley, [-1.5, 2.0], slope, optimizer="lbfgs", steps=3)
    np.testing.assert_array_equal(few.path, found.path[:4])
    assert few.message == "all 3 steps are done"
    own = fastnn.minimize(valley, [-1.5, 2.0], slope, optimizer=lbfgs(gtol=1e-3), tol=0)
    assert (own.converged, own.message) == (True, "every element of the gradient is at most 0.001")
    lost = fastnn.minimize(abs, 1.0, lambda x: -1.0, optimizer=lbfgs())  # a wrong gradient
    assert (lost.converged, lost.message) == (False, "the line search found no better point")
    assert lost.steps == 0
    assert threading.active_count() <= threads
