// SPDX-License-Identifier: Apache-2.0
//
// Times a bus end to end: published with confirmation, delivered, acknowledged.
//   viva-bench-bus URL [MESSAGES [BYTES [PUBLISHERS [BATCH [PREFETCH [PROCESSES [PAUSE_US]]]]]]]
// PUBLISHERS threads publish BATCH messages at a time and pause PAUSE_US between; with PROCESSES 2 they are in a
// process of their own. Each message carries the time at which its publication began. The last line is JSON.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "bus/bus.h"

enum { MAX_BATCH = 4096 };

struct plan {
	const char *url;
	int64_t messages, bytes, publishers, batch, prefetch, processes, pause_us;
};

struct sink {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int64_t count, expected;
	int64_t first_us, last_us;
	int64_t *latencies_us;
};

struct publisher {
	const struct plan *plan;
	struct viva_bus *bus;
	int64_t messages;
	int number;
	atomic_int *refusals;
};

static void stop(const char *what, const struct viva_error *error)
{
	fprintf(stderr, "viva-bench-bus: %s: %s\n", what, viva_error_message(error));
	exit(1);
}

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

static struct viva_bus *open_bus(const struct plan *plan)
{
	struct viva_bus_options options = viva_bus_defaults();
	struct viva_error error = {0};
	struct viva_bus *bus = NULL;
	options.url = plan->url;
	options.app_id = "bench";
	options.max_unconfirmed = 65536;
	if (viva_bus_open(&options, &bus, &error))
		stop("the bus can't be opened", &error);
	return bus;
}

static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct sink *sink = context;
	int64_t began_us, at_us = now_us();
	memcpy(&began_us, viva_bus_delivery_message(delivery)->body.data, sizeof began_us);
	viva_bus_settle(delivery, VIVA_BUS_ACK, NULL);
	pthread_mutex_lock(&sink->lock);
	if (sink->count < sink->expected)
		sink->latencies_us[sink->count] = at_us - began_us;
	sink->first_us = sink->count == 0 ? began_us : VIVA_MIN(sink->first_us, began_us);
	sink->last_us = at_us;
	sink->count++;
	if (sink->count == sink->expected)
		pthread_cond_signal(&sink->moved);
	pthread_mutex_unlock(&sink->lock);
}

static void *publish(void *context)
{
	struct publisher *publisher = context;
	const struct plan *plan = publisher->plan;
	uint8_t *bodies = calloc((size_t)plan->batch, (size_t)plan->bytes);
	struct viva_bus_message *messages = calloc((size_t)plan->batch, sizeof *messages);
	struct viva_error error = {0};
	char session[32];
	if (!bodies || !messages)
		abort();
	snprintf(session, sizeof session, "session-%d", publisher->number);
	for (int64_t left = publisher->messages; left > 0;) {
		size_t count = (size_t)VIVA_MIN(left, plan->batch);
		int64_t began_us = now_us();
		for (size_t i = 0; i < count; i++) {
			uint8_t *body = bodies + i * (size_t)plan->bytes;
			memcpy(body, &began_us, sizeof began_us);
			messages[i] = (struct viva_bus_message){.routing_key = VIVA_KEY_SCORE_CALCULATED,
								.type = "Bench",
								.session_id = session,
								.body = viva_bytes_of(body, (size_t)plan->bytes)};
		}
		int status = viva_bus_publish(publisher->bus, messages, count, INT64_MAX, &error);
		if (status == VIVA_EOVERLOAD) {
			atomic_fetch_add(publisher->refusals, 1);
			usleep(10000);
			continue;
		}
		if (status)
			stop("publishing failed", &error);
		left -= (int64_t)count;
		if (plan->pause_us > 0)
			usleep((useconds_t)plan->pause_us);
	}
	free(messages);
	free(bodies);
	return NULL;
}

// Publishes all; gives the seconds that it took.
static double publish_all(const struct plan *plan, struct viva_bus *bus)
{
	pthread_t *threads = calloc((size_t)plan->publishers, sizeof *threads);
	struct publisher *publishers = calloc((size_t)plan->publishers, sizeof *publishers);
	atomic_int refusals = 0;
	if (!threads || !publishers)
		abort();
	int64_t began_us = now_us();
	for (int i = 0; i < plan->publishers; i++) {
		publishers[i] = (struct publisher){.plan = plan,
						   .bus = bus,
						   .messages = plan->messages / plan->publishers,
						   .number = i,
						   .refusals = &refusals};
		if (pthread_create(&threads[i], NULL, publish, &publishers[i]))
			abort();
	}
	for (int i = 0; i < plan->publishers; i++)
		pthread_join(threads[i], NULL);
	double seconds = (double)(now_us() - began_us) / 1e6;
	printf("published: %.0f messages/s, refused %d times\n",
	       (double)(plan->messages / plan->publishers * plan->publishers) / seconds, atomic_load(&refusals));
	free(publishers);
	free(threads);
	return seconds;
}

