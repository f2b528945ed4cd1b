// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { MAX_IDLE_HANDLES = 32, MAX_CONNECT_MS = 5 * 1000 };

struct viva_http_client {
	pthread_mutex_t lock;
	CURL *idle[MAX_IDLE_HANDLES];  // each keeps its connections
	size_t idle_count;
	char *ca_file;  // NULL = what the system trusts
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_state;

static void init_curl(void)
{
	curl_state = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int viva_http_client_create(struct viva_http_client **ret_client)
{
	pthread_once(&curl_once, init_curl);
	struct viva_http_client *client = curl_state == CURLE_OK ? calloc(1, sizeof *client) : NULL;
	if (!client)
		return VIVA_ENOMEM;
	pthread_mutex_init(&client->lock, NULL);
	*ret_client = client;
	return 0;
}

int viva_http_client_set_ca_file(struct viva_http_client *client, const char *path)
{
	char *copy = strdup(path);
	if (!copy)
		return VIVA_ENOMEM;
	free(client->ca_file);
	client->ca_file = copy;
	return 0;
}

struct viva_http_client *viva_http_client_destroy(struct viva_http_client *client)
{
	if (!client)
		return NULL;
	for (size_t i = 0; i < client->idle_count; i++)
		curl_easy_cleanup(client->idle[i]);
	pthread_mutex_destroy(&client->lock);
	free(client->ca_file);
	free(client);
	return NULL;
}

static CURL *take_handle(struct viva_http_client *client)
{
	pthread_mutex_lock(&client->lock);
	CURL *handle = client->idle_count > 0 ? client->idle[--client->idle_count] : NULL;
	pthread_mutex_unlock(&client->lock);
	return handle ? handle : curl_easy_init();
}

static void give_handle_back(struct viva_http_client *client, CURL *handle)
{
	curl_easy_reset(handle);
	pthread_mutex_lock(&client->lock);
	bool is_kept = client->idle_count < MAX_IDLE_HANDLES;
	if (is_kept)
		client->idle[client->idle_count++] = handle;
	pthread_mutex_unlock(&client->lock);
	if (!is_kept)
		curl_easy_cleanup(handle);
}

struct receiving {
	struct viva_buffer body;
	bool is_too_large;
};

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct receiving *receiving = context;
	int code = viva_buffer_append(&receiving->body, data, size * count);
	receiving->is_too_large = code == VIVA_ELIMIT;
	return code == 0 ? size * count : 0;
}

// The list with one more header; the old list is gone either way, and NULL stays NULL.
static struct curl_slist *add_header(struct curl_slist *list, const char *header)
{
	struct curl_slist *longer = list ? curl_slist_append(list, header) : NULL;
	if (!longer)
		curl_slist_free_all(list);
	return longer;
}

static int make_headers(const struct viva_http_call *call, struct curl_slist **ret_list)
{
	// curl would ask for 100-continue before larger bodies, and wait a second for servers that don't know it.
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; i < call->header_count && list; i++) {
		if (strpbrk(call->headers[i], "\r\n")) {
			curl_slist_free_all(list);
			return VIVA_EINVAL;
		}
		list = add_header(list, call->headers[i]);
	}
	// One that came with a message may be anything.
	if (viva_log_request_id()[0] && !strpbrk(viva_log_request_id(), "\r\n")) {
		char header[96];
		snprintf(header, sizeof header, "X-Request-Id: %s", viva_log_request_id());
		list = add_header(list, header);
	}
	if (!list)
		return VIVA_ENOMEM;
	*ret_list = list;
	return 0;
}

static void set_options(CURL *handle, const struct viva_http_call *call, struct curl_slist *headers,
			struct receiving *receiving)
{
	long connect_ms = VIVA_MIN((long)call->timeout_ms, (long)MAX_CONNECT_MS);
	curl_easy_setopt(handle, CURLOPT_URL, call->url);
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(handle, CURLOPT_PROXY, "");
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(handle, CURLOPT_USERAGENT, "viva/" VIVA_VERSION);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, receiving);
	if (strcmp(call->method, "HEAD") == 0) {
		curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
		return;
	}
	if (call->body.size > 0 || strcmp(call->method, "POST") == 0) {
		curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call->body.data ? (const char *)call->body.data : "");
		curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size);
	}
	curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call->method);
}

