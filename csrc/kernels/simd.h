/* The vector vocabulary of the kernels: some twenty shims over one register of
 * REAL.  Arithmetic, comparisons and bit operations use the operators of the
 * compiler's vector extension (GCC and Clang); a shim exists only where there is
 * no operator, or where its meaning must be the same bits on every ISA.
 *
 * Given by the including file: FNN_VECTOR_BYTES (64, 32 or 16), FNN_FMA (0 or 1),
 * and per pass REAL, REAL_BITS (32 or 64), REAL_SUFFIX, INT (the signed integer
 * as wide as REAL).
 *
 * No header guard: included once for float and once for double. */
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#include "names.h"

#ifndef FNN_INLINE
#define FNN_INLINE static inline __attribute__((always_inline, unused))
/* Lanes of a register of the current pass, as a constant of the preprocessor. */
#define LANES (FNN_VECTOR_BYTES * 8 / REAL_BITS)
#define FNN_UNROLL _Pragma("GCC unroll 16")
#endif

/* The intrinsic of the current ISA and pass: MM(fmadd) is _mm512_fmadd_ps, say. */
#undef MM
#undef NEON
#if FNN_VECTOR_BYTES == 64 && REAL_BITS == 32
#define MM(name) _mm512_##name##_ps
#elif FNN_VECTOR_BYTES == 64
#define MM(name) _mm512_##name##_pd
#elif FNN_VECTOR_BYTES == 32 && REAL_BITS == 32
#define MM(name) _mm256_##name##_ps
#elif FNN_VECTOR_BYTES == 32
#define MM(name) _mm256_##name##_pd
#elif defined(__x86_64__) && REAL_BITS == 32
#define MM(name) _mm_##name##_ps
#elif defined(__x86_64__)
#define MM(name) _mm_##name##_pd
#elif REAL_BITS == 32
#define NEON(name) name##_f32
#else
#define NEON(name) name##_f64
#endif

typedef REAL vec __attribute__((vector_size(FNN_VECTOR_BYTES), may_alias));
typedef INT ivec __attribute__((vector_size(FNN_VECTOR_BYTES), may_alias));

#ifdef MM
FNN_INLINE vec vset(REAL x) { return (vec)MM(set1)(x); }
FNN_INLINE vec vload(const REAL *p) { return (vec)MM(load)(p); }
FNN_INLINE vec vloadu(const REAL *p) { return (vec)MM(loadu)(p); }
FNN_INLINE void vstore(REAL *p, vec x) { MM(store)(p, x); }
FNN_INLINE void vstoreu(REAL *p, vec x) { MM(storeu)(p, x); }
FNN_INLINE vec vsqrt(vec x) { return (vec)MM(sqrt)(x); }
/* vmax: a > b ? a : b, so the second argument where either is NaN; vmin alike. */
FNN_INLINE vec vmax(vec a, vec b) { return (vec)MM(max)(a, b); }
FNN_INLINE vec vmin(vec a, vec b) { return (vec)MM(min)(a, b); }
#else
FNN_INLINE vec vset(REAL x) { return (vec)NEON(vdupq_n)(x); }
FNN_INLINE vec vload(const REAL *p) { return (vec)NEON(vld1q)(p); }
FNN_INLINE vec vloadu(const REAL *p) { return (vec)NEON(vld1q)(p); }
FNN_INLINE void vstore(REAL *p, vec x) { NEON(vst1q)(p, x); }
FNN_INLINE void vstoreu(REAL *p, vec x) { NEON(vst1q)(p, x); }
FNN_INLINE vec vsqrt(vec x) { return (vec)NEON(vsqrtq)(x); }
/* Not FMAX and FMIN, which treat NaN in another way than x86 does. */
FNN_INLINE vec vmax(vec a, vec b) { return (vec)NEON(vbslq)(NEON(vcgtq)(a, b), a, b); }
FNN_INLINE vec vmin(vec a, vec b) { return (vec)NEON(vbslq)(NEON(vcgtq)(b, a), a, b); }
#endif

/* vfma: a * b + c; vfnma: c - a * b.  One rounding on every ISA with FMA, two on
 * the baseline: this is where the baseline's bits part from the others'. */
#if !FNN_FMA
FNN_INLINE vec vfma(vec a, vec b, vec c) { return a * b + c; }
FNN_INLINE vec vfnma(vec a, vec b, vec c) { return c - a * b; }
#elif defined(MM)
FNN_INLINE vec vfma(vec a, vec b, vec c) { return (vec)MM(fmadd)(a, b, c); }
FNN_INLINE vec vfnma(vec a, vec b, vec c) { return (vec)MM(fnmadd)(a, b, c); }
#else
FNN_INLINE vec vfma(vec a, vec b, vec c) { return (vec)NEON(vfmaq)(c, a, b); }
FNN_INLINE vec vfnma(vec a, vec b, vec c) { return (vec)NEON(vfmsq)(c, a, b); }
#endif

FNN_INLINE ivec viset(INT x) {
  ivec zero = {0};
  return zero + x;
}
FNN_INLINE ivec vbits(vec x) { return (ivec)x; }
FNN_INLINE vec vfrombits(ivec x) { return (vec)x; }
FNN_INLINE vec vabs(vec x) { return (vec)((ivec)x & ~((ivec)vset((REAL)-0.0))); }

/* Lane by lane: mask (all ones or all zeros, as comparisons give it) ? a : b. */
FNN_INLINE vec vselect(ivec mask, vec a, vec b) {
  return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

/* Lane by lane: x > y ? a : b; b where x or y is NaN. */
FNN_INLINE vec vselect_gt(vec x, vec y, vec a, vec b) {
#if FNN_VECTOR_BYTES == 64 && REAL_BITS == 32
  return (vec)_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, y, _CMP_GT_OQ), b, a);
#elif FNN_VECTOR_BYTES == 64
  return (vec)_mm512_mask_blend_pd(_mm512_cmp_pd_mask(x, y, _CMP_GT_OQ), b, a);
#elif FNN_VECTOR_BYTES == 32
  return (vec)MM(blendv)(b, a, MM(cmp)(x, y, _CMP_GT_OQ));
#else
  return vselect((ivec)(x > y), a, b);
#endif
}

/* Interleave two registers: low is a0 b0 a1 b1 ..., high goes on where low ended.
 * log2(LANES) rounds of them transpose LANES registers (units.h). */
#if defined(__clang__) || __GNUC__ >= 12
#define FNN_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define FNN_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (ivec){__VA_ARGS__})
#endif
#if LANES == 16
FNN_INLINE vec vzip_low(vec a, vec b) {
  return FNN_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
FNN_INLINE vec vzip_high(vec a, vec b) {
  return FNN_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
#elif LANES == 8
FNN_INLINE vec vzip_low(vec a, vec b) { return FNN_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
FNN_INLINE vec vzip_high(vec a, vec b) { return FNN_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
#elif LANES == 4
FNN_INLINE vec vzip_low(vec a, vec b) { return FNN_SHUFFLE(a, b, 0, 4, 1, 5); }
FNN_INLINE vec vzip_high(vec a, vec b) { return FNN_SHUFFLE(a, b, 2, 6, 3, 7); }
#else
FNN_INLINE vec vzip_low(vec a, vec b) { return FNN_SHUFFLE(a, b, 0, 2); }
FNN_INLINE vec vzip_high(vec a, vec b) { return FNN_SHUFFLE(a, b, 1, 3); }
#endif
#undef FNN_SHUFFLE
