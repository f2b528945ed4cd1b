// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <string.h>

#include "base/text.h"
#include "viva_test.h"

static void test_error__each_code_has_its_row(void **state)
{
	(void)state;
	static const int codes[] = {
#define CODE(symbol, number, api, text, http, grpc, retryable, breaker) symbol,
		VIVA_ERRORS(CODE)
#undef CODE
	};
	for (size_t i = 0; i < VIVA_COUNT(codes); i++) {
		assert_int_equal(codes[i], -(int)i - 1);
		assert_int_equal(strncmp(viva_error_name(codes[i]), "VIVA_E", 6), 0);
		assert_true(strlen(viva_error_text(codes[i])) > 0);
		assert_in_range(viva_error_http_status(codes[i]), 400, 599);
		assert_in_range(viva_error_grpc_status(codes[i]), 1, 16);
	}
	assert_string_equal(viva_error_name(VIVA_EIMAGE), "VIVA_EIMAGE");
	assert_string_equal(viva_error_api_code(VIVA_EIMAGE), "INVALID_IMAGE");
	assert_int_equal(viva_error_http_status(VIVA_EIMAGE), 422);
}

static void test_error__an_unknown_code_reads_as_internal(void **state)
{
	(void)state;
	static const int strangers[] = {1, 500, -1000, INT32_MIN, INT32_MAX};
	for (size_t i = 0; i < VIVA_COUNT(strangers); i++) {
		assert_string_equal(viva_error_name(strangers[i]), "VIVA_EINTERNAL");
		assert_int_equal(viva_error_http_status(strangers[i]), 500);
	}
}

static void test_error__success_is_no_failure_for_breaker_or_retry(void **state)
{
	(void)state;
	assert_false(viva_error_is_retryable(0));
	assert_false(viva_error_counts_for_breaker(0));
	assert_int_equal(viva_error_grpc_status(0), 0);
	assert_int_equal(viva_error_http_status(0), 200);
}

static void test_error__the_breaker_never_counts_the_callers_faults_or_its_own_refusals(void **state)
{
	(void)state;
	static const int innocent[] = {VIVA_EINVAL, VIVA_EFIELD,     VIVA_EIMAGE,   VIVA_ENOTFOUND,
				       VIVA_ERATE,  VIVA_ECANCELLED, VIVA_EBREAKER, VIVA_EUNAUTHORIZED};
	static const int guilty[] = {VIVA_EUNAVAILABLE, VIVA_EDEADLINE, VIVA_EINTERNAL, VIVA_EOVERLOAD};
	for (size_t i = 0; i < VIVA_COUNT(innocent); i++)
		assert_false(viva_error_counts_for_breaker(innocent[i]));
	for (size_t i = 0; i < VIVA_COUNT(guilty); i++)
		assert_true(viva_error_counts_for_breaker(guilty[i]));
}

static void test_error__fail_fills_all_and_gives_the_code_back(void **state)
{
	(void)state;
	struct viva_error error = {0};
	assert_int_equal(viva_fail(&error, VIVA_EFIELD, "user_id", "%s is %d", "it", 7), VIVA_EFIELD);
	assert_int_equal(error.code, VIVA_EFIELD);
	assert_string_equal(error.field, "user_id");
	assert_string_equal(viva_error_message(&error), "it is 7");
	assert_int_equal(viva_fail(NULL, VIVA_EIO, NULL, "nobody listens"), VIVA_EIO);
}

static void test_error__parts_of_the_error_itself_may_be_arguments(void **state)
{
	(void)state;
	struct viva_error error = {0};
	(void)viva_fail(&error, VIVA_EFIELD, "mode", "unknown");
	(void)viva_fail(&error, VIVA_EUSAGE, error.field, "settings: %s", error.message);
	assert_string_equal(error.field, "mode");
	assert_string_equal(error.message, "settings: unknown");
}

static void test_error__a_long_message_is_cut_between_two_characters(void **state)
{
	(void)state;
	struct viva_error error = {0};
	char wide[1024] = "x";
	for (size_t i = 1; i + 3 < sizeof wide; i += 3)
		memcpy(wide + i, "\xe2\x82\xac", 4);
	(void)viva_fail(&error, VIVA_EINVAL, wide, "%s", wide);
	assert_in_range(strlen(error.message), sizeof error.message - 4, sizeof error.message - 1);
	assert_true(viva_utf8_is_valid(error.message, strlen(error.message)));
	assert_true(viva_utf8_is_valid(error.field, strlen(error.field)));
}

static void test_error__without_a_message_the_codes_text_speaks(void **state)
{
	(void)state;
	struct viva_error error = {.code = VIVA_ENOTFOUND};
	assert_string_equal(viva_error_message(&error), "not found");
}

static void test_error__a_grpc_status_and_its_error_agree(void **state)
{
	(void)state;
	assert_int_equal(viva_error_from_grpc_status(0), 0);
	for (int status = 1; status <= 16; status++)
		assert_true(viva_error_from_grpc_status(status) < 0);
	// What crosses from one service to the next must keep its meaning for retry and breaker.
	static const int kept[] = {1, 3, 4, 5, 7, 8, 9, 12, 13, 14, 16};
	for (size_t i = 0; i < VIVA_COUNT(kept); i++)
		assert_int_equal(viva_error_grpc_status(viva_error_from_grpc_status(kept[i])), kept[i]);
	assert_int_equal(viva_error_from_grpc_status(77), VIVA_EINTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error__each_code_has_its_row),
		cmocka_unit_test(test_error__an_unknown_code_reads_as_internal),
		cmocka_unit_test(test_error__success_is_no_failure_for_breaker_or_retry),
		cmocka_unit_test(test_error__the_breaker_never_counts_the_callers_faults_or_its_own_refusals),
		cmocka_unit_test(test_error__fail_fills_all_and_gives_the_code_back),
		cmocka_unit_test(test_error__parts_of_the_error_itself_may_be_arguments),
		cmocka_unit_test(test_error__a_long_message_is_cut_between_two_characters),
		cmocka_unit_test(test_error__without_a_message_the_codes_text_speaks),
		cmocka_unit_test(test_error__a_grpc_status_and_its_error_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
