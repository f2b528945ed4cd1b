// SPDX-License-Identifier: Apache-2.0
//
// What happens without a message: the depths of the queues and the state of deliveries are measured, what is old is
// forgotten.
//
// Threads: on the pool, one round at a time.
#ifndef VIVA_WORKER_HOUSEKEEPING_H
#define VIVA_WORKER_HOUSEKEEPING_H

#include "worker/context.h"

void worker_housekeeping_round(void *context);  // a worker_service

#endif
