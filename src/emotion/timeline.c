// SPDX-License-Identifier: Apache-2.0
#include "emotion/timeline.h"

#include <stdio.h>
#include <string.h>

#include "emotion/key_frames.h"

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
	// A number names a frame of its session, whatever time it comes with. Of what was kept twice before that held,
	// the earliest stays.
	{2, "DELETE FROM emotion_frames WHERE frame_number > 0 AND (session_id, timestamp_ms, frame_number) NOT IN"
	    " (SELECT session_id, MIN(timestamp_ms), frame_number FROM emotion_frames WHERE frame_number > 0"
	    " GROUP BY session_id, frame_number);"
	    "CREATE UNIQUE INDEX emotion_frames_by_number ON emotion_frames (session_id, frame_number)"
	    " WHERE frame_number > 0;"
	    "CREATE TABLE emotion_drops ("
	    " session_id TEXT NOT NULL,"
	    " frame_number BIGINT NOT NULL,"
	    " timestamp_ms BIGINT NOT NULL,"
	    " rule TEXT NOT NULL,"
	    " recorded_at BIGINT NOT NULL,"
	    " PRIMARY KEY (session_id, frame_number, timestamp_ms));"
	    "CREATE INDEX emotion_drops_by_age ON emotion_drops (recorded_at);"
	    "CREATE TABLE emotion_tombstones ("
	    " session_id TEXT PRIMARY KEY,"
	    " until_ms BIGINT NOT NULL);"
	    "CREATE INDEX emotion_tombstones_by_age ON emotion_tombstones (until_ms);"},
	{3, VIVA_OUTBOX_SCHEMA("emotion")},
	{4, EMOTION_KEY_FRAMES_SCHEMA},
};

int emotion_timeline_open(const char *url, size_t connections, struct viva_store **ret_store, struct viva_error *error)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = url;
	options.readers = options.writers = connections;
	options.service = "emotion";
	options.migrations = migrations;
	options.migration_count = VIVA_COUNT(migrations);
	// A frame lost with the machine's power is no loss that waiting for the disk on each frame would be worth.
	options.durability = VIVA_DURABLE_CRASH;
	return viva_store_open(&options, ret_store, error);
}

struct adding {
	const struct emotion_timeline_addition *addition;
	struct viva_arena *arena;
	struct emotion_timeline_outcome outcome;
};

int emotion_timeline_lock(struct viva_store_transaction *transaction, const char *session_id, struct viva_error *error)
{
	char name[sizeof "emotion/" + EMOTION_MAX_SESSION_ID];
	snprintf(name, sizeof name, "emotion/%s", session_id);
	return viva_transaction_lock(transaction, name, error);
}

static int check_not_erased(struct viva_store_transaction *transaction, const char *session_id,
			    struct viva_arena *arena, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	int code = emotion_timeline_lock(transaction, session_id, error);
	if (code == 0)
		code = viva_transaction_query(transaction, arena,
					      "SELECT until_ms FROM emotion_tombstones WHERE session_id = $1", values,
					      VIVA_COUNT(values), &rows, error);
	if (code == 0 && rows.row_count > 0)
		code = viva_fail(error, VIVA_ENOTFOUND, NULL, "this session was erased");
	return code;
}

static int insert_frame(struct viva_store_transaction *transaction, const struct emotion_timeline_addition *addition,
			int64_t *ret_inserted, struct viva_error *error)
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
					values, VIVA_COUNT(values), ret_inserted, error);
}

