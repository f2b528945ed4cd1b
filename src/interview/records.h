// SPDX-License-Identifier: Apache-2.0
//
// Interviews, their questions and answers, as the store holds them.
//
// Threads: any but the loop's: calls block on the store. What they give lives in the caller's arena.
#ifndef VIVA_INTERVIEW_RECORDS_H
#define VIVA_INTERVIEW_RECORDS_H

#include "interview/state.h"
#include "store/store.h"

struct interview_record {
	const char *id;
	const char *user_id;
	const char *question_set;
	enum interview_mode mode;
	bool emotion_analysis;  // consented to
	bool recording;         // consented to
	enum interview_state state;
	int total_questions;
	int answered;
	int current_question;  // number of the question last put to the candidate, from 1
	int64_t started_at;    // Unix ms, as all times here
	int64_t expires_at;
	int64_t completed_at;  // 0 = not yet
	const char *score;     // JSON; NULL = not scored
	int score_attempts;
	int frame_queues;  // processes that gave frames of it to the queue
	bool is_adaptive;
	int64_t seed;   // of an adaptive one's choices, 0 – 2^53 - 1
	int undecided;  // number of the question whose choice is open (adapt.h); 0 = none
	int64_t version;
};

struct interview_question {
	int number;  // from 1
	const char *id;
	const char *text;
	const char *category;
	bool is_answered;
	bool is_judged;           // its answer has an analysis
	int64_t first_try_until;  // its answer's first analysis may be under way until then; 0 = it is over
};

struct interview_answer {
	const char *interview_id;
	const char *question_id;
	const char *question;
	const char *category;
	const char *transcript;
	double duration;       // seconds
	double confidence;     // 0–1; negative = not given
	const char *language;  // BCP 47; "" = not given
	int64_t answered_at;
	const char *analysis;  // JSON; NULL = not analysed yet
	const char *segments;  // with times, as viva_speech_segments_json writes them; NULL = no times given
};

// How long an answer's first analysis may take: until then nobody else tries.
enum { INTERVIEW_FIRST_TRY_MS = 20000 };

// Where to read: inside a transaction, or outside (transaction NULL).
struct interview_reader {
	struct viva_store *store;
	struct viva_store_transaction *transaction;
	struct viva_arena *arena;
};

VIVA_MUST_CHECK int interview_read(const struct interview_reader *reader, const char *sql,
				   const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
				   struct viva_error *error);
// Inside a transaction that decides by what it reads of the interview: others that do so wait. load() does it, too.
VIVA_MUST_CHECK int interview_lock(struct viva_store_transaction *transaction, const char *id,
				   struct viva_error *error);
// A transaction on interviews: where another instance changed the same rows in between (VIVA_ECONFLICT), it runs again,
// a few times. The store's errors, and those of `work`.
VIVA_MUST_CHECK int interview_transact(struct viva_store *store, viva_store_work *work, void *context,
				       struct viva_error *error);
// Inside a transaction the interview is locked. VIVA_ENOTFOUND, and the store's errors; so for all that follow.
VIVA_MUST_CHECK int interview_load(const struct interview_reader *reader, const char *id,
				   struct interview_record *ret_record, struct viva_error *error);
// In the order in which they are asked.
VIVA_MUST_CHECK int interview_load_questions(const struct interview_reader *reader, const char *id,
					     const struct interview_question **ret_questions, size_t *ret_count,
					     struct viva_error *error);
// In the order in which they were given.
VIVA_MUST_CHECK int interview_load_answers(const struct interview_reader *reader, const char *id,
					   const struct interview_answer **ret_answers, size_t *ret_count,
					   struct viva_error *error);
// An answer's analysis as JSON; NULL = it has none yet. Without such an answer VIVA_ENOTFOUND.
VIVA_MUST_CHECK int interview_load_analysis(const struct interview_reader *reader, const char *id,
					    const char *question_id, const char **ret_analysis,
					    struct viva_error *error);
// The first `limit` answers that wait for an analysis and may be tried at `now_ms`.
VIVA_MUST_CHECK int interview_load_unanalysed(const struct interview_reader *reader, int64_t now_ms, size_t limit,
					      const struct interview_answer **ret_answers, size_t *ret_count,
					      struct viva_error *error);

// The first question without an answer, NULL = none.
const struct interview_question *interview_open_question(const struct interview_question *questions, size_t count);
// Whether frames may be analysed: with consent, and never in recruitment.
bool interview_allows_emotion(const struct interview_record *record);
// Whether a few of them may be stored as pictures: only what may be analysed, and with consent to that, too.
bool interview_allows_pictures(const struct interview_record *record);
// Percent of the questions that are answered, rounded.
int interview_progress(const struct interview_record *record);

#endif
