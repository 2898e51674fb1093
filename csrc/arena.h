/* Memory that grows when more is asked for, starts on a cache line, and is zero when new. */
#ifndef FASTNN_ARENA_H
#define FASTNN_ARENA_H

#include "fastnn.h"

typedef struct {
  char *data;
  int64_t bytes;
} fnn_arena;

/* At least `bytes`, zeroed if they are new.  What was there is lost when it grows. */
fnn_status fnn_arena_reserve(fnn_arena *arena, int64_t bytes);
void fnn_arena_free(fnn_arena *arena);

#endif
