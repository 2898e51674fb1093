"""The training loop: epochs over the data, each one call into the engine.

What a fit keeps from one epoch to the next is in fastnn._run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core, _samples
from fastnn import metrics as _metrics
from fastnn._callback import Callback, check_callbacks
from fastnn._run import Run as _Run
from fastnn._run import steps_taken
from fastnn._schedule import engine_schedule
from fastnn._spec import check_count, check_number
from fastnn._stepping import run_of, steps_of
from fastnn.arrays import check_inputs, check_not_empty
from fastnn.errors import NonFiniteError
from fastnn.history import History
from fastnn.progress import Progress
from fastnn.sequential import DATA_NAMES

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


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
    class_weight: Any = None,
    validation_data: Any = None,
    validation_split: float | None = None,
    metrics: Sequence[str | _metrics.Metric] = (),
    verbose: int = 0,
    callbacks: Sequence[Callback] = (),
    target_loss: float | None = None,
    time_budget: float | None = None,
) -> History:
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
    optimizer : str, optimizer, solver or callable, optional
        By default the one last used, at first Adam().  The same one goes on with its state;
        another one starts afresh.  Solvers (`fastnn.solvers`) see all the data in every step;
        a callable (parameters, gradient, step) -> None takes the steps itself: see Notes.
    epochs : int, default 1
        Passes over the data.
    batch_size : int, default 32
        Samples of a step; the last batch of an epoch may be smaller.
    shuffle : bool, default True
        Visit the samples in a new random order each epoch.
    sample_weight : array-like of shape (n_samples,), optional
        Not negative; the loss of a batch is the weighted mean.
    class_weight : dict of class to weight or array-like of shape (n_classes,), optional
        Multiplies the sample weights in training, not in validation; for integer labels, or
        one output with targets 0 and 1.  A class that a dict does not have weighs 1.
    validation_data : tuple (X, y) or (X, y, sample_weight), optional
        Evaluated after each epoch.
    validation_split : float, optional
        In (0, 1): this share of the samples, drawn by the network's seed, does not train and
        is evaluated after each epoch.  A later fit on as many samples holds the same ones out.
    metrics : sequence of str or callable, default ()
        "accuracy"; and for the validation data alone, by a pass of prediction after each epoch,
        names of `fastnn.metrics` and functions (y, outputs) -> float, with `sample_weight`
        by keyword where there are weights.
    verbose : int, default 0
        0: silent, 1: progress (by tqdm where it is installed, else a plain line).
    callbacks : sequence of Callback, default ()
        Called at the start and end of the training and of each epoch, in this order; see
        `fastnn.callbacks`.
    target_loss : float, optional
        Training ends after the first epoch whose "loss" is at most this.
    time_budget : float, optional
        Seconds, positive: training ends after the first epoch that ends later than this.
        It is not cut short within an epoch.

    Returns
    -------
    History
        A dict of "loss" and "accuracy", averaged over each epoch while it trained, and their
        "val_" twins and those of the other metrics: lists with one number an epoch.  Also kept
        as `net.history`.

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

    Notes
    -----
    A callable as `optimizer` changes `parameters`, a copy of `net.parameters` in its order and
    dtype, in place and returns None.  `gradient`, of the same shape, is that of the batch's
    mean loss in training mode (dropout, a batch's own statistics) plus the layers' penalties,
    and 0 for frozen layers; `step` counts from 0.  Of what the callable changed a layer takes
    `lr_scale` times as much, a frozen one nothing, and `max_norm` is applied after that;
    `decay_scale`, clipping and schedules are the callable's own affair.  If it raises, or leaves
    a parameter that is not finite (NonFiniteError), the network is as before the step (as
    before the fit, if it raises ValueError or TypeError in the first epoch).  Saved networks do
    not keep it.

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

    An optimizer in Python:

    >>> def descend(parameters, gradient, step):
    ...     parameters -= 0.1 / (1 + step / 100) * gradient
    >>> more = net.fit(X, X[:, 0] ** 2, optimizer=descend, epochs=10)
    >>> more["loss"][-1] < 0.01
    True
    """
    epochs = check_count("epochs", epochs)
    batch_size = check_count("batch_size", batch_size)
    chosen_loss = net._use_loss(loss)
    with_accuracy, others = _metrics._resolve(metrics, chosen_loss)
    callbacks = check_callbacks(callbacks)
    names = ["loss", "accuracy"] if with_accuracy else ["loss"]
    if target_loss is not None:
        check_number("target_loss", target_loss)
    if time_budget is not None:
        check_number("time_budget", time_budget, low=0, open_low=True)
    if validation_split is not None and validation_data is not None:
        raise ValueError("validation_split: got one and validation_data too, want at most one")
    if others and validation_split is None and validation_data is None:
        raise ValueError(
            f"metrics: got {[*others]}, which are of validation data, want validation_data or "
            "validation_split too"
        )
    with net._lock:
        before = {name: getattr(net, name) for name in _CHANGES}
        inputs = check_inputs("X", X, net.input_size)
        check_not_empty("X", inputs)
        try:
            if net.input_size is None:
                net._build(inputs.shape[1])
            data = net._checked_data(inputs, y, sample_weight, chosen_loss)
            validation, part = _samples.given(net, validation_data, chosen_loss), None
            if validation_split is not None:
                part, held = _samples.split(net.seed, validation_split, data)
                validation = _samples.Validation(data, DATA_NAMES, held)
            weights = _samples.weigh_classes(class_weight, *data[1:], net.output_size)
            _samples.check_part(weights, part, "training")
            data = (*data[:2], weights)
            chosen_optimizer = net._use_optimizer(optimizer)
            afresh = net.optimizer not in (None, chosen_optimizer)
            if validation is not None:
                names += [f"val_{name}" for name in (*names, *others)]
            history = History({name: [] for name in names})
            net.loss, net.optimizer, net.history = chosen_loss, chosen_optimizer, history
            kind: type[_Run] = run_of(chosen_optimizer)
            run = kind(net, data, part, batch_size, bool(shuffle), with_accuracy, _steps)
            run.epochs, run.names, run.metrics = epochs, tuple(names), others
            run.watch(callbacks)
            for callback in callbacks:
                callback.net, callback.run = net, run
                callback.on_train_begin()
        except BaseException:
            vars(net).update(before)
            raise
        end = np.inf if time_budget is None else time.perf_counter() + time_budget
        with closing(run), Progress(verbose, epochs) as progress:
            run.start(afresh)
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
                low = target_loss is not None and logs["loss"] <= target_loss
                if run.stop_training or low or time.perf_counter() >= end:
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
        take_steps = steps_of(chosen_optimizer, _steps)
        if net.optimizer not in (None, chosen_optimizer):
            net._plan.reset_optimizer()
        net.loss, net.optimizer = chosen_loss, chosen_optimizer
        status, loss_sum, weight_sum, _, _, row, in_targets = take_steps(net, data, len(data[0]))
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
    optimizer: Any = None,
) -> tuple[Any, ...]:
    """Run the engine over the batches of `data` from position `begin` up to `end`."""
    X, (targets, labels), weights = data
    optimizer = optimizer or net.optimizer
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
        **(net.loss.engine(net.output_size) if net.loss else {}),
        accuracy=accuracy,
        optimizer=optimizer.rule,
        lr=engine_schedule(optimizer.lr, steps_taken(net), steps, lr_factor),
        hyperparameters=optimizer.hyperparameters,
        seed=net.seed,
        **optimizer.clipping,
    )
