/* The ROW and PAIRS losses of ops/losses.def that are not of classes.  Each returns the row's
 * loss and, where it is wanted, writes its gradient times `scale` into dH.
 *
 * Both compare lengths, so what overflows first is a square: it is taken of what has been
 * scaled. */

/* Of column c of row r in [C/16][stride][16]. */
FNN_INLINE int64_t place(const fnn_loss_rows *l, int64_t r, int64_t c) {
  return (c / FNN_BLOCK * l->stride + r) * FNN_BLOCK + c % FNN_BLOCK;
}

/* Mean over the D columns of the targets of (s + (m - t)^2 exp(-s)) / 2; a log-variance s stands
 * D outputs after its mean m.  exp(-s) comes in four factors, so that no part of the product
 * overflows before the whole does; where m is t they are not used. */
FNN_INLINE double gaussian_nll_row(const fnn_loss_rows *l, int64_t r, REAL scale) {
  const REAL *z = l->Z;
  REAL *dz = l->dH;
  const int64_t D = l->C / 2;
  const vec zero = vset(0), half = vset((REAL)0.5), by = vset(scale / (REAL)D);
  REAL sums[FNN_BLOCK] __attribute__((aligned(64))) = {0};
  for (int64_t j = 0; j < D; j += FNN_BLOCK) {
    const int64_t some = D - j < FNN_BLOCK ? D - j : FNN_BLOCK;
    const REAL *t = (const REAL *)l->T + place(l, r, j);
    REAL m[FNN_BLOCK] __attribute__((aligned(64))) = {0};
    REAL s[FNN_BLOCK] __attribute__((aligned(64))) = {0};
    for (int64_t i = 0; i < some; i++) {
      m[i] = z[place(l, r, j + i)];
      s[i] = z[place(l, r, D + j + i)];
    }
    for (int i = 0; i < FNN_BLOCK; i += LANES) {
      const vec d = vload(m + i) - vload(t + i), x = vload(s + i);
      const vec q = vselect((ivec)(d == zero), zero, vexp(x * vset((REAL)-0.25)));
      const vec u = (d * q) * q, square = u * u;
      vstore(sums + i, vload(sums + i) + half * (x + square));
      vstore(m + i, (u * q) * q * by);
      vstore(s + i, half * (vset(1) - square) * by);
    }
    for (int64_t i = 0; i < some && dz; i++) {
      dz[place(l, r, j + i)] = m[i];
      dz[place(l, r, D + j + i)] = s[i];
    }
  }
  for (int64_t c = l->C; c % FNN_BLOCK && dz; c++)
    dz[place(l, r, c)] = 0;
  return (double)tree_sum(sums) / (double)D;
}

/* A row is `largest` times a vector of this length. */
typedef struct {
  REAL largest, length;
} direction;

FNN_INLINE vec direction_at(const REAL *x, direction d) {
  return vload(x) / vset(d.largest) / vset(d.length);
}

/* x: [C/16][stride][16] at the row; the length of a row of zeros is 0. */
FNN_INLINE direction length_of_row(const fnn_loss_rows *l, const REAL *x) {
  const vec zero = vset(0);
  REAL lanes[FNN_BLOCK] __attribute__((aligned(64)));
  vec most[FNN_BLOCK / LANES], sum[FNN_BLOCK / LANES];
  direction d;
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    most[i] = sum[i] = zero;
  for (int64_t c = 0; c < l->C; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK / LANES; i++)
      most[i] = vmax(most[i], where_used(l->C - c, i * LANES,
                                         vabs(vload(x + c * l->stride + i * LANES)), zero));
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    vstore(lanes + i * LANES, most[i]);
  d.largest = tree_max(lanes);
  d.largest = d.largest > 0 ? d.largest : 1; /* a NaN stays in the sum */
  for (int64_t c = 0; c < l->C; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK / LANES; i++) {
      const vec u = vload(x + c * l->stride + i * LANES) / vset(d.largest);
      sum[i] = sum[i] + where_used(l->C - c, i * LANES, u * u, zero);
    }
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    vstore(lanes + i * LANES, sum[i]);
  vstoreu(lanes, vsqrt(vset(tree_sum(lanes))));
  d.length = lanes[0];
  return d;
}

/* 1 - z.t / (|z| |t|), as half the square of the distance between the two directions, which
 * keeps its digits where they agree.  A row of zeros has none: its loss is 1, its slope 0. */
FNN_INLINE double cosine_similarity_row(const fnn_loss_rows *l, int64_t r, REAL scale) {
  const REAL *z = (const REAL *)l->Z + r * FNN_BLOCK, *t = (const REAL *)l->T + r * FNN_BLOCK;
  REAL *dz = l->dH ? (REAL *)l->dH + r * FNN_BLOCK : NULL;
  const direction of_z = length_of_row(l, z), of_t = length_of_row(l, t);
  const int none = of_z.length == 0 || of_t.length == 0;
  const vec zero = vset(0);
  REAL lanes[FNN_BLOCK] __attribute__((aligned(64)));
  vec sum[FNN_BLOCK / LANES];
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    sum[i] = zero;
  for (int64_t c = 0; c < l->C && !none; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK / LANES; i++) {
      const int64_t at = c * l->stride + i * LANES;
      const vec d = direction_at(z + at, of_z) - direction_at(t + at, of_t);
      sum[i] = sum[i] + where_used(l->C - c, i * LANES, d * d, zero);
    }
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    vstore(lanes + i * LANES, sum[i]);
  const REAL loss = none ? 1 : tree_sum(lanes) / 2;
  for (int64_t c = 0; c < l->C && dz; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK; i += LANES) {
      const int64_t at = c * l->stride + i;
      vec slope = zero;
      if (!none) {
        const vec own = direction_at(z + at, of_z);
        slope = (own - direction_at(t + at, of_t) - vset(loss) * own) * vset(scale) /
                vset(of_z.largest) / vset(of_z.length);
      }
      vstore(dz + at, where_used(l->C - c, i, slope, zero));
    }
  return loss;
}
