// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "emotion.pb-c.h"
#include "rpc_fixture.h"
#include "viva_test.h"

enum { PATIENCE_MS = 60000 };  // only so that what hangs fails

static const char frame_method[] = "/emotion.EmotionService/AnalyzeFrame";

struct session {
	struct rpc_fixture fixture;
	struct viva_rpc_client *client;
	struct viva_arena *arena;
	struct viva_error error;
	const char *answer;
};

static void begin(struct session *session, void (*adapt)(struct viva_rpc_server_options *options))
{
	memset(session, 0, sizeof *session);
	rpc_fixture_start(&session->fixture, 0, adapt);
	session->client = rpc_fixture_client(&session->fixture);
	assert_ok(viva_arena_create(0, &session->arena));
}

static void end(struct session *session)
{
	viva_rpc_client_destroy(session->client);
	rpc_fixture_stop(&session->fixture, 1000);
	viva_arena_destroy(session->arena);
}

static int ask(struct session *session, const char *session_id, uint32_t timeout_ms)
{
	return rpc_analyze(session->client, session_id, timeout_ms, session->arena, &session->answer, &session->error);
}

static void test_rpc__a_call_is_answered(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	assert_ok(ask(&session, "s1", PATIENCE_MS));
	assert_string_equal(session.answer, "s1");
	end(&session);
}

static void test_rpc__a_head_and_a_blob_arrive_as_one_message(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	enum { IMAGE_BYTES = 100000 };
	static uint8_t image[IMAGE_BYTES];
	VIVA_AUTO(viva_blob) blob = NULL;
	assert_ok(viva_blob_create(image, sizeof image, &blob));
	// session_id = "b", then the key and length of image_data: 100000 = 0xa0 0x8d 0x06.
	static const char head[] = "\x0a\x01"
				   "b"
				   "\x12\xa0\x8d\x06";
	struct viva_rpc_metadata tag = {.key = "x-tag", .value = "from the test"};
	struct viva_bytes reply = {0};
	assert_ok(viva_rpc_call_unary(session.client, frame_method, viva_bytes_of(head, sizeof head - 1), blob, &tag, 1,
				      rpc_deadline_in_ms(PATIENCE_MS), session.arena, &reply, NULL));
	Emotion__EmotionResponse *response = emotion__emotion_response__unpack(NULL, reply.size, reply.data);
	assert_non_null(response);
	assert_string_equal(response->session_id, "b");
	assert_int_equal(response->timestamp, IMAGE_BYTES);
	assert_string_equal(response->emotion, "from the test");
	emotion__emotion_response__free_unpacked(response, NULL);
	end(&session);
}

static void test_rpc__a_handlers_error_arrives_with_its_sentence(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	assert_error(ask(&session, "fail", PATIENCE_MS), viva_error_from_grpc_status(GRPC_STATUS_INVALID_ARGUMENT));
	assert_string_equal(session.error.message, "image_data: not a JPEG");
	end(&session);
}

static void test_rpc__text_that_is_not_utf8_is_an_invalid_argument(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	assert_error(ask(&session, "\xff", PATIENCE_MS), viva_error_from_grpc_status(GRPC_STATUS_INVALID_ARGUMENT));
	assert_non_null(strstr(session.error.message, "session_id"));
	end(&session);
}

static void test_rpc__a_handler_that_forgets_to_reply_is_an_internal_error(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	assert_error(ask(&session, "silent", PATIENCE_MS), VIVA_EINTERNAL);
	end(&session);
}

static void test_rpc__an_unknown_method_is_unimplemented(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	struct viva_bytes reply;
	assert_error(viva_rpc_call_unary(session.client, "/emotion.EmotionService/Guess", (struct viva_bytes){0}, NULL,
					 NULL, 0, rpc_deadline_in_ms(PATIENCE_MS), session.arena, &reply,
					 &session.error),
		     VIVA_EUNIMPLEMENTED);
	assert_non_null(strstr(session.error.message, "/emotion.EmotionService/Guess"));
	end(&session);
}

static void test_rpc__the_deadline_ends_the_call_and_tells_the_handler(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	// On a slow machine the deadline may pass before the call has reached its handler.
	for (uint32_t timeout_ms = 50; atomic_load(&session.fixture.at_gate) == 0; timeout_ms *= 2)
		assert_error(ask(&session, "wait", timeout_ms), VIVA_EDEADLINE);
	while (atomic_load(&session.fixture.was_cancelled) == 0)
		usleep(1000);
	end(&session);
}

