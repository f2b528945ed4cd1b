// SPDX-License-Identifier: Apache-2.0
//
// Discovery by Consul's HTTP API: the thread, and what other threads ask of it.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "discovery/consul.h"

enum {
	AWAIT_MS = 2000,
	MAX_POLL_MS = 10000,
	FIRST_BACKOFF_MS = 250,
	MAX_BACKOFF_MS = 5000,
};

int64_t consul_backoff_us(struct consul *consul, uint32_t failures)
{
	int64_t longest_ms = FIRST_BACKOFF_MS;
	for (uint32_t i = 1; i < failures && longest_ms < MAX_BACKOFF_MS; i++)
		longest_ms *= 2;
	longest_ms = VIVA_MIN(longest_ms, (int64_t)MAX_BACKOFF_MS);
	int64_t half_us = longest_ms * 500;
	return half_us + (int64_t)viva_random_below(consul->random, (uint64_t)half_us);
}

const char *consul_reason(const struct consul_request *request, int code, char *buffer, size_t size)
{
	if (code < 0)
		snprintf(buffer, size, "Consul can't be asked (%s)", viva_error_text(code));
	else if (consul_request_status(request) == 403)
		snprintf(buffer, size, "Consul's ACL forbids it; give a token that allows it by --consul-token");
	else
		snprintf(buffer, size, "Consul answers with status %d", consul_request_status(request));
	return buffer;
}

static void set_flag(struct consul *consul, bool *flag)
{
	pthread_mutex_lock(&consul->mutex);
	*flag = true;
	pthread_cond_broadcast(&consul->changed);
	pthread_mutex_unlock(&consul->mutex);
}

void consul_was_asked(struct consul *consul, size_t service)
{
	set_flag(consul, &consul->was_asked[service]);
}

void consul_has_left(struct consul *consul)
{
	set_flag(consul, &consul->has_left);
}

static bool read_flag(struct consul *consul, const bool *flag)
{
	pthread_mutex_lock(&consul->mutex);
	bool value = *flag;
	pthread_mutex_unlock(&consul->mutex);
	return value;
}

// Before it is enrolled the registration is another thread's.
void consul_is_back(struct consul *consul)
{
	if (read_flag(consul, &consul->is_enrolled))
		consul_registration_check_soon(&consul->registration);
}

static int64_t next_due_us(const struct consul *consul, bool is_enrolled)
{
	int64_t due_us = is_enrolled ? consul->registration.due_us : INT64_MAX;
	for (size_t i = 0; i < consul->watch_count; i++)
		if (!consul->watches[i].request.is_under_way)
			due_us = VIVA_MIN(due_us, consul->watches[i].due_us);
	return due_us;
}

static int pause_ms(const struct consul *consul, bool is_enrolled)
{
	int64_t now_us = viva_clock_monotonic_us(consul->clock);
	int64_t due_us = VIVA_MIN(next_due_us(consul, is_enrolled), now_us + (int64_t)MAX_POLL_MS * 1000);
	return due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
}

static void advance(struct consul *consul, bool is_enrolled)
{
	pthread_mutex_lock(&consul->base.mutex);
	size_t wanted = consul->base.service_count;
	pthread_mutex_unlock(&consul->base.mutex);
	while (consul->watch_count < wanted) {
		consul_watch_init(&consul->watches[consul->watch_count], consul, consul->watch_count);
		consul->watch_count++;
	}
	int64_t now_us = viva_clock_monotonic_us(consul->clock);
	for (size_t i = 0; i < consul->watch_count; i++)
		consul_watch_advance(&consul->watches[i], now_us);
	if (is_enrolled)
		consul_registration_advance(&consul->registration, now_us, read_flag(consul, &consul->must_leave));
}

static void *run(void *context)
{
	struct consul *consul = context;
	while (!read_flag(consul, &consul->must_stop)) {
		bool is_enrolled = read_flag(consul, &consul->is_enrolled);
		advance(consul, is_enrolled);
		int running = 0;
		curl_multi_perform(consul->multi, &running);
		consul_requests_settle(consul->multi);
		curl_multi_poll(consul->multi, NULL, 0, pause_ms(consul, is_enrolled), NULL);
	}
	return NULL;
}

