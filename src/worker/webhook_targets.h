// SPDX-License-Identifier: Apache-2.0
//
// Where webhooks go and how they are signed, as configured.
//
// Whoever configures a URL decides what the worker calls: a URL is operator's configuration, never a candidate's or a
// client's input. It must be https; plain http is for this machine, unless the operator insists.
//
// Threads: main thread, at start; reading is free from any thread.
#ifndef VIVA_WORKER_WEBHOOK_TARGETS_H
#define VIVA_WORKER_WEBHOOK_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

enum { WORKER_MAX_WEBHOOKS = 16, WORKER_MAX_WEBHOOK_URL = 2048, WORKER_MIN_WEBHOOK_SECRET = 16 };

struct worker_webhook_target {
	const char *url;
	const char *host;  // for logs: a URL may hold a secret in its path
};

struct worker_webhook_targets {
	struct worker_webhook_target items[WORKER_MAX_WEBHOOKS];
	size_t count;
	const char *secret;  // NULL only without URLs
};

// Reads URLs separated by commas (a comma of a URL's own is %2C); NULL or "" = none. Texts are put into the arena.
// VIVA_EUSAGE with a sentence that does not repeat the URL; VIVA_ENOMEM.
VIVA_MUST_CHECK int worker_webhook_targets_read(const char *urls, const char *secret, bool is_insecure,
						struct viva_arena *arena, struct worker_webhook_targets *ret_targets,
						struct viva_error *error);

#endif
