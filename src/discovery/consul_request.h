// SPDX-License-Identifier: Apache-2.0
//
// One request to Consul's HTTP API on a curl multi handle. Internal to discovery/.
//
// Threads: those of the multi handle's owner.
#ifndef VIVA_DISCOVERY_CONSUL_REQUEST_H
#define VIVA_DISCOVERY_CONSUL_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "discovery/consul_url.h"

// One at a time; reusable after it is done. Zero-initialise; finish at the end.
struct consul_request {
	CURL *easy;
	struct curl_slist *headers;
	struct viva_buffer body;  // of the answer
	uint64_t index;           // X-Consul-Index of the answer; 0 = none
	char *payload;            // of a PUT; owned
	bool is_under_way;
	bool is_too_large;
	void (*on_done)(void *context, int code);  // 0 (any status), VIVA_EUNAVAILABLE, VIVA_EDEADLINE, …
	void *context;
};

// Starts `method` (GET or PUT) on the path, which begins with "/v1/" and may have a query. `payload` (may be NULL) is
// owned from here on, also on failure. VIVA_ENOMEM: on_done doesn't come.
VIVA_MUST_CHECK int consul_request_start(struct consul_request *request, CURLM *multi, const struct consul_url *url,
					 const char *method, const char *path, char *payload, uint32_t timeout_ms);
// Gives all requests back that are done, by on_done.
void consul_requests_settle(CURLM *multi);
// Takes it off, done or not; on_done doesn't come.
void consul_request_cancel(struct consul_request *request, CURLM *multi);
void consul_request_finish(struct consul_request *request, CURLM *multi);
int consul_request_status(const struct consul_request *request);  // HTTP's, of the answer

#endif
