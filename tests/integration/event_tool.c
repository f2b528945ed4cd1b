// SPDX-License-Identifier: Apache-2.0
//
// The events' writers and readers for tests in other languages. A line is an event's name, a tab and its JSON.
//
//   viva-events write    prints events as Viva writes them
//   viva-events read     reads lines from stdin; for each prints the event as Viva writes it, or "error", a tab, the
//                        error's name, a tab, the member at fault
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/events.h"

enum { PICTURES = 5 };

static void finish_line(const char *name, int status, struct viva_buffer *out)
{
	if (status)
		printf("error\t%s\t\n", viva_error_name(status));
	else
		printf("%s\t%.*s\n", name, (int)out->size, (const char *)out->data);
	out->size = 0;
}

#define SESSION "0198c9a1-7c1e-7b1e-8f3a-2f6d1f0a9b11"
#define TIME INT64_C(1795489276123)

static void write_frames(struct viva_buffer *out)
{
	static const uint8_t bytes[] = {0xff, 0xd8, 0xff, 0xe0, 0x00, 0xfb, 0xef, 0xbe, 0x3e, 0x3f};
	for (size_t i = 0; i < PICTURES; i++) {
		struct viva_frame_captured event = {.session_id = i ? SESSION : "\"\\</>&'!~",
						    .timestamp_ms = TIME + (int64_t)i,
						    .image = viva_bytes_of(bytes, sizeof bytes - i),
						    .format = i % 2 ? "png" : "jpeg",
						    .frame_number = i ? (int64_t)i : INT64_MAX,
						    .keep = i % 2,
						    .question = (int64_t)i};
		finish_line(VIVA_EVENT_FRAME_CAPTURED, viva_event_write_frame_captured(&event, out), out);
	}
}

static void write_emotions(struct viva_buffer *out)
{
	VIVA_AUTO_JSON face = json_pack("{s:i, s:b, s:f, s:s, s:f, s:i, s:{s:i, s:i, s:i, s:i}}", "frame_number", 7,
					"face_detected", 1, "latency_ms", 12.25, "source", "queue", "attention", 0.93,
					"face_count", 1, "face", "x", -3, "y", 96, "width", 180, "height", 180);
	VIVA_AUTO_JSON nobody = json_pack("{s:i, s:b, s:i, s:s, s:i, s:i}", "frame_number", 0, "face_detected", 0,
					  "latency_ms", 0, "source", "live", "attention", 0, "face_count", 0);
	struct viva_emotion_analyzed event = {.session_id = SESSION,
					      .timestamp_ms = TIME,
					      .emotion = "happy",
					      .confidence = 0.87,
					      .blink_count = 4,
					      .metadata = face};
	finish_line(VIVA_EVENT_EMOTION_ANALYZED, viva_event_write_emotion_analyzed(&event, out), out);
	event.confidence = 1e-6;
	finish_line(VIVA_EVENT_EMOTION_ANALYZED, viva_event_write_emotion_analyzed(&event, out), out);
	event = (struct viva_emotion_analyzed){
		.session_id = SESSION, .timestamp_ms = 1, .emotion = "", .metadata = nobody};
	finish_line(VIVA_EVENT_EMOTION_ANALYZED, viva_event_write_emotion_analyzed(&event, out), out);
}

static void write_others(struct viva_buffer *out)
{
	struct viva_interview_completed completed = {.session_id = SESSION,
						     .user_id = "Jos\xc3\xa9 <b>&\xe2\x80\xa8\n\"\\\xf0\x9f\x98\x80",
						     .completed_at_ms = TIME,
						     .total_duration_s = 600,
						     .answer_count = 5,
						     .queued_frames = 12};
	finish_line(VIVA_EVENT_INTERVIEW_COMPLETED, viva_event_write_interview_completed(&completed, out), out);
	completed.queued_frames = -1;
	completed.total_duration_s = completed.answer_count = 0;
	finish_line(VIVA_EVENT_INTERVIEW_COMPLETED, viva_event_write_interview_completed(&completed, out), out);
	struct viva_score_calculated score = {.session_id = SESSION,
					      .technical_score = 71.25,
					      .communication_score = 100,
					      .overall_score = 75.875,
					      .calculated_at_ms = INT64_C(253402300799999)};
	finish_line(VIVA_EVENT_SCORE_CALCULATED, viva_event_write_score_calculated(&score, out), out);
	struct viva_interview_erased erased = {.session_id = SESSION, .erased_at_ms = TIME};
	finish_line(VIVA_EVENT_INTERVIEW_ERASED, viva_event_write_interview_erased(&erased, out), out);
	struct viva_interview_changed changed = {.session_id = SESSION, .changed_at_ms = TIME};
	finish_line(VIVA_EVENT_INTERVIEW_CHANGED, viva_event_write_interview_changed(&changed, out), out);
}

