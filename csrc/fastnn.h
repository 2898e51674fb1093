/* fastnn's C API: the whole of what Python (through Cython), the C driver and the
 * tests see.  Standard headers only; nothing here knows Python.
 *
 * A plan is a network laid out in memory.  A job is one pass over data: training,
 * a gradient, an evaluation or a prediction.  fnn_run walks the job's batches
 * through the plan's phases with a team of threads.  Sizes are counts of elements
 * unless a name says bytes.
 *
 * Thread safety: different plans may be used by different threads at once; one
 * plan only by one thread at a time (the Python layer holds a lock). */
#ifndef FASTNN_H
#define FASTNN_H

#include <stdint.h>

#define FNN_BLOCK 16 /* features that lie together in an activation */
#define FNN_PANEL 32 /* outputs that lie together in a weight matrix */
#define FNN_MAX_THREADS 256
#define FNN_MAX_SLOTS 3
#define FNN_MAX_HYPERPARAMETERS 6
#define FNN_MAX_SCHEDULE_PARAMETERS 6

/* Visible in the extension's file, where threadpoolctl looks for it. */
#if defined(_WIN32)
#define FNN_EXPORT __declspec(dllexport)
#else
#define FNN_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  FNN_OK,
  FNN_NO_MEMORY,
  FNN_BAD_ARGUMENT,
  FNN_BAD_INPUT,  /* NaN, infinity, an unknown label or code in a row, or a sparse row that cannot
                     be: see fnn_job.bad_row */
  FNN_NON_FINITE, /* the loss of the batch at fnn_job.position is not finite */
  FNN_INTERRUPTED /* fnn_job.poll asked to stop */
} fnn_status;

typedef enum { FNN_FLOAT32, FNN_FLOAT64 } fnn_dtype;

#define ACTIVATION(name, ...) FNN_ACTIVATION_##name,
typedef enum {
#include "ops/activations.def"
  FNN_ACTIVATIONS
} fnn_activation;
#undef ACTIVATION

#define LOSS(name, ...) FNN_LOSS_##name,
typedef enum {
#include "ops/losses.def"
  FNN_LOSSES
} fnn_loss;
#undef LOSS

#define OPTIMIZER(name, ...) FNN_OPTIMIZER_##name,
typedef enum {
#include "ops/optimizers.def"
  FNN_OPTIMIZERS
} fnn_optimizer;
#undef OPTIMIZER

#define SCHEDULE(name, ...) FNN_SCHEDULE_##name,
typedef enum {
#include "ops/schedules.def"
  FNN_SCHEDULES
} fnn_schedule_rule;
#undef SCHEDULE

typedef enum {
  FNN_LINK_identity,
  FNN_LINK_sigmoid,
  FNN_LINK_softmax,
  FNN_LINK_log_softmax,
  FNN_LINK_exp,
  FNN_LINK_sign /* 1 above 0, else -1 */
} fnn_link;

/* The rows of ops/ as names, for whoever has to list them. */
typedef struct {
  const char *name;
  int32_t slots;               /* optimizers: arrays of state */
  const char *hyperparameters; /* names, separated by blanks; losses: with their defaults */
  int32_t link;                /* losses: fnn_link */
  int32_t outputs;             /* losses: of the network, for each column of the targets */
} fnn_op;
extern const fnn_op fnn_activation_ops[FNN_ACTIVATIONS];
extern const fnn_op fnn_loss_ops[FNN_LOSSES];
extern const fnn_op fnn_optimizer_ops[FNN_OPTIMIZERS];
extern const fnn_op fnn_schedule_ops[FNN_SCHEDULES];

/* ---- arrays of the caller -------------------------------------------------- */

typedef enum {
  FNN_F32,
  FNN_F64,
  FNN_I8,
  FNN_U8,
  FNN_I16,
  FNN_U16,
  FNN_I32,
  FNN_U32,
  FNN_I64,
  FNN_U64,
  FNN_TYPES
} fnn_type;

/* A two-dimensional array as NumPy has it: any order, any strides, never written. */
typedef struct {
  const void *data;
  int64_t rows, columns;
  int64_t row_bytes, column_bytes; /* strides; may be negative or zero */
  int32_t type;                    /* fnn_type */
  /* Compressed sparse rows, inputs alone: `data` then has the `stored` elements that are not 0, one
   * after the other; row r has those from starts[r] to before starts[r + 1], in the columns that
   * `indices` tells.  NULL: every element is there. */
  const void *starts, *indices;
  int64_t stored;
  int32_t index_bytes; /* of a start and of an index: 4 or 8 */
} fnn_array;

/* ---- the plan -------------------------------------------------------------- */

