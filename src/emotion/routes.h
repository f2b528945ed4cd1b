// SPDX-License-Identifier: Apache-2.0
//
// The REST routes under /api/v1/emotions.
//
// Threads: constants of the program.
#ifndef VIVA_EMOTION_ROUTES_H
#define VIVA_EMOTION_ROUTES_H

#include <stddef.h>

#include "net/http_server.h"

extern const struct viva_http_route emotion_routes[];
extern const size_t emotion_route_count;

#endif
