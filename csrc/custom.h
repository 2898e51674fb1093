/* A loss of the caller's own: the rows of a batch out to it, and its gradient back (custom.c). */
#ifndef FASTNN_CUSTOM_H
#define FASTNN_CUSTOM_H

#include "plan.h"

int fnn_custom_is_bad(const fnn_job *job);

/* Room for the targets, whose columns are any number. */
fnn_status fnn_custom_reserve(fnn_plan *plan, const fnn_job *job);

/* Rows r0..r1 of the batch into the arrays that the function sees; their gradient is 0. */
void fnn_custom_out(const fnn_plan *plan, const fnn_job *job, int64_t r0, int64_t r1);

/* Their gradient into dH, [C/16][stride][16]; returns whether it is finite. */
int fnn_custom_back(const fnn_plan *plan, const fnn_job *job, int64_t r0, int64_t r1, void *dH);

#endif
