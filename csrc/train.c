/* The executor: walks a job's batches through the plan's phases with the team.
 *
 * A training step:   rows of the batch, split over the threads
 *                      gather -> forward -> loss and its gradient -> backward-data
 *                    AGREE: all threads are here, and all go on or all stop
 *                    weight units, split over the threads by cost
 *                      gradient summed over the batch in registers, optimizer's rule
 *                    BARRIER
 *
 * A layer wide enough is split by its outputs instead (`columns`): a thread does all rows
 * of the same panels forward, of the same features backward, and updates the same units.
 * Its weights then stay in its own cache, and only activations cross between the cores;
 * measured in docs/performance.md.  Each thread gathers a copy of all inputs for itself if
 * the first layer is split so.  It takes a barrier wherever rows have met columns.
 *
 * A reason to stop (bad input, a loss that is not finite, a poll that says so) is noted
 * while rows are worked on and read right after AGREE, so no thread is left waiting and
 * a batch is updated whole or not at all.  Notes are written only between BARRIER and
 * AGREE and read only between AGREE and BARRIER. */
#include "batch.h"
#include "cpu.h"
#include "custom.h"
#include "derive.h"
#include "graph.h"
#include "profile.h"
#include "share.h"
#include "step.h"
#include "team.h"
#include "train.h"

#include <stddef.h>

#define POLL_SECONDS 0.02 /* between calls of poll */
#define POLL_FLOPS 2e6    /* between looks at the clock */
#define OTHER_FLOPS 32    /* that an output of a layer other than dense counts as */

/* ---- polls ------------------------------------------------------------------------------ */

/* Called by thread 0 after a piece of work of so many FLOPs. */
static void tick(fnn_work *run, double flops) {
  if (!run->asks || (run->work_since_look += flops) < POLL_FLOPS)
    return;
  run->work_since_look = 0;
  const double now = fnn_seconds();
  if (run->last_poll == 0) /* a small job ends before anybody looks at the clock */
    run->last_poll = now;
  if (now > run->deadline)
    atomic_fetch_or(&run->stop, FNN_STOP_LATE);
  if (run->job->poll == NULL || now - run->last_poll < POLL_SECONDS)
    return;
  if (run->job->poll(run->job->poll_context))
    atomic_fetch_or(&run->stop, FNN_STOP_INTERRUPTED);
  run->last_poll = fnn_seconds();
}

/* A batch that is given up needs no more of its rows; all meet at AGREE. */
static int interrupted(fnn_work *run) {
  return atomic_load_explicit(&run->stop, memory_order_relaxed) & FNN_STOP_INTERRUPTED;
}

/* ---- the optimizer's step ------------------------------------------------------------ */

/* Thread 0, while rows are worked on: the constants of the step to come. */
static void prepare_update(fnn_work *run, int64_t first, int64_t rows) {
  const fnn_job *job = run->job;
  if (job->mode == FNN_DERIVE) {
    run->store = (fnn_update){.rows = rows,
                              .optimizer = FNN_STORE,
                              .first = job->position == job->begin || job->of == FNN_OF_ROWS};
    return;
  }
  const double lr = fnn_schedule_lr(&job->schedule, run->plan->steps) * job->lr_factor;
  const int64_t begin = fnn_step_begin(run, first), end = fnn_step_end(run, first);
  const double weight = job->shared_penalties ? fnn_weight_sum(job, begin, end) : 1;
  run->step.begins = first == begin;
  run->step.ends = first + rows == end;
  fnn_step_prepare(&run->step, run->plan, job, rows, lr, weight > 0 ? 1 / weight : 0);
}

static void commit_update(fnn_work *run) {
  if (run->step.ends)
    fnn_set_optimizer(run->plan, run->step.next);
}

/* ---- the walk ---------------------------------------------------------------------------- */

/* Whether the first layer gathers its inputs by itself, a piece of rows at a time, which are then
 * still in the cache: where it is dense and no thread is waited for in between. */
static int gathers(const fnn_plan *plan, const fnn_phase *phase) {
  return phase->kind == PHASE_FORWARD && phase->layer == 0 && !phase->meet &&
         plan->layers[0].kind == FNN_LAYER_dense;
}

/* A part of a layer in pieces, so that a poll is never far away: of some rows, or of some columns
 * where a layer looks at all rows of one.  Forward the part is one of outputs, backward one of
 * inputs (the outputs of the layer below).  Where inputs are gathered, row 0 is at position
 * `first`. */
