// SPDX-License-Identifier: Apache-2.0
#include "language/analyze.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "language/declines.h"
#include "language/embed.h"
#include "language/english.h"
#include "language/essence.h"
#include "language/feedback.h"
#include "language/grade.h"
#include "language/grade_cache.h"
#include "language/keyphrases.h"
#include "language/lexicon.h"
#include "language/relevance.h"
#include "language/rubric.h"
#include "language/topic.h"
#include "language/words.h"

enum {
	MAX_QUESTION_CHARACTERS = 4000,
	MIN_CONTENT_WORDS = 5,  // fewer are no answer in depth
	GRADED_CACHE = 4096,    // graded answers that are not measured anew
	MIN_STORY_WORDS = 30,   // fewer are not looked through for the parts of a story
};

// docs/scoring.md, "Relevance" and "Depth".
static const double OFF_TOPIC_WEIGHT = .05;  // of words in the share of function words
static const double ON_TOPIC = .2;           // topicality from which on all words of a sentence count
static const double AMOUNT_WORDS = 40;       // different content words that give 1 − 1/e
static const double SUBSTANCE_WORDS = 10;    // different content words that say something
static const double SPECIFIC_MARKS = 4;      // figures, reasons, examples that give 1 − 1/e
static const double COVERAGE_WEIGHT = .55;   // of coverage in depth, where there are points
static const double NARRATIVE_COVERAGE_WEIGHT = .35;
static const double FOREIGN = .05, ATTEMPT = .15;  // nearness to question or reference from which it is an attempt
static const double COPIED_SHARE = .5;             // of its words: then the answer is a copy of the question

struct viva_language {
	struct viva_embedder *embedder;
	struct viva_background *background;
	struct viva_grade_model grading;
	struct viva_grade_cache *graded;
	double confidence_floor;
};

struct viva_language_options viva_language_defaults(void)
{
	return (struct viva_language_options){.max_concurrent = 2, .confidence_floor = .4};
}

int viva_language_open(const struct viva_language_options *options, struct viva_language **ret_language,
		       struct viva_error *error)
{
	VIVA_AUTO(viva_language) language = calloc(1, sizeof *language);
	if (!language)
		return VIVA_ENOMEM;
	struct viva_embedder_options embedder = viva_embedder_defaults();
	embedder.model_directory = options->model_directory;
	embedder.max_concurrent = options->max_concurrent;
	language->confidence_floor = options->confidence_floor;
	int code = viva_grade_model_shipped(&language->grading, error);
	if (code == 0)
		code = viva_grade_cache_create(GRADED_CACHE, &language->graded);
	if (code == 0)
		code = viva_embedder_open(&embedder, &language->embedder, error);
	if (code == 0)
		code = viva_background_open(language->embedder, options->background, options->background_count,
					    options->background_file, &language->background, error);
	if (code == 0)
		*ret_language = viva_take(&language);
	return code;
}

struct viva_language *viva_language_destroy(struct viva_language *language)
{
	if (!language)
		return NULL;
	viva_grade_cache_destroy(language->graded);
	viva_background_destroy(language->background);
	viva_embedder_destroy(language->embedder);
	free(language);
	return NULL;
}

static double clamp(double value)
{
	return value < 0 ? 0 : value > 1 ? 1 : value;
}

// How much of the answer is on topic, so that what stands beside the question lengthens nothing and makes no prose of a
// list of keywords.
struct on_topic {
	double words;           // in sentences that are on topic; of an answer of which nothing is, all
	double content_words;   // different ones
	double function_share;  // in its sentences, by topicality
};

// One analysis on its way.
struct judge {
	struct viva_language *language;
	const struct viva_answer *answer;
	struct viva_arena *arena;
	struct viva_answer_analysis *analysis;
	struct viva_error *error;
	struct viva_text text, question;
	struct viva_essence essence;
	struct viva_rubric rubric;
	struct viva_embedding question_embedding;
	struct viva_embedding about;  // the answer's sentences, by length and weight
	struct on_topic on_topic;
	bool is_declined;  // "I don't know"
};

static void remark(struct judge *judge, const char *code, const char *description, double impact)
{
	struct viva_answer_analysis *analysis = judge->analysis;
	if (analysis->remark_count == VIVA_ANSWER_MAX_REMARKS)
		return;
	analysis->remarks[analysis->remark_count++] =
		(struct viva_answer_remark){.code = code, .description = description, .impact = impact};
}

