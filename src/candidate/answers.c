// SPDX-License-Identifier: Apache-2.0
#include "candidate/answers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

enum { MAX_FILE = 4 << 20, MAX_ANSWERS = 1000, MAX_TRANSCRIPT = 20000, MAX_NAME = 128, MAX_DURATION_S = 36000 };

struct entry {
	struct candidate_answer answer;
	const char *question_id, *key, *category;  // NULL = for any
	bool is_used;
};

struct candidate_answers {
	json_t *root;  // holds the texts
	struct entry entries[MAX_ANSWERS];
	size_t count;
};

static int add(struct candidate_answers *answers, const json_t *object, struct viva_error *error)
{
	struct entry entry = {.answer = {.duration = 30, .confidence = -1}};
	struct viva_error cause = {0};
	json_t *segments = NULL;
	if (answers->count == MAX_ANSWERS)
		return viva_fail(error, VIVA_EUSAGE, NULL, "there are more than %d answers", (int)MAX_ANSWERS);
	int result = json_is_object(object) ? viva_json_get_text(object, "transcript", true, 1, MAX_TRANSCRIPT,
								 &entry.answer.transcript, &cause)
					    : viva_fail(&cause, VIVA_EUSAGE, NULL, "not a JSON object");
	if (result == 0)
		result = viva_json_get_double(object, "duration", false, 0, MAX_DURATION_S, &entry.answer.duration,
					      &cause);
	if (result == 0)
		result = viva_json_get_double(object, "confidence", false, 0, 1, &entry.answer.confidence, &cause);
	if (result == 0)
		result = viva_json_get_array(object, "segments", false, SIZE_MAX, &segments, &cause);
	if (result == 0)
		result = viva_json_get_text(object, "question_id", false, 1, MAX_NAME, &entry.question_id, &cause);
	if (result == 0)
		result = viva_json_get_text(object, "key", false, 1, MAX_NAME, &entry.key, &cause);
	if (result == 0)
		result = viva_json_get_text(object, "category", false, 1, MAX_NAME, &entry.category, &cause);
	if (result < 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "answer %zu: %.200s", answers->count + 1,
				 viva_error_message(&cause));
	entry.answer.segments = segments;
	answers->entries[answers->count++] = entry;
	return 0;
}

static int add_all(struct candidate_answers *answers, const json_t *array, struct viva_error *error)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		int result = add(answers, json_array_get(array, i), error);
		if (result < 0)
			return result;
	}
	return 0;
}

// One JSON object a line; empty lines are nothing. The objects are kept alive in `root`.
static int add_lines(struct candidate_answers *answers, struct viva_bytes text, struct viva_error *error)
{
	const char *at = (const char *)text.data;
	const char *end = at + text.size;
	answers->root = json_array();
	for (size_t line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t size = (size_t)((stop ? stop : end) - at);
		bool is_empty = strspn(at, " \t\r") >= size;
		json_t *object = NULL;
		struct viva_error cause = {0};
		if (!is_empty && viva_json_parse(viva_bytes_of(at, size), MAX_FILE, &object, &cause) < 0)
			return viva_fail(error, VIVA_EUSAGE, NULL, "line %zu: %.200s", line,
					 viva_error_message(&cause));
		if (object && json_array_append_new(answers->root, object) < 0)
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answers");
		at += size + 1;
	}
	return add_all(answers, answers->root, error);
}

static int read_answers(struct candidate_answers *answers, struct viva_bytes text, struct viva_error *error)
{
	struct viva_error cause = {0};
	json_t *root = NULL;
	int result = viva_json_parse(text, MAX_FILE, &root, &cause);
	const json_t *list = json_is_array(root) ? root : json_object_get(root, "answers");
	if (result == 0 && json_is_array(list)) {
		answers->root = root;
		return add_all(answers, list, error);
	}
	bool is_single = result == 0 && json_object_get(root, "transcript");
	json_decref(root);
	if (result == 0 && !is_single)
		return viva_fail(error, VIVA_EUSAGE, NULL, "it holds neither a list of answers nor an answer a line");
	// Several objects, one a line, are no JSON value as a whole.
	const char *newline = memchr(text.data, '\n', text.size);
	if (result < 0 && (!newline || ((const char *)text.data)[0] != '{'))
		return viva_fail(error, VIVA_EUSAGE, NULL, "%.200s", viva_error_message(&cause));
	return add_lines(answers, text, error);
}

int candidate_answers_parse(struct viva_bytes text, struct candidate_answers **ret_answers, struct viva_error *error)
{
	VIVA_AUTO(candidate_answers) answers = calloc(1, sizeof *answers);
	VIVA_AUTO_FREE char *copy = malloc(text.size + 1);
	if (!answers || !copy)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answers");
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	int result = read_answers(answers, viva_bytes_of(copy, text.size), error);
	if (result < 0)
		return result;
	if (answers->count == 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "it holds no answer");
	*ret_answers = viva_take(&answers);
	return 0;
}

int candidate_answers_open(const char *path, struct candidate_answers **ret_answers, struct viva_error *error)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	struct viva_error cause = {0};
	int result = viva_file_read(path, MAX_FILE, &text, &size);
	if (result < 0)
		return viva_fail(error, VIVA_EUSAGE, "answers", "the answers %.160s can't be read: %s", path,
				 result == VIVA_ELIMIT ? "the file is too large" : strerror(errno));
	result = candidate_answers_parse(viva_bytes_of(text, size), ret_answers, &cause);
	if (result < 0)
		return viva_fail(error, result, "answers", "the answers in %.100s: %.140s", path,
				 viva_error_message(&cause));
	return 0;
}

struct candidate_answers *candidate_answers_destroy(struct candidate_answers *answers)
{
	if (!answers)
		return NULL;
	json_decref(answers->root);
	free(answers);
	return NULL;
}

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

// How well an answer suits the question: the higher the better.
static int fitness(const struct entry *entry, const char *question_id, const char *key, const char *category)
{
	if (is_same(entry->question_id, question_id) || is_same(entry->key, key))
		return 4;
	if (!entry->question_id && !entry->key && is_same(entry->category, category))
		return 3;
	if (!entry->question_id && !entry->key && !entry->category)
		return 2;
	return 1;
}

struct candidate_answer candidate_answers_take(struct candidate_answers *answers, const char *question_id,
					       const char *key, const char *category)
{
	struct entry *best = NULL;
	while (!best) {
		for (size_t i = 0; i < answers->count; i++) {
			struct entry *entry = &answers->entries[i];
			bool is_better = !best || fitness(entry, question_id, key, category) >
							  fitness(best, question_id, key, category);
			if (!entry->is_used && is_better)
				best = entry;
		}
		for (size_t i = 0; i < answers->count && !best; i++)
			answers->entries[i].is_used = false;
	}
	best->is_used = true;
	return best->answer;
}
