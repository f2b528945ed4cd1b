// SPDX-License-Identifier: Apache-2.0
#include "worker/completions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/pool.h"
#include "events/events.h"
#include "worker/backoff.h"
#include "worker/completion_work.h"
#include "worker/message.h"
#include "worker/meters.h"

enum {
	PREFETCH = 64,
	LOOK_EVERY_MS = 250,  // whether frames are through
	POOL_FULL_MS = 100,
	// In hand; then the queue has it back before the broker takes it (see frames.c).
	MAX_HOLD_MS = 10 * 60 * 1000,
};
#define MAX_AGE_MS (INT64_C(24) * 60 * 60 * 1000)

// A completion in hand: it waits in the list for its time, or is worked on by the pool.
struct job {
	struct worker_completions *completions;
	struct viva_bus_delivery *delivery;
	struct viva_arena *arena;  // of its texts
	struct worker_completion completion;
	int64_t began_ms, due_ms;  // monotonic
	int64_t failures;          // in a row, of services that are away
	struct job *next;
};

struct worker_completions {
	struct worker_completions_options options;
	struct viva_bus_consumer *consumer;
	struct viva_pool *pool;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock;  // of what follows
	pthread_cond_t changed;
	bool is_stopping;
	struct job *waiting;  // in no order; no more than are prefetched
};

static int64_t now_ms(const struct worker_completions *completions)
{
	return viva_clock_now_ms(completions->options.clock);
}

static void finish(struct job *job, enum viva_bus_verdict verdict, const char *reason, enum worker_completion_end end)
{
	viva_metric_add(worker_meters()->completions[end], 1);
	viva_bus_settle(job->delivery, verdict, reason);
	viva_arena_destroy(job->arena);
	free(job);
}

// Puts a job into the list, unless the end was asked for.
static void wait_until(struct job *job, int64_t due_ms)
{
	struct worker_completions *completions = job->completions;
	job->due_ms = due_ms;
	pthread_mutex_lock(&completions->lock);
	bool is_stopping = completions->is_stopping;
	if (!is_stopping) {
		job->next = completions->waiting;
		completions->waiting = job;
		pthread_cond_broadcast(&completions->changed);
	}
	pthread_mutex_unlock(&completions->lock);
	if (is_stopping)
		finish(job, VIVA_BUS_DEFER, NULL, WORKER_COMPLETION_DEFERRED);
}

// A service is away: later again, from our hands or from the queue.
static void try_later(struct job *job, const struct viva_error *reason)
{
	struct worker_completions *completions = job->completions;
	if (viva_bus_delivery_age_ms(job->delivery) > MAX_AGE_MS) {
		viva_log_error("a completion is a dead letter after a day: %s", viva_error_message(reason));
		finish(job, VIVA_BUS_DEAD, viva_error_message(reason), WORKER_COMPLETION_FAILED);
		return;
	}
	if (job->failures++ == 0)
		viva_log_info("a completion has to wait: %s", viva_error_message(reason));
	int64_t due_ms = now_ms(completions) + worker_backoff_ms(job->failures, completions->options.random);
	if (due_ms - job->began_ms > MAX_HOLD_MS)
		finish(job, VIVA_BUS_DEFER, NULL, WORKER_COMPLETION_DEFERRED);
	else
		wait_until(job, due_ms);
}

static void work(void *context)
{
	struct job *job = context;
	struct worker_completions *completions = job->completions;
	struct viva_error reason = {0};
	viva_log_set_context(job->completion.key, job->completion.session_id);
	switch (worker_completion_try(&completions->options, &job->completion, now_ms(completions) - job->began_ms,
				      &reason)) {
	case WORKER_RESULT_DONE:
		finish(job, VIVA_BUS_ACK, NULL, WORKER_COMPLETION_DONE);
		break;
	case WORKER_RESULT_REPEATED:
		finish(job, VIVA_BUS_ACK, NULL, WORKER_COMPLETION_REPEATED);
		break;
	case WORKER_RESULT_GONE:
		finish(job, VIVA_BUS_ACK, NULL, WORKER_COMPLETION_GONE);
		break;
	case WORKER_RESULT_WAIT:
		wait_until(job, now_ms(completions) + LOOK_EVERY_MS);
		break;
	case WORKER_RESULT_LATER:
		try_later(job, &reason);
		break;
	case WORKER_RESULT_FAILED:
		viva_log_warn("a completion failed: %s", viva_error_message(&reason));
		finish(job, VIVA_BUS_RETRY, viva_error_message(&reason), WORKER_COMPLETION_FAILED);
		break;
	}
	viva_log_set_context(NULL, NULL);
}

// ---- arrival

static int read_event(const struct viva_bus_message *message, struct viva_arena *arena,
		      struct worker_completion *ret_completion, struct viva_error *reason)
{
	struct viva_interview_completed event;
	int status = viva_event_check_type(message->type, VIVA_EVENT_INTERVIEW_COMPLETED, reason);
	if (status)
		return status;
	status = viva_event_read_interview_completed(message->body, arena, &event, reason);
	if (status)
		return status;
	// A message without an id is known by what it tells.
	const char *message_id = worker_message_id(message);
	const char *key = message_id[0] ? viva_arena_text(arena, message_id, strlen(message_id))
					: viva_arena_printf(arena, "completed-%s", event.session_id);
	if (!key)
		return VIVA_ENOMEM;
	*ret_completion = (struct worker_completion){
		.key = key, .session_id = event.session_id, .queued_frames = event.queued_frames};
	return 0;
}

