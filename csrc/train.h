/* The executor of jobs (train.c). */
#ifndef FASTNN_TRAIN_H
#define FASTNN_TRAIN_H

#include "batch.h"

/* What each thread of a team does with the batches from run->begin to run->end: all modes but
 * FNN_PREDICT, and this one. */
void fnn_work_together(void *run, int thread, int threads);
void fnn_work_alone(void *run, int thread, int threads);

/* Whether each thread gathers all inputs for itself, for a first layer split by columns. */
static inline int fnn_has_own_inputs(const fnn_layer *first) {
  return first->kind == FNN_LAYER_dense && first->columns;
}

#endif
