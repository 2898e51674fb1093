/* The rows of ops/ as tables of names, for Python, the driver and the tests. */
#include "fastnn.h"

#define ACTIVATION(name, ...) {#name, 0, "", 0},
const fnn_op fnn_activation_ops[FNN_ACTIVATIONS] = {
#include "ops/activations.def"
};
#undef ACTIVATION

#define LOSS(name, form, link, ...) {#name, 0, "", FNN_LINK_##link},
const fnn_op fnn_loss_ops[FNN_LOSSES] = {
#include "ops/losses.def"
};
#undef LOSS

#define OPTIMIZER(name, place, slots, hyperparameters, ...) {#name, slots, hyperparameters, 0},
const fnn_op fnn_optimizer_ops[FNN_OPTIMIZERS] = {
#include "ops/optimizers.def"
};
#undef OPTIMIZER
