// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "interview/erase.h"
#include "interview_fixture.h"

static int parse(struct interview_fixture *fixture, const char *body, struct interview_start *ret_start,
		 struct viva_error *error)
{
	VIVA_AUTO_JSON json = json_loads(body, 0, NULL);
	assert_non_null(json);
	return interview_start_parse(json, fixture->service.bank, ret_start, error);
}

static void test_start__has_defaults_for_all_but_the_user(void **state)
{
	struct interview_fixture *fixture = *state;
	VIVA_AUTO_JSON body = json_loads("{\"user_id\":\"u\"}", 0, NULL);
	struct interview_start start;
	assert_ok(interview_start_parse(body, fixture->service.bank, &start, NULL));
	assert_string_equal(start.user_id, "u");
	assert_string_equal(start.question_set->name, "default");
	assert_int_equal(start.total_questions, VIVA_MIN(start.question_set->question_count, INTERVIEW_MAX_QUESTIONS));
	assert_int_equal(start.mode, INTERVIEW_PRACTICE);
	assert_false(start.emotion_analysis);
	assert_false(start.recording);
}

static void test_start__names_the_member_at_fault(void **state)
{
	static const struct {
		const char *body, *field;
	} cases[] = {
		{"{}", "user_id"},
		{"{\"user_id\":\"\"}", "user_id"},
		{"{\"user_id\":\"a\\tb\"}", "user_id"},
		{"{\"user_id\":\"a\\u0085b\"}", "user_id"},
		{"{\"user_id\":\"u\",\"mode\":\"exam\"}", "mode"},
		{"{\"user_id\":\"u\",\"total_questions\":0}", "total_questions"},
		{"{\"user_id\":\"u\",\"total_questions\":51}", "total_questions"},
		{"{\"user_id\":\"u\",\"total_questions\":1.5}", "total_questions"},
		{"{\"user_id\":\"u\",\"question_set\":\"nothing\"}", "question_set"},
		{"{\"user_id\":\"u\",\"consent\":true}", "consent"},
		{"{\"user_id\":\"u\",\"consent\":{\"recording\":1}}", "recording"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct interview_start start = {.total_questions = 77};
		struct viva_error error = {0};
		assert_error(parse(*state, cases[i].body, &start, &error), VIVA_EFIELD);
		assert_string_equal(error.field, cases[i].field);
		assert_int_equal(start.total_questions, 77);  // untouched
	}
}

static void test_start__a_user_id_has_128_characters_however_many_bytes(void **state)
{
	char body[2048] = "{\"user_id\":\"";
	for (int i = 0; i < INTERVIEW_MAX_USER_ID; i++)
		strcat(body, "\xe6\xbc\xa2");
	size_t size = strlen(body);
	strcat(body, "\"}");
	struct interview_start start;
	VIVA_AUTO_JSON json = json_loads(body, 0, NULL);
	assert_ok(interview_start_parse(json, ((struct interview_fixture *)*state)->service.bank, &start, NULL));
	strcpy(body + size, "x\"}");
	assert_error(parse(*state, body, &start, NULL), VIVA_EFIELD);
}

// Starts with a key; gives the answer and the id.
static int start_with_key(struct interview_fixture *fixture, const char *key, const char *body,
			  const char **ret_response, const char **ret_id)
{
	VIVA_AUTO_JSON json = json_loads(body, 0, NULL);
	struct interview_start start;
	assert_ok(interview_start_parse(json, fixture->service.bank, &start, NULL));
	return interview_start(&fixture->service, &start, key, viva_bytes_of_text(body), fixture->arena, ret_response,
			       ret_id, NULL);
}

static void test_start__the_same_key_and_body_get_the_same_answer(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *first = NULL;
	const char *again = NULL;
	const char *first_id = NULL;
	const char *again_id = NULL;
	assert_ok(start_with_key(fixture, "k1", "{\"user_id\":\"u\"}", &first, &first_id));
	fake_clock_advance_ms(&fixture->clock, 5000);
	assert_ok(start_with_key(fixture, "k1", "{\"user_id\":\"u\"}", &again, &again_id));
	assert_string_equal(first, again);
	assert_string_equal(first_id, again_id);
	assert_int_equal(interview_fixture_count(fixture, "SELECT count(*) FROM interview_interviews"), 1);
	assert_ok(start_with_key(fixture, "k2", "{\"user_id\":\"u\"}", &again, &again_id));
	assert_string_not_equal(first_id, again_id);
}

static void test_start__a_key_with_another_body_is_refused(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *response = NULL;
	const char *id = NULL;
	assert_ok(start_with_key(fixture, "k", "{\"user_id\":\"u\"}", &response, &id));
	assert_error(start_with_key(fixture, "k", "{\"user_id\":\"v\"}", &response, &id), VIVA_EIDEMPOTENCY);
	assert_int_equal(interview_fixture_count(fixture, "SELECT count(*) FROM interview_interviews"), 1);
}

static void test_start__a_key_is_forgotten_after_a_day(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *response = NULL;
	const char *first_id = NULL;
	const char *later_id = NULL;
	assert_ok(start_with_key(fixture, "k", "{\"user_id\":\"u\"}", &response, &first_id));
	fake_clock_advance_ms(&fixture->clock, INTERVIEW_IDEMPOTENCY_MS + 1);
	assert_ok(start_with_key(fixture, "k", "{\"user_id\":\"other\"}", &response, &later_id));
	assert_string_not_equal(first_id, later_id);
}

// Two requests under one key, while the store's writer stands still.
struct race {
	struct interview_fixture *fixture;
	sem_t writer_stands, writer_goes, one_ended;
	_Atomic int statuses[2];
	_Atomic int next;
};

static int stand_still(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	(void)transaction, (void)error;
	struct race *race = context;
	sem_post(&race->writer_stands);
	sem_wait(&race->writer_goes);
	return 0;
}

static void *hold_writer(void *context)
{
	struct race *race = context;
	assert_ok(viva_store_transact(race->fixture->service.store, stand_still, race, NULL));
	return NULL;
}

static void *start_under_key(void *context)
{
	static const char body[] = "{\"user_id\":\"u\"}";
	struct race *race = context;
	struct interview_service *service = &race->fixture->service;
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON json = json_loads(body, 0, NULL);
	struct interview_start start;
	const char *response = NULL, *id = NULL;
	int own = atomic_fetch_add(&race->next, 1);
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(interview_start_parse(json, service->bank, &start, NULL));
	race->statuses[own] =
		interview_start(service, &start, "k", viva_bytes_of_text(body), arena, &response, &id, NULL);
	sem_post(&race->one_ended);
	return NULL;
}

static void test_start__while_a_key_is_in_flight_another_request_under_it_is_a_conflict(void **state)
{
	struct race race = {.fixture = *state, .statuses = {1, 1}};
	pthread_t holder, starts[2];
	sem_init(&race.writer_stands, 0, 0);
	sem_init(&race.writer_goes, 0, 0);
	sem_init(&race.one_ended, 0, 0);
	assert_int_equal(pthread_create(&holder, NULL, hold_writer, &race), 0);
	sem_wait(&race.writer_stands);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&starts[i], NULL, start_under_key, &race), 0);
	// Whichever came second is turned away; the first still waits for the writer.
	sem_wait(&race.one_ended);
	int ended = race.statuses[0] == 1 ? 1 : 0;
	assert_error(race.statuses[ended], VIVA_ECONFLICT);
	assert_int_equal(race.statuses[1 - ended], 1);
	sem_post(&race.writer_goes);
	for (int i = 0; i < 2; i++)
		pthread_join(starts[i], NULL);
	pthread_join(holder, NULL);
	assert_ok(race.statuses[1 - ended]);
	const char *response = NULL, *id = NULL;
	assert_ok(start_with_key(*state, "k", "{\"user_id\":\"u\"}", &response, &id));
	assert_int_equal(interview_fixture_count(*state, "SELECT count(*) FROM interview_interviews"), 1);
}

