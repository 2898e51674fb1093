/* Layer specs -> offsets, sizes and phases.
 *
 * Every array starts on a cache line; padding is zero and stays zero where anything
 * reads it: loops over inputs (K) stop at the last real one, and the outputs past N have
 * zero weights, hence zero gradients. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENTS ((int64_t)1 << 40)

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
    const int64_t weights = fnn_blocks_of(d->K) * fnn_panels_of(d->N);
    d->W = element(plan, &plan->parameters, at);
    d->b = element(plan, &plan->parameters, at + weights);
    d->dW = element(plan, &plan->gradient, at);
    d->db = element(plan, &plan->gradient, at + weights);
    for (int s = 0; s < FNN_MAX_SLOTS; s++) {
      d->mW[s] = element(plan, &plan->slots[s], at);
      d->mb[s] = element(plan, &plan->slots[s], at + weights);
    }
    at += weights + fnn_panels_of(d->N);
    if (l > 0) {
      d->WT = element(plan, &plan->parameters, transposed);
      transposed += fnn_blocks_of(d->N) * fnn_panels_of(d->K);
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
    plan->region += (fnn_blocks_of(d->K) + 1) * fnn_panels_of(d->N);
    transposed += l ? fnn_blocks_of(d->N) * fnn_panels_of(d->K) : 0;
  }
  if (failed || plan->region + transposed > MAX_ELEMENTS ||
      fnn_arena_reserve(&plan->parameters, (plan->region + transposed) * plan->size) != FNN_OK) {
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
  fnn_arena_free(&plan->parameters);
  fnn_arena_free(&plan->gradient);
  fnn_arena_free(&plan->workspace);
  for (int i = 0; i < FNN_MAX_SLOTS; i++)
    fnn_arena_free(&plan->slots[i]);
  for (int i = 0; i < 2; i++)
    fnn_arena_free(&plan->snapshots[i]);
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
  const fnn_status status = fnn_arena_reserve(&plan->gradient, plan->region * plan->size);
  bind_parameters(plan);
  return status;
}

fnn_status fnn_plan_use_slots(fnn_plan *plan, int32_t n) {
  fnn_status status = FNN_OK;
  for (int32_t s = 0; s < n && status == FNN_OK; s++)
    status = fnn_arena_reserve(&plan->slots[s], plan->region * plan->size);
  bind_parameters(plan);
  return status;
}

fnn_status fnn_plan_use_optimizer(fnn_plan *plan, int32_t optimizer) {
  if (plan->optimizer == optimizer)
    return FNN_OK;
  const fnn_status status = fnn_plan_use_slots(plan, fnn_optimizer_ops[optimizer].slots);
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
  plan->decay[0] = plan->decay[1] = plan->product = 1;
}

fnn_optimizer_state fnn_get_optimizer(const fnn_plan *plan) {
  return (fnn_optimizer_state){
      plan->optimizer, plan->steps, {plan->decay[0], plan->decay[1]}, plan->product};
}

fnn_status fnn_set_optimizer(fnn_plan *plan, fnn_optimizer_state state) {
  if (state.optimizer < -1 || state.optimizer >= FNN_OPTIMIZERS)
    return FNN_BAD_ARGUMENT;
  if (state.optimizer >= 0 && state.optimizer != plan->optimizer) {
    const fnn_status status = fnn_plan_use_slots(plan, fnn_optimizer_ops[state.optimizer].slots);
    if (status != FNN_OK)
      return status;
  }
  plan->optimizer = state.optimizer;
  plan->steps = state.steps;
  plan->decay[0] = state.decay[0];
  plan->decay[1] = state.decay[1];
  plan->product = state.product;
  return FNN_OK;
}

/* ---- one batch in memory ----------------------------------------------------------- */

int64_t fnn_plan_input_bytes(const fnn_plan *plan) {
  return fnn_blocks_of(plan->layers[0].K) * plan->stride * plan->size;
}

fnn_status fnn_plan_lay_out(fnn_plan *plan, int64_t stride, int64_t input_copies) {
  if (plan->stride == stride && plan->input_copies >= input_copies)
    return FNN_OK;
  const int32_t last = plan->n_layers - 1;
  const int64_t C = fnn_blocks_of(plan->layers[last].N);
  const int64_t inputs = input_copies * fnn_blocks_of(plan->layers[0].K);
  int64_t columns = inputs + 2 * C; /* and targets, dH */
  for (int32_t l = 0; l <= last; l++)
    columns += 2 * fnn_blocks_of(plan->layers[l].N); /* Z and dZ */
  if (stride > MAX_ELEMENTS / columns)
    return FNN_NO_MEMORY;
  const int64_t rows = FNN_ROUND_UP(stride, FNN_BLOCK);
  const int64_t bytes =
      columns * stride * plan->size + rows * (int64_t)(3 * sizeof(double) + sizeof(int32_t));
  plan->stride = 0;
  const fnn_status status = fnn_arena_reserve(&plan->workspace, bytes);
  if (status != FNN_OK)
    return status;
  memset(plan->workspace.data, 0, (size_t)bytes);

  char *at = plan->workspace.data;
#define TAKE(target, columns)                                                                      \
  ((target) = (void *)at, at += (columns) * stride * plan->size, (void)0)
  TAKE(plan->layers[0].X, inputs);
  for (int32_t l = 0; l <= last; l++) {
    fnn_dense *d = &plan->layers[l];
    TAKE(d->Z, fnn_blocks_of(d->N));
    TAKE(d->dZ, fnn_blocks_of(d->N));
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
