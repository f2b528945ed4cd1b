// SPDX-License-Identifier: Apache-2.0
//
// What a message must be to be published, and what it gets if it came without.
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "bus/bus_backend.h"

static int check_text(const char *text, const char *name, struct viva_error *error)
{
	if (text && strlen(text) > VIVA_BUS_MAX_TEXT)
		return viva_fail(error, VIVA_EINVAL, name, "a message's %s has at most %d bytes", name,
				 VIVA_BUS_MAX_TEXT);
	return 0;
}

int viva_bus_check_message(const struct viva_bus_options *options, const struct viva_bus_message *message,
			   struct viva_error *error)
{
	if (viva_bus_key(message->routing_key) == VIVA_BUS_KEY_COUNT)
		return viva_fail(error, VIVA_EINVAL, "routing_key", "there is no such routing key");
	if (!message->type || message->type[0] == '\0' || !message->session_id)
		return viva_fail(error, VIVA_EINVAL, message->session_id ? "type" : "session_id",
				 "a message needs a type and a session");
	if (message->body.size > options->max_message_bytes)
		return viva_fail(error, VIVA_ELIMIT, NULL, "a message of %zu bytes is larger than the %zu allowed",
				 message->body.size, options->max_message_bytes);
	int status = check_text(message->type, "type", error);
	if (!status)
		status = check_text(message->session_id, "session_id", error);
	if (!status)
		status = check_text(message->message_id, "message_id", error);
	if (!status)
		status = check_text(message->traceparent, "traceparent", error);
	return status;
}

// W3C Trace Context §3.2: version 00, a trace, a span, sampled.
static void begin_trace(struct viva_random *random, char ret_text[VIVA_BUS_TRACEPARENT_SIZE])
{
	unsigned char ids[24];
	char hex[2 * sizeof ids + 1];
	random->fill(random, ids, sizeof ids);
	ids[0] |= 1;  // neither id may be all zeros
	ids[16] |= 1;
	viva_hex_encode(ids, sizeof ids, hex);
	snprintf(ret_text, VIVA_BUS_TRACEPARENT_SIZE, "00-%.32s-%.16s-01", hex, hex + 32);
}

void viva_bus_complete_message(const struct viva_bus_options *options, struct viva_bus_message *message,
			       struct viva_bus_completion *texts)
{
	if (!message->message_id) {
		viva_uuid7(options->clock, options->random, texts->message_id);
		message->message_id = texts->message_id;
	}
	if (!message->traceparent) {
		begin_trace(options->random, texts->traceparent);
		message->traceparent = texts->traceparent;
	}
	if (message->timestamp_ms == 0)
		message->timestamp_ms = options->clock->unix_ms(options->clock);
	message->app_id = options->app_id;
}
