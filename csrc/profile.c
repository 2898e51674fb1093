/* The sums of profile.h: made, cleared, told. */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

static int64_t sums_of_thread(const fnn_profile *profile) {
  return (int64_t)FNN_WORKS * profile->n_layers;
}

fnn_profile *fnn_profile_create(int32_t n_layers) {
  const char *wanted = getenv("FASTNN_PROFILE");
  if (wanted == NULL || *wanted == '\0' || strcmp(wanted, "0") == 0)
    return NULL;
  fnn_profile *profile = calloc(1, sizeof *profile);
  if (profile)
    profile->n_layers = n_layers;
  return profile;
}

void fnn_profile_free(fnn_profile *profile) {
  if (profile)
    free(profile->sums);
  free(profile);
}

fnn_status fnn_profile_begin(fnn_profile *profile, int threads) {
  if (profile == NULL || threads <= profile->threads)
    return FNN_OK;
  const size_t of_thread = (size_t)sums_of_thread(profile) * sizeof *profile->sums;
  fnn_lap_sum *sums = realloc(profile->sums, (size_t)threads * of_thread);
  if (sums == NULL)
    return FNN_NO_MEMORY;
  memset((char *)sums + (size_t)profile->threads * of_thread, 0,
         (size_t)(threads - profile->threads) * of_thread);
  profile->sums = sums;
  profile->threads = threads;
  return FNN_OK;
}

void fnn_profile_end(fnn_profile *profile, double seconds, int64_t ticks) {
  if (profile == NULL)
    return;
  profile->seconds += seconds;
  profile->ticks += ticks;
  profile->jobs++;
}

const char *fnn_work_name(int32_t work) {
  static const char *const names[FNN_WORKS] = {"gather", "forward", "loss", "backward",
                                               "update", "barrier", "other"};
  return names[work];
}

int64_t fnn_plan_profile(const fnn_plan *plan, fnn_profile_entry *entries, int64_t most) {
  const fnn_profile *profile = plan->profile;
  int64_t n = 0;
  if (profile == NULL)
    return -1;
  const double second = profile->ticks > 0 ? profile->seconds / (double)profile->ticks : 0;
  for (int32_t t = 0; t < profile->threads; t++)
    for (int32_t work = 0; work < FNN_WORKS; work++)
      for (int32_t l = 0; l < profile->n_layers; l++) {
        const fnn_lap_sum *sum =
            &profile->sums[t * sums_of_thread(profile) + work * profile->n_layers + l];
        if (sum->laps == 0)
          continue;
        if (n < most)
          entries[n] =
              (fnn_profile_entry){work, l, t, sum->laps, sum->ticks, second * (double)sum->ticks};
        n++;
      }
  return n;
}

void fnn_plan_profile_reset(fnn_plan *plan) {
  fnn_profile *profile = plan->profile;
  if (profile == NULL)
    return;
  if (profile->sums)
    memset(profile->sums, 0,
           (size_t)(profile->threads * sums_of_thread(profile)) * sizeof *profile->sums);
  profile->seconds = 0;
  profile->ticks = profile->jobs = 0;
}
