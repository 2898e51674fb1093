/* Memory that grows when more is asked for, starts on a cache line, and is zero when new. */
#ifndef FASTNN_ARENA_H
#define FASTNN_ARENA_H

#include "fastnn.h"

#include <stddef.h>

/* n elements of so many bytes, zeroed; to be freed by free().  The core has its memory from here
 * and from arenas alone, so that it is counted (fnn_allocations). */
void *fnn_allocate(size_t n, size_t size);

typedef struct {
  char *data;
  int64_t bytes;
} fnn_arena;

/* At least `bytes`, zeroed if they are new.  What was there is lost when it grows. */
fnn_status fnn_arena_reserve(fnn_arena *arena, int64_t bytes);
void fnn_arena_free(fnn_arena *arena);

#endif
