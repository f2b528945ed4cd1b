// SPDX-License-Identifier: Apache-2.0
#include "language/relevance.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "language/background_file.h"

enum { MIN_BACKGROUND = 8 };  // other questions that a mean and deviation can be taken from

// docs/scoring.md, "Relevance": chosen on honest answers to the questions of the bank, and to others of them.
static const double MIDDLE = 1;  // deviations above the background's mean that give .5
static const double SLOPE = 2.5;
static const double QUESTION_PENALTY = .3;  // of nearness to the question where there are points to judge by
static const double MIN_DEVIATION = .05;
static const double SAME_QUESTION = .9;  // a background question this near is the question itself

// What cosines are by and large, for want of a bank.
struct usual {
	double mean, deviation;
};
static const struct usual USUAL_QUESTION = {.1, .12}, USUAL_CENTRE = {.18, .11};
// What the cosines of a story must be above, whatever the others are: any story is a little nearer to some question
// that asks for one, and one that is near to nothing is about none of them.
static const struct usual LEAST_QUESTION = {.15, .10}, LEAST_CENTRE = {.18, .08};

struct known_question {
	struct viva_embedding question;
	struct viva_embedding centre;  // of its points
	bool has_points;
};

struct viva_background {
	struct known_question *questions;
	size_t count;
};

// The direction of all points together; false = there is none.
static bool find_centre(const struct viva_embedding *points, size_t count, struct viva_embedding *ret_centre)
{
	double sum[VIVA_EMBEDDING_SIZE] = {0};
	double square = 0;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < VIVA_EMBEDDING_SIZE; k++)
			sum[k] += (double)points[i].values[k];
	}
	for (size_t k = 0; k < VIVA_EMBEDDING_SIZE; k++)
		square += sum[k] * sum[k];
	if (square < 1e-12)
		return false;
	for (size_t k = 0; k < VIVA_EMBEDDING_SIZE; k++)
		ret_centre->values[k] = (float)(sum[k] / sqrt(square));
	return true;
}

static int embed_question(struct viva_embedder *embedder, const struct viva_background_question *question,
			  struct known_question *known, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	int code = viva_arena_create(0, &arena);
	if (code != 0)
		return code;
	size_t count = question->point_count;
	struct viva_bytes *texts = viva_arena_alloc(arena, (count + 1) * sizeof *texts);
	struct viva_embedding *embeddings = viva_arena_alloc(arena, (count + 1) * sizeof *embeddings);
	if (!texts || !embeddings)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++)
		texts[i] = viva_bytes_of_text(question->points[i]);
	texts[count] = viva_bytes_of_text(question->text);
	code = viva_embed_cached(embedder, texts, count + 1, arena, embeddings, error);
	if (code != 0)
		return code;
	known->question = embeddings[count];
	known->has_points = find_centre(embeddings, count, &known->centre);
	return 0;
}

// With its length before it, so that no two lists of texts are alike.
static bool digest_text(EVP_MD_CTX *digest, const char *text)
{
	uint64_t size = strlen(text);
	return EVP_DigestUpdate(digest, &size, sizeof size) == 1 && EVP_DigestUpdate(digest, text, size) == 1;
}

static bool digest_question(EVP_MD_CTX *digest, const struct viva_background_question *question)
{
	uint64_t count = question->point_count;
	bool is_done = digest_text(digest, question->text) && EVP_DigestUpdate(digest, &count, sizeof count) == 1;
	for (size_t i = 0; i < count && is_done; i++)
		is_done = digest_text(digest, question->points[i]);
	return is_done;
}

