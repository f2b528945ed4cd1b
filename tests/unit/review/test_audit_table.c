// SPDX-License-Identifier: Apache-2.0
#include "review/audit_table.h"

#include <string.h>

#include "viva_test.h"

static struct viva_arena *arena;
static struct audit_table table;

static int begin(void **state)
{
	(void)state;
	return viva_arena_create(0, &arena);
}

static int end(void **state)
{
	(void)state;
	arena = viva_arena_destroy(arena);
	return 0;
}

static int parse(const char *text, struct viva_error *error)
{
	return audit_table_parse(text, strlen(text), arena, &table, error);
}

static void test_table__is_read_with_quotes_blanks_and_either_line_end(void **state)
{
	(void)state;
	assert_ok(parse("\xef\xbb\xbfid,\"group, of\"\r\n\r\n a1 ,\"say \"\"x\"\"\nmore\"\r\nb2,\nc3,\"\"", NULL));
	assert_int_equal(table.row_count, 3);
	assert_int_equal(table.column_count, 2);
	assert_string_equal(table.names[0], "id");
	assert_string_equal(table.names[1], "group, of");
	assert_string_equal(audit_table_cell(&table, 0, 0), "a1");
	assert_string_equal(audit_table_cell(&table, 0, 1), "say \"x\"\nmore");
	assert_string_equal(audit_table_cell(&table, 1, 1), "");
	assert_string_equal(audit_table_cell(&table, 2, 1), "");
	assert_int_equal(table.lines[0], 3);
	assert_int_equal(table.lines[1], 5);
	assert_int_equal(audit_table_column(&table, "group, of", 9), 1);
	assert_int_equal(audit_table_column(&table, "group", 5), 2);
}

static void test_table__says_which_line_is_wrong(void **state)
{
	(void)state;
	static char long_cell[3000];
	memset(long_cell, 'x', sizeof long_cell - 1);
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "empty"},
		{"\n\n", "empty"},
		{"a,b\n1,2\n3\n", "line 3 has 1 cells, the first one has 2"},
		{"a,b\n1,\"2\n", "never closed"},
		{"a,b\n1,\"2\"3\n", "line 2: after a closing quotation mark"},
		{"a,a\n", "two columns are called \"a\""},
		{"a\n\xff\n", "UTF-8"},
		{long_cell, "longer than 1000 bytes"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct viva_error error = {0};
		assert_error(parse(cases[i].text, &error), VIVA_EUSAGE);
		if (!strstr(error.message, cases[i].says)) {
			print_error("\"%s\" does not say \"%s\"\n", error.message, cases[i].says);
			fail();
		}
	}
}

static void test_table__a_file_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct viva_error error = {0};
	assert_error(audit_table_read("/nowhere/at/all.csv", arena, &table, &error), VIVA_ENOTFOUND);
	assert_non_null(strstr(error.message, "/nowhere/at/all.csv"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table__is_read_with_quotes_blanks_and_either_line_end, begin, end),
		cmocka_unit_test_setup_teardown(test_table__says_which_line_is_wrong, begin, end),
		cmocka_unit_test_setup_teardown(test_table__a_file_that_is_not_there_is_named, begin, end),
	};
	return cmocka_run_group_tests_name("audit_table", tests, NULL, NULL);
}
