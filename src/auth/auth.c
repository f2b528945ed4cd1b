// SPDX-License-Identifier: Apache-2.0
#include "auth/auth.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/secrets.h"
#include "auth/token.h"
#include "base/text.h"

enum {
	API_KEY_RANDOM_BYTES = 32,
	API_KEY_MIN = 16,
	API_KEY_MAX = 256,
	TOKEN_KEY_MIN = 32,
	HASH_BYTES = 32,
	NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};

struct viva_auth {
	bool is_off;
	const struct viva_clock *clock;
	pthread_mutex_t *mutex;  // guards api_key_hash; apart, as everyone else has a const view
	uint8_t api_key_hash[HASH_BYTES];
	uint8_t signing_key[VIVA_TOKEN_KEY_BYTES];
	uint8_t sealing_key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
};

// A key of full entropy needs no slow hash.
static void hash_api_key(const char *key, size_t size, uint8_t ret_hash[HASH_BYTES])
{
	crypto_generichash(ret_hash, HASH_BYTES, (const uint8_t *)key, size, NULL, 0);
}

static void make_random_text(const char *prefix, char ret_text[VIVA_SECRET_MAX])
{
	uint8_t bytes[API_KEY_RANDOM_BYTES];
	randombytes_buf(bytes, sizeof bytes);
	size_t prefix_size = strlen(prefix), written;
	memcpy(ret_text, prefix, prefix_size);
	viva_base64url_encode(bytes, sizeof bytes, ret_text + prefix_size, &written);
	ret_text[prefix_size + written] = '\0';
	sodium_memzero(bytes, sizeof bytes);
}

static int check_api_key(const char *key, struct viva_error *error)
{
	size_t size = strlen(key);
	if (size < API_KEY_MIN || size > API_KEY_MAX)
		return viva_fail(error, VIVA_EUSAGE, "api-key", "the API key must have %d to %d characters",
				 API_KEY_MIN, API_KEY_MAX);
	return 0;
}

static int open_api_key(struct viva_auth *auth, const struct viva_auth_options *options, struct viva_error *error)
{
	if (options->api_key) {
		int result = check_api_key(options->api_key, error);
		if (!result)
			hash_api_key(options->api_key, strlen(options->api_key), auth->api_key_hash);
		return result;
	}
	char key[VIVA_SECRET_MAX], hash[VIVA_SECRET_MAX], stored[VIVA_SECRET_MAX];
	make_random_text("viva_", key);
	hash_api_key(key, strlen(key), auth->api_key_hash);
	viva_hex_encode(auth->api_key_hash, HASH_BYTES, hash);
	bool is_new;
	int status = viva_secret_load_or_make(options->data_directory, "api-key.hash", hash, stored, &is_new, error);
	if (!status && !is_new &&
	    sodium_hex2bin(auth->api_key_hash, HASH_BYTES, stored, strlen(stored), NULL, NULL, NULL))
		status = viva_fail(error, VIVA_EIO, "data-dir",
				   "secrets/api-key.hash is damaged: remove it to have a new API key made");
	if (!status && is_new)
		fprintf(stderr, "API key (shown only now, keep it): %s\n", key);
	sodium_memzero(key, sizeof key);
	return status;
}

// Signing and sealing get keys of their own from the one secret, so that neither can stand for the other.
static void derive(const char *secret, const char *purpose, uint8_t *ret_key, size_t size)
{
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, size);
	crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
	crypto_generichash_update(&state, (const uint8_t *)secret, strlen(secret));
	crypto_generichash_final(&state, ret_key, size);
}

static int open_token_key(struct viva_auth *auth, const struct viva_auth_options *options, struct viva_error *error)
{
	char fresh[VIVA_SECRET_MAX], stored[VIVA_SECRET_MAX];
	const char *secret = options->token_key;
	if (secret && strlen(secret) < TOKEN_KEY_MIN)
		return viva_fail(error, VIVA_EUSAGE, "token-key", "the token key must have at least %d characters",
				 TOKEN_KEY_MIN);
	if (!secret) {
		make_random_text("", fresh);
		bool is_new;
		int status =
			viva_secret_load_or_make(options->data_directory, "token.key", fresh, stored, &is_new, error);
		if (status)
			return status;
		secret = stored;
	}
	derive(secret, "viva interview tokens", auth->signing_key, sizeof auth->signing_key);
	derive(secret, "viva sealed state", auth->sealing_key, sizeof auth->sealing_key);
	sodium_memzero(fresh, sizeof fresh);
	sodium_memzero(stored, sizeof stored);
	return 0;
}

int viva_auth_open(const struct viva_auth_options *options, struct viva_auth **ret_auth, struct viva_error *error)
{
	if (sodium_init() < 0)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "libsodium can't be initialised");
	VIVA_AUTO(viva_auth) auth = calloc(1, sizeof *auth);
	if (!auth)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for credentials");
	auth->is_off = options->is_off;
	auth->clock = options->clock;
	auth->mutex = malloc(sizeof *auth->mutex);
	if (!auth->mutex)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for credentials");
	pthread_mutex_init(auth->mutex, NULL);
	int status = open_api_key(auth, options, error);
	if (!status)
		status = open_token_key(auth, options, error);
	if (!status)
		*ret_auth = viva_take(&auth);
	return status;
}

struct viva_auth *viva_auth_destroy(struct viva_auth *auth)
{
	if (!auth)
		return NULL;
	if (auth->mutex)
		pthread_mutex_destroy(auth->mutex);
	free(auth->mutex);
	sodium_memzero(auth, sizeof *auth);
	free(auth);
	return NULL;
}

