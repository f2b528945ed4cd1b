// SPDX-License-Identifier: Apache-2.0
#include "worker/webhooks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/pool.h"
#include "net/http_client.h"
#include "worker/backoff.h"
#include "worker/deliveries.h"
#include "worker/webhook_message.h"

enum {
	POLL_MS = 500,  // for what other workers and `viva webhooks` left
	MAX_CONCURRENCY = 8,
	LEASE_MARGIN_MS = 30 * 1000,  // beyond the call's own time, to note how it ended
	MAX_ANSWER_BYTES = 16 * 1024,
	MAX_ERROR_TEXT = 120,
};

struct worker_webhooks {
	struct worker_webhooks_options options;
	struct viva_http_client *http;
	struct viva_pool *pool;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock;  // of what follows
	pthread_cond_t changed;
	bool is_stopping, is_woken;
	size_t in_flight[WORKER_MAX_WEBHOOKS];  // by target
};

// ---- one call

// A claimed delivery on its way.
struct flight {
	struct worker_webhooks *webhooks;
	size_t target;
	struct viva_arena *arena;  // of its texts
	struct worker_delivery delivery;
};

enum worker_attempt worker_attempt_of(int code, int status)
{
	if (code)
		return code == VIVA_EDEADLINE ? WORKER_ATTEMPT_TIMEOUT : WORKER_ATTEMPT_UNREACHABLE;
	if (status >= 200 && status < 300)
		return WORKER_ATTEMPT_DELIVERED;
	return status == 410 ? WORKER_ATTEMPT_GONE : WORKER_ATTEMPT_REFUSED;
}

static bool is_stopping(struct worker_webhooks *webhooks)
{
	pthread_mutex_lock(&webhooks->lock);
	bool is = webhooks->is_stopping;
	pthread_mutex_unlock(&webhooks->lock);
	return is;
}

static int call(struct flight *flight, int *ret_status, struct viva_error *error)
{
	const struct worker_webhooks_options *options = &flight->webhooks->options;
	const struct worker_delivery *delivery = &flight->delivery;
	char signature[WORKER_SIGNATURE_SIZE];
	int status = worker_webhook_sign(options->targets->secret, viva_clock_unix_ms(options->clock) / 1000,
					 delivery->body, signature);
	if (status)
		return status;
	const char *headers[] = {
		"Content-Type: application/json",
		viva_arena_printf(flight->arena, "X-Viva-Signature: %s", signature),
		viva_arena_printf(flight->arena, "X-Viva-Event-Id: %s", delivery->event_id),
		viva_arena_printf(flight->arena, "Idempotency-Key: %s", delivery->id),
	};
	for (size_t i = 0; i < VIVA_COUNT(headers); i++)
		if (!headers[i])
			return VIVA_ENOMEM;
	const struct viva_http_call request = {
		.method = "POST",
		.url = delivery->url,
		.headers = headers,
		.header_count = VIVA_COUNT(headers),
		.body = viva_bytes_of_text(delivery->body),
		.timeout_ms = options->timeout_ms,
		.max_response_bytes = MAX_ANSWER_BYTES,
		.cuts_response = true,
	};
	struct viva_http_reply reply;
	status = viva_http_call(flight->webhooks->http, &request, flight->arena, &reply, error);
	if (!status)
		*ret_status = reply.status;
	return status;
}

static struct worker_delivery_end end_of(const struct flight *flight, enum worker_attempt attempt, int status,
					 const char *error)
{
	const struct worker_webhooks_options *options = &flight->webhooks->options;
	const struct worker_delivery *delivery = &flight->delivery;
	int64_t now_ms = viva_clock_unix_ms(options->clock);
	struct worker_delivery_end end = {
		.was_tried = true, .status = status, .error = error, .next_at = now_ms, .now_ms = now_ms};
	if (attempt == WORKER_ATTEMPT_DELIVERED) {
		end.state = WORKER_DELIVERY_DELIVERED;
	} else if (attempt == WORKER_ATTEMPT_GONE) {
		end.state = WORKER_DELIVERY_GONE;
	} else {
		end.next_at = now_ms + worker_webhook_backoff_ms(delivery->attempts + 1, options->random);
		end.state = end.next_at > delivery->expires_at ? WORKER_DELIVERY_EXPIRED : WORKER_DELIVERY_PENDING;
	}
	return end;
}

