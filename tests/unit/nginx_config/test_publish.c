// SPDX-License-Identifier: Apache-2.0
#include "nginx_config/publish.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "viva_test.h"

static char directory[PATH_MAX], path[PATH_MAX + 32], pid_file[PATH_MAX + 32];
static volatile sig_atomic_t hups;

static void on_hup(int number)
{
	(void)number;
	hups++;
}

static int set_up(void **state)
{
	(void)state;
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/nginx.conf", directory);
	snprintf(pid_file, sizeof pid_file, "%s/nginx.pid", directory);
	hups = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	remove_test_directory(directory);
	return 0;
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void assert_file(const char *expected)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	assert_ok(viva_file_read(path, 1000, &text, &size));
	assert_string_equal(text, expected);
}

static int publish(struct nginx_publisher publisher, const char *text, bool *ret_is_new)
{
	publisher.path = path;
	return nginx_publish(&publisher, viva_bytes_of_text(text), ret_is_new, NULL);
}

static void test_publish__the_file_is_replaced_when_it_changes(void **state)
{
	(void)state;
	bool is_new = false;
	assert_ok(publish((struct nginx_publisher){0}, "one", &is_new));
	assert_true(is_new);
	assert_file("one");
	assert_ok(publish((struct nginx_publisher){0}, "one", &is_new));
	assert_false(is_new);
	assert_ok(publish((struct nginx_publisher){0}, "two", &is_new));
	assert_true(is_new);
	assert_file("two");
}

static void test_publish__a_text_that_the_test_refuses_leaves_the_last_good_one(void **state)
{
	(void)state;
	bool is_new = false;
	struct nginx_publisher tested = {.test_command = "grep -q good \"$FILE\""};
	assert_ok(publish(tested, "good", &is_new));
	assert_error(publish(tested, "bad", &is_new), VIVA_EINVAL);
	assert_file("good");
	char fresh[PATH_MAX + 64];
	snprintf(fresh, sizeof fresh, "%s.new", path);
	assert_int_equal(access(fresh, F_OK), -1);
}

static void test_publish__a_place_that_can_not_be_written_is_told(void **state)
{
	(void)state;
	bool is_new = false;
	struct nginx_publisher nowhere = {.path = "/nonexistent/nginx.conf"};
	struct viva_error error = {0};
	assert_error(nginx_publish(&nowhere, viva_bytes_of_text("x"), &is_new, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "/nonexistent/nginx.conf.new"));
}

static void test_reload__the_process_of_the_pid_file_is_told(void **state)
{
	(void)state;
	struct nginx_publisher publisher = {.path = path, .reload_pid = pid_file};
	assert_ok(nginx_reload(&publisher, NULL));  // nginx doesn't run yet
	signal(SIGHUP, on_hup);
	char text[32];
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	write_text(pid_file, text);
	assert_ok(nginx_reload(&publisher, NULL));
	assert_int_equal(hups, 1);
	static const char *const wrong[] = {"x\n", "-1\n", "1\n", "99999999999\n", "2147483647\n"};
	for (size_t i = 0; i < VIVA_COUNT(wrong); i++) {
		write_text(pid_file, wrong[i]);
		assert_error(nginx_reload(&publisher, NULL), VIVA_EIO);
	}
}

static void test_reload__a_command_that_fails_is_told(void **state)
{
	(void)state;
	struct nginx_publisher publisher = {.path = path, .reload_command = "true"};
	assert_ok(nginx_reload(&publisher, NULL));
	publisher.reload_command = "exit 3";
	assert_error(nginx_reload(&publisher, NULL), VIVA_EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_publish__the_file_is_replaced_when_it_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_publish__a_text_that_the_test_refuses_leaves_the_last_good_one,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_publish__a_place_that_can_not_be_written_is_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_reload__the_process_of_the_pid_file_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reload__a_command_that_fails_is_told, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
