// SPDX-License-Identifier: Apache-2.0
#include "operate/letter.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "operate/text.h"

enum { MAX_BODY_BYTES = 64 << 20, MAX_REASON_CELL = 80 };

static const char *time_text(struct viva_arena *arena, int64_t unix_ms, const char *unknown)
{
	char text[32];
	if (unix_ms <= 0)
		return unknown;
	viva_rfc3339_from_unix_ms(unix_ms, text);
	return operate_clean_text(arena, text);
}

void operate_letter_cells(struct viva_arena *arena, const struct viva_bus_dead_letter *letter,
			  const char *ret_cells[OPERATE_LETTER_COLUMNS])
{
	static const char *const headings[] = {"ID", "QUEUE", "TYPE", "DIED", "RETRIES", "REASON"};
	_Static_assert(VIVA_COUNT(headings) == OPERATE_LETTER_COLUMNS, "each column has a heading");
	if (!letter) {
		memcpy(ret_cells, headings, sizeof headings);
		return;
	}
	const char *reason = operate_clean_text(arena, letter->reason);
	size_t cut = viva_utf8_cut(reason, strlen(reason), MAX_REASON_CELL);
	const char *retries = viva_arena_printf(arena, "%d", letter->retries);
	const char *short_reason = reason[cut] ? viva_arena_printf(arena, "%.*s…", (int)cut, reason) : reason;
	ret_cells[0] = operate_clean_text(arena, letter->message.message_id);
	ret_cells[1] = operate_clean_text(arena, letter->queue);
	ret_cells[2] = operate_clean_text(arena, letter->message.type);
	ret_cells[3] = time_text(arena, letter->died_at_ms, "-");
	ret_cells[4] = retries ? retries : "?";
	ret_cells[5] = short_reason ? short_reason : "?";
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

json_t *operate_letter_json(struct viva_arena *arena, const struct viva_bus_dead_letter *letter)
{
	const struct viva_bus_message *message = &letter->message;
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:I}", "id",
		operate_clean_text(arena, message->message_id), "queue", operate_clean_text(arena, letter->queue),
		"reason", operate_clean_text(arena, letter->reason), "type", operate_clean_text(arena, message->type),
		"routing_key", operate_clean_text(arena, message->routing_key), "session_id",
		operate_clean_text(arena, message->session_id), "published_by",
		operate_clean_text(arena, message->app_id), "traceparent",
		operate_clean_text(arena, message->traceparent), "retries", letter->retries, "died_at",
		text_or_null(time_text(arena, letter->died_at_ms, NULL)), "published_at",
		text_or_null(time_text(arena, message->timestamp_ms, NULL)), "bytes", (json_int_t)message->body.size);
}

// Numbers and truth values are shown as they are, of the rest only kind and size.
static json_t *member_json(const json_t *member)
{
	switch (json_typeof(member)) {
	case JSON_STRING:
		return json_sprintf("text of %zu bytes", json_string_length(member));
	case JSON_OBJECT:
		return json_sprintf("object of %zu members", json_object_size(member));
	case JSON_ARRAY:
		return json_sprintf("list of %zu", json_array_size(member));
	default:
		return json_deep_copy(member);
	}
}

static json_t *members_json(struct viva_bytes body)
{
	VIVA_AUTO_JSON object = NULL;
	if (viva_json_parse_object(body, MAX_BODY_BYTES, &object, NULL))
		return json_null();
	json_t *members = json_object();
	const char *name;
	json_t *member;
	json_object_foreach(object, name, member)
	{
		if (json_object_set_new(members, name, member_json(member))) {
			json_decref(members);
			return NULL;
		}
	}
	return members;
}

json_t *operate_body_json(struct viva_bytes body)
{
	return json_pack("{s:I, s:o}", "bytes", (json_int_t)body.size, "members", members_json(body));
}

static void print_body(struct viva_arena *arena, struct viva_bytes body)
{
	VIVA_AUTO_JSON summary = operate_body_json(body);
	const json_t *members = summary ? json_object_get(summary, "members") : NULL;
	printf("body           %zu bytes%s\n", body.size,
	       json_is_object(members) ? " of JSON, of which are shown kinds and sizes (all of it: --raw)"
				       : ", no JSON object (all of it: --raw)");
	const char *name;
	json_t *member;
	json_object_foreach((json_t *)(uintptr_t)members, name, member)
	{
		const char *text = json_is_string(member) ? json_string_value(member) : viva_json_text(arena, member);
		printf("  %s: %s\n", operate_clean_text(arena, name), text ? text : "?");
	}
}

void operate_print_letter(struct viva_arena *arena, const struct viva_bus_dead_letter *letter)
{
	const struct viva_bus_message *message = &letter->message;
	const struct {
		const char *name, *text;
	} lines[] = {
		{"id", operate_clean_text(arena, message->message_id)},
		{"queue", operate_clean_text(arena, letter->queue)},
		{"reason", operate_clean_text(arena, letter->reason)},
		{"died at", time_text(arena, letter->died_at_ms, "unknown")},
		{"type", operate_clean_text(arena, message->type)},
		{"routing key", operate_clean_text(arena, message->routing_key)},
		{"session", operate_clean_text(arena, message->session_id)},
		{"published by", operate_clean_text(arena, message->app_id)},
		{"published at", time_text(arena, message->timestamp_ms, "unknown")},
		{"trace", operate_clean_text(arena, message->traceparent)},
	};
	for (size_t i = 0; i < VIVA_COUNT(lines); i++)
		printf("%-13s  %s\n", lines[i].name, lines[i].text);
	printf("%-13s  %d\n", "retries", letter->retries);
	print_body(arena, message->body);
}
