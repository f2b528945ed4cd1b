// SPDX-License-Identifier: Apache-2.0
//
// How an instance is made known to others, and taken out before it stops.
//
// Threads: the loop's, or the main thread before the loop runs.
#ifndef VIVA_SERVICE_PRESENCE_H
#define VIVA_SERVICE_PRESENCE_H

#include "service/service.h"

struct viva_presence;

// Registers the service as listening on `port`; with static discovery nothing is registered. `is_working`: whether its
// health check is good now. `runtime` is borrowed. VIVA_EUSAGE (an address that can't be told), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_presence_create(const struct viva_service *service, const struct viva_service_runtime *runtime,
					 uint16_t port, bool is_working, struct viva_presence **ret_presence,
					 struct viva_error *error);
// Once: deregisters, waits --leave-ms for others to notice, then calls on_left(context) on the loop. With static
// discovery it is called before this returns.
void viva_presence_leave(struct viva_presence *presence, void (*on_left)(void *context), void *context);
struct viva_presence *viva_presence_destroy(struct viva_presence *presence);  // after the pool is gone. NULL is fine.

#endif
