// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "viva_test.h"

static struct viva_arena *arena_of(size_t max_bytes)
{
	struct viva_arena *arena = NULL;
	assert_ok(viva_arena_create(max_bytes, &arena));
	return arena;
}

static void test_arena__memory_is_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(0);
	uint8_t *pieces[300];
	for (size_t i = 0; i < VIVA_COUNT(pieces); i++) {
		size_t size = i * 37 % 9000;
		pieces[i] = viva_arena_alloc(arena, size);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		for (size_t b = 0; b < size; b++)
			assert_int_equal(pieces[i][b], 0);
		memset(pieces[i], (int)(i & 0xff), size);
	}
	for (size_t i = 0; i < VIVA_COUNT(pieces); i++)
		for (size_t b = 0; b < i * 37 % 9000; b++)
			assert_int_equal(pieces[i][b], i & 0xff);
}

static void test_arena__more_than_its_limit_is_not_handed_out(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(1000);
	assert_non_null(viva_arena_alloc(arena, 600));
	assert_null(viva_arena_alloc(arena, 600));
	assert_null(viva_arena_alloc(arena, SIZE_MAX));
	assert_null(viva_arena_alloc(arena, SIZE_MAX - 7));
	assert_null(viva_arena_text(arena, "x", SIZE_MAX));
	assert_non_null(viva_arena_alloc(arena, 300));  // what fits still does
}

static void test_arena__texts_are_copied_and_end(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(0);
	char source[] = "abcdef";
	const char *copy = viva_arena_text(arena, source, 3);
	source[0] = 'X';
	assert_string_equal(copy, "abc");
	assert_string_equal(viva_arena_text(arena, NULL, 0), "");
	assert_string_equal(viva_arena_printf(arena, "%s-%05d", "n", 42), "n-00042");
}

static void test_arena__a_text_longer_than_a_chunk_is_printed_whole(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(0);
	const char *text = viva_arena_printf(arena, "%*s|", 100000, "x");
	assert_int_equal(strlen(text), 100001);
	assert_string_equal(text + 99999, "x|");
}

struct note {
	char *order;
	char letter;
};

static void write_letter(void *object)
{
	const struct note *note = object;
	note->order[strlen(note->order)] = note->letter;
}

static void test_arena__cleanups_run_once_last_added_first(void **state)
{
	(void)state;
	char order[8] = "";
	struct note notes[] = {{order, 'a'}, {order, 'b'}, {order, 'c'}};
	struct viva_arena *arena = arena_of(0);
	for (size_t i = 0; i < VIVA_COUNT(notes); i++)
		assert_ok(viva_arena_on_destroy(arena, write_letter, &notes[i]));
	assert_string_equal(order, "");
	assert_null(viva_arena_destroy(arena));
	assert_string_equal(order, "cba");
	assert_null(viva_arena_destroy(NULL));
}

static void test_arena__a_refused_cleanup_never_runs(void **state)
{
	(void)state;
	char order[8] = "";
	struct note note = {order, 'a'};
	struct viva_arena *arena = arena_of(8);
	assert_error(viva_arena_on_destroy(arena, write_letter, &note), VIVA_ENOMEM);
	viva_arena_destroy(arena);
	assert_string_equal(order, "");
}

static void test_arena__when_memory_runs_out_it_says_so_and_lives_on(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = arena_of(0);
	fail_next_allocation(0);
	assert_null(viva_arena_alloc(arena, 10));
	assert_non_null(viva_arena_alloc(arena, 10));
	struct viva_arena *other = NULL;
	fail_next_allocation(0);
	assert_error(viva_arena_create(0, &other), VIVA_ENOMEM);
	assert_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena__memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(test_arena__more_than_its_limit_is_not_handed_out),
		cmocka_unit_test(test_arena__texts_are_copied_and_end),
		cmocka_unit_test(test_arena__a_text_longer_than_a_chunk_is_printed_whole),
		cmocka_unit_test(test_arena__cleanups_run_once_last_added_first),
		cmocka_unit_test(test_arena__a_refused_cleanup_never_runs),
		cmocka_unit_test(test_arena__when_memory_runs_out_it_says_so_and_lives_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
