// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_url.h"

#include <stdlib.h>
#include <string.h>

#include "viva_test.h"

static int parse(const char *url, struct viva_postgres_url **ret_url, struct viva_error *error)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = url;
	options.service = "interview";
	options.busy_ms = 1234;
	return viva_postgres_url_parse(&options, ret_url, error);
}

static void test_postgres_url__keeps_what_it_says_and_adds_what_it_leaves_out(void **state)
{
	(void)state;
	VIVA_AUTO(viva_postgres_url) url = NULL;
	assert_ok(
		parse("postgresql://ann:p%40ss%2Fword@db1:5433,db2:5434/viva?sslmode=verify-full&sslrootcert=%2Fca.pem"
		      "&connect_timeout=9",
		      &url, NULL));
	assert_string_equal(viva_postgres_url_get(url, "user"), "ann");
	assert_string_equal(viva_postgres_url_get(url, "password"), "p@ss/word");
	assert_string_equal(viva_postgres_url_get(url, "host"), "db1,db2");
	assert_string_equal(viva_postgres_url_get(url, "port"), "5433,5434");
	assert_string_equal(viva_postgres_url_get(url, "dbname"), "viva");
	assert_string_equal(viva_postgres_url_get(url, "sslmode"), "verify-full");
	assert_string_equal(viva_postgres_url_get(url, "sslrootcert"), "/ca.pem");
	assert_string_equal(viva_postgres_url_get(url, "connect_timeout"), "9");
	assert_string_equal(viva_postgres_url_get(url, "target_session_attrs"), "primary");
	assert_string_equal(viva_postgres_url_get(url, "client_encoding"), "UTF8");
	assert_string_equal(viva_postgres_url_get(url, "fallback_application_name"), "viva-interview");
	assert_non_null(strstr(viva_postgres_url_get(url, "options"), "-c lock_timeout=1234 "));
	assert_null(strstr(viva_postgres_url_get(url, "options"), "synchronous_commit"));
	assert_null(viva_postgres_url_get(url, "channel_binding_of_old"));
	assert_string_equal(url->place, "db1,db2:5433,5434/viva");
}

static void test_postgres_url__its_own_session_options_come_last_so_they_win(void **state)
{
	(void)state;
	VIVA_AUTO(viva_postgres_url) url = NULL;
	assert_ok(parse("postgres://db/viva?options=-csearch_path%3Dviva%20-cstatement_timeout%3D7", &url, NULL));
	const char *options = viva_postgres_url_get(url, "options");
	const char *ours = strstr(options, "statement_timeout=30000"), *theirs = strstr(options, "statement_timeout=7");
	assert_non_null(ours);
	assert_non_null(theirs);
	assert_true(ours < theirs);
	assert_non_null(strstr(options, "-csearch_path=viva"));
}

static void test_postgres_url__what_survives_crashes_survives_the_servers_too(void **state)
{
	(void)state;
	struct viva_store_options options = viva_store_defaults();
	options.url = "postgresql://db/viva";
	options.service = "emotion";
	options.durability = VIVA_DURABLE_CRASH;
	VIVA_AUTO(viva_postgres_url) url = NULL;
	assert_ok(viva_postgres_url_parse(&options, &url, NULL));
	assert_null(strstr(viva_postgres_url_get(url, "options"), "synchronous_commit"));
}

static void test_postgres_url__leaves_to_the_environment_what_that_says(void **state)
{
	(void)state;
	setenv("PGCONNECT_TIMEOUT", "3", 1);
	setenv("PGOPTIONS", "-c work_mem=1MB", 1);
	VIVA_AUTO(viva_postgres_url) url = NULL;
	int status = parse("postgresql:///viva", &url, NULL);
	unsetenv("PGCONNECT_TIMEOUT");
	unsetenv("PGOPTIONS");
	assert_ok(status);
	assert_null(viva_postgres_url_get(url, "connect_timeout"));
	assert_non_null(strstr(viva_postgres_url_get(url, "options"), "work_mem=1MB"));
	assert_string_equal(url->place, "localhost:5432/viva");
}

