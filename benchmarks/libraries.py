"""Libraries that train, fastnn among them, behind one face; each in the best form it is known for.

A peer is made from a workload, its data and a seed; `epoch()` then trains one epoch in shuffled
order, with the same batch size, optimizer and loss everywhere, and returns the mean loss. A peer's
library is imported when the peer is made, so that what is not installed is skipped rather than
missed.

Most libraries size their thread pools when they are first imported: make peers in a
`benchmarks.workers.Worker`, or within `benchmarks.threads.thread_limit`.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

import fastnn

from .networks import build_fastnn, build_numpy, fastnn_optimizer
from .numpy_rules import STEP_MAX, STEP_MIN
from .workloads import MOMENTUM, Workload, synthetic_data


class Peer:
    """What the measurements see of a library.

    Parameters
    ----------
    workload : Workload
    X : ndarray of shape (n_samples, n_features)
    y : ndarray
        Classes (n_samples,) int64, or targets (n_samples, n_outputs) of X's dtype.
    threads : int
        For what can still be set at run time.
    seed : int
        Of the initial weights and the shuffling.
    """

    name = ""
    needs: tuple[str, ...] = ()

    def __init__(
        self, workload: Workload, X: np.ndarray, y: np.ndarray, *, threads: int, seed: int
    ) -> None:
        self.workload, self.X, self.y, self.threads, self.seed = workload, X, y, threads, seed
        self.rng = np.random.default_rng(seed)
        self.setup()

    def setup(self) -> None:
        """Import the library and build the network."""

    def epoch(self) -> float:
        """Train one epoch; return its mean loss."""
        raise NotImplementedError

    def train(self, epochs: int) -> float:
        """Train several epochs; return the mean loss of the last."""
        for _ in range(epochs):
            loss = self.epoch()
        return loss

    @classmethod
    def missing(cls) -> list[str]:
        """Name the packages it needs that are not installed."""
        return [package for package in cls.needs if importlib.util.find_spec(package) is None]


class Fastnn(Peer):
    """The library itself."""

    name, needs = "fastnn", ("fastnn",)

    def setup(self) -> None:
        self.net = build_fastnn(self.workload, self.seed)
        self.optimizer = fastnn_optimizer(self.workload)

    def epoch(self) -> float:
        return self.train(1)

    def train(self, epochs: int) -> float:
        fastnn.set_num_threads(self.threads)
        history = self.net.fit(
            self.X,
            self.y,
            loss=self.workload.loss,
            optimizer=self.optimizer,
            epochs=epochs,
            batch_size=self.workload.batch,
            shuffle=True,
            verbose=0,
        )
        return history["loss"][-1]


class FastnnExactly(Fastnn):
    """The same on so many threads, whatever the plan thinks of them."""

    name = "fastnn-exactly"

    def setup(self) -> None:
        super().setup()
        self.net._exact_threads = self.threads


class Numpy(Peer):
    """`benchmarks.numpy_mlp`."""

    name = "numpy"

    def setup(self) -> None:
        self.net = build_numpy(self.workload, self.seed)

    def epoch(self) -> float:
        return self.net.epoch(self.X, self.y, self.rng.permutation(self.workload.samples))


class ScikitLearn(Peer):
    """`MLPClassifier` or `MLPRegressor`; `partial_fit` is an epoch that keeps the optimizer."""

    name, needs = "sklearn", ("sklearn",)

    def setup(self) -> None:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        w = self.workload
        classifies = w.loss == "cross_entropy"
        self.net = (MLPClassifier if classifies else MLPRegressor)(
            hidden_layer_sizes=w.widths[1:-1],
            solver="adam" if w.optimizer == "adam" else "sgd",
            alpha=0.0,
            batch_size=w.batch,
            learning_rate_init=w.lr,
            momentum=MOMENTUM,
            nesterovs_momentum=False,
            shuffle=True,
            random_state=self.seed,
        )
        self.target = self.y if classifies or w.widths[-1] > 1 else self.y.ravel()
        self.arguments = {"classes": np.arange(w.widths[-1])} if classifies else {}
        self.scale = 1 if classifies else 2  # its squared error is halved

    def epoch(self) -> float:
        self.net.partial_fit(self.X, self.target, **self.arguments)
        return float(self.net.loss_) * self.scale


# PyTorch has all rules but lion. Those that it does not fuse take its `foreach`, the default.
TORCH_OPTIMIZERS: dict[str, tuple[str, dict[str, object]]] = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": MOMENTUM}),
    "nesterov": ("SGD", {"momentum": MOMENTUM, "nesterov": True}),
    "adam": ("Adam", {}),
    "adam_amsgrad": ("Adam", {"amsgrad": True}),
    "adamw": ("AdamW", {}),
    "adamw_amsgrad": ("AdamW", {"amsgrad": True}),
    "nadam": ("NAdam", {}),
    "radam": ("RAdam", {}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop_momentum": ("RMSprop", {"momentum": MOMENTUM}),
    "rmsprop_centered": ("RMSprop", {"centered": True}),
    "rmsprop_centered_momentum": ("RMSprop", {"centered": True, "momentum": MOMENTUM}),
    "rprop": ("Rprop", {"step_sizes": (STEP_MIN, STEP_MAX)}),
}
FUSED = ("SGD", "Adam", "AdamW", "Adagrad")


class Torch(Peer):
    """PyTorch, operation by operation, with the fused optimizer."""

    name, needs = "torch", ("torch",)

    def setup(self) -> None:
        import torch

        torch.set_num_threads(self.threads)
        torch.manual_seed(self.seed)
        w, self.torch = self.workload, torch
        layers = []
        for k, n in pairwise(w.widths):
            layers += [torch.nn.Linear(k, n), torch.nn.ReLU()]
        self.net = torch.nn.Sequential(*layers[:-1])
        criterion = torch.nn.CrossEntropyLoss() if w.loss == "cross_entropy" else torch.nn.MSELoss()
        self.loss = self.compile(lambda X, y: criterion(self.net(X), y))
        self.net = self.net.to(getattr(torch, w.dtype))
        kind, options = TORCH_OPTIMIZERS[w.optimizer]
        fused = {"fused": True} if kind in FUSED else {}
        kind = getattr(torch.optim, kind)
        self.optimizer = kind(self.net.parameters(), lr=w.lr, **options, **fused)
        self.inputs, self.targets = torch.from_numpy(self.X), torch.from_numpy(self.y)

    def compile(self, function):
        """Leave the loss as it is; TorchCompile compiles it."""
        return function

    def epoch(self) -> float:
        total = self.torch.zeros(())
        for rows in self.torch.randperm(self.workload.samples).split(self.workload.batch):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.inputs.index_select(0, rows), self.targets.index_select(0, rows))
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return total.item() / self.workload.steps


class TorchCompile(Torch):
    """PyTorch with forward, loss and backward compiled to C++; needs a compiler."""

    name = "torch-compile"

    def compile(self, function):
        # Forget the workload before: after a few networks, Dynamo takes them for one that keeps
        # changing and stops.
        self.torch._dynamo.reset()
        from torch._inductor import config

        config.compile_threads = 1  # no processes that nobody stops
        return self.torch.compile(function, dynamic=False)


class Jax(Peer):
    """JAX with Optax: a whole epoch is one compiled `lax.scan`, whose state is updated in place."""

    name, needs = "jax", ("jax", "optax")

    def setup(self) -> None:
        import jax
        import optax

        w = self.workload
        adam = w.optimizer == "adam"
        optimizer = optax.adam(w.lr) if adam else optax.sgd(w.lr, momentum=MOMENTUM)

        def loss(parameters, X, y):
            for weights, bias in parameters[:-1]:
                X = jax.nn.relu(X @ weights + bias)
            weights, bias = parameters[-1]
            outputs = X @ weights + bias
            if w.loss == "cross_entropy":
                return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()
            return optax.squared_error(outputs, y).mean()

        def epoch(state, order, X, y):
            def step(state, rows):
                parameters, memory = state
                batch = [array.at[rows].get(mode="promise_in_bounds") for array in (X, y)]
                value, gradient = jax.value_and_grad(loss)(parameters, *batch)
                updates, memory = optimizer.update(gradient, memory, parameters)
                return (optax.apply_updates(parameters, updates), memory), value

            state, losses = jax.lax.scan(step, state, order.reshape(w.steps, w.batch))
            return state, losses.mean()

        like = build_numpy(w, self.seed)
        parameters = [
            (jax.numpy.array(weights), jax.numpy.array(bias))
            for weights, bias in zip(like.weights, like.biases, strict=True)
        ]
        self.state = parameters, optimizer.init(parameters)
        self.inputs, self.targets = jax.numpy.asarray(self.X), jax.numpy.asarray(self.y)
        self.run = jax.jit(epoch, donate_argnums=0)

    def epoch(self) -> float:
        # NumPy's permutation: JAX sorts for its own, which takes longer.
        order = self.rng.permutation(self.workload.samples).astype(np.int32)
        self.state, loss = self.run(self.state, order, self.inputs, self.targets)
        return float(loss)


LIBRARIES = {
    kind.name: kind
    for kind in (Fastnn, FastnnExactly, Numpy, ScikitLearn, Torch, TorchCompile, Jax)
}


def trainer(name: str, workload: Workload, threads: int, seed: int = 0) -> Callable[[int], float]:
    """Make a library's training of a workload: what a worker times.

    Parameters
    ----------
    name : str
        Of `LIBRARIES`.
    workload : Workload
    threads : int
    seed : int
        Of the initial weights and the shuffling; the data are the same for all.

    Returns
    -------
    callable
        Trains a number of epochs and returns the mean loss of the last.
    """
    peer = LIBRARIES[name](workload, *synthetic_data(workload), threads=threads, seed=seed)

    def train(epochs: int) -> float:
        loss = peer.train(epochs)
        if not math.isfinite(loss):
            raise FloatingPointError(f"{name} on {workload.name}: the loss is {loss}")
        return loss

    return train
