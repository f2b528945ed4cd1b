// SPDX-License-Identifier: Apache-2.0
#include "scoring/calculate.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "scoring/insights.h"
#include "scoring/request.h"

// docs/scoring.md: what depth, relevance and coverage weigh in the content of one answer.
static const double DEPTH_WEIGHT = .45, RELEVANCE_WEIGHT = .25, COVERAGE_WEIGHT = .30;

enum { MAX_QUOTED_QUESTION = 80 };

// The scores of one answer, 0–100.
struct answer_scores {
	bool is_scored;
	double content;
	double communication;
};

struct calculation {
	struct scoring_service *service;
	const Scoring__ScoreRequest *request;
	struct viva_arena *arena;
	struct scoring_insights insights;
	struct scoring_judgement *judgements;
	struct answer_scores *scores;
	json_t *answers;  // of the details
	bool is_technical_fallback;
	bool has_emotion;
	double technical, communication, emotion, overall;
};

static double content_score(const struct viva_answer_analysis *analysis)
{
	double sum = DEPTH_WEIGHT * analysis->depth;
	double weights = DEPTH_WEIGHT;
	if (analysis->has_relevance) {
		sum += RELEVANCE_WEIGHT * analysis->relevance;
		weights += RELEVANCE_WEIGHT;
	}
	if (analysis->has_points) {
		// Points met by a list of keywords or by disorder count as little as its depth.
		sum += COVERAGE_WEIGHT * analysis->coverage * viva_features_prose(analysis->features.function_share) *
		       (.7 + .3 * viva_features_order(analysis->features.disorder));
		weights += COVERAGE_WEIGHT;
	}
	return 100 * sum / weights;
}

static double communication_score(const struct viva_answer_analysis *analysis)
{
	double relevance = analysis->has_relevance ? analysis->relevance : 1;
	return 100 * analysis->clarity * (.7 + .3 * relevance);
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
	for (size_t i = 0; i < analysis->point_count; i++)
		covered += analysis->points[i].status == VIVA_POINT_COVERED;
	if (analysis->point_count > 0 && analysis->features.words > 0)
		scoring_insight_add(insights, "coverage", analysis->coverage - .5,
				    "%s covers %zu of %zu reference points.", name, covered, analysis->point_count);
}

static json_t *answer_details(const struct calculation *calculation, size_t index)
{
	const struct scoring_judgement *judgement = &calculation->judgements[index];
	const struct answer_scores *scores = &calculation->scores[index];
	bool is_technical = scores->is_scored &&
			    (judgement->category == SCORING_TECHNICAL || judgement->category == SCORING_SITUATIONAL);
	return json_pack("{s:s, s:s, s:s, s:o, s:b, s:b, s:o, s:o}", "question_id",
			 calculation->request->answers[index]->question_id, "question", judgement->question, "category",
			 judgement->category_name, "analysis", scoring_analysis_json(&judgement->analysis), "scored",
			 scores->is_scored, "technical", is_technical, "content_score",
			 scores->is_scored ? viva_json_real(scores->content, 2) : json_null(), "communication_score",
			 scores->is_scored ? viva_json_real(scores->communication, 2) : json_null());
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
	scores->is_scored = judgement->analysis.unscorable == VIVA_SCORABLE;
	if (scores->is_scored) {
		scores->content = content_score(&judgement->analysis);
		scores->communication = communication_score(&judgement->analysis);
	}
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

// The mean content of the answers whose category asks for it; *ret_count is their number.
static double mean_content(const struct calculation *calculation, bool only_technical, size_t *ret_count)
{
	double sum = 0;
	size_t count = 0;
	for (size_t i = 0; i < calculation->request->n_answers; i++) {
		enum scoring_category category = calculation->judgements[i].category;
		if (!calculation->scores[i].is_scored)
			continue;
		if (only_technical && category != SCORING_TECHNICAL && category != SCORING_SITUATIONAL)
			continue;
		sum += calculation->scores[i].content;
		count++;
	}
	*ret_count = count;
	return count > 0 ? sum / (double)count : 0;
}

static void score_answers(struct calculation *calculation)
{
	size_t technical = 0;
	size_t scored = 0;
	calculation->technical = mean_content(calculation, true, &technical);
	double content = mean_content(calculation, false, &scored);
	if (technical == 0) {
		calculation->technical = content;
		calculation->is_technical_fallback = true;
		if (scored > 0)
			scoring_insight_add(&calculation->insights, "technical", 0,
					    "No technical or situational question was answered: the technical score is "
					    "the content of all answers.");
	}
	for (size_t i = 0; i < calculation->request->n_answers; i++)
		calculation->communication += calculation->scores[i].communication / fmax((double)scored, 1);
	if (scored == 0)
		scoring_insight_add(&calculation->insights, "no_answers", 0,
				    "There was no answer that could be scored: the scores are 0 for want of data, not "
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
	calculation->emotion = 100 * sum / weights;
	if (calculation->service->weights.emotion <= 0)
		scoring_insight_add(&calculation->insights, "emotion", 0,
				    "Emotions are shown for practice only: they weigh nothing in the overall score.");
}

static void score_overall(struct calculation *calculation)
{
	const struct scoring_weights *weights = &calculation->service->weights;
	double emotion_weight = calculation->has_emotion ? weights->emotion : 0;
	double all = weights->technical + weights->communication + emotion_weight;
	if (all > 0)
		calculation->overall =
			(weights->technical * calculation->technical +
			 weights->communication * calculation->communication + emotion_weight * calculation->emotion) /
			all;
}

// A number as it is told, so that what is stored, shown and computed by hand agree.
static double rounded(double score)
{
	return round(fmin(fmax(score, 0), 100) * 100) / 100;
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
		return viva_arena_printf(calculation->arena, "Overall %.0f of 100. %s", rounded(calculation->overall),
					 advice);
	return viva_arena_printf(calculation->arena,
				 "Overall %.0f of 100: content %.0f, communication %.0f. %s is the strongest. %s has "
				 "the most room: %s",
				 rounded(calculation->overall), rounded(calculation->technical),
				 rounded(calculation->communication), strongest, weakest, advice);
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
	response->technical_score = (float)rounded(calculation->technical);
	response->communication_score = (float)rounded(calculation->communication);
	response->emotion_score = (float)rounded(calculation->emotion);
	response->overall_score = (float)rounded(calculation->overall);
	response->feedback = (char *)(uintptr_t)feedback;
	response->insights = items;
	response->n_insights = insights->count;
	response->emotion_scored = calculation->has_emotion;
	response->version = version;
	response->calculated_at = viva_clock_unix_ms(calculation->service->clock);
	*ret_response = response;
	return 0;
}

static json_t *make_details(const struct calculation *calculation)
{
	const struct scoring_weights *weights = &calculation->service->weights;
	return json_pack("{s:O, s:b, s:{s:f, s:f, s:f}, s:{s:f, s:f, s:f}}", "answers", calculation->answers,
			 "technical_fallback", calculation->is_technical_fallback, "weights", "technical",
			 weights->technical, "communication", weights->communication, "emotion",
			 calculation->has_emotion ? weights->emotion : 0.0, "content_weights", "depth", DEPTH_WEIGHT,
			 "relevance", RELEVANCE_WEIGHT, "coverage", COVERAGE_WEIGHT);
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
	code = judge_answers(calculation, deadline_us, error);
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
