// SPDX-License-Identifier: Apache-2.0
//
// Reading what Consul's HTTP API answers. Nothing of it is trusted. Internal to discovery/.
//
// Threads: any; nothing blocks.
#ifndef VIVA_DISCOVERY_CONSUL_ANSWER_H
#define VIVA_DISCOVERY_CONSUL_ANSWER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

enum { CONSUL_MAX_ANSWER = 8 << 20, CONSUL_MAX_ID = 128 };

// The addresses in an answer of /v1/health/service/NAME, in the arena; at most VIVA_DISCOVERY_MAX_ADDRESSES, the rest
// is left out. An entry whose address or port is no such thing is left out and counted. VIVA_EJSON, VIVA_EBADGATEWAY
// (not such an answer at all), VIVA_ENOMEM.
VIVA_MUST_CHECK int consul_read_instances(struct viva_bytes body, struct viva_arena *arena,
					  const char *const **ret_addresses, size_t *ret_count, size_t *ret_left_out,
					  struct viva_error *error);

// The id of a service in an answer of /v1/agent/services that is not `own_id` and has this port, at `address` or at no
// address of its own: the one registered by file. "" = none. VIVA_EJSON, VIVA_EBADGATEWAY, VIVA_ENOMEM.
VIVA_MUST_CHECK int consul_read_twin(struct viva_bytes body, const char *own_id, const char *address, uint16_t port,
				     char ret_id[CONSUL_MAX_ID + 1], struct viva_error *error);

#endif
