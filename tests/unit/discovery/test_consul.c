// SPDX-License-Identifier: Apache-2.0
//
// Following services in Consul, against an agent that misbehaves on demand.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_consul.h"

enum { PATIENCE_MS = 60000 };

#define NODE "\"Node\":{\"Address\":\"10.0.0.9\"}"
#define AT(host, port) "{" NODE ",\"Service\":{\"Address\":\"" host "\",\"Port\":" port "}}"

static const char one[] = "[" AT("10.0.0.1", "1") "]";
static const char two[] = "[" AT("10.0.0.2", "2") "," AT("10.0.0.1", "1") "]";
static const char query[] = "GET /v1/health/service/emotion-service";

// What a watch has heard, joined by spaces.
struct heard {
	pthread_mutex_t mutex;
	char text[16384];
	int times;
};

static void hear(void *context, const char *service, const char *const *addresses, size_t count)
{
	struct heard *heard = context;
	(void)service;
	pthread_mutex_lock(&heard->mutex);
	heard->times++;
	heard->text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strcat(heard->text, i > 0 ? " " : "");
		strcat(heard->text, addresses[i]);
	}
	pthread_mutex_unlock(&heard->mutex);
}

static bool has_heard(struct heard *heard, const char *text)
{
	pthread_mutex_lock(&heard->mutex);
	bool is_it = strcmp(heard->text, text) == 0;
	pthread_mutex_unlock(&heard->mutex);
	return is_it;
}

static void assert_hears(struct heard *heard, const char *text)
{
	for (int waited_ms = 0; waited_ms < PATIENCE_MS && !has_heard(heard, text); waited_ms += 2)
		usleep(2000);
	if (!has_heard(heard, text))
		fail_msg("heard \"%s\", not \"%s\"", heard->text, text);
}

struct scene {
	struct fake_consul *consul;
	struct fake_clock clock;
	struct viva_discovery *discovery;
	struct viva_discovery_watch *watch;
	struct heard heard;
};

static void begin(struct scene *scene, const char *body, const char *url_query, bool has_fake_clock)
{
	memset(scene, 0, sizeof *scene);
	pthread_mutex_init(&scene->heard.mutex, NULL);
	fake_clock_init(&scene->clock);
	scene->consul = fake_consul_start();
	fake_consul_answer(scene->consul, 7, 0, body);
	struct viva_discovery_options options = viva_discovery_defaults(fake_consul_url(scene->consul, url_query));
	if (has_fake_clock)
		options.clock = &scene->clock.clock;
	assert_ok(viva_discovery_open_with(&options, &scene->discovery, NULL));
	assert_ok(viva_discovery_watch(scene->discovery, "emotion", hear, &scene->heard, &scene->watch, NULL));
}

static void end(struct scene *scene)
{
	viva_discovery_watch_end(scene->watch);
	viva_discovery_destroy(scene->discovery);
	fake_consul_stop(scene->consul);
	pthread_mutex_destroy(&scene->heard.mutex);
}

static void test_consul__a_watch_hears_what_is_known_and_each_change(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, one, "", false);
	assert_true(has_heard(&scene.heard, "10.0.0.1:1"));  // before the watch's call returned
	fake_consul_answer(scene.consul, 8, 0, two);
	assert_hears(&scene.heard, "10.0.0.1:1 10.0.0.2:2");
	assert_non_null(strstr(fake_consul_await(scene.consul, "index=7", 1), "passing=1&index=7&wait=55s&stale"));
	assert_true(viva_discovery_is_dynamic(scene.discovery));
	end(&scene);
}

static void test_consul__the_same_instances_in_another_order_are_no_change(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, two, "", false);
	fake_consul_answer(scene.consul, 8, 0,
			   "[" AT("10.0.0.1", "1") "," AT("10.0.0.2", "2") "," AT("10.0.0.1", "1") "]");
	fake_consul_await(scene.consul, "index=8", 1);
	assert_int_equal(scene.heard.times, 1);
	end(&scene);
}

static void test_consul__an_index_that_goes_back_is_asked_for_anew(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, one, "", false);
	fake_consul_await(scene.consul, "index=7", 1);
	size_t before = fake_consul_count(scene.consul, query) - fake_consul_count(scene.consul, "index=");
	fake_consul_answer(scene.consul, 3, 0, two);
	assert_hears(&scene.heard, "10.0.0.1:1 10.0.0.2:2");
	fake_consul_await(scene.consul, "index=3", 1);
	size_t after = fake_consul_count(scene.consul, query) - fake_consul_count(scene.consul, "index=");
	assert_int_equal(after, before + 1);
	end(&scene);
}

static void test_consul__an_index_of_zero_counts_as_one(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, one, "", false);
	fake_consul_await(scene.consul, "index=7", 1);
	fake_consul_answer(scene.consul, 0, 0, two);
	// Back to nothing, which is asked for without an index, and then answered at once with it again.
	fake_consul_await(scene.consul, "index=1&", 1);
	end(&scene);
}

