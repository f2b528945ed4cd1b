// SPDX-License-Identifier: Apache-2.0
#include "interview/start.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>

#include "base/text.h"
#include "interview/adapt.h"
#include "interview/messages.h"
#include "interview/meters.h"
#include "interview/records.h"

// A token lives as long as the interview, and then as long as a candidate may come back for the result.
#define TOKEN_GRACE_MS (INT64_C(24) * 60 * 60 * 1000)
#define MAX_SEED ((INT64_C(1) << 53) - 1)  // what JSON's readers keep exactly
static const char SEAL_PURPOSE[] = "interview start response";

static bool is_printable(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		bool is_c1_control = at[0] == 0xc2 && at[1] < 0xa0;  // U+0080 … U+009F in UTF-8
		if (*at < 0x20 || *at == 0x7f || is_c1_control)
			return false;
	}
	return true;
}

static int parse_user_id(const json_t *body, struct interview_start *start, struct viva_error *error)
{
	int status = viva_json_get_text(body, "user_id", true, 1, INTERVIEW_MAX_USER_ID * 4, &start->user_id, error);
	if (status)
		return status;
	if (viva_utf8_length(start->user_id, strlen(start->user_id)) > INTERVIEW_MAX_USER_ID)
		return viva_fail(error, VIVA_EFIELD, "user_id", "user_id must have 1 to %d characters",
				 INTERVIEW_MAX_USER_ID);
	if (!is_printable(start->user_id))
		return viva_fail(error, VIVA_EFIELD, "user_id", "user_id must not hold control characters");
	return 0;
}

static int parse_questions(const json_t *body, const struct viva_question_bank *bank, struct interview_start *start,
			   struct viva_error *error)
{
	const char *name = "default";
	int status = viva_json_get_text(body, "question_set", false, 1, 64, &name, error);
	if (status)
		return status;
	start->question_set = viva_question_bank_set(bank, name);
	if (!start->question_set)
		return viva_fail(error, VIVA_EFIELD, "question_set", "there is no such question set");
	int64_t available = VIVA_MIN((int64_t)start->question_set->question_count, (int64_t)INTERVIEW_MAX_QUESTIONS);
	int64_t total = VIVA_MIN((int64_t)start->question_set->asked, available);
	status = viva_json_get_int(body, "total_questions", false, 1, available, &total, error);
	start->total_questions = (int)total;
	return status;
}

static int parse_mode_and_consent(const json_t *body, struct interview_start *start, struct viva_error *error)
{
	const char *mode = interview_mode_name(INTERVIEW_PRACTICE);
	int status = viva_json_get_text(body, "mode", false, 1, 16, &mode, error);
	if (status)
		return status;
	if (!interview_mode_parse(mode, &start->mode))
		return viva_fail(error, VIVA_EFIELD, "mode", "mode must be practice or recruitment");
	json_t *consent = NULL;
	status = viva_json_get_object(body, "consent", false, &consent, error);
	if (!status && consent)
		status = viva_json_get_bool(consent, "emotion_analysis", false, &start->emotion_analysis, error);
	if (!status && consent)
		status = viva_json_get_bool(consent, "recording", false, &start->recording, error);
	return status;
}

// Candidates who compete are asked the same, unless whoever starts the interview wants it otherwise.
static int parse_choosing(const json_t *body, struct interview_start *start, struct viva_error *error)
{
	start->is_adaptive = start->question_set->is_adaptive && start->mode != INTERVIEW_RECRUITMENT;
	start->seed = -1;
	int status = viva_json_get_bool(body, "adaptive", false, &start->is_adaptive, error);
	return status ? status : viva_json_get_int(body, "seed", false, 0, MAX_SEED, &start->seed, error);
}

int interview_start_parse(const json_t *body, const struct viva_question_bank *bank, struct interview_start *ret_start,
			  struct viva_error *error)
{
	struct interview_start start = {0};
	int status = parse_user_id(body, &start, error);
	if (!status)
		status = parse_questions(body, bank, &start, error);
	if (!status)
		status = parse_mode_and_consent(body, &start, error);
	if (!status)
		status = parse_choosing(body, &start, error);
	if (!status)
		*ret_start = start;
	return status;
}

