/* Who feeds whom: the layers' inputs, where their gradients go, and where threads must meet.
 *
 * A layer's output may be the input of several.  In the backward pass, which goes from the last
 * layer down, the first of them leaves its share of the output's gradient in a buffer of the
 * output's (`shared`), the next ones add theirs, and the last one adds its own, multiplies by the
 * slope of the activation and leaves the result where the layer looks for it (dZ). */
#include "graph.h"

#include <string.h>

static int32_t n_inputs(const fnn_layer *d) { return fnn_layer_ops[d->kind].inputs; }

/* Source `i` of a layer as a description has it: -1 is the network's input. */
int32_t fnn_graph_source(const fnn_layer_spec *layers, int32_t l, int i) {
  return l - (layers[l].back[i] == 0 && i == 0 ? 1 : layers[l].back[i]);
}

void fnn_graph_wire(fnn_plan *plan) {
  const int32_t n = plan->n_layers;
  fnn_layer *layers = plan->layers;
  /* Whether a layer or one that feeds it trains: whether the gradient in its output is wanted. */
  for (int32_t l = 0; l < n; l++) {
    fnn_layer *d = &layers[l];
    d->wanted = fnn_layer_ops[d->kind].trains || d->kind == FNN_LAYER_input;
    for (int i = 0; i < n_inputs(d); i++)
      d->wanted |= d->in[i].from >= 0 && layers[d->in[i].from].wanted;
  }
  for (int32_t l = n - 1; l >= 0; l--)
    for (int i = n_inputs(&layers[l]) - 1; i >= 0; i--) {
      fnn_port *port = &layers[l].in[i];
      fnn_layer *below = port->from < 0 ? NULL : &layers[port->from];
      port->target = below && below->wanted ? FNN_TO_LAYER : FNN_TO_NOBODY;
      port->adds = below && below->shares;
      if (port->target == FNN_TO_NOBODY)
        continue;
      /* An earlier reader takes what this one leaves. */
      for (int32_t e = port->from + 1; e <= l; e++)
        for (int j = 0; j < n_inputs(&layers[e]); j++)
          if ((e < l || j < i) && layers[e].in[j].from == port->from)
            port->target = FNN_TO_SHARED;
      below->shares |= port->target == FNN_TO_SHARED;
    }
}

int fnn_graph_wants_gradient(const fnn_layer *d) {
  return d->in[0].target != FNN_TO_NOBODY || (n_inputs(d) > 1 && d->in[1].target != FNN_TO_NOBODY);
}

void fnn_graph_bind(fnn_plan *plan, void *inputs) {
  for (int32_t l = 0; l < plan->n_layers; l++) {
    fnn_layer *d = &plan->layers[l];
    for (int i = 0; i < n_inputs(d); i++) {
      fnn_port *port = &d->in[i];
      const fnn_layer *below = port->from < 0 ? NULL : &plan->layers[port->from];
      port->X = below ? below->Z : inputs;
      port->dX = port->target == FNN_TO_LAYER    ? below->dZ
                 : port->target == FNN_TO_SHARED ? below->shared
                                                 : NULL;
      port->add = port->adds ? below->shared : NULL;
      const int slope = port->target == FNN_TO_LAYER;
      port->below = slope ? below->activation : FNN_ACTIVATION_identity;
      port->parameter = slope ? below->parameter : 0;
    }
  }
}

int fnn_graph_is_chain(const fnn_plan *plan) {
  for (int32_t l = 0; l < plan->n_layers; l++)
    if (n_inputs(&plan->layers[l]) > 1 || plan->layers[l].in[0].from != l - 1)
      return 0;
  return 1;
}

/* ---- where threads meet ------------------------------------------------------------------ */

/* How a phase uses a buffer: each thread its rows, its columns, or all of it. */
enum { UNTOUCHED, BY_ROWS, BY_COLUMNS, WHOLE };

