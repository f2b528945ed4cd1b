// SPDX-License-Identifier: Apache-2.0
#include "events_fixture.h"

#include <string.h>

#include "viva_test.h"

#define DEFINE_KIND(kind)                                                                                              \
	static int read_##kind(struct viva_bytes body, struct viva_arena *arena, union any_event *ret_event,           \
			       struct viva_error *error)                                                               \
	{                                                                                                              \
		return viva_event_read_##kind(body, arena, &ret_event->kind, error);                                   \
	}                                                                                                              \
	static int write_##kind(const union any_event *event, struct viva_buffer *out)                                 \
	{                                                                                                              \
		return viva_event_write_##kind(&event->kind, out);                                                     \
	}
DEFINE_KIND(frame_captured)
DEFINE_KIND(emotion_analyzed)
DEFINE_KIND(interview_completed)
DEFINE_KIND(score_calculated)
DEFINE_KIND(interview_erased)
DEFINE_KIND(interview_changed)

const struct event_kind event_kinds[EVENT_KINDS] = {
	{VIVA_EVENT_FRAME_CAPTURED,
	 "{\"session_id\":\"s-1\",\"timestamp\":\"2026-11-24T03:01:16.123Z\",\"image_data\":\"/9j/4AA=\","
	 "\"format\":\"jpeg\",\"frame_number\":7}",
	 read_frame_captured, write_frame_captured},
	{VIVA_EVENT_EMOTION_ANALYZED,
	 "{\"session_id\":\"s-1\",\"timestamp\":\"2026-11-24T03:01:16.123Z\",\"emotion\":\"happy\",\"confidence\":0.87,"
	 "\"blink_count\":4,\"metadata\":{\"frame_number\":7,\"source\":\"queue\"}}",
	 read_emotion_analyzed, write_emotion_analyzed},
	{VIVA_EVENT_INTERVIEW_COMPLETED,
	 "{\"session_id\":\"s-1\",\"user_id\":\"Jos\xc3\xa9 <&>\",\"completed_at\":\"2026-11-24T03:01:16.123Z\","
	 "\"total_duration\":600,\"answer_count\":5,\"queued_frames\":12}",
	 read_interview_completed, write_interview_completed},
	{VIVA_EVENT_SCORE_CALCULATED,
	 "{\"session_id\":\"s-1\",\"technical_score\":71.25,\"communication_score\":80.5,\"emotion_score\":0.0,"
	 "\"overall_score\":75.875,\"calculated_at\":\"2026-11-24T03:01:16.123Z\"}",
	 read_score_calculated, write_score_calculated},
	{VIVA_EVENT_INTERVIEW_ERASED, "{\"session_id\":\"s-1\",\"erased_at\":\"2026-11-24T03:01:16.123Z\"}",
	 read_interview_erased, write_interview_erased},
	{VIVA_EVENT_INTERVIEW_CHANGED, "{\"session_id\":\"s-1\",\"changed_at\":\"2026-11-24T03:01:16.123Z\"}",
	 read_interview_changed, write_interview_changed},
};

char *replaced(struct viva_arena *arena, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	assert_non_null(at);
	char *result = viva_arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	assert_non_null(result);
	return result;
}
