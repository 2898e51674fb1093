/* The tables of an embedding: a vector for each code of a column, which takes the code's place.
 *
 * A table is [codes][width16] where other layers have their panels of weights: a vector begins on
 * a cache line, since a step reads and updates single vectors. */
#include "lookups.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CODES ((int64_t)1 << 24) /* all exact in float32 */
#define MAX_WIDTH ((int64_t)1 << 16)

int64_t fnn_lookups_outputs(const fnn_layer_spec *spec, int64_t inputs) {
  int64_t outputs = inputs, least = 0;
  if (spec->n_columns < 1 || spec->n_columns > inputs)
    return 0;
  for (int32_t i = 0; i < spec->n_columns; i++) {
    const fnn_column *c = &spec->columns[i];
    if (c->column < least || c->column >= inputs || c->codes < 1 || c->codes > MAX_CODES ||
        c->width < 1 || c->width > MAX_WIDTH)
      return 0;
    least = c->column + 1;
    outputs += c->width - 1;
  }
  return outputs;
}

fnn_status fnn_lookups_create(fnn_layer *d, const fnn_layer_spec *spec) {
  int64_t codes = 0, output = 0, input = 0;
  for (int32_t i = 0; i < spec->n_columns; i++)
    codes += spec->columns[i].codes;
  d->lookups = fnn_allocate((size_t)spec->n_columns, sizeof *d->lookups);
  int32_t *seen = fnn_allocate((size_t)codes, sizeof *seen);
  if (d->lookups == NULL || seen == NULL) {
    free(seen);
    return FNN_NO_MEMORY;
  }
  memset(seen, -1, (size_t)codes * sizeof *seen);
  d->n_lookups = spec->n_columns;
  for (int32_t i = 0; i < d->n_lookups; i++) {
    fnn_lookup *t = &d->lookups[i];
    t->column = spec->columns[i].column;
    t->codes = spec->columns[i].codes;
    t->width = spec->columns[i].width;
    output += t->column - input; /* the columns before it stay */
    t->output = output;
    t->at = d->table_elements;
    t->seen = seen;
    output += t->width;
    input = t->column + 1;
    d->table_elements += t->codes * FNN_ROUND_UP(t->width, FNN_BLOCK);
    seen += t->codes;
  }
  return FNN_OK;
}

void fnn_lookups_free(fnn_layer *d) {
  if (d->n_lookups)
    free(d->lookups[0].seen);
  free(d->lookups);
}

int64_t fnn_lookups_parameters(const fnn_layer *d) {
  int64_t n = 0;
  for (int32_t i = 0; i < d->n_lookups; i++)
    n += d->lookups[i].codes * d->lookups[i].width;
  return n;
}

void fnn_lookups_copy(const fnn_layer *d, int32_t size, char *tables, char *arrays, int to_tables) {
  for (int32_t i = 0; i < d->n_lookups; i++) {
    const fnn_lookup *t = &d->lookups[i];
    const size_t bytes = (size_t)(t->width * size);
    for (int64_t code = 0; code < t->codes; code++, arrays += bytes) {
      char *vector = tables + (t->at + code * FNN_ROUND_UP(t->width, FNN_BLOCK)) * size;
      memcpy(to_tables ? vector : arrays, to_tables ? arrays : vector, bytes);
    }
  }
}