static int read_texts(struct judge *judge)
{
	const struct viva_answer *answer = judge->answer;
	int code = viva_text_read(answer->transcript, VIVA_ANSWER_MAX_CHARACTERS, judge->arena, &judge->text);
	if (code == VIVA_EINVAL)
		return viva_fail(judge->error, VIVA_EFIELD, "transcript", "the transcript is not valid UTF-8");
	if (code != 0)
		return code;
	code = viva_text_read(answer->question, MAX_QUESTION_CHARACTERS, judge->arena, &judge->question);
	if (code == VIVA_EINVAL)
		return viva_fail(judge->error, VIVA_EFIELD, "question", "the question is not valid UTF-8");
	return code;
}

static bool names_english(const char *language)
{
	if (!language || language[0] == '\0')
		return true;
	return strncasecmp(language, "en", 2) == 0 && (language[2] == '\0' || language[2] == '-');
}

static int check_scorable(struct judge *judge)
{
	struct viva_answer_analysis *analysis = judge->analysis;
	double confidence = judge->answer->confidence;
	bool is_english = names_english(judge->answer->language);
	if (is_english) {
		int code = viva_english_check(viva_embedder_tokenizer(judge->language->embedder), &judge->text,
					      judge->arena, &is_english);
		if (code != 0)
			return code;
	}
	if (confidence > 0 && confidence < judge->language->confidence_floor) {
		analysis->unscorable = VIVA_UNSCORABLE_CONFIDENCE;
		analysis->reason = "The speech recogniser was not sure enough of what was said.";
	} else if (!is_english) {
		analysis->unscorable = VIVA_UNSCORABLE_LANGUAGE;
		analysis->reason = "Only answers in English can be judged.";
	}
	return 0;
}

// Whether one of the sentences before `index` has the stem.
static bool is_said_before(const struct viva_essence *essence, size_t index, const char *stem)
{
	for (size_t i = 0; i < index; i++) {
		if (viva_stems_have(essence->sentences[i].stems, essence->sentences[i].stem_count, stem))
			return true;
	}
	return false;
}

static void measure_on_topic(struct judge *judge)
{
	const struct viva_essence *essence = &judge->essence;
	double all = 0, words = 0, content = 0, most = 0;
	double weighted = 0, functions = 0;
	for (size_t i = 0; i < essence->count; i++) {
		const struct viva_essence_sentence *sentence = &essence->sentences[i];
		double share = fmin(sentence->topicality / ON_TOPIC, 1);
		double weight = OFF_TOPIC_WEIGHT + sentence->topicality;
		all += (double)sentence->words;
		words += share * (double)sentence->words;
		most = fmax(most, share);
		weighted += weight * (double)sentence->words;
		functions += weight * (double)sentence->function_words;
		for (size_t k = 0; k < sentence->stem_count; k++)
			content += share * !is_said_before(essence, i, sentence->stems[k]);
	}
	judge->on_topic.words = words + (1 - most) * (all - words);
	judge->on_topic.content_words = content + (1 - most) * ((double)essence->content_words - content);
	judge->on_topic.function_share = weighted > 0 ? functions / weighted : 0;
}

// The direction of all sentences together, each by its length and weight.
static void sum_sentences(struct judge *judge)
{
	double sum[VIVA_EMBEDDING_SIZE] = {0};
	for (size_t i = 0; i < judge->essence.count; i++) {
		const struct viva_essence_sentence *sentence = &judge->essence.sentences[i];
		double weight = (double)sentence->words * sentence->weight;
		for (size_t k = 0; k < VIVA_EMBEDDING_SIZE; k++)
			sum[k] += weight * (double)sentence->embedding.values[k];
	}
	double square = 0;
	for (size_t k = 0; k < VIVA_EMBEDDING_SIZE; k++)
		square += sum[k] * sum[k];
	for (size_t k = 0; k < VIVA_EMBEDDING_SIZE && square > 0; k++)
		judge->about.values[k] = (float)(sum[k] / sqrt(square));
}

