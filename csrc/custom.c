/* A loss of the caller's own sees the rows of a batch as plain arrays, which are its caller's
 * memory: blocks would have three dimensions, and views of the workspace could outlive it.  Each
 * thread lays its own rows out there as it ends the forward pass and takes their gradient from
 * there, so nothing is copied between the threads, nor by the caller. */
#include "custom.h"

#include <string.h>

static const fnn_layer *last_layer(const fnn_plan *plan) {
  return &plan->layers[plan->n_layers - 1];
}

int fnn_custom_is_bad(const fnn_job *job) {
  const fnn_custom_loss *own = job->custom;
  const int64_t rows = job->end - job->begin;
  return own == NULL || own->call == NULL || own->outputs == NULL || own->targets == NULL ||
         own->gradient == NULL || (own->weights == NULL && job->row_weights) || own->rows < 1 ||
         job->labels || job->accuracy || job->targets.columns < 1 ||
         (job->mode == FNN_TRAIN && own->rows < (job->batch < rows ? job->batch : rows));
}

fnn_status fnn_custom_reserve(fnn_plan *plan, const fnn_job *job) {
  return fnn_arena_reserve(&plan->custom_targets,
                           fnn_blocks_of(job->targets.columns) * plan->stride * plan->size);
}

void fnn_custom_out(const fnn_plan *plan, const fnn_job *job, int64_t r0, int64_t r1) {
  const fnn_custom_loss *own = job->custom;
  const int64_t C = last_layer(plan)->N, D = job->targets.columns;
  plan->kernels->scatter(C, plan->stride, last_layer(plan)->Z, r0, r1, FNN_LINK_identity,
                         (char *)own->outputs + r0 * C * plan->size);
  plan->kernels->scatter(D, plan->stride, plan->custom_targets.data, r0, r1, FNN_LINK_identity,
                         (char *)own->targets + r0 * D * plan->size);
  memset((char *)own->gradient + r0 * C * plan->size, 0, (size_t)((r1 - r0) * C * plan->size));
  if (job->row_weights)
    memcpy(own->weights + r0, plan->row_weights + r0, (size_t)(r1 - r0) * sizeof(double));
}

int fnn_custom_back(const fnn_plan *plan, const fnn_job *job, int64_t r0, int64_t r1, void *dH) {
  const int64_t C = last_layer(plan)->N;
  const fnn_array gradient = {.data = job->custom->gradient,
                              .rows = job->custom->rows,
                              .columns = C,
                              .row_bytes = C * plan->size,
                              .column_bytes = plan->size,
                              .type = plan->dtype == FNN_FLOAT32 ? FNN_F32 : FNN_F64};
  return plan->kernels->gather(&gradient, NULL, 0, r0, r1, plan->stride, dH) < 0;
}
