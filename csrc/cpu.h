/* What the core asks of the machine: its kernels, its clock, its floating-point mode. */
#ifndef FASTNN_CPU_H
#define FASTNN_CPU_H

#include <stdint.h>

double fnn_seconds(void); /* monotonic */

/* Denormals to zero, round to nearest, no traps: the mode the kernels run in.  A thread
 * enters it, and leaves it with what it got, so the caller's mode is unchanged. */
uint64_t fnn_float_mode_enter(void);
void fnn_float_mode_leave(uint64_t before);

#endif
