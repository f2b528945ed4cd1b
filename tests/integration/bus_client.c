// SPDX-License-Identifier: Apache-2.0
//
// A client of the bus for tests, where there is no stock one: the embedded bus speaks no protocol.
//
//   viva-bus-client listen URL     prints "listening", then each message as a line of JSON, until stdin ends
//   viva-bus-client publish URL    publishes each line of stdin, a message as listen prints it (type, message_id,
//   traceparent
//                           and timestamp_ms may be missing), and prints "ok" or the error's name
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "bus/bus.h"

enum { MAX_BODY_BYTES = 32 << 20, MAX_LINE_BYTES = 64 << 20 };
#define PATIENCE_US INT64_C(30000000)

static char *base64_of(struct viva_bytes bytes)
{
	size_t size = viva_base64_encoded_size(bytes.size);
	char *text = malloc(size + 1);
	if (!text)
		abort();
	viva_base64_encode(bytes.data, bytes.size, text);
	text[size] = '\0';
	return text;
}

static void print_message(const struct viva_bus_message *message, void *context)
{
	(void)context;
	VIVA_AUTO_FREE char *body = base64_of(message->body);
	VIVA_AUTO_JSON json = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "routing_key", message->routing_key, "type", message->type,
		"message_id", message->message_id, "app_id", message->app_id, "session_id", message->session_id,
		"traceparent", message->traceparent, "timestamp_ms", (json_int_t)message->timestamp_ms, "body", body);
	if (!json || json_dumpf(json, stdout, JSON_COMPACT) || putchar('\n') == EOF || fflush(stdout))
		abort();
}

static int listen_to_all(struct viva_bus *bus, struct viva_error *error)
{
	static const char *const keys[] = {VIVA_KEY_FRAME_CAPTURED,   VIVA_KEY_FRAME_ACCEPTED,
					   VIVA_KEY_EMOTION_ANALYZED, VIVA_KEY_INTERVIEW_COMPLETED,
					   VIVA_KEY_SCORE_CALCULATED, VIVA_KEY_INTERVIEW_ERASED,
					   VIVA_KEY_INTERVIEW_CHANGED};
	struct viva_bus_listener *listener = NULL;
	int status = viva_bus_listen(bus, keys, VIVA_COUNT(keys), print_message, NULL, &listener, error);
	if (status)
		return status;
	puts("listening");
	fflush(stdout);
	char byte;
	while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR) {}
	viva_bus_listener_destroy(listener);
	return 0;
}

static int publish_line(struct viva_bus *bus, const char *line, size_t size, struct viva_error *error)
{
	VIVA_AUTO_JSON json = NULL;
	int status = viva_json_parse_object(viva_bytes_of(line, size), MAX_LINE_BYTES, &json, error);
	if (status)
		return status;
	const char *body = json_string_value(json_object_get(json, "body"));
	struct viva_bus_message message = {
		.routing_key = json_string_value(json_object_get(json, "routing_key")),
		.type = json_string_value(json_object_get(json, "type")),
		.message_id = json_string_value(json_object_get(json, "message_id")),
		.session_id = json_string_value(json_object_get(json, "session_id")),
		.traceparent = json_string_value(json_object_get(json, "traceparent")),
		.timestamp_ms = json_integer_value(json_object_get(json, "timestamp_ms")),
	};
	VIVA_AUTO_FREE uint8_t *bytes = malloc(viva_base64_decoded_bound(strlen(body)) + 1);
	if (!bytes)
		return VIVA_ENOMEM;
	status = viva_base64_decode(body, strlen(body), bytes, &message.body.size);
	message.body.data = bytes;
	int64_t deadline_us = viva_clock_monotonic_us(viva_system_clock()) + PATIENCE_US;
	return status ? status : viva_bus_publish(bus, &message, 1, deadline_us, error);
}

static int publish_lines(struct viva_bus *bus)
{
	char *line = NULL;
	size_t capacity = 0;
	for (ssize_t size; (size = getline(&line, &capacity, stdin)) > 0;) {
		struct viva_error error = {0};
		int status = publish_line(bus, line, (size_t)size, &error);
		puts(status ? viva_error_name(status) : "ok");
		fflush(stdout);
	}
	free(line);
	return 0;
}

int main(int argument_count, char **arguments)
{
	if (argument_count != 3 || (strcmp(arguments[1], "listen") != 0 && strcmp(arguments[1], "publish") != 0)) {
		fprintf(stderr, "usage: viva-bus-client listen|publish URL\n");
		return 2;
	}
	struct viva_bus_options options = viva_bus_defaults();
	options.url = arguments[2];
	options.app_id = "test";
	options.max_message_bytes = MAX_BODY_BYTES;
	VIVA_AUTO(viva_bus) bus = NULL;
	struct viva_error error = {0};
	int status = viva_bus_open(&options, &bus, &error);
	if (!status)
		status = strcmp(arguments[1], "listen") == 0 ? listen_to_all(bus, &error) : publish_lines(bus);
	if (status)
		fprintf(stderr, "viva-bus-client: %s\n", viva_error_message(&error));
	return status ? 1 : 0;
}
