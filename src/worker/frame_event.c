// SPDX-License-Identifier: Apache-2.0
#include "worker/frame_event.h"

#include <string.h>

#include "events/events.h"

static bool begins_with(struct viva_bytes bytes, const void *magic, size_t size)
{
	return bytes.size >= size && memcmp(bytes.data, magic, size) == 0;
}

// The emotion service goes by the same bytes, not by the format that the event names.
static int check_picture(struct viva_bytes image, struct viva_error *error)
{
	static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
	static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};  // PNG §5.2
	if (begins_with(image, jpeg, sizeof jpeg) || begins_with(image, png, sizeof png))
		return 0;
	return viva_fail(error, VIVA_EIMAGE, "image_data", "the picture is neither a JPEG nor a PNG");
}

static int read_event(const struct viva_bus_message *message, struct viva_arena *arena, struct worker_frame *frame,
		      struct viva_error *reason)
{
	int status = viva_event_check_type(message->type, VIVA_EVENT_FRAME_CAPTURED, reason);
	if (status)
		return status;
	// The picture is as large as the rest of a batch together: it goes at once.
	VIVA_AUTO(viva_arena) own = NULL;
	if (viva_arena_create(0, &own))
		return VIVA_ENOMEM;
	struct viva_frame_captured event;
	status = viva_event_read_frame_captured(message->body, own, &event, reason);
	if (status)
		return status;
	const char *session_id = viva_arena_text(arena, event.session_id, strlen(event.session_id));
	if (!session_id)
		return VIVA_ENOMEM;
	frame->session_id = session_id;
	frame->number = event.frame_number;
	return check_picture(event.image, reason);
}

int worker_frame_read(const struct viva_bus_message *message, int64_t age_ms, struct viva_arena *arena,
		      struct worker_frame *ret_frame, struct viva_error *reason)
{
	struct worker_frame frame = {
		.message_id = message->message_id,
		.session_id = message->session_id,  // as its property says, should its event say nothing
		.age_ms = age_ms,
		.newest = -1,
	};
	int status = read_event(message, arena, &frame, reason);
	if (status == VIVA_ENOMEM)
		return status;
	frame.is_invalid = status != 0;
	*ret_frame = frame;
	return 0;
}
