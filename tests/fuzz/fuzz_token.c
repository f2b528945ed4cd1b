// SPDX-License-Identifier: Apache-2.0
//
// Tokens from anywhere: what nobody signed is refused, and of what was signed, whatever it says, only claims within
// their limits that have not expired are taken.
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "auth/token.h"
#include "base/text.h"

enum { NOW_S = 1000, MAX_PAYLOAD = 1024 };

static const uint8_t key[VIVA_TOKEN_KEY_BYTES] = {1, 2, 3};
static const char header[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_unsigned(const uint8_t *data, size_t size)
{
	struct viva_claims claims;
	struct viva_error error = {0};
	int code = viva_token_verify(key, (const char *)data, size, NOW_S, &claims, &error);
	require(code == VIVA_EUNAUTHORIZED && error.message[0] != '\0');
}

static void check_signed(const uint8_t *payload, size_t size)
{
	char token[VIVA_TOKEN_MAX_BYTES];
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	struct viva_claims claims;
	size_t used = sizeof header - 1, written;
	memcpy(token, header, used);
	viva_base64url_encode(payload, size, token + used, &written);
	used += written;
	crypto_auth_hmacsha256(mac, (const uint8_t *)token, used, key);
	token[used++] = '.';
	viva_base64url_encode(mac, sizeof mac, token + used, &written);
	int code = viva_token_verify(key, token, used + written, NOW_S, &claims, NULL);
	require(code == 0 || code == VIVA_EUNAUTHORIZED);
	if (code != 0)
		return;
	require(claims.expires_at > NOW_S && claims.interview_id[0] != '\0' && claims.mode[0] != '\0');
	require(memchr(claims.interview_id, 0, sizeof claims.interview_id) &&
		memchr(claims.mode, 0, sizeof claims.mode));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_unsigned(data, size);
	if (size <= MAX_PAYLOAD)
		check_signed(data, size);
	return 0;
}
