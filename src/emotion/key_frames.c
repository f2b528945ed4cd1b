// SPDX-License-Identifier: Apache-2.0
#include "emotion/key_frames.h"

#include "base/json.h"
#include "base/text.h"

// The kept frames' marks, with what names their rows.
#define SELECT_MARKS                                                                                                   \
	"SELECT question, emotion, quality, timestamp_ms, frame_number FROM emotion_key_frames WHERE session_id = $1 " \
	"ORDER BY timestamp_ms, frame_number"

static size_t read_marks(const struct viva_rows *rows, struct emotion_key_frame_mark *ret_marks)
{
	size_t count = VIVA_MIN(rows->row_count, (size_t)EMOTION_MAX_KEY_FRAMES);
	for (size_t i = 0; i < count; i++)
		ret_marks[i] = (struct emotion_key_frame_mark){.question = (int32_t)viva_rows_int(rows, i, 0),
							       .emotion = viva_rows_text(rows, i, 1),
							       .quality = (float)viva_rows_real(rows, i, 2)};
	return count;
}

static bool choose(const struct viva_rows *rows, const struct emotion_key_frame_mark *mark, int *ret_replaced)
{
	struct emotion_key_frame_mark kept[EMOTION_MAX_KEY_FRAMES];
	return emotion_key_frame_choose(kept, read_marks(rows, kept), mark, ret_replaced);
}

// Whether it is worth making the picture. What is decided by it is decided again in the transaction.
static int is_wanted(struct viva_store *store, const char *session_id, const struct emotion_key_frame_mark *mark,
		     struct viva_arena *arena, bool *ret_wanted, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	int replaced;
	*ret_wanted = false;
	if (!(mark->quality > 0))
		return 0;
	int code = viva_store_query(store, arena, SELECT_MARKS, values, VIVA_COUNT(values), &rows, error);
	if (code == 0)
		*ret_wanted = choose(&rows, mark, &replaced);
	return code;
}

static int take_picture(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
			struct emotion_key_frame *key_frame, struct viva_error *error)
{
	struct viva_buffer out = {.limit = VIVA_THUMBNAIL_MAX_BYTES};
	int code = viva_vision_thumbnail(service->vision, frame->image, frame->format, &out, &key_frame->size, error);
	char *picture = code == 0 ? viva_arena_text(arena, (const char *)out.data, out.size) : NULL;
	if (code == 0 && !picture)
		code = VIVA_ENOMEM;
	if (code == 0)
		key_frame->picture = viva_bytes_of(picture, out.size);
	viva_buffer_finish(&out);
	return code;
}

int emotion_key_frame_make(struct emotion_service *service, const struct emotion_frame *frame,
			   const struct viva_vision_result *result, struct viva_arena *arena,
			   const struct emotion_key_frame **ret_key_frame, struct viva_error *error)
{
	bool is_worth_it = false;
	*ret_key_frame = NULL;
	if (!frame->may_be_kept)
		return 0;
	const struct emotion_key_frame_mark mark = {.question = frame->question,
						    .emotion = viva_emotion_name(result->emotion),
						    .quality = emotion_key_frame_quality(result)};
	int code = is_wanted(service->store, frame->session_id, &mark, arena, &is_worth_it, error);
	if (code != 0 || !is_worth_it)
		return code;
	struct emotion_key_frame *key_frame = viva_arena_alloc(arena, sizeof *key_frame);
	if (!key_frame)
		return VIVA_ENOMEM;
	*key_frame = (struct emotion_key_frame){.mark = mark,
						.timestamp_ms = frame->timestamp_ms,
						.frame_number = frame->frame_number,
						.confidence = result->emotion_confidence};
	code = take_picture(service, frame, arena, key_frame, NULL);
	// Damage far from the face is met only here, where all of the picture is read: the analysis stands.
	if (code == VIVA_EIMAGE || code == VIVA_EFRAMESIZE || code == VIVA_ELIMIT)
		return 0;
	if (code == 0)
		*ret_key_frame = key_frame;
	return code;
}

