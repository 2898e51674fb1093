/* A team of threads that spins briefly and then parks.
 *
 * Training crosses two barriers a step, each worth well under a microsecond, so waiting
 * threads first watch a word in memory; a thread that has watched for SPIN_SECONDS (or
 * at once, where there are more threads than CPUs) sleeps on a condition variable.  The
 * threads stay parked between jobs and cost nothing there.
 *
 * Only one caller at a time has the team.  A second one does its work alone, which
 * changes its speed and not a bit of its results.
 *
 * After fork() the child has only the thread that called it: the handler below forgets
 * the team, and the child's first job makes a new one. */
#define _POSIX_C_SOURCE 200809L
#include "team.h"
#include "cpu.h"
#include "fastnn.h"
#include "places.h"

#include <stdatomic.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* ---- the operating system's threads ------------------------------------------ */

#if defined(_WIN32)
#include <windows.h>
typedef SRWLOCK mutex_t;
typedef CONDITION_VARIABLE condition_t;
typedef HANDLE thread_t;
#define MUTEX_INIT SRWLOCK_INIT
#define CONDITION_INIT CONDITION_VARIABLE_INIT
#define mutex_lock(m) AcquireSRWLockExclusive(m)
#define mutex_unlock(m) ReleaseSRWLockExclusive(m)
#define condition_wait(c, m) SleepConditionVariableSRW(c, m, INFINITE, 0)
#define condition_broadcast(c) WakeAllConditionVariable(c)
#define thread_yield() SwitchToThread()
#define THREAD_RESULT DWORD WINAPI
#define THREAD_DONE 0
static int thread_start(thread_t *t, LPTHREAD_START_ROUTINE f, void *x) {
  return (*t = CreateThread(NULL, 0, f, x, 0, NULL)) != NULL;
}
static void thread_join(thread_t t) {
  WaitForSingleObject(t, INFINITE);
  CloseHandle(t);
}
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
typedef pthread_mutex_t mutex_t;
typedef pthread_cond_t condition_t;
typedef pthread_t thread_t;
#define MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define CONDITION_INIT PTHREAD_COND_INITIALIZER
#define mutex_lock(m) pthread_mutex_lock(m)
#define mutex_unlock(m) pthread_mutex_unlock(m)
#define condition_wait(c, m) pthread_cond_wait(c, m)
#define condition_broadcast(c) pthread_cond_broadcast(c)
#define thread_yield() sched_yield()
#define THREAD_RESULT void *
#define THREAD_DONE NULL
/* Signals are the business of the program's own threads. */
static int thread_start(thread_t *t, void *(*f)(void *), void *x) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(t, NULL, f, x);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return !failed;
}
static void thread_join(thread_t t) { pthread_join(t, NULL); }
#endif

/* ---- the team ------------------------------------------------------------------ */

/* How long to watch: for the next job, and within one.  A thread that parked takes 50 us and more
 * to come back where an idle CPU sleeps, longer still in a virtual machine.  Did the others give up
 * sooner, they would park meanwhile, and so on: each barrier of the job would take that long. */
#define SPIN_SECONDS 50e-6
#define JOB_SPIN_SECONDS 400e-6
/* Then the one that is waited for may have the CPU, if it is this one.  Nobody else: another
 * library's thread that watches for work would keep it until the system's next tick, 4 ms. */
#define YIELD_SECONDS 10e-6
#define SPINS_PER_LOOK 32 /* at the clock */

typedef struct {
  mutex_t mutex;
  condition_t changed;
  atomic_int sleepers; /* threads in condition_wait */
  atomic_int busy;     /* a caller has the team */
  atomic_int workers;  /* threads alive, besides the callers */
  atomic_int spin;     /* whether waiting threads watch before they sleep */
  thread_t threads[FNN_MAX_THREADS];

  /* The job: a number that changes with each one, times 65536, plus its threads. */
  atomic_uint_fast64_t job;
  void (*work)(void *, int, int);
  void *context;

  atomic_int cpu[FNN_MAX_THREADS]; /* where each was when it last looked */

  atomic_int running; /* workers that have not finished the job */
  atomic_uint_fast64_t finished;
  atomic_int arrived; /* at the barrier */
  atomic_uint_fast64_t barrier;
} team_t;

#define TEAM_INIT {.mutex = MUTEX_INIT, .changed = CONDITION_INIT, .spin = 1}
#define THREADS_OF(job) ((int)((job) & 0xffff))
static team_t team = TEAM_INIT;
static _Thread_local int number; /* of the calling thread: a worker has its own, a caller is 0 */

