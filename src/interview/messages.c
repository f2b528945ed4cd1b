// SPDX-License-Identifier: Apache-2.0
#include "interview/messages.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

enum { DIGITS = 4, MAX_STORED_BYTES = 1024 * 1024 };

// A peer's number: what JSON can't say becomes 0.
static json_t *real(double value)
{
	return viva_json_real(isfinite(value) ? value : 0, DIGITS);
}

char *interview_message(struct viva_arena *arena, const char *type, json_t *data)
{
	VIVA_AUTO_JSON message = json_pack("{s:s, s:o}", "type", type, "data", data);
	return message ? viva_json_text(arena, message) : NULL;
}

// What the socket's clients know: their list of codes has no other word for a server that is too busy.
static const char *socket_code(int code)
{
	return code == VIVA_EOVERLOAD ? viva_error_api_code(VIVA_ERATE) : viva_error_api_code(code);
}

char *interview_error_message(struct viva_arena *arena, int code, const struct viva_error *error)
{
	const char *sentence = error && error->message[0] ? error->message : viva_error_text(code);
	json_t *data = json_pack("{s:s, s:s}", "code", socket_code(code), "message", sentence);
	if (data && error && error->field[0])
		json_object_set_new(data, "field", json_string(error->field));
	return interview_message(arena, "error", data);
}

char *interview_notice_message(struct viva_arena *arena, const char *code, const char *sentence)
{
	return interview_message(arena, "error", json_pack("{s:s, s:s}", "code", code, "message", sentence));
}

json_t *interview_status_data(const struct interview_record *record, int current_question)
{
	json_t *data = json_pack("{s:i, s:i, s:i}", "progress", interview_progress(record), "current_question",
				 current_question, "total_questions", record->total_questions);
	if (data && record->state != INTERVIEW_IN_PROGRESS)
		json_object_set_new(data, "status", json_string(interview_state_name(record->state)));
	return data;
}

json_t *interview_question_json(const struct interview_question *question)
{
	if (!question)
		return json_null();
	return json_pack("{s:s, s:s, s:s}", "id", question->id, "text", question->text, "category", question->category);
}

static json_t *box_json(const Emotion__BoundingBox *box)
{
	if (!box)
		return json_null();
	return json_pack("{s:i, s:i, s:i, s:i}", "x", box->x, "y", box->y, "width", box->width, "height", box->height);
}

static json_t *face_metrics_json(const Emotion__FaceMetrics *metrics)
{
	if (!metrics)
		return json_pack("{s:b}", "detected", 0);
	json_t *landmarks = json_array();
	for (size_t i = 0; i < metrics->n_landmarks; i++) {
		const Emotion__Landmark *landmark = metrics->landmarks[i];
		json_array_append_new(landmarks, json_pack("{s:i, s:i, s:s}", "x", landmark->x, "y", landmark->y,
							   "type", landmark->type));
	}
	return json_pack("{s:b, s:o, s:o, s:o}", "detected", metrics->detected, "detection_confidence",
			 real(metrics->detection_confidence), "bounding_box", box_json(metrics->bounding_box),
			 "landmarks", landmarks);
}

static json_t *blink_metrics_json(const Emotion__BlinkMetrics *metrics)
{
	if (!metrics)
		return json_null();
	return json_pack("{s:i, s:o, s:o, s:o, s:i, s:i, s:i}", "count", metrics->count, "rate", real(metrics->rate),
			 "avg_duration", real(metrics->avg_duration), "reliability", real(metrics->reliability),
			 "partial", metrics->partial, "long_closures", metrics->long_closures, "squints",
			 metrics->squints);
}

static json_t *head_pose_json(const Emotion__HeadPose *pose)
{
	if (!pose)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "yaw", real(pose->yaw), "pitch", real(pose->pitch), "roll",
			 real(pose->roll));
}

static json_t *gaze_json(const Emotion__Gaze *gaze)
{
	return gaze ? json_pack("{s:o, s:o}", "yaw", real(gaze->yaw), "pitch", real(gaze->pitch)) : json_null();
}

json_t *interview_emotion_json(const Emotion__EmotionResponse *response)
{
	json_t *expressions = json_array();
	for (size_t i = 0; i < response->n_expressions; i++) {
		const Emotion__Expression *expression = response->expressions[i];
		json_array_append_new(expressions, json_pack("{s:s, s:o}", "emotion", expression->emotion,
							     "probability", real(expression->probability)));
	}
	return json_pack("{s:I, s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:s, s:o}", "frame_number",
			 (json_int_t)response->frame_number, "session_id", response->session_id, "timestamp",
			 (json_int_t)response->timestamp, "emotion", response->emotion, "confidence",
			 real(response->confidence), "face_metrics", face_metrics_json(response->face_metrics),
			 "blink_metrics", blink_metrics_json(response->blink_metrics), "head_pose",
			 head_pose_json(response->head_pose), "gaze", gaze_json(response->gaze), "attention",
			 real(response->attention), "face_count", response->face_count, "hint", response->hint,
			 "expressions", expressions);
}

json_t *interview_unscorable_json(const char *reason)
{
	return json_pack("{s:b, s:s}", "scorable", 0, "reason", reason);
}

