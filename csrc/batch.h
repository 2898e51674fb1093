/* What threads do with the rows of a batch: in, loss and its gradient, sums (batch.c). */
#ifndef FASTNN_BATCH_H
#define FASTNN_BATCH_H

#include "plan.h"
#include "step.h"

#include <stdatomic.h>

/* All but the last end the job before the update; that one after the step. */
enum {
  FNN_STOP_INTERRUPTED = 1,
  FNN_STOP_NON_FINITE = 2,
  FNN_STOP_BAD_INPUT = 4,
  FNN_STOP_LATE = 8
};

/* A job being done. */
typedef struct {
  fnn_plan *plan;
  fnn_job *job;
  int64_t begin, end; /* positions of the piece of the job that is being done */
  int32_t stopped;    /* whether the last piece ended early; of thread 0 */
  int64_t batch;      /* rows of a batch or chunk, of all threads together */
  int64_t step_rows;  /* of the batches of a step; FNN_TRAIN */
  double scale;       /* FNN_DERIVE: 1 / sum of all row weights */
  void *targets;      /* where they are gathered */
  double custom_value;
  int32_t act; /* whether the last layer's activation is applied */

  fnn_update store; /* FNN_DERIVE */
  fnn_step step;    /* FNN_TRAIN */
  int32_t asks;     /* whether there is a poll or a deadline */
  double work_since_look, last_poll, deadline;

  atomic_int stop;               /* bits of the above */
  atomic_int_fast64_t bad_place; /* 2 * position (+ 1: in targets) of the first bad row */
} fnn_work;

int64_t fnn_row_of(const fnn_job *job, int64_t position);
double fnn_weight_sum(const fnn_job *job, int64_t begin, int64_t end);
/* The positions of the step that the batch at `first` is part of. */
int64_t fnn_step_begin(const fnn_work *run, int64_t first);
int64_t fnn_step_end(const fnn_work *run, int64_t first);

/* Rows r0..r1 of the workspace get positions first + r0.. of the job. */
void fnn_gather_inputs(fnn_work *run, int64_t first, int64_t r0, int64_t r1, void *X);
void fnn_gather_targets(fnn_work *run, int64_t first, int64_t r0, int64_t r1);
/* The inputs at positions first + r0.. to first + r1, for so many weight units to fetch. */
fnn_ahead fnn_inputs_ahead(const fnn_work *run, int64_t first, int64_t r0, int64_t r1,
                           int64_t units);
/* Their losses, and the gradient in the last layer's outputs. */
void fnn_loss_of_batch(fnn_work *run, int64_t first, int64_t rows, int64_t r0, int64_t r1);
void fnn_custom_loss_of_batch(fnn_work *run, int64_t first, int64_t rows, int64_t r0, int64_t r1,
                              int thread, int threads, uint64_t callers_mode);
/* Thread 0, once a batch is known to be good: sums in the order of the rows. */
void fnn_sum_rows(fnn_work *run, int64_t first, int64_t rows);

#endif
