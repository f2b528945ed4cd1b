// SPDX-License-Identifier: Apache-2.0
#include "worker/webhook_targets.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "viva_test.h"

static const char SECRET[] = "sixteen letters!";

static struct viva_arena *arena;

static int set_up(void **state)
{
	(void)state;
	return viva_arena_create(0, &arena);
}

static int tear_down(void **state)
{
	(void)state;
	arena = viva_arena_destroy(arena);
	return 0;
}

static void test_webhook_targets__none_need_no_secret(void **state)
{
	(void)state;
	struct worker_webhook_targets targets = {.count = 9};
	assert_ok(worker_webhook_targets_read(NULL, NULL, false, arena, &targets, NULL));
	assert_int_equal(targets.count, 0);
	assert_ok(worker_webhook_targets_read("", NULL, false, arena, &targets, NULL));
	assert_int_equal(targets.count, 0);
}

static void test_webhook_targets__several_are_separated_by_commas(void **state)
{
	(void)state;
	struct worker_webhook_targets targets;
	assert_ok(worker_webhook_targets_read(
		"https://hooks.example.com/a?b=c%2Cd, http://127.0.0.1:9000/x,http://[::1]/", SECRET, false, arena,
		&targets, NULL));
	assert_int_equal(targets.count, 3);
	assert_string_equal(targets.items[0].url, "https://hooks.example.com/a?b=c%2Cd");
	assert_string_equal(targets.items[0].host, "hooks.example.com");
	assert_string_equal(targets.items[1].url, "http://127.0.0.1:9000/x");
	assert_string_equal(targets.items[2].host, "::1");
	assert_string_equal(targets.secret, SECRET);
}

static void assert_refused(const char *urls, const char *secret, const char *field)
{
	struct worker_webhook_targets targets = {.count = 9};
	struct viva_error error = {0};
	assert_error(worker_webhook_targets_read(urls, secret, false, arena, &targets, &error), VIVA_EUSAGE);
	assert_string_equal(error.field, field);
	assert_int_equal(targets.count, 9);
}

static void test_webhook_targets__refuses_what_would_not_be_safe(void **state)
{
	(void)state;
	static const char *const urls[] = {
		"http://hooks.example.com/",
		"http://127.0.0.1.evil.example/",
		"http://127.0.0.1@evil.example/",
		"https://user:password@hooks.example.com/",
		"ftp://127.0.0.1/",
		"file:///etc/passwd",
		"127.0.0.1:80",
		"https://",
		"https://a.example/,",
		",https://a.example/",
		"https://a.example/,https://a.example/",
	};
	for (size_t i = 0; i < VIVA_COUNT(urls); i++)
		assert_refused(urls[i], SECRET, "webhook-url");
	assert_refused("https://a.example/", NULL, "webhook-secret");
	assert_refused("https://a.example/", "fifteen letters", "webhook-secret");
}

static void test_webhook_targets__insecure_allows_plain_http(void **state)
{
	(void)state;
	struct worker_webhook_targets targets;
	assert_ok(worker_webhook_targets_read("http://hooks.example.com/", SECRET, true, arena, &targets, NULL));
	assert_int_equal(targets.count, 1);
	assert_error(worker_webhook_targets_read("ftp://hooks.example.com/", SECRET, true, arena, &targets, NULL),
		     VIVA_EUSAGE);
}

static void test_webhook_targets__there_is_a_limit_to_their_number_and_length(void **state)
{
	(void)state;
	char urls[(WORKER_MAX_WEBHOOKS + 1) * 32] = "";
	for (int i = 0; i <= WORKER_MAX_WEBHOOKS; i++)
		sprintf(urls + strlen(urls), "%shttps://a%d.example/", i > 0 ? "," : "", i);
	assert_refused(urls, SECRET, "webhook-url");
	char *last = strrchr(urls, ',');
	*last = '\0';
	struct worker_webhook_targets targets;
	assert_ok(worker_webhook_targets_read(urls, SECRET, false, arena, &targets, NULL));
	assert_int_equal(targets.count, WORKER_MAX_WEBHOOKS);

	char url[WORKER_MAX_WEBHOOK_URL + 2];
	memset(url, 'a', sizeof url - 1);
	memcpy(url, "https://a.example/", strlen("https://a.example/"));
	url[sizeof url - 1] = '\0';
	assert_refused(url, SECRET, "webhook-url");
}

static void test_webhook_targets__a_refusal_does_not_repeat_the_url(void **state)
{
	(void)state;
	struct worker_webhook_targets targets;
	struct viva_error error = {0};
	assert_error(worker_webhook_targets_read("http://hooks.example.com/s3cret-path", SECRET, false, arena, &targets,
						 &error),
		     VIVA_EUSAGE);
	assert_null(strstr(error.message, "s3cret"));
	assert_non_null(strstr(error.message, "hooks.example.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_webhook_targets__none_need_no_secret),
		cmocka_unit_test(test_webhook_targets__several_are_separated_by_commas),
		cmocka_unit_test(test_webhook_targets__refuses_what_would_not_be_safe),
		cmocka_unit_test(test_webhook_targets__insecure_allows_plain_http),
		cmocka_unit_test(test_webhook_targets__there_is_a_limit_to_their_number_and_length),
		cmocka_unit_test(test_webhook_targets__a_refusal_does_not_repeat_the_url),
	};
	return cmocka_run_group_tests_name("webhook_targets", tests, set_up, tear_down);
}
