// SPDX-License-Identifier: Apache-2.0
#include "emotion/queue.h"

#include <stdlib.h>

#include "base/log.h"
#include "emotion/analysis.h"
#include "events/events.h"
#include "service/erasures.h"

enum {
	// Of each partition: enough to keep a thread busy while the next message comes, few enough that full-sized
	// pictures fill no memory.
	PREFETCH = 4,
	MAX_THREADS = 64,
};

struct emotion_queue {
	struct emotion_service *service;
	struct viva_pool *pool;  // apart from the one that answers calls, so that neither waits for the other's tasks
	struct viva_bus_consumer *consumer;
	struct viva_erasures *erasures;
	atomic_bool is_stopping;
	struct viva_metric *outcomes[EMOTION_QUEUED_OUTCOMES];
	struct viva_metric *bad;
	struct viva_metric *failed;
	struct viva_metric *deferred;
	struct viva_metric *age_seconds;
	size_t partitions;
	struct viva_strand *strands[];
};

struct arrival {
	struct emotion_queue *queue;
	struct viva_bus_delivery *delivery;
};

static void settle(struct emotion_queue *queue, struct viva_bus_delivery *delivery, enum viva_bus_verdict verdict,
		   const char *reason)
{
	struct viva_metric *const counters[] = {
		[VIVA_BUS_RETRY] = queue->failed, [VIVA_BUS_DEFER] = queue->deferred, [VIVA_BUS_DEAD] = queue->bad};
	if (verdict != VIVA_BUS_ACK)
		viva_metric_add(counters[verdict], 1);
	viva_bus_settle(delivery, verdict, reason);
}

static int read_frame(const struct viva_bus_message *message, struct viva_arena *arena, struct emotion_frame *ret_frame,
		      struct viva_error *error)
{
	struct viva_frame_captured event;
	enum viva_image_format format = VIVA_IMAGE_ANY;
	int code = viva_event_check_type(message->type, VIVA_EVENT_FRAME_CAPTURED, error);
	if (code == 0)
		code = viva_event_read_frame_captured(message->body, arena, &event, error);
	if (code == 0)
		code = viva_image_format_parse(event.format, &format, error);
	if (code == 0)
		*ret_frame = (struct emotion_frame){
			.session_id = event.session_id,
			.image = event.image,
			.format = format,
			.timestamp_ms = event.timestamp_ms,
			.frame_number = event.frame_number,
			.deadline_us = INT64_MAX,
			.is_queued = true,
			.may_be_kept = event.keep,
			.question = (int32_t)event.question,
			.traceparent = message->traceparent,
		};
	return code;
}

// What a failure means for the message. What is the message's own fault, another try can't mend; what no message can
// help (a store that is down, a service that stops) does not count against it.
static enum viva_bus_verdict verdict_on(int code)
{
	switch (code) {
	case VIVA_EIO:
	case VIVA_EOVERLOAD:
	case VIVA_EUNAVAILABLE:
	case VIVA_ECLOSED:
		return VIVA_BUS_DEFER;
	case VIVA_EJSON:
	case VIVA_EFIELD:
	case VIVA_ELIMIT:
	case VIVA_EFRAMESIZE:
	case VIVA_EUNKNOWNTYPE:
		return VIVA_BUS_DEAD;
	default:
		return VIVA_BUS_RETRY;
	}
}

static void note(const struct emotion_queue *queue, const struct emotion_frame *frame,
		 enum emotion_queued_outcome outcome)
{
	viva_metric_add(queue->outcomes[outcome], 1);
	if (outcome == EMOTION_QUEUED_UNREADABLE || outcome == EMOTION_QUEUED_TOO_LARGE)
		viva_log_info("dropped frame %lld: %s", (long long)frame->frame_number,
			      outcome == EMOTION_QUEUED_UNREADABLE ? "its picture can't be read" : "it is too large");
}

static int work_on(struct emotion_queue *queue, const struct viva_bus_message *message, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct emotion_frame frame;
	enum emotion_queued_outcome outcome;
	int code = viva_arena_create(0, &arena);
	if (code == 0)
		code = read_frame(message, arena, &frame, error);
	if (code != 0)
		return code;
	viva_log_set_context(message->message_id, frame.session_id);
	code = emotion_analyze_queued(queue->service, &frame, arena, &outcome, error);
	if (code == 0)
		note(queue, &frame, outcome);
	return code;
}

// On the partition's strand.
static void work_on_arrival(void *context)
{
	struct arrival *arrival = context;
	struct emotion_queue *queue = arrival->queue;
	struct viva_bus_delivery *delivery = arrival->delivery;
	free(arrival);
	if (atomic_load(&queue->is_stopping)) {
		settle(queue, delivery, VIVA_BUS_DEFER, NULL);
		return;
	}
	viva_metric_observe(queue->age_seconds, (double)viva_bus_delivery_age_ms(delivery) / 1000);
	const struct viva_bus_message *message = viva_bus_delivery_message(delivery);
	struct viva_error reason = {0};
	viva_log_set_context(message->message_id, NULL);
	int code = work_on(queue, message, &reason);
	enum viva_bus_verdict verdict = code == 0 ? VIVA_BUS_ACK : verdict_on(code);
	if (code != 0 && code != VIVA_ECLOSED)
		viva_log_warn("a queued frame was not analysed: %s",
			      reason.code ? viva_error_message(&reason) : viva_error_text(code));
	settle(queue, delivery, verdict, reason.code ? viva_error_message(&reason) : viva_error_text(code));
	viva_log_set_context(NULL, NULL);
}

