// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_statements.h"

#include <stdio.h>
#include <string.h>

#include "viva_test.h"

static struct viva_postgres_parameters parameters;

static struct viva_postgres_statement *find(struct viva_postgres_statements *statements, const char *sql,
					    const struct viva_value *values, size_t count, bool *ret_is_evicting)
{
	struct viva_postgres_statement *statement = NULL;
	assert_ok(viva_postgres_encode(values, count, &parameters, NULL));
	assert_ok(viva_postgres_statements_find(statements, sql, &parameters, &statement, ret_is_evicting, NULL));
	return statement;
}

static void test_postgres_statements__one_for_each_text_and_types(void **state)
{
	(void)state;
	struct viva_postgres_statements statements = {0};
	bool is_evicting = true;
	struct viva_value number[] = {viva_value_int(1)}, other[] = {viva_value_int(2)}, null[] = {viva_value_null()};
	char text[] = "SELECT $1", copy[] = "SELECT $1";
	struct viva_postgres_statement *first = find(&statements, text, number, 1, &is_evicting);
	assert_false(is_evicting);
	assert_int_equal(first->state, VIVA_POSTGRES_UNPREPARED);
	assert_ptr_equal(find(&statements, copy, other, 1, &is_evicting), first);
	struct viva_postgres_statement *second = find(&statements, text, null, 1, &is_evicting);
	assert_ptr_not_equal(second, first);
	assert_string_not_equal(second->name, first->name);
	viva_postgres_statements_finish(&statements);
}

static void test_postgres_statements__the_one_used_longest_ago_goes(void **state)
{
	(void)state;
	struct viva_postgres_statements statements = {0};
	bool is_evicting = false;
	char sql[32];
	for (int i = 0; i < VIVA_POSTGRES_STATEMENTS; i++) {
		snprintf(sql, sizeof sql, "SELECT %d", i);
		find(&statements, sql, NULL, 0, &is_evicting)->state = VIVA_POSTGRES_PREPARED;
		assert_false(is_evicting);
	}
	struct viva_postgres_statement *first = find(&statements, "SELECT 0", NULL, 0, &is_evicting);
	struct viva_postgres_statement *newest = find(&statements, "SELECT 'new'", NULL, 0, &is_evicting);
	assert_true(is_evicting);
	assert_int_equal(newest->state, VIVA_POSTGRES_UNPREPARED);
	assert_ptr_equal(find(&statements, "SELECT 0", NULL, 0, &is_evicting), first);
	assert_false(is_evicting);
	// The new one took the place of the second.
	assert_int_equal(find(&statements, "SELECT 1", NULL, 0, &is_evicting)->state, VIVA_POSTGRES_UNPREPARED);
	assert_true(is_evicting);
	viva_postgres_statements_finish(&statements);
}

static void test_postgres_statements__those_that_never_arrived_are_forgotten(void **state)
{
	(void)state;
	struct viva_postgres_statements statements = {0};
	bool is_evicting = false;
	find(&statements, "SELECT 1", NULL, 0, &is_evicting)->state = VIVA_POSTGRES_PREPARED;
	find(&statements, "SELECT 2", NULL, 0, &is_evicting)->state = VIVA_POSTGRES_PREPARING;
	viva_postgres_statements_forget_preparing(&statements);
	assert_int_equal(find(&statements, "SELECT 1", NULL, 0, &is_evicting)->state, VIVA_POSTGRES_PREPARED);
	assert_int_equal(find(&statements, "SELECT 2", NULL, 0, &is_evicting)->state, VIVA_POSTGRES_UNPREPARED);
	viva_postgres_statements_finish(&statements);
}

static void test_postgres_statements__counts_parameters_and_says_so_when_there_is_no_memory(void **state)
{
	(void)state;
	struct viva_postgres_statements statements = {0};
	struct viva_postgres_statement *statement = NULL;
	bool is_evicting = false;
	struct viva_value values[] = {viva_value_int(1)};
	struct viva_error error = {0};
	assert_ok(viva_postgres_encode(values, 1, &parameters, NULL));
	assert_error(viva_postgres_statements_find(&statements, "SELECT $1, $2", &parameters, &statement, &is_evicting,
						   &error),
		     VIVA_EIO);
	assert_non_null(strstr(error.message, "parameters"));
	assert_error(
		viva_postgres_statements_find(&statements, "SELECT 1", &parameters, &statement, &is_evicting, NULL),
		VIVA_EIO);
	fail_next_allocation(0);
	assert_error(
		viva_postgres_statements_find(&statements, "SELECT $1", &parameters, &statement, &is_evicting, NULL),
		VIVA_ENOMEM);
	assert_null(statement);
	assert_ok(viva_postgres_statements_find(&statements, "SELECT $1", &parameters, &statement, &is_evicting, NULL));
	viva_postgres_statements_finish(&statements);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres_statements__one_for_each_text_and_types),
		cmocka_unit_test(test_postgres_statements__the_one_used_longest_ago_goes),
		cmocka_unit_test(test_postgres_statements__those_that_never_arrived_are_forgotten),
		cmocka_unit_test(test_postgres_statements__counts_parameters_and_says_so_when_there_is_no_memory),
	};
	return cmocka_run_group_tests_name("store/postgres_statements", tests, NULL, NULL);
}
