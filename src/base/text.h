// SPDX-License-Identifier: Apache-2.0
//
// Text helpers: UTF-8 checks, base64, hexadecimal, numbers with ranges, comparison without timing leaks.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_BASE_TEXT_H
#define VIVA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/macros.h"

// Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool viva_utf8_is_valid(const void *data, size_t size);
// Number of code points of valid UTF-8.
size_t viva_utf8_length(const void *data, size_t size);
// The longest prefix of at most max_bytes that ends at a character's boundary.
size_t viva_utf8_cut(const char *text, size_t size, size_t max_bytes);

// Incremental check of a text that arrives in parts: zero-initialise, feed, and at the end ask is_complete.
struct viva_utf8_state {
	uint32_t state;  // what the next byte must be; 0 = the start of a character
};
bool viva_utf8_feed(struct viva_utf8_state *state, const void *data, size_t size);  // false: invalid from here on
bool viva_utf8_is_complete(const struct viva_utf8_state *state);

// Base64 (RFC 4648 §4, padded). Encoded size without terminator; decoded upper bound.
size_t viva_base64_encoded_size(size_t size);
size_t viva_base64_decoded_bound(size_t size);
void viva_base64_encode(const void *data, size_t size, char *ret_text);  // writes encoded_size bytes, no terminator
// Strict: no line breaks, right padding, canonical bits. VIVA_EINVAL. Chosen at run time: AVX2 or plain.
VIVA_MUST_CHECK int viva_base64_decode(const char *text, size_t size, uint8_t *ret_data, size_t *ret_size);
// The plain version that the fast one is checked against.
VIVA_MUST_CHECK int viva_base64_decode_plain(const char *text, size_t size, uint8_t *ret_data, size_t *ret_size);
// URL-safe, unpadded (RFC 4648 §5), as JWTs use it.
void viva_base64url_encode(const void *data, size_t size, char *ret_text, size_t *ret_size);
VIVA_MUST_CHECK int viva_base64url_decode(const char *text, size_t size, uint8_t *ret_data, size_t *ret_size);

void viva_hex_encode(const void *data, size_t size, char *ret_text);  // 2 × size lower-case digits + terminator

// Whole decimal numbers: the whole text must be one, within [min, max]. VIVA_EINVAL.
VIVA_MUST_CHECK int viva_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret_value);
VIVA_MUST_CHECK int viva_parse_double(const char *text, double min, double max, double *ret_value);

// Whether the text is a trace context of version 00 (W3C Trace Context §3.2.2): 00-<32 hex>-<16 hex>-<2 hex>, in lower
// case, neither id all zeros.
bool viva_traceparent_is_valid(const char *text);

// Equality in time that depends on the sizes only.
bool viva_equal_in_constant_time(const void *a, size_t a_size, const void *b, size_t b_size);

// Unix milliseconds ↔ RFC 3339 UTC ("2026-11-24T03:01:16.123Z"). ret_text has room for 32 bytes. VIVA_EINVAL: the
// text is no such time.
void viva_rfc3339_from_unix_ms(int64_t unix_ms, char ret_text[32]);
VIVA_MUST_CHECK int viva_rfc3339_to_unix_ms(const char *text, int64_t *ret_unix_ms);

#endif