// The key under which the computed questions are kept.
static int make_key(const struct viva_embedder *embedder, const struct viva_background_question *questions,
		    size_t count, size_t kept, uint8_t ret_key[VIVA_BACKGROUND_KEY_SIZE])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool is_done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
		       digest_text(digest, viva_embedder_identity(embedder));
	for (size_t i = 0; i < kept && is_done; i++)
		is_done = digest_question(digest, &questions[i * count / kept]);
	is_done = is_done && EVP_DigestFinal_ex(digest, ret_key, NULL) == 1;
	EVP_MD_CTX_free(digest);
	return is_done ? 0 : VIVA_ENOMEM;
}

int viva_background_open(struct viva_embedder *embedder, const struct viva_background_question *questions, size_t count,
			 const char *path, struct viva_background **ret_background, struct viva_error *error)
{
	VIVA_AUTO(viva_background) background = calloc(1, sizeof *background);
	if (!background)
		return VIVA_ENOMEM;
	size_t kept = VIVA_MIN(count, (size_t)VIVA_BACKGROUND_MAX);
	background->questions = calloc(kept + 1, sizeof *background->questions);
	if (!background->questions)
		return VIVA_ENOMEM;
	background->count = kept;
	uint8_t key[VIVA_BACKGROUND_KEY_SIZE];
	size_t bytes = kept * sizeof *background->questions;
	int code = make_key(embedder, questions, count, kept, key);
	if (code != 0)
		return code;
	if (!path || !viva_background_file_read(path, key, background->questions, bytes)) {
		for (size_t i = 0; i < kept && code == 0; i++)
			code = embed_question(embedder, &questions[i * count / kept], &background->questions[i], error);
		if (code != 0)
			return code;
		if (path)
			(void)viva_background_file_write(path, key, background->questions, bytes);
	}
	*ret_background = viva_take(&background);
	return 0;
}

struct viva_background *viva_background_destroy(struct viva_background *background)
{
	if (!background)
		return NULL;
	free(background->questions);
	free(background);
	return NULL;
}

// Cosines of an answer to what it is not asked.
struct cosines {
	double sum, squares, count;
};

static void add(struct cosines *cosines, double cosine)
{
	cosines->sum += cosine;
	cosines->squares += cosine * cosine;
	cosines->count++;
}

static double deviations(double cosine, const struct usual *usual)
{
	return (cosine - usual->mean) / usual->deviation;
}

// How many deviations a cosine is above the others.
static double standard_score(const struct cosines *others, double cosine, const struct usual *usual)
{
	if (others->count < MIN_BACKGROUND)
		return deviations(cosine, usual);
	double mean = others->sum / others->count;
	double deviation = sqrt(fmax(others->squares / others->count - mean * mean, 0));
	return (cosine - mean) / fmax(deviation, MIN_DEVIATION);
}

double viva_background_relevance(const struct viva_background *background, const struct viva_embedding *about,
				 const struct viva_embedding *question, const struct viva_embedding *points,
				 size_t point_count, bool is_narrative)
{
	struct cosines questions = {0};
	struct cosines centres = {0};
	for (size_t i = 0; i < background->count; i++) {
		const struct known_question *other = &background->questions[i];
		if (viva_embedding_cosine(&other->question, question) > SAME_QUESTION)
			continue;
		add(&questions, viva_embedding_cosine(about, &other->question));
		if (other->has_points)
			add(&centres, viva_embedding_cosine(about, &other->centre));
	}
	double cosine = viva_embedding_cosine(about, question);
	double score = standard_score(&questions, cosine, &USUAL_QUESTION);
	struct viva_embedding centre;
	// People answer about their own lives, not in the words of the question, but much like each other.
	if (find_centre(points, point_count, &centre)) {
		double nearness = viva_embedding_cosine(about, &centre);
		score = fmax(score - QUESTION_PENALTY, standard_score(&centres, nearness, &USUAL_CENTRE));
		if (is_narrative)
			score = fmin(score,
				     fmax(deviations(cosine, &LEAST_QUESTION), deviations(nearness, &LEAST_CENTRE)));
	}
	return 1 / (1 + exp(-SLOPE * (score - MIDDLE)));
}
