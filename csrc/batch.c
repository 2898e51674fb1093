/* The rows of a batch: gathered from the caller's arrays, their losses, the sums of these.
 *
 * What is wrong with a row is noted, and read where all threads meet (train.c). */
#include "batch.h"

#include "cpu.h"
#include "custom.h"
#include "team.h"

#include <stddef.h>

/* What is fetched for the next batch: no less than is worth it, no more than stays in the
 * second-level cache, and with each unit no more than can be on its way beside it. */
#define LEAST_AHEAD (1 << 13)
#define AHEAD_BYTES (1 << 19)
/* Weights, copies and state that pass by meanwhile: more of them drive out what was fetched. */
#define MOST_BESIDE (3 << 19)
#define GROUP_BYTES (FNN_AHEAD_LINES * 64)
#define MOST_GROUPS 32

/* ---- positions and weights ------------------------------------------------------------ */

int64_t fnn_row_of(const fnn_job *job, int64_t position) {
  return job->order ? job->order[position] : position;
}

static double weight_of(const fnn_job *job, int64_t position) {
  return job->row_weights ? job->row_weights[fnn_row_of(job, position)] : 1;
}

double fnn_weight_sum(const fnn_job *job, int64_t begin, int64_t end) {
  if (job->row_weights == NULL)
    return (double)(end - begin);
  double sum = 0;
  for (int64_t i = begin; i < end; i++)
    sum += weight_of(job, i);
  return sum;
}

/* Where the step begins and ends that the batch at `first` is of. */
int64_t fnn_step_begin(const fnn_work *run, int64_t first) {
  if (run->step_rows == run->batch)
    return first;
  return first - (first - run->job->begin) % run->step_rows;
}

int64_t fnn_step_end(const fnn_work *run, int64_t first) {
  const int64_t end = fnn_step_begin(run, first) + run->step_rows;
  return end < run->job->end ? end : run->job->end;
}

static int64_t label_of(const fnn_array *labels, int64_t row) {
  const char *at = (const char *)labels->data + row * labels->row_bytes;
#define LABEL(type)                                                                                \
  {                                                                                                \
    type x;                                                                                        \
    __builtin_memcpy(&x, at, sizeof x);                                                            \
    return (int64_t)x;                                                                             \
  }
  switch (labels->type) {
  case FNN_I8:
    LABEL(int8_t)
  case FNN_U8:
    LABEL(uint8_t)
  case FNN_I16:
    LABEL(int16_t)
  case FNN_U16:
    LABEL(uint16_t)
  case FNN_I32:
    LABEL(int32_t)
  case FNN_U32:
    LABEL(uint32_t)
  case FNN_I64:
    LABEL(int64_t)
  default: /* a label past INT64_MAX comes out negative, and is refused like any other */
    LABEL(uint64_t)
  }
#undef LABEL
}

static void note_bad_row(fnn_work *run, int64_t position, int targets) {
  const int64_t place = 2 * position + targets;
  int_fast64_t seen = atomic_load(&run->bad_place);
  while (place < seen && !atomic_compare_exchange_weak(&run->bad_place, &seen, place)) {
  }
  atomic_fetch_or(&run->stop, FNN_STOP_BAD_INPUT);
}

/* ---- in, loss, sums ---------------------------------------------------------------------- */

void fnn_gather_inputs(fnn_work *run, int64_t first, int64_t r0, int64_t r1, void *X) {
  const fnn_job *job = run->job;
  const int64_t bad =
      run->plan->kernels->gather(&job->inputs, job->order, first, r0, r1, run->plan->stride, X);
  if (bad >= 0)
    note_bad_row(run, first + bad, 0);
  for (int32_t l = 0; run->plan->looks_up && l < run->plan->n_layers; l++) {
    const fnn_layer *d = &run->plan->layers[l];
    const int64_t unknown = d->lookups ? run->plan->kernels->check_codes(d, r0, r1, X) : -1;
    if (unknown >= 0)
      note_bad_row(run, first + unknown, 0);
  }
}

fnn_ahead fnn_inputs_ahead(const fnn_work *run, int64_t first, int64_t r0, int64_t r1,
                           int64_t units) {
  const fnn_array *inputs = &run->job->inputs;
  const int64_t bytes = inputs->columns * inputs->column_bytes;
  const int64_t unit =
      FNN_BLOCK * FNN_PANEL * run->plan->size * (2 + fnn_optimizer_ops[run->job->optimizer].slots);
  if (units * unit > MOST_BESIDE || inputs->indices || bytes <= 0 || bytes > inputs->row_bytes ||
      units < 1 || (r1 - r0) * bytes < LEAST_AHEAD)
    return (fnn_ahead){.each = 0};
  const int64_t most = AHEAD_BYTES / bytes + 1, rows = r1 - r0 < most ? r1 - r0 : most;
  const int64_t groups = (bytes + GROUP_BYTES - 1) / GROUP_BYTES * rows / units + 1;
  const char *data = inputs->data;
  return (fnn_ahead){.data = data,
                     .order = run->job->order,
                     .position = first + r0,
                     .end = first + r0 + rows,
                     .row_bytes = inputs->row_bytes,
                     .bytes = bytes,
                     .row = data + fnn_row_of(run->job, first + r0) * inputs->row_bytes,
                     .each = groups < MOST_GROUPS ? groups : MOST_GROUPS};
}

