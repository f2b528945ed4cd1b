// SPDX-License-Identifier: Apache-2.0
//
// viva-eval-language MODEL_DIR MODE <QUESTIONS.jsonl >ANSWERS.jsonl
//
// What eval/eval_language.py and tools/train/grading.py ask of the language library: one JSON object a line in, one
// out. MODE is
//   features    {"question","reference","answer"} → {"features":{name:…},"declines"}: what the grading model measures
//   grade       {"question","reference","answers":[…],"points":[…],"graded":[[index,…],…],"model"?} → {"points":[…],
//               "untrained":[…],"adapted":[[…],…]}: graded as without, and with the named answers' points (0–1) known;
//               by the model of that line, or the shipped one
//   relevance   the first line {"questions":[…],"references":[…]} is the bank; then {"question","reference","answer"} →
//               {"relevance"}; the reference answer is the question's one reference point
//   keyphrases  {"text"} → {"phrases":[…],"stems":[…]}
//   stems       {"texts":[…]} → {"stems":[…]}: each text's words as the stems by which phrases are compared
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "language/analyze.h"
#include "language/grade.h"
#include "language/keyphrases.h"

enum { MAX_LINE = 1 << 20, PHRASES = 10, MAX_ANSWERS = 10000 };

struct driver {
	const char *model_directory;
	struct viva_embedder *embedder;
	struct viva_language *language;  // of relevance
	struct viva_arena *arena;        // of the line
	struct viva_error *error;
	const json_t *in;
	json_t *out;
};

static int get(const struct driver *driver, const char *name, struct viva_bytes *ret_text)
{
	const char *text = NULL;
	int code = viva_json_get_text(driver->in, name, true, 0, MAX_LINE, &text, driver->error);
	if (code == 0)
		*ret_text = viva_bytes_of_text(text);
	return code;
}

static int answer_features(struct driver *driver)
{
	struct viva_bytes question, reference, answer;
	struct viva_grade_features features;
	int code = get(driver, "question", &question);
	if (code == 0)
		code = get(driver, "reference", &reference);
	if (code == 0)
		code = get(driver, "answer", &answer);
	if (code == 0)
		code = viva_grade_measure(driver->embedder, question, reference, answer, driver->arena, &features,
					  driver->error);
	if (code != 0)
		return code;
	json_t *values = json_object();
	for (int i = 0; i < VIVA_GRADE_FEATURES; i++)
		json_object_set_new(values, viva_grade_feature_name((enum viva_grade_feature)i),
				    json_real(features.values[i]));
	json_object_set_new(driver->out, "declines", json_boolean(features.declines));
	return json_object_set_new(driver->out, "features", values) == 0 ? 0 : VIVA_ENOMEM;
}

// All answers to one question.
struct graded_question {
	struct viva_bytes question, reference;
	json_t *answers, *points, *draws;
	struct viva_grade_model model;
	struct viva_grade_features *features;
	size_t count;
};

static int read_question(struct driver *driver, struct graded_question *asked)
{
	json_t *model = NULL;
	int code = get(driver, "question", &asked->question);
	if (code == 0)
		code = get(driver, "reference", &asked->reference);
	if (code == 0)
		code = viva_json_get_array(driver->in, "answers", true, MAX_ANSWERS, &asked->answers, driver->error);
	if (code == 0)
		code = viva_json_get_array(driver->in, "points", true, MAX_ANSWERS, &asked->points, driver->error);
	if (code == 0)
		code = viva_json_get_array(driver->in, "graded", true, MAX_ANSWERS, &asked->draws, driver->error);
	if (code == 0)
		code = viva_json_get_object(driver->in, "model", false, &model, driver->error);
	if (code != 0)
		return code;
	asked->count = json_array_size(asked->answers);
	asked->features = viva_arena_alloc(driver->arena, (asked->count + 1) * sizeof *asked->features);
	const char *text = model ? viva_json_text(driver->arena, model) : "";
	if (!asked->features || !text)
		return VIVA_ENOMEM;
	return model ? viva_grade_model_parse(viva_bytes_of_text(text), &asked->model, driver->error)
		     : viva_grade_model_shipped(&asked->model, driver->error);
}

