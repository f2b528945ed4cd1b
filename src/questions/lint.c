// SPDX-License-Identifier: Apache-2.0
#include "questions/lint.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum {
	MIN_POINTS = 3,
	MAX_POINTS = 6,
	MIN_QUESTION_WORDS = 5,
	MAX_QUESTION_WORDS = 60,
	MIN_POINT_WORDS = 4,
	MAX_POINT_WORDS = 35,
	MAX_LABEL_WORDS = 15,
	MIN_REFERENCE_WORDS = 5,
	MAX_REFERENCE_WORDS = 200,
	MIN_GRADED = 5,
	MIN_WORDS_OF_LANGUAGE = 6,  // below, a text is too short to tell its language
	MAX_WORDS = 200,            // of a text; the rest is not looked at
};
// Of the different words of two texts, those they share.
static const double NEAR_DUPLICATE = .8;
// Between the points of answers that are near duplicates: graders agree better than that.
static const double CONTRADICTION = .3;
// Of a text's words, those that hold English together: in English about half, elsewhere hardly any.
static const double ENGLISH = .15;

static const char *const FUNCTION_WORDS[] = {
	"a",     "an",   "and",   "are",   "as",    "at",   "be",   "because", "before", "but",   "by",  "can",  "did",
	"do",    "does", "each",  "for",   "from",  "give", "had",  "has",     "have",   "how",   "i",   "if",   "in",
	"into",  "is",   "it",    "its",   "me",    "more", "my",   "no",      "not",    "of",    "on",  "one",  "or",
	"other", "so",   "tell",  "than",  "that",  "the",  "them", "then",    "they",   "this",  "to",  "was",  "we",
	"what",  "when", "where", "which", "while", "who",  "why",  "will",    "with",   "would", "you", "your",
};

// A text as the set of its words' hashes, sorted.
struct words {
	uint64_t hashes[MAX_WORDS];
	size_t count;   // different ones
	size_t length;  // all
	size_t english;
};

struct linting {
	const struct viva_question_bank *bank;
	viva_question_on_finding *on_finding;
	void *context;
	char place[96];
	size_t count;
};

static VIVA_PRINTF(3, 4) void find(struct linting *linting, const char *field, const char *format, ...)
{
	char sentence[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof sentence, format, arguments);
	va_end(arguments);
	const struct viva_question_finding finding = {.place = linting->place, .field = field, .sentence = sentence};
	linting->on_finding(&finding, linting->context);
	linting->count++;
}

