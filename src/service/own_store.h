// SPDX-License-Identifier: Apache-2.0
//
// The store that a service owns: where it is, the outbox in it, how both are, and what was deleted from it.
//
// Threads: open on the main one; check and sweep from any but the event loop's, since they wait for the store.
#ifndef VIVA_SERVICE_OWN_STORE_H
#define VIVA_SERVICE_OWN_STORE_H

#include <stdatomic.h>

#include "bus/outbox.h"
#include "service/service.h"
#include "store/store.h"

// The settings of a service that has a store, --store-url and --store-connections; `what` is a literal: "Scores".
#define VIVA_OWN_STORE_OPTIONS(what)                                                                                   \
	{"store-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL", what "; default sqlite:DATA/viva.db", true},                \
		VIVA_STORE_CONNECTIONS_OPTION

// Calls `open` with the URL and the number of connections that the settings give. VIVA_EUSAGE (the data folder's path
// is too long), the errors of `open`.
VIVA_MUST_CHECK int viva_own_store_open(const struct viva_service_runtime *runtime,
					int (*open)(const char *url, size_t connections, struct viva_store **ret_store,
						    struct viva_error *error),
					struct viva_store **ret_store, struct viva_error *error);
// The outbox `service`_outbox in it, by the runtime's bus, clocks and settings (VIVA_OUTBOX_MAX_EVENTS_OPTION);
// `linger_ms` as outbox.h has it. The errors of viva_outbox_create.
VIVA_MUST_CHECK int viva_own_outbox_open(const struct viva_service_runtime *runtime, struct viva_store *store,
					 const char *service, uint32_t linger_ms, struct viva_outbox **ret_outbox);

// Adds to `detail` how store and bus are ("ok" or "down") and how many events wait in the outbox. 0, or the store's
// error: without the bus a service works all the same, and what is to be told waits in the outbox.
VIVA_MUST_CHECK int viva_own_store_check(struct viva_store *store, struct viva_outbox *outbox, struct viva_bus *bus,
					 json_t *detail, struct viva_error *error);

// Makes what was deleted unreadable in the store's files: where `deleted` > 0 rows went just now, or *needs_scrub says
// that some did before. What can't be done now is left to the next call.
void viva_own_store_sweep(struct viva_store *store, int64_t deleted, atomic_bool *needs_scrub);

#endif
