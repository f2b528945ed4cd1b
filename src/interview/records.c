// SPDX-License-Identifier: Apache-2.0
#include "interview/records.h"

#include <stdio.h>

#include "base/clock.h"

int interview_read(const struct interview_reader *reader, const char *sql, const struct viva_value *values,
		   size_t value_count, struct viva_rows *ret_rows, struct viva_error *error)
{
	if (reader->transaction)
		return viva_transaction_query(reader->transaction, reader->arena, sql, values, value_count, ret_rows,
					      error);
	return viva_store_query(reader->store, reader->arena, sql, values, value_count, ret_rows, error);
}

int interview_transact(struct viva_store *store, viva_store_work *work, void *context, struct viva_error *error)
{
	enum { ATTEMPTS = 5 };
	struct viva_error reason = {0};
	int status = VIVA_ECONFLICT;
	for (int attempt = 0; attempt < ATTEMPTS && status == VIVA_ECONFLICT; attempt++) {
		reason = (struct viva_error){0};
		status = viva_store_transact(store, work, context, &reason);
	}
	if (status && error)
		*error = reason;
	return status;
}

int interview_lock(struct viva_store_transaction *transaction, const char *id, struct viva_error *error)
{
	char name[sizeof "interview/" + VIVA_UUID_SIZE];
	snprintf(name, sizeof name, "interview/%.*s", VIVA_UUID_SIZE, id);
	return viva_transaction_lock(transaction, name, error);
}

int interview_load(const struct interview_reader *reader, const char *id, struct interview_record *ret_record,
		   struct viva_error *error)
{
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_text(id)};
	int status = reader->transaction ? interview_lock(reader->transaction, id, error) : 0;
	if (status)
		return status;
	status = interview_read(reader,
				"SELECT id, user_id, question_set, mode, emotion_analysis, recording, state,"
				" total_questions, answered, current_question, started_at, expires_at,"
				" completed_at, score, score_attempts, frame_queues, version,"
				" adaptive, seed, undecided"
				" FROM interview_interviews WHERE id = $1",
				values, VIVA_COUNT(values), &rows, error);
	if (status)
		return status;
	if (rows.row_count == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no such interview");
	struct interview_record record = {
		.id = viva_rows_text(&rows, 0, 0),
		.user_id = viva_rows_text(&rows, 0, 1),
		.question_set = viva_rows_text(&rows, 0, 2),
		.emotion_analysis = viva_rows_int(&rows, 0, 4) != 0,
		.recording = viva_rows_int(&rows, 0, 5) != 0,
		.total_questions = (int)viva_rows_int(&rows, 0, 7),
		.answered = (int)viva_rows_int(&rows, 0, 8),
		.current_question = (int)viva_rows_int(&rows, 0, 9),
		.started_at = viva_rows_int(&rows, 0, 10),
		.expires_at = viva_rows_int(&rows, 0, 11),
		.completed_at = viva_rows_int(&rows, 0, 12),
		.score = viva_rows_text(&rows, 0, 13),
		.score_attempts = (int)viva_rows_int(&rows, 0, 14),
		.frame_queues = (int)viva_rows_int(&rows, 0, 15),
		.version = viva_rows_int(&rows, 0, 16),
		.is_adaptive = viva_rows_int(&rows, 0, 17) != 0,
		.seed = viva_rows_int(&rows, 0, 18),
		.undecided = (int)viva_rows_int(&rows, 0, 19),
	};
	if (!interview_mode_parse(viva_rows_text(&rows, 0, 3), &record.mode) ||
	    !interview_state_parse(viva_rows_text(&rows, 0, 6), &record.state))
		return viva_fail(error, VIVA_EIO, NULL, "the store holds an interview in an unknown state");
	*ret_record = record;
	return 0;
}

// Whoever ends a first try without an analysis moves analysis_after (interview_put_answer_off).
static int64_t first_try_until(const struct viva_rows *rows, size_t row)
{
	bool is_judged = viva_rows_int(rows, row, 5) != 0;
	int64_t until = viva_rows_int(rows, row, 6) + INTERVIEW_FIRST_TRY_MS;
	return !is_judged && viva_rows_int(rows, row, 7) == until ? until : 0;
}