static void relax(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Whether another one of the job's threads, or the caller where there is none, was last seen on
 * this CPU, or may be, where the system does not tell. */
static int may_be_shared(int cpu, int threads) {
  int shared = cpu < 0;
  for (int i = 0; i < threads || i == 0; i++)
    shared |= i != number && atomic_load_explicit(&team.cpu[i], memory_order_relaxed) == cpu;
  return shared;
}

/* A thread that finds itself on the CPU of another one of the job goes elsewhere: who has been
 * woken looks, and who has waited in vain.  True if it went. */
static int find_a_place(int threads) {
  const int mine = fnn_my_cpu(), shared = mine >= 0 && may_be_shared(mine, threads);
  if (shared) {
    /* Nowhere yet: whoever it is that shares the CPU shall not go too. */
    atomic_store_explicit(&team.cpu[number], -1, memory_order_relaxed);
    fnn_leave_my_cpu();
  }
  atomic_store_explicit(&team.cpu[number], shared ? fnn_my_cpu() : mine, memory_order_relaxed);
  return shared;
}

/* Watches *word for so many seconds, or until it is not `seen`; returns what it is. */
static uint64_t watch(atomic_uint_fast64_t *word, uint64_t seen, double seconds, int threads) {
  uint64_t now;
  double start = 0;
  for (int spins = 0;; spins++) {
    if ((now = atomic_load_explicit(word, memory_order_acquire)) != seen)
      return now;
    relax();
    if (spins % SPINS_PER_LOOK == SPINS_PER_LOOK - 1) {
      const double t = fnn_seconds();
      if (start == 0)
        start = t;
      else if (t - start > seconds)
        return seen;
      else if (t - start > YIELD_SECONDS && may_be_shared(fnn_my_cpu(), threads))
        thread_yield();
    }
  }
}

/* Waits until *word is not `seen`, and returns what it is then: within a job of so many threads, or
 * for the next job, where `threads` is 0. */
static uint64_t wait_for_change(atomic_uint_fast64_t *word, uint64_t seen, int threads) {
  uint64_t now = seen;
  const int spin = atomic_load_explicit(&team.spin, memory_order_relaxed);
  const double seconds = threads ? JOB_SPIN_SECONDS : SPIN_SECONDS;
  if (spin && ((now = watch(word, seen, seconds, threads)) != seen ||
               (find_a_place(threads) && (now = watch(word, seen, seconds, threads)) != seen)))
    return now;
  const int for_job = spin && threads == 0;
  if (for_job)
    fnn_sleep_off_cpu(atomic_load_explicit(&team.cpu[0], memory_order_relaxed));
  mutex_lock(&team.mutex);
  atomic_fetch_add(&team.sleepers, 1);
  while ((now = atomic_load(word)) == seen)
    condition_wait(&team.changed, &team.mutex);
  atomic_fetch_sub(&team.sleepers, 1);
  mutex_unlock(&team.mutex);
  if (for_job)
    fnn_awake();
  if (spin)
    find_a_place(threads);
  return now;
}

/* Changes *word and wakes who sleeps.  A waiter counts itself before it looks at the
 * word a last time, and this looks at the count after changing the word: one of the two
 * sees the other. */
static void change(atomic_uint_fast64_t *word, uint64_t value) {
  atomic_store(word, value);
  if (atomic_load(&team.sleepers) > 0) {
    mutex_lock(&team.mutex);
    condition_broadcast(&team.changed);
    mutex_unlock(&team.mutex);
  }
}

void fnn_team_barrier(int threads) {
  if (threads == 1)
    return;
  const uint64_t seen = atomic_load_explicit(&team.barrier, memory_order_acquire);
  if (atomic_fetch_add(&team.arrived, 1) == threads - 1) {
    atomic_store_explicit(&team.arrived, 0, memory_order_relaxed);
    change(&team.barrier, seen + 1);
  } else {
    wait_for_change(&team.barrier, seen, threads);
  }
}

static THREAD_RESULT worker(void *argument) {
  uint64_t seen = 0;
  number = (int)(intptr_t)argument;
  for (;;) {
    seen = wait_for_change(&team.job, seen, 0);
    const int threads = THREADS_OF(seen);
    if (threads == 0)
      return THREAD_DONE;
    if (number < threads) {
      if (team.spin)
        find_a_place(threads);
      team.work(team.context, number, threads);
      if (atomic_fetch_sub(&team.running, 1) == 1)
        change(&team.finished, atomic_load(&team.finished) + 1);
    }
  }
}

static void publish(int threads) {
  const uint64_t number = atomic_load(&team.job) >> 16;
  change(&team.job, (number + 1) << 16 | (uint64_t)threads);
}

#if !defined(_WIN32)
static void forget_team(void) {
  const team_t fresh = TEAM_INIT;
  team = fresh;
}
#endif

/* Makes workers until there are enough for `threads`; returns for how many there are. */
static int recruit(int threads) {
#if !defined(_WIN32)
  static int registered;
  if (!registered)
    registered = pthread_atfork(NULL, NULL, forget_team) == 0;
#endif
  /* A new worker may still see the last job; it was for fewer threads than the new
   * one's number, so the worker leaves it alone. */
  while (team.workers < threads - 1 &&
         thread_start(&team.threads[team.workers], worker, (void *)(intptr_t)(team.workers + 1)))
    team.workers++;
  return threads < team.workers + 1 ? threads : team.workers + 1;
}

void fnn_team_run(int threads, void (*work)(void *, int, int), void *context) {
  int free_team = 0;
  if (threads > FNN_MAX_THREADS)
    threads = FNN_MAX_THREADS;
  if (threads <= 1 || !atomic_compare_exchange_strong(&team.busy, &free_team, 1)) {
    work(context, 0, 1);
    return;
  }
  threads = recruit(threads);
  if (threads == 1) {
    atomic_store(&team.busy, 0);
    work(context, 0, 1);
    return;
  }
  team.spin = threads <= fnn_cpus();
  team.work = work;
  team.context = context;
  atomic_store(&team.running, threads - 1);
  const uint64_t finished = atomic_load(&team.finished);
  atomic_store_explicit(&team.cpu[0], fnn_my_cpu(), memory_order_relaxed);
  publish(threads);
  work(context, 0, threads);
  wait_for_change(&team.finished, finished, threads);
  atomic_store(&team.busy, 0);
}

int32_t fnn_team_size(void) { return atomic_load(&team.workers); }

void fnn_team_stop(void) {
  int free_team = 0;
  if (!atomic_compare_exchange_strong(&team.busy, &free_team, 1))
    return;
  publish(0);
  for (int i = 0; i < team.workers; i++)
    thread_join(team.threads[i]);
  team.workers = 0;
  atomic_store(&team.job, 0);
  atomic_store(&team.busy, 0);
}
