/* exp, expm1, log, log1p, tanh, sigmoid and erf over one register of REAL.
 *
 * Own functions, because libm has them one number at a time, and because its bits
 * (and those of a vector libm) differ between systems.  Here each lane takes the
 * same IEEE operations in the same order on every ISA, so all ISAs with FMA give
 * the same bits; the baseline without FMA keeps the same error bounds (exp and log
 * 2 ULP, the others 4; tests/c/vmath_ulp.c measures them).  Hence no tables (a
 * gather is slow), no approximate reciprocals, and no conversions between integers
 * and REAL: AVX2 has none for 64 bits, so integers pass through the mantissa of a
 * large number instead.  NaN gives NaN.  A denormal argument of vlog counts as zero.
 *
 * The coefficients are own minimax fits: Remez exchange (Lawson's reweighted least
 * squares once leading coefficients are fixed) in mpmath with 50 digits.  For float
 * they were rounded one by one from the lowest, the rest fitted again each time.
 * Each error stated is the relative one of the function, in exact arithmetic, with
 * the rounded coefficients.
 *
 * Included after simd.h, once for float and once for double. */

#undef FNN_UINT
#undef FNN_MANTISSA_BITS
#undef FNN_EXPONENT_BIAS
#if REAL_BITS == 32
#define FNN_UINT uint32_t
#define FNN_MANTISSA_BITS 23
#define FNN_EXPONENT_BIAS 127
#else
#define FNN_UINT uint64_t
#define FNN_MANTISSA_BITS 52
#define FNN_EXPONENT_BIAS 1023
#endif

/* Unsigned, for shifts to the right (AVX2 has no arithmetic one for 64 bits) and
 * for additions that may wrap. */
typedef FNN_UINT uvec __attribute__((vector_size(FNN_VECTOR_BYTES), may_alias));

/* c[0] + c[1] x + ... + c[n-1] x^(n-1), by Horner: the neighbouring registers of
 * the caller's loop hide the latency, Estrin would only add operations. */
FNN_INLINE vec vpoly(vec x, const REAL *c, int n) {
  vec sum = vset(c[n - 1]);
  _Pragma("GCC unroll 32") for (int i = n - 2; i >= 0; --i) sum = vfma(sum, x, vset(c[i]));
  return sum;
}

/* The magnitude of the one with the sign of the other. */
FNN_INLINE vec vcopysign(vec magnitude, vec sign) {
  ivec mask = vbits(vset((REAL)-0.0));
  return vfrombits((mask & vbits(sign)) | (~mask & vbits(magnitude)));
}

/* log(2) in two parts (Cody & Waite, Software Manual for the Elementary Functions,
 * 1980).  The leading part has so many trailing zeros (15 of 24 bits used, 42 of 53)
 * that its product with any exponent is exact, without FMA too. */
#undef FNN_LN2_HIGH
#undef FNN_LN2_LOW
#if REAL_BITS == 32
#define FNN_LN2_HIGH ((REAL)0x1.62e4p-1)
#define FNN_LN2_LOW ((REAL)0x1.7f7d1cp-20)
#else
#define FNN_LN2_HIGH ((REAL)0x1.62e42fefa38p-1)
#define FNN_LN2_LOW ((REAL)0x1.ef35793c7673p-45)
#endif

/* x = n log(2) + r with n the nearest integer, |r| <= log(2)/2.  Returns n + bias as
 * an integer in the low bits (above them only zeros, up to the top of the mantissa):
 * adding 1.5 * 2^(mantissa bits) rounds the fraction away. */
FNN_INLINE uvec vexp_reduce(vec x, int bias, vec *r) {
  vec magic = vset((REAL)3 * (REAL)((FNN_UINT)1 << (FNN_MANTISSA_BITS - 1)) + (REAL)bias);
  vec shifted = vfma(x, vset((REAL)0x1.71547652b82fep+0), magic);
  vec n = shifted - magic;
  *r = vfnma(n, vset(FNN_LN2_LOW), vfnma(n, vset(FNN_LN2_HIGH), x));
  return (uvec)shifted;
}

/* exp(r) - 1 for |r| <= log(2)/2, as r + r^2 Q(r).  Fitted on 1.0001 times that
 * interval relative to exp(r) - 1: float degree 4, 2^-26.1; double degree 9, 2^-54.7. */
FNN_INLINE vec vexpm1_reduced(vec r) {
#if REAL_BITS == 32
  static const REAL q[] = {0x1.fffffep-2, 0x1.5554b4p-3, 0x1.5556f6p-5, 0x1.122538p-7,
                           0x1.6b97aep-10};
#else
  static const REAL q[] = {0x1.0000000000005p-1,  0x1.5555555555539p-3,  0x1.55555555522b8p-5,
                           0x1.1111111118fb1p-7,  0x1.6c16c17edb959p-10, 0x1.a01a0175128f4p-13,
                           0x1.a019a76f77853p-16, 0x1.71de880beb01cp-19, 0x1.28a1dfd4b71d4p-22,
                           0x1.ae6b9fbac3361p-26};
#endif
  return vfma(r * r, vpoly(r, q, sizeof q / sizeof *q), r);
}

