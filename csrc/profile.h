/* Where the time of jobs goes: ticks of the CPU's clock per thread, kind of work and layer.
 *
 * Only plans made while FASTNN_PROFILE is set count (profile.c).  A thread's lap clock adds
 * the ticks since its last lap to one place; without a profile a lap is one test of a pointer. */
#ifndef FASTNN_PROFILE_H
#define FASTNN_PROFILE_H

#include "plan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* What one thread did, [FNN_WORKS][n_layers]. */
typedef struct {
  int64_t ticks, laps;
} fnn_lap_sum;

struct fnn_profile {
  int32_t n_layers;
  int32_t threads;     /* that have sums; the most that a job had */
  fnn_lap_sum *sums;   /* [threads][FNN_WORKS][n_layers] */
  double seconds;      /* of all jobs, and how many ticks these took */
  int64_t ticks, jobs; /* so that ticks can be told in seconds */
};

typedef struct {
  fnn_lap_sum *sums; /* this thread's, or NULL: nobody counts */
  int32_t n_layers;
  int64_t since;
} fnn_clock;

static inline int64_t fnn_ticks(void) {
#if defined(__x86_64__)
  return (int64_t)__rdtsc();
#else
  int64_t now;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#endif
}

fnn_profile *fnn_profile_create(int32_t n_layers); /* NULL unless FASTNN_PROFILE is set */
void fnn_profile_free(fnn_profile *profile);
/* Room for so many threads; before and after a job. */
fnn_status fnn_profile_begin(fnn_profile *profile, int threads);
void fnn_profile_end(fnn_profile *profile, double seconds, int64_t ticks);

static inline fnn_clock fnn_clock_start(const fnn_profile *profile, int thread) {
  if (profile == NULL)
    return (fnn_clock){NULL, 0, 0};
  return (fnn_clock){profile->sums + (int64_t)thread * FNN_WORKS * profile->n_layers,
                     profile->n_layers, fnn_ticks()};
}

static inline void fnn_lap(fnn_clock *clock, fnn_kind_of_work work, int32_t layer) {
  if (clock->sums == NULL)
    return;
  const int64_t now = fnn_ticks();
  fnn_lap_sum *sum = &clock->sums[(int32_t)work * clock->n_layers + layer];
  sum->ticks += now - clock->since;
  sum->laps++;
  clock->since = now;
}

#endif
