// SPDX-License-Identifier: Apache-2.0
#include "emotion/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { MAX_PLACE = 48, EXPIRE_ROWS = 10000 };

static const struct viva_migration migrations[] = {
	{1, "CREATE TABLE emotion_frames ("
	    " session_id TEXT NOT NULL,"
	    " timestamp_ms BIGINT NOT NULL,"
	    " frame_number BIGINT NOT NULL,"
	    " has_face BIGINT NOT NULL,"
	    " emotion TEXT NOT NULL,"
	    " confidence DOUBLE PRECISION NOT NULL,"
	    " blink_count BIGINT NOT NULL,"
	    " recorded_at BIGINT NOT NULL,"
	    " PRIMARY KEY (session_id, timestamp_ms, frame_number));"
	    "CREATE INDEX emotion_frames_by_age ON emotion_frames (recorded_at);"
	    "CREATE TABLE emotion_sessions ("
	    " session_id TEXT PRIMARY KEY,"
	    " last_ms BIGINT NOT NULL,"
	    " state BYTEA NOT NULL,"
	    " updated_at BIGINT NOT NULL);"
	    "CREATE INDEX emotion_sessions_by_age ON emotion_sessions (updated_at);"},
};

int emotion_timeline_open(const char *url, struct viva_store **ret_store, struct viva_error *error)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = url;
	options.service = "emotion";
	options.migrations = migrations;
	options.migration_count = VIVA_COUNT(migrations);
	// A frame lost with the machine's power is no loss that waiting for the disk on each frame would be worth.
	options.durability = VIVA_DURABLE_CRASH;
	return viva_store_open(&options, ret_store, error);
}

struct addition {
	const struct emotion_timeline_frame *frame;  // NULL = only the state
	const char *session_id;
	int64_t last_ms;  // of the state
	struct viva_bytes state;
	int64_t now_ms;
};

static int insert_frame(struct viva_store_transaction *transaction, const struct addition *addition,
			struct viva_error *error)
{
	const struct emotion_timeline_frame *frame = addition->frame;
	const struct viva_value values[] = {
		viva_value_text(addition->session_id), viva_value_int(frame->timestamp_ms),
		viva_value_int(frame->frame_number),   viva_value_int(frame->has_face),
		viva_value_text(frame->emotion),       viva_value_real((double)frame->confidence),
		viva_value_int(frame->blink_count),    viva_value_int(addition->now_ms),
	};
	return viva_transaction_execute(transaction,
					"INSERT INTO emotion_frames (session_id, timestamp_ms, frame_number, has_face, "
					"emotion, confidence, blink_count, recorded_at) "
					"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
					values, VIVA_COUNT(values), NULL, error);
}

static int upsert_state(struct viva_store_transaction *transaction, const struct addition *addition,
			struct viva_error *error)
{
	const struct viva_value values[] = {
		viva_value_text(addition->session_id),
		viva_value_int(addition->last_ms),
		viva_value_bytes(addition->state),
		viva_value_int(addition->now_ms),
	};
	// Another instance, or a caller that repeats an old frame, must not set a session back.
	return viva_transaction_execute(transaction,
					"INSERT INTO emotion_sessions (session_id, last_ms, state, updated_at) "
					"VALUES ($1, $2, $3, $4) ON CONFLICT (session_id) DO UPDATE SET "
					"last_ms = excluded.last_ms, state = excluded.state, "
					"updated_at = excluded.updated_at "
					"WHERE excluded.last_ms >= emotion_sessions.last_ms",
					values, VIVA_COUNT(values), NULL, error);
}

static int add(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct addition *addition = context;
	int code = addition->frame ? insert_frame(transaction, addition, error) : 0;
	return code == 0 ? upsert_state(transaction, addition, error) : code;
}

int emotion_timeline_add(struct viva_store *store, const char *session_id, const struct emotion_timeline_frame *frame,
			 const struct viva_tracker *state, int64_t now_ms, struct viva_error *error)
{
	uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
	struct addition addition = {.session_id = session_id,
				    .frame = frame,
				    .last_ms = state->last_ms,
				    .state = viva_bytes_of(bytes, viva_tracker_write(state, bytes)),
				    .now_ms = now_ms};
	return viva_store_transact(store, add, &addition, error);
}

int emotion_timeline_load_state(struct viva_store *store, const char *session_id, struct viva_arena *arena,
				struct viva_tracker *ret_state, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	int code = viva_store_query(store, arena, "SELECT state FROM emotion_sessions WHERE session_id = $1", values,
				    VIVA_COUNT(values), &rows, error);
	if (code != 0)
		return code;
	struct viva_tracker state = {0};
	// A state that another version wrote is as good as none: the session begins anew.
	if (rows.row_count > 0 && viva_tracker_read(viva_rows_bytes(&rows, 0, 0), &state) != 0)
		state = (struct viva_tracker){0};
	*ret_state = state;
	return 0;
}

// A place is a row's timestamp and number: "1700000000000.17".
static int parse_place(const char *text, int64_t *ret_timestamp_ms, int64_t *ret_number, struct viva_error *error)
{
	char copy[MAX_PLACE];
	const char *dot = strchr(text, '.');
	if (dot && strlen(text) < sizeof copy) {
		memcpy(copy, text, strlen(text) + 1);
		copy[dot - text] = '\0';
		if (viva_parse_int64(copy, 0, INT64_MAX, ret_timestamp_ms) == 0 &&
		    viva_parse_int64(copy + (dot - text) + 1, 0, INT64_MAX, ret_number) == 0)
			return 0;
	}
	return viva_fail(error, VIVA_EFIELD, "after", "after must be the `next` of an earlier page");
}

