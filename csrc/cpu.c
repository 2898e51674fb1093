/* Which kernels this CPU can run, and which are in use.
 *
 * The table is ordered best first; the choice is made once and coarsely, and everything
 * below it is compiled for its ISA.  Only the files in isa/ get flags of an ISA, so
 * nothing here can execute an instruction that the CPU lacks. */
#define _POSIX_C_SOURCE 200809L
#include "cpu.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(_WIN32)
#include <windows.h>
#endif

#if defined(__x86_64__)
extern const fnn_kernels fnn_kernels_avx512_f32, fnn_kernels_avx512_f64;
extern const fnn_kernels fnn_kernels_avx2_f32, fnn_kernels_avx2_f64;
extern const fnn_kernels fnn_kernels_baseline_f32, fnn_kernels_baseline_f64;

/* __builtin_cpu_supports also asks whether the operating system saves the registers. */
static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static int has_baseline(void) { return __builtin_cpu_supports("sse4.2"); }

static const fnn_isa_entry isas[] = {
    {"avx512", has_avx512, &fnn_kernels_avx512_f32, &fnn_kernels_avx512_f64},
    {"avx2", has_avx2, &fnn_kernels_avx2_f32, &fnn_kernels_avx2_f64},
    {"baseline", has_baseline, &fnn_kernels_baseline_f32, &fnn_kernels_baseline_f64},
};
#elif defined(__aarch64__)
extern const fnn_kernels fnn_kernels_neon_f32, fnn_kernels_neon_f64;

static int always(void) { return 1; }

static const fnn_isa_entry isas[] = {
    {"neon", always, &fnn_kernels_neon_f32, &fnn_kernels_neon_f64},
};
#else
#error "fastnn has kernels for x86-64 and AArch64"
#endif

#define N_ISAS ((int32_t)(sizeof isas / sizeof *isas))

static const fnn_isa_entry *in_use;

int32_t fnn_isas(const char **names, int32_t most) {
  int32_t n = 0;
  for (int32_t i = 0; i < N_ISAS; i++)
    if (isas[i].supported()) {
      if (n < most)
        names[n] = isas[i].name;
      n++;
    }
  return n;
}

fnn_status fnn_select_isa(const char *name) {
  const int any = name == NULL || *name == '\0';
  for (int32_t i = 0; i < N_ISAS; i++)
    if ((any || strcmp(name, isas[i].name) == 0) && isas[i].supported()) {
      in_use = &isas[i];
      return FNN_OK;
    }
  return FNN_BAD_ARGUMENT;
}

const fnn_isa_entry *fnn_isa_in_use(void) {
  if (in_use == NULL)
    fnn_select_isa(NULL);
  return in_use;
}

const char *fnn_isa(void) { return fnn_isa_in_use() ? in_use->name : "none"; }

double fnn_seconds(void) {
#if defined(_WIN32)
  LARGE_INTEGER now, frequency;
  QueryPerformanceCounter(&now);
  QueryPerformanceFrequency(&frequency);
  return (double)now.QuadPart / (double)frequency.QuadPart;
#else
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
#endif
}

#if defined(__x86_64__)
uint64_t fnn_float_mode_enter(void) {
  const uint32_t before = _mm_getcsr();
  _mm_setcsr(0x1f80 | 0x8000 | 0x0040); /* traps masked, flush to zero, denormals are zero */
  return before;
}
void fnn_float_mode_leave(uint64_t before) { _mm_setcsr((uint32_t)before); }
#else
uint64_t fnn_float_mode_enter(void) {
  uint64_t before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  const uint64_t flush = (uint64_t)1 << 24;
  __asm__ volatile("msr fpcr, %0" ::"r"(flush));
  return before;
}
void fnn_float_mode_leave(uint64_t before) { __asm__ volatile("msr fpcr, %0" ::"r"(before)); }
#endif

fnn_status fnn_map(fnn_dtype dtype, const char *function, double parameter, int64_t n,
                   const void *x, void *values, void *slopes) {
  const fnn_isa_entry *isa = fnn_isa_in_use();
  const fnn_kernels *kernels = dtype == FNN_FLOAT32 ? isa->f32 : isa->f64;
  const uint64_t mode = fnn_float_mode_enter();
  const int known = kernels->map(function, parameter, n, x, values, slopes);
  fnn_float_mode_leave(mode);
  return known ? FNN_OK : FNN_BAD_ARGUMENT;
}
