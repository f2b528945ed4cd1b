// SPDX-License-Identifier: Apache-2.0
//
// A blocking query in a loop, with the rules of https://developer.hashicorp.com/consul/api-docs/features/blocking:
// an index that goes back, and any error, means to ask without one; an index is at least 1; answers that come quickly
// one after another are slowed down.
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "discovery/consul.h"

enum {
	WAIT_S = 55,
	ANSWER_MS = (WAIT_S + WAIT_S / 16 + 5) * 1000,  // Consul adds up to a sixteenth by chance
	FIRST_ANSWER_MS = 5000,                         // without an index it answers at once
	BURST = 10,
};

static const double queries_per_second = 2;

static const char *name_of(const struct consul_watch *watch)
{
	return watch->consul->base.services[watch->service].name;
}

static void on_done(void *context, int code);

void consul_watch_init(struct consul_watch *watch, struct consul *consul, size_t service)
{
	*watch = (struct consul_watch){.consul = consul, .service = service};
	watch->request.on_done = on_done;
	watch->request.context = watch;
	viva_rate_limiter_init(&watch->limiter, queries_per_second, BURST, consul->clock);
	char label[DISCOVERY_MAX_NAME + 16];
	snprintf(label, sizeof label, "service=\"%s\"", name_of(watch));
	watch->instances = viva_gauge("viva_discovery_instances", label, "Passing instances, as Consul said last");
	watch->changes = viva_counter("viva_discovery_changes_total", label, "Changes of a service's addresses");
	watch->errors = viva_counter("viva_discovery_errors_total", label, "Questions to Consul that failed");
}

void consul_watch_finish(struct consul_watch *watch)
{
	consul_request_finish(&watch->request, watch->consul->multi);
}

static void fail(struct consul_watch *watch, int code, const char *sentence)
{
	char buffer[128];
	struct consul *consul = watch->consul;
	viva_metric_add(watch->errors, 1);
	if (watch->failures++ == 0)
		viva_log_warn("discovery of %s: %s; the addresses known last go on serving", name_of(watch),
			      sentence ? sentence : consul_reason(&watch->request, code, buffer, sizeof buffer));
	watch->index = 0;
	watch->due_us = viva_clock_monotonic_us(consul->clock) + consul_backoff_us(consul, watch->failures);
	consul_was_asked(consul, watch->service);
}

void consul_watch_advance(struct consul_watch *watch, int64_t now_us)
{
	struct consul *consul = watch->consul;
	if (watch->request.is_under_way || now_us < watch->due_us)
		return;
	if (!viva_rate_limiter_take(&watch->limiter)) {
		watch->due_us = now_us + viva_rate_limiter_wait_ms(&watch->limiter) * 1000;
		return;
	}
	char wait[64] = "", path[320];
	if (watch->index > 0)
		snprintf(wait, sizeof wait, "&index=%llu&wait=%ds", (unsigned long long)watch->index, WAIT_S);
	snprintf(path, sizeof path, "/v1/health/service/%s-service?passing=1%s%s%s%s", name_of(watch), wait,
		 consul->url.is_stale_allowed ? "&stale" : "", consul->url.datacenter[0] ? "&dc=" : "",
		 consul->url.datacenter);
	if (consul_request_start(&watch->request, consul->multi, &consul->url, "GET", path, NULL,
				 watch->index > 0 ? ANSWER_MS : FIRST_ANSWER_MS) < 0)
		fail(watch, VIVA_ENOMEM, "there is no memory to ask Consul");
}

static void keep_index(struct consul_watch *watch)
{
	uint64_t index = VIVA_MAX(watch->request.index, (uint64_t)1);
	watch->index = index < watch->index ? 0 : index;
}

// Says once what doesn't fit, until it fits again.
static void tell_of_left_out(struct consul_watch *watch, size_t left_out)
{
	if (left_out > 0 && !watch->is_incomplete)
		viva_log_warn("discovery of %s: %zu of Consul's entries are left out: no address, or more than %d",
			      name_of(watch), left_out, (int)VIVA_DISCOVERY_MAX_ADDRESSES);
	watch->is_incomplete = left_out > 0;
}

static void keep_old(struct consul_watch *watch)
{
	if (!watch->is_kept)
		viva_log_warn("discovery of %s: no instance passes its check; those known last stay in use",
			      name_of(watch));
	watch->is_kept = true;
}

static int take_answer(struct consul_watch *watch, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const char *const *addresses = NULL;
	size_t count = 0, left_out = 0;
	bool is_changed = false;
	struct viva_bytes body = viva_bytes_of(watch->request.body.data, watch->request.body.size);
	int result = viva_arena_create(0, &arena);
	if (result == 0)
		result = consul_read_instances(body, arena, &addresses, &count, &left_out, error);
	if (result < 0)
		return result;
	tell_of_left_out(watch, left_out);
	viva_metric_set(watch->instances, (double)count);
	if (count == 0) {
		keep_old(watch);
		return 0;
	}
	result = discovery_set(&watch->consul->base, watch->service, addresses, count, &is_changed);
	if (result == 0 && (is_changed || watch->is_kept))
		viva_log_info("discovery of %s: %zu instance%s", name_of(watch), count, count == 1 ? "" : "s");
	if (is_changed)
		viva_metric_add(watch->changes, 1);
	watch->is_kept = watch->is_kept && result < 0;
	return result;
}

static void on_done(void *context, int code)
{
	struct consul_watch *watch = context;
	struct consul *consul = watch->consul;
	struct viva_error error = {0};
	int status = code == 0 ? consul_request_status(&watch->request) : 0;
	if (status != 200) {
		fail(watch, code, NULL);
		return;
	}
	code = take_answer(watch, &error);
	if (code < 0) {
		fail(watch, code, viva_error_message(&error));
		return;
	}
	if (watch->failures > 0) {
		viva_log_info("discovery of %s: Consul answers again", name_of(watch));
		consul_is_back(consul);
	}
	watch->failures = 0;
	keep_index(watch);
	watch->due_us = 0;
	consul_was_asked(consul, watch->service);
}
