// SPDX-License-Identifier: Apache-2.0
#include "scoring/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/metrics.h"
#include "events/events.h"
#include "scoring/records.h"
#include "scoring/request.h"
#include "scoring/timeline.h"
#include "service/erasures.h"

enum { MAX_BATCH = 4096 };

struct meters {
	struct viva_metric *outcomes[SCORING_SIGHTING_OUTCOMES];
	struct viva_metric *foreign;
	struct viva_metric *bad, *failed, *deferred;
	struct viva_metric *age_seconds;
};

// Deliveries gather here, and a thread of its own takes all that there are: while it waits for the disk the next batch
// grows.
struct scoring_feed {
	struct scoring_feed_options options;
	struct scoring_service *service;
	struct viva_bus_consumer *emotions;
	struct viva_erasures *erasures;
	struct meters meters;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;  // of all below
	pthread_cond_t has_changed;
	bool is_ending;
	size_t count;
	struct viva_bus_delivery **taken;  // the thread's own
	struct viva_bus_delivery *waiting[];
};

struct scoring_feed_options scoring_feed_defaults(void)
{
	return (struct scoring_feed_options){.batch = 256, .linger_ms = 50};
}

// ---- emotions

// One delivery of a batch, and what is to become of it.
struct item {
	struct viva_bus_delivery *delivery;
	struct scoring_sighting sighting;
	bool is_settled;
};

static void settle(struct scoring_feed *feed, struct item *item, enum viva_bus_verdict verdict, const char *reason)
{
	struct viva_metric *const counters[] = {[VIVA_BUS_RETRY] = feed->meters.failed,
						[VIVA_BUS_DEFER] = feed->meters.deferred,
						[VIVA_BUS_DEAD] = feed->meters.bad};
	if (verdict != VIVA_BUS_ACK)
		viva_metric_add(counters[verdict], 1);
	viva_bus_settle(item->delivery, verdict, reason);
	item->is_settled = true;
}

// Its texts go into the batch's arena; what else the event holds is gone when this returns.
static int read_sighting(const struct viva_bus_message *message, struct viva_arena *arena,
			 struct scoring_sighting *ret_sighting, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) scratch = NULL;
	struct viva_emotion_analyzed event;
	int64_t frame_number = 0;
	int code = viva_event_check_type(message->type, VIVA_EVENT_EMOTION_ANALYZED, error);
	if (code == 0)
		code = viva_arena_create(0, &scratch);
	if (code == 0)
		code = viva_event_read_emotion_analyzed(message->body, scratch, &event, error);
	if (code == 0)
		code = viva_json_get_int(event.metadata, "frame_number", false, 0, INT64_MAX, &frame_number, error);
	if (code != 0)
		return code;
	*ret_sighting = (struct scoring_sighting){
		.message_id = message->message_id,
		.session_id = viva_arena_text(arena, event.session_id, strlen(event.session_id)),
		.frame_number = frame_number,
		.timestamp_ms = event.timestamp_ms,
		.emotion = viva_arena_text(arena, event.emotion, strlen(event.emotion)),
		.confidence = event.confidence,
		.blink_count = event.blink_count,
	};
	return ret_sighting->session_id && ret_sighting->emotion ? 0 : VIVA_ENOMEM;
}

// Settles what can't be kept at once.
static void read_item(struct scoring_feed *feed, struct item *item, struct viva_arena *arena)
{
	struct viva_error reason = {0};
	viva_metric_observe(feed->meters.age_seconds, (double)viva_bus_delivery_age_ms(item->delivery) / 1000);
	int code = read_sighting(viva_bus_delivery_message(item->delivery), arena, &item->sighting, &reason);
	if (code == VIVA_ENOMEM) {
		settle(feed, item, VIVA_BUS_RETRY, viva_error_text(code));
	} else if (code != 0) {
		viva_log_warn("an emotion was not taken: %s", viva_error_message(&reason));
		settle(feed, item, VIVA_BUS_DEAD, viva_error_message(&reason));
	} else if (!scoring_session_id_is_valid(item->sighting.session_id)) {
		// Of a session that no score can be asked for: whoever calls emotion's RPCs may name sessions freely.
		viva_metric_add(feed->meters.foreign, 1);
		settle(feed, item, VIVA_BUS_ACK, NULL);
	}
}

