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
	meters = (struct interview_meters){
		.started = viva_counter(interviews, "event=\"started\"", interviews_help),
		.completed = viva_counter(interviews, "event=\"completed\"", interviews_help),
		.expired = viva_counter(interviews, "event=\"expired\"", interviews_help),
		.scored = viva_counter(interviews, "event=\"scored\"", interviews_help),
		.erased = viva_counter(interviews, "event=\"erased\"", interviews_help),
		.answers = viva_counter("viva_interview_answers_total", "", "Answers stored"),
		.frames_analysed = viva_counter(frames, "outcome=\"analysed\"", frames_help),
		.frames_failed = viva_counter(frames, "outcome=\"failed\"", frames_help),
		.frames_replaced = viva_counter(frames, "outcome=\"replaced\"", frames_help),
		.messages_refused =
			viva_counter("viva_interview_messages_refused_total", "", "Messages over an interview's rate"),
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
