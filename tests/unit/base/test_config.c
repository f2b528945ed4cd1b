// SPDX-License-Identifier: Apache-2.0
#include "base/config.h"

#include <stdlib.h>
#include <string.h>

#include "viva_test.h"

static const struct viva_option common[] = {
	{"test-port", VIVA_OPTION_INT, "8000", 0, 65535, NULL, "Where to listen", false},
	{"test-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL", "Where the store is", false},
	{"test-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "A secret", true},
	{"test-pin", VIVA_OPTION_INT, NULL, 0, 9999, NULL, "A secret number", true},
};
static const struct viva_option special[] = {
	{"test-weight", VIVA_OPTION_REAL, "0.25", 0, 1, NULL, "A share.", false},
	{"test-json", VIVA_OPTION_FLAG, NULL, 0, 0, NULL, "Whether to write JSON", false},
	{"test-any", VIVA_OPTION_INT, "-5", 0, 0, NULL, "Any number", false, 'a'},
	{"test-format", VIVA_OPTION_CHOICE, "html", 0, 0, "pdf|html|json", "What to write", false},
	{"test-state", VIVA_OPTION_CHOICE, NULL, 0, 0, "on|off", "Whether to write", false},
};

static const char *const variables[] = {"VIVA_TEST_PORT", "VIVA_TEST_URL",    "VIVA_TEST_KEY",
					"VIVA_TEST_JSON", "VIVA_TEST_WEIGHT", "VIVA_TEST_PIN"};

static int forget_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(variables); i++)
		unsetenv(variables[i]);
	return 0;
}

static int load(int count, const char *const *arguments, struct viva_config **ret_config, struct viva_error *error)
{
	static const struct viva_option *const tables[] = {common, special};
	static const size_t counts[] = {VIVA_COUNT(common), VIVA_COUNT(special)};
	char *copies[16] = {0};
	for (int i = 0; i < count; i++)
		copies[i] = strdup(arguments[i]);
	int status = viva_config_load(tables, counts, 2, count, copies, ret_config, error);
	for (int i = 0; i < count; i++)
		free(copies[i]);
	return status;
}

#define LOAD(ret_config, error, ...)                                                                                   \
	load((int)VIVA_COUNT(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__}, ret_config,    \
	     error)

static void test_config__without_anything_the_defaults_hold(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(load(0, NULL, &config, NULL));
	assert_int_equal(viva_config_int(config, "test-port"), 8000);
	assert_null(viva_config_text(config, "test-url"));
	assert_true(viva_config_real(config, "test-weight") == 0.25);
	assert_false(viva_config_flag(config, "test-json"));
	assert_int_equal(viva_config_int(config, "test-any"), -5);
	assert_false(viva_config_is_set(config, "test-port"));
	assert_false(viva_config_wants_help(config));
}

static void test_config__a_flag_wins_over_its_variable_and_that_over_the_default(void **state)
{
	(void)state;
	setenv("VIVA_TEST_PORT", "1", 1);
	setenv("VIVA_TEST_URL", "sqlite:x", 1);
	setenv("VIVA_TEST_JSON", "on", 1);
	setenv("VIVA_TEST_WEIGHT", "", 1);  // as good as not set
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(LOAD(&config, NULL, "--test-port", "2", "--test-json=off"));
	assert_int_equal(viva_config_int(config, "test-port"), 2);
	assert_string_equal(viva_config_text(config, "test-url"), "sqlite:x");
	assert_false(viva_config_flag(config, "test-json"));
	assert_true(viva_config_real(config, "test-weight") == 0.25);
	assert_true(viva_config_is_set(config, "test-url"));
	assert_false(viva_config_is_set(config, "test-weight"));
}

static void test_config__values_come_behind_a_blank_or_an_equals_sign(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(
		LOAD(&config, NULL, "--test-url=a=b", "--test-port", "7", "--test-json", "file", "--", "--test-port"));
	assert_string_equal(viva_config_text(config, "test-url"), "a=b");
	assert_int_equal(viva_config_int(config, "test-port"), 7);
	assert_true(viva_config_flag(config, "test-json"));
	assert_int_equal(viva_config_positional_count(config), 2);
	assert_string_equal(viva_config_positional(config, 0), "file");
	assert_string_equal(viva_config_positional(config, 1), "--test-port");
	assert_null(viva_config_positional(config, 2));
}

static void assert_refused(const char *const *arguments, int count, const char *word)
{
	struct viva_config *config = NULL;
	struct viva_error error = {0};
	assert_error(load(count, arguments, &config, &error), VIVA_EUSAGE);
	assert_null(config);
	assert_non_null(strstr(error.message, word));
}

