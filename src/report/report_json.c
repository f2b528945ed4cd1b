// SPDX-License-Identifier: Apache-2.0
#include "report/report_json.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "report/report_emotions.h"
#include "report/report_pictures.h"
#include "report/report_text.h"

static const char REPORT_VERSION[] = "report-3";

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
		json_array_append_new(insights, json_pack("{s:s, s:s, s:o, s:s}", "category", insight->category,
							  "description", insight->description, "impact",
							  viva_json_real((double)insight->impact, 3), "evidence",
							  insight->evidence));
	}
	return insights;
}

static json_t *band_json(const Scoring__ScoreResponse *response)
{
	if (response->not_scorable || response->overall_high <= 0)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "low", viva_json_real((double)response->overall_low, 2), "high",
			 viva_json_real((double)response->overall_high, 2), "confidence",
			 viva_json_real(VIVA_REPORT_BAND_CONFIDENCE, 2));
}

json_t *viva_score_json(const Scoring__ScoreResponse *response)
{
	bool is_scored = !response->not_scorable;
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o, s:b, s:s, s:I, s:s, s:s}", "session_id",
			 response->session_id, "technical_score", score_or_null(is_scored, response->technical_score),
			 "communication_score", score_or_null(is_scored, response->communication_score),
			 "emotion_score", score_or_null(response->emotion_scored, response->emotion_score),
			 "overall_score", score_or_null(is_scored, response->overall_score), "overall_band",
			 band_json(response), "scorable", is_scored, "feedback", response->feedback, "insights",
			 insights_json(response), "emotion_scored", response->emotion_scored != 0, "version",
			 response->version, "calculated_at", (json_int_t)response->calculated_at, "judged_by",
			 response->judged_by, "judge_model", response->judge_model);
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
	return json_pack("{s:I, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "number",
			 (json_int_t)number, "question_id", answer->question_id, "question",
			 member(details, "question"), "category", member(details, "category"), "transcript",
			 answer->transcript, "duration", viva_json_real((double)answer->duration, 2), "confidence",
			 answer->confidence > 0 ? viva_json_real((double)answer->confidence, 3) : json_null(), "scored",
			 member(details, "scored"), "counts_as_technical", member(details, "technical"),
			 "content_score", member(details, "content_score"), "communication_score",
			 member(details, "communication_score"), "content_sum", member(details, "content_sum"),
			 "communication_sum", member(details, "communication_sum"), "analysis",
			 member(details, "analysis"), "judge", member(details, "judge"), "pauses",
			 member(details, "pauses"));
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

static const char *overall_sum(const struct viva_report_source *source, struct viva_arena *arena)
{
	const Scoring__ScoreResponse *response = source->response;
	const json_t *weights = json_object_get(source->details, "weights");
	double technical = viva_report_number(weights, "technical");
	double communication = viva_report_number(weights, "communication");
	double emotion = response->emotion_scored ? viva_report_number(weights, "emotion") : 0;
	const char *emotion_part =
		emotion > 0 ? viva_report_print(arena, " + %g × %.2f", emotion, (double)response->emotion_score) : "";
	return viva_report_print(arena, "(%g × %.2f + %g × %.2f%s) ÷ %g = %.2f", technical,
				 (double)response->technical_score, communication,
				 (double)response->communication_score, emotion_part,
				 technical + communication + emotion, (double)response->overall_score);
}

// "answers 1, 3: (71.20 + 64.10) ÷ 2 = 67.65" of those that count; "" of none.
static const char *mean_sum(const struct viva_report_source *source, const char *name, bool only_technical, float mean,
			    struct viva_arena *arena)
{
	const char *numbers = "";
	const char *sum = "";
	size_t count = 0;
	size_t index;
	const json_t *answer;
	json_array_foreach(json_object_get(source->details, "answers"), index, answer)
	{
		bool is_wanted = json_is_true(json_object_get(answer, "scored")) &&
				 (!only_technical || json_is_true(json_object_get(answer, "technical")));
		if (!is_wanted)
			continue;
		numbers = viva_report_print(arena, "%s%s%zu", numbers, count > 0 ? ", " : "", index + 1);
		sum = viva_report_print(arena, "%s%s%.2f", sum, count > 0 ? " + " : "",
					viva_report_number(answer, name));
		count++;
	}
	if (count == 0)
		return "";
	return viva_report_print(arena, "answer%s %s: (%s) ÷ %zu = %.2f", count > 1 ? "s" : "", numbers, sum, count,
				 (double)mean);
}