static void log_end(const struct flight *flight, const struct worker_delivery_end *end, enum worker_attempt attempt)
{
	const char *host = flight->webhooks->options.targets->items[flight->target].host;
	const char *id = flight->delivery.id;
	if (end->state == WORKER_DELIVERY_DELIVERED)
		viva_log_debug("webhook %s delivered to %s", id, host);
	else if (end->state == WORKER_DELIVERY_PENDING)
		viva_log_info("webhook %s to %s: %s, status %d; again in %lld ms", id, host,
			      worker_attempt_name(attempt), (int)end->status, (long long)(end->next_at - end->now_ms));
	else
		viva_log_warn("webhook %s to %s is given up as %s: %s, status %d", id, host,
			      worker_delivery_state_name(end->state), worker_attempt_name(attempt), (int)end->status);
}

static void send(struct flight *flight)
{
	struct worker_webhooks *webhooks = flight->webhooks;
	struct worker_delivery_end end = {.state = WORKER_DELIVERY_PENDING,
					  .error = "",
					  .next_at = flight->delivery.next_at,
					  .now_ms = viva_clock_unix_ms(webhooks->options.clock)};
	struct viva_error error = {0};
	int status = 0;
	if (!is_stopping(webhooks)) {
		int code = call(flight, &status, &error);
		enum worker_attempt attempt = worker_attempt_of(code, status);
		if (code)
			error.message[VIVA_MIN(sizeof error.message - 1, (size_t)MAX_ERROR_TEXT)] = '\0';
		end = end_of(flight, attempt, status, code ? viva_error_message(&error) : "");
		viva_metric_add(worker_meters()->attempts[attempt], 1);
		log_end(flight, &end, attempt);
	}
	// Should this fail, the lease ends by itself, and the receiver gets it again under the same Idempotency-Key.
	if (worker_delivery_finish(webhooks->options.store, &flight->delivery, &end, &error))
		viva_log_warn("the end of webhook %s can't be noted: %s", flight->delivery.id,
			      viva_error_message(&error));
}

static void run_flight(void *context)
{
	struct flight *flight = context;
	struct worker_webhooks *webhooks = flight->webhooks;
	send(flight);
	pthread_mutex_lock(&webhooks->lock);
	webhooks->in_flight[flight->target]--;
	webhooks->is_woken = true;
	pthread_cond_broadcast(&webhooks->changed);
	pthread_mutex_unlock(&webhooks->lock);
	viva_arena_destroy(flight->arena);
	free(flight);
}

// ---- what is due

static const char *copy(struct viva_arena *arena, const char *text)
{
	return text ? viva_arena_text(arena, text, strlen(text)) : NULL;
}

static int make_flight(struct worker_webhooks *webhooks, size_t target, const struct worker_delivery *delivery,
		       struct flight **ret_flight)
{
	VIVA_AUTO_FREE struct flight *flight = calloc(1, sizeof *flight);
	VIVA_AUTO(viva_arena) arena = NULL;
	if (!flight || viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	flight->webhooks = webhooks;
	flight->target = target;
	flight->delivery = *delivery;
	flight->delivery.id = copy(arena, delivery->id);
	flight->delivery.event_id = copy(arena, delivery->event_id);
	flight->delivery.url = webhooks->options.targets->items[target].url;
	flight->delivery.body = copy(arena, delivery->body);
	flight->delivery.last_error = copy(arena, delivery->last_error);
	if (!flight->delivery.id || !flight->delivery.event_id || !flight->delivery.body ||
	    !flight->delivery.last_error)
		return VIVA_ENOMEM;
	flight->arena = viva_take(&arena);
	*ret_flight = viva_take(&flight);
	return 0;
}

// A delivery that can't be begun stays leased for a while, and is then found again.
static void begin(struct worker_webhooks *webhooks, size_t target, const struct worker_delivery *delivery)
{
	struct flight *flight = NULL;
	if (make_flight(webhooks, target, delivery, &flight))
		return;
	pthread_mutex_lock(&webhooks->lock);
	webhooks->in_flight[target]++;
	pthread_mutex_unlock(&webhooks->lock);
	if (!viva_pool_submit(webhooks->pool, run_flight, flight))
		return;
	pthread_mutex_lock(&webhooks->lock);
	webhooks->in_flight[target]--;
	pthread_mutex_unlock(&webhooks->lock);
	viva_arena_destroy(flight->arena);
	free(flight);
}

static int begin_due(struct worker_webhooks *webhooks, size_t target, struct viva_error *error)
{
	const struct worker_webhooks_options *options = &webhooks->options;
	pthread_mutex_lock(&webhooks->lock);
	size_t free_lanes = options->concurrency - webhooks->in_flight[target];
	pthread_mutex_unlock(&webhooks->lock);
	VIVA_AUTO(viva_arena) arena = NULL;
	if (free_lanes == 0)
		return 0;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	struct worker_delivery due[MAX_CONCURRENCY];
	size_t count = 0;
	int status = worker_deliveries_claim(
		options->store, options->targets->items[target].url, viva_clock_unix_ms(options->clock),
		(int64_t)options->timeout_ms + LEASE_MARGIN_MS, free_lanes, arena, due, &count, error);
	for (size_t i = 0; i < count && !status; i++)
		begin(webhooks, target, &due[i]);
	return status;
}

// False when the end was asked for.
static bool wait_for_work(struct worker_webhooks *webhooks)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)POLL_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&webhooks->lock);
	while (!webhooks->is_stopping && !webhooks->is_woken)
		if (pthread_cond_timedwait(&webhooks->changed, &webhooks->lock, &until))
			break;
	webhooks->is_woken = false;
	bool goes_on = !webhooks->is_stopping;
	pthread_mutex_unlock(&webhooks->lock);
	return goes_on;
}

