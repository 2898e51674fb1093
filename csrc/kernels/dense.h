/* A dense layer's two passes over its rows (matmul.h) and what happens to a tile
 * before it leaves the registers: bias and activation, or the activation's slope.
 *
 * Loop order: panel of weights outside, stretch of its inputs, tiles of rows inside, so that
 * a stretch stays in the cache while the rows pass by.  Between stretches a tile's sums wait
 * where its result will be. */

/* The registers of a tile at column n of a feature-blocked array, at row r. */
FNN_INLINE void tile_columns(const int vectors, REAL *array, int64_t stride, int64_t n, int64_t r,
                             REAL *columns[TILE_VECTORS]) {
  FNN_UNROLL
  for (int v = 0; v < vectors; v++) {
    const int64_t column = n + v * LANES;
    columns[v] = array + (column / FNN_BLOCK * stride + r) * FNN_BLOCK + column % FNN_BLOCK;
  }
}

/* Calls TILE(rows) for the rows from r to r1, full tiles first.  The powers of two
 * after them keep the number of compiled tiles small. */
#define FOR_TILES(r, r1, TILE)                                                                     \
  for (; r1 - r >= TILE_ROWS; r += TILE_ROWS)                                                      \
    TILE(TILE_ROWS);                                                                               \
  for (; r1 - r >= 4; r += 4)                                                                      \
    TILE(4);                                                                                       \
  for (; r1 - r >= 2; r += 2)                                                                      \
    TILE(2);                                                                                       \
  for (; r1 > r; r += 1)                                                                           \
    TILE(1);

/* Loads a tile's sums, or begins them with zero. */
FNN_INLINE void begin_tile(const int rows, const int vectors, int zero, REAL *const C[TILE_VECTORS],
                           vec acc[TILE_ROWS][TILE_VECTORS]) {
  if (zero) {
    FNN_UNROLL
    for (int i = 0; i < rows; i++) {
      FNN_UNROLL
      for (int v = 0; v < vectors; v++)
        acc[i][v] = vset(0);
    }
  } else {
    FNN_UNROLL
    for (int i = 0; i < rows; i++) {
      FNN_UNROLL
      for (int v = 0; v < vectors; v++)
        acc[i][v] = vload(C[v] + i * FNN_BLOCK);
    }
  }
}

FNN_INLINE void end_tile(const int rows, const int vectors, REAL *const C[TILE_VECTORS],
                         vec acc[TILE_ROWS][TILE_VECTORS]) {
  FNN_UNROLL
  for (int i = 0; i < rows; i++) {
    FNN_UNROLL
    for (int v = 0; v < vectors; v++)
      vstore(C[v] + i * FNN_BLOCK, acc[i][v]);
  }
}

/* ---- forward ----------------------------------------------------------------- */

#include "row.h"

FNN_INLINE void forward_tile(const int rows, const int vectors, const fnn_layer *d, int64_t n,
                             stretch *s, int64_t r, int32_t activation) {
  vec acc[TILE_ROWS][TILE_VECTORS];
  REAL *Z[TILE_VECTORS];
  tile_columns(vectors, d->Z, d->stride, n, r, Z);
  begin_tile(rows, vectors, s->first, Z, acc);
  tile_rows_product(rows, vectors, s, (const REAL *)d->in[0].X + r * FNN_BLOCK, d->stride, acc);
  if (s->last) {
    const REAL *b = (const REAL *)d->b + n;
    FNN_UNROLL
    for (int v = 0; v < vectors; v++) {
      const vec bias = vload(b + v * LANES);
      FNN_UNROLL
      for (int i = 0; i < rows; i++)
        acc[i][v] = acc[i][v] + bias;
    }
    activate_tile(rows, vectors, activation, d->parameter, acc);
  }
  end_tile(rows, vectors, Z, acc);
}

FNN_INLINE void forward_tiles(const int vectors, const fnn_layer *d, int64_t n, const REAL *panel,
                              int64_t r0, int64_t r1, int32_t activation) {
#define TILE(rows) forward_tile(rows, vectors, d, n, &s, r, activation)
  for (int64_t k = 0; k < d->K; k += STRETCH) {
    stretch s = stretch_of(d->K, k, STRETCH, panel, r1 - r0);
    int64_t r = r0;
    FOR_TILES(r, r1, TILE)
  }
#undef TILE
}

