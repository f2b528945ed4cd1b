// SPDX-License-Identifier: Apache-2.0
#include "up/plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "viva_test.h"

static struct viva_plan plan;

static int tear_down(void **state)
{
	(void)state;
	viva_plan_finish(&plan);
	return 0;
}

static struct viva_config *config_of(int count, char *const *arguments)
{
	const struct viva_option *tables[] = {viva_up_options};
	struct viva_config *config = NULL;
	assert_ok(viva_config_load(tables, &viva_up_option_count, 1, count, arguments, &config, NULL));
	return config;
}

// Arguments are writable texts, as main() gets them.
static char gateway_port[] = "--gateway-port=0", interview_port[] = "--interview-port=0",
	    emotion_port[] = "--emotion-port=0", scoring_port[] = "--scoring-port=0", worker_port[] = "--worker-port=0",
	    api_key[] = "--api-key=viva_a_secret_of_the_platform";
static char *const free_ports[] = {gateway_port, interview_port, emotion_port, scoring_port, worker_port, api_key};

static void test_plan__free_ports_differ_and_all_services_hear_of_them(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = config_of(VIVA_COUNT(free_ports), free_ports);
	assert_ok(viva_plan_make(config, "json", &plan, NULL));
	assert_int_equal(plan.count, 5);
	for (size_t i = 0; i < plan.count; i++) {
		char part[96];
		snprintf(part, sizeof part, "%s=127.0.0.1:%u", plan.services[i].name, plan.services[i].port);
		assert_non_null(strstr(plan.discovery_url, part));
		assert_int_not_equal(plan.services[i].port, 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(plan.services[i].port, plan.services[j].port);
	}
}

// 0, or why a socket can't be a listener of the port; with `shares` it is one as the services have them.
static int listen_at(uint16_t port, bool shares)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), reason = 0;
	assert_true(fd >= 0);
	if (shares)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, 1))
		reason = errno;
	close(fd);
	return reason;
}

static void test_plan__a_port_is_held_for_its_service_between_two_of_its_lives(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = config_of(VIVA_COUNT(free_ports), free_ports);
	assert_ok(viva_plan_make(config, "json", &plan, NULL));
	for (size_t i = 0; i < plan.count; i++)
		for (int life = 0; life < 2; life++) {
			assert_int_equal(listen_at(plan.services[i].port, true), 0);
			assert_int_equal(listen_at(plan.services[i].port, false), EADDRINUSE);
		}
	viva_plan_finish(&plan);
	assert_int_equal(plan.reserved_count, 0);
}

static void test_plan__no_secret_is_an_argument(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = config_of(VIVA_COUNT(free_ports), free_ports);
	assert_ok(viva_plan_make(config, "json", &plan, NULL));
	for (size_t i = 0; i < plan.count; i++) {
		assert_string_equal(plan.services[i].arguments[1], plan.services[i].name);
		for (char **argument = plan.services[i].arguments; *argument; argument++)
			assert_null(strstr(*argument, "viva_a_secret"));
	}
}

static void test_plan__the_certificate_is_the_gateways_alone(void **state)
{
	(void)state;
	char certificate[] = "--tls-certificate=c.pem", key[] = "--tls-key=k.pem";
	char *arguments[VIVA_COUNT(free_ports) + 2] = {certificate, key};
	memcpy(arguments + 2, free_ports, sizeof free_ports);
	VIVA_AUTO(viva_config) config = config_of(VIVA_COUNT(arguments), arguments);
	assert_ok(viva_plan_make(config, "json", &plan, NULL));
	assert_true(plan.has_tls);
	for (size_t i = 0; i < plan.count; i++) {
		int found = 0;
		for (char **argument = plan.services[i].arguments; *argument; argument++)
			found += strcmp(*argument, "--tls-certificate") == 0 || strcmp(*argument, "c.pem") == 0 ||
				 strcmp(*argument, "--tls-key") == 0 || strcmp(*argument, "k.pem") == 0;
		assert_int_equal(found, strcmp(plan.services[i].name, "gateway") == 0 ? 4 : 0);
	}
}

static void test_plan__two_services_can_not_have_one_port(void **state)
{
	(void)state;
	char first[] = "--gateway-port=9001", second[] = "--scoring-port=9001";
	char *const arguments[] = {first, second};
	struct viva_error error = {0};
	VIVA_AUTO(viva_config) config = config_of(VIVA_COUNT(arguments), arguments);
	assert_error(viva_plan_make(config, "json", &plan, &error), VIVA_EUSAGE);
	assert_string_equal(error.field, "scoring-port");
}

static void test_plan__whoever_calls_others_ends_before_them(void **state)
{
	(void)state;
	unsigned ranks[VIVA_PLAN_MAX_SERVICES] = {0};
	static const char *const order[] = {"gateway", "worker", "interview", "emotion"};
	VIVA_AUTO(viva_config) config = config_of(VIVA_COUNT(free_ports), free_ports);
	assert_ok(viva_plan_make(config, "json", &plan, NULL));
	for (size_t i = 0; i < VIVA_COUNT(order); i++)
		for (size_t j = 0; j < plan.count; j++)
			if (strcmp(plan.services[j].name, order[i]) == 0)
				ranks[i] = plan.services[j].stop_rank;
	for (size_t i = 1; i < VIVA_COUNT(order); i++)
		assert_true(ranks[i - 1] < ranks[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_plan__free_ports_differ_and_all_services_hear_of_them, tear_down),
		cmocka_unit_test_teardown(test_plan__a_port_is_held_for_its_service_between_two_of_its_lives,
					  tear_down),
		cmocka_unit_test_teardown(test_plan__no_secret_is_an_argument, tear_down),
		cmocka_unit_test_teardown(test_plan__the_certificate_is_the_gateways_alone, tear_down),
		cmocka_unit_test_teardown(test_plan__whoever_calls_others_ends_before_them, tear_down),
		cmocka_unit_test_teardown(test_plan__two_services_can_not_have_one_port, tear_down),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
