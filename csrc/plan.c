/* Layer specs -> offsets, sizes and phases.  With fnn_read and fnn_write, which turn
 * panels into the caller's (K, N) arrays and back, this is the only C that can fail.
 *
 * Every array starts on a cache line; padding is zero and stays zero where anything
 * reads it: loops over inputs (K) stop at the last real one, and the outputs past N have
 * zero weights, hence zero gradients. */
#define _DEFAULT_SOURCE
#include "plan.h"

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#define CACHE_LINE 64
#define HUGE_PAGE (2 << 20)
#define MAX_ELEMENTS ((int64_t)1 << 40)

static int64_t panels_of(int64_t width) { return FNN_ROUND_UP(width, FNN_PANEL); }
static int64_t blocks_of(int64_t width) { return FNN_ROUND_UP(width, FNN_BLOCK); }

/* ---- arenas -------------------------------------------------------------------- */

static void arena_free(fnn_arena *arena) {
#if defined(_WIN32)
  _aligned_free(arena->data);
#else
  free(arena->data);
#endif
  arena->data = NULL;
  arena->bytes = 0;
}

/* At least `bytes`, zeroed if they are new.  What was there is lost when it grows. */
static fnn_status arena_reserve(fnn_arena *arena, int64_t bytes) {
  if (bytes <= arena->bytes)
    return FNN_OK;
  arena_free(arena);
  /* Large arrays walk many pages: ask for huge ones where the system gives them. */
  const size_t page = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : CACHE_LINE;
  const size_t size = FNN_ROUND_UP((size_t)bytes, page);
#if defined(_WIN32)
  arena->data = _aligned_malloc(size, page);
#else
  arena->data = aligned_alloc(page, size);
#endif
  if (arena->data == NULL)
    return FNN_NO_MEMORY;
#if defined(__linux__)
  if (page == HUGE_PAGE)
    madvise(arena->data, size, MADV_HUGEPAGE);
#endif
  memset(arena->data, 0, size);
  arena->bytes = bytes;
  return FNN_OK;
}

static char *element(const fnn_plan *plan, const fnn_arena *arena, int64_t offset) {
  return arena->data ? arena->data + offset * plan->size : NULL;
}

/* ---- making a plan --------------------------------------------------------------- */

/* The phases of one mode; training with n layers takes the most: 2 n + 6. */
static void list_phases(fnn_phase *phase, fnn_mode mode, int32_t n_layers) {
#define ADD(kind, layer) (*phase++ = (fnn_phase){kind, layer})
  ADD(PHASE_GATHER, 0);
  for (int32_t l = 0; l < n_layers; l++)
    ADD(PHASE_FORWARD, l);
  if (mode == FNN_PREDICT) {
    ADD(PHASE_SCATTER, 0);
    ADD(PHASE_END, 0);
    return;
  }
  ADD(PHASE_LOSS, 0);
  if (mode != FNN_EVALUATE)
    for (int32_t l = n_layers - 1; l > 0; l--)
      ADD(PHASE_BACKWARD, l);
  ADD(PHASE_AGREE, 0);
  ADD(PHASE_SUM, 0);
  if (mode != FNN_EVALUATE)
    ADD(PHASE_UNITS, 0);
  ADD(PHASE_BARRIER, 0);
  ADD(PHASE_END, 0);
#undef ADD
}

/* Points the layers at their parts of the arenas. */
static void bind_parameters(fnn_plan *plan) {
  int64_t at = 0, transposed = plan->region;
  for (int32_t l = 0; l < plan->n_layers; l++) {
    fnn_dense *d = &plan->layers[l];
    const int64_t weights = blocks_of(d->K) * panels_of(d->N);
    d->W = element(plan, &plan->parameters, at);
    d->b = element(plan, &plan->parameters, at + weights);
    d->dW = element(plan, &plan->gradient, at);
    d->db = element(plan, &plan->gradient, at + weights);
    for (int s = 0; s < FNN_MAX_SLOTS; s++) {
      d->mW[s] = element(plan, &plan->slots[s], at);
      d->mb[s] = element(plan, &plan->slots[s], at + weights);
    }
    at += weights + panels_of(d->N);
    if (l > 0) {
      d->WT = element(plan, &plan->parameters, transposed);
      transposed += blocks_of(d->N) * panels_of(d->K);
    }
  }
}

