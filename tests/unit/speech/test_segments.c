// SPDX-License-Identifier: Apache-2.0
#include "speech/segments.h"

#include <math.h>
#include <string.h>

#include "viva_test.h"

static struct viva_arena *arena;

static int begin(void **state)
{
	(void)state;
	return viva_arena_create(0, &arena);
}

static int end(void **state)
{
	(void)state;
	arena = viva_arena_destroy(arena);
	return 0;
}

static int read_and_check(const char *text, const char *transcript, size_t *ret_count, struct viva_error *error)
{
	VIVA_AUTO_JSON object = json_loads(text, 0, NULL);
	assert_non_null(object);
	struct viva_speech_segment *segments = NULL;
	*ret_count = 0;
	int code = viva_speech_segments_read(object, arena, &segments, ret_count, error);
	return code == 0 ? viva_speech_segments_check(segments, *ret_count, transcript, error) : code;
}

#define SEGMENT(start, end, text) "{\"start\":" #start ",\"end\":" #end ",\"text\":\"" text "\"}"
#define SEGMENTS(list) "{\"segments\":[" list "]}"

static void test_segments__are_taken_where_they_say_the_transcript(void **state)
{
	(void)state;
	size_t count;
	assert_ok(read_and_check("{}", "any", &count, NULL));
	assert_int_equal(count, 0);
	assert_ok(read_and_check("{\"segments\":null}", "any", &count, NULL));
	assert_ok(read_and_check(SEGMENTS(""), "any", &count, NULL));
	assert_ok(read_and_check(SEGMENTS(SEGMENT(0, 0.4, "it") "," SEGMENT(0.4, 1, "took") "," SEGMENT(2, 3, "12ms")),
				 "It took: 12 ms.", &count, NULL));
	assert_int_equal(count, 3);
	assert_ok(read_and_check(SEGMENTS(SEGMENT(0, 7200, "Größe")), "Größe", &count, NULL));
}

static void test_segments__are_refused_with_the_place_and_the_reason(void **state)
{
	(void)state;
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{"{\"segments\":\"word\"}", "segments"},
		{SEGMENTS("1"), "segments[0]: it must be an object"},
		{SEGMENTS("{\"start\":0,\"text\":\"a\"}"), "segments[0]: \"end\""},
		{SEGMENTS("{\"start\":0,\"end\":1}"), "segments[0]: \"text\""},
		{SEGMENTS(SEGMENT(0, 1, "")), "segments[0]: \"text\""},
		{SEGMENTS(SEGMENT(-1, 1, "a")), "segments[0]: \"start\""},
		{SEGMENTS(SEGMENT(0, 7201, "a")), "segments[0]: \"end\""},
		{SEGMENTS(SEGMENT(0, 1, "a") "," SEGMENT(3, 2, "b")), "segments[1]: it ends before it starts"},
		{SEGMENTS(SEGMENT(2, 3, "a") "," SEGMENT(1, 4, "b")), "segments[1]: it starts before the one before"},
		{SEGMENTS(SEGMENT(0, 1, "a")), "not those of the transcript"},
		{SEGMENTS(SEGMENT(0, 1, "a b") "," SEGMENT(1, 2, "c")), "not those of the transcript"},
		{SEGMENTS(SEGMENT(0, 1, "a") "," SEGMENT(1, 2, "x")), "not those of the transcript"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct viva_error error = {0};
		size_t count;
		assert_error(read_and_check(cases[i].text, "A b", &count, &error), VIVA_EFIELD);
		assert_string_equal(error.field, "segments");
		if (!strstr(error.message, cases[i].sentence))
			fail_msg("“%s” does not say “%s”", error.message, cases[i].sentence);
	}
}

static void test_segments__without_texts_only_their_times_are_checked(void **state)
{
	(void)state;
	static struct viva_speech_segment many[VIVA_SPEECH_MAX_SEGMENTS + 1];
	for (size_t i = 0; i < VIVA_COUNT(many); i++)
		many[i] = (struct viva_speech_segment){.start = (double)i, .end = (double)i + 1, .text = ""};
	assert_ok(viva_speech_segments_check(many, VIVA_SPEECH_MAX_SEGMENTS, "word", NULL));
	assert_error(viva_speech_segments_check(many, VIVA_SPEECH_MAX_SEGMENTS + 1, "word", NULL), VIVA_EFIELD);
	many[1].end = (double)NAN;
	assert_error(viva_speech_segments_check(many, 2, "word", NULL), VIVA_EFIELD);
	many[1].end = (double)INFINITY;
	assert_error(viva_speech_segments_check(many, 2, "word", NULL), VIVA_EFIELD);
}

static void test_segments__come_back_as_they_were_to_the_millisecond(void **state)
{
	(void)state;
	const struct viva_speech_segment segments[] = {{0, .1234, "a"}, {.5, 1, "b"}};
	VIVA_AUTO_JSON array = viva_speech_segments_json(segments, 2);
	VIVA_AUTO_JSON object = json_pack("{s:O}", "segments", array);
	struct viva_speech_segment *back = NULL;
	size_t count = 0;
	assert_ok(viva_speech_segments_read(object, arena, &back, &count, NULL));
	assert_int_equal(count, 2);
	assert_true(back[0].end == .123 && back[1].start == .5);
	assert_string_equal(back[1].text, "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_segments__are_taken_where_they_say_the_transcript, begin, end),
		cmocka_unit_test_setup_teardown(test_segments__are_refused_with_the_place_and_the_reason, begin, end),
		cmocka_unit_test(test_segments__without_texts_only_their_times_are_checked),
		cmocka_unit_test_setup_teardown(test_segments__come_back_as_they_were_to_the_millisecond, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
