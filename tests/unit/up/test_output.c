// SPDX-License-Identifier: Apache-2.0
#include "up/output.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "viva_test.h"

static char written[4 * VIVA_OUTPUT_MAX_LINE];

static struct viva_output new_output(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);
	assert_true(fd >= 0);
	return (struct viva_output){.name = "gateway", .fd = fd, .name_width = 9};
}

// All that was written so far; ends the output.
static const char *text_of(struct viva_output *output)
{
	ssize_t size = pread(output->fd, written, sizeof written - 1, 0);
	assert_true(size >= 0);
	written[size] = '\0';
	close(output->fd);
	return written;
}

static void feed(struct viva_output *output, const char *text)
{
	viva_output_feed(output, text, strlen(text));
}

static void test_output__each_line_has_the_name_in_front(void **state)
{
	(void)state;
	struct viva_output output = new_output();
	feed(&output, "one\ntwo\n");
	assert_string_equal(text_of(&output), "gateway   | one\ngateway   | two\n");
}

static void test_output__a_line_waits_for_its_end(void **state)
{
	(void)state;
	struct viva_output output = new_output();
	feed(&output, "half");
	assert_int_equal(lseek(output.fd, 0, SEEK_END), 0);
	feed(&output, " and half\n");
	assert_string_equal(text_of(&output), "gateway   | half and half\n");
}

static void test_output__a_last_line_without_an_end_is_not_lost(void **state)
{
	(void)state;
	struct viva_output output = new_output();
	feed(&output, "one\nlast words");
	viva_output_flush(&output);
	viva_output_flush(&output);
	assert_string_equal(text_of(&output), "gateway   | one\ngateway   | last words\n");
}

static void test_output__the_last_line_is_remembered(void **state)
{
	(void)state;
	struct viva_output output = new_output();
	feed(&output, "first\nport 80 is in use\n\n");
	assert_string_equal(output.last, "port 80 is in use");
	text_of(&output);
}

static void test_output__a_line_too_long_is_cut_at_a_character(void **state)
{
	(void)state;
	struct viva_output output = new_output();
	feed(&output, "x");
	for (int i = 0; i < VIVA_OUTPUT_MAX_LINE; i++)
		feed(&output, "é");
	feed(&output, "\nnext\n");
	const char *text = text_of(&output);
	const char *end = strstr(text, "é…\ngateway   | next\n");
	assert_non_null(end);
	assert_true((size_t)(end - text) < VIVA_OUTPUT_MAX_LINE + 16);
}

static void test_output__no_child_steers_the_terminal(void **state)
{
	(void)state;
	struct viva_output output = new_output();
	feed(&output, "\033[2Jclear\r\tkept\n");
	assert_string_equal(text_of(&output), "gateway   | ?[2Jclear?\tkept\n");
}

static void test_output__json_stays_json_where_that_is_wanted(void **state)
{
	(void)state;
	struct viva_output output = new_output();
	output.keeps_json = true;
	feed(&output, "{\"level\":\"info\"}\nplain\n");
	assert_string_equal(text_of(&output), "{\"level\":\"info\"}\ngateway   | plain\n");
}

static void test_output__a_terminal_gets_colours(void **state)
{
	(void)state;
	struct viva_output output = new_output();
	output.colour = 36;
	feed(&output, "one\n");
	assert_string_equal(text_of(&output), "\033[36mgateway   |\033[0m one\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output__each_line_has_the_name_in_front),
		cmocka_unit_test(test_output__a_line_waits_for_its_end),
		cmocka_unit_test(test_output__a_last_line_without_an_end_is_not_lost),
		cmocka_unit_test(test_output__the_last_line_is_remembered),
		cmocka_unit_test(test_output__a_line_too_long_is_cut_at_a_character),
		cmocka_unit_test(test_output__no_child_steers_the_terminal),
		cmocka_unit_test(test_output__json_stays_json_where_that_is_wanted),
		cmocka_unit_test(test_output__a_terminal_gets_colours),
	};
	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
