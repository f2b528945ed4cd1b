// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "interview/frame_message.h"
#include "viva_test.h"

static enum interview_message_kind scan(const char *text, struct interview_frame_message *ret_frame)
{
	return interview_frame_scan(viva_bytes_of_text(text), ret_frame);
}

static void assert_range(struct viva_bytes range, const char *expected)
{
	assert_int_equal(range.size, strlen(expected));
	assert_memory_equal(range.data, expected, range.size);
}

static void test_frame_message__finds_a_frames_members_in_place(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"type\":\"frame\",\"data\":{\"session_id\":\"s1\",\"timestamp\":1234567890123,\"image\":\"QUJD\"}}",
		"{\"data\":{\"image\":\"QUJD\",\"timestamp\":1234567890123,\"session_id\":\"s1\"},\"type\":\"frame\"}",
		(" {\n\t\"type\" : \"frame\" , \"data\" : { \"timestamp\" : 1234567890123 , \"session_id\" : \"s1\" ,"
		 " \"image\" : \"QUJD\" } } \r\n"),
	};
	for (size_t i = 0; i < VIVA_COUNT(texts); i++) {
		struct interview_frame_message frame;
		assert_int_equal(scan(texts[i], &frame), INTERVIEW_MESSAGE_FRAME);
		assert_range(frame.image, "QUJD");
		assert_range(frame.session_id, "s1");
		assert_true(frame.timestamp == INT64_C(1234567890123));
		assert_true((const char *)frame.image.data > texts[i]);
	}
}

static void test_frame_message__timestamp_and_session_may_be_missing(void **state)
{
	(void)state;
	struct interview_frame_message frame;
	assert_int_equal(scan("{\"type\":\"frame\",\"data\":{\"image\":\"\"}}", &frame), INTERVIEW_MESSAGE_FRAME);
	assert_int_equal(frame.image.size, 0);
	assert_non_null(frame.image.data);
	assert_int_equal(frame.session_id.size, 0);
	assert_true(frame.timestamp == 0);
}

static void test_frame_message__knows_a_ping(void **state)
{
	(void)state;
	struct interview_frame_message frame;
	assert_int_equal(scan("{\"type\":\"ping\",\"data\":{}}", &frame), INTERVIEW_MESSAGE_PING);
	assert_int_equal(scan("{ \"data\" : { } , \"type\" : \"ping\" }", &frame), INTERVIEW_MESSAGE_PING);
	assert_int_equal(scan("{\"type\":\"ping\"}", &frame), INTERVIEW_MESSAGE_PING);
}

// Of these the parser must say what they are.
static const char *const UNUSUAL[] = {
	"",
	"{",
	"{}",
	"[]",
	"null",
	"hello",
	"{\"type\":\"frame\"}",
	"{\"type\":\"frame\",\"data\":{}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\"}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\"}}x",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\"}}{}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\"},}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QU\\/D\"}}",
	"{\"type\":\"fr\\u0061me\",\"data\":{\"image\":\"QUJD\"}}",
	"{\"type\":\"frame\",\"type\":\"frame\",\"data\":{\"image\":\"QUJD\"}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\"},\"data\":{\"image\":\"QUJD\"}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"image\":\"QUJD\"}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":1,\"timestamp\":2}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"session_id\":\"\",\"session_id\":\"\"}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"more\":1}}",
	"{\"type\":\"frame\",\"data\":{\"image\":7}}",
	"{\"type\":\"frame\",\"data\":{\"image\":null}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":0}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":-1}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":01}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":1.5}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":1e3}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":253402300800000}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":99999999999999999999999}}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":\"1\"}}",
	"{\"type\":\"frame\",\"data\":[]}",
	"{\"type\":\"frame\",\"data\":7}",
	"{\"type\":7,\"data\":{\"image\":\"QUJD\"}}",
	"{\"type\":\"answer\",\"data\":{}}",
	"{\"type\":\"ping\",\"data\":{\"image\":\"QUJD\"}}",
	"{\"type\":\"ping\",\"data\":null}",
	"{\"data\":{\"image\":\"QUJD\"}}",
	"{type:\"frame\"}",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD",
	"{\"type\":\"frame\",\"data\":{\"image\":\"QUJD\",\"timestamp\":12",
};

