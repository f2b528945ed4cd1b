// SPDX-License-Identifier: Apache-2.0
//
// A live message: whatever the scanner takes for a frame, the JSON parser must read as the same frame.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "interview/frame_message.h"
#include "interview/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool is_text(struct viva_bytes bytes, const json_t *text)
{
	const char *value = text ? json_string_value(text) : "";
	return value && bytes.size == strlen(value) &&
	       memcmp(bytes.data ? (const char *)bytes.data : "", value, bytes.size) == 0;
}

static void compare_with_parser(struct viva_bytes text, const struct interview_frame_message *frame)
{
	VIVA_AUTO_JSON message = NULL;
	require(viva_json_parse_object(text, INTERVIEW_MAX_FRAME_MESSAGE_BYTES, &message, NULL) == 0);
	const json_t *data = json_object_get(message, "data");
	require(strcmp(json_string_value(json_object_get(message, "type")), "frame") == 0);
	require(is_text(frame->image, json_object_get(data, "image")));
	require(is_text(frame->session_id, json_object_get(data, "session_id")));
	require(json_integer_value(json_object_get(data, "timestamp")) == frame->timestamp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct viva_bytes text = viva_bytes_of(data, size);
	enum interview_image_format format;
	(void)!interview_image_check(text, &format, NULL);

	struct interview_frame_message frame = {0};
	if (interview_frame_scan(text, &frame) != INTERVIEW_MESSAGE_FRAME)
		return 0;
	VIVA_AUTO(viva_blob) image = NULL;
	// Only a picture's text that is base64 is sure to be JSON text too.
	if (interview_image_decode(frame.image, &image, &format, NULL) == 0)
		compare_with_parser(text, &frame);
	return 0;
}