json_t *interview_analysis_json(const Scoring__AnswerAnalysis *analysis)
{
	if (analysis->unscorable)
		return interview_unscorable_json(analysis->reason);
	json_t *keywords = json_array();
	for (size_t i = 0; i < analysis->n_keywords; i++)
		json_array_append_new(keywords, json_string(analysis->keywords[i]));
	json_t *points = json_array();
	for (size_t i = 0; i < analysis->n_points; i++) {
		const Scoring__ReferencePoint *point = analysis->points[i];
		json_array_append_new(points, json_pack("{s:s, s:s, s:s}", "text", point->text, "status", point->status,
							"evidence", point->evidence));
	}
	json_t *json =
		json_pack("{s:o, s:o, s:o, s:o, s:s, s:o}", "relevance_score", real(analysis->relevance_score),
			  "clarity_score", real(analysis->clarity_score), "depth_score", real(analysis->depth_score),
			  "keywords", keywords, "feedback", analysis->feedback, "points", points);
	if (json && analysis->has_correctness)
		json_object_set_new(json, "correctness_score", real(analysis->correctness_score));
	return json;
}

static const char *why_without_emotion(const struct interview_record *record)
{
	if (record->mode == INTERVIEW_RECRUITMENT)
		return "Emotions are never analysed in recruitment interviews, so there is no emotion score.";
	return "The candidate did not agree to emotion analysis, so there is no emotion score.";
}

json_t *interview_score_json(const Scoring__ScoreResponse *score, const struct interview_record *record)
{
	bool explains_emotion = false;
	json_t *insights = json_array();
	for (size_t i = 0; i < score->n_insights; i++) {
		const Scoring__Insight *insight = score->insights[i];
		explains_emotion = explains_emotion || strcmp(insight->category, "emotion") == 0;
		json_array_append_new(insights, json_pack("{s:s, s:s, s:o, s:s}", "category", insight->category,
							  "description", insight->description, "impact",
							  real(insight->impact), "evidence", insight->evidence));
	}
	bool has_emotion = score->emotion_scored && interview_allows_emotion(record);
	if (!interview_allows_emotion(record) && !explains_emotion)
		json_array_append_new(insights, json_pack("{s:s, s:s, s:i}", "category", "emotion", "description",
							  why_without_emotion(record), "impact", 0));
	// What could not be scored has no number: 0 would read as a bad score.
	bool is_scored = !score->not_scorable;
	json_t *band = score->overall_high > 0 ? json_pack("{s:o, s:o}", "low", real(score->overall_low), "high",
							   real(score->overall_high))
					       : json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o, s:s, s:s, s:s}", "technical_score",
			 is_scored ? real(score->technical_score) : json_null(), "communication_score",
			 is_scored ? real(score->communication_score) : json_null(), "emotion_score",
			 has_emotion ? real(score->emotion_score) : json_null(), "overall_score",
			 is_scored ? real(score->overall_score) : json_null(), "overall_band", band, "scorable",
			 is_scored, "feedback", score->feedback, "insights", insights, "version", score->version,
			 "judged_by", score->judged_by, "judge_model", score->judge_model);
}

json_t *interview_stored_json(const char *text)
{
	if (!text)
		return json_null();
	json_t *json = NULL;
	return viva_json_parse(viva_bytes_of_text(text), MAX_STORED_BYTES, &json, NULL) ? NULL : json;
}

json_t *interview_time_json(int64_t unix_ms)
{
	char text[32];
	if (unix_ms == 0)
		return json_null();
	viva_rfc3339_from_unix_ms(unix_ms, text);
	return json_string(text);
}

static json_t *answer_json(const struct interview_answer *answer)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o}", "question_id", answer->question_id,
			 "question", answer->question, "transcript", answer->transcript, "duration",
			 real(answer->duration), "confidence",
			 answer->confidence < 0 ? json_null() : real(answer->confidence), "language", answer->language,
			 "answered_at", interview_time_json(answer->answered_at), "analysis",
			 interview_stored_json(answer->analysis), "segments", interview_stored_json(answer->segments));
}

json_t *interview_whole_json(const struct interview_record *record, const struct interview_question *questions,
			     size_t question_count, const struct interview_answer *answers, size_t answer_count)
{
	json_t *asked = json_array();
	for (size_t i = 0; i < question_count; i++) {
		if (questions[i].number <= record->current_question)
			json_array_append_new(asked, interview_question_json(&questions[i]));
	}
	json_t *given = json_array();
	for (size_t i = 0; i < answer_count; i++)
		json_array_append_new(given, answer_json(&answers[i]));
	const struct interview_question *open =
		record->state == INTERVIEW_IN_PROGRESS ? interview_open_question(questions, question_count) : NULL;
	return json_pack("{s:s, s:s, s:s, s:s, s:{s:b, s:b}, s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:b, s:I}",
			 "id", record->id, "user_id", record->user_id, "status", interview_state_name(record->state),
			 "mode", interview_mode_name(record->mode), "consent", "emotion_analysis",
			 record->emotion_analysis, "recording", record->recording, "question_set", record->question_set,
			 "total_questions", record->total_questions, "progress", interview_progress(record),
			 "current_question", record->current_question, "started_at",
			 interview_time_json(record->started_at), "expires_at", interview_time_json(record->expires_at),
			 "completed_at", interview_time_json(record->completed_at), "ws_url",
			 json_sprintf("/ws/interviews/%s", record->id), "question", interview_question_json(open),
			 "questions", asked, "answers", given, "score", interview_stored_json(record->score),
			 "adaptive", record->is_adaptive, "seed", (json_int_t)record->seed);
}

json_t *interview_status_json(const struct interview_record *record)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:i}", "id", record->id, "status", interview_state_name(record->state),
			 "progress", interview_progress(record), "current_question", record->current_question,
			 "total_questions", record->total_questions);
}