static void test_rpc__a_deadline_in_the_past_calls_nobody(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	struct viva_bytes reply;
	assert_error(viva_rpc_call_unary(session.client, frame_method, (struct viva_bytes){0}, NULL, NULL, 0, 1,
					 session.arena, &reply, NULL),
		     VIVA_EDEADLINE);
	end(&session);
}

static void limit_messages(struct viva_rpc_server_options *options)
{
	options->max_message_bytes = 1000;
}

static void test_rpc__a_message_over_the_limit_is_resource_exhausted(void **state)
{
	(void)state;
	struct session session;
	begin(&session, limit_messages);
	static char session_id[2000];
	memset(session_id, 'a', sizeof session_id - 1);
	assert_error(ask(&session, session_id, PATIENCE_MS),
		     viva_error_from_grpc_status(GRPC_STATUS_RESOURCE_EXHAUSTED));
	assert_ok(ask(&session, "still alive", PATIENCE_MS));
	end(&session);
}

static int only_with_the_key(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	(void)context;
	const char *key = viva_rpc_metadata(call, "x-service-key");
	if (key && strcmp(key, "open sesame") == 0)
		return 0;
	return viva_fail(error, VIVA_EUNAUTHORIZED, NULL, "the service key is missing");
}

static void guard(struct viva_rpc_server_options *options)
{
	options->authorize = only_with_the_key;
}

static void test_rpc__authorize_decides_before_the_handler(void **state)
{
	(void)state;
	struct session session;
	begin(&session, guard);
	assert_error(ask(&session, "s1", PATIENCE_MS), VIVA_EUNAUTHORIZED);
	assert_string_equal(session.error.message, "the service key is missing");
	end(&session);
}

static void test_rpc__a_clients_own_metadata_goes_with_each_call(void **state)
{
	(void)state;
	struct session session;
	begin(&session, guard);
	const char *address = session.fixture.address;
	struct viva_rpc_metadata key = {.key = "x-service-key", .value = "open sesame"};
	struct viva_rpc_client_options options = viva_rpc_client_defaults();
	options.addresses = &address;
	options.address_count = 1;
	options.metadata = &key;
	options.metadata_count = 1;
	VIVA_AUTO(viva_rpc_client) client = NULL;
	assert_ok(viva_rpc_client_create(&options, &client, NULL));
	const char *answer = NULL;
	assert_ok(rpc_analyze(client, "s1", 5000, session.arena, &answer, NULL));
	end(&session);
}

static void test_rpc__metadata_that_http2_can_not_carry_is_refused(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	struct viva_rpc_metadata wrong[] = {{.key = "Upper", .value = "x"}, {.key = "x-a", .value = "line\nbreak"}};
	for (size_t i = 0; i < VIVA_COUNT(wrong); i++) {
		struct viva_bytes reply;
		assert_error(viva_rpc_call_unary(session.client, frame_method, (struct viva_bytes){0}, NULL, &wrong[i],
						 1, rpc_deadline_in_ms(PATIENCE_MS), session.arena, &reply, NULL),
			     VIVA_EINVAL);
	}
	end(&session);
}

struct background {
	struct session *session;
	pthread_t thread;
	int result;
};

static void *ask_to_wait(void *context)
{
	struct background *background = context;
	VIVA_AUTO(viva_arena) arena = NULL;
	const char *answer = NULL;
	if (viva_arena_create(0, &arena) == 0)
		background->result =
			rpc_analyze(background->session->client, "wait", PATIENCE_MS, arena, &answer, NULL);
	return NULL;
}

static void ask_in_background(struct background *background, struct session *session)
{
	*background = (struct background){.session = session, .result = 1};
	assert_int_equal(pthread_create(&background->thread, NULL, ask_to_wait, background), 0);
}

static int result_of(struct background *background)
{
	pthread_join(background->thread, NULL);
	return background->result;
}

static void allow_two_calls(struct viva_rpc_server_options *options)
{
	options->max_calls = 2;
}