static void dense_forward(const fnn_layer *d, int64_t r0, int64_t r1, int64_t n0, int64_t n1,
                          int32_t act) {
  const int32_t activation = act ? d->activation : FNN_ACTIVATION_identity;
  const int64_t K16 = FNN_ROUND_UP(d->K, FNN_BLOCK);
  const int64_t single = r1 - r0 < TILE_ROWS ? (r1 - r0) % 2 : 0; /* the last row, by itself */
  for (int64_t n = n0; n < n1 && r1 - r0 > single; n += TILE_WIDTH) {
    const REAL *W = (const REAL *)d->W + n / FNN_PANEL * FNN_PANEL * K16 + n % FNN_PANEL;
    if (TILE_VECTORS > 1 && n1 - n <= LANES * (TILE_VECTORS / 2))
      forward_tiles((TILE_VECTORS + 1) / 2, d, n, W, r0, r1 - single, activation);
    else
      forward_tiles(TILE_VECTORS, d, n, W, r0, r1 - single, activation);
  }
  if (single)
    row_forward(d, r1 - 1, n0, n1, activation);
  if (activation_is_heavy(activation))
    for (int64_t n = n0; n < n1; n += FNN_BLOCK) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r0) * FNN_BLOCK;
      activate_rows(activation, d->parameter, (r1 - r0) * FNN_BLOCK, (REAL *)d->Z + at,
                    (REAL *)d->dZ + at);
    }
}

/* ---- backward-data ----------------------------------------------------------- */

FNN_INLINE void backward_tile(const int rows, const int vectors, const fnn_layer *d, int64_t k,
                              stretch *s, int64_t r) {
  vec acc[TILE_ROWS][TILE_VECTORS];
  REAL *X[TILE_VECTORS], *dX[TILE_VECTORS];
  tile_columns(vectors, d->in[0].X, d->stride, k, r, X);
  tile_columns(vectors, d->in[0].dX, d->stride, k, r, dX);
  if (s->first && d->in[0].add) { /* what other layers left begins the sums */
    REAL *add[TILE_VECTORS];
    tile_columns(vectors, (REAL *)(uintptr_t)d->in[0].add, d->stride, k, r, add);
    begin_tile(rows, vectors, 0, add, acc);
  } else {
    begin_tile(rows, vectors, s->first, dX, acc);
  }
  tile_rows_product(rows, vectors, s, (const REAL *)d->dZ + r * FNN_BLOCK, d->stride, acc);
  if (s->last)
    slope_tile(rows, vectors, d->in[0].below, d->in[0].parameter, (const REAL *const *)X, dX, acc);
  end_tile(rows, vectors, dX, acc);
}

FNN_INLINE void backward_tiles(const int vectors, const fnn_layer *d, int64_t k, const REAL *panel,
                               int64_t r0, int64_t r1) {
#define TILE(rows) backward_tile(rows, vectors, d, k, &s, r)
  /* Sums can't wait where the forward pass left slopes. */
  const int64_t most = activation_leaves_slopes(d->in[0].below) ? d->N : STRETCH;
  for (int64_t n = 0; n < d->N; n += most) {
    stretch s = stretch_of(d->N, n, most, panel, r1 - r0);
    int64_t r = r0;
    FOR_TILES(r, r1, TILE)
  }
#undef TILE
}

static void dense_backward(const fnn_layer *d, int64_t r0, int64_t r1, int64_t k0, int64_t k1) {
  const int64_t N16 = FNN_ROUND_UP(d->N, FNN_BLOCK);
  for (int64_t k = k0; k < k1; k += TILE_WIDTH) {
    const REAL *WT = (const REAL *)d->WT + k / FNN_PANEL * FNN_PANEL * N16 + k % FNN_PANEL;
    if (TILE_VECTORS > 1 && k1 - k <= LANES * (TILE_VECTORS / 2))
      backward_tiles((TILE_VECTORS + 1) / 2, d, k, WT, r0, r1);
    else
      backward_tiles(TILE_VECTORS, d, k, WT, r0, r1);
  }
}
