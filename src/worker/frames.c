// SPDX-License-Identifier: Apache-2.0
#include "worker/frames.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "events/events.h"
#include "worker/backlog.h"
#include "worker/frame_event.h"
#include "worker/frame_store.h"
#include "worker/meters.h"

enum {
	MAX_PREFETCH = 4096,
	GATHER_MS = 20,  // late frames wait so long for more, so that they can be thinned out
	FIRST_PAUSE_MS = 50,
	LAST_PAUSE_MS = 1000,
	PUBLISH_LIMIT_MS = 5000,
	// What can't be worked on for so long goes back into the queue, before the broker takes it back itself
	// (RabbitMQ: consumer_timeout, 30 minutes), which would count against its delivery limit.
	MAX_HOLD_MS = 10 * 60 * 1000,
	MAX_TEXT = 128,  // of what the bus publishes
};

struct worker_frames {
	struct worker_frames_options options;
	struct worker_backlog backlog;
	struct viva_bus_consumer *consumer;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock;  // of what follows
	pthread_cond_t changed;
	bool is_stopping;
	size_t count, capacity;
	struct viva_bus_delivery **deliveries;  // in order; only the thread takes away, from the front
	size_t attempted;  // of these, from the front, may have been passed on, but were not noted; the thread's
};

// ---- what waits

// More than was asked for can come only when the broker gives anew what it believes lost.
static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct worker_frames *frames = context;
	pthread_mutex_lock(&frames->lock);
	bool is_taken = !frames->is_stopping && frames->count < frames->capacity;
	if (is_taken) {
		frames->deliveries[frames->count++] = delivery;
		pthread_cond_broadcast(&frames->changed);
	}
	pthread_mutex_unlock(&frames->lock);
	if (!is_taken)
		viva_bus_settle(delivery, VIVA_BUS_DEFER, NULL);
}

// Waits for a change, at most so long. With the lock held.
static void wait_for_change(struct worker_frames *frames, int64_t limit_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += limit_ms / 1000;
	until.tv_nsec += limit_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&frames->changed, &frames->lock, &until);
}

// Whether to go on: false when the end was asked for.
static bool pause_for(struct worker_frames *frames, int64_t pause_ms)
{
	const struct viva_clock *clock = viva_system_clock();
	int64_t until_ms = viva_clock_now_ms(clock) + pause_ms;
	pthread_mutex_lock(&frames->lock);
	for (int64_t left_ms; !frames->is_stopping && (left_ms = until_ms - viva_clock_now_ms(clock)) > 0;)
		wait_for_change(frames, left_ms);
	bool goes_on = !frames->is_stopping;
	pthread_mutex_unlock(&frames->lock);
	return goes_on;
}

// How many frames wait, ≥ 1; 0 when the end was asked for and none is left. When the first is late, more are gathered.
static size_t wait_for_frames(struct worker_frames *frames)
{
	pthread_mutex_lock(&frames->lock);
	while (!frames->is_stopping && frames->count == 0)
		pthread_cond_wait(&frames->changed, &frames->lock);
	size_t seen = 0;
	while (!frames->is_stopping && frames->count > seen && frames->count < frames->options.prefetch &&
	       viva_bus_delivery_age_ms(frames->deliveries[0]) > frames->options.max_age_ms) {
		seen = frames->count;
		wait_for_change(frames, GATHER_MS);
	}
	size_t count = frames->count;
	pthread_mutex_unlock(&frames->lock);
	return count;
}

static void take_away(struct worker_frames *frames, size_t count)
{
	pthread_mutex_lock(&frames->lock);
	frames->count -= count;
	frames->attempted -= VIVA_MIN(frames->attempted, count);
	memmove(frames->deliveries, frames->deliveries + count, frames->count * sizeof(*frames->deliveries));
	pthread_mutex_unlock(&frames->lock);
}

static void put_back(struct worker_frames *frames, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		// Whoever gets it next must know.
		if (i < frames->attempted)
			viva_bus_settle(frames->deliveries[i], VIVA_BUS_RETRY, "passed on, perhaps, but not noted");
		else
			viva_bus_settle(frames->deliveries[i], VIVA_BUS_DEFER, NULL);
	}
	take_away(frames, count);
}

// ---- one batch

struct batch {
	struct viva_arena *arena;
	size_t count;
	struct worker_frame *frames;
	struct viva_error *reasons;         // of those that are invalid
	struct viva_bus_message *messages;  // those to pass on
	size_t message_count;
};

