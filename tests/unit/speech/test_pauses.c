// SPDX-License-Identifier: Apache-2.0
#include "speech/pauses.h"

#include <math.h>

#include "viva_test.h"

static struct viva_pauses measure(const struct viva_speech_segment *segments, size_t count, const char *transcript)
{
	struct viva_pauses pauses;
	viva_pauses_measure(segments, count, transcript, &pauses);
	return pauses;
}

static void test_pauses__silences_from_half_a_second_on_are_counted(void **state)
{
	(void)state;
	const struct viva_speech_segment segments[] = {{4, 4.3, ""}, {4.799, 5, ""}, {5.5, 6, ""},
						       {8, 8.5, ""}, {8.5, 9, ""},   {12, 14, ""}};
	struct viva_pauses pauses = measure(segments, VIVA_COUNT(segments), "a b c d e f");
	assert_int_equal(pauses.count, 3);
	assert_int_equal(pauses.long_count, 2);
	assert_true(fabs(pauses.total - 5.5) < 1e-9 && fabs(pauses.longest - 3) < 1e-9);
	assert_true(fabs(pauses.span - 10) < 1e-9);
	assert_true(pauses.is_by_word);
}

static void test_pauses__segments_that_overlap_hide_no_silence_and_make_none(void **state)
{
	(void)state;
	const struct viva_speech_segment segments[] = {{0, 5, ""}, {1, 2, ""}, {3, 4, ""}, {5.6, 6, ""}};
	struct viva_pauses pauses = measure(segments, VIVA_COUNT(segments), "a b c d");
	assert_int_equal(pauses.count, 1);
	assert_true(fabs(pauses.total - .6) < 1e-9 && fabs(pauses.span - 6) < 1e-9);
}

static void test_pauses__one_segment_has_none_and_runs_of_words_are_told_from_words(void **state)
{
	(void)state;
	const struct viva_speech_segment segments[] = {{3, 3, "so it is"}};
	struct viva_pauses pauses = measure(segments, 1, "so it\tis");
	assert_int_equal(pauses.count, 0);
	assert_true(pauses.span == 0 && pauses.longest == 0);
	assert_false(pauses.is_by_word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses__silences_from_half_a_second_on_are_counted),
		cmocka_unit_test(test_pauses__segments_that_overlap_hide_no_silence_and_make_none),
		cmocka_unit_test(test_pauses__one_segment_has_none_and_runs_of_words_are_told_from_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
