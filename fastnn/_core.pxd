# cython: language_level=3
"""csrc/fastnn.h, as Cython sees it; the comments are there."""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "fastnn.h" nogil:
    enum:
        FNN_MAX_HYPERPARAMETERS, FNN_MAX_SCHEDULE_PARAMETERS
        FNN_OK, FNN_NO_MEMORY, FNN_BAD_ARGUMENT, FNN_BAD_INPUT, FNN_NON_FINITE, FNN_INTERRUPTED
        FNN_ACTIVATIONS, FNN_LOSSES, FNN_OPTIMIZERS, FNN_SCHEDULES
        FNN_F32, FNN_F64, FNN_I8, FNN_U8, FNN_I16, FNN_U16, FNN_I32, FNN_U32, FNN_I64, FNN_U64
        FNN_LAYER_dense, FNN_LAYERS
        FNN_TRAIN, FNN_DERIVE, FNN_EVALUATE, FNN_PREDICT
        FNN_OF_PARAMETERS, FNN_OF_INPUTS, FNN_OF_ROWS
        FNN_GIVEN, FNN_CUSTOM_LOSS
        FNN_PARAMETERS, FNN_GRADIENT, FNN_SLOT_0, FNN_SLOT_1, FNN_SLOT_2, FNN_STATE
    ctypedef int fnn_status
    ctypedef enum fnn_dtype:
        FNN_FLOAT32
        FNN_FLOAT64
    ctypedef enum fnn_part:
        pass
    ctypedef struct fnn_op:
        const char *name
        int32_t slots
        const char *hyperparameters
        int32_t link
    const fnn_op *fnn_activation_ops
    const fnn_op *fnn_loss_ops
    const fnn_op *fnn_optimizer_ops
    const fnn_op *fnn_schedule_ops
    ctypedef struct fnn_array:
        const void *data
        int64_t rows, columns
        int64_t row_bytes, column_bytes
        int32_t type
        const void *starts
        const void *indices
        int64_t stored
        int32_t index_bytes
    ctypedef struct fnn_column:
        int64_t column, codes, width
    ctypedef struct fnn_layer_spec:
        int32_t kind, activation
        double parameter
        int64_t outputs
        int32_t bias
        double p[2]
        int32_t back[2]
        const fnn_column *columns
        int32_t n_columns
    ctypedef struct fnn_layer_op:
        const char *name
        int32_t inputs
        int32_t trains
        const char *numbers
    const fnn_layer_op *fnn_layer_ops
    ctypedef struct fnn_shape:
        int64_t rows, columns, bias
    ctypedef struct fnn_plan:
        pass
    ctypedef struct fnn_optimizer_state:
        int32_t optimizer
        int64_t steps
        double decay[2]
        double product
    ctypedef struct fnn_schedule:
        int32_t rule
        double parameters[6]
        const double *values
        int64_t n_values, warmup
        double start_factor
    double fnn_schedule_lr(const fnn_schedule *, int64_t)
    ctypedef struct fnn_custom_loss:
        int (*call)(void *, int64_t, double *) noexcept nogil
        void *context
        int64_t rows
        void *outputs
        void *targets
        void *gradient
        double *weights
    ctypedef struct fnn_job:
        int32_t mode, threads, fewer_threads
        int64_t batch, begin, end
        const int64_t *order
        fnn_array inputs, targets
        int32_t labels
        const double *row_weights
        int32_t loss, accuracy, link
        const fnn_custom_loss *custom
        double loss_numbers[2]
        const double *loss_vector
        void *outputs
        uint64_t seed
        int32_t training, of
        void *gradients
        int32_t optimizer
        int64_t accumulate
        int32_t shared_penalties
        double clip_value, clip_norm, clip_global_norm
        fnn_schedule schedule
        double lr_factor
        double hyperparameters[6]
        int (*poll)(void *) noexcept nogil
        void *poll_context
        double seconds
        double before[3]
        double loss_sum, weight_sum, accuracy_sum
        int64_t position, bad_row
        int32_t bad_targets
    fnn_status fnn_plan_create(fnn_dtype, int64_t, const fnn_layer_spec *, int32_t, fnn_plan **)
    void fnn_plan_free(fnn_plan *)
    int64_t fnn_plan_parameters(const fnn_plan *)
    int64_t fnn_plan_outputs(const fnn_plan *)
    int64_t fnn_plan_bytes(const fnn_plan *)
    int32_t fnn_plan_threads(const fnn_plan *, int32_t, int64_t, int32_t)
    ctypedef struct fnn_group:
        double l1, l2, max_norm, lr_scale, decay_scale
        int32_t frozen
    fnn_status fnn_set_group(fnn_plan *, int32_t, fnn_group)
    fnn_shape fnn_layer_shape(const fnn_plan *, int32_t)
    fnn_status fnn_read(fnn_plan *, fnn_part, int32_t, void *, void *)
    fnn_status fnn_write(fnn_plan *, fnn_part, int32_t, const void *, const void *)
    fnn_optimizer_state fnn_get_optimizer(const fnn_plan *)
    fnn_status fnn_set_optimizer(fnn_plan *, fnn_optimizer_state)
    void fnn_reset_optimizer(fnn_plan *)
    fnn_status fnn_optimizer_step(fnn_optimizer_state *, double, const double *, int64_t,
                                  const double *, double *, double *)
    fnn_status fnn_snapshot(fnn_plan *, int32_t)
    fnn_status fnn_restore(fnn_plan *, int32_t)
    fnn_status fnn_run(fnn_plan *, fnn_job *)
    ctypedef struct fnn_profile_entry:
        int32_t work, layer, thread
        int64_t laps, ticks
        double seconds
    int64_t fnn_plan_profile(const fnn_plan *, fnn_profile_entry *, int64_t)
    const char *fnn_work_name(int32_t)
    void fnn_plan_profile_reset(fnn_plan *)
    int32_t fnn_isas(const char **, int32_t)
    const char *fnn_isa()
    fnn_status fnn_select_isa(const char *)
    void fnn_team_stop()
    int32_t fnn_team_size()
    int64_t fnn_allocations()
    double fnn_fma_peak(fnn_dtype, int32_t, double)
    double fnn_handover(int32_t, double)
    void fnn_uniform(uint64_t, uint64_t, int64_t, double *)
    void fnn_normal(uint64_t, uint64_t, int64_t, double *)
    void fnn_permutation(uint64_t, uint64_t, int64_t, int64_t *)
    fnn_status fnn_map(fnn_dtype, const char *, double, int64_t, const void *, void *, void *)
