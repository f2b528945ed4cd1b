// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "emotion/timeline.h"

enum { MAX_PLACE = 48 };

// A place is a row's timestamp and number: "1700000000000.17".
static int parse_place(const char *text, int64_t *ret_timestamp_ms, int64_t *ret_number, struct viva_error *error)
{
	char copy[MAX_PLACE];
	const char *dot = strchr(text, '.');
	if (dot && strlen(text) < sizeof copy) {
		memcpy(copy, text, strlen(text) + 1);
		copy[dot - text] = '\0';
		if (viva_parse_int64(copy, 0, INT64_MAX, ret_timestamp_ms) == 0 &&
		    viva_parse_int64(copy + (dot - text) + 1, 0, INT64_MAX, ret_number) == 0)
			return 0;
	}
	return viva_fail(error, VIVA_EFIELD, "after", "after must be the `next` of an earlier page");
}

static json_t *rows_json(const struct viva_rows *rows, size_t count)
{
	json_t *emotions = json_array();
	for (size_t i = 0; emotions && i < count; i++) {
		json_t *row = json_pack("{s:I, s:s, s:o, s:I}", "timestamp", (json_int_t)viva_rows_int(rows, i, 0),
					"emotion", viva_rows_text(rows, i, 2), "confidence",
					viva_json_real(viva_rows_real(rows, i, 3), 4), "blink_count",
					(json_int_t)viva_rows_int(rows, i, 4));
		if (json_array_append_new(emotions, row) != 0) {
			json_decref(emotions);
			return NULL;
		}
	}
	return emotions;
}

// Rows of (rule, frames).
static json_t *drops_json(const struct viva_rows *rows)
{
	json_t *drops = json_object();
	for (size_t i = 0; i < rows->row_count; i++)
		json_object_set_new(drops, viva_rows_text(rows, i, 0),
				    json_integer((json_int_t)viva_rows_int(rows, i, 1)));
	return drops;
}

// Rows of (emotion, frames, faces, most blinks), the most frequent emotion first.
static json_t *summary_json(const struct viva_rows *rows, const struct viva_rows *drops)
{
	json_int_t frames = 0, faces = 0, blinks = 0;
	const char *dominant = NULL;
	for (size_t i = 0; i < rows->row_count; i++) {
		frames += viva_rows_int(rows, i, 1);
		faces += viva_rows_int(rows, i, 2);
		blinks = VIVA_MAX(blinks, (json_int_t)viva_rows_int(rows, i, 3));
	}
	json_t *distribution = json_object();
	for (size_t i = 0; i < rows->row_count; i++) {
		const char *emotion = viva_rows_text(rows, i, 0);
		if (!emotion || emotion[0] == '\0')
			continue;
		if (!dominant)
			dominant = emotion;
		double share = (double)viva_rows_int(rows, i, 2) / (double)VIVA_MAX(faces, 1);
		json_object_set_new(distribution, emotion, viva_json_real(share, 4));
	}
	return json_pack("{s:I, s:I, s:s?, s:o, s:I, s:o}", "frames", frames, "faces", faces, "dominant", dominant,
			 "distribution", distribution, "blinks", blinks, "dropped", drops_json(drops));
}

int emotion_timeline_page(struct viva_store *store, const char *session_id, int64_t limit, const char *after,
			  struct viva_arena *arena, json_t **ret_page, struct viva_error *error)
{
	int64_t timestamp_ms = -1, number = -1;
	int code = after ? parse_place(after, &timestamp_ms, &number, error) : 0;
	if (code != 0)
		return code;
	// One more than asked for tells whether there is a next page.
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_int(timestamp_ms),
					    viva_value_int(number), viva_value_int(limit + 1)};
	struct viva_rows rows, totals, drops;
	code = viva_store_query(store, arena,
				"SELECT timestamp_ms, frame_number, emotion, confidence, blink_count "
				"FROM emotion_frames WHERE session_id = $1 AND "
				"(timestamp_ms > $2 OR (timestamp_ms = $2 AND frame_number > $3)) "
				"ORDER BY timestamp_ms, frame_number LIMIT $4",
				values, VIVA_COUNT(values), &rows, error);
	if (code == 0)
		code = viva_store_query(store, arena,
					"SELECT emotion, COUNT(*), SUM(has_face), MAX(blink_count) FROM emotion_frames "
					"WHERE session_id = $1 GROUP BY emotion ORDER BY COUNT(*) DESC, emotion",
					values, 1, &totals, error);
	if (code == 0)
		code = viva_store_query(store, arena,
					"SELECT rule, COUNT(*) FROM emotion_drops WHERE session_id = $1 GROUP BY rule "
					"ORDER BY rule",
					values, 1, &drops, error);
	if (code != 0)
		return code;

	size_t count = VIVA_MIN(rows.row_count, (size_t)limit);
	char place[MAX_PLACE] = "";
	if (rows.row_count > count)
		snprintf(place, sizeof place, "%" PRId64 ".%" PRId64, viva_rows_int(&rows, count - 1, 0),
			 viva_rows_int(&rows, count - 1, 1));
	json_t *page = json_pack("{s:s, s:o, s:o, s:s?}", "session_id", session_id, "emotions", rows_json(&rows, count),
				 "summary", summary_json(&totals, &drops), "next", place[0] != '\0' ? place : NULL);
	if (!page)
		return VIVA_ENOMEM;
	*ret_page = page;
	return 0;
}
