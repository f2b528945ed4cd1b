// SPDX-License-Identifier: Apache-2.0
//
// The one event with a picture, most of all bytes on the bus: the picture's base64 is written straight into the buffer,
// and read from where it lies straight into the arena. Only what is around it becomes a tree.
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/text.h"
#include "events/event_json.h"

static const char image_name[] = "image_data";

// ---- writing

static int put_image(struct viva_buffer *out, struct viva_bytes image)
{
	size_t size = viva_base64_encoded_size(image.size);
	int status = viva_buffer_reserve(out, size);
	if (status || size == 0)
		return status;
	viva_base64_encode(image.data, image.size, (char *)out->data + out->size);
	out->size += size;
	return 0;
}

static int put_text(struct viva_buffer *out, const char *text)
{
	VIVA_AUTO_JSON json = json_string(text);
	return event_put_json(out, json);
}

static int put_frame(struct viva_buffer *out, const struct viva_frame_captured *event)
{
	char time[32];
	viva_rfc3339_from_unix_ms(event->timestamp_ms, time);
	int status = viva_buffer_append_text(out, "{\"session_id\":");
	if (!status)
		status = put_text(out, event->session_id);
	if (!status)
		status = viva_buffer_printf(out, ",\"timestamp\":\"%s\",\"%s\":\"", time, image_name);
	if (!status)
		status = put_image(out, event->image);
	if (!status)
		status = viva_buffer_append_text(out, "\",\"format\":");
	if (!status)
		status = put_text(out, event->format);
	if (!status)
		status = viva_buffer_printf(out, ",\"frame_number\":%lld", (long long)event->frame_number);
	if (!status && event->keep)
		status = viva_buffer_append_text(out, ",\"keep\":true");
	if (!status && event->question > 0)
		status = viva_buffer_printf(out, ",\"question\":%lld", (long long)event->question);
	if (!status)
		status = viva_buffer_append_text(out, "}");
	return status;
}

int viva_event_write_frame_captured(const struct viva_frame_captured *event, struct viva_buffer *out)
{
	if (!viva_utf8_is_valid(event->session_id, strlen(event->session_id)) ||
	    !viva_utf8_is_valid(event->format, strlen(event->format)))
		return VIVA_EINVAL;
	size_t start = out->size;
	int status = put_frame(out, event);
	if (status)
		out->size = start;
	return status;
}

// ---- reading

// The picture's text, where it lies. False when the body is written in an unusual way (escapes, the picture named twice
// or not at all, broken): then all of it must become a tree.
static bool find_image(struct viva_bytes body, struct viva_bytes *ret_image)
{
	struct viva_json_scanner scanner = viva_json_scanner_of(body);
	struct viva_bytes image = {0};
	if (!viva_json_take(&scanner, '{'))
		return false;
	do {
		struct viva_bytes name;
		if (!viva_json_take_plain_string(&scanner, &name) || !viva_json_take(&scanner, ':'))
			return false;
		bool is_image = viva_json_is_text(name, image_name);
		if (is_image && image.data)
			return false;
		if (is_image ? !viva_json_take_plain_string(&scanner, &image) : !viva_json_skip_value(&scanner))
			return false;
	} while (viva_json_take(&scanner, ','));
	*ret_image = image;
	return image.data != NULL;
}

// The body without the picture's text. What is cut out was one string's content for the scanner and is so for the
// parser: both have read the same bytes up to it.
static int parse_around(struct viva_bytes body, struct viva_bytes image, json_t **ret_json, struct viva_error *error)
{
	VIVA_AUTO_FREE uint8_t *rest = malloc(body.size - image.size);
	if (!rest)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a message");
	size_t before = (size_t)(image.data - body.data);
	memcpy(rest, body.data, before);
	memcpy(rest + before, image.data + image.size, body.size - before - image.size);
	return event_parse(viva_bytes_of(rest, body.size - image.size), VIVA_EVENT_MAX_FRAME_BYTES, ret_json, error);
}

