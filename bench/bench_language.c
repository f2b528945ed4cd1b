// SPDX-License-Identifier: Apache-2.0
//
// viva-bench-language MODEL_DIR QUESTIONS            times an answer of 200 words; one JSON object
// viva-bench-language MODEL_DIR QUESTIONS --analyze  judges one {"question","answer","points"?,"narrative"?} a line of
// stdin
//
// viva-bench-language MODEL_DIR --embed              embeds {"texts":[…],"batch"} of each line of stdin, in one call or
// one
//                                                   by one; writes {"ms","cpu_ms","rss_mb","first": the first vector}
//
// The second is for measuring the judgement against human grades.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "language/analyze.h"
#include "language/embed.h"
#include "questions/question_bank.h"

enum { ROUNDS = 40, MAX_LINE = 1 << 20 };

static const char question[] = "What is the difference between a process and a thread, and when would you use each?";
static const char answer[] =
	"A process is a running program with its own address space, its own open files and its own security context. "
	"The operating system isolates it from the others, so when one process crashes, the rest of the machine goes "
	"on. "
	"A thread is a path of execution inside a process. All threads of a process share its memory and its files, "
	"and "
	"each thread has only its own stack and registers. Because nothing has to be copied or mapped anew, a thread "
	"is "
	"created faster than a process, and switching between threads costs less as well. The price is that shared "
	"data "
	"needs care: two threads that change the same variable race with each other, so I use locks, atomics or "
	"message "
	"queues. In my last project we had a server with one process per core, and each ran a small pool of threads. A "
	"request that crashed took down only one of eight processes, and the supervisor restarted it within 200 "
	"milliseconds. For plugins from third parties I would choose processes, since isolation matters more there "
	"than "
	"speed. For a calculation over one large matrix in memory I would choose threads, because copying 4 gigabytes "
	"between processes would take longer than the calculation itself. Events and coroutines are a third way when "
	"most "
	"of the time is spent waiting for the network.";

static double now_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
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

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static int bench(struct viva_language *language, const struct viva_question_bank *bank, struct viva_error *error)
{
	const struct viva_question *known = viva_question_bank_find_key(bank, "process-and-thread");
	double wall[ROUNDS];
	double cpu[ROUNDS];
	for (size_t i = 0; i < ROUNDS + 5; i++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		struct viva_answer_analysis analysis;
		struct viva_answer input = {.question = viva_bytes_of_text(question),
					    .transcript = viva_bytes_of_text(answer),
					    .seconds = 80};
		if (known) {
			input.reference_points = known->reference_points;
			input.reference_point_count = known->reference_point_count;
		}
		int code = viva_arena_create(0, &arena);
		double wall_began = now_ms(CLOCK_MONOTONIC);
		double cpu_began = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		if (code == 0)
			code = viva_language_analyze(language, &input, arena, &analysis, error);
		if (code != 0)
			return code;
		if (i < 5)
			continue;  // shapes and caches are warm after a few
		wall[i - 5] = now_ms(CLOCK_MONOTONIC) - wall_began;
		cpu[i - 5] = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_began;
	}
	qsort(wall, ROUNDS, sizeof *wall, compare);
	qsort(cpu, ROUNDS, sizeof *cpu, compare);
	printf("{\"answer_ms_p50\":%.1f,\"answer_cpu_ms_p50\":%.1f,\"rss_mb\":%.0f}\n", wall[ROUNDS / 2],
	       cpu[ROUNDS / 2], resident_mb());
	return 0;
}

static json_t *as_json(const struct viva_answer_analysis *analysis)
{
	json_t *json =
		json_pack("{s:b,s:f,s:f,s:f,s:f,s:s,s:s}", "scorable", analysis->unscorable == VIVA_SCORABLE,
			  "relevance", analysis->relevance, "clarity", analysis->clarity, "depth", analysis->depth,
			  "coverage", analysis->coverage, "feedback", analysis->feedback, "reason", analysis->reason);
	json_t *keywords = json_array();
	for (size_t i = 0; i < analysis->keyword_count; i++)
		json_array_append_new(keywords, json_string(analysis->keywords[i]));
	json_object_set_new(json, "keywords", keywords);
	json_t *points = json_array();
	for (size_t i = 0; i < analysis->point_count; i++)
		json_array_append_new(points, json_pack("{s:s,s:s,s:f,s:s}", "text", analysis->points[i].text, "status",
							viva_point_status_text(analysis->points[i].status),
							"similarity", analysis->points[i].similarity, "evidence",
							analysis->points[i].evidence));
	json_object_set_new(json, "points", points);
	json_t *remarks = json_array();
	for (size_t i = 0; i < analysis->remark_count; i++)
		json_array_append_new(remarks, json_string(analysis->remarks[i].code));
	json_object_set_new(json, "remarks", remarks);
	return json;
}

