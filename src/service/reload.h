// SPDX-License-Identifier: Apache-2.0
//
// SIGHUP: the settings are read again, and those that can change while the process runs take effect.
//
// Threads: the loop's.
#ifndef VIVA_SERVICE_RELOAD_H
#define VIVA_SERVICE_RELOAD_H

#include "service/service.h"
#include "service/tuning.h"

struct viva_reload {
	const struct viva_service *service;
	int argument_count;
	char *const *arguments;
	struct viva_auth *auth;
	struct viva_http_server *http;
	void *state;
	const struct viva_config *first;  // what the process started with; the rest stays as it says
	struct viva_config *latest;       // of the last reload; NULL = none yet. Destroyed by finish.
};

// Settings that can't be read leave everything as it is. Both are told in the log, with what would need a restart.
void viva_reload_now(struct viva_reload *reload);
void viva_reload_finish(struct viva_reload *reload);

#endif
