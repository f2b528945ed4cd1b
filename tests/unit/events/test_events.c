// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "events_fixture.h"
#include "viva_test.h"

struct context {
	struct viva_arena *arena;
	struct viva_buffer out;
};

static int set_up(void **state)
{
	static struct context context;
	viva_buffer_init(&context.out, 1 << 20);
	*state = &context;
	return viva_arena_create(0, &context.arena);
}

static int tear_down(void **state)
{
	struct context *context = *state;
	viva_buffer_finish(&context->out);
	context->arena = viva_arena_destroy(context->arena);
	return 0;
}

static int read_as(const struct event_kind *kind, const char *text, struct context *context, struct viva_error *error)
{
	union any_event event;
	return kind->read(viva_bytes_of_text(text), context->arena, &event, error);
}

static void assert_written(struct context *context, const char *expected)
{
	assert_int_equal(context->out.size, strlen(expected));
	assert_memory_equal(context->out.data, expected, context->out.size);
	context->out.size = 0;
}

static void test_events__what_was_written_is_read_and_written_alike(void **state)
{
	struct context *context = *state;
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		union any_event event;
		assert_ok(event_kinds[i].read(viva_bytes_of_text(event_kinds[i].text), context->arena, &event, NULL));
		assert_ok(event_kinds[i].write(&event, &context->out));
		assert_written(context, event_kinds[i].text);
	}
}

static void test_events__each_member_arrives(void **state)
{
	struct context *context = *state;
	union any_event event;
	const int64_t time_ms = INT64_C(1795489276123);
#define READ(i) assert_ok(event_kinds[i].read(viva_bytes_of_text(event_kinds[i].text), context->arena, &event, NULL))
	READ(0);
	assert_string_equal(event.frame_captured.session_id, "s-1");
	assert_true(event.frame_captured.timestamp_ms == time_ms);
	assert_int_equal(event.frame_captured.image.size, 5);
	assert_memory_equal(event.frame_captured.image.data, "\xff\xd8\xff\xe0\x00", 5);
	assert_string_equal(event.frame_captured.format, "jpeg");
	assert_true(event.frame_captured.frame_number == 7);
	READ(1);
	assert_string_equal(event.emotion_analyzed.emotion, "happy");
	assert_true(event.emotion_analyzed.confidence == 0.87);
	assert_true(event.emotion_analyzed.blink_count == 4);
	assert_true(json_integer_value(json_object_get(event.emotion_analyzed.metadata, "frame_number")) == 7);
	READ(2);
	assert_string_equal(event.interview_completed.user_id, "Jos\xc3\xa9 <&>");
	assert_true(event.interview_completed.completed_at_ms == time_ms);
	assert_true(event.interview_completed.total_duration_s == 600);
	assert_true(event.interview_completed.answer_count == 5);
	assert_true(event.interview_completed.queued_frames == 12);
	READ(3);
	assert_true(event.score_calculated.technical_score == 71.25);
	assert_true(event.score_calculated.communication_score == 80.5);
	assert_true(event.score_calculated.emotion_score == 0);
	assert_true(event.score_calculated.overall_score == 75.875);
	assert_true(event.score_calculated.calculated_at_ms == time_ms);
	READ(4);
	assert_string_equal(event.interview_erased.session_id, "s-1");
	assert_true(event.interview_erased.erased_at_ms == time_ms);
	READ(5);
	assert_string_equal(event.interview_changed.session_id, "s-1");
	assert_true(event.interview_changed.changed_at_ms == time_ms);
#undef READ
}

