"""`fit` and `train_on_batch`: the arguments, checked, become a run over the data.

What a fit keeps from one epoch to the next is in fastnn._run, the epochs are fastnn._loop's.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from fastnn import _core, _samples
from fastnn import metrics as _metrics
from fastnn._callback import Callback, check_callbacks
from fastnn._loop import Loop
from fastnn._method import check_steps
from fastnn._run import ArrayRun
from fastnn._run import Run as _Run
from fastnn._spec import check_count, check_number
from fastnn._steps import steps_of
from fastnn.arrays import check_inputs, check_not_empty
from fastnn.errors import NonFiniteError
from fastnn.history import History
from fastnn.progress import Progress
from fastnn.sequential import DATA_NAMES
from fastnn.solvers import Solver

if TYPE_CHECKING:
    from fastnn._options import AnyLoss, AnyOptimizer
    from fastnn.checkpoint import Checkpoint
    from fastnn.sequential import Sequential


# What a fit changes of a network, besides its parameters and the optimizer's state.
_CHANGES = ("input_size", "loss", "optimizer", "history", "_epochs")


def fit(
    net: Sequential,
    X: Any,
    y: Any = None,
    *,
    loss: AnyLoss | None = None,
    optimizer: AnyOptimizer | None = None,
    epochs: int = 1,
    batch_size: int = 32,
    accumulate: int = 1,
    steps_per_epoch: int | None = None,
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
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
) -> History:
    """Train a network; the same as `net.fit(X, y, ...)`.

    Parameters
    ----------
    net : Sequential
        The network; it goes on from its present parameters, and a later fit from where this
        one ends: with other orders of the samples, and the optimizer's state, unless it gets
        another optimizer.
    X : array-like of shape (n_samples, n_features), or iterable of batches
        float32, float64, integers or bools, in any memory order; never copied whole.
        Without y: an iterable of batches (X, y) or (X, y, sample_weight), see Notes.
    y : array-like
        Targets as the loss wants them; see `fastnn.losses`.
    loss : str, loss or callable ``(raw, target, grad_out) -> float``, optional
        By default the one last used with this network; of functions see
        `fastnn.losses.CustomLoss`.
    optimizer : str, optimizer, solver or callable, optional
        By default the one last used, at first Adam().  The same one goes on with its state;
        another one starts afresh.  Solvers (`fastnn.solvers`) see all the data in every step;
        a callable (parameters, gradient, step) -> None takes the steps itself: see Notes.
    epochs : int, default 1
        Passes over the data.
    batch_size : int, default 32
        Samples of a batch; the last batch of an epoch may be smaller.
    accumulate : int, default 1
        Batches of a step, see Notes.
    steps_per_epoch : int, optional
        Steps of an epoch, where X is an iterable of batches.
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
        "accuracy", names of `fastnn.metrics` and functions (y, outputs) -> float, with
        `sample_weight` by keyword where there are weights; of the training data as it trained,
        whose outputs are kept for the epoch then, and of the validation data.
    verbose : int, default 0
        0: silent, 1: progress: tqdm's bar where it is installed, else a line an epoch from the
        logger "fastnn" (on stderr unless `logging` has been set up).
    callbacks : sequence of Callback, default ()
        Called at the start and end of the training and of each epoch, in this order; see
        `fastnn.callbacks`.
    target_loss : float, optional
        Training ends after the first epoch whose "loss" is at most this.
    time_budget : float, optional
        Seconds, positive: training ends after the step in which they are over, at least one;
        the numbers of that epoch are of the part that trained.  The machine's speed then
        decides how many steps there are, so the bits cannot be had again.
    checkpoint : str or path, optional
        Of a file, for a training that can be killed: where there is one, the training of which it
        is goes on from it, and ends with the same bits as if it had never stopped; see
        `fastnn.checkpoint`.
    checkpoint_every : float, default 60.0
        Seconds from one checkpoint to the next, not negative; 0: after each step.

    Returns
    -------
    History
        A dict of "loss" and the metrics of each epoch while it trained, and their ``"val_"`` twins:
        lists with one number an epoch.  Also kept as `net.history`.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong; names it, what it got and what it wants.  The network is
        as before; but where a later batch of an iterable is wrong, it keeps the steps taken.
    fastnn.ModelFormatError
        If the file of `checkpoint` is none, or is damaged.
    OSError
        If a checkpoint cannot be read or written; the file that was there stays.
    fastnn.NonFiniteError
        If the loss becomes infinite or NaN; the network keeps the last parameters whose
        loss was finite.
    KeyboardInterrupt
        Within a tenth of a second of Ctrl-C, or by the end of a step whose update takes
        longer; the network keeps the steps taken.

    Notes
    -----
    With `accumulate`, the gradients of so many batches are added up before a step is taken: it is
    the step of a batch so many times as large, up to rounding, and takes the memory of a small
    one.  `BatchNorm` alone sees the small ones: it normalizes each by its own statistics, and
    its running ones follow the last of each step.

    An iterable of batches is passed over once an epoch, in its own order; with `steps_per_epoch`
    an epoch has so many steps, and the next one goes on where it ended.  What can be iterated
    again begins anew at its end; an iterator, such as a generator, must have enough.  Each batch
    is copied: `fit` may have to take the last steps again, to find the parameters before a loss
    that is not finite.  `batch_size` and `shuffle` mean nothing there.

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

    Batches in place of arrays, two to a step; the network goes on with its loss and optimizer:

    >>> batches = [(X[i : i + 16], X[i : i + 16, 0] ** 2) for i in range(0, 64, 16)]
    >>> again = net.fit(batches, epochs=3, accumulate=2, metrics=["r2"])
    >>> list(again), len(again["loss"]), again["loss"][0] < 0.01
    (['loss', 'r2'], 3, True)

    An optimizer in Python:

    >>> def descend(parameters, gradient, step):
    ...     parameters -= 0.1 / (1 + step / 100) * gradient
    >>> more = net.fit(X, X[:, 0] ** 2, optimizer=descend, epochs=10)
    >>> more["loss"][-1] < 0.01
    True
    """
    epochs = check_count("epochs", epochs)
    batch_size = check_count("batch_size", batch_size)
    accumulate = check_count("accumulate", accumulate)
    chosen_loss = net._use_loss(loss)
    with_accuracy, others = _metrics._resolve(metrics, chosen_loss)
    callbacks = check_callbacks(callbacks)
    for name, choice, want in (
        ("shuffle", shuffle, "True or False"),
        ("verbose", verbose, "0 or 1"),
    ):
        if choice not in (0, 1):  # True and False are those too
            raise ValueError(f"{name}: got {choice!r}, want {want}")
    names = ["loss", "accuracy"] if with_accuracy else ["loss"]
    _check_ends(target_loss, time_budget)
    if validation_split is not None and validation_data is not None:
        raise ValueError("validation_split: got one and validation_data too, want at most one")
    batches, names_of_X = None, DATA_NAMES
    if y is None:
        _refuse_without_y(sample_weight=sample_weight, validation_split=validation_split)
        from fastnn._stream import Batches, batch_names, parts_of

        batches, names_of_X = Batches(X, epochs, steps_per_epoch), batch_names(0)
        X, y, sample_weight = parts_of(batches.first, 0)
    elif steps_per_epoch is not None:
        raise ValueError("steps_per_epoch: got one with y, want None where X is an array")
    keeper = None if checkpoint is None else _checkpoint(checkpoint, checkpoint_every)
    deadline = math.inf if time_budget is None else time.perf_counter() + time_budget
    run: _Run | None = None
    with net._lock:
        before = {name: getattr(net, name) for name in _CHANGES}

        def undo() -> None:
            if run is not None:
                run.undo()
            vars(net).update(before)

        inputs = check_inputs(names_of_X[0], X, net.input_size)
        check_not_empty(names_of_X[0], inputs)
        try:
            if net.input_size is None:
                net._build(inputs.shape[1])
            data = net._checked_data(inputs, y, sample_weight, chosen_loss, names_of_X)
            validation, part = _samples.given(net, validation_data, chosen_loss), None
            if validation_split is not None:
                part, held = _samples.split(net.seed, validation_split, data)
                validation = _samples.Validation(data, DATA_NAMES, held)

            def weigh(data: Any) -> Any:
                X, y, weights = data
                return (
                    X,
                    y,
                    _samples.weigh_classes(
                        class_weight, y, weights, net.output_size, whole=batches is None
                    ),
                )

            data = weigh(data)
            _samples.check_part(data[2], part, "training")
            chosen_optimizer = net._use_optimizer(optimizer)
            afresh = net.optimizer not in (None, chosen_optimizer)
            names += others
            if validation is not None:
                names += [f"val_{name}" for name in names]
            history = History({name: [] for name in names})
            net.loss, net.optimizer, net.history = chosen_loss, chosen_optimizer, history
            options: dict[str, Any] = {"epochs": epochs, "accuracy": with_accuracy}
            options |= {"metrics": others, "deadline": deadline}
            if batches is None:
                kind = _array_run_of(chosen_optimizer)
                options |= {"batch": batch_size, "accumulate": accumulate, "shuffle": bool(shuffle)}
                run = kind(net, data, part, **options)
            else:
                from fastnn._stream import StreamRun

                run = StreamRun(net, batches, accumulate, weigh, **options)
            run.names = tuple(names)
            run.watch(callbacks)
            if keeper is not None:
                settings = {
                    "batch_size": batch_size,
                    "accumulate": accumulate,
                    "steps_per_epoch": steps_per_epoch,
                    "shuffle": bool(shuffle),
                    "validation_split": validation_split,
                    "metrics": names,
                }
                given = None if validation_data is None or validation is None else validation.data
                keeper.describe(settings, None if batches else data, given)
                afresh &= not keeper.go_on(run, callbacks, history)
            for callback in callbacks:
                callback.net, callback.run = net, run
                callback.on_train_begin()
            run.start(afresh)
            if keeper is not None:
                keeper.begin()
        except BaseException:
            undo()
            raise
        loop = Loop(run, history, validation, callbacks, keeper, target_loss, undo)
        with closing(run), Progress(verbose, epochs, run.done) as progress:
            loop.train(epochs, progress)
        loop.end()
    return history


def _check_ends(target_loss: float | None, time_budget: float | None) -> None:
    if target_loss is not None:
        check_number("target_loss", target_loss)
    if time_budget is not None:
        check_number("time_budget", time_budget, low=0, open_low=True)


def _refuse_without_y(**arguments: Any) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(f"{name}: got one without y, want None where X is of batches")


def _checkpoint(path: str | os.PathLike[str], every: float) -> Checkpoint:
    from fastnn.checkpoint import Checkpoint  # with all that reads and writes files

    return Checkpoint(path, every)


def _array_run_of(optimizer: Any) -> type[ArrayRun]:
    if isinstance(optimizer, Solver):
        from fastnn._solve import SolverRun  # which is an ArrayRun

        return SolverRun
    return ArrayRun


def _same(a: Any, b: Any) -> bool:
    return a is b or a == b


def train_on_batch(
    net: Sequential,
    X: Any,
    y: Any,
    sample_weight: Any,
    loss: AnyLoss | None,
    optimizer: AnyOptimizer | None,
) -> float:
    """One step; see `Sequential.train_on_batch`."""
    chosen_loss = net._use_loss(loss)
    net._built()
    data = net._checked_data(X, y, sample_weight, chosen_loss)
    with net._lock:
        chosen_optimizer = net._use_optimizer(optimizer)
        check_steps(chosen_optimizer, "train_on_batch")
        # Equal ones stay the same objects, of which all is known (fastnn._steps).
        if not _same(chosen_loss, net.loss):
            net.loss = chosen_loss
        if not _same(chosen_optimizer, net.optimizer):
            if net.optimizer is not None:
                net._plan.reset_optimizer()
            net.optimizer = chosen_optimizer
        status, loss_sum, weight_sum, _, _, row, in_targets = steps_of(net).take(
            net, data, len(data[0])
        )
    if status == _core.BAD_INPUT:
        net._raise_bad_row(data, row, in_targets)
    if status == _core.NON_FINITE:
        raise NonFiniteError(0, 0)
    return float(loss_sum / weight_sum)
