// SPDX-License-Identifier: Apache-2.0
#include "scoring/calculate.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "scoring/band.h"
#include "scoring/insights.h"
#include "scoring/llm.h"
#include "scoring/request.h"
#include "speech/pauses.h"

// docs/scoring.md: what depth, relevance and coverage weigh in the content of one answer.
static const double DEPTH_WEIGHT = .45, RELEVANCE_WEIGHT = .25, COVERAGE_WEIGHT = .30;

enum { MAX_QUOTED_QUESTION = 80 };

// The scores of one answer, 0–100.
struct answer_scores {
	bool is_scored;
	double content;
	double communication;
	const char *content_sum, *communication_sum;
};

struct calculation {
	struct scoring_service *service;
	const Scoring__ScoreRequest *request;
	struct viva_arena *arena;
	struct scoring_insights insights;
	struct scoring_judgement *judgements;
	struct answer_scores *scores;
	json_t *answers;  // of the details
	struct scoring_llm_round *llm;
	const char *judged_by, *judge_model;
	bool is_technical_fallback;
	bool has_emotion;
	bool is_scored;  // some answer is
	double technical, communication, emotion, overall;
	double technical_error, communication_error, overall_error;  // standard errors
};

// A number as it is told, so that what is stored, shown and computed by hand agree.
static double rounded(double score)
{
	return round(fmin(fmax(score, 0), 100) * 100) / 100;
}

// As the report tells it, so that it can be followed by hand.
static double told(double share)
{
	return round(share * 10000) / 10000;
}

// Both scores of an answer, and how they come about. VIVA_ENOMEM.
static int score_answer(const struct viva_answer_analysis *analysis, struct viva_arena *arena,
			struct answer_scores *ret_scores)
{
	double sum = DEPTH_WEIGHT * told(analysis->depth);
	double weights = DEPTH_WEIGHT;
	double relevance = analysis->has_relevance ? told(analysis->relevance) : 1;
	double clarity = told(analysis->clarity);
	// What a list of keywords, disorder or a few words seem to meet counts for less, as in depth.
	double substance = told(analysis->substance);
	const char *text = viva_arena_printf(arena, "%g × depth %.4f", DEPTH_WEIGHT, told(analysis->depth));
	if (analysis->has_relevance) {
		sum += RELEVANCE_WEIGHT * substance * relevance;
		weights += RELEVANCE_WEIGHT;
		text = viva_arena_printf(arena, "%s + %g × substance %.4f × relevance %.4f", text ? text : "",
					 RELEVANCE_WEIGHT, substance, relevance);
	}
	if (analysis->has_points) {
		double coverage = told(analysis->coverage);
		sum += COVERAGE_WEIGHT * substance * coverage;
		weights += COVERAGE_WEIGHT;
		text = viva_arena_printf(arena, "%s + %g × substance %.4f × coverage %.4f", text ? text : "",
					 COVERAGE_WEIGHT, substance, coverage);
	}
	ret_scores->is_scored = true;
	ret_scores->content = rounded(100 * sum / weights);
	ret_scores->communication = rounded(100 * clarity * (.7 + .3 * relevance));
	ret_scores->content_sum =
		viva_arena_printf(arena, "100 × (%s) ÷ %g = %.2f", text ? text : "", weights, ret_scores->content);
	ret_scores->communication_sum =
		viva_arena_printf(arena, "100 × clarity %.4f × (0.7 + 0.3 × relevance %.4f) = %.2f", clarity, relevance,
				  ret_scores->communication);
	return text && ret_scores->content_sum && ret_scores->communication_sum ? 0 : VIVA_ENOMEM;
}

// The beginning of a question for a sentence about its answer.
static const char *quoted(const struct calculation *calculation, const char *question, size_t number)
{
	if (question[0] == '\0')
		return viva_arena_printf(calculation->arena, "Answer %zu", number);
	size_t size = strlen(question);
	size_t cut = viva_utf8_cut(question, size, MAX_QUOTED_QUESTION);
	return viva_arena_printf(calculation->arena, "Answer %zu (“%.*s%s”)", number, (int)cut, question,
				 cut < size ? "…" : "");
}

