// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "language/declines.h"
#include "language/grade.h"
#include "language/lexicon.h"
#include "language/words.h"

enum {
	MAX_CHARACTERS = 8000,     // of each text that are compared
	MAX_COMPARED_WORDS = 400,  // different content words of each text
	MAX_SENTENCES = 40,
	WINDOW_WORDS = 4,
	MAX_WINDOWS = 32,   // of each text; in a longer one they stand apart
	TRIGRAM_BITS = 12,  // of the hash by which trigrams are told apart
};

static const double QUESTION_WORD_WEIGHT = .3;  // of a word of the reference that the question has said
static const double SAME_TO_GRADERS = .65;      // value of the untrained estimate past which grades don't rise
static const double ALIKE_SPELLING = .45;       // Dice's coefficient from which a word counts in part
static const double ALIKE_MEANING = .45;        // cosine from which a word counts in part

static const char *const feature_names[VIVA_GRADE_FEATURES] = {
	[VIVA_GRADE_COSINE] = "cosine",
	[VIVA_GRADE_QUESTION_COSINE] = "question_cosine",
	[VIVA_GRADE_GAIN] = "gain",
	[VIVA_GRADE_JOINT_COSINE] = "joint_cosine",
	[VIVA_GRADE_REFERENCE_COSINE] = "reference_cosine",
	[VIVA_GRADE_SENTENCE_RECALL] = "sentence_recall",
	[VIVA_GRADE_RECALL] = "recall",
	[VIVA_GRADE_PLAIN_RECALL] = "plain_recall",
	[VIVA_GRADE_SOFT_RECALL] = "soft_recall",
	[VIVA_GRADE_MEANING_RECALL] = "meaning_recall",
	[VIVA_GRADE_WINDOW_RECALL] = "window_recall",
	[VIVA_GRADE_WINDOW_PRECISION] = "window_precision",
	[VIVA_GRADE_EXCESS] = "excess",
	[VIVA_GRADE_PRECISION] = "precision",
	[VIVA_GRADE_TF_IDF] = "tf_idf",
	[VIVA_GRADE_TRIGRAMS] = "trigrams",
	[VIVA_GRADE_BIGRAM_RECALL] = "bigram_recall",
	[VIVA_GRADE_LOG_WORDS] = "log_words",
	[VIVA_GRADE_LOG_REFERENCE_WORDS] = "log_reference_words",
	[VIVA_GRADE_LOG_QUESTION_WORDS] = "log_question_words",
	[VIVA_GRADE_LOG_RATIO] = "log_ratio",
	[VIVA_GRADE_QUESTION_SHARE] = "question_share",
	[VIVA_GRADE_NEGATION] = "negation",
};

const char *viva_grade_feature_name(enum viva_grade_feature feature)
{
	return feature_names[feature];
}

// A content word of a text, each stem once.
struct term {
	const char *stem;
	const char *text;
	double rarity;  // 0–1
	double count;
};

struct side {
	struct viva_text text;
	struct viva_bytes bytes;  // canonical
	struct term *terms;       // by stem
	size_t term_count;
	struct viva_embedding *meanings;  // of the terms
};

// The vocabulary of the sentence model is ordered by how frequent its words are in English.
static int measure_rarity(const struct viva_tokenizer *tokenizer, const char *word, struct viva_arena *arena,
			  double *ret_rarity)
{
	enum { FIRST_WORD = 1996, LAST_WORD = 30521 };
	struct viva_tokens tokens;
	int code = viva_tokenizer_encode(tokenizer, viva_bytes_of_text(word), 8, arena, &tokens);
	if (code != 0)
		return code;
	double rank = tokens.count == 3 && tokens.ids[1] >= FIRST_WORD ? (double)(tokens.ids[1] - FIRST_WORD) : 1e9;
	*ret_rarity = fmin(log(2 + rank) / log(LAST_WORD - FIRST_WORD), 1);
	return 0;
}

static int compare_terms(const void *a, const void *b)
{
	const struct term *x = a, *y = b;
	return strcmp(x->stem, y->stem);
}