#define LAYER(name, ...) FNN_LAYER_##name,
typedef enum {
  FNN_LAYER_dense,
#include "ops/layers.def"
  FNN_LAYERS
} fnn_layer_kind;
#undef LAYER

typedef enum { FNN_ANY, FNN_ROWS, FNN_COLUMNS } fnn_split;
typedef enum { FNN_NOTHING, FNN_ELEMENTS, FNN_OF_ROW, FNN_OF_COLUMN } fnn_buffer;
typedef struct {
  const char *name;
  int32_t split; /* fnn_split */
  int32_t inputs;
  int32_t trains; /* numbers an output: 1 a weight, 2 also a shift */
  int32_t buffer; /* fnn_buffer */
  const char *numbers;
} fnn_layer_op;
extern const fnn_layer_op fnn_layer_ops[FNN_LAYERS];

/* A column of the network's input that an embedding replaces: its codes, whole numbers from 0 to
 * codes - 1, by vectors.  At most 2^24 codes, which are exact in float32. */
typedef struct {
  int64_t column, codes, width;
} fnn_column;

typedef struct {
  int32_t kind;              /* fnn_layer_kind */
  int32_t activation;        /* fnn_activation */
  double parameter;          /* of the activation: the negative slope of leaky_relu */
  int64_t outputs;           /* dense; those of the others follow from their inputs */
  int32_t bias;              /* dense; 0: none */
  double p[2];               /* numbers of the others: see ops/layers.def */
  int32_t back[2];           /* its inputs: so many layers back; 0 for the first is 1 */
  const fnn_column *columns; /* embedding: in ascending order */
  int32_t n_columns;
} fnn_layer_spec;

typedef struct fnn_plan fnn_plan;

/* A network of n_layers on rows of `inputs` features; all parameters are zero. */
fnn_status fnn_plan_create(fnn_dtype dtype, int64_t inputs, const fnn_layer_spec *layers,
                           int32_t n_layers, fnn_plan **plan);
void fnn_plan_free(fnn_plan *plan);
int64_t fnn_plan_parameters(const fnn_plan *plan); /* number of weights and biases */
int64_t fnn_plan_outputs(const fnn_plan *plan);    /* width of the last layer */
int64_t fnn_plan_bytes(const fnn_plan *plan);      /* memory held now */

/* Rows and columns of a layer's weights and the length of its bias: of a dense layer
 * (inputs, outputs) and outputs or 0; of one with a scale and a shift (1, outputs) and outputs;
 * of an embedding (1, numbers in all tables) and 0; of the others 0. */
typedef struct {
  int64_t rows, columns, bias;
} fnn_shape;
fnn_shape fnn_layer_shape(const fnn_plan *plan, int32_t layer);

/* How a layer takes part in steps of training.  The penalties l1 |w| + l2 w^2 / 2 of each weight
 * (not of biases, scales and shifts) are in the gradient, not in the losses that jobs report. */
typedef struct {
  double l1, l2;
  double max_norm;              /* of the weights into one output; 0: any */
  double lr_scale, decay_scale; /* factors of the learning rate, of the optimizer's weight decay */
  int32_t frozen;               /* 1: is not changed */
} fnn_group;
fnn_status fnn_set_group(fnn_plan *plan, int32_t layer, fnn_group group);

/* What has the shape of the parameters.  Of `layer`: weights C-contiguous and bias, in the
 * plan's dtype; NULL skips one.  Reading a slot that no job has used yet gives zeros.
 * FNN_STATE is of batch normalization alone: running mean as the weights, running variance as
 * the bias. */
typedef enum {
  FNN_PARAMETERS,
  FNN_GRADIENT,
  FNN_SLOT_0,
  FNN_SLOT_1,
  FNN_SLOT_2,
  FNN_STATE
} fnn_part;
fnn_status fnn_read(fnn_plan *plan, fnn_part part, int32_t layer, void *weights, void *bias);
fnn_status fnn_write(fnn_plan *plan, fnn_part part, int32_t layer, const void *weights,
                     const void *bias);

/* Besides the slots: what the next step needs to know of the ones before. */
typedef struct {
  int32_t optimizer; /* fnn_optimizer, or -1: none yet */
  int64_t steps;
  double decay[2]; /* hyperparameter[i] ^ steps */
  double product;  /* of all steps' momenta, where a rule wants it (nadam); else 1 */
} fnn_optimizer_state;
fnn_optimizer_state fnn_get_optimizer(const fnn_plan *plan);
fnn_status fnn_set_optimizer(fnn_plan *plan, fnn_optimizer_state state); /* not the slots */
void fnn_reset_optimizer(fnn_plan *plan);                                /* zero slots, step 0 */

