// SPDX-License-Identifier: Apache-2.0
//
// Where the gateway's requests go: a balancer over each service's instances, which follows discovery.
//
// Threads: any; nothing blocks but create and destroy.
#ifndef VIVA_GATEWAY_UPSTREAMS_H
#define VIVA_GATEWAY_UPSTREAMS_H

#include "discovery/discovery.h"
#include "gateway/probe.h"
#include "service/tuning.h"

struct gateway_upstreams;

// `discovery` is borrowed. VIVA_ELIMIT, VIVA_ENOMEM.
VIVA_MUST_CHECK int gateway_upstreams_create(struct viva_discovery *discovery, const struct viva_tuning *tuning,
					     struct gateway_upstreams **ret_upstreams, struct viva_error *error);
struct gateway_upstreams *gateway_upstreams_destroy(struct gateway_upstreams *upstreams);  // after the last request
VIVA_DEFINE_AUTO(gateway_upstreams)

struct viva_balancer *gateway_upstream(struct gateway_upstreams *upstreams, enum gateway_service service);
void gateway_upstreams_tune(struct gateway_upstreams *upstreams, const struct viva_tuning *tuning);

#endif
