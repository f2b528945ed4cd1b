// SPDX-License-Identifier: Apache-2.0
#include "language/fluency.h"

#include <math.h>
#include <string.h>

#include "viva_test.h"

static const char PROSE[] =
	"First I measured how long each request took, because I did not want to guess. The database was the slow part, "
	"so I "
	"added an index on the column that we searched by. After that the page needed only half a second. I also wrote "
	"a test "
	"which fails when it becomes slow again, and I showed my colleagues how to read the measurements.";

static struct viva_features measure(const char *input, double seconds)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_text text;
	struct viva_features features;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_text_read(viva_bytes_of_text(input), 50000, arena, &text));
	viva_features_measure(&text, seconds, &features);
	return features;
}

static double clarity(const char *input)
{
	struct viva_features features = measure(input, 0);
	return viva_features_clarity(&features);
}

static void test_fluency__counts_fillers_hard_and_soft(void **state)
{
	(void)state;
	struct viva_features features =
		measure("Um, I, uh, basically like tests, you know, and I know you like me.", 0);
	assert_int_equal(features.fillers, 2);
	assert_int_equal(features.soft_fillers, 2);  // "basically" and "you know,"; both "like" are verbs here
	assert_int_equal(features.words, 12);
}

static void test_fluency__counts_words_said_twice(void **state)
{
	(void)state;
	assert_int_equal(measure("I I went to the to the shop", 0).repetitions, 2);
	assert_int_equal(measure("it is what it is", 0).repetitions, 0);
	assert_int_equal(measure("10 10", 0).repetitions, 0);
}

static void test_fluency__pace_ramps_up_stays_and_falls(void **state)
{
	(void)state;
	assert_true(fabs(measure("one two three four", 2).words_per_minute - 120) < 1e-9);
	assert_true(viva_features_pace(60) < viva_features_pace(100));
	assert_true(viva_features_pace(100) < viva_features_pace(140));
	assert_true(viva_features_pace(150) == 1 && viva_features_pace(200) == 1);
	assert_true(viva_features_pace(260) < 1);
	assert_true(viva_features_pace(1e9) >= .5);
	assert_true(viva_features_pace(0) == 1);  // unknown
}

static void test_fluency__a_richer_vocabulary_is_more_diverse(void **state)
{
	(void)state;
	char dull[700] = "";
	for (size_t i = 0; i < 12; i++)
		strcat(dull, "I did the test and then I did the test again. ");
	assert_true(measure(PROSE, 0).diversity > 2 * measure(dull, 0).diversity);
	assert_true(measure("too short to tell", 0).diversity == 0);
}

static void test_fluency__shuffled_words_lose_clarity(void **state)
{
	(void)state;
	static const char shuffled[] = "So searched database part index by the slow I the that an added was. Page long "
				       "the I want request needed "
				       "the to measured because how each. Of took not half did second a guess my only "
				       "fails which a when the test. "
				       "I wrote slow it again becomes the I showed and to how also colleagues read, "
				       "the on we column after that.";
	assert_true(clarity(PROSE) > .8);
	assert_true(clarity(shuffled) <= clarity(PROSE) - .2);
}

static void test_fluency__each_um_costs_clarity(void **state)
{
	(void)state;
	char text[sizeof PROSE + 200];
	double before = clarity(PROSE);
	strcpy(text, PROSE);
	for (size_t i = 0; i < 10; i++) {
		strcat(text, " Um.");
		double after = clarity(text);
		assert_true(after < before);
		before = after;
	}
}

static void test_fluency__nothing_said_is_not_clear(void **state)
{
	(void)state;
	assert_true(clarity("") == 0);
	assert_true(clarity("Um, uh, er.") == 0);
	assert_true(clarity("Yes.") < .4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fluency__counts_fillers_hard_and_soft),
		cmocka_unit_test(test_fluency__counts_words_said_twice),
		cmocka_unit_test(test_fluency__pace_ramps_up_stays_and_falls),
		cmocka_unit_test(test_fluency__a_richer_vocabulary_is_more_diverse),
		cmocka_unit_test(test_fluency__shuffled_words_lose_clarity),
		cmocka_unit_test(test_fluency__each_um_costs_clarity),
		cmocka_unit_test(test_fluency__nothing_said_is_not_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
