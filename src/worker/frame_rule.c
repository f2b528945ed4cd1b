// SPDX-License-Identifier: Apache-2.0
#include "worker/frame_rule.h"

#include <string.h>

const char *worker_outcome_name(enum worker_outcome outcome)
{
	static const char *const names[WORKER_OUTCOMES] = {
		[WORKER_ACCEPTED] = "accepted", [WORKER_SUPERSEDED] = "superseded", [WORKER_DUPLICATE] = "duplicate",
		[WORKER_ERASED] = "erased",     [WORKER_INVALID] = "invalid",       [WORKER_REPEATED] = "repeated",
	};
	return names[outcome];
}

static bool is_of_session(const struct worker_frame *frame, const struct worker_frame *other)
{
	return !other->is_invalid && strcmp(frame->session_id, other->session_id) == 0;
}

// The message that brought the same frame earlier in this batch.
static const char *brought_before(const struct worker_frame *frames, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_of_session(&frames[index], &frames[i]) && frames[i].number == frames[index].number)
			return frames[i].message_id;
	return NULL;
}

static bool has_newer(const struct worker_frame *frames, size_t count, size_t index)
{
	const struct worker_frame *frame = &frames[index];
	if (frame->newest > frame->number)
		return true;
	for (size_t i = 0; i < count; i++)
		if (is_of_session(frame, &frames[i]) && frames[i].number > frame->number)
			return true;
	return false;
}

static enum worker_outcome decide(const struct worker_frame *frames, size_t count, size_t index, int64_t max_age_ms)
{
	const struct worker_frame *frame = &frames[index];
	if (frame->is_invalid)
		return WORKER_INVALID;
	if (frame->is_erased)
		return WORKER_ERASED;
	const char *before = frame->known_as ? frame->known_as : brought_before(frames, index);
	if (before)
		return before[0] && strcmp(before, frame->message_id) == 0 ? WORKER_REPEATED : WORKER_DUPLICATE;
	bool is_late = frame->age_ms > max_age_ms && !frame->is_repeated;
	return is_late && has_newer(frames, count, index) ? WORKER_SUPERSEDED : WORKER_ACCEPTED;
}

void worker_frames_decide(struct worker_frame *frames, size_t count, int64_t max_age_ms)
{
	for (size_t i = 0; i < count; i++)
		frames[i].outcome = decide(frames, count, i, max_age_ms);
}
