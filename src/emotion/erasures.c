// SPDX-License-Identifier: Apache-2.0
#include "emotion/erasures.h"

#include <stdlib.h>

#include "base/log.h"
#include "emotion/analysis.h"
#include "events/events.h"

enum { PREFETCH = 16 };
// Longer than any message of the session may wait in a queue.
#define REMEMBERED_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct emotion_erasures {
	struct emotion_service *service;
	struct viva_bus_consumer *consumer;
	struct viva_metric *done;
	struct viva_metric *bad;
	struct viva_metric *deferred;
};

static int erase(struct emotion_erasures *erasures, const struct viva_bus_message *message, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_interview_erased event;
	int code = viva_event_check_type(message->type, VIVA_EVENT_INTERVIEW_ERASED, error);
	if (code == 0)
		code = viva_arena_create(0, &arena);
	if (code == 0)
		code = viva_event_read_interview_erased(message->body, arena, &event, error);
	if (code != 0)
		return code;
	viva_log_set_session(event.session_id);
	struct emotion_service *service = erasures->service;
	return emotion_erase(service, event.session_id, viva_clock_unix_ms(service->clock) + REMEMBERED_MS, error);
}

// On the consumer's thread: erasures are rare. One that can't be done now must be done later, however long that takes.
static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct emotion_erasures *erasures = context;
	const struct viva_bus_message *message = viva_bus_delivery_message(delivery);
	struct viva_error reason = {0};
	viva_log_set_context(message->message_id, NULL);
	int code = erase(erasures, message, &reason);
	bool is_bad = code == VIVA_EJSON || code == VIVA_EFIELD || code == VIVA_ELIMIT || code == VIVA_EUNKNOWNTYPE;
	const char *text = reason.code ? viva_error_message(&reason) : viva_error_text(code);
	if (code != 0)
		viva_log_warn("a session was not erased: %s", text);
	viva_metric_add(code == 0 ? erasures->done : is_bad ? erasures->bad : erasures->deferred, 1);
	viva_bus_settle(delivery, code == 0 ? VIVA_BUS_ACK : is_bad ? VIVA_BUS_DEAD : VIVA_BUS_DEFER, text);
	viva_log_set_context(NULL, NULL);
}

int emotion_erasures_create(struct emotion_service *service, struct emotion_erasures **ret_erasures,
			    struct viva_error *error)
{
	static const char name[] = "viva_emotion_erasures_total", help[] = "Erasures that the bus told of, by outcome";
	struct emotion_erasures *erasures = calloc(1, sizeof *erasures);
	if (!erasures)
		return VIVA_ENOMEM;
	erasures->service = service;
	erasures->done = viva_counter(name, "result=\"done\"", help);
	erasures->bad = viva_counter(name, "result=\"bad_message\"", help);
	erasures->deferred = viva_counter(name, "result=\"deferred\"", help);
	const struct viva_bus_subscription subscription = {
		.queue = VIVA_QUEUE_EMOTION_ERASURES,
		.prefetch = PREFETCH,
		.on_delivery = on_delivery,
		.context = erasures,
	};
	int code = viva_bus_consume(service->bus, &subscription, &erasures->consumer, error);
	if (code == 0)
		*ret_erasures = erasures;
	else
		free(erasures);
	return code;
}

void emotion_erasures_stop(struct emotion_erasures *erasures)
{
	viva_bus_consumer_stop(erasures->consumer);
}

struct emotion_erasures *emotion_erasures_destroy(struct emotion_erasures *erasures)
{
	if (!erasures)
		return NULL;
	viva_bus_consumer_destroy(erasures->consumer);
	free(erasures);
	return NULL;
}
