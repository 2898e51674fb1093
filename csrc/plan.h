/* A network laid out in memory (plan.c) and the phases that jobs walk (train.c). */
#ifndef FASTNN_PLAN_H
#define FASTNN_PLAN_H

#include "arena.h"
#include "table.h"
#include "tune.h"

typedef enum {
  PHASE_GATHER,   /* rows of inputs, targets, weights */
  PHASE_FORWARD,  /* a layer */
  PHASE_LOSS,     /* and its gradient */
  PHASE_BACKWARD, /* a layer */
  PHASE_AGREE,    /* barrier; all go on or all stop */
  PHASE_SUM,      /* losses of the rows, by thread 0 */
  PHASE_UNITS,    /* weight gradients, updated or stored */
  PHASE_SCATTER,  /* outputs */
  PHASE_BARRIER,
  PHASE_END
} fnn_phase_kind;

typedef struct {
  int32_t kind; /* fnn_phase_kind */
  int32_t layer;
  int32_t meet; /* threads wait for each other before it: decided for each job (graph.c) */
} fnn_phase;

typedef struct fnn_profile fnn_profile;

struct fnn_plan {
  fnn_dtype dtype;
  int32_t size; /* bytes of an element */
  const fnn_kernels *kernels;
  int64_t n_inputs;
  int32_t looks_up; /* whether some layer is an embedding */
  int32_t n_layers;
  fnn_layer *layers;
  fnn_phase *phases[FNN_PREDICT + 1]; /* by fnn_mode, ended by PHASE_END */
  unsigned char *writers;             /* [3][n_layers + 1], of graph.c */

  /* [W | b] of every layer, then the WT of the dense ones below which something trains; slots
   * and gradient have the shape of the first part. */
  fnn_arena parameters, gradient, slots[FNN_MAX_SLOTS];
  fnn_arena snapshots[2];
  int64_t region; /* elements of the first part */

  /* fnn_optimizer_state */
  int32_t optimizer;
  int64_t steps;
  double decay[2], product;

  /* How steps differ between layers (step.c). */
  int32_t grouped, constrained;
  fnn_update *updates; /* [n_layers] */
  double *squares;     /* NULL until a job clips norms */

  /* One batch: the layers' Z, dZ, shared and kept, and these. */
  fnn_arena workspace;
  fnn_arena custom_targets; /* [columns/16][stride][16], instead of targets: see custom.h */
  int64_t stride;
  int64_t input_copies;  /* of X of the first layer, one after the other */
  void *inputs;          /* [n_inputs/16][stride][16], input_copies times */
  void *targets;         /* [C/16][stride][16] */
  void *output_gradient; /* [C/16][stride][16] */
  int32_t *labels;       /* [stride] */
  double *row_weights, *row_loss, *row_accuracy;

  fnn_tune tune;
  fnn_profile *profile; /* NULL: nobody asked for one */
};

/* Makes room for batches of `stride` rows, and for an optimizer's state or the gradient. */
fnn_status fnn_plan_lay_out(fnn_plan *plan, int64_t stride, int64_t input_copies);
int64_t fnn_plan_input_bytes(const fnn_plan *plan); /* of one copy */
fnn_status fnn_plan_use_optimizer(fnn_plan *plan, int32_t optimizer);
fnn_status fnn_plan_use_gradient(fnn_plan *plan);
fnn_status fnn_plan_use_slots(fnn_plan *plan, int32_t n);

/* Widths as they lie in memory. */
static inline int64_t fnn_panels_of(int64_t width) { return FNN_ROUND_UP(width, FNN_PANEL); }
static inline int64_t fnn_blocks_of(int64_t width) { return FNN_ROUND_UP(width, FNN_BLOCK); }

#endif
