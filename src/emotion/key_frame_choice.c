// SPDX-License-Identifier: Apache-2.0
#include "emotion/key_frame_choice.h"

#include <string.h>

static const float hard_to_see = .25f;
static const float margin = 1.1f;  // by which a frame must be better than the one that it replaces

float emotion_key_frame_quality(const struct viva_vision_result *result)
{
	if (!result->is_detected || !result->is_new_expression || result->face_count > 1)
		return 0;
	float quality = result->emotion_confidence * (.5f + result->attention / 2);
	if (!result->has_gaze)
		quality *= hard_to_see;
	if (result->hint != VIVA_HINT_NONE)
		quality *= hard_to_see;
	return quality;
}

static size_t count_of(const struct emotion_key_frame_mark *marks, size_t count, int32_t question)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++)
		found += marks[i].question == question;
	return found;
}

static bool is_better(const struct emotion_key_frame_mark *frame, const struct emotion_key_frame_mark *other)
{
	return frame->quality > other->quality * margin;
}

// One of the question that has most makes room; where the frame's own has as many with it, its own may, too, and then
// the better frame stays.
static bool choose_among_full(const struct emotion_key_frame_mark *kept, size_t count,
			      const struct emotion_key_frame_mark *frame, int *ret_replaced)
{
	size_t own = count_of(kept, count, frame->question), most = 0;
	int worst = EMOTION_KEY_FRAME_NOTHING;
	for (size_t i = 0; i < count; i++)
		most = VIVA_MAX(most, count_of(kept, count, kept[i].question));
	bool is_in_need = own + 1 < most;
	for (size_t i = 0; i < count; i++) {
		bool may_go = kept[i].question == frame->question
				      ? !is_in_need
				      : own < most && count_of(kept, count, kept[i].question) == most;
		if (may_go && (worst < 0 || kept[i].quality < kept[worst].quality))
			worst = (int)i;
	}
	*ret_replaced = worst;
	return is_in_need || is_better(frame, &kept[worst]);
}

bool emotion_key_frame_choose(const struct emotion_key_frame_mark *kept, size_t count,
			      const struct emotion_key_frame_mark *frame, int *ret_replaced)
{
	*ret_replaced = EMOTION_KEY_FRAME_NOTHING;
	if (!(frame->quality > 0))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (kept[i].question != frame->question || strcmp(kept[i].emotion, frame->emotion) != 0)
			continue;
		*ret_replaced = (int)i;
		return is_better(frame, &kept[i]);
	}
	return count < EMOTION_MAX_KEY_FRAMES || choose_among_full(kept, count, frame, ret_replaced);
}
