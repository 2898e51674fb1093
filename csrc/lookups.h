/* The tables of an embedding: what a plan has to know of them (lookups.c). */
#ifndef FASTNN_LOOKUPS_H
#define FASTNN_LOOKUPS_H

#include "table.h"

/* How many outputs an embedding of so many inputs has; 0 if its columns are not ascending, not
 * among the inputs, or have no codes or no width. */
int64_t fnn_lookups_outputs(const fnn_layer_spec *spec, int64_t inputs);

/* Fills in d->lookups, n_lookups and table_elements of a layer whose spec is good. */
fnn_status fnn_lookups_create(fnn_layer *d, const fnn_layer_spec *spec);
void fnn_lookups_free(fnn_layer *d);

/* Rows of all tables, and numbers in them. */
int64_t fnn_lookups_parameters(const fnn_layer *d);
/* Copies all tables at `tables` to or from arrays (codes, width), one after the other. */
void fnn_lookups_copy(const fnn_layer *d, int32_t size, char *tables, char *arrays, int to_tables);

#endif
