/* What the machine could do at most: fused multiply-adds from registers, on all threads; and
 * how long the threads wait for each other's data. */
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

#define HANDED_LINES 256 /* 16 kB, of a first-level cache */
#define LINE_LONGS 8

typedef struct {
  _Alignas(64) int64_t lines[HANDED_LINES][LINE_LONGS];
  int64_t turns;
} handed_t;

/* The threads change all lines in turn, so that each finds them in another one's cache. */
static void work_handover(void *context, int thread, int threads) {
  handed_t *handed = context;
  for (int64_t turn = 0; turn < handed->turns; turn++) {
    if (turn % threads == thread)
      for (int i = 0; i < HANDED_LINES; i++)
        handed->lines[i][0]++;
    fnn_team_barrier(threads);
  }
}

double fnn_handover(int32_t threads, double seconds) {
  handed_t handed = {.turns = 200 * (int64_t)threads};
  double lines = 0, taken;
  const double start = fnn_seconds();
  do {
    fnn_team_run(threads, work_handover, &handed);
    lines += (double)handed.turns * HANDED_LINES;
    taken = fnn_seconds() - start;
  } while (taken < seconds);
  return taken / lines;
}
