/* What the machine could do at most: fused multiply-adds from registers, on all threads. */
#include "cpu.h"
#include "table.h"
#include "team.h"

#include <stdatomic.h>

typedef struct {
  const fnn_kernels *kernels;
  int64_t repeats;
  atomic_llong flops;
} peak_t;

static void work_fma(void *context, int thread, int threads) {
  peak_t *peak = context;
  (void)thread, (void)threads;
  atomic_fetch_add(&peak->flops, (long long)peak->kernels->fma_flops(peak->repeats));
}

double fnn_fma_peak(fnn_dtype dtype, int32_t threads, double seconds) {
  const fnn_isa_entry *isa = fnn_isa_in_use();
  peak_t peak = {.kernels = dtype == FNN_FLOAT32 ? isa->f32 : isa->f64, .repeats = 1 << 12};
  double best = 0;
  const double start = fnn_seconds();
  do {
    atomic_store(&peak.flops, 0);
    const double before = fnn_seconds();
    fnn_team_run(threads, work_fma, &peak);
    const double taken = fnn_seconds() - before;
    const double rate = (double)atomic_load(&peak.flops) / taken;
    best = rate > best ? rate : best;
    if (taken < 2e-3)
      peak.repeats *= 2;
  } while (fnn_seconds() - start < seconds);
  return best;
}
