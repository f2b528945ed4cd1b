// SPDX-License-Identifier: Apache-2.0
#include "interview/life.h"

#include "interview/announce.h"
#include "interview/frames.h"
#include "interview/meters.h"
#include "interview/spread.h"

// A step of an interview's life on its way into the store.
struct step {
	struct interview_service *service;
	const char *id;
	enum interview_event event;
	const char *traceparent;
	struct interview_queue_count queued;  // by this process
	struct viva_arena *arena;
	struct interview_record record;
	bool is_moved;
};

static int store_state(struct viva_store_transaction *transaction, struct step *step, enum interview_state next,
		       struct viva_error *error)
{
	struct interview_record *record = &step->record;
	bool is_completed = next == INTERVIEW_COMPLETED;
	int64_t now_ms = interview_now_ms(step->service);
	record->state = next;
	record->completed_at = is_completed ? now_ms : 0;
	struct viva_value values[] = {
		viva_value_text(interview_state_name(next)),
		is_completed ? viva_value_int(now_ms) : viva_value_null(),
		viva_value_int(is_completed),
		viva_value_text(record->id),
		viva_value_int(record->version),
	};
	int64_t changed = 0;
	int status = viva_transaction_execute(transaction,
					      "UPDATE interview_interviews SET state = $1, completed_at = $2,"
					      " announced = $3, version = version + 1 WHERE id = $4 AND version = $5",
					      values, VIVA_COUNT(values), &changed, error);
	if (!status && changed == 0)
		status = viva_fail(error, VIVA_ECONFLICT, NULL, "the interview was changed at the same time");
	if (!status && is_completed)
		status = interview_announce_completed(step->service, transaction, record,
						      interview_queued_frames(record, &step->queued), step->traceparent,
						      error);
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

static int run_step(struct step *step, struct viva_error *error)
{
	step->queued = interview_count_queued(step->service, step->id);
	int status = interview_transact(step->service->store, take_step, step, error);
	if (!status && step->is_moved && step->record.state == INTERVIEW_COMPLETED) {
		viva_outbox_wake(step->service->outbox);
		viva_metric_add(interview_meters()->completed, 1);
	}
	return status;
}

int interview_complete(struct interview_service *service, const char *id, const char *traceparent,
		       struct viva_arena *arena, struct interview_record *ret_record, struct viva_error *error)
{
	struct step step = {
		.service = service, .id = id, .event = INTERVIEW_COMPLETE, .traceparent = traceparent, .arena = arena};
	int status = run_step(&step, error);
	if (status)
		return status;
	if (step.record.state == INTERVIEW_EXPIRED)
		return viva_fail(error, VIVA_ECOMPLETED, NULL, "the interview has expired");
	*ret_record = step.record;
	return 0;
}

int interview_time_out(struct interview_service *service, const char *id, struct viva_arena *arena,
		       struct viva_error *error)
{
	struct step step = {.service = service, .id = id, .event = INTERVIEW_TIME_OUT, .arena = arena};
	int status = run_step(&step, error);
	if (status || !step.is_moved)
		return status;
	if (step.record.state == INTERVIEW_EXPIRED)
		viva_metric_add(interview_meters()->expired, 1);
	interview_spread(service, id, arena);
	return 0;
}
