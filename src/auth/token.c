// SPDX-License-Identifier: Apache-2.0
#include "auth/token.h"

#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { MAC_BYTES = crypto_auth_hmacsha256_BYTES, MAC_DIGITS = 43 };
_Static_assert((MAC_BYTES * 8 + 5) / 6 == MAC_DIGITS, "32 bytes are 43 base64url digits");
_Static_assert(VIVA_TOKEN_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "the key of HMAC-SHA-256");

// The only header ever made. A token with another one was not made here, so its `alg` need not even be read.
static const char encoded_header[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";
enum { HEADER_SIZE = sizeof encoded_header - 1 };

static void mac_of(const uint8_t key[VIVA_TOKEN_KEY_BYTES], const char *signed_text, size_t size,
		   char ret_digits[MAC_DIGITS + 1])
{
	uint8_t mac[MAC_BYTES];
	crypto_auth_hmacsha256(mac, (const uint8_t *)signed_text, size, key);
	size_t written;
	viva_base64url_encode(mac, sizeof mac, ret_digits, &written);
	ret_digits[written] = '\0';
}

int viva_token_sign(const uint8_t key[VIVA_TOKEN_KEY_BYTES], const struct viva_claims *claims, int64_t now_s,
		    struct viva_arena *arena, const char **ret_token)
{
	VIVA_AUTO_JSON json = json_pack("{s:s, s:I, s:I, s:s, s:b, s:b}", "sub", claims->interview_id, "iat",
					(json_int_t)now_s, "exp", (json_int_t)claims->expires_at, "mode", claims->mode,
					"emotion_analysis", claims->emotion_analysis, "recording", claims->recording);
	const char *payload = json ? viva_json_text(arena, json) : NULL;
	if (!payload)
		return VIVA_ENOMEM;
	size_t size = strlen(payload), written;
	char *token = viva_arena_alloc(arena, HEADER_SIZE + viva_base64_encoded_size(size) + 1 + MAC_DIGITS + 1);
	if (!token)
		return VIVA_ENOMEM;
	memcpy(token, encoded_header, HEADER_SIZE);
	viva_base64url_encode(payload, size, token + HEADER_SIZE, &written);
	size_t signed_size = HEADER_SIZE + written;
	token[signed_size] = '.';
	mac_of(key, token, signed_size, token + signed_size + 1);
	*ret_token = token;
	return 0;
}

static int read_claims(struct viva_bytes payload, struct viva_claims *ret_claims)
{
	VIVA_AUTO_JSON json = NULL;
	struct viva_claims claims = {0};
	const char *subject = NULL, *mode = NULL;
	if (viva_json_parse_object(payload, VIVA_TOKEN_MAX_BYTES, &json, NULL) ||
	    viva_json_get_text(json, "sub", true, 1, sizeof claims.interview_id - 1, &subject, NULL) ||
	    viva_json_get_text(json, "mode", true, 1, sizeof claims.mode - 1, &mode, NULL) ||
	    viva_json_get_int(json, "exp", true, 0, INT64_MAX, &claims.expires_at, NULL) ||
	    viva_json_get_bool(json, "emotion_analysis", true, &claims.emotion_analysis, NULL) ||
	    viva_json_get_bool(json, "recording", true, &claims.recording, NULL))
		return VIVA_EUNAUTHORIZED;
	strcpy(claims.interview_id, subject);
	strcpy(claims.mode, mode);
	*ret_claims = claims;
	return 0;
}

int viva_token_verify(const uint8_t key[VIVA_TOKEN_KEY_BYTES], const char *token, size_t size, int64_t now_s,
		      struct viva_claims *ret_claims, struct viva_error *error)
{
	static const char invalid[] = "the token is not valid";
	if (size > VIVA_TOKEN_MAX_BYTES || size <= HEADER_SIZE + 1 + MAC_DIGITS ||
	    memcmp(token, encoded_header, HEADER_SIZE) != 0)
		return viva_fail(error, VIVA_EUNAUTHORIZED, NULL, invalid);
	size_t signed_size = size - 1 - MAC_DIGITS;
	char digits[MAC_DIGITS + 1];
	mac_of(key, token, signed_size, digits);
	if (token[signed_size] != '.' ||
	    !viva_equal_in_constant_time(token + signed_size + 1, MAC_DIGITS, digits, MAC_DIGITS))
		return viva_fail(error, VIVA_EUNAUTHORIZED, NULL, invalid);

	uint8_t payload[VIVA_TOKEN_MAX_BYTES];
	size_t payload_size;
	struct viva_claims claims;
	if (viva_base64url_decode(token + HEADER_SIZE, signed_size - HEADER_SIZE, payload, &payload_size) ||
	    read_claims(viva_bytes_of(payload, payload_size), &claims))
		return viva_fail(error, VIVA_EUNAUTHORIZED, NULL, invalid);
	if (claims.expires_at <= now_s)
		return viva_fail(error, VIVA_EUNAUTHORIZED, NULL, "the token has expired");
	*ret_claims = claims;
	return 0;
}