static int read_batch(struct worker_frames *frames, struct batch *batch)
{
	batch->frames = viva_arena_alloc(batch->arena, batch->count * sizeof *batch->frames);
	batch->reasons = viva_arena_alloc(batch->arena, batch->count * sizeof *batch->reasons);
	batch->messages = viva_arena_alloc(batch->arena, batch->count * sizeof *batch->messages);
	if (!batch->frames || !batch->reasons || !batch->messages)
		return VIVA_ENOMEM;
	int status = 0;
	for (size_t i = 0; i < batch->count && !status; i++) {
		struct viva_bus_delivery *delivery = frames->deliveries[i];
		status = worker_frame_read(viva_bus_delivery_message(delivery), viva_bus_delivery_age_ms(delivery),
					   batch->arena, &batch->frames[i], &batch->reasons[i]);
		batch->frames[i].is_repeated = i < frames->attempted || viva_bus_delivery_is_repeated(delivery);
	}
	return status;
}

static const char *if_it_fits(const char *text)
{
	return text && text[0] && strlen(text) <= MAX_TEXT ? text : NULL;
}

// Under the same id: whoever gets it twice can tell. Its time stays that of the capture, so that its age counts on.
static void collect_accepted(struct worker_frames *frames, struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->frames[i].outcome != WORKER_ACCEPTED)
			continue;
		const struct viva_bus_message *captured = viva_bus_delivery_message(frames->deliveries[i]);
		batch->messages[batch->message_count++] = (struct viva_bus_message){
			.routing_key = VIVA_KEY_FRAME_ACCEPTED,
			.type = VIVA_EVENT_FRAME_CAPTURED,  // a stock client may have said none
			.message_id = if_it_fits(captured->message_id),
			.session_id = batch->frames[i].session_id,
			.traceparent = if_it_fits(captured->traceparent),
			.timestamp_ms = captured->timestamp_ms,
			.body = captured->body,
		};
	}
}

static int pass_on(struct worker_frames *frames, struct batch *batch, struct viva_error *error)
{
	const struct worker_frames_options *options = &frames->options;
	int status = read_batch(frames, batch);
	if (!status)
		status = worker_frames_look_up(options->store, batch->arena, batch->frames, batch->count, error);
	if (status)
		return status;
	worker_frames_decide(batch->frames, batch->count, options->max_age_ms);
	collect_accepted(frames, batch);
	if (batch->message_count == 0)
		return 0;
	frames->attempted = VIVA_MAX(frames->attempted, batch->count);
	int64_t deadline_us = viva_clock_monotonic_us(options->clock) + INT64_C(1000) * PUBLISH_LIMIT_MS;
	status = viva_bus_publish(options->bus, batch->messages, batch->message_count, deadline_us, error);
	if (!status)
		worker_backlog_passed(&frames->backlog, batch->message_count);
	return status;
}

static int64_t next_pause_ms(int64_t pause_ms)
{
	return VIVA_MIN(2 * pause_ms, (int64_t)LAST_PAUSE_MS);
}

// What was passed on must be noted. False when the end was asked for before it could be: then it comes again.
static bool note(struct worker_frames *frames, struct batch *batch)
{
	const struct worker_frames_options *options = &frames->options;
	const struct worker_note note = {.frames = batch->frames,
					 .count = batch->count,
					 .now_ms = viva_clock_unix_ms(options->clock),
					 .clock = options->clock,
					 .random = options->random};
	for (int64_t pause_ms = FIRST_PAUSE_MS;; pause_ms = next_pause_ms(pause_ms)) {
		struct viva_error error = {0};
		if (!worker_frames_note(options->store, &note, &error))
			return true;
		if (pause_ms == FIRST_PAUSE_MS)
			viva_log_warn("frames can't be noted, trying on: %s", viva_error_message(&error));
		if (!pause_for(frames, pause_ms))
			return false;
	}
}

static void settle(struct worker_frames *frames, struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		enum worker_outcome outcome = batch->frames[i].outcome;
		viva_metric_add(worker_meters()->frames[outcome], 1);
		if (outcome == WORKER_INVALID)
			viva_bus_settle(frames->deliveries[i], VIVA_BUS_DEAD, viva_error_message(&batch->reasons[i]));
		else
			viva_bus_settle(frames->deliveries[i], VIVA_BUS_ACK, NULL);
	}
	take_away(frames, batch->count);
}

// The batch can never be published as it is; one by one its messages come again, and the one at fault dies of it.
static void retry(struct worker_frames *frames, size_t count, const struct viva_error *error)
{
	for (size_t i = 0; i < count; i++)
		viva_bus_settle(frames->deliveries[i], VIVA_BUS_RETRY, viva_error_message(error));
	take_away(frames, count);
}

// Works on the first `count` frames that wait. On an error they wait on.
static int work_on(struct worker_frames *frames, size_t count, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	struct batch batch = {.arena = arena, .count = count};
	int status = pass_on(frames, &batch, error);
	if (status == VIVA_EINVAL || status == VIVA_ELIMIT)
		retry(frames, count, error);
	else if (status)
		return status;
	else if (note(frames, &batch))
		settle(frames, &batch);
	else
		put_back(frames, count);
	return 0;
}

