// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <string.h>

#include "viva_test.h"

static void test_bytes__a_buffer_grows_to_its_limit_and_no_further(void **state)
{
	(void)state;
	struct viva_buffer buffer;
	viva_buffer_init(&buffer, 10);
	assert_ok(viva_buffer_append(&buffer, "123456", 6));
	assert_error(viva_buffer_append(&buffer, "78901", 5), VIVA_ELIMIT);
	assert_error(viva_buffer_append(&buffer, "x", SIZE_MAX), VIVA_ELIMIT);
	assert_error(viva_buffer_printf(&buffer, "%05d", 1), VIVA_ELIMIT);
	assert_int_equal(buffer.size, 6);
	assert_ok(viva_buffer_append_text(&buffer, "7890"));
	assert_memory_equal(buffer.data, "1234567890", 10);
	viva_buffer_finish(&buffer);
}

static void test_bytes__a_large_buffer_reaches_exactly_its_limit(void **state)
{
	(void)state;
	struct viva_buffer buffer = {.limit = 100003};
	while (buffer.size < buffer.limit)
		assert_ok(viva_buffer_append(&buffer, "0123456789", VIVA_MIN(10u, buffer.limit - buffer.size)));
	assert_error(viva_buffer_append(&buffer, "x", 1), VIVA_ELIMIT);
	assert_true(buffer.capacity <= buffer.limit);
	viva_buffer_finish(&buffer);
}

static void test_bytes__a_finished_buffer_is_empty_and_usable(void **state)
{
	(void)state;
	struct viva_buffer buffer;
	viva_buffer_init(&buffer, 100);
	assert_ok(viva_buffer_printf(&buffer, "%s %d", "is", 7));
	assert_memory_equal(buffer.data, "is 7", 4);
	viva_buffer_finish(&buffer);
	assert_int_equal(buffer.size, 0);
	assert_ok(viva_buffer_append_text(&buffer, "again"));
	viva_buffer_finish(&buffer);
}

static void test_bytes__consumed_bytes_leave_at_the_front(void **state)
{
	(void)state;
	struct viva_buffer buffer;
	viva_buffer_init(&buffer, 100);
	assert_ok(viva_buffer_append_text(&buffer, "abcdef"));
	viva_buffer_consume(&buffer, 2);
	assert_int_equal(buffer.size, 4);
	assert_memory_equal(buffer.data, "cdef", 4);
	viva_buffer_consume(&buffer, 4);
	viva_buffer_consume(&buffer, 0);
	assert_int_equal(buffer.size, 0);
	viva_buffer_finish(&buffer);
}

static void test_bytes__room_reserved_is_room_to_write(void **state)
{
	(void)state;
	struct viva_buffer buffer;
	viva_buffer_init(&buffer, 1000);
	assert_ok(viva_buffer_reserve(&buffer, 1000));
	memset(buffer.data, 'x', 1000);
	buffer.size += 1000;
	assert_error(viva_buffer_reserve(&buffer, 1), VIVA_ELIMIT);
	assert_ok(viva_buffer_reserve(&buffer, 0));
	viva_buffer_finish(&buffer);
}

static void test_bytes__a_failed_growth_changes_nothing(void **state)
{
	(void)state;
	struct viva_buffer buffer;
	viva_buffer_init(&buffer, 100000);
	assert_ok(viva_buffer_append_text(&buffer, "kept"));
	fail_next_allocation(0);
	assert_error(viva_buffer_reserve(&buffer, 50000), VIVA_ENOMEM);
	assert_int_equal(buffer.size, 4);
	assert_memory_equal(buffer.data, "kept", 4);
	viva_buffer_finish(&buffer);
}

static void test_bytes__a_blob_lives_as_long_as_its_last_owner(void **state)
{
	(void)state;
	struct viva_blob *blob = NULL;
	assert_ok(viva_blob_create("frame", 5, &blob));
	struct viva_blob *second = viva_blob_ref(blob);
	assert_null(viva_blob_destroy(blob));
	assert_memory_equal(viva_blob_bytes(second).data, "frame", 5);
	assert_null(viva_blob_destroy(second));
	assert_null(viva_blob_destroy(NULL));
	assert_int_equal(viva_blob_bytes(NULL).size, 0);
}

static void test_bytes__a_blob_takes_a_buffer_over_without_a_copy(void **state)
{
	(void)state;
	struct viva_buffer buffer;
	viva_buffer_init(&buffer, 100);
	assert_ok(viva_buffer_append_text(&buffer, "bytes"));
	const uint8_t *before = buffer.data;
	VIVA_AUTO(viva_blob) blob = NULL;
	assert_ok(viva_blob_create_from_buffer(&buffer, &blob));
	assert_ptr_equal(viva_blob_bytes(blob).data, before);
	assert_int_equal(viva_blob_bytes(blob).size, 5);
	assert_null(buffer.data);
	assert_int_equal(buffer.limit, 100);
}

static void test_bytes__a_window_keeps_its_parent_alive(void **state)
{
	(void)state;
	struct viva_blob *parent = NULL, *window = NULL;
	uint8_t *data;
	assert_ok(viva_blob_create_uninitialised(10, &parent, &data));
	memcpy(data, "0123456789", 10);
	assert_error(viva_blob_create_window(parent, 5, 6, &window), VIVA_EINVAL);
	assert_error(viva_blob_create_window(parent, SIZE_MAX, 2, &window), VIVA_EINVAL);
	assert_ok(viva_blob_create_window(parent, 5, 3, &window));
	viva_blob_destroy(parent);
	assert_int_equal(viva_blob_bytes(window).size, 3);
	assert_memory_equal(viva_blob_bytes(window).data, "567", 3);
	viva_blob_destroy(window);
}

// The values are of the tests in draft-eastlake-fnv.
static void test_bytes__hashes_are_fnv_1a_however_the_bytes_come(void **state)
{
	(void)state;
	assert_true(viva_hash_more(VIVA_HASH_START, "", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(viva_hash_more(VIVA_HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(viva_hash_more(VIVA_HASH_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
	assert_true(viva_hash_more(viva_hash_more(VIVA_HASH_START, "foo", 3), "bar", 3) ==
		    UINT64_C(0x85944171f73967e8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes__a_buffer_grows_to_its_limit_and_no_further),
		cmocka_unit_test(test_bytes__a_large_buffer_reaches_exactly_its_limit),
		cmocka_unit_test(test_bytes__a_finished_buffer_is_empty_and_usable),
		cmocka_unit_test(test_bytes__hashes_are_fnv_1a_however_the_bytes_come),
		cmocka_unit_test(test_bytes__consumed_bytes_leave_at_the_front),
		cmocka_unit_test(test_bytes__room_reserved_is_room_to_write),
		cmocka_unit_test(test_bytes__a_failed_growth_changes_nothing),
		cmocka_unit_test(test_bytes__a_blob_lives_as_long_as_its_last_owner),
		cmocka_unit_test(test_bytes__a_blob_takes_a_buffer_over_without_a_copy),
		cmocka_unit_test(test_bytes__a_window_keeps_its_parent_alive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