/* exp.  2^n is applied as 2^floor(n/2) 2^ceil(n/2), for n goes past both ends of the
 * exponent: overflow, underflow and NaN then come right without a selection, once x
 * is clamped to where the result is surely inf or 0 (and n still has its few bits). */
FNN_INLINE vec vexp(vec x) {
  vec least = vset(REAL_BITS == 32 ? (REAL)-104 : (REAL)-746);
  vec most = vset(REAL_BITS == 32 ? (REAL)89 : (REAL)710);
  vec r; /* a NaN passes vmax and vmin as their second argument */
  uvec n = vexp_reduce(vmin(most, vmax(least, x)), 2 * FNN_EXPONENT_BIAS, &r);
  FNN_UINT exponent_bits = ~(FNN_UINT)0 << FNN_MANTISSA_BITS;
  uvec half = (n << (FNN_MANTISSA_BITS - 1)) & exponent_bits;
  uvec other_half = (n << FNN_MANTISSA_BITS) - half;
  vec scale = (vec)half;
  return vfma(vexpm1_reduced(r), scale, scale) * (vec)other_half;
}

/* exp(x) - 1 where 2^n stays far from the ends of the exponent: |x| <= 80.  Relative
 * accuracy lasts down to 0, as n = 0 there and 2^n - 1 vanishes (the form of Tang, on
 * expm1, ACM TOMS 18, 1992). */
FNN_INLINE vec vexpm1_moderate(vec x) {
  vec r;
  uvec n = vexp_reduce(x, FNN_EXPONENT_BIAS, &r);
  vec scale = (vec)(n << FNN_MANTISSA_BITS);
  return vfma(vexpm1_reduced(r), scale, scale - (REAL)1);
}

/* exp(x) - 1 for x <= 0, accurate down to 0: -1 below the clamp and long before. */
FNN_INLINE vec vexpm1_negative(vec x) { return vexpm1_moderate(vmax(vset(-80), x)); }

/* 1 / (1 + exp(-x)): exp's inf and 0 give the limits 0 and 1. */
FNN_INLINE vec vsigmoid(vec x) { return vset(1) / (vexp(-x) + (REAL)1); }

/* tanh: E / (E + 2) with E = exp(2 |x|) - 1: no cancellation, so no second branch
 * near 0.  Clamped to where the quotient is 1. */
FNN_INLINE vec vtanh(vec x) {
  vec most = vset(REAL_BITS == 32 ? (REAL)10 : (REAL)20);
  vec a = vmin(most, vabs(x));
  vec e = vexpm1_moderate(a + a);
  return vcopysign(e / (e + (REAL)2), x);
}

/* erf: 1 - exp(log(erfc |x|)) as an expm1, for log(erfc) is smooth: one polynomial
 * serves the whole line, and it needs the less accuracy the larger x is.
 * -log(erfc(a)) = a + a G(a), fitted relative to erf(a): float degree 8 on [0, 4],
 * 2^-27.8; double degree 24 on [0, 6], 2^-56.0; erf rounds to 1 beyond. */
FNN_INLINE vec verf(vec x) {
#if REAL_BITS == 32
  static const REAL g[] = {0x1.06eba8p-3,   0x1.45f3p-1,     0x1.a4f8c4p-4,
                           -0x1.39b7ccp-6,  -0x1.6374e6p-13, 0x1.b7439cp-10,
                           -0x1.4e2798p-11, 0x1.f2849cp-14,  -0x1.3afb62p-17};
#else
  static const REAL g[] = {0x1.06eba8214db68p-3,   0x1.45f306dc9c897p-1,   0x1.a4f4e2a1b207bp-4,
                           -0x1.39668593d7cf2p-6,  -0x1.b6b68bee49633p-13, 0x1.bca67bd0e1344p-10,
                           -0x1.35654f9960663p-11, 0x1.b22bc1f7f79e9p-16,  0x1.0e7f9c0099bd6p-14,
                           -0x1.f2afd11087cadp-16, 0x1.c950e7f3aed9cp-19,  0x1.7c8675de046f2p-19,
                           -0x1.d37dc73718338p-20, 0x1.6929c67f57f37p-22,  0x1.269a64cec8a66p-23,
                           -0x1.306f429aa6a6ep-23, 0x1.1a5352b094f75p-24,  -0x1.682368ed46613p-26,
                           0x1.577135892736cp-28,  -0x1.f34e0b0b06fcfp-31, 0x1.1287ea40d40a0p-33,
                           -0x1.bbb72ba833124p-37, 0x1.f1f829b79158bp-41,  -0x1.5ad4e356cf98ep-45,
                           0x1.c39f27c0f6518p-51};
#endif
  vec most = vset(REAL_BITS == 32 ? (REAL)4 : (REAL)6);
  vec a = vmin(most, vabs(x));
  vec ratio_minus_1 = vpoly(a, g, sizeof g / sizeof *g);
#if FNN_FMA
  vec minus_log_erfc = vfma(a, ratio_minus_1, a);
#else /* without FMA the product alone would be flushed to zero for the smallest a */
  vec minus_log_erfc = a * (ratio_minus_1 + (REAL)1);
#endif
  return vcopysign(vexpm1_moderate(-minus_log_erfc), x);
}

