"""A user's program, as mypy --strict sees it; check_types.py asks mypy, and nobody runs it.

What calls return is neither Any nor object, and what is wrong is found: an ignored error that does
not come is an error itself.
"""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import fastnn
from fastnn.callbacks import Callback, EarlyStopping
from fastnn.gradients import GradientReport
from fastnn.history import History
from fastnn.layers import Layer
from fastnn.predictor import Predictor
from fastnn.profile import Profile

Array = npt.NDArray[Any]


class Watch(Callback):
    """A callback with state of its own."""

    def __init__(self, bound: float) -> None:
        self.bound, self.seen = bound, 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.seen = epoch
        self.run.stop_training = logs["loss"] < self.bound

    def get_state(self) -> dict[str, Any]:
        return {"seen": self.seen}


class Half(fastnn.schedules.Schedule):
    """A schedule of one's own."""

    def __call__(self, step: int) -> float:
        return 0.1 * 0.5 ** (step // 100)


def squared_error(raw: Array, target: Array, grad_out: Array) -> float:
    """A loss of one's own."""
    error = raw - target
    grad_out[:] = 2 * error / error.size
    return float(np.mean(error**2))


def descend(parameters: Array, gradient: Array, step: int) -> None:
    """An optimizer of one's own."""
    parameters -= 0.1 * gradient


def share_above(y: Array, outputs: Array) -> float:
    """A metric of one's own."""
    return float(np.mean(outputs > y))


def network(hidden: list[int], classes: int) -> fastnn.Sequential:
    """Layers in a list of their base class."""
    layers: list[Layer] = [fastnn.Dense(units, activation="relu") for units in hidden]
    layers.append(fastnn.Dropout(0.1))
    layers.append(fastnn.Residual([fastnn.LayerNorm(), fastnn.Dense(hidden[-1])]))
    return fastnn.Sequential([*layers, fastnn.Dense(classes)], seed=0)


def train(X: Array, y: Array, folder: Path) -> dict[str, float]:
    """What most users do."""
    net = network([64, 32], classes=10)
    stop = EarlyStopping(patience=3)
    history = net.fit(
        X,
        y,
        loss=fastnn.losses.CrossEntropy(label_smoothing=0.1),
        optimizer=fastnn.AdamW(lr=fastnn.schedules.Warmup(fastnn.schedules.Cosine(1e-3, 900), 100)),
        epochs=20,
        batch_size=64,
        validation_split=0.2,
        class_weight={0: 2.0},
        metrics=["accuracy", "f1", share_above],
        callbacks=[stop, Watch(0.01)],
        checkpoint=folder / "run.safetensors",
    )
    assert_type(history, History)
    assert_type(history["val_loss"], list[float])
    assert_type(stop.best_epoch, int)
    assert_type(net.predict(X), Array)
    assert_type(net.predict_proba(X), Array)
    assert_type(net.layers[0].weights, Array | Any)  # a Dropout has None
    assert_type(net.layers[3].layers[1].weights, Array | Any)
    net.layers[0].bias = [0.0] * 64
    net.layers[0].trainable = False
    assert_type(net.parameters, Array)
    net.parameters = 2 * net.parameters
    net.save(folder / "net.safetensors")
    net.to_onnx(folder / "net.onnx", output="probabilities")
    return net.evaluate(X, y, metrics=["top_k"])


def loop(X: Array, y: Array) -> Array:
    """Steps, gradients and predictions one by one."""
    net = fastnn.Sequential([fastnn.Dense(1)], input_size=X.shape[1], dtype="float64")
    for optimizer in (fastnn.SGD(Half()), fastnn.Lion(lambda step: 0.1 / (step + 1)), descend):
        assert_type(net.train_on_batch(X, y, loss=squared_error, optimizer=optimizer), float)
    for loss in ("huber", fastnn.losses.Huber, fastnn.losses.Huber(0.5), squared_error):
        net.fit(X, y, loss=loss, optimizer=fastnn.Adam)
    net.fit(X, y, optimizer=fastnn.solvers.LevenbergMarquardt())
    value, gradient = net.loss_and_gradient(X, y, loss="huber")
    assert_type(value, float)
    assert_type(gradient, Array)
    assert_type(net.jacobian(X), Array)
    assert_type(fastnn.check_gradient(net, X, y), GradientReport)
    assert_type(net.profile(), Profile)
    predictor = net.predictor(1)
    assert_type(predictor, Predictor)
    assert_type(fastnn.get_num_threads(), int)
    assert_type(fastnn.threads.limits(), dict[str, int | None])
    return predictor(X[:1])


def estimators(X: Array, y: Array) -> float:
    """scikit-learn's interface."""
    model = fastnn.MLPClassifier((64, 32), activation=["relu", "gelu"], random_state=0).fit(X, y)
    assert_type(model, fastnn.MLPClassifier)
    assert_type(model.predict(X), Array)
    assert_type(model.predict_proba(X), Array | Any)  # of several columns a list
    assert_type(fastnn.MLPRegressor("huber").fit(X, y).predict(X), Array)
    return model.score(X, y)


def faults(net: fastnn.Sequential, X: Array, y: Array) -> None:
    """What is found before anything runs."""
    net.fit(X, y, los="huber")  # type: ignore[call-arg]
    net.fit(X, y, epochs="10")  # type: ignore[arg-type]
    net.fit(X, y, loss=fastnn.Adam(1e-3))  # type: ignore[arg-type]
    net.fit(X, y, optimizer=1e-3)  # type: ignore[arg-type]
    net.evaluate(X, y, loss=fastnn.Dense(1))  # type: ignore[arg-type]
    net.train_on_batch(X, y, optimizer=fastnn.losses.Huber())  # type: ignore[arg-type]
    fastnn.find_lr(net, X, y, loss=["huber"])  # type: ignore[arg-type]
    fastnn.MLPRegressor(solver=1e-3)  # type: ignore[arg-type]
    fastnn.MLPClassifier(loss=None)  # type: ignore[arg-type]
    net.fit(X, y, callbacks=[print])  # type: ignore[list-item]
    net.evaluate(X, y, metric=["f1"])  # type: ignore[call-arg]
    net.predictor(rows=1)  # type: ignore[call-arg]
    net.to_onnx("net.onnx", out="raw")  # type: ignore[call-arg]
    fastnn.Adam(learning_rate=1e-3)  # type: ignore[call-arg]
    fastnn.Dense("64")  # type: ignore[arg-type]
    fastnn.Sequential([64, 32])  # type: ignore[list-item]
    fastnn.Adem(1e-3)  # type: ignore[attr-defined]
    net.predict(X).softmax()  # type: ignore[attr-defined]
