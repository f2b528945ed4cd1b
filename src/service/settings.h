// SPDX-License-Identifier: Apache-2.0
//
// The settings that every service has, and the rules between them.
//
// Threads: main thread, at start.
#ifndef VIVA_SERVICE_SETTINGS_H
#define VIVA_SERVICE_SETTINGS_H

#include <stdbool.h>

#include "base/config.h"
#include "net/http_server.h"
#include "service/service.h"

// Loads the common options and the service's own, and configures the log; on a reload only its level. VIVA_EUSAGE with
// a sentence. With --help nothing else is checked.
VIVA_MUST_CHECK int viva_settings_load(const struct viva_service *service, int argument_count, char *const *arguments,
				       bool is_reload, struct viva_config **ret_config, struct viva_error *error);

// Whether a host, as an address or "localhost", is this machine only.
bool viva_settings_is_loopback(const char *host);

// The HTTP server's limits as configured; the caller adds routes, loop and pool.
struct viva_http_server_options viva_settings_http(const struct viva_config *config);

#endif
