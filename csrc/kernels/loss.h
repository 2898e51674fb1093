/* The loss of each row and its gradient in the raw outputs: the loop around the
 * ELEMENTWISE rows of ops/losses.def, and the ROW losses of classes; the others are in
 * row_losses.h.
 *
 * All take raw outputs.  dH gets the gradient of the batch's mean loss, so the row's
 * weight and the batch's scale are in it; row_loss gets the row's own loss.  Sums over a row
 * go over 16 lanes first and then down a fixed tree, whatever the register's width;
 * lanes past the last output add nothing and get a zero gradient. */

typedef struct {
  REAL max, sum; /* of z, and of exp(z - max) */
} softmax_parts;

/* z: [C/16][stride][16] at the row; powers (may be NULL) gets exp(z - max), alike. */
FNN_INLINE softmax_parts softmax_of_row(int64_t C, int64_t stride, const REAL *z, REAL *powers) {
  const vec least = vset(-(REAL)INFINITY);
  softmax_parts parts;
  REAL lanes[FNN_BLOCK] __attribute__((aligned(64)));
  vec most[FNN_BLOCK / LANES], sum[FNN_BLOCK / LANES];
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    most[i] = least, sum[i] = vset(0);
  for (int64_t c = 0; c < C; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK / LANES; i++)
      most[i] =
          vmax(most[i], where_used(C - c, i * LANES, vload(z + c * stride + i * LANES), least));
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    vstore(lanes + i * LANES, most[i]);
  parts.max = tree_max(lanes);
  for (int64_t c = 0; c < C; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK / LANES; i++) {
      const int64_t at = c * stride + i * LANES;
      const vec power = vexp(vload(z + at) - vset(parts.max));
      sum[i] = sum[i] + where_used(C - c, i * LANES, power, vset(0));
      if (powers)
        vstore(powers + at, power);
    }
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    vstore(lanes + i * LANES, sum[i]);
  parts.sum = tree_sum(lanes);
  return parts;
}

FNN_INLINE REAL log_of(REAL x) {
  REAL lanes[LANES];
  vstoreu(lanes, vlog(vset(x)));
  return lanes[0];
}

/* ---- what the rows of losses.def use ------------------------------------------------- */

FNN_INLINE vec vclip(vec x, vec limit) { return vmax(-limit, vmin(limit, x)); }
/* log(1 + exp(x)) */
FNN_INLINE vec vsoftplus(vec x) { return vmax(vset(0), x) + vlog1p_unit(vexp(-vabs(x))); }
/* x where the target is above 1/2, else -x. */
FNN_INLINE vec towards(vec x, vec t) { return vselect_gt(t, vset((REAL)0.5), x, -x); }
/* alpha where the target is above 1/2, else 1 - alpha; 1 where alpha is negative. */
FNN_INLINE vec focal_weight(vec t, vec alpha) {
  const vec one = vset(1), weight = vselect_gt(t, vset((REAL)0.5), alpha, one - alpha);
  return vselect_gt(vset(0), alpha, one, weight);
}

/* A register of the outputs' own numbers, from output c on. */
FNN_INLINE vec numbers_of_outputs(const double *vector, int64_t c, int64_t C) {
  REAL line[LANES] __attribute__((aligned(64)));
  for (int i = 0; i < LANES; i++)
    line[i] = c + i < C ? (REAL)vector[c + i] : 0;
  return vload(line);
}

/* -sum over classes of w t log softmax(z), t one-hot for a label; `smoothing` of t is spread
 * evenly over all classes (Szegedy et al. 2016).  The classes' weights w stand in `weights`, or
 * are all `weight`; `weighted` is a constant where this is called. */
