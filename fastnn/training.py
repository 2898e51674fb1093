"""The training loop: epochs over the data, each one call into the engine.

Only steps whose loss is finite are taken.  When a loss is not, the parameters that last
had a finite one are those before the step just taken; since training is deterministic, they
are found by going back to a copy made at the start of an epoch and taking the steps again.
The copies are made so rarely that they cost about one part in fifty.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn._callback import Callback, check_callbacks
from fastnn._schedule import engine_schedule
from fastnn._spec import check_count, check_number
from fastnn.arrays import check_inputs, check_not_empty
from fastnn.errors import NonFiniteError
from fastnn.progress import Progress
from fastnn.sequential import SHUFFLE_STREAM

if TYPE_CHECKING:
    from fastnn.losses import Loss
    from fastnn.sequential import Sequential

METRICS = ("accuracy",)
VALIDATION_NAMES = tuple(f"validation_data[{i}]" for i in range(3))

# What a fit changes of a network, besides its parameters and the optimizer's state.
_CHANGES = ("input_size", "loss", "optimizer", "history", "_epochs")


def fit(
    net: Sequential,
    X: Any,
    y: Any,
    *,
    loss: Any = None,
    optimizer: Any = None,
    epochs: int = 1,
    batch_size: int = 32,
    shuffle: bool = True,
    sample_weight: Any = None,
    validation_data: Any = None,
    metrics: Sequence[str] = (),
    verbose: int = 0,
    callbacks: Sequence[Callback] = (),
) -> dict[str, list[float]]:
    """Train a network; the same as `net.fit(X, y, ...)`.

    Parameters
    ----------
    net : Sequential
        The network; it goes on from its present parameters.
    X : array-like of shape (n_samples, n_features)
        float32, float64, integers or bools, in any memory order; never copied whole.
    y : array-like
        Targets as the loss wants them; see `fastnn.losses`.
    loss : str or loss, optional
        By default the one last used with this network.
    optimizer : str or optimizer, optional
        By default the one last used, at first Adam().  The same one goes on with its state;
        another one starts afresh.
    epochs : int, default 1
        Passes over the data.
    batch_size : int, default 32
        Samples of a step; the last batch of an epoch may be smaller.
    shuffle : bool, default True
        Visit the samples in a new random order each epoch.
    sample_weight : array-like of shape (n_samples,), optional
        Not negative; the loss of a batch is the weighted mean.
    validation_data : tuple (X, y) or (X, y, sample_weight), optional
        Evaluated after each epoch.
    metrics : sequence of str, default ()
        "accuracy".
    verbose : int, default 0
        0: silent, 1: progress (by tqdm where it is installed, else a plain line).
    callbacks : sequence of Callback, default ()
        Called at the start and end of the training and of each epoch, in this order; see
        `fastnn.callbacks`.

    Returns
    -------
    dict
        "loss" and the metrics, averaged over each epoch while it trained, and their
        "val_" twins: lists with one number an epoch.  Also kept as `net.history`.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong; names it, what it got and what it wants.  The network is
        as before.
    fastnn.NonFiniteError
        If the loss becomes infinite or NaN; the network keeps the last parameters whose
        loss was finite.
    KeyboardInterrupt
        Within a tenth of a second of Ctrl-C, or by the end of a step whose update takes
        longer; the network keeps the steps taken.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> net = fastnn.Sequential([fastnn.Dense(32, activation="tanh"), fastnn.Dense(1)])
    >>> history = net.fit(X, X[:, 0] ** 2, loss="mean_squared_error",
    ...                   optimizer=fastnn.Adam(lr=0.01), epochs=100, batch_size=16)
    >>> history["loss"][-1] < 0.01 < history["loss"][0]
    True
    """
    epochs = check_count("epochs", epochs)
    batch_size = check_count("batch_size", batch_size)
    chosen_loss = net._use_loss(loss)
    with_accuracy = _check_metrics(metrics, chosen_loss)
    callbacks = check_callbacks(callbacks)
    names = ["loss", *metrics]
    with net._lock:
        before = {name: getattr(net, name) for name in _CHANGES}
        inputs = check_inputs("X", X, net.input_size)
        check_not_empty("X", inputs)
        try:
            if net.input_size is None:
                net._build(inputs.shape[1])
            data = net._checked_data(inputs, y, sample_weight, chosen_loss)
            validation = _check_validation(net, validation_data, chosen_loss)
            chosen_optimizer = net._use_optimizer(optimizer)
            afresh = net.optimizer not in (None, chosen_optimizer)
            if validation is not None:
                names += [f"val_{name}" for name in names]
            history: dict[str, list[float]] = {name: [] for name in names}
            net.loss, net.optimizer, net.history = chosen_loss, chosen_optimizer, history
            run = _Run(net, data, min(batch_size, len(inputs)), bool(shuffle), with_accuracy)
            run.epochs, run.names = epochs, tuple(names)
            run.watch(callbacks)
            for callback in callbacks:
                callback.net, callback.run = net, run
                callback.on_train_begin()
        except BaseException:
            vars(net).update(before)
            raise
        run.start(afresh)
        with Progress(verbose, epochs) as progress:
            for epoch in range(epochs):
                for callback in callbacks:
                    callback.on_epoch_begin(epoch)
                try:
                    values = run.epoch()
                    if validation is not None:
                        values += run.validate(validation)
                # Not finite, in a row, or what a callable lr gives: the first epoch sees them all.
                except (ValueError, TypeError):
                    if epoch == 0:
                        run.undo()
                        vars(net).update(before)
                    raise
                logs = dict(zip(names, values, strict=True))
                for name, value in logs.items():
                    history[name].append(value)
                progress.show(logs)
                for callback in callbacks:
                    callback.on_epoch_end(epoch, logs)
                if run.stop_training:
                    break
        run.check_parameters()
        for callback in callbacks:
            callback.on_train_end()
    return history


def train_on_batch(
    net: Sequential, X: Any, y: Any, sample_weight: Any, loss: Any, optimizer: Any
) -> float:
    """One step; see `Sequential.train_on_batch`."""
    chosen_loss = net._use_loss(loss)
    net._built()
    data = net._checked_data(X, y, sample_weight, chosen_loss)
    with net._lock:
        chosen_optimizer = net._use_optimizer(optimizer)
        if net.optimizer not in (None, chosen_optimizer):
            net._plan.reset_optimizer()
        net.loss, net.optimizer = chosen_loss, chosen_optimizer
        status, loss_sum, weight_sum, _, _, row, in_targets = _steps(net, data, len(data[0]))
    if status == _core.BAD_INPUT:
        net._raise_bad_row(data, row, in_targets)
    if status == _core.NON_FINITE:
        raise NonFiniteError(0, 0)
    return float(loss_sum / weight_sum)


def _steps(
    net: Sequential,
    data: Any,
    batch: int,
    order: np.ndarray | None = None,
    begin: int = 0,
    end: int = -1,
    accuracy: bool = False,
    lr_factor: float = 1.0,
) -> tuple[Any, ...]:
    """Run the engine over the batches of `data` from position `begin` up to `end`."""
    X, (targets, labels), weights = data
    optimizer: Any = net.optimizer
    steps = -(-((len(X) if end < 0 else end) - begin) // batch)
    return net._run(
        "train",
        X,
        targets,
        labels=labels,
        row_weights=weights,
        order=order,
        begin=begin,
        end=end,
        batch=batch,
        threads=net._threads(min(batch, len(X))),
        loss=net.loss.name if net.loss else None,
        accuracy=accuracy,
        optimizer=optimizer.rule,
        lr=engine_schedule(optimizer.lr, _steps_taken(net), steps, lr_factor),
        hyperparameters=optimizer.hyperparameters,
        seed=net.seed,
        **optimizer.clipping,
    )


def _steps_taken(net: Sequential) -> int:
    rule, taken, *_ = net._plan.optimizer_state()
    return int(taken) if rule == getattr(net.optimizer, "rule", None) else 0


class _Run:
    """The epochs of one fit, and the way back from a loss that is not finite.

    Attributes
    ----------
    epochs : int
        Of the fit, at most.
    names : tuple of str
        What the logs of an epoch have.
    lr_factor : float
        Multiplies the optimizer's learning rate from the next epoch on; at first 1.
    stop_training : bool
        Set it, and training ends after the epoch.
    """

    COPY_SHARE = 50  # a copy is made when training took this many times a copy's time

    def __init__(
        self, net: Sequential, data: Any, batch: int, shuffle: bool, accuracy: bool
    ) -> None:
        self.net, self.data, self.batch, self.accuracy = net, data, batch, accuracy
        self.rows = len(data[0])
        self.batches = -(-self.rows // batch)
        self.order = np.empty(self.rows, dtype=np.int64) if shuffle else None
        self.first_stream = SHUFFLE_STREAM + net._epochs
        self.done = 0  # epochs
        self.epochs = 1
        self.names: tuple[str, ...] = ("loss",)
        self.stop_training, self.lr_factor = False, 1.0
        self.factors: list[float] = []  # lr_factor of each epoch: the way back takes them again
        self.batch_hooks: list[Any] = []
        self.copies: list[tuple[int, int]] = []  # (epoch at whose start, place), newest last
        self.copied_at = self.copy_seconds = 0.0
        self.before = 0  # the copy to undo the first epoch with: the one made at its start

    def watch(self, callbacks: Sequence[Callback]) -> None:
        """Find those that want to know of every batch, which makes each one an engine call."""
        hooks = [callback.on_batch_end for callback in callbacks]
        idle = Callback.on_batch_end
        self.batch_hooks = [hook for hook in hooks if getattr(hook, "__func__", None) is not idle]

    def start(self, afresh: bool) -> None:
        """Begin, with another optimizer's state where `afresh`."""
        if afresh:
            self.before = 1  # that place is free until a second epoch starts
            self.net._plan.snapshot(self.before)
            self.net._plan.reset_optimizer()

    def base_lr(self) -> float:
        """Return the learning rate of the next step before `lr_factor` multiplies it."""
        lr = getattr(self.net.optimizer, "lr", None)
        return float(lr(_steps_taken(self.net)) if callable(lr) else lr)  # type: ignore[arg-type]

    def epoch(self) -> tuple[float, ...]:
        """Train one epoch; return its mean loss and, if asked for, accuracy."""
        self._copy_if_due()
        check_number("lr_factor", self.lr_factor, low=0)
        self.factors.append(float(self.lr_factor))
        self._shuffle(self.done)
        sums = np.zeros(3)  # of losses, weights, accuracies
        ends = range(self.batch, self.rows + self.batch, self.batch)
        for i, end in enumerate(ends if self.batch_hooks else (self.rows,)):
            begin, end = i * self.batch, min(end, self.rows)
            status, *part, position, row, in_targets = self._steps(self.done, begin, end)
            if status == _core.BAD_INPUT:
                self.net._raise_bad_row(self.data, row, in_targets)
            if status == _core.NON_FINITE:
                self._go_back(self.done, position // self.batch)
            sums += part
            for hook in self.batch_hooks:
                hook(i, self._means(*part))
        self.done += 1
        self.net._epochs += 1
        return tuple(self._means(*sums).values())

    def _means(self, loss: float, weight: float, accuracy: float) -> dict[str, float]:
        """Return the mean loss and, if asked for, accuracy; NaN where no sample weighs."""
        sums = {"loss": loss} | ({"accuracy": accuracy} if self.accuracy else {})
        return {name: float(sum_ / weight) if weight else np.nan for name, sum_ in sums.items()}

    def validate(self, data: Any) -> tuple[float, ...]:
        """Evaluate after an epoch; return what `epoch` returns."""
        loss: Any = self.net.loss
        values = self.net._evaluate(
            "evaluate",
            data,
            loss,
            accuracy=self.accuracy,
            batch=self.batch,
            names=VALIDATION_NAMES,
        )
        return values if self.accuracy else values[:1]

    def undo(self) -> None:
        """Go back to before the first epoch, the state of another optimizer included."""
        self.net._plan.restore(self.before)

    def check_parameters(self) -> None:
        """After the last epoch: no later loss will tell that its last step went too far."""
        if not np.isfinite(self.net.parameters).all():
            self._go_back(self.done, 0)

    def _shuffle(self, epoch: int) -> None:
        if self.order is not None:
            _core.permutation(self.net.seed, self.first_stream + epoch, self.order)

    def _steps(self, epoch: int, begin: int, end: int) -> tuple[Any, ...]:
        factor = self.factors[epoch]
        return _steps(
            self.net, self.data, self.batch, self.order, begin, end, self.accuracy, factor
        )

    def _copy_if_due(self) -> None:
        now = time.perf_counter()
        if self.copies and now - self.copied_at < self.COPY_SHARE * self.copy_seconds:
            return
        place = 1 - self.copies[-1][1] if self.copies else 0
        self.net._plan.snapshot(place)
        self.copies = [*self.copies[-1:], (self.done, place)]
        self.copied_at = time.perf_counter()
        self.copy_seconds = self.copied_at - now

    def _go_back(self, epoch: int, batch: int) -> None:
        """Restore the parameters before the step before this batch, and raise."""
        error = NonFiniteError(epoch, batch)
        if batch == 0 and epoch > 0:
            last_epoch, steps = epoch - 1, self.batches - 1
        else:
            last_epoch, steps = epoch, max(batch - 1, 0)
        start, place = next(copy for copy in reversed(self.copies) if copy[0] <= last_epoch)
        self.net._plan.restore(place)
        for again in range(start, last_epoch + 1):
            self._shuffle(again)
            end = self.rows if again < last_epoch else steps * self.batch
            if end:
                self._steps(again, 0, end)
        raise error


def _check_metrics(metrics: Sequence[str], loss: Loss) -> bool:
    if not isinstance(metrics, (list, tuple)) or any(metric not in METRICS for metric in metrics):
        raise ValueError(f"metrics: got {metrics!r}, want a list of names among {METRICS}")
    if metrics and not loss.classifies:
        raise ValueError(f"metrics: got {metrics!r}, and {loss.name} has no classes to count")
    return "accuracy" in metrics


def _check_validation(net: Sequential, value: Any, loss: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise TypeError("validation_data: want a tuple (X, y) or (X, y, sample_weight)")
    X, y, *weight = value
    return net._checked_data(X, y, weight[0] if weight else None, loss, VALIDATION_NAMES)
