// SPDX-License-Identifier: Apache-2.0
#include "emotion/frame_view.h"

#include <stdlib.h>
#include <string.h>

#include "emotion.pb-c.h"
#include "viva_test.h"

static struct viva_bytes pack(const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(size + 1);
	assert_non_null(bytes);
	assert_int_equal(protobuf_c_message_pack(message, bytes), size);
	return viva_bytes_of(bytes, size);
}

static void free_bytes(struct viva_bytes bytes)
{
	free((void *)(uintptr_t)bytes.data);
}

static Emotion__FrameRequest sample(void)
{
	static uint8_t image[] = {0xff, 0xd8, 0, 1, 2};
	static uint8_t continuation[300] = {7};
	static char session_id[] = "sésame", format[] = "jpeg";
	Emotion__FrameRequest request = EMOTION__FRAME_REQUEST__INIT;
	request.session_id = session_id;
	request.format = format;
	request.image_data = (ProtobufCBinaryData){sizeof image, image};
	request.continuation = (ProtobufCBinaryData){sizeof continuation, continuation};
	request.timestamp = 1700000000123;
	request.frame_number = 42;
	request.keep = true;
	request.question = 3;
	return request;
}

static void assert_bytes(struct viva_bytes bytes, const void *data, size_t size)
{
	assert_int_equal(bytes.size, size);
	assert_memory_equal(bytes.data, data, size);
}

static void test_frame_view__reads_what_protobuf_c_packs_without_copying(void **state)
{
	(void)state;
	Emotion__FrameRequest request = sample();
	struct viva_bytes message = pack(&request.base);
	struct emotion_frame_view view;
	assert_ok(emotion_frame_view_parse(message, &view, NULL));
	assert_bytes(view.session_id, "sésame", strlen("sésame"));
	assert_bytes(view.format, "jpeg", 4);
	assert_bytes(view.image, request.image_data.data, request.image_data.len);
	assert_bytes(view.continuation, request.continuation.data, request.continuation.len);
	assert_true(view.image.data > message.data && view.image.data < message.data + message.size);
	assert_int_equal(view.timestamp, 1700000000123);
	assert_int_equal(view.frame_number, 42);
	assert_true(view.keep);
	assert_int_equal(view.question, 3);
	free_bytes(message);
}

static void test_frame_view__negative_numbers_and_an_empty_message_are_read(void **state)
{
	(void)state;
	Emotion__FrameRequest request = EMOTION__FRAME_REQUEST__INIT;
	request.timestamp = -5;
	request.question = -6;
	struct viva_bytes message = pack(&request.base);
	struct emotion_frame_view view;
	assert_ok(emotion_frame_view_parse(message, &view, NULL));
	assert_int_equal(view.timestamp, -5);
	assert_int_equal(view.question, -6);
	assert_false(view.keep);
	assert_ok(emotion_frame_view_parse(viva_bytes_of(NULL, 0), &view, NULL));
	assert_int_equal(view.image.size, 0);
	free_bytes(message);
}

static void test_frame_view__unknown_fields_are_skipped_and_the_last_of_two_counts(void **state)
{
	(void)state;
	static const uint8_t message[] = {
		0xa8, 0x06, 0x96, 0x01,                               // field 101, a varint
		0xb2, 0x06, 0x02, 'h',  'i',                          // field 102, bytes
		0xb9, 0x06, 1,    2,    3,    4,   5,    6,    7, 8,  // field 103, 64 bits
		0xc5, 0x06, 1,    2,    3,    4,                      // field 104, 32 bits
		0x0a, 0x01, 'a',  0x0a, 0x01, 'b', 0x18, 0x09,        // session_id twice, timestamp 9
	};
	struct emotion_frame_view view;
	assert_ok(emotion_frame_view_parse(viva_bytes_of(message, sizeof message), &view, NULL));
	assert_bytes(view.session_id, "b", 1);
	assert_int_equal(view.timestamp, 9);
}