static void test_consul__whatever_is_no_answer_keeps_the_addresses(void **state)
{
	(void)state;
	static char large[9 << 20], nested[70000];
	memset(large, ' ', sizeof large - 1);
	memset(nested, '[', sizeof nested - 1);
	const struct {
		int status;
		const char *body;
	} bad[] = {
		{500, "rpc error: No cluster leader"},
		{403, "Permission denied"},
		{200, "{}"},
		{200, "[{"},
		{200, ""},
		{200, "[\"\\u0000\"]"},
		{200, nested},
		{200, large},
		{200, "[]"},
		{200, "[1, null, {}, {\"Service\":[]}]"},
	};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		struct scene scene;
		begin(&scene, one, "", false);
		fake_consul_await(scene.consul, "index=7", 1);
		size_t asked = fake_consul_count(scene.consul, query);
		fake_consul_answer(scene.consul, 8, bad[i].status, bad[i].body);
		fake_consul_await(scene.consul, query, asked + 1);  // the next question: the answer was taken
		assert_true(has_heard(&scene.heard, "10.0.0.1:1"));
		fake_consul_answer(scene.consul, 9, 0, two);
		assert_hears(&scene.heard, "10.0.0.1:1 10.0.0.2:2");
		end(&scene);
	}
}

static void test_consul__entries_that_are_no_addresses_are_left_out(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene,
	      "[" AT("", "1") "," AT("emotion-1.internal", "2") "," AT("fe80::1", "3") "," AT("h;reload", "4") "," AT(
		      "h", "0") "," AT("h",
				       "65536") "," AT("h",
						       "\"5\"") "," AT("a b",
								       "6") "," AT("h\\n",
										   "7") "," AT("-h",
											       "8") "," AT("1::g",
													   "9") "]",
	      "", false);
	assert_hears(&scene.heard, "10.0.0.9:1 [fe80::1]:3 emotion-1.internal:2");
	end(&scene);
}

static void test_consul__more_instances_than_can_be_used_are_cut(void **state)
{
	(void)state;
	struct scene scene;
	static char body[65536];
	strcpy(body, "[");
	for (int i = 0; i < 300; i++)
		sprintf(body + strlen(body), "%s" AT("h%03d", "1"), i > 0 ? "," : "", i);
	strcat(body, "]");
	begin(&scene, body, "", false);
	VIVA_AUTO(viva_arena) arena = NULL;
	const char *const *addresses = NULL;
	size_t count = 0;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_discovery_addresses(scene.discovery, "emotion", arena, &addresses, &count, NULL));
	assert_int_equal(count, VIVA_DISCOVERY_MAX_ADDRESSES);
	end(&scene);
}

static void test_consul__the_urls_members_are_sent(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, one, "/?token=se%2Dcret&dc=paris&stale=off", false);
	const char *request = fake_consul_await(scene.consul, query, 1);
	assert_non_null(strstr(request, "passing=1&dc=paris token=se-cret"));
	end(&scene);
}

static void test_consul__a_token_given_apart_wins(void **state)
{
	(void)state;
	struct fake_consul *consul = fake_consul_start();
	struct viva_discovery_options options = viva_discovery_defaults(fake_consul_url(consul, "?token=a"));
	options.token = "b";
	VIVA_AUTO(viva_discovery) discovery = NULL;
	struct viva_discovery_watch *watch = NULL;
	struct heard heard = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	assert_ok(viva_discovery_open_with(&options, &discovery, NULL));
	assert_ok(viva_discovery_watch(discovery, "emotion", hear, &heard, &watch, NULL));
	assert_non_null(strstr(fake_consul_await(consul, query, 1), "token=b"));
	viva_discovery_watch_end(watch);
	discovery = viva_discovery_destroy(discovery);
	fake_consul_stop(consul);
}

static void test_consul__a_service_that_flaps_is_asked_about_at_a_bounded_rate(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, one, "", true);
	fake_consul_await(scene.consul, "index=7", 1);
	fake_consul_flap(scene.consul);
	fake_consul_await(scene.consul, query, 10);  // the burst; the clock stands still
	VIVA_AUTO(viva_arena) arena = NULL;
	const char *const *addresses = NULL;
	size_t count = 0;
	assert_ok(viva_arena_create(0, &arena));
	(void)!viva_discovery_addresses(scene.discovery, "scoring", arena, &addresses, &count, NULL);  // wakes it up
	fake_consul_await(scene.consul, "scoring-service", 10);
	assert_int_equal(fake_consul_count(scene.consul, query), 10);
	end(&scene);
}

