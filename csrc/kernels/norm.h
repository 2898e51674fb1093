/* Normalization: z = (x - mean) / sqrt(variance + epsilon) * scale + shift.  Layer normalization
 * (Ba, Kiros and Hinton 2016) takes mean and variance over a row, batch normalization (Ioffe and
 * Szegedy 2015) over a column of the batch, and where it doesn't train, what it has seen.
 *
 * The lines of such a layer's panels are in table.h.  Sums over a row go over 16 lanes and down a
 * tree, sums over a column in four interleaved partial sums, as everywhere. */

/* Line `line` of the panel of output n, at n. */
FNN_INLINE int64_t line_at(int64_t n, int line) {
  return n / FNN_PANEL * FNN_PANEL * FNN_BLOCK + line * FNN_PANEL + n % FNN_PANEL;
}

FNN_INLINE vec one_over_root(vec variance, double epsilon) {
  return vset(1) / vsqrt(variance + vset((REAL)epsilon));
}

/* ---- layer normalization ------------------------------------------------------------- */

/* The mean over the real features of VALUE, an expression of `at` and of c + i, the feature. */
#define MEAN_OF_ROW(result, d, r, VALUE)                                                           \
  {                                                                                                \
    REAL lanes[FNN_BLOCK] __attribute__((aligned(64)));                                            \
    vec sum[FNN_BLOCK / LANES];                                                                    \
    for (int i = 0; i < FNN_BLOCK / LANES; i++)                                                    \
      sum[i] = vset(0);                                                                            \
    for (int64_t c = 0; c < (d)->N; c += FNN_BLOCK)                                                \
      for (int i = 0; i < FNN_BLOCK; i += LANES) {                                                 \
        const int64_t at = (c / FNN_BLOCK * (d)->stride + r) * FNN_BLOCK + i;                      \
        sum[i / LANES] = sum[i / LANES] + where_used((d)->N - c, i, VALUE, vset(0));               \
      }                                                                                            \
    for (int i = 0; i < FNN_BLOCK / LANES; i++)                                                    \
      vstore(lanes + i * LANES, sum[i]);                                                           \
    result = vset(tree_sum(lanes) / (REAL)(d)->N);                                                 \
  }

static void layer_norm_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                               int64_t n0, int64_t n1) {
  (void)pass, (void)n0, (void)n1;
  const REAL *X = d->in[0].X;
  for (int64_t r = r0; r < r1; r++) {
    vec mean, variance;
    MEAN_OF_ROW(mean, d, r, vload(X + at))
    MEAN_OF_ROW(variance, d, r, (vload(X + at) - mean) * (vload(X + at) - mean))
    const vec factor = one_over_root(variance, d->p[0]);
    if (d->kept) {
      ((REAL *)d->kept)[r] = mean[0];
      ((REAL *)d->kept)[d->stride + r] = factor[0];
    }
    for (int64_t n = 0; n < d->N; n += LANES) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + n % FNN_BLOCK;
      vstore((REAL *)d->Z + at, vfma((vload(X + at) - mean) * factor,
                                     vload((const REAL *)d->W + line_at(n, FNN_SCALE_LINE)),
                                     vload((const REAL *)d->b + n)));
    }
  }
}

static void layer_norm_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                                int64_t k0, int64_t k1) {
  (void)pass, (void)k0, (void)k1;
  const REAL *X = d->in[0].X, *dZ = d->dZ, *W = d->W;
  for (int64_t r = r0; r < r1; r++) {
    const vec mean = vset(((const REAL *)d->kept)[r]);
    const vec factor = vset(((const REAL *)d->kept)[d->stride + r]);
    vec level, tilt;
    MEAN_OF_ROW(level, d, r, vload(dZ + at) * vload(W + line_at(c + i, FNN_SCALE_LINE)))
    MEAN_OF_ROW(tilt, d, r,
                vload(dZ + at) * vload(W + line_at(c + i, FNN_SCALE_LINE)) *
                    ((vload(X + at) - mean) * factor))
    for (int64_t n = 0; n < d->N; n += LANES) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + n % FNN_BLOCK;
      const vec normal = (vload(X + at) - mean) * factor;
      const vec g = vload(dZ + at) * vload(W + line_at(n, FNN_SCALE_LINE)) - level;
      store_below(&d->in[0], at,
                  where_used(d->N - n / FNN_BLOCK * FNN_BLOCK, (int)(n % FNN_BLOCK),
                             factor * vfnma(normal, tilt, g), vset(0)));
    }
  }
}

/* ---- batch normalization ------------------------------------------------------------- */

/* The mean over rows 0..rows of VALUE, an expression of `at`, for the register at feature n. */
#define MEAN_OF_COLUMN(result, d, n, rows, VALUE)                                                  \
  {                                                                                                \
    vec sum[4] = {vset(0), vset(0), vset(0), vset(0)};                                             \
    for (int64_t r = 0; r < rows; r++) {                                                           \
      const int64_t at = (n / FNN_BLOCK * (d)->stride + r) * FNN_BLOCK + n % FNN_BLOCK;            \
      sum[r % 4] = sum[r % 4] + (VALUE);                                                           \
    }                                                                                              \
    result = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / vset((REAL)(rows));                         \
  }

