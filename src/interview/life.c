// SPDX-License-Identifier: Apache-2.0
#include "interview/life.h"

#include "interview/answers.h"
#include "interview/messages.h"
#include "interview/meters.h"
#include "interview/score_request.h"

enum {
	SCORE_LIMIT_MS = 25000,
	// When the janitor may score an interview that was just completed: its first scoring is under way until then.
	FIRST_RETRY_MS = 30000,
	// So often a score waits for the emotion service; then it is made without emotions.
	MAX_EMOTION_ATTEMPTS = 3,
};

int64_t interview_retry_after_ms(int attempts)
{
	enum { FIRST_MS = 2000, LAST_MS = 5 * 60 * 1000, MAX_DOUBLINGS = 8 };
	int64_t wait_ms = (int64_t)FIRST_MS << VIVA_MIN(VIVA_MAX(attempts, 0), (int)MAX_DOUBLINGS);
	return VIVA_MIN(wait_ms, (int64_t)LAST_MS);
}

// A step of an interview's life on its way into the store.
struct step {
	struct interview_service *service;
	const char *id;
	enum interview_event event;
	struct viva_arena *arena;
	struct interview_record record;
	bool is_moved;
};

static int store_state(struct viva_store_transaction *transaction, struct step *step, enum interview_state next,
		       struct viva_error *error)
{
	struct interview_record *record = &step->record;
	int64_t now_ms = interview_now_ms(step->service);
	record->state = next;
	record->completed_at = next == INTERVIEW_COMPLETED ? now_ms : 0;
	struct viva_value values[] = {
		viva_value_text(interview_state_name(next)),
		next == INTERVIEW_COMPLETED ? viva_value_int(now_ms) : viva_value_null(),
		viva_value_int(now_ms + FIRST_RETRY_MS),
		viva_value_text(record->id),
		viva_value_int(record->version),
	};
	int64_t changed = 0;
	int status = viva_transaction_execute(transaction,
					      "UPDATE interview_interviews SET state = $1, completed_at = $2,"
					      " score_after = $3, version = version + 1 WHERE id = $4 AND version = $5",
					      values, VIVA_COUNT(values), &changed, error);
	if (!status && changed == 0)
		status = viva_fail(error, VIVA_ECONFLICT, NULL, "the interview was changed at the same time");
	step->is_moved = !status;
	return status;
}

static int take_step(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct step *step = context;
	struct interview_reader reader = {.transaction = transaction, .arena = step->arena};
	step->is_moved = false;
	int status = interview_load(&reader, step->id, &step->record, error);
	if (status)
		return status;
	const struct interview_record *record = &step->record;
	enum interview_state next;
	if (!interview_state_follow(record->state, step->event, record->answered == record->total_questions, &next))
		return 0;
	return store_state(transaction, step, next, error);
}

int interview_complete(struct interview_service *service, const char *id, struct viva_arena *arena,
		       struct interview_record *ret_record, struct viva_error *error)
{
	struct step step = {.service = service, .id = id, .event = INTERVIEW_COMPLETE, .arena = arena};
	int status = viva_store_transact(service->store, take_step, &step, error);
	if (status)
		return status;
	if (step.record.state == INTERVIEW_EXPIRED)
		return viva_fail(error, VIVA_ECOMPLETED, NULL, "the interview has expired");
	if (step.is_moved)
		viva_metric_add(interview_meters()->completed, 1);
	*ret_record = step.record;
	return 0;
}

static void broadcast(struct interview_service *service, const char *id, struct viva_arena *arena, const char *type,
		      json_t *data)
{
	const char *text = interview_message(arena, type, data);
	struct interview_session *session = text ? interview_session_find(service->sessions, id) : NULL;
	if (session)
		interview_session_broadcast(session, text);
	interview_session_unref(session);
}

int interview_time_out(struct interview_service *service, const char *id, struct viva_arena *arena,
		       struct viva_error *error)
{
	struct step step = {.service = service, .id = id, .event = INTERVIEW_TIME_OUT, .arena = arena};
	int status = viva_store_transact(service->store, take_step, &step, error);
	if (status || !step.is_moved)
		return status;
	bool is_expired = step.record.state == INTERVIEW_EXPIRED;
	viva_metric_add(is_expired ? interview_meters()->expired : interview_meters()->completed, 1);
	broadcast(service, id, arena, "status", interview_status_data(&step.record, step.record.current_question));
	return 0;
}

static int calculate(struct interview_service *service, const struct interview_record *record, int64_t deadline_us,
		     struct viva_arena *arena, json_t **ret_score, struct viva_error *error)
{
	Scoring__ScoreRequest *request = NULL;
	bool needs_emotions = record->score_attempts < MAX_EMOTION_ATTEMPTS;
	int status = interview_score_request_make(service, record, needs_emotions, arena, &request, error);
	if (status)
		return status;
	ProtobufCMessage *reply = NULL;
	status =
		interview_call_message(service->peers, INTERVIEW_PEER_SCORING, "/scoring.ScoringService/CalculateScore",
				       &request->base, interview_deadline_us(service, deadline_us, SCORE_LIMIT_MS),
				       &scoring__score_response__descriptor, arena, &reply, error);
	if (status)
		return status;
	*ret_score = interview_score_json((Scoring__ScoreResponse *)reply, record);
	return *ret_score ? 0 : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
}

// Stores the score unless another one came first, and tells the sockets of the one that is stored.
static int keep_score(struct interview_service *service, const struct interview_record *record, json_t *score,
		      struct viva_arena *arena, struct viva_error *error)
{
	const char *text = viva_json_text(arena, score);
	if (!text)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
	struct viva_value values[] = {viva_value_text(interview_state_name(INTERVIEW_SCORED)), viva_value_text(text),
				      viva_value_text(record->id),
				      viva_value_text(interview_state_name(INTERVIEW_COMPLETED))};
	int64_t changed = 0;
	int status = viva_store_execute(service->store,
					"UPDATE interview_interviews SET state = $1, score = $2, version = version + 1"
					" WHERE id = $3 AND state = $4",
					values, VIVA_COUNT(values), &changed, error);
	if (status || changed == 0)
		return status;
	viva_metric_add(interview_meters()->scored, 1);
	broadcast(service, record->id, arena, "score", json_incref(score));
	return 0;
}

static void try_again_later(struct interview_service *service, const struct interview_record *record)
{
	int64_t after_ms = interview_now_ms(service) + interview_retry_after_ms(record->score_attempts);
	struct viva_value values[] = {viva_value_int(after_ms), viva_value_text(record->id)};
	// If this fails too, the time set before still stands.
	(void)!viva_store_execute(service->store,
				  "UPDATE interview_interviews SET score_attempts = score_attempts + 1,"
				  " score_after = $1 WHERE id = $2",
				  values, VIVA_COUNT(values), NULL, NULL);
}

int interview_score(struct interview_service *service, const char *id, int64_t deadline_us, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
	struct interview_reader reader = {.store = service->store, .arena = arena};
	struct interview_record record;
	int status = interview_load(&reader, id, &record, error);
	if (status || record.state != INTERVIEW_COMPLETED)
		return status;
	VIVA_AUTO_JSON score = NULL;
	// A scored interview has all its analyses: what had to wait is made up for first.
	status = interview_analyse_pending(service, id, deadline_us, arena, error);
	if (!status)
		status = calculate(service, &record, deadline_us, arena, &score, error);
	if (!status)
		status = keep_score(service, &record, score, arena, error);
	if (status)
		try_again_later(service, &record);
	return status;
}