// {event, what is replaced, by what, the member that the error names}.
static const struct {
	int kind;
	const char *from, *to, *field;
} refused[] = {
	{0, "\"session_id\":\"s-1\",", "", "session_id"},
	{0, "\"s-1\"", "\"\"", "session_id"},
	{0, "\"s-1\"", "null", "session_id"},
	{0, "\"s-1\"", "7", "session_id"},
	{0, "\"s-1\"", "\"a b\"", "session_id"},
	{0, "\"s-1\"", "\"\\u007f\"", "session_id"},
	{0, "\"s-1\"", "\"caf\xc3\xa9\"", "session_id"},
	{0, "\"session_id\"", "\"Session_ID\"", "session_id"},
	{0, "\"timestamp\":\"2026-11-24T03:01:16.123Z\",", "", "timestamp"},
	{0, "2026-11-24T03:01:16.123Z", "yesterday", "timestamp"},
	{0, "2026-11-24T03:01:16.123Z", "0001-01-01T00:00:00Z", "timestamp"},
	{0, "2026-11-24T03:01:16.123Z", "1970-01-01T00:00:00Z", "timestamp"},
	{0, "\"2026-11-24T03:01:16.123Z\"", "1795489276123", "timestamp"},
	{0, "\"image_data\":\"/9j/4AA=\",", "", "image_data"},
	{0, "\"/9j/4AA=\"", "7", "image_data"},
	{0, "\"/9j/4AA=\"", "[255,216]", "image_data"},
	{0, "\"/9j/4AA=\"", "\"/9j/4A\"", "image_data"},
	{0, "\"/9j/4AA=\"", "\"/9j/4AB=\"", "image_data"},
	{0, "\"/9j/4AA=\"", "\"/9j 4AA=\"", "image_data"},
	{0, "\"/9j/4AA=\"", "\"=\"", "image_data"},
	{0, "\"/9j/4AA=\"", "\"\\u00e9\"", "image_data"},
	{0, ",\"format\":\"jpeg\"", "", "format"},
	{0, "\"jpeg\"", "\"gif\"", "format"},
	{0, "\"jpeg\"", "\"\"", "format"},
	{0, "\"jpeg\"", "\"a format that nobody ever heard of\"", "format"},
	{0, ",\"frame_number\":7", "", "frame_number"},
	{0, ":7}", ":-1}", "frame_number"},
	{0, ":7}", ":7.5}", "frame_number"},
	{0, ":7}", ":1e3}x", ""},
	{0, ":7}", ":\"7\"}", "frame_number"},
	{0, ":7}", ":true}", "frame_number"},
	{0, ":7}", ":7,\"keep\":1}", "keep"},
	{0, ":7}", ":7,\"question\":-1}", "question"},
	{0, ":7}", ":7,\"question\":10001}", "question"},
	{1, "\"session_id\":\"s-1\",", "", "session_id"},
	{1, "2026-11-24T03:01:16.123Z", "2026-11-24", "timestamp"},
	{1, "\"emotion\":\"happy\",", "", "emotion"},
	{1, "\"happy\"", "7", "emotion"},
	{1, "\"confidence\":0.87,", "", "confidence"},
	{1, "0.87", "1.01", "confidence"},
	{1, "0.87", "-0.1", "confidence"},
	{1, "0.87", "\"0.87\"", "confidence"},
	{1, "\"blink_count\":4,", "", "blink_count"},
	{1, "\"blink_count\":4", "\"blink_count\":-4", "blink_count"},
	{1, "\"blink_count\":4", "\"blink_count\":4.25", "blink_count"},
	{1, "{\"frame_number\":7,\"source\":\"queue\"}", "[]", "metadata"},
	{1, "{\"frame_number\":7,\"source\":\"queue\"}", "\"x\"", "metadata"},
	{2, "\"session_id\":\"s-1\",", "", "session_id"},
	{2, "\"Jos\xc3\xa9 <&>\"", "\"\"", "user_id"},
	{2, "\"Jos\xc3\xa9 <&>\"", "7", "user_id"},
	{2, "2026-11-24T03:01:16.123Z", "", "completed_at"},
	{2, "\"total_duration\":600,", "", "total_duration"},
	{2, "600", "-1", "total_duration"},
	{2, "600", "600.5", "total_duration"},
	{2, ":5,", ":\"5\",", "answer_count"},
	{2, ":5,", ":-5,", "answer_count"},
	{2, ":12}", ":-1}", "queued_frames"},
	{2, ":12}", ":\"12\"}", "queued_frames"},
	{3, "\"session_id\":\"s-1\",", "", "session_id"},
	{3, "71.25", "100.5", "technical_score"},
	{3, "80.5", "-1", "communication_score"},
	{3, "0.0", "null", "emotion_score"},
	{3, "75.875", "\"75\"", "overall_score"},
	{3, ",\"calculated_at\":\"2026-11-24T03:01:16.123Z\"", "", "calculated_at"},
	{4, "\"s-1\"", "{}", "session_id"},
	{4, "2026-11-24T03:01:16.123Z", "2026-02-30T00:00:00Z", "erased_at"},
	{5, "\"s-1\"", "\"\"", "session_id"},
	{5, "2026-11-24T03:01:16.123Z", "now", "changed_at"},
};

