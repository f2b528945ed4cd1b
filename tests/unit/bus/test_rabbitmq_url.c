// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "bus/rabbitmq_url.h"
#include "viva_test.h"

static struct viva_rabbitmq_url parsed(const char *text)
{
	struct viva_rabbitmq_url url;
	struct viva_error error = {0};
	int status = viva_rabbitmq_url_parse(text, &url, &error);
	if (status)
		print_error("%s: %s\n", text, error.message);
	assert_ok(status);
	return url;
}

static void test_url__has_the_defaults_of_rabbitmq(void **state)
{
	(void)state;
	static const char *const texts[] = {"amqp://localhost", "amqp://localhost/", "amqp://localhost:5672",
					    "amqp://guest:guest@localhost:5672/%2f"};
	for (size_t i = 0; i < VIVA_COUNT(texts); i++) {
		struct viva_rabbitmq_url url = parsed(texts[i]);
		assert_false(url.is_tls);
		assert_int_equal(url.host_count, 1);
		assert_string_equal(url.hosts[0].name, "localhost");
		assert_int_equal(url.hosts[0].port, 5672);
		assert_string_equal(url.user, "guest");
		assert_string_equal(url.password, "guest");
		assert_string_equal(url.vhost, "/");
		assert_true(url.heartbeat_s > 0);
		assert_true(url.connection_timeout_ms > 0);
	}
	assert_int_equal(parsed("amqps://localhost").hosts[0].port, 5671);
	assert_true(parsed("amqps://localhost").verifies_peer);
}

static void test_url__is_taken_apart_and_decoded(void **state)
{
	(void)state;
	struct viva_rabbitmq_url url =
		parsed("amqps://us%40er:p%3Ass%2Fw%C3%B6rd@broker.example:1234/a%2Fb?cacertfile=%2Fetc%2Fca.pem&"
		       "certfile=/c.pem&keyfile=/k.pem&verify=verify_none&heartbeat=30&connection_timeout=2500");
	assert_true(url.is_tls);
	assert_string_equal(url.user, "us@er");
	assert_string_equal(url.password, "p:ss/w\xc3\xb6rd");
	assert_string_equal(url.hosts[0].name, "broker.example");
	assert_int_equal(url.hosts[0].port, 1234);
	assert_string_equal(url.vhost, "a/b");
	assert_string_equal(url.cacertfile, "/etc/ca.pem");
	assert_string_equal(url.certfile, "/c.pem");
	assert_string_equal(url.keyfile, "/k.pem");
	assert_false(url.verifies_peer);
	assert_int_equal(url.heartbeat_s, 30);
	assert_int_equal(url.connection_timeout_ms, 2500);
}

static void test_url__may_name_the_nodes_of_a_cluster(void **state)
{
	(void)state;
	struct viva_rabbitmq_url url = parsed("amqp://u:p@one:1,[::1]:2,10.0.0.3/v");
	assert_int_equal(url.host_count, 3);
	assert_string_equal(url.hosts[0].name, "one");
	assert_int_equal(url.hosts[0].port, 1);
	assert_string_equal(url.hosts[1].name, "::1");
	assert_int_equal(url.hosts[1].port, 2);
	assert_string_equal(url.hosts[2].name, "10.0.0.3");
	assert_int_equal(url.hosts[2].port, 5672);
	assert_string_equal(url.vhost, "v");
}

static void test_url__an_empty_password_is_one(void **state)
{
	(void)state;
	assert_string_equal(parsed("amqp://u:@h").password, "");
	assert_string_equal(parsed("amqp://u@h").password, "guest");
}

// Each is wrong in one way, and says which without telling the password.
static void test_url__says_what_is_wrong_and_nothing_of_the_password(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"http://h", "must begin with"},
		{"amqp:/h", "must begin with"},
		{"amqp://", "neither a name nor an address"},
		{"amqp://:secret@h", "empty user"},
		{"amqp://u:sec:ret@h", "%3A or %40"},
		{"amqp://u:sec@ret@h", "%3A or %40"},
		{"amqp://u:sec/ret@h", "port that is no number"},
		{"amqp://u:sec?ret@h", "port that is no number"},
		{"amqp://u:sec#ret@h", "%23"},
		{"amqp://u:secret%@h", "hexadecimal"},
		{"amqp://u:secret%2@h", "hexadecimal"},
		{"amqp://u:secret%zz@h", "hexadecimal"},
		{"amqp://u:secret%00@h", "control character"},
		{"amqp://u:secret%ff@h", "UTF-8"},
		{"amqp://u:secret@h:", "port"},
		{"amqp://u:secret@h:0", "port"},
		{"amqp://u:secret@h:65536", "port"},
		{"amqp://u:secret@h:12x", "port"},
		{"amqp://u:secret@h h", "neither a name nor an address"},
		{"amqp://u:secret@", "neither a name nor an address"},
		{"amqp://u:secret@a,", "neither a name nor an address"},
		{"amqp://u:secret@a,,b", "neither a name nor an address"},
		{"amqp://u:secret@[::1", "without ']'"},
		{"amqp://u:secret@[::1]1", "no port"},
		{"amqp://u:secret@[zz]", "neither a name nor an address"},
		{"amqp://u:secret@h/a/b", "%2F"},
		{"amqp://u:secret@h?heartbeat=0", "heartbeat"},
		{"amqp://u:secret@h?heartbeat=ten", "heartbeat"},
		{"amqp://u:secret@h?heartbeat", "heartbeat"},
		{"amqp://u:secret@h?connection_timeout=1", "connection_timeout"},
		{"amqps://u:secret@h?verify=yes", "verify_peer nor verify_none"},
		{"amqps://u:secret@h?cacertfile=", "empty file"},
		{"amqps://u:secret@h?certfile=/c.pem", "together"},
		{"amqps://u:secret@h?keyfile=/c.pem", "together"},
		{"amqp://u:secret@h?cacertfile=/c.pem", "amqps://"},
		{"amqp://u:secret@h?secret=1", "unknown parameter"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct viva_rabbitmq_url url;
		struct viva_error error = {0};
		assert_error(viva_rabbitmq_url_parse(cases[i].text, &url, &error), VIVA_EUSAGE);
		if (!strstr(error.message, cases[i].says))
			fail_msg("%s: %s", cases[i].text, error.message);
		assert_null(strstr(error.message, "ret"));
		assert_string_equal(error.field, "bus-url");
	}
}

static void test_url__that_is_too_long_is_refused(void **state)
{
	(void)state;
	char text[9000] = "amqp://u:p@";
	memset(text + 11, 'h', sizeof text - 12);
	struct viva_rabbitmq_url url;
	assert_error(viva_rabbitmq_url_parse(text, &url, NULL), VIVA_EUSAGE);
	char user[400];
	snprintf(user, sizeof user, "amqp://%0300d:p@h", 0);
	assert_error(viva_rabbitmq_url_parse(user, &url, NULL), VIVA_EUSAGE);
	char hosts[128] = "amqp://a";
	for (int i = 0; i < 16; i++)
		strcat(hosts, ",a");
	assert_error(viva_rabbitmq_url_parse(hosts, &url, NULL), VIVA_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_url__has_the_defaults_of_rabbitmq),
		cmocka_unit_test(test_url__is_taken_apart_and_decoded),
		cmocka_unit_test(test_url__may_name_the_nodes_of_a_cluster),
		cmocka_unit_test(test_url__an_empty_password_is_one),
		cmocka_unit_test(test_url__says_what_is_wrong_and_nothing_of_the_password),
		cmocka_unit_test(test_url__that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests_name("bus/rabbitmq_url", tests, NULL, NULL);
}
