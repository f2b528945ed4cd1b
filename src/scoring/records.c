// SPDX-License-Identifier: Apache-2.0
#include "scoring/records.h"

#include <stdio.h>
#include <string.h>

#include "events/events.h"
#include "scoring/announce.h"

enum { MAX_DETAILS_BYTES = 64 << 20 };

// Messages are kept packed, as they came; `details` is JSON that only reports read.
static const struct viva_migration migrations[] = {
	{1, "CREATE TABLE scoring_sessions ("
	    " session_id TEXT PRIMARY KEY,"
	    " request BYTEA NOT NULL,"
	    " response BYTEA NOT NULL,"
	    " details TEXT NOT NULL,"
	    " calculated_at BIGINT NOT NULL);"},
	// A frame with a number is named by it, and has no message_id; one without by the message that told of it.
	{2, "CREATE TABLE scoring_emotions ("
	    " session_id TEXT NOT NULL,"
	    " frame_number BIGINT NOT NULL,"
	    " message_id TEXT NOT NULL,"
	    " timestamp_ms BIGINT NOT NULL,"
	    " emotion TEXT NOT NULL,"
	    " confidence DOUBLE PRECISION NOT NULL,"
	    " blink_count BIGINT NOT NULL,"
	    " received_at BIGINT NOT NULL,"
	    " PRIMARY KEY (session_id, frame_number, message_id));"
	    "CREATE INDEX scoring_emotions_by_age ON scoring_emotions (received_at);"
	    "CREATE TABLE scoring_tombstones ("
	    " session_id TEXT PRIMARY KEY,"
	    " until_ms BIGINT NOT NULL);"
	    "CREATE INDEX scoring_tombstones_by_age ON scoring_tombstones (until_ms);"},
	{3, VIVA_OUTBOX_SCHEMA("scoring")},
	// What a language model was asked (kind session or day) and what it said of an interview's answers
	// (llm_budget.h).
	{4, "CREATE TABLE scoring_llm_usage ("
	    " kind TEXT NOT NULL,"
	    " name TEXT NOT NULL,"
	    " calls BIGINT NOT NULL,"
	    " tokens BIGINT NOT NULL,"
	    " PRIMARY KEY (kind, name));"
	    "CREATE TABLE scoring_llm_verdicts ("
	    " session_id TEXT NOT NULL,"
	    " answer_key TEXT NOT NULL,"
	    " verdict TEXT NOT NULL,"
	    " PRIMARY KEY (session_id, answer_key));"},
};

int scoring_records_open(const char *url, size_t connections, struct viva_store **ret_store, struct viva_error *error)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = url;
	options.readers = options.writers = connections;
	options.service = "scoring";
	options.migrations = migrations;
	options.migration_count = VIVA_COUNT(migrations);
	return viva_store_open(&options, ret_store, error);
}

static struct viva_bytes pack(const ProtobufCMessage *message, struct viva_arena *arena)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = viva_arena_alloc(arena, size + 1);
	if (bytes)
		protobuf_c_message_pack(message, bytes);
	return viva_bytes_of(bytes, size);
}

static void free_message(void *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

static int unpack(const ProtobufCMessageDescriptor *descriptor, struct viva_bytes bytes, struct viva_arena *arena,
		  ProtobufCMessage **ret_message, struct viva_error *error)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, NULL, bytes.size, bytes.data);
	if (!message)
		return viva_fail(error, VIVA_EIO, NULL, "a stored score can't be read");
	int code = viva_arena_on_destroy(arena, free_message, message);
	if (code != 0)
		free_message(message);
	else
		*ret_message = message;
	return code;
}

static int lock(struct viva_store_transaction *transaction, const char *session_id, struct viva_error *error)
{
	char name[sizeof "scoring/" + VIVA_EVENT_MAX_SESSION_ID];
	snprintf(name, sizeof name, "scoring/%s", session_id);
	return viva_transaction_lock(transaction, name, error);
}

int scoring_records_enter(struct viva_store_transaction *transaction, const char *session_id, struct viva_arena *arena,
			  bool *ret_is_erased, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	int code = lock(transaction, session_id, error);
	if (code == 0)
		code = viva_transaction_query(transaction, arena,
					      "SELECT until_ms FROM scoring_tombstones WHERE session_id = $1", values,
					      VIVA_COUNT(values), &rows, error);
	if (code == 0)
		*ret_is_erased = rows.row_count > 0;
	return code;
}

struct saving {
	const struct scoring_record *record;
	const struct viva_value *values;  // of the row
	size_t value_count;
	struct viva_outbox *outbox;
	struct viva_bus_message message;
	struct viva_arena *arena;
	bool is_told;
};

// What ScoreCalculated tells.
static bool has_same_numbers(const Scoring__ScoreResponse *a, const Scoring__ScoreResponse *b)
{
	return a->technical_score == b->technical_score && a->communication_score == b->communication_score &&
	       a->emotion_score == b->emotion_score && a->overall_score == b->overall_score &&
	       a->emotion_scored == b->emotion_scored;
}

// Whether the others know these numbers from the score that is stored.
static int find_known(struct viva_store_transaction *transaction, const struct saving *saving, bool *ret_is_known,
		      struct viva_error *error)
{
	struct viva_rows rows;
	ProtobufCMessage *stored = NULL;
	int code = viva_transaction_query(transaction, saving->arena,
					  "SELECT response FROM scoring_sessions WHERE session_id = $1", saving->values,
					  1, &rows, error);
	*ret_is_known = false;
	if (code != 0 || rows.row_count == 0)
		return code;
	code = unpack(&scoring__score_response__descriptor, viva_rows_bytes(&rows, 0, 0), saving->arena, &stored, NULL);
	if (code == VIVA_ENOMEM)
		return code;
	// One that can't be read tells nobody anything, and is about to be replaced.
	*ret_is_known = code == 0 && has_same_numbers((const Scoring__ScoreResponse *)stored, saving->record->response);
	return 0;
}

