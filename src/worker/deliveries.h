// SPDX-License-Identifier: Apache-2.0
//
// The delivery log: which event is to be told to which URL, and what became of it. Workers share it: a delivery that
// one of them has leased is left alone by the others until the lease ends.
//
//              claim, 2xx
//   PENDING ───────────────▶ DELIVERED
//    │ │ │ ▲                     │
//    │ │ │ └── retry by hand ────┤
//    │ │ └────── 410 ──────▶ GONE ┤
//    │ └──── too old ─────▶ EXPIRED
//    └── session erased ──▶ ERASED: the body is gone, from any state
//
// Threads: any but the event loop's: calls block on the store. Each may give the store's errors, beside those it names.
#ifndef VIVA_WORKER_DELIVERIES_H
#define VIVA_WORKER_DELIVERIES_H

#include "store/store.h"

enum { WORKER_MAX_CLAIM = 64 };

enum worker_delivery_state {
	WORKER_DELIVERY_PENDING,
	WORKER_DELIVERY_DELIVERED,
	WORKER_DELIVERY_GONE,
	WORKER_DELIVERY_EXPIRED,
	WORKER_DELIVERY_ERASED,
	WORKER_DELIVERY_STATES
};
const char *worker_delivery_state_name(enum worker_delivery_state state);  // "pending", …

struct worker_delivery {  // times are Unix ms
	const char *id, *event_id, *session_id, *url, *state;
	const char *body;  // NULL when erased
	int64_t created_at, expires_at;
	int64_t attempts;
	int64_t last_status;     // of HTTP; 0 = none
	const char *last_error;  // "" = none
	int64_t next_at;
	int64_t leased_until;
	int64_t delivered_at;  // 0 = was not
};

// Adds a delivery that is due now; one of the same id stays as it is. Inside a transaction. The store's errors.
VIVA_MUST_CHECK int worker_delivery_add(struct viva_store_transaction *transaction,
					const struct worker_delivery *delivery, struct viva_error *error);

// Leases at most `limit` (≤ WORKER_MAX_CLAIM) due deliveries to this URL until now + lease_ms. Texts are in the arena.
VIVA_MUST_CHECK int worker_deliveries_claim(struct viva_store *store, const char *url, int64_t now_ms, int64_t lease_ms,
					    size_t limit, struct viva_arena *arena,
					    struct worker_delivery *ret_deliveries, size_t *ret_count,
					    struct viva_error *error);

struct worker_delivery_end {
	enum worker_delivery_state state;  // PENDING: is tried again at next_at
	bool was_tried;                    // counts as an attempt
	int64_t status;                    // of HTTP; 0 = no answer
	const char *error;                 // "" = none
	int64_t next_at, now_ms;
};
// Ends the lease of a claimed delivery; nothing happens when it was lost or the session erased meanwhile.
VIVA_MUST_CHECK int worker_delivery_finish(struct viva_store *store, const struct worker_delivery *delivery,
					   const struct worker_delivery_end *end, struct viva_error *error);

// Inside a transaction: what is held of a session's events is deleted, and none is sent any more.
VIVA_MUST_CHECK int worker_deliveries_erase(struct viva_store_transaction *transaction, const char *session_id,
					    int64_t now_ms, struct viva_error *error);
// Forgets, in portions, deliveries that ended before `before_ms`, and ends those that nobody delivers any more (their
// URL is no longer configured) when their time is over.
VIVA_MUST_CHECK int worker_deliveries_expire(struct viva_store *store, int64_t now_ms, int64_t before_ms,
					     struct viva_error *error);

struct worker_deliveries_pending {
	int64_t count;
	int64_t oldest_created_at;  // 0 = none
};
// What all workers still have to deliver.
VIVA_MUST_CHECK int worker_deliveries_pending(struct viva_store *store, struct worker_deliveries_pending *ret_pending,
					      struct viva_error *error);

// The latest `limit` deliveries, newest first, of one state or (NULL) of all; without their bodies.
VIVA_MUST_CHECK int worker_deliveries_list(struct viva_store *store, const char *state, int64_t limit,
					   struct viva_arena *arena, struct worker_delivery **ret_deliveries,
					   size_t *ret_count, struct viva_error *error);
// Sends one again, whatever became of it, until `expires_at`: VIVA_ENOTFOUND, VIVA_ECOMPLETED (its body is erased).
VIVA_MUST_CHECK int worker_delivery_retry(struct viva_store *store, const char *id, int64_t now_ms, int64_t expires_at,
					  struct viva_error *error);
// Sends again all that are gone or expired. *ret_count tells how many.
VIVA_MUST_CHECK int worker_deliveries_retry_failed(struct viva_store *store, int64_t now_ms, int64_t expires_at,
						   int64_t *ret_count, struct viva_error *error);

#endif