fnn_status fnn_plan_create(fnn_dtype dtype, int64_t inputs, const fnn_layer *layers,
                           int32_t n_layers, fnn_plan **result) {
  *result = NULL;
  if (fnn_isa_in_use() == NULL || inputs < 1 || n_layers < 1 || n_layers > 1 << 16)
    return FNN_BAD_ARGUMENT;
  for (int32_t l = 0; l < n_layers; l++) {
    const int64_t K = l ? layers[l - 1].outputs : inputs;
    if (layers[l].kind != FNN_LAYER_DENSE || layers[l].outputs < 1 || layers[l].activation < 0 ||
        layers[l].activation >= FNN_ACTIVATIONS || layers[l].outputs > MAX_ELEMENTS / K)
      return FNN_BAD_ARGUMENT;
  }

  fnn_plan *plan = calloc(1, sizeof *plan);
  if (plan == NULL)
    return FNN_NO_MEMORY;
  plan->dtype = dtype;
  plan->size = dtype == FNN_FLOAT32 ? sizeof(float) : sizeof(double);
  plan->kernels = dtype == FNN_FLOAT32 ? fnn_isa_in_use()->f32 : fnn_isa_in_use()->f64;
  plan->n_layers = n_layers;
  plan->optimizer = -1;
  plan->layers = calloc((size_t)n_layers, sizeof *plan->layers);
  int failed = plan->layers == NULL;
  for (int mode = 0; mode <= FNN_PREDICT && !failed; mode++) {
    plan->phases[mode] = calloc(2 * (size_t)n_layers + 6, sizeof(fnn_phase));
    failed = plan->phases[mode] == NULL;
    if (!failed)
      list_phases(plan->phases[mode], mode, n_layers);
  }

  int64_t transposed = 0;
  for (int32_t l = 0; l < n_layers && !failed; l++) {
    fnn_dense *d = &plan->layers[l];
    d->K = l ? layers[l - 1].outputs : inputs;
    d->N = layers[l].outputs;
    d->bias = layers[l].bias;
    d->activation = layers[l].activation;
    d->parameter = layers[l].parameter;
    d->below = l ? layers[l - 1].activation : FNN_ACTIVATION_identity;
    d->parameter_below = l ? layers[l - 1].parameter : 0;
    plan->region += (blocks_of(d->K) + 1) * panels_of(d->N);
    transposed += l ? blocks_of(d->N) * panels_of(d->K) : 0;
  }
  if (failed || plan->region + transposed > MAX_ELEMENTS ||
      arena_reserve(&plan->parameters, (plan->region + transposed) * plan->size) != FNN_OK) {
    fnn_plan_free(plan);
    return FNN_NO_MEMORY;
  }
  bind_parameters(plan);
  *result = plan;
  return FNN_OK;
}

void fnn_plan_free(fnn_plan *plan) {
  if (plan == NULL)
    return;
  arena_free(&plan->parameters);
  arena_free(&plan->gradient);
  arena_free(&plan->workspace);
  for (int i = 0; i < FNN_MAX_SLOTS; i++)
    arena_free(&plan->slots[i]);
  for (int i = 0; i < 2; i++)
    arena_free(&plan->snapshots[i]);
  for (int mode = 0; mode <= FNN_PREDICT; mode++)
    free(plan->phases[mode]);
  free(plan->layers);
  free(plan);
}

