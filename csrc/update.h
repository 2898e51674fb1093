/* What an optimizer's step needs to know before it sees a gradient (update.c). */
#ifndef FASTNN_UPDATE_H
#define FASTNN_UPDATE_H

#include "table.h"

/* Fills c[] for the step after `now` with learning rate lr; returns the state after it. */
fnn_optimizer_state fnn_update_constants(fnn_optimizer_state now, double lr,
                                         const double *hyperparameters, double c[8]);

#endif