static int collect_terms(struct side *side, const struct viva_tokenizer *tokenizer, struct viva_arena *arena)
{
	side->terms = viva_arena_alloc(arena, (side->text.word_count + 1) * sizeof *side->terms);
	if (!side->terms)
		return VIVA_ENOMEM;
	size_t used = 0;
	for (size_t i = 0; i < side->text.word_count; i++) {
		const struct viva_word *word = &side->text.words[i];
		if ((word->flags & (VIVA_WORD_FUNCTION | VIVA_WORD_FILLER)) == 0)
			side->terms[used++] = (struct term){.stem = word->stem, .text = word->text, .count = 1};
	}
	qsort(side->terms, used, sizeof *side->terms, compare_terms);
	size_t unique = 0;
	for (size_t i = 0; i < used; i++) {
		if (unique > 0 && strcmp(side->terms[unique - 1].stem, side->terms[i].stem) == 0)
			side->terms[unique - 1].count++;
		else if (unique < MAX_COMPARED_WORDS)
			side->terms[unique++] = side->terms[i];
	}
	side->term_count = unique;
	for (size_t i = 0; i < unique; i++) {
		int code = measure_rarity(tokenizer, side->terms[i].text, arena, &side->terms[i].rarity);
		if (code != 0)
			return code;
	}
	return 0;
}

static int read_side(struct viva_bytes input, const char *field, const struct viva_tokenizer *tokenizer,
		     struct viva_arena *arena, struct side *side, struct viva_error *error)
{
	int code = viva_text_read(input, MAX_CHARACTERS, arena, &side->text);
	if (code == VIVA_EINVAL)
		return viva_fail(error, VIVA_EFIELD, field, "%s is not valid UTF-8", field);
	if (code != 0)
		return code;
	side->bytes = viva_bytes_of(side->text.data, side->text.size);
	return collect_terms(side, tokenizer, arena);
}

static const struct term *find_term(const struct side *side, const char *stem)
{
	struct term key = {.stem = stem};
	return side->term_count > 0 ? bsearch(&key, side->terms, side->term_count, sizeof *side->terms, compare_terms)
				    : NULL;
}

// The set of a text's letter trigrams, hashed.
struct trigrams {
	uint64_t bits[(1 << TRIGRAM_BITS) / 64];
	size_t count;
};

static void add_trigrams(struct trigrams *trigrams, const char *word)
{
	uint32_t last = ' ';
	uint32_t before = 0;
	for (const char *at = word; before != 0 || at == word || *at; at++) {
		uint32_t c = *at ? (uint8_t)*at : ' ';
		if (at != word) {
			uint32_t hash = ((before * 31 + last) * 31 + c) * 2654435761u >> (32 - TRIGRAM_BITS);
			uint64_t bit = 1ull << (hash % 64);
			trigrams->count += (trigrams->bits[hash / 64] & bit) == 0;
			trigrams->bits[hash / 64] |= bit;
		}
		if (!*at)
			break;
		before = last;
		last = c;
	}
}

static double dice(const struct trigrams *a, const struct trigrams *b)
{
	size_t shared = 0;
	for (size_t i = 0; i < VIVA_COUNT(a->bits); i++)
		shared += (size_t)__builtin_popcountll(a->bits[i] & b->bits[i]);
	return a->count + b->count > 0 ? 2 * (double)shared / (double)(a->count + b->count) : 0;
}

static double word_dice(const char *a, const char *b)
{
	struct trigrams x = {0}, y = {0};
	add_trigrams(&x, a);
	add_trigrams(&y, b);
	return dice(&x, &y);
}

static double text_dice(const struct side *a, const struct side *b)
{
	struct trigrams x = {0}, y = {0};
	for (size_t i = 0; i < a->term_count; i++)
		add_trigrams(&x, a->terms[i].text);
	for (size_t i = 0; i < b->term_count; i++)
		add_trigrams(&y, b->terms[i].text);
	return dice(&x, &y);
}

// How well one side has a word of the other, 0–1.
typedef double (*matcher)(const struct side *having, const struct side *asking, size_t term);

static double match_exactly(const struct side *having, const struct side *asking, size_t term)
{
	return find_term(having, asking->terms[term].stem) != NULL;
}

static double match_spelling(const struct side *having, const struct side *asking, size_t term)
{
	if (find_term(having, asking->terms[term].stem))
		return 1;
	double best = 0;
	for (size_t i = 0; i < having->term_count; i++)
		best = fmax(best, word_dice(having->terms[i].text, asking->terms[term].text));
	return best < ALIKE_SPELLING ? 0 : best;
}

static double match_meaning(const struct side *having, const struct side *asking, size_t term)
{
	if (find_term(having, asking->terms[term].stem))
		return 1;
	double best = 0;
	for (size_t i = 0; i < having->term_count; i++)
		best = fmax(best, viva_embedding_cosine(&having->meanings[i], &asking->meanings[term]));
	return best < ALIKE_MEANING ? 0 : fmin(best, 1);
}

