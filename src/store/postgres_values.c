// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_values.h"

#include <ctype.h>
#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Types that every PostgreSQL has under these numbers (src/include/catalog/pg_type.dat).
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_OID = 26,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_BPCHAR = 1042,
	OID_VARCHAR = 1043,
	OID_NUMERIC = 1700,
	OID_VOID = 2278,
};

enum { FORMAT_BINARY = 1 };

// ---- to the server

static void put_number(struct viva_postgres_parameters *parameters, size_t i, Oid type, uint64_t bits)
{
	uint64_t big = htobe64(bits);
	memcpy(parameters->numbers[i], &big, sizeof big);
	parameters->types[i] = type;
	parameters->values[i] = parameters->numbers[i];
	parameters->lengths[i] = sizeof big;
}

static void put_bytes(struct viva_postgres_parameters *parameters, size_t i, Oid type, struct viva_bytes bytes)
{
	// A NULL pointer would be null, so an empty value needs an address.
	parameters->types[i] = type;
	parameters->values[i] = bytes.data ? (const char *)bytes.data : "";
	parameters->lengths[i] = (int)bytes.size;
}

int viva_postgres_encode(const struct viva_value *values, size_t value_count,
			 struct viva_postgres_parameters *parameters, struct viva_error *error)
{
	if (value_count > VIVA_POSTGRES_PARAMETERS)
		return viva_fail(error, VIVA_EIO, NULL, "a statement has more than %d parameters",
				 VIVA_POSTGRES_PARAMETERS);
	parameters->count = value_count;
	parameters->bytes = 0;
	for (size_t i = 0; i < value_count; i++) {
		const struct viva_value *value = &values[i];
		bool is_sized = value->type == VIVA_VALUE_TEXT || value->type == VIVA_VALUE_BYTES;
		if (is_sized && value->bytes.size > VIVA_POSTGRES_MAX_VALUE_BYTES)
			return viva_fail(error, VIVA_ELIMIT, NULL, "a value is too large for the store");
		parameters->types[i] = 0;
		parameters->values[i] = NULL;
		parameters->lengths[i] = 0;
		parameters->formats[i] = FORMAT_BINARY;
		if (value->type == VIVA_VALUE_INT) {
			put_number(parameters, i, OID_INT8, (uint64_t)value->integer);
		} else if (value->type == VIVA_VALUE_REAL && !isnan(value->real)) {
			uint64_t bits;
			memcpy(&bits, &value->real, sizeof bits);
			put_number(parameters, i, OID_FLOAT8, bits);
		} else if (is_sized) {
			put_bytes(parameters, i, value->type == VIVA_VALUE_TEXT ? OID_TEXT : OID_BYTEA, value->bytes);
		}
		parameters->bytes += (size_t)parameters->lengths[i];
	}
	return 0;
}

// Behind the end of a quoted text or name; a doubled quote inside only begins another.
static const char *skip_quoted(const char *at)
{
	const char *end = strchr(at + 1, *at);
	return end ? end + 1 : at + strlen(at);
}

size_t viva_postgres_parameter_count(const char *sql)
{
	size_t count = 0;
	while (*sql) {
		if (*sql == '\'' || *sql == '"') {
			sql = skip_quoted(sql);
			continue;
		}
		if (*sql == '$' && isdigit((unsigned char)sql[1]))
			count = VIVA_MAX(count, (size_t)strtoul(sql + 1, NULL, 10));
		sql++;
	}
	return count;
}

// ---- from the server

static uint64_t big_endian(const uint8_t *data, size_t size)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < size; i++)
		bits = bits << 8 | data[i];
	return bits;
}

static int64_t signed_of(const uint8_t *data, size_t size)
{
	unsigned unused = 64 - 8 * (unsigned)size;
	return (int64_t)(big_endian(data, size) << unused) >> unused;
}

// numeric_send() of src/backend/utils/adt/numeric.c: digits of base 10,000, the first one's weight, sign, scale.
enum { NUMERIC_HEADER = 8, NUMERIC_BASE = 10000, NUMERIC_MAX_DIGITS = 64 };
enum { NUMERIC_POSITIVE = 0x0000, NUMERIC_NEGATIVE = 0x4000 };

