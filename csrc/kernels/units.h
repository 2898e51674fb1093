/* Weight units: 16 inputs x 32 outputs of a dense layer, whose gradient is summed over the batch in
 * registers and which the optimizer's rule changes there, or which are stored. */

/* A 16 x 16 block, LANES x LANES at a time: log2(LANES) rounds of interleaving register
 * i with register i + LANES/2 are a transposition. */
FNN_INLINE void transpose_block(const REAL *source, int64_t source_line, REAL *target,
                                int64_t target_line) {
  for (int row = 0; row < FNN_BLOCK; row += LANES)
    for (int column = 0; column < FNN_BLOCK; column += LANES) {
      vec x[LANES], y[LANES];
      FNN_UNROLL
      for (int i = 0; i < LANES; i++)
        x[i] = vload(source + (row + i) * source_line + column);
      FNN_UNROLL
      for (int round = 1; round < LANES; round *= 2) {
        FNN_UNROLL
        for (int i = 0; i < LANES / 2; i++) {
          y[2 * i] = vzip_low(x[i], x[i + LANES / 2]);
          y[2 * i + 1] = vzip_high(x[i], x[i + LANES / 2]);
        }
        FNN_UNROLL
        for (int i = 0; i < LANES; i++)
          x[i] = y[i];
      }
      FNN_UNROLL
      for (int i = 0; i < LANES; i++)
        vstore(target + (column + i) * target_line + row, x[i]);
    }
}

/* With few outputs most lanes of a tile would be empty.  So the inputs go along the lanes and the
 * outputs, four at a time, are broadcast; each sum has the same terms in the same order. */
#define NARROW_OUTPUTS 4 /* at a time ... */
#define MOST_NARROW 8    /* ... and in all */
#define FEWEST_ROWS 8    /* for which it pays */
#define NARROW_VECTORS (FNN_BLOCK / LANES < 2 ? 1 : 2)

/* Output j's sums with the 16 inputs at A, into line j. */
static void narrow_sums(int64_t rows, const REAL *A, const REAL *D, REAL *sums) {
  for (int at = 0; at < FNN_BLOCK; at += NARROW_VECTORS * LANES) {
    vec acc[NARROW_OUTPUTS][NARROW_VECTORS];
    FNN_UNROLL
    for (int j = 0; j < NARROW_OUTPUTS; j++) {
      FNN_UNROLL
      for (int v = 0; v < NARROW_VECTORS; v++)
        acc[j][v] = vset(0);
    }
    for (int64_t r = 0; r < rows * FNN_BLOCK; r += FNN_BLOCK) {
      vec a[NARROW_VECTORS];
      FNN_UNROLL
      for (int v = 0; v < NARROW_VECTORS; v++)
        a[v] = vload(A + r + at + v * LANES);
      FNN_UNROLL
      for (int j = 0; j < NARROW_OUTPUTS; j++) {
        const vec d = vset(D[r + j]);
        FNN_UNROLL
        for (int v = 0; v < NARROW_VECTORS; v++)
          acc[j][v] = vfma(a[v], d, acc[j][v]);
      }
    }
    FNN_UNROLL
    for (int j = 0; j < NARROW_OUTPUTS; j++) {
      FNN_UNROLL
      for (int v = 0; v < NARROW_VECTORS; v++)
        vstore(sums + j * FNN_BLOCK + at + v * LANES, acc[j][v]);
    }
  }
}

static int is_narrow(const fnn_layer *d, int64_t panel, const fnn_update *update) {
  return d->N - panel <= MOST_NARROW && update->rows >= FEWEST_ROWS && !update->stored &&
         (update->optimizer != FNN_STORE || update->first);
}

/* The gradient of a unit with few outputs: 16 lines of 16. */
static void narrow_gradient(const fnn_layer *d, int64_t k, int64_t panel, int64_t rows,
                            REAL *gradient) {
  REAL sums[FNN_BLOCK * FNN_BLOCK] __attribute__((aligned(64))) = {0};
  const REAL *A = (const REAL *)d->in[0].X + k * d->stride;
  const REAL *D = (const REAL *)d->dZ + panel * d->stride;
  for (int64_t j = 0; j < d->N - panel; j += NARROW_OUTPUTS)
    narrow_sums(rows, A, D + j, sums + j * FNN_BLOCK);
  transpose_block(sums, FNN_BLOCK, gradient, FNN_BLOCK);
}