static int embed_answer(struct judge *judge)
{
	struct viva_embedder *embedder = judge->language->embedder;
	struct viva_bytes question = viva_bytes_of(judge->question.data, judge->question.size);
	int code = viva_embed_cached(embedder, &question, 1, judge->arena, &judge->question_embedding, judge->error);
	if (code == 0)
		code = viva_rubric_prepare(embedder, judge->answer, judge->arena, &judge->rubric, judge->error);
	if (code != 0)
		return code;

	struct viva_essence *essence = &judge->essence;
	struct viva_bytes *texts = viva_arena_alloc(judge->arena, (essence->count + 1) * sizeof *texts);
	struct viva_embedding *vectors = viva_arena_alloc(judge->arena, (essence->count + 1) * sizeof *vectors);
	if (!texts || !vectors)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < essence->count; i++)
		texts[i] = essence->sentences[i].text;
	code = viva_embed(embedder, texts, essence->count, judge->arena, vectors, judge->error);
	for (size_t i = 0; code == 0 && i < essence->count; i++)
		essence->sentences[i].embedding = vectors[i];
	struct viva_topic topic = {.question = judge->analysis->has_relevance ? &judge->question_embedding : NULL,
				   .points = judge->rubric.embeddings,
				   .point_count = judge->rubric.count,
				   .is_story = judge->answer->is_narrative};
	if (code == 0)
		code = viva_topic_judge(embedder, &topic, essence, judge->arena, judge->error);
	if (code == 0) {
		measure_on_topic(judge);
		sum_sentences(judge);
	}
	return code;
}

static void judge_relevance(struct judge *judge)
{
	if (!judge->analysis->has_relevance)
		return;
	double relevance =
		viva_background_relevance(judge->language->background, &judge->about, &judge->question_embedding,
					  judge->rubric.embeddings, judge->rubric.count, judge->answer->is_narrative);
	// What is left of a copied question must be something before it can be about it. Short answers are often right.
	if (judge->essence.copied_share >= COPIED_SHARE)
		relevance *= clamp((double)judge->essence.content_words / MIN_CONTENT_WORDS);
	bool says_something = judge->essence.content_words > 0 && !judge->is_declined;
	judge->analysis->relevance = says_something ? clamp(relevance) : 0;
}

// Different content words on topic that the question has not said, and marks of specificity.
struct substance {
	double words;
	double marks;
	bool has_marks;   // on topic or not
	size_t specific;  // of the essence's sentences, that with the most marks; its count = none has any
};

static double marks_of(const struct viva_text *text, const struct viva_sentence *sentence)
{
	double marks = 0;
	for (size_t i = sentence->first_word; i < sentence->first_word + sentence->word_count; i++) {
		const struct viva_word *word = &text->words[i];
		marks += word->is_number || (word->flags & (VIVA_WORD_REASON | VIVA_WORD_EXAMPLE)) != 0;
	}
	return marks;
}

static int measure_substance(const struct judge *judge, struct substance *ret_substance)
{
	const struct viva_essence *essence = &judge->essence;
	size_t question_count = 0;
	const char **question =
		viva_stems_of(&judge->question, 0, judge->question.word_count, NULL, judge->arena, &question_count);
	if (!question)
		return VIVA_ENOMEM;
	struct substance substance = {.specific = essence->count};
	double most_marks = 0;
	for (size_t i = 0; i < essence->count; i++) {
		const struct viva_essence_sentence *sentence = &essence->sentences[i];
		double fresh = 0;
		for (size_t k = 0; k < sentence->stem_count; k++) {
			bool is_known = viva_stems_have(question, question_count, sentence->stems[k]);
			fresh += !is_known && !is_said_before(essence, i, sentence->stems[k]);
		}
		// Marks count only where something new is said.
		double marks = marks_of(&judge->text, &judge->text.sentences[sentence->index]);
		double counted = sentence->topicality * fmin(marks, fresh / 2);
		substance.words += sentence->topicality * fresh;
		substance.marks += counted;
		substance.has_marks = substance.has_marks || marks > 0;
		if (counted > most_marks) {
			most_marks = counted;
			substance.specific = i;
		}
	}
	*ret_substance = substance;
	return 0;
}

// The sentence as it was said. VIVA_ENOMEM.
static int quote(const struct judge *judge, size_t index, const char **ret_text)
{
	const struct viva_sentence *sentence = &judge->text.sentences[index];
	*ret_text = viva_arena_text(judge->arena, judge->text.data + sentence->begin, sentence->end - sentence->begin);
	return *ret_text ? 0 : VIVA_ENOMEM;
}

// What so few different content words can have at most.
static double deepest(double words)
{
	return words < MIN_CONTENT_WORDS ? .1 * words / MIN_CONTENT_WORDS : .1 + .09 * (words - MIN_CONTENT_WORDS);
}

