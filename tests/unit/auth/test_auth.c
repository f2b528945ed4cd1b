// SPDX-License-Identifier: Apache-2.0
#include "auth/auth.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "viva_test.h"

#define TOKEN_KEY "0123456789abcdef0123456789abcdef"
#define API_KEY "viva_test_key_0123456789"
#define INTERVIEW "01932c4e-0000-7000-8000-000000000001"
#define OTHER_INTERVIEW "01932c4e-0000-7000-8000-000000000002"

static int64_t now_ms = 1700000000000;

static int64_t fixed_unix_ms(const struct viva_clock *clock)
{
	(void)clock;
	return now_ms;
}

static const struct viva_clock fixed_clock = {.unix_ms = fixed_unix_ms};

static struct viva_auth *auth_with(const char *directory, const char *api_key, const char *token_key)
{
	const struct viva_auth_options options = {
		.data_directory = directory, .api_key = api_key, .token_key = token_key, .clock = &fixed_clock};
	struct viva_auth *auth = NULL;
	struct viva_error error = {0};
	assert_ok(viva_auth_open(&options, &auth, &error));
	return auth;
}

static const char *token_of(const struct viva_auth *auth, struct viva_arena *arena, int64_t expires_at)
{
	struct viva_claims claims = {
		.interview_id = INTERVIEW, .mode = "practice", .emotion_analysis = true, .expires_at = expires_at};
	const char *token = NULL;
	assert_ok(viva_auth_issue(auth, &claims, arena, &token));
	return token;
}

static int check(const struct viva_auth *auth, const char *authorization, const char *token,
		 struct viva_claims *ret_claims)
{
	enum viva_grant grant;
	return viva_auth_check(auth, authorization, token, &grant, ret_claims, NULL);
}

static struct viva_arena *new_arena(void)
{
	struct viva_arena *arena = NULL;
	assert_int_equal(viva_arena_create(0, &arena), 0);
	return arena;
}

static void test_auth__a_token_gives_back_its_claims(void **state)
{
	(void)state;
	VIVA_AUTO(viva_auth) auth = auth_with(".", API_KEY, TOKEN_KEY);
	VIVA_AUTO(viva_arena) arena = new_arena();
	struct viva_claims claims = {0};

	const char *token = token_of(auth, arena, now_ms / 1000 + 60);

	assert_ok(check(auth, NULL, token, &claims));
	assert_string_equal(claims.interview_id, INTERVIEW);
	assert_string_equal(claims.mode, "practice");
	assert_true(claims.emotion_analysis);
	assert_false(claims.recording);
	assert_ok(check(auth, viva_arena_printf(arena, "bearer  %s", token), NULL, &claims));
}

static void test_auth__a_token_changed_in_any_byte_is_refused(void **state)
{
	(void)state;
	VIVA_AUTO(viva_auth) auth = auth_with(".", API_KEY, TOKEN_KEY);
	VIVA_AUTO(viva_arena) arena = new_arena();
	struct viva_claims claims;
	const char *token = token_of(auth, arena, now_ms / 1000 + 60);

	for (size_t i = 0; i < strlen(token); i++) {
		char *forged = viva_arena_text(arena, token, strlen(token));
		forged[i] = forged[i] == 'A' ? 'B' : 'A';
		assert_int_equal(check(auth, NULL, forged, &claims), VIVA_EUNAUTHORIZED);
	}
}

static void test_auth__a_token_without_a_signature_is_refused(void **state)
{
	(void)state;
	VIVA_AUTO(viva_auth) auth = auth_with(".", API_KEY, TOKEN_KEY);
	struct viva_claims claims;

	static const char *const forged[] = {
		"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ4In0.",
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
		"..",
		"",
	};
	for (size_t i = 0; i < VIVA_COUNT(forged); i++)
		assert_int_equal(check(auth, NULL, forged[i], &claims), VIVA_EUNAUTHORIZED);
}

