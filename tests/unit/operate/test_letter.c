// SPDX-License-Identifier: Apache-2.0
#include "operate/letter.h"

#include <string.h>

#include "viva_test.h"

static struct viva_bus_dead_letter letter_of(const char *body)
{
	return (struct viva_bus_dead_letter){.message = {.routing_key = "frame.accepted",
							 .type = "FrameCaptured",
							 .message_id = "id-1",
							 .app_id = "interview",
							 .session_id = "session-1",
							 .traceparent = "",
							 .timestamp_ms = 1767225600000,
							 .body = viva_bytes_of_text(body)},
					     .queue = "emotion.frames.3",
					     .reason = "it has no face",
					     .died_at_ms = 0,
					     .retries = 5};
}

static void test_letter__a_body_is_summarised_by_kinds_and_sizes(void **state)
{
	(void)state;
	VIVA_AUTO_JSON body =
		operate_body_json(viva_bytes_of_text("{\"transcript\": \"I said\", \"n\": 1.5, \"is\": true, \"none\": "
						     "null, \"list\": [1], \"object\": {\"a\": 1}}"));
	assert_non_null(body);
	const json_t *members = json_object_get(body, "members");
	assert_string_equal(json_string_value(json_object_get(members, "transcript")), "text of 6 bytes");
	assert_true(json_real_value(json_object_get(members, "n")) == 1.5);
	assert_true(json_is_true(json_object_get(members, "is")));
	assert_true(json_is_null(json_object_get(members, "none")));
	assert_string_equal(json_string_value(json_object_get(members, "list")), "list of 1");
	assert_string_equal(json_string_value(json_object_get(members, "object")), "object of 1 members");
	assert_int_equal(json_object_size(members), 6);
}

static void test_letter__what_is_no_object_has_no_members(void **state)
{
	(void)state;
	const char *bodies[] = {"", "[1]", "12", "{\"a\": 1", "{\"a\": 1, \"a\": 2}", "\xff"};
	for (size_t i = 0; i < VIVA_COUNT(bodies); i++) {
		VIVA_AUTO_JSON body = operate_body_json(viva_bytes_of_text(bodies[i]));
		assert_true(json_is_null(json_object_get(body, "members")));
		assert_int_equal(json_integer_value(json_object_get(body, "bytes")), strlen(bodies[i]));
	}
}

static void test_letter__as_json_it_says_all_but_the_body(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	struct viva_bus_dead_letter letter = letter_of("{\"secret\": \"smile\"}");
	VIVA_AUTO_JSON json = operate_letter_json(arena, &letter);
	assert_string_equal(json_string_value(json_object_get(json, "queue")), "emotion.frames.3");
	assert_string_equal(json_string_value(json_object_get(json, "published_at")), "2026-01-01T00:00:00.000Z");
	assert_true(json_is_null(json_object_get(json, "died_at")));
	assert_int_equal(json_integer_value(json_object_get(json, "retries")), 5);
	assert_null(strstr(viva_json_text(arena, json), "smile"));
	assert_null(strstr(viva_json_text(arena, json), "secret"));
}

static void test_letter__a_long_reason_is_cut_in_the_table_only(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	char reason[201];
	memset(reason, 'x', 200);
	reason[200] = '\0';
	struct viva_bus_dead_letter letter = letter_of("{}");
	letter.reason = reason;
	const char *cells[OPERATE_LETTER_COLUMNS];
	operate_letter_cells(arena, &letter, cells);
	assert_string_equal(cells[0], "id-1");
	assert_string_equal(cells[3], "-");
	assert_int_equal(strlen(cells[5]), 80 + strlen("…"));
	VIVA_AUTO_JSON json = operate_letter_json(arena, &letter);
	assert_string_equal(json_string_value(json_object_get(json, "reason")), reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_letter__a_body_is_summarised_by_kinds_and_sizes),
		cmocka_unit_test(test_letter__what_is_no_object_has_no_members),
		cmocka_unit_test(test_letter__as_json_it_says_all_but_the_body),
		cmocka_unit_test(test_letter__a_long_reason_is_cut_in_the_table_only),
	};
	return cmocka_run_group_tests_name("letter", tests, NULL, NULL);
}
