/* The layers besides dense, by the rows of ops/layers.def: the map from a layer's kind to its
 * functions, and the layer's own activation after it. */

static void forward_of_layer(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                             int64_t n0, int64_t n1, int32_t act) {
  switch (d->kind) {
#define LAYER(name, ...)                                                                           \
  case FNN_LAYER_##name:                                                                           \
    name##_forward(d, pass, r0, r1, n0, n1);                                                       \
    break;
#include "../ops/layers.def"
#undef LAYER
  }
  if (act && d->activation != FNN_ACTIVATION_identity)
    for (int64_t n = n0; n < n1; n += FNN_BLOCK) {
      const int64_t at = (n / FNN_BLOCK * d->stride + r0) * FNN_BLOCK;
      activate_rows(d->activation, d->parameter, (r1 - r0) * FNN_BLOCK, (REAL *)d->Z + at,
                    (REAL *)d->dZ + at);
    }
}

static void backward_of_layer(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                              int64_t k0, int64_t k1) {
  switch (d->kind) {
#define LAYER(name, ...)                                                                           \
  case FNN_LAYER_##name:                                                                           \
    name##_backward(d, pass, r0, r1, k0, k1);                                                      \
    break;
#include "../ops/layers.def"
#undef LAYER
  }
}

static void units_of_layer(const fnn_layer *d, int64_t u0, int64_t u1, const fnn_update *update,
                           fnn_ahead *ahead) {
  if (d->kind == FNN_LAYER_dense)
    dense_units(d, u0, u1, update, ahead);
  else
    for (int64_t u = u0; u < u1; u++)
      if (d->kind == FNN_LAYER_prelu)
        prelu_unit(d, u, update);
      else if (d->kind == FNN_LAYER_embedding)
        embedding_unit(d, u, update);
      else
        norm_unit(d, u, update);
}
