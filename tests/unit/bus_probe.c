// SPDX-License-Identifier: Apache-2.0
#include "bus_probe.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "events/events.h"
#include "viva_test.h"

enum { PAUSE_US = 1000, PAUSES = 120000 };  // how long a test waits before it gives up

// What the listener heard.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *heard;
static struct viva_bus_listener *listener;
static const char *listened_key;

static void on_message(const struct viva_bus_message *message, void *context)
{
	(void)context;
	json_t *body = NULL;
	assert_ok(viva_json_parse_object(message->body, 1 << 20, &body, NULL));
	json_t *event =
		json_pack("{s:s, s:s, s:o}", "type", message->type, "traceparent", message->traceparent, "body", body);
	pthread_mutex_lock(&lock);
	json_array_append_new(heard, event);
	pthread_mutex_unlock(&lock);
}

int bus_probe_open(struct bus_probe *probe, const char *directory, const char *app_id, struct viva_store *store,
		   const char *routing_key, struct viva_error *error)
{
	char url[PATH_MAX + 32];
	snprintf(url, sizeof url, "sqlite:%s/bus.db", directory);
	struct viva_bus_options bus = viva_bus_defaults();
	bus.url = url;
	bus.app_id = app_id;
	bus.retry_ms = bus.defer_ms = 1;
	heard = json_array();
	listened_key = routing_key;
	*probe = (struct bus_probe){.app_id = app_id};
	int code = viva_bus_open(&bus, &probe->bus, error);
	if (code == 0)
		code = viva_bus_listen(probe->bus, &routing_key, 1, on_message, NULL, &listener, error);
	struct viva_outbox_options outbox = viva_outbox_defaults();
	outbox.store = store;
	outbox.bus = probe->bus;
	outbox.service = app_id;
	outbox.clock = viva_system_clock();
	outbox.random = viva_system_random();
	return code == 0 ? viva_outbox_create(&outbox, &probe->outbox) : code;
}

void bus_probe_close(struct bus_probe *probe)
{
	probe->outbox = viva_outbox_close(probe->outbox, 1000);
	listener = viva_bus_listener_destroy(listener);
	probe->bus = viva_bus_destroy(probe->bus);
	json_decref(heard);
	heard = NULL;
}

void bus_probe_publish(struct bus_probe *probe, const char *routing_key, const char *type, const char *session_id,
		       struct viva_bytes body)
{
	const struct viva_bus_message message = {
		.routing_key = routing_key, .type = type, .session_id = session_id, .body = body};
	assert_ok(viva_bus_publish(probe->bus, &message, 1, INT64_MAX, NULL));
}

void bus_probe_publish_erasure(struct bus_probe *probe, const char *session_id)
{
	const struct viva_interview_erased event = {.session_id = session_id, .erased_at_ms = 1};
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	assert_ok(viva_event_write_interview_erased(&event, &body));
	bus_probe_publish(probe, VIVA_KEY_INTERVIEW_ERASED, VIVA_EVENT_INTERVIEW_ERASED, session_id,
			  viva_bytes_of(body.data, body.size));
	viva_buffer_finish(&body);
}

// What was heard, if the last of it is the mark, else NULL.
static json_t *take_heard(void)
{
	pthread_mutex_lock(&lock);
	size_t count = json_array_size(heard);
	const char *type =
		count > 0 ? json_string_value(json_object_get(json_array_get(heard, count - 1), "type")) : "";
	json_t *events = NULL;
	if (strcmp(type, "Mark") == 0) {
		events = heard;
		heard = json_array();
		json_array_remove(events, count - 1);
	}
	pthread_mutex_unlock(&lock);
	return events;
}

json_t *bus_probe_events(struct bus_probe *probe)
{
	int64_t waiting = 1;
	for (int i = 0; i < PAUSES && waiting > 0; i++) {
		assert_ok(viva_outbox_waiting(probe->outbox, &waiting, NULL));
		if (waiting > 0)
			usleep(PAUSE_US);
	}
	assert_int_equal(waiting, 0);
	// It comes after all that was published before.
	bus_probe_publish(probe, listened_key, "Mark", "mark", viva_bytes_of_text("{}"));
	for (int i = 0; i < PAUSES; i++) {
		json_t *events = take_heard();
		if (events)
			return events;
		usleep(PAUSE_US);
	}
	fail_msg("the mark was not heard");
	return NULL;
}

static int64_t messages_in(struct bus_probe *probe, const char *prefix)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const struct viva_bus_queue_status *queues;
	size_t count = 0;
	int64_t messages = 0;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_bus_queues(probe->bus, arena, &queues, &count, NULL));
	for (size_t i = 0; i < count; i++)
		if (strncmp(queues[i].name, prefix, strlen(prefix)) == 0)
			messages += queues[i].waiting + queues[i].unsettled;
	return messages;
}

void bus_probe_wait_for_queues(struct bus_probe *probe, const char *prefix)
{
	for (int i = 0; i < PAUSES && messages_in(probe, prefix) > 0; i++)
		usleep(PAUSE_US);
	assert_int_equal(messages_in(probe, prefix), 0);
}

static enum viva_bus_dead_letter_action drop_letter(const struct viva_bus_dead_letter *letter, void *context)
{
	(void)context;
	assert_true(strlen(letter->reason) > 0);
	return VIVA_BUS_DROP;
}

size_t bus_probe_drop_dead_letters(struct bus_probe *probe)
{
	size_t count = 0;
	assert_ok(viva_bus_visit_dead_letters(probe->bus, 1000, drop_letter, NULL, &count, NULL));
	return count;
}
