// SPDX-License-Identifier: Apache-2.0
//
// Protocol Buffers' encoding (protobuf.dev/programming-guides/encoding), as much of it as two messages need: unknown
// fields are skipped, and of a field that comes twice the last counts.
#include "emotion/frame_view.h"

#include <string.h>

#include "base/text.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

// Field numbers of proto/emotion.proto.
enum {
	FRAME_SESSION_ID = 1,
	FRAME_IMAGE_DATA = 2,
	FRAME_TIMESTAMP = 3,
	FRAME_FORMAT = 4,
	FRAME_CONTINUATION = 16,
	FRAME_FRAME_NUMBER = 17,
	FRAME_KEEP = 18,
	FRAME_QUESTION = 19,
	BATCH_SESSION_ID = 1,
	BATCH_FRAMES = 2,
	MAX_FIELD_NUMBER = 536870911,
	MAX_VARINT_BYTES = 10,
};

struct field {
	uint64_t number;
	enum wire_type type;
	uint64_t value;           // of a varint
	struct viva_bytes bytes;  // of a run of bytes
};

static bool take_varint(struct viva_bytes *rest, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (size_t i = 0; i < rest->size && i < MAX_VARINT_BYTES; i++) {
		uint64_t bits = rest->data[i] & 0x7f;
		if (i == MAX_VARINT_BYTES - 1 && bits > 1)
			return false;  // more than 64 bits
		value |= bits << 7 * i;
		if (rest->data[i] < 0x80) {
			*rest = viva_bytes_of(rest->data + i + 1, rest->size - i - 1);
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool take_bytes(struct viva_bytes *rest, uint64_t size, struct viva_bytes *ret_bytes)
{
	if (size > rest->size)
		return false;
	*ret_bytes = viva_bytes_of(rest->data, (size_t)size);
	*rest = viva_bytes_of(rest->data + size, rest->size - (size_t)size);
	return true;
}

static bool take_field(struct viva_bytes *rest, struct field *ret_field)
{
	uint64_t tag, size;
	if (!take_varint(rest, &tag))
		return false;
	struct field field = {.number = tag >> 3, .type = (enum wire_type)(tag & 7)};
	if (field.number == 0 || field.number > MAX_FIELD_NUMBER)
		return false;
	bool is_whole = false;
	switch (field.type) {
	case WIRE_VARINT:
		is_whole = take_varint(rest, &field.value);
		break;
	case WIRE_FIXED64:
		is_whole = take_bytes(rest, 8, &field.bytes);
		break;
	case WIRE_FIXED32:
		is_whole = take_bytes(rest, 4, &field.bytes);
		break;
	case WIRE_BYTES:
		is_whole = take_varint(rest, &size) && take_bytes(rest, size, &field.bytes);
		break;
	}
	if (is_whole)
		*ret_field = field;
	return is_whole;
}

static int malformed(struct viva_error *error)
{
	return viva_fail(error, VIVA_EINVAL, NULL, "the message is malformed");
}

static int check_text(struct viva_bytes text, const char *name, struct viva_error *error)
{
	if (text.size > 0 && (memchr(text.data, 0, text.size) || !viva_utf8_is_valid(text.data, text.size)))
		return viva_fail(error, VIVA_EINVAL, name, "%s is not valid UTF-8 without NUL", name);
	return 0;
}

static enum wire_type frame_field_type(uint64_t number)
{
	bool is_number = number == FRAME_TIMESTAMP || number == FRAME_FRAME_NUMBER || number == FRAME_KEEP ||
			 number == FRAME_QUESTION;
	return is_number ? WIRE_VARINT : WIRE_BYTES;
}

static bool is_frame_field(uint64_t number)
{
	return (number >= FRAME_SESSION_ID && number <= FRAME_FORMAT) ||
	       (number >= FRAME_CONTINUATION && number <= FRAME_QUESTION);
}

static void set_frame_field(struct emotion_frame_view *view, const struct field *field)
{
	switch (field->number) {
	case FRAME_SESSION_ID:
		view->session_id = field->bytes;
		break;
	case FRAME_IMAGE_DATA:
		view->image = field->bytes;
		break;
	case FRAME_TIMESTAMP:
		view->timestamp = (int64_t)field->value;
		break;
	case FRAME_FORMAT:
		view->format = field->bytes;
		break;
	case FRAME_CONTINUATION:
		view->continuation = field->bytes;
		break;
	case FRAME_FRAME_NUMBER:
		view->frame_number = (int64_t)field->value;
		break;
	case FRAME_KEEP:
		view->keep = field->value != 0;
		break;
	case FRAME_QUESTION:
		view->question = (int32_t)field->value;  // as protobuf reads an int32: of more, the lower bits
		break;
	default:
		break;
	}
}

int emotion_frame_view_parse(struct viva_bytes message, struct emotion_frame_view *ret_view, struct viva_error *error)
{
	struct emotion_frame_view view = {0};
	struct field field;
	while (message.size > 0) {
		if (!take_field(&message, &field))
			return malformed(error);
		if (!is_frame_field(field.number))
			continue;
		if (field.type != frame_field_type(field.number))
			return malformed(error);
		set_frame_field(&view, &field);
	}
	int code = check_text(view.session_id, "session_id", error);
	if (code == 0)
		code = check_text(view.format, "format", error);
	if (code == 0)
		*ret_view = view;
	return code;
}

int emotion_batch_view_parse(struct viva_bytes message, struct emotion_batch_view *ret_view, struct viva_error *error)
{
	struct emotion_batch_view view = {.rest = message};
	struct field field;
	while (message.size > 0) {
		if (!take_field(&message, &field))
			return malformed(error);
		if ((field.number == BATCH_SESSION_ID || field.number == BATCH_FRAMES) && field.type != WIRE_BYTES)
			return malformed(error);
		if (field.number == BATCH_SESSION_ID)
			view.session_id = field.bytes;
	}
	int code = check_text(view.session_id, "session_id", error);
	if (code == 0)
		*ret_view = view;
	return code;
}

bool emotion_batch_view_next(struct emotion_batch_view *view, struct viva_bytes *ret_frame)
{
	struct field field;
	while (view->rest.size > 0 && take_field(&view->rest, &field)) {
		if (field.number == BATCH_FRAMES) {
			*ret_frame = field.bytes;
			return true;
		}
	}
	return false;
}