/* One step of an optimizer's rule on n parameters of any function; slots is [slots][n], at
 * first zeros, and `state` what the step before left, at first {optimizer, 0, {1, 1}, 1}. */
fnn_status fnn_optimizer_step(fnn_optimizer_state *state, double lr, const double *hyperparameters,
                              int64_t n, const double *gradient, double *weights, double *slots);

/* Copies of everything that training changes, to go back to: 0 and 1. */
fnn_status fnn_snapshot(fnn_plan *plan, int32_t which);
fnn_status fnn_restore(fnn_plan *plan, int32_t which);

/* ---- learning rates -------------------------------------------------------- */

/* The learning rate as a function of the step, after a linear warm-up: over the first
 * `warmup` steps a factor goes from start_factor to 1, then the rule's own step 0 comes. */
typedef struct {
  int32_t rule; /* fnn_schedule_rule */
  double parameters[FNN_MAX_SCHEDULE_PARAMETERS];
  const double *values; /* milestones in ascending order, or the entries of a table */
  int64_t n_values;
  int64_t warmup;
  double start_factor;
} fnn_schedule;

/* Step 0 is the first of an optimizer's state (fnn_optimizer_state.steps). */
double fnn_schedule_lr(const fnn_schedule *schedule, int64_t step);

/* ---- jobs ------------------------------------------------------------------ */

typedef enum {
  FNN_TRAIN,    /* step after step: loss, gradient, update */
  FNN_DERIVE,   /* mean loss over all rows and its gradient, left in FNN_GRADIENT */
  FNN_EVALUATE, /* loss, and accuracy if asked for */
  FNN_PREDICT   /* outputs */
} fnn_mode;

/* What FNN_DERIVE takes the gradient of, and in what. */
typedef enum {
  FNN_OF_PARAMETERS, /* of the mean loss in the parameters: FNN_GRADIENT */
  FNN_OF_INPUTS, /* of the mean loss in the inputs, whose layer (`input`) comes first: gradients,
                    (end - begin, inputs) */
  FNN_OF_ROWS    /* of each row's own loss in the parameters: gradients, (end - begin,
                    parameters), a layer's weights and then its bias */
} fnn_derivative;

/* Instead of a loss: the targets are a gradient in the outputs, to be carried back. */
#define FNN_GIVEN (-2)

/* A loss of the caller's own, of whole batches: it reads outputs and targets (and weights, of the
 * rows, where the job has any), and writes its gradient in the outputs, which is 0 before.  Its
 * value is the (weighted) mean over the batch's rows, whose gradient that is.  It is called by the
 * thread that called fnn_run, in that one's floating-point mode, while the others wait. */
typedef struct {
  int (*call)(void *context, int64_t rows, double *value); /* not 0: stop before the update */
  void *context;
  int64_t rows;    /* room in these; also the most of a call where there are no steps */
  void *outputs;   /* (rows, outputs), the plan's dtype */
  void *targets;   /* (rows, columns of the targets), the plan's dtype */
  void *gradient;  /* (rows, outputs), the plan's dtype */
  double *weights; /* (rows); may be NULL without row_weights */
} fnn_custom_loss;
#define FNN_CUSTOM_LOSS (-1)

