// SPDX-License-Identifier: Apache-2.0
#include "interview/queue.h"

#include "events/events.h"

int interview_queue_init(struct interview_queue *queue, struct viva_bus *bus, const struct viva_clock *clock)
{
	struct viva_breaker_options options = viva_breaker_defaults("bus");
	options.open_ms = INTERVIEW_BUS_BREAKER_OPEN_MS;
	options.clock = clock;
	*queue = (struct interview_queue){.bus = bus, .clock = clock};
	return viva_breaker_create(&options, &queue->breaker);
}

void interview_queue_finish(struct interview_queue *queue)
{
	queue->breaker = viva_breaker_destroy(queue->breaker);
}

static int write_event(const struct interview_session *session, const struct interview_queued_frame *frame,
		       struct viva_buffer *body)
{
	const struct viva_frame_captured event = {
		.session_id = session->id,
		.timestamp_ms = frame->timestamp,
		.image = frame->image,
		.format = interview_image_format_name(frame->format),
		.frame_number = frame->number,
		.keep = frame->may_be_kept,
		.question = frame->question,
	};
	return viva_event_write_frame_captured(&event, body);
}

static int publish(struct interview_queue *queue, const struct interview_session *session,
		   const struct interview_queued_frame *frame, struct viva_bytes body, struct viva_error *error)
{
	const struct viva_bus_message message = {
		.routing_key = VIVA_KEY_FRAME_CAPTURED,
		.type = VIVA_EVENT_FRAME_CAPTURED,
		.session_id = session->id,
		.traceparent = frame->traceparent,
		.body = body,
	};
	int64_t limit_us = viva_clock_monotonic_us(queue->clock) + INT64_C(1000) * INTERVIEW_PUBLISH_LIMIT_MS;
	int64_t deadline_us = VIVA_MIN(limit_us, frame->deadline_us);
	struct viva_breaker_permit permit;
	int status = viva_breaker_enter(queue->breaker, deadline_us, &permit, error);
	if (status)
		return status;
	status = viva_bus_publish(queue->bus, &message, 1, deadline_us, error);
	// A caller in a hurry proves nothing about the bus.
	bool is_hurried = status == VIVA_EDEADLINE && frame->deadline_us < limit_us;
	viva_breaker_leave(queue->breaker, permit, is_hurried ? VIVA_ECANCELLED : status);
	return status;
}

// To the client each of them says the same: not now.
static int fail_as_away(int status, struct viva_error *error)
{
	switch (status) {
	case VIVA_ENOMEM:
		return viva_fail(error, status, NULL, "no memory for the frame");
	case VIVA_EOVERLOAD:
		return viva_fail(error, status, NULL, "the queue takes no more frames now");
	default:
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "the queue can't be reached now");
	}
}

int interview_queue_put(struct interview_queue *queue, struct interview_session *session,
			const struct interview_queued_frame *frame, struct viva_error *error)
{
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_FRAME_BYTES};
	int status = write_event(session, frame, &body);
	if (!status) {
		// Before the frame is on its way: a live frame that starts now must not build on what this one changes.
		atomic_fetch_add(&session->frame_epoch, 1);
		atomic_fetch_add(&session->queued, 1);
		status = publish(queue, session, frame, viva_bytes_of(body.data, body.size), NULL);
		if (status)
			atomic_fetch_sub(&session->queued, 1);
		if (status && status != VIVA_EBREAKER)
			atomic_store(&session->is_queued_uncertain, true);
	}
	viva_buffer_finish(&body);
	return status ? fail_as_away(status, error) : 0;
}
