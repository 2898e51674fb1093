/* The learning rate of a step, for the engine and for Python alike: one formula.
 *
 * A learning rate is part of the numeric contract: were one bit of it another's, all
 * weights would be.  libm rounds pow and cos as its makers chose, differently from one
 * system to the next, so the functions here are made of + - * / sqrt and floor alone,
 * which IEEE 754 fixes to the last bit.  They stay within 1e-15 (relative) of the truth.
 *
 * They run once a step, by one thread, while the others are at their rows; so they are
 * written to be short, without tables and fitted coefficients. */
#include "fastnn.h"

#include <math.h>
#include <string.h>

/* ---- powers ------------------------------------------------------------------------ */

/* high + low, with about 100 bits: squaring doubles a relative error, and 17 squarings in
 * plain double (step 100,000) would leave 11 digits of 16. */
typedef struct {
  double high, low;
} pair;

/* The first 26 bits of x: products of halves are exact. */
static double top(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits &= ~(((uint64_t)1 << 27) - 1);
  memcpy(&x, &bits, sizeof bits);
  return x;
}

/* Dekker 1971; fma() would be shorter, and is not right in every libm. */
static pair multiply(pair a, pair b) {
  const double product = a.high * b.high;
  if (!(product < INFINITY))
    return (pair){product, 0};
  const double a1 = top(a.high), a2 = a.high - a1, b1 = top(b.high), b2 = b.high - b1;
  double rest = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2;
  rest += a.high * b.low + a.low * b.high;
  const double high = product + rest;
  return (pair){high, rest - (high - product)};
}

/* The root of the high part, and one step of Newton's. */
static pair root(pair a) {
  const double s = sqrt(a.high);
  if (!(s > 0))
    return a;
  const pair square = multiply((pair){s, 0}, (pair){s, 0});
  const double rest = (((a.high - square.high) - square.low) + a.low) / (2 * s);
  const double high = s + rest;
  return (pair){high, rest - (high - s)};
}

/* x^y for x, y >= 0: squarings for the whole part of y, square roots for its fraction. */
static double power(double x, double y) {
  const double whole = y < 0x1p62 ? floor(y) : 0x1p62;
  double fraction = y < 0x1p62 ? y - whole : 0;
  pair result = {1, 0}, square = {x, 0}, rooted = {x, 0};
  for (uint64_t n = (uint64_t)whole; n > 0; n >>= 1) {
    if (n & 1)
      result = multiply(result, square);
    square = multiply(square, square);
  }
  for (int bit = 0; bit < 64 && fraction > 0; bit++) {
    rooted = root(rooted);
    fraction *= 2;
    if (fraction >= 1) {
      result = multiply(result, rooted);
      fraction -= 1;
    }
  }
  return result.high + result.low;
}

/* ---- pieces of the formulas ---------------------------------------------------------- */

/* a for s = 0 and b for s = 1, both exactly. */
static double mix(double a, double b, double s) { return a * (1 - s) + b * s; }

/* The part of the steps still to come, 1 to 0. */
static double left(double t, double steps) { return t < steps ? (steps - t) / steps : 0; }

/* (1 + cos(pi u)) / 2: 1 at u = 0, 0 from u = 1 on.  As sin^2(pi (1 - u) / 2) it keeps its
 * digits near 0; the Taylor series' next term is below 1e-19 for angles to pi / 4. */
static double fall(double u) {
  const double v = u < 1 ? 1 - u : 0, angle = (v < 0.5 ? v : 1 - v) * 1.57079632679489661923;
  double series = 1;
  for (int k = 17; k > 1; k -= 2)
    series = 1 - angle * angle / (k * (k - 1)) * series;
  const double sine = angle * series;
  return v < 0.5 ? sine * sine : 1 - sine * sine;
}

/* How far step t is in its cycle, [0, 1); each is `multiplier` times as long as the last. */
static double part_of_cycle(double t, double steps, double multiplier) {
  if (multiplier > 1)
    for (; t >= steps; steps *= multiplier)
      t -= steps;
  else
    t -= steps * floor(t / steps);
  return t / steps;
}

/* 0 up to 1 and down again, in straight lines; p as the rows have it. */
static double triangle(const double *p, double t) {
  const double up = p[2], down = p[3], at = t - (up + down) * floor(t / (up + down));
  return at <= up ? at / up : (up + down - at) / down;
}

static double one_cycle(const double *p, double t) {
  const double start = p[0] / p[3], final = start / p[4];
  const double summit = p[2] * p[1] - 1, last = p[1] - 1;
  if (t < summit)
    return mix(p[0], start, fall(t / summit));
  return mix(final, p[0], t < last ? fall((t - summit) / (last - summit)) : 0);
}

static double count_up_to(const double *values, int64_t n, double t) {
  int64_t count = 0;
  while (count < n && values[count] <= t)
    count++;
  return (double)count;
}

static double entry(const double *values, int64_t n, double i) {
  return i >= 0 && i < (double)n ? values[(int64_t)i] : NAN;
}

/* ---- the entry ----------------------------------------------------------------------- */

double fnn_schedule_lr(const fnn_schedule *schedule, int64_t step) {
  const double *p = schedule->parameters, *values = schedule->values;
  const int64_t n_values = schedule->n_values, after = step - schedule->warmup;
  const double t = after > 0 ? (double)after : 0;
  double lr = NAN;
  switch (schedule->rule) {
#define SCHEDULE(name, parameters, formula)                                                        \
  case FNN_SCHEDULE_##name:                                                                        \
    lr = formula;                                                                                  \
    break;
#include "ops/schedules.def"
#undef SCHEDULE
  }
  if (after >= 0)
    return lr;
  return lr * mix(schedule->start_factor, 1, (double)step / (double)schedule->warmup);
}
