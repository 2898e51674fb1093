/* Measures the largest error of every function of vmath.h, in ULP, and hashes all
 * output bits.  Float: against libm's double over every step-th of all 2^32 floats;
 * double: against libm's long double over as many samples, dense where it is hard.
 * Exits with 1 if a bound or a special value is broken.  The hashes must agree
 * between all ISAs with FMA (and the same step).
 *
 *   gcc -O2 -std=c11 -ffp-contract=off -fno-math-errno -Wall -Wextra \
 *       -DFNN_VECTOR_BYTES=32 -DFNN_FMA=1 -mavx2 -mfma -Icsrc/kernels \
 *       tests/c/vmath_ulp.c -o /tmp/vmath_ulp -lm
 *   /tmp/vmath_ulp [step = 997 [function]]
 *
 * Other flags: -DFNN_VECTOR_BYTES=64 -DFNN_FMA=1 -mavx512f -mavx512dq -mavx512vl -mfma;
 * -DFNN_VECTOR_BYTES=16 -DFNN_FMA=0 -march=x86-64-v2; aarch64: -DFNN_VECTOR_BYTES=16
 * -DFNN_FMA=1, under qemu-aarch64 -L /usr/aarch64-linux-gnu. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL float
#define REAL_BITS 32
#define REAL_SUFFIX _f32
#define INT int32_t
#include "simd.h"

#include "vmath.h"
#undef REAL
#undef REAL_BITS
#undef REAL_SUFFIX
#undef INT
#define REAL double
#define REAL_BITS 64
#define REAL_SUFFIX _f64
#define INT int64_t
#include "simd.h"

#include "vmath.h"

enum { BLOCK = 4096 };
typedef long double wide;

/* The kernels run with denormals flushed, so they are tested that way; libm is not. */
static void set_flush(int on) {
#if defined(__x86_64__)
  unsigned bits = 0x8040; /* FTZ, DAZ */
  _mm_setcsr(on ? _mm_getcsr() | bits : _mm_getcsr() & ~bits);
#elif defined(__aarch64__)
  uint64_t fpcr, bits = (uint64_t)1 << 24; /* FZ */
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  fpcr = on ? fpcr | bits : fpcr & ~bits;
  __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
#endif
}

/* The same loop over a block for each function and dtype: exp_f32(x, y). */
#define LOOP_(name, suffix, type)                                                                  \
  static __attribute__((noinline)) void name##suffix(const type *x, type *y) {                     \
    for (int i = 0; i < BLOCK; i += (int)(FNN_VECTOR_BYTES / sizeof(type)))                        \
      fnn_vstoreu##suffix(y + i, fnn_v##name##suffix(fnn_vloadu##suffix(x + i)));                  \
  }
#define LOOP(name) LOOP_(name, _f32, float) LOOP_(name, _f64, double)
LOOP(exp)
LOOP(log)
LOOP(expm1_negative)
LOOP(log1p_unit)
LOOP(tanh)
LOOP(sigmoid)
LOOP(erf)

