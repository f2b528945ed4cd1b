// SPDX-License-Identifier: Apache-2.0
//
// JSON Web Tokens of exactly one kind: {"alg":"HS256","typ":"JWT"} (RFC 7519, RFC 7515), one interview each.
//
// Threads: any; nothing blocks.
#ifndef VIVA_AUTH_TOKEN_H
#define VIVA_AUTH_TOKEN_H

#include "auth/auth.h"

enum { VIVA_TOKEN_KEY_BYTES = 32, VIVA_TOKEN_MAX_BYTES = 2048 };

// A token in the arena. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_token_sign(const uint8_t key[VIVA_TOKEN_KEY_BYTES], const struct viva_claims *claims,
				    int64_t now_s, struct viva_arena *arena, const char **ret_token);
// Only a token that this key signed, with this very algorithm, and that has not expired, gives claims; any other is
// VIVA_EUNAUTHORIZED with a sentence. `token` may be any bytes.
VIVA_MUST_CHECK int viva_token_verify(const uint8_t key[VIVA_TOKEN_KEY_BYTES], const char *token, size_t size,
				      int64_t now_s, struct viva_claims *ret_claims, struct viva_error *error);

#endif
