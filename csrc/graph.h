/* Who feeds whom in a network, and where its threads must meet (graph.c). */
#ifndef FASTNN_GRAPH_H
#define FASTNN_GRAPH_H

#include "plan.h"

/* The layer that input i of layer l comes from, or -1: the network's input. */
int32_t fnn_graph_source(const fnn_layer_spec *layers, int32_t l, int i);

/* Decides, once, where gradients go; points the layers at each other's buffers, whenever
 * these are laid out anew. */
void fnn_graph_wire(fnn_plan *plan);
void fnn_graph_bind(fnn_plan *plan, void *inputs);

/* Whether the layer's backward pass has anything to do: whether anything below it trains. */
int fnn_graph_wants_gradient(const fnn_layer *layer);
/* Whether each layer's only input is the layer below it. */
int fnn_graph_is_chain(const fnn_plan *plan);
/* The layer whose split the backward pass of layer l follows. */
int32_t fnn_graph_gradient_layer(const fnn_plan *plan, int32_t l);

/* Marks the phases before which threads meet, because one would read what another wrote. */
void fnn_graph_meet(fnn_plan *plan, fnn_mode mode);

#endif
