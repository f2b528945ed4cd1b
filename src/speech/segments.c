// SPDX-License-Identifier: Apache-2.0
#include "speech/segments.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>

static int refuse(struct viva_error *error, size_t index, const char *what)
{
	return viva_fail(error, VIVA_EFIELD, "segments", "segments[%zu]: %s", index, what);
}

static int read_segment(const json_t *json, struct viva_speech_segment *ret_segment, struct viva_error *error)
{
	struct viva_speech_segment segment = {0};
	if (!json_is_object(json))
		return viva_fail(error, VIVA_EFIELD, NULL, "it must be an object");
	int code = viva_json_get_double(json, "start", true, 0, VIVA_SPEECH_MAX_SECONDS, &segment.start, error);
	if (code == 0)
		code = viva_json_get_double(json, "end", true, 0, VIVA_SPEECH_MAX_SECONDS, &segment.end, error);
	if (code == 0)
		code = viva_json_get_text(json, "text", true, 1, VIVA_SPEECH_MAX_SEGMENT_BYTES, &segment.text, error);
	if (code == 0)
		*ret_segment = segment;
	return code;
}

int viva_speech_segments_read(const json_t *object, struct viva_arena *arena, struct viva_speech_segment **ret_segments,
			      size_t *ret_count, struct viva_error *error)
{
	json_t *array = NULL;
	int code = viva_json_get_array(object, "segments", false, VIVA_SPEECH_MAX_SEGMENTS, &array, error);
	size_t count = json_array_size(array);
	if (code != 0 || count == 0)
		return code;
	struct viva_speech_segment *segments = viva_arena_alloc(arena, count * sizeof *segments);
	if (!segments)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct viva_error cause = {0};
		code = read_segment(json_array_get(array, i), &segments[i], &cause);
		if (code != 0)
			return code == VIVA_ENOMEM ? code : refuse(error, i, viva_error_message(&cause));
	}
	*ret_segments = segments;
	*ret_count = count;
	return 0;
}

// The next letter or digit, in lower case where it is ASCII; other scripts' bytes as they are. 0 at the end.
static unsigned char next_letter(const char **at)
{
	for (; **at; (*at)++) {
		unsigned char byte = (unsigned char)**at;
		if (byte < 0x80 && !isalnum(byte))
			continue;
		(*at)++;
		return byte < 0x80 ? (unsigned char)tolower(byte) : byte;
	}
	return 0;
}

static bool say_the_same(const struct viva_speech_segment *segments, size_t count, const char *transcript)
{
	for (size_t i = 0; i < count; i++) {
		const char *at = segments[i].text;
		for (unsigned char letter; (letter = next_letter(&at)) != 0;) {
			if (next_letter(&transcript) != letter)
				return false;
		}
	}
	return next_letter(&transcript) == 0;
}

int viva_speech_segments_check(const struct viva_speech_segment *segments, size_t count, const char *transcript,
			       struct viva_error *error)
{
	bool has_texts = false;
	if (count > VIVA_SPEECH_MAX_SEGMENTS)
		return viva_fail(error, VIVA_EFIELD, "segments", "there are more than %d segments",
				 VIVA_SPEECH_MAX_SEGMENTS);
	for (size_t i = 0; i < count; i++) {
		const struct viva_speech_segment *segment = &segments[i];
		has_texts |= segment->text[0] != '\0';
		if (!isfinite(segment->start) || !isfinite(segment->end) || segment->start < 0 ||
		    segment->end > VIVA_SPEECH_MAX_SECONDS)
			return refuse(error, i, "its times must be seconds from 0 to 7200");
		if (segment->end < segment->start)
			return refuse(error, i, "it ends before it starts");
		if (i > 0 && segment->start < segments[i - 1].start)
			return refuse(error, i, "it starts before the one before it");
	}
	if (has_texts && !say_the_same(segments, count, transcript))
		return viva_fail(error, VIVA_EFIELD, "segments",
				 "the texts of segments are not those of the transcript");
	return 0;
}

json_t *viva_speech_segments_json(const struct viva_speech_segment *segments, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count && array; i++) {
		json_t *segment = json_pack("{s:o, s:o, s:s}", "start", viva_json_real(segments[i].start, 3), "end",
					    viva_json_real(segments[i].end, 3), "text", segments[i].text);
		if (json_array_append_new(array, segment) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}
