// SPDX-License-Identifier: Apache-2.0
#include "interview/stored_score.h"

#include <string.h>

#include "interview/messages.h"

enum {
	MAX_SCORE_BYTES = 4 * 1024 * 1024,
	MAX_INSIGHTS = 4096,
	MAX_TEXT_BYTES = 64 * 1024,
	MAX_NAME_BYTES = 256,
};

static int read_score(const json_t *json, const char *name, float *ret_score, struct viva_error *error)
{
	double score = 0;
	int status = viva_json_get_double(json, name, false, 0, 100, &score, error);
	if (!status)
		*ret_score = (float)score;
	return status;
}

static int read_text(const json_t *json, const char *name, size_t max_bytes, struct viva_arena *arena, char **ret_text,
		     struct viva_error *error)
{
	const char *text = "";
	int status = viva_json_get_text(json, name, false, 0, max_bytes, &text, error);
	if (status)
		return status;
	*ret_text = viva_arena_text(arena, text, strlen(text));
	return *ret_text ? 0 : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
}

static int read_insight(const json_t *json, struct viva_arena *arena, Scoring__Insight *insight,
			struct viva_error *error)
{
	double impact = 0;
	scoring__insight__init(insight);
	int status = read_text(json, "category", MAX_NAME_BYTES, arena, &insight->category, error);
	if (!status)
		status = read_text(json, "description", MAX_TEXT_BYTES, arena, &insight->description, error);
	if (!status)
		status = viva_json_get_double(json, "impact", false, -1, 1, &impact, error);
	if (!status)
		status = read_text(json, "evidence", MAX_TEXT_BYTES, arena, &insight->evidence, error);
	insight->impact = (float)impact;
	return status;
}

static int read_insights(const json_t *json, struct viva_arena *arena, Scoring__ScoreResponse *score,
			 struct viva_error *error)
{
	json_t *list = NULL;
	int status = viva_json_get_array(json, "insights", false, MAX_INSIGHTS, &list, error);
	size_t count = json_array_size(list);
	Scoring__Insight *insights = viva_arena_alloc(arena, (count + 1) * sizeof *insights);
	Scoring__Insight **pointers = viva_arena_alloc(arena, (count + 1) * sizeof(Scoring__Insight *));
	if (!status && (!insights || !pointers))
		status = viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
	for (size_t i = 0; i < count && !status; i++) {
		pointers[i] = &insights[i];
		status = read_insight(json_array_get(list, i), arena, &insights[i], error);
	}
	if (!status) {
		score->insights = pointers;
		score->n_insights = count;
	}
	return status;
}

int interview_score_parse(const json_t *json, struct viva_arena *arena, Scoring__ScoreResponse **ret_score,
			  struct viva_error *error)
{
	Scoring__ScoreResponse *score = viva_arena_alloc(arena, sizeof *score);
	if (!score)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
	scoring__score_response__init(score);
	bool is_emotion_scored = false, is_scorable = true;
	json_t *band = NULL;
	int status = read_text(json, "session_id", MAX_NAME_BYTES, arena, &score->session_id, error);
	if (!status)
		status = read_score(json, "technical_score", &score->technical_score, error);
	if (!status)
		status = read_score(json, "communication_score", &score->communication_score, error);
	if (!status)
		status = read_score(json, "emotion_score", &score->emotion_score, error);
	if (!status)
		status = read_score(json, "overall_score", &score->overall_score, error);
	if (!status)
		status = read_text(json, "feedback", MAX_TEXT_BYTES, arena, &score->feedback, error);
	if (!status)
		status = read_text(json, "version", MAX_NAME_BYTES, arena, &score->version, error);
	if (!status)
		status = viva_json_get_bool(json, "emotion_scored", false, &is_emotion_scored, error);
	if (!status)
		status = viva_json_get_bool(json, "scorable", false, &is_scorable, error);
	if (!status)
		status = viva_json_get_object(json, "overall_band", false, &band, error);
	if (!status && band)
		status = read_score(band, "low", &score->overall_low, error);
	if (!status && band)
		status = read_score(band, "high", &score->overall_high, error);
	if (!status)
		status = viva_json_get_int(json, "calculated_at", true, 0, INT64_MAX, &score->calculated_at, error);
	if (!status)
		status = read_insights(json, arena, score, error);
	score->emotion_scored = is_emotion_scored;
	score->not_scorable = !is_scorable;
	if (!status)
		*ret_score = score;
	return status;
}

static int fetch(struct interview_service *service, const char *id, struct viva_arena *arena,
		 Scoring__ScoreResponse **ret_score, struct viva_error *error)
{
	const char *path = viva_arena_printf(arena, "/api/v1/scores/session/%s", id);
	if (!path)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
	struct viva_http_reply reply;
	int status = interview_rest(service->peers, INTERVIEW_PEER_SCORING, "GET", path, id, arena, &reply, error);
	if (status || reply.status == 404)
		return status;
	VIVA_AUTO_JSON json = NULL;
	struct viva_error reason = {0};
	if (reply.status != 200 || viva_json_parse_object(reply.body, MAX_SCORE_BYTES, &json, &reason) ||
	    interview_score_parse(json, arena, ret_score, &reason))
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the scoring service answered with status %d%s%s",
				 reply.status, reason.code ? ": " : "", reason.code ? viva_error_message(&reason) : "");
	return 0;
}

int interview_stored_score(struct interview_service *service, const struct interview_record *record,
			   struct viva_arena *arena, json_t **ret_score, struct viva_error *error)
{
	Scoring__ScoreResponse *score = NULL;
	int status = fetch(service, record->id, arena, &score, error);
	if (status)
		return status;
	// One that somebody asked for earlier, on other answers, is not this interview's.
	bool is_current = score && score->calculated_at >= record->completed_at;
	*ret_score = is_current ? interview_score_json(score, record) : NULL;
	return is_current && !*ret_score ? viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score") : 0;
}
