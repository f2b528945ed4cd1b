// SPDX-License-Identifier: Apache-2.0
#include "worker/frame_store.h"

#include <string.h>

enum { EXPIRE_ROWS = 1000 };

static int find_session(struct viva_store *store, struct viva_arena *arena, struct worker_frame *frame,
			struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(frame->session_id)};
	struct viva_rows rows;
	int status =
		viva_store_query(store, arena, "SELECT newest, erased_at FROM worker_sessions WHERE session_id = $1",
				 values, VIVA_COUNT(values), &rows, error);
	if (status)
		return status;
	frame->newest = rows.row_count > 0 ? viva_rows_int(&rows, 0, 0) : -1;
	frame->is_erased = rows.row_count > 0 && viva_rows_int(&rows, 0, 1) > 0;
	return 0;
}

static int find_frame(struct viva_store *store, struct viva_arena *arena, struct worker_frame *frame,
		      struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(frame->session_id), viva_value_int(frame->number)};
	struct viva_rows rows;
	int status = viva_store_query(
		store, arena, "SELECT message_id FROM worker_frames WHERE session_id = $1 AND frame_number = $2",
		values, VIVA_COUNT(values), &rows, error);
	if (!status)
		frame->known_as = rows.row_count > 0 ? viva_rows_text(&rows, 0, 0) : NULL;
	return status;
}

static const struct worker_frame *of_same_session(const struct worker_frame *frames, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!frames[i].is_invalid && strcmp(frames[i].session_id, frames[index].session_id) == 0)
			return &frames[i];
	return NULL;
}

int worker_frames_look_up(struct viva_store *store, struct viva_arena *arena, struct worker_frame *frames, size_t count,
			  struct viva_error *error)
{
	for (size_t i = 0; i < count; i++) {
		struct worker_frame *frame = &frames[i];
		if (frame->is_invalid)
			continue;
		const struct worker_frame *other = of_same_session(frames, i);
		int status = 0;
		if (other) {
			frame->newest = other->newest;
			frame->is_erased = other->is_erased;
		} else {
			status = find_session(store, arena, frame, error);
		}
		if (!status)
			status = find_frame(store, arena, frame, error);
		if (status)
			return status;
	}
	return 0;
}

// Makes the session's row, or touches it. Over PostgreSQL that also locks it, so that what is decided by it stands
// until the transaction ends.
static int touch_session(struct viva_store_transaction *transaction, const char *session_id, int64_t newest,
			 int64_t now_ms, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(newest),
					    viva_value_int(now_ms)};
	return viva_transaction_execute(
		transaction,
		"INSERT INTO worker_sessions (session_id, newest, erased_at, updated_at) VALUES ($1, $2, 0, $3)"
		" ON CONFLICT (session_id) DO UPDATE SET updated_at = excluded.updated_at,"
		" newest = CASE WHEN excluded.newest > worker_sessions.newest THEN excluded.newest"
		" ELSE worker_sessions.newest END",
		values, VIVA_COUNT(values), NULL, error);
}

static int is_session_erased(struct viva_store_transaction *transaction, const char *session_id, bool *ret_is_erased,
			     struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	int status = viva_transaction_query(transaction, arena,
					    "SELECT erased_at FROM worker_sessions WHERE session_id = $1", values,
					    VIVA_COUNT(values), &rows, error);
	if (!status)
		*ret_is_erased = rows.row_count > 0 && viva_rows_int(&rows, 0, 0) > 0;
	return status;
}

int worker_session_is_erased(struct viva_store_transaction *transaction, const char *session_id, int64_t now_ms,
			     bool *ret_is_erased, struct viva_error *error)
{
	int status = touch_session(transaction, session_id, -1, now_ms, error);
	return status ? status : is_session_erased(transaction, session_id, ret_is_erased, error);
}