static double share(const struct side *asking, const struct side *having, const struct side *question, matcher match)
{
	double all = 0;
	double found = 0;
	for (size_t i = 0; i < asking->term_count; i++) {
		double weight = asking->terms[i].rarity;
		if (question && find_term(question, asking->terms[i].stem))
			weight *= QUESTION_WORD_WEIGHT;
		all += weight;
		found += weight * match(having, asking, i);
	}
	return all > 0 ? found / all : 0;
}

static double tf_idf(const struct side *a, const struct side *b)
{
	double product = 0, a_square = 0, b_square = 0;
	for (size_t i = 0; i < a->term_count; i++) {
		double weight = a->terms[i].rarity * sqrt(a->terms[i].count);
		const struct term *other = find_term(b, a->terms[i].stem);
		a_square += weight * weight;
		if (other)
			product += weight * other->rarity * sqrt(other->count);
	}
	for (size_t i = 0; i < b->term_count; i++)
		b_square += b->terms[i].rarity * b->terms[i].rarity * b->terms[i].count;
	return a_square > 0 && b_square > 0 ? product / sqrt(a_square * b_square) : 0;
}

static bool has_pair(const struct viva_text *text, const char *first, const char *second)
{
	for (size_t i = 1; i < text->word_count; i++) {
		if (strcmp(text->words[i - 1].stem, first) == 0 && strcmp(text->words[i].stem, second) == 0)
			return true;
	}
	return false;
}

static double bigram_recall(const struct viva_text *reference, const struct viva_text *answer)
{
	size_t pairs = 0;
	size_t found = 0;
	for (size_t i = 1; i < VIVA_MIN(reference->word_count, (size_t)MAX_COMPARED_WORDS); i++) {
		pairs++;
		found += has_pair(answer, reference->words[i - 1].stem, reference->words[i].stem);
	}
	return pairs > 0 ? (double)found / (double)pairs : 0;
}

static int count_negations(const struct viva_text *text)
{
	static const char *const negations[] = {"not",     "no",     "never",   "none",
						"nothing", "cannot", "without", "neither"};
	int count = 0;
	for (size_t i = 0; i < text->word_count; i++) {
		const char *word = text->words[i].text;
		size_t size = strlen(word);
		bool is_negation = size > 3 && strcmp(word + size - 3, "n't") == 0;
		for (size_t k = 0; k < VIVA_COUNT(negations); k++)
			is_negation |= strcmp(word, negations[k]) == 0;
		count += is_negation;
	}
	return count;
}

static double question_share(const struct side *answer, const struct side *question)
{
	size_t shared = 0;
	for (size_t i = 0; i < answer->term_count; i++)
		shared += find_term(question, answer->terms[i].stem) != NULL;
	return answer->term_count > 0 ? (double)shared / (double)answer->term_count : 0;
}

// One comparison on its way.
struct comparison {
	struct viva_embedder *embedder;
	struct viva_arena *arena;
	struct viva_error *error;
	struct side question, reference, answer;
};

static struct viva_bytes join(struct viva_arena *arena, const struct side *first, const struct side *second)
{
	const char *joined = viva_arena_printf(arena, "%s %s", first->text.data, second->text.data);
	return joined ? viva_bytes_of_text(joined) : (struct viva_bytes){0};
}

static int embed_sentences(struct comparison *comparison, const struct side *side, bool is_cached,
			   struct viva_embedding **ret_embeddings, size_t *ret_count)
{
	size_t count = VIVA_MIN(side->text.sentence_count, (size_t)MAX_SENTENCES);
	struct viva_bytes *texts = viva_arena_alloc(comparison->arena, (count + 1) * sizeof *texts);
	struct viva_embedding *embeddings = viva_arena_alloc(comparison->arena, (count + 1) * sizeof *embeddings);
	if (!texts || !embeddings)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct viva_sentence *sentence = &side->text.sentences[i];
		texts[i] = viva_bytes_of(side->text.data + sentence->begin, sentence->end - sentence->begin);
	}
	*ret_embeddings = embeddings;
	*ret_count = count;
	return (is_cached ? viva_embed_cached : viva_embed)(comparison->embedder, texts, count, comparison->arena,
							    embeddings, comparison->error);
}

