/* Layer specs -> offsets, sizes and phases.
 *
 * Every array starts on a cache line; padding is zero and stays zero where anything
 * reads it: loops over inputs (K) stop at the last real one, and the outputs past N have
 * zero weights, hence zero gradients. */
#include "graph.h"
#include "lookups.h"
#include "plan.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENTS ((int64_t)1 << 40)

static char *element(const fnn_plan *plan, const fnn_arena *arena, int64_t offset) {
  return arena->data ? arena->data + offset * plan->size : NULL;
}

/* ---- making a plan --------------------------------------------------------------- */

/* The phases of one mode; training with n layers takes the most: 2 n + 6, as nothing below the
 * first wants a gradient. */
static void list_phases(const fnn_plan *plan, fnn_mode mode) {
  const int32_t n_layers = plan->n_layers;
  fnn_phase *phase = plan->phases[mode];
#define ADD(kind, layer) (*phase++ = (fnn_phase){kind, layer, 0})
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
    for (int32_t l = n_layers - 1; l >= 0; l--)
      if (fnn_graph_wants_gradient(&plan->layers[l]))
        ADD(PHASE_BACKWARD, l);
  ADD(PHASE_AGREE, 0);
  ADD(PHASE_SUM, 0);
  if (mode != FNN_EVALUATE)
    ADD(PHASE_UNITS, 0);
  ADD(PHASE_BARRIER, 0);
  ADD(PHASE_END, 0);
#undef ADD
}

/* Elements of a layer's W. */
static int64_t weights_of(const fnn_layer *d) {
  return d->lookups ? d->table_elements : fnn_blocks_of(d->lines) * fnn_panels_of(d->N);
}

/* Points the layers at their parts of the arenas. */
static void bind_parameters(fnn_plan *plan) {
  int64_t at = 0, transposed = plan->region;
  for (int32_t l = 0; l < plan->n_layers; l++) {
    fnn_layer *d = &plan->layers[l];
    const int64_t weights = weights_of(d);
    d->W = element(plan, &plan->parameters, at);
    d->b = element(plan, &plan->parameters, at + weights);
    d->dW = element(plan, &plan->gradient, at);
    d->db = element(plan, &plan->gradient, at + weights);
    for (int s = 0; s < FNN_MAX_SLOTS; s++) {
      d->mW[s] = element(plan, &plan->slots[s], at);
      d->mb[s] = element(plan, &plan->slots[s], at + weights);
    }
    at += weights + (d->lines ? fnn_panels_of(d->N) : 0);
    if (d->kind == FNN_LAYER_dense && fnn_graph_wants_gradient(d)) {
      d->WT = element(plan, &plan->parameters, transposed);
      transposed += fnn_blocks_of(d->N) * fnn_panels_of(d->K);
    }
  }
}

/* Fills in the widths and sources of the layers; 0 if they do not fit together. */
static int connect(fnn_plan *plan, const fnn_layer_spec *layers, int64_t inputs) {
  for (int32_t l = 0; l < plan->n_layers; l++) {
    fnn_layer *d = &plan->layers[l];
    const fnn_layer_spec *layer = &layers[l];
    if (layer->kind < 0 || layer->kind >= FNN_LAYERS || layer->activation < 0 ||
        layer->activation >= FNN_ACTIVATIONS)
      return 0;
    int64_t width[2] = {0, 0};
    for (int i = 0; i < fnn_layer_ops[layer->kind].inputs; i++) {
      const int32_t from = fnn_graph_source(layers, l, i);
      if (from < -1 || from >= l)
        return 0;
      d->in[i].from = from;
      width[i] = from < 0 ? inputs : plan->layers[from].N;
    }
    d->kind = layer->kind;
    d->index = l;
    d->K = width[0];
    d->N = d->kind == FNN_LAYER_dense         ? layer->outputs
           : d->kind == FNN_LAYER_concatenate ? width[0] + width[1]
           : d->kind == FNN_LAYER_embedding   ? fnn_lookups_outputs(layer, inputs)
                                              : width[0];
    const int dense = d->kind == FNN_LAYER_dense;
    if (d->N < 1 || (dense && d->N > MAX_ELEMENTS / d->K) ||
        (d->kind == FNN_LAYER_add && width[0] != width[1]) ||
        (d->kind == FNN_LAYER_embedding && d->in[0].from >= 0 &&
         plan->layers[d->in[0].from].kind != FNN_LAYER_input))
      return 0;
    d->lines = dense ? d->K : fnn_layer_ops[d->kind].trains > 0;
    d->bias = dense ? layer->bias : fnn_layer_ops[d->kind].trains > 1;
    d->p[0] = layer->p[0];
    d->p[1] = layer->p[1];
    d->group = (fnn_group){.lr_scale = 1, .decay_scale = 1};
    d->activation = layer->activation;
    d->parameter = layer->parameter;
  }
  return 1;
}