static int judge_depth(struct judge *judge)
{
	struct viva_answer_analysis *analysis = judge->analysis;
	struct substance substance;
	int code = measure_substance(judge, &substance);
	if (code != 0)
		return code;
	double amount = 1 - exp(-substance.words / AMOUNT_WORDS);
	double specificity = 1 - exp(-substance.marks / SPECIFIC_MARKS);
	analysis->specificity = specificity;
	analysis->has_marks = substance.has_marks;
	if (substance.specific < judge->essence.count)
		code = quote(judge, judge->essence.sentences[substance.specific].index, &analysis->specific);
	if (code != 0)
		return code;
	double prose = viva_features_prose(judge->on_topic.function_share, analysis->features.segment_words);
	double depth = amount * (.7 + .3 * specificity);
	double weight = judge->answer->is_narrative ? NARRATIVE_COVERAGE_WEIGHT : COVERAGE_WEIGHT;
	if (analysis->has_points)
		depth = weight * analysis->coverage + (1 - weight) * depth;
	double form = prose * (.7 + .3 * viva_features_order(analysis->features.disorder));
	analysis->substance = form * fmin(judge->on_topic.content_words / SUBSTANCE_WORDS, 1);
	depth *= form;
	// An answer that is off the question is not deep about it.
	if (analysis->has_relevance)
		depth *= .3 + .7 * clamp(analysis->relevance / .5);
	depth = fmin(depth, deepest(judge->on_topic.content_words));
	analysis->depth = judge->is_declined ? 0 : clamp(depth);
	if (prose < .6 && judge->essence.content_words >= MIN_CONTENT_WORDS)
		remark(judge, "keyword_list", "The answer is a list of keywords rather than sentences.", -.4);
	return 0;
}

static int measure_examples(struct judge *judge, struct viva_grade_example *examples)
{
	const struct viva_answer *answer = judge->answer;
	for (size_t i = 0; i < answer->graded_answer_count; i++) {
		const struct viva_graded_answer *graded = &answer->graded_answers[i];
		struct viva_error cause = {0};
		if (!(graded->points >= 0 && graded->points <= 1))
			return viva_fail(judge->error, VIVA_EFIELD, "graded_answers",
					 "the points of a graded answer must be between 0 and 1");
		int code = viva_grade_measure_cached(judge->language->graded, judge->language->embedder,
						     answer->question, answer->reference_answer, graded->text,
						     judge->arena, &examples[i].features, &cause);
		if (code == VIVA_EFIELD && strcmp(cause.field, "transcript") == 0)
			return viva_fail(judge->error, code, "graded_answers", "a graded answer is not valid UTF-8");
		if (code != 0)
			return viva_fail(judge->error, code, cause.field, "%s", viva_error_message(&cause));
		examples[i].points = graded->points;
	}
	return 0;
}

// The answer as it is compared with the reference: without what the question has said, and each sentence once.
static struct viva_bytes own_words(const struct judge *judge)
{
	const char *text = viva_arena_text(judge->arena, "", 0);
	for (size_t i = 0; text && i < judge->essence.count; i++) {
		struct viva_bytes sentence = judge->essence.sentences[i].text;
		text = viva_arena_printf(judge->arena, "%s%s%.*s", text, i > 0 ? " " : "", (int)sentence.size,
					 (const char *)sentence.data);
	}
	return text ? viva_bytes_of_text(text) : (struct viva_bytes){0};
}

static int judge_correctness(struct judge *judge)
{
	const struct viva_answer *answer = judge->answer;
	const struct viva_grade_model *model = &judge->language->grading;
	if (answer->reference_answer.size == 0)
		return 0;
	struct viva_bytes transcript = judge->essence.copied_share > 0 ? own_words(judge) : answer->transcript;
	struct viva_grade_features features;
	struct viva_grade_example *examples =
		viva_arena_alloc(judge->arena, (answer->graded_answer_count + 1) * sizeof *examples);
	if (!examples || !transcript.data)
		return VIVA_ENOMEM;
	int code = viva_grade_measure(judge->language->embedder, answer->question, answer->reference_answer, transcript,
				      judge->arena, &features, judge->error);
	if (code == 0)
		code = measure_examples(judge, examples);
	if (code != 0)
		return code;
	judge->analysis->has_correctness = true;
	// Graders have seen attempts at the question only: neither what is left of a copied question nor what is about
	// something else altogether.
	double nearest = fmax(fmax(features.values[VIVA_GRADE_COSINE], features.values[VIVA_GRADE_QUESTION_COSINE]),
			      features.values[VIVA_GRADE_MEANING_RECALL]);
	double attempt = clamp((nearest - FOREIGN) / (ATTEMPT - FOREIGN));
	if (judge->essence.copied_share >= COPIED_SHARE)
		attempt *= clamp((double)judge->essence.content_words / MIN_CONTENT_WORDS);
	if (judge->essence.content_words > 0)
		judge->analysis->correctness =
			attempt * viva_grade_points_adapted(model, &features, examples, answer->graded_answer_count);
	return 0;
}

