// SPDX-License-Identifier: Apache-2.0
//
// What a backend of discovery does, and the table of known addresses that all share. Internal to discovery/.
//
// Threads: any, except where stated.
#ifndef VIVA_DISCOVERY_BACKEND_H
#define VIVA_DISCOVERY_BACKEND_H

#include <pthread.h>

#include "discovery/discovery.h"

enum { DISCOVERY_MAX_SERVICES = 16, DISCOVERY_MAX_WATCHES = 64, DISCOVERY_MAX_NAME = 32 };

struct discovery_backend {
	const char *scheme;  // "consul:"
	bool is_dynamic;
	// Makes the object whose first member is a struct viva_discovery, set up by discovery_init. *error has only the
	// sentence about what follows the scheme.
	int (*open)(const struct viva_discovery_options *options, struct viva_discovery **ret_discovery,
		    struct viva_error *error);
	void (*destroy)(struct viva_discovery *discovery);
	// The rest may be NULL. A service has been added to the table: it is wanted from now on. Must not block.
	void (*follow)(struct viva_discovery *discovery);
	// Blocks until the service was asked for once, whatever came of it, at most for a moment.
	void (*await)(struct viva_discovery *discovery, size_t index);
	int (*enroll)(struct viva_discovery *discovery, const struct viva_discovery_instance *instance,
		      struct viva_error *error);
	int (*withdraw)(struct viva_discovery *discovery, uint32_t timeout_ms, struct viva_error *error);
};

extern const struct discovery_backend discovery_static, discovery_consul;

// The addresses of a service at one time: immutable, in one piece of memory, shared by reference.
struct discovery_list;

struct discovery_service {
	char name[DISCOVERY_MAX_NAME + 1];
	struct discovery_list *list;  // NULL = not known yet
};

struct viva_discovery {
	const struct discovery_backend *backend;
	pthread_mutex_t mutex;  // guards the table; held for moments only
	struct discovery_service services[DISCOVERY_MAX_SERVICES];
	size_t service_count;    // only grows
	pthread_mutex_t notify;  // held while watches are told; taken before `mutex`; guards the watches
	struct viva_discovery_watch *watches;
	size_t watch_count;
};

void discovery_init(struct viva_discovery *discovery, const struct discovery_backend *backend);
void discovery_finish(struct viva_discovery *discovery);

// The number of the service, added if need be (*ret_is_new). VIVA_ELIMIT, VIVA_EINVAL (no name).
VIVA_MUST_CHECK int discovery_find_or_add(struct viva_discovery *discovery, const char *service, size_t *ret_index,
					  bool *ret_is_new);
// Replaces what is known of a service and tells the watches if it differs. Addresses are sorted and stripped of doubles
// on the way; none or too many are the caller's business (1 … VIVA_DISCOVERY_MAX_ADDRESSES). *ret_is_changed may be
// NULL. VIVA_ENOMEM: the old ones stay.
VIVA_MUST_CHECK int discovery_set(struct viva_discovery *discovery, size_t index, const char *const *addresses,
				  size_t count, bool *ret_is_changed);

#endif
