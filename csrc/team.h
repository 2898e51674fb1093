/* The team of threads that a job runs on (team.c). */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

/* Calls work(context, t, T) on T <= threads threads, the caller being number 0, and
 * returns when all are done.  T is 1 when the team is busy with another caller. */
void fnn_team_run(int threads, void (*work)(void *context, int thread, int threads), void *context);

/* Waits inside `work` until all T threads are here; what was written before it is seen
 * by all after it. */
void fnn_team_barrier(int threads);

#endif
