// SPDX-License-Identifier: Apache-2.0
#include "interview/state.h"

#include <stddef.h>
#include <string.h>

#include "base/macros.h"

static const char *const STATE_NAMES[] = {
	[INTERVIEW_IN_PROGRESS] = "in_progress",
	[INTERVIEW_COMPLETED] = "completed",
	[INTERVIEW_SCORED] = "scored",
	[INTERVIEW_EXPIRED] = "expired",
};

static const char *const MODE_NAMES[] = {
	[INTERVIEW_PRACTICE] = "practice",
	[INTERVIEW_RECRUITMENT] = "recruitment",
};

static bool find_name(const char *const *names, size_t count, const char *name, size_t *ret_index)
{
	for (size_t i = 0; name && i < count; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

const char *interview_state_name(enum interview_state state)
{
	return STATE_NAMES[state];
}

bool interview_state_parse(const char *name, enum interview_state *ret_state)
{
	size_t index;
	if (!find_name(STATE_NAMES, VIVA_COUNT(STATE_NAMES), name, &index))
		return false;
	*ret_state = (enum interview_state)index;
	return true;
}

const char *interview_mode_name(enum interview_mode mode)
{
	return MODE_NAMES[mode];
}

bool interview_mode_parse(const char *name, enum interview_mode *ret_mode)
{
	size_t index;
	if (!find_name(MODE_NAMES, VIVA_COUNT(MODE_NAMES), name, &index))
		return false;
	*ret_mode = (enum interview_mode)index;
	return true;
}

bool interview_state_follow(enum interview_state state, enum interview_event event, bool is_all_answered,
			    enum interview_state *ret_next)
{
	if (state == INTERVIEW_IN_PROGRESS && event == INTERVIEW_COMPLETE)
		*ret_next = INTERVIEW_COMPLETED;
	else if (state == INTERVIEW_IN_PROGRESS && event == INTERVIEW_TIME_OUT)
		*ret_next = is_all_answered ? INTERVIEW_COMPLETED : INTERVIEW_EXPIRED;
	else if (state == INTERVIEW_COMPLETED && event == INTERVIEW_SCORE)
		*ret_next = INTERVIEW_SCORED;
	else
		return false;
	return true;
}
