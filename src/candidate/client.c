// SPDX-License-Identifier: Apache-2.0
#include "candidate/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "net/http_client.h"
#include "net/websocket_client.h"

enum {
	MAX_CREDENTIAL = 4096,
	MAX_HOST = 253,
	MAX_ANSWER = 16 << 20,
	MAX_MESSAGE = 1 << 20,
	CALL_TIMEOUT_MS = 40000,  // longer than the platform's own deadline, so that it is the one to speak
	CONNECT_TIMEOUT_MS = 5000,
	FIRST_BACKOFF_MS = 100,
	MAX_BACKOFF_MS = 2000,
};

struct candidate_client {
	struct viva_http_client *http;
	struct viva_websocket_client *socket;
	struct viva_buffer message;
	char url[MAX_HOST + 32];  // without a final slash
	char host[MAX_HOST + 1];
	uint16_t port;
	struct viva_tls *tls;                     // NULL = http
	char authorization[MAX_CREDENTIAL + 32];  // the header line; "" = none
	bool was_reached;
};

int64_t candidate_now_ms(void)
{
	return viva_clock_now_ms(viva_system_clock());
}

void candidate_back_off(unsigned attempt)
{
	uint64_t base_ms = VIVA_MIN((uint64_t)FIRST_BACKOFF_MS << VIVA_MIN(attempt, 10U), (uint64_t)MAX_BACKOFF_MS);
	uint64_t wait_ms = base_ms + viva_random_below(viva_system_random(), base_ms);
	struct timespec wait = {.tv_sec = (time_t)(wait_ms / 1000), .tv_nsec = (long)(wait_ms % 1000 * 1000000)};
	nanosleep(&wait, NULL);
}

const struct viva_option candidate_platform_options[] = {
	{.name = "url",
	 .type = VIVA_OPTION_TEXT,
	 .default_value = "http://127.0.0.1:8000",
	 .unit = "URL",
	 .help = "The gateway of the platform: http:// or https://"},
	{.name = "ca-file",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "path",
	 .help = "PEM file of the authorities that https trusts; none: the system's"},
	{.name = "api-key", .type = VIVA_OPTION_TEXT, .help = "API key of the platform", .secret = true},
};
const size_t candidate_platform_option_count = VIVA_COUNT(candidate_platform_options);

// The part of the URL behind its scheme. NULL: it has none of ours.
static const char *skip_scheme(const char *url, bool *ret_is_secure)
{
	static const char plain[] = "http://", secure[] = "https://";
	*ret_is_secure = strncmp(url, secure, strlen(secure)) == 0;
	if (*ret_is_secure)
		return url + strlen(secure);
	return strncmp(url, plain, strlen(plain)) == 0 ? url + strlen(plain) : NULL;
}

static int parse_url(struct candidate_client *client, const char *url, bool *ret_is_secure, struct viva_error *error)
{
	const char *host = skip_scheme(url, ret_is_secure);
	if (!host)
		return viva_fail(error, VIVA_EUSAGE, "url",
				 "the URL must begin with http:// or https://, not as \"%.100s\" does", url);
	size_t size = strcspn(host, "/?#");
	if (host[size] != '\0' && strcmp(host + size, "/") != 0)
		return viva_fail(error, VIVA_EUSAGE, "url", "the URL must end after the host and port");

	const char *bracket = host[0] == '[' ? memchr(host, ']', size) : NULL;
	const char *rest = bracket ? bracket : host;
	const char *colon = memchr(rest, ':', size - (size_t)(rest - host));
	size_t host_size = colon ? (size_t)(colon - host) : size;
	int64_t port = *ret_is_secure ? 443 : 80;
	char port_text[8] = "";
	if (colon && size - host_size - 1 < sizeof port_text)
		memcpy(port_text, colon + 1, size - host_size - 1);
	if (colon && viva_parse_int64(port_text, 1, 65535, &port) < 0)
		return viva_fail(error, VIVA_EUSAGE, "url", "the URL's port is not within 1 to 65535");
	size_t brackets = bracket ? 1 : 0;
	if (host_size <= 2 * brackets || host_size - 2 * brackets > MAX_HOST)
		return viva_fail(error, VIVA_EUSAGE, "url", "the URL has no host");
	memcpy(client->host, host + brackets, host_size - 2 * brackets);
	client->port = (uint16_t)port;
	snprintf(client->url, sizeof client->url, "%.*s", (int)(size + (size_t)(host - url)), url);
	return 0;
}