int viva_auth_set_api_key(struct viva_auth *auth, const char *api_key, struct viva_error *error)
{
	int result = check_api_key(api_key, error);
	if (result)
		return result;
	pthread_mutex_lock(auth->mutex);
	hash_api_key(api_key, strlen(api_key), auth->api_key_hash);
	pthread_mutex_unlock(auth->mutex);
	return 0;
}

static int64_t now_s(const struct viva_auth *auth)
{
	return viva_clock_unix_ms(auth->clock) / 1000;
}

int viva_auth_issue(const struct viva_auth *auth, const struct viva_claims *claims, struct viva_arena *arena,
		    const char **ret_token)
{
	return viva_token_sign(auth->signing_key, claims, now_s(auth), arena, ret_token);
}

// The credential of "Bearer CREDENTIAL" (RFC 6750: the scheme in any case), or NULL.
static const char *bearer(const char *authorization)
{
	static const char scheme[] = "Bearer ";
	if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
		return NULL;
	const char *credential = authorization + sizeof scheme - 1;
	return credential + strspn(credential, " ");
}

static bool is_api_key(const struct viva_auth *auth, const char *credential, size_t size)
{
	if (size < API_KEY_MIN || size > API_KEY_MAX)
		return false;
	uint8_t hash[HASH_BYTES];
	hash_api_key(credential, size, hash);
	pthread_mutex_lock(auth->mutex);
	bool is_it = sodium_memcmp(hash, auth->api_key_hash, HASH_BYTES) == 0;
	pthread_mutex_unlock(auth->mutex);
	return is_it;
}

int viva_auth_check(const struct viva_auth *auth, const char *authorization, const char *token,
		    enum viva_grant *ret_grant, struct viva_claims *ret_claims, struct viva_error *error)
{
	if (auth->is_off) {
		*ret_grant = VIVA_GRANT_ALL;
		return 0;
	}
	const char *credential = authorization ? bearer(authorization) : token;
	if (!credential)
		return viva_fail(error, VIVA_EUNAUTHORIZED, NULL,
				 authorization ? "the Authorization header is not of the form \"Bearer …\""
					       : "credentials are missing: send \"Authorization: Bearer …\"");
	size_t size = strlen(credential);
	if (is_api_key(auth, credential, size)) {
		*ret_grant = VIVA_GRANT_ALL;
		return 0;
	}
	if (!memchr(credential, '.', size))
		return viva_fail(error, VIVA_EUNAUTHORIZED, NULL, "the API key is not valid");
	int status = viva_token_verify(auth->signing_key, credential, size, now_s(auth), ret_claims, error);
	if (!status)
		*ret_grant = VIVA_GRANT_INTERVIEW;
	return status;
}

int viva_auth_check_interview(const struct viva_auth *auth, const char *authorization, const char *token,
			      const char *interview_id, enum viva_grant *ret_grant, struct viva_claims *ret_claims,
			      struct viva_error *error)
{
	enum viva_grant grant;
	struct viva_claims claims = {0};
	int status = viva_auth_check(auth, authorization, token, &grant, &claims, error);
	if (status)
		return status;
	if (grant == VIVA_GRANT_INTERVIEW && strcasecmp(claims.interview_id, interview_id) != 0)
		return viva_fail(error, VIVA_EFORBIDDEN, NULL, "this token is for another interview");
	if (ret_grant)
		*ret_grant = grant;
	if (ret_claims)
		*ret_claims = claims;
	return 0;
}

int viva_auth_check_api_key(const struct viva_auth *auth, const char *authorization, struct viva_error *error)
{
	enum viva_grant grant;
	struct viva_claims claims;
	int status = viva_auth_check(auth, authorization, NULL, &grant, &claims, error);
	if (!status && grant != VIVA_GRANT_ALL)
		status = viva_fail(error, VIVA_EFORBIDDEN, NULL,
				   "an interview's token can't do this: it needs the API key");
	return status;
}

int viva_auth_seal(const struct viva_auth *auth, const char *purpose, struct viva_bytes plain, struct viva_arena *arena,
		   struct viva_bytes *ret_sealed)
{
	uint8_t *sealed = viva_arena_alloc(arena, NONCE_BYTES + plain.size + TAG_BYTES);
	if (!sealed)
		return VIVA_ENOMEM;
	unsigned long long size;
	randombytes_buf(sealed, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, &size, plain.data, plain.size,
						   (const uint8_t *)purpose, strlen(purpose), NULL, sealed,
						   auth->sealing_key);
	*ret_sealed = viva_bytes_of(sealed, NONCE_BYTES + (size_t)size);
	return 0;
}

int viva_auth_unseal(const struct viva_auth *auth, const char *purpose, struct viva_bytes sealed,
		     struct viva_arena *arena, struct viva_bytes *ret_plain)
{
	if (sealed.size < NONCE_BYTES + TAG_BYTES)
		return VIVA_EINVAL;
	uint8_t *plain = viva_arena_alloc(arena, sealed.size);
	if (!plain)
		return VIVA_ENOMEM;
	unsigned long long size;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &size, NULL, sealed.data + NONCE_BYTES,
						       sealed.size - NONCE_BYTES, (const uint8_t *)purpose,
						       strlen(purpose), sealed.data, auth->sealing_key))
		return VIVA_EINVAL;
	*ret_plain = viva_bytes_of(plain, (size_t)size);
	return 0;
}
