// SPDX-License-Identifier: Apache-2.0
//
// Who may do what: the API key (whole platform), interview tokens (JWT, HS256, one interview each), and sealed state.
//
// Secrets live in DATA/secrets (mode 0600), made by whoever starts first; a fleet shares them by VIVA_TOKEN_KEY and
// VIVA_API_KEY.
//
// Threads: after open, any; nothing blocks.
#ifndef VIVA_AUTH_H
#define VIVA_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_auth;

struct viva_auth_options {
	const char *data_directory;
	const char *api_key;    // NULL = from DATA/secrets, made and printed once on stderr when there is none
	const char *token_key;  // ≥ 32 bytes of text that signs tokens and seals state; NULL = from DATA/secrets
	bool is_off;            // --auth off: every caller may do everything (loopback trials only)
	const struct viva_clock *clock;
};

// VIVA_EUSAGE (a key too short), VIVA_EIO (the secrets can't be read or made).
VIVA_MUST_CHECK int viva_auth_open(const struct viva_auth_options *options, struct viva_auth **ret_auth,
				   struct viva_error *error);
struct viva_auth *viva_auth_destroy(struct viva_auth *auth);
VIVA_DEFINE_AUTO(viva_auth)

// Takes another API key over (16 to 256 characters): from now on the old one is no longer good. VIVA_EUSAGE.
VIVA_MUST_CHECK int viva_auth_set_api_key(struct viva_auth *auth, const char *api_key, struct viva_error *error);

// What an interview token says.
struct viva_claims {
	char interview_id[64];  // claim "sub"
	char mode[16];          // "practice", "recruitment"
	bool emotion_analysis;  // consented to
	bool recording;         // consented to
	int64_t expires_at;     // Unix seconds, claim "exp"
};

// A signed token in the arena. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_auth_issue(const struct viva_auth *auth, const struct viva_claims *claims,
				    struct viva_arena *arena, const char **ret_token);

enum viva_grant { VIVA_GRANT_ALL, VIVA_GRANT_INTERVIEW };  // API key (or auth off), or one interview's token

// Checks credentials as they come: an Authorization header's value ("Bearer …"), or else a bare token (from ?token= or
// a subprotocol); either may be NULL. With GRANT_INTERVIEW the claims are filled in. VIVA_EUNAUTHORIZED.
VIVA_MUST_CHECK int viva_auth_check(const struct viva_auth *auth, const char *authorization, const char *token,
				    enum viva_grant *ret_grant, struct viva_claims *ret_claims,
				    struct viva_error *error);
// As check, and the grant must cover that interview: VIVA_EFORBIDDEN for another interview's token.
// ret_grant and ret_claims may be NULL.
VIVA_MUST_CHECK int viva_auth_check_interview(const struct viva_auth *auth, const char *authorization,
					      const char *token, const char *interview_id, enum viva_grant *ret_grant,
					      struct viva_claims *ret_claims, struct viva_error *error);
// As check, and only the API key will do: VIVA_EFORBIDDEN for a token.
VIVA_MUST_CHECK int viva_auth_check_api_key(const struct viva_auth *auth, const char *authorization,
					    struct viva_error *error);

// Seals bytes so that only holders of the token key can read or make them (XChaCha20-Poly1305; `purpose` is bound in).
VIVA_MUST_CHECK int viva_auth_seal(const struct viva_auth *auth, const char *purpose, struct viva_bytes plain,
				   struct viva_arena *arena, struct viva_bytes *ret_sealed);
// VIVA_EINVAL when it was not sealed by us for this purpose.
VIVA_MUST_CHECK int viva_auth_unseal(const struct viva_auth *auth, const char *purpose, struct viva_bytes sealed,
				     struct viva_arena *arena, struct viva_bytes *ret_plain);

#endif
