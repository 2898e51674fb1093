/* The constants of an optimizer's step (ops/optimizers.def), for the executor and for
 * functions that are no network.
 *
 * In double, once a step.  Powers are products kept from step to step: the C library's pow
 * rounds in another way on another system, and bits would depend on it. */
#include "update.h"
#include "cpu.h"

#include <math.h>
#include <stddef.h>

/* exp(x) for x <= 0, to a few units in the last place, from + * / alone: Taylor's series for
 * a part of x, squared. */
static double exponential(double x) {
  if (x < -700)
    return 0;
  int halvings = 0;
  for (; x < -0.5; halvings++)
    x /= 2;
  double sum = 1;
  for (int n = 14; n > 0; n--)
    sum = 1 + x / n * sum;
  for (; halvings > 0; halvings--)
    sum *= sum;
  return sum;
}

/* Dozat 2016: beta_1 (1 - 0.96^(step momentum_decay) / 2). */
static double nadam_momentum(const double *p, double step) {
  const double log_096 = -0.040821994520255166;
  return p[0] * (1 - 0.5 * exponential(step * p[3] * log_096));
}

/* Liu et al. 2020: how the adaptive step is to be scaled, or 0 where it has no finite variance
 * yet.  PyTorch's bound of 5 for the number of gradients that count, not the paper's 4. */
static double radam_rectifier(double beta_2, double decay, double step) {
  const double most = 2 / (1 - beta_2) - 1, now = most - 2 * step * decay / (1 - decay);
  return now > 5 ? sqrt((now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now)) : 0;
}

fnn_optimizer_state fnn_update_constants(fnn_optimizer_state now, double lr,
                                         const double *hyperparameters, double c[8]) {
  const double *p = hyperparameters;
  fnn_optimizer_state next = now;
  next.steps++;
  next.decay[0] *= p[0];
  next.decay[1] *= p[1];
  const double step = (double)next.steps, *decay = next.decay;
  double product = now.product;
  switch (now.optimizer) {
#define OPTIMIZER(name, place, slots, hyperparameters, constants, ...)                             \
  case FNN_OPTIMIZER_##name:                                                                       \
    (void)constants;                                                                               \
    break;
#include "ops/optimizers.def"
#undef OPTIMIZER
  }
  next.product = product;
  return next;
}

fnn_status fnn_optimizer_step(fnn_optimizer_state *state, double lr, const double *hyperparameters,
                              int64_t n, const double *gradient, double *weights, double *slots) {
  if (state->optimizer < 0 || state->optimizer >= FNN_OPTIMIZERS || n < 0 ||
      fnn_isa_in_use() == NULL)
    return FNN_BAD_ARGUMENT;
  fnn_update update = {.optimizer = state->optimizer};
  const uint64_t mode = fnn_float_mode_enter();
  *state = fnn_update_constants(*state, lr, hyperparameters, update.c);
  void *parts[FNN_MAX_SLOTS] = {NULL};
  for (int i = 0; i < fnn_optimizer_ops[state->optimizer].slots; i++)
    parts[i] = slots + i * n;
  fnn_isa_in_use()->f64->update(&update, n, gradient, weights, parts);
  fnn_float_mode_leave(mode);
  return FNN_OK;
}
