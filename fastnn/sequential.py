"""The network: layer specs become a plan of the engine, which holds the parameters.

`fit` lives in fastnn.training; this module has what one pass over data needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from fastnn import _core, _state, _summary, arrays, threads
from fastnn._built import BuiltLayer, build
from fastnn._compile import Graph
from fastnn._files import Files
from fastnn._groups import add_penalties
from fastnn._method import method_of
from fastnn._spec import Spec, check_count, resolve
from fastnn.errors import NonFiniteError, _busy
from fastnn.layers import Dense, Layer
from fastnn.losses import CustomLoss, Loss
from fastnn.optimizers import Adam, Optimizer
from fastnn.solvers import Solver

if TYPE_CHECKING:
    from fastnn._options import AnyLoss, AnyOptimizer, FitOptions
    from fastnn.history import History
    from fastnn.predictor import Predictor
    from fastnn.profile import Profile

DTYPES = ("float32", "float64")

# Streams of the random generator: initial values count from 0, epochs from here.
SHUFFLE_STREAM = 1 << 32

# What messages call the three parts of the data.
DATA_NAMES = ("X", "y", "sample_weight")


class Sequential(Files):
    """A feed-forward network: layers, one after the other.

    Parameters
    ----------
    layers : sequence of Layer
        At least one; "softmax" only as the activation of the last.
    input_size : int, optional
        Number of features; if it is left out, the first `fit` tells it.
    seed : int, default 0
        Of the initial values and of the order of the samples in `fit`.  The same seed and
        data give the same bits, on any number of threads and any CPU with fused
        multiply-add.
    dtype : {"float32", "float64"}, default "float32"
        Of the parameters and of all arithmetic.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> y = np.array([0, 1, 1, 0])
    >>> net = fastnn.Sequential([fastnn.Dense(16, activation="tanh"), fastnn.Dense(2)], seed=1)
    >>> history = net.fit(X, y, loss="cross_entropy", optimizer=fastnn.Adam(lr=0.05), epochs=200)
    >>> net.predict(X).argmax(axis=1)
    array([0, 1, 1, 0])
    """

    _most_threads, _shared_penalties = 1 << 30, False  # what estimators set: see fnn_job
    _exact_threads: int | None = None  # set where not the fastest number is wanted but this one
    _steps: Any = None  # of training, kept while loss and optimizer stay the same
    _forward: _core.Forward | None = None  # of predict

    def __init__(
        self,
        layers: Sequence[Layer],
        input_size: int | None = None,
        *,
        seed: int = 0,
        dtype: str = "float32",
    ) -> None:
        if isinstance(layers, (str, Layer)) or not isinstance(layers, Sequence) or not layers:
            raise TypeError(f"layers: got {layers!r}, want a non-empty list of layers")
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer) or not hasattr(layer, "name"):
                raise TypeError(f"layers[{i}]: got {layer!r}, want a layer such as fastnn.Dense")
        dtype = getattr(dtype, "__name__", str(dtype))  # np.float32 and np.dtype too
        if dtype not in DTYPES:
            raise ValueError(f"dtype: got {dtype!r}, want one of {DTYPES}")
        self.specs: tuple[Any, ...] = tuple(layers)
        self.dtype = dtype
        self.seed = check_count("seed", seed, low=0, high=(1 << 64) - 1)
        self.input_size: int | None = None
        self.loss: Loss | None = None
        self.optimizer: Optimizer | Solver | None = None
        self.history: dict[str, list[float]] = {}
        self._epochs = 0  # shuffles done, so that a second fit draws other orders
        self._graph = Graph(self.specs)
        self._lock = _core.Turn()  # the callbacks of a fit may make other engine calls
        if input_size is not None:
            self._build(check_count("input_size", input_size))

    def __repr__(self) -> str:
        layers = ", ".join(repr(spec) for spec in self.specs)
        return (
            f"Sequential([{layers}], input_size={self.input_size}, seed={self.seed}, "
            f"dtype={self.dtype!r})"
        )

    # ---- parameters ---------------------------------------------------------------

    def _build(self, input_size: int) -> None:
        """Make the plan and draw the initial values."""
        self._graph.measure(input_size)
        plan = _core.Plan(self.dtype, input_size, tuple(self._graph.engine))
        plan.write("parameters", self._graph.first_values(self.seed, self.dtype))
        self._plan = self._lock.plan = plan
        self._steps = None
        self._forward = _core.Forward(plan, self._lock, None, self._own_link())
        self.input_size = input_size
        for layer in self._leaves():
            layer.reset_state()
            layer.regroup()

    def _built(self) -> Any:
        if self.input_size is None:
            raise ValueError(
                "input_size: not known yet; pass input_size=... to Sequential, or fit first"
            )
        return self._plan

    @property
    def layers(self) -> tuple[BuiltLayer | Any, ...]:
        """The layers with their parameters: `layers[i].weights`, `layers[i].bias`.

        Blocks have `layers` or `branches` of their own.
        """
        self._built()
        return build(self, self._graph.tree)

    def _leaves(self) -> list[BuiltLayer]:
        return [BuiltLayer(self, leaf) for leaf in self._graph.leaves]

    @property
    def output_size(self) -> int:
        """Number of outputs."""
        last = self.specs[-1]
        return int(last.units if isinstance(last, Dense) else self._built().outputs)

    @property
    def parameters(self) -> np.ndarray:
        """All parameters as one vector, a copy; assign to change them.

        For each layer the weights in C order, (inputs, outputs), then the bias.
        """
        return self._read("parameters")

    @parameters.setter
    def parameters(self, value: Any) -> None:
        plan = self._built()
        values = arrays.check_parameters("parameters", value, (plan.n_parameters,), self.dtype)
        with self._lock:
            plan.write("parameters", values)

    def _read(self, part: str) -> np.ndarray:
        plan = self._built()
        out = np.empty(plan.n_parameters, dtype=self.dtype)
        with self._lock:
            plan.read(part, out)
        return out

    # ---- settings that are remembered -----------------------------------------------

    def _use_loss(self, loss: Any) -> Loss:
        """Return the loss to use: the one given, else the one last used."""
        if loss is None:
            if self.loss is None:
                known = ", ".join(repr(name) for name in sorted(Loss.registry))
                raise ValueError(f"loss: none given and none used before, want one of {known}")
            return self.loss
        if callable(loss) and not isinstance(loss, (type, Spec)):
            loss = CustomLoss(loss)
        chosen: Loss = resolve(Loss, loss, "loss")
        chosen.check_output(self._graph.output_function)
        return chosen

    def _use_optimizer(self, optimizer: Any) -> Optimizer | Solver:
        """Return the optimizer to use: the one given, else the one last used."""
        if optimizer is None:
            return self.optimizer or Adam()
        return method_of(optimizer)

    # ---- jobs -------------------------------------------------------------------------

    def _threads(self, mode: str, rows: int) -> int:
        if self._exact_threads is not None:
            return self._exact_threads
        pays: int = self._plan.threads(mode, rows)
        # Of small work nobody need be asked, which is a call into the operating system.
        return pays if pays == 1 else min(pays, threads.get_num_threads(), self._most_threads)

    def _evaluate(
        self,
        mode: str,
        data: Any,
        loss: Loss,
        *,
        accuracy: bool = False,
        batch: int = 0,
        training: bool = False,
        names: Sequence[str] = DATA_NAMES,
        order: np.ndarray | None = None,
        outputs: np.ndarray | None = None,
    ) -> tuple[float, float]:
        """Return mean loss and accuracy of checked data (of its rows `order`).

        `outputs` gets what the losses were computed of, the loss's link applied.
        """
        X, (targets, labels), weights = data
        with self._lock:
            status, loss_sum, weight_sum, accuracy_sum, _, row, in_targets = self._run(
                mode,
                (X, targets),
                {
                    "labels": labels,
                    "row_weights": weights,
                    "order": order,
                    "end": -1 if order is None else len(order),
                    "batch": batch,
                    "threads": self._threads(mode, len(X) if batch == 0 else batch),
                    **loss.engine(self.output_size),
                    "accuracy": accuracy,
                    "outputs": outputs,
                    "link": loss.score_link,
                    "training": training,
                    "seed": self.seed,
                },
            )
        if status == _core.BAD_INPUT:
            self._raise_bad_row(data, row, in_targets, names)
        if status == _core.NON_FINITE:  # only of "derive": there is no gradient then
            raise NonFiniteError(0, 0)
        return loss_sum / weight_sum, accuracy_sum / weight_sum

    def _run(
        self, mode: str, data: tuple[Any, ...], options: dict[str, Any], plan: Any = None
    ) -> tuple[Any, ...]:
        """Run a job of the engine, by another plan if one is given; the caller holds the lock."""
        turn = self._lock
        if turn.running:
            raise _busy(mode)
        turn.running = True
        try:
            return (plan or self._plan).run(mode, *data, **options)
        finally:
            turn.running = False

    def _raise_bad_row(
        self, data: Any, row: int, in_targets: bool, names: Sequence[str] = DATA_NAMES
    ) -> None:
        X, (targets, _), _ = data
        array, categories = (targets, None) if in_targets else (X, self._graph.categories())
        arrays.raise_bad_row(names[in_targets], array, row, self.dtype, categories)

    def _checked_data(
        self, X: Any, y: Any, weights: Any, loss: Loss, names: Sequence[str] = DATA_NAMES
    ) -> tuple[np.ndarray, arrays.Targets, np.ndarray | None]:
        inputs = arrays.check_inputs(names[0], X, self.input_size)
        arrays.check_not_empty(names[0], inputs)
        targets = arrays.check_targets(names[1], y, loss, len(inputs), self._plan.outputs)
        return inputs, targets, arrays.check_weights(names[2], weights, len(inputs))

    def _own_link(self) -> str:
        return self._graph.output_function.link or "identity"

    def _outputs(self, X: Any, link: str) -> np.ndarray:
        plan = self._built()
        inputs = arrays.check_inputs("X", X, self.input_size)
        out = np.empty((len(inputs), plan.outputs), self.dtype)
        options = {"link": link, "outputs": out, "threads": self._threads("predict", len(inputs))}
        with self._lock:
            status, *_, row, _ = self._run("predict", (inputs,), options)
        if status == _core.BAD_INPUT:
            arrays.raise_bad_row("X", inputs, row, self.dtype, self._graph.categories())
        return out

    def predict(self, X: Any) -> np.ndarray:
        """Return the network's outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Any real type; 0 samples give 0 rows.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Raw outputs (logits), or what the last layer's activation makes of them.  Of
            poisson, gamma and tweedie they are the logarithms of the means, which are
            ``np.exp(net.predict(X))``; of gaussian_nll means and log-variances.  The bits of a
            row do not depend on the rows beside it.

        Raises
        ------
        ValueError
            If the shape is wrong or a value is not finite.
        """
        forward = self._forward
        outputs: Any = None if forward is None else forward.fresh(X)
        return self._outputs(X, self._own_link()) if outputs is None else outputs

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities: softmax or sigmoid of the outputs, to match the loss.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)

        Raises
        ------
        ValueError
            If the network's loss has no probabilities, or no loss has been used yet.
        """
        link = self._use_loss(None).link
        if link not in ("sigmoid", "softmax"):
            raise ValueError(f"predict_proba: the loss {self._use_loss(None).name!r} has none")
        return self._outputs(
            X, "identity" if self._graph.output_function.name == "sigmoid" else link
        )

    def predictor(
        self, n_rows: int = 1, *, out: np.ndarray | None = None, link: str | None = None
    ) -> Predictor:
        """Return `predict` for many calls; see `fastnn.predictor.Predictor`."""
        from fastnn.predictor import Predictor

        return Predictor(self, n_rows, out=out, link=link)

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        loss: AnyLoss | None = None,
        metrics: Sequence[Any] = (),
    ) -> dict[str, float]:
        """Return the mean loss, and the accuracy where the loss is one of classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like
            Targets as the loss wants them; see `fastnn.losses`.
        sample_weight : array-like of shape (n_samples,), optional
        loss : str, loss or callable, optional
            By default the one last used.
        metrics : sequence of str or callable, default ()
            Names of `fastnn.metrics` and functions (y, outputs) -> float.

        Returns
        -------
        dict
            "loss", "accuracy" for losses of classes, and the metrics by name.
        """
        from fastnn import metrics as functions

        chosen = self._use_loss(loss)
        _, others = functions._resolve(metrics, chosen)
        self._built()
        data = self._checked_data(X, y, sample_weight, chosen)
        return functions._measure(self, data, chosen, others, accuracy=chosen.classifies)

    def loss_and_gradient(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        loss: AnyLoss | None = None,
        training: bool = False,
    ) -> tuple[float, np.ndarray]:
        """Return the mean loss over all samples and its gradient in the parameters.

        Where layers have penalties (`Dense(l1=..., l2=...)`), these are in both.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like
            Targets as the loss wants them.
        sample_weight : array-like of shape (n_samples,), optional
        loss : str, loss or callable, optional
            By default the one last used.
        training : bool, default False
            True: as in a step of training, with dropout, noise and a batch's own statistics;
            all samples are one batch then.  The random numbers are those of the next step.

        Returns
        -------
        value : float
        gradient : ndarray of shape (n_parameters,)
            In the order of `parameters`.

        Raises
        ------
        fastnn.NonFiniteError
            If the loss is not finite; it has no gradient then.

        Examples
        --------
        >>> import numpy as np
        >>> import fastnn
        >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")], input_size=1)
        >>> net.loss_and_gradient([[2.0]], [3.0], loss="mean_squared_error")
        (9.0, array([-12.,  -6.], dtype=float32))
        """
        chosen = self._use_loss(loss)
        self._built()
        data = self._checked_data(X, y, sample_weight, chosen)
        with self._lock:
            value, _ = self._evaluate("derive", data, chosen, training=training)
            gradient = self._read("gradient")
            return value + add_penalties(self._graph, self.parameters, gradient), gradient

    def gradient_wrt_input(
        self, X: Any, y: Any, *, sample_weight: Any = None, loss: AnyLoss | None = None
    ) -> np.ndarray:
        """Return the mean loss's gradient in X; see `fastnn.derivatives.gradient_wrt_input`."""
        from fastnn import derivatives

        return derivatives.gradient_wrt_input(self, X, y, sample_weight=sample_weight, loss=loss)

    def per_sample_gradients(self, X: Any, y: Any, *, loss: AnyLoss | None = None) -> np.ndarray:
        """Return each sample's gradient; see `fastnn.derivatives.per_sample_gradients`."""
        from fastnn import derivatives

        return derivatives.per_sample_gradients(self, X, y, loss=loss)

    def jacobian(self, X: Any, wrt: str = "inputs") -> np.ndarray:
        """Return the outputs' derivatives; see `fastnn.derivatives.jacobian`."""
        from fastnn import derivatives

        return derivatives.jacobian(self, X, wrt)

    # ---- training -----------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, **options: Unpack[FitOptions]) -> History:
        """Train; see `fastnn.training.fit` for the options."""
        from fastnn import training

        return training.fit(self, X, y, **options)

    def train_on_batch(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        loss: AnyLoss | None = None,
        optimizer: AnyOptimizer | None = None,
    ) -> float:
        """Take one step on all the samples given, for loops of your own.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like
            Targets as the loss wants them.
        sample_weight : array-like of shape (n_samples,), optional
        loss, optimizer : optional
            By default those last used, and Adam(); a function as for `fit`, but no solver.

        Returns
        -------
        float
            Mean loss of the batch before the step.

        Raises
        ------
        fastnn.NonFiniteError
            If the loss is not finite; the parameters are then as before.  Parameters that the
            step itself makes infinite or NaN are found by the next call.
        """
        # What is asked for nearly always: a step like the last one.
        steps = self._steps
        if sample_weight is None and loss is None and optimizer is None and steps is not None:
            value: float | None = steps.at_once(self, X, y)
            if value is not None:
                return value
        from fastnn.training import train_on_batch

        return train_on_batch(self, X, y, sample_weight, loss, optimizer)

    def profile(self, reset: bool = False) -> Profile:
        """Return where the engine's time went; see `fastnn.profile.profile`."""
        from fastnn import profile

        return profile.profile(self, reset)

    # ---- copies, text ---------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        engine = ("_plan", "_steps", "_forward", "_lock")
        state = {key: value for key, value in self.__dict__.items() if key not in engine}
        if self.input_size is not None:
            state["_trained"] = _state.take_copy(self)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        trained = state.pop("_trained", None)
        self.__dict__.update(state)
        self._lock = _core.Turn()
        if trained is not None:
            self._build(int(self.input_size or 0))
            _state.put_back(self, trained)

    def summary(self) -> str:
        """Return a table of the layers, their shapes and their numbers of parameters."""
        return _summary.table(self)

    def _repr_html_(self) -> str:
        """Show in a notebook."""
        return _summary.html(self)
