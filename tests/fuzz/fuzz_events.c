// SPDX-License-Identifier: Apache-2.0
//
// A message from anywhere, read as each event: what is read is written, and reads the same again. A frame's picture,
// which is found in place, must be the one that a tree of the whole message has.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "events/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

// Reads `body`, writes what was read into `first`, reads that and writes it into `second`: no difference may be left.
#define CHECK(kind)                                                                                                    \
	static bool check_##kind(struct viva_bytes body, struct viva_buffer *first, struct viva_buffer *second,        \
				 struct viva_arena *arena)                                                             \
	{                                                                                                              \
		struct viva_##kind event;                                                                              \
		struct viva_error error = {0};                                                                         \
		int status = viva_event_read_##kind(body, arena, &event, &error);                                      \
		require(status == error.code);                                                                         \
		if (status)                                                                                            \
			return false;                                                                                  \
		require(viva_event_write_##kind(&event, first) == 0);                                                  \
		require(viva_event_read_##kind(viva_bytes_of(first->data, first->size), arena, &event, NULL) == 0);    \
		require(viva_event_write_##kind(&event, second) == 0);                                                 \
		require(first->size == second->size && memcmp(first->data, second->data, first->size) == 0);           \
		return true;                                                                                           \
	}
CHECK(frame_captured)
CHECK(emotion_analyzed)
CHECK(interview_completed)
CHECK(score_calculated)
CHECK(interview_erased)
CHECK(interview_changed)

// The picture as our writer wrote it against the message's own member, but for what may differ: line breaks and null.
static void compare_picture(struct viva_bytes body, const struct viva_buffer *written)
{
	VIVA_AUTO_JSON theirs = NULL;
	VIVA_AUTO_JSON ours = NULL;
	require(viva_json_parse_object_last_wins(body, body.size, &theirs, NULL) == 0);
	require(viva_json_parse_object(viva_bytes_of(written->data, written->size), written->size, &ours, NULL) == 0);
	const char *wanted = json_string_value(json_object_get(theirs, "image_data"));
	if (wanted && !strpbrk(wanted, "\r\n"))
		require(strcmp(wanted, json_string_value(json_object_get(ours, "image_data"))) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool (*const checks[])(struct viva_bytes body, struct viva_buffer * first, struct viva_buffer * second,
				      struct viva_arena * arena) = {check_frame_captured,      check_emotion_analyzed,
								    check_interview_completed, check_score_calculated,
								    check_interview_erased,    check_interview_changed};
	for (size_t i = 0; i < VIVA_COUNT(checks); i++) {
		struct viva_buffer first, second;
		viva_buffer_init(&first, VIVA_EVENT_MAX_FRAME_BYTES);
		viva_buffer_init(&second, VIVA_EVENT_MAX_FRAME_BYTES);
		VIVA_AUTO(viva_arena) arena = NULL;
		require(viva_arena_create(0, &arena) == 0);
		if (checks[i](viva_bytes_of(data, size), &first, &second, arena) && i == 0)
			compare_picture(viva_bytes_of(data, size), &first);
		viva_buffer_finish(&first);
		viva_buffer_finish(&second);
	}
	return 0;
}