static int note_drop(struct viva_store_transaction *transaction, const struct worker_note *note,
		     const struct worker_frame *frame, enum worker_outcome outcome, struct viva_error *error)
{
	char made_up[VIVA_UUID_SIZE];
	const char *message_id = frame->message_id;
	if (!message_id[0]) {
		viva_uuid7(note->clock, note->random, made_up);
		message_id = made_up;
	}
	bool has_number = !frame->is_invalid;
	const struct viva_value values[] = {
		viva_value_text(message_id),
		viva_value_text(frame->session_id),
		has_number ? viva_value_int(frame->number) : viva_value_null(),
		viva_value_text(worker_outcome_name(outcome)),
		viva_value_int(note->now_ms),
	};
	return viva_transaction_execute(transaction,
					"INSERT INTO worker_drops (message_id, session_id, frame_number, outcome, at)"
					" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (message_id) DO NOTHING",
					values, VIVA_COUNT(values), NULL, error);
}

// The frame has a row: by this very message, noted before, or by another's, which makes this one a duplicate.
static int note_conflict(struct viva_store_transaction *transaction, const struct worker_note *note,
			 const struct worker_frame *frame, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	const struct viva_value values[] = {viva_value_text(frame->session_id), viva_value_int(frame->number)};
	struct viva_rows rows;
	int status = viva_transaction_query(
		transaction, arena, "SELECT message_id FROM worker_frames WHERE session_id = $1 AND frame_number = $2",
		values, VIVA_COUNT(values), &rows, error);
	if (status || rows.row_count == 0 || strcmp(viva_rows_text(&rows, 0, 0), frame->message_id) == 0)
		return status;
	return note_drop(transaction, note, frame, WORKER_DUPLICATE, error);
}

static int note_frame(struct viva_store_transaction *transaction, const struct worker_note *note,
		      const struct worker_frame *frame, struct viva_error *error)
{
	const struct viva_value values[] = {
		viva_value_text(frame->session_id),
		viva_value_int(frame->number),
		viva_value_text(worker_outcome_name(frame->outcome)),
		viva_value_text(frame->message_id),
		viva_value_int(note->now_ms),
	};
	int64_t changed = 0;
	int status = viva_transaction_execute(
		transaction,
		"INSERT INTO worker_frames (session_id, frame_number, outcome, message_id, at)"
		" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (session_id, frame_number) DO NOTHING",
		values, VIVA_COUNT(values), &changed, error);
	return status || changed > 0 ? status : note_conflict(transaction, note, frame, error);
}

static bool has_row(const struct worker_frame *frame)
{
	return frame->outcome == WORKER_ACCEPTED || frame->outcome == WORKER_SUPERSEDED;
}

static int64_t newest_accepted(const struct worker_note *note, const char *session_id)
{
	int64_t newest = -1;
	for (size_t i = 0; i < note->count; i++) {
		const struct worker_frame *frame = &note->frames[i];
		if (frame->outcome == WORKER_ACCEPTED && strcmp(frame->session_id, session_id) == 0)
			newest = VIVA_MAX(newest, frame->number);
	}
	return newest;
}

// Notes the frames of the session that frame `first` is the batch's first of.
static int note_session(struct viva_store_transaction *transaction, const struct worker_note *note, size_t first,
			struct viva_error *error)
{
	const char *session_id = note->frames[first].session_id;
	bool is_erased = false;
	int status = touch_session(transaction, session_id, newest_accepted(note, session_id), note->now_ms, error);
	if (!status)
		status = is_session_erased(transaction, session_id, &is_erased, error);
	for (size_t i = first; i < note->count && !status; i++) {
		const struct worker_frame *frame = &note->frames[i];
		if (!has_row(frame) || strcmp(frame->session_id, session_id) != 0)
			continue;
		status = is_erased ? note_drop(transaction, note, frame, WORKER_ERASED, error)
				   : note_frame(transaction, note, frame, error);
	}
	return status;
}

static bool is_first_of_session(const struct worker_note *note, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (has_row(&note->frames[i]) &&
		    strcmp(note->frames[i].session_id, note->frames[index].session_id) == 0)
			return false;
	return true;
}

