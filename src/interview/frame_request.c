// SPDX-License-Identifier: Apache-2.0
#include "interview/frame_request.h"

#include <string.h>

// Field numbers of emotion.FrameRequest, and the wire types of protobuf's encoding.
enum {
	SESSION_ID = 1,
	IMAGE_DATA = 2,
	TIMESTAMP = 3,
	FORMAT = 4,
	CONTINUATION = 16,
	FRAME_NUMBER = 17,
	KEEP = 18,
	QUESTION = 19,

	VARINT = 0,
	LENGTH_DELIMITED = 2,
};

static int put_varint(struct viva_buffer *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t size = 0;
	for (; value >= 0x80; value >>= 7)
		bytes[size++] = (uint8_t)(value | 0x80);
	bytes[size++] = (uint8_t)value;
	return viva_buffer_append(out, bytes, size);
}

static int put_tag(struct viva_buffer *out, unsigned int field, unsigned int wire_type)
{
	return put_varint(out, field << 3 | wire_type);
}

static int put_number(struct viva_buffer *out, unsigned int field, int64_t value)
{
	int status = put_tag(out, field, VARINT);
	return status ? status : put_varint(out, (uint64_t)value);
}

static int put_bytes(struct viva_buffer *out, unsigned int field, struct viva_bytes bytes)
{
	if (bytes.size == 0)
		return 0;
	int status = put_tag(out, field, LENGTH_DELIMITED);
	if (!status)
		status = put_varint(out, bytes.size);
	return status ? status : viva_buffer_append(out, bytes.data, bytes.size);
}

int interview_frame_request_pack(const struct interview_frame_request *request, struct viva_buffer *out)
{
	int status = put_bytes(out, SESSION_ID, viva_bytes_of_text(request->session_id));
	if (!status)
		status = put_number(out, TIMESTAMP, request->timestamp);
	if (!status)
		status = put_bytes(out, FORMAT, viva_bytes_of_text(request->format));
	if (!status)
		status = put_bytes(out, CONTINUATION, request->continuation);
	if (!status)
		status = put_number(out, FRAME_NUMBER, request->frame_number);
	if (!status && request->keep)
		status = put_number(out, KEEP, 1);
	if (!status)
		status = put_number(out, QUESTION, request->question);
	if (!status)
		status = put_tag(out, IMAGE_DATA, LENGTH_DELIMITED);
	return status ? status : put_varint(out, request->image_size);
}
