// SPDX-License-Identifier: Apache-2.0
#include "interview/frame_message.h"

#include <string.h>

// The text still to be read. Every reader gives false when it meets what it does not know.
struct scanner {
	const uint8_t *at;
	const uint8_t *end;
};

static void skip_space(struct scanner *scanner)
{
	while (scanner->at < scanner->end &&
	       (*scanner->at == ' ' || *scanner->at == '\t' || *scanner->at == '\n' || *scanner->at == '\r'))
		scanner->at++;
}

static bool take(struct scanner *scanner, uint8_t expected)
{
	skip_space(scanner);
	if (scanner->at == scanner->end || *scanner->at != expected)
		return false;
	scanner->at++;
	return true;
}

// A string without escapes. Control characters, which JSON forbids in strings, are met by whoever reads the content.
static bool take_string(struct scanner *scanner, struct viva_bytes *ret_content)
{
	if (!take(scanner, '"'))
		return false;
	const uint8_t *start = scanner->at;
	const uint8_t *quote = memchr(start, '"', (size_t)(scanner->end - start));
	if (!quote || memchr(start, '\\', (size_t)(quote - start)))
		return false;
	*ret_content = viva_bytes_of(start, (size_t)(quote - start));
	scanner->at = quote + 1;
	return true;
}

// A whole number without sign, fraction or exponent.
static bool take_timestamp(struct scanner *scanner, int64_t *ret_value)
{
	skip_space(scanner);
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

static bool is_text(struct viva_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static bool is_plain_ascii(struct viva_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] < 0x20 || bytes.data[i] > 0x7e)
			return false;
	}
	return true;
}

static bool take_frame_member(struct scanner *scanner, struct interview_frame_message *frame)
{
	struct viva_bytes name;
	if (!take_string(scanner, &name) || !take(scanner, ':'))
		return false;
	if (is_text(name, "image") && !frame->image.data)
		return take_string(scanner, &frame->image);
	if (is_text(name, "session_id") && !frame->session_id.data)
		return take_string(scanner, &frame->session_id) && is_plain_ascii(frame->session_id);
	return is_text(name, "timestamp") && frame->timestamp == 0 && take_timestamp(scanner, &frame->timestamp);
}

static bool take_data(struct scanner *scanner, struct interview_frame_message *frame)
{
	if (!take(scanner, '{'))
		return false;
	if (take(scanner, '}'))
		return true;
	do {
		if (!take_frame_member(scanner, frame))
			return false;
	} while (take(scanner, ','));
	return take(scanner, '}');
}

static bool take_message(struct scanner *scanner, struct viva_bytes *type, struct interview_frame_message *frame)
{
	bool has_data = false;
	if (!take(scanner, '{'))
		return false;
	do {
		struct viva_bytes name;
		if (!take_string(scanner, &name) || !take(scanner, ':'))
			return false;
		if (is_text(name, "type") && !type->data) {
			if (!take_string(scanner, type))
				return false;
		} else if (is_text(name, "data") && !has_data) {
			has_data = true;
			if (!take_data(scanner, frame))
				return false;
		} else {
			return false;
		}
	} while (take(scanner, ','));
	if (!take(scanner, '}'))
		return false;
	skip_space(scanner);
	return scanner->at == scanner->end;
}

enum interview_message_kind interview_frame_scan(struct viva_bytes text, struct interview_frame_message *ret_frame)
{
	struct scanner scanner = {.at = text.data, .end = text.data + text.size};
	struct viva_bytes type = {0};
	struct interview_frame_message frame = {0};
	if (text.size == 0 || !take_message(&scanner, &type, &frame) || !type.data)
		return INTERVIEW_MESSAGE_OTHER;
	if (is_text(type, "frame") && frame.image.data) {
		*ret_frame = frame;
		return INTERVIEW_MESSAGE_FRAME;
	}
	bool is_empty = !frame.image.data && !frame.session_id.data && frame.timestamp == 0;
	return is_text(type, "ping") && is_empty ? INTERVIEW_MESSAGE_PING : INTERVIEW_MESSAGE_OTHER;
}