static json_t *sums_json(const struct viva_report_source *source, struct viva_arena *arena)
{
	const Scoring__ScoreResponse *response = source->response;
	bool is_fallback = json_is_true(json_object_get(source->details, "technical_fallback"));
	if (response->not_scorable)
		return json_null();
	return json_pack("{s:s, s:s, s:s}", "technical",
			 mean_sum(source, "content_score", !is_fallback, response->technical_score, arena),
			 "communication",
			 mean_sum(source, "communication_score", false, response->communication_score, arena),
			 "overall", overall_sum(source, arena));
}

static json_t *formulas_json(const struct viva_report_source *source, struct viva_arena *arena)
{
	bool is_fallback = json_is_true(json_object_get(source->details, "technical_fallback"));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "content_score",
		"100 x weighted mean of depth, relevance and coverage (where the question is known, and has reference "
		"points) with content_weights; where an answer's sum names substance, relevance and coverage count "
		"times it: "
		"less than 1 for lists of keywords, disordered words and very few words",
		"communication_score", "100 x clarity x (0.7 + 0.3 x relevance)", "technical",
		is_fallback ? "mean content_score of all scored answers, as no technical or situational one was scored"
			    : "mean content_score of the scored technical and situational answers",
		"communication", "mean communication_score of the scored answers", "overall",
		"weighted mean of technical, communication and, where measured, emotion, with weights", "overall_band",
		"overall +- width x standard error; of technical and communication each sqrt((deviation_weight x "
		"answer_deviation^2 + sum of (score - mean)^2) / (deviation_weight + n - 1) / n), of overall their "
		"weighted mean",
		"weights", member(source->details, "weights"), "content_weights",
		member(source->details, "content_weights"), "standard_errors",
		member(source->details, "standard_errors"), "sums", sums_json(source, arena));
}

// Pauses of all scored answers whose times were given, put together; null where there is none.
static json_t *pauses_json(const struct viva_report_source *source, size_t *ret_timed, size_t *ret_scored)
{
	double count = 0, long_count = 0, total = 0, longest = 0, span = 0;
	bool is_by_word = true;
	size_t index;
	const json_t *answer;
	*ret_timed = *ret_scored = 0;
	json_array_foreach(json_object_get(source->details, "answers"), index, answer)
	{
		const json_t *pauses = json_object_get(answer, "pauses");
		if (!json_is_true(json_object_get(answer, "scored")))
			continue;
		(*ret_scored)++;
		if (!json_is_object(pauses))
			continue;
		(*ret_timed)++;
		count += viva_report_number(pauses, "count");
		long_count += viva_report_number(pauses, "long");
		total += viva_report_number(pauses, "total_seconds");
		longest = fmax(longest, viva_report_number(pauses, "longest_seconds"));
		span += viva_report_number(pauses, "span_seconds");
		is_by_word = is_by_word && json_is_true(json_object_get(pauses, "by_word"));
	}
	if (*ret_timed == 0)
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "answers", (json_int_t)*ret_timed, "count",
			 viva_json_real(count, 0), "long", viva_json_real(long_count, 0), "total_seconds",
			 viva_json_real(total, 2), "longest_seconds", viva_json_real(longest, 2), "span_seconds",
			 viva_json_real(span, 2), "share", viva_json_real(span > 0 ? total / span : 0, 4), "by_word",
			 is_by_word);
}

static const char *pauses_note(const json_t *pauses, size_t timed, size_t scored, struct viva_arena *arena)
{
	if (!json_is_object(pauses))
		return "Transcripts came without times, so pauses are not measured.";
	const char *some = timed < scored ? viva_report_print(arena, " in the %zu of %zu answers that came with times",
							      timed, scored)
					  : "";
	return viva_report_print(
		arena,
		"Pauses are silences of half a second or more between words%s, long ones of two seconds or "
		"more; what is before the first word and after the last is none. They weigh nothing in the "
		"scores.%s",
		some,
		json_is_true(json_object_get(pauses, "by_word"))
			? ""
			: " Times came for runs of words, so pauses inside these were not seen.");
}

