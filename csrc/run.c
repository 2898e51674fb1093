/* The entry to the engine: what a job must be, the memory that it needs, its threads, its end. */
#include "cpu.h"
#include "custom.h"
#include "derive.h"
#include "graph.h"
#include "profile.h"
#include "share.h"
#include "team.h"
#include "train.h"

#include <math.h>
#include <stddef.h>

#define CHUNK_ROWS 256   /* per thread, where the rows' number changes no bit */
#define DERIVE_ROWS 1024 /* of FNN_DERIVE, where it does (bias_unit in kernels/units.h) */

/* ---- before and after ------------------------------------------------------------------ */

static fnn_status check(const fnn_plan *plan, const fnn_job *job) {
  const int64_t C = plan->layers[plan->n_layers - 1].N;
  if (job->mode < FNN_TRAIN || job->mode > FNN_PREDICT || job->begin < 0 || job->end < job->begin ||
      job->inputs.columns != plan->n_inputs || (job->order == NULL && job->end > job->inputs.rows))
    return FNN_BAD_ARGUMENT;
  if (job->mode == FNN_TRAIN &&
      (job->batch < 1 || job->optimizer < 0 || job->optimizer >= FNN_OPTIMIZERS ||
       job->accumulate < 0 || job->accumulate > 1 << 30 || job->schedule.rule < 0 ||
       job->schedule.rule >= FNN_SCHEDULES))
    return FNN_BAD_ARGUMENT;
  for (int64_t i = job->begin; job->order && i < job->end; i++)
    if (job->order[i] < 0 || job->order[i] >= job->inputs.rows)
      return FNN_BAD_ARGUMENT;
  if (job->mode == FNN_PREDICT)
    return FNN_OK;
  if (job->targets.rows != job->inputs.rows || job->targets.indices != NULL ||
      (job->mode == FNN_DERIVE && !fnn_derive_accepts(plan, job)))
    return FNN_BAD_ARGUMENT;
  if (job->loss == FNN_CUSTOM_LOSS)
    return fnn_custom_is_bad(job) ? FNN_BAD_ARGUMENT : FNN_OK;
  if (job->loss == FNN_GIVEN)
    return job->mode != FNN_DERIVE || job->labels || job->accuracy || job->targets.columns != C
               ? FNN_BAD_ARGUMENT
               : FNN_OK;
  if (job->loss < 0 || job->loss >= FNN_LOSSES || C % fnn_loss_ops[job->loss].outputs ||
      job->targets.columns != (job->labels ? 1 : C / fnn_loss_ops[job->loss].outputs))
    return FNN_BAD_ARGUMENT;
  /* Labels and accuracy are of classes: the losses with a link. */
  const int32_t link = fnn_loss_ops[job->loss].link;
  if ((job->labels && (link != FNN_LINK_softmax || job->targets.type <= FNN_F64)) ||
      (job->accuracy && (link == FNN_LINK_identity || link == FNN_LINK_exp)))
    return FNN_BAD_ARGUMENT;
  return FNN_OK;
}

static fnn_status outcome(const fnn_work *run, fnn_job *job) {
  const int stop = atomic_load(&run->stop);
  if (stop & FNN_STOP_BAD_INPUT) {
    const int64_t place = atomic_load(&run->bad_place);
    job->bad_row = fnn_row_of(job, place / 2);
    job->bad_targets = (int32_t)(place % 2);
    return FNN_BAD_INPUT;
  }
  return stop & FNN_STOP_INTERRUPTED  ? FNN_INTERRUPTED
         : stop & FNN_STOP_NON_FINITE ? FNN_NON_FINITE
                                      : FNN_OK;
}

/* ---- how many threads -------------------------------------------------------------------- */

static void share(fnn_plan *plan, int threads, fnn_mode mode) {
  fnn_share_layers(plan, threads, mode);
  if (threads > 1 && mode != FNN_PREDICT)
    fnn_graph_meet(plan, mode);
}

/* In pieces, each on as many threads as are to be tried next, or as are known to be fast. */
static void train_on_the_best(fnn_work *run, int threads) {
  fnn_tune *tune = &run->plan->tune;
  const int64_t end = run->end;
  fnn_tune_begin(tune, threads, run->batch, run->job->optimizer);
  int now = threads; /* whom the layers are shared for */
  while (!run->stopped && run->begin < end) {
    const int64_t rows = fnn_tune_rows(tune, run->step_rows);
    run->end = rows < end - run->begin ? run->begin + rows : end;
    const int next = fnn_tune_threads(tune);
    if (next != now)
      share(run->plan, next, FNN_TRAIN);
    now = next;
    const double start = fnn_seconds();
    fnn_team_run(now, fnn_work_together, run);
    /* Rows that were done: a piece may end early, and would seem fast. */
    fnn_tune_note(tune, run->job->position - run->begin, fnn_seconds() - start);
    run->begin = run->end;
  }
}