int64_t fnn_plan_parameters(const fnn_plan *plan) {
  int64_t n = 0;
  for (int32_t l = 0; l < plan->n_layers; l++)
    n += (plan->layers[l].K + (plan->layers[l].bias != 0)) * plan->layers[l].N;
  return n;
}

int64_t fnn_plan_bytes(const fnn_plan *plan) {
  int64_t bytes = plan->parameters.bytes + plan->gradient.bytes + plan->workspace.bytes;
  for (int i = 0; i < FNN_MAX_SLOTS; i++)
    bytes += plan->slots[i].bytes;
  return bytes + plan->snapshots[0].bytes + plan->snapshots[1].bytes;
}

fnn_status fnn_plan_use_gradient(fnn_plan *plan) {
  const fnn_status status = arena_reserve(&plan->gradient, plan->region * plan->size);
  bind_parameters(plan);
  return status;
}

static fnn_status reserve_slots(fnn_plan *plan, int32_t optimizer) {
  fnn_status status = FNN_OK;
  for (int s = 0; s < fnn_optimizer_ops[optimizer].slots && status == FNN_OK; s++)
    status = arena_reserve(&plan->slots[s], plan->region * plan->size);
  bind_parameters(plan);
  return status;
}

fnn_status fnn_plan_use_optimizer(fnn_plan *plan, int32_t optimizer) {
  if (plan->optimizer == optimizer)
    return FNN_OK;
  const fnn_status status = reserve_slots(plan, optimizer);
  if (status != FNN_OK)
    return status;
  fnn_reset_optimizer(plan);
  plan->optimizer = optimizer;
  return FNN_OK;
}

void fnn_reset_optimizer(fnn_plan *plan) {
  for (int s = 0; s < FNN_MAX_SLOTS; s++)
    if (plan->slots[s].data)
      memset(plan->slots[s].data, 0, (size_t)plan->slots[s].bytes);
  plan->steps = 0;
  plan->decay[0] = plan->decay[1] = 1;
}

fnn_optimizer_state fnn_get_optimizer(const fnn_plan *plan) {
  return (fnn_optimizer_state){plan->optimizer, plan->steps, {plan->decay[0], plan->decay[1]}};
}

fnn_status fnn_set_optimizer(fnn_plan *plan, fnn_optimizer_state state) {
  if (state.optimizer < -1 || state.optimizer >= FNN_OPTIMIZERS)
    return FNN_BAD_ARGUMENT;
  if (state.optimizer >= 0 && state.optimizer != plan->optimizer) {
    const fnn_status status = reserve_slots(plan, state.optimizer);
    if (status != FNN_OK)
      return status;
  }
  plan->optimizer = state.optimizer;
  plan->steps = state.steps;
  plan->decay[0] = state.decay[0];
  plan->decay[1] = state.decay[1];
  return FNN_OK;
}

/* ---- one batch in memory ----------------------------------------------------------- */

int64_t fnn_plan_input_bytes(const fnn_plan *plan) {
  return blocks_of(plan->layers[0].K) * plan->stride * plan->size;
}

