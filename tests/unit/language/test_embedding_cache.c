// SPDX-License-Identifier: Apache-2.0
#include "language/embedding_cache.h"

#include <stdio.h>

#include "viva_test.h"

static struct viva_embedding embedding_of(float value)
{
	return (struct viva_embedding){.values = {value}};
}

static void put(struct viva_embedding_cache *cache, const char *text, float value)
{
	struct viva_embedding embedding = embedding_of(value);
	viva_embedding_cache_put(cache, viva_bytes_of_text(text), &embedding);
}

static float get(struct viva_embedding_cache *cache, const char *text)
{
	struct viva_embedding embedding = {.values = {-1}};
	return viva_embedding_cache_get(cache, viva_bytes_of_text(text), &embedding) ? embedding.values[0] : -1;
}

static void test_embedding_cache__forgets_what_was_used_longest_ago(void **state)
{
	(void)state;
	VIVA_AUTO(viva_embedding_cache) cache = NULL;
	assert_ok(viva_embedding_cache_create(2, &cache));
	put(cache, "a", 1);
	put(cache, "b", 2);
	assert_true(get(cache, "a") == 1);  // now b is the oldest
	put(cache, "c", 3);
	assert_true(get(cache, "a") == 1);
	assert_true(get(cache, "b") == -1);
	assert_true(get(cache, "c") == 3);
}

static void test_embedding_cache__keeps_the_first_of_two_for_one_text(void **state)
{
	(void)state;
	VIVA_AUTO(viva_embedding_cache) cache = NULL;
	assert_ok(viva_embedding_cache_create(2, &cache));
	put(cache, "a", 1);
	put(cache, "a", 2);
	assert_true(get(cache, "a") == 1);
	put(cache, "", 5);
	assert_true(get(cache, "") == 5);
}

static void test_embedding_cache__holds_its_bound_under_many_texts(void **state)
{
	(void)state;
	VIVA_AUTO(viva_embedding_cache) cache = NULL;
	assert_ok(viva_embedding_cache_create(7, &cache));
	char text[16];
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "%d", i);
		put(cache, text, (float)i);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "%d", i);
		assert_true(get(cache, text) == (i < 993 ? -1.0f : (float)i));
	}
}

static void test_embedding_cache__does_not_keep_long_texts(void **state)
{
	(void)state;
	static char text[4096];
	VIVA_AUTO(viva_embedding_cache) cache = NULL;
	struct viva_embedding embedding = embedding_of(1);
	assert_ok(viva_embedding_cache_create(2, &cache));
	viva_embedding_cache_put(cache, viva_bytes_of(text, sizeof text), &embedding);
	assert_false(viva_embedding_cache_get(cache, viva_bytes_of(text, sizeof text), &embedding));
}

static void test_embedding_cache__needs_room_for_one(void **state)
{
	(void)state;
	struct viva_embedding_cache *cache = NULL;
	assert_error(viva_embedding_cache_create(0, &cache), VIVA_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_embedding_cache__forgets_what_was_used_longest_ago),
		cmocka_unit_test(test_embedding_cache__keeps_the_first_of_two_for_one_text),
		cmocka_unit_test(test_embedding_cache__holds_its_bound_under_many_texts),
		cmocka_unit_test(test_embedding_cache__does_not_keep_long_texts),
		cmocka_unit_test(test_embedding_cache__needs_room_for_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