static void test_auth__a_token_of_another_key_is_refused(void **state)
{
	(void)state;
	VIVA_AUTO(viva_auth) auth = auth_with(".", API_KEY, TOKEN_KEY);
	VIVA_AUTO(viva_auth) other = auth_with(".", API_KEY, "another key of more than 32 characters");
	VIVA_AUTO(viva_arena) arena = new_arena();
	struct viva_claims claims;

	const char *token = token_of(other, arena, now_ms / 1000 + 60);

	assert_int_equal(check(auth, NULL, token, &claims), VIVA_EUNAUTHORIZED);
}

static void test_auth__a_token_expires(void **state)
{
	(void)state;
	VIVA_AUTO(viva_auth) auth = auth_with(".", API_KEY, TOKEN_KEY);
	VIVA_AUTO(viva_arena) arena = new_arena();
	struct viva_claims claims;

	const char *token = token_of(auth, arena, now_ms / 1000 + 60);

	now_ms += 59000;
	assert_ok(check(auth, NULL, token, &claims));
	now_ms += 1000;
	assert_int_equal(check(auth, NULL, token, &claims), VIVA_EUNAUTHORIZED);
	now_ms -= 60000;
}

static void test_auth__a_token_opens_its_own_interview_only(void **state)
{
	(void)state;
	VIVA_AUTO(viva_auth) auth = auth_with(".", API_KEY, TOKEN_KEY);
	VIVA_AUTO(viva_arena) arena = new_arena();
	const char *token = token_of(auth, arena, now_ms / 1000 + 60);

	assert_ok(viva_auth_check_interview(auth, NULL, token, INTERVIEW, NULL, NULL, NULL));
	assert_int_equal(viva_auth_check_interview(auth, NULL, token, OTHER_INTERVIEW, NULL, NULL, NULL),
			 VIVA_EFORBIDDEN);
	assert_ok(viva_auth_check_interview(auth, "Bearer " API_KEY, NULL, OTHER_INTERVIEW, NULL, NULL, NULL));
	assert_int_equal(viva_auth_check_api_key(auth, viva_arena_printf(arena, "Bearer %s", token), NULL),
			 VIVA_EFORBIDDEN);
}

static void test_auth__credentials_that_are_missing_or_malformed_are_named_so(void **state)
{
	(void)state;
	VIVA_AUTO(viva_auth) auth = auth_with(".", API_KEY, TOKEN_KEY);
	struct viva_error error = {0};

	assert_int_equal(viva_auth_check_api_key(auth, NULL, &error), VIVA_EUNAUTHORIZED);
	assert_non_null(strstr(error.message, "missing"));
	assert_int_equal(viva_auth_check_api_key(auth, "Basic dXNlcg==", &error), VIVA_EUNAUTHORIZED);
	assert_non_null(strstr(error.message, "Bearer"));
	assert_int_equal(viva_auth_check_api_key(auth, "Bearer viva_wrong_key_0123456789", &error), VIVA_EUNAUTHORIZED);
}

static void test_auth__keys_too_short_to_be_safe_are_refused(void **state)
{
	(void)state;
	struct viva_auth *auth = NULL;
	struct viva_auth_options options = {.data_directory = ".", .api_key = "short", .token_key = TOKEN_KEY};
	options.clock = &fixed_clock;

	assert_int_equal(viva_auth_open(&options, &auth, NULL), VIVA_EUSAGE);
	options.api_key = API_KEY;
	options.token_key = "short";
	assert_int_equal(viva_auth_open(&options, &auth, NULL), VIVA_EUSAGE);
	assert_null(auth);
}

static void test_auth__another_api_key_takes_the_first_ones_place(void **state)
{
	(void)state;
	char directory[PATH_MAX];
	make_test_directory(directory, sizeof directory);
	struct viva_claims claims;
	VIVA_AUTO(viva_auth) auth = auth_with(directory, "the first API key of all", TOKEN_KEY);
	assert_ok(viva_auth_set_api_key(auth, "another API key, as long", NULL));
	assert_error(check(auth, "Bearer the first API key of all", NULL, &claims), VIVA_EUNAUTHORIZED);
	assert_ok(check(auth, "Bearer another API key, as long", NULL, &claims));
	assert_error(viva_auth_set_api_key(auth, "too short", NULL), VIVA_EUSAGE);
	assert_ok(check(auth, "Bearer another API key, as long", NULL, &claims));
	remove_test_directory(directory);
}