static json_t *adapt(const struct graded_question *asked, const json_t *draw)
{
	struct viva_grade_example examples[VIVA_GRADE_MAX_EXAMPLES];
	size_t count = VIVA_MIN(json_array_size(draw), (size_t)VIVA_GRADE_MAX_EXAMPLES);
	for (size_t i = 0; i < count; i++) {
		size_t index = (size_t)json_integer_value(json_array_get(draw, i));
		if (index >= asked->count)
			return json_null();
		examples[i].features = asked->features[index];
		examples[i].points = json_number_value(json_array_get(asked->points, index));
	}
	json_t *adapted = json_array();
	for (size_t i = 0; i < asked->count; i++)
		json_array_append_new(adapted, json_real(viva_grade_points_adapted(&asked->model, &asked->features[i],
										   examples, count)));
	return adapted;
}

static int answer_grade(struct driver *driver)
{
	struct graded_question asked = {0};
	int code = read_question(driver, &asked);
	json_t *points = json_array();
	json_t *untrained = json_array();
	json_t *adapted = json_array();
	json_object_set_new(driver->out, "points", points);
	json_object_set_new(driver->out, "untrained", untrained);
	json_object_set_new(driver->out, "adapted", adapted);
	for (size_t i = 0; code == 0 && i < asked.count; i++) {
		const json_t *text = json_array_get(asked.answers, i);
		struct viva_bytes answer = viva_bytes_of(json_string_value(text), json_string_length(text));
		code = viva_grade_measure(driver->embedder, asked.question, asked.reference, answer, driver->arena,
					  &asked.features[i], driver->error);
		json_array_append_new(points, json_real(viva_grade_points(&asked.model, &asked.features[i])));
		json_array_append_new(untrained, json_real(viva_grade_untrained(&asked.features[i])));
	}
	for (size_t i = 0; code == 0 && i < json_array_size(asked.draws); i++)
		json_array_append_new(adapted, adapt(&asked, json_array_get(asked.draws, i)));
	return code;
}

static int open_language(struct driver *driver)
{
	json_t *questions = NULL;
	int code = viva_json_get_array(driver->in, "questions", true, MAX_ANSWERS, &questions, driver->error);
	if (code != 0)
		return code;
	size_t count = json_array_size(questions);
	json_t *references = NULL;
	code = viva_json_get_array(driver->in, "references", true, MAX_ANSWERS, &references, driver->error);
	if (code != 0)
		return code;
	struct viva_background_question *bank = viva_arena_alloc(driver->arena, (count + 1) * sizeof *bank);
	const char **points = viva_arena_alloc(driver->arena, (count + 1) * sizeof *points);
	if (!bank || !points)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		points[i] = json_string_value(json_array_get(references, i));
		bank[i] = (struct viva_background_question){.text = json_string_value(json_array_get(questions, i)),
							    .points = &points[i],
							    .point_count = points[i] != NULL};
	}
	struct viva_language_options options = viva_language_defaults();
	options.model_directory = driver->model_directory;
	options.background = bank;
	options.background_count = count;
	return viva_language_open(&options, &driver->language, driver->error);
}

static int answer_relevance(struct driver *driver)
{
	if (!driver->language)
		return open_language(driver);
	struct viva_answer input = {0};
	struct viva_answer_analysis analysis;
	const char *reference = NULL;
	int code = get(driver, "question", &input.question);
	if (code == 0)
		code = get(driver, "answer", &input.transcript);
	if (code == 0)
		code = viva_json_get_text(driver->in, "reference", true, 0, MAX_LINE, &reference, driver->error);
	input.reference_points = &reference;
	input.reference_point_count = 1;
	if (code == 0)
		code = viva_language_analyze(driver->language, &input, driver->arena, &analysis, driver->error);
	if (code == 0)
		json_object_set_new(driver->out, "relevance", json_real(analysis.relevance));
	return code;
}