static int measure_sentence_recall(struct comparison *comparison, double whole, double *ret_recall)
{
	struct viva_embedding *wanted = NULL, *given = NULL;
	size_t wanted_count = 0, given_count = 0;
	*ret_recall = whole;
	if (comparison->reference.text.sentence_count <= 1 && comparison->answer.text.sentence_count <= 1)
		return 0;
	int code = embed_sentences(comparison, &comparison->reference, true, &wanted, &wanted_count);
	if (code == 0)
		code = embed_sentences(comparison, &comparison->answer, false, &given, &given_count);
	double sum = 0;
	for (size_t i = 0; code == 0 && i < wanted_count; i++) {
		double best = 0;
		for (size_t k = 0; k < given_count; k++)
			best = fmax(best, viva_embedding_cosine(&wanted[i], &given[k]));
		sum += best;
	}
	if (wanted_count > 0)
		*ret_recall = sum / (double)wanted_count;
	return code;
}

struct windows {
	struct viva_embedding *embeddings;
	size_t count;
};

// Runs of four words, one at each word, or as many as may be spread over the text.
static int embed_windows(struct comparison *comparison, const struct viva_text *text, bool is_cached,
			 struct windows *ret_windows)
{
	struct viva_bytes texts[MAX_WINDOWS];
	size_t places = text->word_count < WINDOW_WORDS ? text->word_count > 0 : text->word_count - WINDOW_WORDS + 1;
	size_t count = VIVA_MIN(places, (size_t)MAX_WINDOWS);
	ret_windows->count = count;
	ret_windows->embeddings = viva_arena_alloc(comparison->arena, (count + 1) * sizeof *ret_windows->embeddings);
	if (!ret_windows->embeddings)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t first = i * places / count;
		size_t last = VIVA_MIN(first + WINDOW_WORDS, text->word_count) - 1;
		size_t begin = text->words[first].begin;
		texts[i] = viva_bytes_of(text->data + begin, text->words[last].end - begin);
	}
	return (is_cached ? viva_embed_cached : viva_embed)(comparison->embedder, texts, count, comparison->arena,
							    ret_windows->embeddings, comparison->error);
}

static double nearest_window(const struct viva_embedding *window, const struct windows *others)
{
	double best = 0;
	for (size_t i = 0; i < others->count; i++)
		best = fmax(best, viva_embedding_cosine(window, &others->embeddings[i]));
	return fmin(best, 1);
}

static double window_share(const struct windows *asking, const struct windows *having, const struct windows *question)
{
	double all = 0;
	double found = 0;
	for (size_t i = 0; i < asking->count; i++) {
		const struct viva_embedding *window = &asking->embeddings[i];
		double weight = 1 - (1 - QUESTION_WORD_WEIGHT) * nearest_window(window, question);
		all += weight;
		found += weight * nearest_window(window, having);
	}
	return all > 0 ? found / all : 0;
}

static int measure_windows(struct comparison *comparison, struct viva_grade_features *features)
{
	struct windows question, reference, answer;
	int code = embed_windows(comparison, &comparison->question.text, true, &question);
	if (code == 0)
		code = embed_windows(comparison, &comparison->reference.text, true, &reference);
	if (code == 0)
		code = embed_windows(comparison, &comparison->answer.text, false, &answer);
	if (code != 0)
		return code;
	features->values[VIVA_GRADE_WINDOW_RECALL] = window_share(&reference, &answer, &question);
	features->values[VIVA_GRADE_WINDOW_PRECISION] = window_share(&answer, &reference, &question);
	return 0;
}

static int measure_meanings(struct comparison *comparison, struct viva_grade_features *features)
{
	const struct side *question = &comparison->question, *reference = &comparison->reference,
			  *answer = &comparison->answer;
	struct viva_bytes known[] = {question->bytes, reference->bytes, join(comparison->arena, question, reference)};
	struct viva_bytes fresh[] = {answer->bytes, join(comparison->arena, question, answer)};
	struct viva_embedding known_embeddings[3], fresh_embeddings[2];
	if (!known[2].data || !fresh[1].data)
		return VIVA_ENOMEM;
	int code = viva_embed_cached(comparison->embedder, known, 3, comparison->arena, known_embeddings,
				     comparison->error);
	if (code == 0)
		code = viva_embed(comparison->embedder, fresh, 2, comparison->arena, fresh_embeddings,
				  comparison->error);
	if (code != 0)
		return code;
	double *values = features->values;
	features->answer = fresh_embeddings[0];
	values[VIVA_GRADE_COSINE] = viva_embedding_cosine(&fresh_embeddings[0], &known_embeddings[1]);
	values[VIVA_GRADE_QUESTION_COSINE] = viva_embedding_cosine(&fresh_embeddings[0], &known_embeddings[0]);
	values[VIVA_GRADE_GAIN] = values[VIVA_GRADE_COSINE] - values[VIVA_GRADE_QUESTION_COSINE];
	values[VIVA_GRADE_JOINT_COSINE] = viva_embedding_cosine(&fresh_embeddings[1], &known_embeddings[2]);
	values[VIVA_GRADE_REFERENCE_COSINE] = viva_embedding_cosine(&known_embeddings[1], &known_embeddings[0]);
	return measure_sentence_recall(comparison, values[VIVA_GRADE_COSINE], &values[VIVA_GRADE_SENTENCE_RECALL]);
}

