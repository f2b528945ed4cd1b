// SPDX-License-Identifier: Apache-2.0
#include "interview/announce.h"

#include "events/events.h"
#include "interview/frames.h"

enum { AT_A_TIME = 64 };

static int add(struct interview_service *service, struct viva_store_transaction *transaction,
	       const struct viva_bus_message *message, struct viva_buffer *body, int status, struct viva_error *error)
{
	struct viva_bus_message whole = *message;
	whole.body = viva_bytes_of(body->data, body->size);
	if (status)
		status = viva_fail(error, status, NULL, "no memory for an event");
	else
		status = viva_outbox_add(service->outbox, transaction, &whole, error);
	viva_buffer_finish(body);
	return status;
}

int interview_announce_completed(struct interview_service *service, struct viva_store_transaction *transaction,
				 const struct interview_record *record, int64_t queued_frames, const char *traceparent,
				 struct viva_error *error)
{
	const struct viva_interview_completed event = {
		.session_id = record->id,
		.user_id = record->user_id,
		.completed_at_ms = record->completed_at,
		.total_duration_s = VIVA_MAX(record->completed_at - record->started_at, (int64_t)0) / 1000,
		.answer_count = record->answered,
		.queued_frames = queued_frames,
	};
	const struct viva_bus_message message = {
		.routing_key = VIVA_KEY_INTERVIEW_COMPLETED,
		.type = VIVA_EVENT_INTERVIEW_COMPLETED,
		.session_id = record->id,
		.traceparent = traceparent,
		.timestamp_ms = record->completed_at,
	};
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	int status = viva_event_write_interview_completed(&event, &body);
	return add(service, transaction, &message, &body, status, error);
}

int interview_announce_erased(struct interview_service *service, struct viva_store_transaction *transaction,
			      const char *id, int64_t erased_at, const char *traceparent, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_text(id)};
	int status = viva_transaction_execute(transaction, "DELETE FROM interview_outbox WHERE session_id = $1", values,
					      VIVA_COUNT(values), NULL, error);
	if (status)
		return status;
	const struct viva_interview_erased event = {.session_id = id, .erased_at_ms = erased_at};
	const struct viva_bus_message message = {
		.routing_key = VIVA_KEY_INTERVIEW_ERASED,
		.type = VIVA_EVENT_INTERVIEW_ERASED,
		.session_id = id,
		.traceparent = traceparent,
		.timestamp_ms = erased_at,
	};
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	status = viva_event_write_interview_erased(&event, &body);
	return add(service, transaction, &message, &body, status, error);
}

// ---- what an earlier version left

struct left_over {
	struct interview_service *service;
	const char *id;
	int64_t erased_at;
	struct viva_arena *arena;
};

static int announce_old_completion(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct left_over *left = context;
	struct interview_reader reader = {.transaction = transaction, .arena = left->arena};
	struct interview_record record;
	struct viva_value values[] = {viva_value_text(left->id)};
	int64_t changed = 0;
	int status = viva_transaction_execute(transaction,
					      "UPDATE interview_interviews SET announced = 1"
					      " WHERE id = $1 AND state = 'completed' AND announced = 0",
					      values, VIVA_COUNT(values), &changed, error);
	// Another instance may have been here first.
	if (status || changed == 0)
		return status;
	status = interview_load(&reader, left->id, &record, error);
	if (status)
		return status;
	const struct interview_queue_count none = {0};
	return interview_announce_completed(left->service, transaction, &record,
					    interview_queued_frames(&record, &none), NULL, error);
}

static int announce_old_erasure(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct left_over *left = context;
	struct viva_value values[] = {viva_value_text(left->id)};
	int64_t changed = 0;
	int status = viva_transaction_execute(transaction,
					      "UPDATE interview_erasures SET sweeps_left = 0"
					      " WHERE interview_id = $1 AND sweeps_left > 0",
					      values, VIVA_COUNT(values), &changed, error);
	if (status || changed == 0)
		return status;
	return interview_announce_erased(left->service, transaction, left->id, left->erased_at, NULL, error);
}

static int announce_rows(struct interview_service *service, const char *sql, viva_store_work *work,
			 struct viva_arena *arena, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_int(AT_A_TIME)};
	struct viva_rows rows = {0};
	int status = viva_store_query(service->store, arena, sql, values, VIVA_COUNT(values), &rows, error);
	for (size_t row = 0; row < rows.row_count && !status; row++) {
		struct left_over left = {.service = service,
					 .id = viva_rows_text(&rows, row, 0),
					 .erased_at = viva_rows_int(&rows, row, 1),
					 .arena = arena};
		status = interview_transact(service->store, work, &left, error);
	}
	if (rows.row_count > 0)
		viva_outbox_wake(service->outbox);
	return status;
}

int interview_announce_left_over(struct interview_service *service, struct viva_arena *arena, struct viva_error *error)
{
	int status = announce_rows(service,
				   "SELECT id, 0 FROM interview_interviews WHERE state = 'completed' AND announced = 0"
				   " LIMIT $1",
				   announce_old_completion, arena, error);
	if (status)
		return status;
	return announce_rows(service,
			     "SELECT interview_id, erased_at FROM interview_erasures WHERE sweeps_left > 0 LIMIT $1",
			     announce_old_erasure, arena, error);
}