static double sigmoid_ref(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static wide sigmoid_refl(wide x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }

/* low, high: arguments for double are spread over it, and logarithmically below;
 * outside [domain_low, domain_high] only NaN is looked at (expm1_negative, log1p_unit). */
static const struct function {
  const char *name;
  void (*f32)(const float *, float *);
  void (*f64)(const double *, double *);
  double (*ref)(double);
  wide (*refl)(wide);
  double bound, low, high, domain_low, domain_high;
} functions[] = {
    {"exp", exp_f32, exp_f64, exp, expl, 2, -750, 712, -INFINITY, INFINITY},
    {"log", log_f32, log_f64, log, logl, 2, 0.5, 2.5, -INFINITY, INFINITY},
    {"expm1_negative", expm1_negative_f32, expm1_negative_f64, expm1, expm1l, 4, -45, 0, -INFINITY,
     0},
    {"log1p_unit", log1p_unit_f32, log1p_unit_f64, log1p, log1pl, 4, 0, 1, 0, 1},
    {"tanh", tanh_f32, tanh_f64, tanh, tanhl, 4, -21, 21, -INFINITY, INFINITY},
    {"sigmoid", sigmoid_f32, sigmoid_f64, sigmoid_ref, sigmoid_refl, 4, -712, 40, -INFINITY,
     INFINITY},
    {"erf", erf_f32, erf_f64, erf, erfl, 4, -6.5, 6.5, -INFINITY, INFINITY},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* |y - exact| in units of the last place of exact, in the format with the given
 * bits of precision and exponent of the smallest normal.  Exact results below it may
 * be flushed. */
static double ulp_error(wide y, wide exact, int precision, int min_exponent) {
  if (isnan(exact) || isnan(y))
    return isnan(exact) && isnan(y) ? 0 : INFINITY;
  if (y == exact)
    return 0;
  int exponent;
  frexpl(exact, &exponent); /* |exact| = [0.5, 1) 2^exponent */
  if (exponent <= min_exponent && y == 0)
    return 0;
  if (exponent <= min_exponent)
    exponent = min_exponent + 1;
  int max_exponent = 3 - min_exponent; /* the format's largest is just below 2^max_exponent */
  /* Infinity counts as the number that would come after the largest one. */
  if (isinf(y))
    y = copysignl(ldexpl(1, max_exponent - 1), y);
  if (isinf(exact) || exponent >= max_exponent)
    exact = copysignl(ldexpl(1, max_exponent - 1), exact);
  return (double)(fabsl(y - exact) / ldexpl(1, exponent - precision));
}

static uint64_t fnv(uint64_t hash, const void *data, size_t size) {
  for (size_t i = 0; i < size; ++i)
    hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
  return hash;
}

struct result {
  double worst, at;
  uint64_t hash;
};

static void account(struct result *result, double error, double x) {
  if (!(error <= result->worst))
    result->worst = error, result->at = x;
}

/* One block: run, hash (every NaN as the same, for its payload is the ISA's), compare. */
static void check_f32(const struct function *f, const float *x, struct result *result) {
  static float y[BLOCK];
  set_flush(1);
  f->f32(x, y);
  set_flush(0);
  for (int i = 0; i < BLOCK; ++i) {
    if (!isnan(x[i]) && !(x[i] >= f->domain_low && x[i] <= f->domain_high))
      continue;
    if (isnan(y[i]))
      y[i] = NAN;
    result->hash = fnv(result->hash, y + i, sizeof *y);
    float given = fabsf(x[i]) < FLT_MIN ? copysignf(0, x[i]) : x[i]; /* denormals are zeros */
    double exact = f->ref(given);
    if (y[i] == (float)exact)
      continue; /* correctly rounded: saves time, is below 0.5 ULP */
    account(result, ulp_error(y[i], exact, FLT_MANT_DIG, FLT_MIN_EXP - 1), x[i]);
  }
}

static void check_f64(const struct function *f, const double *x, struct result *result) {
  static double y[BLOCK];
  set_flush(1);
  f->f64(x, y);
  set_flush(0);
  for (int i = 0; i < BLOCK; ++i) {
    if (!isnan(x[i]) && !(x[i] >= f->domain_low && x[i] <= f->domain_high))
      continue;
    if (isnan(y[i]))
      y[i] = NAN;
    result->hash = fnv(result->hash, y + i, sizeof *y);
    double given = fabs(x[i]) < DBL_MIN ? copysign(0, x[i]) : x[i];
    account(result, ulp_error(y[i], f->refl(given), DBL_MANT_DIG, DBL_MIN_EXP - 1), x[i]);
  }
}

static uint64_t random_bits(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* Of eight samples: four even over [low, high], one within 2, one with even exponents
 * from 2^-64 to 2^16, one next to 1, one of any bits at all. */
static double sample(const struct function *f, uint64_t i, uint64_t *state) {
  uint64_t bits = random_bits(state);
  double unit = (double)(bits >> 11) * 0x1p-53, sign = bits & 1 ? 1 : -1, x;
  switch (i % 8) {
  case 4:
    return sign * 2 * unit;
  case 5:
    return sign * ldexp(1 + unit, (int)(random_bits(state) % 80) - 64);
  case 6:
    return 1 + sign * ldexp(1 + unit, -2 - (int)(random_bits(state) % 52));
  case 7:
    memcpy(&x, &bits, sizeof x);
    return x;
  default:
    return f->low + (f->high - f->low) * unit;
  }
}

static int report(const struct function *f, const char *dtype, const struct result *result) {
  int broken = !(result->worst <= f->bound);
  printf("%-6s %-14s max_ulp %.3f at x=%.17g hash %016llx%s\n", dtype, f->name, result->worst,
         result->at, (unsigned long long)result->hash, broken ? "  BROKEN" : "");
  fflush(stdout);
  return broken;
}

static int measure(const struct function *f, uint64_t step) {
  static float x32[BLOCK];
  static double x64[BLOCK];
  struct result result = {0, 0, 0xcbf29ce484222325u};
  const uint64_t all = (uint64_t)1 << 32;
  int broken = 0;
  for (uint64_t at = 0; at < all;) {
    for (int i = 0; i < BLOCK; ++i) {
      uint32_t bits = at < all ? (uint32_t)at : 0;
      memcpy(x32 + i, &bits, sizeof bits);
      at += step;
    }
    check_f32(f, x32, &result);
  }
  broken |= report(f, "float", &result);

  result = (struct result){0, 0, 0xcbf29ce484222325u};
  uint64_t state = 1, samples = all / (step < 100 ? 100 : step);
  for (uint64_t at = 0; at < samples; at += BLOCK) {
    for (int i = 0; i < BLOCK; ++i)
      x64[i] = sample(f, (uint64_t)i, &state);
    check_f64(f, x64, &result);
  }
  return broken | report(f, "double", &result);
}

/* Exactly this result, sign of zero included; run with and without flushing. */
static int check_special(const char *name, double x, double expected) {
  int broken = 0;
  for (int i = 0; i < FUNCTIONS; ++i) {
    const struct function *f = functions + i;
    if (strcmp(f->name, name))
      continue;
    static float x32[BLOCK], y32[BLOCK];
    static double x64[BLOCK], y64[BLOCK];
    for (int k = 0; k < BLOCK; ++k)
      x32[k] = (float)x, x64[k] = x;
    for (int flush = 0; flush < 2; ++flush) {
      set_flush(flush);
      f->f32(x32, y32);
      f->f64(x64, y64);
      set_flush(0);
      for (int k = 0; k < BLOCK; ++k) {
        int same32 = isnan(expected)
                         ? isnan(y32[k])
                         : y32[k] == (float)expected && !signbit(y32[k]) == !signbit(expected);
        int same64 = isnan(expected) ? isnan(y64[k])
                                     : y64[k] == expected && !signbit(y64[k]) == !signbit(expected);
        if (same32 && same64)
          continue;
        printf("%s(%g) flush=%d: float %g, double %g, expected %g\n", name, x, flush, y32[k],
               y64[k], expected);
        broken = 1;
        break;
      }
    }
  }
  return broken;
}

static int check_specials(void) {
  const struct {
    const char *name;
    double x, expected;
  } specials[] = {
      {"exp", INFINITY, INFINITY},
      {"exp", -INFINITY, 0},
      {"exp", 1e5, INFINITY},
      {"exp", -1e5, 0},
      {"exp", 0.0, 1},
      {"exp", -0.0, 1},
      {"log", 0.0, -INFINITY},
      {"log", -0.0, -INFINITY},
      {"log", INFINITY, INFINITY},
      {"log", -INFINITY, NAN},
      {"log", -1, NAN},
      {"log", -1.5 * FLT_MIN, NAN},
      {"log", 1, 0},
      {"expm1_negative", 0.0, 0},
      {"expm1_negative", -0.0, 0},
      {"expm1_negative", -INFINITY, -1},
      {"expm1_negative", -1e30, -1},
      {"log1p_unit", 0, 0},
      {"tanh", INFINITY, 1},
      {"tanh", -INFINITY, -1},
      {"tanh", 1e30, 1},
      {"tanh", 0.0, 0.0},
      {"tanh", -0.0, -0.0},
      {"sigmoid", INFINITY, 1},
      {"sigmoid", -INFINITY, 0},
      {"sigmoid", 1e30, 1},
      {"sigmoid", -1e30, 0},
      {"sigmoid", 0, 0.5},
      {"erf", INFINITY, 1},
      {"erf", -INFINITY, -1},
      {"erf", 1e30, 1},
      {"erf", 0.0, 0.0},
      {"erf", -0.0, -0.0},
  };
  int broken = 0;
  for (size_t i = 0; i < sizeof specials / sizeof *specials; ++i)
    broken |= check_special(specials[i].name, specials[i].x, specials[i].expected);
  for (int i = 0; i < FUNCTIONS; ++i) {
    broken |= check_special(functions[i].name, NAN, NAN);
    broken |= check_special(functions[i].name, -NAN, NAN);
  }
  printf("special values %s\n", broken ? "BROKEN" : "ok");
  return broken;
}

int main(int argc, char **argv) {
  uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 997;
  if (step == 0)
    return fprintf(stderr, "step must be at least 1, got %s\n", argv[1]), 2;
  int broken = check_specials();
  for (int i = 0; i < FUNCTIONS; ++i)
    if (argc < 3 || !strcmp(argv[2], functions[i].name))
      broken |= measure(functions + i, step);
  return broken;
}