int interview_load_questions(const struct interview_reader *reader, const char *id,
			     const struct interview_question **ret_questions, size_t *ret_count,
			     struct viva_error *error)
{
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_text(id)};
	int status = interview_read(reader,
				    "SELECT q.number, q.question_id, q.text, q.category, a.question_id IS NOT NULL,"
				    " a.analysis IS NOT NULL, a.answered_at, a.analysis_after"
				    " FROM interview_questions q LEFT JOIN interview_answers a"
				    " ON a.interview_id = q.interview_id AND a.question_id = q.question_id"
				    " WHERE q.interview_id = $1 ORDER BY q.number",
				    values, VIVA_COUNT(values), &rows, error);
	if (status)
		return status;
	struct interview_question *questions =
		viva_arena_alloc(reader->arena, (rows.row_count + 1) * sizeof *questions);
	if (!questions)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the questions");
	for (size_t row = 0; row < rows.row_count; row++) {
		questions[row] = (struct interview_question){
			.number = (int)viva_rows_int(&rows, row, 0),
			.id = viva_rows_text(&rows, row, 1),
			.text = viva_rows_text(&rows, row, 2),
			.category = viva_rows_text(&rows, row, 3),
			.is_answered = viva_rows_int(&rows, row, 4) != 0,
			.is_judged = viva_rows_int(&rows, row, 5) != 0,
			.first_try_until = first_try_until(&rows, row),
		};
	}
	*ret_questions = questions;
	*ret_count = rows.row_count;
	return 0;
}

#define ANSWER_COLUMNS                                                                                                 \
	"SELECT a.interview_id, a.question_id, q.text, q.category, a.transcript, a.duration, a.confidence, "           \
	"a.language,"                                                                                                  \
	" a.answered_at, a.analysis, a.segments FROM interview_answers a JOIN interview_questions q"                   \
	" ON q.interview_id = a.interview_id AND q.question_id = a.question_id "

static int answers_of(struct viva_arena *arena, const struct viva_rows *rows,
		      const struct interview_answer **ret_answers, size_t *ret_count, struct viva_error *error)
{
	struct interview_answer *answers = viva_arena_alloc(arena, (rows->row_count + 1) * sizeof *answers);
	if (!answers)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answers");
	for (size_t row = 0; row < rows->row_count; row++) {
		answers[row] = (struct interview_answer){
			.interview_id = viva_rows_text(rows, row, 0),
			.question_id = viva_rows_text(rows, row, 1),
			.question = viva_rows_text(rows, row, 2),
			.category = viva_rows_text(rows, row, 3),
			.transcript = viva_rows_text(rows, row, 4),
			.duration = viva_rows_real(rows, row, 5),
			.confidence = viva_rows_is_null(rows, row, 6) ? -1 : viva_rows_real(rows, row, 6),
			.language = viva_rows_text(rows, row, 7),
			.answered_at = viva_rows_int(rows, row, 8),
			.analysis = viva_rows_text(rows, row, 9),
			.segments = viva_rows_text(rows, row, 10),
		};
	}
	*ret_answers = answers;
	*ret_count = rows->row_count;
	return 0;
}

int interview_load_answers(const struct interview_reader *reader, const char *id,
			   const struct interview_answer **ret_answers, size_t *ret_count, struct viva_error *error)
{
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_text(id)};
	int status = interview_read(reader, ANSWER_COLUMNS "WHERE a.interview_id = $1 ORDER BY a.answered_at, q.number",
				    values, VIVA_COUNT(values), &rows, error);
	return status ? status : answers_of(reader->arena, &rows, ret_answers, ret_count, error);
}

int interview_load_analysis(const struct interview_reader *reader, const char *id, const char *question_id,
			    const char **ret_analysis, struct viva_error *error)
{
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_text(id), viva_value_text(question_id)};
	int status = interview_read(reader,
				    "SELECT analysis FROM interview_answers"
				    " WHERE interview_id = $1 AND question_id = $2",
				    values, VIVA_COUNT(values), &rows, error);
	if (status)
		return status;
	if (rows.row_count == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no such interview");
	*ret_analysis = viva_rows_text(&rows, 0, 0);
	return 0;
}

int interview_load_unanalysed(const struct interview_reader *reader, int64_t now_ms, size_t limit,
			      const struct interview_answer **ret_answers, size_t *ret_count, struct viva_error *error)
{
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_int(now_ms), viva_value_int((int64_t)limit)};
	int status = interview_read(reader,
				    ANSWER_COLUMNS "WHERE a.analysis IS NULL AND a.analysis_after <= $1"
						   " ORDER BY a.analysis_after LIMIT $2",
				    values, VIVA_COUNT(values), &rows, error);
	return status ? status : answers_of(reader->arena, &rows, ret_answers, ret_count, error);
}

const struct interview_question *interview_open_question(const struct interview_question *questions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!questions[i].is_answered)
			return &questions[i];
	}
	return NULL;
}

bool interview_allows_emotion(const struct interview_record *record)
{
	return record->mode == INTERVIEW_PRACTICE && record->emotion_analysis;
}

bool interview_allows_pictures(const struct interview_record *record)
{
	return interview_allows_emotion(record) && record->recording;
}

int interview_progress(const struct interview_record *record)
{
	return (200 * record->answered + record->total_questions) / (2 * record->total_questions);
}