static void layer_part(fnn_work *run, const fnn_phase *phase, const fnn_layer *d,
                       const fnn_pass *pass, fnn_part_of_layer part, int64_t first, int thread,
                       fnn_clock *clock) {
  const fnn_kernels *kernels = run->plan->kernels;
  const int32_t act = run->act || phase->layer < run->plan->n_layers - 1;
  const int dense = d->kind == FNN_LAYER_dense, forward = phase->kind == PHASE_FORWARD;
  const int across = !dense && fnn_layer_ops[d->kind].split == FNN_COLUMNS;
  const int64_t rows = part.r1 - part.r0, outputs = part.n1 - part.n0;
  if (rows == 0)
    return;
  const int64_t all = across ? outputs : rows;
  const int64_t some = across ? FNN_ROUND_UP(fnn_rows_at_once(run->plan, all, rows), FNN_PANEL)
                              : fnn_rows_at_once(run->plan, all, dense && forward ? d->K : d->N);
  const double flops =
      dense ? 2.0 * (double)d->K * (double)d->N : OTHER_FLOPS * (double)(across ? rows : d->N);
  for (int64_t at = 0; at < all && !interrupted(run); at += some) {
    const int64_t end = at + some < all ? at + some : all;
    const int64_t r0 = part.r0 + (across ? 0 : at), r1 = across ? part.r1 : part.r0 + end;
    const int64_t n0 = part.n0 + (across ? at : 0), n1 = across ? part.n0 + end : part.n1;
    if (gathers(run->plan, phase)) {
      fnn_gather_inputs(run, first, r0, r1, d->in[0].X);
      fnn_lap(clock, FNN_WORK_gather, 0);
    }
    if (dense && forward)
      kernels->forward(d, r0, r1, n0, n1, act);
    else if (dense)
      kernels->backward(d, r0, r1, n0, n1);
    else if (forward)
      kernels->layer_forward(d, pass, r0, r1, n0, n1, act);
    else
      kernels->layer_backward(d, pass, r0, r1, n0, n1);
    if (thread == 0)
      tick(run, flops * (double)(end - at));
    fnn_lap(clock, forward ? FNN_WORK_forward : FNN_WORK_backward, phase->layer);
  }
}

/* The rows that this thread gathers after the batch at `first`. */
static fnn_ahead rows_ahead(const fnn_work *run, int64_t first, int own_inputs, fnn_units share) {
  const int64_t next = first + run->batch, left = run->end - next;
  const int64_t rows = left < run->batch ? left : run->batch;
  if (rows <= 0 || run->job->mode != FNN_TRAIN)
    return (fnn_ahead){.each = 0};
  const int64_t r0 = own_inputs ? 0 : fnn_first_row(run->plan, rows, share.t, share.T);
  const int64_t r1 = own_inputs ? rows : fnn_first_row(run->plan, rows, share.t + 1, share.T);
  return fnn_inputs_ahead(run, next, r0, r1, share.count);
}

static fnn_pass pass_of(const fnn_work *run, int64_t first) {
  const fnn_job *job = run->job;
  return (fnn_pass){
      .training = job->mode == FNN_TRAIN || (job->mode == FNN_DERIVE && job->training),
      .derives = job->mode != FNN_EVALUATE,
      .first = first - (job->mode == FNN_TRAIN ? fnn_step_begin(run, first) : job->begin),
      .seed = job->seed,
      .step = run->plan->steps,
  };
}

