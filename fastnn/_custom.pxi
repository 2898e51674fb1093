"""Part of _core.pyx: a loss that is a Python function."""

# Rows of a call where there are no batches: `evaluate`, `loss_and_gradient`.
CUSTOM_ROWS = 1024


cdef int call_custom(void *context, int64_t rows, double *value) noexcept with gil:
    """Calls the function; what it raises stops the job and is raised after it."""
    cdef Plan plan = <Plan>context
    try:
        value[0] = plan.custom(rows)
    except BaseException as error:
        plan.raised = error
        return 1
    return 0


cdef list take_custom(Plan plan, fnn_job *job, fnn_custom_loss *own, object prepare):
    """Fills the job's loss; returns the arrays that are to be held until it ends."""
    cdef _Array array
    cdef int64_t rows = job.end - job.begin, columns = job.targets.columns
    if not (job.mode == FNN_DERIVE and job.training):
        rows = min(rows, job.batch if job.batch > 0 else CUSTOM_ROWS)
    rows = max(rows, 1)
    plan.custom, *arrays = prepare(
        rows, plan.outputs, columns, plan.dtype, job.row_weights != NULL
    )
    cdef int size = 4 if plan.dtype == "float32" else 8
    held = []
    for x, width, bytes_each in zip(
        arrays, (plan.outputs, columns, plan.outputs, 1), (size, size, size, 8)
    ):
        array = _Array(x)
        if (array.view.readonly or array.view.itemsize != bytes_each
                or array.array.type > FNN_F64
                or array.array.rows != rows or array.array.columns != width
                or array.array.column_bytes != bytes_each
                or array.array.row_bytes != width * bytes_each):
            raise ValueError("custom: want writable C-contiguous arrays of the plan's dtype")
        held.append(array)
    own.call = call_custom
    own.context = <void *>plan
    own.rows = rows
    own.outputs = (<_Array>held[0]).view.buf
    own.targets = (<_Array>held[1]).view.buf
    own.gradient = (<_Array>held[2]).view.buf
    own.weights = <double *>(<_Array>held[3]).view.buf
    job.loss = FNN_CUSTOM_LOSS
    job.custom = own
    return held
