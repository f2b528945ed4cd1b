// SPDX-License-Identifier: Apache-2.0
#include "interview/frame_message.h"

#include "base/json_scan.h"

// A whole number without sign, fraction or exponent.
static bool take_timestamp(struct viva_json_scanner *scanner, int64_t *ret_value)
{
	viva_json_skip_space(scanner);
	const uint8_t *start = scanner->at;
	int64_t value = 0;
	while (scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9' &&
	       value <= INTERVIEW_MAX_TIMESTAMP)
		value = value * 10 + (*scanner->at++ - '0');
	bool is_done =
		scanner->at < scanner->end && (*scanner->at == ',' || *scanner->at == '}' || *scanner->at == ' ');
	if (scanner->at == start || *start == '0' || value > INTERVIEW_MAX_TIMESTAMP || !is_done)
		return false;
	*ret_value = value;
	return true;
}

static bool is_plain_ascii(struct viva_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] < 0x20 || bytes.data[i] > 0x7e)
			return false;
	}
	return true;
}

static bool take_frame_member(struct viva_json_scanner *scanner, struct interview_frame_message *frame)
{
	struct viva_bytes name;
	if (!viva_json_take_plain_string(scanner, &name) || !viva_json_take(scanner, ':'))
		return false;
	if (viva_json_is_text(name, "image") && !frame->image.data)
		return viva_json_take_plain_string(scanner, &frame->image);
	if (viva_json_is_text(name, "session_id") && !frame->session_id.data)
		return viva_json_take_plain_string(scanner, &frame->session_id) && is_plain_ascii(frame->session_id);
	return viva_json_is_text(name, "timestamp") && frame->timestamp == 0 &&
	       take_timestamp(scanner, &frame->timestamp);
}

static bool take_data(struct viva_json_scanner *scanner, struct interview_frame_message *frame)
{
	if (!viva_json_take(scanner, '{'))
		return false;
	if (viva_json_take(scanner, '}'))
		return true;
	do {
		if (!take_frame_member(scanner, frame))
			return false;
	} while (viva_json_take(scanner, ','));
	return viva_json_take(scanner, '}');
}

static bool take_message(struct viva_json_scanner *scanner, struct viva_bytes *type,
			 struct interview_frame_message *frame)
{
	bool has_data = false;
	if (!viva_json_take(scanner, '{'))
		return false;
	do {
		struct viva_bytes name;
		if (!viva_json_take_plain_string(scanner, &name) || !viva_json_take(scanner, ':'))
			return false;
		if (viva_json_is_text(name, "type") && !type->data) {
			if (!viva_json_take_plain_string(scanner, type))
				return false;
		} else if (viva_json_is_text(name, "data") && !has_data) {
			has_data = true;
			if (!take_data(scanner, frame))
				return false;
		} else {
			return false;
		}
	} while (viva_json_take(scanner, ','));
	if (!viva_json_take(scanner, '}'))
		return false;
	viva_json_skip_space(scanner);
	return scanner->at == scanner->end;
}

enum interview_message_kind interview_frame_scan(struct viva_bytes text, struct interview_frame_message *ret_frame)
{
	struct viva_json_scanner scanner = viva_json_scanner_of(text);
	struct viva_bytes type = {0};
	struct interview_frame_message frame = {0};
	if (text.size == 0 || !take_message(&scanner, &type, &frame) || !type.data)
		return INTERVIEW_MESSAGE_OTHER;
	if (viva_json_is_text(type, "frame") && frame.image.data) {
		*ret_frame = frame;
		return INTERVIEW_MESSAGE_FRAME;
	}
	bool is_empty = !frame.image.data && !frame.session_id.data && frame.timestamp == 0;
	return viva_json_is_text(type, "ping") && is_empty ? INTERVIEW_MESSAGE_PING : INTERVIEW_MESSAGE_OTHER;
}
