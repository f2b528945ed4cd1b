// SPDX-License-Identifier: Apache-2.0
//
// The certificate of a service that is open to the public: its settings, and what is said of it at start and on reload.
//
// Threads: main thread at start, then the loop's; blocks on the disk for a moment.
#ifndef VIVA_SERVICE_TLS_H
#define VIVA_SERVICE_TLS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/config.h"
#include "net/tls.h"

extern const struct viva_option viva_tls_options[];
extern const size_t viva_tls_option_count;

// Whether a certificate is configured; false also where the service has no such settings.
bool viva_tls_is_on(const struct viva_config *config);
// Both settings or neither. VIVA_EUSAGE.
VIVA_MUST_CHECK int viva_tls_check(const struct viva_config *config, struct viva_error *error);
// Loads what the settings name; NULL where they name nothing. Logs until when it is valid, a warning where it isn't
// now. Errors of viva_tls_create_server.
VIVA_MUST_CHECK int viva_tls_load(const struct viva_config *config, const struct viva_clock *clock,
				  struct viva_tls **ret_tls, struct viva_error *error);

#endif