fnn_status fnn_plan_create(fnn_dtype dtype, int64_t inputs, const fnn_layer_spec *layers,
                           int32_t n_layers, fnn_plan **result) {
  *result = NULL;
  if (fnn_isa_in_use() == NULL || inputs < 1 || n_layers < 1 || n_layers > 1 << 16)
    return FNN_BAD_ARGUMENT;

  fnn_plan *plan = fnn_allocate(1, sizeof *plan);
  if (plan == NULL)
    return FNN_NO_MEMORY;
  plan->dtype = dtype;
  plan->size = dtype == FNN_FLOAT32 ? sizeof(float) : sizeof(double);
  plan->kernels = dtype == FNN_FLOAT32 ? fnn_isa_in_use()->f32 : fnn_isa_in_use()->f64;
  plan->n_layers = n_layers;
  plan->n_inputs = inputs;
  plan->optimizer = -1;
  plan->layers = fnn_allocate((size_t)n_layers, sizeof *plan->layers);
  plan->updates = fnn_allocate((size_t)n_layers, sizeof *plan->updates);
  plan->writers = fnn_allocate(3, (size_t)n_layers + 1);
  int failed = plan->layers == NULL || plan->updates == NULL || plan->writers == NULL;
  for (int mode = 0; mode <= FNN_PREDICT && !failed; mode++) {
    plan->phases[mode] = fnn_allocate(2 * (size_t)n_layers + 6, sizeof(fnn_phase));
    failed = plan->phases[mode] == NULL;
  }
  if (!failed && !connect(plan, layers, inputs)) {
    fnn_plan_free(plan);
    return FNN_BAD_ARGUMENT;
  }

  for (int32_t l = 0; l < n_layers && !failed; l++)
    if (plan->layers[l].kind == FNN_LAYER_embedding) {
      failed = fnn_lookups_create(&plan->layers[l], &layers[l]) != FNN_OK;
      plan->looks_up = 1;
    }
  int64_t transposed = 0;
  if (!failed)
    fnn_graph_wire(plan);
  for (int mode = 0; mode <= FNN_PREDICT && !failed; mode++)
    list_phases(plan, mode);
  for (int32_t l = 0; l < n_layers && !failed; l++) {
    const fnn_layer *d = &plan->layers[l];
    plan->region += d->lines ? weights_of(d) + fnn_panels_of(d->N) : 0;
    if (d->kind == FNN_LAYER_dense && fnn_graph_wants_gradient(d))
      transposed += fnn_blocks_of(d->N) * fnn_panels_of(d->K);
  }
  if (failed || plan->region + transposed > MAX_ELEMENTS ||
      fnn_arena_reserve(&plan->parameters, (plan->region + transposed) * plan->size) != FNN_OK) {
    fnn_plan_free(plan);
    return FNN_NO_MEMORY;
  }
  bind_parameters(plan);
  plan->profile = fnn_profile_create(n_layers);
  *result = plan;
  return FNN_OK;
}

