// SPDX-License-Identifier: Apache-2.0
#include "worker/meters.h"

#include <pthread.h>
#include <stdio.h>

static const char *const COMPLETION_ENDS[WORKER_COMPLETION_ENDS] = {
	[WORKER_COMPLETION_DONE] = "done",     [WORKER_COMPLETION_REPEATED] = "repeated",
	[WORKER_COMPLETION_GONE] = "gone",     [WORKER_COMPLETION_DEFERRED] = "deferred",
	[WORKER_COMPLETION_FAILED] = "failed",
};

const char *worker_attempt_name(enum worker_attempt attempt)
{
	static const char *const names[WORKER_ATTEMPTS] = {
		[WORKER_ATTEMPT_DELIVERED] = "delivered",
		[WORKER_ATTEMPT_REFUSED] = "refused",
		[WORKER_ATTEMPT_GONE] = "gone",
		[WORKER_ATTEMPT_TIMEOUT] = "timeout",
		[WORKER_ATTEMPT_UNREACHABLE] = "unreachable",
	};
	return names[attempt];
}

static struct worker_meters meters;

static struct viva_metric *labelled(const char *name, const char *label, const char *value, const char *help)
{
	char labels[64];
	snprintf(labels, sizeof labels, "%s=\"%s\"", label, value);
	return viva_counter(name, labels, help);
}

static void register_all(void)
{
	for (int i = 0; i < WORKER_OUTCOMES; i++)
		meters.frames[i] =
			labelled("viva_worker_frames_total", "outcome", worker_outcome_name((enum worker_outcome)i),
				 "Captured frames by what became of them");
	for (int i = 0; i < WORKER_COMPLETION_ENDS; i++)
		meters.completions[i] = labelled("viva_worker_completions_total", "result", COMPLETION_ENDS[i],
						 "Completed interviews by what became of them");
	for (int i = 0; i < WORKER_ATTEMPTS; i++)
		meters.attempts[i] =
			labelled("viva_worker_webhook_attempts_total", "result",
				 worker_attempt_name((enum worker_attempt)i), "Webhook calls by how they ended");
	meters.frames_held = viva_gauge("viva_worker_frames_held", "",
					"1 while frames are held back until the emotion service catches up");
	meters.completion_wait_seconds =
		viva_histogram("viva_worker_completion_wait_seconds", "",
			       "How long completed interviews waited for their frames to get through");
	meters.completions_cut_short = viva_counter("viva_worker_completions_cut_short_total", "",
						    "Completed interviews whose frames were not waited for any longer");
	meters.deliveries_pending = viva_gauge("viva_worker_webhook_pending", "", "Webhooks not delivered yet");
	meters.oldest_undelivered_seconds = viva_gauge("viva_worker_webhook_oldest_undelivered_seconds", "",
						       "Age of the oldest webhook that is not delivered yet; 0 = none");
	meters.erasures = viva_counter("viva_worker_erasures_total", "", "Sessions erased");
}

const struct worker_meters *worker_meters(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, register_all);
	return &meters;
}
