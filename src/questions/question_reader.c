// SPDX-License-Identifier: Apache-2.0
#include "questions/question_reader.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	FORMAT = 1,
	MAX_NAME = 64,
	MAX_TEXT_BYTES = 1000,
	MAX_TITLE_BYTES = 200,
	MAX_REFERENCE_POINTS = 16,
	MAX_FOLLOW_UPS = 8,
	MAX_ANSWER_BYTES = 8000,  // of a reference answer, and of a graded one
};

// Where in the file the reader is, for its sentences.
struct reader {
	const char *path;
	struct viva_question_bank *bank;
	struct viva_error *error;
};

// Names the place of a failure that came without one: "questions.json: question 3: text must be …".
static int locate(const struct reader *reader, int code, const char *kind, size_t number, struct viva_error *cause)
{
	if (code == VIVA_ENOMEM)
		return code;
	return viva_fail(reader->error, code, cause->field, "%s: %s %zu: %s", reader->path, kind, number,
			 viva_error_message(cause));
}

static bool is_name(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return length > 0 && length <= MAX_NAME && text[length] == '\0';
}

static const char *keep(struct viva_question_bank *bank, const char *text)
{
	return viva_arena_text(bank->arena, text, strlen(text));
}

static int read_text(struct viva_question_bank *bank, const json_t *object, const char *name, size_t max_bytes,
		     const char **ret_text, struct viva_error *error)
{
	const char *text = NULL;
	int code = viva_json_get_text(object, name, true, 1, max_bytes, &text, error);
	if (code != 0)
		return code;
	*ret_text = keep(bank, text);
	return *ret_text ? 0 : VIVA_ENOMEM;
}

static int read_texts(struct viva_question_bank *bank, const json_t *object, const char *name, size_t max_items,
		      const char *const **ret_texts, size_t *ret_count, struct viva_error *error)
{
	json_t *array = NULL;
	int code = viva_json_get_array(object, name, false, max_items, &array, error);
	if (code != 0 || !array)
		return code;
	const char **texts = viva_arena_alloc(bank->arena, (json_array_size(array) + 1) * sizeof *texts);
	if (!texts)
		return VIVA_ENOMEM;
	size_t index;
	const json_t *item;
	json_array_foreach(array, index, item)
	{
		size_t size = json_string_length(item);
		if (!json_is_string(item) || size == 0 || size > MAX_TEXT_BYTES)
			return viva_fail(error, VIVA_EFIELD, name, "%s must hold texts of 1 to %d bytes", name,
					 MAX_TEXT_BYTES);
		texts[index] = keep(bank, json_string_value(item));
		if (!texts[index])
			return VIVA_ENOMEM;
	}
	*ret_texts = texts;
	*ret_count = json_array_size(array);
	return 0;
}

// Refuses members that the schema does not know, so that a misspelt one is not silently lost.
static int check_members(const json_t *object, const char *const *known, size_t known_count, struct viva_error *error)
{
	if (!json_is_object(object))
		return viva_fail(error, VIVA_EFIELD, NULL, "it must be an object");
	void *iterator = json_object_iter((json_t *)(uintptr_t)object);
	for (; iterator; iterator = json_object_iter_next((json_t *)(uintptr_t)object, iterator)) {
		const char *name = json_object_iter_key(iterator);
		bool is_known = false;
		for (size_t i = 0; i < known_count; i++)
			is_known |= strcmp(known[i], name) == 0;
		if (!is_known)
			return viva_fail(error, VIVA_EFIELD, name, "%s is not a known member", name);
	}
	return 0;
}

// FNV-1a.
static uint64_t hash_text(uint64_t hash, const char *text, bool ignores_case)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)(ignores_case ? tolower((unsigned char)*text) : *text)) * 1099511628211u;
	return hash;
}

