/* Memory for a plan: large arrays on huge pages where the system gives them. */
#define _DEFAULT_SOURCE
#include "arena.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#endif

#define CACHE_LINE 64
#define HUGE_PAGE (2 << 20)
/* From so much on: to get a huge page takes as long as to get 30 to 90 small ones, of 4 kB (in the
 * virtual machine where that was measured); what is smaller should not hold so much. */
#define LARGE (HUGE_PAGE / 4)
#define ROUND_UP(x, m) (((x) + (m) - 1) / (m) * (m))

static atomic_int_fast64_t allocations;

int64_t fnn_allocations(void) { return atomic_load(&allocations); }

void *fnn_allocate(size_t n, size_t size) {
  atomic_fetch_add(&allocations, 1);
  return calloc(n, size);
}

void fnn_arena_free(fnn_arena *arena) {
#if defined(_WIN32)
  _aligned_free(arena->data);
#else
  free(arena->data);
#endif
  arena->data = NULL;
  arena->bytes = 0;
}

/* Asks for all pages of some memory at once, in half the time that it takes to touch each one.
 * A kernel before 5.14 does not know this, and gives them as they are touched. */
static void populate(char *data, size_t size) {
#if defined(__linux__)
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), first = -(uintptr_t)data % page;
  if (size > first)
    madvise(data + first, (size - first) / page * page, MADV_POPULATE_WRITE);
#else
  (void)data, (void)size;
#endif
}

fnn_status fnn_arena_reserve(fnn_arena *arena, int64_t bytes) {
  if (bytes <= arena->bytes)
    return FNN_OK;
  fnn_arena_free(arena);
  atomic_fetch_add(&allocations, 1);
  const size_t page = bytes >= LARGE ? HUGE_PAGE : CACHE_LINE;
  const size_t size = ROUND_UP((size_t)bytes, page);
#if defined(_WIN32)
  arena->data = _aligned_malloc(size, page);
#else
  arena->data = aligned_alloc(page, size);
#endif
  if (arena->data == NULL)
    return FNN_NO_MEMORY;
#if defined(__linux__)
  if (page == HUGE_PAGE)
    madvise(arena->data, size, MADV_HUGEPAGE);
#endif
  populate(arena->data, size);
  memset(arena->data, 0, size);
  arena->bytes = bytes;
  return FNN_OK;
}
