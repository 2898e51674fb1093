/* The forward pass of a single row: of predict, of a batch of one, and of what is left of few.
 *
 * In a tile of one row by TILE_VECTORS registers of outputs each fused multiply-add waits for the
 * one before it, four cycles or so.  So the tile lies on its side here: one row by up to four
 * widths of outputs, from as many panels as that takes.  Every output has one accumulator that adds
 * its terms in ascending order, as in the other tiles, so the bits are theirs. */

#define ROW_WIDTHS 4 /* of TILE_VECTORS registers; at most TILE_ROWS */

/* Outputs n.. of row r; acc[i][v]: register v of width i. */
FNN_INLINE void row_tile(const int widths, const int vectors, const fnn_layer *d, int64_t n,
                         int64_t r, int32_t activation) {
  const int64_t K16 = FNN_ROUND_UP(d->K, FNN_BLOCK);
  const REAL *A = (const REAL *)d->in[0].X + r * FNN_BLOCK, *W[ROW_WIDTHS];
  vec acc[TILE_ROWS][TILE_VECTORS];
  FNN_UNROLL
  for (int i = 0; i < widths; i++) {
    const int64_t column = n + i * TILE_WIDTH;
    W[i] = (const REAL *)d->W + column / FNN_PANEL * FNN_PANEL * K16 + column % FNN_PANEL;
    FNN_UNROLL
    for (int v = 0; v < vectors; v++)
      acc[i][v] = vset(0);
  }
  for (int64_t k = 0; k < d->K; k += FNN_BLOCK, A += d->stride * FNN_BLOCK) {
    const int64_t some = d->K - k < FNN_BLOCK ? d->K - k : FNN_BLOCK;
    for (int64_t kk = 0; kk < some; kk++) {
      const vec a = vset(A[kk]);
      FNN_UNROLL
      for (int i = 0; i < widths; i++) {
        FNN_UNROLL
        for (int v = 0; v < vectors; v++)
          acc[i][v] = vfma(a, vload(W[i] + (k + kk) * FNN_PANEL + v * LANES), acc[i][v]);
      }
    }
  }
  FNN_UNROLL
  for (int i = 0; i < widths; i++) {
    FNN_UNROLL
    for (int v = 0; v < vectors; v++)
      acc[i][v] = acc[i][v] + vload((const REAL *)d->b + n + i * TILE_WIDTH + v * LANES);
  }
  activate_tile(widths, vectors, activation, d->parameter, acc);
  FNN_UNROLL
  for (int i = 0; i < widths; i++) {
    REAL *Z[TILE_VECTORS];
    tile_columns(vectors, d->Z, d->stride, n + i * TILE_WIDTH, r, Z);
    FNN_UNROLL
    for (int v = 0; v < vectors; v++)
      vstore(Z[v], acc[i][v]);
  }
}

static void row_forward(const fnn_layer *d, int64_t r, int64_t n, int64_t n1, int32_t activation) {
  const int64_t half = LANES * (TILE_VECTORS / 2); /* as much of a width may be all there is */
  for (; n1 - n > (ROW_WIDTHS - 1) * TILE_WIDTH + half; n += ROW_WIDTHS * TILE_WIDTH)
    row_tile(ROW_WIDTHS, TILE_VECTORS, d, n, r, activation);
  for (; n1 - n > TILE_WIDTH + half; n += 2 * TILE_WIDTH)
    row_tile(2, TILE_VECTORS, d, n, r, activation);
  for (; n1 - n > half; n += TILE_WIDTH)
    row_tile(1, TILE_VECTORS, d, n, r, activation);
  if (n1 > n)
    row_tile(1, (TILE_VECTORS + 1) / 2, d, n, r, activation);
}