static void test_auth__secrets_are_made_once_and_shared_by_all_who_open_the_folder(void **state)
{
	(void)state;
	char directory[] = "/tmp/viva-auth-XXXXXX";
	assert_non_null(mkdtemp(directory));
	VIVA_AUTO(viva_arena) arena = new_arena();
	struct viva_claims claims;

	VIVA_AUTO(viva_auth) first = auth_with(directory, API_KEY, NULL);
	VIVA_AUTO(viva_auth) second = auth_with(directory, API_KEY, NULL);

	assert_ok(check(second, NULL, token_of(first, arena, now_ms / 1000 + 60), &claims));
	struct stat status;
	const char *path = viva_arena_printf(arena, "%s/secrets/token.key", directory);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);

	// One that others can read is no secret.
	assert_int_equal(chmod(path, 0644), 0);
	struct viva_auth *third = NULL;
	const struct viva_auth_options options = {
		.data_directory = directory, .api_key = API_KEY, .clock = &fixed_clock};
	assert_int_equal(viva_auth_open(&options, &third, NULL), VIVA_EIO);

	unlink(path);
	rmdir(viva_arena_printf(arena, "%s/secrets", directory));
	rmdir(directory);
}

static void test_auth__sealed_state_opens_for_its_purpose_only_and_unchanged_only(void **state)
{
	(void)state;
	VIVA_AUTO(viva_auth) auth = auth_with(".", API_KEY, TOKEN_KEY);
	VIVA_AUTO(viva_arena) arena = new_arena();
	struct viva_bytes sealed, plain;
	assert_ok(viva_auth_seal(auth, "one", viva_bytes_of_text("state"), arena, &sealed));

	assert_ok(viva_auth_unseal(auth, "one", sealed, arena, &plain));
	assert_int_equal(plain.size, 5);
	assert_memory_equal(plain.data, "state", 5);
	assert_int_equal(viva_auth_unseal(auth, "two", sealed, arena, &plain), VIVA_EINVAL);
	for (size_t i = 0; i < sealed.size; i++) {
		uint8_t *changed = viva_arena_alloc(arena, sealed.size);
		memcpy(changed, sealed.data, sealed.size);
		changed[i] ^= 1;
		assert_int_equal(viva_auth_unseal(auth, "one", viva_bytes_of(changed, sealed.size), arena, &plain),
				 VIVA_EINVAL);
		assert_int_equal(viva_auth_unseal(auth, "one", viva_bytes_of(sealed.data, i), arena, &plain),
				 VIVA_EINVAL);
	}
}

static void test_auth__switched_off_lets_everybody_in(void **state)
{
	(void)state;
	struct viva_auth_options options = {.data_directory = ".", .api_key = API_KEY, .token_key = TOKEN_KEY};
	options.clock = &fixed_clock;
	options.is_off = true;
	VIVA_AUTO(viva_auth) auth = NULL;
	assert_ok(viva_auth_open(&options, &auth, NULL));

	assert_ok(viva_auth_check_api_key(auth, NULL, NULL));
	assert_ok(viva_auth_check_interview(auth, NULL, NULL, INTERVIEW, NULL, NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auth__a_token_gives_back_its_claims),
		cmocka_unit_test(test_auth__a_token_changed_in_any_byte_is_refused),
		cmocka_unit_test(test_auth__a_token_without_a_signature_is_refused),
		cmocka_unit_test(test_auth__a_token_of_another_key_is_refused),
		cmocka_unit_test(test_auth__a_token_expires),
		cmocka_unit_test(test_auth__a_token_opens_its_own_interview_only),
		cmocka_unit_test(test_auth__credentials_that_are_missing_or_malformed_are_named_so),
		cmocka_unit_test(test_auth__keys_too_short_to_be_safe_are_refused),
		cmocka_unit_test(test_auth__another_api_key_takes_the_first_ones_place),
		cmocka_unit_test(test_auth__secrets_are_made_once_and_shared_by_all_who_open_the_folder),
		cmocka_unit_test(test_auth__sealed_state_opens_for_its_purpose_only_and_unchanged_only),
		cmocka_unit_test(test_auth__switched_off_lets_everybody_in),
	};
	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
