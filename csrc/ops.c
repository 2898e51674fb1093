/* The rows of ops/ as tables of names, for Python, the driver and the tests. */
#include "fastnn.h"

#define ACTIVATION(name, ...) {#name, 0, "", 0, 0},
const fnn_op fnn_activation_ops[FNN_ACTIVATIONS] = {
#include "ops/activations.def"
};
#undef ACTIVATION

enum { OUTPUTS_ELEMENTWISE = 1, OUTPUTS_ROW = 1, OUTPUTS_PAIRS = 2 };
#define LOSS(name, form, link, numbers, ...) {#name, 0, numbers, FNN_LINK_##link, OUTPUTS_##form},
const fnn_op fnn_loss_ops[FNN_LOSSES] = {
#include "ops/losses.def"
};
#undef LOSS

#define OPTIMIZER(name, place, slots, hyperparameters, ...) {#name, slots, hyperparameters, 0, 0},
const fnn_op fnn_optimizer_ops[FNN_OPTIMIZERS] = {
#include "ops/optimizers.def"
};
#undef OPTIMIZER

#define LAYER(name, inputs, split, trains, buffer, numbers)                                        \
  {#name, FNN_##split, inputs, trains, FNN_##buffer, numbers},
const fnn_layer_op fnn_layer_ops[FNN_LAYERS] = {
    {"dense", FNN_ANY, 1, 1, FNN_NOTHING, ""},
#include "ops/layers.def"
};
#undef LAYER

#define SCHEDULE(name, parameters, ...) {#name, 0, parameters, 0, 0},
const fnn_op fnn_schedule_ops[FNN_SCHEDULES] = {
#include "ops/schedules.def"
};
#undef SCHEDULE
