// SPDX-License-Identifier: Apache-2.0
//
// This instance in the agent's list. Whatever fails is tried again, until the instance leaves:
//
//   NONE ──> LOOKING ──> PUTTING ──> HELD ──┐ the agent forgot
//               ▲   └─(by file)────▶ │  ▲   │
//               └────────────────────┼──┘◀──┘          any ──must leave──> LEAVING ──> GONE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "discovery/consul.h"

enum { ANSWER_MS = 5000, LEAVE_MS = 1500, HELD_INTERVAL_MS = 10000, MAX_TAGS = 16 };

// Reference design §6; the deregistration is the contract's.
static const char check_interval[] = "10s", check_timeout[] = "2s", deregister_after[] = "1m";

static void on_done(void *context, int code);

static int make_id(struct consul_registration *registration)
{
	char host[DISCOVERY_MAX_HOST + 1] = "";
	if (registration->address[0])
		snprintf(host, sizeof host, "%s", registration->address);
	else if (gethostname(host, sizeof host - 1) != 0)
		return VIVA_EINVAL;
	for (char *c = host; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", *c))
			*c = '-';
	int size = snprintf(registration->own_id, sizeof registration->own_id, "%s-%.96s-%u", registration->name, host,
			    registration->port);
	return size < (int)sizeof registration->own_id ? 0 : VIVA_EINVAL;
}

static json_t *make_check(const struct consul_registration *registration, enum viva_discovery_check kind,
			  bool is_working)
{
	char at[DISCOVERY_MAX_ADDRESS + 1], url[DISCOVERY_MAX_ADDRESS + 32];
	const char *host = registration->address[0] ? registration->address : "localhost";
	if (discovery_write_address(host, registration->port, at) < 0)
		return NULL;
	bool is_grpc = kind == VIVA_DISCOVERY_CHECK_GRPC;
	bool is_https = kind == VIVA_DISCOVERY_CHECK_HTTPS;
	snprintf(url, sizeof url, "%s://%s/health", is_https ? "https" : "http", at);
	// The certificate is for the public name, and the agent asks for an address.
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o*}", "Name", "health", is_grpc ? "GRPC" : "HTTP",
			 is_grpc ? at : url, "Interval", check_interval, "Timeout", check_timeout,
			 "DeregisterCriticalServiceAfter", deregister_after, "Status",
			 is_working ? "passing" : "critical", "TLSSkipVerify", is_https ? json_true() : NULL);
}

static int make_body(struct consul_registration *registration, const struct viva_discovery_instance *instance)
{
	VIVA_AUTO_JSON tags = json_array();
	for (size_t i = 0; i < instance->tag_count; i++)
		json_array_append_new(tags, json_string(instance->tags[i]));
	VIVA_AUTO_JSON check = make_check(registration, instance->check, instance->is_working);
	if (!check || json_array_size(tags) != instance->tag_count)
		return check ? VIVA_EINVAL : VIVA_ENOMEM;
	VIVA_AUTO_JSON body = json_pack("{s:s, s:s, s:O, s:i, s:{s:s}, s:O}", "ID", registration->own_id, "Name",
					registration->name, "Tags", tags, "Port", (int)registration->port, "Meta",
					"viva_version", VIVA_VERSION, "Check", check);
	if (!body ||
	    (registration->address[0] && json_object_set_new(body, "Address", json_string(registration->address)) < 0))
		return VIVA_ENOMEM;
	registration->body = json_dumps(body, JSON_COMPACT);
	return registration->body ? 0 : VIVA_ENOMEM;
}

int consul_registration_init(struct consul_registration *registration, struct consul *consul,
			     const struct viva_discovery_instance *instance)
{
	*registration = (struct consul_registration){.consul = consul, .port = instance->port};
	registration->request.on_done = on_done;
	registration->request.context = registration;
	const char *address = instance->address;
	bool is_address = address[0] == '\0' || discovery_is_ipv6(address) || discovery_is_host_name(address);
	if (!is_address || strlen(address) > DISCOVERY_MAX_HOST || strlen(instance->service) > DISCOVERY_MAX_NAME ||
	    instance->port == 0 || instance->tag_count > MAX_TAGS)
		return VIVA_EINVAL;
	strcpy(registration->address, address);
	snprintf(registration->name, sizeof registration->name, "%s-service", instance->service);
	int result = make_id(registration);
	return result < 0 ? result : make_body(registration, instance);
}

void consul_registration_finish(struct consul_registration *registration)
{
	if (!registration->consul)
		return;
	consul_request_finish(&registration->request, registration->consul->multi);
	free(registration->body);
	registration->body = NULL;
}

void consul_registration_check_soon(struct consul_registration *registration)
{
	if (registration->state == REGISTRATION_HELD && !registration->request.is_under_way)
		registration->due_us = 0;
}

static void try_again(struct consul_registration *registration, int code)
{
	char buffer[128];
	struct consul *consul = registration->consul;
	if (registration->failures++ == 0)
		viva_log_warn("registration of %s: %s; trying on", registration->own_id,
			      consul_reason(&registration->request, code, buffer, sizeof buffer));
	if (registration->state == REGISTRATION_PUTTING)
		registration->state = REGISTRATION_LOOKING;
	registration->due_us =
		viva_clock_monotonic_us(consul->clock) + consul_backoff_us(consul, registration->failures);
}

// Consul's filter language: quotes within the names are impossible, as names are checked.
static int ask(struct consul_registration *registration, const char *method, const char *path, char *payload,
	       uint32_t timeout_ms)
{
	struct consul *consul = registration->consul;
	registration->due_us = INT64_MAX;
	return consul_request_start(&registration->request, consul->multi, &consul->url, method, path, payload,
				    timeout_ms);
}

