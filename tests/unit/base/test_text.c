// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include "viva_test.h"

static bool is_valid(const char *text)
{
	return viva_utf8_is_valid(text, strlen(text));
}

static void test_text__utf8_takes_what_rfc_3629_takes(void **state)
{
	(void)state;
	assert_true(viva_utf8_is_valid(NULL, 0));
	assert_true(is_valid("plain"));
	assert_true(is_valid("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"));
	assert_true(is_valid("\xed\x9f\xbf\xee\x80\x80"));  // both sides of the surrogates
}

static void test_text__utf8_refuses_overlong_surrogate_and_broken_forms(void **state)
{
	(void)state;
	static const char *const bad[] = {"\x80",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff",
					  "\xc3",
					  "\xe2\x82",
					  "abcdefgh\xe2\x28\xa1"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++)
		assert_false(is_valid(bad[i]));
}

// Every code point, the plain way: RFC 3629 §3.
static size_t encode(uint32_t point, uint8_t *out)
{
	if (point < 0x80) {
		out[0] = (uint8_t)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (uint8_t)(0xc0 | point >> 6);
		out[1] = (uint8_t)(0x80 | (point & 63));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (uint8_t)(0xe0 | point >> 12);
		out[1] = (uint8_t)(0x80 | (point >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (point & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | point >> 18);
	out[1] = (uint8_t)(0x80 | (point >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (point >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (point & 63));
	return 4;
}

static void test_text__utf8_knows_each_code_point(void **state)
{
	(void)state;
	for (uint32_t point = 0; point < 0x120000; point++) {
		uint8_t bytes[4];
		size_t size = encode(point, bytes);
		bool is_character = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
		if (viva_utf8_is_valid(bytes, size) != is_character)
			fail_msg("U+%04X", point);
	}
}

static void test_text__utf8_in_parts_is_as_good_as_whole(void **state)
{
	(void)state;
	static const char text[] = "ab\xc3\xa9 long enough for the fast way \xf0\x9f\x98\x80\xe2\x82\xac";
	for (size_t cut = 0; cut < sizeof text; cut++) {
		struct viva_utf8_state utf8 = {0};
		assert_true(viva_utf8_feed(&utf8, text, cut));
		assert_true(viva_utf8_feed(&utf8, text + cut, sizeof text - 1 - VIVA_MIN(cut, sizeof text - 1)));
		assert_true(viva_utf8_is_complete(&utf8));
	}
	struct viva_utf8_state half = {0};
	assert_true(viva_utf8_feed(&half, "\xe2\x82", 2));
	assert_false(viva_utf8_is_complete(&half));
	assert_false(viva_utf8_feed(&half, "x", 1));
	assert_false(viva_utf8_feed(&half, "plain", 5));  // once broken, always broken
}

static void test_text__utf8_cut_never_splits_a_character(void **state)
{
	(void)state;
	static const char text[] = "a\xe2\x82\xac";
	assert_int_equal(viva_utf8_cut(text, 4, 10), 4);
	assert_int_equal(viva_utf8_cut(text, 4, 3), 1);
	assert_int_equal(viva_utf8_cut(text, 4, 1), 1);
	assert_int_equal(viva_utf8_cut(text, 4, 0), 0);
	assert_int_equal(viva_utf8_length(text, 4), 2);
}

static void assert_base64(const char *plain, const char *coded)
{
	char encoded[64];
	viva_base64_encode(plain, strlen(plain), encoded);
	assert_int_equal(viva_base64_encoded_size(strlen(plain)), strlen(coded));
	assert_memory_equal(encoded, coded, strlen(coded));
	uint8_t decoded[64];
	size_t size = 99;
	assert_ok(viva_base64_decode(coded, strlen(coded), decoded, &size));
	assert_int_equal(size, strlen(plain));
	assert_memory_equal(decoded, plain, size);
}

static void test_text__base64_matches_rfc_4648(void **state)
{
	(void)state;
	assert_base64("", "");
	assert_base64("f", "Zg==");
	assert_base64("fo", "Zm8=");
	assert_base64("foo", "Zm9v");
	assert_base64("foob", "Zm9vYg==");
	assert_base64("fooba", "Zm9vYmE=");
	assert_base64("foobar", "Zm9vYmFy");
}

static void test_text__base64_refuses_what_is_not_canonical(void **state)
{
	(void)state;
	static const char *const bad[] = {"Z",    "Zg",     "Zg=",  "Zh==", "Zm9=",  "Zg==Zg==", "=",      "====",
					  "Z===", "Zm9v\n", "Zm 9", "Zm-_", "Zm9v=", "\x80mmm",  "Zm9\xff"};
	uint8_t out[64];
	size_t size;
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		assert_error(viva_base64_decode(bad[i], strlen(bad[i]), out, &size), VIVA_EINVAL);
		assert_error(viva_base64_decode_plain(bad[i], strlen(bad[i]), out, &size), VIVA_EINVAL);
	}
	assert_error(viva_base64_decode("Zg==", 0 + 1, out, &size), VIVA_EINVAL);
}

// Both decoders on the same text, each into memory of exactly the promised size.
static void assert_same(const char *text, size_t size)
{
	size_t bound = viva_base64_decoded_bound(size);
	uint8_t *fast = malloc(bound + 1), *plain = malloc(bound + 1);
	uint8_t *fast_end = realloc(fast, VIVA_MAX(bound, 1u)), *plain_end = realloc(plain, VIVA_MAX(bound, 1u));
	size_t fast_size = 0, plain_size = 0;
	int fast_status = viva_base64_decode(text, size, fast_end, &fast_size);
	int plain_status = viva_base64_decode_plain(text, size, plain_end, &plain_size);
	assert_int_equal(fast_status, plain_status);
	assert_int_equal(fast_size, plain_size);
	if (!fast_status)
		assert_memory_equal(fast_end, plain_end, fast_size);
	free(fast_end);
	free(plain_end);
}

static void test_text__fast_base64_agrees_with_the_plain_one_at_each_length(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 1);
	for (size_t size = 0; size < 400; size++) {
		uint8_t bytes[400];
		random.random.fill(&random.random, bytes, size);
		char text[600];
		viva_base64_encode(bytes, size, text);
		assert_same(text, viva_base64_encoded_size(size));
	}
}

static void test_text__fast_base64_agrees_with_the_plain_one_on_each_byte_at_each_place(void **state)
{
	(void)state;
	char text[160];
	for (size_t place = 0; place < sizeof text; place++) {
		for (int byte = 0; byte < 256; byte++) {
			memset(text, 'Q', sizeof text);
			text[place] = (char)byte;
			assert_same(text, sizeof text);
		}
	}
}

static void test_text__base64url_has_no_padding_and_other_letters(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {0xfb, 0xff, 0xfe, 0x01};
	char text[16];
	size_t size;
	viva_base64url_encode(bytes, sizeof bytes, text, &size);
	assert_int_equal(size, 6);
	assert_memory_equal(text, "-__-AQ", 6);
	uint8_t back[16];
	assert_ok(viva_base64url_decode(text, size, back, &size));
	assert_int_equal(size, sizeof bytes);
	assert_memory_equal(back, bytes, size);
	assert_error(viva_base64url_decode("-__-AR", 6, back, &size), VIVA_EINVAL);
	assert_error(viva_base64url_decode("AQ==", 4, back, &size), VIVA_EINVAL);
	assert_error(viva_base64url_decode("+//+", 4, back, &size), VIVA_EINVAL);
}

static void test_text__numbers_are_whole_and_in_range_or_refused(void **state)
{
	(void)state;
	int64_t value = 7;
	assert_ok(viva_parse_int64("-9223372036854775808", INT64_MIN, INT64_MAX, &value));
	assert_true(value == INT64_MIN);
	static const char *const bad[] = {"", "-", " 1", "1 ", "+1", "0x10", "1.0", "9223372036854775808", "99", "one"};
	value = 7;
	for (size_t i = 0; i < VIVA_COUNT(bad); i++)
		assert_error(viva_parse_int64(bad[i], 0, 98, &value), VIVA_EINVAL);
	assert_int_equal(value, 7);

	double real = 0;
	assert_ok(viva_parse_double("-1.5e2", -1000, 1000, &real));
	assert_true(real == -150);
	static const char *const unreal[] = {"", "nan", "inf", "1e999", "0x1p3", "1,5", " 1", "1..2", "e", "2"};
	for (size_t i = 0; i < VIVA_COUNT(unreal); i++)
		assert_error(viva_parse_double(unreal[i], 0, 1, &real), VIVA_EINVAL);
}

static void test_text__constant_time_equality_is_equality(void **state)
{
	(void)state;
	assert_true(viva_equal_in_constant_time("", 0, "", 0));
	assert_true(viva_equal_in_constant_time("key", 3, "key", 3));
	assert_false(viva_equal_in_constant_time("key", 3, "kez", 3));
	assert_false(viva_equal_in_constant_time("key", 3, "key1", 4));
}

static void test_text__times_go_there_and_back(void **state)
{
	(void)state;
	char text[32];
	viva_rfc3339_from_unix_ms(1700000000123, text);
	assert_string_equal(text, "2023-11-14T22:13:20.123Z");
	viva_rfc3339_from_unix_ms(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
	viva_rfc3339_from_unix_ms(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	viva_rfc3339_from_unix_ms(INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00.000Z");
	for (int64_t ms = -62167219200000; ms < 253402300799000; ms += 987654321987) {
		int64_t back = 0;
		viva_rfc3339_from_unix_ms(ms, text);
		assert_ok(viva_rfc3339_to_unix_ms(text, &back));
		assert_true(back == ms);
	}
}

static void test_text__times_are_read_as_rfc_3339_writes_them(void **state)
{
	(void)state;
	int64_t ms = 0;
	assert_ok(viva_rfc3339_to_unix_ms("2023-11-14T23:13:20.123456789+01:00", &ms));
	assert_true(ms == 1700000000123);
	assert_ok(viva_rfc3339_to_unix_ms("2024-02-29T00:00:00Z", &ms));
	static const char *const bad[] = {"",
					  "2023-11-14",
					  "2023-02-29T00:00:00Z",
					  "2023-13-01T00:00:00Z",
					  "2023-11-14T24:00:00Z",
					  "2023-11-14T22:13:20",
					  "2023-11-14T22:13:20.Z",
					  "2023-11-14 22:13:20Z",
					  "2023-11-14T22:13:20Zx",
					  "2023-11-14T22:13:20+1:00",
					  "2023-11-14T22:13:20.1234567890Z"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++)
		assert_error(viva_rfc3339_to_unix_ms(bad[i], &ms), VIVA_EINVAL);
}

static void test_text__a_trace_context_is_whole_or_refused(void **state)
{
	(void)state;
	assert_true(viva_traceparent_is_valid("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
	static const char *const bad[] = {"",
					  "00-",
					  "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
					  "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
					  "00-00000000000000000000000000000000-b7ad6b7169203331-01",
					  "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
					  "00-0af7651916cd43dd8448eb211c80319c0b7ad6b7169203331-01",
					  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
					  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++)
		assert_false(viva_traceparent_is_valid(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text__utf8_takes_what_rfc_3629_takes),
		cmocka_unit_test(test_text__utf8_refuses_overlong_surrogate_and_broken_forms),
		cmocka_unit_test(test_text__utf8_knows_each_code_point),
		cmocka_unit_test(test_text__utf8_in_parts_is_as_good_as_whole),
		cmocka_unit_test(test_text__utf8_cut_never_splits_a_character),
		cmocka_unit_test(test_text__base64_matches_rfc_4648),
		cmocka_unit_test(test_text__base64_refuses_what_is_not_canonical),
		cmocka_unit_test(test_text__fast_base64_agrees_with_the_plain_one_at_each_length),
		cmocka_unit_test(test_text__fast_base64_agrees_with_the_plain_one_on_each_byte_at_each_place),
		cmocka_unit_test(test_text__base64url_has_no_padding_and_other_letters),
		cmocka_unit_test(test_text__numbers_are_whole_and_in_range_or_refused),
		cmocka_unit_test(test_text__constant_time_equality_is_equality),
		cmocka_unit_test(test_text__times_go_there_and_back),
		cmocka_unit_test(test_text__times_are_read_as_rfc_3339_writes_them),
		cmocka_unit_test(test_text__a_trace_context_is_whole_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
