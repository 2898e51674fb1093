/* Layers with two inputs: their sum, and one beside the other. */

static void add_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                        int64_t n0, int64_t n1) {
  (void)pass;
  for (int64_t n = n0; n < n1; n += FNN_BLOCK)
    for (int64_t i = 0; i < (r1 - r0) * FNN_BLOCK; i += LANES) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r0) * FNN_BLOCK + i;
      const vec x = vload((const REAL *)d->in[0].X + at), y = vload((const REAL *)d->in[1].X + at);
      vstore((REAL *)d->Z + at, x + y);
    }
}

static void add_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                         int64_t n0, int64_t n1) {
  (void)pass;
  /* The second input first: it may leave what the first one adds to. */
  for (int port = 1; port >= 0; port--)
    for (int64_t n = n0; n < n1; n += FNN_BLOCK)
      for (int64_t i = 0; i < (r1 - r0) * FNN_BLOCK; i += LANES) {
        const int64_t at = (n / FNN_BLOCK * d->stride + r0) * FNN_BLOCK + i;
        store_below(&d->in[port], at, vload((const REAL *)d->dZ + at));
      }
}

/* Feature f of row r in feature blocks. */
FNN_INLINE int64_t element_at(const fnn_layer *d, int64_t f, int64_t r) {
  return (f / FNN_BLOCK * d->stride + r) * FNN_BLOCK + f % FNN_BLOCK;
}

static void concatenate_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                                int64_t n0, int64_t n1) {
  (void)pass;
  for (int64_t n = n0; n < n1; n++) {
    const fnn_port *port = &d->in[n >= d->K];
    const int64_t k = n < d->K ? n : n - d->K;
    for (int64_t r = r0; r < r1; r++)
      ((REAL *)d->Z)[element_at(d, n, r)] = ((const REAL *)port->X)[element_at(d, k, r)];
  }
}

static void concatenate_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                                 int64_t n0, int64_t n1) {
  (void)pass, (void)n0, (void)n1; /* split by rows */
  for (int port = 1; port >= 0; port--) {
    const int64_t first = port ? d->K : 0, width = port ? d->N - d->K : d->K;
    for (int64_t k = 0; k < width; k += FNN_BLOCK)
      for (int64_t r = r0; r < r1; r++) {
        REAL line[FNN_BLOCK] __attribute__((aligned(64))) = {0};
        for (int64_t i = 0; i < FNN_BLOCK && k + i < width; i++)
          line[i] = ((const REAL *)d->dZ)[element_at(d, first + k + i, r)];
        for (int i = 0; i < FNN_BLOCK; i += LANES)
          store_below(&d->in[port], element_at(d, k, r) + i, vload(line + i));
      }
  }
}