static void test_rpc__one_call_too_many_is_shed_while_the_others_go_on(void **state)
{
	(void)state;
	struct session session;
	begin(&session, allow_two_calls);
	struct background first, second;
	ask_in_background(&first, &session);
	ask_in_background(&second, &session);
	rpc_fixture_wait_at_gate(&session.fixture, 2);

	assert_error(ask(&session, "third", PATIENCE_MS), viva_error_from_grpc_status(GRPC_STATUS_RESOURCE_EXHAUSTED));
	atomic_store(&session.fixture.is_open, true);
	assert_ok(result_of(&first));
	assert_ok(result_of(&second));
	assert_ok(ask(&session, "now there is room", PATIENCE_MS));
	end(&session);
}

static void test_rpc__a_stop_with_grace_lets_calls_finish(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	struct background waiting;
	ask_in_background(&waiting, &session);
	rpc_fixture_wait_at_gate(&session.fixture, 1);
	atomic_store(&session.fixture.is_open, true);
	rpc_fixture_stop(&session.fixture, PATIENCE_MS);
	assert_ok(result_of(&waiting));
	viva_rpc_client_destroy(session.client);
	viva_arena_destroy(session.arena);
}

static void test_rpc__a_stop_without_grace_cancels_calls(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	struct background waiting;
	ask_in_background(&waiting, &session);
	rpc_fixture_wait_at_gate(&session.fixture, 1);
	rpc_fixture_stop(&session.fixture, 0);
	assert_int_not_equal(result_of(&waiting), 0);
	assert_int_equal(atomic_load(&session.fixture.was_cancelled), 1);
	viva_rpc_client_destroy(session.client);
	viva_arena_destroy(session.arena);
}

static void test_rpc__nobody_there_is_unavailable_and_a_returned_server_is_found(void **state)
{
	(void)state;
	struct session session;
	begin(&session, NULL);
	assert_ok(ask(&session, "before", PATIENCE_MS));
	int port = session.fixture.port;
	rpc_fixture_stop(&session.fixture, 0);
	assert_error(ask(&session, "gone", PATIENCE_MS), VIVA_EUNAVAILABLE);

	rpc_fixture_start(&session.fixture, port, NULL);
	int result = VIVA_EUNAVAILABLE;
	for (int i = 0; i < PATIENCE_MS / 10 && result == VIVA_EUNAVAILABLE; i++, usleep(10000))
		result = ask(&session, "after", PATIENCE_MS);
	assert_ok(result);
	end(&session);
}

static void test_rpc__a_server_without_a_pool_is_refused(void **state)
{
	(void)state;
	struct viva_rpc_server_options options = viva_rpc_server_defaults();
	static const char *const services[] = {NULL};
	options.services = services;
	struct viva_rpc_server *server = NULL;
	assert_error(viva_rpc_server_create(&options, &server, NULL), VIVA_EINVAL);
	assert_null(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rpc__a_call_is_answered),
		cmocka_unit_test(test_rpc__a_head_and_a_blob_arrive_as_one_message),
		cmocka_unit_test(test_rpc__a_handlers_error_arrives_with_its_sentence),
		cmocka_unit_test(test_rpc__text_that_is_not_utf8_is_an_invalid_argument),
		cmocka_unit_test(test_rpc__a_handler_that_forgets_to_reply_is_an_internal_error),
		cmocka_unit_test(test_rpc__an_unknown_method_is_unimplemented),
		cmocka_unit_test(test_rpc__the_deadline_ends_the_call_and_tells_the_handler),
		cmocka_unit_test(test_rpc__a_deadline_in_the_past_calls_nobody),
		cmocka_unit_test(test_rpc__a_message_over_the_limit_is_resource_exhausted),
		cmocka_unit_test(test_rpc__authorize_decides_before_the_handler),
		cmocka_unit_test(test_rpc__a_clients_own_metadata_goes_with_each_call),
		cmocka_unit_test(test_rpc__metadata_that_http2_can_not_carry_is_refused),
		cmocka_unit_test(test_rpc__one_call_too_many_is_shed_while_the_others_go_on),
		cmocka_unit_test(test_rpc__a_stop_with_grace_lets_calls_finish),
		cmocka_unit_test(test_rpc__a_stop_without_grace_cancels_calls),
		cmocka_unit_test(test_rpc__nobody_there_is_unavailable_and_a_returned_server_is_found),
		cmocka_unit_test(test_rpc__a_server_without_a_pool_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
