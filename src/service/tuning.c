// SPDX-License-Identifier: Apache-2.0
#include "service/tuning.h"

const struct viva_option viva_balancing_options[] = {
	{"balancing", VIVA_OPTION_CHOICE, "round_robin", 0, 0, VIVA_BALANCING_CHOICES,
	 "How calls are spread over a service's instances", false},
	{"ejection-failures", VIVA_OPTION_INT, "5", 0, 1000, NULL,
	 "Failures in a row after which one instance is left out for a while, never the last; 0 leaves none out",
	 false},
	{"ejection-ms", VIVA_OPTION_INT, "10000", 1, 3600000, "ms",
	 "How long it is left out; doubles each time, up to six times this", false},
};
const size_t viva_balancing_option_count = VIVA_COUNT(viva_balancing_options);

const struct viva_option viva_calling_options[] = {
	{"breaker-open-ms", VIVA_OPTION_INT, "10000", 1, 3600000, "ms",
	 "How long calls to a failing service are held back", false},
	{"breaker-failures", VIVA_OPTION_INT, "5", 0, 1000, NULL,
	 "Failures in a row that a service may have; one more opens its breaker", false},
	{"breaker-failure-share", VIVA_OPTION_REAL, "0.5", 0.01, 1, NULL,
	 "Share of failed calls that opens the breaker, too", false},
	{"breaker-min-calls", VIVA_OPTION_INT, "20", 1, 1000000, NULL, "Calls of a window before that share counts",
	 false},
	{"breaker-window-ms", VIVA_OPTION_INT, "10000", 10, 3600000, "ms", "Over which that share is taken", false},
	{"retry-attempts", VIVA_OPTION_INT, "3", 1, 100, NULL, "Attempts at an idempotent call in all; 1 = no retry",
	 false},
	{"retry-base-ms", VIVA_OPTION_INT, "1000", 1, 3600000, "ms",
	 "Pause before the first retry; doubles each time, and as much again by chance is added", false},
	{"retry-max-ms", VIVA_OPTION_INT, "30000", 1, 3600000, "ms", "Longest pause, before chance is added", false},
	{"retry-budget-percent", VIVA_OPTION_INT, "10", 0, 100, "%", "Retries per calls to a service in the long run",
	 false},
};
const size_t viva_calling_option_count = VIVA_COUNT(viva_calling_options);

enum { LONGEST_EJECTION = 6 };

struct viva_tuning viva_tuning_defaults(void)
{
	struct viva_breaker_options breaker = viva_breaker_defaults("");
	struct viva_balancer_options balancer = viva_balancer_defaults("");
	struct viva_retry_options retry = viva_retry_defaults();
	return (struct viva_tuning){
		.balancing = balancer.balancing,
		.ejection_failures = balancer.max_failures_in_a_row,
		.ejection_ms = balancer.ejection_ms,
		.breaker_open_ms = breaker.open_ms,
		.breaker_failures = breaker.max_failures_in_a_row,
		.breaker_min_calls = breaker.min_calls,
		.breaker_window_ms = breaker.window_ms,
		.breaker_failure_share = breaker.failure_share,
		.retry_attempts = retry.max_retries,
		.retry_base_ms = retry.base_ms,
		.retry_max_ms = retry.max_backoff_ms,
		.retry_budget_percent = viva_retry_budget_defaults().percent,
	};
}

int viva_tuning_read(const struct viva_config *config, struct viva_tuning *ret_tuning, struct viva_error *error)
{
	struct viva_tuning tuning = viva_tuning_defaults();
	const struct {
		const char *name;
		uint32_t *value;
	} numbers[] = {
		{"ejection-failures", &tuning.ejection_failures},
		{"ejection-ms", &tuning.ejection_ms},
		{"breaker-open-ms", &tuning.breaker_open_ms},
		{"breaker-failures", &tuning.breaker_failures},
		{"breaker-min-calls", &tuning.breaker_min_calls},
		{"breaker-window-ms", &tuning.breaker_window_ms},
		{"retry-attempts", &tuning.retry_attempts},
		{"retry-base-ms", &tuning.retry_base_ms},
		{"retry-max-ms", &tuning.retry_max_ms},
		{"retry-budget-percent", &tuning.retry_budget_percent},
	};
	for (size_t i = 0; i < VIVA_COUNT(numbers); i++)
		if (viva_config_has(config, numbers[i].name))
			*numbers[i].value = (uint32_t)viva_config_int(config, numbers[i].name);
	if (viva_config_has(config, "breaker-failure-share"))
		tuning.breaker_failure_share = viva_config_real(config, "breaker-failure-share");
	if (viva_config_has(config, "balancing"))
		tuning.balancing = (enum viva_balancing)viva_config_choice(config, "balancing");
	if (tuning.retry_max_ms < tuning.retry_base_ms)
		return viva_fail(error, VIVA_EUSAGE, "retry-max-ms",
				 "--retry-max-ms %u is shorter than --retry-base-ms %u", tuning.retry_max_ms,
				 tuning.retry_base_ms);
	*ret_tuning = tuning;
	return 0;
}

void viva_tuning_of_breaker(const struct viva_tuning *tuning, struct viva_breaker_options *options)
{
	options->open_ms = tuning->breaker_open_ms;
	options->max_failures_in_a_row = tuning->breaker_failures;
	options->min_calls = tuning->breaker_min_calls;
	options->failure_share = tuning->breaker_failure_share;
	options->window_ms = tuning->breaker_window_ms;
}

void viva_tuning_of_balancer(const struct viva_tuning *tuning, struct viva_balancer_options *options)
{
	options->balancing = tuning->balancing;
	options->max_failures_in_a_row = tuning->ejection_failures;
	options->ejection_ms = tuning->ejection_ms;
	options->max_ejection_ms = LONGEST_EJECTION * tuning->ejection_ms;
}
