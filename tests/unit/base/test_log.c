// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "stderr_capture.h"
#include "viva_test.h"

static json_t *json_of(const char *line)
{
	json_t *json = NULL;
	assert_ok(viva_json_parse_object(viva_bytes_of_text(line), 1 << 16, &json, NULL));
	return json;
}

static const char *member(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void test_log__a_line_of_json_has_all_that_is_known(void **state)
{
	(void)state;
	viva_log_configure("emotion", VIVA_LOG_INFO, VIVA_LOG_JSON);
	viva_log_set_context("req-1", "session-2");
	struct stderr_capture capture = stderr_capture_begin();
	viva_log_warn("frame %d is late", 7);
	VIVA_AUTO_FREE char *text = stderr_capture_end(&capture);
	viva_log_set_context(NULL, NULL);
	VIVA_AUTO_JSON json = json_of(text);
	int64_t ms;
	assert_ok(viva_rfc3339_to_unix_ms(member(json, "ts"), &ms));
	assert_string_equal(member(json, "level"), "warn");
	assert_string_equal(member(json, "service"), "emotion");
	assert_string_equal(member(json, "message"), "frame 7 is late");
	assert_string_equal(member(json, "request_id"), "req-1");
	assert_string_equal(member(json, "session_id"), "session-2");
}

static void test_log__without_a_context_there_are_no_ids(void **state)
{
	(void)state;
	viva_log_configure("emotion", VIVA_LOG_INFO, VIVA_LOG_JSON);
	struct stderr_capture capture = stderr_capture_begin();
	viva_log_info("ready");
	VIVA_AUTO_FREE char *text = stderr_capture_end(&capture);
	VIVA_AUTO_JSON json = json_of(text);
	assert_null(json_object_get(json, "request_id"));
	assert_null(json_object_get(json, "session_id"));
}

static void test_log__no_message_can_forge_a_line_or_break_the_json(void **state)
{
	(void)state;
	viva_log_configure("emotion", VIVA_LOG_INFO, VIVA_LOG_JSON);
	viva_log_set_context("\"},{\"x\":\"", "\x1b[31m");
	struct stderr_capture capture = stderr_capture_begin();
	viva_log_error("%s", "a\nb\r\t\"\\ \x01\x7f\x80 \xc2\x9b \xc3\xa9 \xe2\x82");
	VIVA_AUTO_FREE char *text = stderr_capture_end(&capture);
	viva_log_set_context(NULL, NULL);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_null(strchr(text, '\x1b'));
	VIVA_AUTO_JSON json = json_of(text);
	assert_string_equal(member(json, "message"),
			    "a\nb\r\t\"\\ \x01\x7f\xef\xbf\xbd \xc2\x9b \xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(member(json, "request_id"), "\"},{\"x\":\"");
}

static void test_log__readable_text_is_one_clean_line(void **state)
{
	(void)state;
	viva_log_configure("gateway", VIVA_LOG_INFO, VIVA_LOG_TEXT);
	viva_log_set_context("req-1", NULL);
	struct stderr_capture capture = stderr_capture_begin();
	viva_log_info("%s", "forged\n12:00:00.000 error gateway: gone \x1b[31m");
	VIVA_AUTO_FREE char *text = stderr_capture_end(&capture);
	viva_log_set_context(NULL, NULL);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_non_null(strstr(text, "info "));
	assert_non_null(strstr(text, " gateway: forged\\n12:00"));
	assert_non_null(strstr(text, "\\u001b[31m"));
	assert_non_null(strstr(text, " request=req-1\n"));
}

static void test_log__lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	viva_log_configure("emotion", VIVA_LOG_WARN, VIVA_LOG_JSON);
	struct stderr_capture capture = stderr_capture_begin();
	viva_log_debug("no");
	viva_log_info("no");
	viva_log_set_level(VIVA_LOG_DEBUG);
	viva_log_debug("yes");
	VIVA_AUTO_FREE char *text = stderr_capture_end(&capture);
	assert_non_null(strstr(text, "\"yes\""));
	assert_null(strstr(text, "\"no\""));
}

static void test_log__the_longest_line_is_still_whole_json(void **state)
{
	(void)state;
	viva_log_configure("emotion", VIVA_LOG_INFO, VIVA_LOG_JSON);
	char evil[8000];
	memset(evil, '\x01', sizeof evil - 1);
	evil[sizeof evil - 1] = '\0';
	viva_log_set_context(evil, evil);
	struct stderr_capture capture = stderr_capture_begin();
	viva_log_info("%s", evil);
	memset(evil, '"', sizeof evil - 1);
	viva_log_info("%s", evil);
	VIVA_AUTO_FREE char *text = stderr_capture_end(&capture);
	viva_log_set_context(NULL, NULL);
	char *second = strchr(text, '\n') + 1;
	assert_true(second - text <= 4096);
	assert_true(strlen(second) <= 4096);
	VIVA_AUTO_JSON b = json_of(second);
	second[0] = '\0';
	VIVA_AUTO_JSON a = json_of(text);
	assert_true(json_string_length(json_object_get(a, "message")) > 100);
	assert_true(json_string_length(json_object_get(b, "message")) > 100);
}

static void *log_often(void *context)
{
	viva_log_set_context(context, NULL);
	for (int i = 0; i < 200; i++)
		viva_log_info("line of %s", (const char *)context);
	return NULL;
}

static void test_log__threads_have_their_own_ids_and_whole_lines(void **state)
{
	(void)state;
	viva_log_configure("emotion", VIVA_LOG_INFO, VIVA_LOG_JSON);
	static char names[4][8] = {"one", "two", "three", "four"};
	struct stderr_capture capture = stderr_capture_begin();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_often, names[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	VIVA_AUTO_FREE char *text = stderr_capture_end(&capture);
	int lines = 0;
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), lines++) {
		VIVA_AUTO_JSON json = json_of(line);
		const char *message = member(json, "message");
		assert_string_equal(message + strlen("line of "), member(json, "request_id"));
	}
	assert_int_equal(lines, 800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log__a_line_of_json_has_all_that_is_known),
		cmocka_unit_test(test_log__without_a_context_there_are_no_ids),
		cmocka_unit_test(test_log__no_message_can_forge_a_line_or_break_the_json),
		cmocka_unit_test(test_log__readable_text_is_one_clean_line),
		cmocka_unit_test(test_log__lines_below_the_level_are_not_written),
		cmocka_unit_test(test_log__the_longest_line_is_still_whole_json),
		cmocka_unit_test(test_log__threads_have_their_own_ids_and_whole_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
