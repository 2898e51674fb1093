/* On how many threads a training runs (tune.c). */
#ifndef FASTNN_TUNE_H
#define FASTNN_TUNE_H

#include <stdint.h>

typedef struct {
  /* What the rest was learned of. */
  int32_t most, optimizer;
  int64_t batch;

  int32_t level; /* in use: 2^level threads, at most `most` */
  int32_t other; /* the level that is compared with it */
  int32_t turn;  /* of a comparison, even: `level`, odd: `other` */
  int32_t warm;  /* whether this turn's first piece is over, which nobody counts */
  double fastest[2];
  double seconds, rest; /* of the turn so far; of training before the next comparison */
  int64_t rows;         /* of the turn so far */
  double row;           /* seconds of one, in the last piece */
  int32_t rests;        /* since the beginning, at most SHORT_RESTS */
} fnn_tune;

/* Before a job that trains by batches of so many rows. */
void fnn_tune_begin(fnn_tune *tune, int32_t most, int64_t batch, int32_t optimizer);
/* The next piece of it: its threads, and its rows, at least `step`. */
int fnn_tune_threads(const fnn_tune *tune);
int64_t fnn_tune_rows(const fnn_tune *tune, int64_t step);
/* What the piece took. */
void fnn_tune_note(fnn_tune *tune, int64_t rows, double seconds);

#endif
