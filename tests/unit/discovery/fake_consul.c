// SPDX-License-Identifier: Apache-2.0
#include "fake_consul.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_REQUESTS = 512, PATIENCE_MS = 60000 };

struct fake_consul {
	struct net_server *server;
	char url[256];
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool is_stopping;
	bool is_flapping;
	uint64_t index;
	int status;
	char *body;
	char *services;
	bool is_known;
	char *requests[MAX_REQUESTS];
	size_t request_count;
};

static void record(struct fake_consul *consul, const struct viva_http_request *request)
{
	const char *token = viva_http_header(request, "x-consul-token");
	struct viva_bytes body = viva_blob_bytes(request->body);
	char *text = NULL;
	if (asprintf(&text, "%s %s token=%s %.*s", request->method, request->target, token ? token : "", (int)body.size,
		     body.size > 0 ? (const char *)body.data : "") < 0)
		abort();
	pthread_mutex_lock(&consul->mutex);
	if (consul->request_count < MAX_REQUESTS)
		consul->requests[consul->request_count++] = text;
	else
		free(text);
	pthread_mutex_unlock(&consul->mutex);
}

static int respond(struct viva_http_response *response, int status, const char *body)
{
	VIVA_AUTO(viva_blob) blob = NULL;
	int result = viva_blob_create(body, strlen(body), &blob);
	return result < 0 ? result : viva_http_respond_blob(response, status, "application/json", blob);
}

static int tell_instances(struct viva_http_request *request, struct viva_http_response *response,
			  struct viva_error *error)
{
	(void)error;
	struct fake_consul *consul = request->context;
	record(consul, request);
	const char *given = viva_http_query(request, "index");
	uint64_t index = given ? strtoull(given, NULL, 10) : 0;
	pthread_mutex_lock(&consul->mutex);
	if (consul->is_flapping)
		consul->index++;
	while (given && index == consul->index && !consul->is_stopping)
		pthread_cond_wait(&consul->changed, &consul->mutex);
	char text[32];
	snprintf(text, sizeof text, "%llu", (unsigned long long)consul->index);
	int status = consul->status;
	char *body = strdup(consul->body);
	pthread_mutex_unlock(&consul->mutex);
	int result = viva_http_add_header(response, "X-Consul-Index", text);
	if (result == 0)
		result = respond(response, status, body);
	free(body);
	return result;
}

static int tell_services(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	(void)error;
	struct fake_consul *consul = request->context;
	record(consul, request);
	pthread_mutex_lock(&consul->mutex);
	int result = respond(response, 200, consul->services);
	pthread_mutex_unlock(&consul->mutex);
	return result;
}

static int tell_service(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	(void)error;
	struct fake_consul *consul = request->context;
	record(consul, request);
	pthread_mutex_lock(&consul->mutex);
	bool is_known = consul->is_known;
	pthread_mutex_unlock(&consul->mutex);
	return is_known ? respond(response, 200, "{}") : respond(response, 404, "unknown service ID");
}

static int take(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)error;
	record(request->context, request);
	return respond(response, 200, "");
}

static const struct viva_http_route routes[] = {
	{.method = "GET", .pattern = "/v1/health/service/:name", .handle = tell_instances},
	{.method = "GET", .pattern = "/v1/agent/services", .handle = tell_services},
	{.method = "GET", .pattern = "/v1/agent/service/:id", .handle = tell_service},
	{.method = "PUT", .pattern = "/v1/agent/service/*", .handle = take, .max_body_bytes = 65536},
};

struct fake_consul *fake_consul_start(void)
{
	struct fake_consul *consul = calloc(1, sizeof *consul);
	assert_non_null(consul);
	pthread_mutex_init(&consul->mutex, NULL);
	pthread_cond_init(&consul->changed, NULL);
	consul->index = 1;
	consul->status = 200;
	consul->body = strdup("[]");
	consul->services = strdup("{}");
	consul->is_known = true;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.context = consul;
	consul->server = net_server_start(routes, VIVA_COUNT(routes), options);
	return consul;
}

void fake_consul_stop(struct fake_consul *consul)
{
	pthread_mutex_lock(&consul->mutex);
	consul->is_stopping = true;
	pthread_cond_broadcast(&consul->changed);
	pthread_mutex_unlock(&consul->mutex);
	net_server_stop(consul->server);
	for (size_t i = 0; i < consul->request_count; i++)
		free(consul->requests[i]);
	free(consul->body);
	free(consul->services);
	pthread_cond_destroy(&consul->changed);
	pthread_mutex_destroy(&consul->mutex);
	free(consul);
}

const char *fake_consul_url(struct fake_consul *consul, const char *query)
{
	snprintf(consul->url, sizeof consul->url, "consul://127.0.0.1:%u%s", net_server_port(consul->server), query);
	return consul->url;
}

void fake_consul_answer(struct fake_consul *consul, uint64_t index, int status, const char *body)
{
	pthread_mutex_lock(&consul->mutex);
	free(consul->body);
	consul->body = strdup(body);
	consul->index = index;
	consul->status = status != 0 ? status : 200;
	pthread_cond_broadcast(&consul->changed);
	pthread_mutex_unlock(&consul->mutex);
}

void fake_consul_flap(struct fake_consul *consul)
{
	pthread_mutex_lock(&consul->mutex);
	consul->is_flapping = true;
	consul->index++;
	pthread_cond_broadcast(&consul->changed);
	pthread_mutex_unlock(&consul->mutex);
}

void fake_consul_set_agent(struct fake_consul *consul, const char *services, bool is_known)
{
	pthread_mutex_lock(&consul->mutex);
	free(consul->services);
	consul->services = strdup(services);
	consul->is_known = is_known;
	pthread_mutex_unlock(&consul->mutex);
}

// With the mutex held.
static const char *find(const struct fake_consul *consul, const char *part, size_t count)
{
	for (size_t i = 0; i < consul->request_count; i++)
		if (strstr(consul->requests[i], part) && --count == 0)
			return consul->requests[i];
	return NULL;
}

const char *fake_consul_await(struct fake_consul *consul, const char *part, size_t count)
{
	for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 2, usleep(2000)) {
		pthread_mutex_lock(&consul->mutex);
		const char *found = find(consul, part, count);
		pthread_mutex_unlock(&consul->mutex);
		if (found)
			return found;
	}
	fail_msg("no request number %zu with \"%s\" came", count, part);
	return NULL;
}

size_t fake_consul_count(struct fake_consul *consul, const char *part)
{
	size_t count = 0;
	pthread_mutex_lock(&consul->mutex);
	while (find(consul, part, count + 1))
		count++;
	pthread_mutex_unlock(&consul->mutex);
	return count;
}