static bool is_whole(const uint8_t *digits, size_t count, int64_t weight, int64_t *ret_value)
{
	int64_t value = 0;
	for (int64_t i = 0; i <= weight; i++) {
		int64_t digit = (size_t)i < count ? signed_of(digits + 2 * i, 2) : 0;
		if (__builtin_mul_overflow(value, (int64_t)NUMERIC_BASE, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret_value = value;
	return true;
}

static int decode_numeric(const uint8_t *data, size_t size, struct viva_value *ret_value)
{
	if (size < NUMERIC_HEADER)
		return VIVA_EIO;
	size_t count = (size_t)big_endian(data, 2);
	int64_t weight = signed_of(data + 2, 2);
	uint64_t sign = big_endian(data + 4, 2), scale = big_endian(data + 6, 2);
	const uint8_t *digits = data + NUMERIC_HEADER;
	if (size != NUMERIC_HEADER + 2 * count || count > NUMERIC_MAX_DIGITS)
		return VIVA_EIO;
	if (sign != NUMERIC_POSITIVE && sign != NUMERIC_NEGATIVE) {
		*ret_value = viva_value_null();  // not a number, or infinite
		return 0;
	}
	int64_t whole = 0;
	if (scale == 0 && is_whole(digits, count, weight, &whole)) {
		*ret_value = viva_value_int(sign == NUMERIC_NEGATIVE ? -whole : whole);
		return 0;
	}
	double real = 0;
	for (size_t i = 0; i < count; i++)
		real = real * NUMERIC_BASE + (double)signed_of(digits + 2 * i, 2);
	real *= pow(NUMERIC_BASE, (double)(weight + 1 - (int64_t)count));
	*ret_value = viva_value_real(sign == NUMERIC_NEGATIVE ? -real : real);
	return 0;
}

static int decode_real(const uint8_t *data, size_t size, struct viva_value *ret_value)
{
	if (size == sizeof(double)) {
		uint64_t bits = big_endian(data, size);
		double real;
		memcpy(&real, &bits, sizeof real);
		*ret_value = viva_value_real(real);
	} else {
		uint32_t bits = (uint32_t)big_endian(data, size);
		float real;
		memcpy(&real, &bits, sizeof real);
		*ret_value = viva_value_real((double)real);
	}
	return 0;
}

static int decode_bytes(struct viva_arena *arena, enum viva_value_type type, const void *data, size_t size,
			struct viva_value *ret_value)
{
	char *copy = viva_arena_text(arena, data, size);
	if (!copy)
		return VIVA_ENOMEM;
	*ret_value = (struct viva_value){.type = type, .bytes = viva_bytes_of(copy, size)};
	return 0;
}

// 0 for a type of no fixed size.
static size_t size_of(Oid type)
{
	switch (type) {
	case OID_BOOL:
		return 1;
	case OID_INT2:
		return 2;
	case OID_INT4:
	case OID_OID:
	case OID_FLOAT4:
		return 4;
	case OID_INT8:
	case OID_FLOAT8:
		return 8;
	default:
		return 0;
	}
}

static int decode(struct viva_arena *arena, Oid type, const void *data, size_t size, struct viva_value *ret_value)
{
	if (size_of(type) != 0 && size != size_of(type))
		return VIVA_EIO;
	switch (type) {
	case OID_BOOL:
	case OID_OID:
		*ret_value = viva_value_int((int64_t)big_endian(data, size));
		return 0;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
		*ret_value = viva_value_int(signed_of(data, size));
		return 0;
	case OID_FLOAT4:
	case OID_FLOAT8:
		return decode_real(data, size, ret_value);
	case OID_NUMERIC:
		return decode_numeric(data, size, ret_value);
	case OID_TEXT:
	case OID_VARCHAR:
	case OID_BPCHAR:
	case OID_NAME:
		return decode_bytes(arena, VIVA_VALUE_TEXT, data, size, ret_value);
	case OID_BYTEA:
		return decode_bytes(arena, VIVA_VALUE_BYTES, data, size, ret_value);
	case OID_VOID:
		*ret_value = viva_value_null();
		return 0;
	default:
		return VIVA_EIO;
	}
}

int viva_postgres_decode(struct viva_arena *arena, Oid type, const void *data, size_t size,
			 struct viva_value *ret_value, struct viva_error *error)
{
	int status = decode(arena, type, data, size, ret_value);
	if (status == VIVA_EIO)
		viva_fail(error, status, NULL, "the store answered with a value that can't be read (type %u)", type);
	else if (status)
		viva_fail(error, status, NULL, "the store's answer is too large");
	return status;
}
