/* The two products of dense layers, as tiles held in registers.
 *
 *   tile_rows_product    C[row][n] = sum over k of A[row][k] W[k][n]    (forward, backward)
 *   tile_unit_product    G[k][n]   = sum over rows of A[row][k] D[row][n]  (weight gradient)
 *
 * Both broadcast one element of A and multiply it with TILE_VECTORS registers of the
 * other matrix: 1 load feeds many FMAs, and every element of the result has one
 * accumulator that adds its terms in ascending order.  So neither the tile's shape nor
 * the lanes' number changes a bit of the result, and the sum can be left in memory and
 * taken up again.  TILE_ROWS x TILE_VECTORS accumulators, TILE_VECTORS operands and one
 * broadcast fill the register file: the ISA file gives both numbers.
 *
 * `rows` and `vectors` are constants wherever these are called, so that the loops over
 * them unroll and `acc` stays in registers. */

#define TILE_WIDTH (TILE_VECTORS * LANES) /* outputs of a tile; divides FNN_PANEL */

/* The first product is done in stretches of so many terms: 16 kB of a panel, which stay in the
 * first-level cache while the tiles of all rows pass by. */
#define STRETCH (512 / (int64_t)sizeof(REAL))
/* With fewer tiles than this nobody has time to fetch what comes next. */
#define TILES_AHEAD 4

typedef struct {
  int64_t k, terms;
  int first, last;   /* of its sum */
  const REAL *W;     /* the panel at term k and the tile's first column */
  const REAL *ahead; /* the stretch after this one, fetched a little by each tile ... */
  int64_t lines;     /* ... so many cache lines for every 16 terms */
} stretch;

#define LINE (64 / (int64_t)sizeof(REAL))

FNN_INLINE stretch stretch_of(int64_t K, int64_t k, int64_t most, const REAL *panel, int64_t rows) {
  const int64_t terms = K - k < most ? K - k : most;
  const int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  return (stretch){
      .k = k,
      .terms = terms,
      .first = k == 0,
      .last = k + terms == K,
      .W = panel + k * FNN_PANEL,
      .ahead = panel + FNN_ROUND_UP(k + terms, FNN_BLOCK) * FNN_PANEL,
      .lines = tiles < TILES_AHEAD ? 0 : (FNN_BLOCK * FNN_PANEL / LINE + tiles - 1) / tiles,
  };
}

/* A: [K/16][stride][16] at term 0 and the tile's first row.  Adds to what is in acc. */
FNN_INLINE void tile_rows_product(const int rows, const int vectors, stretch *s, const REAL *A,
                                  int64_t stride, vec acc[TILE_ROWS][TILE_VECTORS]) {
  const REAL *W = s->W;
  A += s->k * stride;
  for (int64_t k = 0; k < s->terms; k += FNN_BLOCK, A += stride * FNN_BLOCK) {
    const int64_t some = s->terms - k < FNN_BLOCK ? s->terms - k : FNN_BLOCK;
    for (int64_t i = 0; i < s->lines; i++, s->ahead += LINE)
      __builtin_prefetch(s->ahead, 0, 2);
    for (int64_t kk = 0; kk < some; kk++, W += FNN_PANEL) {
      vec w[TILE_VECTORS];
      FNN_UNROLL
      for (int v = 0; v < vectors; v++)
        w[v] = vload(W + v * LANES);
      FNN_UNROLL
      for (int i = 0; i < rows; i++) {
        const vec a = vset(A[i * FNN_BLOCK + kk]);
        FNN_UNROLL
        for (int v = 0; v < vectors; v++)
          acc[i][v] = vfma(a, w[v], acc[i][v]);
      }
    }
  }
}

/* A: [stride][16] at the tile's first feature; D[v]: [stride][16] at the lanes of
 * register v.  Adds to what is in acc. */
FNN_INLINE void tile_unit_product(const int features, const int vectors, int64_t rows,
                                  const REAL *A, const REAL *const D[TILE_VECTORS],
                                  vec acc[TILE_ROWS][TILE_VECTORS]) {
  for (int64_t r = 0; r < rows * FNN_BLOCK; r += FNN_BLOCK) {
    vec d[TILE_VECTORS];
    FNN_UNROLL
    for (int v = 0; v < vectors; v++)
      d[v] = vload(D[v] + r);
    FNN_UNROLL
    for (int i = 0; i < features; i++) {
      const vec a = vset(A[r + i]);
      FNN_UNROLL
      for (int v = 0; v < vectors; v++)
        acc[i][v] = vfma(a, d[v], acc[i][v]);
    }
  }
}