static void explain_answer(struct calculation *calculation, size_t index)
{
	struct scoring_insights *insights = &calculation->insights;
	const struct scoring_judgement *judgement = &calculation->judgements[index];
	const struct viva_answer_analysis *analysis = &judgement->analysis;
	const char *name = quoted(calculation, judgement->question, index + 1);
	if (!name) {
		insights->is_short_of_memory = true;
		return;
	}
	if (analysis->unscorable != VIVA_SCORABLE) {
		scoring_insight_add(insights, "not_scorable", 0, "%s was left out and lowers no score: %s", name,
				    analysis->reason);
		return;
	}
	for (size_t i = 0; i < analysis->remark_count; i++)
		scoring_insight_add(insights, analysis->remarks[i].code, analysis->remarks[i].impact, "%s: %s", name,
				    analysis->remarks[i].description);
	size_t covered = 0;
	const struct viva_point_finding *best = NULL;
	for (size_t i = 0; i < analysis->point_count; i++) {
		const struct viva_point_finding *point = &analysis->points[i];
		covered += point->status == VIVA_POINT_COVERED;
		if (point->evidence[0] != '\0' && (!best || point->similarity > best->similarity))
			best = point;
	}
	if (analysis->point_count > 0 && analysis->features.words > 0)
		scoring_insight_add(insights, "coverage", analysis->substance * analysis->coverage - .5,
				    "%s covers %zu of %zu reference points.", name, covered, analysis->point_count);
	if (best && analysis->features.words > 0)
		scoring_insight_quote(insights, best->evidence);
}

// null where no times were given. NULL when memory is short.
static json_t *pauses_json(const Scoring__Answer *answer)
{
	VIVA_AUTO_FREE struct viva_speech_segment *segments = NULL;
	struct viva_pauses pauses;
	if (answer->n_segments == 0)
		return json_null();
	if (scoring_segments_of(answer, &segments) != 0)
		return NULL;
	viva_pauses_measure(segments, answer->n_segments, answer->transcript, &pauses);
	return json_pack(
		"{s:I, s:I, s:o, s:o, s:o, s:o, s:b}", "count", (json_int_t)pauses.count, "long",
		(json_int_t)pauses.long_count, "total_seconds", viva_json_real(pauses.total, 2), "longest_seconds",
		viva_json_real(pauses.longest, 2), "span_seconds", viva_json_real(pauses.span, 2), "share",
		viva_json_real(pauses.span > 0 ? pauses.total / pauses.span : 0, 4), "by_word", pauses.is_by_word);
}

static json_t *answer_details(const struct calculation *calculation, size_t index)
{
	const struct scoring_judgement *judgement = &calculation->judgements[index];
	const struct answer_scores *scores = &calculation->scores[index];
	bool is_technical = scores->is_scored &&
			    (judgement->category == SCORING_TECHNICAL || judgement->category == SCORING_SITUATIONAL);
	return json_pack("{s:s, s:s, s:s, s:o, s:b, s:b, s:o, s:o, s:s?, s:s?, s:o}", "question_id",
			 calculation->request->answers[index]->question_id, "question", judgement->question, "category",
			 judgement->category_name, "analysis", scoring_analysis_json(&judgement->analysis), "scored",
			 scores->is_scored, "technical", is_technical, "content_score",
			 scores->is_scored ? viva_json_real(scores->content, 2) : json_null(), "communication_score",
			 scores->is_scored ? viva_json_real(scores->communication, 2) : json_null(), "content_sum",
			 scores->content_sum, "communication_sum", scores->communication_sum, "pauses",
			 pauses_json(calculation->request->answers[index]));
}

