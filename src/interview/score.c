// SPDX-License-Identifier: Apache-2.0
#include "interview/score.h"

#include <unistd.h>

#include "interview/answers.h"
#include "interview/messages.h"
#include "interview/meters.h"
#include "interview/news.h"
#include "interview/score_request.h"
#include "interview/stored_score.h"

enum {
	SCORE_LIMIT_MS = 25000,
	// So often a score waits for the emotion service; then it is made without emotions.
	MAX_EMOTION_ATTEMPTS = 3,
	POLL_MS = 50,
	MAX_POLLS = 1000,
};

// Whether this caller is the one to bring the score, for the time of its lease.
static int claim(struct interview_service *service, const char *id, int64_t *ret_lease_ms, struct viva_error *error)
{
	int64_t now_ms = interview_now_ms(service);
	*ret_lease_ms = now_ms + INTERVIEW_SCORE_LEASE_MS;
	struct viva_value values[] = {viva_value_int(*ret_lease_ms), viva_value_text(id), viva_value_int(now_ms)};
	int64_t changed = 0;
	int status = viva_store_execute(service->store,
					"UPDATE interview_interviews SET score_after = $1"
					" WHERE id = $2 AND state = 'completed' AND score_after <= $3",
					values, VIVA_COUNT(values), &changed, error);
	if (!status && changed == 0)
		status = viva_fail(error, VIVA_ECONFLICT, NULL, "the interview is being scored already");
	return status;
}

// The lease of somebody who has overtaken this caller stays his.
static void give_up(struct interview_service *service, const char *id, int64_t lease_ms)
{
	struct viva_value values[] = {viva_value_text(id), viva_value_int(lease_ms)};
	// If this fails too, the lease ends by itself.
	(void)!viva_store_execute(service->store,
				  "UPDATE interview_interviews SET score_attempts = score_attempts + 1,"
				  " score_after = CASE WHEN score_after = $2 THEN 0 ELSE score_after END WHERE id = $1",
				  values, VIVA_COUNT(values), NULL, NULL);
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

// Stores the score unless another one came first.
static int keep(struct interview_service *service, const struct interview_record *record, const json_t *score,
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
	if (!status && changed > 0)
		viva_metric_add(interview_meters()->scored, 1);
	return status;
}

static int bring(struct interview_service *service, const struct interview_record *record, int64_t deadline_us,
		 struct viva_arena *arena, struct viva_error *error)
{
	VIVA_AUTO_JSON score = NULL;
	// A scored interview has all its analyses: what had to wait is made up for first.
	int status = interview_analyse_pending(service, record->id, deadline_us, arena, error);
	// After an attempt that failed there may be a score whose answer was lost. If not, one is made.
	if (!status && record->score_attempts > 0)
		(void)!interview_stored_score(service, record, arena, &score, NULL);
	if (!status && !score)
		status = calculate(service, record, deadline_us, arena, &score, error);
	return status ? status : keep(service, record, score, arena, error);
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
	int64_t lease_ms = 0;
	status = claim(service, id, &lease_ms, error);
	if (status)
		return status;
	status = bring(service, &record, deadline_us, arena, error);
	if (status)
		give_up(service, id, lease_ms);
	else
		interview_tell_news(service, id, arena);
	return status;
}

int interview_score_or_wait(struct interview_service *service, const char *id, int64_t deadline_us,
			    struct viva_error *error)
{
	int status = interview_score(service, id, deadline_us, error);
	for (int polls = 0; status == VIVA_ECONFLICT && polls < MAX_POLLS; polls++) {
		if (viva_clock_monotonic_us(service->runtime.clock) + POLL_MS * 1000 > deadline_us)
			break;
		usleep(POLL_MS * 1000);
		status = interview_score(service, id, deadline_us, error);
	}
	return status;
}

int interview_adopt_score(struct interview_service *service, const char *id, size_t *ret_told, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
	struct interview_reader reader = {.store = service->store, .arena = arena};
	struct interview_record record;
	struct viva_error reason = {0};
	VIVA_AUTO_JSON score = NULL;
	int status = interview_load(&reader, id, &record, &reason);
	if (!status && record.state == INTERVIEW_COMPLETED)
		status = interview_stored_score(service, &record, arena, &score, &reason);
	if (!status && score)
		status = keep(service, &record, score, arena, &reason);
	*ret_told = status ? 0 : interview_tell_news(service, id, arena);
	if (status && status != VIVA_ENOTFOUND && error)
		*error = reason;
	return status == VIVA_ENOTFOUND ? 0 : status;
}