FNN_INLINE double class_row(const fnn_loss_rows *l, int64_t r, REAL scale, double smoothing,
                            const int weighted) {
  const REAL *z = (const REAL *)l->Z + r * FNN_BLOCK;
  const REAL *t = l->labels ? NULL : (const REAL *)l->T + r * FNN_BLOCK;
  REAL *dz = l->dH ? (REAL *)l->dH + r * FNN_BLOCK : NULL;
  const softmax_parts softmax = softmax_of_row(l->C, l->stride, z, dz);
  const REAL log_sum = log_of(softmax.sum);
  const int64_t label = l->labels ? l->labels[r] : -1;
  const REAL keep = (REAL)(1 - smoothing), even = (REAL)(smoothing / (double)l->C);
  const double *weights = weighted ? l->vector : NULL;
  const REAL weight = weighted ? (REAL)l->numbers[1] : 1;
  double loss = 0;
  REAL mass = 1; /* of the targets */

  if (t || smoothing > 0) {
    REAL masses[FNN_BLOCK] = {0}, losses[FNN_BLOCK] = {0};
    for (int64_t c = 0; c < l->C; c++) {
      const REAL own = t ? t[c / FNN_BLOCK * l->stride * FNN_BLOCK + c % FNN_BLOCK] : c == label;
      REAL x = own * keep + even;
      if (weighted)
        x *= weights ? (REAL)weights[c] : weight;
      const REAL y = z[c / FNN_BLOCK * l->stride * FNN_BLOCK + c % FNN_BLOCK];
      masses[c % FNN_BLOCK] += x;
      losses[c % FNN_BLOCK] += x == 0 ? 0 : x * (log_sum - (y - softmax.max));
    }
    mass = tree_sum(masses);
    loss = tree_sum(losses);
  } else {
    const REAL y = z[label / FNN_BLOCK * l->stride * FNN_BLOCK + label % FNN_BLOCK];
    loss = log_sum - (y - softmax.max);
    if (weighted) {
      mass = weights ? (REAL)weights[label] : weight;
      loss = mass == 0 ? 0 : mass * loss;
    }
  }
  if (!dz)
    return loss;

  const vec share = vset(mass / softmax.sum);
  for (int64_t c = 0; c < l->C; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK; i += LANES) {
      const int64_t at = c * l->stride + i;
      const vec p = vload(dz + at) * share;
      const vec numbers = lane_numbers(i) + vset((REAL)c);
      const vec own =
          t ? vload(t + at) : vselect((ivec)(numbers == vset((REAL)label)), vset(1), vset(0));
      vec target = own * vset(keep) + vset(even);
      if (weighted)
        target = target * (weights ? numbers_of_outputs(weights, c + i, l->C) : vset(weight));
      vstore(dz + at, where_used(l->C - c, i, (p - target) * vset(scale), vset(0)));
    }
  return loss;
}

FNN_INLINE double cross_entropy_row(const fnn_loss_rows *l, int64_t r, REAL scale) {
  return class_row(l, r, scale, l->numbers[0], 0);
}

FNN_INLINE double weighted_cross_entropy_row(const fnn_loss_rows *l, int64_t r, REAL scale) {
  return class_row(l, r, scale, l->numbers[0], 1);
}

/* sum over classes of t (log t - log softmax(z)). */
FNN_INLINE double kl_divergence_row(const fnn_loss_rows *l, int64_t r, REAL scale) {
  REAL lanes[FNN_BLOCK] __attribute__((aligned(64))) = {0};
  for (int64_t c = 0; c < l->C && !l->labels; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK; i += LANES) {
      const vec t = vload((const REAL *)l->T + (c / FNN_BLOCK * l->stride + r) * FNN_BLOCK + i);
      const vec own = where_used(l->C - c, i, t, vset(0));
      const vec information = vselect_gt(own, vset(0), own * vlog(own), vset(0));
      vstore(lanes + i, vload(lanes + i) + information);
    }
  return class_row(l, r, scale, 0, 0) + (double)tree_sum(lanes);
}

/* Mean over the outputs; `loss` is a constant where this is called. */
FNN_INLINE double elementwise_row(const int32_t loss, const fnn_loss_rows *l, int64_t r,
                                  REAL scale) {
  const vec zero = vset(0), one = vset(1), two = vset(2), half = vset((REAL)0.5);
  vec a = vset((REAL)l->numbers[0]);
  const vec b = vset((REAL)l->numbers[1]);
  (void)one, (void)two, (void)half, (void)b;
  REAL lanes[FNN_BLOCK] __attribute__((aligned(64)));
  vec sum[FNN_BLOCK / LANES];
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    sum[i] = zero;
  for (int64_t c = 0; c < l->C; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK / LANES; i++) {
      const int64_t at = (c / FNN_BLOCK * l->stride + r) * FNN_BLOCK + i * LANES;
      const vec z = vload((const REAL *)l->Z + at), t = vload((const REAL *)l->T + at);
      vec v = zero, d = zero;
      if (l->vector)
        a = numbers_of_outputs(l->vector, c + i * LANES, l->C);
      switch (loss) {
#define VALUE_ELEMENTWISE(value, slope) v = value, d = slope
#define VALUE_ROW(value, slope)
#define VALUE_PAIRS(value, slope)
#define LOSS(name, form, link, numbers, value, slope)                                              \
  case FNN_LOSS_##name:                                                                            \
    VALUE_##form(value, slope);                                                                    \
    break;
#include "../ops/losses.def"
#undef LOSS
#undef VALUE_ELEMENTWISE
#undef VALUE_ROW
#undef VALUE_PAIRS
      }
      sum[i] = sum[i] + where_used(l->C - c, i * LANES, v, zero);
      if (l->dH)
        vstore((REAL *)l->dH + at, where_used(l->C - c, i * LANES, d * vset(scale), zero));
    }
  for (int i = 0; i < FNN_BLOCK / LANES; i++)
    vstore(lanes + i * LANES, sum[i]);
  return (double)tree_sum(lanes) / (double)l->C;
}

/* Share of right answers: of the class with the highest output where the loss is
 * cross_entropy, else of outputs on the side of 1/2 (of their probability) that the
 * target is on. */
