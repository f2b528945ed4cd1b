// SPDX-License-Identifier: Apache-2.0
#include "vision/pose.h"

#include <math.h>
#include <string.h>

#include "viva_test.h"

static const float degrees = 57.29578f;

struct direction {
	float x, y, z;  // right and down on the picture, away from the camera
};

static struct direction towards(float yaw, float pitch)
{
	yaw /= degrees;
	pitch /= degrees;
	return (struct direction){sinf(yaw) * cosf(pitch), -sinf(pitch), -cosf(yaw) * cosf(pitch)};
}

// The eyes of a head that is held so, as a camera far away sees them, two pixels a millimetre.
static struct viva_face eyes_of(const struct viva_head_pose *head, const struct viva_gaze *gaze)
{
	enum { SCALE = 2 };
	static struct viva_face face;
	memset(&face, 0, sizeof face);
	float yaw = head->yaw / degrees, pitch = head->pitch / degrees, roll = head->roll / degrees;
	struct direction front = towards(head->yaw, head->pitch), look = towards(gaze->yaw, gaze->pitch);
	struct direction level = {cosf(yaw), 0, sinf(yaw)};
	struct direction upright = {-sinf(yaw) * sinf(pitch), -cosf(pitch), cosf(yaw) * sinf(pitch)};
	struct viva_point across = {cosf(roll) * level.x - sinf(roll) * upright.x,
				    cosf(roll) * level.y - sinf(roll) * upright.y};
	struct viva_point up = {cosf(roll) * upright.x + sinf(roll) * level.x,
				cosf(roll) * upright.y + sinf(roll) * level.y};
	for (int side = VIVA_RIGHT; side <= VIVA_LEFT; side++) {
		struct viva_point centre = {side == VIVA_RIGHT ? 200 : 320, 240};
		// 5 mm before the centre and, since a level iris is above it, 2.25 mm below it.
		struct viva_point middle = {centre.x + SCALE * (5 * front.x - 2.25f * up.x),
					    centre.y + SCALE * (5 * front.y - 2.25f * up.y)};
		int right = side == VIVA_RIGHT ? 0 : 8;
		face.lids[side][right] =
			(struct viva_point){middle.x - SCALE * 15 * across.x, middle.y - SCALE * 15 * across.y};
		face.lids[side][8 - right] =
			(struct viva_point){middle.x + SCALE * 15 * across.x, middle.y + SCALE * 15 * across.y};
		face.irises[side][0] =
			(struct viva_point){centre.x + SCALE * 11 * look.x, centre.y + SCALE * 11 * look.y};
	}
	return face;
}

static void test_pose__the_gaze_is_that_of_the_eyes_however_the_head_is_held(void **state)
{
	(void)state;
	static const struct viva_head_pose heads[] = {
		{0}, {.yaw = 20}, {.yaw = -25}, {.pitch = 15}, {.pitch = -15}, {.roll = 20}, {15, -10, -15},
	};
	static const struct viva_gaze gazes[] = {{0, 0}, {20, 0}, {-20, 0}, {0, 12}, {0, -20}, {25, 10}, {-30, -15}};
	for (size_t i = 0; i < VIVA_COUNT(heads); i++)
		for (size_t k = 0; k < VIVA_COUNT(gazes); k++) {
			struct viva_face face = eyes_of(&heads[i], &gazes[k]);
			struct viva_gaze gaze = viva_gaze_of(&face, &heads[i]);
			assert_float_equal(gaze.yaw, gazes[k].yaw, 1.5f);
			assert_float_equal(gaze.pitch, gazes[k].pitch, 1.5f);
		}
}

static void test_pose__attention_is_of_the_eyes_and_not_of_the_head(void **state)
{
	(void)state;
	static const struct viva_head_pose turned = {.yaw = 30}, straight = {0};
	static const struct viva_gaze camera = {0}, aside = {30, 0}, far_aside = {45, 0};
	const struct {
		const struct viva_head_pose *head;
		const struct viva_gaze *gaze;
		float least, most;
	} cases[] = {
		{&straight, &camera, 1, 1},      {&turned, &camera, 1, 1},      {&turned, &aside, .25f, .45f},
		{&straight, &aside, .25f, .45f}, {&straight, &far_aside, 0, 0},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct viva_face face = eyes_of(cases[i].head, cases[i].gaze);
		struct viva_gaze gaze = viva_gaze_of(&face, cases[i].head);
		float attention = viva_attention_of(&gaze);
		assert_true(attention >= cases[i].least && attention <= cases[i].most);
	}
}

static void test_pose__points_that_are_no_eyes_give_a_gaze_in_range(void **state)
{
	(void)state;
	const float values[] = {0, NAN, INFINITY, -INFINITY, 1e30f};
	for (size_t i = 0; i < VIVA_COUNT(values); i++) {
		struct viva_head_pose head = {.yaw = values[i]};
		struct viva_face face = eyes_of(&(struct viva_head_pose){0}, &(struct viva_gaze){0});
		face.irises[VIVA_LEFT][0] = (struct viva_point){values[i], 5};
		face.lids[VIVA_RIGHT][8] = (struct viva_point){5, values[i]};
		struct viva_gaze gaze = viva_gaze_of(&face, &head);
		assert_true(fabsf(gaze.yaw) <= 90 && fabsf(gaze.pitch) <= 90);
		float attention = viva_attention_of(&gaze);
		assert_true(attention >= 0 && attention <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pose__the_gaze_is_that_of_the_eyes_however_the_head_is_held),
		cmocka_unit_test(test_pose__attention_is_of_the_eyes_and_not_of_the_head),
		cmocka_unit_test(test_pose__points_that_are_no_eyes_give_a_gaze_in_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
