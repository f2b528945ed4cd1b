// SPDX-License-Identifier: Apache-2.0
#include "worker/deliveries.h"

#include <string.h>

enum { EXPIRE_ROWS = 500 };

#define COLUMNS                                                                                                        \
	"id, event_id, session_id, url, state, created_at, expires_at, attempts, last_status, last_error, next_at,"    \
	" leased_until, delivered_at"

static const char *const STATES[WORKER_DELIVERY_STATES] = {
	[WORKER_DELIVERY_PENDING] = "pending", [WORKER_DELIVERY_DELIVERED] = "delivered",
	[WORKER_DELIVERY_GONE] = "gone",       [WORKER_DELIVERY_EXPIRED] = "expired",
	[WORKER_DELIVERY_ERASED] = "erased",
};

const char *worker_delivery_state_name(enum worker_delivery_state state)
{
	return STATES[state];
}

static void read_row(const struct viva_rows *rows, size_t row, struct worker_delivery *ret_delivery)
{
	*ret_delivery = (struct worker_delivery){
		.id = viva_rows_text(rows, row, 0),
		.event_id = viva_rows_text(rows, row, 1),
		.session_id = viva_rows_text(rows, row, 2),
		.url = viva_rows_text(rows, row, 3),
		.state = viva_rows_text(rows, row, 4),
		.created_at = viva_rows_int(rows, row, 5),
		.expires_at = viva_rows_int(rows, row, 6),
		.attempts = viva_rows_int(rows, row, 7),
		.last_status = viva_rows_int(rows, row, 8),
		.last_error = viva_rows_text(rows, row, 9),
		.next_at = viva_rows_int(rows, row, 10),
		.leased_until = viva_rows_int(rows, row, 11),
		.delivered_at = viva_rows_int(rows, row, 12),
		.body = viva_rows_text(rows, row, 13),
	};
}

int worker_delivery_add(struct viva_store_transaction *transaction, const struct worker_delivery *delivery,
			struct viva_error *error)
{
	const struct viva_value values[] = {
		viva_value_text(delivery->id),         viva_value_text(delivery->event_id),
		viva_value_text(delivery->session_id), viva_value_text(delivery->url),
		viva_value_text(delivery->body),       viva_value_int(delivery->created_at),
		viva_value_int(delivery->expires_at),
	};
	return viva_transaction_execute(
		transaction,
		"INSERT INTO worker_deliveries (id, event_id, type, session_id, url, body, state, created_at,"
		" expires_at, attempts, last_status, last_error, next_at, leased_until, updated_at)"
		" VALUES ($1, $2, 'ScoreCalculated', $3, $4, $5, 'pending', $6, $7, 0, 0, '', $6, 0, $6)"
		" ON CONFLICT (id) DO NOTHING",
		values, VIVA_COUNT(values), NULL, error);
}

// ---- leases

struct claim {
	const char *url;
	int64_t now_ms, lease_ms;
	size_t limit;
	struct viva_arena *arena;
	struct worker_delivery *deliveries;
	size_t count;
};

static int find_due(const struct claim *claim, struct viva_store *store, struct viva_rows *ret_rows,
		    struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(claim->url), viva_value_int(claim->now_ms),
					    viva_value_int((int64_t)claim->limit)};
	return viva_store_query(store, claim->arena,
				"SELECT " COLUMNS ", body FROM worker_deliveries WHERE state = 'pending' AND url = $1"
				" AND next_at <= $2 AND leased_until <= $2 ORDER BY next_at LIMIT $3",
				values, VIVA_COUNT(values), ret_rows, error);
}

// What another worker leased since it was found stays his.
static int lease(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct claim *claim = context;
	size_t leased = 0;
	for (size_t i = 0; i < claim->count; i++) {
		struct worker_delivery *delivery = &claim->deliveries[i];
		int64_t until = claim->now_ms + claim->lease_ms, changed = 0;
		const struct viva_value values[] = {viva_value_int(until), viva_value_text(delivery->id),
						    viva_value_int(claim->now_ms)};
		int status = viva_transaction_execute(transaction,
						      "UPDATE worker_deliveries SET leased_until = $1 WHERE id = $2"
						      " AND state = 'pending' AND next_at <= $3 AND leased_until <= $3",
						      values, VIVA_COUNT(values), &changed, error);
		if (status)
			return status;
		delivery->leased_until = changed > 0 ? until : 0;
		leased += changed > 0;
	}
	return leased > 0 ? 0 : VIVA_ECONFLICT;  // nothing to commit
}

int worker_deliveries_claim(struct viva_store *store, const char *url, int64_t now_ms, int64_t lease_ms, size_t limit,
			    struct viva_arena *arena, struct worker_delivery *ret_deliveries, size_t *ret_count,
			    struct viva_error *error)
{
	struct worker_delivery found[WORKER_MAX_CLAIM];
	struct claim claim = {.url = url,
			      .now_ms = now_ms,
			      .lease_ms = lease_ms,
			      .limit = VIVA_MIN(limit, (size_t)WORKER_MAX_CLAIM),
			      .arena = arena,
			      .deliveries = found};
	struct viva_rows rows;
	*ret_count = 0;
	int status = find_due(&claim, store, &rows, error);
	if (status || rows.row_count == 0)
		return status;
	claim.count = rows.row_count;
	for (size_t i = 0; i < claim.count; i++)
		read_row(&rows, i, &found[i]);
	status = viva_store_transact(store, lease, &claim, error);
	if (status)
		return status == VIVA_ECONFLICT ? 0 : status;
	for (size_t i = 0; i < claim.count; i++)
		if (found[i].leased_until > 0)
			ret_deliveries[(*ret_count)++] = found[i];
	return 0;
}

