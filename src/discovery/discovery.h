// SPDX-License-Identifier: Apache-2.0
//
// Where the instances of a service are.
//
// Threads: any; nothing blocks.
#ifndef VIVA_DISCOVERY_H
#define VIVA_DISCOVERY_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_discovery;

// "static:" = the default ports on 127.0.0.1; "static:emotion=h1:p1,h2:p2;scoring=h3:p3" names some or all.
// VIVA_EUSAGE names the part that can't be read.
VIVA_MUST_CHECK int viva_discovery_open(const char *url, struct viva_discovery **ret_discovery,
					struct viva_error *error);
struct viva_discovery *viva_discovery_destroy(struct viva_discovery *discovery);
VIVA_DEFINE_AUTO(viva_discovery)

// The addresses ("host:port") of `service` ("emotion") now, in the arena. VIVA_EUNAVAILABLE when there are none.
VIVA_MUST_CHECK int viva_discovery_addresses(struct viva_discovery *discovery, const char *service,
					     struct viva_arena *arena, const char *const **ret_addresses,
					     size_t *ret_count, struct viva_error *error);

#endif
