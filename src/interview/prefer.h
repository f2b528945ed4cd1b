// SPDX-License-Identifier: Apache-2.0
//
// The request header Prefer (RFC 7240), as far as frames know it: `wait`, with or without a number of seconds.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_PREFER_H
#define VIVA_INTERVIEW_PREFER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/http_server.h"

enum { INTERVIEW_MAX_WAIT_S = 24 * 60 * 60 };  // more seconds are as good as this many

struct interview_preference {
	bool is_given;   // there is a `wait` that can be honoured
	bool has_limit;  // it says how long
	int64_t wait_s;  // 0 … INTERVIEW_MAX_WAIT_S
};

// Finds `wait` among the preferences of all the request's Prefer headers: in any case, its parameters are of no
// meaning, the first of several counts, and what is malformed is ignored, as RFC 7240 §2 has it. `wait` waits as long
// as the service would; `wait=N` (§4.3) at most N seconds, and `wait=0` not at all.
struct interview_preference interview_prefers_wait(const struct viva_http_request *request);

#endif
