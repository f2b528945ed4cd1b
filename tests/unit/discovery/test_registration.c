// SPDX-License-Identifier: Apache-2.0
//
// How an instance gets into Consul's list and out of it again.
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "fake_consul.h"

static const char *const tags[] = {"ml", "grpc"};

static struct viva_discovery_instance emotion_at(const char *address)
{
	return (struct viva_discovery_instance){.service = "emotion",
						.address = address,
						.port = 8081,
						.tags = tags,
						.tag_count = VIVA_COUNT(tags),
						.check = VIVA_DISCOVERY_CHECK_GRPC,
						.is_working = true};
}

static struct viva_discovery *open_at(struct fake_consul *consul)
{
	struct viva_discovery *discovery = NULL;
	assert_ok(viva_discovery_open(fake_consul_url(consul, ""), &discovery, NULL));
	return discovery;
}

static json_t *body_of(const char *request)
{
	const char *body = strchr(request, '{');
	assert_non_null(body);
	json_t *json = NULL;
	assert_ok(viva_json_parse(viva_bytes_of_text(body), 65536, &json, NULL));
	return json;
}

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : "";
}

static void test_registration__is_that_of_the_reference_design(void **state)
{
	(void)state;
	struct fake_consul *consul = fake_consul_start();
	VIVA_AUTO(viva_discovery) discovery = open_at(consul);
	struct viva_discovery_instance instance = emotion_at("10.0.0.3");
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	VIVA_AUTO_JSON body = body_of(fake_consul_await(consul, "PUT /v1/agent/service/register", 1));
	assert_string_equal(text_of(body, "ID"), "emotion-service-10.0.0.3-8081");
	assert_string_equal(text_of(body, "Name"), "emotion-service");
	assert_string_equal(text_of(body, "Address"), "10.0.0.3");
	assert_int_equal(json_integer_value(json_object_get(body, "Port")), 8081);
	json_t *its_tags = json_object_get(body, "Tags");
	assert_int_equal(json_array_size(its_tags), 2);
	assert_string_equal(json_string_value(json_array_get(its_tags, 1)), "grpc");
	const json_t *check = json_object_get(body, "Check");
	assert_string_equal(text_of(check, "GRPC"), "10.0.0.3:8081");
	assert_string_equal(text_of(check, "Interval"), "10s");
	assert_string_equal(text_of(check, "Timeout"), "2s");
	assert_string_equal(text_of(check, "DeregisterCriticalServiceAfter"), "1m");
	assert_string_equal(text_of(check, "Status"), "passing");
	discovery = viva_discovery_destroy(discovery);
	fake_consul_stop(consul);
}

static void test_registration__without_an_address_the_agents_own_is_meant(void **state)
{
	(void)state;
	struct fake_consul *consul = fake_consul_start();
	VIVA_AUTO(viva_discovery) discovery = open_at(consul);
	struct viva_discovery_instance instance = emotion_at("");
	instance.check = VIVA_DISCOVERY_CHECK_HTTP;
	instance.is_working = false;
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	VIVA_AUTO_JSON body = body_of(fake_consul_await(consul, "PUT /v1/agent/service/register", 1));
	assert_null(json_object_get(body, "Address"));
	assert_string_equal(text_of(json_object_get(body, "Check"), "HTTP"), "http://localhost:8081/health");
	assert_string_equal(text_of(json_object_get(body, "Check"), "Status"), "critical");
	discovery = viva_discovery_destroy(discovery);
	fake_consul_stop(consul);
}

static void test_registration__a_door_with_tls_is_asked_by_https_under_any_certificate(void **state)
{
	(void)state;
	struct fake_consul *consul = fake_consul_start();
	VIVA_AUTO(viva_discovery) discovery = open_at(consul);
	struct viva_discovery_instance instance = emotion_at("10.0.0.3");
	instance.check = VIVA_DISCOVERY_CHECK_HTTPS;
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	VIVA_AUTO_JSON body = body_of(fake_consul_await(consul, "PUT /v1/agent/service/register", 1));
	const json_t *check = json_object_get(body, "Check");
	assert_string_equal(text_of(check, "HTTP"), "https://10.0.0.3:8081/health");
	assert_true(json_is_true(json_object_get(check, "TLSSkipVerify")));
	discovery = viva_discovery_destroy(discovery);
	fake_consul_stop(consul);
}

static void test_registration__ipv6_stands_in_brackets_in_the_check(void **state)
{
	(void)state;
	struct fake_consul *consul = fake_consul_start();
	VIVA_AUTO(viva_discovery) discovery = open_at(consul);
	struct viva_discovery_instance instance = emotion_at("::1");
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	VIVA_AUTO_JSON body = body_of(fake_consul_await(consul, "PUT /v1/agent/service/register", 1));
	assert_string_equal(text_of(body, "ID"), "emotion-service---1-8081");
	assert_string_equal(text_of(json_object_get(body, "Check"), "GRPC"), "[::1]:8081");
	discovery = viva_discovery_destroy(discovery);
	fake_consul_stop(consul);
}

static void test_registration__ends_before_deregister_returns(void **state)
{
	(void)state;
	struct fake_consul *consul = fake_consul_start();
	VIVA_AUTO(viva_discovery) discovery = open_at(consul);
	struct viva_discovery_instance instance = emotion_at("10.0.0.3");
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	fake_consul_await(consul, "PUT /v1/agent/service/register", 1);
	assert_ok(viva_discovery_deregister(discovery, 5000, NULL));
	assert_int_equal(fake_consul_count(consul, "PUT /v1/agent/service/deregister/emotion-service-10.0.0.3-8081"),
			 1);
	assert_ok(viva_discovery_deregister(discovery, 5000, NULL));
	discovery = viva_discovery_destroy(discovery);
	fake_consul_stop(consul);
}

