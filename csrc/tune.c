/* On how many threads a training runs: tried out, by the clock.
 *
 * What another thread saves and what it costs depends on shapes, optimizer, caches, how far the
 * cores are from each other, and what else the machine does.  The number of threads changes no
 * bit of the result, so a training begins on as many as may pay (fnn_plan_threads) and compares
 * them with half as many, turn by turn, each turn a few hundred microseconds of steps; it goes on
 * with the faster ones and compares again from time to time, with half and with twice as many. */
#include "tune.h"

#include <string.h>

#define TURNS 4 /* of a comparison: each level twice, of which the faster counts */
#define TURN_SECONDS 3e-4
#define COLD_SECONDS 1e-3 /* of first steps, which say nothing */
#define REST_SECONDS 0.2
#define REST_TURNS 50.0 /* a comparison takes at most this part of the time ... */
#define SHORT_RESTS 5   /* ... but for the first ones, of cold caches */
/* A step that takes longer is a large one, on which all threads pay, and too dear to try. */
#define LONG_STEP 1e-3
#define GAIN 0.97 /* what more threads must bring */
#define CLEAR 1.5 /* times as fast: no second look is needed */

static int threads_at(const fnn_tune *tune, int32_t level) {
  return 1 << level < tune->most ? 1 << level : tune->most;
}

static int32_t top_of(const fnn_tune *tune) {
  int32_t level = 0;
  while (threads_at(tune, level) < tune->most)
    level++;
  return level;
}

static void begin_turn(fnn_tune *tune) {
  tune->warm = 0;
  tune->seconds = 0;
  tune->rows = 0;
}

static void compare_with(fnn_tune *tune, int32_t other) {
  tune->other = other;
  tune->turn = 0;
  tune->rest = 0;
  tune->fastest[0] = tune->fastest[1] = 0;
  begin_turn(tune);
}

/* Downwards and upwards in turn, where both can be. */
static void compare(fnn_tune *tune) {
  const int32_t up = tune->level < top_of(tune), down = tune->level > 0;
  const int32_t went_up = tune->other > tune->level;
  compare_with(tune, tune->level + (up && (!down || !went_up) ? 1 : -1));
}

void fnn_tune_begin(fnn_tune *tune, int32_t most, int64_t batch, int32_t optimizer) {
  if (tune->most == most && tune->batch == batch && tune->optimizer == optimizer)
    return;
  memset(tune, 0, sizeof *tune);
  tune->most = most;
  tune->batch = batch;
  tune->optimizer = optimizer;
  tune->level = top_of(tune);
  if (tune->level > 0)
    tune->rest = COLD_SECONDS;
}

int fnn_tune_threads(const fnn_tune *tune) {
  return threads_at(tune, tune->rest <= 0 && tune->turn % 2 ? tune->other : tune->level);
}

int64_t fnn_tune_rows(const fnn_tune *tune, int64_t step) {
  const double left = tune->rest > 0 ? tune->rest : TURN_SECONDS - tune->seconds;
  const double steps = tune->row > 0 ? left / (tune->row * (double)step) : 1;
  const int64_t most = INT64_C(1) << 40;
  if ((tune->rest <= 0 && !tune->warm) || steps < 1)
    return step;
  return steps * (double)step < (double)most ? (int64_t)(steps + 1) * step : most;
}

/* The first is a 32nd of the later ones, the next a 16th, and so on. */
static void rest(fnn_tune *tune) {
  const double turns = REST_TURNS * TURNS * (tune->seconds + tune->row * (double)tune->batch);
  tune->rest = turns > REST_SECONDS ? turns : REST_SECONDS;
  tune->rest /= 1 << (SHORT_RESTS - tune->rests);
  tune->rests += tune->rests < SHORT_RESTS;
}

static void decide(fnn_tune *tune) {
  const int32_t step = tune->other - tune->level, next = tune->other + step;
  if (tune->fastest[1] < tune->fastest[0] * (step > 0 ? GAIN : 1)) {
    tune->level = tune->other;
    if (next >= 0 && next <= top_of(tune)) { /* perhaps there is more to gain */
      compare_with(tune, next);
      return;
    }
  }
  rest(tune);
}

void fnn_tune_note(fnn_tune *tune, int64_t rows, double seconds) {
  if (rows <= 0)
    return;
  tune->row = seconds / (double)rows;
  if (tune->rest > 0) {
    tune->rest -= seconds;
    if (tune->rest <= 0)
      compare(tune);
    return;
  }
  if (!tune->warm) {
    tune->warm = 1;
    if (tune->row * (double)tune->batch > LONG_STEP) {
      tune->turn = 0;
      tune->rest = REST_SECONDS;
    }
    return;
  }
  tune->seconds += seconds;
  tune->rows += rows;
  if (tune->seconds < TURN_SECONDS)
    return;
  double *fastest = &tune->fastest[tune->turn % 2];
  const double row = tune->seconds / (double)tune->rows;
  *fastest = *fastest == 0 || row < *fastest ? row : *fastest;
  const double ratio = tune->turn ? tune->fastest[1] / tune->fastest[0] : 1;
  if (++tune->turn == TURNS || ratio > CLEAR || ratio < 1 / CLEAR)
    decide(tune);
  else
    begin_turn(tune);
}
