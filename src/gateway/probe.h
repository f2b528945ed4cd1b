// SPDX-License-Identifier: Apache-2.0
//
// Whether the services behind the gateway can work, asked at most once a second however often someone wants to know.
//
// Threads: any but the loop's: probe_all may block for the time of the probes.
#ifndef VIVA_GATEWAY_PROBE_H
#define VIVA_GATEWAY_PROBE_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/macros.h"
#include "discovery/discovery.h"

enum { GATEWAY_SERVICES = 3 };

enum gateway_service { GATEWAY_INTERVIEWS, GATEWAY_EMOTIONS, GATEWAY_SCORES };
extern const char *const gateway_service_names[GATEWAY_SERVICES];  // as discovery knows them

// UNREACHABLE: no instance answers. DOWN: those that answer can't work now.
enum probe_result { PROBE_UNREACHABLE, PROBE_DOWN, PROBE_OK };

struct gateway_probe;

// Both are borrowed. VIVA_ENOMEM.
VIVA_MUST_CHECK int gateway_probe_create(struct viva_discovery *discovery, const struct viva_clock *clock,
					 struct gateway_probe **ret_probe);
struct gateway_probe *gateway_probe_destroy(struct gateway_probe *probe);
VIVA_DEFINE_AUTO(gateway_probe)

// The results of at most a second ago, of each service. While someone else asks the services, the results before that.
void gateway_probe_all(struct gateway_probe *probe, enum probe_result ret_results[GATEWAY_SERVICES]);
const char *gateway_probe_text(enum probe_result result);  // "ok", "down", "unreachable"

#endif