#define DEFINE_COPY(kind)                                                                                              \
	static int copy_##kind(struct viva_bytes body, struct viva_arena *arena, struct viva_buffer *out,              \
			       struct viva_error *error)                                                               \
	{                                                                                                              \
		struct viva_##kind event;                                                                              \
		int status = viva_event_read_##kind(body, arena, &event, error);                                       \
		return status ? status : viva_event_write_##kind(&event, out);                                         \
	}
DEFINE_COPY(frame_captured)
DEFINE_COPY(emotion_analyzed)
DEFINE_COPY(interview_completed)
DEFINE_COPY(score_calculated)
DEFINE_COPY(interview_erased)
DEFINE_COPY(interview_changed)

static const struct {
	const char *name;
	int (*copy)(struct viva_bytes body, struct viva_arena *arena, struct viva_buffer *out,
		    struct viva_error *error);
} kinds[] = {
	{VIVA_EVENT_FRAME_CAPTURED, copy_frame_captured},
	{VIVA_EVENT_EMOTION_ANALYZED, copy_emotion_analyzed},
	{VIVA_EVENT_INTERVIEW_COMPLETED, copy_interview_completed},
	{VIVA_EVENT_SCORE_CALCULATED, copy_score_calculated},
	{VIVA_EVENT_INTERVIEW_ERASED, copy_interview_erased},
	{VIVA_EVENT_INTERVIEW_CHANGED, copy_interview_changed},
};

static int copy_line(char *line, struct viva_buffer *out)
{
	char *body = strchr(line, '\t');
	if (!body)
		return VIVA_EUSAGE;
	*body++ = '\0';
	for (size_t i = 0; i < VIVA_COUNT(kinds); i++) {
		if (strcmp(line, kinds[i].name) != 0)
			continue;
		VIVA_AUTO(viva_arena) arena = NULL;
		struct viva_error error = {0};
		int status = viva_arena_create(0, &arena);
		if (!status)
			status = kinds[i].copy(viva_bytes_of_text(body), arena, out, &error);
		if (status)
			printf("error\t%s\t%s\n", viva_error_name(status), error.field);
		else
			finish_line(kinds[i].name, 0, out);
		return 0;
	}
	return VIVA_EUSAGE;
}

static int copy_lines(struct viva_buffer *out)
{
	char *line = NULL;
	size_t capacity = 0;
	int status = 0;
	for (ssize_t size; !status && (size = getline(&line, &capacity, stdin)) > 0;) {
		line[size - 1] = line[size - 1] == '\n' ? '\0' : line[size - 1];
		status = copy_line(line, out);
	}
	free(line);
	return status;
}

int main(int argument_count, char **arguments)
{
	const char *what = argument_count == 2 ? arguments[1] : "";
	struct viva_buffer out;
	viva_buffer_init(&out, VIVA_EVENT_MAX_FRAME_BYTES);
	int status = VIVA_EUSAGE;
	if (strcmp(what, "write") == 0) {
		write_frames(&out);
		write_emotions(&out);
		write_others(&out);
		status = 0;
	} else if (strcmp(what, "read") == 0) {
		status = copy_lines(&out);
	}
	viva_buffer_finish(&out);
	if (status)
		fprintf(stderr, "usage: viva-events write|read\n");
	return status ? 2 : 0;
}
