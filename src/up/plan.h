// SPDX-License-Identifier: Apache-2.0
//
// Which services the platform has, where each listens, and with which arguments it is started.
//
// Threads: main thread, at start.
#ifndef VIVA_UP_PLAN_H
#define VIVA_UP_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "up/ready.h"

enum { VIVA_PLAN_MAX_SERVICES = 8, VIVA_PLAN_MAX_ARGUMENTS = 24 };

struct viva_planned_service {
	const char *name;         // the subcommand, too
	const char *port_option;  // "gateway-port"
	unsigned stop_rank;       // those of a lower rank are stopped first
	uint16_t port;
	union viva_socket_address address;  // where a client on this machine reaches it
	char address_text[VIVA_SOCKET_ADDRESS_TEXT];
	char port_text[8];
	char *arguments[VIVA_PLAN_MAX_ARGUMENTS];  // argv, NULL last; the texts are the plan's and the settings'
};

struct viva_plan {
	struct viva_planned_service services[VIVA_PLAN_MAX_SERVICES];
	size_t count;
	int reserved[VIVA_PLAN_MAX_SERVICES];  // sockets that hold the services' ports while no service listens there
	size_t reserved_count;
	char discovery_url[1024];
	bool has_tls;  // of the gateway, which is the first
};

extern const struct viva_option viva_up_options[];
extern const size_t viva_up_option_count;

// Fills *ret_plan, which must not move afterwards and borrows from `config`. Ports given as 0 become free ones of
// loopback; all differ, and are held until viva_plan_finish. VIVA_EUSAGE, VIVA_EIO (no port is free).
VIVA_MUST_CHECK int viva_plan_make(const struct viva_config *config, const char *log_format, struct viva_plan *ret_plan,
				   struct viva_error *error);
void viva_plan_finish(struct viva_plan *plan);

#endif
