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

/* An input of a layer, and what becomes of the gradient in it (graph.c). */
typedef struct {
  int32_t from;   /* a layer, or -1: the network's input */
  int32_t target; /* below: where its gradient goes */
  int32_t adds;   /* whether another layer has left its share */
  int32_t below;  /* the activation that made X, where its slope is to be multiplied in */
  double parameter;
  void *X;         /* [K/16][stride][16] */
  void *dX;        /* [K/16][stride][16]  where the gradient goes; NULL: not wanted */
  const void *add; /* [K/16][stride][16]  what is added to it; NULL: nothing */
} fnn_port;
enum { FNN_TO_NOBODY, FNN_TO_LAYER, FNN_TO_SHARED };

/* A table of vectors, [codes][width16], for the codes of an input. */
typedef struct {
  int64_t column, codes, width;
  int64_t output; /* the first output that its vectors are */
  int64_t at;     /* where it begins in W */
  int32_t *seen;  /* [codes]  while a unit is at work, a code's first row in the batch; else -1 */
} fnn_lookup;

/* A layer.  Dense: Z = activation(X W + b); the others: ops/layers.def. */
typedef struct {
  int32_t kind;  /* fnn_layer_kind */
  int32_t index; /* its place in the network */
  int64_t K, N;  /* inputs, outputs */
  int64_t lines; /* of W in use, of K16: K, or 1 of a layer with a weight an output, 0 without */
  int64_t stride;
  fnn_port in[2];
  void *Z;      /* [N/16][stride][16]  output, after the activation */
  void *dZ;     /* [N/16][stride][16]  gradient before this layer's activation; the
                   forward pass leaves slopes here (INPUT rows of activations.def) */
  void *W, *b;  /* [N/32][K16][32], [N32]; K16 is of `lines`; of an embedding: see fnn_lookup */
  void *WT;     /* [K/32][N16][32], the transposed panels; NULL where in[0] wants no gradient */
  void *shared; /* [N/16][stride][16]  the gradient in Z, while several layers add to it */
  void *mW[FNN_MAX_SLOTS], *mb[FNN_MAX_SLOTS]; /* optimizer state, as W and b */
  void *dW, *db;                               /* gradient, as W and b; NULL until a job needs it */
  void *kept;  /* what the layer keeps for its backward pass: see layers.def; NULL: nothing */
  double p[2]; /* its numbers: see layers.def */
  int32_t bias;
  fnn_group group;
  int64_t squares;    /* where its sums of squares begin (fnn_update.squares) */
  int32_t columns;    /* threads split its outputs, not the rows: see share.c */
  int32_t activation; /* this layer's */
  double parameter;
  fnn_lookup *lookups; /* embedding; NULL: none */
  int32_t n_lookups;
  int64_t table_elements; /* of W, instead of lines */
  int32_t wanted;         /* whether the gradient in Z is: it or a layer that feeds it trains */
  int32_t shares;         /* whether several layers leave a share of it */
} fnn_layer;

/* Lines of W of a layer with a weight an output; the last two of batch normalization. */
enum { FNN_SCALE_LINE, FNN_MEAN_LINE, FNN_VARIANCE_LINE };

/* What layers want to know of the batch besides its rows. */
typedef struct {
  int32_t training; /* random layers draw, batch normalization takes the batch's own statistics */
  int32_t derives;  /* a backward pass follows */
  int64_t first;    /* number of row 0, for random numbers */
  uint64_t seed;
  int64_t step;
} fnn_pass;

/* What is done with the gradient of a weight unit while it is in registers. */
typedef struct {
  int64_t rows;             /* of the batch */
  int32_t optimizer;        /* fnn_optimizer, or FNN_STORE */
  int32_t first;            /* FNN_STORE: begin the sum (1) or go on with what is there (0) */
  int32_t stored;           /* the gradient is there already, by FNN_STORE: only apply the rule */
  int32_t reshapes;         /* any of: */
  double scale, bias_scale; /* factors of a stored gradient of weights and bias */
  double limit;             /* most a gradient's size may be; 0: any */
  double l1, l2;            /* penalties, of weights alone */
  double *squares; /* FNN_STORE: gets the squares of each unit's weights, then of each panel's bias;
                      or NULL */
  double c[8];     /* constants of optimizers.def */
} fnn_update;
#define FNN_STORE (-1)