static void test_events__a_bad_member_is_refused_and_named(void **state)
{
	struct context *context = *state;
	for (size_t i = 0; i < VIVA_COUNT(refused); i++) {
		const struct event_kind *kind = &event_kinds[refused[i].kind];
		const char *text = replaced(context->arena, kind->text, refused[i].from, refused[i].to);
		struct viva_error error = {0};
		int status = read_as(kind, text, context, &error);
		if (status != (refused[i].field[0] ? VIVA_EFIELD : VIVA_EJSON) ||
		    strcmp(error.field, refused[i].field) != 0)
			fail_msg("%s: %s of \"%s\": %s", text, viva_error_name(status), error.field, error.message);
		assert_int_equal(error.code, status);
		assert_true(error.message[0]);
	}
}

static void test_events__what_is_no_object_is_refused(void **state)
{
	struct context *context = *state;
	static const char *const bad[] = {"", " ", "{", "}", "hello", "{\"session_id\":\"s-1\"", "{}{}", "\xff\xfe{}"};
	static const char *const others[] = {"null", "[]", "7", "\"text\"", "true"};
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		struct viva_error error = {0};
		for (size_t k = 0; k < VIVA_COUNT(bad); k++)
			assert_error(read_as(&event_kinds[i], bad[k], context, &error), VIVA_EJSON);
		for (size_t k = 0; k < VIVA_COUNT(others); k++)
			assert_error(read_as(&event_kinds[i], others[k], context, &error), VIVA_EFIELD);
		union any_event event;
		assert_error(event_kinds[i].read(viva_bytes_of(NULL, 0), context->arena, &event, &error), VIVA_EJSON);
	}
}

static void test_events__a_message_beyond_the_limit_is_refused_unread(void **state)
{
	struct context *context = *state;
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		size_t limit = i == 0 ? VIVA_EVENT_MAX_FRAME_BYTES : VIVA_EVENT_MAX_SMALL_BYTES;
		size_t size = strlen(event_kinds[i].text);
		VIVA_AUTO_FREE uint8_t *body = malloc(limit + 1);
		assert_non_null(body);
		memset(body, ' ', limit + 1);
		memcpy(body, event_kinds[i].text, size);
		union any_event event;
		struct viva_error error = {0};
		assert_error(event_kinds[i].read(viva_bytes_of(body, limit + 1), context->arena, &event, &error),
			     VIVA_ELIMIT);
		assert_ok(event_kinds[i].read(viva_bytes_of(body, limit), context->arena, &event, &error));
	}
}

static void test_events__unknown_members_are_ignored_and_the_last_of_two_counts(void **state)
{
	struct context *context = *state;
	union any_event event;
	const char *text = replaced(context->arena, event_kinds[4].text, "{",
				    "{\"session_id\":\"first\",\"more\":{\"session_id\":[null]},\"SESSION_ID\":\"s\",");
	assert_ok(event_kinds[4].read(viva_bytes_of_text(text), context->arena, &event, NULL));
	assert_string_equal(event.interview_erased.session_id, "s-1");
	text = replaced(context->arena, event_kinds[4].text, "Z\"}", "Z\",\"session_id\":\"last\"}");
	assert_ok(event_kinds[4].read(viva_bytes_of_text(text), context->arena, &event, NULL));
	assert_string_equal(event.interview_erased.session_id, "last");
}

static void test_events__absent_or_null_metadata_is_empty(void **state)
{
	struct context *context = *state;
	static const char metadata[] = ",\"metadata\":{\"frame_number\":7,\"source\":\"queue\"}";
	static const char *const instead[] = {"", ",\"metadata\":null", ",\"metadata\":{}"};
	for (size_t i = 0; i < VIVA_COUNT(instead); i++) {
		union any_event event;
		const char *text = replaced(context->arena, event_kinds[1].text, metadata, instead[i]);
		assert_ok(event_kinds[1].read(viva_bytes_of_text(text), context->arena, &event, NULL));
		assert_true(json_is_object(event.emotion_analyzed.metadata));
		assert_int_equal(json_object_size(event.emotion_analyzed.metadata), 0);
	}
}

