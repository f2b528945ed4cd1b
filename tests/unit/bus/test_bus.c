// SPDX-License-Identifier: Apache-2.0
//
// What is the same on each backend: the options' ranges and the choice of the backend.
#include "bus/bus.h"

#include <string.h>

#include "viva_test.h"

static struct viva_bus_options valid(void)
{
	struct viva_bus_options options = viva_bus_defaults();
	options.url = "nonsense:/tmp/x";
	options.app_id = "test";
	return options;
}

static void refuses(struct viva_bus_options options, const char *field)
{
	struct viva_bus *bus = NULL;
	struct viva_error error = {0};
	assert_error(viva_bus_open(&options, &bus, &error), VIVA_EINVAL);
	assert_string_equal(error.field, field);
	assert_null(bus);
}

#define REFUSES(member, value, field)                                                                                  \
	do {                                                                                                           \
		struct viva_bus_options options = valid();                                                             \
		options.member = (value);                                                                              \
		refuses(options, field);                                                                               \
	} while (0)

static void test_bus__refuses_limits_that_make_no_sense(void **state)
{
	(void)state;
	REFUSES(app_id, NULL, "app_id");
	REFUSES(app_id, "", "app_id");
	REFUSES(frame_partitions, 0, "frame-partitions");
	REFUSES(frame_partitions, 65, "frame-partitions");
	REFUSES(max_unconfirmed, 0, "max_unconfirmed");
	REFUSES(max_message_bytes, 0, "max_message_bytes");
	REFUSES(max_message_bytes, (size_t)1 << 30, "max_message_bytes");
	REFUSES(max_unconfirmed_bytes, 1024, "max_unconfirmed_bytes");
	REFUSES(max_stored_bytes, 1024, "max_stored_bytes");
	REFUSES(retry_ms, 0, "retry_ms");
	REFUSES(defer_ms, 0, "defer_ms");
}

static void test_bus__an_unknown_url_is_wrong_usage_and_not_repeated(void **state)
{
	(void)state;
	const char *urls[] = {NULL, "", "amq", ":", "amqpx://me:secret@host/", "secret"};
	for (size_t i = 0; i < VIVA_COUNT(urls); i++) {
		struct viva_bus_options options = valid();
		options.url = urls[i];
		struct viva_bus *bus = NULL;
		struct viva_error error = {0};
		assert_error(viva_bus_open(&options, &bus, &error), VIVA_EUSAGE);
		assert_string_equal(error.field, "bus-url");
		assert_null(strstr(error.message, "secret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bus__refuses_limits_that_make_no_sense),
		cmocka_unit_test(test_bus__an_unknown_url_is_wrong_usage_and_not_repeated),
	};
	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