int worker_delivery_finish(struct viva_store *store, const struct worker_delivery *delivery,
			   const struct worker_delivery_end *end, struct viva_error *error)
{
	bool is_delivered = end->state == WORKER_DELIVERY_DELIVERED;
	const struct viva_value values[] = {
		viva_value_text(STATES[end->state]),
		viva_value_int(end->was_tried),
		viva_value_int(end->was_tried ? end->status : delivery->last_status),
		viva_value_text(end->was_tried ? end->error : delivery->last_error),
		viva_value_int(end->next_at),
		viva_value_int(end->now_ms),
		is_delivered ? viva_value_int(end->now_ms) : viva_value_null(),
		viva_value_text(delivery->id),
		viva_value_int(delivery->leased_until),
	};
	return viva_store_execute(store,
				  "UPDATE worker_deliveries SET state = $1, attempts = attempts + $2, last_status = $3,"
				  " last_error = $4, next_at = $5, updated_at = $6, delivered_at = $7,"
				  " leased_until = 0 WHERE id = $8 AND leased_until = $9 AND state = 'pending'",
				  values, VIVA_COUNT(values), NULL, error);
}

// ---- ends

int worker_deliveries_erase(struct viva_store_transaction *transaction, const char *session_id, int64_t now_ms,
			    struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(now_ms)};
	return viva_transaction_execute(transaction,
					"UPDATE worker_deliveries SET body = NULL, state = 'erased', leased_until = 0,"
					" updated_at = $2 WHERE session_id = $1 AND state <> 'erased'",
					values, VIVA_COUNT(values), NULL, error);
}

int worker_deliveries_expire(struct viva_store *store, int64_t now_ms, int64_t before_ms, struct viva_error *error)
{
	const struct viva_value now[] = {viva_value_int(now_ms)};
	int status = viva_store_execute(store,
					"UPDATE worker_deliveries SET state = 'expired', updated_at = $1"
					" WHERE state = 'pending' AND expires_at <= $1 AND leased_until <= $1",
					now, VIVA_COUNT(now), NULL, error);
	const struct viva_value values[] = {viva_value_int(before_ms), viva_value_int(EXPIRE_ROWS)};
	int64_t changed = EXPIRE_ROWS;
	while (!status && changed == EXPIRE_ROWS)
		status =
			viva_store_execute(store,
					   "DELETE FROM worker_deliveries WHERE id IN (SELECT id FROM worker_deliveries"
					   " WHERE state <> 'pending' AND updated_at < $1 LIMIT $2)",
					   values, VIVA_COUNT(values), &changed, error);
	return status;
}

int worker_deliveries_pending(struct viva_store *store, struct worker_deliveries_pending *ret_pending,
			      struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	struct viva_rows rows;
	int status = viva_store_query(store, arena,
				      "SELECT COUNT(*), MIN(created_at) FROM worker_deliveries WHERE state = 'pending'",
				      NULL, 0, &rows, error);
	if (!status)
		*ret_pending = (struct worker_deliveries_pending){.count = viva_rows_int(&rows, 0, 0),
								  .oldest_created_at = viva_rows_int(&rows, 0, 1)};
	return status;
}

// ---- by hand

int worker_deliveries_list(struct viva_store *store, const char *state, int64_t limit, struct viva_arena *arena,
			   struct worker_delivery **ret_deliveries, size_t *ret_count, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_int(limit), viva_value_text(state)};
	struct viva_rows rows;
	int status = state ? viva_store_query(store, arena,
					      "SELECT " COLUMNS ", NULL FROM worker_deliveries WHERE state = $2"
					      " ORDER BY created_at DESC, id LIMIT $1",
					      values, 2, &rows, error)
			   : viva_store_query(store, arena,
					      "SELECT " COLUMNS
					      " FROM worker_deliveries ORDER BY created_at DESC, id LIMIT $1",
					      values, 1, &rows, error);
	if (status)
		return status;
	struct worker_delivery *deliveries = viva_arena_alloc(arena, (rows.row_count + 1) * sizeof *deliveries);
	if (!deliveries)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the deliveries");
	for (size_t i = 0; i < rows.row_count; i++)
		read_row(&rows, i, &deliveries[i]);
	*ret_deliveries = deliveries;
	*ret_count = rows.row_count;
	return 0;
}

#define SEND_AGAIN                                                                                                     \
	"UPDATE worker_deliveries SET state = 'pending', attempts = 0, next_at = $1, updated_at = $1, expires_at = $2" \
	" WHERE body IS NOT NULL"

int worker_delivery_retry(struct viva_store *store, const char *id, int64_t now_ms, int64_t expires_at,
			  struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_int(now_ms), viva_value_int(expires_at), viva_value_text(id)};
	int64_t changed = 0;
	int status = viva_store_execute(store, SEND_AGAIN " AND id = $3", values, VIVA_COUNT(values), &changed, error);
	if (status || changed > 0)
		return status;
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	struct viva_rows rows;
	status = viva_store_query(store, arena, "SELECT 1 FROM worker_deliveries WHERE id = $1", &values[2], 1, &rows,
				  error);
	if (status)
		return status;
	if (rows.row_count == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "there is no delivery %.64s", id);
	return viva_fail(error, VIVA_ECOMPLETED, NULL, "the interview of delivery %.64s was erased", id);
}

int worker_deliveries_retry_failed(struct viva_store *store, int64_t now_ms, int64_t expires_at, int64_t *ret_count,
				   struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_int(now_ms), viva_value_int(expires_at)};
	return viva_store_execute(store, SEND_AGAIN " AND state IN ('gone', 'expired')", values, VIVA_COUNT(values),
				  ret_count, error);
}
