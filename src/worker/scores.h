// SPDX-License-Identifier: Apache-2.0
//
// Calculated scores: each becomes a delivery to each configured URL, in one transaction, and is then told by
// webhooks.h.
//
// Threads: on_delivery on the consumer's thread, for which it blocks on the store.
#ifndef VIVA_WORKER_SCORES_H
#define VIVA_WORKER_SCORES_H

#include "worker/context.h"

void worker_scores_on_delivery(struct viva_bus_delivery *delivery, void *context);  // a worker_service

#endif