static int by_hash(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static bool is_function_word(const char *word)
{
	for (size_t i = 0; i < VIVA_COUNT(FUNCTION_WORDS); i++) {
		if (strcmp(FUNCTION_WORDS[i], word) == 0)
			return true;
	}
	return false;
}

static void take_word(struct words *words, const char *word)
{
	uint64_t hash = 14695981039346656037u;  // FNV-1a
	for (const char *at = word; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 1099511628211u;
	if (words->length < MAX_WORDS)
		words->hashes[words->length] = hash;
	words->length++;
	words->english += is_function_word(word);
}

static void read_words(const char *text, struct words *ret_words)
{
	*ret_words = (struct words){0};
	char word[64];
	size_t size = 0;
	for (const unsigned char *at = (const unsigned char *)text;; at++) {
		// Bytes of other alphabets belong to words.
		if (isalnum(*at) || *at >= 0x80 || *at == '\'') {
			if (size + 1 < sizeof word)
				word[size++] = (char)tolower(*at);
			continue;
		}
		word[size] = '\0';
		if (size > 0)
			take_word(ret_words, word);
		size = 0;
		if (*at == '\0')
			break;
	}
	size_t kept = VIVA_MIN(ret_words->length, (size_t)MAX_WORDS);
	qsort(ret_words->hashes, kept, sizeof *ret_words->hashes, by_hash);
	for (size_t i = 0; i < kept; i++) {
		if (i == 0 || ret_words->hashes[i] != ret_words->hashes[i - 1])
			ret_words->hashes[ret_words->count++] = ret_words->hashes[i];
	}
}

// The words that both have, over those that either has.
static double likeness(const struct words *a, const struct words *b)
{
	size_t shared = 0;
	for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
		if (a->hashes[i] == b->hashes[k])
			shared++, i++, k++;
		else if (a->hashes[i] < b->hashes[k])
			i++;
		else
			k++;
	}
	size_t all = a->count + b->count - shared;
	return all > 0 ? (double)shared / (double)all : 1;
}

static void lint_text(struct linting *linting, const char *field, const char *text, const struct words *words,
		      size_t min_words, size_t max_words)
{
	size_t size = strlen(text);
	if (words->length < min_words || words->length > max_words)
		find(linting, field, "has %zu words; %zu to %zu read well", words->length, min_words, max_words);
	if (isspace((unsigned char)text[0]) || isspace((unsigned char)text[size - 1]))
		find(linting, field, "begins or ends with a space");
	if (!strchr(".?!", text[size - 1]))
		find(linting, field, "does not end like a sentence: no full stop, question or exclamation mark");
	if (islower((unsigned char)text[0]))
		find(linting, field, "begins with a small letter");
}

static void lint_language(struct linting *linting, const char *field, size_t words, size_t english)
{
	if (words >= MIN_WORDS_OF_LANGUAGE && (double)english < ENGLISH * (double)words)
		find(linting, field, "does not look like English, the only language that answers are judged in");
}

static void lint_points(struct linting *linting, const struct viva_question *question)
{
	size_t count = question->reference_point_count;
	if (count == 0)
		find(linting, "reference_points", "has none: answers can't be judged by what they should say");
	else if (count < MIN_POINTS || count > MAX_POINTS)
		find(linting, "reference_points", "has %zu; %d to %d tell good answers from poor ones", count,
		     MIN_POINTS, MAX_POINTS);
	struct words words[16];
	size_t length = 0, english = 0;
	count = VIVA_MIN(count, VIVA_COUNT(words));
	for (size_t i = 0; i < count; i++) {
		char field[48];
		snprintf(field, sizeof field, "reference_points[%zu]", i);
		read_words(question->reference_points[i], &words[i]);
		lint_text(linting, field, question->reference_points[i], &words[i], MIN_POINT_WORDS, MAX_POINT_WORDS);
		length += words[i].length;
		english += words[i].english;
		for (size_t k = 0; k < i; k++) {
			if (likeness(&words[i], &words[k]) >= NEAR_DUPLICATE)
				find(linting, field, "says nearly the same as reference_points[%zu]", k);
		}
	}
	lint_language(linting, "reference_points", length, english);
}

// They stand within sentences: "Not found: what you built, and why."
static void lint_point_labels(struct linting *linting, const struct viva_question *question)
{
	for (size_t i = 0; question->point_labels && i < question->reference_point_count; i++) {
		const char *label = question->point_labels[i];
		char field[48];
		struct words words;
		snprintf(field, sizeof field, "point_labels[%zu]", i);
		read_words(label, &words);
		if (words.length == 0 || words.length > MAX_LABEL_WORDS)
			find(linting, field, "has %zu words; 1 to %d read well within a sentence", words.length,
			     MAX_LABEL_WORDS);
		if (strchr(".?!;", label[strlen(label) - 1]))
			find(linting, field, "ends like a sentence, but stands within one");
	}
}

static void lint_follow_ups(struct linting *linting, const struct viva_question *question)
{
	if (question->follow_up_count == 0)
		find(linting, "follow_ups", "has none: an adaptive interview can't dig deeper here");
	for (size_t i = 0; i < question->follow_up_count; i++) {
		char field[48];
		struct words words;
		snprintf(field, sizeof field, "follow_ups[%zu]", i);
		read_words(question->follow_ups[i], &words);
		lint_text(linting, field, question->follow_ups[i], &words, 2, MAX_QUESTION_WORDS);
	}
}

// What one graded answer says beside those before it.
static void lint_graded(struct linting *linting, const struct viva_question *question, size_t index,
			const struct words *words)
{
	const struct viva_graded_example *graded = question->graded_answers;
	char field[48];
	snprintf(field, sizeof field, "graded_answers[%zu]", index);
	lint_language(linting, field, words[index].length, words[index].english);
	for (size_t k = 0; k < index; k++) {
		double difference = graded[index].points - graded[k].points;
		if (likeness(&words[index], &words[k]) < NEAR_DUPLICATE)
			continue;
		if (difference > CONTRADICTION || difference < -CONTRADICTION)
			find(linting, field,
			     "says nearly the same as graded_answers[%zu], for %.2f points instead of %.2f", k,
			     graded[index].points, graded[k].points);
	}
}

static void lint_reference(struct linting *linting, const struct viva_question *question)
{
	const struct viva_graded_example *graded = question->graded_answers;
	size_t count = question->graded_answer_count;
	struct words words[VIVA_QUESTION_MAX_GRADED];
	bool is_varied = false;
	if (question->reference_answer[0] == '\0')
		return;
	read_words(question->reference_answer, &words[0]);
	lint_text(linting, "reference_answer", question->reference_answer, &words[0], MIN_REFERENCE_WORDS,
		  MAX_REFERENCE_WORDS);
	lint_language(linting, "reference_answer", words[0].length, words[0].english);
	for (size_t i = 0; i < count; i++) {
		read_words(graded[i].answer, &words[i]);
		lint_graded(linting, question, i, words);
		is_varied |= graded[i].points > graded[0].points || graded[i].points < graded[0].points;
	}
	if (count > 0 && count < MIN_GRADED)
		find(linting, "graded_answers", "has %zu; from %d on, better ten, they tell how your graders judge",
		     count, MIN_GRADED);
	else if (count > 0 && !is_varied)
		find(linting, "graded_answers", "all have the same points, so they don't tell good from poor");
}

static bool is_used(const struct viva_question_bank *bank, const struct viva_question *question)
{
	for (size_t s = 0; s < viva_question_bank_set_count(bank); s++) {
		const struct viva_question_set *set = viva_question_bank_set_at(bank, s);
		for (size_t i = 0; i < set->question_count; i++) {
			if (set->questions[i] == question)
				return true;
		}
	}
	return false;
}

static void lint_question(struct linting *linting, size_t index, const struct words *all)
{
	const struct viva_question *question = viva_question_bank_question_at(linting->bank, index);
	snprintf(linting->place, sizeof linting->place, "question %s", question->key);
	lint_text(linting, "text", question->text, &all[index], MIN_QUESTION_WORDS, MAX_QUESTION_WORDS);
	lint_language(linting, "text", all[index].length, all[index].english);
	for (size_t i = 0; i < index; i++) {
		if (likeness(&all[i], &all[index]) >= NEAR_DUPLICATE)
			find(linting, "text", "is nearly the same as that of %s",
			     viva_question_bank_question_at(linting->bank, i)->key);
	}
	lint_points(linting, question);
	lint_point_labels(linting, question);
	lint_reference(linting, question);
	lint_follow_ups(linting, question);
	if (!is_used(linting->bank, question))
		find(linting, "key", "is in no set, so nobody is asked it");
}

static void lint_set(struct linting *linting, const struct viva_question_set *set)
{
	snprintf(linting->place, sizeof linting->place, "set %s", set->name);
	if (set->is_adaptive && set->question_count < 2 * set->asked)
		find(linting, "questions",
		     "has %zu questions for interviews of %zu; an adaptive set needs at least twice as many",
		     set->question_count, set->asked);
}

int viva_question_bank_lint(const struct viva_question_bank *bank, viva_question_on_finding *on_finding, void *context,
			    size_t *ret_count)
{
	size_t count = viva_question_bank_question_count(bank);
	VIVA_AUTO_FREE struct words *all = calloc(count + 1, sizeof *all);
	if (!all)
		return VIVA_ENOMEM;
	struct linting linting = {.bank = bank, .on_finding = on_finding, .context = context};
	for (size_t i = 0; i < count; i++)
		read_words(viva_question_bank_question_at(bank, i)->text, &all[i]);
	for (size_t i = 0; i < count; i++)
		lint_question(&linting, i, all);
	for (size_t i = 0; i < viva_question_bank_set_count(bank); i++)
		lint_set(&linting, viva_question_bank_set_at(bank, i));
	*ret_count = linting.count;
	return 0;
}
