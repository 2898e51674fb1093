"""Part of _core.pyx: jobs that take about as long as a call from Python does.

What does not change from call to call is settled when the object is made.  A call looks at its
arrays and whether the network is free, and does the job while it keeps the GIL: giving that up and
taking it again, a lock, a look for signals would each take a good part of a microsecond.  So only
small jobs are done here, of which one thread is all that pays, and only on plain arrays that are
right.  Of all else nothing happens: then the way has to be taken that every job can, and
that finds out what is wrong with it.
"""

import numpy

cdef object ndarray = numpy.ndarray, empty = numpy.empty

# Rows times parameters, and how often these are gone through, of a job that keeps the GIL: 10 to 30
# microseconds.
cdef int64_t SMALL = 3 << 19


cdef bint view_plain(object x, Py_buffer *view) noexcept:
    """Whether x is an array, of no subclass that may mean something else, and has a format."""
    if type(x) is not ndarray:
        return False
    if get_buffer(x, view, PyBUF_STRIDES | PyBUF_FORMAT) != 0:  # dates have none
        PyErr_Clear()
        return False
    return True


cdef class _Call:
    """A job of a plan that is done again and again, if `turn` allows it."""

    cdef Plan plan
    cdef Turn turn
    cdef fnn_job job
    cdef int64_t most  # rows of a job that is small
    cdef int64_t alone  # of one for which one thread is known to be all that pays

    def __cinit__(self, Plan plan not None, Turn turn not None, *args, **options):
        self.plan, self.turn = plan, turn
        self.most, self.alone = SMALL // max(1, plan.n_parameters), 0
        memset(&self.job, 0, sizeof(self.job))
        self.job.threads = 1

    cdef bint takes(self, const Py_buffer *view) noexcept:
        """Whether the job can be done here, with these inputs; then they are its inputs.

        Before that nothing of the job may be changed: the engine may be at it.
        """
        if (not self.turn.is_free(self.plan) or view.ndim != 2
                or view.shape[1] != self.plan.inputs or view.shape[0] > self.most):
            return False
        if view.shape[0] > self.alone:
            if fnn_plan_threads(self.plan.plan, self.job.mode, view.shape[0], 2) != 1:
                return False
            self.alone = view.shape[0]
        self.job.end = view.shape[0]
        return describe(view, &self.job.inputs)

    cdef bint succeeds(self) noexcept:
        return fnn_run(self.plan.plan, &self.job) == FNN_OK


