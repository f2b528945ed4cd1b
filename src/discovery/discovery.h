// SPDX-License-Identifier: Apache-2.0
//
// Where the instances of a service are, and how others learn where this one is.
//
//   static:                                     the platform's default ports on this machine
//   static:emotion=h1:p1,h2:p2;scoring=h3:p3    names some services or all; nothing ever changes
//   consul://HOST[:PORT][?MEMBER=VALUE&…]       a Consul agent. Members: tls=on (https, default port 8501 instead of
//                                               8500), ca-file=PATH, token=TEXT, dc=NAME, stale=off
//
// Consul's services are NAME-service ("emotion-service"). They are followed by blocking queries on the passing
// instances. What was known last goes on serving while Consul can't be asked, and also when it says that no instance
// passes: calls to instances that are really gone fail just as calls to nobody would, and a Consul that lost its data,
// or checks that fail for everybody at once, take nothing down (docs/decisions/0009-discovery.md).
//
// Threads: any. addresses doesn't block; what may block says so.
#ifndef VIVA_DISCOVERY_H
#define VIVA_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_discovery;

enum { VIVA_DISCOVERY_MAX_ADDRESSES = 256 };  // of one service; more are left out, with a warning

struct viva_discovery_options {
	const char *url;                 // a secret, as it may hold a token
	const char *token;               // Consul's ACL token; wins over the URL's. Default NULL = none.
	const struct viva_clock *clock;  // borrowed. Default the system's.
	struct viva_random *random;      // borrowed. Default the system's.
};

struct viva_discovery_options viva_discovery_defaults(const char *url);
// VIVA_EUSAGE names the part that can't be read (never a token). Consul need not be there yet. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_discovery_open_with(const struct viva_discovery_options *options,
					     struct viva_discovery **ret_discovery, struct viva_error *error);
VIVA_MUST_CHECK int viva_discovery_open(const char *url, struct viva_discovery **ret_discovery,
					struct viva_error *error);
// After the last watch ended. An instance that is still registered stays so. NULL is fine. Always NULL.
struct viva_discovery *viva_discovery_destroy(struct viva_discovery *discovery);
VIVA_DEFINE_AUTO(viva_discovery)

// Whether addresses can change while the process lives (not with static:).
bool viva_discovery_is_dynamic(const struct viva_discovery *discovery);

// The addresses ("host:port", sorted, each once) of `service` ("emotion") known now, in the arena. VIVA_EUNAVAILABLE
// when there are none; a dynamic discovery follows the service from then on.
VIVA_MUST_CHECK int viva_discovery_addresses(struct viva_discovery *discovery, const char *service,
					     struct viva_arena *arena, const char *const **ret_addresses,
					     size_t *ret_count, struct viva_error *error);

// Hears of all addresses of a service each time they change; never of an empty list. Runs on discovery's thread, one
// call at a time; may block for a moment, but must not end a watch.
typedef void viva_discovery_on_change(void *context, const char *service, const char *const *addresses, size_t count);

struct viva_discovery_watch;

// Follows a service. What is known is told before this returns, on the caller's thread; a service asked for the first
// time is waited for, at most 2 seconds. VIVA_ELIMIT (16 services, 64 watches), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_discovery_watch(struct viva_discovery *discovery, const char *service,
					 viva_discovery_on_change *on_change, void *context,
					 struct viva_discovery_watch **ret_watch, struct viva_error *error);
// Waits for a call of on_change in progress; none comes afterwards. NULL is fine. Always NULL.
struct viva_discovery_watch *viva_discovery_watch_end(struct viva_discovery_watch *watch);

enum viva_discovery_check { VIVA_DISCOVERY_CHECK_HTTP, VIVA_DISCOVERY_CHECK_HTTPS, VIVA_DISCOVERY_CHECK_GRPC };

// What others are told of this process.
struct viva_discovery_instance {
	const char *service;  // "emotion"
	const char *address;  // host where it can be reached; "" = the Consul agent's own
	uint16_t port;
	const char *const *tags;
	size_t tag_count;
	enum viva_discovery_check check;  // HTTP: GET /health; every 10 s, within 2 s (reference design §6)
	bool is_working;                  // passes from the start; else from its first check on
};

// Registers in the background, again whenever the agent has forgotten, until deregister. Copied. Once. Where the agent
// has the service at this address and port from a file (deploy/consul), that registration is used instead of a second
// one. With static: nothing happens. VIVA_ENOMEM, VIVA_EINVAL.
VIVA_MUST_CHECK int viva_discovery_register(struct viva_discovery *discovery,
					    const struct viva_discovery_instance *instance, struct viva_error *error);
// Takes this instance out (one registered by file: into maintenance). Blocks until the agent has answered, at most
// timeout_ms: VIVA_EUNAVAILABLE then, or what went wrong. Nothing registered is fine.
VIVA_MUST_CHECK int viva_discovery_deregister(struct viva_discovery *discovery, uint32_t timeout_ms,
					      struct viva_error *error);

#endif