// A start on its way into the store.
struct making {
	struct interview_service *service;
	const struct interview_start *start;
	struct viva_arena *arena;
	char id[VIVA_UUID_SIZE];
	int64_t started_at;
	bool is_adaptive;
	int64_t seed;
	struct interview_slot slots[INTERVIEW_MAX_QUESTIONS];
	const char *response;         // the JSON text to answer
	const char *sealed_response;  // as it is remembered for the key
	bool has_key;
	struct making *next_in_flight;
	// Of the last run: another instance is at the same key.
	bool is_in_flight;
	// Of the last run: the key was known, so nothing was made, and this was made and answered before.
	bool is_repeated;
	char first_id[VIVA_UUID_SIZE];
	const char *first_response;
	char key_hash[2 * SHA256_DIGEST_LENGTH + 1];
	char body_hash[2 * SHA256_DIGEST_LENGTH + 1];
};

static void hash_text(struct viva_bytes bytes, char ret_hex[2 * SHA256_DIGEST_LENGTH + 1])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA256(bytes.data ? bytes.data : (const uint8_t *)"", bytes.size, digest);
	viva_hex_encode(digest, sizeof digest, ret_hex);
}

static int take_key(struct making *making, const char *key, struct viva_bytes body, struct viva_error *error)
{
	size_t size = strnlen(key, INTERVIEW_MAX_IDEMPOTENCY_KEY + 1);
	bool is_visible = size > 0 && size <= INTERVIEW_MAX_IDEMPOTENCY_KEY;
	for (size_t i = 0; is_visible && i < size; i++)
		is_visible = key[i] > 0x20 && key[i] < 0x7f;
	if (!is_visible)
		return viva_fail(error, VIVA_EFIELD, "Idempotency-Key",
				 "Idempotency-Key must have 1 to %d visible ASCII characters",
				 INTERVIEW_MAX_IDEMPOTENCY_KEY);
	making->has_key = true;
	hash_text(viva_bytes_of_text(key), making->key_hash);
	hash_text(body, making->body_hash);
	return 0;
}

static int issue_token(const struct making *making, const char **ret_token, struct viva_error *error)
{
	const struct interview_start *start = making->start;
	struct viva_claims claims = {
		.emotion_analysis = start->emotion_analysis && start->mode == INTERVIEW_PRACTICE,
		.recording = start->recording,
		.expires_at = (making->started_at + making->service->timeout_ms + TOKEN_GRACE_MS) / 1000,
	};
	snprintf(claims.interview_id, sizeof claims.interview_id, "%s", making->id);
	snprintf(claims.mode, sizeof claims.mode, "%s", interview_mode_name(start->mode));
	if (viva_auth_issue(making->service->runtime.auth, &claims, making->arena, ret_token))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the token");
	return 0;
}

static int make_response(struct making *making, struct viva_error *error)
{
	const char *token = NULL;
	int status = issue_token(making, &token, error);
	if (status)
		return status;
	const struct viva_question *first = making->slots[0].question;
	VIVA_AUTO_JSON response =
		json_pack("{s:s, s:s, s:s, s:o, s:i, s:o, s:{s:s, s:s, s:s}}", "id", making->id, "token", token,
			  "status", interview_state_name(INTERVIEW_IN_PROGRESS), "started_at",
			  interview_time_json(making->started_at), "total_questions", making->start->total_questions,
			  "ws_url", json_sprintf("/ws/interviews/%s", making->id), "question", "id", first->id, "text",
			  first->text, "category", first->category);
	making->response = response ? viva_json_text(making->arena, response) : NULL;
	return making->response ? 0 : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
}

static int seal_response(struct making *making, struct viva_error *error)
{
	struct viva_bytes sealed;
	int status = viva_auth_seal(making->service->runtime.auth, SEAL_PURPOSE, viva_bytes_of_text(making->response),
				    making->arena, &sealed);
	char *text = status ? NULL : viva_arena_alloc(making->arena, viva_base64_encoded_size(sealed.size) + 1);
	if (!text)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
	viva_base64_encode(sealed.data, sealed.size, text);
	making->sealed_response = text;
	return 0;
}

