// SPDX-License-Identifier: Apache-2.0
#include "bus/rabbitmq_connection.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"

enum {
	FIRST_PAUSE_MS = 100,
	LAST_PAUSE_MS = 3000,
	STEADY_US = 1000000,      // a link that lived as long was no failed attempt
	LONGEST_SLEEP_MS = 1000,  // the heartbeat is looked after so often
	FRAMES_PER_TURN = 256,
	END_PATIENCE_S = 5,
};

struct viva_rabbitmq_connection {
	const struct viva_rabbitmq_url *url;
	const struct viva_bus_options *options;
	const struct viva_rabbitmq_user *user;
	void *context;
	char name[192];
	pthread_t thread;
	int wake_fd;
	atomic_bool is_woken;
	pthread_mutex_t lock;  // of all below
	pthread_cond_t has_changed;
	bool is_ending;
	bool has_ended;
	bool is_up;
	bool was_attempted;
	int interruptible_fd;       // of the link while there is one, else -1
	int64_t since_us;           // up or down
	struct viva_error failure;  // the last
	struct viva_metric *reconnects;
	struct viva_metric *connected;
};

void viva_rabbitmq_monotonic_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

static bool is_ending(struct viva_rabbitmq_connection *connection)
{
	pthread_mutex_lock(&connection->lock);
	bool answer = connection->is_ending;
	pthread_mutex_unlock(&connection->lock);
	return answer;
}

// ---- states, told once per change

static void note_up(struct viva_rabbitmq_connection *connection)
{
	pthread_mutex_lock(&connection->lock);
	bool is_again = connection->was_attempted;
	connection->is_up = connection->was_attempted = true;
	connection->since_us = now_us();
	connection->failure = (struct viva_error){0};
	pthread_cond_broadcast(&connection->has_changed);
	pthread_mutex_unlock(&connection->lock);
	viva_metric_set(connection->connected, 1);
	if (is_again) {
		viva_metric_add(connection->reconnects, 1);
		viva_log_info("bus: connected to RabbitMQ (%s)", connection->user->role);
	}
}

static void note_failure(struct viva_rabbitmq_connection *connection, const struct viva_error *failure)
{
	pthread_mutex_lock(&connection->lock);
	bool is_news = connection->is_up || strcmp(connection->failure.message, failure->message) != 0;
	if (connection->is_up)
		connection->since_us = now_us();
	connection->is_up = false;
	connection->was_attempted = true;
	connection->failure = *failure;
	bool is_wanted = connection->is_ending;
	pthread_cond_broadcast(&connection->has_changed);
	pthread_mutex_unlock(&connection->lock);
	viva_metric_set(connection->connected, 0);
	if (is_news && !is_wanted)
		viva_log_warn("bus: no connection to RabbitMQ (%s): %s", connection->user->role,
			      viva_error_message(failure));
}

static void let_interrupt(struct viva_rabbitmq_connection *connection, int fd)
{
	pthread_mutex_lock(&connection->lock);
	connection->interruptible_fd = fd;
	pthread_mutex_unlock(&connection->lock);
}

// ---- the thread

static int take_frames(struct viva_rabbitmq_connection *connection, struct viva_rabbitmq_link *link, bool *ret_has_more,
		       struct viva_error *error)
{
	int status = 0;
	*ret_has_more = true;
	for (int i = 0; i < FRAMES_PER_TURN && !status && *ret_has_more; i++) {
		amqp_frame_t frame;
		status = viva_rabbitmq_next_frame(link, &frame, ret_has_more, error);
		if (status || !*ret_has_more)
			break;
		status = connection->user->on_frame(connection->context, link, &frame, error);
		viva_rabbitmq_release(link, &frame);
	}
	return status;
}