// Go's decoder skips line breaks, and some writers make them. Moves the others together and gives their number.
static size_t without_line_breaks(const char *text, size_t size, char *ret_text)
{
	size_t kept = 0;
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\n' && text[i] != '\r')
			ret_text[kept++] = text[i];
	}
	return kept;
}

static int decode_image(const char *text, size_t size, struct viva_arena *arena, struct viva_bytes *ret_image,
			struct viva_error *error)
{
	size_t padding = 0;
	while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
		padding++;
	size_t bound = viva_base64_decoded_bound(size);
	if (bound - VIVA_MIN(bound, padding) > VIVA_EVENT_MAX_IMAGE_BYTES)
		return viva_fail(error, VIVA_EFRAMESIZE, image_name, "a picture has at most %d bytes",
				 VIVA_EVENT_MAX_IMAGE_BYTES);
	uint8_t *data = viva_arena_alloc(arena, bound + 1);
	if (!data)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the picture");
	size_t decoded = 0;
	if (viva_base64_decode(text, size, data, &decoded))
		return viva_fail(error, VIVA_EFIELD, image_name, "\"%s\" must be base64", image_name);
	*ret_image = viva_bytes_of(data, decoded);
	return 0;
}

// As Go writes bytes: null stands for none.
static int get_image(const json_t *json, struct viva_arena *arena, struct viva_bytes *ret_image,
		     struct viva_error *error)
{
	const char *text = "";
	if (!json_object_get(json, image_name))
		return viva_fail(error, VIVA_EFIELD, image_name, "\"%s\" is missing", image_name);
	int status = viva_json_get_text(json, image_name, false, 0, VIVA_EVENT_MAX_FRAME_BYTES, &text, error);
	if (status)
		return status;
	size_t size = strlen(text);
	VIVA_AUTO_FREE char *plain = malloc(size + 1);
	if (!plain)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the picture");
	return decode_image(plain, without_line_breaks(text, size, plain), arena, ret_image, error);
}

static int get_format(const json_t *json, const char **ret_format, struct viva_error *error)
{
	const char *format = NULL;
	int status = viva_json_get_text(json, "format", true, 0, 16, &format, error);
	if (status)
		return status;
	bool is_jpeg = strcmp(format, "jpeg") == 0 || strcmp(format, "jpg") == 0;
	if (!is_jpeg && strcmp(format, "png") != 0)
		return viva_fail(error, VIVA_EFIELD, "format", "\"format\" must be jpeg or png");
	*ret_format = is_jpeg ? "jpeg" : "png";
	return 0;
}

int viva_event_read_frame_captured(struct viva_bytes body, struct viva_arena *arena,
				   struct viva_frame_captured *ret_event, struct viva_error *error)
{
	if (body.size > VIVA_EVENT_MAX_FRAME_BYTES)
		return viva_fail(error, VIVA_ELIMIT, NULL, "the message has more than %d bytes",
				 VIVA_EVENT_MAX_FRAME_BYTES);
	VIVA_AUTO_JSON json = NULL;
	struct viva_frame_captured event = {0};
	struct viva_bytes image = {0};
	bool is_found = find_image(body, &image);
	int status = is_found ? parse_around(body, image, &json, error)
			      : event_parse(body, VIVA_EVENT_MAX_FRAME_BYTES, &json, error);
	if (!status)
		status = event_get_session_id(json, arena, &event.session_id, error);
	if (!status)
		status = event_get_time(json, "timestamp", &event.timestamp_ms, error);
	if (!status)
		status = get_format(json, &event.format, error);
	if (!status)
		status = viva_json_get_int(json, "frame_number", true, 0, INT64_MAX, &event.frame_number, error);
	if (!status)
		status = viva_json_get_bool(json, "keep", false, &event.keep, error);
	if (!status)
		status = viva_json_get_int(json, "question", false, 0, VIVA_EVENT_MAX_QUESTION, &event.question, error);
	// The picture last: for a message that is refused anyway it need not be decoded.
	if (!status)
		status = is_found ? decode_image((const char *)image.data, image.size, arena, &event.image, error)
				  : get_image(json, arena, &event.image, error);
	if (!status)
		*ret_event = event;
	return status;
}