/* `narrow`: the gradient of the unit that the tile is of, or NULL. */
FNN_INLINE void unit_tile(const int features, const int vectors, const fnn_layer *d, int64_t k,
                          int64_t n, const REAL *narrow, const fnn_update *update) {
  const int64_t K16 = FNN_ROUND_UP(d->K, FNN_BLOCK);
  const int64_t offset = n / FNN_PANEL * FNN_PANEL * K16 + k * FNN_PANEL + n % FNN_PANEL;
  const int store = update->optimizer == FNN_STORE;
  REAL *dW = (REAL *)d->dW + offset;
  vec acc[TILE_ROWS][TILE_VECTORS];
  FNN_UNROLL
  for (int i = 0; i < features; i++) {
    FNN_UNROLL
    for (int v = 0; v < vectors; v++)
      acc[i][v] = vset(0);
  }
  if (update->stored || (store && !update->first)) {
    FNN_UNROLL
    for (int i = 0; i < features; i++) {
      FNN_UNROLL
      for (int v = 0; v < vectors; v++)
        acc[i][v] = vload(dW + i * FNN_PANEL + v * LANES);
    }
  }

  if (narrow) {
    FNN_UNROLL
    for (int i = 0; i < features; i++) {
      FNN_UNROLL
      for (int v = 0; v < vectors; v++)
        acc[i][v] = vload(narrow + (k % FNN_BLOCK + i) * FNN_BLOCK + n % FNN_PANEL + v * LANES);
    }
  } else if (!update->stored) {
    REAL *D[TILE_VECTORS];
    tile_columns(vectors, d->dZ, d->stride, n, 0, D);
    const REAL *A =
        (const REAL *)d->in[0].X + k / FNN_BLOCK * d->stride * FNN_BLOCK + k % FNN_BLOCK;
    tile_unit_product(features, vectors, update->rows, A, (const REAL *const *)D, acc);
  }

  if (store) {
    FNN_UNROLL
    for (int i = 0; i < features; i++) {
      FNN_UNROLL
      for (int v = 0; v < vectors; v++)
        vstore(dW + i * FNN_PANEL + v * LANES, acc[i][v]);
    }
  } else {
    update_tile(features, vectors, update, d->W, (REAL *const *)d->mW, offset, acc);
  }
}

FNN_INLINE void unit_tiles(const int vectors, const fnn_layer *d, int64_t k, int64_t k1, int64_t n,
                           const REAL *narrow, const fnn_update *update){
#define TILE(features) unit_tile(features, vectors, d, k, n, narrow, update)
    FOR_TILES(k, k1, TILE)
#undef TILE
}

/* The gradient of one register of bias, scale or shift at `at`: stored, or the optimizer's rule
 * applied, with a factor of its own.  Penalties are of weights. */
FNN_INLINE
    void take_gradient(const fnn_update *update, double factor, REAL *parameters,
                       REAL *const slots[FNN_MAX_SLOTS], REAL *gradient, int64_t at, vec sum) {
  if (update->optimizer == FNN_STORE) {
    vstore(gradient + at, update->first ? sum : (vec)(vload(gradient + at) + sum));
  } else {
    vec acc[TILE_ROWS][TILE_VECTORS];
    acc[0][0] = update->stored ? vload(gradient + at) : sum;
    if (update->reshapes) {
      fnn_update own = *update;
      own.scale = factor;
      own.l1 = own.l2 = 0;
      update_tile(1, 1, &own, parameters, slots, at, acc);
    } else {
      update_tile(1, 1, update, parameters, slots, at, acc);
    }
  }
}

/* The sum of squares of `lines` lines of a panel with so many real outputs; 16 lanes over the
 * lines and both halves, then a tree: the same whatever the tile. */
static double squares_of(const REAL *gradient, int64_t lines, int64_t outputs) {
  REAL lanes[FNN_BLOCK] __attribute__((aligned(64)));
  vec sum[FNN_BLOCK / LANES];
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    sum[i] = vset(0);
  for (int64_t at = 0; at < lines * FNN_PANEL; at += LANES) {
    const int64_t lane = at % FNN_BLOCK, half = at % FNN_PANEL - lane;
    const vec g = where_used(outputs - half, (int)lane, vload(gradient + at), vset(0));
    sum[lane / LANES] = vfma(g, g, sum[lane / LANES]);
  }
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    vstore(lanes + i * LANES, sum[i]);
  return (double)tree_sum(lanes);
}

/* Max-norm: the weights into an output, over all inputs, in four partial sums. */
static void transpose_unit(const fnn_layer *d, int64_t k, int64_t panel);

static void dense_constrain(const fnn_layer *d, int64_t p0, int64_t p1, double most) {
  const int64_t K16 = FNN_ROUND_UP(d->K, FNN_BLOCK);
  for (int64_t panel = p0 * FNN_PANEL; panel < p1 * FNN_PANEL; panel += FNN_PANEL) {
    REAL *W = (REAL *)d->W + panel * K16;
    for (int64_t n = 0; n < FNN_PANEL; n += LANES) {
      vec sum[4] = {vset(0), vset(0), vset(0), vset(0)};
      for (int64_t k = 0; k < d->K; k++) {
        const vec w = vload(W + k * FNN_PANEL + n);
        sum[k % 4] = vfma(w, w, sum[k % 4]);
      }
      const vec norm = vsqrt((sum[0] + sum[1]) + (sum[2] + sum[3])), limit = vset((REAL)most);
      const vec factor = vselect_gt(norm, limit, limit / norm, vset(1));
      for (int64_t k = 0; k < d->K; k++)
        vstore(W + k * FNN_PANEL + n, vload(W + k * FNN_PANEL + n) * factor);
    }
    for (int64_t k = 0; d->WT && k < d->K; k += FNN_BLOCK)
      transpose_unit(d, k, panel);
  }
}

