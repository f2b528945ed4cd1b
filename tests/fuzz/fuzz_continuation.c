// SPDX-License-Identifier: Apache-2.0
//
// A tracker's byte form from anywhere: what is accepted is written back as the same bytes, or, if an older release
// wrote it, in today's form, and can be used.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vision/blinks.h"
#include "vision/tracker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct viva_tracker tracker;
	uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
	if (viva_tracker_read(viva_bytes_of(data, size), &tracker) != 0)
		return 0;
	size_t written = viva_tracker_write(&tracker, bytes);
	bool is_older = bytes[0] != data[0];
	if (is_older) {
		uint8_t again[VIVA_TRACKER_MAX_BYTES];
		if (viva_tracker_read(viva_bytes_of(bytes, written), &tracker) != 0 ||
		    viva_tracker_write(&tracker, again) != written || memcmp(again, bytes, written) != 0)
			abort();
	} else if (written != size || memcmp(bytes, data, size) != 0) {
		abort();
	}
	for (int i = 1; i <= 100; i++) {
		struct viva_eyes_seen seen = {.is_visible = i % 10 != 0,
					      .ratio = i % 7 ? .25f : .02f,
					      .is_looked_at = i % 3 == 0,
					      .open = i % 2 ? .95f : .05f};
		viva_eyes_observe(&tracker.eyes, tracker.last_ms + i * 40, 40, &seen);
	}
	struct viva_blink_summary blinks = viva_tracker_blinks(&tracker);
	if (blinks.count < 0 || !(blinks.reliability >= 0 && blinks.reliability <= 1))
		abort();
	return 0;
}
