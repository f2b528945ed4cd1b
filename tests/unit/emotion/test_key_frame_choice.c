// SPDX-License-Identifier: Apache-2.0
#include "emotion/key_frame_choice.h"

#include <stdlib.h>
#include <string.h>

#include "viva_test.h"

static struct emotion_key_frame_mark kept[EMOTION_MAX_KEY_FRAMES];
static size_t count;

static int begin(void **state)
{
	(void)state;
	count = 0;
	return 0;
}

// Offers a frame as the service does; whether it was taken.
static bool offer(int32_t question, const char *emotion, float quality)
{
	const struct emotion_key_frame_mark frame = {.question = question, .emotion = emotion, .quality = quality};
	int replaced;
	if (!emotion_key_frame_choose(kept, count, &frame, &replaced))
		return false;
	assert_true(replaced < (int)count);
	assert_true(replaced >= 0 || count < EMOTION_MAX_KEY_FRAMES);
	kept[replaced >= 0 ? (size_t)replaced : count++] = frame;
	return true;
}

static size_t count_of(int32_t question)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++)
		found += kept[i].question == question;
	return found;
}

static struct viva_vision_result face(void)
{
	return (struct viva_vision_result){.is_detected = true,
					   .is_new_expression = true,
					   .face_count = 1,
					   .has_gaze = true,
					   .attention = 1,
					   .emotion_confidence = .8f};
}

static void test_key_frame_choice__quality_is_of_a_single_face_seen_now(void **state)
{
	(void)state;
	struct viva_vision_result result = face();
	assert_float_equal(emotion_key_frame_quality(&result), .8, 1e-6);
	result.attention = 0;
	assert_float_equal(emotion_key_frame_quality(&result), .4, 1e-6);
	result.has_gaze = false;
	assert_float_equal(emotion_key_frame_quality(&result), .1, 1e-6);
	result.hint = VIVA_HINT_TOO_DARK;
	assert_float_equal(emotion_key_frame_quality(&result), .025, 1e-6);
	result = face();
	result.face_count = 2;
	assert_float_equal(emotion_key_frame_quality(&result), 0, 0);
	result = face();
	result.is_new_expression = false;
	assert_float_equal(emotion_key_frame_quality(&result), 0, 0);
	result = face();
	result.is_detected = false;
	assert_float_equal(emotion_key_frame_quality(&result), 0, 0);
}

static void test_key_frame_choice__of_a_question_the_best_of_each_expression(void **state)
{
	(void)state;
	assert_true(offer(1, "happy", .5f));
	assert_false(offer(1, "happy", .4f));
	assert_false(offer(1, "happy", .52f));  // no more than the margin better
	assert_true(offer(1, "happy", .6f));
	assert_true(offer(1, "neutral", .1f));
	assert_true(offer(2, "happy", .1f));
	assert_false(offer(2, "sad", 0));
	assert_int_equal(count, 3);
	assert_float_equal(kept[0].quality, .6, 1e-6);
}

static void test_key_frame_choice__a_full_set_becomes_even_among_questions(void **state)
{
	(void)state;
	static const char *const emotions[] = {"neutral", "happy", "sad", "angry", "fear", "disgust"};
	for (int question = 1; question <= 2; question++)
		for (size_t i = 0; i < VIVA_COUNT(emotions); i++)
			assert_true(offer(question, emotions[i], .5f + .05f * (float)i));
	// Six and six: a third question takes from both, however good its frames are, until all have as many.
	assert_true(offer(3, "neutral", .01f));
	assert_true(offer(3, "happy", .01f));
	assert_true(offer(3, "sad", .01f));
	assert_true(offer(3, "angry", .01f));
	assert_int_equal(count_of(1), 4);
	assert_int_equal(count_of(2), 4);
	assert_int_equal(count_of(3), 4);
	assert_false(offer(3, "fear", .01f));  // from here on by quality
	assert_true(offer(3, "fear", .02f));
	assert_int_equal(count_of(3), 4);
	assert_true(offer(1, "surprise", .9f));
	assert_int_equal(count_of(1), 4);
	assert_int_equal(count, EMOTION_MAX_KEY_FRAMES);
}

static void test_key_frame_choice__more_questions_than_places_keep_the_better_ones(void **state)
{
	(void)state;
	for (int question = 1; question <= EMOTION_MAX_KEY_FRAMES; question++)
		assert_true(offer(question, "neutral", .1f * (float)(1 + question % 5)));
	assert_false(offer(13, "neutral", .1f));
	assert_true(offer(13, "neutral", .2f));
	assert_int_equal(count_of(13), 1);
	assert_int_equal(count, EMOTION_MAX_KEY_FRAMES);
}

// Whatever is offered, in whatever order: after a bounded number of changes nothing changes any more.
static void test_key_frame_choice__settles_whatever_comes(void **state)
{
	(void)state;
	static const char *const emotions[] = {"neutral", "happy", "sad", "angry", "fear", "disgust", "surprise"};
	uint32_t random = 1;
	size_t changes = 0, late = 0;
	for (int i = 0; i < 60000; i++) {
		random = random * 1664525u + 1013904223u;
		int32_t question = (int32_t)(random >> 28);
		const char *emotion = emotions[(random >> 20) % VIVA_COUNT(emotions)];
		bool is_taken = offer(question, emotion, (float)(1 + (random >> 8) % 1000) / 1000);
		changes += is_taken;
		late += is_taken && i >= 30000;
	}
	assert_int_equal(count, EMOTION_MAX_KEY_FRAMES);
	assert_in_range(changes, EMOTION_MAX_KEY_FRAMES, 400);
	assert_int_equal(late, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(test_key_frame_choice__quality_is_of_a_single_face_seen_now),
		TEST(test_key_frame_choice__of_a_question_the_best_of_each_expression),
		TEST(test_key_frame_choice__a_full_set_becomes_even_among_questions),
		TEST(test_key_frame_choice__more_questions_than_places_keep_the_better_ones),
		TEST(test_key_frame_choice__settles_whatever_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
