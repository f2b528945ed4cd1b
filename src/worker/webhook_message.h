// SPDX-License-Identifier: Apache-2.0
//
// What a webhook says, and its signature.
//
// Threads: any; nothing blocks.
#ifndef VIVA_WORKER_WEBHOOK_MESSAGE_H
#define VIVA_WORKER_WEBHOOK_MESSAGE_H

#include "base/json.h"

enum { WORKER_DELIVERY_ID_SIZE = 33, WORKER_SIGNATURE_SIZE = 96 };

#define WORKER_WEBHOOK_SCORE "score.calculated"

// The body, in the arena: {"id":…,"type":"score.calculated","created_at":…,"data":{the event}}. VIVA_ENOMEM.
VIVA_MUST_CHECK int worker_webhook_body(const char *event_id, int64_t created_at_ms, const json_t *event,
					struct viva_arena *arena, const char **ret_body);
// The name of one event's delivery to one URL, always the same: 32 hexadecimal digits of SHA-256.
VIVA_MUST_CHECK int worker_delivery_id(const char *event_id, const char *url, char ret_id[WORKER_DELIVERY_ID_SIZE]);
// "t=SECONDS,v1=HEX": HMAC-SHA256 by the secret over "SECONDS.BODY".
VIVA_MUST_CHECK int worker_webhook_sign(const char *secret, int64_t unix_s, const char *body,
					char ret_signature[WORKER_SIGNATURE_SIZE]);

#endif
