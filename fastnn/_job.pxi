"""Part of _core.pyx: what a job says of its loss and its optimizer."""


cdef int fill_loss(fnn_job *job, Plan plan, str loss, tuple numbers,
                   const double[::1] vector) except -1:
    job.loss = LOSS_NUMBERS[loss]
    if numbers is None:
        numbers = tuple(LOSS_DEFAULTS[loss].values())
    for i in range(2):
        job.loss_numbers[i] = numbers[i] if i < len(numbers) else 0
    if vector is not None and vector.shape[0]:
        if vector.shape[0] != plan.outputs:
            raise ValueError("loss_vector: want one number for each output")
        job.loss_vector = &vector[0]
    return 0


cdef int fill_hyperparameters(double *to, str optimizer, tuple values) except -1:
    names = OPTIMIZERS[optimizer]
    if len(values) != len(names):
        raise ValueError(f"hyperparameters: got {values}, want {names}")
    for i in range(FNN_MAX_HYPERPARAMETERS):
        to[i] = values[i] if i < len(names) else 0
    return 0
