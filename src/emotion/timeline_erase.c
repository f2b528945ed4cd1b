// SPDX-License-Identifier: Apache-2.0
#include "emotion/timeline.h"

enum { EXPIRE_ROWS = 10000 };

struct erasing {
	const char *session_id;
	int64_t until_ms;
};

static int erase(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	static const char *const statements[] = {
		"DELETE FROM emotion_frames WHERE session_id = $1",
		"DELETE FROM emotion_drops WHERE session_id = $1",
		"DELETE FROM emotion_key_frames WHERE session_id = $1",
		"DELETE FROM emotion_sessions WHERE session_id = $1",
		"DELETE FROM emotion_outbox WHERE session_id = $1",
	};
	const struct erasing *erasing = context;
	const struct viva_value values[] = {viva_value_text(erasing->session_id), viva_value_int(erasing->until_ms)};
	int code = emotion_timeline_lock(transaction, erasing->session_id, error);
	for (size_t i = 0; i < VIVA_COUNT(statements) && code == 0; i++)
		code = viva_transaction_execute(transaction, statements[i], values, 1, NULL, error);
	if (code != 0 || erasing->until_ms == 0)
		return code;
	return viva_transaction_execute(transaction,
					"INSERT INTO emotion_tombstones (session_id, until_ms) VALUES ($1, $2) "
					"ON CONFLICT (session_id) DO UPDATE SET until_ms = excluded.until_ms",
					values, VIVA_COUNT(values), NULL, error);
}

int emotion_timeline_erase(struct viva_store *store, const char *session_id, int64_t until_ms, struct viva_error *error)
{
	struct erasing erasing = {.session_id = session_id, .until_ms = until_ms};
	return viva_store_transact(store, erase, &erasing, error);
}

// In portions, so that frames need not wait for long.
static int expire_table(struct viva_store *store, const char *sql, int64_t before_ms, int64_t *deleted,
			struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_int(before_ms), viva_value_int(EXPIRE_ROWS)};
	int64_t changed = 0;
	do {
		int code = viva_store_execute(store, sql, values, VIVA_COUNT(values), &changed, error);
		if (code != 0)
			return code;
		*deleted += changed;
	} while (changed == EXPIRE_ROWS);
	return 0;
}

int emotion_timeline_expire(struct viva_store *store, int64_t before_ms, int64_t now_ms, int64_t *ret_deleted,
			    struct viva_error *error)
{
	int64_t deleted = 0, forgotten = 0;
	int code = expire_table(store,
				"DELETE FROM emotion_frames WHERE (session_id, timestamp_ms, frame_number) IN "
				"(SELECT session_id, timestamp_ms, frame_number FROM emotion_frames "
				"WHERE recorded_at < $1 LIMIT $2)",
				before_ms, &deleted, error);
	if (code == 0)
		code = expire_table(store,
				    "DELETE FROM emotion_drops WHERE (session_id, frame_number, timestamp_ms) IN "
				    "(SELECT session_id, frame_number, timestamp_ms FROM emotion_drops "
				    "WHERE recorded_at < $1 LIMIT $2)",
				    before_ms, &deleted, error);
	if (code == 0)
		code = expire_table(store,
				    "DELETE FROM emotion_key_frames WHERE (session_id, timestamp_ms, frame_number) IN "
				    "(SELECT session_id, timestamp_ms, frame_number FROM emotion_key_frames "
				    "WHERE recorded_at < $1 LIMIT $2)",
				    before_ms, &deleted, error);
	if (code == 0)
		code = expire_table(store,
				    "DELETE FROM emotion_sessions WHERE session_id IN "
				    "(SELECT session_id FROM emotion_sessions WHERE updated_at < $1 LIMIT $2)",
				    before_ms, &deleted, error);
	if (code == 0)
		code = expire_table(store,
				    "DELETE FROM emotion_tombstones WHERE session_id IN "
				    "(SELECT session_id FROM emotion_tombstones WHERE until_ms <= $1 LIMIT $2)",
				    now_ms, &forgotten, error);
	if (code == 0)
		*ret_deleted = deleted;
	return code;
}
