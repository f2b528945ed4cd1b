// SPDX-License-Identifier: Apache-2.0
//
// Each allocation on the way fails once: an event is then neither half read nor half written, and never taken for a
// malformed one, which would make a dead letter of it.
#include <string.h>

#include "events_fixture.h"
#include "viva_test.h"

enum { MAX_ALLOCATIONS = 400 };

static int read_text(const struct event_kind *kind, const char *text, struct viva_arena *arena, union any_event *event)
{
	return kind->read(viva_bytes_of_text(text), arena, event, NULL);
}

static void test_memory__a_reader_that_has_none_says_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		int status = VIVA_ENOMEM;
		unsigned skipped = 0;
		for (; status == VIVA_ENOMEM && skipped < MAX_ALLOCATIONS; skipped++) {
			VIVA_AUTO(viva_arena) arena = NULL;
			assert_ok(viva_arena_create(0, &arena));
			union any_event event;
			fail_next_allocation(skipped);
			status = read_text(&event_kinds[i], event_kinds[i].text, arena, &event);
		}
		fail_next_allocation(MAX_ALLOCATIONS);
		assert_ok(status);
		assert_true(skipped > 5);  // else nothing failed above
	}
}

static void test_memory__a_frame_in_an_unusual_form_needs_it_too(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) texts = NULL;
	assert_ok(viva_arena_create(0, &texts));
	const char *text = replaced(texts, event_kinds[0].text, "/9j/4AA=", "\\/9j\\/4AA=");
	int status = VIVA_ENOMEM;
	for (unsigned skipped = 0; status == VIVA_ENOMEM && skipped < MAX_ALLOCATIONS; skipped++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		assert_ok(viva_arena_create(0, &arena));
		union any_event event;
		fail_next_allocation(skipped);
		status = read_text(&event_kinds[0], text, arena, &event);
	}
	fail_next_allocation(MAX_ALLOCATIONS);
	assert_ok(status);
}

static void test_memory__a_writer_that_has_none_appends_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		assert_ok(viva_arena_create(0, &arena));
		union any_event event;
		assert_ok(read_text(&event_kinds[i], event_kinds[i].text, arena, &event));
		int status = VIVA_ENOMEM;
		unsigned skipped = 0;
		for (; status == VIVA_ENOMEM && skipped < MAX_ALLOCATIONS; skipped++) {
			struct viva_buffer out;
			viva_buffer_init(&out, 4096);
			assert_ok(viva_buffer_append_text(&out, "before"));
			fail_next_allocation(skipped);
			status = event_kinds[i].write(&event, &out);
			fail_next_allocation(MAX_ALLOCATIONS);
			assert_int_equal(out.size, 6 + (status ? 0 : strlen(event_kinds[i].text)));
			viva_buffer_finish(&out);
		}
		assert_ok(status);
		assert_true(skipped > 2);
	}
}

static void test_memory__an_arena_that_is_full_is_no_malformed_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		assert_ok(viva_arena_create(1, &arena));
		union any_event event;
		assert_error(read_text(&event_kinds[i], event_kinds[i].text, arena, &event), VIVA_ENOMEM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory__a_reader_that_has_none_says_so),
		cmocka_unit_test(test_memory__a_frame_in_an_unusual_form_needs_it_too),
		cmocka_unit_test(test_memory__a_writer_that_has_none_appends_nothing),
		cmocka_unit_test(test_memory__an_arena_that_is_full_is_no_malformed_message),
	};
	return cmocka_run_group_tests_name("events/memory", tests, NULL, NULL);
}