static int trust(struct candidate_client *client, const char *ca_file, struct viva_error *error)
{
	int result = viva_tls_create_client(ca_file, &client->tls, error);
	if (result == 0 && ca_file && viva_http_client_set_ca_file(client->http, ca_file) < 0)
		result = viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	return result;
}

int candidate_client_create(const struct viva_config *config, struct candidate_client **ret_client,
			    struct viva_error *error)
{
	VIVA_AUTO(candidate_client) client = calloc(1, sizeof *client);
	if (!client)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	viva_buffer_init(&client->message, MAX_MESSAGE);
	bool is_secure = false;
	const char *api_key = viva_config_text(config, "api-key");
	const char *ca_file = viva_config_text(config, "ca-file");
	int result = parse_url(client, viva_config_text(config, "url"), &is_secure, error);
	if (result == 0 && viva_http_client_create(&client->http) < 0)
		result = viva_fail(error, VIVA_ENOMEM, NULL, "the HTTP client can't be made");
	if (result == 0 && !is_secure && ca_file)
		result = viva_fail(error, VIVA_EUSAGE, "ca-file", "--ca-file is for https://, and --url is http://");
	if (result == 0 && is_secure)
		result = trust(client, ca_file, error);
	if (result == 0 && api_key && candidate_client_set_credential(client, api_key) < 0)
		result = viva_fail(error, VIVA_EUSAGE, "api-key",
				   "--api-key has a line break, or is too long for a key");
	if (result == 0)
		*ret_client = viva_take(&client);
	return result;
}

struct candidate_client *candidate_client_destroy(struct candidate_client *client)
{
	if (!client)
		return NULL;
	viva_websocket_client_destroy(client->socket);
	viva_http_client_destroy(client->http);
	viva_tls_destroy(client->tls);
	viva_buffer_finish(&client->message);
	explicit_bzero(client->authorization, sizeof client->authorization);
	free(client);
	return NULL;
}

int candidate_client_set_credential(struct candidate_client *client, const char *credential)
{
	if (strlen(credential) > MAX_CREDENTIAL || strpbrk(credential, "\r\n"))
		return VIVA_EUSAGE;
	snprintf(client->authorization, sizeof client->authorization, "Authorization: Bearer %s", credential);
	return 0;
}

// CONFLICT: the same request, sent before, is still being answered.
static bool may_pass(int status, const char *code)
{
	return status == 429 || status == 502 || status == 503 || status == 504 || strcmp(code, "CONFLICT") == 0;
}

static int code_of_refusal(int status, const char *code)
{
	if (may_pass(status, code))
		return VIVA_EUNAVAILABLE;
	if (status == 401 || status == 403)
		return VIVA_EUNAUTHORIZED;
	return status == 404 ? VIVA_ENOTFOUND : VIVA_EBADGATEWAY;
}

// A refusal in the platform's own words, where it has some.
static int fail_with_reply(const struct viva_http_reply *reply, struct viva_error *error)
{
	VIVA_AUTO_JSON body = NULL;
	const char *message = NULL;
	const char *code = "";
	if (viva_json_parse_object(reply->body, MAX_ANSWER, &body, NULL) == 0) {
		(void)!viva_json_get_text(body, "error", false, 1, 1000, &message, NULL);
		(void)!viva_json_get_text(body, "code", false, 1, 64, &code, NULL);
	}
	return viva_fail(error, code_of_refusal(reply->status, code), NULL, "the platform refuses: %.160s (%d%s%s)",
			 message ? message : "without a reason", reply->status, code[0] ? " " : "", code);
}

static int call_once(struct candidate_client *client, const struct candidate_request *request, const char *body,
		     struct viva_arena *arena, struct viva_http_reply *ret_reply, struct viva_error *error)
{
	const char *headers[3] = {NULL};
	size_t count = 0;
	if (client->authorization[0])
		headers[count++] = client->authorization;
	if (body)
		headers[count++] = "Content-Type: application/json";
	if (request->idempotency_key)
		headers[count++] = viva_arena_printf(arena, "Idempotency-Key: %s", request->idempotency_key);
	const char *url = viva_arena_printf(arena, "%s%s", client->url, request->path);
	if (!url || (count > 0 && !headers[count - 1]))
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");

	struct viva_http_call call = {
		.method = request->method,
		.url = url,
		.headers = headers,
		.header_count = count,
		.body = body ? viva_bytes_of_text(body) : (struct viva_bytes){0},
		.timeout_ms = CALL_TIMEOUT_MS,
		.max_response_bytes = MAX_ANSWER,
	};
	struct viva_error cause = {0};
	int result = viva_http_call(client->http, &call, arena, ret_reply, &cause);
	if (result < 0)
		return viva_fail(error, result, NULL, "can't reach %.100s: %.140s", client->url,
				 viva_error_message(&cause));
	client->was_reached = true;
	if (ret_reply->status >= 200 && ret_reply->status < 300)
		return 0;
	return fail_with_reply(ret_reply, error);
}