// A UUID of version 8 (RFC 9562 §5.8) that is the same on each machine.
static void make_id(const char *owner, const char *text, char ret_id[VIVA_UUID_SIZE])
{
	uint64_t high = hash_text(hash_text(14695981039346656037u, owner, true), text, false);
	uint64_t low = hash_text(hash_text(high ^ UINT64_C(0x9e3779b97f4a7c15), text, false), owner, true);
	snprintf(ret_id, VIVA_UUID_SIZE, "%08" PRIx32 "-%04x-8%03x-%04x-%012" PRIx64, (uint32_t)(high >> 32),
		 (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff), (unsigned)(0x8000 | (low >> 48 & 0x3fff)),
		 low & UINT64_C(0xffffffffffff));
}

void viva_question_id_of_key(const char *key, char ret_id[VIVA_UUID_SIZE])
{
	make_id("key", key, ret_id);
}

static int name_follow_ups(struct viva_question_bank *bank, struct viva_question *question, struct viva_error *error)
{
	const char **ids = viva_arena_alloc(bank->arena, (question->follow_up_count + 1) * sizeof *ids);
	if (!ids)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < question->follow_up_count; i++) {
		char id[VIVA_UUID_SIZE];
		make_id(question->id, question->follow_ups[i], id);
		ids[i] = keep(bank, id);
		if (!ids[i])
			return VIVA_ENOMEM;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(ids[k], id) == 0)
				return viva_fail(error, VIVA_EFIELD, "follow_ups",
						 "follow_ups holds the same text twice");
		}
	}
	question->follow_up_ids = ids;
	return 0;
}

static int read_graded_answers(struct viva_question_bank *bank, const json_t *json, struct viva_question *question,
			       struct viva_error *error)
{
	static const char *const members[] = {"answer", "points"};
	json_t *array = NULL;
	int code = viva_json_get_array(json, "graded_answers", false, VIVA_QUESTION_MAX_GRADED, &array, error);
	if (code != 0 || json_array_size(array) == 0)
		return code;
	if (question->reference_answer[0] == '\0')
		return viva_fail(error, VIVA_EFIELD, "reference_answer",
				 "graded_answers say nothing without a reference_answer");
	struct viva_graded_example *graded = viva_arena_alloc(bank->arena, json_array_size(array) * sizeof *graded);
	if (!graded)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);
		struct viva_error cause = {0};
		code = check_members(item, members, VIVA_COUNT(members), &cause);
		if (code == 0)
			code = read_text(bank, item, "answer", MAX_ANSWER_BYTES, &graded[i].answer, &cause);
		if (code == 0)
			code = viva_json_get_double(item, "points", true, 0, 1, &graded[i].points, &cause);
		if (code == VIVA_ENOMEM)
			return code;
		if (code != 0)
			return viva_fail(error, code, "graded_answers", "graded_answers[%zu]: %s", i,
					 viva_error_message(&cause));
	}
	question->graded_answers = graded;
	question->graded_answer_count = json_array_size(array);
	return 0;
}

static int read_labels(struct viva_question_bank *bank, const json_t *json, struct viva_question *question,
		       struct viva_error *error)
{
	size_t count = 0;
	int code = read_texts(bank, json, "point_labels", MAX_REFERENCE_POINTS, &question->point_labels, &count, error);
	if (code != 0)
		return code;
	if (count == 0)
		question->point_labels = NULL;
	else if (count != question->reference_point_count)
		return viva_fail(error, VIVA_EFIELD, "point_labels",
				 "point_labels must have one for each of the reference_points, or none at all");
	return 0;
}

static int check_names(const struct viva_question *question, struct viva_error *error)
{
	static const char *const categories[] = {"introduction", "behavioural", "technical", "situational"};
	if (!viva_uuid_is_valid(question->id))
		return viva_fail(error, VIVA_EFIELD, "id", "id must be a UUID");
	if (!is_name(question->key))
		return viva_fail(error, VIVA_EFIELD, "key", "key must be 1 to %d of a-z, 0-9 and -", MAX_NAME);
	if (question->topic[0] != '\0' && !is_name(question->topic))
		return viva_fail(error, VIVA_EFIELD, "topic", "topic must be 1 to %d of a-z, 0-9 and -", MAX_NAME);
	for (size_t i = 0; i < VIVA_COUNT(categories); i++) {
		if (strcmp(categories[i], question->category) == 0)
			return 0;
	}
	return viva_fail(error, VIVA_EFIELD, "category",
			 "category must be introduction, behavioural, technical or situational");
}