static int make_job(struct worker_completions *completions, struct viva_bus_delivery *delivery, struct job **ret_job,
		    struct viva_error *reason)
{
	VIVA_AUTO_FREE struct job *job = calloc(1, sizeof *job);
	VIVA_AUTO(viva_arena) arena = NULL;
	if (!job || viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	int status = read_event(viva_bus_delivery_message(delivery), arena, &job->completion, reason);
	if (status)
		return status;
	job->completions = completions;
	job->delivery = delivery;
	job->arena = viva_take(&arena);
	job->began_ms = now_ms(completions);
	*ret_job = viva_take(&job);
	return 0;
}

static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct worker_completions *completions = context;
	struct viva_error reason = {0};
	struct job *job = NULL;
	int status = make_job(completions, delivery, &job, &reason);
	if (status == VIVA_ENOMEM) {
		viva_bus_settle(delivery, VIVA_BUS_DEFER, NULL);
	} else if (status) {
		viva_metric_add(worker_meters()->completions[WORKER_COMPLETION_FAILED], 1);
		viva_bus_settle(delivery, VIVA_BUS_DEAD, viva_error_message(&reason));
	} else {
		wait_until(job, job->began_ms);
	}
}

// ---- the thread that knows what is due

// Takes the first job that is due; else tells when there will be one. With the lock held.
static struct job *take_due(struct worker_completions *completions, int64_t now, int64_t *ret_next_ms)
{
	int64_t next_ms = INT64_MAX;
	for (struct job **link = &completions->waiting; *link; link = &(*link)->next) {
		struct job *job = *link;
		if (job->due_ms <= now) {
			*link = job->next;
			return job;
		}
		next_ms = VIVA_MIN(next_ms, job->due_ms);
	}
	*ret_next_ms = next_ms;
	return NULL;
}

// With the lock held.
static void sleep_until(struct worker_completions *completions, int64_t next_ms)
{
	if (next_ms == INT64_MAX) {
		pthread_cond_wait(&completions->changed, &completions->lock);
		return;
	}
	struct timespec until = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000};
	pthread_cond_timedwait(&completions->changed, &completions->lock, &until);
}

static void *run(void *context)
{
	struct worker_completions *completions = context;
	pthread_mutex_lock(&completions->lock);
	while (!completions->is_stopping) {
		int64_t next_ms;
		struct job *job = take_due(completions, now_ms(completions), &next_ms);
		if (!job) {
			sleep_until(completions, next_ms);
			continue;
		}
		pthread_mutex_unlock(&completions->lock);
		if (viva_pool_submit(completions->pool, work, job))
			wait_until(job, now_ms(completions) + POOL_FULL_MS);
		pthread_mutex_lock(&completions->lock);
	}
	struct job *left = viva_take(&completions->waiting);
	pthread_mutex_unlock(&completions->lock);
	while (left) {
		struct job *job = left;
		left = job->next;
		finish(job, VIVA_BUS_DEFER, NULL, WORKER_COMPLETION_DEFERRED);
	}
	return NULL;
}

// ---- life

static int start_threads(struct worker_completions *completions)
{
	struct viva_pool_options pool = viva_pool_defaults();
	pool.name = "completions";
	pool.threads = completions->options.threads;
	pool.max_waiting = PREFETCH;
	int status = viva_pool_create(&pool, &completions->pool);
	if (status)
		return status;
	if (pthread_create(&completions->thread, NULL, run, completions))
		return VIVA_EINTERNAL;
	completions->has_thread = true;
	return 0;
}

int worker_completions_create(const struct worker_completions_options *options,
			      struct worker_completions **ret_completions, struct viva_error *error)
{
	struct worker_completions *completions = calloc(1, sizeof *completions);
	if (!completions)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for completions");
	completions->options = *options;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&completions->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&completions->lock, NULL);

	const struct viva_bus_subscription subscription = {.queue = VIVA_QUEUE_WORKER_COMPLETIONS,
							   .prefetch = PREFETCH,
							   .on_delivery = on_delivery,
							   .context = completions};
	int status = start_threads(completions);
	if (status)
		viva_fail(error, status, NULL, "the threads for completions can't be started");
	else
		status = viva_bus_consume(options->bus, &subscription, &completions->consumer, error);
	if (status) {
		worker_completions_destroy(completions);
		return status;
	}
	*ret_completions = completions;
	return 0;
}

void worker_completions_stop(struct worker_completions *completions)
{
	if (completions->consumer)
		viva_bus_consumer_stop(completions->consumer);
	pthread_mutex_lock(&completions->lock);
	completions->is_stopping = true;
	pthread_cond_broadcast(&completions->changed);
	pthread_mutex_unlock(&completions->lock);
}

struct worker_completions *worker_completions_destroy(struct worker_completions *completions)
{
	if (!completions)
		return NULL;
	worker_completions_stop(completions);
	if (completions->has_thread)
		pthread_join(completions->thread, NULL);
	viva_pool_destroy(completions->pool);
	viva_bus_consumer_destroy(completions->consumer);
	pthread_cond_destroy(&completions->changed);
	pthread_mutex_destroy(&completions->lock);
	free(completions);
	return NULL;
}