static int delete_replaced(struct viva_store_transaction *transaction, const char *session_id,
			   const struct viva_rows *rows, size_t row, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(viva_rows_int(rows, row, 3)),
					    viva_value_int(viva_rows_int(rows, row, 4))};
	return viva_transaction_execute(transaction,
					"DELETE FROM emotion_key_frames WHERE session_id = $1 AND timestamp_ms = $2 "
					"AND frame_number = $3",
					values, VIVA_COUNT(values), NULL, error);
}

static int insert(struct viva_store_transaction *transaction, const char *session_id,
		  const struct emotion_key_frame *key_frame, int64_t now_ms, struct viva_error *error)
{
	const struct viva_value values[] = {
		viva_value_text(session_id),
		viva_value_int(key_frame->timestamp_ms),
		viva_value_int(key_frame->frame_number),
		viva_value_int(key_frame->mark.question),
		viva_value_text(key_frame->mark.emotion),
		viva_value_real((double)key_frame->confidence),
		viva_value_real((double)key_frame->mark.quality),
		viva_value_int(key_frame->size.width),
		viva_value_int(key_frame->size.height),
		viva_value_bytes(key_frame->picture),
		viva_value_int(now_ms),
	};
	return viva_transaction_execute(transaction,
					"INSERT INTO emotion_key_frames (session_id, timestamp_ms, frame_number, "
					"question, emotion, confidence, quality, width, height, picture, recorded_at) "
					"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
					values, VIVA_COUNT(values), NULL, error);
}

int emotion_key_frame_keep(struct viva_store_transaction *transaction, const char *session_id,
			   const struct emotion_key_frame *key_frame, int64_t now_ms, struct viva_arena *arena,
			   bool *ret_kept, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	int replaced = EMOTION_KEY_FRAME_NOTHING;
	int code = viva_transaction_query(transaction, arena, SELECT_MARKS, values, VIVA_COUNT(values), &rows, error);
	*ret_kept = code == 0 && choose(&rows, &key_frame->mark, &replaced);
	if (!*ret_kept)
		return code;
	if (replaced >= 0)
		code = delete_replaced(transaction, session_id, &rows, (size_t)replaced, error);
	return code == 0 ? insert(transaction, session_id, key_frame, now_ms, error) : code;
}

static json_t *row_json(const struct viva_rows *rows, size_t row, struct viva_arena *arena)
{
	struct viva_bytes picture = viva_rows_bytes(rows, row, 7);
	int64_t question = viva_rows_int(rows, row, 2);
	size_t size = viva_base64_encoded_size(picture.size);
	char *text = viva_arena_alloc(arena, size + 1);
	if (!text)
		return NULL;
	viva_base64_encode(picture.data, picture.size, text);
	return json_pack("{s:I, s:I, s:o, s:s, s:o, s:I, s:I, s:s}", "timestamp",
			 (json_int_t)viva_rows_int(rows, row, 0), "frame_number",
			 (json_int_t)viva_rows_int(rows, row, 1), "question",
			 question > 0 ? json_integer((json_int_t)question) : json_null(), "emotion",
			 viva_rows_text(rows, row, 3), "confidence", viva_json_real(viva_rows_real(rows, row, 4), 4),
			 "width", (json_int_t)viva_rows_int(rows, row, 5), "height",
			 (json_int_t)viva_rows_int(rows, row, 6), "image_data", text);
}

int emotion_key_frames_json(struct viva_store *store, const char *session_id, struct viva_arena *arena,
			    json_t **ret_json, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(EMOTION_MAX_KEY_FRAMES)};
	struct viva_rows rows;
	int code = viva_store_query(store, arena,
				    "SELECT timestamp_ms, frame_number, question, emotion, confidence, width, height, "
				    "picture FROM emotion_key_frames WHERE session_id = $1 "
				    "ORDER BY timestamp_ms, frame_number LIMIT $2",
				    values, VIVA_COUNT(values), &rows, error);
	if (code != 0)
		return code;
	VIVA_AUTO_JSON list = json_array();
	for (size_t i = 0; i < rows.row_count; i++)
		if (json_array_append_new(list, row_json(&rows, i, arena)) != 0)
			return VIVA_ENOMEM;
	json_t *json = list ? json_pack("{s:s, s:O}", "session_id", session_id, "key_frames", list) : NULL;
	if (!json)
		return VIVA_ENOMEM;
	*ret_json = json;
	return 0;
}