/* All modes but FNN_PREDICT: the threads meet in every batch. */
void fnn_work_together(void *context, int thread, int threads) {
  fnn_work *run = context;
  fnn_plan *plan = run->plan;
  const fnn_job *job = run->job;
  const uint64_t mode = fnn_float_mode_enter();
  /* Layer 0 as this thread sees it: with inputs of its own where columns are split. */
  fnn_layer layer_0 = plan->layers[0];
  const int own_inputs = fnn_has_own_inputs(&layer_0);
  if (own_inputs)
    layer_0.in[0].X = (char *)plan->inputs + thread * fnn_plan_input_bytes(plan);
  const fnn_units share = fnn_share_units(plan, thread, threads);
  fnn_clock clock = fnn_clock_start(plan->profile, thread);
  int stops = 0, stopped = 0;

  for (int64_t first = run->begin; first < run->end && !stopped; first += run->batch) {
    const int64_t left = job->end - first, rows = left < run->batch ? left : run->batch;
    const int64_t r0 = fnn_first_row(plan, rows, thread, threads);
    const int64_t r1 = fnn_first_row(plan, rows, thread + 1, threads);
    const fnn_pass pass = pass_of(run, first);
    if (thread == 0 && job->mode != FNN_EVALUATE)
      prepare_update(run, first, rows);
    fnn_lap(&clock, FNN_WORK_other, 0);
    for (const fnn_phase *phase = plan->phases[job->mode]; phase->kind != PHASE_END && !stopped;
         phase++) {
      const fnn_layer *d = phase->layer ? &plan->layers[phase->layer] : &layer_0;
      if (phase->meet) {
        fnn_lap(&clock, FNN_WORK_other, phase->layer);
        fnn_team_barrier(threads);
        fnn_lap(&clock, FNN_WORK_barrier, phase->layer);
      }
      switch (phase->kind) {
      case PHASE_GATHER:
        fnn_gather_targets(run, first, r0, r1);
        if (gathers(plan, phase + 1)) /* the clock goes on there */
          break;
        fnn_gather_inputs(run, first, own_inputs ? 0 : r0, own_inputs ? rows : r1, layer_0.in[0].X);
        fnn_lap(&clock, FNN_WORK_gather, 0);
        break;
      case PHASE_FORWARD:
        layer_part(run, phase, d, &pass,
                   fnn_share_outputs(plan, phase->layer, rows, thread, threads), first, thread,
                   &clock);
        break;
      case PHASE_BACKWARD:
        layer_part(run, phase, d, &pass,
                   fnn_share_outputs(plan, fnn_graph_gradient_layer(plan, phase->layer), rows,
                                     thread, threads),
                   first, thread, &clock);
        break;
      case PHASE_LOSS:
        if (job->loss == FNN_CUSTOM_LOSS)
          fnn_custom_loss_of_batch(run, first, rows, r0, r1, thread, threads, mode);
        else
          fnn_loss_of_batch(run, first, rows, r0, r1);
        fnn_lap(&clock, FNN_WORK_loss, 0);
        break;
      case PHASE_AGREE:
        fnn_team_barrier(threads);
        stops = atomic_load(&run->stop);
        stopped = (stops & ~FNN_STOP_LATE) != 0;
        fnn_lap(&clock, FNN_WORK_barrier, 0);
        break;
      case PHASE_SUM:
        if (thread == 0) {
          fnn_sum_rows(run, first, rows);
          if (job->mode == FNN_TRAIN)
            commit_update(run);
        }
        fnn_lap(&clock, FNN_WORK_other, 0);
        break;
      case PHASE_UNITS: {
        fnn_ahead ahead = rows_ahead(run, first, own_inputs, share);
        if (job->mode == FNN_TRAIN)
          fnn_step_do(&run->step, plan, job, &layer_0, share, &ahead, &clock);
        else if (job->of == FNN_OF_INPUTS)
          fnn_derive_inputs(plan, job, first, r0, r1);
        else
          fnn_do_units(plan, &layer_0, &run->store, 0, share, &ahead, &clock);
        if (job->mode == FNN_DERIVE && job->of == FNN_OF_ROWS)
          fnn_derive_row(plan, job, first);
        break;
      }
      case PHASE_BARRIER:
        fnn_lap(&clock, FNN_WORK_other, 0);
        fnn_team_barrier(threads);
        fnn_lap(&clock, FNN_WORK_barrier, 0);
        break;
      }
    }
    stopped |= (stops & FNN_STOP_LATE) && first + rows == fnn_step_end(run, first);
  }
  if (thread == 0)
    run->stopped = stopped;
  fnn_float_mode_leave(mode);
}

/* FNN_PREDICT: each thread takes its own stretch of the job through its own rows of the
 * workspace, and never waits. */
void fnn_work_alone(void *context, int thread, int threads) {
  fnn_work *run = context;
  fnn_plan *plan = run->plan;
  const fnn_job *job = run->job;
  const uint64_t mode = fnn_float_mode_enter();
  const fnn_layer *last = &plan->layers[plan->n_layers - 1];
  const int64_t n = job->end - job->begin, at_once = plan->stride / threads;
  const int64_t end = job->begin + fnn_first_row(plan, n, thread + 1, threads);
  const int64_t r0 = at_once * thread;
  const fnn_pass pass = {0};
  fnn_clock clock = fnn_clock_start(plan->profile, thread);

  for (int64_t first = job->begin + fnn_first_row(plan, n, thread, threads);
       first < end && atomic_load_explicit(&run->stop, memory_order_relaxed) == 0;
       first += at_once) {
    const int64_t r1 = r0 + (end - first < at_once ? end - first : at_once);
    for (const fnn_phase *phase = plan->phases[FNN_PREDICT]; phase->kind != PHASE_END; phase++)
      if (phase->kind == PHASE_GATHER) {
        if (gathers(plan, phase + 1))
          continue;
        fnn_gather_inputs(run, first - r0, r0, r1, plan->inputs);
        fnn_lap(&clock, FNN_WORK_gather, 0);
      } else if (phase->kind == PHASE_FORWARD) {
        layer_part(run, phase, &plan->layers[phase->layer], &pass,
                   (fnn_part_of_layer){r0, r1, 0, plan->layers[phase->layer].N}, first - r0, thread,
                   &clock);
      } else if (atomic_load_explicit(&run->stop, memory_order_relaxed) == 0) {
        plan->kernels->scatter(last->N, plan->stride, last->Z, r0, r1, job->link,
                               (char *)job->outputs + (first - job->begin) * last->N * plan->size);
        fnn_lap(&clock, FNN_WORK_other, 0);
      }
  }
  fnn_float_mode_leave(mode);
}