/* log(1 + f) - f for sqrt(1/2) <= 1 + f <= sqrt(2). */
FNN_INLINE vec vlog1p_minus(vec f) {
#if REAL_BITS == 32
  /* f^2 (f P(f) - 1/2), degree 7, 2^-27.3: cheaper than a division. */
  static const REAL p[] = {0x1.555554p-2, -0x1.000226p-2, 0x1.99a01cp-3, -0x1.54728ap-3,
                           0x1.22d92ep-3, -0x1.0d8242p-3, 0x1.055ec6p-3, -0x1.38c9dep-4};
  return (f * f) * vfma(f, vpoly(f, p, sizeof p / sizeof *p), vset((REAL)-0.5));
#else
  /* log(1 + f) = 2 atanh(s) with s = f / (2 + f): its odd series 2 s + s^3 P(s^2) is
   * short (Muller, Elementary Functions), degree 6, 2^-59.3.  2 s is rewritten as f - s f
   * (Sun's fdlibm), so that the rounding of s only touches the small terms.  A
   * polynomial in f alone would take about twenty terms. */
  static const REAL p[] = {0x1.5555555555592p-1, 0x1.999999997fee3p-2, 0x1.24924941e120cp-2,
                           0x1.c71c5215fab90p-3, 0x1.74663c6553e27p-3, 0x1.39a1f9b627e19p-3,
                           0x1.2f02f9d738ba7p-3};
  vec s = f / (f + (REAL)2);
  vec z = s * s;
  vec half_square = f * f * (REAL)0.5;
  return vfma(s, vfma(z, vpoly(z, p, sizeof p / sizeof *p), half_square), -half_square);
#endif
}

/* k log(2) + log(1 + f). */
FNN_INLINE vec vlog_sum(vec k, vec f) {
  vec small = vfma(k, vset(FNN_LN2_LOW), vlog1p_minus(f));
  return vfma(k, vset(FNN_LN2_HIGH), f + small);
}

/* log: x = 2^k m with sqrt(1/2) <= m < sqrt(2), so that k = 0 around 1. */
FNN_INLINE vec vlog(vec x) {
  const FNN_UINT one = (FNN_UINT)FNN_EXPONENT_BIAS << FNN_MANTISSA_BITS;
  const FNN_UINT mantissa = ((FNN_UINT)1 << FNN_MANTISSA_BITS) - 1;
#if REAL_BITS == 32
  const FNN_UINT sqrt_half = 0x3f3504f3;
  const REAL smallest = (REAL)0x1p-126; /* normal */
#else
  const FNN_UINT sqrt_half = 0x3fe6a09e667f3bcd;
  const REAL smallest = (REAL)0x1p-1022; /* normal */
#endif
  uvec shifted = (uvec)x + (one - sqrt_half);
  vec m = (vec)((shifted & mantissa) + sqrt_half);
  /* k + bias, written into the mantissa of 2^(mantissa bits). */
  vec big = vset((REAL)((FNN_UINT)1 << FNN_MANTISSA_BITS));
  vec k = (vec)((shifted >> FNN_MANTISSA_BITS) | (uvec)big) - (big + (REAL)FNN_EXPONENT_BIAS);
  vec infinity = vset((REAL)__builtin_inf());
  vec y = vselect_gt(infinity, x, vlog_sum(k, m - (REAL)1), x); /* x itself: inf and NaN */
  vec below = vselect_gt(x, vset(-smallest), -infinity, vset((REAL)__builtin_nan("")));
  return vselect_gt(vset(smallest), x, below, y);
}

/* log(1 + x) for 0 <= x <= 1 (softplus and the logistic losses): above sqrt(2) - 1 it
 * is log(2) + log(1 + (x - 1) / 2). */
FNN_INLINE vec vlog1p_unit(vec x) {
  vec limit = vset((REAL)0x1.a827999fcef32p-2);
  vec k = vselect_gt(x, limit, vset(1), vset(0));
  vec f = vselect_gt(x, limit, vfma(x, vset((REAL)0.5), vset((REAL)-0.5)), x);
  return vlog_sum(k, f);
}
