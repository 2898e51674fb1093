/* Gradients that are no sums over the rows.
 *
 * In the inputs: a network whose first layer is `input` has them where every layer has the
 * gradient in its outputs; training never pays for them, because the networks that train have
 * no such layer.  Of each row: batches of one row, copied out one by one. */
#include "derive.h"

#include <stddef.h>

int fnn_derive_accepts(const fnn_plan *plan, const fnn_job *job) {
  if (job->of < FNN_OF_PARAMETERS || job->of > FNN_OF_ROWS ||
      (job->of != FNN_OF_PARAMETERS && (job->gradients == NULL || job->training)))
    return 0;
  return job->of != FNN_OF_INPUTS || plan->layers[0].kind == FNN_LAYER_input;
}

double fnn_derive_scale(const fnn_job *job, double weight_sum) {
  if (job->of == FNN_OF_ROWS || job->loss == FNN_GIVEN)
    return 1;
  return weight_sum > 0 ? 1 / weight_sum : 0;
}

static char *gradient_at(const fnn_plan *plan, const fnn_job *job, int64_t position,
                         int64_t columns) {
  return (char *)job->gradients + (position - job->begin) * columns * plan->size;
}

void fnn_derive_inputs(const fnn_plan *plan, const fnn_job *job, int64_t first, int64_t r0,
                       int64_t r1) {
  plan->kernels->scatter(plan->n_inputs, plan->stride, plan->layers[0].dZ, r0, r1,
                         FNN_LINK_identity, gradient_at(plan, job, first + r0, plan->n_inputs));
}

void fnn_derive_row(fnn_plan *plan, const fnn_job *job, int64_t position) {
  char *at = gradient_at(plan, job, position, fnn_plan_parameters(plan));
  for (int32_t l = 0; l < plan->n_layers; l++) {
    const fnn_shape shape = fnn_layer_shape(plan, l);
    char *bias = at + shape.rows * shape.columns * plan->size;
    fnn_read(plan, FNN_GRADIENT, l, at, shape.bias ? bias : NULL);
    at = bias + shape.bias * plan->size;
  }
}
