// SPDX-License-Identifier: Apache-2.0
#include "discovery/consul_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "discovery/consul_answer.h"

enum { CONNECT_MS = 2000, MAX_URL = 1024 };

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct consul_request *request = context;
	int code = viva_buffer_append(&request->body, data, size * count);
	request->is_too_large = request->is_too_large || code == VIVA_ELIMIT;
	return code == 0 ? size * count : 0;
}

// The index is a number on its own line; what is none is none.
static size_t on_header(char *data, size_t size, size_t count, void *context)
{
	static const char name[] = "X-Consul-Index:";
	struct consul_request *request = context;
	size_t length = size * count;
	char line[64] = "";
	if (length < sizeof line && length > sizeof name && strncasecmp(data, name, sizeof name - 1) == 0) {
		memcpy(line, data + sizeof name - 1, length - (sizeof name - 1));
		char *digits = line + strspn(line, " \t"), *end = NULL;
		errno = 0;
		uint64_t index = strtoull(digits, &end, 10);
		bool is_number = *digits >= '0' && *digits <= '9' && errno == 0 && end[strspn(end, " \t\r\n")] == '\0';
		request->index = is_number ? index : 0;
	}
	return length;
}

static int make_headers(struct consul_request *request, const struct consul_url *url)
{
	char token[CONSUL_MAX_TOKEN + 32];
	snprintf(token, sizeof token, "X-Consul-Token: %s", url->token);
	const char *const lines[] = {"Expect:", "Content-Type: application/json", url->token[0] ? token : NULL};
	int result = 0;
	for (size_t i = 0; i < VIVA_COUNT(lines) && result == 0; i++) {
		struct curl_slist *longer = lines[i] ? curl_slist_append(request->headers, lines[i]) : request->headers;
		if (!longer)
			result = VIVA_ENOMEM;
		else
			request->headers = longer;
	}
	explicit_bzero(token, sizeof token);
	return result;
}

static void set_options(struct consul_request *request, const struct consul_url *url, const char *method,
			uint32_t timeout_ms)
{
	CURL *easy = request->easy;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "viva/" VIVA_VERSION);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	if (url->ca_file[0])
		curl_easy_setopt(easy, CURLOPT_CAINFO, url->ca_file);
	if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->payload ? request->payload : "");
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	}
}

int consul_request_start(struct consul_request *request, CURLM *multi, const struct consul_url *url, const char *method,
			 const char *path, char *payload, uint32_t timeout_ms)
{
	consul_request_cancel(request, multi);
	request->payload = payload;
	request->index = 0;
	request->is_too_large = false;
	viva_buffer_init(&request->body, CONSUL_MAX_ANSWER);
	if (request->easy)
		curl_easy_reset(request->easy);  // its connection stays
	else
		request->easy = curl_easy_init();
	char text[MAX_URL];
	int size = snprintf(text, sizeof text, "%s%s", url->base, path);
	if (!request->easy || size >= (int)sizeof text || make_headers(request, url) < 0) {
		consul_request_cancel(request, multi);
		return VIVA_ENOMEM;
	}
	set_options(request, url, method, timeout_ms);
	if (curl_easy_setopt(request->easy, CURLOPT_URL, text) != CURLE_OK ||
	    curl_multi_add_handle(multi, request->easy) != CURLM_OK) {
		consul_request_cancel(request, multi);
		return VIVA_ENOMEM;
	}
	request->is_under_way = true;
	return 0;
}

static int code_of(CURLcode result, bool is_too_large)
{
	switch (result) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return VIVA_EDEADLINE;
	case CURLE_WRITE_ERROR:
		return is_too_large ? VIVA_ELIMIT : VIVA_ENOMEM;
	case CURLE_OUT_OF_MEMORY:
		return VIVA_ENOMEM;
	case CURLE_WEIRD_SERVER_REPLY:
		return VIVA_EBADGATEWAY;
	default:
		return VIVA_EUNAVAILABLE;
	}
}

void consul_requests_settle(CURLM *multi)
{
	int left = 0;
	for (CURLMsg *message = NULL; (message = curl_multi_info_read(multi, &left));) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode result = message->data.result;
		struct consul_request *request = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		curl_multi_remove_handle(multi, request->easy);
		request->is_under_way = false;
		request->on_done(request->context, code_of(result, request->is_too_large));
	}
}

void consul_request_cancel(struct consul_request *request, CURLM *multi)
{
	if (request->is_under_way)
		curl_multi_remove_handle(multi, request->easy);
	request->is_under_way = false;
	curl_slist_free_all(request->headers);
	request->headers = NULL;
	free(request->payload);
	request->payload = NULL;
	viva_buffer_finish(&request->body);
}

void consul_request_finish(struct consul_request *request, CURLM *multi)
{
	consul_request_cancel(request, multi);
	if (request->easy)
		curl_easy_cleanup(request->easy);
	request->easy = NULL;
}

int consul_request_status(const struct consul_request *request)
{
	long status = 0;
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}
