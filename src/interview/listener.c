// SPDX-License-Identifier: Apache-2.0
#include "interview/listener.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "events/events.h"
#include "interview/erase.h"
#include "interview/meters.h"
#include "interview/news.h"
#include "interview/score.h"
#include "interview/updates.h"

enum { LOOK_THREADS = 4, MAX_LOOKS_WAITING = 1024 };

struct interview_listener {
	struct interview_service *service;
	struct viva_pool *pool;
	struct viva_bus_listener *listener;
};

// The session that a message is about: the bus says it of what services of ours publish, and else the body.
static const char *session_id_of(const struct viva_bus_message *message, struct viva_arena *arena)
{
	if (message->session_id[0] != '\0')
		return message->session_id;
	VIVA_AUTO_JSON json = NULL;
	const char *id = "";
	if (!viva_json_parse_object(message->body, VIVA_EVENT_MAX_SMALL_BYTES, &json, NULL))
		(void)!viva_json_get_text(json, "session_id", false, 0, VIVA_EVENT_MAX_SESSION_ID, &id, NULL);
	const char *copy = viva_arena_text(arena, id, strlen(id));
	return copy ? copy : "";
}

// The session if it has sockets here; held.
static struct interview_session *find_session(struct interview_service *service, const char *id)
{
	struct interview_session *session = interview_session_find(service->sessions, id);
	if (session && !interview_session_has_sockets(session))
		session = interview_session_unref(session);
	return session;
}

static void count_unreadable(const char *type, const struct viva_error *error)
{
	viva_metric_add(interview_meters()->events_unreadable, 1);
	viva_log_debug("an event of type %s can't be read: %s", type, viva_error_message(error));
}

// Live frames were answered by whoever called. But of one whose answer was lost, and that went into the queue, the live
// analysis is the only one: the emotion service drops what it has analysed already.
static bool is_to_be_told(struct interview_session *session, const struct viva_emotion_analyzed *event)
{
	int64_t number = json_integer_value(json_object_get(event->metadata, "frame_number"));
	const char *source = json_string_value(json_object_get(event->metadata, "source"));
	bool was_fallen = interview_session_take_fallen(session, number);
	return was_fallen || (source && strcmp(source, "queue") == 0);
}

static void tell_emotion(struct interview_session *session, struct viva_bytes body, struct viva_arena *arena)
{
	struct viva_emotion_analyzed event;
	struct viva_error error = {0};
	if (viva_event_read_emotion_analyzed(body, arena, &event, &error)) {
		count_unreadable(VIVA_EVENT_EMOTION_ANALYZED, &error);
		return;
	}
	if (!is_to_be_told(session, &event))
		return;
	struct interview_sighting sighting = interview_sighting_of_event(&event);
	if (interview_announce_sighting(session, &sighting, false, arena))
		viva_metric_add(interview_meters()->pushes_emotion, 1);
}

static void on_emotion(struct interview_listener *listener, const struct viva_bus_message *message,
		       struct viva_arena *arena)
{
	struct interview_session *session = find_session(listener->service, session_id_of(message, arena));
	if (session)
		tell_emotion(session, message->body, arena);
	interview_session_unref(session);
	viva_metric_add(interview_meters()->events_emotion, 1);
}

// ---- what takes reading the store, or more

struct look {
	struct interview_service *service;
	char id[VIVA_UUID_SIZE];
};

static void adopt_score(void *context)
{
	struct look *look = context;
	struct viva_error error = {0};
	size_t told = 0;
	viva_log_set_context(NULL, look->id);
	// A client that misses it here gets it when it connects again.
	if (interview_adopt_score(look->service, look->id, &told, &error))
		viva_log_info("a score can't be told: %s", viva_error_message(&error));
	viva_metric_add(interview_meters()->pushes_score, (double)told);
	viva_metric_add(interview_meters()->events_score, 1);
	viva_log_set_context(NULL, NULL);
	free(look);
}

