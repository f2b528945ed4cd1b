// SPDX-License-Identifier: Apache-2.0
#include "report/report_json.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

static const char REPORT_VERSION[] = "report-1";

static json_t *texts(const char *const *items, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(items[i]));
	return array;
}

static json_t *moment(int64_t unix_ms)
{
	if (unix_ms <= 0)
		return json_null();
	char text[32];
	viva_rfc3339_from_unix_ms(unix_ms, text);
	return json_string(text);
}

static json_t *score_or_null(bool is_measured, float score)
{
	return is_measured ? viva_json_real((double)score, 2) : json_null();
}

static json_t *insights_json(const Scoring__ScoreResponse *response)
{
	json_t *insights = json_array();
	for (size_t i = 0; i < response->n_insights; i++) {
		const Scoring__Insight *insight = response->insights[i];
		json_array_append_new(insights, json_pack("{s:s, s:s, s:o}", "category", insight->category,
							  "description", insight->description, "impact",
							  viva_json_real((double)insight->impact, 3)));
	}
	return insights;
}

json_t *viva_score_json(const Scoring__ScoreResponse *response)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:b, s:s, s:I}", "session_id", response->session_id,
			 "technical_score", viva_json_real((double)response->technical_score, 2), "communication_score",
			 viva_json_real((double)response->communication_score, 2), "emotion_score",
			 score_or_null(response->emotion_scored, response->emotion_score), "overall_score",
			 viva_json_real((double)response->overall_score, 2), "feedback", response->feedback, "insights",
			 insights_json(response), "emotion_scored", response->emotion_scored != 0, "version",
			 response->version, "calculated_at", (json_int_t)response->calculated_at);
}

static json_t *interview_json(const struct viva_report_source *source)
{
	static const Scoring__InterviewMetadata none = SCORING__INTERVIEW_METADATA__INIT;
	const Scoring__InterviewMetadata *metadata = source->request->metadata ? source->request->metadata : &none;
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:i, s:i}", "id", source->request->session_id, "user_id",
			 metadata->user_id, "mode", metadata->mode[0] ? metadata->mode : "practice", "started_at",
			 moment(metadata->started_at), "completed_at", moment(metadata->completed_at),
			 "total_questions", (int)metadata->total_questions, "answered",
			 (int)source->request->n_answers);
}

static json_t *member(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	return value ? json_incref(value) : json_null();
}

static json_t *question_json(const Scoring__Answer *answer, const json_t *details, size_t number)
{
	return json_pack("{s:I, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "number", (json_int_t)number,
			 "question_id", answer->question_id, "question", member(details, "question"), "category",
			 member(details, "category"), "transcript", answer->transcript, "duration",
			 viva_json_real((double)answer->duration, 2), "confidence",
			 answer->confidence > 0 ? viva_json_real((double)answer->confidence, 3) : json_null(), "scored",
			 member(details, "scored"), "counts_as_technical", member(details, "technical"),
			 "content_score", member(details, "content_score"), "communication_score",
			 member(details, "communication_score"), "analysis", member(details, "analysis"));
}

static json_t *questions_json(const struct viva_report_source *source)
{
	json_t *questions = json_array();
	const json_t *details = json_object_get(source->details, "answers");
	for (size_t i = 0; i < source->request->n_answers; i++)
		json_array_append_new(questions,
				      question_json(source->request->answers[i], json_array_get(details, i), i + 1));
	return questions;
}

static json_t *formulas_json(const struct viva_report_source *source)
{
	bool is_fallback = json_is_true(json_object_get(source->details, "technical_fallback"));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "content_score",
		"100 x weighted mean of depth, relevance and coverage (where the question is known, and has reference "
		"points) with content_weights; coverage counts less for lists of keywords and disordered words",
		"communication_score", "100 x clarity x (0.7 + 0.3 x relevance)", "technical",
		is_fallback ? "mean content_score of all scored answers, as no technical or situational one was scored"
			    : "mean content_score of the scored technical and situational answers",
		"communication", "mean communication_score of the scored answers", "overall",
		"weighted mean of technical, communication and, where measured, emotion, with weights", "weights",
		member(source->details, "weights"), "content_weights", member(source->details, "content_weights"));
}