typedef struct {
  unsigned char *outputs, *gradients, *shared; /* who wrote last since all met; -1 is the input */
  int conflict;
} uses_t;

static void reads(uses_t *uses, const unsigned char *written, int32_t l, int how) {
  uses->conflict |= written[l] != UNTOUCHED && (how == WHOLE || written[l] != how);
}

static int split_of(const fnn_layer *d) { return d->columns ? BY_COLUMNS : BY_ROWS; }

/* Of the gradient in input i of layer l: a dense layer makes it as the layer below made the
 * input, the others as they made their output. */
int32_t fnn_graph_gradient_layer(const fnn_plan *plan, int32_t l) {
  const fnn_layer *d = &plan->layers[l];
  return d->kind == FNN_LAYER_dense ? d->in[0].from : l;
}

static void look(const fnn_plan *plan, fnn_phase phase, uses_t *uses) {
  const int32_t l = phase.layer;
  const fnn_layer *d = &plan->layers[l];
  const int dense = d->kind == FNN_LAYER_dense;
  int how;
  switch (phase.kind) {
  case PHASE_FORWARD:
    how = dense && d->columns ? WHOLE : split_of(d);
    for (int i = 0; i < n_inputs(d); i++)
      reads(uses, uses->outputs, d->in[i].from, how);
    break;
  case PHASE_LOSS:
    reads(uses, uses->outputs, plan->n_layers - 1, BY_ROWS);
    break;
  case PHASE_BACKWARD:
    how = split_of(&plan->layers[fnn_graph_gradient_layer(plan, l)]);
    reads(uses, uses->gradients, l, dense && how == BY_COLUMNS ? WHOLE : how);
    for (int i = 0; i < n_inputs(d); i++)
      if (d->in[i].from >= 0) {
        reads(uses, uses->outputs, d->in[i].from, how);
        reads(uses, uses->gradients, d->in[i].from, how); /* slopes */
        reads(uses, uses->shared, d->in[i].from, how);
      }
    break;
  default:
    break;
  }
}

static void note(const fnn_plan *plan, fnn_phase phase, uses_t *uses) {
  const int32_t l = phase.layer;
  const fnn_layer *d = &plan->layers[l];
  int how;
  switch (phase.kind) {
  case PHASE_GATHER: /* where a dense layer is split by columns, each thread has inputs of its own
                      */
    uses->outputs[-1] = d->kind == FNN_LAYER_dense && d->columns ? UNTOUCHED : BY_ROWS;
    break;
  case PHASE_FORWARD:
    uses->outputs[l] = uses->gradients[l] = (unsigned char)split_of(d);
    break;
  case PHASE_LOSS:
    uses->gradients[plan->n_layers - 1] = BY_ROWS;
    break;
  case PHASE_BACKWARD:
    how = split_of(&plan->layers[fnn_graph_gradient_layer(plan, l)]);
    for (int i = 0; i < n_inputs(d); i++)
      if (d->in[i].target == FNN_TO_LAYER)
        uses->gradients[d->in[i].from] = (unsigned char)how;
      else if (d->in[i].target == FNN_TO_SHARED)
        uses->shared[d->in[i].from] = (unsigned char)how;
    break;
  default:
    break;
  }
}

void fnn_graph_meet(fnn_plan *plan, fnn_mode mode) {
  const size_t n = (size_t)plan->n_layers + 1;
  unsigned char *written = plan->writers;
  memset(written, UNTOUCHED, 3 * n);
  uses_t uses = {written + 1, written + n + 1, written + 2 * n + 1, 0};
  for (fnn_phase *phase = plan->phases[mode]; phase->kind != PHASE_END; phase++) {
    uses.conflict = 0;
    look(plan, *phase, &uses);
    phase->meet = uses.conflict;
    for (size_t i = 0; i < 3 * n; i++)
      if (uses.conflict || phase->kind == PHASE_AGREE || phase->kind == PHASE_BARRIER)
        written[i] = UNTOUCHED;
    note(plan, *phase, &uses);
  }
}
