// SPDX-License-Identifier: Apache-2.0
//
// One half of a bus's work by itself, for comparison with another client (amqp_peer/main.go does the same):
//   viva-bench-bus-half publish|consume URL MESSAGES BYTES WINDOW
// publish: two threads, WINDOW messages at a time each, at most WINDOW of all unconfirmed. consume: a prefetch of
// WINDOW, each message acknowledged when it comes. The last line is JSON.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/text.h"
#include "bus/bus.h"

enum { PUBLISHERS = 2, MAX_BATCH = 4096 };

struct job {
	struct viva_bus *bus;
	int64_t messages, bytes, window;
};

struct sink {
	pthread_mutex_t lock;
	pthread_cond_t is_full;
	int64_t count, messages, bytes;
};

static void stop(const char *what, const struct viva_error *error)
{
	fprintf(stderr, "viva-bench-bus-half: %s: %s\n", what, viva_error_message(error));
	exit(1);
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void *publish_share(void *context)
{
	const struct job *job = context;
	uint8_t *body = calloc(1, (size_t)job->bytes);
	struct viva_bus_message messages[MAX_BATCH];
	if (!body)
		abort();
	for (size_t i = 0; i < MAX_BATCH; i++)
		messages[i] = (struct viva_bus_message){.routing_key = VIVA_KEY_EMOTION_ANALYZED,
							.type = "EmotionAnalyzed",
							.session_id = "session",
							.body = viva_bytes_of(body, (size_t)job->bytes)};
	for (int64_t left = job->messages / PUBLISHERS; left > 0; left -= job->window) {
		struct viva_error error = {0};
		size_t count = (size_t)VIVA_MIN(left, job->window);
		if (viva_bus_publish(job->bus, messages, count, INT64_MAX, &error))
			stop("publishing failed", &error);
	}
	free(body);
	return NULL;
}

static void publish(struct job *job)
{
	pthread_t threads[PUBLISHERS];
	for (size_t i = 0; i < PUBLISHERS; i++)
		if (pthread_create(&threads[i], NULL, publish_share, job))
			abort();
	for (size_t i = 0; i < PUBLISHERS; i++)
		pthread_join(threads[i], NULL);
}

static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct sink *sink = context;
	if ((int64_t)viva_bus_delivery_message(delivery)->body.size != sink->bytes)
		abort();
	viva_bus_settle(delivery, VIVA_BUS_ACK, NULL);
	if (++sink->count < sink->messages)
		return;
	pthread_mutex_lock(&sink->lock);
	pthread_cond_signal(&sink->is_full);
	pthread_mutex_unlock(&sink->lock);
}

// Until each is acknowledged, and the broker knows.
static void consume(struct job *job)
{
	struct sink sink = {.lock = PTHREAD_MUTEX_INITIALIZER,
			    .is_full = PTHREAD_COND_INITIALIZER,
			    .messages = job->messages,
			    .bytes = job->bytes};
	const struct viva_bus_subscription subscription = {.queue = VIVA_QUEUE_SCORING_EMOTIONS,
							   .prefetch = (size_t)job->window,
							   .on_delivery = on_delivery,
							   .context = &sink};
	struct viva_bus_consumer *consumer = NULL;
	struct viva_error error = {0};
	pthread_mutex_lock(&sink.lock);
	if (viva_bus_consume(job->bus, &subscription, &consumer, &error))
		stop("consuming failed", &error);
	pthread_cond_wait(&sink.is_full, &sink.lock);
	pthread_mutex_unlock(&sink.lock);
	viva_bus_consumer_destroy(consumer);
}

int main(int count, char **arguments)
{
	struct job job = {0};
	bool is_publish = count == 6 && strcmp(arguments[1], "publish") == 0;
	if (count != 6 || (!is_publish && strcmp(arguments[1], "consume") != 0) ||
	    viva_parse_int64(arguments[3], 1, 100000000, &job.messages) || job.messages % PUBLISHERS != 0 ||
	    viva_parse_int64(arguments[4], 1, 16 << 20, &job.bytes) ||
	    viva_parse_int64(arguments[5], 4, MAX_BATCH, &job.window)) {
		fputs("usage: viva-bench-bus-half publish|consume URL MESSAGES BYTES WINDOW\n", stderr);
		return 2;
	}
	struct viva_bus_options options = viva_bus_defaults();
	options.url = arguments[2];
	options.app_id = "bench";
	options.max_unconfirmed = (size_t)job.window;
	struct viva_error error = {0};
	if (viva_bus_open(&options, &job.bus, &error))
		stop("the bus can't be opened", &error);
	const struct viva_clock *clock = viva_system_clock();
	int64_t began_us = viva_clock_monotonic_us(clock);
	double cpu = cpu_seconds();
	if (is_publish)
		publish(&job);
	else
		consume(&job);
	double seconds = (double)(viva_clock_monotonic_us(clock) - began_us) / 1e6;
	printf("{\"messages_per_s\": %.0f, \"cpu_us_per_message\": %.1f}\n", (double)job.messages / seconds,
	       (cpu_seconds() - cpu) * 1e6 / (double)job.messages);
	viva_bus_destroy(job.bus);
	return 0;
}