static int read_question(struct viva_question_bank *bank, const json_t *json, struct viva_question *ret_question,
			 struct viva_error *error)
{
	static const char *const members[] = {"id",
					      "key",
					      "text",
					      "category",
					      "topic",
					      "difficulty",
					      "seconds",
					      "reference_points",
					      "point_labels",
					      "follow_ups",
					      "reference_answer",
					      "graded_answers"};
	struct viva_question question = {.topic = "", .reference_answer = ""};
	int64_t difficulty = 0;
	int64_t seconds = 0;
	int code = check_members(json, members, VIVA_COUNT(members), error);
	if (code == 0)
		code = read_text(bank, json, "id", VIVA_UUID_SIZE, &question.id, error);
	if (code == 0)
		code = read_text(bank, json, "key", MAX_NAME, &question.key, error);
	if (code == 0)
		code = read_text(bank, json, "text", MAX_TEXT_BYTES, &question.text, error);
	if (code == 0)
		code = read_text(bank, json, "category", MAX_NAME, &question.category, error);
	if (code == 0 && json_object_get(json, "topic"))
		code = read_text(bank, json, "topic", MAX_NAME, &question.topic, error);
	if (code == 0)
		code = viva_json_get_int(json, "difficulty", true, 1, 5, &difficulty, error);
	if (code == 0)
		code = viva_json_get_int(json, "seconds", true, 15, 900, &seconds, error);
	if (code == 0)
		code = read_texts(bank, json, "reference_points", MAX_REFERENCE_POINTS, &question.reference_points,
				  &question.reference_point_count, error);
	if (code == 0)
		code = read_labels(bank, json, &question, error);
	if (code == 0)
		code = read_texts(bank, json, "follow_ups", MAX_FOLLOW_UPS, &question.follow_ups,
				  &question.follow_up_count, error);
	if (code == 0 && json_object_get(json, "reference_answer"))
		code = read_text(bank, json, "reference_answer", MAX_ANSWER_BYTES, &question.reference_answer, error);
	if (code == 0)
		code = read_graded_answers(bank, json, &question, error);
	if (code == 0)
		code = check_names(&question, error);
	if (code == 0)
		code = name_follow_ups(bank, &question, error);
	if (code != 0)
		return code;
	question.difficulty = (int)difficulty;
	question.seconds = (int)seconds;
	*ret_question = question;
	return 0;
}

static int read_questions(struct reader *reader, const json_t *array)
{
	struct viva_question_bank *bank = reader->bank;
	bank->questions = viva_arena_alloc(bank->arena, (json_array_size(array) + 1) * sizeof *bank->questions);
	if (!bank->questions)
		return VIVA_ENOMEM;
	size_t index;
	const json_t *item;
	json_array_foreach(array, index, item)
	{
		struct viva_error cause = {0};
		struct viva_question question;
		int code = read_question(bank, item, &question, &cause);
		if (code == 0 && viva_question_bank_find(bank, question.id))
			code = viva_fail(&cause, VIVA_EFIELD, "id", "id %s is used twice", question.id);
		if (code == 0 && viva_question_bank_find_key(bank, question.key))
			code = viva_fail(&cause, VIVA_EFIELD, "key", "key %s is used twice", question.key);
		if (code != 0)
			return locate(reader, code, "question", index + 1, &cause);
		bank->questions[bank->question_count++] = question;
	}
	return 0;
}

static int read_members_of_set(struct viva_question_bank *bank, const json_t *keys, struct viva_question_set *set,
			       struct viva_error *error)
{
	const struct viva_question **questions =
		viva_arena_alloc(bank->arena, (json_array_size(keys) + 1) * sizeof *questions);
	if (!questions)
		return VIVA_ENOMEM;
	size_t index;
	const json_t *item;
	json_array_foreach(keys, index, item)
	{
		const char *key = json_string_value(item);
		const struct viva_question *question = key ? viva_question_bank_find_key(bank, key) : NULL;
		if (!question)
			return viva_fail(error, VIVA_EFIELD, "questions", "question key %zu is not of this bank",
					 index + 1);
		for (size_t i = 0; i < index; i++) {
			if (questions[i] == question)
				return viva_fail(error, VIVA_EFIELD, "questions", "%s is in the set twice", key);
		}
		questions[index] = question;
	}
	if (json_array_size(keys) == 0)
		return viva_fail(error, VIVA_EFIELD, "questions", "a set needs at least one question");
	set->questions = questions;
	set->question_count = json_array_size(keys);
	return 0;
}

