// SPDX-License-Identifier: Apache-2.0
//
// A bus at the command of a test: `viva-bus-driver URL [PARTITIONS]` reads one command a line and answers each with one
// line, "ok …" or "error CODE sentence"; what comes meanwhile is told in lines of its own, "got …" and "confirmed N".
//
//   publish KEY SESSION TEXT [SIZE [DEADLINE_MS]]   one message; its body is TEXT, followed by blanks up to SIZE
//   stream KEY                                      publishes 0, 1, 2 … in tens, each ten under the same ids until it
//   is
//                                                   confirmed; "confirmed N" tells of the last
//   end-stream                                      ends that, after a ten
//   consume QUEUE PREFETCH VERDICT                  ack, retry, defer, dead or hold
//   listen KEY
//   ping | queues | dead keep | dead replay | dead drop | quit
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "bus/bus.h"

enum { MAX_WORDS = 8, MAX_BODY_BYTES = 64 << 20, TEN = 10, SHOWN_BYTES = 60 };

static struct viva_bus *bus;
static struct viva_bus_consumer *consumers[16];
static size_t consumer_count;
static struct viva_bus_listener *listeners[4];
static size_t listener_count;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	pthread_mutex_lock(&output);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&output);
	va_end(arguments);
}

static void answer(int status, const struct viva_error *error)
{
	if (status)
		say("error %s %s", viva_error_name(status), viva_error_message(error));
	else
		say("ok");
}

static int64_t number(const char *text, int64_t missing)
{
	int64_t value = missing;
	if (text && viva_parse_int64(text, INT64_MIN, INT64_MAX, &value))
		fprintf(stderr, "not a number: %s\n", text);
	return value;
}

// ---- publishing

static void publish(char **words)
{
	size_t size = VIVA_MAX((size_t)number(words[4], 0), strlen(words[3]));
	int64_t deadline_ms = number(words[5], 60000);
	VIVA_AUTO_FREE char *body = malloc(size + 1);
	if (!body || size > MAX_BODY_BYTES)
		exit(1);
	memset(body, ' ', size);
	memcpy(body, words[3], strlen(words[3]));
	struct viva_bus_message message = {.routing_key = words[1],
					   .session_id = words[2],
					   .type = "FrameCaptured",
					   .body = viva_bytes_of(body, size)};
	struct viva_error error = {0};
	int64_t now_us = viva_clock_monotonic_us(viva_system_clock());
	answer(viva_bus_publish(bus, &message, 1, now_us + deadline_ms * 1000, &error), &error);
}

static struct {
	pthread_t thread;
	atomic_bool is_ending;
	char key[64];
} stream;

static void *publish_tens(void *context)
{
	(void)context;
	for (int first = 0; !atomic_load(&stream.is_ending); first += TEN) {
		char bodies[TEN][16], ids[TEN][VIVA_UUID_SIZE];
		struct viva_bus_message messages[TEN];
		for (int i = 0; i < TEN; i++) {
			snprintf(bodies[i], sizeof bodies[i], "%d", first + i);
			viva_uuid7(viva_system_clock(), viva_system_random(), ids[i]);
			messages[i] = (struct viva_bus_message){.routing_key = stream.key,
								.session_id = "stream",
								.type = "FrameCaptured",
								.message_id = ids[i],
								.body = viva_bytes_of_text(bodies[i])};
		}
		struct viva_error error = {0};
		while (viva_bus_publish(bus, messages, TEN, INT64_MAX, &error))
			say("failed %s", viva_error_message(&error));
		say("confirmed %d", first + TEN - 1);
	}
	return NULL;
}

// ---- consuming

static const char *const verdicts[] = {"ack", "retry", "defer", "dead", "hold"};
enum { HOLD = VIVA_BUS_DEAD + 1 };

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void tell(const char *what, const struct viva_bus_message *message, int retries)
{
	say("%s %s %s %s %s %d %zu %.*s", what, message->routing_key, message->message_id, or_dash(message->type),
	    or_dash(message->session_id), retries, message->body.size,
	    (int)VIVA_MIN(message->body.size, (size_t)SHOWN_BYTES), (const char *)message->body.data);
}

static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	size_t verdict = (size_t)context;
	tell("got", viva_bus_delivery_message(delivery), viva_bus_delivery_retries(delivery));
	if (verdict != HOLD)
		viva_bus_settle(delivery, (enum viva_bus_verdict)verdict, "the test says so");
}

static void on_message(const struct viva_bus_message *message, void *context)
{
	(void)context;
	tell("heard", message, 0);
}

