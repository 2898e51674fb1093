/* Layers that pass on what they get: the network's input as a layer, and an activation by itself,
 * which is applied to what any layer leaves (layers.h). */

static void copy_part(const fnn_layer *d, int64_t r0, int64_t r1, int64_t n0, int64_t n1) {
  for (int64_t n = n0; n < n1; n += FNN_BLOCK) {
    const int64_t at = (n / FNN_BLOCK * d->stride + r0) * FNN_BLOCK;
    memcpy((REAL *)d->Z + at, (const REAL *)d->in[0].X + at,
           (size_t)(r1 - r0) * FNN_BLOCK * sizeof(REAL));
  }
}

static void input_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                          int64_t n0, int64_t n1) {
  (void)pass;
  copy_part(d, r0, r1, n0, n1);
}

/* Its dZ is what is wanted; nobody is below. */
static void input_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                           int64_t n0, int64_t n1) {
  (void)d, (void)pass, (void)r0, (void)r1, (void)n0, (void)n1;
}

static void activation_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                               int64_t n0, int64_t n1) {
  (void)pass;
  copy_part(d, r0, r1, n0, n1);
}

static void activation_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                                int64_t n0, int64_t n1) {
  (void)pass;
  for (int64_t n = n0; n < n1; n += FNN_BLOCK)
    for (int64_t i = 0; i < (r1 - r0) * FNN_BLOCK; i += LANES) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r0) * FNN_BLOCK + i;
      store_below(&d->in[0], at, vload((const REAL *)d->dZ + at));
    }
}
