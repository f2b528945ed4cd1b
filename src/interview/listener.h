// SPDX-License-Identifier: Apache-2.0
//
// What other services say on the bus and this process's sockets must hear:
//
//   EmotionAnalyzed  of a frame from the queue       ─▶ emotion_update, FACE_NOT_DETECTED, MULTIPLE_FACES
//   ScoreCalculated  of an interview with sockets    ─▶ the score, stored if it isn't, then told
//   InterviewErased  by another instance             ─▶ sockets are told and closed
//   InterviewChanged at another instance             ─▶ what is new is read from the store and told (news.h)
//
// Every instance hears everything, and drops what is about interviews without sockets here before it is even parsed.
// What is missed while the bus is away is missed: the timeline is stored elsewhere, and of the rest interview_catch_up
// learns.
//
// Threads: create and destroy not on the loop's thread once it runs. Emotions are told on the bus's thread, in the
// order of their frames; scores and changes, which may take calls, on threads of the listener's own.
#ifndef VIVA_INTERVIEW_LISTENER_H
#define VIVA_INTERVIEW_LISTENER_H

#include "interview/context.h"

struct interview_listener;

// Begins to listen on the runtime's bus. The bus's errors, VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_listener_create(struct interview_service *service,
					      struct interview_listener **ret_listener, struct viva_error *error);
// Work that was begun ends first. NULL is fine. Always NULL.
struct interview_listener *interview_listener_destroy(struct interview_listener *listener);

#endif