static void batch_norm_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                               int64_t n0, int64_t n1) {
  const REAL *X = d->in[0].X, *W = d->W;
  REAL *kept = d->kept;
  for (int64_t n = n0; n < n1; n += LANES) {
    vec mean = vload(W + line_at(n, FNN_MEAN_LINE)),
        variance = vload(W + line_at(n, FNN_VARIANCE_LINE));
    if (pass->training) {
      MEAN_OF_COLUMN(mean, d, n, r1, vload(X + at))
      MEAN_OF_COLUMN(variance, d, n, r1, (vload(X + at) - mean) * (vload(X + at) - mean))
    }
    if (pass->derives) {
      vstore(kept + n, mean);
      vstore(kept + FNN_ROUND_UP(d->N, FNN_PANEL) + n, variance);
    }
    const vec factor = one_over_root(variance, d->p[0]);
    const vec scale = vload(W + line_at(n, FNN_SCALE_LINE)), shift = vload((const REAL *)d->b + n);
    for (int64_t r = r0; r < r1; r++) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + n % FNN_BLOCK;
      vstore((REAL *)d->Z + at, vfma((vload(X + at) - mean) * factor, scale, shift));
    }
  }
}

static void batch_norm_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                                int64_t k0, int64_t k1) {
  const REAL *X = d->in[0].X, *dZ = d->dZ, *kept = d->kept;
  for (int64_t n = k0; n < k1; n += LANES) {
    const vec mean = vload(kept + n);
    const vec factor = one_over_root(vload(kept + FNN_ROUND_UP(d->N, FNN_PANEL) + n), d->p[0]);
    const vec scale = factor * vload((const REAL *)d->W + line_at(n, FNN_SCALE_LINE));
    vec level = vset(0), tilt = vset(0);
    if (pass->training) {
      MEAN_OF_COLUMN(level, d, n, r1, vload(dZ + at))
      MEAN_OF_COLUMN(tilt, d, n, r1, vload(dZ + at) * ((vload(X + at) - mean) * factor))
    }
    for (int64_t r = r0; r < r1; r++) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + n % FNN_BLOCK;
      const vec normal = (vload(X + at) - mean) * factor;
      store_below(&d->in[0], at, scale * vfnma(normal, tilt, vload(dZ + at) - level));
    }
  }
}

/* ---- their gradients ----------------------------------------------------------------- */

/* Scale and shift of a panel: a unit. */
static void norm_unit(const fnn_layer *d, int64_t unit, const fnn_update *update) {
  const int64_t panel = unit * FNN_PANEL, units = FNN_ROUND_UP(d->N, FNN_PANEL) / FNN_PANEL;
  const int of_column = d->kind == FNN_LAYER_batch_norm;
  const REAL *X = d->in[0].X, *dZ = d->dZ, *kept = d->kept;
  for (int64_t n = panel; n < panel + FNN_PANEL && n < FNN_ROUND_UP(d->N, FNN_BLOCK); n += LANES) {
    vec mean = vset(0), factor = vset(0);
    if (of_column) {
      mean = vload(kept + n);
      factor = one_over_root(vload(kept + FNN_ROUND_UP(d->N, FNN_PANEL) + n), d->p[0]);
    }
    vec scale[4] = {vset(0), vset(0), vset(0), vset(0)},
        shift[4] = {vset(0), vset(0), vset(0), vset(0)};
    for (int64_t r = 0; r < update->rows && !update->stored; r++) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + n % FNN_BLOCK;
      if (!of_column) {
        mean = vset(kept[r]);
        factor = vset(kept[d->stride + r]);
      }
      const vec g = vload(dZ + at);
      scale[r % 4] = vfma(g, (vload(X + at) - mean) * factor, scale[r % 4]);
      shift[r % 4] = shift[r % 4] + g;
    }
    take_gradient(update, update->scale, d->W, (REAL *const *)d->mW, d->dW,
                  line_at(n, FNN_SCALE_LINE), (scale[0] + scale[1]) + (scale[2] + scale[3]));
    take_gradient(update, update->bias_scale, d->b, (REAL *const *)d->mb, d->db, n,
                  (shift[0] + shift[1]) + (shift[2] + shift[3]));
    if (of_column && update->optimizer != FNN_STORE) {
      /* The variance of which the batch is a sample: its mean square is divided by rows - 1. */
      const REAL unbiased = update->rows > 1 ? (REAL)update->rows / (REAL)(update->rows - 1) : 1;
      REAL *running_mean = (REAL *)d->W + line_at(n, FNN_MEAN_LINE);
      REAL *running_variance = (REAL *)d->W + line_at(n, FNN_VARIANCE_LINE);
      const vec share = vset((REAL)d->p[1]), old = vload(running_variance);
      const vec variance = vload(kept + FNN_ROUND_UP(d->N, FNN_PANEL) + n) * vset(unbiased);
      vstore(running_mean, vfma(share, mean - vload(running_mean), vload(running_mean)));
      vstore(running_variance, vfma(share, variance - old, old));
    }
  }
  if (update->optimizer == FNN_STORE && update->squares) {
    double *squares = update->squares + d->squares;
    squares[unit] =
        squares_of((const REAL *)d->dW + line_at(panel, FNN_SCALE_LINE), 1, d->N - panel);
    squares[units + unit] = squares_of((const REAL *)d->db + panel, 1, d->N - panel);
  }
}
