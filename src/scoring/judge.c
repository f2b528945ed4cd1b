// SPDX-License-Identifier: Apache-2.0
#include "scoring/judge.h"

#include <string.h>

static enum scoring_category category_of(const char *name)
{
	static const struct {
		const char *name;
		enum scoring_category category;
	} known[] = {{"introduction", SCORING_INTRODUCTION},
		     {"behavioural", SCORING_BEHAVIOURAL},
		     {"behavioral", SCORING_BEHAVIOURAL},
		     {"technical", SCORING_TECHNICAL},
		     {"situational", SCORING_SITUATIONAL}};
	for (size_t i = 0; i < VIVA_COUNT(known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return known[i].category;
	}
	return SCORING_OTHER;
}

// What an answer is compared with: a follow-up makes sense only after the question that it digs into.
static const char *with_context(const struct scoring_service *service, const struct scoring_answer *answer,
				const char *question, struct viva_arena *arena)
{
	size_t index;
	const struct viva_question *parent =
		viva_question_bank_find_follow_up(service->bank, answer->question_id, &index);
	return parent ? viva_arena_printf(arena, "%s %s", parent->text, question) : question;
}

struct scoring_answer scoring_answer_of(const Scoring__AnswerRequest *request)
{
	return (struct scoring_answer){.question_id = request->question_id,
				       .question = request->question,
				       .category = request->category,
				       .transcript = request->answer,
				       .seconds = (double)request->duration,
				       .confidence = (double)request->confidence,
				       .language = request->language,
				       .reference_answer = request->reference_answer,
				       .graded_answers = request->graded_answers,
				       .graded_answer_count = request->n_graded_answers};
}

// What correctness is judged by: the request's reference answer with its graded answers, else those of the bank.
static int add_grading(const struct scoring_answer *answer, const struct viva_question *known, struct viva_arena *arena,
		       struct viva_answer *input)
{
	bool is_given = answer->reference_answer && answer->reference_answer[0] != '\0';
	const char *reference = is_given ? answer->reference_answer : known ? known->reference_answer : "";
	size_t count = is_given ? answer->graded_answer_count : known ? known->graded_answer_count : 0;
	struct viva_graded_answer *graded = viva_arena_alloc(arena, (count + 1) * sizeof *graded);
	if (!graded)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *text = is_given ? answer->graded_answers[i]->answer : known->graded_answers[i].answer;
		graded[i].text = viva_bytes_of_text(text);
		graded[i].points =
			is_given ? (double)answer->graded_answers[i]->points : known->graded_answers[i].points;
	}
	input->reference_answer = viva_bytes_of_text(reference);
	input->graded_answers = graded;
	input->graded_answer_count = count;
	return 0;
}

int scoring_judge(struct scoring_service *service, const struct scoring_answer *answer, struct viva_arena *arena,
		  struct scoring_judgement *ret_judgement, struct viva_error *error)
{
	const struct viva_question *known = viva_question_bank_find(service->bank, answer->question_id);
	struct scoring_judgement judgement = {.question = answer->question, .category_name = answer->category};
	if (known && judgement.question[0] == '\0')
		judgement.question = known->text;
	if (known && judgement.category_name[0] == '\0')
		judgement.category_name = known->category;
	judgement.category = category_of(judgement.category_name);

	const char *compared = with_context(service, answer, judgement.question, arena);
	if (!compared)
		return VIVA_ENOMEM;
	struct viva_answer input = {
		.question = viva_bytes_of_text(compared),
		.transcript = viva_bytes_of_text(answer->transcript),
		.is_narrative = judgement.category != SCORING_TECHNICAL && judgement.category != SCORING_OTHER,
		.asks_for_story = judgement.category == SCORING_BEHAVIOURAL,
		.seconds = answer->seconds,
		.confidence = answer->confidence,
		.language = answer->language,
	};
	if (known) {
		input.reference_points = known->reference_points;
		input.reference_point_count = known->reference_point_count;
		input.point_labels = known->point_labels;
	}
	int code = add_grading(answer, known, arena, &input);
	if (code == 0)
		code = viva_language_analyze(service->language, &input, arena, &judgement.analysis, error);
	if (code == 0)
		*ret_judgement = judgement;
	return code;
}

// protobuf-c's members are not const, but packing only reads them.
static char *borrowed(const char *text)
{
	return (char *)(uintptr_t)text;
}

