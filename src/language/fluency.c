// SPDX-License-Identifier: Apache-2.0
#include "language/fluency.h"

#include <math.h>
#include <string.h>

#include "language/lexicon.h"

enum {
	MIN_DIVERSITY_WORDS = 50,  // below, MTLD is noise
	MAX_SPOKEN_SENTENCE = 60,  // a longer mean says that punctuation is missing
	ORDER_PRIOR = 4,           // places of good order that are taken for granted, so that one slip is no verdict
	MAX_TYPES = 256,           // of one factor of MTLD; .72 is reached long before
};

static const double MTLD_THRESHOLD = .72;

static double clamp(double value)
{
	return value < 0 ? 0 : value > 1 ? 1 : value;
}

// 0 at `low`, 1 at `high`, linear between.
static double ramp(double value, double low, double high)
{
	return clamp((value - low) / (high - low));
}

static bool is_word(const struct viva_text *text, size_t word, const char *expected)
{
	return word < text->word_count && strcmp(text->words[word].text, expected) == 0;
}

// Whether a comma stands right before (step -1) or after (step +1) the word.
static bool has_comma(const struct viva_text *text, size_t word, int step)
{
	const struct viva_word *at = &text->words[word];
	if (step > 0)
		return text->data[at->end] == ',';
	return at->begin >= 2 && text->data[at->begin - 2] == ',';
}

bool viva_is_filler(const struct viva_text *text, size_t word, bool *ret_is_soft)
{
	const struct viva_word *at = &text->words[word];
	*ret_is_soft = false;
	if ((at->flags & VIVA_WORD_FILLER) != 0)
		return true;
	*ret_is_soft = true;
	if ((at->flags & VIVA_WORD_SOFT_FILLER) != 0)
		return true;
	bool is_like = strcmp(at->text, "like") == 0;
	if (is_like && word > 0)
		return has_comma(text, word, 1) || is_word(text, word + 1, "like");
	bool is_you_know = is_word(text, word, "you") && is_word(text, word + 1, "know");
	bool is_i_mean = is_word(text, word, "i") && is_word(text, word + 1, "mean");
	if (is_you_know || is_i_mean)
		return has_comma(text, word + 1, 1);
	bool is_kind_of = (is_word(text, word, "kind") || is_word(text, word, "sort")) && is_word(text, word + 1, "of");
	return is_kind_of && !(word > 0 && (text->words[word - 1].flags & VIVA_WORD_DETERMINER) != 0);
}

// Number of factors (runs whose type-token ratio falls to .72) in one direction.
static double diversity_factors(const struct viva_text *text, bool is_backward)
{
	const char *types[MAX_TYPES];
	size_t type_count = 0;
	size_t tokens = 0;
	double factors = 0;
	for (size_t i = 0; i < text->word_count; i++) {
		const char *word = text->words[is_backward ? text->word_count - 1 - i : i].text;
		size_t known = 0;
		while (known < type_count && strcmp(types[known], word) != 0)
			known++;
		if (known == type_count && type_count < MAX_TYPES)
			types[type_count++] = word;
		tokens++;
		if ((double)type_count / (double)tokens <= MTLD_THRESHOLD) {
			factors++;
			type_count = 0;
			tokens = 0;
		}
	}
	if (tokens > 0)
		factors += (1 - (double)type_count / (double)tokens) / (1 - MTLD_THRESHOLD);
	return factors;
}

static double diversity(const struct viva_text *text)
{
	if (text->word_count < MIN_DIVERSITY_WORDS)
		return 0;
	double words = (double)text->word_count;
	double forward = diversity_factors(text, false);
	double backward = diversity_factors(text, true);
	return (words / fmax(forward, .5) + words / fmax(backward, .5)) / 2;
}