void fnn_gather_targets(fnn_work *run, int64_t first, int64_t r0, int64_t r1) {
  fnn_plan *plan = run->plan;
  const fnn_job *job = run->job;
  if (job->labels) {
    const int64_t classes = plan->layers[plan->n_layers - 1].N;
    for (int64_t r = r0; r < r1; r++) {
      const int64_t label = label_of(&job->targets, fnn_row_of(job, first + r));
      plan->labels[r] = label < 0 || label >= classes ? 0 : (int32_t)label;
      if (label < 0 || label >= classes)
        note_bad_row(run, first + r, 1);
    }
  } else {
    const int64_t bad =
        plan->kernels->gather(&job->targets, job->order, first, r0, r1, plan->stride, run->targets);
    if (bad >= 0)
      note_bad_row(run, first + bad, 1);
  }
  if (job->row_weights)
    for (int64_t r = r0; r < r1; r++)
      plan->row_weights[r] = weight_of(job, first + r);
}

/* How much a row of weight 1 counts.  In training of the whole step, so that batches of one count
 * as they would in one large batch.  A loss of the caller's own has weighed the rows of the batch.
 */
static double scale_of(const fnn_work *run, int64_t first, int64_t rows) {
  const fnn_job *job = run->job;
  const double own = job->loss == FNN_CUSTOM_LOSS ? fnn_weight_sum(job, first, first + rows) : 1;
  if (job->mode != FNN_TRAIN)
    return own * run->scale;
  const double sum = fnn_weight_sum(job, fnn_step_begin(run, first), fnn_step_end(run, first));
  return sum > 0 ? own / sum : 0;
}

void fnn_loss_of_batch(fnn_work *run, int64_t first, int64_t rows, int64_t r0, int64_t r1) {
  const fnn_plan *plan = run->plan;
  const fnn_job *job = run->job;
  const fnn_layer *last = &plan->layers[plan->n_layers - 1];
  const int custom = job->loss == FNN_CUSTOM_LOSS;
  const int identity = last->activation == FNN_ACTIVATION_identity || !run->act;
  const fnn_loss_rows l = {
      .C = last->N,
      .stride = plan->stride,
      .Z = last->Z,
      .T = run->targets,
      .labels = job->labels ? plan->labels : NULL,
      .weights = job->row_weights && !custom ? plan->row_weights : NULL,
      .scale = scale_of(run, first, rows),
      .dH = job->mode == FNN_EVALUATE ? NULL
            : identity                ? last->dZ
                                      : plan->output_gradient,
      .dZ = last->dZ,
      .activation = last->activation,
      .parameter = last->parameter,
      .row_loss = plan->row_loss,
      .row_accuracy = job->accuracy ? plan->row_accuracy : NULL,
      .loss = job->loss,
      .value = run->custom_value,
      .numbers = {job->loss_numbers[0], job->loss_numbers[1]},
      .vector = job->loss_vector,
  };
  const int good = !custom || l.dH == NULL || fnn_custom_back(plan, job, r0, r1, l.dH);
  plan->kernels->loss(&l, r0, r1);
  if (job->outputs != NULL)
    plan->kernels->scatter(l.C, l.stride, l.Z, r0, r1, job->link,
                           (char *)job->outputs + (first + r0 - job->begin) * l.C * plan->size);
  double sum = 0; /* NaN once a row's loss is not finite */
  for (int64_t r = r0; r < r1; r++)
    sum += plan->row_loss[r] - plan->row_loss[r];
  if ((sum != 0 || !good) && job->mode != FNN_EVALUATE)
    atomic_fetch_or(&run->stop, FNN_STOP_NON_FINITE);
}

/* A loss of the caller's own sees all rows of the batch, on the calling thread.  What makes it
 * stop the job is read at AGREE like any other reason, so all threads take the same barriers. */
void fnn_custom_loss_of_batch(fnn_work *run, int64_t first, int64_t rows, int64_t r0, int64_t r1,
                              int thread, int threads, uint64_t callers_mode) {
  const fnn_job *job = run->job;
  fnn_custom_out(run->plan, job, r0, r1);
  fnn_team_barrier(threads);
  if (thread == 0 && atomic_load(&run->stop) == 0) {
    run->custom_value = 0; /* of rows that weigh nothing, whose mean there is not */
    if (fnn_weight_sum(job, first, first + rows) > 0) {
      fnn_float_mode_leave(callers_mode);
      if (job->custom->call(job->custom->context, rows, &run->custom_value))
        atomic_fetch_or(&run->stop, FNN_STOP_INTERRUPTED);
      fnn_float_mode_enter();
    }
  }
  fnn_team_barrier(threads);
  fnn_loss_of_batch(run, first, rows, r0, r1);
}

void fnn_sum_rows(fnn_work *run, int64_t first, int64_t rows) {
  const fnn_plan *plan = run->plan;
  fnn_job *job = run->job;
  for (int64_t r = 0; r < rows; r++) {
    const double weight = job->row_weights ? plan->row_weights[r] : 1;
    job->loss_sum += weight * plan->row_loss[r];
    job->weight_sum += weight;
    if (job->accuracy)
      job->accuracy_sum += weight * plan->row_accuracy[r];
  }
  job->position = first + rows;
}
