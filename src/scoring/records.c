// SPDX-License-Identifier: Apache-2.0
#include "scoring/records.h"

#include <string.h>

enum { MAX_DETAILS_BYTES = 64 << 20 };

// Messages are kept packed, as they came; `details` is JSON that only reports read.
static const struct viva_migration migrations[] = {
	{1, "CREATE TABLE scoring_sessions ("
	    " session_id TEXT PRIMARY KEY,"
	    " request BYTEA NOT NULL,"
	    " response BYTEA NOT NULL,"
	    " details TEXT NOT NULL,"
	    " calculated_at BIGINT NOT NULL);"},
};

int scoring_records_open(const char *url, struct viva_store **ret_store, struct viva_error *error)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = url;
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

int scoring_records_save(struct viva_store *store, const Scoring__ScoreRequest *request,
			 const Scoring__ScoreResponse *response, const json_t *details, struct viva_arena *arena,
			 struct viva_error *error)
{
	struct viva_bytes packed_request = pack(&request->base, arena);
	struct viva_bytes packed_response = pack(&response->base, arena);
	const char *text = viva_json_text(arena, details);
	if (!packed_request.data || !packed_response.data || !text)
		return VIVA_ENOMEM;
	const struct viva_value values[] = {viva_value_text(request->session_id), viva_value_bytes(packed_request),
					    viva_value_bytes(packed_response), viva_value_text(text),
					    viva_value_int(response->calculated_at)};
	return viva_store_execute(store,
				  "INSERT INTO scoring_sessions (session_id, request, response, details, "
				  "calculated_at) VALUES ($1, $2, $3, $4, $5) "
				  "ON CONFLICT (session_id) DO UPDATE SET request = excluded.request, "
				  "response = excluded.response, details = excluded.details, "
				  "calculated_at = excluded.calculated_at",
				  values, VIVA_COUNT(values), NULL, error);
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

int scoring_records_erase(struct viva_store *store, const char *session_id, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id)};
	return viva_store_execute(store, "DELETE FROM scoring_sessions WHERE session_id = $1", values,
				  VIVA_COUNT(values), NULL, error);
}
