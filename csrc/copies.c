/* Copies of what a plan holds: panels <-> the caller's (K, N) arrays, and snapshots. */
#include "lookups.h"
#include "plan.h"

#include <string.h>

/* ---- panels <-> (K, N) arrays ------------------------------------------------------- */

/* The arena that holds `part`, or NULL when nothing has made it yet. */
static fnn_arena *arena_of(fnn_plan *plan, fnn_part part) {
  fnn_arena *arena = part == FNN_PARAMETERS ? &plan->parameters
                     : part == FNN_GRADIENT ? &plan->gradient
                                            : &plan->slots[part - FNN_SLOT_0];
  return arena->data ? arena : NULL;
}

/* Copies row k of the panels at `panels` to or from a row of N elements. */
static void copy_row(const fnn_plan *plan, const fnn_layer *d, char *panels, int64_t k, char *row,
                     int to_panels) {
  for (int64_t n = 0; n < d->N; n += FNN_PANEL) {
    char *line = panels + (n * fnn_blocks_of(d->lines) + k * FNN_PANEL) * plan->size;
    const size_t bytes = (size_t)((d->N - n < FNN_PANEL ? d->N - n : FNN_PANEL) * plan->size);
    if (to_panels)
      memcpy(line, row + n * plan->size, bytes);
    else
      memcpy(row + n * plan->size, line, bytes);
  }
}

/* Row k of the weights into its column of the transposed panels, a line of 32 at a time. */
static void transpose_row(const fnn_plan *plan, const fnn_layer *d, int64_t k) {
  const int64_t step = FNN_PANEL * plan->size;
  char *column =
      (char *)d->WT + k / FNN_PANEL * fnn_blocks_of(d->N) * step + k % FNN_PANEL * plan->size;
  for (int64_t n = 0; n < d->N; n++, column += step) {
    const char *element = (const char *)d->W + n / FNN_PANEL * fnn_blocks_of(d->K) * step +
                          k * step + n % FNN_PANEL * plan->size;
    if (plan->size == sizeof(float))
      memcpy(column, element, sizeof(float));
    else
      memcpy(column, element, sizeof(double));
  }
}

/* Where the weights and the bias of layer l are within a part. */
static void find_layer(fnn_plan *plan, const fnn_arena *arena, int32_t l, char **weights,
                       char **bias) {
  const fnn_layer *d = &plan->layers[l];
  *weights = arena->data + ((char *)d->W - plan->parameters.data);
  *bias = arena->data + ((char *)d->b - plan->parameters.data);
}

/* All weights of a layer to or from an array. */
static void copy_weights(const fnn_plan *plan, const fnn_layer *d, char *weights, char *array,
                         int to_panels) {
  if (d->lookups)
    fnn_lookups_copy(d, plan->size, weights, array, to_panels);
  else
    for (int64_t k = 0; k < d->lines; k++, array += d->N * plan->size)
      copy_row(plan, d, weights, k, array, to_panels);
}

/* Batch normalization's running mean and variance. */
static fnn_status copy_state(const fnn_plan *plan, const fnn_layer *d, void *mean, void *variance,
                             int write) {
  if (d->kind != FNN_LAYER_batch_norm)
    return FNN_BAD_ARGUMENT;
  if (mean)
    copy_row(plan, d, d->W, FNN_MEAN_LINE, mean, write);
  if (variance)
    copy_row(plan, d, d->W, FNN_VARIANCE_LINE, variance, write);
  return FNN_OK;
}

fnn_status fnn_read(fnn_plan *plan, fnn_part part, int32_t layer, void *weights, void *bias) {
  if (layer < 0 || layer >= plan->n_layers)
    return FNN_BAD_ARGUMENT;
  const fnn_layer *d = &plan->layers[layer];
  if (part == FNN_STATE)
    return copy_state(plan, d, weights, bias, 0);
  const fnn_arena *arena = arena_of(plan, part);
  const fnn_shape shape = fnn_layer_shape(plan, layer);
  const size_t row = (size_t)(d->N * plan->size);
  if (arena == NULL) {
    if (weights)
      memset(weights, 0, (size_t)(shape.rows * shape.columns * plan->size));
    if (bias)
      memset(bias, 0, row);
    return FNN_OK;
  }
  char *W, *b;
  find_layer(plan, arena, layer, &W, &b);
  if (weights)
    copy_weights(plan, d, W, weights, 0);
  if (bias)
    memcpy(bias, b, row);
  return FNN_OK;
}

fnn_status fnn_write(fnn_plan *plan, fnn_part part, int32_t layer, const void *weights,
                     const void *bias) {
  if (layer < 0 || layer >= plan->n_layers)
    return FNN_BAD_ARGUMENT;
  const fnn_layer *d = &plan->layers[layer];
  if (part == FNN_STATE)
    return copy_state(plan, d, (void *)(uintptr_t)weights, (void *)(uintptr_t)bias, 1);
  const fnn_status status = part == FNN_PARAMETERS ? FNN_OK
                            : part == FNN_GRADIENT
                                ? fnn_plan_use_gradient(plan)
                                : fnn_plan_use_slots(plan, part - FNN_SLOT_0 + 1);
  if (status != FNN_OK)
    return status;
  const size_t row = (size_t)(d->N * plan->size);
  char *W, *b;
  find_layer(plan, arena_of(plan, part), layer, &W, &b);
  if (weights)
    copy_weights(plan, d, W, (char *)(uintptr_t)weights, 1);
  for (int64_t k = 0; weights && part == FNN_PARAMETERS && d->WT && k < d->K; k++)
    transpose_row(plan, d, k);
  if (bias)
    memcpy(b, bias, row);
  return FNN_OK;
}

/* ---- snapshots ------------------------------------------------------------------------ */

/* A snapshot is [head | W and b of all layers | slot 0 | ...]; the transposed weights
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
      fnn_arena_reserve(arena, (int64_t)(sizeof head + part * (size_t)(1 + head.slots)));
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
    for (int64_t k = 0; plan->layers[l].WT && k < plan->layers[l].K; k++)
      transpose_row(plan, &plan->layers[l], k);
  return fnn_set_optimizer(plan, head.optimizer);
}