static void test_events__numbers_may_be_written_in_other_ways(void **state)
{
	struct context *context = *state;
	union any_event event;
	const char *text = replaced(context->arena, event_kinds[1].text, "0.87", "1e-07");
	text = replaced(context->arena, text, "\"blink_count\":4", "\"blink_count\":4.0");
	assert_ok(event_kinds[1].read(viva_bytes_of_text(text), context->arena, &event, NULL));
	assert_true(event.emotion_analyzed.confidence == 1e-7);
	assert_true(event.emotion_analyzed.blink_count == 4);
	text = replaced(context->arena, event_kinds[3].text, "71.25", "71");
	assert_ok(event_kinds[3].read(viva_bytes_of_text(text), context->arena, &event, NULL));
	assert_true(event.score_calculated.technical_score == 71);
}

static void test_events__times_come_in_any_zone_and_to_the_nanosecond(void **state)
{
	struct context *context = *state;
	static const struct {
		const char *text;
		int64_t unix_ms;
	} times[] = {
		{"2026-11-24T03:01:16Z", INT64_C(1795489276000)},
		{"2026-11-24T03:01:16.123456789Z", INT64_C(1795489276123)},
		{"2026-11-24T05:01:16.1+02:00", INT64_C(1795489276100)},
		{"2026-11-23T21:31:16.999999999-05:30", INT64_C(1795489276999)},
		{"2026-11-24T03:01:16-00:00", INT64_C(1795489276000)},
		{"2026-11-25T03:00:16+23:59", INT64_C(1795489276000)},
		{"1970-01-01T00:00:00.001Z", 1},
		{"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
	};
	for (size_t i = 0; i < VIVA_COUNT(times); i++) {
		union any_event event;
		const char *text =
			replaced(context->arena, event_kinds[4].text, "2026-11-24T03:01:16.123Z", times[i].text);
		assert_ok(event_kinds[4].read(viva_bytes_of_text(text), context->arena, &event, NULL));
		assert_true(event.interview_erased.erased_at_ms == times[i].unix_ms);
	}
}

static void test_events__queued_frames_may_be_unknown(void **state)
{
	struct context *context = *state;
	static const char *const instead[] = {"", ",\"queued_frames\":null"};
	const char *bare = replaced(context->arena, event_kinds[2].text, ",\"queued_frames\":12", "");
	for (size_t i = 0; i < VIVA_COUNT(instead); i++) {
		union any_event event;
		const char *text = replaced(context->arena, event_kinds[2].text, ",\"queued_frames\":12", instead[i]);
		assert_ok(event_kinds[2].read(viva_bytes_of_text(text), context->arena, &event, NULL));
		assert_true(event.interview_completed.queued_frames == -1);
		assert_ok(event_kinds[2].write(&event, &context->out));
		assert_written(context, bare);
	}
}

static void test_events__a_writer_refuses_what_json_cannot_say(void **state)
{
	struct context *context = *state;
	VIVA_AUTO_JSON metadata = json_object();
	VIVA_AUTO_JSON list = json_array();
	const struct viva_emotion_analyzed good = {
		.session_id = "s", .timestamp_ms = 1, .emotion = "", .metadata = metadata};
	struct viva_emotion_analyzed event = good;
	event.confidence = NAN;
	assert_error(viva_event_write_emotion_analyzed(&event, &context->out), VIVA_EINVAL);
	event = good;
	event.emotion = "\xff";
	assert_error(viva_event_write_emotion_analyzed(&event, &context->out), VIVA_EINVAL);
	event = good;
	event.metadata = list;
	assert_error(viva_event_write_emotion_analyzed(&event, &context->out), VIVA_EINVAL);
	struct viva_score_calculated score = {.session_id = "s", .calculated_at_ms = 1, .overall_score = INFINITY};
	assert_error(viva_event_write_score_calculated(&score, &context->out), VIVA_EINVAL);
	struct viva_interview_completed completed = {.session_id = "s", .user_id = "\xc3", .completed_at_ms = 1};
	assert_error(viva_event_write_interview_completed(&completed, &context->out), VIVA_EINVAL);
	struct viva_interview_erased erased = {.session_id = "\xff", .erased_at_ms = 1};
	assert_error(viva_event_write_interview_erased(&erased, &context->out), VIVA_EINVAL);
	struct viva_interview_changed changed = {.session_id = "\xff", .changed_at_ms = 1};
	assert_error(viva_event_write_interview_changed(&changed, &context->out), VIVA_EINVAL);
	assert_int_equal(context->out.size, 0);
	assert_ok(viva_event_write_emotion_analyzed(&good, &context->out));
	assert_written(context, "{\"session_id\":\"s\",\"timestamp\":\"1970-01-01T00:00:00.001Z\",\"emotion\":\"\","
				"\"confidence\":0.0,\"blink_count\":0,\"metadata\":{}}");
}

static void test_events__a_writer_leaves_a_buffer_that_is_full_as_it_was(void **state)
{
	struct context *context = *state;
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		union any_event event;
		size_t size = strlen(event_kinds[i].text);
		assert_ok(event_kinds[i].read(viva_bytes_of_text(event_kinds[i].text), context->arena, &event, NULL));
		for (size_t room = 0; room <= size; room++) {
			struct viva_buffer out;
			viva_buffer_init(&out, 3 + room);
			assert_ok(viva_buffer_append_text(&out, "abc"));
			assert_error(event_kinds[i].write(&event, &out), room < size ? VIVA_ELIMIT : 0);
			assert_int_equal(out.size, room < size ? 3 : 3 + size);
			viva_buffer_finish(&out);
		}
	}
}