static void test_registration__one_that_was_forgotten_is_made_again(void **state)
{
	(void)state;
	static const char asked[] = "GET /v1/agent/service/emotion-service-10.0.0.3-8081";
	struct fake_consul *consul = fake_consul_start();
	struct fake_clock clock;
	fake_clock_init(&clock);
	struct viva_discovery_options options = viva_discovery_defaults(fake_consul_url(consul, ""));
	options.clock = &clock.clock;
	VIVA_AUTO(viva_discovery) discovery = NULL;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_discovery_open_with(&options, &discovery, NULL));
	struct viva_discovery_instance instance = emotion_at("10.0.0.3");
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	fake_consul_await(consul, "PUT /v1/agent/service/register", 1);
	fake_consul_set_agent(consul, "{}", false);
	fake_clock_advance_ms(&clock, 11000);
	// A service that is new wakes the thread, which sees how late it is.
	const char *const *addresses = NULL;
	size_t count = 0;
	assert_error(viva_discovery_addresses(discovery, "scoring", arena, &addresses, &count, NULL),
		     VIVA_EUNAVAILABLE);
	// It may learn of its registration after that, and set the next look by the advanced clock: time goes on, and
	// news of the service wake it again.
	for (uint64_t index = 2; fake_consul_count(consul, asked) == 0 && index < 1000; index++) {
		fake_clock_advance_ms(&clock, 11000);
		fake_consul_answer(consul, index, 200, "[]");
		usleep(5000);
	}
	fake_consul_await(consul, asked, 1);
	fake_consul_await(consul, "PUT /v1/agent/service/register", 2);
	discovery = viva_discovery_destroy(discovery);
	fake_consul_stop(consul);
}

static void test_registration__one_by_file_is_used_instead_of_a_second_one(void **state)
{
	(void)state;
	struct fake_consul *consul = fake_consul_start();
	fake_consul_set_agent(consul,
			      "{\"elsewhere\":{\"Port\":8081,\"Address\":\"10.0.0.4\"},"
			      "\"other port\":{\"Port\":9,\"Address\":\"\"},"
			      "\"emotion-service\":{\"Port\":8081,\"Address\":\"\"}}",
			      true);
	VIVA_AUTO(viva_discovery) discovery = open_at(consul);
	struct viva_discovery_instance instance = emotion_at("10.0.0.3");
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	fake_consul_await(consul, "PUT /v1/agent/service/maintenance/emotion-service?enable=false", 1);
	assert_ok(viva_discovery_deregister(discovery, 5000, NULL));
	assert_int_equal(
		fake_consul_count(consul, "PUT /v1/agent/service/maintenance/emotion-service?enable=true&reason="), 1);
	assert_int_equal(fake_consul_count(consul, "PUT /v1/agent/service/register"), 0);
	assert_int_equal(fake_consul_count(consul, "PUT /v1/agent/service/deregister"), 0);
	discovery = viva_discovery_destroy(discovery);
	fake_consul_stop(consul);
}

static void test_registration__nobody_to_deregister_at_is_told_and_waited_for_no_longer(void **state)
{
	(void)state;
	VIVA_AUTO(viva_discovery) discovery = NULL;
	assert_ok(viva_discovery_open("consul://127.0.0.1:1", &discovery, NULL));
	assert_ok(viva_discovery_deregister(discovery, 5000, NULL));  // nothing was registered
	struct viva_discovery_instance instance = emotion_at("10.0.0.3");
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	assert_error(viva_discovery_deregister(discovery, 5000, NULL), VIVA_EUNAVAILABLE);
}

static void test_registration__what_can_not_be_registered_is_refused(void **state)
{
	(void)state;
	VIVA_AUTO(viva_discovery) discovery = NULL;
	assert_ok(viva_discovery_open("consul://127.0.0.1:1", &discovery, NULL));
	struct viva_discovery_instance wrong[] = {emotion_at("a b"), emotion_at("10.0.0.3"), emotion_at("10.0.0.3")};
	wrong[1].port = 0;
	wrong[2].service = "a-name-that-is-longer-than-any-service-has";
	for (size_t i = 0; i < VIVA_COUNT(wrong); i++)
		assert_error(viva_discovery_register(discovery, &wrong[i], NULL), VIVA_EINVAL);
}

static void test_registration__with_static_discovery_nothing_happens(void **state)
{
	(void)state;
	VIVA_AUTO(viva_discovery) discovery = NULL;
	assert_ok(viva_discovery_open("static:", &discovery, NULL));
	struct viva_discovery_instance instance = emotion_at("10.0.0.3");
	assert_ok(viva_discovery_register(discovery, &instance, NULL));
	assert_ok(viva_discovery_deregister(discovery, 0, NULL));
	assert_false(viva_discovery_is_dynamic(discovery));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registration__is_that_of_the_reference_design),
		cmocka_unit_test(test_registration__without_an_address_the_agents_own_is_meant),
		cmocka_unit_test(test_registration__a_door_with_tls_is_asked_by_https_under_any_certificate),
		cmocka_unit_test(test_registration__ipv6_stands_in_brackets_in_the_check),
		cmocka_unit_test(test_registration__ends_before_deregister_returns),
		cmocka_unit_test(test_registration__one_that_was_forgotten_is_made_again),
		cmocka_unit_test(test_registration__one_by_file_is_used_instead_of_a_second_one),
		cmocka_unit_test(test_registration__nobody_to_deregister_at_is_told_and_waited_for_no_longer),
		cmocka_unit_test(test_registration__what_can_not_be_registered_is_refused),
		cmocka_unit_test(test_registration__with_static_discovery_nothing_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
