/* On which CPUs threads run (places.c). */
#ifndef FASTNN_PLACES_H
#define FASTNN_PLACES_H

int fnn_cpus(void);          /* that the process may use, at least 1 */
int fnn_my_cpu(void);        /* where the calling thread is; -1 where the system does not tell */
void fnn_leave_my_cpu(void); /* the calling thread goes on on another one, if there is one */

#endif