static json_t *emotions_json(const struct viva_report_source *source)
{
	const Scoring__ScoreRequest *request = source->request;
	if (!source->include_emotions)
		return json_null();
	if (request->metadata &&
	    (request->metadata->emotion_withheld || strcmp(request->metadata->mode, "recruitment") == 0))
		return json_pack("{s:b, s:s}", "analysed", 0, "note",
				 "Emotions were not analysed: recruitment mode, or no consent.");
	json_t *distribution = json_object();
	size_t faces = 0;
	int32_t blinks = 0;
	for (size_t i = 0; i < request->n_emotions; i++) {
		const Scoring__EmotionData *row = request->emotions[i];
		blinks = VIVA_MAX(blinks, row->blink_count);
		if (row->emotion[0] == '\0')
			continue;
		faces++;
		json_int_t seen = json_integer_value(json_object_get(distribution, row->emotion));
		json_object_set_new(distribution, row->emotion, json_integer(seen + 1));
	}
	const char *dominant = NULL;
	json_int_t most = 0;
	const char *name;
	json_t *count;
	json_object_foreach(distribution, name, count)
	{
		json_int_t seen = json_integer_value(count);
		if (seen > most) {
			dominant = name;
			most = seen;
		}
		json_object_set_new(distribution, name, viva_json_real((double)seen / (double)faces, 4));
	}
	json_t *dominant_json = dominant ? json_string(dominant) : json_null();
	return json_pack("{s:b, s:I, s:I, s:o, s:o, s:i, s:o, s:o}", "analysed", 1, "frames",
			 (json_int_t)request->n_emotions, "faces", (json_int_t)faces, "dominant", dominant_json,
			 "distribution", distribution, "blinks", (int)blinks, "from",
			 moment(request->n_emotions > 0 ? request->emotions[0]->timestamp : 0), "until",
			 moment(request->n_emotions > 0 ? request->emotions[request->n_emotions - 1]->timestamp : 0));
}

static json_t *method_json(void)
{
	static const char *const method[] = {
		"Relevance: nearness in meaning of the answer to the question, measured against other questions.",
		"Depth: reference points covered, different content words on topic, figures, reasons and examples.",
		"Clarity: fillers, repetitions, pace, variety of words, order of words, length of sentences.",
		"Reference points are covered, partly covered or not found; the evidence is the answer's own words.",
		"Nearness in meaning comes from the sentence model all-MiniLM-L6-v2; nothing was sent elsewhere.",
	};
	return texts(method, VIVA_COUNT(method));
}

static json_t *limits_json(void)
{
	static const char *const limits[] = {
		"The analysis does not check facts: it can't tell a statement from its contradiction, and never says "
		"that "
		"an answer is wrong.",
		"Transcripts come from speech recognition, whose errors depend on accent and microphone.",
		"Answers that were recognised with too little confidence, or not in English, are left out.",
		"Emotion labels describe facial expressions, not feelings, and say nothing about ability.",
		"A score is an aid for practice and for people who decide; it must not decide on its own.",
	};
	return texts(limits, VIVA_COUNT(limits));
}

static json_t *rights_json(void)
{
	static const char *const rights[] = {
		"You may ask for a copy of all data about this interview.",
		"You may ask for it to be corrected, and you may have it erased at any time.",
		"You may object to automated scoring, and have a person review the result.",
		"You may withdraw your consent to the analysis of emotions; it then stops and its results are erased.",
	};
	return texts(rights, VIVA_COUNT(rights));
}

json_t *viva_report_json(const struct viva_report_source *source)
{
	const char *video =
		source->include_video ? "No key frames are stored, so this report holds no pictures." : NULL;
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:s, s:s}}", "report_version",
			 REPORT_VERSION, "interview", interview_json(source), "scores",
			 viva_score_json(source->response), "formulas", formulas_json(source), "questions",
			 questions_json(source), "emotions", emotions_json(source), "video",
			 video ? json_pack("{s:s}", "note", video) : json_null(), "method", method_json(), "limits",
			 limits_json(), "rights", rights_json(), "versions", "viva", VIVA_VERSION, "scoring",
			 source->response->version, "report", REPORT_VERSION);
}
