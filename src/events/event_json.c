// SPDX-License-Identifier: Apache-2.0
#include "events/event_json.h"

#include "base/text.h"

// Decimals of a number: more than a float has.
enum { DIGITS = 6 };

struct target {
	struct viva_buffer *buffer;
	int status;
};

static int append(const char *text, size_t size, void *context)
{
	struct target *target = context;
	// jansson goes on after a failure here and there.
	if (!target->status)
		target->status = viva_buffer_append(target->buffer, text, size);
	return target->status ? -1 : 0;
}

int event_put_json(struct viva_buffer *out, const json_t *json)
{
	if (!json)
		return VIVA_ENOMEM;
	struct target target = {.buffer = out};
	size_t start = out->size;
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
	int status = json_dump_callback(json, append, &target, flags) == 0 ? 0 : VIVA_ENOMEM;
	if (target.status)
		status = target.status;
	if (status)
		out->size = start;
	return status;
}

json_t *event_time(int64_t unix_ms)
{
	char text[32];
	viva_rfc3339_from_unix_ms(unix_ms, text);
	return json_string(text);
}

json_t *event_number(double value)
{
	return viva_json_real(value, DIGITS);
}

int event_parse(struct viva_bytes body, size_t max_bytes, json_t **ret_json, struct viva_error *error)
{
	if (body.size > max_bytes)
		return viva_fail(error, VIVA_ELIMIT, NULL, "the message has more than %zu bytes", max_bytes);
	return viva_json_parse_object_last_wins(body, max_bytes, ret_json, error);
}

int event_get_text(const json_t *json, const char *name, size_t min_bytes, size_t max_bytes, struct viva_arena *arena,
		   const char **ret_text, struct viva_error *error)
{
	const char *text = NULL;
	int status = viva_json_get_text(json, name, true, min_bytes, max_bytes, &text, error);
	if (status)
		return status;
	char *copy = viva_arena_text(arena, text, json_string_length(json_object_get(json, name)));
	if (!copy)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a message");
	*ret_text = copy;
	return 0;
}

int event_get_session_id(const json_t *json, struct viva_arena *arena, const char **ret_session_id,
			 struct viva_error *error)
{
	static const char name[] = "session_id";
	const char *text = NULL;
	int status = event_get_text(json, name, 1, VIVA_EVENT_MAX_SESSION_ID, arena, &text, error);
	if (status)
		return status;
	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be of visible ASCII characters", name);
	}
	*ret_session_id = text;
	return 0;
}

int event_get_time(const json_t *json, const char *name, int64_t *ret_unix_ms, struct viva_error *error)
{
	enum { MAX_BYTES = 64 };
	const char *text = NULL;
	int64_t unix_ms = 0;
	int status = viva_json_get_text(json, name, true, 0, MAX_BYTES, &text, error);
	if (status)
		return status;
	if (viva_rfc3339_to_unix_ms(text, &unix_ms))
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be a time as RFC 3339 has it", name);
	if (unix_ms <= 0)
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be after 1970", name);
	*ret_unix_ms = unix_ms;
	return 0;
}
