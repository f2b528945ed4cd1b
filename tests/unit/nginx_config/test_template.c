// SPDX-License-Identifier: Apache-2.0
#include "nginx_config/template.h"

#include <string.h>

#include "nginx_config/nginx_template.h"
#include "viva_test.h"

static const char *const two[] = {"10.0.0.1:8080", "[::1]:8080"};
static const struct nginx_upstream upstreams[] = {{"interview", two, 2}, {"emotion", NULL, 0}};
static const struct nginx_value values[] = {{"http_listen", "9000"}, {"empty", ""}};
static const struct nginx_view view = {upstreams, VIVA_COUNT(upstreams), values, VIVA_COUNT(values)};

static void assert_renders(const char *text, const char *expected)
{
	struct viva_buffer out;
	viva_buffer_init(&out, NGINX_CONFIG_MAX_BYTES);
	assert_ok(nginx_template_render(viva_bytes_of_text(text), &view, &out, NULL));
	assert_int_equal(out.size, strlen(expected));
	assert_memory_equal(out.data, expected, out.size);
	viva_buffer_finish(&out);
}

static void test_template__each_instance_gets_a_line(void **state)
{
	(void)state;
	assert_renders("upstream i {\n\t{{servers interview weight=1 max_fails=3}}\n}\n",
		       "upstream i {\n\tserver 10.0.0.1:8080 weight=1 max_fails=3;\n"
		       "\tserver [::1]:8080 weight=1 max_fails=3;\n}\n");
	assert_renders("{{servers interview}}", "server 10.0.0.1:8080;\nserver [::1]:8080;\n");
}

static void test_template__a_service_without_instances_is_down(void **state)
{
	(void)state;
	assert_renders("  {{servers emotion weight=2}}\n", "  server 127.0.0.1:9 down;\n");
}

static void test_template__values_are_put_in_and_comments_left_alone(void **state)
{
	(void)state;
	assert_renders("listen {{http_listen}};{{empty}} {{http_listen}}\n  # {{what}}\n\nend",
		       "listen 9000; 9000\n  # {{what}}\n\nend\n");
}

static void test_template__what_can_not_be_understood_is_named_by_its_line(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"a\n{{unknown}}\n",  "a\n{{http_listen\n",         "a\n{{servers nobody}}\n",
		"a\n{{servers }}\n", "a\nx {{servers interview}}", "a\n{{servers interview a;b}}\n",
	};
	for (size_t i = 0; i < VIVA_COUNT(wrong); i++) {
		struct viva_buffer out;
		struct viva_error error = {0};
		viva_buffer_init(&out, NGINX_CONFIG_MAX_BYTES);
		assert_error(nginx_template_render(viva_bytes_of_text(wrong[i]), &view, &out, &error), VIVA_EINVAL);
		assert_string_equal(error.message, "line 2 of the template can't be understood");
		viva_buffer_finish(&out);
	}
}

static void test_template__a_text_over_the_limit_is_refused(void **state)
{
	(void)state;
	struct viva_buffer out;
	viva_buffer_init(&out, 10);
	assert_error(nginx_template_render(viva_bytes_of_text("0123456789\n"), &view, &out, NULL), VIVA_ELIMIT);
	viva_buffer_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_template__each_instance_gets_a_line),
		cmocka_unit_test(test_template__a_service_without_instances_is_down),
		cmocka_unit_test(test_template__values_are_put_in_and_comments_left_alone),
		cmocka_unit_test(test_template__what_can_not_be_understood_is_named_by_its_line),
		cmocka_unit_test(test_template__a_text_over_the_limit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