static void init_locks(struct consul *consul)
{
	pthread_condattr_t attributes;
	pthread_mutex_init(&consul->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&consul->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void destroy(struct viva_discovery *discovery)
{
	struct consul *consul = (struct consul *)discovery;
	if (consul->has_thread) {
		set_flag(consul, &consul->must_stop);
		curl_multi_wakeup(consul->multi);
		pthread_join(consul->thread, NULL);
	}
	for (size_t i = 0; i < consul->watch_count; i++)
		consul_watch_finish(&consul->watches[i]);
	consul_registration_finish(&consul->registration);
	if (consul->multi)
		curl_multi_cleanup(consul->multi);
	curl_global_cleanup();
	pthread_cond_destroy(&consul->changed);
	pthread_mutex_destroy(&consul->mutex);
	discovery_finish(&consul->base);
	explicit_bzero(&consul->url, sizeof consul->url);
	free(consul);
}

static int start(struct consul *consul, struct viva_error *error)
{
	consul->multi = curl_multi_init();
	if (!consul->multi)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the calls to Consul");
	if (pthread_create(&consul->thread, NULL, run, consul) != 0)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the calls to Consul");
	consul->has_thread = true;
	return 0;
}

static int open_consul(const struct viva_discovery_options *options, struct viva_discovery **ret_discovery,
		       struct viva_error *error)
{
	struct consul_url url;
	int result = consul_url_parse(options->url, &url, error);
	if (result == 0 && options->token) {
		result = consul_token_check(options->token, error);
		if (result == 0)
			strcpy(url.token, options->token);
	}
	if (result < 0)
		return result;
	struct consul *consul = calloc(1, sizeof *consul);
	if (!consul || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(consul);
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the calls to Consul");
	}
	consul->url = url;
	consul->clock = options->clock;
	consul->random = options->random;
	discovery_init(&consul->base, &discovery_consul);
	init_locks(consul);
	result = start(consul, error);
	if (result < 0) {
		destroy(&consul->base);
		return result;
	}
	*ret_discovery = &consul->base;
	return 0;
}

static void follow(struct viva_discovery *discovery)
{
	curl_multi_wakeup(((struct consul *)discovery)->multi);
}

// Waits for a flag that the thread sets, at most timeout_ms. Whether it is set.
static bool await_flag(struct consul *consul, const bool *flag, uint32_t timeout_ms)
{
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&consul->mutex);
	int status = 0;
	while (!*flag && status != ETIMEDOUT)
		status = pthread_cond_timedwait(&consul->changed, &consul->mutex, &end);
	bool is_set = *flag;
	pthread_mutex_unlock(&consul->mutex);
	return is_set;
}

static void await(struct viva_discovery *discovery, size_t index)
{
	struct consul *consul = (struct consul *)discovery;
	(void)await_flag(consul, &consul->was_asked[index], AWAIT_MS);
}

static int enroll(struct viva_discovery *discovery, const struct viva_discovery_instance *instance,
		  struct viva_error *error)
{
	struct consul *consul = (struct consul *)discovery;
	if (read_flag(consul, &consul->is_enrolled))
		return viva_fail(error, VIVA_EINVAL, NULL, "this instance is registered already");
	int result = consul_registration_init(&consul->registration, consul, instance);
	if (result < 0)
		return viva_fail(error, result, "advertise-address", "this instance can't be registered in Consul");
	set_flag(consul, &consul->is_enrolled);
	curl_multi_wakeup(consul->multi);
	return 0;
}

static int withdraw(struct viva_discovery *discovery, uint32_t timeout_ms, struct viva_error *error)
{
	struct consul *consul = (struct consul *)discovery;
	if (!read_flag(consul, &consul->is_enrolled))
		return 0;
	set_flag(consul, &consul->must_leave);
	curl_multi_wakeup(consul->multi);
	bool has_left = await_flag(consul, &consul->has_left, timeout_ms);
	int result = has_left ? consul->registration.result : VIVA_EUNAVAILABLE;
	return result < 0 ? viva_fail(error, result, NULL, "Consul could not be told that this instance leaves") : 0;
}

const struct discovery_backend discovery_consul = {
	.scheme = "consul:",
	.is_dynamic = true,
	.open = open_consul,
	.destroy = destroy,
	.follow = follow,
	.await = await,
	.enroll = enroll,
	.withdraw = withdraw,
};
