// SPDX-License-Identifier: Apache-2.0
//
// The gateway's certificate by its settings, and what the log says of its time.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/tls.h"
#include "stderr_capture.h"
#include "tls_fixture.h"
#include "viva_test.h"

enum { DAY_S = 24 * 3600 };

static struct tls_files files;
static int64_t now_s;

static int64_t unix_ms(const struct viva_clock *clock)
{
	(void)clock;
	return now_s * 1000;
}

static const struct viva_clock clock_of_test = {.unix_ms = unix_ms};

static int set_up_all(void **state)
{
	(void)state;
	viva_log_configure("test", VIVA_LOG_INFO, VIVA_LOG_TEXT);
	tls_files_make(&files, TLS_FILES_GOOD);
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	tls_files_remove(&files);
	return 0;
}

static struct viva_config *config_of(const char *certificate, const char *key)
{
	const struct viva_option *tables[] = {viva_tls_options};
	char first[160], second[160];
	char *arguments[2];
	int count = 0;
	snprintf(first, sizeof first, "--tls-certificate=%s", certificate ? certificate : "");
	snprintf(second, sizeof second, "--tls-key=%s", key ? key : "");
	if (certificate)
		arguments[count++] = first;
	if (key)
		arguments[count++] = second;
	struct viva_config *config = NULL;
	assert_ok(viva_config_load(tables, &viva_tls_option_count, 1, count, arguments, &config, NULL));
	return config;
}

static void test_tls_settings__are_both_there_or_neither(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) none = config_of(NULL, NULL);
	VIVA_AUTO(viva_config) certificate = config_of("c.pem", NULL);
	VIVA_AUTO(viva_config) key = config_of(NULL, "k.pem");
	VIVA_AUTO(viva_config) both = config_of("c.pem", "k.pem");
	struct viva_error error = {0};
	assert_ok(viva_tls_check(none, &error));
	assert_ok(viva_tls_check(both, &error));
	assert_error(viva_tls_check(certificate, &error), VIVA_EUSAGE);
	assert_string_equal(error.field, "tls-key");
	assert_error(viva_tls_check(key, &error), VIVA_EUSAGE);
	assert_string_equal(error.field, "tls-certificate");
	assert_false(viva_tls_is_on(none));
	assert_true(viva_tls_is_on(both));
}

static void test_tls_settings__nothing_configured_is_no_tls(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = config_of(NULL, NULL);
	struct viva_tls *tls = NULL;
	assert_ok(viva_tls_load(config, &clock_of_test, &tls, NULL));
	assert_null(tls);
}

static void assert_said_at(int64_t time_s, const char *words)
{
	VIVA_AUTO(viva_config) config = config_of(files.certificate, files.key);
	VIVA_AUTO(viva_tls) tls = NULL;
	now_s = time_s;
	struct stderr_capture capture = stderr_capture_begin();
	int code = viva_tls_load(config, &clock_of_test, &tls, NULL);
	VIVA_AUTO_FREE char *log = stderr_capture_end(&capture);
	assert_ok(code);
	assert_non_null(tls);
	assert_non_null(strstr(log, words));
}

static void test_tls_settings__the_log_says_when_a_certificate_is_or_will_be_of_no_use(void **state)
{
	(void)state;
	VIVA_AUTO(viva_tls) tls = NULL;
	assert_ok(viva_tls_create_server(files.certificate, files.key, &tls, NULL));
	int64_t from_s = viva_tls_valid_from_s(tls), until_s = viva_tls_valid_until_s(tls);
	assert_said_at(from_s - 1, "is not valid yet");
	assert_said_at(from_s, "is valid until");
	assert_said_at(until_s - 14 * DAY_S, "is valid until");
	assert_said_at(until_s - 14 * DAY_S + 1, "expires soon");
	assert_said_at(until_s - 1, "expires soon");
	assert_said_at(until_s, "has expired");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls_settings__are_both_there_or_neither),
		cmocka_unit_test(test_tls_settings__nothing_configured_is_no_tls),
		cmocka_unit_test(test_tls_settings__the_log_says_when_a_certificate_is_or_will_be_of_no_use),
	};
	return cmocka_run_group_tests_name("service/tls_settings", tests, set_up_all, tear_down_all);
}
