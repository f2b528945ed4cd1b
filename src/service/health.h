// SPDX-License-Identifier: Apache-2.0
//
// /health, /health/live, /health/ready and /metrics of a process, and gRPC's health that follows them.
//
// Threads: start and stop on the main thread; check_now on a worker; the rest any.
#ifndef VIVA_SERVICE_HEALTH_H
#define VIVA_SERVICE_HEALTH_H

#include <stdbool.h>

#include "net/http_server.h"
#include "service/service.h"

// One process runs one service: from here on the health routes speak for it. All borrowed until the process ends.
void viva_health_start(const struct viva_service *service, void *state, const struct viva_clock *clock);
// From now on the process is not ready, though alive: it drains.
void viva_health_set_draining(void);
// Whether the service can work now, as its check() says; false while draining.
bool viva_health_check_now(void);

extern const struct viva_http_route viva_health_routes[];
extern const size_t viva_health_route_count;

#endif
