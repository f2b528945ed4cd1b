// SPDX-License-Identifier: Apache-2.0
//
// A frame is found in place where it is written plainly, and read through a tree where it isn't: both read the same.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "events_fixture.h"
#include "viva_test.h"

#define GOOD event_kinds[0].text
#define IMAGE "\"/9j/4AA=\""

struct context {
	struct viva_arena *arena;
};

static int set_up(void **state)
{
	static struct context context;
	*state = &context;
	return viva_arena_create(0, &context.arena);
}

static int tear_down(void **state)
{
	struct context *context = *state;
	context->arena = viva_arena_destroy(context->arena);
	return 0;
}

static int read_frame(const char *text, struct context *context, struct viva_frame_captured *ret_event)
{
	struct viva_error error = {0};
	return viva_event_read_frame_captured(viva_bytes_of_text(text), context->arena, ret_event, &error);
}

static void test_frame_captured__an_unusual_form_is_read_alike(void **state)
{
	struct context *context = *state;
	static const struct {
		const char *from, *to;
	} changes[] = {
		{IMAGE, "\"\\/9j\\/4AA=\""},
		{IMAGE, "\"/9j/4AA\\u003d\""},
		{IMAGE, "\"/9j/\\r\\n4AA=\\n\""},
		{"\"image_data\"", "\"image\\u005fdata\""},
		{"\"image_data\":", "\"image_data\":\"QUJD\",\"image_data\":"},
		{"\"image_data\":", "\"image_data\":null,\"image_data\":"},
		{"\"image_data\":", "\"image\\u005fdata\":\"QUJD\",\"image_data\":"},
		{"\"image_data\":", "\"more\":{\"image_data\":\"QUJD\"},\"Image_Data\":7,\"image_data\":"},
		{"\"image_data\":", "\"a\\\\\":\"\\\\\\\"\",\"image_data\" :\n "},
		{"{", " \t{ "},
		{"}", ",\"more\":[{\"image_data\":\"QUJD\"},\"}\"] } \n"},
		{"\"jpeg\"", "\"jpg\""},
		{":7}", ":7.0}"},
	};
	for (size_t i = 0; i < VIVA_COUNT(changes); i++) {
		struct viva_frame_captured event;
		const char *text = replaced(context->arena, GOOD, changes[i].from, changes[i].to);
		int status = read_frame(text, context, &event);
		if (status)
			fail_msg("%s: %s", text, viva_error_name(status));
		assert_int_equal(event.image.size, 5);
		assert_memory_equal(event.image.data, "\xff\xd8\xff\xe0\x00", 5);
		assert_string_equal(event.session_id, "s-1");
		assert_string_equal(event.format, "jpeg");
		assert_true(event.frame_number == 7);
	}
}

static void test_frame_captured__null_and_empty_bytes_are_an_empty_picture(void **state)
{
	struct context *context = *state;
	static const char *const empty[] = {"null", "\"\"", "\"\\n\""};
	for (size_t i = 0; i < VIVA_COUNT(empty); i++) {
		struct viva_frame_captured event;
		assert_ok(read_frame(replaced(context->arena, GOOD, IMAGE, empty[i]), context, &event));
		assert_int_equal(event.image.size, 0);
	}
}

static void test_frame_captured__what_is_around_the_picture_must_be_json(void **state)
{
	struct context *context = *state;
	static const struct {
		const char *from, *to;
	} changes[] = {
		{"\"format\"", "format"},
		{"\"jpeg\"", "jpeg"},
		{"{", "{,"},
		{",\"format\"", "\"format\""},
		{",\"format\"", ",,\"format\""},
		{"}", "}}"},
		{"}", ""},
		{"}", ",}"},
		{IMAGE, IMAGE "\"\""},
		{IMAGE, "\"/9j/4AA="},
		{"\"s-1\"", "\"s\n1\""},
		{"\"s-1\"", "\"\xc3\""},
		{"\"s-1\"", "\"\\ud800\""},
		{":7}", ":07}"},
		{":7}", ":99999999999999999999}"},
		{"\"image_data\"", "\"a\":[}],\"image_data\""},
	};
	for (size_t i = 0; i < VIVA_COUNT(changes); i++) {
		struct viva_frame_captured event;
		const char *text = replaced(context->arena, GOOD, changes[i].from, changes[i].to);
		int status = read_frame(text, context, &event);
		if (status != VIVA_EJSON)
			fail_msg("%s: %s", text, viva_error_name(status));
	}
}

