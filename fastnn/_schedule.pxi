"""Part of _core.pyx: learning-rate schedules."""

# Schedule -> the names of its parameters, in the engine's order.
SCHEDULES = {
    fnn_schedule_ops[i].name.decode(): tuple(fnn_schedule_ops[i].hyperparameters.decode().split())
    for i in range(FNN_SCHEDULES)
}

cdef dict SCHEDULE_NUMBERS = {name: i for i, name in enumerate(SCHEDULES)}


@cython.final
cdef class Schedule:
    """A learning rate as the engine evaluates it; calling it with a step gives that."""

    cdef fnn_schedule schedule
    cdef const double[::1] values  # held while the engine reads it

    def __cinit__(self, str rule, tuple parameters, const double[::1] values=None, *,
                  int64_t warmup=0, double start_factor=1):
        cdef int i
        if len(parameters) != len(SCHEDULES[rule]):
            raise ValueError(f"parameters: got {parameters}, want {SCHEDULES[rule]}")
        self.schedule.rule = SCHEDULE_NUMBERS[rule]
        for i in range(FNN_MAX_SCHEDULE_PARAMETERS):
            self.schedule.parameters[i] = parameters[i] if i < len(parameters) else 0
        self.values = values
        self.schedule.values = NULL
        self.schedule.n_values = 0
        if values is not None and values.shape[0]:
            self.schedule.values = &values[0]
            self.schedule.n_values = values.shape[0]
        self.schedule.warmup = warmup
        self.schedule.start_factor = start_factor

    def __call__(self, int64_t step):
        return fnn_schedule_lr(&self.schedule, step)