static int analyze_line(struct viva_language *language, const char *line, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON json = NULL;
	const char *asked = "";
	const char *said = "";
	json_t *points = NULL;
	struct viva_answer input = {0};
	int code = viva_arena_create(0, &arena);
	if (code == 0)
		code = viva_json_parse_object(viva_bytes_of_text(line), MAX_LINE, &json, error);
	if (code == 0)
		code = viva_json_get_text(json, "question", true, 0, MAX_LINE, &asked, error);
	if (code == 0)
		code = viva_json_get_text(json, "answer", true, 0, MAX_LINE, &said, error);
	if (code == 0)
		code = viva_json_get_array(json, "points", false, VIVA_ANSWER_MAX_POINTS, &points, error);
	if (code != 0)
		return code;
	const char *texts[VIVA_ANSWER_MAX_POINTS];
	input.reference_point_count = json_array_size(points);
	for (size_t i = 0; i < input.reference_point_count; i++)
		texts[i] = json_string_value(json_array_get(points, i));
	input.reference_points = texts;
	input.question = viva_bytes_of_text(asked);
	input.transcript = viva_bytes_of_text(said);
	input.is_narrative = json_is_true(json_object_get(json, "narrative"));
	input.seconds = json_number_value(json_object_get(json, "seconds"));

	struct viva_answer_analysis analysis;
	code = viva_language_analyze(language, &input, arena, &analysis, error);
	if (code != 0)
		return code;
	VIVA_AUTO_JSON out = as_json(&analysis);
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	return 0;
}

static int analyze_lines(struct viva_language *language, struct viva_error *error)
{
	char *line = NULL;
	size_t capacity = 0;
	int code = 0;
	while (code == 0 && getline(&line, &capacity, stdin) > 0)
		code = analyze_line(language, line, error);
	free(line);
	return code;
}

static int embed_texts(struct viva_embedder *embedder, const struct viva_bytes *texts, size_t count, bool is_batch,
		       struct viva_arena *arena, struct viva_embedding *vectors, struct viva_error *error)
{
	if (is_batch)
		return viva_embed(embedder, texts, count, arena, vectors, error);
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++)
		code = viva_embed(embedder, &texts[i], 1, arena, &vectors[i], error);
	return code;
}

static int embed_line(struct viva_embedder *embedder, const char *line, struct viva_error *error)
{
	enum { MAX_TEXTS = 256 };
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON json = NULL;
	json_t *list = NULL;
	struct viva_bytes texts[MAX_TEXTS];
	int code = viva_arena_create(0, &arena);
	if (code == 0)
		code = viva_json_parse_object(viva_bytes_of_text(line), MAX_LINE, &json, error);
	if (code == 0)
		code = viva_json_get_array(json, "texts", true, MAX_TEXTS, &list, error);
	if (code != 0)
		return code;
	size_t count = json_array_size(list);
	struct viva_embedding *vectors = viva_arena_alloc(arena, (count + 1) * sizeof *vectors);
	if (!vectors)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *text = json_array_get(list, i);
		texts[i] = viva_bytes_of(json_string_value(text), json_string_length(text));
	}
	double began = now_ms(CLOCK_MONOTONIC);
	double cpu_began = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	code = embed_texts(embedder, texts, count, json_is_true(json_object_get(json, "batch")), arena, vectors, error);
	if (code != 0)
		return code;
	double ms = now_ms(CLOCK_MONOTONIC) - began;
	double cpu_ms = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_began;
	json_t *first = json_array();
	for (size_t i = 0; i < VIVA_EMBEDDING_SIZE && count > 0; i++)
		json_array_append_new(first, json_real((double)vectors[0].values[i]));
	VIVA_AUTO_JSON out =
		json_pack("{s:f,s:f,s:f,s:o}", "ms", ms, "cpu_ms", cpu_ms, "rss_mb", resident_mb(), "first", first);
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	return 0;
}

static int embed_lines(const char *model_directory, struct viva_error *error)
{
	VIVA_AUTO(viva_embedder) embedder = NULL;
	struct viva_embedder_options options = viva_embedder_defaults();
	options.model_directory = model_directory;
	options.max_concurrent = 1;
	int code = viva_embedder_open(&options, &embedder, error);
	char *line = NULL;
	size_t capacity = 0;
	while (code == 0 && getline(&line, &capacity, stdin) > 0)
		code = embed_line(embedder, line, error);
	free(line);
	return code;
}

static int run(const char *model_directory, const char *questions, bool is_bench, struct viva_error *error)
{
	VIVA_AUTO(viva_question_bank) bank = NULL;
	VIVA_AUTO(viva_language) language = NULL;
	int code = viva_question_bank_open(questions, &bank, error);
	if (code != 0)
		return code;
	size_t count = viva_question_bank_question_count(bank);
	struct viva_background_question *background = calloc(count + 1, sizeof *background);
	if (!background)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct viva_question *other = viva_question_bank_question_at(bank, i);
		background[i] = (struct viva_background_question){.text = other->text,
								  .points = other->reference_points,
								  .point_count = other->reference_point_count};
	}
	struct viva_language_options options = viva_language_defaults();
	options.model_directory = model_directory;
	options.background = background;
	options.background_count = count;
	code = viva_language_open(&options, &language, error);
	free(background);
	if (code != 0)
		return code;
	return is_bench ? bench(language, bank, error) : analyze_lines(language, error);
}

int main(int argument_count, char **arguments)
{
	bool analyzes = argument_count == 4 && strcmp(arguments[3], "--analyze") == 0;
	bool embeds = argument_count == 3 && strcmp(arguments[2], "--embed") == 0;
	if (argument_count != 3 && !analyzes) {
		fputs("usage: viva-bench-language MODEL_DIR QUESTIONS [--analyze <ANSWERS.jsonl]\n"
		      "       viva-bench-language MODEL_DIR --embed <TEXTS.jsonl\n",
		      stderr);
		return 2;
	}
	struct viva_error error = {0};
	int code = embeds ? embed_lines(arguments[1], &error) : run(arguments[1], arguments[2], !analyzes, &error);
	if (code != 0)
		fprintf(stderr, "viva-bench-language: %s\n", viva_error_message(&error));
	return code != 0;
}