static int find_story(struct judge *judge)
{
	struct viva_answer_analysis *analysis = judge->analysis;
	analysis->is_story = judge->answer->asks_for_story && analysis->features.words >= MIN_STORY_WORDS;
	if (!analysis->is_story)
		return 0;
	size_t found[VIVA_STORY_PARTS];
	viva_story_find(&judge->text, found);
	for (size_t part = 0; part < VIVA_STORY_PARTS; part++) {
		if (found[part] == judge->text.sentence_count)
			continue;
		int code = quote(judge, found[part], &analysis->story[part]);
		if (code != 0)
			return code;
	}
	return 0;
}

static double clarity_of(const struct judge *judge)
{
	struct viva_features features = judge->analysis->features;
	features.telling_words = judge->on_topic.words;
	features.function_share = judge->on_topic.function_share;
	return viva_features_clarity(&features);
}

static int judge_content(struct judge *judge)
{
	struct viva_answer_analysis *analysis = judge->analysis;
	analysis->has_relevance = judge->question.word_count > 0;
	int code = viva_essence_extract(&judge->text, &judge->question, judge->arena, &judge->essence);
	if (code == 0)
		code = embed_answer(judge);
	if (code == 0)
		code = viva_rubric_match(&judge->rubric, &judge->text, &judge->question, &judge->essence, judge->arena);
	if (code != 0)
		return code;
	analysis->has_points = judge->rubric.count > 0;
	analysis->coverage = judge->rubric.coverage;
	analysis->points = judge->rubric.findings;
	analysis->point_count = judge->rubric.count;

	if (judge->essence.copied_share >= COPIED_SHARE)
		remark(judge, "question_copy", "Most of the answer repeats the question word for word.", -.8);
	else if (judge->essence.content_words < MIN_CONTENT_WORDS && !judge->is_declined)
		remark(judge, "too_short", "The answer is too short to say much.", -.5);
	if (judge->essence.order_count > 0)
		remark(judge, "addressed_to_judge",
		       "What speaks to whoever judges the answer was not counted as part of it.", 0);
	judge_relevance(judge);
	judge->analysis->clarity = clarity_of(judge);
	code = judge_depth(judge);
	if (code == 0)
		code = judge_correctness(judge);
	if (code == 0)
		code = find_story(judge);
	if (code == 0 && judge->essence.count > 0)
		code = viva_keyphrases(judge->language->embedder, &judge->text, &judge->about, VIVA_ANSWER_MAX_KEYWORDS,
				       judge->arena, &analysis->keywords, &analysis->keyword_count, judge->error);
	return code;
}

static int judge_answer(struct judge *judge)
{
	struct viva_answer_analysis *analysis = judge->analysis;
	int code = read_texts(judge);
	if (code == 0)
		code = check_scorable(judge);
	if (code == 0 && analysis->unscorable == VIVA_SCORABLE) {
		viva_features_measure(&judge->text, judge->answer->seconds, &analysis->features);
		judge->is_declined = viva_text_declines(&judge->text);
		if (analysis->features.words == 0)
			remark(judge, "no_answer", "No answer was given.", -1);
		else if (judge->is_declined)
			remark(judge, "no_answer", "The answer only says that there is none.", -1);
		if (judge->text.is_capped)
			remark(judge, "capped", "Only the first 50,000 characters were read.", 0);
		code = judge_content(judge);
	}
	if (code != 0)
		return code;
	analysis->feedback = viva_feedback_write(analysis, judge->arena);
	return analysis->feedback ? 0 : VIVA_ENOMEM;
}

int viva_language_analyze(struct viva_language *language, const struct viva_answer *answer, struct viva_arena *arena,
			  struct viva_answer_analysis *ret_analysis, struct viva_error *error)
{
	if (answer->reference_point_count > VIVA_ANSWER_MAX_POINTS)
		return viva_fail(error, VIVA_EFIELD, "reference_points", "there are more than %d reference points",
				 VIVA_ANSWER_MAX_POINTS);
	if (answer->graded_answer_count > VIVA_ANSWER_MAX_GRADED)
		return viva_fail(error, VIVA_EFIELD, "graded_answers", "there are more than %d graded answers",
				 VIVA_ANSWER_MAX_GRADED);
	struct viva_answer_analysis analysis = {.reason = "", .feedback = ""};
	struct judge *judge = viva_arena_alloc(arena, sizeof *judge);
	if (!judge)
		return VIVA_ENOMEM;
	*judge = (struct judge){
		.language = language, .answer = answer, .arena = arena, .analysis = &analysis, .error = error};
	int code = judge_answer(judge);
	if (code == 0)
		*ret_analysis = analysis;
	return code;
}