static int keep(struct scoring_feed *feed, struct item **items, size_t count, struct viva_error *error)
{
	VIVA_AUTO_FREE struct scoring_sighting *sightings = calloc(count, sizeof *sightings);
	if (!sightings)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++)
		sightings[i] = items[i]->sighting;
	const struct scoring_service *service = feed->service;
	int code = scoring_timeline_keep(service->store, sightings, count, viva_clock_unix_ms(service->clock), error);
	for (size_t i = 0; i < count && code == 0; i++) {
		viva_metric_add(feed->meters.outcomes[sightings[i].outcome], 1);
		settle(feed, items[i], VIVA_BUS_ACK, NULL);
	}
	return code;
}

static bool is_store_down(int code)
{
	return code == VIVA_EIO || code == VIVA_EOVERLOAD || code == VIVA_EUNAVAILABLE;
}

// All in one transaction; where that fails for one of them, each in its own.
static void keep_batch(struct scoring_feed *feed, struct item **items, size_t count)
{
	struct viva_error reason = {0};
	int code = keep(feed, items, count, &reason);
	if (code == 0)
		return;
	bool is_down = is_store_down(code);
	if (is_down)
		viva_log_warn("%zu emotions can't be kept now: %s", count, viva_error_message(&reason));
	for (size_t i = 0; i < count; i++) {
		struct viva_error own = {0};
		if (!is_down)
			code = keep(feed, &items[i], 1, &own);
		if (code != 0)
			settle(feed, items[i], is_store_down(code) ? VIVA_BUS_DEFER : VIVA_BUS_RETRY,
			       own.code ? viva_error_message(&own) : viva_error_text(code));
	}
}

static void work_on(struct scoring_feed *feed, struct viva_bus_delivery **deliveries, size_t count)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_FREE struct item *items = calloc(count, sizeof *items);
	VIVA_AUTO_FREE struct item **kept = calloc(count, sizeof(struct item *));
	if (!items || !kept || viva_arena_create(0, &arena) != 0) {
		for (size_t i = 0; i < count; i++)
			viva_bus_settle(deliveries[i], VIVA_BUS_DEFER, NULL);
		viva_metric_add(feed->meters.deferred, (double)count);
		return;
	}
	size_t kept_count = 0;
	for (size_t i = 0; i < count; i++) {
		items[i].delivery = deliveries[i];
		read_item(feed, &items[i], arena);
		if (!items[i].is_settled)
			kept[kept_count++] = &items[i];
	}
	if (kept_count > 0)
		keep_batch(feed, kept, kept_count);
}

static struct timespec linger_ends(const struct scoring_feed *feed)
{
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	int64_t nanoseconds = end.tv_nsec + (int64_t)feed->options.linger_ms * 1000000;
	end.tv_sec += nanoseconds / 1000000000;
	end.tv_nsec = nanoseconds % 1000000000;
	return end;
}

// Waits for a batch; 0 = the feed ends, and nothing waits any more.
static size_t take(struct scoring_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	while (feed->count == 0 && !feed->is_ending)
		pthread_cond_wait(&feed->has_changed, &feed->lock);
	const struct timespec end = linger_ends(feed);
	int result = 0;
	while (feed->count > 0 && feed->count < feed->options.batch && !feed->is_ending && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&feed->has_changed, &feed->lock, &end);
	size_t count = feed->count;
	memcpy(feed->taken, feed->waiting, count * sizeof(struct viva_bus_delivery *));
	feed->count = 0;
	pthread_mutex_unlock(&feed->lock);
	return count;
}

static void *work_until_the_end(void *context)
{
	struct scoring_feed *feed = context;
	size_t count;
	while ((count = take(feed)) > 0)
		work_on(feed, feed->taken, count);
	return NULL;
}

// On the consumer's thread. As the prefetch is the batch, there is room.
static void on_emotion(struct viva_bus_delivery *delivery, void *context)
{
	struct scoring_feed *feed = context;
	pthread_mutex_lock(&feed->lock);
	bool has_room = feed->count < feed->options.batch;
	if (has_room)
		feed->waiting[feed->count++] = delivery;
	if (feed->count == 1 || feed->count == feed->options.batch)
		pthread_cond_signal(&feed->has_changed);
	pthread_mutex_unlock(&feed->lock);
	if (!has_room)
		viva_bus_settle(delivery, VIVA_BUS_DEFER, NULL);
}

