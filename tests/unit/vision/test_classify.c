// SPDX-License-Identifier: Apache-2.0
//
// Faces and eyes that are cut out already, judged by the real networks.
#include "vision/details.h"

#include <stdlib.h>
#include <string.h>

#include "pictures.h"
#include "vision_fixture.h"
#include "viva_test.h"

// The square of `side` pixels at (left, top) of astronaut.png, of which each pixel is the mean of `step` by `step`.
static struct viva_bytes shrink_astronaut(int left, int top, int side, int step)
{
	uint8_t *pixels = malloc((size_t)side * (size_t)side * 3);
	assert_non_null(pixels);
	for (int i = 0; i < side * side * 3; i++) {
		int x = left + i / 3 % side * step, y = top + i / 3 / side * step, sum = 0;
		for (int part = 0; part < step * step; part++)
			sum += astronaut[((y + part / step) * 512 + x + part % step) * 3 + i % 3];
		pixels[i] = (uint8_t)(sum / (step * step));
	}
	struct viva_bytes picture = make_png(pixels, side, side);
	free(pixels);
	return picture;
}

static struct viva_bytes cut_astronaut(int left, int top, int side)
{
	return shrink_astronaut(left, top, side, 1);
}

static void test_classify__a_small_face_is_judged_less_surely_than_a_large_one(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes large = cut_astronaut(162, 48, 132), small = shrink_astronaut(162, 48, 44, 3);
	struct viva_error error = {0};
	float sure[VIVA_EXPRESSION_COUNT], unsure[VIVA_EXPRESSION_COUNT], sum = 0;
	assert_ok(viva_vision_classify_face(vision, large, VIVA_IMAGE_ANY, sure, &error));
	assert_ok(viva_vision_classify_face(vision, small, VIVA_IMAGE_ANY, unsure, &error));
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++) {
		sum += unsure[i];
		assert_true(unsure[i] <= unsure[VIVA_EMOTION_HAPPY]);
	}
	assert_float_equal(sum, 1, .001f);
	assert_true(unsure[VIVA_EMOTION_HAPPY] < sure[VIVA_EMOTION_HAPPY]);
	free_picture(large);
	free_picture(small);
}

static void test_classify__a_face_that_is_cut_out_already_is_classified_without_looking_for_it(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes face = cut_astronaut(162, 48, 132);
	struct viva_error error = {0};
	float expressions[VIVA_EXPRESSION_COUNT], sum = 0;
	assert_ok(viva_vision_classify_face(vision, face, VIVA_IMAGE_ANY, expressions, &error));
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++) {
		sum += expressions[i];
		assert_true(expressions[i] <= expressions[VIVA_EMOTION_HAPPY]);
	}
	assert_float_equal(sum, 1, .001f);
	struct viva_bytes broken = {.data = face.data, .size = face.size / 2};
	assert_int_equal(viva_vision_classify_face(vision, broken, VIVA_IMAGE_ANY, expressions, &error), VIVA_EIMAGE);
	assert_true(expressions[VIVA_EMOTION_HAPPY] > 0);
	free_picture(face);
}

static void test_classify__an_eye_that_is_cut_out_is_open_or_not(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes eye = cut_astronaut(190, 86, 28);
	struct viva_error error = {0};
	float open = 0;
	assert_ok(viva_vision_classify_eye(vision, eye, VIVA_IMAGE_ANY, &open, &error));
	assert_true(open > .8f && open <= 1);
	// Skin of the forehead, where nothing looks back.
	struct viva_bytes skin = cut_astronaut(208, 66, 20);
	assert_ok(viva_vision_classify_eye(vision, skin, VIVA_IMAGE_ANY, &open, &error));
	assert_true(open >= 0 && open < .5f);
	struct viva_bytes broken = {.data = eye.data, .size = eye.size / 2};
	assert_int_equal(viva_vision_classify_eye(vision, broken, VIVA_IMAGE_ANY, &open, &error), VIVA_EIMAGE);
	free_picture(eye);
	free_picture(skin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify__a_small_face_is_judged_less_surely_than_a_large_one),
		cmocka_unit_test(test_classify__a_face_that_is_cut_out_already_is_classified_without_looking_for_it),
		cmocka_unit_test(test_classify__an_eye_that_is_cut_out_is_open_or_not),
	};
	return cmocka_run_group_tests(tests, open_vision, close_vision);
}