/* ---- the entry ------------------------------------------------------------------------------ */

fnn_status fnn_run(fnn_plan *plan, fnn_job *job) {
  fnn_status status = check(plan, job);
  if (status != FNN_OK)
    return status;
  job->loss_sum = job->before[0];
  job->weight_sum = job->before[1];
  job->accuracy_sum = job->before[2];
  job->position = job->begin;
  job->bad_row = -1;
  job->bad_targets = 0;
  if (job->begin == job->end)
    return FNN_OK;

  const int64_t rows = job->end - job->begin;
  const int one_by_one = job->mode == FNN_DERIVE && job->of == FNN_OF_ROWS;
  int threads = job->threads < 1 || one_by_one ? 1 : job->threads;
  if (threads > FNN_MAX_THREADS)
    threads = FNN_MAX_THREADS;
  /* Statistics of a batch are those of all rows. */
  const int custom = job->mode != FNN_PREDICT && job->loss == FNN_CUSTOM_LOSS;
  int64_t batch = one_by_one                                 ? 1
                  : custom && job->mode != FNN_TRAIN         ? job->custom->rows
                  : job->mode == FNN_DERIVE && job->training ? rows
                  : job->mode == FNN_DERIVE                  ? DERIVE_ROWS
                  : job->batch > 0                           ? job->batch
                                                             : (int64_t)CHUNK_ROWS * threads;
  batch = batch < rows ? batch : rows;
  const int64_t tile = plan->kernels->tile_rows;
  const int64_t stride = FNN_ROUND_UP(batch, tile * threads);

  const fnn_layer *last = &plan->layers[plan->n_layers - 1];
  /* The losses take raw outputs: where the last activation is the loss's own link
   * (sigmoid before binary_cross_entropy), it is part of the loss. */
  const int own_link = job->mode != FNN_PREDICT && job->loss >= 0 &&
                       fnn_loss_ops[job->loss].link == FNN_LINK_sigmoid &&
                       last->activation == FNN_ACTIVATION_sigmoid;
  fnn_work run = {.plan = plan, .job = job, .batch = batch, .act = !own_link};
  run.begin = job->begin;
  run.end = job->end;
  run.step_rows = batch * (job->accumulate > 1 ? job->accumulate : 1);
  run.asks = job->poll || job->seconds > 0;
  run.deadline = job->seconds > 0 ? fnn_seconds() + job->seconds : INFINITY;
  atomic_init(&run.stop, 0);
  atomic_init(&run.bad_place, INT64_MAX);
  if (job->mode == FNN_TRAIN) {
    status = fnn_plan_use_optimizer(plan, job->optimizer);
    if (status == FNN_OK)
      status = fnn_step_reserve(plan, job);
  } else if (job->mode == FNN_DERIVE) {
    run.scale = fnn_derive_scale(job, fnn_weight_sum(job, job->begin, job->end));
    if (job->of != FNN_OF_INPUTS)
      status = fnn_plan_use_gradient(plan);
  }
  int copies = 1; /* of the inputs: one for each thread where a number of them takes columns */
  for (int n = threads > 1 && job->fewer_threads ? 2 : threads; n < 2 * threads; n *= 2) {
    share(plan, n < threads ? n : threads, job->mode);
    copies = fnn_has_own_inputs(&plan->layers[0]) ? threads : copies;
  }
  if (status == FNN_OK)
    status = fnn_plan_lay_out(plan, stride, copies);
  if (status == FNN_OK && custom)
    status = fnn_custom_reserve(plan, job);
  if (status == FNN_OK)
    status = fnn_profile_begin(plan->profile, threads);
  if (status != FNN_OK)
    return status;
  run.targets = custom ? plan->custom_targets.data : plan->targets;

  if (job->mode == FNN_PREDICT && threads > 1 && rows <= tile)
    threads = 1;
  const double start = plan->profile ? fnn_seconds() : 0;
  const int64_t ticks = plan->profile ? fnn_ticks() : 0;
  if (job->mode == FNN_TRAIN && job->fewer_threads && threads > 1)
    train_on_the_best(&run, threads);
  else
    fnn_team_run(threads, job->mode == FNN_PREDICT ? fnn_work_alone : fnn_work_together, &run);
  if (plan->profile)
    fnn_profile_end(plan->profile, fnn_seconds() - start, fnn_ticks() - ticks);
  status = outcome(&run, job);
  if (job->mode == FNN_PREDICT && status == FNN_OK)
    job->position = job->end;
  return status;
}
