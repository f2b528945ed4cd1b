// SPDX-License-Identifier: Apache-2.0
#include "worker/webhook_message.h"

#include <string.h>

#include "base/macros.h"
#include "viva_test.h"

static const char EVENT_ID[] = "01890a5d-ac96-774b-bcce-b302099a8057";

// printf '1700000000.{"id":"…"}' | openssl dgst -sha256 -hmac 'a secret of tests only'
static void test_webhook_message__the_signature_is_that_of_openssl(void **state)
{
	(void)state;
	char signature[WORKER_SIGNATURE_SIZE];
	assert_ok(worker_webhook_sign("a secret of tests only", 1700000000,
				      "{\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\"}", signature));
	assert_string_equal(signature,
			    "t=1700000000,v1=1b9eea1b89f7391044aa14e12a91cda6c9857c73bd2959b597144a72b0ea47e9");
}

static void test_webhook_message__the_signature_depends_on_secret_time_and_body(void **state)
{
	(void)state;
	char first[WORKER_SIGNATURE_SIZE], other[WORKER_SIGNATURE_SIZE];
	assert_ok(worker_webhook_sign("secret one", 1700000000, "{}", first));
	assert_ok(worker_webhook_sign("secret two", 1700000000, "{}", other));
	assert_string_not_equal(first, other);
	assert_ok(worker_webhook_sign("secret one", 1700000001, "{}", other));
	assert_string_not_equal(strchr(first, ','), strchr(other, ','));
	assert_ok(worker_webhook_sign("secret one", 1700000000, "{ }", other));
	assert_string_not_equal(first, other);
}

// python3: hashlib.sha256(id + b"\0" + url).hexdigest()[:32]
static void test_webhook_message__a_delivery_is_named_by_event_and_url(void **state)
{
	(void)state;
	char id[WORKER_DELIVERY_ID_SIZE], other[WORKER_DELIVERY_ID_SIZE];
	assert_ok(worker_delivery_id(EVENT_ID, "https://hooks.example.com/a", id));
	assert_string_equal(id, "00f8bb853dab9971c5602947aba2d40e");
	assert_ok(worker_delivery_id(EVENT_ID, "https://hooks.example.com/b", other));
	assert_string_not_equal(id, other);
}

static void test_webhook_message__the_body_is_the_event_in_an_envelope(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON event = json_loads("{\"SessionID\":\"s\",\"extra\":[1]}", 0, NULL);
	const char *body = NULL;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(worker_webhook_body(EVENT_ID, 1700000000123, event, arena, &body));
	assert_string_equal(body, "{\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"type\":\"score.calculated\","
				  "\"created_at\":\"2023-11-14T22:13:20.123Z\","
				  "\"data\":{\"SessionID\":\"s\",\"extra\":[1]}}");
}

static void test_webhook_message__no_memory_makes_no_signature(void **state)
{
	(void)state;
	char signature[WORKER_SIGNATURE_SIZE] = "untouched";
	fail_next_allocation(0);
	assert_error(worker_webhook_sign("a secret", 1, "{}", signature), VIVA_ENOMEM);
	assert_string_equal(signature, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_webhook_message__the_signature_is_that_of_openssl),
		cmocka_unit_test(test_webhook_message__the_signature_depends_on_secret_time_and_body),
		cmocka_unit_test(test_webhook_message__a_delivery_is_named_by_event_and_url),
		cmocka_unit_test(test_webhook_message__the_body_is_the_event_in_an_envelope),
		cmocka_unit_test(test_webhook_message__no_memory_makes_no_signature),
	};
	return cmocka_run_group_tests_name("webhook_message", tests, NULL, NULL);
}
