// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_values.h"

#include <math.h>
#include <string.h>

#include "viva_test.h"

// Numbers of types, as in PostgreSQL's catalogue.
enum {
	BOOLEAN = 16,
	BYTEA = 17,
	BIGINT = 20,
	SMALLINT = 21,
	INTEGER = 23,
	TEXT = 25,
	REAL = 700,
	DOUBLE = 701,
	TIMESTAMP = 1114,
	NUMERIC = 1700,
	NOTHING = 2278
};

static struct viva_value decode(struct viva_arena *arena, Oid type, const char *data, size_t size)
{
	struct viva_value value = {0};
	assert_ok(viva_postgres_decode(arena, type, data, size, &value, NULL));
	return value;
}
#define DECODE(arena, type, literal) decode((arena), (type), (literal), sizeof(literal) - 1)

static void test_postgres_values__encodes_each_type_in_its_binary_format(void **state)
{
	(void)state;
	static struct viva_postgres_parameters parameters;
	const struct viva_value values[] = {
		viva_value_int(-2),
		viva_value_real(1.5),
		viva_value_text("h\xc3\xa9"),
		viva_value_bytes(viva_bytes_of("\0x", 2)),
		viva_value_null(),
		viva_value_text(""),
		viva_value_real((double)NAN),
	};
	assert_ok(viva_postgres_encode(values, VIVA_COUNT(values), &parameters, NULL));
	assert_int_equal(parameters.count, VIVA_COUNT(values));
	assert_int_equal(parameters.types[0], BIGINT);
	assert_memory_equal(parameters.values[0], "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
	assert_int_equal(parameters.types[1], DOUBLE);
	assert_memory_equal(parameters.values[1], "\x3f\xf8\0\0\0\0\0\0", 8);
	assert_int_equal(parameters.types[2], TEXT);
	assert_int_equal(parameters.lengths[2], 3);
	assert_int_equal(parameters.types[3], BYTEA);
	assert_int_equal(parameters.lengths[3], 2);
	assert_null(parameters.values[4]);
	assert_int_equal(parameters.types[4], 0);
	assert_non_null(parameters.values[5]);
	assert_int_equal(parameters.lengths[5], 0);
	assert_null(parameters.values[6]);
	assert_int_equal(parameters.bytes, 8 + 8 + 3 + 2);
}

static void test_postgres_values__refuses_too_many_and_too_large_ones(void **state)
{
	(void)state;
	static struct viva_postgres_parameters parameters;
	static struct viva_value many[VIVA_POSTGRES_PARAMETERS + 1];
	assert_ok(viva_postgres_encode(many, VIVA_POSTGRES_PARAMETERS, &parameters, NULL));
	assert_error(viva_postgres_encode(many, VIVA_POSTGRES_PARAMETERS + 1, &parameters, NULL), VIVA_EIO);
	struct viva_value large = viva_value_bytes(viva_bytes_of("", VIVA_POSTGRES_MAX_VALUE_BYTES + (size_t)1));
	assert_error(viva_postgres_encode(&large, 1, &parameters, NULL), VIVA_ELIMIT);
}

static void test_postgres_values__counts_parameters_outside_of_quotes(void **state)
{
	(void)state;
	assert_int_equal(viva_postgres_parameter_count("SELECT 1"), 0);
	assert_int_equal(viva_postgres_parameter_count("SELECT $2, $1, $10"), 10);
	assert_int_equal(viva_postgres_parameter_count("SELECT '$3 it''s $4', \"$5\", $1"), 1);
	assert_int_equal(viva_postgres_parameter_count("SELECT '$3"), 0);
	assert_int_equal(viva_postgres_parameter_count("SELECT $, $x"), 0);
}

static void test_postgres_values__decodes_numbers_of_all_widths(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	assert_int_equal(DECODE(arena, BOOLEAN, "\1").integer, 1);
	assert_int_equal(DECODE(arena, SMALLINT, "\xff\xfe").integer, -2);
	assert_int_equal(DECODE(arena, INTEGER, "\x80\0\0\0").integer, INT32_MIN);
	assert_true(DECODE(arena, BIGINT, "\x80\0\0\0\0\0\0\0").integer == INT64_MIN);
	assert_true(DECODE(arena, REAL, "\xbf\0\0\0").real == -.5);
	assert_true(DECODE(arena, DOUBLE, "\x3f\xf8\0\0\0\0\0\0").real == 1.5);
	assert_int_equal(DECODE(arena, NOTHING, "").type, VIVA_VALUE_NULL);
}

static void test_postgres_values__decodes_texts_with_an_end_and_bytes(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	struct viva_value text = DECODE(arena, TEXT, "abc");
	assert_int_equal(text.type, VIVA_VALUE_TEXT);
	assert_string_equal((const char *)text.bytes.data, "abc");
	struct viva_value bytes = DECODE(arena, BYTEA, "\0\1");
	assert_int_equal(bytes.type, VIVA_VALUE_BYTES);
	assert_int_equal(bytes.bytes.size, 2);
	assert_int_equal(DECODE(arena, BYTEA, "").bytes.size, 0);
}

static void test_postgres_values__decodes_numerics(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	// Digits, weight, sign, scale, then digits of base 10,000.
	struct viva_value value = DECODE(arena, NUMERIC, "\0\2\0\1\0\0\0\0\0\3\0\5");
	assert_int_equal(value.type, VIVA_VALUE_INT);
	assert_int_equal(value.integer, 30005);
	assert_int_equal(DECODE(arena, NUMERIC, "\0\1\0\1\x40\0\0\0\0\3").integer, -30000);
	assert_int_equal(DECODE(arena, NUMERIC, "\0\0\0\0\0\0\0\0").integer, 0);
	value = DECODE(arena, NUMERIC, "\0\2\0\0\0\0\0\1\0\1\x13\x88");
	assert_int_equal(value.type, VIVA_VALUE_REAL);
	assert_true(fabs(value.real - 1.5) < 1e-12);
	// Whole by its type, but no integer can hold it: 10^24.
	value = DECODE(arena, NUMERIC, "\0\1\0\6\0\0\0\0\0\1");
	assert_int_equal(value.type, VIVA_VALUE_REAL);
	assert_true(fabs(value.real / 1e24 - 1) < 1e-12);
	assert_int_equal(DECODE(arena, NUMERIC, "\0\0\0\0\xc0\0\0\0").type, VIVA_VALUE_NULL);  // NaN
	// The weight alone must not take long.
	assert_int_equal(DECODE(arena, NUMERIC, "\0\0\x7f\xff\0\0\0\0").integer, 0);
}

static void test_postgres_values__refuses_what_it_cannot_read(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(64, &arena));
	static const struct {
		Oid type;
		size_t size;
	} bad[] = {{BIGINT, 7}, {BIGINT, 9}, {BOOLEAN, 0}, {DOUBLE, 4}, {NUMERIC, 7}, {NUMERIC, 10}, {TIMESTAMP, 8}};
	static const char zeros[16];
	struct viva_value value = viva_value_int(77);
	struct viva_error error = {0};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++)
		assert_error(viva_postgres_decode(arena, bad[i].type, zeros, bad[i].size, &value, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "1114"));
	// A numeric of more digits than any sum has.
	char digits[8 + 2 * 65] = "\0\x41";
	assert_error(viva_postgres_decode(arena, NUMERIC, digits, sizeof digits, &value, NULL), VIVA_EIO);
	assert_error(viva_postgres_decode(arena, TEXT, digits, sizeof digits, &value, NULL), VIVA_ENOMEM);
	assert_int_equal(value.integer, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres_values__encodes_each_type_in_its_binary_format),
		cmocka_unit_test(test_postgres_values__refuses_too_many_and_too_large_ones),
		cmocka_unit_test(test_postgres_values__counts_parameters_outside_of_quotes),
		cmocka_unit_test(test_postgres_values__decodes_numbers_of_all_widths),
		cmocka_unit_test(test_postgres_values__decodes_texts_with_an_end_and_bytes),
		cmocka_unit_test(test_postgres_values__decodes_numerics),
		cmocka_unit_test(test_postgres_values__refuses_what_it_cannot_read),
	};
	return cmocka_run_group_tests_name("store/postgres_values", tests, NULL, NULL);
}
