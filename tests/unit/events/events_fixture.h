// SPDX-License-Identifier: Apache-2.0
//
// One good event of each kind, its text, and what it takes to read and write any of them alike.
//
// Threads: one test at a time.
#ifndef EVENTS_FIXTURE_H
#define EVENTS_FIXTURE_H

#include "base/bytes.h"
#include "events/events.h"

union any_event {
	struct viva_frame_captured frame_captured;
	struct viva_emotion_analyzed emotion_analyzed;
	struct viva_interview_completed interview_completed;
	struct viva_score_calculated score_calculated;
	struct viva_interview_erased interview_erased;
	struct viva_interview_changed interview_changed;
};

struct event_kind {
	const char *name;
	const char *text;  // as the writer writes it
	int (*read)(struct viva_bytes body, struct viva_arena *arena, union any_event *ret_event,
		    struct viva_error *error);
	int (*write)(const union any_event *event, struct viva_buffer *out);
};

enum { EVENT_KINDS = 6 };
extern const struct event_kind event_kinds[EVENT_KINDS];

// The text with the first `from` replaced, in the arena; `from` must be there.
char *replaced(struct viva_arena *arena, const char *text, const char *from, const char *to);

#endif
