// SPDX-License-Identifier: Apache-2.0
//
// The pictures of a report: key frames that the candidate agreed to being stored. They come from a store and are
// treated as coming from anybody: only a plain small JPEG that can be read whole, to its last byte, is shown.
//
// Threads: any; nothing blocks.
#ifndef VIVA_REPORT_PICTURES_H
#define VIVA_REPORT_PICTURES_H

#include <jansson.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "report/report_json.h"

enum {
	VIVA_REPORT_MAX_PICTURES = 16,
	VIVA_REPORT_MAX_PICTURE_SIDE = 640,         // pixels
	VIVA_REPORT_MAX_PICTURE_BYTES = 96 * 1024,  // of the file
};

struct viva_report_picture {
	struct viva_bytes jpeg;
	int width, height;  // pixels
	uint8_t *pixels;    // B, G, R and an unused byte each, row by row without gaps
};

// The picture of a key frame ("image_data"), in the arena. VIVA_EFIELD (no base64), VIVA_EIMAGE (no baseline JPEG in
// grey or colour without extras, or damaged), VIVA_EFRAMESIZE (too large), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_report_picture_read(const json_t *key_frame, struct viva_arena *arena,
					     struct viva_report_picture *ret_picture);

// A new object: "note" (what there is, or why there is nothing), "consented", and "key_frames": those of the source
// that can be shown, in order of time, as {"timestamp","seconds" (from the interview's start; null = unknown),
// "question" (null = unknown),"emotion","confidence" (both null where the report leaves emotions out),"width","height",
// "image_data"}. NULL when memory is short.
json_t *viva_report_video(const struct viva_report_source *source);

// "0:42 · question 2", and "happy, 93 %" or "".
const char *viva_report_picture_place(struct viva_arena *arena, const json_t *key_frame);
const char *viva_report_picture_expression(struct viva_arena *arena, const json_t *key_frame);

#endif