static int note_all(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct worker_note *note = context;
	int status = 0;
	for (size_t i = 0; i < note->count && !status; i++) {
		const struct worker_frame *frame = &note->frames[i];
		if (has_row(frame)) {
			if (is_first_of_session(note, i))
				status = note_session(transaction, note, i, error);
		} else if (frame->outcome != WORKER_REPEATED) {
			status = note_drop(transaction, note, frame, frame->outcome, error);
		}
	}
	return status;
}

int worker_frames_note(struct viva_store *store, const struct worker_note *note, struct viva_error *error)
{
	struct worker_note copy = *note;
	return viva_store_transact(store, note_all, &copy, error);
}

int worker_frames_count(struct viva_store *store, const char *session_id, struct worker_frame_counts *ret_counts,
			struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	int status = viva_store_query(store, arena,
				      "SELECT outcome, COUNT(*) FROM worker_ledger WHERE session_id = $1"
				      " AND outcome IN ('accepted', 'superseded', 'invalid') GROUP BY outcome",
				      values, VIVA_COUNT(values), &rows, error);
	struct worker_frame session = {.session_id = session_id};
	if (!status)
		status = find_session(store, arena, &session, error);
	if (status)
		return status;
	struct worker_frame_counts counts = {.newest = session.newest, .is_erased = session.is_erased};
	for (size_t row = 0; row < rows.row_count; row++) {
		bool is_accepted = strcmp(viva_rows_text(&rows, row, 0), "accepted") == 0;
		*(is_accepted ? &counts.accepted : &counts.dropped) += viva_rows_int(&rows, row, 1);
	}
	*ret_counts = counts;
	return 0;
}

int worker_frames_erase(struct viva_store_transaction *transaction, const char *session_id, int64_t now_ms,
			bool *ret_is_new, struct viva_error *error)
{
	bool was_erased = false;
	int status = worker_session_is_erased(transaction, session_id, now_ms, &was_erased, error);
	if (status)
		return status;
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(now_ms)};
	status = viva_transaction_execute(transaction,
					  "UPDATE worker_sessions SET newest = -1,"
					  " erased_at = CASE WHEN erased_at > 0 THEN erased_at ELSE $2 END"
					  " WHERE session_id = $1",
					  values, VIVA_COUNT(values), NULL, error);
	static const char *const deletions[] = {
		"DELETE FROM worker_frames WHERE session_id = $1",
		"DELETE FROM worker_drops WHERE session_id = $1 AND outcome <> 'erased'",
	};
	for (size_t i = 0; i < VIVA_COUNT(deletions) && !status; i++)
		status = viva_transaction_execute(transaction, deletions[i], values, 1, NULL, error);
	if (!status && ret_is_new)
		*ret_is_new = !was_erased;
	return status;
}

static int expire(struct viva_store *store, const char *sql, int64_t before_ms, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_int(before_ms), viva_value_int(EXPIRE_ROWS)};
	int64_t changed = 0;
	int status;
	do
		status = viva_store_execute(store, sql, values, VIVA_COUNT(values), &changed, error);
	while (!status && changed == EXPIRE_ROWS);
	return status;
}

int worker_frames_expire(struct viva_store *store, int64_t frames_before_ms, int64_t sessions_before_ms,
			 struct viva_error *error)
{
	int status = expire(store,
			    "DELETE FROM worker_frames WHERE (session_id, frame_number) IN"
			    " (SELECT session_id, frame_number FROM worker_frames WHERE at < $1 LIMIT $2)",
			    frames_before_ms, error);
	if (!status)
		status = expire(store,
				"DELETE FROM worker_drops WHERE message_id IN"
				" (SELECT message_id FROM worker_drops WHERE at < $1 LIMIT $2)",
				frames_before_ms, error);
	if (!status)
		status = expire(store,
				"DELETE FROM worker_sessions WHERE session_id IN"
				" (SELECT session_id FROM worker_sessions WHERE updated_at < $1 LIMIT $2)",
				sessions_before_ms, error);
	return status;
}
