// SPDX-License-Identifier: Apache-2.0
#include "gateway/probe.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_client.h"

enum {
	FRESH_MS = 1000,
	PROBE_TIMEOUT_MS = 500,
	MAX_PROBED_ADDRESSES = 4,  // of each service
	MAX_ANSWER_BYTES = 64 * 1024,
};

const char *const gateway_service_names[GATEWAY_SERVICES] = {
	[GATEWAY_INTERVIEWS] = "interview",
	[GATEWAY_EMOTIONS] = "emotion",
	[GATEWAY_SCORES] = "scoring",
};

struct gateway_probe {
	struct viva_discovery *discovery;
	const struct viva_clock *clock;
	struct viva_http_client *client;
	pthread_mutex_t lock;  // guards what follows
	enum probe_result results[GATEWAY_SERVICES];
	int64_t asked_ms;
	bool was_asked;
	bool is_asking;
};

int gateway_probe_create(struct viva_discovery *discovery, const struct viva_clock *clock,
			 struct gateway_probe **ret_probe)
{
	struct gateway_probe *probe = calloc(1, sizeof *probe);
	if (!probe)
		return VIVA_ENOMEM;
	int code = viva_http_client_create(&probe->client);
	if (code != 0) {
		free(probe);
		return code;
	}
	probe->discovery = discovery;
	probe->clock = clock;
	pthread_mutex_init(&probe->lock, NULL);
	*ret_probe = probe;
	return 0;
}

struct gateway_probe *gateway_probe_destroy(struct gateway_probe *probe)
{
	if (!probe)
		return NULL;
	viva_http_client_destroy(probe->client);
	pthread_mutex_destroy(&probe->lock);
	free(probe);
	return NULL;
}

static enum probe_result ask_one(struct gateway_probe *probe, struct viva_arena *arena, const char *address)
{
	char url[512];
	snprintf(url, sizeof url, "http://%s/health", address);
	const struct viva_http_call call = {
		.method = "GET",
		.url = url,
		.timeout_ms = PROBE_TIMEOUT_MS,
		.max_response_bytes = MAX_ANSWER_BYTES,
	};
	struct viva_http_reply reply = {0};
	if (viva_http_call(probe->client, &call, arena, &reply, NULL) != 0)
		return PROBE_UNREACHABLE;
	return reply.status == 200 ? PROBE_OK : PROBE_DOWN;
}

// As good as the best instance.
static enum probe_result ask(struct gateway_probe *probe, const char *service)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const char *const *addresses = NULL;
	size_t count = 0;
	if (viva_arena_create(0, &arena) != 0 ||
	    viva_discovery_addresses(probe->discovery, service, arena, &addresses, &count, NULL) != 0)
		return PROBE_UNREACHABLE;
	enum probe_result best = PROBE_UNREACHABLE;
	for (size_t i = 0; i < count && i < MAX_PROBED_ADDRESSES && best != PROBE_OK; i++)
		best = VIVA_MAX(best, ask_one(probe, arena, addresses[i]));
	return best;
}

void gateway_probe_all(struct gateway_probe *probe, enum probe_result ret_results[GATEWAY_SERVICES])
{
	int64_t now_ms = viva_clock_now_ms(probe->clock);
	pthread_mutex_lock(&probe->lock);
	bool is_fresh = probe->was_asked && now_ms - probe->asked_ms < FRESH_MS;
	bool is_mine = !is_fresh && !probe->is_asking;
	probe->is_asking = probe->is_asking || is_mine;
	memcpy(ret_results, probe->results, sizeof probe->results);
	pthread_mutex_unlock(&probe->lock);
	if (!is_mine)
		return;

	for (size_t i = 0; i < GATEWAY_SERVICES; i++)
		ret_results[i] = ask(probe, gateway_service_names[i]);
	pthread_mutex_lock(&probe->lock);
	memcpy(probe->results, ret_results, sizeof probe->results);
	probe->asked_ms = viva_clock_now_ms(probe->clock);
	probe->was_asked = true;
	probe->is_asking = false;
	pthread_mutex_unlock(&probe->lock);
}

const char *gateway_probe_text(enum probe_result result)
{
	static const char *const texts[] = {"unreachable", "down", "ok"};
	return texts[result];
}
