// SPDX-License-Identifier: Apache-2.0
//
// The inbox: which messages a service has dealt with, so that one delivered twice has its effect once. For effects that
// have no natural key of their own; where there is one (a session's frame number), its uniqueness does as well.
//
// Threads: any but the event loop's.
#ifndef VIVA_BUS_INBOX_H
#define VIVA_BUS_INBOX_H

#include "store/store.h"

// A migration of the service that has an inbox; `service` is a literal.
#define VIVA_INBOX_SCHEMA(service)                                                                                     \
	"CREATE TABLE " service "_inbox (message_id TEXT PRIMARY KEY, received_at BIGINT NOT NULL);"                   \
	"CREATE INDEX " service "_inbox_by_age ON " service "_inbox (received_at);"

struct viva_inbox {
	char accept_sql[160];
	char expire_sql[256];
};

// For the table of `service` (at most 32 characters); keep it where it is while the store is open.
void viva_inbox_init(struct viva_inbox *inbox, const char *service);
// Inside the transaction that has the effect: notes the message. *ret_is_new is false when it was noted before; then
// nothing must be done but acknowledge it. The store's errors.
VIVA_MUST_CHECK int viva_inbox_accept(const struct viva_inbox *inbox, struct viva_store_transaction *transaction,
				      const char *message_id, int64_t now_ms, bool *ret_is_new,
				      struct viva_error *error);
// Forgets, in portions, what was received before `before_ms`. The store's errors.
VIVA_MUST_CHECK int viva_inbox_expire(const struct viva_inbox *inbox, struct viva_store *store, int64_t before_ms,
				      struct viva_error *error);

#endif