/* The bias of a panel: sums over the rows in four interleaved partial sums, so that the
 * additions need not wait for each other; the order depends on the rows' number alone. */
static void bias_unit(const fnn_layer *d, int64_t n, int64_t n1, const fnn_update *update) {
  for (; n < n1; n += LANES) {
    REAL *D[TILE_VECTORS];
    tile_columns(1, d->dZ, d->stride, n, 0, D);
    vec sum[4] = {vset(0), vset(0), vset(0), vset(0)};
    int64_t r = 0;
    for (; r + 4 <= update->rows; r += 4) {
      FNN_UNROLL
      for (int i = 0; i < 4; i++)
        sum[i] = sum[i] + vload(D[0] + (r + i) * FNN_BLOCK);
    }
    for (; r < update->rows; r++)
      sum[0] = sum[0] + vload(D[0] + r * FNN_BLOCK);
    take_gradient(update, update->bias_scale, d->b, (REAL *const *)d->mb, d->db, n,
                  (sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
}

/* The transposed copy of the 16 x 32 weights of a unit. */
static void transpose_unit(const fnn_layer *d, int64_t k, int64_t panel) {
  const int64_t K16 = FNN_ROUND_UP(d->K, FNN_BLOCK), N16 = FNN_ROUND_UP(d->N, FNN_BLOCK);
  const REAL *W = (const REAL *)d->W + panel * K16 + k * FNN_PANEL;
  REAL *WT = (REAL *)d->WT + k / FNN_PANEL * FNN_PANEL * N16 + panel * FNN_PANEL + k % FNN_PANEL;
  for (int64_t n = 0; n < FNN_PANEL && panel + n < N16; n += FNN_BLOCK)
    transpose_block(W + n, FNN_PANEL, WT + n * FNN_PANEL, FNN_PANEL);
}

/* Unit u of a layer: inputs k..k1 of the panel's outputs up to n1. */
typedef struct {
  int64_t k, k1, panel, n1;
} unit_place;

FNN_INLINE unit_place place_of(const fnn_layer *d, int64_t u) {
  const int64_t K16 = FNN_ROUND_UP(d->K, FNN_BLOCK), N16 = FNN_ROUND_UP(d->N, FNN_BLOCK);
  const int64_t panel = u / (K16 / FNN_BLOCK) * FNN_PANEL, k = u % (K16 / FNN_BLOCK) * FNN_BLOCK;
  return (unit_place){k, k + FNN_BLOCK < d->K ? k + FNN_BLOCK : d->K, panel,
                      panel + FNN_PANEL < N16 ? panel + FNN_PANEL : N16};
}

static void dense_unit(const fnn_layer *d, int64_t u, const fnn_update *update) {
  const unit_place at = place_of(d, u);
  REAL gradient[FNN_BLOCK * FNN_BLOCK] __attribute__((aligned(64)));
  const REAL *narrow = NULL;
  if (is_narrow(d, at.panel, update)) {
    narrow_gradient(d, at.k, at.panel, update->rows, gradient);
    narrow = gradient;
  }
  for (int64_t n = at.panel; n < at.n1; n += TILE_WIDTH)
    if (TILE_VECTORS > 1 && at.n1 - n <= LANES * (TILE_VECTORS / 2))
      unit_tiles((TILE_VECTORS + 1) / 2, d, at.k, at.k1, n, narrow, update);
    else
      unit_tiles(TILE_VECTORS, d, at.k, at.k1, n, narrow, update);
  if (at.k == 0 && d->bias)
    bias_unit(d, at.panel, at.n1, update);
  if (update->optimizer == FNN_STORE && update->squares) {
    const int64_t K16 = FNN_ROUND_UP(d->K, FNN_BLOCK);
    const int64_t units = K16 / FNN_BLOCK * (FNN_ROUND_UP(d->N, FNN_PANEL) / FNN_PANEL);
    double *squares = update->squares + d->squares;
    squares[u] = squares_of((const REAL *)d->dW + at.panel * K16 + at.k * FNN_PANEL, at.k1 - at.k,
                            d->N - at.panel);
    if (at.k == 0)
      squares[units + at.panel / FNN_PANEL] =
          d->bias ? squares_of((const REAL *)d->db + at.panel, 1, d->N - at.panel) : 0;
  }
  if (d->WT && update->optimizer != FNN_STORE)
    transpose_unit(d, at.k, at.panel);
}