static void test_events__texts_are_escaped(void **state)
{
	struct context *context = *state;
	struct viva_interview_completed event = {
		.session_id = "a\"b\\c", .user_id = "<\n\x01\xe2\x80\xa8>", .completed_at_ms = 1, .queued_frames = -1};
	assert_ok(viva_event_write_interview_completed(&event, &context->out));
	struct viva_interview_completed back;
	assert_ok(viva_event_read_interview_completed(viva_bytes_of(context->out.data, context->out.size),
						      context->arena, &back, NULL));
	assert_string_equal(back.session_id, event.session_id);
	assert_string_equal(back.user_id, event.user_id);
}

static void test_events__a_message_may_leave_its_type_out_but_not_name_another(void **state)
{
	(void)state;
	struct viva_error error = {0};
	assert_ok(viva_event_check_type("", VIVA_EVENT_SCORE_CALCULATED, &error));
	assert_ok(viva_event_check_type("ScoreCalculated", VIVA_EVENT_SCORE_CALCULATED, &error));
	assert_error(viva_event_check_type("FrameCaptured", VIVA_EVENT_SCORE_CALCULATED, &error), VIVA_EUNKNOWNTYPE);
	assert_string_equal(error.field, "type");
	assert_error(viva_event_check_type("scorecalculated", VIVA_EVENT_SCORE_CALCULATED, &error), VIVA_EUNKNOWNTYPE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_events__what_was_written_is_read_and_written_alike),
		TEST(test_events__each_member_arrives),
		TEST(test_events__a_bad_member_is_refused_and_named),
		TEST(test_events__what_is_no_object_is_refused),
		TEST(test_events__a_message_beyond_the_limit_is_refused_unread),
		TEST(test_events__unknown_members_are_ignored_and_the_last_of_two_counts),
		TEST(test_events__absent_or_null_metadata_is_empty),
		TEST(test_events__numbers_may_be_written_in_other_ways),
		TEST(test_events__times_come_in_any_zone_and_to_the_nanosecond),
		TEST(test_events__queued_frames_may_be_unknown),
		TEST(test_events__a_writer_refuses_what_json_cannot_say),
		TEST(test_events__a_writer_leaves_a_buffer_that_is_full_as_it_was),
		TEST(test_events__texts_are_escaped),
		TEST(test_events__a_message_may_leave_its_type_out_but_not_name_another),
	};
#undef TEST
	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