// What all answers that were scored show together of how was spoken.
static json_t *communication_json(const struct viva_report_source *source, struct viva_arena *arena)
{
	double words = 0, fillers = 0, soft_fillers = 0, repetitions = 0, timed_words = 0, minutes = 0;
	double sentence_sum = 0, sentence_words = 0, variety_sum = 0, variety_words = 0;
	size_t index;
	const json_t *answer;
	json_array_foreach(json_object_get(source->details, "answers"), index, answer)
	{
		const json_t *features = json_object_get(json_object_get(answer, "analysis"), "features");
		double own = viva_report_number(features, "words");
		double rate = viva_report_number(features, "words_per_minute");
		double sentence = viva_report_number(features, "words_per_sentence");
		double variety = viva_report_number(features, "lexical_diversity");
		if (!json_is_true(json_object_get(answer, "scored")))
			continue;
		words += own;
		fillers += viva_report_number(features, "fillers");
		soft_fillers += viva_report_number(features, "soft_fillers");
		repetitions += viva_report_number(features, "repetitions");
		timed_words += rate > 0 ? own : 0;
		minutes += rate > 0 ? own / rate : 0;
		sentence_sum += sentence * own;
		sentence_words += sentence > 0 ? own : 0;
		variety_sum += variety * own;
		variety_words += variety > 0 ? own : 0;
	}
	double per_hundred = words > 0 ? 100 / words : 0;
	size_t timed = 0, scored = 0;
	json_t *pauses = pauses_json(source, &timed, &scored);
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "words", viva_json_real(words, 0), "words_per_minute",
		minutes > 0 ? viva_json_real(timed_words / minutes, 0) : json_null(), "fillers_per_100_words",
		viva_json_real(fillers * per_hundred, 1), "soft_fillers_per_100_words",
		viva_json_real(soft_fillers * per_hundred, 1), "repetitions_per_100_words",
		viva_json_real(repetitions * per_hundred, 1), "words_per_sentence",
		sentence_words > 0 ? viva_json_real(sentence_sum / sentence_words, 1) : json_null(),
		"lexical_diversity", variety_words > 0 ? viva_json_real(variety_sum / variety_words, 0) : json_null(),
		"pauses", pauses, "pauses_note", pauses_note(pauses, timed, scored, arena));
}

static bool is_recruitment(const struct viva_report_source *source)
{
	const Scoring__InterviewMetadata *metadata = source->request->metadata;
	return metadata && strcmp(metadata->mode, "recruitment") == 0;
}

static json_t *method_json(const struct viva_report_source *source)
{
	static const char *const method[] = {
		"Relevance: nearness in meaning of the answer to the question, measured against other questions.",
		"Depth: reference points covered, different content words on topic, figures, reasons and examples.",
		"Clarity: fillers, repetitions, pace, variety of words, order of words, length of sentences.",
		"Reference points are covered, partly covered or not found; the evidence is the answer's own words.",
		"Nearness in meaning comes from the sentence model all-MiniLM-L6-v2, which runs on this platform.",
		"Overall is a weighted mean; its band, how far it might move with other questions and graders.",
		"Expressions are what a network sees in single pictures; blinks come from the opening of the eyes.",
	};
	// The last is about emotions.
	return texts(method, VIVA_COUNT(method) - is_recruitment(source));
}

static json_t *limits_json(const struct viva_report_source *source)
{
	static const char *const limits[] = {
		("The analysis does not check facts: it can't tell a statement from its contradiction, and never says "
		 "that an answer is wrong."),
		"Transcripts come from speech recognition, whose errors depend on accent and microphone.",
		("Answers that were recognised with too little confidence, or not in English, are left out: they lower "
		 "no score."),
		"A score is an aid for practice and for people who decide; it must not decide on its own.",
		"Emotion labels describe facial expressions, not feelings, and say nothing about ability.",
	};
	return texts(limits, VIVA_COUNT(limits) - is_recruitment(source));
}

static json_t *rights_json(const struct viva_report_source *source)
{
	static const char *const rights[] = {
		"You may ask for a copy of all data about this interview.",
		"You may ask for it to be corrected, and you may have it erased at any time.",
		"You may object to automated scoring, and have a person review the result.",
		"You may withdraw your consent to the analysis of emotions; it then stops and its results are erased.",
	};
	return texts(rights, VIVA_COUNT(rights) - is_recruitment(source));
}

json_t *viva_report_json(const struct viva_report_source *source)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena) != 0)
		return NULL;
	bool has_emotions = source->include_emotions && !is_recruitment(source);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:s, s:s}}", "report_version",
			 REPORT_VERSION, "interview", interview_json(source), "scores",
			 viva_score_json(source->response), "formulas", formulas_json(source, arena), "questions",
			 questions_json(source), "communication", communication_json(source, arena), "emotions",
			 has_emotions ? viva_report_emotions(source->request) : json_null(), "video",
			 source->include_video ? viva_report_video(source) : json_null(), "method", method_json(source),
			 "limits", limits_json(source), "rights", rights_json(source), "versions", "viva", VIVA_VERSION,
			 "scoring", source->response->version, "report", REPORT_VERSION);
}