static int save(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct saving *saving = context;
	bool is_erased = false, is_known = false;
	int code = scoring_records_enter(transaction, saving->record->request->session_id, saving->arena, &is_erased,
					 error);
	if (code == 0 && is_erased)
		code = viva_fail(error, VIVA_ENOTFOUND, NULL, "this session was erased");
	if (code == 0)
		code = find_known(transaction, saving, &is_known, error);
	if (code == 0)
		code = viva_transaction_execute(
			transaction,
			"INSERT INTO scoring_sessions (session_id, request, response, details, calculated_at) "
			"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (session_id) DO UPDATE SET request = "
			"excluded.request, "
			"response = excluded.response, details = excluded.details, "
			"calculated_at = excluded.calculated_at",
			saving->values, saving->value_count, NULL, error);
	saving->is_told = !is_known;
	if (code == 0 && saving->is_told)
		code = viva_outbox_add(saving->outbox, transaction, &saving->message, error);
	return code;
}

int scoring_records_save(struct scoring_service *service, const struct scoring_record *record, struct viva_arena *arena,
			 struct viva_error *error)
{
	struct viva_bytes packed_request = pack(&record->request->base, arena);
	struct viva_bytes packed_response = pack(&record->response->base, arena);
	const char *text = viva_json_text(arena, record->details);
	if (!packed_request.data || !packed_response.data || !text)
		return VIVA_ENOMEM;
	const struct viva_value values[] = {viva_value_text(record->request->session_id),
					    viva_value_bytes(packed_request), viva_value_bytes(packed_response),
					    viva_value_text(text), viva_value_int(record->response->calculated_at)};
	struct saving saving = {.record = record,
				.values = values,
				.value_count = VIVA_COUNT(values),
				.outbox = service->outbox,
				.arena = arena};
	int code = scoring_announcement_make(record, arena, &saving.message);
	if (code == 0)
		code = viva_store_transact(service->store, save, &saving, error);
	if (code == 0 && saving.is_told)
		viva_outbox_wake(service->outbox);
	return code;
}

int scoring_records_load(struct viva_store *store, const char *session_id, struct viva_arena *arena,
			 Scoring__ScoreRequest **ret_request, Scoring__ScoreResponse **ret_response,
			 json_t **ret_details, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	int code = viva_store_query(store, arena,
				    "SELECT request, response, details FROM scoring_sessions WHERE session_id = $1",
				    values, VIVA_COUNT(values), &rows, error);
	if (code != 0)
		return code;
	if (rows.row_count == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no score of this session is known");

	ProtobufCMessage *request = NULL;
	ProtobufCMessage *response = NULL;
	json_t *details = NULL;
	if (ret_request)
		code = unpack(&scoring__score_request__descriptor, viva_rows_bytes(&rows, 0, 0), arena, &request,
			      error);
	if (code == 0 && ret_response)
		code = unpack(&scoring__score_response__descriptor, viva_rows_bytes(&rows, 0, 1), arena, &response,
			      error);
	if (code == 0 && ret_details)
		code = viva_json_parse_object(viva_rows_bytes(&rows, 0, 2), MAX_DETAILS_BYTES, &details, error);
	if (code != 0)
		return code;
	if (ret_request)
		*ret_request = (Scoring__ScoreRequest *)request;
	if (ret_response)
		*ret_response = (Scoring__ScoreResponse *)response;
	if (ret_details)
		*ret_details = details;
	return 0;
}

struct erasing {
	const char *session_id;
	int64_t until_ms;
};

static int erase(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	static const char *const statements[] = {
		"DELETE FROM scoring_sessions WHERE session_id = $1",
		"DELETE FROM scoring_emotions WHERE session_id = $1",
		"DELETE FROM scoring_outbox WHERE session_id = $1",
		"DELETE FROM scoring_llm_verdicts WHERE session_id = $1",
		"DELETE FROM scoring_llm_usage WHERE kind = 'session' AND name = $1",
	};
	const struct erasing *erasing = context;
	const struct viva_value values[] = {viva_value_text(erasing->session_id), viva_value_int(erasing->until_ms)};
	int code = lock(transaction, erasing->session_id, error);
	for (size_t i = 0; i < VIVA_COUNT(statements) && code == 0; i++)
		code = viva_transaction_execute(transaction, statements[i], values, 1, NULL, error);
	if (code != 0 || erasing->until_ms == 0)
		return code;
	return viva_transaction_execute(transaction,
					"INSERT INTO scoring_tombstones (session_id, until_ms) VALUES ($1, $2) "
					"ON CONFLICT (session_id) DO UPDATE SET until_ms = excluded.until_ms",
					values, VIVA_COUNT(values), NULL, error);
}

int scoring_records_erase(struct viva_store *store, const char *session_id, int64_t until_ms, struct viva_error *error)
{
	struct erasing erasing = {.session_id = session_id, .until_ms = until_ms};
	return viva_store_transact(store, erase, &erasing, error);
}

int scoring_records_expire(struct viva_store *store, int64_t now_ms, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_int(now_ms)};
	return viva_store_execute(store, "DELETE FROM scoring_tombstones WHERE until_ms <= $1", values,
				  VIVA_COUNT(values), NULL, error);
}
