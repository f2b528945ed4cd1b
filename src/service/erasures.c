// SPDX-License-Identifier: Apache-2.0
#include "service/erasures.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/metrics.h"
#include "events/events.h"

enum { PREFETCH = 16 };
// Longer than any message of the session may wait in a queue.
#define REMEMBERED_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct viva_erasures {
	struct viva_erasures_options options;
	struct viva_bus_consumer *consumer;
	struct viva_metric *done, *bad, *deferred;
};

static int erase(const struct viva_erasures *erasures, const struct viva_bus_message *message, struct viva_error *error)
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
	const struct viva_erasures_options *options = &erasures->options;
	return options->erase(options->context, event.session_id, viva_clock_unix_ms(options->clock) + REMEMBERED_MS,
			      error);
}

static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	const struct viva_erasures *erasures = context;
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

int viva_erasures_create(const struct viva_erasures_options *options, struct viva_erasures **ret_erasures,
			 struct viva_error *error)
{
	static const char help[] = "Erasures that the bus told of, by outcome";
	struct viva_erasures *erasures = calloc(1, sizeof *erasures);
	if (!erasures)
		return VIVA_ENOMEM;
	erasures->options = *options;
	erasures->done = viva_counter(options->metric, "result=\"done\"", help);
	erasures->bad = viva_counter(options->metric, "result=\"bad_message\"", help);
	erasures->deferred = viva_counter(options->metric, "result=\"deferred\"", help);
	const struct viva_bus_subscription subscription = {
		.queue = options->queue,
		.prefetch = PREFETCH,
		.on_delivery = on_delivery,
		.context = erasures,
	};
	int code = viva_bus_consume(options->bus, &subscription, &erasures->consumer, error);
	if (code == 0)
		*ret_erasures = erasures;
	else
		free(erasures);
	return code;
}

void viva_erasures_stop(struct viva_erasures *erasures)
{
	if (erasures)
		viva_bus_consumer_stop(erasures->consumer);
}

struct viva_erasures *viva_erasures_destroy(struct viva_erasures *erasures)
{
	if (!erasures)
		return NULL;
	viva_bus_consumer_destroy(erasures->consumer);
	free(erasures);
	return NULL;
}