/* Lines of cache that will be wanted, some of which are asked for with each weight unit: rows that
 * the next batch gathers, or, where there are none, a part of a large layer's transposed copy. */
typedef struct {
  const char *data;     /* of the caller's array */
  const int64_t *order; /* of its rows, or NULL */
  int64_t position, end, row_bytes, bytes;
  const char *row;   /* the one at `position` */
  int64_t at;        /* of it */
  int64_t each, due; /* so many times FNN_AHEAD_LINES with each unit; now */
} fnn_ahead;
#define FNN_AHEAD_LINES 4

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
  int32_t loss;         /* fnn_loss; FNN_CUSTOM_LOSS: dH is there, but for `scale` */
  double value;         /* FNN_CUSTOM_LOSS: of every row */
  double numbers[2];
  const double *vector; /* instead of numbers[0], one for each output; or NULL */
} fnn_loss_rows;

typedef struct {
  int32_t tile_rows; /* rows of the matmul tile: threads split the batch by it */

  /* Rows order[position + r] (or position + r) of the caller's array into H; returns
   * the first r whose row is not finite, or -1. */
  int64_t (*gather)(const fnn_array *source, const int64_t *order, int64_t position, int64_t r0,
                    int64_t r1, int64_t stride, void *H);
  /* The codes of an embedding in rows r0..r1 of X: returns the first r that has one which is none,
   * or -1, and makes them 0. */
  int64_t (*check_codes)(const fnn_layer *layer, int64_t r0, int64_t r1, void *X);
  /* Outputs n0..n1, n0 a multiple of 32; act: 0 leaves the raw outputs. */
  void (*forward)(const fnn_layer *layer, int64_t r0, int64_t r1, int64_t n0, int64_t n1,
                  int32_t act);
  /* Gradients of inputs k0..k1, k0 a multiple of 32. */
  void (*backward)(const fnn_layer *layer, int64_t r0, int64_t r1, int64_t k0, int64_t k1);
  /* The same for the other layers. */
  void (*layer_forward)(const fnn_layer *layer, const fnn_pass *pass, int64_t r0, int64_t r1,
                        int64_t n0, int64_t n1, int32_t act);
  void (*layer_backward)(const fnn_layer *layer, const fnn_pass *pass, int64_t r0, int64_t r1,
                         int64_t k0, int64_t k1);
  /* Units u0..u1 of the weights: unit u is 16 inputs (u % (K/16)) of panel u / (K/16); of a
   * layer with a weight an output, panel u; of an embedding, table u. */
  void (*units)(const fnn_layer *layer, int64_t u0, int64_t u1, const fnn_update *update,
                fnn_ahead *ahead);
  /* The rule alone, on n weights that lie together anywhere, with their gradient. */
  void (*update)(const fnn_update *update, int64_t n, const void *gradient, void *weights,
                 void *const slots[FNN_MAX_SLOTS]);
  /* Scales down the weights of outputs whose norm is greater than `most`, in panels p0..p1. */
  void (*constrain)(const fnn_layer *layer, int64_t p0, int64_t p1, double most);
  void (*loss)(const fnn_loss_rows *rows, int64_t r0, int64_t r1);
  /* Rows of Z through the link into out, (r1 - r0, C). */
  void (*scatter)(int64_t C, int64_t stride, const void *Z, int64_t r0, int64_t r1, int32_t link,
                  void *out);
  /* Philox (random.c) of 16 counters, from this one on: [4][16] words. */
  void (*draw)(uint64_t seed, uint64_t stream, uint64_t counter, uint32_t words[4][FNN_BLOCK]);
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