static int judge_answer(struct calculation *calculation, size_t index, struct viva_error *error)
{
	const Scoring__Answer *answer = calculation->request->answers[index];
	struct scoring_answer input = {.question_id = answer->question_id,
				       .question = answer->question,
				       .category = answer->category,
				       .transcript = answer->transcript,
				       .seconds = (double)answer->duration,
				       .confidence = (double)answer->confidence};
	// What an analysis allocates is much more than what is kept of it.
	VIVA_AUTO(viva_arena) scratch = NULL;
	struct scoring_judgement *judgement = &calculation->judgements[index];
	int code = viva_arena_create(0, &scratch);
	if (code == 0)
		code = scoring_judge(calculation->service, &input, scratch, judgement, error);
	if (code != 0)
		return code;
	struct answer_scores *scores = &calculation->scores[index];
	if (judgement->analysis.unscorable == VIVA_SCORABLE)
		code = score_answer(&judgement->analysis, calculation->arena, scores);
	if (code != 0)
		return code;
	explain_answer(calculation, index);
	if (json_array_append_new(calculation->answers, answer_details(calculation, index)) != 0)
		return VIVA_ENOMEM;
	const char *feedback = judgement->analysis.feedback;
	judgement->analysis = (struct viva_answer_analysis){
		.feedback = viva_arena_text(calculation->arena, feedback, strlen(feedback))};
	return judgement->analysis.feedback ? 0 : VIVA_ENOMEM;
}

static int judge_answers(struct calculation *calculation, int64_t deadline_us, struct viva_error *error)
{
	size_t count = calculation->request->n_answers;
	calculation->judgements = viva_arena_alloc(calculation->arena, (count + 1) * sizeof *calculation->judgements);
	calculation->scores = viva_arena_alloc(calculation->arena, (count + 1) * sizeof *calculation->scores);
	if (!calculation->judgements || !calculation->scores)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (viva_clock_monotonic_us(calculation->service->clock) > deadline_us)
			return viva_fail(error, VIVA_EDEADLINE, NULL, "the deadline passed after %zu of %zu answers", i,
					 count);
		int code = judge_answer(calculation, i, error);
		if (code != 0)
			return code;
	}
	return 0;
}

// Lets the language model have its say, where there is one.
static void hear_model(struct calculation *calculation)
{
	static const struct scoring_content_weights weights = {
		.depth = DEPTH_WEIGHT, .relevance = RELEVANCE_WEIGHT, .coverage = COVERAGE_WEIGHT};
	for (size_t i = 0; i < calculation->request->n_answers; i++) {
		struct answer_scores *scores = &calculation->scores[i];
		if (scores->is_scored)
			scores->content = scoring_llm_content(calculation->llm, i, &weights,
							      json_array_get(calculation->answers, i), scores->content);
	}
	scoring_llm_sum_up(calculation->llm, &calculation->insights, &calculation->judged_by,
			   &calculation->judge_model);
}

// The content of the answers, or of those whose category asks for knowledge.
static struct scoring_sample sample_content(const struct calculation *calculation, bool only_technical)
{
	struct scoring_sample sample = {0};
	for (size_t i = 0; i < calculation->request->n_answers; i++) {
		enum scoring_category category = calculation->judgements[i].category;
		bool is_wanted = !only_technical || category == SCORING_TECHNICAL || category == SCORING_SITUATIONAL;
		if (calculation->scores[i].is_scored && is_wanted)
			scoring_sample_add(&sample, calculation->scores[i].content);
	}
	return sample;
}

static struct scoring_sample sample_communication(const struct calculation *calculation)
{
	struct scoring_sample sample = {0};
	for (size_t i = 0; i < calculation->request->n_answers; i++) {
		if (calculation->scores[i].is_scored)
			scoring_sample_add(&sample, calculation->scores[i].communication);
	}
	return sample;
}

static void score_answers(struct calculation *calculation)
{
	struct scoring_sample content = sample_content(calculation, true);
	struct scoring_sample communication = sample_communication(calculation);
	size_t scored = communication.count;
	if (content.count == 0) {
		content = sample_content(calculation, false);
		calculation->is_technical_fallback = true;
		if (scored > 0)
			scoring_insight_add(&calculation->insights, "technical", 0,
					    "No technical or situational question was answered: the technical score is "
					    "the content of all answers.");
	}
	calculation->is_scored = scored > 0;
	calculation->technical = rounded(scoring_sample_mean(&content));
	calculation->communication = rounded(scoring_sample_mean(&communication));
	calculation->technical_error = scoring_sample_error(&content);
	calculation->communication_error = scoring_sample_error(&communication);
	if (scored == 0)
		scoring_insight_add(
			&calculation->insights, "no_answers", 0,
			"There was no answer that could be scored: there are no scores for want of data, not "
			"as a judgement.");
	const Scoring__InterviewMetadata *metadata = calculation->request->metadata;
	if (metadata && (size_t)metadata->total_questions > calculation->request->n_answers)
		scoring_insight_add(&calculation->insights, "completeness", 0,
				    "%zu of %d questions were answered; the scores are about those.",
				    calculation->request->n_answers, metadata->total_questions);
}