// What cannot follow a word in English.
static const struct {
	unsigned first, next;
} impossible[] = {
	{VIVA_WORD_DETERMINER, VIVA_WORD_NOT_AFTER_DETERMINER},
	{VIVA_WORD_PREPOSITION, VIVA_WORD_NOT_AFTER_PREPOSITION},
	{VIVA_WORD_SUBJECT, VIVA_WORD_DETERMINER | VIVA_WORD_PREPOSITION | VIVA_WORD_SUBJECT},
	{VIVA_WORD_MODAL, VIVA_WORD_DETERMINER | VIVA_WORD_FINITE},
	{VIVA_WORD_FINITE, VIVA_WORD_FINITE | VIVA_WORD_MODAL},
};
enum {
	ASKS_FOR_ORDER =
		VIVA_WORD_DETERMINER | VIVA_WORD_PREPOSITION | VIVA_WORD_SUBJECT | VIVA_WORD_MODAL | VIVA_WORD_FINITE,
};

static bool is_out_of_order(unsigned first, unsigned next)
{
	bool is_impossible = false;
	for (size_t i = 0; i < VIVA_COUNT(impossible); i++)
		is_impossible |= (first & impossible[i].first) != 0 && (next & impossible[i].next) != 0;
	return is_impossible;
}

// Whether the word after `word` begins anew what was just said ("on a, on a", "the the"), or punctuation stands
// between: then their order says nothing.
static bool is_interrupted(const struct viva_text *text, size_t word)
{
	const struct viva_word *words = text->words;
	bool is_repeated = strcmp(words[word].text, words[word + 1].text) == 0;
	bool is_begun_anew = word > 0 && strcmp(words[word - 1].text, words[word + 1].text) == 0;
	return is_repeated || is_begun_anew || words[word + 1].begin != words[word].end + 1;
}

static double disorder(const struct viva_text *text)
{
	size_t places = 0;
	size_t slips = 0;
	for (size_t s = 0; s < text->sentence_count; s++) {
		const struct viva_sentence *sentence = &text->sentences[s];
		size_t last = sentence->first_word + sentence->word_count - 1;
		for (size_t i = sentence->first_word; i < last; i++) {
			unsigned flags = text->words[i].flags;
			if ((flags & ASKS_FOR_ORDER) == 0 || is_interrupted(text, i))
				continue;
			places++;
			slips += is_out_of_order(flags, text->words[i + 1].flags);
		}
		// A piece of a long run may end anywhere.
		if (text->has_punctuation && !sentence->goes_on) {
			places++;
			slips += (text->words[last].flags & VIVA_WORD_NOT_LAST) != 0;
		}
	}
	return (double)slips / (double)(places + ORDER_PRIOR);
}

static size_t count_repetitions(const struct viva_text *text)
{
	size_t count = 0;
	for (size_t i = 1; i < text->word_count; i++)
		count += !text->words[i].is_number && strcmp(text->words[i].text, text->words[i - 1].text) == 0;
	for (size_t i = 3; i < text->word_count; i++)
		count += strcmp(text->words[i].text, text->words[i - 2].text) == 0 &&
			 strcmp(text->words[i - 1].text, text->words[i - 3].text) == 0 &&
			 strcmp(text->words[i].text, text->words[i - 1].text) != 0;
	return count;
}

// Phrases by which speakers take back what they just said.
static size_t count_repairs(const struct viva_text *text)
{
	static const char *const phrases[][3] = {
		{"no", "wait"},         {"or", "rather"},       {"scratch", "that"},    {"let", "me", "rephrase"},
		{"sorry", "i", "mean"}, {"what", "i", "meant"}, {"let", "me", "start"}, {"correct", "myself"},
	};
	size_t count = 0;
	for (size_t i = 0; i < text->word_count; i++) {
		for (size_t k = 0; k < VIVA_COUNT(phrases); k++) {
			bool is_there = is_word(text, i, phrases[k][0]) && is_word(text, i + 1, phrases[k][1]);
			count += is_there && (!phrases[k][2] || is_word(text, i + 2, phrases[k][2]));
		}
	}
	return count;
}

