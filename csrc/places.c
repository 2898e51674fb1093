/* On which CPUs threads run.
 *
 * The system tends to put a thread that wakes on the CPU of the one that woke it, and takes some
 * milliseconds to see that both are busy and another CPU is idle.  Two threads that wait for each
 * other take turns there, each until the waiting one parks: steps take many times as long
 * (docs/performance.md).  So a thread that goes to sleep forbids itself the CPU of the one that
 * will wake it.  Only Linux tells where a thread is and takes orders. */
#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#elif defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif

#include "places.h"

#if defined(__linux__)
/* Of more CPUs than fit into a cpu_set_t the system says nothing. */
static int allowed(cpu_set_t *set) { return sched_getaffinity(0, sizeof *set, set) == 0; }

int fnn_cpus(void) { /* sysconf reads a file, which takes 5 us, and does not know what is allowed */
  cpu_set_t set;
  return allowed(&set) ? CPU_COUNT(&set) : CPU_SETSIZE;
}

int fnn_my_cpu(void) { return sched_getcpu(); }

void fnn_leave_my_cpu(void) {
  cpu_set_t all, others;
  const int cpu = sched_getcpu();
  if (cpu < 0 || cpu >= CPU_SETSIZE || !allowed(&all) || CPU_COUNT(&all) < 2)
    return;
  others = all;
  CPU_CLR(cpu, &others);
  /* The first call moves the thread; the second gives back what it was allowed, and leaves it. */
  if (sched_setaffinity(0, sizeof others, &others) == 0)
    sched_setaffinity(0, sizeof all, &all);
}

/* What the thread was allowed before it went to sleep, and is while it sleeps. */
static _Thread_local cpu_set_t before, asleep;
static _Thread_local int keeps_off;

void fnn_sleep_off_cpu(int cpu) {
  keeps_off = 0;
  if (cpu < 0 || cpu >= CPU_SETSIZE || !allowed(&before) || CPU_COUNT(&before) < 2)
    return;
  asleep = before;
  CPU_CLR(cpu, &asleep);
  keeps_off = sched_setaffinity(0, sizeof asleep, &asleep) == 0;
}

void fnn_awake(void) {
  cpu_set_t now; /* another program may have said something else meanwhile */
  if (keeps_off && allowed(&now) && CPU_EQUAL(&now, &asleep))
    sched_setaffinity(0, sizeof before, &before);
  keeps_off = 0;
}
#else
#if defined(_WIN32)
int fnn_cpus(void) { return (int)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS); }
#else
int fnn_cpus(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
#endif
int fnn_my_cpu(void) { return -1; }
void fnn_leave_my_cpu(void) {}
void fnn_sleep_off_cpu(int cpu) { (void)cpu; }
void fnn_awake(void) {}
#endif
