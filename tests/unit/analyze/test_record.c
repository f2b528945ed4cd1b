// SPDX-License-Identifier: Apache-2.0
#include "analyze/record.h"

#include <string.h>

#include "viva_test.h"

static void assert_name(const char *name, const char *expected)
{
	struct analyze_record record;
	memset(&record, 'x', sizeof record);
	analyze_set_name(&record, name);
	assert_string_equal(record.name, expected);
}

static void test_record__a_name_steers_no_terminal(void **state)
{
	(void)state;
	assert_name("", "");
	assert_name("0001.jpg", "0001.jpg");
	assert_name("caf\xc3\xa9 \xe4\xbd\xa0.png", "caf\xc3\xa9 \xe4\xbd\xa0.png");
	assert_name("a\x1b[2J\n.jpg", "a?[2J?.jpg");
	assert_name("\xc2\x9b"
		    "31m.jpg",
		    "??31m.jpg");
	assert_name("half \xc3", "half ?");
}

static void test_record__a_long_name_is_cut_at_a_character(void **state)
{
	(void)state;
	char name[2 * ANALYZE_MAX_NAME + 1] = "x", expected[ANALYZE_MAX_NAME] = "x";
	for (size_t i = 1; i + 3 <= sizeof name; i += 2)
		memcpy(name + i, "\xc3\xa9", 3);
	// One byte and 127 characters of two make 255.
	memcpy(expected, name, ANALYZE_MAX_NAME - 1);
	assert_name(name, expected);
}

static struct analyze_record seen(size_t index, float yaw, double seconds)
{
	struct analyze_record record = {.index = index, .time_ms = (int64_t)index * 40, .is_readable = true};
	record.result.is_detected = true;
	record.result.face_count = index == 1 ? 3 : 1;
	record.result.hint = index == 1 ? VIVA_HINT_SEVERAL_FACES : VIVA_HINT_NONE;
	record.result.pose.yaw = yaw;
	record.result.attention = .5f;
	record.result.emotion = VIVA_EMOTION_HAPPY;
	record.result.timing.total = seconds;
	return record;
}

static void test_record__a_summary_counts_what_was_seen(void **state)
{
	(void)state;
	struct analyze_summary summary = {0};
	struct viva_tracker tracker = {.eyes.blink_count = 2};
	struct analyze_record records[] = {
		seen(0, 4, .003), seen(1, -9, .001), seen(2, 2, .002), {.index = 3, .time_ms = 120}};
	for (size_t i = 0; i < VIVA_COUNT(records); i++)
		assert_ok(analyze_summary_add(&summary, &records[i], &tracker));
	assert_int_equal(summary.pictures, 4);
	assert_int_equal(summary.unreadable, 1);
	assert_int_equal(summary.faces, 3);
	assert_int_equal(summary.several_faces, 1);
	assert_int_equal(summary.most_faces, 3);
	assert_int_equal(summary.hints[VIVA_HINT_SEVERAL_FACES], 1);
	assert_int_equal(summary.emotions[VIVA_EMOTION_HAPPY], 3);
	assert_int_equal(summary.duration_ms, 120);
	assert_int_equal(summary.tracker.eyes.blink_count, 2);
	assert_true(summary.yaw.low == -9 && summary.yaw.high == 4);
	assert_float_equal(analyze_summary_time_ms(&summary, .5), 2, 1e-9);
	assert_float_equal(analyze_summary_time_ms(&summary, .99), 3, 1e-9);
	analyze_summary_finish(&summary);
}

static void test_record__without_memory_nothing_is_counted(void **state)
{
	(void)state;
	struct analyze_summary summary = {0};
	struct viva_tracker tracker = {0};
	struct analyze_record record = seen(0, 0, .001);
	fail_next_allocation(0);
	assert_error(analyze_summary_add(&summary, &record, &tracker), VIVA_ENOMEM);
	assert_int_equal(summary.pictures, 0);
	assert_true(analyze_summary_time_ms(&summary, .5) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record__a_name_steers_no_terminal),
		cmocka_unit_test(test_record__a_long_name_is_cut_at_a_character),
		cmocka_unit_test(test_record__a_summary_counts_what_was_seen),
		cmocka_unit_test(test_record__without_memory_nothing_is_counted),
	};
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