static void consume(char **words)
{
	struct viva_bus_subscription subscription = {.prefetch = (size_t)number(words[2], 1),
						     .on_delivery = on_delivery};
	while (subscription.queue < VIVA_QUEUE_COUNT &&
	       strcmp(viva_bus_bindings[subscription.queue].name, words[1]) != 0)
		subscription.queue++;
	size_t verdict = 0;
	while (verdict < HOLD && strcmp(verdicts[verdict], words[3]) != 0)
		verdict++;
	subscription.context = (void *)verdict;
	struct viva_error error = {0};
	int status = viva_bus_consume(bus, &subscription, &consumers[consumer_count], &error);
	consumer_count += status == 0;
	answer(status, &error);
}

static void listen_to(char **words)
{
	struct viva_error error = {0};
	const char *key = words[1];
	int status = viva_bus_listen(bus, &key, 1, on_message, NULL, &listeners[listener_count], &error);
	listener_count += status == 0;
	answer(status, &error);
}

// ---- operating

static void tell_queues(void)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const struct viva_bus_queue_status *queues;
	size_t count;
	struct viva_error error = {0};
	int status = viva_arena_create(0, &arena);
	if (!status)
		status = viva_bus_queues(bus, arena, &queues, &count, &error);
	for (size_t i = 0; !status && i < count; i++)
		say("queue %s %lld %lld", queues[i].name, (long long)queues[i].waiting, (long long)queues[i].consumers);
	answer(status, &error);
}

static enum viva_bus_dead_letter_action on_letter(const struct viva_bus_dead_letter *letter, void *context)
{
	const char *action = context;
	say("letter %s %s %d %zu %lld %s", or_dash(letter->queue), letter->message.message_id, letter->retries,
	    letter->message.body.size, (long long)letter->died_at_ms, letter->reason);
	return strcmp(action, "replay") == 0 ? VIVA_BUS_REPLAY
	       : strcmp(action, "drop") == 0 ? VIVA_BUS_DROP
					     : VIVA_BUS_KEEP;
}

static void tell_dead_letters(char **words)
{
	struct viva_error error = {0};
	size_t count;
	answer(viva_bus_visit_dead_letters(bus, 1000, on_letter, words[1], &count, &error), &error);
}

// ---- commands

static void run(char **words)
{
	struct viva_error error = {0};
	if (strcmp(words[0], "publish") == 0)
		publish(words);
	else if (strcmp(words[0], "consume") == 0)
		consume(words);
	else if (strcmp(words[0], "listen") == 0)
		listen_to(words);
	else if (strcmp(words[0], "queues") == 0)
		tell_queues();
	else if (strcmp(words[0], "dead") == 0)
		tell_dead_letters(words);
	else if (strcmp(words[0], "ping") == 0)
		answer(viva_bus_ping(bus, &error), &error);
	else if (strcmp(words[0], "stream") == 0) {
		snprintf(stream.key, sizeof stream.key, "%s", words[1]);
		answer(pthread_create(&stream.thread, NULL, publish_tens, NULL) ? VIVA_EINTERNAL : 0, &error);
	} else if (strcmp(words[0], "end-stream") == 0) {
		atomic_store(&stream.is_ending, true);
		pthread_join(stream.thread, NULL);
		answer(0, NULL);
	} else {
		say("error unknown command");
	}
}

static void read_commands(void)
{
	char line[4096];
	while (fgets(line, sizeof line, stdin)) {
		char *words[MAX_WORDS] = {NULL}, *rest = line;
		for (int i = 0; i < MAX_WORDS - 1 && (words[i] = strtok_r(NULL, " \n", &rest)); i++)
			;
		if (!words[0] || strcmp(words[0], "quit") == 0)
			return;
		run(words);
	}
}

int main(int argument_count, char **arguments)
{
	if (argument_count < 2)
		return 2;
	viva_log_configure("driver", VIVA_LOG_INFO, VIVA_LOG_TEXT);
	struct viva_bus_options options = viva_bus_defaults();
	options.url = arguments[1];
	options.app_id = "driver";
	options.frame_partitions = (size_t)number(argument_count > 2 ? arguments[2] : NULL, 4);
	options.retry_ms = 20;
	options.defer_ms = 20;
	struct viva_error error = {0};
	int status = viva_bus_open(&options, &bus, &error);
	answer(status, &error);
	if (status)
		return 1;
	read_commands();
	for (size_t i = 0; i < consumer_count; i++)
		viva_bus_consumer_destroy(consumers[i]);
	for (size_t i = 0; i < listener_count; i++)
		viva_bus_listener_destroy(listeners[i]);
	viva_bus_destroy(bus);
	return 0;
}
