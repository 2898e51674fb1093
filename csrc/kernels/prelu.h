/* The parametric rectifier (He, Zhang, Ren and Sun 2015): z = x for x > 0, else a x, with a
 * learned slope a of each output, which lies where a normalization has its scale. */

static void prelu_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                          int64_t n0, int64_t n1) {
  (void)pass;
  const REAL *X = d->in[0].X;
  for (int64_t n = n0; n < n1; n += LANES) {
    const vec zero = vset(0), a = vload((const REAL *)d->W + line_at(n, FNN_SCALE_LINE));
    for (int64_t r = r0; r < r1; r++) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + n % FNN_BLOCK;
      const vec x = vload(X + at);
      vstore((REAL *)d->Z + at, vselect_gt(x, zero, x, a * x));
    }
  }
}

static void prelu_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                           int64_t k0, int64_t k1) {
  (void)pass;
  const REAL *X = d->in[0].X;
  for (int64_t n = k0; n < k1; n += LANES) {
    const vec zero = vset(0), a = vload((const REAL *)d->W + line_at(n, FNN_SCALE_LINE));
    for (int64_t r = r0; r < r1; r++) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + n % FNN_BLOCK;
      const vec g = vload((const REAL *)d->dZ + at);
      store_below(&d->in[0], at, vselect_gt(vload(X + at), zero, g, a * g));
    }
  }
}

/* The slopes of a panel: a unit.  Their gradient is the sum over the rows of dZ min(0, x), in four
 * interleaved partial sums. */
static void prelu_unit(const fnn_layer *d, int64_t unit, const fnn_update *update) {
  const int64_t panel = unit * FNN_PANEL, units = FNN_ROUND_UP(d->N, FNN_PANEL) / FNN_PANEL;
  const REAL *X = d->in[0].X, *dZ = d->dZ;
  for (int64_t n = panel; n < panel + FNN_PANEL && n < FNN_ROUND_UP(d->N, FNN_BLOCK); n += LANES) {
    vec sum[4] = {vset(0), vset(0), vset(0), vset(0)};
    for (int64_t r = 0; r < update->rows && !update->stored; r++) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + n % FNN_BLOCK;
      sum[r % 4] = vfma(vload(dZ + at), vmin(vset(0), vload(X + at)), sum[r % 4]);
    }
    take_gradient(update, update->scale, d->W, (REAL *const *)d->mW, d->dW,
                  line_at(n, FNN_SCALE_LINE), (sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
  if (update->optimizer == FNN_STORE && update->squares) {
    double *squares = update->squares + d->squares;
    squares[unit] =
        squares_of((const REAL *)d->dW + line_at(panel, FNN_SCALE_LINE), 1, d->N - panel);
    squares[units + unit] = 0;
  }
}
