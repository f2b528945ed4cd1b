// SPDX-License-Identifier: Apache-2.0
//
// REST of the scoring service, under /api/v1/scores; the context is the struct scoring_service.
//
// Threads: handlers run on the worker pool.
#ifndef VIVA_SCORING_ROUTES_H
#define VIVA_SCORING_ROUTES_H

#include "net/http_server.h"

extern const struct viva_http_route scoring_routes[];
extern const size_t scoring_route_count;

#endif
