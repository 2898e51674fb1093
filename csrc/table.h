/* The boundary between the C core and its kernels: plain structs with pointers, and
 * one coarse table of functions per ISA and dtype.  A whole phase of a layer is one
 * indirect call; everything finer is inlined into it.
 *
 * Rows are rows of the batch; [r0, r1) is the part that one thread does.  `stride` is
 * the number of rows that a feature block has room for: the arrays of a batch are
 * [F/16][stride][16], and a smaller batch (the last one) uses the first rows. */
#ifndef FASTNN_TABLE_H
#define FASTNN_TABLE_H

#include "fastnn.h"

#define FNN_ROUND_UP(x, m) (((x) + (m) - 1) / (m) * (m))

/* A dense layer: Z = activation(X W + b). */
typedef struct {
  int64_t K, N; /* inputs, outputs */
  int64_t stride;
  void *X;     /* [K/16][stride][16]  input */
  void *Z;     /* [N/16][stride][16]  output, after the activation */
  void *dX;    /* [K/16][stride][16]  gradient in the input of the layer below's
                  activation; NULL for the first layer */
  void *dZ;    /* [N/16][stride][16]  gradient before this layer's activation; the
                  forward pass leaves slopes here (INPUT rows of activations.def);
                  NULL when only predicting */
  void *W, *b; /* [N/32][K16][32], [N32] */
  void *WT;    /* [K/32][N16][32], the transposed panels; NULL for the first layer */
  void *mW[FNN_MAX_SLOTS], *mb[FNN_MAX_SLOTS]; /* optimizer state, as W and b */
  void *dW, *db;                               /* gradient, as W and b; NULL until a job needs it */
  int32_t bias;
  int32_t columns;    /* threads split its outputs, not the rows: see train.c */
  int32_t activation; /* this layer's */
  int32_t below;      /* the activation that made X */
  double parameter, parameter_below;
} fnn_dense;

/* What is done with the gradient of a weight unit while it is in registers. */
typedef struct {
  int64_t rows;      /* of the batch */
  int32_t optimizer; /* fnn_optimizer, or FNN_STORE */
  int32_t first;     /* FNN_STORE: begin the sum (1) or go on with what is there (0) */
  double c[8];       /* constants of optimizers.def */
} fnn_update;
#define FNN_STORE (-1)

/* The loss of some rows, and its gradient in the network's outputs. */
typedef struct {
  int64_t C; /* outputs */
  int64_t stride;
  const void *Z;         /* [C/16][stride][16]  raw outputs */
  const void *T;         /* [C/16][stride][16]  targets */
  const int32_t *labels; /* [stride]  instead of T: the class of each row */
  const double *weights; /* [stride]  or NULL: all 1 */
  double scale;          /* 1 / sum of the weights of the batch */
  void *dH;              /* [C/16][stride][16]  gradient in Z, or NULL: not wanted */
  void *dZ;              /* [C/16][stride][16]  gradient before the activation that made
                            Z; dH itself where that is the identity */
  int32_t activation;
  double parameter;
  double *row_loss;     /* [stride]  not weighted */
  double *row_accuracy; /* [stride]  share of right answers, or NULL */
  int32_t loss;
} fnn_loss_rows;

typedef struct {
  int32_t tile_rows; /* rows of the matmul tile: threads split the batch by it */

  /* Rows order[position + r] (or position + r) of the caller's array into H; returns
   * the first r whose row is not finite, or -1. */
  int64_t (*gather)(const fnn_array *source, const int64_t *order, int64_t position, int64_t r0,
                    int64_t r1, int64_t stride, void *H);
  /* Outputs n0..n1, n0 a multiple of 32; act: 0 leaves the raw outputs. */
  void (*forward)(const fnn_dense *layer, int64_t r0, int64_t r1, int64_t n0, int64_t n1,
                  int32_t act);
  /* Gradients of inputs k0..k1, k0 a multiple of 32. */
  void (*backward)(const fnn_dense *layer, int64_t r0, int64_t r1, int64_t k0, int64_t k1);
  /* Units u0..u1 of the weights: unit u is 16 inputs (u % (K/16)) of panel u / (K/16). */
  void (*units)(const fnn_dense *layer, int64_t u0, int64_t u1, const fnn_update *update);
  /* The rule alone, on n weights that lie together anywhere, with their gradient. */
  void (*update)(const fnn_update *update, int64_t n, const void *gradient, void *weights,
                 void *const slots[FNN_MAX_SLOTS]);
  void (*loss)(const fnn_loss_rows *rows, int64_t r0, int64_t r1);
  /* Rows of Z through the link into out, (r1 - r0, C). */
  void (*scatter)(int64_t C, int64_t stride, const void *Z, int64_t r0, int64_t r1, int32_t link,
                  void *out);
  int (*map)(const char *function, double parameter, int64_t n, const void *x, void *values,
             void *slopes);
  double (*fma_flops)(int64_t repeats); /* runs that many, returns the FLOPs done */
} fnn_kernels;

typedef struct {
  const char *name;
  int (*supported)(void);
  const fnn_kernels *f32, *f64;
} fnn_isa_entry;

/* The table in use, chosen once (cpu.c). */
const fnn_isa_entry *fnn_isa_in_use(void);

#endif