static int read_set(struct viva_question_bank *bank, const json_t *json, struct viva_question_set *ret_set,
		    struct viva_error *error)
{
	static const char *const members[] = {"name", "title", "adaptive", "ask", "questions"};
	struct viva_question_set set = {0};
	json_t *keys = NULL;
	int64_t asked = 0;
	int code = check_members(json, members, VIVA_COUNT(members), error);
	if (code == 0)
		code = read_text(bank, json, "name", MAX_NAME, &set.name, error);
	if (code == 0)
		code = read_text(bank, json, "title", MAX_TITLE_BYTES, &set.title, error);
	if (code == 0)
		code = viva_json_get_array(json, "questions", true, VIVA_QUESTION_SET_MAX_QUESTIONS, &keys, error);
	if (code == 0 && !is_name(set.name))
		code = viva_fail(error, VIVA_EFIELD, "name", "name must be 1 to %d of a-z, 0-9 and -", MAX_NAME);
	if (code == 0)
		code = read_members_of_set(bank, keys, &set, error);
	if (code == 0)
		code = viva_json_get_bool(json, "adaptive", false, &set.is_adaptive, error);
	asked = (int64_t)set.question_count;
	if (code == 0)
		code = viva_json_get_int(json, "ask", false, 1, asked, &asked, error);
	if (code != 0)
		return code;
	set.asked = (size_t)asked;
	*ret_set = set;
	return 0;
}

static int read_sets(struct reader *reader, const json_t *array)
{
	struct viva_question_bank *bank = reader->bank;
	bank->sets = viva_arena_alloc(bank->arena, (json_array_size(array) + 1) * sizeof *bank->sets);
	if (!bank->sets)
		return VIVA_ENOMEM;
	size_t index;
	const json_t *item;
	json_array_foreach(array, index, item)
	{
		struct viva_error cause = {0};
		struct viva_question_set set;
		int code = read_set(bank, item, &set, &cause);
		if (code == 0 && viva_question_bank_set(bank, set.name))
			code = viva_fail(&cause, VIVA_EFIELD, "name", "name %s is used twice", set.name);
		if (code != 0)
			return locate(reader, code, "set", index + 1, &cause);
		bank->sets[bank->set_count++] = set;
	}
	if (!viva_question_bank_set(bank, "default"))
		return viva_fail(reader->error, VIVA_EFIELD, "sets", "%s: there must be a set called default",
				 reader->path);
	return 0;
}

int viva_question_bank_fill(struct viva_question_bank *bank, const json_t *json, const char *name,
			    struct viva_error *error)
{
	static const char *const members[] = {"$schema", "format", "questions", "sets"};
	struct reader reader = {.path = name, .bank = bank, .error = error};
	struct viva_error cause = {0};
	json_t *questions = NULL;
	json_t *sets = NULL;
	int64_t format = 0;
	int code = check_members(json, members, VIVA_COUNT(members), &cause);
	if (code == 0)
		code = viva_json_get_int(json, "format", true, FORMAT, FORMAT, &format, &cause);
	if (code == 0)
		code = viva_json_get_array(json, "questions", true, VIVA_QUESTION_BANK_MAX_QUESTIONS, &questions,
					   &cause);
	if (code == 0)
		code = viva_json_get_array(json, "sets", true, VIVA_QUESTION_BANK_MAX_SETS, &sets, &cause);
	if (code == VIVA_ENOMEM)
		return code;
	if (code != 0)
		return viva_fail(error, code, cause.field, "%s: %s", name, viva_error_message(&cause));
	code = read_questions(&reader, questions);
	return code == 0 ? read_sets(&reader, sets) : code;
}
