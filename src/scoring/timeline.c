// SPDX-License-Identifier: Apache-2.0
#include "scoring/timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/records.h"
#include "scoring/request.h"

enum { EXPIRE_ROWS = 10000 };

struct keeping {
	struct scoring_sighting *sightings;
	size_t count;
	int64_t now_ms;
};

// What names the sighting beside its session and number: nothing more where it has a number.
static const char *name_of(const struct scoring_sighting *sighting, struct viva_arena *arena)
{
	if (sighting->frame_number > 0)
		return "";
	if (sighting->message_id[0] != '\0')
		return sighting->message_id;
	return viva_arena_printf(arena, "at %" PRId64, sighting->timestamp_ms);
}

static int keep_one(struct viva_store_transaction *transaction, struct scoring_sighting *sighting, int64_t now_ms,
		    struct viva_arena *arena, struct viva_error *error)
{
	bool is_erased = false;
	int64_t inserted = 0;
	const char *name = name_of(sighting, arena);
	int code =
		name ? scoring_records_enter(transaction, sighting->session_id, arena, &is_erased, error) : VIVA_ENOMEM;
	const struct viva_value values[] = {
		viva_value_text(sighting->session_id),
		viva_value_int(sighting->frame_number),
		viva_value_text(name),
		viva_value_int(sighting->timestamp_ms),
		viva_value_text(sighting->emotion),
		viva_value_real(sighting->confidence),
		viva_value_int(sighting->blink_count),
		viva_value_int(now_ms),
	};
	if (code == 0 && !is_erased)
		code = viva_transaction_execute(transaction,
						"INSERT INTO scoring_emotions (session_id, frame_number, message_id, "
						"timestamp_ms, emotion, confidence, blink_count, received_at) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
						values, VIVA_COUNT(values), &inserted, error);
	sighting->outcome = is_erased      ? SCORING_SIGHTING_ERASED
			    : inserted > 0 ? SCORING_SIGHTING_KEPT
					   : SCORING_SIGHTING_REPEATED;
	return code;
}

static int keep(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct keeping *keeping = context;
	VIVA_AUTO(viva_arena) arena = NULL;
	int code = viva_arena_create(0, &arena);
	for (size_t i = 0; i < keeping->count && code == 0; i++)
		code = keep_one(transaction, &keeping->sightings[i], keeping->now_ms, arena, error);
	return code;
}

static int by_session_and_time(const void *a, const void *b)
{
	const struct scoring_sighting *first = a, *second = b;
	int order = strcmp(first->session_id, second->session_id);
	if (order != 0)
		return order;
	return (first->timestamp_ms > second->timestamp_ms) - (first->timestamp_ms < second->timestamp_ms);
}

int scoring_timeline_keep(struct viva_store *store, struct scoring_sighting *sightings, size_t count, int64_t now_ms,
			  struct viva_error *error)
{
	// In the order in which each transaction locks sessions.
	qsort(sightings, count, sizeof sightings[0], by_session_and_time);
	struct keeping keeping = {.sightings = sightings, .count = count, .now_ms = now_ms};
	return viva_store_transact(store, keep, &keeping, error);
}

static int fill(const struct viva_rows *rows, struct viva_arena *arena, Scoring__EmotionData ***ret_emotions,
		size_t *ret_count)
{
	Scoring__EmotionData *emotions = viva_arena_alloc(arena, (rows->row_count + 1) * sizeof *emotions);
	Scoring__EmotionData **list = viva_arena_alloc(arena, (rows->row_count + 1) * sizeof(Scoring__EmotionData *));
	if (!emotions || !list)
		return VIVA_ENOMEM;
	size_t count = 0;
	for (size_t i = 0; i < rows->row_count; i++) {
		const char *emotion = viva_rows_text(rows, i, 1);
		// Whoever publishes may name an emotion that no score knows.
		if (scoring_emotion_value(emotion) < 0)
			continue;
		Scoring__EmotionData *row = &emotions[count];
		scoring__emotion_data__init(row);
		row->timestamp = viva_rows_int(rows, i, 0);
		row->emotion = (char *)(uintptr_t)emotion;  // only read from
		row->confidence = (float)viva_rows_real(rows, i, 2);
		row->blink_count = (int32_t)VIVA_MIN(viva_rows_int(rows, i, 3), (int64_t)INT32_MAX);
		list[count++] = row;
	}
	*ret_emotions = list;
	*ret_count = count;
	return 0;
}

int scoring_timeline_load(struct viva_store *store, const char *session_id, struct viva_arena *arena,
			  Scoring__EmotionData ***ret_emotions, size_t *ret_count, size_t *ret_total,
			  struct viva_error *error)
{
	struct viva_value values[] = {viva_value_text(session_id), viva_value_int(1)};
	struct viva_rows rows;
	int code = viva_store_query(store, arena,
				    "SELECT COUNT(*) FROM scoring_emotions WHERE session_id = $1 AND emotion <> ''",
				    values, 1, &rows, error);
	if (code != 0)
		return code;
	int64_t total = viva_rows_int(&rows, 0, 0);
	values[1] = viva_value_int(VIVA_MAX((total + SCORING_MAX_COPIED - 1) / SCORING_MAX_COPIED, (int64_t)1));
	code = viva_store_query(store, arena,
				"SELECT timestamp_ms, emotion, confidence, blink_count FROM (SELECT timestamp_ms, "
				"frame_number, emotion, confidence, blink_count, ROW_NUMBER() OVER (ORDER BY "
				"timestamp_ms, frame_number) AS place FROM scoring_emotions WHERE session_id = $1 "
				"AND emotion <> '') AS sightings WHERE place % $2 = 0 "
				"ORDER BY timestamp_ms, frame_number",
				values, VIVA_COUNT(values), &rows, error);
	if (code == 0)
		code = fill(&rows, arena, ret_emotions, ret_count);
	if (code == 0)
		*ret_total = (size_t)total;
	return code;
}

int scoring_timeline_expire(struct viva_store *store, int64_t before_ms, int64_t *ret_deleted, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_int(before_ms), viva_value_int(EXPIRE_ROWS)};
	int64_t deleted = 0, changed = 0;
	do {
		int code =
			viva_store_execute(store,
					   "DELETE FROM scoring_emotions WHERE (session_id, frame_number, message_id) "
					   "IN (SELECT session_id, frame_number, message_id FROM scoring_emotions "
					   "WHERE received_at < $1 LIMIT $2)",
					   values, VIVA_COUNT(values), &changed, error);
		if (code != 0)
			return code;
		deleted += changed;
	} while (changed == EXPIRE_ROWS);
	*ret_deleted = deleted;
	return 0;
}