// A text's words as stems, with single spaces.
static int stem_text(struct viva_bytes input, struct viva_arena *arena, json_t *list)
{
	struct viva_text text;
	int code = viva_text_read(input, MAX_LINE, arena, &text);
	const char *stems = viva_arena_text(arena, "", 0);
	for (size_t i = 0; code == 0 && stems && i < text.word_count; i++)
		stems = viva_arena_printf(arena, "%s%s%s", stems, i == 0 ? "" : " ", text.words[i].stem);
	if (code == 0 && stems)
		json_array_append_new(list, json_string(stems));
	return code;
}

static int answer_keyphrases(struct driver *driver)
{
	struct viva_bytes input;
	struct viva_text text;
	struct viva_embedding about;
	const char *const *phrases = NULL;
	size_t count = 0;
	int code = get(driver, "text", &input);
	if (code == 0)
		code = viva_text_read(input, MAX_LINE, driver->arena, &text);
	if (code == 0)
		code = viva_embed(driver->embedder, &input, 1, driver->arena, &about, driver->error);
	if (code == 0)
		code = viva_keyphrases(driver->embedder, &text, &about, PHRASES, driver->arena, &phrases, &count,
				       driver->error);
	json_t *list = json_array();
	json_t *stems = json_array();
	json_object_set_new(driver->out, "phrases", list);
	json_object_set_new(driver->out, "stems", stems);
	for (size_t i = 0; code == 0 && i < count; i++) {
		json_array_append_new(list, json_string(phrases[i]));
		code = stem_text(viva_bytes_of_text(phrases[i]), driver->arena, stems);
	}
	return code;
}

static int answer_stems(struct driver *driver)
{
	json_t *texts = NULL;
	json_t *list = json_array();
	json_object_set_new(driver->out, "stems", list);
	int code = viva_json_get_array(driver->in, "texts", true, MAX_ANSWERS, &texts, driver->error);
	for (size_t i = 0; code == 0 && i < json_array_size(texts); i++) {
		const json_t *text = json_array_get(texts, i);
		code = stem_text(viva_bytes_of(json_string_value(text), json_string_length(text)), driver->arena, list);
	}
	return code;
}

static const struct mode {
	const char *name;
	int (*answer)(struct driver *driver);
} modes[] = {{"features", answer_features},
	     {"grade", answer_grade},
	     {"relevance", answer_relevance},
	     {"keyphrases", answer_keyphrases},
	     {"stems", answer_stems}};

static int answer_line(struct driver *driver, const struct mode *mode, const char *line)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON in = NULL;
	VIVA_AUTO_JSON out = json_object();
	int code = viva_arena_create(0, &arena);
	if (code == 0)
		code = viva_json_parse_object(viva_bytes_of_text(line), MAX_LINE, &in, driver->error);
	if (code != 0)
		return code;
	driver->arena = arena;
	driver->in = in;
	driver->out = out;
	code = mode->answer(driver);
	if (code == 0 && json_object_size(out) > 0 && json_dumpf(out, stdout, JSON_COMPACT) == 0)
		putchar('\n');
	return code;
}

static int answer_lines(struct driver *driver, const struct mode *mode)
{
	char *line = NULL;
	size_t capacity = 0;
	int code = 0;
	while (code == 0 && getline(&line, &capacity, stdin) > 0)
		code = answer_line(driver, mode, line);
	free(line);
	return code;
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < VIVA_COUNT(modes); i++) {
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	}
	return NULL;
}

int main(int argument_count, char **arguments)
{
	const struct mode *mode = argument_count == 3 ? find_mode(arguments[2]) : NULL;
	if (!mode) {
		fputs("usage: viva-eval-language MODEL_DIR features|grade|relevance|keyphrases|stems <IN.jsonl\n",
		      stderr);
		return 2;
	}
	struct viva_error error = {0};
	struct driver driver = {.error = &error, .model_directory = arguments[1]};
	struct viva_embedder_options options = viva_embedder_defaults();
	options.model_directory = arguments[1];
	options.max_concurrent = 1;
	options.cache_entries = 50000;
	int code = viva_embedder_open(&options, &driver.embedder, &error);
	if (code == 0)
		code = answer_lines(&driver, mode);
	viva_language_destroy(driver.language);
	viva_embedder_destroy(driver.embedder);
	if (code != 0)
		fprintf(stderr, "viva-eval-language: %s\n", viva_error_message(&error));
	return code != 0;
}