// ---- erasures

static int erase(void *context, const char *session_id, int64_t until_ms, struct viva_error *error)
{
	struct scoring_service *service = context;
	int code = scoring_records_erase(service->store, session_id, until_ms, error);
	if (code == 0)
		atomic_store(&service->needs_scrub, true);
	return code;
}

// ---- life

static void register_metrics(struct meters *meters)
{
	static const char name[] = "viva_scoring_emotions_total",
			  help[] = "Emotions that the bus told of, by what came of them";
	meters->outcomes[SCORING_SIGHTING_KEPT] = viva_counter(name, "result=\"kept\"", help);
	meters->outcomes[SCORING_SIGHTING_REPEATED] = viva_counter(name, "result=\"repeated\"", help);
	meters->outcomes[SCORING_SIGHTING_ERASED] = viva_counter(name, "result=\"erased\"", help);
	meters->foreign = viva_counter(name, "result=\"no_interview\"", help);
	meters->bad = viva_counter(name, "result=\"bad_message\"", help);
	meters->failed = viva_counter(name, "result=\"failed\"", help);
	meters->deferred = viva_counter(name, "result=\"deferred\"", help);
	meters->age_seconds = viva_histogram("viva_scoring_emotion_age_seconds", "",
					     "From an emotion's publication until it was taken");
}

static int start(struct scoring_feed *feed, struct viva_error *error)
{
	const struct viva_bus_subscription emotions = {.queue = VIVA_QUEUE_SCORING_EMOTIONS,
						       .prefetch = feed->options.batch,
						       .on_delivery = on_emotion,
						       .context = feed};
	const struct viva_erasures_options erasures = {.bus = feed->service->bus,
						       .clock = feed->service->clock,
						       .queue = VIVA_QUEUE_SCORING_ERASURES,
						       .metric = "viva_scoring_erasures_total",
						       .erase = erase,
						       .context = feed->service};
	if (pthread_create(&feed->thread, NULL, work_until_the_end, feed))
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the emotions");
	feed->has_thread = true;
	pthread_setname_np(feed->thread, "emotion-feed");
	int code = viva_erasures_create(&erasures, &feed->erasures, error);
	return code == 0 ? viva_bus_consume(feed->service->bus, &emotions, &feed->emotions, error) : code;
}

int scoring_feed_create(const struct scoring_feed_options *options, struct scoring_feed **ret_feed,
			struct viva_error *error)
{
	if (options->batch == 0 || options->batch > MAX_BATCH)
		return VIVA_EINVAL;
	// Twice the batch: one that waits, one in work.
	struct scoring_feed *feed = calloc(1, sizeof *feed + 2 * options->batch * sizeof(struct viva_bus_delivery *));
	if (!feed)
		return VIVA_ENOMEM;
	feed->taken = feed->waiting + options->batch;
	feed->options = *options;
	feed->service = options->service;
	register_metrics(&feed->meters);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&feed->lock, NULL);
	pthread_cond_init(&feed->has_changed, &attributes);
	pthread_condattr_destroy(&attributes);
	int code = start(feed, error);
	if (code == 0)
		*ret_feed = feed;
	else
		scoring_feed_destroy(feed);
	return code;
}

void scoring_feed_stop(struct scoring_feed *feed)
{
	if (feed->emotions)
		viva_bus_consumer_stop(feed->emotions);
	viva_erasures_stop(feed->erasures);
}

static void end_thread(struct scoring_feed *feed)
{
	if (!feed->has_thread)
		return;
	pthread_mutex_lock(&feed->lock);
	feed->is_ending = true;
	pthread_cond_signal(&feed->has_changed);
	pthread_mutex_unlock(&feed->lock);
	pthread_join(feed->thread, NULL);
}

struct scoring_feed *scoring_feed_destroy(struct scoring_feed *feed)
{
	if (!feed)
		return NULL;
	// Each waits until its deliveries are settled, which for the emotions the thread does.
	viva_bus_consumer_destroy(feed->emotions);
	viva_erasures_destroy(feed->erasures);
	end_thread(feed);
	pthread_cond_destroy(&feed->has_changed);
	pthread_mutex_destroy(&feed->lock);
	free(feed);
	return NULL;
}