static int unseal_response(struct making *making, const char *text, struct viva_error *error)
{
	size_t size = strlen(text);
	uint8_t *sealed = viva_arena_alloc(making->arena, viva_base64_decoded_bound(size) + 1);
	struct viva_bytes plain;
	if (!sealed || viva_base64_decode(text, size, sealed, &size) ||
	    viva_auth_unseal(making->service->runtime.auth, SEAL_PURPOSE, viva_bytes_of(sealed, size), making->arena,
			     &plain))
		return viva_fail(error, VIVA_EIO, NULL, "the answer to the first request can't be read any more");
	making->first_response = viva_arena_text(making->arena, (const char *)plain.data, plain.size);
	return making->first_response ? 0 : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
}

// ---- keys in flight: a request is turned away while another one with the same key is being answered, by this process
// (the list) or by another instance (the store's lock)

static pthread_mutex_t in_flight_lock = PTHREAD_MUTEX_INITIALIZER;
static struct making *first_in_flight;

static int fail_in_flight(struct viva_error *error)
{
	return viva_fail(error, VIVA_ECONFLICT, "Idempotency-Key",
			 "another request with this Idempotency-Key is still in flight");
}

static int enter_flight(struct making *making, struct viva_error *error)
{
	pthread_mutex_lock(&in_flight_lock);
	const struct making *other = first_in_flight;
	while (other && strcmp(other->key_hash, making->key_hash) != 0)
		other = other->next_in_flight;
	if (!other) {
		making->next_in_flight = first_in_flight;
		first_in_flight = making;
	}
	pthread_mutex_unlock(&in_flight_lock);
	return other ? fail_in_flight(error) : 0;
}

static void leave_flight(struct making *making)
{
	pthread_mutex_lock(&in_flight_lock);
	struct making **link = &first_in_flight;
	while (*link != making)
		link = &(*link)->next_in_flight;
	*link = making->next_in_flight;
	pthread_mutex_unlock(&in_flight_lock);
}

static int lock_key(struct viva_store_transaction *transaction, struct making *making, struct viva_error *error)
{
	char name[sizeof "interview-key/" + sizeof making->key_hash];
	snprintf(name, sizeof name, "interview-key/%s", making->key_hash);
	bool is_locked = false;
	int status = viva_transaction_try_lock(transaction, name, &is_locked, error);
	making->is_in_flight = !status && !is_locked;
	return status;
}

// ---- the interview and its key in the store

// *ret_is_known: the key was used with this body before; the first answer is given again.
static int look_key_up(struct viva_store_transaction *transaction, struct making *making, bool *ret_is_known,
		       struct viva_error *error)
{
	struct viva_value values[] = {viva_value_text(making->key_hash),
				      viva_value_int(making->started_at - INTERVIEW_IDEMPOTENCY_MS)};
	int status = lock_key(transaction, making, error);
	if (status || making->is_in_flight)
		return status;
	status = viva_transaction_execute(transaction,
					  "DELETE FROM interview_idempotency WHERE key_hash = $1 AND created_at < $2",
					  values, VIVA_COUNT(values), NULL, error);
	struct viva_rows rows = {0};
	if (!status)
		status = viva_transaction_query(transaction, making->arena,
						"SELECT body_hash, response, interview_id FROM interview_idempotency"
						" WHERE key_hash = $1",
						values, 1, &rows, error);
	if (status)
		return status;
	*ret_is_known = rows.row_count > 0;
	if (!*ret_is_known)
		return 0;
	if (strcmp(viva_rows_text(&rows, 0, 0), making->body_hash) != 0)
		return viva_fail(error, VIVA_EIDEMPOTENCY, "Idempotency-Key",
				 "this Idempotency-Key was used with another body");
	snprintf(making->first_id, sizeof making->first_id, "%s", viva_rows_text(&rows, 0, 2));
	return unseal_response(making, viva_rows_text(&rows, 0, 1), error);
}

static int insert_interview(struct viva_store_transaction *transaction, const struct making *making,
			    struct viva_error *error)
{
	const struct interview_start *start = making->start;
	struct viva_value values[] = {
		viva_value_text(making->id),
		viva_value_text(start->user_id),
		viva_value_text(start->question_set->name),
		viva_value_text(interview_mode_name(start->mode)),
		viva_value_int(start->emotion_analysis),
		viva_value_int(start->recording),
		viva_value_text(interview_state_name(INTERVIEW_IN_PROGRESS)),
		viva_value_int(start->total_questions),
		viva_value_int(making->started_at),
		viva_value_int(making->started_at + making->service->timeout_ms),
		viva_value_int(making->is_adaptive),
		viva_value_int(making->seed),
	};
	return viva_transaction_execute(transaction,
					"INSERT INTO interview_interviews (id, user_id, question_set, mode,"
					" emotion_analysis, recording, state, total_questions, started_at, expires_at,"
					" adaptive, seed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
					values, VIVA_COUNT(values), NULL, error);
}

