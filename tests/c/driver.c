/* The C core without Python: trains a few networks on every ISA of the machine with
 * 1, 2, 3, 4 and 7 threads, in both dtypes, and prints a hash of the parameters.  All
 * hashes of a network and dtype must agree over the threads, and over the ISAs with FMA.
 * Built with sanitizers in CI, and for AArch64 under qemu-user (tests/c/build.sh).
 *
 *   driver            everything, exit status 1 if hashes differ
 *   driver quick      fewer steps, on the best ISA only: for ThreadSanitizer and qemu
 *   driver hashes     only the lines "network dtype hash" of the FMA ISAs, to compare
 *                     between machines */
#include "fastnn.h"
#include "tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 150
#define STEPS 50
#define QUICK_STEPS 10 /* two epochs */
#define BATCH 32       /* 150 rows: the last batch of an epoch has 22 */

typedef struct {
  const char *name;
  int64_t inputs;
  fnn_layer_spec layers[14];
  int32_t n_layers;
  fnn_loss loss;
  fnn_optimizer optimizer;
} network;

#define LAYER(activation, outputs, bias)                                                           \
  {FNN_LAYER_dense, FNN_ACTIVATION_##activation, 0.01, outputs, bias, {0, 0}, {0, 0}, NULL, 0}
/* Of another kind, with its two numbers and how far back its two inputs are. */
#define OTHER(kind, activation, p0, p1, back0, back1)                                              \
  {FNN_LAYER_##kind, FNN_ACTIVATION_##activation, 0.01, 0, 0, {p0, p1}, {back0, back1}, NULL, 0}

static const fnn_column columns[] = {{0, 5, 3}, {4, 40, 37}, {8, 3, 16}};

/* clang-format off */
static const network networks[] = {
    {"tiny", 10, {LAYER(relu, 32, 1), LAYER(relu, 32, 1), LAYER(identity, 1, 1)}, 3,
     FNN_LOSS_mean_squared_error, FNN_OPTIMIZER_adam},
    {"classes", 64, {LAYER(relu, 100, 1), LAYER(tanh, 37, 1), LAYER(identity, 10, 1)}, 3,
     FNN_LOSS_cross_entropy, FNN_OPTIMIZER_momentum},
    {"odd", 7, {LAYER(silu, 33, 0), LAYER(gelu, 65, 1), LAYER(sigmoid, 5, 1)}, 3,
     FNN_LOSS_binary_cross_entropy, FNN_OPTIMIZER_adamw},
    {"curved", 3, {LAYER(leaky_relu, 17, 1), LAYER(sigmoid, 49, 1), LAYER(gelu, 20, 1)}, 3,
     FNN_LOSS_mean_squared_error, FNN_OPTIMIZER_nesterov},
    {"linear", 1, {LAYER(identity, 1, 1)}, 1, FNN_LOSS_mean_squared_error, FNN_OPTIMIZER_sgd},
    {"wide", 200, {LAYER(tanh, 300, 1), LAYER(identity, 130, 1)}, 2, FNN_LOSS_cross_entropy,
     FNN_OPTIMIZER_sgd},
    /* Layers whose columns 7, or 2 and 4, threads split (share.c). */
    {"columns", 224,
     {LAYER(relu, 224, 1), LAYER(gelu, 256, 1), LAYER(silu, 256, 1), LAYER(identity, 256, 1)}, 4,
     FNN_LOSS_cross_entropy, FNN_OPTIMIZER_adam},
    /* Every other kind of layer; penalties, clipping and max-norm are added in make. */
    {"joined", 23,
     {OTHER(input, identity, 0, 0, 0, 0), OTHER(batch_norm, identity, 1e-5, 0.1, 0, 0),
      LAYER(gelu, 40, 1),
      OTHER(dropout, identity, 0.2, 0, 0, 0), LAYER(tanh, 40, 1), OTHER(add, relu, 0, 0, 1, 3),
      OTHER(layer_norm, identity, 1e-5, 0, 0, 0), OTHER(gaussian_noise, identity, 0.1, 0, 0, 0),
      LAYER(silu, 17, 1), OTHER(concatenate, identity, 0, 0, 1, 4),
      OTHER(alpha_dropout, identity, 0.1, 0, 0, 0), OTHER(activation, tanh, 0, 0, 0, 0),
      OTHER(prelu, identity, 0, 0, 0, 0), LAYER(identity, 5, 1)}, 14, FNN_LOSS_cross_entropy, FNN_OPTIMIZER_adamw},
    /* An embedding; the networks of more than 4 layers are controlled. */
    {"tables", 9,
     {{.kind = FNN_LAYER_embedding, .columns = columns, .n_columns = 3}, LAYER(relu, 256, 1),
      LAYER(identity, 1, 1)}, 3, FNN_LOSS_mean_squared_error, FNN_OPTIMIZER_adam},
    {"clipped", 9,
     {{.kind = FNN_LAYER_embedding, .columns = columns, .n_columns = 3}, LAYER(relu, 40, 1),
      OTHER(prelu, identity, 0, 0, 0, 0), LAYER(gelu, 40, 1), LAYER(identity, 3, 1)}, 5,
     FNN_LOSS_cross_entropy, FNN_OPTIMIZER_adamw},
};
/* clang-format on */
#define N_NETWORKS ((int)(sizeof networks / sizeof *networks))

/* Each epoch takes the next one; hash_schedules takes them all. */
static const double milestones[] = {3, 4, 31};
static const fnn_schedule schedules[] = {
    {FNN_SCHEDULE_constant, {0.01}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_cosine, {0.02, 47, 1e-4}, NULL, 0, 7, 0.1},
    {FNN_SCHEDULE_exponential, {0.03, 0.9, 3}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_polynomial, {0.03, 43, 0.9, 1e-3}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_step, {0.02, 7, 0.7}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_multi_step, {0.02, 0.3}, milestones, 3, 0, 0},
    {FNN_SCHEDULE_inverse_time, {0.05, 0.7, 9}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_cosine_restarts, {0.02, 6, 2, 1e-3}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_one_cycle, {0.04, 48, 0.3, 25, 1e4}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_triangular, {0.002, 0.03, 5, 8}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_triangular2, {0.002, 0.03, 6, 6}, NULL, 0, 0, 0},
    {FNN_SCHEDULE_exp_range, {0.002, 0.03, 6, 6, 0.97}, NULL, 0, 0, 0},
};
#define N_SCHEDULES (sizeof schedules / sizeof *schedules)

static double data[ROWS * 512], targets[ROWS * 512], weights[ROWS];
static int32_t labels[ROWS];
static int64_t order[ROWS];
static int64_t steps_to_do = STEPS;

static void fail(const char *what) {
  fprintf(stderr, "driver: %s\n", what);
  exit(1);
}

static void must(fnn_status status, const char *what) {
  if (status != FNN_OK)
    fail(what);
}

static uint64_t hash(uint64_t h, const void *bytes, size_t n) {
  const unsigned char *p = bytes;
  for (size_t i = 0; i < n; i++)
    h = (h ^ p[i]) * 1099511628211u;
  return h;
}

/* Whether a network's steps have penalties, bounds and groups. */
static int is_controlled(const network *net) { return net->n_layers > 4; }

static fnn_plan *make(const network *net, fnn_dtype dtype) {
  fnn_plan *plan;
  must(fnn_plan_create(dtype, net->inputs, net->layers, net->n_layers, &plan), "plan");
  for (int32_t l = 0; l < net->n_layers; l++) {
    const fnn_shape shape = fnn_layer_shape(plan, l);
    const int64_t n = shape.rows * shape.columns;
    if (n == 0)
      continue;
    const int dense = net->layers[l].kind == FNN_LAYER_dense;
    const int drawn = dense || net->layers[l].kind == FNN_LAYER_embedding;
    const double scale = net->layers[l].kind == FNN_LAYER_prelu ? 0.25 : 1;
    double *w = malloc((size_t)n * sizeof *w);
    float *w32 = malloc((size_t)n * sizeof *w32);
    fnn_normal(7, (uint64_t)l, n, w);
    for (int64_t i = 0; i < n; i++) {
      w[i] = drawn ? w[i] * sqrt(2.0 / (double)shape.rows) : scale;
      w32[i] = (float)w[i];
    }
    const int is_float = dtype == FNN_FLOAT32;
    must(fnn_write(plan, FNN_PARAMETERS, l, is_float ? (void *)w32 : (void *)w, NULL), "write");
    if (net->layers[l].kind == FNN_LAYER_batch_norm) /* the running variance begins at 1 */
      must(fnn_write(plan, FNN_STATE, l, NULL, is_float ? (void *)w32 : (void *)w), "state");
    if (is_controlled(net) && dense)
      must(fnn_set_group(plan, l, (fnn_group){1e-3, 1e-2, 0.8, 0.5, 2, 0}), "group");
    free(w);
    free(w32);
  }
  return plan;
}

static int polled;
static int poll(void *context) {
  polled++;
  return *(int *)context;
}

static fnn_array array_of(const void *values, int64_t columns, int64_t bytes, int32_t type) {
  return (fnn_array){.data = values,
                     .rows = ROWS,
                     .columns = columns,
                     .row_bytes = columns * bytes,
                     .column_bytes = bytes,
                     .type = type};
}

static fnn_job job_of(const network *net, fnn_mode mode, int threads) {
  const int64_t C = net->layers[net->n_layers - 1].outputs;
  const int as_labels = net->loss == FNN_LOSS_cross_entropy;
  static int never;
  fnn_job job = {
      .mode = mode,
      .threads = threads,
      .batch = BATCH,
      .end = ROWS,
      .order = order,
      .inputs = array_of(data, net->inputs, 8, FNN_F64),
      .targets = array_of(targets, C, 8, FNN_F64),
      .labels = as_labels,
      .row_weights = weights,
      .loss = net->loss,
      .accuracy = fnn_loss_ops[net->loss].link != FNN_LINK_identity,
      .optimizer = net->optimizer,
      .schedule = {.rule = FNN_SCHEDULE_constant, .parameters = {0.01}},
      .lr_factor = 1,
      .hyperparameters = {0.9, 0.999, 1e-8, 0.01},
      .poll = poll,
      .poll_context = &never,
  };
  if (is_controlled(net)) {
    job.clip_value = 0.05;
    job.clip_global_norm = 0.3;
    job.seed = 9;
    job.training = 1;
  }
  if (as_labels)
    job.targets = array_of(labels, 1, 4, FNN_I32);
  return job;
}

static void fill(const network *net) {
  const int64_t C = net->layers[net->n_layers - 1].outputs;
  fnn_normal(1, 0, ROWS * net->inputs, data);
  for (int32_t c = 0; c < net->layers[0].n_columns; c++) {
    const fnn_column *column = &net->layers[0].columns[c];
    double codes[ROWS];
    fnn_uniform(2, (uint64_t)c, ROWS, codes);
    for (int64_t i = 0; i < ROWS; i++)
      data[i * net->inputs + column->column] = floor(codes[i] * (double)column->codes);
  }
  fnn_uniform(1, 1, ROWS * C, targets);
  fnn_uniform(1, 2, ROWS, weights);
  for (int64_t i = 0; i < ROWS; i++)
    labels[i] = (int32_t)(targets[i] * (double)C);
}

/* Everything a user would do with a network, hashed. */
static uint64_t train(const network *net, fnn_dtype dtype, int threads) {
  const size_t size = dtype == FNN_FLOAT32 ? 4 : 8;
  const int64_t C = net->layers[net->n_layers - 1].outputs;
  fnn_plan *plan = make(net, dtype);
  uint64_t h = 14695981039346656037u;
  int64_t steps = 0;
  char *outputs = malloc(ROWS * (size_t)C * size);
  for (uint64_t epoch = 0; steps < steps_to_do; epoch++) {
    fnn_permutation(3, epoch, ROWS, order);
    fnn_job job = job_of(net, FNN_TRAIN, threads);
    job.schedule = schedules[epoch % N_SCHEDULES];
    /* Some epochs of two steps: of three batches, and of two, the second of them a short one. */
    job.accumulate = epoch % 3 == 1 ? 3 : 1;
    job.lr_factor = epoch % 2 ? 0.5 : 1;
    job.outputs = outputs;
    must(fnn_snapshot(plan, 0), "snapshot");
    must(fnn_run(plan, &job), "train");
    if (epoch == 1) { /* again from the snapshot: the same bits */
      const double first = job.loss_sum;
      must(fnn_restore(plan, 0), "restore");
      must(fnn_run(plan, &job), "train again");
      if (job.loss_sum != first)
        fail("a restored run went another way");
    }
    h = hash(h, &job.loss_sum, sizeof job.loss_sum);
    h = hash(h, &job.accuracy_sum, sizeof job.accuracy_sum);
    h = hash(h, outputs, ROWS * (size_t)C * size);
    steps += (ROWS + BATCH - 1) / BATCH;
  }
  const fnn_mode modes[] = {FNN_DERIVE, FNN_EVALUATE};
  for (int m = 0; m < 2; m++) {
    fnn_job job = job_of(net, modes[m], threads);
    must(fnn_run(plan, &job), "derive or evaluate");
    h = hash(h, &job.loss_sum, sizeof job.loss_sum);
  }
  const int64_t P = fnn_plan_parameters(plan);
  const int32_t in_inputs = net->layers[0].kind == FNN_LAYER_input ? FNN_OF_INPUTS : FNN_OF_ROWS;
  char *gradients = malloc(ROWS * (size_t)(P > net->inputs ? P : net->inputs) * size);
  for (int32_t of = in_inputs; of <= FNN_OF_ROWS && P < 20000; of++) {
    fnn_job job = job_of(net, FNN_DERIVE, threads);
    job.of = of;
    job.training = 0;
    job.gradients = gradients;
    must(fnn_run(plan, &job), "gradients in the inputs, or of rows");
    h = hash(h, gradients, ROWS * (size_t)(of == FNN_OF_ROWS ? P : net->inputs) * size);
  }
  free(gradients);
  fnn_job job = job_of(net, FNN_PREDICT, threads);
  job.batch = 0;
  job.outputs = outputs;
  job.link = fnn_loss_ops[net->loss].link;
  must(fnn_run(plan, &job), "predict");
  h = hash(h, outputs, ROWS * (size_t)C * size);
  free(outputs);

  for (int32_t l = 0; l < net->n_layers; l++) {
    const fnn_shape shape = fnn_layer_shape(plan, l);
    const size_t weight_bytes = (size_t)(shape.rows * shape.columns) * size;
    const size_t bias_bytes = (size_t)shape.bias * size;
    char *W = malloc(weight_bytes + 1), *b = malloc(bias_bytes + 1);
    const fnn_part parts[] = {FNN_PARAMETERS, FNN_GRADIENT, FNN_SLOT_0, FNN_SLOT_1, FNN_STATE};
    const int n_parts = net->layers[l].kind == FNN_LAYER_batch_norm ? 5 : 4;
    for (int p = 0; p < n_parts; p++) {
      must(fnn_read(plan, parts[p], l, W, bias_bytes ? b : NULL), "read");
      h = hash(h, W, weight_bytes);
      h = hash(h, b, bias_bytes);
    }
    free(W);
    free(b);
  }
  fnn_plan_free(plan);
  return h;
}

/* The learning rates themselves: of every rule, the same on every machine. */
static uint64_t hash_schedules(void) {
  uint64_t h = 14695981039346656037u;
  for (size_t s = 0; s < N_SCHEDULES; s++)
    for (int64_t step = 0; step < 1000; step++) {
      const double lr = fnn_schedule_lr(&schedules[s], step);
      if (!(lr >= 0 && lr < 0.1))
        fail("a learning rate is not in its range");
      h = hash(h, &lr, sizeof lr);
    }
  return h;
}

/* A training of a second where 2^level threads take `row[level]` seconds a row: the tuner finds the
 * fastest, and spends next to no time on the others. */
static void check_tune(int32_t most, int expected, const double *row) {
  fnn_tune tune = {0};
  double all = 0, on_expected = 0;
  fnn_tune_begin(&tune, most, 32, 0);
  while (all < 1) {
    const int64_t rows = fnn_tune_rows(&tune, 32);
    const int threads = fnn_tune_threads(&tune);
    int level = 0;
    while (1 << level < threads)
      level++;
    const double taken = (double)rows * row[level];
    if (rows < 32 || rows % 32 || threads < 1 || threads > most)
      fail("the tuner asks for what cannot be");
    fnn_tune_note(&tune, rows, taken);
    all += taken;
    on_expected += threads == expected ? taken : 0;
  }
  if (on_expected < 0.95 * all)
    fail("the tuner has not found the fastest number of threads");
}

/* Two threads are slower than one in the first 5 ms alone: what was found then is not kept. */
static void check_cold_tune(void) {
  fnn_tune tune = {0};
  fnn_tune_begin(&tune, 2, 32, 0);
  double seconds = 0;
  while (seconds < 0.06) {
    const int64_t rows = fnn_tune_rows(&tune, 32);
    const double row = fnn_tune_threads(&tune) == 1 ? 1e-6 : seconds < 5e-3 ? 1.3e-6 : 0.7e-6;
    fnn_tune_note(&tune, rows, row * (double)rows);
    seconds += row * (double)rows;
    if (seconds > 2.5e-3 && seconds < 4e-3 && tune.level != 0)
      fail("the tuner has not found that one thread is faster");
  }
  if (tune.level != 1)
    fail("the tuner keeps what it found in the first steps");
}

static void check_tunes(void) {
  check_tune(2, 2, (double[]){2e-6, 1.2e-6});
  check_tune(2, 1, (double[]){1e-6, 1.2e-6});
  check_tune(2, 1, (double[]){1e-8, 5e-8});
  check_tune(2, 2, (double[]){4e-4, 2e-4}); /* long steps */
  check_tune(8, 4, (double[]){4e-6, 2.5e-6, 2e-6, 2.2e-6});
  check_tune(6, 1, (double[]){1e-6, 2e-6, 3e-6, 4e-6});
  check_tune(6, 6, (double[]){4e-6, 3e-6, 2e-6, 1e-6});
  /* What was learned of other batches, optimizers and limits counts no more. */
  check_cold_tune();
  fnn_tune tune = {0};
  fnn_tune_begin(&tune, 4, 32, 0);
  tune.level = 0;
  fnn_tune_begin(&tune, 4, 32, 0);
  if (tune.level != 0)
    fail("the tuner forgets");
  fnn_tune_begin(&tune, 4, 64, 0);
  if (fnn_tune_threads(&tune) != 4)
    fail("the tuner does not begin anew");
}

/* Bad rows, losses that are not finite, interruptions: the right status, nothing changed. */
static void check_stops(void) {
  const network *net = &networks[0];
  int always = 1;
  for (int64_t i = 0; i < ROWS; i++)
    order[i] = i;
  fill(net);
  fnn_plan *plan = make(net, FNN_FLOAT32);
  fnn_job job = job_of(net, FNN_TRAIN, 2);
  const double good = data[40 * 10 + 3];
  data[40 * 10 + 3] = NAN;
  if (fnn_run(plan, &job) != FNN_BAD_INPUT || job.bad_row != 40 || job.bad_targets ||
      job.position != 32)
    fail("a NaN in row 40 was not found");
  data[40 * 10 + 3] = good;
  targets[7] = INFINITY;
  if (fnn_run(plan, &job) != FNN_BAD_INPUT || job.bad_row != 7 || !job.bad_targets)
    fail("an infinite target in row 7 was not found");
  targets[7] = 3e38; /* finite, its square is not */
  if (fnn_run(plan, &job) != FNN_NON_FINITE || job.position != 0)
    fail("an infinite loss was not found");
  targets[7] = 0;
  /* Long enough for a poll even on a machine ten times as fast. */
  const int64_t visits = 4000000;
  int64_t *long_order = malloc((size_t)visits * sizeof *long_order);
  for (int64_t i = 0; i < visits; i++)
    long_order[i] = i % ROWS;
  job.poll_context = &always;
  job.order = long_order;
  job.end = visits;
  if (fnn_run(plan, &job) != FNN_INTERRUPTED || job.position == 0 || job.position >= visits)
    fail("a poll did not stop the job");
  job.poll = NULL;
  job.seconds = 1e-9;
  job.accumulate = 7;
  if (fnn_run(plan, &job) != FNN_OK || job.position == 0 || job.position >= visits ||
      job.position % (7 * BATCH) != 0)
    fail("a job did not end with the step in which its time was over");
  job.poll = poll;
  job.seconds = 0;
  job.accumulate = 0;
  free(long_order);
  job.order = order;
  job.end = ROWS;
  job.inputs.columns = 9;
  if (fnn_run(plan, &job) != FNN_BAD_ARGUMENT)
    fail("a wrong width was not refused");
  fnn_plan_free(plan);
  const fnn_layer_spec none = LAYER(relu, 0, 1);
  if (fnn_plan_create(FNN_FLOAT32, 3, &none, 1, &plan) != FNN_BAD_ARGUMENT)
    fail("a layer without outputs was not refused");
  if (fnn_select_isa("abacus") != FNN_BAD_ARGUMENT)
    fail("an unknown ISA was not refused");
}

/* The mean squared error as a loss of the caller's own, with the engine's roundings. */
typedef struct {
  fnn_custom_loss loss;
  int64_t outputs;
  int64_t calls, stop_at;
} squared_error;

static int call_squared_error(void *context, int64_t rows, double *value) {
  squared_error *own = context;
  const float *z = own->loss.outputs, *t = own->loss.targets;
  float *gradient = own->loss.gradient;
  double sum = 0, total = 0;
  for (int64_t r = 0; r < rows; r++)
    sum += own->loss.weights[r];
  for (int64_t r = 0; r < rows; r++) {
    const double share = own->loss.weights[r] * (1 / sum) / (double)own->outputs;
    for (int64_t i = r * own->outputs; i < (r + 1) * own->outputs; i++) {
      const float error = z[i] - t[i];
      gradient[i] = (error + error) * (float)share;
      total += share * (double)error * (double)error;
    }
  }
  *value = total;
  return ++own->calls == own->stop_at;
}

/* It trains to the same bits on any number of threads, and ends a job before its step. */
static void check_custom(void) {
  const network *net = &networks[3];
  enum { C = 20 };
  static float outputs[ROWS * C], wanted[ROWS * C], gradient[ROWS * C];
  static double of_rows[ROWS];
  uint64_t first = 0;
  fill(net);
  for (int64_t i = 0; i < ROWS; i++)
    order[i] = ROWS - 1 - i;
  for (int threads = 0; threads <= 7; threads++) { /* 0: the engine's own */
    fnn_plan *plan = make(net, FNN_FLOAT32);
    squared_error own = {
        {call_squared_error, &own, ROWS, outputs, wanted, gradient, of_rows}, C, 0, 0};
    fnn_job job = job_of(net, FNN_TRAIN, threads ? threads : 2);
    if (threads) {
      job.loss = FNN_CUSTOM_LOSS;
      job.custom = &own.loss;
    }
    must(fnn_run(plan, &job), "train with a loss of one's own");
    static float W[49 * C], b[C];
    must(fnn_read(plan, FNN_PARAMETERS, 2, W, b), "read");
    const uint64_t h = hash(hash(0, W, sizeof W), b, sizeof b);
    first = threads ? first : h;
    if (h != first)
      fail("a loss of one's own trains to other bits");
    if (threads) {
      own.stop_at = own.calls + 2;
      if (fnn_run(plan, &job) != FNN_INTERRUPTED || job.position != BATCH)
        fail("a loss of one's own did not stop the job");
      own.loss.rows = BATCH - 1;
      if (fnn_run(plan, &job) != FNN_BAD_ARGUMENT)
        fail("too little room was not refused");
      own.loss.rows = 40; /* in pieces */
      job.mode = FNN_DERIVE;
      must(fnn_run(plan, &job), "derive");
      job.mode = FNN_EVALUATE;
      must(fnn_run(plan, &job), "evaluate");
    }
    fnn_plan_free(plan);
  }
}

/* Codes that are none are found before they are looked up. */
static void check_codes(void) {
  const network *net = &networks[N_NETWORKS - 1];
  const double none[] = {40, -1, 0.5, 1e30, -1e30, NAN, INFINITY};
  fill(net);
  fnn_plan *plan = make(net, FNN_FLOAT32);
  for (int i = 0; i < 7; i++)
    for (fnn_mode mode = FNN_TRAIN; mode <= FNN_EVALUATE; mode++) {
      fnn_job job = job_of(net, mode, 3);
      data[77 * 9 + 4] = none[i];
      if (fnn_run(plan, &job) != FNN_BAD_INPUT || job.bad_row != 77 || job.bad_targets)
        fail("a code that is none was not found");
    }
  fnn_plan_free(plan);
  const fnn_column twice[] = {{2, 3, 4}, {2, 3, 4}}, outside[] = {{9, 3, 4}}, empty[] = {{0, 3, 0}};
  const fnn_column *bad[] = {twice, outside, empty};
  for (int i = 0; i < 3; i++) {
    const fnn_layer_spec spec = {
        .kind = FNN_LAYER_embedding, .columns = bad[i], .n_columns = i == 0 ? 2 : 1};
    if (fnn_plan_create(FNN_FLOAT32, 9, &spec, 1, &plan) != FNN_BAD_ARGUMENT)
      fail("an embedding of bad columns was not refused");
  }
}

static void check_map(void) {
  const char *functions[] = {"exp", "log", "log1p_unit", "erf", "gelu", "tanh", "leaky_relu"};
  for (int i = 0; i < 7; i++) {
    double x[19], y[19], slope[19];
    fnn_uniform(5, 0, 19, x);
    must(fnn_map(FNN_FLOAT64, functions[i], 0.1, 19, x, y, slope), functions[i]);
    if (!isfinite(y[18]))
      fail(functions[i]);
  }
  if (fnn_map(FNN_FLOAT32, "sine", 0, 0, NULL, NULL, NULL) != FNN_BAD_ARGUMENT)
    fail("an unknown function was not refused");
}

int main(int argc, char **argv) {
  const int only_hashes = argc > 1 && strcmp(argv[1], "hashes") == 0;
  const int quick = argc > 1 && strcmp(argv[1], "quick") == 0;
  if (argc > 2 || (argc > 1 && !only_hashes && !quick))
    fail("usage: driver [hashes | quick]");
  const char *isas[8];
  int n_isas = fnn_isas(isas, 8);
  const int threads[] = {1, 2, 3, 4, 7};
  int differences = 0;
  if (quick) {
    n_isas = 1;
    steps_to_do = QUICK_STEPS;
  }
  if (N_SCHEDULES + 1 != FNN_SCHEDULES) /* all but table */
    fail("a schedule is missing here");
  printf("schedules %016llx\n", (unsigned long long)hash_schedules());
  for (int n = 0; n < N_NETWORKS; n++)
    for (int dtype = FNN_FLOAT32; dtype <= FNN_FLOAT64; dtype++) {
      uint64_t expected = 0;
      fill(&networks[n]);
      for (int i = 0; i < n_isas; i++) {
        const int fma = strcmp(isas[i], "baseline") != 0;
        uint64_t first = 0;
        if (only_hashes && !fma)
          continue;
        must(fnn_select_isa(isas[i]), "select");
        for (int t = 0; t < (only_hashes ? 1 : 5); t++) {
          const uint64_t h = train(&networks[n], dtype, threads[t]);
          first = t == 0 ? h : first;
          expected = i == 0 ? first : expected;
          if (h != first || (fma && h != expected)) {
            differences++;
            printf("DIFFERS %s float%d %s threads %d %016llx\n", networks[n].name, dtype ? 64 : 32,
                   isas[i], threads[t], (unsigned long long)h);
          }
        }
        if (!only_hashes)
          printf("%-8s float%d %-8s %016llx\n", networks[n].name, dtype ? 64 : 32, isas[i],
                 (unsigned long long)first);
      }
      if (only_hashes)
        printf("%s float%d %016llx\n", networks[n].name, dtype ? 64 : 32,
               (unsigned long long)expected);
    }
  if (!only_hashes) {
    must(fnn_select_isa(NULL), "select");
    check_stops();
    check_tunes();
    check_custom();
    check_codes();
    check_map();
    if (!(fnn_handover(2, 0.001) > 0 && fnn_handover(1, 0.001) > 0))
      fail("no handover");
    if (!(fnn_fma_peak(FNN_FLOAT32, 2, 0.01) > 1e8))
      fail("no FMA peak");
    fnn_team_stop();
    if (fnn_team_size() != 0)
      fail("threads are left");
  }
  return differences != 0;
}
