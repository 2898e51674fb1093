/* Layers that draw random numbers while they train: dropout, alpha dropout, Gaussian noise.
 *
 * Philox (see random.c) for 16 features and 4 rows at once: counter (row / 4, feature) gives a
 * word for each of 4 rows, so that the numbers depend on seed, step, layer, row and feature
 * alone, whatever part of the batch a thread has. */

typedef struct {
  uint32_t of_row[4][FNN_BLOCK];
} random_words;

/* A word of several counters: the lower half of each lane; what is above it is never looked at. */
typedef uint64_t wide_words __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef uint32_t some_words __attribute__((vector_size(FNN_VECTOR_BYTES / 2)));
#define WIDE_LANES (FNN_VECTOR_BYTES / 8)

FNN_INLINE wide_words wide_set(uint32_t word) {
  const wide_words zero = {0};
  return zero + word;
}

/* Of the lower halves. */
FNN_INLINE wide_words wide_product(wide_words a, wide_words b) {
#if FNN_VECTOR_BYTES == 64
  return (wide_words)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif FNN_VECTOR_BYTES == 32
  return (wide_words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__x86_64__)
  return (wide_words)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (wide_words)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#endif
}

/* Of `counter` and the 15 after it. */
static void draw_block(uint64_t seed, uint64_t stream, uint64_t counter,
                       uint32_t words[4][FNN_BLOCK]) {
  static const uint64_t lanes[] = {0, 1, 2, 3, 4, 5, 6, 7};
  const wide_words by0 = wide_set(0xD2511F53), by1 = wide_set(0xCD9E8D57);
  for (int at = 0; at < FNN_BLOCK; at += WIDE_LANES) {
    wide_words x[4], key0 = wide_set((uint32_t)seed), key1 = wide_set((uint32_t)(seed >> 32));
    memcpy(x, lanes, sizeof x[0]); /* lane by lane, it would wait for its own stores */
    x[0] += counter + (uint64_t)at;
    x[1] = x[0] >> 32;
    x[2] = wide_set((uint32_t)stream);
    x[3] = wide_set((uint32_t)(stream >> 32));
    for (int round = 0; round < 10; round++, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
      const wide_words product0 = wide_product(x[0], by0), product1 = wide_product(x[2], by1);
      x[0] = (product1 >> 32) ^ x[1] ^ key0;
      x[1] = product1;
      x[2] = (product0 >> 32) ^ x[3] ^ key1;
      x[3] = product0;
    }
    for (int j = 0; j < 4; j++) {
      const some_words some = __builtin_convertvector(x[j], some_words);
      memcpy(words[j] + at, &some, sizeof some);
    }
  }
}

/* For rows 4 q .. 4 q + 3 of the pass and features n .. n + 15. */
static void draw_words(const fnn_layer *d, const fnn_pass *pass, int64_t q, int64_t n,
                       random_words *words) {
  const uint64_t stream = (uint64_t)1 << 63 | (uint64_t)d->index << 44 |
                          (uint64_t)(pass->step & (((int64_t)1 << 44) - 1));
  draw_block(pass->seed, stream,
             (uint64_t)q * (uint64_t)FNN_ROUND_UP(d->N, FNN_BLOCK) + (uint64_t)n, words->of_row);
}

/* Runs a statement for each row of a part and each block of its features: `at` is where the row's
 * 16 elements lie, `word` their 16 random words. */
#define FOR_RANDOM_LINES(d, pass, r0, r1, n0, n1, ...)                                             \
  for (int64_t n = n0; n < n1; n += FNN_BLOCK)                                                     \
    for (int64_t q = ((pass)->first + r0) / 4; q * 4 < (pass)->first + r1; q++) {                  \
      random_words words;                                                                          \
      draw_words(d, pass, q, n, &words);                                                           \
      for (int w = 0; w < 4; w++) {                                                                \
        const int64_t r = q * 4 + w - (pass)->first;                                               \
        if (r < r0 || r >= r1)                                                                     \
          continue;                                                                                \
        const int64_t at = (n / FNN_BLOCK * (d)->stride + r) * FNN_BLOCK;                          \
        const uint32_t *word = words.of_row[w];                                                    \
        __VA_ARGS__                                                                                \
      }                                                                                            \
    }

/* LANES of a row's words, as unsigned integers of REAL's width. */
#if REAL_BITS == 32
typedef uint32_t words_of_lanes __attribute__((vector_size(FNN_VECTOR_BYTES)));
FNN_INLINE words_of_lanes load_words(const uint32_t *word) {
  words_of_lanes words;
  memcpy(&words, word, sizeof words);
  return words;
}
#else
typedef wide_words words_of_lanes;
FNN_INLINE words_of_lanes load_words(const uint32_t *word) {
  some_words some;
  memcpy(&some, word, sizeof some);
  return __builtin_convertvector(some, words_of_lanes);
}
#endif

