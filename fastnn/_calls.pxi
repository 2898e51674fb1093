"""Part of _core.pyx: jobs that take about as long as a call from Python does.

What does not change from call to call is settled when the object is made.  A call looks at its
arrays and whether the network is free, and does the job while it keeps the GIL: giving that up and
taking it again, a lock, a look for signals would each take a good part of a microsecond.  So only
small jobs are done here, of which one thread is all that pays, and only on plain arrays that are
right.  Of all else nothing happens: then the way has to be taken that every job can, and
that finds out what is wrong with it.
"""

# Rows times parameters, and how often these are gone through, of a job that keeps the GIL: 10 to 30
# microseconds.
cdef int64_t SMALL = 3 << 19


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

    cdef bint takes(self, object X) noexcept:
        """Whether the job can be done here, with these inputs; then they are its inputs.

        Before that nothing of the job may be changed: the engine may be at it.
        """
        cdef fnn_array inputs
        if (not self.turn.is_free(self.plan) or not describe_plain(X, 2, &inputs)
                or inputs.columns != self.plan.inputs or inputs.rows > self.most):
            return False
        if inputs.rows > self.alone:
            if fnn_plan_threads(self.plan.plan, self.job.mode, inputs.rows, 2) != 1:
                return False
            self.alone = inputs.rows
        self.job.inputs, self.job.end = inputs, inputs.rows
        return True

    cdef bint succeeds(self) noexcept:
        return fnn_run(self.plan.plan, &self.job) == FNN_OK


cdef class Forward(_Call):
    """The job "predict" of a plan and a link; outputs go to an array of its own, or to new ones.

    Calling it with an array returns `out`, or a view of its first rows where there are fewer: or
    what `otherwise` returns.
    """

    cdef readonly object out
    cdef _Array held  # so that the memory of `out` stays where it is
    cdef int dtype  # NumPy's number of it

    def __cinit__(self, Plan plan, Turn turn, object out=None, str link="identity"):
        self.job.mode = FNN_PREDICT
        self.job.link = LINK_NUMBERS[link]
        self.out = out
        self.dtype = NPY_FLOAT if plan.dtype == "float32" else NPY_DOUBLE
        if out is not None:
            self.held = plan._result("out", out, len(out), plan.outputs)

    def __call__(self, object X):
        if self.held is None or not self.takes(X) or self.job.end > self.held.array.rows:
            return self.otherwise(X)
        cdef int64_t rows = self.job.end
        self.job.outputs = self.held.view.buf
        if not self.succeeds():
            return self.otherwise(X)
        return self.out if rows == self.held.array.rows else self.out[:rows]

    def otherwise(self, object X):
        raise TypeError("want an array that the engine can read")

    def fresh(self, object X):
        """The outputs in a new array, or None."""
        if not self.takes(X):
            return None
        cdef Py_ssize_t[2] shape = [self.job.end, self.plan.outputs]
        out = PyArray_SimpleNew(2, shape, self.dtype)
        # Asked again: whoever watches the memory of Python may have used the network.
        if not self.takes(X):
            return None
        self.job.outputs = PyArray_DATA(<PyArrayObject *>out)
        return out if self.succeeds() else None

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

    def __call__(self, object X, object y, uint64_t seed):
        cdef fnn_array targets
        # The engine itself refuses targets of another shape or type.
        if not describe_plain(y, 1, &targets) or not self.takes(X) or self.job.end == 0:
            return None
        self.job.targets, self.job.batch, self.job.seed = targets, self.job.end, seed
        return self.job.loss_sum / self.job.weight_sum if self.succeeds() else None
