// SPDX-License-Identifier: Apache-2.0
#include "questions/exchange.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "questions/csv.h"

enum { MAX_CSV_ARENA_BYTES = 64 << 20, MAX_KEY = 64 };

// In the order in which they are written; read in any order.
enum column {
	COLUMN_ID,
	COLUMN_KEY,
	COLUMN_TEXT,
	COLUMN_CATEGORY,
	COLUMN_TOPIC,
	COLUMN_DIFFICULTY,
	COLUMN_SECONDS,
	COLUMN_POINTS,
	COLUMN_LABELS,
	COLUMN_FOLLOW_UPS,
	COLUMN_REFERENCE,
	COLUMN_GRADED,
	COLUMN_SETS,
	COLUMN_COUNT,
};
static const char *const COLUMNS[COLUMN_COUNT] = {"id",
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
						  "graded_answers",
						  "sets"};

static json_t *texts_json(const char *const *texts, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count && list; i++) {
		if (json_array_append_new(list, json_string(texts[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *graded_json(const struct viva_question *question)
{
	json_t *list = json_array();
	for (size_t i = 0; i < question->graded_answer_count && list; i++) {
		const struct viva_graded_example *graded = &question->graded_answers[i];
		if (json_array_append_new(list, json_pack("{s:s, s:o}", "answer", graded->answer, "points",
							  viva_json_real(graded->points, 6))) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *question_json(const struct viva_question *question)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "id", question->id, "key", question->key, "text",
				 question->text, "category", question->category);
	int failed = json ? 0 : -1;
	if (!failed && question->topic[0])
		failed = json_object_set_new(json, "topic", json_string(question->topic));
	failed = failed || json_object_set_new(json, "difficulty", json_integer(question->difficulty)) ||
		 json_object_set_new(json, "seconds", json_integer(question->seconds)) ||
		 json_object_set_new(json, "reference_points",
				     texts_json(question->reference_points, question->reference_point_count));
	if (!failed && question->point_labels)
		failed = json_object_set_new(json, "point_labels",
					     texts_json(question->point_labels, question->reference_point_count));
	failed = failed ||
		 json_object_set_new(json, "follow_ups", texts_json(question->follow_ups, question->follow_up_count));
	if (!failed && question->reference_answer[0])
		failed = json_object_set_new(json, "reference_answer", json_string(question->reference_answer));
	if (!failed && question->graded_answer_count > 0)
		failed = json_object_set_new(json, "graded_answers", graded_json(question));
	if (!failed)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *set_json(const struct viva_question_set *set, const char *name)
{
	json_t *keys = json_array();
	for (size_t i = 0; i < set->question_count && keys; i++)
		json_array_append_new(keys, json_string(set->questions[i]->key));
	return json_pack("{s:s, s:s, s:b, s:I, s:o}", "name", name, "title", set->title, "adaptive", set->is_adaptive,
			 "ask", (json_int_t)set->asked, "questions", keys);
}

json_t *viva_questions_to_json(const struct viva_question_bank *bank, const struct viva_question_set *set)
{
	json_t *questions = json_array();
	json_t *sets = json_array();
	size_t count = set ? set->question_count : viva_question_bank_question_count(bank);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(questions,
				      question_json(set ? set->questions[i] : viva_question_bank_question_at(bank, i)));
	if (set) {
		json_array_append_new(sets, set_json(set, "default"));
		if (strcmp(set->name, "default") != 0)
			json_array_append_new(sets, set_json(set, set->name));
	}
	for (size_t i = 0; !set && i < viva_question_bank_set_count(bank); i++) {
		const struct viva_question_set *each = viva_question_bank_set_at(bank, i);
		json_array_append_new(sets, set_json(each, each->name));
	}
	bool is_whole = json_array_size(questions) == count && json_array_size(sets) > 0;
	json_t *json = json_pack("{s:i, s:o, s:o}", "format", 1, "questions", questions, "sets", sets);
	if (json && is_whole)
		return json;
	json_decref(json);
	return NULL;
}

// ---- to CSV

// What breaks lines inside a text becomes a space.
static int append_line(struct viva_buffer *cell, const char *text)
{
	int code = 0;
	for (; *text && code == 0; text++)
		code = viva_buffer_append(cell, *text == '\n' || *text == '\r' ? " " : text, 1);
	return code;
}

static int append_texts(struct viva_buffer *out, const char *const *texts, size_t count)
{
	struct viva_buffer cell = {.limit = VIVA_QUESTION_BANK_MAX_BYTES};
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++) {
		code = viva_buffer_append(&cell, "\n", i > 0);
		if (code == 0)
			code = append_line(&cell, texts[i]);
	}
	if (code == 0)
		code = viva_buffer_append(&cell, "", 1);
	if (code == 0)
		code = viva_csv_append(out, (const char *)cell.data);
	viva_buffer_finish(&cell);
	return code;
}

// "0.75 The answer." a line.
static int append_graded(struct viva_buffer *out, const struct viva_question *question)
{
	struct viva_buffer cell = {.limit = VIVA_QUESTION_BANK_MAX_BYTES};
	int code = 0;
	for (size_t i = 0; i < question->graded_answer_count && code == 0; i++) {
		const struct viva_graded_example *graded = &question->graded_answers[i];
		code = viva_buffer_printf(&cell, "%s%.6g ", i > 0 ? "\n" : "", graded->points);
		if (code == 0)
			code = append_line(&cell, graded->answer);
	}
	if (code == 0)
		code = viva_buffer_append(&cell, "", 1);
	if (code == 0)
		code = viva_csv_append(out, (const char *)cell.data);
	viva_buffer_finish(&cell);
	return code;
}

static int append_sets(struct viva_buffer *out, const struct viva_question_bank *bank,
		       const struct viva_question *question)
{
	bool is_first = true;
	int code = 0;
	for (size_t s = 0; s < viva_question_bank_set_count(bank) && code == 0; s++) {
		const struct viva_question_set *set = viva_question_bank_set_at(bank, s);
		bool is_in = false;
		for (size_t i = 0; i < set->question_count; i++)
			is_in |= set->questions[i] == question;
		if (!is_in)
			continue;
		code = viva_buffer_printf(out, "%s%s", is_first ? "" : " ", set->name);
		is_first = false;
	}
	return code;
}

static int append_question(struct viva_buffer *out, const struct viva_question_bank *bank,
			   const struct viva_question *question)
{
	const char *const texts[] = {question->id, question->key, question->text, question->category, question->topic};
	int code = 0;
	for (size_t i = 0; i < VIVA_COUNT(texts) && code == 0; i++) {
		code = viva_csv_append(out, texts[i]);
		if (code == 0)
			code = viva_buffer_append(out, ",", 1);
	}
	if (code == 0)
		code = viva_buffer_printf(out, "%d,%d,", question->difficulty, question->seconds);
	if (code == 0)
		code = append_texts(out, question->reference_points, question->reference_point_count);
	if (code == 0)
		code = viva_buffer_append(out, ",", 1);
	if (code == 0)
		code = append_texts(out, question->point_labels,
				    question->point_labels ? question->reference_point_count : 0);
	if (code == 0)
		code = viva_buffer_append(out, ",", 1);
	if (code == 0)
		code = append_texts(out, question->follow_ups, question->follow_up_count);
	if (code == 0)
		code = viva_buffer_append(out, ",", 1);
	if (code == 0)
		code = viva_csv_append(out, question->reference_answer);
	if (code == 0)
		code = viva_buffer_append(out, ",", 1);
	if (code == 0)
		code = append_graded(out, question);
	if (code == 0)
		code = viva_buffer_append(out, ",", 1);
	if (code == 0)
		code = append_sets(out, bank, question);
	return code == 0 ? viva_buffer_append(out, "\r\n", 2) : code;
}

int viva_questions_to_csv(const struct viva_question_bank *bank, const struct viva_question_set *set,
			  struct viva_buffer *out)
{
	int code = 0;
	for (size_t i = 0; i < COLUMN_COUNT && code == 0; i++)
		code = viva_buffer_printf(out, "%s%s", COLUMNS[i], i + 1 < COLUMN_COUNT ? "," : "\r\n");
	size_t count = set ? set->question_count : viva_question_bank_question_count(bank);
	for (size_t i = 0; i < count && code == 0; i++)
		code = append_question(out, bank, set ? set->questions[i] : viva_question_bank_question_at(bank, i));
	return code;
}

// ---- from CSV

struct importing {
	size_t places[COLUMN_COUNT];  // of the columns in a row; SIZE_MAX = missing
	json_t *questions, *sets;
	struct viva_error *error;
	size_t row;
};

static int read_heading(struct importing *importing, const char *const *fields, size_t count)
{
	for (size_t c = 0; c < COLUMN_COUNT; c++)
		importing->places[c] = SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		size_t c = 0;
		while (c < COLUMN_COUNT && strcasecmp(COLUMNS[c], fields[i]) != 0)
			c++;
		if (c == COLUMN_COUNT)
			return viva_fail(
				importing->error, VIVA_EFIELD, NULL,
				"row 1: there is no column \"%.40s\"; known are id, key, text, category, topic, "
				"difficulty, seconds, reference_points, point_labels, follow_ups, reference_answer, "
				"graded_answers and sets",
				fields[i]);
		importing->places[c] = i;
	}
	if (importing->places[COLUMN_TEXT] == SIZE_MAX || importing->places[COLUMN_CATEGORY] == SIZE_MAX)
		return viva_fail(importing->error, VIVA_EFIELD, NULL,
				 "row 1: the columns text and category must be there");
	return 0;
}

static int read_number(const struct importing *importing, enum column column, const char *cell, int64_t usual,
		       json_t *question)
{
	int64_t number = usual;
	if (cell[0] && viva_parse_int64(cell, 0, 100000, &number) != 0)
		return viva_fail(importing->error, VIVA_EFIELD, COLUMNS[column], "row %zu: %s: \"%.40s\" is no number",
				 importing->row, COLUMNS[column], cell);
	return json_object_set_new(question, COLUMNS[column], json_integer(number)) == 0 ? 0 : VIVA_ENOMEM;
}

// A text per line of the cell.
static json_t *lines_json(const char *cell)
{
	json_t *lines = json_array();
	while (*cell && lines) {
		size_t size = strcspn(cell, "\r\n");
		size_t first = strspn(cell, " \t"), last = size;
		while (last > first && isspace((unsigned char)cell[last - 1]))
			last--;
		if (last > first)
			json_array_append_new(lines, json_stringn(cell + first, last - first));
		cell += size;
		cell += strspn(cell, "\r\n");
	}
	return lines;
}

// Answers that people have graded, one a line: "0.75 The answer."
static int read_graded(const struct importing *importing, const char *cell, json_t *question)
{
	VIVA_AUTO_JSON lines = lines_json(cell);
	VIVA_AUTO_JSON graded = json_array();
	if (!lines || !graded)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const char *line = json_string_value(json_array_get(lines, i));
		char number[16];
		double points = 0;
		size_t size = line ? strcspn(line, " \t") : 0;
		snprintf(number, sizeof number, "%.*s", (int)VIVA_MIN(size, sizeof number - 1), line ? line : "");
		if (size >= sizeof number || viva_parse_double(number, 0, 1, &points) != 0)
			return viva_fail(importing->error, VIVA_EFIELD, "graded_answers",
					 "row %zu: graded_answers: line %zu must begin with points from 0 to 1, then a "
					 "space and the answer",
					 importing->row, i + 1);
		const char *answer = line + size + strspn(line + size, " \t");
		if (json_array_append_new(graded, json_pack("{s:s, s:f}", "answer", answer, "points", points)) != 0)
			return VIVA_ENOMEM;
	}
	return json_array_size(graded) == 0 || json_object_set(question, "graded_answers", graded) == 0 ? 0
													: VIVA_ENOMEM;
}

// "How does an index work?" becomes "how-does-an-index-work".
static void make_key(const char *text, char ret_key[MAX_KEY + 1])
{
	size_t size = 0;
	for (; *text && size < MAX_KEY; text++) {
		if (isalnum((unsigned char)*text) && (unsigned char)*text < 0x80)
			ret_key[size++] = (char)tolower((unsigned char)*text);
		else if (size > 0 && ret_key[size - 1] != '-')
			ret_key[size++] = '-';
	}
	while (size > 0 && ret_key[size - 1] == '-')
		size--;
	ret_key[size] = '\0';
}

static json_t *find_by(const json_t *list, const char *name, const char *value, size_t *ret_index)
{
	size_t index;
	json_t *item;
	json_array_foreach(list, index, item)
	{
		const char *other = json_string_value(json_object_get(item, name));
		if (!other || strcasecmp(other, value) != 0)
			continue;
		if (ret_index)
			*ret_index = index;
		return item;
	}
	return NULL;
}

static int add_to_sets(json_t *sets, const char *names, const char *key)
{
	while (*(names += strspn(names, " ,;\t\r\n"))) {
		char name[MAX_KEY + 2];
		size_t size = strcspn(names, " ,;\t\r\n");
		snprintf(name, sizeof name, "%.*s", (int)VIVA_MIN(size, sizeof name - 1), names);
		json_t *set = find_by(sets, "name", name, NULL);
		if (!set) {
			set = json_pack("{s:s, s:s, s:[]}", "name", name, "title", name, "questions");
			if (!set || json_array_append_new(sets, set) != 0)
				return VIVA_ENOMEM;
		}
		if (json_array_append_new(json_object_get(set, "questions"), json_string(key)) != 0)
			return VIVA_ENOMEM;
		names += size;
	}
	return 0;
}

static int read_row(struct importing *importing, const char *const *fields, size_t count)
{
	const char *cells[COLUMN_COUNT];
	for (size_t c = 0; c < COLUMN_COUNT; c++)
		cells[c] = importing->places[c] < count ? fields[importing->places[c]] : "";
	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		if (!viva_utf8_is_valid(cells[c], strlen(cells[c])))
			return viva_fail(importing->error, VIVA_EFIELD, COLUMNS[c], "row %zu is not valid UTF-8",
					 importing->row);
	}
	char key[MAX_KEY + 1], id[VIVA_UUID_SIZE];
	make_key(cells[COLUMN_TEXT], key);
	const char *used_key = cells[COLUMN_KEY][0] ? cells[COLUMN_KEY] : key;
	viva_question_id_of_key(used_key, id);
	json_t *question = json_pack("{s:s, s:s, s:s, s:s}", "id", cells[COLUMN_ID][0] ? cells[COLUMN_ID] : id, "key",
				     used_key, "text", cells[COLUMN_TEXT], "category", cells[COLUMN_CATEGORY]);
	if (!question || json_array_append_new(importing->questions, question) != 0)
		return VIVA_ENOMEM;
	int code = 0;
	if (cells[COLUMN_TOPIC][0] && json_object_set_new(question, "topic", json_string(cells[COLUMN_TOPIC])) != 0)
		code = VIVA_ENOMEM;
	if (code == 0)
		code = read_number(importing, COLUMN_DIFFICULTY, cells[COLUMN_DIFFICULTY], 3, question);
	if (code == 0)
		code = read_number(importing, COLUMN_SECONDS, cells[COLUMN_SECONDS], 120, question);
	if (code == 0 && (json_object_set_new(question, "reference_points", lines_json(cells[COLUMN_POINTS])) != 0 ||
			  json_object_set_new(question, "follow_ups", lines_json(cells[COLUMN_FOLLOW_UPS])) != 0))
		code = VIVA_ENOMEM;
	if (code == 0 && cells[COLUMN_LABELS][0] &&
	    json_object_set_new(question, "point_labels", lines_json(cells[COLUMN_LABELS])) != 0)
		code = VIVA_ENOMEM;
	if (code == 0 && cells[COLUMN_REFERENCE][0] &&
	    json_object_set_new(question, "reference_answer", json_string(cells[COLUMN_REFERENCE])) != 0)
		code = VIVA_ENOMEM;
	if (code == 0)
		code = read_graded(importing, cells[COLUMN_GRADED], question);
	return code == 0 ? add_to_sets(importing->sets, cells[COLUMN_SETS], used_key) : code;
}

int viva_questions_from_csv(struct viva_bytes text, json_t **ret_bank, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	int code = viva_arena_create(MAX_CSV_ARENA_BYTES, &arena);
	if (code != 0)
		return code;
	VIVA_AUTO_JSON bank = json_pack("{s:i, s:[], s:[]}", "format", 1, "questions", "sets");
	if (!bank)
		return VIVA_ENOMEM;
	struct importing importing = {
		.questions = json_object_get(bank, "questions"), .sets = json_object_get(bank, "sets"), .error = error};
	struct viva_csv_reader reader = viva_csv_read(text);
	const char *fields[VIVA_CSV_MAX_FIELDS];
	size_t count = 0;
	code = viva_csv_next(&reader, arena, fields, &count, error);
	if (code == 0 && count == 0)
		return viva_fail(error, VIVA_EFIELD, NULL, "it has no row of headings");
	if (code == 0)
		code = read_heading(&importing, fields, count);
	while (code == 0 && (code = viva_csv_next(&reader, arena, fields, &count, error)) == 0 && count > 0) {
		importing.row = reader.row;
		if (json_array_size(importing.questions) == VIVA_QUESTION_BANK_MAX_QUESTIONS)
			return viva_fail(error, VIVA_EFIELD, NULL, "it has more than %d questions",
					 VIVA_QUESTION_BANK_MAX_QUESTIONS);
		code = read_row(&importing, fields, count);
	}
	if (code == 0)
		*ret_bank = viva_take(&bank);
	return code;
}

// ---- merging

static int put(json_t *list, json_t *item, const char *const *names, size_t name_count)
{
	for (size_t i = 0; i < name_count; i++) {
		size_t index = 0;
		const char *value = json_string_value(json_object_get(item, names[i]));
		if (value && find_by(list, names[i], value, &index))
			return json_array_set(list, index, item) == 0 ? 0 : VIVA_ENOMEM;
	}
	return json_array_append(list, item) == 0 ? 0 : VIVA_ENOMEM;
}

static int put_all(json_t *list, const json_t *added, const char *const *names, size_t name_count)
{
	size_t index;
	json_t *item;
	int code = 0;
	json_array_foreach(added, index, item)
	{
		if (code == 0)
			code = put(list, item, names, name_count);
	}
	return code;
}

static int add_default_set(json_t *questions, json_t *sets)
{
	if (find_by(sets, "name", "default", NULL))
		return 0;
	json_t *keys = json_array();
	size_t index;
	const json_t *question;
	json_array_foreach(questions, index, question)
	{
		if (index < VIVA_QUESTION_SET_MAX_QUESTIONS)
			json_array_append(keys, json_object_get(question, "key"));
	}
	json_t *set = json_pack("{s:s, s:s, s:o}", "name", "default", "title", "All questions", "questions", keys);
	return set && json_array_insert_new(sets, 0, set) == 0 ? 0 : VIVA_ENOMEM;
}

int viva_questions_merge(json_t *bank, const json_t *added, struct viva_error *error)
{
	static const char *const question_names[] = {"id", "key"};
	static const char *const set_names[] = {"name"};
	json_t *questions = json_object_get(bank, "questions");
	json_t *sets = json_object_get(bank, "sets");
	const json_t *more = json_is_array(added) ? added : json_object_get(added, "questions");
	if (!json_is_array(more) || !json_is_array(questions) || !json_is_array(sets))
		return viva_fail(error, VIVA_EFIELD, "questions", "it holds no list of questions");
	int code = put_all(questions, more, question_names, VIVA_COUNT(question_names));
	if (code == 0 && json_is_object(added))
		code = put_all(sets, json_object_get(added, "sets"), set_names, VIVA_COUNT(set_names));
	return code == 0 ? add_default_set(questions, sets) : code;
}