static double accuracy_of_row(const fnn_loss_rows *l, int64_t r) {
  const int classes = fnn_loss_ops[l->loss].link == FNN_LINK_softmax;
  int64_t right = 0, best = 0, target = l->labels ? l->labels[r] : 0;
  REAL best_z = 0, best_t = 0;
  for (int64_t c = 0; c < l->C; c++) {
    const int64_t at = (c / FNN_BLOCK * l->stride + r) * FNN_BLOCK + c % FNN_BLOCK;
    const REAL z = ((const REAL *)l->Z)[at], t = l->labels ? 0 : ((const REAL *)l->T)[at];
    if (c == 0 || z > best_z)
      best = c, best_z = z;
    if (!l->labels && (c == 0 || t > best_t))
      target = c, best_t = t;
    right += (z > 0) == (t > (REAL)0.5);
  }
  return classes ? best == target : (double)right / (double)l->C;
}

/* FNN_GIVEN: targets end in zeros, as gradients do. */
static void given_rows(const fnn_loss_rows *l, int64_t r0, int64_t r1) {
  for (int64_t r = r0; r < r1; r++)
    l->row_loss[r] = 0;
  for (int64_t c = 0; c < l->C; c += FNN_BLOCK) {
    const int64_t at = (c / FNN_BLOCK * l->stride + r0) * FNN_BLOCK;
    memcpy((REAL *)l->dH + at, (const REAL *)l->T + at,
           (size_t)(r1 - r0) * FNN_BLOCK * sizeof(REAL));
  }
}

/* The gradient of a loss of the caller's own is there already. */
FNN_INLINE double custom_row(const fnn_loss_rows *l, int64_t r, REAL scale) {
  for (int64_t c = 0; c < l->C && l->dH; c += FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK; i += LANES) {
      REAL *d = (REAL *)l->dH + place(l, r, c + i);
      vstore(d, vload(d) * vset(scale));
    }
  return l->value;
}

/* Rows of weight 0 count nothing, even where their loss is not finite. */
static void drop_weightless_rows(const fnn_loss_rows *l, int64_t r0, int64_t r1) {
  for (int64_t r = r0; r < r1; r++) {
    if (l->weights[r] != 0)
      continue;
    l->row_loss[r] = 0;
    for (int64_t c = 0; c < l->C && l->dH; c += FNN_BLOCK)
      memset((REAL *)l->dZ + place(l, r, c), 0, FNN_BLOCK * sizeof(REAL));
  }
}

static double weight_of_row(const fnn_loss_rows *l, int64_t r) {
  return (l->weights ? l->weights[r] : 1) * l->scale;
}

static void loss_of_rows(const fnn_loss_rows *l, int64_t r0, int64_t r1) {
  switch (l->loss) { /* outside the loops, which are short */
#define SCALE_ELEMENTWISE(r) (REAL)(weight_of_row(l, r) / (double)l->C)
#define SCALE_ROW(r) (REAL) weight_of_row(l, r)
#define SCALE_PAIRS(r) (REAL) weight_of_row(l, r)
#define VALUE_ELEMENTWISE(name, r, scale) elementwise_row(FNN_LOSS_##name, l, r, scale)
#define VALUE_ROW(name, r, scale) name##_row(l, r, scale)
#define VALUE_PAIRS(name, r, scale) name##_row(l, r, scale)
#define LOSS(name, form, ...)                                                                      \
  case FNN_LOSS_##name:                                                                            \
    for (int64_t r = r0; r < r1; r++)                                                              \
      l->row_loss[r] = VALUE_##form(name, r, SCALE_##form(r));                                     \
    break;
#include "../ops/losses.def"
#undef LOSS
#undef SCALE_ELEMENTWISE
#undef SCALE_ROW
#undef SCALE_PAIRS
#undef VALUE_ELEMENTWISE
#undef VALUE_ROW
#undef VALUE_PAIRS
  case FNN_CUSTOM_LOSS:
    for (int64_t r = r0; r < r1; r++)
      l->row_loss[r] = custom_row(l, r, (REAL)weight_of_row(l, r));
    break;
  case FNN_GIVEN:
    given_rows(l, r0, r1);
    break;
  }
  for (int64_t r = r0; l->row_accuracy && r < r1; r++)
    l->row_accuracy[r] = accuracy_of_row(l, r);
  if (l->dH && l->dH != l->dZ)
    for (int64_t c = 0; c < l->C; c += FNN_BLOCK) {
      const int64_t at = (c / FNN_BLOCK * l->stride + r0) * FNN_BLOCK;
      slope_rows(l->activation, l->parameter, (r1 - r0) * FNN_BLOCK, (const REAL *)l->Z + at,
                 (const REAL *)l->dH + at, (REAL *)l->dZ + at);
    }
  if (l->weights)
    drop_weightless_rows(l, r0, r1);
}
