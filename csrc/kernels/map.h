/* Single functions over arrays, for tests and for the FMA peak: what the kernels
 * inline elsewhere, reachable by name. */

FNN_INLINE vec map_vector(int which, vec x) {
  switch (which) {
  case 0:
    return vexp(x);
  case 1:
    return vlog(x);
  case 2:
    return vlog1p_unit(x);
  case 3:
    return vexpm1_negative(x);
  default:
    return verf(x);
  }
}

static int map_function(const char *function, double parameter, int64_t n, const void *x,
                        void *values, void *slopes) {
  static const char *const vector_functions[] = {"exp", "log", "log1p_unit", "expm1_negative",
                                                 "erf"};
  int which = -1, activation = -1;
  for (int i = 0; i < 5; i++)
    if (strcmp(function, vector_functions[i]) == 0)
      which = i;
  for (int i = 0; i < FNN_ACTIVATIONS; i++)
    if (strcmp(function, fnn_activation_ops[i].name) == 0)
      activation = i;
  if (which < 0 && activation < 0)
    return 0;
  for (int64_t i = 0; i < n; i += FNN_BLOCK) {
    const size_t bytes = (size_t)(n - i < FNN_BLOCK ? n - i : FNN_BLOCK) * sizeof(REAL);
    REAL line[FNN_BLOCK] __attribute__((aligned(64))) = {0};
    REAL slope[FNN_BLOCK] __attribute__((aligned(64))),
        ones[FNN_BLOCK] __attribute__((aligned(64)));
    memcpy(line, (const REAL *)x + i, bytes);
    if (activation >= 0) {
      activate_rows(activation, parameter, FNN_BLOCK, line, slope);
      if (slopes) {
        for (int j = 0; j < FNN_BLOCK; j++)
          ones[j] = 1;
        slope_rows(activation, parameter, FNN_BLOCK, line, ones, slope);
        memcpy((REAL *)slopes + i, slope, bytes);
      }
    } else {
      for (int j = 0; j < FNN_BLOCK; j += LANES)
        vstore(line + j, map_vector(which, vload(line + j)));
    }
    memcpy((REAL *)values + i, line, bytes);
  }
  return 1;
}

/* Enough independent accumulators to fill both FMA pipes, and nothing else to do. */
static double run_fma(int64_t repeats) {
  vec acc[TILE_ROWS * TILE_VECTORS], x = vset((REAL)0.5);
  for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++)
    acc[i] = vset((REAL)i);
  for (int64_t n = 0; n < repeats; n++) {
    FNN_UNROLL
    for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++)
      acc[i] = vfma(acc[i], x, x);
  }
  vec sum = vset(0);
  for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++)
    sum = sum + acc[i];
  volatile REAL sink = sum[0];
  (void)sink;
  return 2.0 * (double)repeats * TILE_ROWS * TILE_VECTORS * LANES;
}
