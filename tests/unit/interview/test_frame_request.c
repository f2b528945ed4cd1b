// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "emotion.pb-c.h"
#include "interview/frame_request.h"
#include "viva_test.h"

// What the emotion service reads from the packed head with the picture behind it.
static Emotion__FrameRequest *read_back(const struct interview_frame_request *request, struct viva_bytes image)
{
	struct viva_buffer out = {.limit = 4096};
	assert_ok(interview_frame_request_pack(request, &out));
	assert_ok(viva_buffer_append(&out, image.data, image.size));
	Emotion__FrameRequest *read = emotion__frame_request__unpack(NULL, out.size, out.data);
	viva_buffer_finish(&out);
	assert_non_null(read);
	return read;
}

static void test_frame_request__is_read_by_protobuf_as_it_was_meant(void **state)
{
	(void)state;
	uint8_t image[300];
	memset(image, 0xa5, sizeof image);
	static const uint8_t continuation[] = {1, 0, 2, 0xff};
	struct interview_frame_request request = {
		.session_id = "0198c9a1-0000-7000-8000-000000000000",
		.timestamp = INT64_C(1795491000123),
		.format = "jpeg",
		.continuation = viva_bytes_of(continuation, sizeof continuation),
		.frame_number = 257,
		.keep = true,
		.question = 12,
		.image_size = sizeof image,
	};
	Emotion__FrameRequest *read = read_back(&request, viva_bytes_of(image, sizeof image));
	assert_string_equal(read->session_id, request.session_id);
	assert_true(read->timestamp == request.timestamp);
	assert_string_equal(read->format, "jpeg");
	assert_int_equal(read->continuation.len, sizeof continuation);
	assert_memory_equal(read->continuation.data, continuation, sizeof continuation);
	assert_int_equal(read->frame_number, 257);
	assert_true(read->keep);
	assert_int_equal(read->question, 12);
	assert_int_equal(read->image_data.len, sizeof image);
	assert_memory_equal(read->image_data.data, image, sizeof image);
	emotion__frame_request__free_unpacked(read, NULL);
}

static void test_frame_request__an_absent_continuation_is_left_out(void **state)
{
	(void)state;
	struct interview_frame_request request = {
		.session_id = "s", .timestamp = 1, .format = "png", .frame_number = 1, .image_size = 1};
	Emotion__FrameRequest *read = read_back(&request, viva_bytes_of("x", 1));
	assert_int_equal(read->continuation.len, 0);
	assert_false(read->keep);
	assert_int_equal(read->image_data.len, 1);
	emotion__frame_request__free_unpacked(read, NULL);
}

static void test_frame_request__does_not_grow_past_the_buffers_limit(void **state)
{
	(void)state;
	static const uint8_t continuation[200];
	struct interview_frame_request request = {
		.session_id = "s", .format = "png", .continuation = viva_bytes_of(continuation, sizeof continuation)};
	struct viva_buffer out = {.limit = 64};
	assert_error(interview_frame_request_pack(&request, &out), VIVA_ELIMIT);
	viva_buffer_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_request__is_read_by_protobuf_as_it_was_meant),
		cmocka_unit_test(test_frame_request__an_absent_continuation_is_left_out),
		cmocka_unit_test(test_frame_request__does_not_grow_past_the_buffers_limit),
	};
	return cmocka_run_group_tests_name("interview/frame_request", tests, NULL, NULL);
}