// A frame with a picture of that many bytes, written by the writer.
static void write_large(size_t image_bytes, struct viva_buffer *out)
{
	VIVA_AUTO_FREE uint8_t *image = malloc(image_bytes);
	assert_non_null(image);
	for (size_t i = 0; i < image_bytes; i++)
		image[i] = (uint8_t)(i * 31 + i / 251);
	struct viva_frame_captured event = {.session_id = "s",
					    .timestamp_ms = 1,
					    .image = viva_bytes_of(image, image_bytes),
					    .format = "png",
					    .frame_number = INT64_MAX};
	viva_buffer_init(out, VIVA_EVENT_MAX_FRAME_BYTES);
	assert_ok(viva_event_write_frame_captured(&event, out));
}

static void test_frame_captured__the_largest_picture_passes_and_one_byte_more_does_not(void **state)
{
	struct context *context = *state;
	for (size_t more = 0; more <= 2; more++) {
		struct viva_buffer body;
		write_large(VIVA_EVENT_MAX_IMAGE_BYTES + more, &body);
		struct viva_frame_captured event;
		struct viva_error error = {0};
		assert_error(viva_event_read_frame_captured(viva_bytes_of(body.data, body.size), context->arena, &event,
							    &error),
			     more ? VIVA_EFRAMESIZE : 0);
		if (more)
			assert_string_equal(error.field, "image_data");
		else
			assert_int_equal(event.image.size, VIVA_EVENT_MAX_IMAGE_BYTES);
		viva_buffer_finish(&body);
	}
}

static void test_frame_captured__every_size_of_picture_comes_back(void **state)
{
	struct context *context = *state;
	for (size_t size = 1; size < 200; size++) {
		struct viva_buffer body;
		write_large(size, &body);
		struct viva_frame_captured event;
		assert_ok(viva_event_read_frame_captured(viva_bytes_of(body.data, body.size), context->arena, &event,
							 NULL));
		assert_int_equal(event.image.size, size);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(event.image.data[i], (uint8_t)(i * 31 + i / 251));
		assert_true(event.frame_number == INT64_MAX);
		viva_buffer_finish(&body);
	}
}

static void test_frame_captured__a_text_that_is_not_utf8_is_not_written(void **state)
{
	(void)state;
	struct viva_buffer out;
	viva_buffer_init(&out, 1024);
	struct viva_frame_captured event = {.session_id = "\xff", .timestamp_ms = 1, .format = "png"};
	assert_error(viva_event_write_frame_captured(&event, &out), VIVA_EINVAL);
	event.session_id = "s";
	event.format = "\xff";
	assert_error(viva_event_write_frame_captured(&event, &out), VIVA_EINVAL);
	assert_int_equal(out.size, 0);
	viva_buffer_finish(&out);
}

// Damages a good message at random. Whatever is read from it must be what a tree of all of it says.
static void test_frame_captured__agrees_with_the_parser_on_damaged_messages(void **state)
{
	(void)state;
	static const char pieces[] = "{}[]\",:\\ \n0159-+.eE/=QA";
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 20261124);
	size_t read = 0;
	for (int round = 0; round < 50000; round++) {
		char text[512];
		size_t size = strlen(GOOD);
		memcpy(text, GOOD, size);
		for (uint64_t damage = 1 + viva_random_below(&random.random, 3); damage > 0; damage--) {
			size_t at = viva_random_below(&random.random, size);
			text[at] = pieces[viva_random_below(&random.random, sizeof pieces - 1)];
		}
		VIVA_AUTO(viva_arena) arena = NULL;
		assert_ok(viva_arena_create(0, &arena));
		struct viva_frame_captured event;
		if (viva_event_read_frame_captured(viva_bytes_of(text, size), arena, &event, NULL))
			continue;
		VIVA_AUTO_JSON json = NULL;
		if (viva_json_parse_object_last_wins(viva_bytes_of(text, size), sizeof text, &json, NULL))
			fail_msg("the parser refuses %.*s", (int)size, text);
		char encoded[64] = "";
		viva_base64_encode(event.image.data, event.image.size, encoded);
		const char *written = json_string_value(json_object_get(json, "image_data"));
		if (!strchr(written, '\n'))
			assert_string_equal(encoded, written);
		assert_string_equal(event.session_id, json_string_value(json_object_get(json, "session_id")));
		assert_true(event.frame_number == (int64_t)json_number_value(json_object_get(json, "frame_number")));
		read++;
	}
	assert_true(read > 500);  // else the rounds above prove nothing
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_frame_captured__an_unusual_form_is_read_alike),
		TEST(test_frame_captured__null_and_empty_bytes_are_an_empty_picture),
		TEST(test_frame_captured__what_is_around_the_picture_must_be_json),
		TEST(test_frame_captured__the_largest_picture_passes_and_one_byte_more_does_not),
		TEST(test_frame_captured__every_size_of_picture_comes_back),
		TEST(test_frame_captured__a_text_that_is_not_utf8_is_not_written),
		TEST(test_frame_captured__agrees_with_the_parser_on_damaged_messages),
	};
#undef TEST
	return cmocka_run_group_tests_name("events/frame_captured", tests, NULL, NULL);
}
