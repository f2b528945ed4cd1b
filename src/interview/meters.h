// SPDX-License-Identifier: Apache-2.0
//
// The interview service's metrics.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_METERS_H
#define VIVA_INTERVIEW_METERS_H

#include "base/metrics.h"

struct interview_meters {
	struct viva_metric *started;    // interviews
	struct viva_metric *completed;  // interviews, by request or by time
	struct viva_metric *expired;    // interviews
	struct viva_metric *scored;     // interviews
	struct viva_metric *erased;     // interviews
	struct viva_metric *answers;    // stored
	struct viva_metric *frames_analysed;
	struct viva_metric *frames_queued;  // as asked for
	struct viva_metric *frames_fallen;  // live ones that went into the queue, for want of the emotion service
	struct viva_metric *frames_failed;
	struct viva_metric *frames_replaced;   // by a newer one, before their turn came
	struct viva_metric *messages_refused;  // over the rate of an interview
	struct viva_metric *events_emotion;    // EmotionAnalyzed that came, whoever's interviews they are about
	struct viva_metric *events_score;      // ScoreCalculated
	struct viva_metric *events_erasure;    // InterviewErased
	struct viva_metric *events_change;     // InterviewChanged
	struct viva_metric *events_unreadable;
	struct viva_metric *pushes_emotion;  // told to sockets because of an event
	struct viva_metric *pushes_score;
	struct viva_metric *hints_published;  // InterviewChanged
	struct viva_metric *hints_lost;       // not published: others catch up later
	struct viva_metric *sessions;         // now in memory
	struct viva_metric *sockets;          // now open
};

// Registers them at the first call.
const struct interview_meters *interview_meters(void);

#endif
