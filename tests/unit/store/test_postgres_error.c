// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_error.h"

#include <string.h>

#include "viva_test.h"

static void test_postgres_error__knows_what_each_class_means(void **state)
{
	(void)state;
	static const struct {
		const char *sqlstate;
		enum viva_postgres_failure_kind kind;
		int code;
	} rows[] = {
		{"23505", VIVA_POSTGRES_REFUSED, VIVA_ECONFLICT},    // unique_violation
		{"23503", VIVA_POSTGRES_REFUSED, VIVA_ECONFLICT},    // foreign_key_violation
		{"40001", VIVA_POSTGRES_COLLISION, VIVA_EOVERLOAD},  // serialization_failure
		{"40P01", VIVA_POSTGRES_COLLISION, VIVA_EOVERLOAD},  // deadlock_detected
		{"55P03", VIVA_POSTGRES_WAITED, VIVA_EOVERLOAD},     // lock_not_available
		{"57014", VIVA_POSTGRES_WAITED, VIVA_EOVERLOAD},     // query_canceled
		{"57P01", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE},    // admin_shutdown
		{"57P03", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE},    // cannot_connect_now
		{"08006", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE},    // connection_failure
		{"25P03", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE},    // idle_in_transaction_session_timeout
		{"26000", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE},    // invalid_sql_statement_name
		{"53300", VIVA_POSTGRES_LOST, VIVA_EOVERLOAD},       // too_many_connections
		{"53100", VIVA_POSTGRES_REFUSED, VIVA_EOVERLOAD},    // disk_full
		{"54000", VIVA_POSTGRES_REFUSED, VIVA_ELIMIT},       // program_limit_exceeded
		{"22003", VIVA_POSTGRES_REFUSED, VIVA_EIO},          // numeric_value_out_of_range
		{"42P01", VIVA_POSTGRES_REFUSED, VIVA_EIO},          // undefined_table
		{"42501", VIVA_POSTGRES_REFUSED, VIVA_EIO},          // insufficient_privilege
		{"25006", VIVA_POSTGRES_REFUSED, VIVA_EIO},          // read_only_sql_transaction
		{"XX000", VIVA_POSTGRES_REFUSED, VIVA_EIO},          // internal_error
		{NULL, VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE},      {"", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE},
		{"2350", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE},
	};
	for (size_t i = 0; i < VIVA_COUNT(rows); i++) {
		struct viva_error error = {0};
		assert_int_equal(viva_postgres_failure_kind(rows[i].sqlstate), rows[i].kind);
		assert_error(viva_postgres_fail(&error, rows[i].sqlstate, "why"), rows[i].code);
		assert_int_equal(error.code, rows[i].code);
		assert_true(strlen(error.message) > 10);
	}
}

static void test_postgres_error__leaves_messages_out_that_quote_values(void **state)
{
	(void)state;
	struct viva_error error = {0};
	viva_postgres_fail(&error, "22P02", "invalid input syntax for type bigint: \"a secret\"");
	assert_null(strstr(error.message, "secret"));
	viva_postgres_fail(&error, "P0001", "a trigger's a secret");
	assert_null(strstr(error.message, "secret"));
	viva_postgres_fail(&error, "42P01", "relation \"nowhere\" does not exist");
	assert_non_null(strstr(error.message, "nowhere"));
}

static void test_postgres_error__takes_the_first_line_and_no_message_for_none(void **state)
{
	(void)state;
	struct viva_error error = {0};
	viva_postgres_fail(&error, NULL, "connection refused\n\tIs the server running?\n");
	assert_string_equal(error.message, "the store is not available: connection refused");
	viva_postgres_fail(&error, "23505", NULL);
	assert_string_equal(error.message, "the store refused it: ");
	assert_error(viva_postgres_fail(NULL, "23505", "x"), VIVA_ECONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres_error__knows_what_each_class_means),
		cmocka_unit_test(test_postgres_error__leaves_messages_out_that_quote_values),
		cmocka_unit_test(test_postgres_error__takes_the_first_line_and_no_message_for_none),
	};
	return cmocka_run_group_tests_name("store/postgres_error", tests, NULL, NULL);
}