static void test_start__a_key_must_be_visible_and_short(void **state)
{
	char longer[INTERVIEW_MAX_IDEMPOTENCY_KEY + 2];
	memset(longer, 'k', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	const char *keys[] = {"", "a b", "a\x7f", "\xc3\xa4", longer};
	for (size_t i = 0; i < VIVA_COUNT(keys); i++) {
		const char *response = NULL;
		const char *id = NULL;
		assert_error(start_with_key(*state, keys[i], "{\"user_id\":\"u\"}", &response, &id), VIVA_EFIELD);
	}
}

static void test_start__the_store_holds_no_token(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *response = NULL;
	const char *id = NULL;
	assert_ok(start_with_key(fixture, "k", "{\"user_id\":\"u\"}", &response, &id));
	VIVA_AUTO_JSON json = json_loads(response, 0, NULL);
	const char *token = json_string_value(json_object_get(json, "token"));
	struct viva_value values[] = {viva_value_text(token)};
	struct viva_rows rows;
	assert_ok(viva_store_query(fixture->service.store, fixture->arena,
				   "SELECT count(*) FROM interview_idempotency WHERE instr(response, $1) > 0", values,
				   1, &rows, NULL));
	assert_int_equal(viva_rows_int(&rows, 0, 0), 0);
}

static void test_start__no_token_of_a_recruitment_interview_allows_emotions(void **state)
{
	struct interview_fixture *fixture = *state;
	static const struct {
		const char *body;
		bool is_allowed;
	} cases[] = {
		{"{\"user_id\":\"u\",\"consent\":{\"emotion_analysis\":true}}", true},
		{"{\"user_id\":\"u\",\"consent\":{\"emotion_analysis\":true},\"mode\":\"recruitment\"}", false},
		{"{\"user_id\":\"u\"}", false},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		const char *response = NULL;
		const char *id = NULL;
		assert_ok(start_with_key(fixture, NULL, cases[i].body, &response, &id));
		VIVA_AUTO_JSON json = json_loads(response, 0, NULL);
		struct viva_claims claims;
		enum viva_grant grant;
		assert_ok(viva_auth_check(fixture->service.runtime.auth, NULL,
					  json_string_value(json_object_get(json, "token")), &grant, &claims, NULL));
		assert_int_equal(grant, VIVA_GRANT_INTERVIEW);
		assert_string_equal(claims.interview_id, id);
		assert_int_equal(claims.emotion_analysis, cases[i].is_allowed);
	}
}

static void test_start__erasing_leaves_only_the_id_behind(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *response = NULL;
	const char *id = NULL;
	assert_ok(start_with_key(fixture, "k", "{\"user_id\":\"u\"}", &response, &id));
	assert_ok(interview_erase(&fixture->service, id, NULL, fixture->arena, NULL));
	static const char *const tables[] = {"interview_interviews", "interview_questions", "interview_answers",
					     "interview_idempotency"};
	for (size_t i = 0; i < VIVA_COUNT(tables); i++) {
		const char *sql = viva_arena_printf(fixture->arena, "SELECT count(*) FROM %s", tables[i]);
		assert_int_equal(interview_fixture_count(fixture, sql), 0);
	}
	assert_int_equal(interview_fixture_count(fixture, "SELECT count(*) FROM interview_erasures"), 1);
	assert_error(interview_erase(&fixture->service, id, NULL, fixture->arena, NULL), VIVA_ENOTFOUND);
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, interview_fixture_set_up, interview_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(test_start__has_defaults_for_all_but_the_user),
		WITH_SERVICE(test_start__names_the_member_at_fault),
		WITH_SERVICE(test_start__a_user_id_has_128_characters_however_many_bytes),
		WITH_SERVICE(test_start__the_same_key_and_body_get_the_same_answer),
		WITH_SERVICE(test_start__a_key_with_another_body_is_refused),
		WITH_SERVICE(test_start__a_key_is_forgotten_after_a_day),
		WITH_SERVICE(test_start__while_a_key_is_in_flight_another_request_under_it_is_a_conflict),
		WITH_SERVICE(test_start__a_key_must_be_visible_and_short),
		WITH_SERVICE(test_start__the_store_holds_no_token),
		WITH_SERVICE(test_start__no_token_of_a_recruitment_interview_allows_emotions),
		WITH_SERVICE(test_start__erasing_leaves_only_the_id_behind),
	};
	return cmocka_run_group_tests_name("interview/start", tests, NULL, NULL);
}