static int embed_terms(struct comparison *comparison, struct side *side, bool is_cached)
{
	struct viva_bytes *texts = viva_arena_alloc(comparison->arena, (side->term_count + 1) * sizeof *texts);
	side->meanings = viva_arena_alloc(comparison->arena, (side->term_count + 1) * sizeof *side->meanings);
	if (!texts || !side->meanings)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < side->term_count; i++)
		texts[i] = viva_bytes_of_text(side->terms[i].text);
	return (is_cached ? viva_embed_cached : viva_embed)(comparison->embedder, texts, side->term_count,
							    comparison->arena, side->meanings, comparison->error);
}

static int measure_words(struct comparison *comparison, struct viva_grade_features *features)
{
	struct side *question = &comparison->question, *reference = &comparison->reference,
		    *answer = &comparison->answer;
	int code = embed_terms(comparison, reference, true);
	if (code == 0)
		code = embed_terms(comparison, answer, false);
	if (code != 0)
		return code;
	double *values = features->values;
	values[VIVA_GRADE_RECALL] = share(reference, answer, question, match_exactly);
	values[VIVA_GRADE_PLAIN_RECALL] = share(reference, answer, NULL, match_exactly);
	values[VIVA_GRADE_SOFT_RECALL] = share(reference, answer, question, match_spelling);
	values[VIVA_GRADE_MEANING_RECALL] = share(reference, answer, question, match_meaning);
	values[VIVA_GRADE_PRECISION] = share(answer, reference, NULL, match_exactly);
	values[VIVA_GRADE_TF_IDF] = tf_idf(reference, answer);
	values[VIVA_GRADE_TRIGRAMS] = text_dice(reference, answer);
	values[VIVA_GRADE_BIGRAM_RECALL] = bigram_recall(&reference->text, &answer->text);
	values[VIVA_GRADE_LOG_WORDS] = log1p((double)answer->text.word_count);
	values[VIVA_GRADE_LOG_REFERENCE_WORDS] = log1p((double)reference->text.word_count);
	values[VIVA_GRADE_LOG_QUESTION_WORDS] = log1p((double)question->text.word_count);
	values[VIVA_GRADE_LOG_RATIO] = values[VIVA_GRADE_LOG_WORDS] - values[VIVA_GRADE_LOG_REFERENCE_WORDS];
	values[VIVA_GRADE_QUESTION_SHARE] = question_share(answer, question);
	int negations = abs(count_negations(&answer->text) - count_negations(&reference->text));
	values[VIVA_GRADE_NEGATION] = VIVA_MIN(negations, 3);
	return 0;
}

int viva_grade_measure(struct viva_embedder *embedder, struct viva_bytes question, struct viva_bytes reference,
		       struct viva_bytes answer, struct viva_arena *arena, struct viva_grade_features *ret_features,
		       struct viva_error *error)
{
	const struct viva_tokenizer *tokenizer = viva_embedder_tokenizer(embedder);
	struct comparison comparison = {.embedder = embedder, .arena = arena, .error = error};
	struct viva_grade_features features = {0};
	int code = read_side(question, "question", tokenizer, arena, &comparison.question, error);
	if (code == 0)
		code = read_side(reference, "reference_answer", tokenizer, arena, &comparison.reference, error);
	if (code == 0)
		code = read_side(answer, "transcript", tokenizer, arena, &comparison.answer, error);
	if (code == 0)
		code = measure_meanings(&comparison, &features);
	if (code == 0)
		code = measure_words(&comparison, &features);
	if (code == 0)
		code = measure_windows(&comparison, &features);
	features.declines = code == 0 && viva_text_declines(&comparison.answer.text);
	features.values[VIVA_GRADE_EXCESS] = fmax(viva_grade_untrained(&features) - SAME_TO_GRADERS, 0);
	if (code == 0)
		*ret_features = features;
	return code;
}
