// SPDX-License-Identifier: Apache-2.0
//
// The settings of calls to other services: balancing, breaker, retry. All can change by a reload.
//
// Threads: any; plain values.
#ifndef VIVA_SERVICE_TUNING_H
#define VIVA_SERVICE_TUNING_H

#include "base/config.h"
#include "resilience/balancer.h"
#include "resilience/breaker.h"
#include "resilience/retry.h"

struct viva_tuning {
	enum viva_balancing balancing;
	uint32_t ejection_failures;  // in a row; 0 = never
	uint32_t ejection_ms;
	uint32_t breaker_open_ms;
	uint32_t breaker_failures;  // in a row; one more opens it
	uint32_t breaker_min_calls;
	uint32_t breaker_window_ms;
	double breaker_failure_share;
	uint32_t retry_attempts;  // in all
	uint32_t retry_base_ms;
	uint32_t retry_max_ms;
	uint32_t retry_budget_percent;
};

// The options of a service that spreads requests over another's instances, and beside them those of one that makes the
// calls itself. A service's own table may give another default.
extern const struct viva_option viva_balancing_options[], viva_calling_options[];
extern const size_t viva_balancing_option_count, viva_calling_option_count;

// What the options say without any setting.
struct viva_tuning viva_tuning_defaults(void);
// The defaults where `config` lacks an option. VIVA_EUSAGE: a name or a combination that is none.
VIVA_MUST_CHECK int viva_tuning_read(const struct viva_config *config, struct viva_tuning *ret_tuning,
				     struct viva_error *error);

void viva_tuning_of_breaker(const struct viva_tuning *tuning, struct viva_breaker_options *options);
void viva_tuning_of_balancer(const struct viva_tuning *tuning, struct viva_balancer_options *options);

#endif