#define REFUSED(word, ...)                                                                                             \
	assert_refused((const char *const[]){__VA_ARGS__}, (int)VIVA_COUNT(((const char *const[]){__VA_ARGS__})), word)

static void test_config__what_cannot_be_read_is_named(void **state)
{
	(void)state;
	REFUSED("--nonsense", "--nonsense");
	REFUSED("--nonsense", "--nonsense=1");
	REFUSED("unknown option", "--test-por", "1");
	REFUSED("unknown option", "-x");
	REFUSED("unknown option", "-a7");
	REFUSED("needs a value", "-a");
	REFUSED("unknown option", "--=");
	REFUSED("needs a value", "--test-port");
	REFUSED("--test-port: \"many\" is not a whole number from 0 to 65535", "--test-port", "many");
	REFUSED("--test-port", "--test-port", "70000");
	REFUSED("--test-port", "--test-port", "");
	REFUSED("--test-port", "--test-port", "-1");
	REFUSED("--test-weight", "--test-weight", "1.5");
	REFUSED("--test-weight", "--test-weight", "nan");
	REFUSED("neither on nor off", "--test-json=maybe");
	REFUSED("is not a whole number", "--test-any", "1.5");
	REFUSED("--test-format must be pdf, html or json, not \"docx\"", "--test-format", "docx");
	REFUSED("must be pdf, html or json", "--test-format=pd");
	REFUSED("must be pdf, html or json", "--test-format=pdf|html");
	REFUSED("must be pdf, html or json", "--test-format=");
	REFUSED("must be on or off, not \"of\"", "--test-state", "of");
}

static void test_config__a_choice_is_its_name_and_its_number(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(LOAD(&config, NULL, "--test-state", "off"));
	assert_string_equal(viva_config_text(config, "test-format"), "html");
	assert_int_equal(viva_config_choice(config, "test-format"), 1);
	assert_string_equal(viva_config_text(config, "test-state"), "off");
	assert_int_equal(viva_config_choice(config, "test-state"), 1);
	VIVA_AUTO(viva_config) without = NULL;
	assert_ok(load(0, NULL, &without, NULL));
	assert_null(viva_config_text(without, "test-state"));
}

static void test_config__a_bad_variable_is_called_by_its_name(void **state)
{
	(void)state;
	setenv("VIVA_TEST_PORT", "many", 1);
	struct viva_config *config = NULL;
	struct viva_error error = {0};
	assert_error(load(0, NULL, &config, &error), VIVA_EUSAGE);
	assert_non_null(strstr(error.message, "VIVA_TEST_PORT"));
	assert_string_equal(error.field, "test-port");
}

static void test_config__a_bad_secret_is_not_repeated(void **state)
{
	(void)state;
	struct viva_config *config = NULL;
	struct viva_error error = {0};
	assert_error(LOAD(&config, &error, "--test-pin", "hunter2"), VIVA_EUSAGE);
	assert_null(strstr(error.message, "hunter2"));
}

static void test_config__help_tells_each_option_but_no_secret(void **state)
{
	(void)state;
	setenv("VIVA_TEST_KEY", "hunter2", 1);
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(LOAD(&config, NULL, "--help"));
	assert_true(viva_config_wants_help(config));
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	viva_config_print_help(config, "viva test", out);
	fclose(out);
	static const char *const words[] = {"viva test",
					    "--test-port",
					    "VIVA_TEST_PORT",
					    "Where to listen. Default: 8000. From 0 to 65535.",
					    "--test-url URL",
					    "VIVA_TEST_KEY",
					    "A share. Default: 0.25.",
					    "--test-format pdf|html|json",
					    "--help"};
	for (size_t i = 0; i < VIVA_COUNT(words); i++)
		if (!strstr(text, words[i]))
			fail_msg("\"%s\" is missing in:\n%s", words[i], text);
	assert_null(strstr(text, "hunter2"));
	free(text);
}

static void test_config__a_letter_is_short_for_its_option(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(LOAD(&config, NULL, "-a", "-7", "file"));
	assert_int_equal(viva_config_int(config, "test-any"), -7);
	assert_int_equal(viva_config_positional_count(config), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, forget_environment)
	const struct CMUnitTest tests[] = {
		TEST(test_config__without_anything_the_defaults_hold),
		TEST(test_config__a_letter_is_short_for_its_option),
		TEST(test_config__a_flag_wins_over_its_variable_and_that_over_the_default),
		TEST(test_config__values_come_behind_a_blank_or_an_equals_sign),
		TEST(test_config__what_cannot_be_read_is_named),
		TEST(test_config__a_choice_is_its_name_and_its_number),
		TEST(test_config__a_bad_variable_is_called_by_its_name),
		TEST(test_config__a_bad_secret_is_not_repeated),
		TEST(test_config__help_tells_each_option_but_no_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
