// SPDX-License-Identifier: Apache-2.0
//
// Chooses among the instances of one service for each call, and leaves out the one that keeps failing.
//
//   round_robin    one after another
//   least_loaded   fewest calls in flight; equals one after another
//
// A new instance is used once it is ready (a connection stands); one that is gone from the list gets no call from the
// moment on that another is ready, and lives until its last call has ended. An instance that fails several times in a
// row is left out for a while, longer each time, but never more than half of them, so never the last one (outlier
// detection as in gRFC A50, by failures in a row).
//
// Threads: any; nothing blocks.
#ifndef VIVA_RESILIENCE_BALANCER_H
#define VIVA_RESILIENCE_BALANCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_balancer;
struct viva_member;  // one instance

enum viva_balancing { VIVA_BALANCING_ROUND_ROBIN, VIVA_BALANCING_LEAST_LOADED };
// Their names as those of a setting (VIVA_OPTION_CHOICE of base/config.h), in the same order.
#define VIVA_BALANCING_CHOICES "round_robin|least_loaded"

enum viva_readiness { VIVA_MEMBER_FAILING, VIVA_MEMBER_CONNECTING, VIVA_MEMBER_READY };

// What its owner keeps for each member, such as a connection. Called under the balancer's lock: must not block, and not
// come back to it.
struct viva_member_hooks {
	int (*create)(void *owner, const char *address, void **ret_context);
	void (*destroy)(void *owner, void *context);  // after the member's last call
	enum viva_readiness (*readiness)(void *context);
};

struct viva_balancer_options {
	const char *target;  // the service's name, for metrics, log and errors; borrowed for ever
	enum viva_balancing balancing;
	uint32_t max_failures_in_a_row;         // that many leave a member out; 0 = never. Default 5.
	uint32_t ejection_ms;                   // the first time; doubles each time. > 0. Default 10,000.
	uint32_t max_ejection_ms;               // Default 60,000.
	uint32_t max_connecting_ms;             // how long old members are used for want of ready ones. Default 5,000.
	const struct viva_member_hooks *hooks;  // borrowed. Default NULL: nothing kept, always ready.
	void *owner;
	const struct viva_clock *clock;  // borrowed. Default the system's.
};

struct viva_balancer_options viva_balancer_defaults(const char *target);
// VIVA_EINVAL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_balancer_create(const struct viva_balancer_options *options,
					 struct viva_balancer **ret_balancer);
struct viva_balancer *viva_balancer_destroy(struct viva_balancer *balancer);  // after the last call ended
VIVA_DEFINE_AUTO(viva_balancer)

// Takes over balancing and the limits of leaving members out (max_failures_in_a_row, ejection_ms, max_ejection_ms).
// VIVA_EINVAL: nothing has changed.
VIVA_MUST_CHECK int viva_balancer_tune(struct viva_balancer *balancer, const struct viva_balancer_options *options);

enum { VIVA_BALANCER_MAX_MEMBERS = 256 };

// These are the instances from now on; members that were there stay as they are. None at all is fine. VIVA_ELIMIT (more
// than 256), VIVA_EINVAL (the create hook doesn't take an address), VIVA_ENOMEM; then nothing changed.
VIVA_MUST_CHECK int viva_balancer_set(struct viva_balancer *balancer, const char *const *addresses, size_t count);
size_t viva_balancer_count(struct viva_balancer *balancer);

// Chooses a member for one call, but none of the `avoided` ones (those that the same call has failed at; may be NULL).
// VIVA_EUNAVAILABLE: there is none.
VIVA_MUST_CHECK int viva_balancer_begin(struct viva_balancer *balancer, struct viva_member *const *avoided,
					size_t avoided_count, struct viva_member **ret_member);
// The call has ended with 0 or its error. Only what counts for a breaker counts against the member, except overload,
// which says that the member works and is busy.
void viva_balancer_end(struct viva_balancer *balancer, struct viva_member *member, int code);

const char *viva_member_address(const struct viva_member *member);  // between begin and end
void *viva_member_context(const struct viva_member *member);        // what the create hook made

#endif
