// SPDX-License-Identifier: Apache-2.0
//
// How the candidate talks to Viva: REST calls that are patient with a platform that restarts, and the interview's
// WebSocket, which is opened again whenever it breaks.
//
// Threads: one owner at a time; every function may block.
#ifndef VIVA_CANDIDATE_CLIENT_H
#define VIVA_CANDIDATE_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/config.h"
#include "base/error.h"
#include "base/macros.h"

struct candidate_client;

enum {
	CANDIDATE_PATIENCE_MS = 60000,       // how long the platform may be away in the middle of an interview,
	CANDIDATE_FIRST_PATIENCE_MS = 3000,  // and when nothing has been heard of it yet
};

// How commands name the platform that they ask: --url, --ca-file, --api-key.
extern const struct viva_option candidate_platform_options[];
extern const size_t candidate_platform_option_count;

// A client of the platform that these options name, with their key as its credential. Nothing is called yet.
// VIVA_EUSAGE, VIVA_ENOMEM.
VIVA_MUST_CHECK int candidate_client_create(const struct viva_config *config, struct candidate_client **ret_client,
					    struct viva_error *error);
struct candidate_client *candidate_client_destroy(struct candidate_client *client);
VIVA_DEFINE_AUTO(candidate_client)

// The credential of all that follows: an API key or an interview's token; copied. VIVA_EUSAGE: it is too long, or has a
// line break.
VIVA_MUST_CHECK int candidate_client_set_credential(struct candidate_client *client, const char *credential);

struct candidate_request {
	const char *method;
	const char *path;             // under the gateway, from "/"
	const json_t *body;           // NULL = none
	const char *idempotency_key;  // NULL = none
};

// Makes a call that may be repeated without harm, again and again while the platform is away or too busy, within the
// patience above. *ret_body is in the arena. An answer other than 2xx is an error with the platform's own words:
// VIVA_EUNAVAILABLE (also: no connection), VIVA_EUNAUTHORIZED, VIVA_EBADGATEWAY (any other refusal), VIVA_ENOMEM.
VIVA_MUST_CHECK int candidate_call(struct candidate_client *client, const struct candidate_request *request,
				   struct viva_arena *arena, struct viva_bytes *ret_body, struct viva_error *error);
// The same where the answer is a JSON object; the caller owns *ret_json.
VIVA_MUST_CHECK int candidate_call_json(struct candidate_client *client, const struct candidate_request *request,
					json_t **ret_json, struct viva_error *error);

// Opens the interview's WebSocket at this path. Errors as of candidate_call, but without patience: one attempt.
VIVA_MUST_CHECK int candidate_connect(struct candidate_client *client, const char *path, struct viva_error *error);
bool candidate_is_connected(const struct candidate_client *client);
void candidate_disconnect(struct candidate_client *client);   // cuts it
void candidate_say_goodbye(struct candidate_client *client);  // closes it as the protocol wants
// Sends {"type": type, "data": data}, or text that is ready. VIVA_ECLOSED: it broke; connect again.
VIVA_MUST_CHECK int candidate_send(struct candidate_client *client, const char *type, json_t *data);
VIVA_MUST_CHECK int candidate_send_text(struct candidate_client *client, struct viva_bytes text);
// The next message, or NULL when none came within timeout_ms; the caller owns it. VIVA_ECLOSED: it broke.
VIVA_MUST_CHECK int candidate_receive(struct candidate_client *client, uint32_t timeout_ms, json_t **ret_message);

// Waits before attempt number `attempt` (0, 1, …): 100 ms, doubling up to 2 s, plus as much again by chance.
void candidate_back_off(unsigned attempt);
int64_t candidate_now_ms(void);  // monotonic

#endif
