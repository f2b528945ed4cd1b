// SPDX-License-Identifier: Apache-2.0
//
// Erased interviews: what the worker holds of them is deleted, and remembered only is that they were erased, so that
// messages that are still on their way have no effect.
//
// Threads: on_delivery on the consumer's thread, for which it blocks on the store.
#ifndef VIVA_WORKER_ERASURES_H
#define VIVA_WORKER_ERASURES_H

#include "worker/context.h"

void worker_erasures_on_delivery(struct viva_bus_delivery *delivery, void *context);  // a worker_service

#endif