static void tell_change(void *context)
{
	struct look *look = context;
	VIVA_AUTO(viva_arena) arena = NULL;
	viva_log_set_context(NULL, look->id);
	if (!viva_arena_create(0, &arena))
		interview_tell_news(look->service, look->id, arena);
	viva_metric_add(interview_meters()->events_change, 1);
	viva_log_set_context(NULL, NULL);
	free(look);
}

// Has the interview of the message looked at on a thread of our own, if it has sockets here.
static void look_at(struct interview_listener *listener, const struct viva_bus_message *message,
		    struct viva_arena *arena, viva_task_function *run, struct viva_metric *events)
{
	struct interview_session *session = find_session(listener->service, session_id_of(message, arena));
	struct look *look = session ? calloc(1, sizeof *look) : NULL;
	if (look) {
		look->service = listener->service;
		memcpy(look->id, session->id, sizeof look->id);
	}
	interview_session_unref(session);
	if (look && !viva_pool_submit(listener->pool, run, look))
		return;
	free(look);
	viva_metric_add(events, 1);
}

static void on_score(struct interview_listener *listener, const struct viva_bus_message *message,
		     struct viva_arena *arena)
{
	look_at(listener, message, arena, adopt_score, interview_meters()->events_score);
}

static void on_change(struct interview_listener *listener, const struct viva_bus_message *message,
		      struct viva_arena *arena)
{
	look_at(listener, message, arena, tell_change, interview_meters()->events_change);
}

// ----

static void on_erasure(struct interview_listener *listener, const struct viva_bus_message *message,
		       struct viva_arena *arena)
{
	interview_forget_erased(listener->service, session_id_of(message, arena), arena);
	viva_metric_add(interview_meters()->events_erasure, 1);
}

static const struct {
	const char *routing_key;
	void (*take)(struct interview_listener *listener, const struct viva_bus_message *message,
		     struct viva_arena *arena);
} SUBJECTS[] = {
	{VIVA_KEY_EMOTION_ANALYZED, on_emotion},
	{VIVA_KEY_SCORE_CALCULATED, on_score},
	{VIVA_KEY_INTERVIEW_ERASED, on_erasure},
	{VIVA_KEY_INTERVIEW_CHANGED, on_change},
};

static void on_message(const struct viva_bus_message *message, void *context)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return;
	for (size_t i = 0; i < VIVA_COUNT(SUBJECTS); i++) {
		if (strcmp(message->routing_key, SUBJECTS[i].routing_key) == 0)
			SUBJECTS[i].take(context, message, arena);
	}
}

int interview_listener_create(struct interview_service *service, struct interview_listener **ret_listener,
			      struct viva_error *error)
{
	const char *keys[VIVA_COUNT(SUBJECTS)];
	for (size_t i = 0; i < VIVA_COUNT(SUBJECTS); i++)
		keys[i] = SUBJECTS[i].routing_key;
	struct interview_listener *listener = calloc(1, sizeof *listener);
	if (!listener)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to listen to the bus");
	listener->service = service;
	struct viva_pool_options pool = viva_pool_defaults();
	pool.name = "events";
	pool.threads = LOOK_THREADS;
	pool.max_waiting = MAX_LOOKS_WAITING;
	int status = viva_pool_create(&pool, &listener->pool);
	if (status)
		viva_fail(error, status, NULL, "no threads to listen to the bus");
	else
		status = viva_bus_listen(service->runtime.bus, keys, VIVA_COUNT(keys), on_message, listener,
					 &listener->listener, error);
	if (status) {
		interview_listener_destroy(listener);
		return status;
	}
	*ret_listener = listener;
	return 0;
}

struct interview_listener *interview_listener_destroy(struct interview_listener *listener)
{
	if (!listener)
		return NULL;
	viva_bus_listener_destroy(listener->listener);
	viva_pool_destroy(listener->pool);
	free(listener);
	return NULL;
}
