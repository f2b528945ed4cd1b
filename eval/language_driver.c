// SPDX-License-Identifier: Apache-2.0
//
// viva-eval-language MODEL_DIR MODE <QUESTIONS.jsonl >ANSWERS.jsonl
//
// What eval/eval_language.py, bench/bench_language.py and tools/train/grading.py ask of the language library: one JSON
// object a line in, one out. MODE is
//   features    {"question","reference","answer"} → {"features":{name:…},"declines"}: what the grading model measures
//   grade       {"question","reference","answers":[…],"points":[…],"graded":[[index,…],…],"model"?} → {"points":[…],
//               "untrained":[…],"adapted":[[…],…]}: graded as without, and with the named answers' points (0–1) known;
//               by the model of that line, or the shipped one
//   relevance   the first line {"bank":[{"text","points":[…]},…]} opens the library with these questions → {"open_ms",
//               "open_cpu_ms"}; then {"question","points":[…],"narrative"?,"answer"} →
//               {"relevance","points":[status,…],"coverage","depth","clarity"}
//   time        as relevance, but with "rounds" and "reference_answer"? → {"ms":[…],"cpu_ms":[…],"rss_mb"}: of that
//   many analyses embed       {"texts":[…],"batch"} → {"ms","cpu_ms","rss_mb","first"}: embedded in one call or one by
//   one; the first
//               vector
//   keyphrases  {"text"} → {"phrases":[…],"stems":[…]}
//   stems       {"texts":[…]} → {"stems":[…]}: each text's words as the stems by which phrases are compared
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "language/analyze.h"
#include "language/grade.h"
#include "language/keyphrases.h"

enum { MAX_LINE = 1 << 20, PHRASES = 10, MAX_ANSWERS = 10000, MAX_TEXTS = 256, MAX_ROUNDS = 1000 };

