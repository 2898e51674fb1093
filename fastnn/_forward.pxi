"""Part of _core.pyx: outputs for inputs, with all else settled beforehand."""


@cython.final
cdef class Forward:
    """The job "predict" of a plan, with its link and the array that takes the outputs.

    A call makes no object: it returns OK, BAD_INPUT (`bad_row` says where) or REFUSED, for an
    array that the engine cannot read, or that is wider or longer than it should be.
    """

    cdef Plan plan
    cdef _Array out  # held, so that its memory stays where it is
    cdef fnn_job job

    def __cinit__(self, Plan plan not None, object out, str link="identity"):
        self.plan = plan
        self.out = plan._result("out", out, len(out), plan.outputs)
        memset(&self.job, 0, sizeof(self.job))
        self.job.mode = FNN_PREDICT
        self.job.link = LINK_NUMBERS[link]
        self.job.outputs = self.out.view.buf

    @property
    def bad_row(self):
        return self.job.bad_row

    def __call__(self, object inputs, int threads):
        cdef Py_buffer view
        if not PyObject_CheckBuffer(inputs):
            return REFUSED
        try:
            PyObject_GetBuffer(inputs, &view, PyBUF_STRIDES | PyBUF_FORMAT)
        except (BufferError, ValueError):  # dates, for one, have no format
            return REFUSED
        try:
            if (not describe(&view, &self.job.inputs)
                    or self.job.inputs.columns != self.plan.inputs
                    or self.job.inputs.rows > self.out.array.rows):
                return REFUSED
            self.job.threads = threads
            self.job.end = self.job.inputs.rows
            return self.plan._go(&self.job)
        finally:
            PyBuffer_Release(&view)
