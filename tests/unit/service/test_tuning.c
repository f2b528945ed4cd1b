// SPDX-License-Identifier: Apache-2.0
#include "service/tuning.h"

#include <string.h>

#include "viva_test.h"

static int load(const char *argument, struct viva_tuning *ret_tuning, struct viva_error *error)
{
	const struct viva_option *const tables[] = {viva_balancing_options, viva_calling_options};
	const size_t counts[] = {viva_balancing_option_count, viva_calling_option_count};
	char *arguments[] = {(char *)(uintptr_t)argument};
	VIVA_AUTO(viva_config) config = NULL;
	int status = viva_config_load(tables, counts, 2, argument ? 1 : 0, arguments, &config, error);
	return status ? status : viva_tuning_read(config, ret_tuning, error);
}

static void assert_same(const struct viva_tuning *a, const struct viva_tuning *b)
{
	assert_int_equal(a->balancing, b->balancing);
	assert_int_equal(a->ejection_failures, b->ejection_failures);
	assert_int_equal(a->ejection_ms, b->ejection_ms);
	assert_int_equal(a->breaker_open_ms, b->breaker_open_ms);
	assert_int_equal(a->breaker_failures, b->breaker_failures);
	assert_int_equal(a->breaker_min_calls, b->breaker_min_calls);
	assert_int_equal(a->breaker_window_ms, b->breaker_window_ms);
	assert_true(a->breaker_failure_share == b->breaker_failure_share);
	assert_int_equal(a->retry_attempts, b->retry_attempts);
	assert_int_equal(a->retry_base_ms, b->retry_base_ms);
	assert_int_equal(a->retry_max_ms, b->retry_max_ms);
	assert_int_equal(a->retry_budget_percent, b->retry_budget_percent);
}

static void test_tuning__the_options_defaults_are_those_of_the_parts(void **state)
{
	(void)state;
	struct viva_tuning tuning, defaults = viva_tuning_defaults();
	assert_ok(load(NULL, &tuning, NULL));
	assert_same(&tuning, &defaults);
	// Reference design §8 and contract §6.
	assert_int_equal(tuning.retry_attempts, 3);
	assert_int_equal(tuning.retry_base_ms, 1000);
	assert_int_equal(tuning.retry_max_ms, 30000);
	assert_int_equal(tuning.breaker_failures, 5);
	assert_int_equal(tuning.breaker_open_ms, 10000);
}

static void test_tuning__a_service_without_options_has_the_defaults(void **state)
{
	(void)state;
	struct viva_tuning tuning, defaults = viva_tuning_defaults();
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(viva_config_load(NULL, NULL, 0, 0, NULL, &config, NULL));
	assert_ok(viva_tuning_read(config, &tuning, NULL));
	assert_same(&tuning, &defaults);
}

static void test_tuning__settings_reach_breaker_and_balancer(void **state)
{
	(void)state;
	struct viva_tuning tuning;
	struct viva_breaker_options breaker = viva_breaker_defaults("x");
	struct viva_balancer_options balancer = viva_balancer_defaults("x");
	assert_ok(load("--breaker-open-ms=7", &tuning, NULL));
	viva_tuning_of_breaker(&tuning, &breaker);
	assert_int_equal(breaker.open_ms, 7);
	assert_ok(load("--balancing=least_loaded", &tuning, NULL));
	viva_tuning_of_balancer(&tuning, &balancer);
	assert_int_equal(balancer.balancing, VIVA_BALANCING_LEAST_LOADED);
	assert_int_equal(balancer.max_ejection_ms, 60000);
}

static void test_tuning__what_makes_no_sense_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *argument, *field;
	} wrong[] = {
		{"--balancing=random", "balancing"},
		{"--retry-max-ms=999", "retry-max-ms"},
		{"--breaker-failure-share=0", "breaker-failure-share"},
		{"--retry-attempts=0", "retry-attempts"},
	};
	for (size_t i = 0; i < VIVA_COUNT(wrong); i++) {
		struct viva_tuning tuning;
		struct viva_error error = {0};
		assert_error(load(wrong[i].argument, &tuning, &error), VIVA_EUSAGE);
		assert_string_equal(error.field, wrong[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tuning__the_options_defaults_are_those_of_the_parts),
		cmocka_unit_test(test_tuning__a_service_without_options_has_the_defaults),
		cmocka_unit_test(test_tuning__settings_reach_breaker_and_balancer),
		cmocka_unit_test(test_tuning__what_makes_no_sense_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