static void *run(void *context)
{
	struct worker_webhooks *webhooks = context;
	bool was_troubled = false;
	while (wait_for_work(webhooks)) {
		struct viva_error error = {0};
		int status = 0;
		for (size_t i = 0; i < webhooks->options.targets->count && !status; i++)
			status = begin_due(webhooks, i, &error);
		if (status && !was_troubled)
			viva_log_warn("webhooks that are due can't be looked up: %s", viva_error_message(&error));
		was_troubled = status != 0;
	}
	return NULL;
}

// ---- life

static int start_threads(struct worker_webhooks *webhooks)
{
	struct viva_pool_options pool = viva_pool_defaults();
	size_t calls = webhooks->options.targets->count * webhooks->options.concurrency;
	pool.name = "webhooks";
	pool.threads = calls;  // so that nothing that is leased waits
	pool.max_waiting = calls;
	int status = viva_http_client_create(&webhooks->http);
	if (!status)
		status = viva_pool_create(&pool, &webhooks->pool);
	if (status)
		return status;
	if (pthread_create(&webhooks->thread, NULL, run, webhooks))
		return VIVA_EINTERNAL;
	webhooks->has_thread = true;
	return 0;
}

int worker_webhooks_create(const struct worker_webhooks_options *options, struct worker_webhooks **ret_webhooks)
{
	if (options->concurrency == 0 || options->concurrency > MAX_CONCURRENCY || options->targets->count == 0)
		return VIVA_EINVAL;
	struct worker_webhooks *webhooks = calloc(1, sizeof *webhooks);
	if (!webhooks)
		return VIVA_ENOMEM;
	webhooks->options = *options;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&webhooks->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&webhooks->lock, NULL);
	webhooks->is_woken = true;
	int status = start_threads(webhooks);
	if (status) {
		worker_webhooks_destroy(webhooks);
		return status;
	}
	*ret_webhooks = webhooks;
	return 0;
}

void worker_webhooks_wake(struct worker_webhooks *webhooks)
{
	if (!webhooks)
		return;
	pthread_mutex_lock(&webhooks->lock);
	webhooks->is_woken = true;
	pthread_cond_broadcast(&webhooks->changed);
	pthread_mutex_unlock(&webhooks->lock);
}

void worker_webhooks_stop(struct worker_webhooks *webhooks)
{
	pthread_mutex_lock(&webhooks->lock);
	webhooks->is_stopping = true;
	pthread_cond_broadcast(&webhooks->changed);
	pthread_mutex_unlock(&webhooks->lock);
}

struct worker_webhooks *worker_webhooks_destroy(struct worker_webhooks *webhooks)
{
	if (!webhooks)
		return NULL;
	worker_webhooks_stop(webhooks);
	if (webhooks->has_thread)
		pthread_join(webhooks->thread, NULL);
	viva_pool_destroy(webhooks->pool);
	viva_http_client_destroy(webhooks->http);
	pthread_cond_destroy(&webhooks->changed);
	pthread_mutex_destroy(&webhooks->lock);
	free(webhooks);
	return NULL;
}