// On the consumer's thread. A session is always of the same strand.
static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct emotion_queue *queue = context;
	const struct viva_bus_message *message = viva_bus_delivery_message(delivery);
	size_t partition = viva_bus_partition(message->session_id, queue->partitions);
	struct arrival *arrival = malloc(sizeof *arrival);
	if (arrival) {
		*arrival = (struct arrival){.queue = queue, .delivery = delivery};
		if (!atomic_load(&queue->is_stopping) &&
		    viva_strand_submit(queue->strands[partition], work_on_arrival, arrival) == 0)
			return;
		free(arrival);
	}
	settle(queue, delivery, VIVA_BUS_DEFER, NULL);
}

static void register_metrics(struct emotion_queue *queue)
{
	static const char name[] = "viva_emotion_queued_frames_total",
			  help[] = "Frames of the queue by what came of them";
	static const char *const labels[EMOTION_QUEUED_OUTCOMES] = {
		[EMOTION_QUEUED_ANALYSED] = "result=\"analysed\"",
		[EMOTION_QUEUED_REPEATED] = "result=\"repeated\"",
		[EMOTION_QUEUED_ERASED] = "result=\"erased\"",
		[EMOTION_QUEUED_UNREADABLE] = "result=\"invalid_image\"",
		[EMOTION_QUEUED_TOO_LARGE] = "result=\"frame_too_large\"",
	};
	for (size_t i = 0; i < EMOTION_QUEUED_OUTCOMES; i++)
		queue->outcomes[i] = viva_counter(name, labels[i], help);
	queue->bad = viva_counter(name, "result=\"bad_message\"", help);
	queue->failed = viva_counter(name, "result=\"failed\"", help);
	queue->deferred = viva_counter(name, "result=\"deferred\"", help);
	queue->age_seconds =
		viva_histogram("viva_emotion_queue_age_seconds", "", "From a frame's publication until its turn came");
}

static int erase(void *context, const char *session_id, int64_t until_ms, struct viva_error *error)
{
	return emotion_erase(context, session_id, until_ms, error);
}

// Erasures first: frames that come after one must find it.
static int consume(struct emotion_queue *queue, struct viva_error *error)
{
	const struct viva_erasures_options erasures = {
		.bus = queue->service->bus,
		.clock = queue->service->clock,
		.queue = VIVA_QUEUE_EMOTION_ERASURES,
		.metric = "viva_emotion_erasures_total",
		.erase = erase,
		.context = queue->service,
	};
	const struct viva_bus_subscription frames = {
		.queue = VIVA_QUEUE_EMOTION_FRAMES,
		.prefetch = PREFETCH,
		.on_delivery = on_delivery,
		.context = queue,
	};
	int code = viva_erasures_create(&erasures, &queue->erasures, error);
	return code == 0 ? viva_bus_consume(queue->service->bus, &frames, &queue->consumer, error) : code;
}

static int start(struct emotion_queue *queue, size_t threads, struct viva_error *error)
{
	struct viva_pool_options pool = viva_pool_defaults();
	pool.name = "queue";
	pool.threads = VIVA_MIN(VIVA_MIN(threads, queue->partitions), (size_t)MAX_THREADS);
	pool.max_waiting = queue->partitions;  // strands
	int code = viva_pool_create(&pool, &queue->pool);
	for (size_t i = 0; i < queue->partitions && code == 0; i++)
		code = viva_strand_create(queue->pool, queue->partitions * PREFETCH, &queue->strands[i]);
	return code == 0 ? consume(queue, error) : code;
}

int emotion_queue_create(const struct emotion_queue_options *options, struct emotion_queue **ret_queue,
			 struct viva_error *error)
{
	if (options->partitions == 0 || options->frames_at_a_time == 0)
		return VIVA_EINVAL;
	struct emotion_queue *queue = calloc(1, sizeof *queue + options->partitions * sizeof(struct viva_strand *));
	if (!queue)
		return VIVA_ENOMEM;
	queue->service = options->service;
	queue->partitions = options->partitions;
	register_metrics(queue);
	int code = start(queue, options->frames_at_a_time, error);
	if (code == 0)
		*ret_queue = queue;
	else
		emotion_queue_destroy(queue);
	return code;
}

void emotion_queue_stop(struct emotion_queue *queue)
{
	atomic_store(&queue->is_stopping, true);
	emotion_gate_close(queue->service->gate);
	if (queue->consumer)
		viva_bus_consumer_stop(queue->consumer);
	viva_erasures_stop(queue->erasures);
}

struct emotion_queue *emotion_queue_destroy(struct emotion_queue *queue)
{
	if (!queue)
		return NULL;
	emotion_queue_stop(queue);
	// Its deliveries are settled on the strands, which must still be there.
	viva_bus_consumer_destroy(queue->consumer);
	viva_erasures_destroy(queue->erasures);
	for (size_t i = 0; i < queue->partitions; i++)
		viva_strand_destroy(queue->strands[i]);
	viva_pool_destroy(queue->pool);
	free(queue);
	return NULL;
}