static bool is_worth_another_try(int result)
{
	return result == VIVA_EUNAVAILABLE || result == VIVA_EDEADLINE;
}

int candidate_call(struct candidate_client *client, const struct candidate_request *request, struct viva_arena *arena,
		   struct viva_bytes *ret_body, struct viva_error *error)
{
	const char *body = request->body ? viva_json_text(arena, request->body) : NULL;
	if (request->body && !body)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");

	int64_t began_ms = candidate_now_ms();
	for (unsigned attempt = 0;; attempt++) {
		struct viva_http_reply reply;
		struct viva_error cause = {0};
		int result = call_once(client, request, body, arena, &reply, &cause);
		if (result == 0) {
			*ret_body = reply.body;
			return 0;
		}
		int64_t patience_ms = client->was_reached ? CANDIDATE_PATIENCE_MS : CANDIDATE_FIRST_PATIENCE_MS;
		if (!is_worth_another_try(result) || candidate_now_ms() - began_ms > patience_ms)
			return viva_fail(error, result, NULL, "%s", viva_error_message(&cause));
		candidate_back_off(attempt);
	}
}

int candidate_call_json(struct candidate_client *client, const struct candidate_request *request, json_t **ret_json,
			struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_bytes body;
	struct viva_error cause = {0};
	if (viva_arena_create(0, &arena) < 0)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	int result = candidate_call(client, request, arena, &body, error);
	if (result == 0 && viva_json_parse_object(body, MAX_ANSWER, ret_json, &cause) < 0)
		result = viva_fail(error, VIVA_EBADGATEWAY, NULL, "the answer of %s %.80s can't be read: %.120s",
				   request->method, request->path, viva_error_message(&cause));
	return result;
}

int candidate_connect(struct candidate_client *client, const char *path, struct viva_error *error)
{
	const char *headers[] = {client->authorization};
	struct viva_websocket_client_options options = {
		.host = client->host,
		.port = client->port,
		.tls = client->tls,
		.target = path,
		.headers = headers,
		.header_count = client->authorization[0] ? 1 : 0,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.max_message_bytes = MAX_MESSAGE,
	};
	candidate_disconnect(client);
	return viva_websocket_client_connect(&options, &client->socket, error);
}

bool candidate_is_connected(const struct candidate_client *client)
{
	return client->socket != NULL;
}

void candidate_disconnect(struct candidate_client *client)
{
	client->socket = viva_websocket_client_destroy(client->socket);
}

void candidate_say_goodbye(struct candidate_client *client)
{
	if (client->socket)
		viva_websocket_client_close(client->socket, 1000, 1000);
	candidate_disconnect(client);
}

int candidate_send_text(struct candidate_client *client, struct viva_bytes text)
{
	int result = client->socket
			     ? viva_websocket_client_send(client->socket, VIVA_WEBSOCKET_TEXT, text.data, text.size)
			     : VIVA_ECLOSED;
	if (result == 0 || result == VIVA_ENOMEM)
		return result;
	candidate_disconnect(client);
	return VIVA_ECLOSED;
}

int candidate_send(struct candidate_client *client, const char *type, json_t *data)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON message = json_pack("{s:s, s:o}", "type", type, "data", data);
	if (!message || viva_arena_create(0, &arena) < 0)
		return VIVA_ENOMEM;
	const char *text = viva_json_text(arena, message);
	return text ? candidate_send_text(client, viva_bytes_of_text(text)) : VIVA_ENOMEM;
}

int candidate_receive(struct candidate_client *client, uint32_t timeout_ms, json_t **ret_message)
{
	enum viva_websocket_kind kind;
	*ret_message = NULL;
	if (!client->socket)
		return VIVA_ECLOSED;
	int result = viva_websocket_client_receive(client->socket, timeout_ms, &kind, &client->message);
	if (result == VIVA_EDEADLINE)
		return 0;
	if (result == VIVA_ENOMEM)
		return result;
	if (result == 0) {
		struct viva_bytes text = viva_bytes_of(client->message.data, client->message.size);
		if (kind == VIVA_WEBSOCKET_TEXT && viva_json_parse_object(text, MAX_MESSAGE, ret_message, NULL) == 0)
			return 0;
		// Not of this protocol: whoever that is, another connection may reach someone better.
	}
	candidate_disconnect(client);
	return VIVA_ECLOSED;
}
