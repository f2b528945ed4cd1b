// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "emotion.pb-c.h"
#include "rpc/wire.h"
#include "viva_test.h"

static struct viva_arena *arena_of(size_t max_bytes)
{
	struct viva_arena *arena = NULL;
	assert_ok(viva_arena_create(max_bytes, &arena));
	return arena;
}

static int unpack(const void *bytes, size_t size, const ProtobufCMessageDescriptor *descriptor,
		  struct viva_arena *arena, ProtobufCMessage **ret_message, struct viva_error *error)
{
	return wire_unpack(descriptor, viva_bytes_of(bytes, size), arena, ret_message, error);
}

static void test_wire__a_message_comes_out_as_it_went_in(void **state)
{
	(void)state;
	Emotion__FrameRequest request = EMOTION__FRAME_REQUEST__INIT;
	uint8_t image[] = {0xff, 0xd8, 0x00, 0xff};
	char session_id[] = "s-\xc3\xa9";
	request.session_id = session_id;
	request.image_data = (ProtobufCBinaryData){.len = sizeof image, .data = image};
	request.timestamp = -5;
	uint8_t packed[64];
	size_t size = emotion__frame_request__pack(&request, packed);

	VIVA_AUTO(viva_arena) arena = arena_of(1 << 16);
	ProtobufCMessage *message = NULL;
	assert_ok(unpack(packed, size, &emotion__frame_request__descriptor, arena, &message, NULL));
	const Emotion__FrameRequest *back = (const Emotion__FrameRequest *)message;
	assert_string_equal(back->session_id, "s-\xc3\xa9");
	assert_int_equal(back->timestamp, -5);
	assert_int_equal(back->image_data.len, sizeof image);
	assert_memory_equal(back->image_data.data, image, sizeof image);
}

static void test_wire__an_empty_message_is_all_defaults(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(1 << 16);
	ProtobufCMessage *message = NULL;
	assert_ok(unpack(NULL, 0, &emotion__frame_request__descriptor, arena, &message, NULL));
	assert_string_equal(((const Emotion__FrameRequest *)message)->session_id, "");
}

static void test_wire__a_text_that_is_not_utf8_is_refused_and_named(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(1 << 16);
	ProtobufCMessage *message = NULL;
	struct viva_error error = {0};
	assert_error(unpack("\x0a\x02\xc3\x28", 4, &emotion__frame_request__descriptor, arena, &message, &error),
		     VIVA_EINVAL);
	assert_string_equal(error.field, "session_id");
	assert_non_null(strstr(error.message, "UTF-8"));
	assert_null(message);
}

static void test_wire__a_text_with_a_nul_is_refused_and_named(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(1 << 16);
	ProtobufCMessage *message = NULL;
	struct viva_error error = {0};
	assert_error(unpack("\x0a\x03"
			    "a\0b",
			    5, &emotion__frame_request__descriptor, arena, &message, &error),
		     VIVA_EINVAL);
	assert_string_equal(error.field, "session_id");
	assert_non_null(strstr(error.message, "NUL"));
}

static void test_wire__a_bad_text_deep_inside_is_named_by_its_path(void **state)
{
	(void)state;
	// BatchRequest.frames (2) with FrameRequest.format (4) = ff.
	VIVA_AUTO(viva_arena) arena = arena_of(1 << 16);
	ProtobufCMessage *message = NULL;
	struct viva_error error = {0};
	assert_error(unpack("\x12\x03\x22\x01\xff", 5, &emotion__batch_request__descriptor, arena, &message, &error),
		     VIVA_EINVAL);
	assert_string_equal(error.field, "frames.format");
}

static void test_wire__bytes_may_hold_anything(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(1 << 16);
	ProtobufCMessage *message = NULL;
	assert_ok(unpack("\x12\x03\xff\x00\xfe", 5, &emotion__frame_request__descriptor, arena, &message, NULL));
}

static void test_wire__malformed_bytes_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
	} malformed[] = {
		{"\x0a", 1},                                               // a key alone
		{"\x0a\x05hi", 4},                                         // shorter than it says
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},      // longer than any memory
		{"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12},  // a number of 11 bytes
		{"\x00\x00", 2},                                           // field 0
		{"\x0b\x0c", 2},                                           // a group
		{"\x0f", 1},                                               // no such wire type
		{"\x08\x01", 2},                                           // a number where text belongs
	};
	for (size_t i = 0; i < VIVA_COUNT(malformed); i++) {
		VIVA_AUTO(viva_arena) arena = arena_of(1 << 16);
		ProtobufCMessage *message = NULL;
		assert_error(unpack(malformed[i].bytes, malformed[i].size, &emotion__frame_request__descriptor, arena,
				    &message, NULL),
			     VIVA_EINVAL);
		assert_null(message);
	}
}

static void test_wire__a_small_message_of_countless_parts_meets_the_arenas_limit(void **state)
{
	(void)state;
	enum { FRAMES = 32768 };
	static uint8_t bytes[2 * FRAMES];
	for (size_t i = 0; i < FRAMES; i++)
		bytes[2 * i] = 0x12;  // frames, of no bytes each

	VIVA_AUTO(viva_arena) arena = arena_of(1 << 20);
	ProtobufCMessage *message = NULL;
	struct viva_error error = {0};
	assert_error(unpack(bytes, sizeof bytes, &emotion__batch_request__descriptor, arena, &message, &error),
		     VIVA_ELIMIT);
	assert_null(message);
}

static void test_wire__unknown_fields_are_no_error(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(1 << 16);
	ProtobufCMessage *message = NULL;
	assert_ok(unpack("\x92\x3f\x02\xff\x00", 5, &emotion__frame_request__descriptor, arena, &message, NULL));
	assert_int_equal(message->n_unknown_fields, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wire__a_message_comes_out_as_it_went_in),
		cmocka_unit_test(test_wire__an_empty_message_is_all_defaults),
		cmocka_unit_test(test_wire__a_text_that_is_not_utf8_is_refused_and_named),
		cmocka_unit_test(test_wire__a_text_with_a_nul_is_refused_and_named),
		cmocka_unit_test(test_wire__a_bad_text_deep_inside_is_named_by_its_path),
		cmocka_unit_test(test_wire__bytes_may_hold_anything),
		cmocka_unit_test(test_wire__malformed_bytes_are_refused),
		cmocka_unit_test(test_wire__a_small_message_of_countless_parts_meets_the_arenas_limit),
		cmocka_unit_test(test_wire__unknown_fields_are_no_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