static int insert_questions(struct viva_store_transaction *transaction, const struct making *making,
			    struct viva_error *error)
{
	int status = 0;
	for (int i = 0; i < making->start->total_questions && !status; i++) {
		const struct viva_question *question = making->slots[i].question;
		struct viva_value values[] = {viva_value_text(making->id), viva_value_int(i + 1),
					      viva_value_text(question->id), viva_value_text(question->text),
					      viva_value_text(question->category)};
		status = viva_transaction_execute(transaction,
						  "INSERT INTO interview_questions (interview_id, number, question_id,"
						  " text, category) VALUES ($1, $2, $3, $4, $5)",
						  values, VIVA_COUNT(values), NULL, error);
	}
	return status;
}

static int insert_key(struct viva_store_transaction *transaction, const struct making *making, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_text(making->key_hash), viva_value_text(making->body_hash),
				      viva_value_text(making->id), viva_value_text(making->sealed_response),
				      viva_value_int(making->started_at)};
	return viva_transaction_execute(
		transaction,
		"INSERT INTO interview_idempotency (key_hash, body_hash, interview_id, response,"
		" created_at) VALUES ($1, $2, $3, $4, $5)",
		values, VIVA_COUNT(values), NULL, error);
}

static int make_or_repeat(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct making *making = context;
	bool is_known = false;
	int status = making->has_key ? look_key_up(transaction, making, &is_known, error) : 0;
	making->is_repeated = is_known;
	if (status || is_known || making->is_in_flight)
		return status;
	status = insert_interview(transaction, making, error);
	if (!status)
		status = insert_questions(transaction, making, error);
	if (!status && making->has_key)
		status = insert_key(transaction, making, error);
	return status;
}

// What is asked, if the answers change nothing.
static void plan(struct making *making)
{
	const struct interview_start *start = making->start;
	size_t total = (size_t)start->total_questions;
	making->is_adaptive = start->is_adaptive && !making->service->is_order_fixed;
	// A set to choose from is no list to go through, even where the answers change nothing.
	if (!making->is_adaptive && !start->question_set->is_adaptive) {
		for (size_t i = 0; i < total; i++)
			making->slots[i] =
				(struct interview_slot){.question = start->question_set->questions[i], .follow_up = -1};
		return;
	}
	making->seed = start->seed;
	if (making->seed < 0)
		making->seed =
			making->is_adaptive ? (int64_t)viva_random_below(making->service->runtime.random, MAX_SEED) : 0;
	interview_plan(start->question_set, total, (uint64_t)making->seed, making->slots);
}

static int store(struct making *making, struct viva_error *error)
{
	int status = making->has_key ? enter_flight(making, error) : 0;
	if (status)
		return status;
	status = interview_transact(making->service->store, make_or_repeat, making, error);
	if (making->has_key)
		leave_flight(making);
	return !status && making->is_in_flight ? fail_in_flight(error) : status;
}

int interview_start(struct interview_service *service, const struct interview_start *start, const char *idempotency_key,
		    struct viva_bytes body, struct viva_arena *arena, const char **ret_response, const char **ret_id,
		    struct viva_error *error)
{
	struct making *making = viva_arena_alloc(arena, sizeof *making);
	if (!making)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the interview");
	*making = (struct making){
		.service = service, .start = start, .arena = arena, .started_at = interview_now_ms(service)};
	viva_uuid7(service->runtime.clock, service->runtime.random, making->id);
	plan(making);
	int status = idempotency_key ? take_key(making, idempotency_key, body, error) : 0;
	if (!status)
		status = make_response(making, error);
	if (!status && making->has_key)
		status = seal_response(making, error);
	if (!status)
		status = store(making, error);
	if (status)
		return status;
	if (!making->is_repeated)
		viva_metric_add(interview_meters()->started, 1);
	*ret_response = making->is_repeated ? making->first_response : making->response;
	*ret_id = making->is_repeated ? making->first_id : making->id;
	return 0;
}