static void test_frame_view__what_is_no_message_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
	} messages[] = {
		{"\x0a", 1},  // a tag without a value
		{"\x0a\x05"
		 "abc",
		 5},  // shorter than it says
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
		 "a",
		 12},                                                      // 2^64 − 1 bytes long
		{"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},      // a varint of 65 bits
		{"\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12},  // and of eleven bytes
		{"\x02\x01"
		 "a",
		 3},              // field 0
		{"\x0b\x0c", 2},  // a group
		{"\x08\x01", 2},  // session_id as a number
		{"\x1a\x01"
		 "a",
		 3},                  // timestamp as bytes
		{"\x0d\x01\x02", 3},  // 32 bits of which 16 are there
	};
	for (size_t i = 0; i < VIVA_COUNT(messages); i++) {
		struct emotion_frame_view view;
		assert_error(emotion_frame_view_parse(viva_bytes_of(messages[i].bytes, messages[i].size), &view, NULL),
			     VIVA_EINVAL);
	}
}

static void test_frame_view__texts_must_be_texts(void **state)
{
	(void)state;
	struct emotion_frame_view view;
	struct viva_error error = {0};
	assert_error(emotion_frame_view_parse(viva_bytes_of("\x0a\x03"
							    "a\0b",
							    5),
					      &view, &error),
		     VIVA_EINVAL);
	assert_string_equal(error.field, "session_id");
	assert_error(emotion_frame_view_parse(viva_bytes_of("\x22\x02\xc3\x28", 4), &view, &error), VIVA_EINVAL);
	assert_string_equal(error.field, "format");
}

static void test_frame_view__a_message_cut_anywhere_is_refused_or_shorter(void **state)
{
	(void)state;
	Emotion__FrameRequest request = sample();
	struct viva_bytes message = pack(&request.base);
	for (size_t size = 0; size < message.size; size++) {
		// A copy of that size, so that a read past it is seen.
		uint8_t *cut = malloc(size + 1);
		assert_non_null(cut);
		memcpy(cut, message.data, size);
		struct emotion_frame_view view;
		int code = emotion_frame_view_parse(viva_bytes_of(cut, size), &view, NULL);
		assert_true(code == 0 || code == VIVA_EINVAL);
		free(cut);
	}
	free_bytes(message);
}

static void test_frame_view__a_batch_gives_its_frames_in_order(void **state)
{
	(void)state;
	Emotion__FrameRequest frames[3], *list[3];
	static char session_id[] = "batch";
	for (int i = 0; i < 3; i++) {
		frames[i] = sample();
		frames[i].frame_number = i + 1;
		list[i] = &frames[i];
	}
	Emotion__BatchRequest request = EMOTION__BATCH_REQUEST__INIT;
	request.session_id = session_id;
	request.frames = list;
	request.n_frames = 3;
	struct viva_bytes message = pack(&request.base), bytes;
	struct emotion_batch_view batch;
	assert_ok(emotion_batch_view_parse(message, &batch, NULL));
	assert_bytes(batch.session_id, "batch", 5);
	for (int i = 0; i < 3; i++) {
		struct emotion_frame_view view;
		assert_true(emotion_batch_view_next(&batch, &bytes));
		assert_ok(emotion_frame_view_parse(bytes, &view, NULL));
		assert_int_equal(view.frame_number, i + 1);
	}
	assert_false(emotion_batch_view_next(&batch, &bytes));
	assert_error(emotion_batch_view_parse(viva_bytes_of(message.data, message.size - 1), &batch, NULL),
		     VIVA_EINVAL);
	free_bytes(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_view__reads_what_protobuf_c_packs_without_copying),
		cmocka_unit_test(test_frame_view__negative_numbers_and_an_empty_message_are_read),
		cmocka_unit_test(test_frame_view__unknown_fields_are_skipped_and_the_last_of_two_counts),
		cmocka_unit_test(test_frame_view__what_is_no_message_is_refused),
		cmocka_unit_test(test_frame_view__texts_must_be_texts),
		cmocka_unit_test(test_frame_view__a_message_cut_anywhere_is_refused_or_shorter),
		cmocka_unit_test(test_frame_view__a_batch_gives_its_frames_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