static void test_postgres_url__refuses_malformed_ones_without_repeating_any_of_their_secrets(void **state)
{
	(void)state;
	static const char *const urls[] = {
		"postgresql:",
		"postgresql:db/viva",
		"postgresql://me:hun/ter2@db/viva",       // libpq would take the port for hun
		"postgresql://me:12/hunter2@db/viva",     // … and here for 12, the database for the rest
		"postgresql://me:hun?hunter2=x@db/viva",  // … and here hunter2 for a parameter
		"postgresql://me:hun?hunter2@db/viva",    //
		"postgresql://me:hunter2@x@db/viva",      // … and x@db for a host
		"postgresql://me:%zzhunter2@db/viva",     //
		"postgresql://me:hunter2@db/viva?nonsense=1",
		"postgresql://me:hunter2@db/viva?Hunter2=1",
		"postgresql://me:hunter2@db/viva?=1",
		"postgresql://me:hunter2@db/viva?sslmode",
		"postgresql://me:hunter2@db/viva?sslmode=prefer&&",
		"postgresql://me:hunter2@db:70000/viva",
		"postgresql://me:hunter2@db:x/viva",
		"postgresql://me:hunter2@[::1/viva",
		"postgresql:x host=db password=hunter2 y=://",
	};
	for (size_t i = 0; i < VIVA_COUNT(urls); i++) {
		struct viva_postgres_url *url = NULL;
		struct viva_error error = {0};
		int status = parse(urls[i], &url, &error);
		if (status != VIVA_EINVAL || url || strstr(error.message, "hun") || strstr(error.message, "ter2"))
			fail_msg("%s: %d %s", urls[i], status, error.message);
	}
}

static void test_postgres_url__names_an_unknown_parameter(void **state)
{
	(void)state;
	struct viva_postgres_url *url = NULL;
	struct viva_error error = {0};
	assert_error(parse("postgresql://db/viva?sslmod=require", &url, &error), VIVA_EINVAL);
	assert_non_null(strstr(error.message, "'sslmod'"));
	assert_string_equal(error.field, "store-url");
}

static void test_postgres_url__stars_passwords_out(void **state)
{
	(void)state;
	VIVA_AUTO(viva_postgres_url) url = NULL;
	assert_ok(parse("postgresql://me:hunter2@db/viva?sslpassword=key%20word", &url, NULL));
	char text[] = "hunter2 and key word, hunter2hunter2";
	viva_postgres_url_redact(url, text);
	assert_string_equal(text, "******* and ********, **************");
	VIVA_AUTO(viva_postgres_url) none = NULL;
	assert_ok(parse("postgresql://me@db/viva", &none, NULL));
	char plain[] = "nothing to hide";
	viva_postgres_url_redact(none, plain);
	assert_string_equal(plain, "nothing to hide");
	assert_null(viva_postgres_url_destroy(NULL));
}

static void test_postgres_url__refuses_options_that_are_too_long(void **state)
{
	(void)state;
	char text[4096] = "postgresql://db/viva?options=";
	size_t size = strlen(text);
	memset(text + size, 'x', sizeof text - size - 1);
	struct viva_postgres_url *url = NULL;
	assert_error(parse(text, &url, NULL), VIVA_EINVAL);
	assert_null(url);
}

static void test_postgres_url__says_so_when_there_is_no_memory(void **state)
{
	(void)state;
	struct viva_postgres_url *url = NULL;
	fail_next_allocation(0);
	assert_error(parse("postgresql://db/viva", &url, NULL), VIVA_ENOMEM);
	assert_null(url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres_url__keeps_what_it_says_and_adds_what_it_leaves_out),
		cmocka_unit_test(test_postgres_url__its_own_session_options_come_last_so_they_win),
		cmocka_unit_test(test_postgres_url__what_survives_crashes_survives_the_servers_too),
		cmocka_unit_test(test_postgres_url__leaves_to_the_environment_what_that_says),
		cmocka_unit_test(test_postgres_url__refuses_malformed_ones_without_repeating_any_of_their_secrets),
		cmocka_unit_test(test_postgres_url__names_an_unknown_parameter),
		cmocka_unit_test(test_postgres_url__stars_passwords_out),
		cmocka_unit_test(test_postgres_url__refuses_options_that_are_too_long),
		cmocka_unit_test(test_postgres_url__says_so_when_there_is_no_memory),
	};
	return cmocka_run_group_tests_name("store/postgres_url", tests, NULL, NULL);
}