// Why there is no emotion score; NULL = nothing speaks against one.
static const char *emotion_obstacle(const Scoring__ScoreRequest *request)
{
	if (request->metadata && strcmp(request->metadata->mode, "recruitment") == 0)
		return "Emotions are never analysed or scored in recruitment.";
	if (request->metadata && request->metadata->emotion_withheld)
		return "Emotion analysis was not consented to, so there is no emotion score.";
	for (size_t i = 0; i < request->n_emotions; i++) {
		if (request->emotions[i]->emotion[0] != '\0' && request->emotions[i]->confidence > 0)
			return NULL;
	}
	return "No emotions were observed, so there is no emotion score.";
}

static void score_emotions(struct calculation *calculation)
{
	const Scoring__ScoreRequest *request = calculation->request;
	const char *obstacle = emotion_obstacle(request);
	if (obstacle) {
		scoring_insight_add(&calculation->insights, "emotion", 0, "%s", obstacle);
		return;
	}
	double sum = 0;
	double weights = 0;
	for (size_t i = 0; i < request->n_emotions; i++) {
		const Scoring__EmotionData *row = request->emotions[i];
		if (row->emotion[0] == '\0')
			continue;
		sum += (double)row->confidence * scoring_emotion_value(row->emotion);
		weights += (double)row->confidence;
	}
	calculation->has_emotion = true;
	calculation->emotion = rounded(100 * sum / weights);
	if (calculation->service->weights.emotion <= 0)
		scoring_insight_add(&calculation->insights, "emotion", 0,
				    "Emotions are shown for practice only: they weigh nothing in the overall score.");
}

static void score_overall(struct calculation *calculation)
{
	const struct scoring_weights *weights = &calculation->service->weights;
	double emotion_weight = calculation->has_emotion ? weights->emotion : 0;
	double all = weights->technical + weights->communication + emotion_weight;
	if (all <= 0 || !calculation->is_scored)
		return;
	calculation->overall =
		rounded((weights->technical * calculation->technical +
			 weights->communication * calculation->communication + emotion_weight * calculation->emotion) /
			all);
	// The same answers make both scores, so their errors go together.
	calculation->overall_error = (weights->technical * calculation->technical_error +
				      weights->communication * calculation->communication_error) /
				     all;
}

static const char *write_feedback(const struct calculation *calculation)
{
	size_t best = 0;
	size_t worst = 0;
	size_t scored = 0;
	for (size_t i = 0; i < calculation->request->n_answers; i++) {
		if (!calculation->scores[i].is_scored)
			continue;
		if (scored == 0)
			best = worst = i;
		scored++;
		if (calculation->scores[i].content > calculation->scores[best].content)
			best = i;
		if (calculation->scores[i].content < calculation->scores[worst].content)
			worst = i;
	}
	if (scored == 0)
		return "There was no answer that could be scored.";
	const char *strongest = quoted(calculation, calculation->judgements[best].question, best + 1);
	const char *weakest = quoted(calculation, calculation->judgements[worst].question, worst + 1);
	if (!strongest || !weakest)
		return NULL;
	const char *advice = calculation->judgements[worst].analysis.feedback;
	if (scored == 1)
		return viva_arena_printf(calculation->arena, "Overall %.0f of 100. %s", calculation->overall, advice);
	return viva_arena_printf(calculation->arena,
				 "Overall %.0f of 100: content %.0f, communication %.0f. %s is the strongest. %s has "
				 "the most room: %s",
				 calculation->overall, calculation->technical, calculation->communication, strongest,
				 weakest, advice);
}

