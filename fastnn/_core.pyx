# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: embedsignature=True, freethreading_compatible=False
"""The C engine for Python: memoryviews become pointers, statuses become exceptions.

Nothing here decides anything: sizes and values are checked where they come from (the
Python layer) and once more by the C core, whose statuses are raised as exceptions.  It
imports nothing of fastnn.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_STRIDES,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

import os
from array import array
from threading import main_thread


cdef extern from *:
    """
    #if defined(__clang__)
    #define FASTNN_COMPILER "Clang " __clang_version__
    #elif defined(__GNUC__)
    #define FASTNN_COMPILER "GCC " __VERSION__
    #else
    #define FASTNN_COMPILER "unknown"
    #endif
    """
    const char *FASTNN_COMPILER
    const char *FASTNN_BUILD_FLAGS


cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1
    unsigned long PyThread_get_thread_ident() noexcept nogil


ctypedef fused real:
    float
    double


include "_names.pxi"


cdef int check(fnn_status status) except -1:
    if status == FNN_NO_MEMORY:
        raise MemoryError("fastnn: not enough memory for this network and batch size")
    if status != FNN_OK:
        raise ValueError(f"fastnn._core: the engine refused an argument (status {status})")
    return 0


cdef fnn_dtype dtype_number(str dtype) except *:
    if dtype not in DTYPES:
        raise ValueError(f"dtype: got {dtype!r}, want one of {DTYPES}")
    return FNN_FLOAT32 if dtype == "float32" else FNN_FLOAT64


cdef tuple optimizer_tuple(fnn_optimizer_state state):
    name = None if state.optimizer < 0 else OPTIMIZER_NAMES[state.optimizer]
    return name, state.steps, state.decay[0], state.decay[1], state.product


cdef fnn_optimizer_state optimizer_struct(tuple values) except *:
    cdef fnn_optimizer_state state
    name, state.steps, state.decay[0], state.decay[1], state.product = values
    state.optimizer = -1 if name is None else OPTIMIZER_NUMBERS[name]
    return state


include "_array.pxi"
include "_numpy.pxi"
include "_schedule.pxi"
include "_job.pxi"
include "_signals.pxi"
include "_custom.pxi"


@cython.final
cdef class Plan:
    """A network in the engine.

    `layers` are tuples (activation, parameter, outputs, bias) for dense ones and
    (kind, numbers, activation, parameter) for others, which may end in how many layers
    back their two inputs are (0 for the first: 1).  The numbers of an embedding are tuples
    (column, codes, width).
    """

    cdef fnn_plan *plan
    cdef readonly str dtype
    cdef readonly int64_t inputs, outputs
    cdef readonly tuple layers
    cdef object raised, custom

    def __cinit__(self, str dtype, int64_t inputs, tuple layers):
        cdef fnn_layer_spec specs[1024]
        cdef int64_t[::1] columns
        held = []  # until the plan has its own
        if len(layers) > 1024:
            raise ValueError(f"layers: got {len(layers)}, want at most 1024")
        for i, layer in enumerate(layers):
            specs[i].outputs = specs[i].bias = 0
            specs[i].p[0] = specs[i].p[1] = 0
            specs[i].back[0] = specs[i].back[1] = 0
            specs[i].columns, specs[i].n_columns = NULL, 0
            if layer[0] in LAYERS:
                kind, numbers, activation, parameter, *back = layer
                if back:
                    specs[i].back[0], specs[i].back[1] = back
                specs[i].kind = LAYER_NUMBERS[kind]
                if kind == "embedding":
                    columns = array("q", [number for column in numbers for number in column])
                    held.append(columns)
                    specs[i].columns = <fnn_column *>&columns[0]
                    specs[i].n_columns = <int32_t>len(numbers)
                    numbers = ()
                if len(numbers) != len(LAYERS[kind]):
                    raise ValueError(f"layers[{i}]: got {numbers}, want {LAYERS[kind]}")
                for j, number in enumerate(numbers):
                    specs[i].p[j] = number
            else:
                activation, parameter, outputs, bias, *back = layer
                if back:
                    specs[i].back[0] = back[0]
                specs[i].kind = FNN_LAYER_dense
                specs[i].outputs = outputs
                specs[i].bias = bias
            specs[i].activation = ACTIVATION_NUMBERS[activation]
            specs[i].parameter = parameter
        self.dtype, self.inputs, self.layers = dtype, inputs, layers
        check(fnn_plan_create(dtype_number(dtype), inputs, specs, <int32_t>len(layers), &self.plan))
        self.outputs = fnn_plan_outputs(self.plan)

    def __dealloc__(self):
        fnn_plan_free(self.plan)

    @property
    def n_parameters(self):
        return fnn_plan_parameters(self.plan)

    @property
    def nbytes(self):
        return fnn_plan_bytes(self.plan)

    def threads(self, str mode, int64_t rows, int32_t most=INT32_MAX):
        """How many threads may pay for a job, or for a step of "train"; at most `most`."""
        return fnn_plan_threads(self.plan, MODES[mode], rows, most)

    def read(self, str part, real[::1] out, int layer=-1):
        """Copies a part, flat: each layer's weights (inputs, outputs), then its bias."""
        self._transfer(part, <char *>&out[0] if out.shape[0] else NULL, out.shape[0],
                       sizeof(real), layer, False)

    def write(self, str part, const real[::1] values, int layer=-1):
        """The reverse of `read`."""
        self._transfer(part, <char *>&values[0] if values.shape[0] else NULL, values.shape[0],
                       sizeof(real), layer, True)

    cdef _transfer(self, str part, char *at, int64_t n, int size, int layer, bint write):
        cdef fnn_part which = <fnn_part><int>PARTS[part]
        cdef int64_t wanted = 0
        cdef fnn_shape shape
        cdef char *bias
        cdef int i
        cdef list wanted_layers = list(range(len(self.layers))) if layer == -1 else [layer]
        if size != (4 if self.dtype == "float32" else 8):
            raise TypeError(f"want an array of {self.dtype}")
        for i in wanted_layers:
            shape = fnn_layer_shape(self.plan, i)
            wanted += shape.rows * shape.columns + shape.bias
        if n != wanted:
            raise ValueError(f"got an array of {n} elements, want {wanted}")
        for i in wanted_layers:
            shape = fnn_layer_shape(self.plan, i)
            bias = at + shape.rows * shape.columns * size if shape.bias else NULL
            if write:
                check(fnn_write(self.plan, which, i, at, bias))
            else:
                check(fnn_read(self.plan, which, i, at, bias))
            at += (shape.rows * shape.columns + shape.bias) * size

    def optimizer_state(self):
        """(name or None, steps, decay[0], decay[1], product); the slots are parts of their own."""
        cdef fnn_optimizer_state state = fnn_get_optimizer(self.plan)
        return optimizer_tuple(state)

    def set_optimizer_state(self, *state):
        check(fnn_set_optimizer(self.plan, optimizer_struct(state)))

    def set_group(self, int layer, *, double l1=0, double l2=0, double max_norm=0,
                  double lr_scale=1, double decay_scale=1, bint frozen=False):
        """How a layer takes part in steps of training."""
        cdef fnn_group group
        group.l1, group.l2, group.max_norm = l1, l2, max_norm
        group.lr_scale, group.decay_scale, group.frozen = lr_scale, decay_scale, frozen
        check(fnn_set_group(self.plan, layer, group))

    def reset_optimizer(self):
        fnn_reset_optimizer(self.plan)

    def snapshot(self, int which):
        """Keeps a copy of parameters and optimizer state; there is room for two, 0 and 1."""
        check(fnn_snapshot(self.plan, which))

    def restore(self, int which):
        check(fnn_restore(self.plan, which))

    def profile(self):
        """[(work, layer, thread, laps, ticks, seconds), ...], or None where nobody counted."""
        cdef fnn_profile_entry *entries
        cdef int64_t i, n = fnn_plan_profile(self.plan, NULL, 0)
        if n < 0:
            return None
        entries = <fnn_profile_entry *>malloc((n + 1) * sizeof(fnn_profile_entry))
        if entries == NULL:
            raise MemoryError()
        try:
            fnn_plan_profile(self.plan, entries, n)
            return [
                (fnn_work_name(entries[i].work).decode(), entries[i].layer, entries[i].thread,
                 entries[i].laps, entries[i].ticks, entries[i].seconds)
                for i in range(n)
            ]
        finally:
            free(entries)

    def reset_profile(self):
        fnn_plan_profile_reset(self.plan)

    cdef fnn_status _go(self, fnn_job *job) except -1:
        """Runs a job that is all filled in, and raises what is not of its data."""
        cdef fnn_status status
        # Signals are the main thread's; the others need not wait for the GIL.
        job.poll = NULL
        if PyThread_get_thread_ident() == main_ident:
            job.poll = poll_signals
        job.poll_context = <void *>self
        self.raised = None
        with nogil:
            status = fnn_run(self.plan, job)
        if status == FNN_INTERRUPTED:
            error, self.raised = self.raised, None
            raise error
        if status not in (FNN_OK, FNN_BAD_INPUT, FNN_NON_FINITE):
            check(status)
        return status

    cdef _Array _result(self, str name, object result, int64_t rows, int64_t columns):
        """An array that the engine may write as one block."""
        cdef _Array out = _Array(result)
        if (out.view.readonly or out.view.itemsize != (4 if self.dtype == "float32" else 8)
                or out.array.rows != rows or out.array.columns != columns
                or out.array.column_bytes != out.view.itemsize
                or out.array.row_bytes != columns * out.view.itemsize):
            raise ValueError(f"{name}: want a writable C-contiguous array of the plan's dtype")
        return out

    def run(self, str mode, object inputs, object targets=None, *, bint labels=False,
            const double[::1] row_weights=None, const int64_t[::1] order=None,
            int64_t begin=0, int64_t end=-1, int64_t batch=0, int threads=1,
            bint fewer_threads=False,
            str loss=None, tuple loss_numbers=None, const double[::1] loss_vector=None,
            object custom=None, bint accuracy=False, str link="identity", object outputs=None,
            uint64_t seed=0, bint training=False, str of="parameters", object gradients=None,
            str optimizer=None, object lr=0.0, double lr_factor=1, tuple hyperparameters=(),
            double clip_value=0, double clip_norm=0, double clip_global_norm=0,
            int64_t accumulate=1, bint shared_penalties=False, double seconds=0,
            before=(0.0, 0.0, 0.0)):
        """Runs a job.

        Instead of a loss's name there may be `custom`, a function of (rows, outputs, columns of
        the targets, dtype, whether there are weights) that returns a function of how many rows
        to look at, which returns their mean loss, and the arrays that it looks at: outputs,
        targets, gradient (which it fills) and weights, each with room for `rows`.  "derive"
        with neither takes the targets as a gradient in the outputs.

        Returns (status, loss_sum, weight_sum, accuracy_sum, position, row, in_targets).
        The status is OK, BAD_INPUT (then row and in_targets say where) or NON_FINITE (at
        the batch that begins at position); other failures are raised.  A training that took
        `seconds` ends early, with a position below `end`.  `before`: what the sums begin with.
        """
        cdef fnn_job job
        cdef fnn_custom_loss own
        cdef _Array x = _Array(inputs), y = None, out = None, derived = None
        cdef Schedule schedule
        cdef fnn_status status
        job.mode = MODES[mode]
        job.threads = threads
        job.fewer_threads = fewer_threads
        job.batch = batch
        job.begin = begin
        job.end = x.array.rows if end < 0 else end
        job.order = NULL
        if order is not None and order.shape[0]:
            job.order = &order[0]
        if order is not None and job.end > order.shape[0]:
            raise ValueError("order is shorter than the job")
        job.inputs = x.array
        job.labels = labels
        job.row_weights = NULL
        if row_weights is not None and row_weights.shape[0]:
            if row_weights.shape[0] != x.array.rows:
                raise ValueError("row_weights: want one for each row")
            job.row_weights = &row_weights[0]
        job.loss = job.accuracy = 0
        job.loss_numbers[0] = job.loss_numbers[1] = 0
        job.loss_vector = NULL
        job.custom = NULL
        job.link = LINK_NUMBERS[link]
        job.outputs = NULL
        job.seed = seed
        job.training = training
        job.of = DERIVATIVES[of]
        job.gradients = NULL
        job.clip_value, job.clip_norm = clip_value, clip_norm
        job.clip_global_norm = clip_global_norm
        job.optimizer = 0
        job.accumulate, job.lr_factor, job.seconds = accumulate, lr_factor, seconds
        job.shared_penalties = shared_penalties
        job.before[0], job.before[1], job.before[2] = before
        if mode == "predict" or outputs is not None:
            out = self._result("outputs", outputs, job.end - begin, self.outputs)
            job.outputs = out.view.buf
        if mode != "predict":
            y = _Array(targets)
            job.targets = y.array
            if gradients is not None:
                columns = self.inputs if job.of == FNN_OF_INPUTS else self.n_parameters
                derived = self._result("gradients", gradients, job.end - begin, columns)
                job.gradients = derived.view.buf
            if custom is not None:
                held = take_custom(self, &job, &own, custom)
            elif loss is None:
                job.loss = FNN_GIVEN
            else:
                fill_loss(&job, self, loss, loss_numbers, loss_vector)
            job.accuracy = accuracy
        if mode == "train":
            schedule = lr if isinstance(lr, Schedule) else Schedule("constant", (lr,))
            job.schedule = schedule.schedule
            job.optimizer = OPTIMIZER_NUMBERS[optimizer]
            fill_hyperparameters(job.hyperparameters, optimizer, hyperparameters)
        try:
            status = self._go(&job)
        finally:
            self.custom = held = None
        return (status, job.loss_sum, job.weight_sum, job.accuracy_sum, job.position,
                job.bad_row, bool(job.bad_targets))


include "_turn.pxi"
include "_calls.pxi"


def optimizer_step(tuple state, double lr, tuple hyperparameters, const double[::1] gradient,
                   double[::1] weights, double[:, ::1] slots):
    """One step of a rule on any function's parameters; changes weights and slots.

    Takes and returns what `Plan.optimizer_state` does, at first (rule, 0, 1, 1, 1).
    """
    cdef fnn_optimizer_state struct = optimizer_struct(state)
    cdef double p[FNN_MAX_HYPERPARAMETERS]
    cdef int64_t n = weights.shape[0]
    fill_hyperparameters(p, state[0], hyperparameters)
    if gradient.shape[0] != n or slots.shape[0] < OPTIMIZER_SLOTS[state[0]] or slots.shape[1] != n:
        raise ValueError("want a gradient and slots of as many elements as the weights")
    if n:
        check(fnn_optimizer_step(&struct, lr, p, n, &gradient[0], &weights[0],
                                 &slots[0, 0] if slots.shape[0] else NULL))
    return optimizer_tuple(struct)


include "_machine.pxi"


select_isa(os.environ.get("FASTNN_ISA", ""))
