// SPDX-License-Identifier: Apache-2.0
//
// Base64 (RFC 4648). The fast decoder follows Muła and Lemire, "Faster Base64 Encoding and Decoding Using AVX2
// Instructions" (2018); it only ever does whole blocks of valid characters and leaves the rest to the plain one.
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/error.h"
#include "base/text.h"

// A bit that no value has.
enum { INVALID = 64 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Each character's value plus one; 0 = not in the alphabet.
#define COMMON_VALUES                                                                                                  \
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, \
	['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19,    \
	['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,    \
	['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,    \
	['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46,    \
	['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55,    \
	['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62
static const uint8_t plain_values[256] = {COMMON_VALUES, ['+'] = 63, ['/'] = 64};
static const uint8_t url_values[256] = {COMMON_VALUES, ['-'] = 63, ['_'] = 64};

static uint32_t value_of(char c, const uint8_t *table)
{
	// 0 - 1 sets all bits, INVALID's too.
	return (uint32_t)table[(uint8_t)c] - 1;
}

size_t viva_base64_encoded_size(size_t size)
{
	return size / 3 * 4 + (size % 3 ? 4 : 0);
}

size_t viva_base64_decoded_bound(size_t size)
{
	return size / 4 * 3 + (size % 4 ? 3 : 0);
}

// Writes the unpadded form and gives its size.
static size_t encode(const uint8_t *bytes, size_t size, const char *letters, char *ret_text)
{
	char *to = ret_text;
	size_t i = 0;
	for (; size - i >= 3; i += 3) {
		uint32_t word = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
		*to++ = letters[word >> 18];
		*to++ = letters[word >> 12 & 63];
		*to++ = letters[word >> 6 & 63];
		*to++ = letters[word & 63];
	}
	if (i < size) {
		uint32_t word = (uint32_t)bytes[i] << 16 | (size - i == 2 ? (uint32_t)bytes[i + 1] << 8 : 0);
		*to++ = letters[word >> 18];
		*to++ = letters[word >> 12 & 63];
		if (size - i == 2)
			*to++ = letters[word >> 6 & 63];
	}
	return (size_t)(to - ret_text);
}

void viva_base64_encode(const void *data, size_t size, char *ret_text)
{
	size_t written = encode(data, size, alphabet, ret_text);
	memset(ret_text + written, '=', viva_base64_encoded_size(size) - written);
}

void viva_base64url_encode(const void *data, size_t size, char *ret_text, size_t *ret_size)
{
	*ret_size = encode(data, size, url_alphabet, ret_text);
}

// Decodes unpadded text. The unused bits of the last character must be 0, so that each value has one spelling.
static int decode(const char *text, size_t size, const uint8_t *table, uint8_t *ret_data, size_t *ret_size)
{
	if (size % 4 == 1)
		return VIVA_EINVAL;

	uint8_t *to = ret_data;
	size_t i = 0;
	for (; size - i >= 4; i += 4) {
		uint32_t a = value_of(text[i], table), b = value_of(text[i + 1], table);
		uint32_t c = value_of(text[i + 2], table), d = value_of(text[i + 3], table);
		if ((a | b | c | d) & INVALID)
			return VIVA_EINVAL;
		*to++ = (uint8_t)(a << 2 | b >> 4);
		*to++ = (uint8_t)(b << 4 | c >> 2);
		*to++ = (uint8_t)(c << 6 | d);
	}
	if (i < size) {
		bool has_two_bytes = size - i == 3;
		uint32_t a = value_of(text[i], table), b = value_of(text[i + 1], table);
		uint32_t c = has_two_bytes ? value_of(text[i + 2], table) : 0;
		bool has_stray_bits = has_two_bytes ? (c & 3) != 0 : (b & 15) != 0;
		if (((a | b | c) & INVALID) || has_stray_bits)
			return VIVA_EINVAL;
		*to++ = (uint8_t)(a << 2 | b >> 4);
		if (has_two_bytes)
			*to++ = (uint8_t)(b << 4 | c >> 2);
	}
	*ret_size = (size_t)(to - ret_data);
	return 0;
}

int viva_base64url_decode(const char *text, size_t size, uint8_t *ret_data, size_t *ret_size)
{
	return decode(text, size, url_values, ret_data, ret_size);
}

int viva_base64_decode_plain(const char *text, size_t size, uint8_t *ret_data, size_t *ret_size)
{
	if (size % 4 != 0)
		return VIVA_EINVAL;
	if (size > 0 && text[size - 1] == '=')
		size -= text[size - 2] == '=' ? 2 : 1;
	return decode(text, size, plain_values, ret_data, ret_size);
}

#if defined(__x86_64__)
enum { BLOCK_CHARACTERS = 32, BLOCK_BYTES = 24 };

// Decodes whole blocks while they are valid; gives the number of characters done. Writes up to 8 bytes past what it
// decoded, which is why the last blocks are left to the plain decoder.
__attribute__((target("avx2"))) static size_t decode_blocks(const char *text, size_t size, uint8_t *ret_data)
{
	const __m256i low_classes = _mm256_setr_epi8(
		0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a,  //
		0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
	const __m256i high_classes = _mm256_setr_epi8(
		0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,  //
		0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
	const __m256i offsets = _mm256_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0,  //
						 0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
	const __m256i order = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,  //
					       2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
	const __m256i slash = _mm256_set1_epi8(0x2f);

	size_t done = 0;
	while (size - done >= BLOCK_CHARACTERS + 16) {
		__m256i block = _mm256_loadu_si256((const void *)(text + done));
		__m256i high = _mm256_and_si256(_mm256_srli_epi32(block, 4), slash);
		__m256i low = _mm256_and_si256(block, slash);
		if (!_mm256_testz_si256(_mm256_shuffle_epi8(low_classes, low), _mm256_shuffle_epi8(high_classes, high)))
			break;
		__m256i is_slash = _mm256_cmpeq_epi8(block, slash);
		__m256i offset = _mm256_shuffle_epi8(offsets, _mm256_add_epi8(is_slash, high));
		__m256i values = _mm256_add_epi8(block, offset);
		__m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
		__m256i triples = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
		__m256i bytes = _mm256_shuffle_epi8(triples, order);
		bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
		_mm256_storeu_si256((void *)(ret_data + done / BLOCK_CHARACTERS * BLOCK_BYTES), bytes);
		done += BLOCK_CHARACTERS;
	}
	return done;
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
static size_t decode_blocks(const char *text, size_t size, uint8_t *ret_data)
{
	(void)text, (void)size, (void)ret_data;
	return 0;
}

static bool has_avx2(void)
{
	return false;
}
#endif

int viva_base64_decode(const char *text, size_t size, uint8_t *ret_data, size_t *ret_size)
{
	if (size % 4 != 0)
		return VIVA_EINVAL;
	size_t done = has_avx2() ? decode_blocks(text, size, ret_data) : 0;
	size_t rest = 0;
	int status = viva_base64_decode_plain(text + done, size - done, ret_data + done / 4 * 3, &rest);
	if (status)
		return status;
	*ret_size = done / 4 * 3 + rest;
	return 0;
}