struct driver {
	const char *model_directory;
	struct viva_embedder *embedder;
	struct viva_language *language;  // of relevance and time
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

struct stopwatch {
	double ms, cpu_ms;
};

static double clock_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct stopwatch start_stopwatch(void)
{
	return (struct stopwatch){.ms = clock_ms(CLOCK_MONOTONIC), .cpu_ms = clock_ms(CLOCK_PROCESS_CPUTIME_ID)};
}

static struct stopwatch read_stopwatch(const struct stopwatch *began)
{
	struct stopwatch now = start_stopwatch();
	return (struct stopwatch){.ms = now.ms - began->ms, .cpu_ms = now.cpu_ms - began->cpu_ms};
}

static double resident_mb(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long total = 0;
	long resident = 0;
	if (file && fscanf(file, "%ld %ld", &total, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * 4096 / 1e6;
}

static int get_points(const struct driver *driver, const json_t *json, const char *const **ret_points,
		      size_t *ret_count)
{
	json_t *points = NULL;
	int code = viva_json_get_array(json, "points", true, VIVA_ANSWER_MAX_POINTS, &points, driver->error);
	if (code != 0)
		return code;
	size_t count = json_array_size(points);
	const char **texts = viva_arena_alloc(driver->arena, (count + 1) * sizeof *texts);
	if (!texts)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		texts[i] = json_string_value(json_array_get(points, i));
		if (!texts[i])
			return viva_fail(driver->error, VIVA_EFIELD, "points", "a point must be a text");
	}
	*ret_points = texts;
	*ret_count = count;
	return 0;
}

static int open_language(struct driver *driver)
{
	json_t *questions = NULL;
	int code = viva_json_get_array(driver->in, "bank", true, MAX_ANSWERS, &questions, driver->error);
	if (code != 0)
		return code;
	size_t count = json_array_size(questions);
	struct viva_background_question *bank = viva_arena_alloc(driver->arena, (count + 1) * sizeof *bank);
	if (!bank)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count && code == 0; i++) {
		json_t *question = json_array_get(questions, i);
		code = viva_json_get_text(question, "text", true, 0, MAX_LINE, &bank[i].text, driver->error);
		if (code == 0)
			code = get_points(driver, question, &bank[i].points, &bank[i].point_count);
	}
	if (code != 0)
		return code;
	struct viva_language_options options = viva_language_defaults();
	options.model_directory = driver->model_directory;
	options.background = bank;
	options.background_count = count;
	struct stopwatch began = start_stopwatch();
	code = viva_language_open(&options, &driver->language, driver->error);
	struct stopwatch took = read_stopwatch(&began);
	json_object_set_new(driver->out, "open_ms", json_real(took.ms));
	json_object_set_new(driver->out, "open_cpu_ms", json_real(took.cpu_ms));
	return code;
}

static int read_answer(struct driver *driver, struct viva_answer *ret_answer)
{
	struct viva_answer answer = {0};
	int code = get(driver, "question", &answer.question);
	if (code == 0)
		code = get(driver, "answer", &answer.transcript);
	if (code == 0)
		code = get_points(driver, driver->in, &answer.reference_points, &answer.reference_point_count);
	const char *reference = NULL;
	if (code == 0)
		code = viva_json_get_text(driver->in, "reference_answer", false, 0, MAX_LINE, &reference,
					  driver->error);
	if (code == 0 && reference)
		answer.reference_answer = viva_bytes_of_text(reference);
	answer.is_narrative = json_is_true(json_object_get(driver->in, "narrative"));
	if (code == 0)
		*ret_answer = answer;
	return code;
}

static int answer_relevance(struct driver *driver)
{
	if (!driver->language)
		return open_language(driver);
	struct viva_answer input;
	struct viva_answer_analysis analysis;
	int code = read_answer(driver, &input);
	if (code == 0)
		code = viva_language_analyze(driver->language, &input, driver->arena, &analysis, driver->error);
	if (code != 0)
		return code;
	json_t *points = json_array();
	for (size_t i = 0; i < analysis.point_count; i++)
		json_array_append_new(points, json_string(viva_point_status_text(analysis.points[i].status)));
	json_object_set_new(driver->out, "points", points);
	json_object_set_new(driver->out, "coverage", json_real(analysis.coverage));
	json_object_set_new(driver->out, "depth", json_real(analysis.depth));
	json_object_set_new(driver->out, "clarity", json_real(analysis.clarity));
	return json_object_set_new(driver->out, "relevance", json_real(analysis.relevance)) == 0 ? 0 : VIVA_ENOMEM;
}

static int answer_time(struct driver *driver)
{
	if (!driver->language)
		return open_language(driver);
	struct viva_answer input;
	int64_t rounds = 0;
	int code = read_answer(driver, &input);
	if (code == 0)
		code = viva_json_get_int(driver->in, "rounds", true, 1, MAX_ROUNDS, &rounds, driver->error);
	json_t *ms = json_array();
	json_t *cpu_ms = json_array();
	json_object_set_new(driver->out, "ms", ms);
	json_object_set_new(driver->out, "cpu_ms", cpu_ms);
	for (int64_t i = 0; i < rounds && code == 0; i++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		struct viva_answer_analysis analysis;
		struct stopwatch began = start_stopwatch();
		code = viva_arena_create(0, &arena);
		if (code == 0)
			code = viva_language_analyze(driver->language, &input, arena, &analysis, driver->error);
		struct stopwatch took = read_stopwatch(&began);
		json_array_append_new(ms, json_real(took.ms));
		json_array_append_new(cpu_ms, json_real(took.cpu_ms));
	}
	json_object_set_new(driver->out, "rss_mb", json_real(resident_mb()));
	return code;
}

static int answer_embed(struct driver *driver)
{
	json_t *list = NULL;
	struct viva_bytes texts[MAX_TEXTS];
	int code = viva_json_get_array(driver->in, "texts", true, MAX_TEXTS, &list, driver->error);
	if (code != 0)
		return code;
	size_t count = json_array_size(list);
	struct viva_embedding *vectors = viva_arena_alloc(driver->arena, (count + 1) * sizeof *vectors);
	if (!vectors)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *text = json_array_get(list, i);
		texts[i] = viva_bytes_of(json_string_value(text), json_string_length(text));
	}
	size_t together = json_is_true(json_object_get(driver->in, "batch")) ? VIVA_MAX(count, (size_t)1) : 1;
	struct stopwatch began = start_stopwatch();
	for (size_t i = 0; i < count && code == 0; i += together)
		code = viva_embed(driver->embedder, texts + i, together, driver->arena, vectors + i, driver->error);
	struct stopwatch took = read_stopwatch(&began);
	json_t *first = json_array();
	for (size_t i = 0; i < VIVA_EMBEDDING_SIZE && count > 0; i++)
		json_array_append_new(first, json_real((double)vectors[0].values[i]));
	json_object_set_new(driver->out, "first", first);
	json_object_set_new(driver->out, "ms", json_real(took.ms));
	json_object_set_new(driver->out, "cpu_ms", json_real(took.cpu_ms));
	json_object_set_new(driver->out, "rss_mb", json_real(resident_mb()));
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
} modes[] = {{"features", answer_features}, {"grade", answer_grade}, {"relevance", answer_relevance},
	     {"time", answer_time},         {"embed", answer_embed}, {"keyphrases", answer_keyphrases},
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
	fflush(stdout);  // the caller may wait for it
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
		fputs("usage: viva-eval-language MODEL_DIR features|grade|relevance|time|embed|keyphrases|stems "
		      "<IN.jsonl\n",
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
