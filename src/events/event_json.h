// SPDX-License-Identifier: Apache-2.0
//
// What the events' writers and readers share: members that more than one event has.
//
// Threads: any; nothing blocks.
#ifndef VIVA_EVENTS_EVENT_JSON_H
#define VIVA_EVENTS_EVENT_JSON_H

#include "events/events.h"

// Appends the value, or nothing. VIVA_ELIMIT, VIVA_ENOMEM; NULL, which is what jansson's makers give for want of
// memory, too.
VIVA_MUST_CHECK int event_put_json(struct viva_buffer *out, const json_t *json);
// A text for json_pack's "o". NULL for want of memory.
json_t *event_time(int64_t unix_ms);
json_t *event_number(double value);

// A whole body as an object. VIVA_ELIMIT (beyond max_bytes), VIVA_EJSON, VIVA_EFIELD, VIVA_ENOMEM.
VIVA_MUST_CHECK int event_parse(struct viva_bytes body, size_t max_bytes, json_t **ret_json, struct viva_error *error);
// A text of min_bytes to max_bytes, copied into the arena. VIVA_EFIELD, VIVA_ENOMEM.
VIVA_MUST_CHECK int event_get_text(const json_t *json, const char *name, size_t min_bytes, size_t max_bytes,
				   struct viva_arena *arena, const char **ret_text, struct viva_error *error);
VIVA_MUST_CHECK int event_get_session_id(const json_t *json, struct viva_arena *arena, const char **ret_session_id,
					 struct viva_error *error);
// An RFC 3339 time after 1970. VIVA_EFIELD.
VIVA_MUST_CHECK int event_get_time(const json_t *json, const char *name, int64_t *ret_unix_ms,
				   struct viva_error *error);

#endif