static json_t *rows_json(const struct viva_rows *rows, size_t count)
{
	json_t *emotions = json_array();
	for (size_t i = 0; emotions && i < count; i++) {
		json_t *row = json_pack("{s:I, s:s, s:o, s:I}", "timestamp", (json_int_t)viva_rows_int(rows, i, 0),
					"emotion", viva_rows_text(rows, i, 2), "confidence",
					viva_json_real(viva_rows_real(rows, i, 3), 4), "blink_count",
					(json_int_t)viva_rows_int(rows, i, 4));
		if (json_array_append_new(emotions, row) != 0) {
			json_decref(emotions);
			return NULL;
		}
	}
	return emotions;
}

// Rows of (emotion, frames, faces, most blinks), the most frequent emotion first.
static json_t *summary_json(const struct viva_rows *rows)
{
	json_int_t frames = 0, faces = 0, blinks = 0;
	const char *dominant = NULL;
	for (size_t i = 0; i < rows->row_count; i++) {
		frames += viva_rows_int(rows, i, 1);
		faces += viva_rows_int(rows, i, 2);
		blinks = VIVA_MAX(blinks, (json_int_t)viva_rows_int(rows, i, 3));
	}
	json_t *distribution = json_object();
	for (size_t i = 0; i < rows->row_count; i++) {
		const char *emotion = viva_rows_text(rows, i, 0);
		if (!emotion || emotion[0] == '\0')
			continue;
		if (!dominant)
			dominant = emotion;
		double share = (double)viva_rows_int(rows, i, 2) / (double)VIVA_MAX(faces, 1);
		json_object_set_new(distribution, emotion, viva_json_real(share, 4));
	}
	return json_pack("{s:I, s:I, s:s?, s:o, s:I}", "frames", frames, "faces", faces, "dominant", dominant,
			 "distribution", distribution, "blinks", blinks);
}

int emotion_timeline_page(struct viva_store *store, const char *session_id, int64_t limit, const char *after,
			  struct viva_arena *arena, json_t **ret_page, struct viva_error *error)
{
	int64_t timestamp_ms = -1, number = -1;
	int code = after ? parse_place(after, &timestamp_ms, &number, error) : 0;
	if (code != 0)
		return code;
	// One more than asked for tells whether there is a next page.
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(timestamp_ms),
					    viva_value_int(number), viva_value_int(limit + 1)};
	struct viva_rows rows, totals;
	code = viva_store_query(store, arena,
				"SELECT timestamp_ms, frame_number, emotion, confidence, blink_count "
				"FROM emotion_frames WHERE session_id = $1 AND "
				"(timestamp_ms > $2 OR (timestamp_ms = $2 AND frame_number > $3)) "
				"ORDER BY timestamp_ms, frame_number LIMIT $4",
				values, VIVA_COUNT(values), &rows, error);
	if (code == 0)
		code = viva_store_query(store, arena,
					"SELECT emotion, COUNT(*), SUM(has_face), MAX(blink_count) FROM emotion_frames "
					"WHERE session_id = $1 GROUP BY emotion ORDER BY COUNT(*) DESC, emotion",
					values, 1, &totals, error);
	if (code != 0)
		return code;

	size_t count = VIVA_MIN(rows.row_count, (size_t)limit);
	char place[MAX_PLACE] = "";
	if (rows.row_count > count)
		snprintf(place, sizeof place, "%" PRId64 ".%" PRId64, viva_rows_int(&rows, count - 1, 0),
			 viva_rows_int(&rows, count - 1, 1));
	json_t *page = json_pack("{s:s, s:o, s:o, s:s?}", "session_id", session_id, "emotions", rows_json(&rows, count),
				 "summary", summary_json(&totals), "next", place[0] != '\0' ? place : NULL);
	if (!page)
		return VIVA_ENOMEM;
	*ret_page = page;
	return 0;
}

static int erase(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(context)};
	int code = viva_transaction_execute(transaction, "DELETE FROM emotion_frames WHERE session_id = $1", values, 1,
					    NULL, error);
	if (code != 0)
		return code;
	return viva_transaction_execute(transaction, "DELETE FROM emotion_sessions WHERE session_id = $1", values, 1,
					NULL, error);
}

int emotion_timeline_erase(struct viva_store *store, const char *session_id, struct viva_error *error)
{
	VIVA_AUTO_FREE char *id = strdup(session_id);
	return id ? viva_store_transact(store, erase, id, error) : VIVA_ENOMEM;
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

int emotion_timeline_expire(struct viva_store *store, int64_t before_ms, int64_t *ret_deleted, struct viva_error *error)
{
	int64_t deleted = 0;
	int code = expire_table(store,
				"DELETE FROM emotion_frames WHERE (session_id, timestamp_ms, frame_number) IN "
				"(SELECT session_id, timestamp_ms, frame_number FROM emotion_frames "
				"WHERE recorded_at < $1 LIMIT $2)",
				before_ms, &deleted, error);
	if (code == 0)
		code = expire_table(store,
				    "DELETE FROM emotion_sessions WHERE session_id IN "
				    "(SELECT session_id FROM emotion_sessions WHERE updated_at < $1 LIMIT $2)",
				    before_ms, &deleted, error);
	if (code == 0)
		*ret_deleted = deleted;
	return code;
}
