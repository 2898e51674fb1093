/* Counter-based random numbers: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3" (SC 2011).  Element i of a stream is a function of
 * (seed, stream, i), so nothing depends on threads or on what was drawn before.
 *
 * The kernels draw for 16 counters at once; what is made of the words is plain scalar C without
 * library functions whose last bits differ between systems: the same seed gives the same initial
 * values everywhere. */
#include "table.h"

#include <math.h>

typedef struct {
  uint32_t word[4];
} philox_t;

static philox_t philox(uint64_t seed, uint64_t stream, uint64_t counter) {
  philox_t x = {
      {(uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)}};
  uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t product0 = (uint64_t)0xD2511F53 * x.word[0];
    const uint64_t product1 = (uint64_t)0xCD9E8D57 * x.word[2];
    const philox_t next = {{(uint32_t)(product1 >> 32) ^ x.word[1] ^ key0, (uint32_t)product1,
                            (uint32_t)(product0 >> 32) ^ x.word[3] ^ key1, (uint32_t)product0}};
    x = next;
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return x;
}

/* 53 bits in [0, 1). */
static double unit_double(uint32_t high, uint32_t low) {
  return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

/* The four words of counter i = 0, 1, ...: `block` has those of 16. */
static philox_t words_of(uint64_t seed, uint64_t stream, int64_t i, uint32_t block[4][FNN_BLOCK]) {
  const int64_t lane = i % FNN_BLOCK;
  if (lane == 0)
    fnn_isa_in_use()->f32->draw(seed, stream, (uint64_t)i, block);
  return (philox_t){{block[0][lane], block[1][lane], block[2][lane], block[3][lane]}};
}

void fnn_uniform(uint64_t seed, uint64_t stream, int64_t n, double *out) {
  uint32_t block[4][FNN_BLOCK];
  for (int64_t i = 0; i < n; i++) {
    const philox_t x = words_of(seed, stream, i, block);
    out[i] = unit_double(x.word[0], x.word[1]);
  }
}

/* log of a positive normal double, from m * 2^e with m in [sqrt(1/2), sqrt(2)):
 * log m = 2 atanh((m - 1) / (m + 1)), the series taken until it no longer counts. */
static double plain_log(double x) {
  int exponent;
  double m = frexp(x, &exponent); /* exact on every system */
  if (m < 0.70710678118654752440) {
    m *= 2;
    exponent--;
  }
  const double t = (m - 1) / (m + 1), t2 = t * t;
  double sum = 0;
  for (int k = 21; k >= 1; k -= 2)
    sum = sum * t2 + 1.0 / k;
  return 2 * t * sum + exponent * 0.69314718055994530942;
}

/* Marsaglia's polar method; the pairs that fall outside the circle draw again with the
 * next counter of their own, in the high bits. */
void fnn_normal(uint64_t seed, uint64_t stream, int64_t n, double *out) {
  uint32_t block[4][FNN_BLOCK];
  for (int64_t i = 0; i < n; i++) {
    philox_t x = words_of(seed, stream, i, block);
    for (uint64_t again = 1;; again++) {
      const double u = 2 * unit_double(x.word[0], x.word[1]) - 1;
      const double v = 2 * unit_double(x.word[2], x.word[3]) - 1;
      const double s = u * u + v * v;
      if (s > 0 && s < 1) {
        out[i] = u * sqrt(-2 * plain_log(s) / s);
        break;
      }
      x = philox(seed, stream, (uint64_t)i | again << 48);
    }
  }
}

/* Fisher and Yates, with Lemire's multiplication in place of a division; the bias of
 * n / 2^64 is beneath notice. */
void fnn_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t *out) {
  for (int64_t i = 0; i < n; i++)
    out[i] = i;
  uint32_t block[4][FNN_BLOCK];
  philox_t x = {{0}};
  for (int64_t i = n - 1; i > 0; i--) {
    const int64_t drawn = n - 1 - i;
    if (drawn % 2 == 0)
      x = words_of(seed, stream, drawn / 2, block);
    const uint32_t *pair = x.word + drawn % 2 * 2;
    const uint64_t bits = (uint64_t)pair[0] << 32 | pair[1];
    const uint64_t bound = (uint64_t)i + 1;
    /* The high 64 bits of bits * bound. */
    const uint64_t low = (bits & 0xffffffff) * (bound & 0xffffffff);
    const uint64_t middle1 = (bits >> 32) * (bound & 0xffffffff) + (low >> 32);
    const uint64_t middle2 = (bits & 0xffffffff) * (bound >> 32) + (middle1 & 0xffffffff);
    const int64_t j = (int64_t)((bits >> 32) * (bound >> 32) + (middle1 >> 32) + (middle2 >> 32));
    const int64_t swap = out[i];
    out[i] = out[j];
    out[j] = swap;
  }
}
