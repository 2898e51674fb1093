/* Embeddings: a learned vector takes the place of each code of a column.
 *
 * A step changes the vectors of the codes in its batch and leaves the others and their optimizer's
 * state alone (docs/decisions/0007), so its cost does not depend on the size of the tables. */

FNN_INLINE int64_t code_at(const fnn_layer *d, const fnn_lookup *t, int64_t r) {
  return (int64_t)((const REAL *)d->in[0].X)[element_at(d, t->column, r)];
}

/* Puts code 0 in the place of what is none, so that nothing reads beside a table; returns the
 * first row that had such, or -1. */
static int64_t find_unknown(const fnn_layer *d, int64_t r0, int64_t r1, void *X) {
  int64_t bad = -1;
  for (int64_t r = r0; r < r1; r++)
    for (int32_t i = 0; i < d->n_lookups; i++) {
      REAL *x = (REAL *)X + element_at(d, d->lookups[i].column, r);
      if (*x >= 0 && *x < (REAL)d->lookups[i].codes && (REAL)(int64_t)*x == *x)
        continue;
      *x = 0;
      bad = bad < 0 ? r : bad;
    }
  return bad;
}

static void embedding_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                              int64_t n0, int64_t n1) {
  (void)pass, (void)n0, (void)n1; /* split by rows */
  const REAL *X = d->in[0].X;
  REAL *Z = d->Z;
  for (int64_t r = r0; r < r1; r++) {
    int64_t k = 0, n = 0;
    for (int32_t i = 0; i < d->n_lookups; i++, k++) {
      const fnn_lookup *t = &d->lookups[i];
      for (; k < t->column; k++, n++)
        Z[element_at(d, n, r)] = X[element_at(d, k, r)];
      const REAL *vector =
          (const REAL *)d->W + t->at + code_at(d, t, r) * FNN_ROUND_UP(t->width, FNN_BLOCK);
      for (int64_t j = 0; j < t->width; j++, n++)
        Z[element_at(d, n, r)] = vector[j];
    }
    for (; k < d->K; k++, n++)
      Z[element_at(d, n, r)] = X[element_at(d, k, r)];
  }
}

/* The gradient in a column of codes is 0: they are names, not numbers. */
static void embedding_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                               int64_t k0, int64_t k1) {
  (void)pass, (void)k0, (void)k1; /* split by rows */
  for (int64_t r = r0; r < r1; r++) {
    int64_t n = 0;
    int32_t i = 0;
    for (int64_t k = 0; k < d->K; k += FNN_BLOCK) {
      REAL line[FNN_BLOCK] __attribute__((aligned(64))) = {0};
      for (int64_t j = 0; j < FNN_BLOCK && k + j < d->K; j++)
        if (i < d->n_lookups && d->lookups[i].column == k + j)
          n += d->lookups[i++].width;
        else
          line[j] = ((const REAL *)d->dZ)[element_at(d, n++, r)];
      for (int j = 0; j < FNN_BLOCK; j += LANES)
        store_below(&d->in[0], element_at(d, k, r) + j, vload(line + j));
    }
  }
}

/* A table: a unit.  The first row of each code gets the sum of the gradients of all its rows, in
 * their order, in dZ itself, which nothing reads after this. */
static void embedding_unit(const fnn_layer *d, int64_t unit, const fnn_update *update) {
  const fnn_lookup *t = &d->lookups[unit];
  const int64_t width = FNN_ROUND_UP(t->width, FNN_BLOCK);
  REAL *dZ = d->dZ, *dW = d->dW;
  fnn_update own = *update;
  double squares = 0;
  /* Only where the gradient of all the table is wanted are its other vectors 0. */
  if (update->optimizer == FNN_STORE && update->squares == NULL) {
    if (update->first)
      memset(dW + t->at, 0, (size_t)(t->codes * width) * sizeof(REAL));
    own.first = 0;
  }
  for (int64_t r = 0; r < update->rows; r++) {
    int32_t *first = &t->seen[code_at(d, t, r)];
    if (*first < 0)
      *first = (int32_t)r;
    else
      for (int64_t n = t->output; n < t->output + t->width && !update->stored; n++)
        dZ[element_at(d, n, *first)] = dZ[element_at(d, n, *first)] + dZ[element_at(d, n, r)];
  }
  for (int64_t r = 0; r < update->rows; r++) {
    const int64_t code = code_at(d, t, r);
    if (t->seen[code] != r)
      continue;
    t->seen[code] = -1;
    for (int64_t j = 0; j < width; j += FNN_BLOCK) {
      REAL line[FNN_BLOCK] __attribute__((aligned(64))) = {0};
      for (int64_t i = 0; i < FNN_BLOCK && j + i < t->width; i++) {
        line[i] = dZ[element_at(d, t->output + j + i, r)];
        squares += (double)line[i] * (double)line[i];
      }
      for (int i = 0; i < FNN_BLOCK; i += LANES)
        take_gradient(&own, update->scale, d->W, (REAL *const *)d->mW, dW,
                      t->at + code * width + j + i, vload(line + i));
    }
  }
  if (update->optimizer == FNN_STORE && update->squares)
    update->squares[d->squares + unit] = squares;
}