fnn_status fnn_plan_lay_out(fnn_plan *plan, int64_t stride, int64_t input_copies) {
  if (plan->stride == stride && plan->input_copies >= input_copies)
    return FNN_OK;
  const int32_t last = plan->n_layers - 1;
  const int64_t C = blocks_of(plan->layers[last].N);
  const int64_t inputs = input_copies * blocks_of(plan->layers[0].K);
  int64_t columns = inputs + 2 * C; /* and targets, dH */
  for (int32_t l = 0; l <= last; l++)
    columns += 2 * blocks_of(plan->layers[l].N); /* Z and dZ */
  if (stride > MAX_ELEMENTS / columns)
    return FNN_NO_MEMORY;
  const int64_t rows = FNN_ROUND_UP(stride, FNN_BLOCK);
  const int64_t bytes =
      columns * stride * plan->size + rows * (int64_t)(3 * sizeof(double) + sizeof(int32_t));
  plan->stride = 0;
  const fnn_status status = arena_reserve(&plan->workspace, bytes);
  if (status != FNN_OK)
    return status;
  memset(plan->workspace.data, 0, (size_t)bytes);

  char *at = plan->workspace.data;
#define TAKE(target, columns)                                                                      \
  ((target) = (void *)at, at += (columns) * stride * plan->size, (void)0)
  TAKE(plan->layers[0].X, inputs);
  for (int32_t l = 0; l <= last; l++) {
    fnn_dense *d = &plan->layers[l];
    TAKE(d->Z, blocks_of(d->N));
    TAKE(d->dZ, blocks_of(d->N));
    d->stride = stride;
    if (l > 0) {
      d->X = d[-1].Z;
      d->dX = d[-1].dZ;
    }
  }
  TAKE(plan->targets, C);
  TAKE(plan->output_gradient, C);
#undef TAKE
  plan->row_weights = (double *)at;
  plan->row_loss = plan->row_weights + rows;
  plan->row_accuracy = plan->row_loss + rows;
  plan->labels = (int32_t *)(plan->row_accuracy + rows);
  plan->stride = stride;
  plan->input_copies = input_copies;
  return FNN_OK;
}

/* ---- panels <-> (K, N) arrays ------------------------------------------------------- */

/* The arena that holds `part`, or NULL when nothing has made it yet. */
static fnn_arena *arena_of(fnn_plan *plan, fnn_part part) {
  fnn_arena *arena = part == FNN_PARAMETERS ? &plan->parameters
                     : part == FNN_GRADIENT ? &plan->gradient
                                            : &plan->slots[part - FNN_SLOT_0];
  return arena->data ? arena : NULL;
}

/* Copies row k of the panels at `panels` to or from a row of N elements. */
static void copy_row(const fnn_plan *plan, const fnn_dense *d, char *panels, int64_t k, char *row,
                     int to_panels) {
  for (int64_t n = 0; n < d->N; n += FNN_PANEL) {
    char *line = panels + (n * blocks_of(d->K) + k * FNN_PANEL) * plan->size;
    const size_t bytes = (size_t)((d->N - n < FNN_PANEL ? d->N - n : FNN_PANEL) * plan->size);
    if (to_panels)
      memcpy(line, row + n * plan->size, bytes);
    else
      memcpy(row + n * plan->size, line, bytes);
  }
}

/* Row k of the weights into its column of the transposed panels, a line of 32 at a time. */
static void transpose_row(const fnn_plan *plan, const fnn_dense *d, int64_t k) {
  const int64_t step = FNN_PANEL * plan->size;
  char *column =
      (char *)d->WT + k / FNN_PANEL * blocks_of(d->N) * step + k % FNN_PANEL * plan->size;
  for (int64_t n = 0; n < d->N; n++, column += step) {
    const char *element = (const char *)d->W + n / FNN_PANEL * blocks_of(d->K) * step + k * step +
                          n % FNN_PANEL * plan->size;
    if (plan->size == sizeof(float))
      memcpy(column, element, sizeof(float));
    else
      memcpy(column, element, sizeof(double));
  }
}

/* Where the weights and the bias of layer l are within a part. */
static void find_layer(fnn_plan *plan, const fnn_arena *arena, int32_t l, char **weights,
                       char **bias) {
  const fnn_dense *d = &plan->layers[l];
  *weights = arena->data + ((char *)d->W - plan->parameters.data);
  *bias = arena->data + ((char *)d->b - plan->parameters.data);
}

