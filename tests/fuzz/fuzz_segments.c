// SPDX-License-Identifier: Apache-2.0
//
// Times of answers from anywhere: what is taken is in order and within limits, survives being written and read again,
// and its pauses fit into the time that was spoken.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "speech/pauses.h"

enum { MAX_SIZE = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_pauses(const struct viva_speech_segment *segments, size_t count, const char *transcript)
{
	struct viva_pauses pauses;
	viva_pauses_measure(segments, count, transcript, &pauses);
	require(pauses.long_count <= pauses.count && pauses.count < count);
	require(pauses.longest <= pauses.total + 1e-6 && pauses.total <= pauses.span + 1e-6);
	require(pauses.span >= 0 && pauses.span <= VIVA_SPEECH_MAX_SECONDS);
	require((pauses.count == 0) == (pauses.longest <= 0));
}

static void check_again(const struct viva_speech_segment *segments, size_t count, const char *transcript,
			struct viva_arena *arena)
{
	VIVA_AUTO_JSON object = json_object();
	struct viva_speech_segment *again = NULL;
	size_t again_count = 0;
	require(object && json_object_set_new(object, "segments", viva_speech_segments_json(segments, count)) == 0);
	require(viva_speech_segments_read(object, arena, &again, &again_count, NULL) == 0 && again_count == count);
	require(viva_speech_segments_check(again, count, transcript, NULL) == 0);
	for (size_t i = 0; i < count; i++)
		require(fabs(again[i].start - segments[i].start) < .001 && fabs(again[i].end - segments[i].end) < .001);
}

// The input is an object with "segments" and "transcript".
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON object = NULL;
	struct viva_speech_segment *segments = NULL;
	struct viva_error error = {0};
	size_t count = 0;
	if (viva_arena_create(0, &arena) != 0 ||
	    viva_json_parse_object(viva_bytes_of(data, size), MAX_SIZE, &object, &error) != 0)
		return 0;
	const char *transcript = json_string_value(json_object_get(object, "transcript"));
	transcript = transcript ? transcript : "";
	int code = viva_speech_segments_read(object, arena, &segments, &count, &error);
	if (code == 0)
		code = viva_speech_segments_check(segments, count, transcript, &error);
	if (code != 0) {
		require(strcmp(error.field, "segments") == 0 && error.message[0] != '\0');
		return 0;
	}
	if (count == 0)
		return 0;
	check_pauses(segments, count, transcript);
	check_again(segments, count, transcript, arena);
	return 0;
}