static int ascending(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static double cpu_seconds(int who)
{
	struct rusage usage;
	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(const struct plan *plan, struct sink *sink)
{
	size_t count = (size_t)sink->count;
	double seconds = (double)(sink->last_us - sink->first_us) / 1e6;
	qsort(sink->latencies_us, count, sizeof sink->latencies_us[0], ascending);
	printf("{\"messages\": %zu, \"bytes\": %lld, \"publishers\": %lld, \"batch\": %lld, \"prefetch\": %lld, "
	       "\"processes\": %lld, \"end_to_end_per_s\": %.0f, \"latency_ms_p50\": %.2f, \"latency_ms_p99\": %.2f, "
	       "\"cpu_us_per_message\": %.0f}\n",
	       count, (long long)plan->bytes, (long long)plan->publishers, (long long)plan->batch,
	       (long long)plan->prefetch, (long long)plan->processes, (double)count / seconds,
	       (double)sink->latencies_us[count / 2] / 1e3, (double)sink->latencies_us[count * 99 / 100] / 1e3,
	       (cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN)) * 1e6 / (double)count);
}

static void run(const struct plan *plan)
{
	struct sink sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
	sink.expected = plan->messages / plan->publishers * plan->publishers;
	sink.latencies_us = calloc((size_t)sink.expected, sizeof *sink.latencies_us);
	if (!sink.latencies_us)
		abort();
	fflush(stdout);
	pid_t child = plan->processes > 1 ? fork() : -1;
	struct viva_bus *bus = open_bus(plan);
	if (child == 0) {
		publish_all(plan, bus);
		viva_bus_destroy(bus);
		fflush(stdout);
		_exit(0);
	}
	const struct viva_bus_subscription subscription = {.queue = VIVA_QUEUE_WORKER_SCORES,
							   .prefetch = (size_t)plan->prefetch,
							   .on_delivery = on_delivery,
							   .context = &sink};
	struct viva_bus_consumer *consumer = NULL;
	struct viva_error error = {0};
	if (viva_bus_consume(bus, &subscription, &consumer, &error))
		stop("consuming failed", &error);
	if (child < 0)
		publish_all(plan, bus);
	pthread_mutex_lock(&sink.lock);
	while (sink.count < sink.expected)
		pthread_cond_wait(&sink.moved, &sink.lock);
	pthread_mutex_unlock(&sink.lock);
	viva_bus_consumer_destroy(consumer);
	viva_bus_destroy(bus);
	if (child > 0)
		waitpid(child, NULL, 0);
	report(plan, &sink);
	free(sink.latencies_us);
}

static int64_t number(int count, char **arguments, int index, int64_t otherwise, int64_t min, int64_t max)
{
	int64_t value = otherwise;
	if (index < count && viva_parse_int64(arguments[index], min, max, &value)) {
		fprintf(stderr, "viva-bench-bus: \"%s\" is no number from %lld to %lld\n", arguments[index],
			(long long)min, (long long)max);
		exit(2);
	}
	return value;
}

int main(int count, char **arguments)
{
	if (count < 2) {
		fputs("usage: viva-bench-bus URL [MESSAGES [BYTES [PUBLISHERS [BATCH [PREFETCH [PROCESSES "
		      "[PAUSE_US]]]]]]]"
		      "\n",
		      stderr);
		return 2;
	}
	const struct plan plan = {
		.url = arguments[1],
		.messages = number(count, arguments, 2, 100000, 1, 100000000),
		.bytes = number(count, arguments, 3, 1024, sizeof(int64_t), 16 << 20),
		.publishers = number(count, arguments, 4, 4, 1, 256),
		.batch = number(count, arguments, 5, 64, 1, MAX_BATCH),
		.prefetch = number(count, arguments, 6, 512, 1, UINT16_MAX),
		.processes = number(count, arguments, 7, 1, 1, 2),
		.pause_us = number(count, arguments, 8, 0, 0, 10000000),
	};
	run(&plan);
	return 0;
}
