// SPDX-License-Identifier: Apache-2.0
#include "service/health.h"

#include <stdatomic.h>
#include <string.h>

#include "base/metrics.h"

enum { MAX_METRICS_BYTES = 4 * 1024 * 1024 };

static const struct viva_service *the_service;
static const struct viva_clock *the_clock;
static void *the_state;
static int64_t started_us;
static atomic_bool is_draining;

void viva_health_start(const struct viva_service *service, void *state, const struct viva_clock *clock)
{
	the_service = service;
	the_state = state;
	the_clock = clock;
	started_us = viva_clock_monotonic_us(clock);
}

void viva_health_set_draining(void)
{
	atomic_store(&is_draining, true);
}

static int run_check(json_t *detail, struct viva_error *error)
{
	return the_service->check ? the_service->check(the_state, detail, error) : 0;
}

bool viva_health_check_now(void)
{
	VIVA_AUTO_JSON detail = json_object();
	struct viva_error error = {0};
	return !atomic_load(&is_draining) && detail && run_check(detail, &error) == 0;
}

int viva_service_handle_health(struct viva_http_request *request, struct viva_http_response *response,
			       struct viva_error *error)
{
	(void)request;
	struct viva_error reason = {0};
	VIVA_AUTO_JSON detail = json_object();
	if (!detail)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the health check");
	int status = run_check(detail, &reason);
	int64_t uptime_s = (viva_clock_monotonic_us(the_clock) - started_us) / 1000000;
	json_t *body =
		json_pack("{s:s, s:s, s:s, s:I, s:O}", "status", status ? "down" : "ok", "service", the_service->name,
			  "version", VIVA_VERSION, "uptime_seconds", (json_int_t)uptime_s, "checks", detail);
	if (status && body)
		json_object_set_new(body, "error", json_string(viva_error_message(&reason)));
	return viva_http_respond_json(response, status ? 503 : 200, body);
}

static int handle_live(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)request, (void)error;
	return viva_http_respond_json(response, 200, json_pack("{s:s}", "status", "ok"));
}

static int handle_ready(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	if (atomic_load(&is_draining))
		return viva_http_respond_json(response, 503, json_pack("{s:s}", "status", "draining"));
	return viva_service_handle_health(request, response, error);
}

static int handle_metrics(struct viva_http_request *request, struct viva_http_response *response,
			  struct viva_error *error)
{
	(void)request;
	struct viva_buffer text;
	viva_buffer_init(&text, MAX_METRICS_BYTES);
	VIVA_AUTO(viva_blob) body = NULL;
	int status = viva_metrics_write(&text);
	if (!status)
		status = viva_blob_create_from_buffer(&text, &body);
	viva_buffer_finish(&text);
	if (status)
		return viva_fail(error, status, NULL, "the metrics can't be written");
	return viva_http_respond_blob(response, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

const struct viva_http_route viva_health_routes[] = {
	{.method = "GET", .pattern = "/health", .handle = viva_service_handle_health},
	{.method = "GET", .pattern = "/health/live", .handle = handle_live},
	{.method = "GET", .pattern = "/health/ready", .handle = handle_ready},
	{.method = "GET", .pattern = "/metrics", .handle = handle_metrics},
};
const size_t viva_health_route_count = VIVA_COUNT(viva_health_routes);