static void test_consul__nobody_there_leaves_addresses_unknown_and_waits_for_nothing(void **state)
{
	(void)state;
	VIVA_AUTO(viva_discovery) discovery = NULL;
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_discovery_watch *watch = NULL;
	struct heard heard = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	assert_ok(viva_discovery_open("consul://127.0.0.1:1", &discovery, NULL));
	assert_ok(viva_discovery_watch(discovery, "emotion", hear, &heard, &watch, NULL));
	assert_int_equal(heard.times, 0);
	const char *const *addresses = NULL;
	size_t count = 0;
	assert_ok(viva_arena_create(0, &arena));
	assert_error(viva_discovery_addresses(discovery, "emotion", arena, &addresses, &count, NULL),
		     VIVA_EUNAVAILABLE);
	viva_discovery_watch_end(watch);
}

static void test_consul__a_url_that_can_not_be_read_is_refused_without_its_secret(void **state)
{
	(void)state;
	static const char *const malformed[] = {
		"consul:",
		"consul://",
		"consul://?token=hush",
		"consul://h:0?token=hush",
		"consul://h:65536?token=hush",
		"consul://h:x?token=hush",
		"consul://hush@h:1",
		"consul://h:1/v1?token=hush",
		"consul://h:1?token=hush%0d%0aX:1",
		"consul://h:1?token=hush%2",
		"consul://h:1?token=hush%zz",
		"consul://h:1?token=hush&what=1",
		"consul://h:1?token=hush&tls=maybe",
		"consul://h:1?token=hush&stale=on-occasion",
		"consul://h:1?token=hush&dc=a%26b",
		"consul://h:1?token=hush&tls",
		"consul://a b:1?token=hush",
		"consul://::1:1?token=hush",
	};
	for (size_t i = 0; i < VIVA_COUNT(malformed); i++) {
		struct viva_discovery *discovery = NULL;
		struct viva_error error = {0};
		if (viva_discovery_open(malformed[i], &discovery, &error) != VIVA_EUSAGE)
			fail_msg("%s was taken", malformed[i]);
		assert_string_equal(error.field, "discovery-url");
		assert_null(strstr(error.message, "hush"));
	}
}

static void test_consul__urls_of_all_kinds_are_read(void **state)
{
	(void)state;
	static const char *const urls[] = {
		"consul://localhost",
		"consul://127.0.0.1:8500/",
		"consul://[::1]:8500",
		"consul://[::1]?tls=on&ca-file=/etc/ssl/a%20b.pem",
		"consul://consul.example:443?tls=on&&dc=eu_1",
	};
	for (size_t i = 0; i < VIVA_COUNT(urls); i++) {
		struct viva_discovery *discovery = NULL;
		struct viva_error error = {0};
		if (viva_discovery_open(urls[i], &discovery, &error) < 0)
			fail_msg("%s: %s", urls[i], error.message);
		viva_discovery_destroy(discovery);
	}
}

static void test_consul__memory_that_runs_out_is_told(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct viva_discovery *discovery = NULL;
		fail_next_allocation(i);
		int result = viva_discovery_open(i == 0 ? "consul://127.0.0.1:1" : "static:", &discovery, NULL);
		assert_error(result, VIVA_ENOMEM);
		assert_null(discovery);
	}
	VIVA_AUTO(viva_discovery) discovery = NULL;
	assert_ok(viva_discovery_open("static:", &discovery, NULL));
	struct viva_discovery_watch *watch = NULL;
	fail_next_allocation(0);
	assert_error(viva_discovery_watch(discovery, "emotion", hear, NULL, &watch, NULL), VIVA_ENOMEM);
	assert_null(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_consul__a_watch_hears_what_is_known_and_each_change),
		cmocka_unit_test(test_consul__the_same_instances_in_another_order_are_no_change),
		cmocka_unit_test(test_consul__an_index_that_goes_back_is_asked_for_anew),
		cmocka_unit_test(test_consul__an_index_of_zero_counts_as_one),
		cmocka_unit_test(test_consul__whatever_is_no_answer_keeps_the_addresses),
		cmocka_unit_test(test_consul__entries_that_are_no_addresses_are_left_out),
		cmocka_unit_test(test_consul__more_instances_than_can_be_used_are_cut),
		cmocka_unit_test(test_consul__the_urls_members_are_sent),
		cmocka_unit_test(test_consul__a_token_given_apart_wins),
		cmocka_unit_test(test_consul__a_service_that_flaps_is_asked_about_at_a_bounded_rate),
		cmocka_unit_test(test_consul__nobody_there_leaves_addresses_unknown_and_waits_for_nothing),
		cmocka_unit_test(test_consul__a_url_that_can_not_be_read_is_refused_without_its_secret),
		cmocka_unit_test(test_consul__urls_of_all_kinds_are_read),
		cmocka_unit_test(test_consul__memory_that_runs_out_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
