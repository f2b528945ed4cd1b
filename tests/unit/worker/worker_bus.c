// SPDX-License-Identifier: Apache-2.0
#include "worker_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events/events.h"

enum { WAIT_STEPS = 12000, WAIT_STEP_US = 5000 };

struct viva_bus *worker_bus_open(const struct worker_fixture *fixture)
{
	char url[PATH_MAX + 32];
	struct viva_bus *bus = NULL;
	snprintf(url, sizeof url, "sqlite:%s/bus.db", fixture->directory);
	struct viva_bus_options options = viva_bus_defaults();
	options.url = url;
	options.app_id = "test";
	options.frame_partitions = 2;
	options.retry_ms = 10;
	options.defer_ms = 10;
	assert_ok(viva_bus_open(&options, &bus, NULL));
	return bus;
}

void worker_bus_publish_frame(struct viva_bus *bus, const char *session_id, int64_t number, const char *message_id,
			      int64_t age_ms)
{
	static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F'};
	int64_t now_ms = viva_clock_unix_ms(viva_system_clock());
	const struct viva_frame_captured event = {.session_id = session_id,
						  .timestamp_ms = now_ms - age_ms,
						  .image = viva_bytes_of(jpeg, sizeof jpeg),
						  .format = "jpeg",
						  .frame_number = number};
	struct viva_buffer body;
	viva_buffer_init(&body, VIVA_EVENT_MAX_FRAME_BYTES);
	assert_ok(viva_event_write_frame_captured(&event, &body));
	const struct viva_bus_message message = {.routing_key = VIVA_KEY_FRAME_CAPTURED,
						 .type = VIVA_EVENT_FRAME_CAPTURED,
						 .message_id = message_id,
						 .session_id = session_id,
						 .timestamp_ms = now_ms - age_ms,
						 .body = viva_bytes_of(body.data, body.size)};
	assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
	viva_buffer_finish(&body);
}

void worker_bus_publish(struct viva_bus *bus, const char *routing_key, const char *type, const char *session_id,
			const char *body)
{
	const struct viva_bus_message message = {
		.routing_key = routing_key, .type = type, .session_id = session_id, .body = viva_bytes_of_text(body)};
	assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
}

static void keep_frame(struct viva_bus_delivery *delivery, void *context)
{
	struct worker_bus_frames *frames = context;
	const struct viva_bus_message *message = viva_bus_delivery_message(delivery);
	struct viva_frame_captured event;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	assert_string_equal(message->type, VIVA_EVENT_FRAME_CAPTURED);
	assert_ok(viva_event_read_frame_captured(message->body, arena, &event, NULL));
	pthread_mutex_lock(&frames->lock);
	assert_true(frames->count < VIVA_COUNT(frames->frames));
	struct worker_bus_frame *frame = &frames->frames[frames->count++];
	snprintf(frame->session_id, sizeof frame->session_id, "%s", event.session_id);
	snprintf(frame->message_id, sizeof frame->message_id, "%s", message->message_id);
	frame->number = event.frame_number;
	pthread_mutex_unlock(&frames->lock);
	viva_bus_settle(delivery, VIVA_BUS_ACK, NULL);
}

struct worker_bus_frames *worker_bus_take_frames(struct viva_bus *bus)
{
	struct worker_bus_frames *frames = calloc(1, sizeof *frames);
	assert_non_null(frames);
	pthread_mutex_init(&frames->lock, NULL);
	const struct viva_bus_subscription subscription = {
		.queue = VIVA_QUEUE_EMOTION_FRAMES, .prefetch = 16, .on_delivery = keep_frame, .context = frames};
	assert_ok(viva_bus_consume(bus, &subscription, &frames->consumer, NULL));
	return frames;
}

struct worker_bus_frames *worker_bus_frames_destroy(struct worker_bus_frames *frames)
{
	if (!frames)
		return NULL;
	viva_bus_consumer_destroy(frames->consumer);
	pthread_mutex_destroy(&frames->lock);
	free(frames);
	return NULL;
}

size_t worker_bus_frames_count(struct worker_bus_frames *frames)
{
	pthread_mutex_lock(&frames->lock);
	size_t count = frames->count;
	pthread_mutex_unlock(&frames->lock);
	return count;
}

void wait_until(bool (*condition)(void *context), void *context, const char *what)
{
	for (int i = 0; i < WAIT_STEPS; i++) {
		if (condition(context))
			return;
		usleep(WAIT_STEP_US);
	}
	fail_msg("waited in vain: %s", what);
}

struct queue_wish {
	struct viva_bus *bus;
	const char *name;
	int64_t waiting, unsettled;
};

static bool is_as_wished(void *context)
{
	const struct queue_wish *wish = context;
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_bus_queues(wish->bus, arena, &queues, &count, NULL));
	for (size_t i = 0; i < count; i++)
		if (strcmp(queues[i].name, wish->name) == 0)
			return queues[i].waiting == wish->waiting &&
			       (wish->unsettled < 0 || queues[i].unsettled == wish->unsettled);
	return false;
}

void worker_bus_wait_for_queue(struct viva_bus *bus, const char *name, int64_t waiting, int64_t unsettled)
{
	struct queue_wish wish = {.bus = bus, .name = name, .waiting = waiting, .unsettled = unsettled};
	wait_until(is_as_wished, &wish, name);
}

struct letters {
	struct viva_bus *bus;
	size_t wanted;
	char *reason;
};

static enum viva_bus_dead_letter_action look(const struct viva_bus_dead_letter *letter, void *context)
{
	char *reason = context;
	if (!reason[0])
		snprintf(reason, 256, "%s", letter->reason);
	return VIVA_BUS_KEEP;
}

static bool are_dead(void *context)
{
	const struct letters *letters = context;
	size_t count = 0;
	letters->reason[0] = '\0';
	assert_ok(viva_bus_visit_dead_letters(letters->bus, 1000, look, letters->reason, &count, NULL));
	return count == letters->wanted;
}

void worker_bus_wait_for_dead_letters(struct viva_bus *bus, size_t count, char ret_reason[256])
{
	struct letters letters = {.bus = bus, .wanted = count, .reason = ret_reason};
	wait_until(are_dead, &letters, "dead letters");
}