static int upsert_state(struct viva_store_transaction *transaction, const struct emotion_timeline_addition *addition,
			struct viva_error *error)
{
	uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
	size_t size = viva_tracker_write(addition->state, bytes);
	const struct viva_value values[] = {
		viva_value_text(addition->session_id),
		viva_value_int(addition->state->last_ms),
		viva_value_bytes(viva_bytes_of(bytes, size)),
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
	struct adding *adding = context;
	const struct emotion_timeline_addition *addition = adding->addition;
	int64_t inserted = 0;
	adding->outcome = (struct emotion_timeline_outcome){0};
	int code = check_not_erased(transaction, addition->session_id, adding->arena, error);
	if (code == 0 && addition->frame)
		code = insert_frame(transaction, addition, &inserted, error);
	if (code == 0 && inserted > 0 && addition->event)
		code = viva_outbox_add(addition->outbox, transaction, addition->event, error);
	if (code == 0 && inserted > 0 && addition->key_frame)
		code = emotion_key_frame_keep(transaction, addition->session_id, addition->key_frame, addition->now_ms,
					      adding->arena, &adding->outcome.is_key_frame, error);
	if (code == 0 && addition->state)
		code = upsert_state(transaction, addition, error);
	adding->outcome.is_new = inserted > 0;
	return code;
}

int emotion_timeline_add(struct viva_store *store, const struct emotion_timeline_addition *addition,
			 struct viva_arena *arena, struct emotion_timeline_outcome *ret_outcome,
			 struct viva_error *error)
{
	struct adding adding = {.addition = addition, .arena = arena};
	int code = viva_store_transact(store, add, &adding, error);
	if (code == 0)
		*ret_outcome = adding.outcome;
	return code;
}

struct dropping {
	const struct viva_value *values;
	size_t value_count;
	const char *session_id;
	struct viva_arena *arena;
};

static int drop(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct dropping *dropping = context;
	int code = check_not_erased(transaction, dropping->session_id, dropping->arena, error);
	if (code != 0)
		return code;
	return viva_transaction_execute(transaction,
					"INSERT INTO emotion_drops (session_id, frame_number, timestamp_ms, rule, "
					"recorded_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
					dropping->values, dropping->value_count, NULL, error);
}

int emotion_timeline_drop(struct viva_store *store, const char *session_id, int64_t frame_number, int64_t timestamp_ms,
			  const char *rule, int64_t now_ms, struct viva_arena *arena, struct viva_error *error)
{
	// Of a numbered frame the number is the whole name, here too.
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(frame_number),
					    viva_value_int(frame_number > 0 ? 0 : timestamp_ms), viva_value_text(rule),
					    viva_value_int(now_ms)};
	struct dropping dropping = {
		.values = values, .value_count = VIVA_COUNT(values), .session_id = session_id, .arena = arena};
	return viva_store_transact(store, drop, &dropping, error);
}

int emotion_timeline_find(struct viva_store *store, const char *session_id, int64_t frame_number, int64_t timestamp_ms,
			  struct viva_arena *arena, enum emotion_timeline_place *ret_place, struct viva_error *error)
{
	// Each counts 0 or 1. "frame_number > 0" is what lets the index of numbered frames be used.
#define FIND(frames)                                                                                                   \
	"SELECT (SELECT COUNT(*) FROM emotion_tombstones WHERE session_id = $1), "                                     \
	"(SELECT COUNT(*) FROM emotion_frames WHERE session_id = $1 AND " frames "), "                                 \
	"(SELECT COUNT(*) FROM emotion_drops WHERE session_id = $1 AND frame_number = $2 AND timestamp_ms = $3)"
	const char *sql = frame_number > 0 ? FIND("frame_number = $2 AND frame_number > 0")
					   : FIND("frame_number = $2 AND timestamp_ms = $3");
#undef FIND
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(frame_number),
					    viva_value_int(frame_number > 0 ? 0 : timestamp_ms)};
	struct viva_rows rows;
	int code = viva_store_query(store, arena, sql, values, VIVA_COUNT(values), &rows, error);
	if (code != 0)
		return code;
	*ret_place = viva_rows_int(&rows, 0, 0) > 0   ? EMOTION_FRAME_ERASED
		     : viva_rows_int(&rows, 0, 1) > 0 ? EMOTION_FRAME_RECORDED
		     : viva_rows_int(&rows, 0, 2) > 0 ? EMOTION_FRAME_DROPPED
						      : EMOTION_FRAME_UNKNOWN;
	return 0;
}

int emotion_timeline_load_state(struct viva_store *store, const char *session_id, int64_t after_ms,
				struct viva_arena *arena, struct viva_tracker *ret_state, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(after_ms)};
	struct viva_rows rows;
	int code = viva_store_query(store, arena,
				    "SELECT state FROM emotion_sessions WHERE session_id = $1 AND last_ms > $2", values,
				    VIVA_COUNT(values), &rows, error);
	if (code != 0)
		return code;
	struct viva_tracker state;
	// A state that another version wrote is as good as none: the session begins anew.
	if (rows.row_count > 0 && viva_tracker_read(viva_rows_bytes(&rows, 0, 0), &state) == 0)
		*ret_state = state;
	return 0;
}
