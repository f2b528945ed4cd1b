// SPDX-License-Identifier: Apache-2.0
//
// The life of an interview, as a pure state machine:
//
//                 complete               score
//   in_progress ───────────▶ completed ───────────▶ scored
//        │  └── time out, all answered ──▶ completed
//        └───── time out, else ──────────▶ expired
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_STATE_H
#define VIVA_INTERVIEW_STATE_H

#include <stdbool.h>

enum interview_state { INTERVIEW_IN_PROGRESS, INTERVIEW_COMPLETED, INTERVIEW_SCORED, INTERVIEW_EXPIRED };
enum interview_event { INTERVIEW_COMPLETE, INTERVIEW_SCORE, INTERVIEW_TIME_OUT };
enum interview_mode { INTERVIEW_PRACTICE, INTERVIEW_RECRUITMENT };

// Names as the store and the API have them. parse gives false for any other text (NULL too).
const char *interview_state_name(enum interview_state state);
bool interview_state_parse(const char *name, enum interview_state *ret_state);
const char *interview_mode_name(enum interview_mode mode);
bool interview_mode_parse(const char *name, enum interview_mode *ret_mode);

// Where an event leads; false when the state does not take it, then *ret_next is untouched.
bool interview_state_follow(enum interview_state state, enum interview_event event, bool is_all_answered,
			    enum interview_state *ret_next);

#endif
