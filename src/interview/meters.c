// SPDX-License-Identifier: Apache-2.0
#include "interview/meters.h"

#include <pthread.h>

static struct interview_meters meters;

static void register_all(void)
{
	static const char interviews[] = "viva_interview_interviews_total";
	static const char interviews_help[] = "Interviews by what happened to them";
	static const char frames[] = "viva_interview_frames_total";
	static const char frames_help[] = "Frames by what became of them";
	static const char events[] = "viva_interview_events_total";
	static const char events_help[] = "Events that came from the bus";
	static const char hints[] = "viva_interview_hints_total";
	static const char hints_help[] = "Hints to other instances that an interview changed";
	static const char pushes[] = "viva_interview_event_pushes_total";
	static const char pushes_help[] = "Events that were told to sockets of this process";
	meters = (struct interview_meters){
		.started = viva_counter(interviews, "event=\"started\"", interviews_help),
		.completed = viva_counter(interviews, "event=\"completed\"", interviews_help),
		.expired = viva_counter(interviews, "event=\"expired\"", interviews_help),
		.scored = viva_counter(interviews, "event=\"scored\"", interviews_help),
		.erased = viva_counter(interviews, "event=\"erased\"", interviews_help),
		.answers = viva_counter("viva_interview_answers_total", "", "Answers stored"),
		.frames_analysed = viva_counter(frames, "outcome=\"analysed\"", frames_help),
		.frames_queued = viva_counter(frames, "outcome=\"queued\"", frames_help),
		.frames_fallen = viva_counter(frames, "outcome=\"fallback\"", frames_help),
		.frames_failed = viva_counter(frames, "outcome=\"failed\"", frames_help),
		.frames_replaced = viva_counter(frames, "outcome=\"replaced\"", frames_help),
		.messages_refused =
			viva_counter("viva_interview_messages_refused_total", "", "Messages over an interview's rate"),
		.events_emotion = viva_counter(events, "event=\"emotion_analyzed\"", events_help),
		.events_score = viva_counter(events, "event=\"score_calculated\"", events_help),
		.events_erasure = viva_counter(events, "event=\"interview_erased\"", events_help),
		.events_change = viva_counter(events, "event=\"interview_changed\"", events_help),
		.events_unreadable = viva_counter(events, "event=\"unreadable\"", events_help),
		.pushes_emotion = viva_counter(pushes, "event=\"emotion_analyzed\"", pushes_help),
		.pushes_score = viva_counter(pushes, "event=\"score_calculated\"", pushes_help),
		.hints_published = viva_counter(hints, "outcome=\"published\"", hints_help),
		.hints_lost = viva_counter(hints, "outcome=\"lost\"", hints_help),
		.sessions = viva_gauge("viva_interview_sessions", "", "Interviews remembered in memory"),
		.sockets = viva_gauge("viva_interview_sockets", "", "Open WebSockets"),
	};
}

const struct interview_meters *interview_meters(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, register_all);
	return &meters;
}