static const char *id_of(const struct consul_registration *registration)
{
	return registration->twin_id[0] ? registration->twin_id : registration->own_id;
}

// An id as a part of a path: one registered by file may have any characters.
static char *escaped_id(const struct consul_registration *registration)
{
	return curl_easy_escape(registration->request.easy, id_of(registration), 0);
}

static int send_leave(struct consul_registration *registration)
{
	char path[3 * CONSUL_MAX_ID + 128];
	char *id = escaped_id(registration);
	if (!id)
		return VIVA_ENOMEM;
	if (registration->twin_id[0])
		snprintf(path, sizeof path, "/v1/agent/service/maintenance/%s?enable=true&reason=stopping", id);
	else
		snprintf(path, sizeof path, "/v1/agent/service/deregister/%s", id);
	curl_free(id);
	return ask(registration, "PUT", path, NULL, LEAVE_MS);
}

static int send_put(struct consul_registration *registration)
{
	char path[3 * CONSUL_MAX_ID + 128];
	if (!registration->twin_id[0]) {
		char *body = strdup(registration->body);
		return body ? ask(registration, "PUT", "/v1/agent/service/register?replace-existing-checks=true", body,
				  ANSWER_MS)
			    : VIVA_ENOMEM;
	}
	// It may still be in the maintenance that its last stop put it into.
	char *id = escaped_id(registration);
	if (!id)
		return VIVA_ENOMEM;
	snprintf(path, sizeof path, "/v1/agent/service/maintenance/%s?enable=false", id);
	curl_free(id);
	return ask(registration, "PUT", path, NULL, ANSWER_MS);
}

static int send_look(struct consul_registration *registration)
{
	char path[256];
	snprintf(path, sizeof path, "/v1/agent/services?filter=Service%%3D%%3D%%22%s%%22%%20and%%20Port%%3D%%3D%u",
		 registration->name, registration->port);
	return ask(registration, "GET", path, NULL, ANSWER_MS);
}

static int send_check(struct consul_registration *registration)
{
	char path[3 * CONSUL_MAX_ID + 64];
	char *id = escaped_id(registration);
	if (!id)
		return VIVA_ENOMEM;
	snprintf(path, sizeof path, "/v1/agent/service/%s", id);
	curl_free(id);
	return ask(registration, "GET", path, NULL, ANSWER_MS);
}

static void leave(struct consul_registration *registration, int result)
{
	registration->state = REGISTRATION_GONE;
	registration->result = result;
	consul_has_left(registration->consul);
}

void consul_registration_advance(struct consul_registration *registration, int64_t now_us, bool must_leave)
{
	if (registration->state == REGISTRATION_GONE)
		return;
	if (must_leave && registration->state != REGISTRATION_LEAVING) {
		// Even one that was never confirmed may have arrived.
		consul_request_cancel(&registration->request, registration->consul->multi);
		registration->state = REGISTRATION_LEAVING;
		if (send_leave(registration) < 0)
			leave(registration, VIVA_ENOMEM);
		return;
	}
	if (now_us < registration->due_us)
		return;
	if (registration->state == REGISTRATION_NONE)
		registration->state = REGISTRATION_LOOKING;
	int result = 0;
	switch (registration->state) {
	case REGISTRATION_LOOKING:
		result = send_look(registration);
		break;
	case REGISTRATION_PUTTING:
		result = send_put(registration);
		break;
	case REGISTRATION_HELD:
		result = send_check(registration);
		break;
	default:
		return;
	}
	if (result < 0)
		try_again(registration, result);
}

static int look(struct consul_registration *registration)
{
	struct viva_bytes body = viva_bytes_of(registration->request.body.data, registration->request.body.size);
	return consul_read_twin(body, registration->own_id, registration->address, registration->port,
				registration->twin_id, NULL);
}

static void hold(struct consul_registration *registration)
{
	struct consul *consul = registration->consul;
	registration->state = REGISTRATION_HELD;
	registration->failures = 0;
	uint64_t jitter_us = viva_random_below(consul->random, HELD_INTERVAL_MS * 100);
	registration->due_us = viva_clock_monotonic_us(consul->clock) + HELD_INTERVAL_MS * 900 + (int64_t)jitter_us;
}

static void on_done(void *context, int code)
{
	struct consul_registration *registration = context;
	int status = code == 0 ? consul_request_status(&registration->request) : 0;
	bool is_ok = status == 200;
	switch (registration->state) {
	case REGISTRATION_LOOKING:
		if (is_ok)
			code = look(registration);
		is_ok = is_ok && code == 0;
		if (is_ok) {
			registration->state = REGISTRATION_PUTTING;
			registration->due_us = 0;
		}
		break;
	case REGISTRATION_PUTTING:
		if (is_ok) {
			viva_log_info("registered as %s%s", id_of(registration),
				      registration->twin_id[0] ? " (by file)" : "");
			hold(registration);
		}
		break;
	case REGISTRATION_HELD:
		if (status == 404) {
			viva_log_warn("the Consul agent forgot %s: registering it again", id_of(registration));
			registration->state = REGISTRATION_LOOKING;
			registration->due_us = 0;
			return;
		}
		if (is_ok)
			hold(registration);
		break;
	case REGISTRATION_LEAVING:
		leave(registration, is_ok || status == 404 ? 0 : code != 0 ? code : VIVA_EUNAVAILABLE);
		return;
	default:
		return;
	}
	if (!is_ok)
		try_again(registration, code);
}