static void test_frame_message__leaves_all_that_is_unusual_to_the_parser(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(UNUSUAL); i++) {
		struct interview_frame_message frame = {.timestamp = 77};
		if (scan(UNUSUAL[i], &frame) != INTERVIEW_MESSAGE_OTHER)
			fail_msg("%s was taken for a plain message", UNUSUAL[i]);
		assert_true(frame.timestamp == 77);  // untouched
	}
}

// What the scanner takes for a frame the parser must read as the same frame.
static void assert_parser_agrees(const char *text, size_t size, const struct interview_frame_message *frame)
{
	VIVA_AUTO_JSON message = NULL;
	struct viva_error error = {0};
	if (viva_json_parse_object(viva_bytes_of(text, size), 1 << 20, &message, &error))
		fail_msg("the parser refuses %.*s: %s", (int)size, text, error.message);
	assert_string_equal(json_string_value(json_object_get(message, "type")), "frame");
	const json_t *data = json_object_get(message, "data");
	assert_range(frame->image, json_string_value(json_object_get(data, "image")));
	const json_t *session_id = json_object_get(data, "session_id");
	assert_range(frame->session_id, session_id ? json_string_value(session_id) : "");
	assert_true(frame->timestamp == json_integer_value(json_object_get(data, "timestamp")));
}

static void test_frame_message__agrees_with_the_parser_on_damaged_messages(void **state)
{
	(void)state;
	static const char good[] = "{\"type\":\"frame\",\"data\":{\"session_id\":\"0198c9a1\",\"timestamp\":"
				   "1700000000123,\"image\":\"QUJDRA==\"}}";
	static const char pieces[] = "{}[]\",:\\ \n\t\x01"
				     "0159-+.eE/truefalsn\xc3";
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 20261124);
	size_t frames = 0;
	for (int round = 0; round < 200000; round++) {
		char text[sizeof good + 8];
		size_t size = sizeof good - 1;
		memcpy(text, good, sizeof good);
		for (uint64_t damage = 1 + viva_random_below(&random.random, 3); damage > 0; damage--) {
			size_t at = viva_random_below(&random.random, size);
			char piece = pieces[viva_random_below(&random.random, sizeof pieces - 1)];
			switch (viva_random_below(&random.random, 3)) {
			case 0:
				text[at] = piece;
				break;
			case 1:
				memmove(text + at, text + at + 1, size - at - 1);
				size--;
				break;
			default:
				memmove(text + at + 1, text + at, size - at);
				text[at] = piece;
				size++;
			}
		}
		struct interview_frame_message frame;
		if (interview_frame_scan(viva_bytes_of(text, size), &frame) != INTERVIEW_MESSAGE_FRAME)
			continue;
		// The picture's text is checked by whoever decodes it: what is no base64 is refused there.
		uint8_t decoded[64];
		size_t decoded_size;
		if (viva_base64_decode((const char *)frame.image.data, frame.image.size, decoded, &decoded_size))
			continue;
		assert_parser_agrees(text, size, &frame);
		frames++;
	}
	assert_true(frames > 1000);  // else the rounds above prove nothing
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_message__finds_a_frames_members_in_place),
		cmocka_unit_test(test_frame_message__timestamp_and_session_may_be_missing),
		cmocka_unit_test(test_frame_message__knows_a_ping),
		cmocka_unit_test(test_frame_message__leaves_all_that_is_unusual_to_the_parser),
		cmocka_unit_test(test_frame_message__agrees_with_the_parser_on_damaged_messages),
	};
	return cmocka_run_group_tests_name("interview/frame_message", tests, NULL, NULL);
}
