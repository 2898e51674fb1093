/* On which CPUs threads run (places.c). */
#ifndef FASTNN_PLACES_H
#define FASTNN_PLACES_H

int fnn_cpus(void);          /* that the process may use, at least 1 */
int fnn_my_cpu(void);        /* where the calling thread is; -1 where the system does not tell */
void fnn_leave_my_cpu(void); /* the calling thread goes on on another one, if there is one */
/* The calling thread will not wake on this CPU, until it says that it is awake. */
void fnn_sleep_off_cpu(int cpu);
void fnn_awake(void);

#endif