/* z = kept ? x * scale + shift : dropped; `kept` with probability 1 - rate. */
static void drop_some(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1, int64_t n0,
                      int64_t n1, double scale_, double shift_, double dropped_) {
  const vec scale = vset((REAL)scale_), shift = vset((REAL)shift_), dropped = vset((REAL)dropped_);
  const words_of_lanes zero = {0}, least = zero + (uint32_t)(d->p[0] * 0x1p32);
  FOR_RANDOM_LINES(d, pass, r0, r1, n0, n1, {
    for (int i = 0; i < FNN_BLOCK; i += LANES) {
      const ivec kept = (ivec)(load_words(word + i) >= least);
      const vec x = vload((const REAL *)d->in[0].X + at + i);
      vstore((REAL *)d->Z + at + i, vselect(kept, x * scale + shift, dropped));
      vstore((REAL *)d->kept + at + i, vselect(kept, scale, vset(0)));
    }
  })
}

static void dropout_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                            int64_t n0, int64_t n1) {
  if (pass->training)
    drop_some(d, pass, r0, r1, n0, n1, 1 / (1 - d->p[0]), 0, 0);
  else
    copy_part(d, r0, r1, n0, n1);
}

/* Klambauer et al. 2017: what is dropped goes to selu's lower limit, and the rest is scaled so
 * that mean 0 and variance 1 stay. */
static void alpha_dropout_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                                  int64_t n0, int64_t n1) {
  const double limit = -1.7580993408473766, rate = d->p[0];
  const double scale = 1 / sqrt((1 - rate) * (1 + rate * limit * limit));
  const double shift = -scale * rate * limit;
  if (pass->training)
    drop_some(d, pass, r0, r1, n0, n1, scale, shift, scale * limit + shift);
  else
    copy_part(d, r0, r1, n0, n1);
}

static void dropout_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                             int64_t n0, int64_t n1) {
  for (int64_t n = n0; n < n1; n += FNN_BLOCK)
    for (int64_t r = r0; r < r1; r++)
      for (int i = 0; i < FNN_BLOCK; i += LANES) {
        const int64_t at = (n / FNN_BLOCK * d->stride + r) * FNN_BLOCK + i;
        vec g = vload((const REAL *)d->dZ + at);
        if (pass->training)
          g = g * vload((const REAL *)d->kept + at);
        store_below(&d->in[0], at, g);
      }
}

static void alpha_dropout_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                                   int64_t n0, int64_t n1) {
  dropout_backward(d, pass, r0, r1, n0, n1);
}

/* The standard normal's quantile of (1 + x) / 2: sqrt(2) erfinv(x), by the polynomials of
 * M. Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2011. */
FNN_INLINE vec normal_quantile(vec x) {
  static const double near[] = {2.81022636e-08,  3.43273939e-07, -3.5233877e-06,
                                -4.39150654e-06, 0.00021858087,  -0.00125372503,
                                -0.00417768164,  0.246640727,    1.50140941};
  static const double far[] = {-0.000200214257, 0.000100950558, 0.00134934322,
                               -0.00367342844,  0.00573950773,  -0.0076224613,
                               0.00943887047,   1.00167406,     2.83297682};
  const vec one = vset(1), w = vset(0) - vlog((one - x) * (one + x));
  const vec a = w - vset((REAL)2.5), b = vsqrt(w) - vset(3);
  vec p = vset((REAL)near[0]), q = vset((REAL)far[0]);
  for (int i = 1; i < 9; i++) {
    p = vfma(p, a, vset((REAL)near[i]));
    q = vfma(q, b, vset((REAL)far[i]));
  }
  return vselect_gt(vset(5), w, p, q) * x * vset((REAL)1.41421356237309504880);
}

static void gaussian_noise_forward(const fnn_layer *d, const fnn_pass *pass, int64_t r0, int64_t r1,
                                   int64_t n0, int64_t n1) {
  if (!pass->training) {
    copy_part(d, r0, r1, n0, n1);
    return;
  }
  const vec std = vset((REAL)d->p[0]);
  FOR_RANDOM_LINES(d, pass, r0, r1, n0, n1, {
    REAL uniform[FNN_BLOCK] __attribute__((aligned(64)));
    for (int i = 0; i < FNN_BLOCK; i++) /* the middles of 2^23 parts of (-1, 1), exact in float */
      uniform[i] = (REAL)((int32_t)(word[i] >> 9) * 2 + 1 - (1 << 23)) * (REAL)0x1p-23;
    for (int i = 0; i < FNN_BLOCK; i += LANES)
      vstore((REAL *)d->Z + at + i, vfma(std, normal_quantile(vload(uniform + i)),
                                         vload((const REAL *)d->in[0].X + at + i)));
  })
}

static void gaussian_noise_backward(const fnn_layer *d, const fnn_pass *pass, int64_t r0,
                                    int64_t r1, int64_t n0, int64_t n1) {
  activation_backward(d, pass, r0, r1, n0, n1);
}