static void sleep_until_woken(struct viva_rabbitmq_connection *connection, const struct viva_rabbitmq_link *link,
			      uint32_t pause_ms)
{
	struct pollfd fds[] = {{.fd = link->fd, .events = POLLIN}, {.fd = connection->wake_fd, .events = POLLIN}};
	if (poll(fds, VIVA_COUNT(fds), (int)VIVA_MIN(pause_ms, (uint32_t)LONGEST_SLEEP_MS)) <= 0)
		return;
	uint64_t count;
	if (fds[1].revents && read(connection->wake_fd, &count, sizeof count) < 0)
		return;
	atomic_store(&connection->is_woken, false);
}

// Until the link is lost (an error) or the connection ended (0).
static int serve(struct viva_rabbitmq_connection *connection, struct viva_rabbitmq_link *link, struct viva_error *error)
{
	while (true) {
		struct viva_rabbitmq_turn turn = {.is_ending = is_ending(connection), .pause_ms = LONGEST_SLEEP_MS};
		bool has_more = false;
		int status = take_frames(connection, link, &has_more, error);
		if (!status)
			status = connection->user->on_turn(connection->context, link, &turn, error);
		if (status || (turn.is_ending && turn.is_done))
			return status;
		if (!has_more)
			sleep_until_woken(connection, link, turn.pause_ms);
	}
}

static int connect_and_serve(struct viva_rabbitmq_connection *connection, size_t attempt, struct viva_error *error)
{
	struct viva_rabbitmq_link link;
	int status = viva_rabbitmq_link_open(connection->url, attempt, connection->name, &link, error);
	if (status)
		return status;
	let_interrupt(connection, link.fd);
	status = connection->user->on_up(connection->context, &link, error);
	if (!status) {
		note_up(connection);
		status = serve(connection, &link, error);
		// What it waits for may come out of this, so it is told before goodbye is said.
		connection->user->on_down(connection->context, status);
	}
	let_interrupt(connection, -1);
	viva_rabbitmq_link_finish(&link);
	return status;
}

// Sleeps backoff plus a random part of it, unless the end is asked for.
static void pause_after(struct viva_rabbitmq_connection *connection, unsigned failures)
{
	int64_t backoff_ms = VIVA_MIN((int64_t)FIRST_PAUSE_MS << VIVA_MIN(failures, 10u), (int64_t)LAST_PAUSE_MS);
	int64_t until_us = now_us() + backoff_ms * 1000 +
			   (int64_t)viva_random_below(connection->options->random, (uint64_t)backoff_ms * 1000);
	struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
	pthread_mutex_lock(&connection->lock);
	while (!connection->is_ending && now_us() < until_us)
		pthread_cond_timedwait(&connection->has_changed, &connection->lock, &until);
	pthread_mutex_unlock(&connection->lock);
}

static void *run(void *context)
{
	struct viva_rabbitmq_connection *connection = context;
	unsigned failures = 0;
	for (size_t attempt = 0; !is_ending(connection); attempt++) {
		struct viva_error failure = {0};
		int64_t began_us = now_us();
		int status = connect_and_serve(connection, attempt, &failure);
		if (!status)
			break;
		note_failure(connection, &failure);
		failures = now_us() - began_us > STEADY_US ? 0 : failures + 1;
		pause_after(connection, failures);
	}
	pthread_mutex_lock(&connection->lock);
	connection->has_ended = true;
	pthread_cond_broadcast(&connection->has_changed);
	pthread_mutex_unlock(&connection->lock);
	viva_metric_set(connection->connected, 0);
	return NULL;
}

// ---- from outside

static void init_metrics(struct viva_rabbitmq_connection *connection)
{
	char labels[64];
	snprintf(labels, sizeof labels, "backend=\"rabbitmq\",connection=\"%s\"", connection->user->role);
	connection->reconnects = viva_counter("viva_bus_reconnects_total", labels, "Connections that were made again");
	connection->connected = viva_gauge("viva_bus_connected", labels, "1 while the connection is up");
}

static int start(struct viva_rabbitmq_connection *connection, struct viva_error *error)
{
	connection->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (connection->wake_fd < 0)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no file descriptor for the bus");
	if (pthread_create(&connection->thread, NULL, run, connection)) {
		close(connection->wake_fd);
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the bus");
	}
	char name[16];
	snprintf(name, sizeof name, "bus-%s", connection->user->role);
	pthread_setname_np(connection->thread, name);
	return 0;
}