void fnn_plan_free(fnn_plan *plan) {
  if (plan == NULL)
    return;
  fnn_arena_free(&plan->parameters);
  fnn_arena_free(&plan->gradient);
  fnn_arena_free(&plan->workspace);
  fnn_arena_free(&plan->custom_targets);
  for (int i = 0; i < FNN_MAX_SLOTS; i++)
    fnn_arena_free(&plan->slots[i]);
  for (int i = 0; i < 2; i++)
    fnn_arena_free(&plan->snapshots[i]);
  for (int mode = 0; mode <= FNN_PREDICT; mode++)
    free(plan->phases[mode]);
  for (int32_t l = 0; plan->layers && l < plan->n_layers; l++)
    fnn_lookups_free(&plan->layers[l]);
  free(plan->layers);
  free(plan->updates);
  free(plan->squares);
  free(plan->writers);
  fnn_profile_free(plan->profile);
  free(plan);
}

int64_t fnn_plan_parameters(const fnn_plan *plan) {
  int64_t n = 0;
  for (int32_t l = 0; l < plan->n_layers; l++) {
    const fnn_shape shape = fnn_layer_shape(plan, l);
    n += shape.rows * shape.columns + shape.bias;
  }
  return n;
}

int64_t fnn_plan_outputs(const fnn_plan *plan) { return plan->layers[plan->n_layers - 1].N; }

fnn_shape fnn_layer_shape(const fnn_plan *plan, int32_t layer) {
  if (layer < 0 || layer >= plan->n_layers)
    return (fnn_shape){0, 0, 0};
  const fnn_layer *d = &plan->layers[layer];
  if (d->lookups)
    return (fnn_shape){1, fnn_lookups_parameters(d), 0};
  return (fnn_shape){d->lines, d->lines ? d->N : 0, d->bias ? d->N : 0};
}

int64_t fnn_plan_bytes(const fnn_plan *plan) {
  int64_t bytes = plan->parameters.bytes + plan->gradient.bytes + plan->workspace.bytes +
                  plan->custom_targets.bytes;
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
  return fnn_blocks_of(plan->n_inputs) * plan->stride * plan->size;
}

/* Room for what a layer keeps for its backward pass, in columns of a batch of any number of
 * rows. */
static int64_t kept_columns(const fnn_layer *d) {
  switch (fnn_layer_ops[d->kind].buffer) {
  case FNN_ELEMENTS:
    return fnn_blocks_of(d->N);
  case FNN_OF_ROW:
    return FNN_BLOCK;
  case FNN_OF_COLUMN:
    return 2 * fnn_panels_of(d->N);
  default:
    return 0;
  }
}

fnn_status fnn_plan_lay_out(fnn_plan *plan, int64_t stride, int64_t input_copies) {
  if (plan->stride == stride && plan->input_copies >= input_copies)
    return FNN_OK;
  const int32_t last = plan->n_layers - 1;
  const int64_t C = fnn_blocks_of(plan->layers[last].N);
  const int64_t inputs = input_copies * fnn_blocks_of(plan->n_inputs);
  int64_t columns = inputs + 2 * C; /* and targets, dH */
  for (int32_t l = 0; l <= last; l++)
    columns += (2 + plan->layers[l].shares) * fnn_blocks_of(plan->layers[l].N) +
               kept_columns(&plan->layers[l]); /* Z, dZ, shared, kept */
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
  TAKE(plan->inputs, inputs);
  for (int32_t l = 0; l <= last; l++) {
    fnn_layer *d = &plan->layers[l];
    TAKE(d->Z, fnn_blocks_of(d->N));
    TAKE(d->dZ, fnn_blocks_of(d->N));
    if (kept_columns(d))
      TAKE(d->kept, kept_columns(d));
    if (d->shares)
      TAKE(d->shared, fnn_blocks_of(d->N));
    d->stride = stride;
  }
  fnn_graph_bind(plan, plan->inputs);
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
