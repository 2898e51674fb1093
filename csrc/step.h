/* The updating part of a training step: penalties, clipping, groups of parameters (step.c). */
#ifndef FASTNN_STEP_H
#define FASTNN_STEP_H

#include "plan.h"
#include "share.h"

typedef struct {
  fnn_update all;           /* for all layers, unless */
  int32_t differ;           /* each has its own, in fnn_plan.updates */
  int32_t clips;            /* the norm of a gradient is to be known first */
  int32_t begins, ends;     /* a step of several batches with this one */
  fnn_optimizer_state next; /* after the step */
} fnn_step;

/* Memory that a job's steps want. */
fnn_status fnn_step_reserve(fnn_plan *plan, const fnn_job *job);
/* By one thread, while the rows of a batch are worked on; begins and ends are set before.
 * `penalty` is a factor of the layers' penalties. */
void fnn_step_prepare(fnn_step *step, fnn_plan *plan, const fnn_job *job, int64_t rows, double lr,
                      double penalty);
/* By all, each its share. */
void fnn_step_do(fnn_step *step, fnn_plan *plan, const fnn_job *job, const fnn_layer *first,
                 fnn_units share, fnn_ahead *ahead, fnn_clock *clock);

#endif