static void trust(CURL *handle, const char *ca_file)
{
	if (!ca_file)
		return;
	curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(handle, CURLOPT_CAPATH, NULL);
}

static int code_of(CURLcode result, bool is_too_large, bool cuts_response)
{
	switch (result) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return VIVA_EDEADLINE;
	case CURLE_WRITE_ERROR:
		if (!is_too_large)
			return VIVA_ENOMEM;
		return cuts_response ? 0 : VIVA_ELIMIT;
	case CURLE_OUT_OF_MEMORY:
		return VIVA_ENOMEM;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return VIVA_EINVAL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return VIVA_EBADGATEWAY;
	case CURLE_UNKNOWN_OPTION:
		return VIVA_EINTERNAL;
	default:
		return VIVA_EUNAVAILABLE;
	}
}

static int read_reply(CURL *handle, struct receiving *receiving, struct viva_arena *arena,
		      struct viva_http_reply *ret_reply)
{
	long status = 0;
	const char *type = NULL;
	curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type);
	char *own_type = viva_arena_text(arena, type ? type : "", type ? strlen(type) : 0);
	const char *bytes = receiving->body.data ? (const char *)receiving->body.data : "";
	char *body = viva_arena_text(arena, bytes, receiving->body.size);
	if (!own_type || !body)
		return VIVA_ENOMEM;
	*ret_reply = (struct viva_http_reply){
		.status = (int)status,
		.content_type = own_type,
		.body = viva_bytes_of(body, receiving->body.size),
	};
	return 0;
}

int viva_http_call(struct viva_http_client *client, const struct viva_http_call *call, struct viva_arena *arena,
		   struct viva_http_reply *ret_reply, struct viva_error *error)
{
	struct curl_slist *headers = NULL;
	int code = make_headers(call, &headers);
	if (code != 0)
		return viva_fail(error, code, NULL, "a header of the call can't be sent");
	CURL *handle = take_handle(client);
	if (!handle) {
		curl_slist_free_all(headers);
		return VIVA_ENOMEM;
	}
	struct receiving receiving = {0};
	viva_buffer_init(&receiving.body, call->max_response_bytes);
	set_options(handle, call, headers, &receiving);
	trust(handle, client->ca_file);
	CURLcode result = curl_easy_perform(handle);
	code = code_of(result, receiving.is_too_large, call->cuts_response);
	if (code == 0)
		code = read_reply(handle, &receiving, arena, ret_reply);
	else if (result != CURLE_WRITE_ERROR)
		viva_fail(error, code, NULL, "the call failed: %s", curl_easy_strerror(result));
	else
		viva_fail(error, code, NULL, "the answer is larger than %zu bytes", call->max_response_bytes);
	viva_buffer_finish(&receiving.body);
	curl_slist_free_all(headers);
	give_handle_back(client, handle);
	return code;
}

static char *url_part(CURLU *url, CURLUPart part, struct viva_arena *arena)
{
	char *text = NULL;
	if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
		return NULL;
	char *copy = viva_arena_text(arena, text, strlen(text));
	curl_free(text);
	return copy;
}

int viva_http_url_parse(const char *url, struct viva_arena *arena, struct viva_http_url *ret_url)
{
	CURLU *parsed = curl_url();
	if (!parsed)
		return VIVA_ENOMEM;
	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK) {
		curl_url_cleanup(parsed);
		return VIVA_EINVAL;
	}
	const char *scheme = url_part(parsed, CURLUPART_SCHEME, arena);
	char *host = url_part(parsed, CURLUPART_HOST, arena);
	curl_url_cleanup(parsed);
	if (!scheme || !host || !host[0] || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return VIVA_EINVAL;
	size_t size = strlen(host);
	if (host[0] == '[' && host[size - 1] == ']') {
		host[size - 1] = '\0';
		host++;
	}
	*ret_url = (struct viva_http_url){.scheme = scheme, .host = host};
	return 0;
}
