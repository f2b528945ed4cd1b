// SPDX-License-Identifier: Apache-2.0
//
// What the sockets of an interview at this process are told of it: analyses, status, the next question, the score.
//
// The store is the truth: whenever something may have changed, here or at another instance, the interview is looked at
// and each socket told what it does not know yet, so that nothing is told twice and nothing older after something
// newer. An answer whose first analysis is under way is waited for: analysis, status and next question come in this
// order.
//
// Threads: any but the loop's: calls block on the store. Those about one interview run one at a time.
#ifndef VIVA_INTERVIEW_NEWS_H
#define VIVA_INTERVIEW_NEWS_H

#include "interview/context.h"

// Tells what is new, if the interview has sockets here; gives how many sockets were told its score now. What can't be
// told now, because the store is away, is made up for by interview_catch_up.
size_t interview_tell_news(struct interview_service *service, const char *id, struct viva_arena *arena);

// What a new socket sees first: the status, then the open question, or the score once there is one. Until it was
// greeted it is told nothing. VIVA_ENOTFOUND, VIVA_ENOMEM, the store's errors.
VIVA_MUST_CHECK int interview_greet(struct interview_service *service, struct interview_session *session,
				    struct viva_websocket *socket, struct viva_arena *arena, struct viva_error *error);

#endif