fnn_status fnn_read(fnn_plan *plan, fnn_part part, int32_t layer, void *weights, void *bias) {
  if (layer < 0 || layer >= plan->n_layers)
    return FNN_BAD_ARGUMENT;
  const fnn_dense *d = &plan->layers[layer];
  const fnn_arena *arena = arena_of(plan, part);
  const size_t row = (size_t)(d->N * plan->size);
  if (arena == NULL) {
    if (weights)
      memset(weights, 0, (size_t)d->K * row);
    if (bias)
      memset(bias, 0, row);
    return FNN_OK;
  }
  char *W, *b;
  find_layer(plan, arena, layer, &W, &b);
  for (int64_t k = 0; weights && k < d->K; k++)
    copy_row(plan, d, W, k, (char *)weights + (size_t)k * row, 0);
  if (bias)
    memcpy(bias, b, row);
  return FNN_OK;
}

fnn_status fnn_write(fnn_plan *plan, fnn_part part, int32_t layer, const void *weights,
                     const void *bias) {
  if (layer < 0 || layer >= plan->n_layers)
    return FNN_BAD_ARGUMENT;
  const fnn_dense *d = &plan->layers[layer];
  if (arena_of(plan, part) == NULL) {
    const fnn_status status =
        arena_reserve(part == FNN_GRADIENT ? &plan->gradient : &plan->slots[part - FNN_SLOT_0],
                      plan->region * plan->size);
    if (status != FNN_OK)
      return status;
    bind_parameters(plan);
  }
  const size_t row = (size_t)(d->N * plan->size);
  char *W, *b;
  find_layer(plan, arena_of(plan, part), layer, &W, &b);
  for (int64_t k = 0; weights && k < d->K; k++) {
    char *source = (char *)(uintptr_t)weights + (size_t)k * row;
    copy_row(plan, d, W, k, source, 1);
    if (part == FNN_PARAMETERS && d->WT)
      transpose_row(plan, d, k);
  }
  if (bias)
    memcpy(b, bias, row);
  return FNN_OK;
}

/* ---- snapshots ------------------------------------------------------------------------ */

/* A snapshot is [head | W and b of all layers | slot 0 | slot 1]; the transposed weights
 * are made again from the others. */
typedef struct {
  fnn_optimizer_state optimizer;
  int64_t slots;
} snapshot_head;

static int64_t slots_in_use(const fnn_plan *plan) {
  return plan->optimizer < 0 ? 0 : fnn_optimizer_ops[plan->optimizer].slots;
}

fnn_status fnn_snapshot(fnn_plan *plan, int32_t which) {
  if (which < 0 || which > 1)
    return FNN_BAD_ARGUMENT;
  fnn_arena *arena = &plan->snapshots[which];
  const snapshot_head head = {fnn_get_optimizer(plan), slots_in_use(plan)};
  const size_t part = (size_t)(plan->region * plan->size);
  const fnn_status status =
      arena_reserve(arena, (int64_t)(sizeof head + part * (size_t)(1 + head.slots)));
  if (status != FNN_OK)
    return status;
  char *at = arena->data;
  memcpy(at, &head, sizeof head);
  memcpy(at += sizeof head, plan->parameters.data, part);
  for (int64_t s = 0; s < head.slots; s++)
    memcpy(at += part, plan->slots[s].data, part);
  return FNN_OK;
}

fnn_status fnn_restore(fnn_plan *plan, int32_t which) {
  const char *at = which == 0 || which == 1 ? plan->snapshots[which].data : NULL;
  const size_t part = (size_t)(plan->region * plan->size);
  snapshot_head head;
  if (at == NULL)
    return FNN_BAD_ARGUMENT;
  memcpy(&head, at, sizeof head);
  memcpy(plan->parameters.data, at += sizeof head, part);
  fnn_reset_optimizer(plan);
  for (int64_t s = 0; s < head.slots; s++)
    memcpy(plan->slots[s].data, at += part, part);
  for (int32_t l = 1; l < plan->n_layers; l++)
    for (int64_t k = 0; k < plan->layers[l].K; k++)
      transpose_row(plan, &plan->layers[l], k);
  return fnn_set_optimizer(plan, head.optimizer);
}
