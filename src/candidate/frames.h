// SPDX-License-Identifier: Apache-2.0
//
// Where the candidate's pictures come from: a folder of JPEGs and PNGs, or one file of concatenated JPEGs (MJPEG).
//
// Threads: one owner at a time; reading blocks on the disk.
#ifndef VIVA_CANDIDATE_FRAMES_H
#define VIVA_CANDIDATE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct candidate_frames;

// Opens a folder (its *.jpg, *.jpeg and *.png in the order of their names) or a file (one picture, or JPEGs one after
// another). At least one picture, at most 100,000. VIVA_EUSAGE (nothing to read there; the path is named), VIVA_ENOMEM.
VIVA_MUST_CHECK int candidate_frames_open(const char *path, struct candidate_frames **ret_frames,
					  struct viva_error *error);
struct candidate_frames *candidate_frames_destroy(struct candidate_frames *frames);
VIVA_DEFINE_AUTO(candidate_frames)

size_t candidate_frames_count(const struct candidate_frames *frames);
// Pictures a second as the folder's frames.json says ({"fps": 15}); 0 = it doesn't.
double candidate_frames_per_second(const struct candidate_frames *frames);
// Picture number `index` modulo the count; valid until the next read. VIVA_EIO (unreadable or over 8 MiB).
VIVA_MUST_CHECK int candidate_frames_read(struct candidate_frames *frames, size_t index, struct viva_bytes *ret_picture,
					  struct viva_error *error);

// Finds the next whole JPEG at or after *offset by walking its markers (ITU-T T.81 §B), so that a thumbnail's end
// inside it is not taken for its own. Moves *offset behind it. False: there is none.
bool candidate_jpeg_next(struct viva_bytes film, size_t *offset, struct viva_bytes *ret_jpeg);

#endif