int scoring_analysis_message(const struct viva_answer_analysis *analysis, struct viva_arena *arena,
			     Scoring__AnswerAnalysis *ret_message)
{
	size_t count = analysis->point_count;
	char **keywords = viva_arena_alloc(arena, (analysis->keyword_count + 1) * sizeof *keywords);
	Scoring__ReferencePoint *points = viva_arena_alloc(arena, (count + 1) * sizeof *points);
	Scoring__ReferencePoint **pointers = viva_arena_alloc(arena, (count + 1) * sizeof(Scoring__ReferencePoint *));
	if (!keywords || !points || !pointers)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < analysis->keyword_count; i++)
		keywords[i] = borrowed(analysis->keywords[i]);
	for (size_t i = 0; i < count; i++) {
		scoring__reference_point__init(&points[i]);
		points[i].text = borrowed(analysis->points[i].text);
		points[i].status = borrowed(viva_point_status_text(analysis->points[i].status));
		points[i].evidence = borrowed(analysis->points[i].evidence);
		pointers[i] = &points[i];
	}
	scoring__answer_analysis__init(ret_message);
	ret_message->relevance_score = (float)analysis->relevance;
	ret_message->clarity_score = (float)analysis->clarity;
	ret_message->depth_score = (float)analysis->depth;
	ret_message->keywords = keywords;
	ret_message->n_keywords = analysis->keyword_count;
	ret_message->feedback = borrowed(analysis->feedback);
	ret_message->unscorable = analysis->unscorable != VIVA_SCORABLE;
	ret_message->reason = borrowed(analysis->reason);
	ret_message->points = pointers;
	ret_message->n_points = count;
	ret_message->has_correctness = analysis->has_correctness;
	ret_message->correctness_score = (float)analysis->correctness;
	return 0;
}

static json_t *points_json(const struct viva_answer_analysis *analysis)
{
	json_t *points = json_array();
	for (size_t i = 0; i < analysis->point_count; i++) {
		const struct viva_point_finding *point = &analysis->points[i];
		json_array_append_new(points,
				      json_pack("{s:s, s:s, s:s, s:o}", "text", point->text, "status",
						viva_point_status_text(point->status), "evidence", point->evidence,
						"similarity", viva_json_real(point->similarity, 3)));
	}
	return points;
}

static json_t *features_json(const struct viva_features *features)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "words", (json_int_t)features->words, "fillers",
		(json_int_t)features->fillers, "soft_fillers", (json_int_t)features->soft_fillers, "repetitions",
		(json_int_t)features->repetitions, "repairs", (json_int_t)features->repairs, "words_per_minute",
		features->words_per_minute > 0 ? viva_json_real(features->words_per_minute, 1) : json_null(),
		"lexical_diversity", features->diversity > 0 ? viva_json_real(features->diversity, 1) : json_null(),
		"words_per_sentence",
		features->sentence_words > 0 ? viva_json_real(features->sentence_words, 1) : json_null());
}

// The parts of a story and the sentence that tells each; null when it is none.
static json_t *story_json(const struct viva_answer_analysis *analysis)
{
	if (!analysis->is_story)
		return json_null();
	json_t *story = json_object();
	for (int part = 0; part < VIVA_STORY_PARTS; part++) {
		const char *told = analysis->story[part];
		json_object_set_new(story, viva_story_part_text((enum viva_story_part)part),
				    told ? json_string(told) : json_null());
	}
	return story;
}

json_t *scoring_analysis_json(const struct viva_answer_analysis *analysis)
{
	json_t *keywords = json_array();
	for (size_t i = 0; i < analysis->keyword_count; i++)
		json_array_append_new(keywords, json_string(analysis->keywords[i]));
	json_t *remarks = json_array();
	for (size_t i = 0; i < analysis->remark_count; i++)
		json_array_append_new(remarks, json_pack("{s:s, s:s}", "code", analysis->remarks[i].code, "description",
							 analysis->remarks[i].description));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:s?, s:o}",
			 "relevance_score", viva_json_real(analysis->relevance, 4), "clarity_score",
			 viva_json_real(analysis->clarity, 4), "depth_score", viva_json_real(analysis->depth, 4),
			 "coverage", analysis->has_points ? viva_json_real(analysis->coverage, 4) : json_null(),
			 "substance", viva_json_real(analysis->substance, 4), "keywords", keywords, "feedback",
			 analysis->feedback, "unscorable", analysis->unscorable != VIVA_SCORABLE, "reason",
			 analysis->reason, "points", points_json(analysis), "remarks", remarks, "features",
			 features_json(&analysis->features), "correctness_score",
			 analysis->has_correctness ? viva_json_real(analysis->correctness, 4) : json_null(),
			 "specificity", viva_json_real(analysis->specificity, 4), "specificity_evidence",
			 analysis->specific, "story", story_json(analysis));
}
