/* The loops around the rows of ops/activations.def: in the matmul tile's registers
 * (LIGHT values, and slopes from the OUTPUT), and over rows in memory (HEAVY values,
 * and slopes from the INPUT). */

#define ACTIVATION_CONSTANTS(parameter)                                                            \
  const vec zero = vset(0), one = vset(1), a = vset((REAL)(parameter));                            \
  (void)zero, (void)one, (void)a

/* Of z s with s = sigmoid(2 u), from e = exp(-2 u): s + z s (1 - s) 2 du/dz.  1 - s is
 * e s, which keeps its digits where s is near 1; the clamp is for an e of infinity. */
FNN_INLINE vec gelu_tanh_slope(vec z, vec e) {
  const vec s = vset(1) / (vset(1) + e), rest = vmin(vset((REAL)1e18), e) * s;
  const vec du = vfma(vset((REAL)(3 * 0.044715)) * z, z, vset(1));
  return vfma(z * s * rest, vset((REAL)1.59576912160573071176) * du, s);
}

/* tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2): nothing cancels.  And for e = exp(z)
 * the slope of z times that, where the tanh's is 4 e (1 + e) / (n + 2)^2. */
FNN_INLINE vec mish_gate(vec e) {
  const vec n = vfma(e, e, e + e);
  return n / (n + vset(2));
}
FNN_INLINE vec mish_slope(vec z, vec e) {
  const vec d = vfma(e, e, e + e) + vset(2);
  return vfma(z, vset(4) * e * (vset(1) + e) / (d * d), mish_gate(e));
}

/* acc = h(acc) where h is LIGHT; the others wait for activate_rows. */
FNN_INLINE void activate_tile(const int rows, const int vectors, int32_t activation,
                              double parameter, vec acc[TILE_ROWS][TILE_VECTORS]) {
  ACTIVATION_CONSTANTS(parameter);
  switch (activation) {
#define ACTIVATE_LIGHT(name, value)                                                                \
  case FNN_ACTIVATION_##name:                                                                      \
    FNN_UNROLL                                                                                     \
    for (int i = 0; i < rows; i++) {                                                               \
      FNN_UNROLL                                                                                   \
      for (int v = 0; v < vectors; v++) {                                                          \
        const vec z = acc[i][v];                                                                   \
        acc[i][v] = value;                                                                         \
      }                                                                                            \
    }                                                                                              \
    break;
#define ACTIVATE_HEAVY(name, value)
#define ACTIVATION(name, weight, from, s, value, slope) ACTIVATE_##weight(name, value)
#include "../ops/activations.def"
#undef ACTIVATION
#undef ACTIVATE_LIGHT
#undef ACTIVATE_HEAVY
  }
}

FNN_INLINE int activation_is_heavy(int32_t activation) {
#define ACTIVATION(name, weight, ...) [FNN_ACTIVATION_##name] = ACTIVATION_##weight,
  enum { ACTIVATION_LIGHT, ACTIVATION_HEAVY };
  static const unsigned char heavy[] = {
#include "../ops/activations.def"
  };
#undef ACTIVATION
  return heavy[activation];
}

FNN_INLINE int activation_leaves_slopes(int32_t activation) {
#define ACTIVATION(name, weight, from, ...) [FNN_ACTIVATION_##name] = ACTIVATION_FROM_##from,
  enum { ACTIVATION_FROM_OUTPUT, ACTIVATION_FROM_INPUT };
  static const unsigned char from_input[] = {
#include "../ops/activations.def"
  };
#undef ACTIVATION
  return from_input[activation];
}

/* n reals, a multiple of 16, z in and h(z) out; `slopes` (may be NULL) gets dh/dz of
 * the INPUT rows. */
static void activate_rows(int32_t activation, double parameter, int64_t n, REAL *values,
                          REAL *slopes) {
  ACTIVATION_CONSTANTS(parameter);
  switch (activation) {
#define SLOPE_INPUT(slope)                                                                         \
  if (slopes)                                                                                      \
    vstore(slopes + i, slope);
#define SLOPE_OUTPUT(slope)
#define ACTIVATION(name, weight, from, shared, value, slope)                                       \
  case FNN_ACTIVATION_##name:                                                                      \
    for (int64_t i = 0; i < n; i += LANES) {                                                       \
      const vec z = vload(values + i), s = shared;                                                 \
      (void)s;                                                                                     \
      vstore(values + i, value);                                                                   \
      SLOPE_##from(slope)                                                                          \
    }                                                                                              \
    break;
#include "../ops/activations.def"
#undef ACTIVATION
#undef SLOPE_INPUT
#undef SLOPE_OUTPUT
  }
}

/* acc = acc * dh/dz for one row's registers: from the output at H, or as the forward
 * pass left it at `slopes`. */
FNN_INLINE void slope_tile(const int rows, const int vectors, int32_t activation, double parameter,
                           const REAL *const H[TILE_VECTORS], REAL *const slopes[TILE_VECTORS],
                           vec acc[TILE_ROWS][TILE_VECTORS]) {
  ACTIVATION_CONSTANTS(parameter);
  switch (activation) {
#define FACTOR_OUTPUT(slope)                                                                       \
  const vec h = vload(H[v] + i * FNN_BLOCK);                                                       \
  (void)h;                                                                                         \
  acc[i][v] = acc[i][v] * (slope);
#define FACTOR_INPUT(slope) acc[i][v] = acc[i][v] * vload(slopes[v] + i * FNN_BLOCK);
#define ACTIVATION(name, weight, from, shared, value, slope)                                       \
  case FNN_ACTIVATION_##name:                                                                      \
    FNN_UNROLL                                                                                     \
    for (int i = 0; i < rows; i++) {                                                               \
      FNN_UNROLL                                                                                   \
      for (int v = 0; v < vectors; v++) {                                                          \
        FACTOR_##from(slope)                                                                       \
      }                                                                                            \
    }                                                                                              \
    break;
#include "../ops/activations.def"
#undef ACTIVATION
#undef FACTOR_INPUT
#undef FACTOR_OUTPUT
  }
}

/* The gradient g in an input, one register at `at`: what others left is added, the slope of the
 * activation that made the input multiplied in.  Nothing where it isn't wanted. */
FNN_INLINE void store_below(const fnn_port *port, int64_t at, vec g) {
  if (port->dX == NULL)
    return;
  const REAL *X[TILE_VECTORS] = {(const REAL *)port->X + at};
  REAL *dX[TILE_VECTORS] = {(REAL *)port->dX + at};
  vec acc[TILE_ROWS][TILE_VECTORS];
  acc[0][0] = port->add ? (vec)(vload((const REAL *)port->add + at) + g) : g;
  slope_tile(1, 1, port->below, port->parameter, X, dX, acc);
  vstore(dX[0], acc[0][0]);
}

/* n reals, a multiple of 16: dZ = dH * dh/dz, for a layer whose activation no tile of
 * the layer above multiplies in (the last one).  dZ holds the slopes of INPUT rows. */
static void slope_rows(int32_t activation, double parameter, int64_t n, const REAL *H,
                       const REAL *dH, REAL *dZ) {
  for (int64_t i = 0; i < n; i += LANES) {
    const REAL *h[TILE_VECTORS] = {H + i};
    REAL *slopes[TILE_VECTORS] = {dZ + i};
    vec acc[TILE_ROWS][TILE_VECTORS];
    acc[0][0] = vload(dH + i);
    slope_tile(1, 1, activation, parameter, h, slopes, acc);
    vstore(dZ + i, acc[0][0]);
  }
}
