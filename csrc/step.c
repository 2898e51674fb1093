/* The updating part of a training step.
 *
 * Most steps apply the optimizer's rule to each unit's gradient while it is in registers.  Where
 * the norm of a gradient is to be clipped, all units are stored first, their sums of squares
 * added up, and the rule applied to what was stored.  Where a step is of several batches, each
 * adds its share to what the ones before it have stored, and the last one applies the rule: every
 * weight's sum then goes on as if it were one batch, term after term, while biases, scales and
 * shifts, of which a batch has four partial sums, may differ in the last bits. */
#include "step.h"

#include "team.h"
#include "update.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where `name` stands among an optimizer's hyperparameters, or -1. */
static int position_of(const char *names, const char *name) {
  const size_t length = strlen(name);
  for (int i = 0; *names; i++) {
    const char *end = strchr(names, ' ');
    const size_t here = end ? (size_t)(end - names) : strlen(names);
    if (here == length && memcmp(names, name, length) == 0)
      return i;
    names += here + (end != NULL);
  }
  return -1;
}

static int clips_norms(const fnn_job *job) {
  return job->mode == FNN_TRAIN && (job->clip_norm > 0 || job->clip_global_norm > 0);
}

fnn_status fnn_step_reserve(fnn_plan *plan, const fnn_job *job) {
  if (job->accumulate > 1) {
    const fnn_status status = fnn_plan_use_gradient(plan);
    if (status != FNN_OK)
      return status;
  }
  if (!clips_norms(job))
    return FNN_OK;
  int64_t n = 0;
  for (int32_t l = 0; l < plan->n_layers; l++) {
    plan->layers[l].squares = n;
    n += fnn_squares_of_layer(&plan->layers[l]);
  }
  if (plan->squares == NULL)
    plan->squares = fnn_allocate((size_t)n + 1, sizeof *plan->squares);
  return plan->squares ? fnn_plan_use_gradient(plan) : FNN_NO_MEMORY;
}

void fnn_step_prepare(fnn_step *step, fnn_plan *plan, const fnn_job *job, int64_t rows, double lr,
                      double penalty) {
  fnn_update *all = &step->all;
  step->clips = clips_norms(job);
  all->rows = rows;
  all->optimizer = job->optimizer;
  all->scale = all->bias_scale = 1;
  all->limit = job->clip_value;
  all->reshapes = all->limit > 0;
  all->stored = step->clips || !(step->begins && step->ends);
  const fnn_optimizer_state now = fnn_get_optimizer(plan);
  step->next = fnn_update_constants(now, lr, job->hyperparameters, all->c);
  step->differ = plan->grouped || step->clips;
  if (!step->differ)
    return;
  const int decay = position_of(fnn_optimizer_ops[job->optimizer].hyperparameters, "weight_decay");
  for (int32_t l = 0; l < plan->n_layers; l++) {
    const fnn_group *group = &plan->layers[l].group;
    fnn_update *own = &plan->updates[l];
    *own = *all;
    own->l1 = group->l1 * penalty;
    own->l2 = group->l2 * penalty;
    own->reshapes |= group->l1 > 0 || group->l2 > 0;
    double p[FNN_MAX_HYPERPARAMETERS];
    memcpy(p, job->hyperparameters, sizeof p);
    if (decay >= 0)
      p[decay] *= group->decay_scale;
    fnn_update_constants(now, lr * group->lr_scale, p, own->c);
  }
}

/* The factor that brings a norm down to `most`. */
static double factor_of(double squares, double most) {
  const double norm = sqrt(squares);
  return norm > most ? most / norm : 1;
}

static void scale_gradient(fnn_plan *plan, const fnn_job *job) {
  double total = 0;
  for (int32_t l = 0; l < plan->n_layers; l++) {
    const fnn_layer *d = &plan->layers[l];
    fnn_update *own = &plan->updates[l];
    const double weights = fnn_sum_squares(d, plan->squares, 0);
    const double bias = fnn_sum_squares(d, plan->squares, 1);
    total += d->group.frozen ? 0 : weights + bias;
    own->reshapes = 1;
    if (job->clip_norm > 0) {
      own->scale = factor_of(weights, job->clip_norm);
      own->bias_scale = factor_of(bias, job->clip_norm);
    }
  }
  for (int32_t l = 0; l < plan->n_layers && job->clip_global_norm > 0; l++)
    plan->updates[l].scale = plan->updates[l].bias_scale = factor_of(total, job->clip_global_norm);
}

void fnn_step_do(fnn_step *step, fnn_plan *plan, const fnn_job *job, const fnn_layer *first,
                 fnn_units share, fnn_ahead *ahead, fnn_clock *clock) {
  if (step->all.stored) {
    const fnn_update store = {.rows = step->all.rows,
                              .optimizer = FNN_STORE,
                              .first = step->begins,
                              .squares = step->clips && step->ends ? plan->squares : NULL};
    fnn_do_units(plan, first, &store, 0, share, ahead, clock);
    if (!step->ends)
      return;
  }
  if (step->clips) {
    fnn_team_barrier(share.T);
    if (share.t == 0)
      scale_gradient(plan, job);
    fnn_team_barrier(share.T);
    fnn_lap(clock, FNN_WORK_barrier, 0);
  }
  fnn_do_units(plan, first, step->differ ? plan->updates : &step->all, step->differ, share, ahead,
               clock);
  if (plan->constrained) {
    fnn_team_barrier(share.T);
    fnn_lap(clock, FNN_WORK_barrier, 0);
    fnn_do_constrain(plan, share.t, share.T);
    fnn_lap(clock, FNN_WORK_update, 0);
  }
}

fnn_status fnn_set_group(fnn_plan *plan, int32_t layer, fnn_group group) {
  if (layer < 0 || layer >= plan->n_layers || !(group.l1 >= 0) || !(group.l2 >= 0) ||
      !(group.max_norm >= 0) || !(group.lr_scale >= 0) || !(group.decay_scale >= 0))
    return FNN_BAD_ARGUMENT;
  plan->layers[layer].group = group;
  plan->grouped |= group.l1 > 0 || group.l2 > 0 || group.lr_scale != 1 || group.decay_scale != 1;
  plan->constrained |= group.max_norm > 0;
  return FNN_OK;
}
