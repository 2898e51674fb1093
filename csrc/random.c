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
  for (int64_t i = 0; i < n; i += FNN_BLOCK) {
    fnn_isa_in_use()->f32->draw(seed, stream, (uint64_t)i, block);
    const int64_t some = n - i < FNN_BLOCK ? n - i : FNN_BLOCK;
    for (int64_t lane = 0; lane < some; lane++)
      out[i + lane] = unit_double(block[0][lane], block[1][lane]);
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
 * n / 2^64 is beneath notice.  Two draws a counter, those of a block before its swaps, which wait
 * for each other's memory. */
void fnn_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t *out) {
  __extension__ typedef unsigned __int128 wide;
  enum { DRAWS = 2 * FNN_BLOCK };
  for (int64_t i = 0; i < n; i++)
    out[i] = i;
  for (int64_t first = 0; first < n - 1; first += DRAWS) {
    uint32_t block[4][FNN_BLOCK];
    int64_t with[DRAWS];
    fnn_isa_in_use()->f32->draw(seed, stream, (uint64_t)first / 2, block);
    for (int k = 0; k < DRAWS; k++) {
      const int word = k % 2 * 2, lane = k / 2;
      const uint64_t bits = (uint64_t)block[word][lane] << 32 | block[word + 1][lane];
      with[k] = (int64_t)((wide)bits * (uint64_t)(n - first - k) >> 64);
    }
    const int64_t left = n - 1 - first;
    for (int k = 0; k < DRAWS && k < left; k++) {
      int64_t *here = out + n - 1 - first - k, *there = out + with[k];
      const int64_t swap = *here;
      *here = *there;
      *there = swap;
    }
  }
}