// ---- the thread

struct trouble {
	int64_t since_ms;  // monotonic; 0 = none
	int64_t pause_ms;
};

static bool is_held_back(struct worker_frames *frames)
{
	bool is_held = !worker_backlog_allows(&frames->backlog);
	viva_metric_set(worker_meters()->frames_held, is_held);
	return is_held;
}

// Frames have to wait: in our hands, in order, or after a long time in the queue.
static void wait_out(struct worker_frames *frames, struct trouble *trouble, size_t count,
		     const struct viva_error *error)
{
	int64_t now_ms = viva_clock_now_ms(frames->options.clock);
	if (trouble->since_ms == 0) {
		*trouble = (struct trouble){.since_ms = now_ms, .pause_ms = FIRST_PAUSE_MS};
		viva_log_warn("frames have to wait: %s", viva_error_message(error));
	}
	if (now_ms - trouble->since_ms > MAX_HOLD_MS) {
		put_back(frames, count);
		trouble->since_ms = now_ms;
		return;
	}
	if (!pause_for(frames, trouble->pause_ms))
		put_back(frames, count);
	trouble->pause_ms = next_pause_ms(trouble->pause_ms);
}

// At the end what is in hand is worked on too, if it can be: put back it would come out of order.
static void *run(void *context)
{
	struct worker_frames *frames = context;
	struct trouble trouble = {0};
	size_t count;
	while ((count = wait_for_frames(frames)) > 0) {
		struct viva_error error = {0};
		int status;
		if (is_held_back(frames))
			status =
				viva_fail(&error, VIVA_EOVERLOAD, NULL, "too many frames wait for the emotion service");
		else
			status = work_on(frames, count, &error);
		if (status) {
			error.code = status;
			wait_out(frames, &trouble, count, &error);
		} else if (trouble.since_ms != 0) {
			viva_log_info("frames go on");
			trouble.since_ms = 0;
		}
	}
	return NULL;
}

// ---- life

static void free_frames(struct worker_frames *frames)
{
	pthread_cond_destroy(&frames->changed);
	pthread_mutex_destroy(&frames->lock);
	free(frames->deliveries);
	free(frames);
}

static int prepare(struct worker_frames *frames)
{
	// As many again, for what comes twice after the connection to a broker was lost.
	frames->capacity = 2 * frames->options.prefetch;
	frames->deliveries = calloc(frames->capacity, sizeof(*frames->deliveries));
	if (!frames->deliveries)
		return VIVA_ENOMEM;
	if (pthread_create(&frames->thread, NULL, run, frames))
		return VIVA_EINTERNAL;
	frames->has_thread = true;
	return 0;
}

int worker_frames_create(const struct worker_frames_options *options, struct worker_frames **ret_frames,
			 struct viva_error *error)
{
	if (options->prefetch == 0 || options->prefetch > MAX_PREFETCH)
		return viva_fail(error, VIVA_EINVAL, NULL, "1 to %d frames are taken at a time", MAX_PREFETCH);
	struct worker_frames *frames = calloc(1, sizeof *frames);
	if (!frames)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for frames");
	frames->options = *options;
	worker_backlog_init(&frames->backlog, options->bus, options->clock, options->max_backlog);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&frames->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&frames->lock, NULL);

	const struct viva_bus_subscription subscription = {.queue = VIVA_QUEUE_WORKER_FRAMES,
							   .prefetch = options->prefetch,
							   .on_delivery = on_delivery,
							   .context = frames};
	int status = prepare(frames);
	if (status)
		viva_fail(error, status, NULL, "the thread for frames can't be started");
	else
		status = viva_bus_consume(options->bus, &subscription, &frames->consumer, error);
	if (status) {
		worker_frames_destroy(frames);
		return status;
	}
	*ret_frames = frames;
	return 0;
}

void worker_frames_stop(struct worker_frames *frames)
{
	if (frames->consumer)
		viva_bus_consumer_stop(frames->consumer);
	pthread_mutex_lock(&frames->lock);
	frames->is_stopping = true;
	pthread_cond_broadcast(&frames->changed);
	pthread_mutex_unlock(&frames->lock);
}

struct worker_frames *worker_frames_destroy(struct worker_frames *frames)
{
	if (!frames)
		return NULL;
	worker_frames_stop(frames);
	if (frames->has_thread)
		pthread_join(frames->thread, NULL);
	// Settles nothing itself, but waits until the bus knows of all that was.
	viva_bus_consumer_destroy(frames->consumer);
	free_frames(frames);
	return NULL;
}