typedef struct {
  int32_t mode; /* fnn_mode */
  int32_t threads;
  int32_t fewer_threads; /* FNN_TRAIN: or fewer, where these are faster */
  int64_t batch;         /* rows of a step (FNN_TRAIN); elsewhere a hint */
  int64_t begin, end;    /* positions in `order` to visit */
  const int64_t *order;  /* row numbers, or NULL: as they stand */

  fnn_array inputs;
  fnn_array targets; /* (rows, outputs / fnn_op.outputs) values, or (rows, 1) class labels */
  int32_t labels;    /* targets are class labels */
  const double *row_weights;

  int32_t loss; /* fnn_loss, or FNN_CUSTOM_LOSS; FNN_DERIVE: or FNN_GIVEN */
  const fnn_custom_loss *custom;
  double loss_numbers[2];    /* its numbers: see ops/losses.def */
  const double *loss_vector; /* instead of the first, one for each output; or NULL */
  int32_t accuracy;          /* also count right answers */
  int32_t link;              /* fnn_link applied to what goes to `outputs` */
  /* (end - begin, outputs) in the order visited, the plan's dtype.  FNN_TRAIN, FNN_EVALUATE: what
   * the losses were computed of, so that metrics need no pass of their own; or NULL. */
  void *outputs;

  uint64_t seed;    /* of layers that draw random numbers; they also depend on the step */
  int32_t training; /* FNN_DERIVE: as in a step of training; 0: as in FNN_PREDICT */
  int32_t of;       /* FNN_DERIVE: fnn_derivative */
  void *gradients;  /* FNN_DERIVE: see fnn_derivative; the plan's dtype */

  int32_t optimizer;  /* fnn_optimizer */
  int64_t accumulate; /* FNN_TRAIN: batches of a step, whose gradients are added up; 0 is 1 */
  /* FNN_TRAIN: the layers' penalties belong to the sum of the losses of a step rather than to their
   * mean: they are divided by the step's sum of row weights. */
  int32_t shared_penalties;
  /* Bounds of the gradient, 0: none.  Of each element; of the norm of each weight matrix and
   * each bias; of the norm of all of it. */
  double clip_value, clip_norm, clip_global_norm;
  fnn_schedule schedule;
  double lr_factor; /* of the schedule's learning rates */
  double hyperparameters[FNN_MAX_HYPERPARAMETERS];

  /* Called about every 20 ms by the calling thread, between pieces of work; not 0:
   * stop before the next update.  May be NULL. */
  int (*poll)(void *context);
  void *poll_context;
  double seconds; /* FNN_TRAIN: end after the step in which so many have passed; 0: any */
  /* What the three sums begin with: jobs that are parts of an epoch, each given the sums of the
   * one before, end with the same bits as one job. */
  double before[3];

  /* Results. */
  double loss_sum;     /* of row weight * row loss */
  double weight_sum;   /* of row weights */
  double accuracy_sum; /* of row weight * share of right answers */
  int64_t position;    /* where the job ended: `end`, or the first batch not done */
  int64_t bad_row;     /* FNN_BAD_INPUT: row number ... */
  int32_t bad_targets; /* ... in targets rather than inputs */
} fnn_job;

fnn_status fnn_run(fnn_plan *plan, fnn_job *job);

/* ---- where the time goes ------------------------------------------------------- */

typedef enum {
  FNN_WORK_gather,
  FNN_WORK_forward,
  FNN_WORK_loss,
  FNN_WORK_backward,
  FNN_WORK_update,  /* weight units: their gradient, and the rule or a store */
  FNN_WORK_barrier, /* waiting for the other threads, before the layer's work */
  FNN_WORK_other,   /* sums of losses, constants, outputs, polls */
  FNN_WORKS
} fnn_kind_of_work;

typedef struct {
  int32_t work, layer, thread; /* layer: 0 where the work is of none */
  int64_t laps;
  int64_t ticks; /* of the CPU's clock: cycles at its nominal rate (AArch64: of its timer) */
  double seconds;
} fnn_profile_entry;

/* What all jobs of a plan took, if the environment variable FASTNN_PROFILE was set (and not 0)
 * when it was made: writes at most `most` entries and returns how many there are, or -1. */
int64_t fnn_plan_profile(const fnn_plan *plan, fnn_profile_entry *entries, int64_t most);
const char *fnn_work_name(int32_t work);
void fnn_plan_profile_reset(fnn_plan *plan);

/* ---- threads, CPU, numbers --------------------------------------------------- */

/* The kernel tables that this CPU can run, best first, as static names; returns their number. */
int32_t fnn_isas(const char **names, int32_t most);
const char *fnn_isa(void);
fnn_status fnn_select_isa(const char *name); /* for plans made from now on; NULL, "": the best */

void fnn_team_stop(void); /* ends the team's threads; the next job makes new ones */
FNN_EXPORT int32_t fnn_team_size(void);

int64_t fnn_allocations(void); /* times that the core has asked for memory; for tests */
/* FLOP/s of fused multiply-adds from registers, of all threads together; and seconds for a line of
 * cache that another thread has changed. */
double fnn_fma_peak(fnn_dtype dtype, int32_t threads, double seconds);
double fnn_handover(int32_t threads, double seconds);

/* Threads that may pay for a job of `rows`, or for a step of training, at most `most`. */
int32_t fnn_plan_threads(const fnn_plan *plan, int32_t mode, int64_t rows, int32_t most);

/* Philox4x32-10 (Salmon et al. 2011): element i depends on (seed, stream, i) alone. */
void fnn_uniform(uint64_t seed, uint64_t stream, int64_t n, double *out); /* [0, 1) */
void fnn_normal(uint64_t seed, uint64_t stream, int64_t n, double *out);
void fnn_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t *out);

/* One function of the kernels over an array, for tests: "exp", "log", "tanh", ... or
 * an activation's name.  slopes (may be NULL) gets an activation's derivative. */
fnn_status fnn_map(fnn_dtype dtype, const char *function, double parameter, int64_t n,
                   const void *x, void *values, void *slopes);

#ifdef __cplusplus
}
#endif
#endif
