// SPDX-License-Identifier: Apache-2.0
#include "interview/schema.h"

#include "bus/outbox.h"

// Times are Unix milliseconds. JSON documents are kept as text: they are answered as they are and never searched.
static const char VERSION_1[] =
	"CREATE TABLE interview_interviews ("
	" id TEXT PRIMARY KEY,"
	" user_id TEXT NOT NULL,"
	" question_set TEXT NOT NULL,"
	" mode TEXT NOT NULL CHECK (mode IN ('practice', 'recruitment')),"
	" emotion_analysis INTEGER NOT NULL,"
	" recording INTEGER NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('in_progress', 'completed', 'scored', 'expired')),"
	" total_questions INTEGER NOT NULL,"
	" answered INTEGER NOT NULL DEFAULT 0,"
	" current_question INTEGER NOT NULL DEFAULT 1,"
	" started_at BIGINT NOT NULL,"
	" expires_at BIGINT NOT NULL,"
	" completed_at BIGINT,"
	" score TEXT,"
	" score_attempts INTEGER NOT NULL DEFAULT 0,"
	" score_after BIGINT NOT NULL DEFAULT 0,"
	" next_frame BIGINT NOT NULL DEFAULT 1,"
	" version BIGINT NOT NULL DEFAULT 1);"
	"CREATE INDEX interview_by_expiry ON interview_interviews (expires_at) WHERE state = 'in_progress';"
	"CREATE INDEX interview_unscored ON interview_interviews (score_after) WHERE state = 'completed';"

	// The texts as they were put to the candidate: the question bank may change later.
	"CREATE TABLE interview_questions ("
	" interview_id TEXT NOT NULL REFERENCES interview_interviews (id) ON DELETE CASCADE,"
	" number INTEGER NOT NULL,"
	" question_id TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" category TEXT NOT NULL,"
	" PRIMARY KEY (interview_id, number),"
	" UNIQUE (interview_id, question_id));"

	"CREATE TABLE interview_answers ("
	" interview_id TEXT NOT NULL REFERENCES interview_interviews (id) ON DELETE CASCADE,"
	" question_id TEXT NOT NULL,"
	" transcript TEXT NOT NULL,"
	" duration DOUBLE PRECISION NOT NULL,"
	" confidence DOUBLE PRECISION,"
	" language TEXT NOT NULL,"
	" answered_at BIGINT NOT NULL,"
	" analysis TEXT,"
	" analysis_after BIGINT NOT NULL,"
	" PRIMARY KEY (interview_id, question_id));"
	"CREATE INDEX interview_unanalysed ON interview_answers (analysis_after) WHERE analysis IS NULL;"

	// `response` is sealed, since it holds the interview's token.
	"CREATE TABLE interview_idempotency ("
	" key_hash TEXT PRIMARY KEY,"
	" body_hash TEXT NOT NULL,"
	" interview_id TEXT NOT NULL REFERENCES interview_interviews (id) ON DELETE CASCADE,"
	" response TEXT NOT NULL,"
	" created_at BIGINT NOT NULL);"
	"CREATE INDEX interview_idempotency_by_age ON interview_idempotency (created_at);"
	"CREATE INDEX interview_idempotency_by_interview ON interview_idempotency (interview_id);"

	// What is left of an erased interview: that there was one, and what is still to be erased elsewhere.
	"CREATE TABLE interview_erasures ("
	" interview_id TEXT PRIMARY KEY,"
	" erased_at BIGINT NOT NULL,"
	" sweeps_left INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL DEFAULT 0,"
	" sweep_after BIGINT NOT NULL);"
	"CREATE INDEX interview_unswept ON interview_erasures (sweep_after) WHERE sweeps_left > 0;";

// frame_queues counts the processes that gave frames of the interview to the queue (frames.h). `announced`: the event
// that tells of the row's state is in the outbox, or was; what version 1 left behind has none yet. score_after is until
// when somebody has the interview scored. `sweeps_left` becomes: so many events of the erasure are still to be written.
static const char VERSION_3[] =
	"ALTER TABLE interview_interviews ADD COLUMN frame_queues INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE interview_interviews ADD COLUMN announced INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX interview_unscored;"
	"CREATE INDEX interview_unannounced ON interview_interviews (id) WHERE state = 'completed' AND announced = 0;"
	"UPDATE interview_interviews SET score_after = 0;"
	"DROP INDEX interview_unswept;"
	"CREATE INDEX interview_erasures_left ON interview_erasures (interview_id) WHERE sweeps_left > 0;"
	"CREATE INDEX interview_erasures_by_age ON interview_erasures (erased_at);";

// Adaptive interviews: what their choices are made of, and the number of the question whose choice is open (adapt.h).
static const char VERSION_4[] = "ALTER TABLE interview_interviews ADD COLUMN adaptive INTEGER NOT NULL DEFAULT 0;"
				"ALTER TABLE interview_interviews ADD COLUMN seed BIGINT NOT NULL DEFAULT 0;"
				"ALTER TABLE interview_interviews ADD COLUMN undecided INTEGER NOT NULL DEFAULT 0;";

// When the parts of an answer were spoken, as JSON; NULL = not told.
static const char VERSION_5[] = "ALTER TABLE interview_answers ADD COLUMN segments TEXT;";

const struct viva_migration interview_migrations[] = {
	{1, VERSION_1}, {2, VIVA_OUTBOX_SCHEMA("interview")}, {3, VERSION_3}, {4, VERSION_4}, {5, VERSION_5}};
const size_t interview_migration_count = VIVA_COUNT(interview_migrations);