static int make_response(struct calculation *calculation, Scoring__ScoreResponse **ret_response)
{
	struct viva_arena *arena = calculation->arena;
	struct scoring_insights *insights = &calculation->insights;
	const struct scoring_weights *weights = &calculation->service->weights;
	Scoring__ScoreResponse *response = viva_arena_alloc(arena, sizeof *response);
	const char *feedback = write_feedback(calculation);
	char *version = viva_arena_printf(arena, "%s %s weights %g/%g/%g", SCORING_VERSION, VIVA_LANGUAGE_VERSION,
					  weights->technical, weights->communication, weights->emotion);
	size_t bytes = insights->count * sizeof insights->items[0];
	Scoring__Insight **items = viva_arena_alloc(arena, bytes + 1);
	if (!response || !feedback || !version || !items || insights->is_short_of_memory)
		return VIVA_ENOMEM;
	memcpy(items, insights->items, bytes);
	scoring__score_response__init(response);
	response->session_id = calculation->request->session_id;
	response->technical_score = (float)calculation->technical;
	response->communication_score = (float)calculation->communication;
	response->emotion_score = (float)calculation->emotion;
	response->overall_score = (float)calculation->overall;
	response->feedback = (char *)(uintptr_t)feedback;
	response->insights = items;
	response->n_insights = insights->count;
	response->emotion_scored = calculation->has_emotion;
	response->not_scorable = !calculation->is_scored;
	if (calculation->is_scored) {
		struct scoring_band band = scoring_band_around(calculation->overall, calculation->overall_error);
		response->overall_low = (float)rounded(band.low);
		response->overall_high = (float)rounded(band.high);
	}
	response->judged_by = (char *)(uintptr_t)calculation->judged_by;
	response->judge_model = (char *)(uintptr_t)calculation->judge_model;
	response->version = version;
	response->calculated_at = viva_clock_unix_ms(calculation->service->clock);
	*ret_response = response;
	return 0;
}

static json_t *error_json(const struct calculation *calculation)
{
	return json_pack("{s:o, s:o, s:o, s:f, s:f, s:f}", "technical", viva_json_real(calculation->technical_error, 3),
			 "communication", viva_json_real(calculation->communication_error, 3), "overall",
			 viva_json_real(calculation->overall_error, 3), "answer_deviation", SCORING_ANSWER_DEVIATION,
			 "deviation_weight", SCORING_DEVIATION_WEIGHT, "width", SCORING_BAND_WIDTH);
}

static json_t *make_details(const struct calculation *calculation)
{
	const struct scoring_weights *weights = &calculation->service->weights;
	return json_pack("{s:O, s:b, s:{s:f, s:f, s:f}, s:{s:f, s:f, s:f}, s:o}", "answers", calculation->answers,
			 "technical_fallback", calculation->is_technical_fallback, "weights", "technical",
			 weights->technical, "communication", weights->communication, "emotion",
			 calculation->has_emotion ? weights->emotion : 0.0, "content_weights", "depth", DEPTH_WEIGHT,
			 "relevance", RELEVANCE_WEIGHT, "coverage", COVERAGE_WEIGHT, "standard_errors",
			 error_json(calculation));
}

int scoring_calculate(struct scoring_service *service, const Scoring__ScoreRequest *request, int64_t deadline_us,
		      struct viva_arena *arena, Scoring__ScoreResponse **ret_response, json_t **ret_details,
		      struct viva_error *error)
{
	int code = scoring_request_check(request, error);
	if (code != 0)
		return code;
	VIVA_AUTO_JSON answers = json_array();
	struct calculation *calculation = viva_arena_alloc(arena, sizeof *calculation);
	if (!answers || !calculation)
		return VIVA_ENOMEM;
	*calculation = (struct calculation){.service = service,
					    .request = request,
					    .arena = arena,
					    .insights = {.arena = arena},
					    .answers = answers};
	calculation->llm = scoring_llm_round_start(service, request, deadline_us);
	code = judge_answers(calculation, deadline_us, error);
	if (code == 0)
		hear_model(calculation);
	calculation->llm = scoring_llm_round_finish(calculation->llm);
	if (code != 0)
		return code;
	score_answers(calculation);
	score_emotions(calculation);
	score_overall(calculation);
	Scoring__ScoreResponse *response = NULL;
	code = make_response(calculation, &response);
	if (code != 0)
		return code;
	json_t *details = make_details(calculation);
	if (!details)
		return VIVA_ENOMEM;
	*ret_response = response;
	*ret_details = details;
	return 0;
}
