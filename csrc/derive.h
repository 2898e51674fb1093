/* What FNN_DERIVE gives besides FNN_GRADIENT: gradients in the inputs, or of each row (derive.c).
 */
#ifndef FASTNN_DERIVE_H
#define FASTNN_DERIVE_H

#include "plan.h"

/* Whether the network and the job fit what is wanted. */
int fnn_derive_accepts(const fnn_plan *plan, const fnn_job *job);
/* How much a row of weight 1 counts in the gradient of a job whose weights have this sum. */
double fnn_derive_scale(const fnn_job *job, double weight_sum);
/* Rows r0..r1 of the batch that begins at position `first`, whose backward pass is done. */
void fnn_derive_inputs(const fnn_plan *plan, const fnn_job *job, int64_t first, int64_t r0,
                       int64_t r1);
/* FNN_GRADIENT, of the row at this position. */
void fnn_derive_row(fnn_plan *plan, const fnn_job *job, int64_t position);

#endif