cdef class Forward(_Call):
    """The job "predict" of a plan and a link; outputs go to an array of its own, or to new ones.

    Calling it with an array returns `out`, or a view of its first rows where there are fewer: or
    what `otherwise` returns.
    """

    cdef readonly object out
    cdef _Array held  # so that the memory of `out` stays where it is
    cdef object dtype
    cdef tuple shape  # of the last new array, which had so many rows:
    cdef int64_t rows

    def __cinit__(self, Plan plan, Turn turn, object out=None, str link="identity"):
        self.job.mode = FNN_PREDICT
        self.job.link = LINK_NUMBERS[link]
        self.out, self.dtype, self.rows = out, numpy.dtype(plan.dtype), -1
        if out is not None:
            self.held = plan._result("out", out, len(out), plan.outputs)

    def __call__(self, object X):
        cdef Py_buffer view
        cdef bint done = False
        cdef int64_t rows = 0
        if self.held is not None and view_plain(X, &view):
            rows = view.shape[0] if view.ndim == 2 else 0
            if rows <= self.held.array.rows and self.takes(&view):
                self.job.outputs = self.held.view.buf
                done = self.succeeds()
            PyBuffer_Release(&view)
        if not done:
            return self.otherwise(X)
        return self.out if rows == self.held.array.rows else self.out[:rows]

    def otherwise(self, object X):
        raise TypeError("want an array that the engine can read")

    def fresh(self, object X):
        """The outputs in a new array, or None."""
        cdef Py_buffer view, result
        cdef bint done = False
        if not view_plain(X, &view):
            return None
        try:
            if self.takes(&view):
                if self.rows != view.shape[0]:
                    self.rows, self.shape = view.shape[0], (view.shape[0], self.plan.outputs)
                out = empty(self.shape, self.dtype)
                PyObject_GetBuffer(out, &result, PyBUF_SIMPLE)
                # Asked again: a new array may wake the garbage collector, and that anything.
                done = self.takes(&view)
                if done:
                    self.job.outputs = result.buf
                    done = self.succeeds()
                PyBuffer_Release(&result)
        finally:
            PyBuffer_Release(&view)
        return out if done else None

    @property
    def bad_row(self):
        return self.job.bad_row

    def run(self, object inputs, int threads):
        """A job of any size into `out`, by whoever has the lock.

        Returns OK, BAD_INPUT (`bad_row` says where) or REFUSED, for an array that the engine
        cannot read, or that is wider or longer than it should be.
        """
        cdef _Array x
        try:
            x = _Array(inputs)
        except (AttributeError, BufferError, TypeError, ValueError):
            return REFUSED
        if x.array.columns != self.plan.inputs or x.array.rows > self.held.array.rows:
            return REFUSED
        self.job.inputs, self.job.outputs = x.array, self.held.view.buf
        self.job.threads, self.job.end = threads, x.array.rows
        try:
            return self.plan._go(&self.job)
        finally:
            self.job.threads, self.job.poll = 1, NULL


cdef class Step(_Call):
    """A step of a loss and an optimizer on a batch; of targets that are labels or values.

    Calling it with a batch and the network's seed returns its mean loss, or None.
    """

    cdef Schedule schedule  # held, as the next, while the engine reads them
    cdef const double[::1] vector

    def __cinit__(self, Plan plan, Turn turn, Schedule lr not None, bint labels, *, str loss,
                  tuple loss_numbers, const double[::1] loss_vector, str optimizer,
                  tuple hyperparameters, double clip_value=0, double clip_norm=0,
                  double clip_global_norm=0, bint shared_penalties=False):
        self.job.mode = FNN_TRAIN
        self.most //= 3  # forward, backward, the gradient
        self.schedule, self.vector = lr, loss_vector
        self.job.schedule, self.job.lr_factor = lr.schedule, 1
        self.job.labels = labels
        fill_loss(&self.job, plan, loss, loss_numbers, loss_vector)
        self.job.optimizer = OPTIMIZER_NUMBERS[optimizer]
        fill_hyperparameters(self.job.hyperparameters, optimizer, hyperparameters)
        self.job.clip_value, self.job.clip_norm = clip_value, clip_norm
        self.job.clip_global_norm = clip_global_norm
        self.job.shared_penalties = shared_penalties

    cdef bint takes_targets(self, const Py_buffer *view) noexcept:
        """One column may also be a vector."""
        cdef fnn_array *y = &self.job.targets
        if view.ndim != 1:
            return describe(view, y)
        y.data, y.type = view.buf, type_of(view.format, view.itemsize)
        y.rows, y.columns = view.shape[0], 1
        y.row_bytes, y.column_bytes = view.strides[0], view.itemsize
        return y.type >= 0

    def __call__(self, object X, object y, uint64_t seed):
        cdef Py_buffer inputs, targets
        cdef bint done = False
        if not view_plain(X, &inputs):
            return None
        if view_plain(y, &targets):
            # The engine itself refuses targets of another shape or type.
            if self.takes(&inputs) and self.job.end > 0 and self.takes_targets(&targets):
                self.job.batch, self.job.seed = self.job.end, seed
                done = self.succeeds()
            PyBuffer_Release(&targets)
        PyBuffer_Release(&inputs)
        return self.job.loss_sum / self.job.weight_sum if done else None
