/* Who does what: a step's rows, columns and weight units over the threads (share.c). */
#ifndef FASTNN_SHARE_H
#define FASTNN_SHARE_H

#include "plan.h"
#include "profile.h"

/* Decides for each layer whether `threads` threads split its outputs (fnn_layer.columns)
 * or, where it isn't training or they would not come out even, the rows. */
void fnn_share_layers(fnn_plan *plan, int threads, fnn_mode mode);

/* A thread's part of a layer: rows r0..r1 of outputs n0..n1. */
typedef struct {
  int64_t r0, r1, n0, n1;
} fnn_part_of_layer;

/* Where thread t of T begins; its part ends where that of t + 1 begins. */
int64_t fnn_first_row(const fnn_plan *plan, int64_t rows, int t, int T);

/* The part of layer l's outputs, of `rows` rows, that is t's. */
fnn_part_of_layer fnn_share_outputs(const fnn_plan *plan, int32_t l, int64_t rows, int t, int T);

/* How many of a part's rows, each of `terms` inputs, are done together: as many as stay in
 * the second-level cache while all panels of weights pass by, in even pieces. */
int64_t fnn_rows_at_once(const fnn_plan *plan, int64_t rows, int64_t terms);

/* A thread's weight units: panels t of T where a layer is split by columns; begin to end,
 * counted through the other layers, in those. */
typedef struct {
  int64_t begin, end;
  int64_t count; /* of all layers */
  int t, T;
} fnn_units;

fnn_units fnn_share_units(const fnn_plan *plan, int t, int T);

/* Calls the kernels for a thread's units of all layers; `first` stands for layer 0.  Layer l
 * gets updates[l * step]. */
void fnn_do_units(const fnn_plan *plan, const fnn_layer *first, const fnn_update *updates, int step,
                  fnn_units share, fnn_ahead *ahead, fnn_clock *clock);

/* Sums of squares that a layer's units leave (fnn_update.squares), and their sum: of the weights,
 * or of the bias. */
int64_t fnn_squares_of_layer(const fnn_layer *layer);
double fnn_sum_squares(const fnn_layer *layer, const double *squares, int of_bias);

/* Max-norm constraints, a thread's panels of each layer. */
void fnn_do_constrain(const fnn_plan *plan, int t, int T);

#endif