int viva_rabbitmq_connection_create(const struct viva_rabbitmq_url *url, const struct viva_bus_options *options,
				    const struct viva_rabbitmq_user *user, void *context,
				    struct viva_rabbitmq_connection **ret_connection, struct viva_error *error)
{
	struct viva_rabbitmq_connection *connection = calloc(1, sizeof *connection);
	if (!connection)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	*connection = (struct viva_rabbitmq_connection){.url = url,
							.options = options,
							.user = user,
							.context = context,
							.interruptible_fd = -1,
							.since_us = now_us()};
	snprintf(connection->name, sizeof connection->name, "viva %s %s", options->app_id, user->role);
	init_metrics(connection);
	pthread_mutex_init(&connection->lock, NULL);
	viva_rabbitmq_monotonic_cond_init(&connection->has_changed);
	// Before the thread runs, since it may use it at once.
	*ret_connection = connection;
	int status = start(connection, error);
	if (status) {
		*ret_connection = NULL;
		pthread_cond_destroy(&connection->has_changed);
		pthread_mutex_destroy(&connection->lock);
		free(connection);
	}
	return status;
}

struct viva_rabbitmq_connection *viva_rabbitmq_connection_destroy(struct viva_rabbitmq_connection *connection)
{
	if (!connection)
		return NULL;
	pthread_mutex_lock(&connection->lock);
	connection->is_ending = true;
	pthread_cond_broadcast(&connection->has_changed);
	pthread_mutex_unlock(&connection->lock);
	viva_rabbitmq_connection_wake(connection);

	int64_t until_us = now_us() + (int64_t)END_PATIENCE_S * 1000000;
	struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
	pthread_mutex_lock(&connection->lock);
	while (!connection->has_ended && now_us() < until_us)
		pthread_cond_timedwait(&connection->has_changed, &connection->lock, &until);
	bool is_stuck = !connection->has_ended;
	pthread_mutex_unlock(&connection->lock);
	if (is_stuck)
		viva_rabbitmq_connection_interrupt(connection);

	pthread_join(connection->thread, NULL);
	close(connection->wake_fd);
	pthread_cond_destroy(&connection->has_changed);
	pthread_mutex_destroy(&connection->lock);
	free(connection);
	return NULL;
}

void viva_rabbitmq_connection_interrupt(struct viva_rabbitmq_connection *connection)
{
	pthread_mutex_lock(&connection->lock);
	if (connection->interruptible_fd >= 0)
		shutdown(connection->interruptible_fd, SHUT_RDWR);
	pthread_mutex_unlock(&connection->lock);
}

void viva_rabbitmq_connection_wake(struct viva_rabbitmq_connection *connection)
{
	if (atomic_exchange(&connection->is_woken, true))
		return;
	ssize_t written = write(connection->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
	(void)written;  // fails only if it is full of wakes
}

void viva_rabbitmq_connection_wait_for_attempt(struct viva_rabbitmq_connection *connection)
{
	pthread_mutex_lock(&connection->lock);
	while (!connection->was_attempted)
		pthread_cond_wait(&connection->has_changed, &connection->lock);
	pthread_mutex_unlock(&connection->lock);
}

int viva_rabbitmq_connection_check(struct viva_rabbitmq_connection *connection, int64_t *ret_since_us,
				   struct viva_error *error)
{
	pthread_mutex_lock(&connection->lock);
	bool is_up = connection->is_up;
	int64_t since_us = connection->since_us;
	struct viva_error failure = connection->failure;
	pthread_mutex_unlock(&connection->lock);
	if (is_up)
		return 0;
	if (ret_since_us)
		*ret_since_us = since_us;
	return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "no RabbitMQ: %s",
			 failure.message[0] != '\0' ? failure.message : "not connected yet");
}
