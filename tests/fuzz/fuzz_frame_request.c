// SPDX-License-Identifier: Apache-2.0
//
// Frame requests from anywhere, read by our parser and by protobuf-c's: what ours accepts, protobuf-c's reads alike.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emotion.pb-c.h"
#include "emotion/frame_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(struct viva_bytes ours, const void *theirs, size_t size)
{
	if (ours.size != size || (size > 0 && memcmp(ours.data, theirs, size) != 0))
		abort();
}

static void compare_frame(struct viva_bytes message, const struct emotion_frame_view *view)
{
	Emotion__FrameRequest *request = emotion__frame_request__unpack(NULL, message.size, message.data);
	if (!request)
		return;
	compare(view->session_id, request->session_id, strlen(request->session_id));
	compare(view->format, request->format, strlen(request->format));
	compare(view->image, request->image_data.data, request->image_data.len);
	compare(view->continuation, request->continuation.data, request->continuation.len);
	if (view->timestamp != request->timestamp || view->frame_number != request->frame_number)
		abort();
	emotion__frame_request__free_unpacked(request, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct viva_bytes message = viva_bytes_of(data, size), part;
	struct emotion_frame_view view;
	struct emotion_batch_view batch;
	if (emotion_frame_view_parse(message, &view, NULL) == 0)
		compare_frame(message, &view);
	if (emotion_batch_view_parse(message, &batch, NULL) == 0) {
		while (emotion_batch_view_next(&batch, &part)) {
			if (emotion_frame_view_parse(part, &view, NULL) == 0)
				compare_frame(part, &view);
		}
	}
	return 0;
}