// Mean length of a sentence; 0 where there is hardly any punctuation to go by.
static double sentence_words(const struct viva_text *text, size_t words)
{
	size_t sentences = 0;
	for (size_t i = 0; i < text->sentence_count; i++)
		sentences += !text->sentences[i].is_continued;
	if (!text->has_punctuation || sentences == 0 || words > sentences * MAX_SPOKEN_SENTENCE)
		return 0;
	return (double)words / (double)sentences;
}

// Mean number of words between punctuation marks.
static double segment_words(const struct viva_text *text)
{
	size_t segments = 0;
	for (size_t i = 0; i < text->word_count; i++)
		segments += i + 1 == text->word_count || viva_word_ends_at_mark(text, i);
	return segments > 0 ? (double)text->word_count / (double)segments : 0;
}

void viva_features_measure(const struct viva_text *text, double seconds, struct viva_features *ret_features)
{
	struct viva_features features = {0};
	size_t function_words = 0;
	for (size_t i = 0; i < text->word_count; i++) {
		bool is_soft = false;
		bool is_filler = viva_is_filler(text, i, &is_soft);
		features.fillers += is_filler && !is_soft;
		features.soft_fillers += is_filler && is_soft;
		bool is_function = (text->words[i].flags & VIVA_WORD_FUNCTION) != 0;
		if (is_filler && !is_soft)
			continue;
		features.words++;
		function_words += is_function;
		features.content_words += !is_function && !is_filler;
	}
	if (features.words > 0)
		features.function_share = (double)function_words / (double)features.words;
	if (seconds > 0)
		features.words_per_minute = (double)features.words * 60 / seconds;
	features.sentence_words = sentence_words(text, features.words);
	features.telling_words = (double)features.words;
	features.segment_words = segment_words(text);
	features.repetitions = count_repetitions(text);
	features.repairs = count_repairs(text);
	features.diversity = diversity(text);
	features.disorder = disorder(text);
	*ret_features = features;
}

double viva_features_pace(double words_per_minute)
{
	if (words_per_minute <= 0)
		return 1;
	if (words_per_minute < 140)
		return .3 + .7 * ramp(words_per_minute, 40, 140);
	return 1 - .5 * ramp(words_per_minute, 210, 330);
}

double viva_features_order(double out_of_order)
{
	return 1 - ramp(out_of_order, .035, .125);
}

double viva_features_prose(double function_share, double segment_words)
{
	double by_words = ramp(function_share, .12, .30);
	double by_segments = segment_words > 0 ? ramp(segment_words, 1.5, 3.5) : 1;
	return .4 + .6 * fmin(by_words, by_segments);
}

static double sentence_shape(double words)
{
	if (words == 0)
		return 1;
	return words < 8 ? .5 + .5 * ramp(words, 2, 8) : 1 - .4 * ramp(words, 26, 40);
}

double viva_features_clarity(const struct viva_features *features)
{
	if (features->content_words == 0)
		return 0;
	double hundreds = fmax((double)features->words, 20) / 100;
	double fluency = exp(-((double)features->fillers + .5 * (double)features->soft_fillers) / hundreds / 12);
	double steadiness = exp(-(double)(features->repetitions + features->repairs) / hundreds / 8);
	double variety = features->diversity > 0 ? .4 + .6 * ramp(features->diversity, 25, 70) : 1;
	double manner = .40 * fluency + .15 * steadiness + .15 * viva_features_pace(features->words_per_minute) +
			.15 * variety + .15 * sentence_shape(features->sentence_words);
	double length = .2 + .8 * ramp(features->telling_words, 0, 25);
	return clamp(manner * (.3 + .7 * viva_features_order(features->disorder)) *
		     (.5 + .5 * viva_features_prose(features->function_share, features->segment_words)) * length);
}
