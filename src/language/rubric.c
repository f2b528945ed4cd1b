// SPDX-License-Identifier: Apache-2.0
#include "language/rubric.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

enum {
	MAX_EVIDENCE_BYTES = 300,
	MAX_PAIR_BYTES = 140,  // of two sentences that are quoted together; of longer ones the nearer is
};

// docs/scoring.md, "Reference points": chosen on graded answers to other questions.
static const double MEANING_WEIGHT = .7;        // of the cosine; the rest is of shared words
static const double QUESTION_WORD_WEIGHT = .3;  // a shared word that the question has already said
static const double PARTLY = .33, COVERED = .48;
// A story meets a point by an event of its own: it is less near to the point's words.
static const double NARRATIVE_PARTLY = .26, NARRATIVE_COVERED = .38;
enum { NARRATIVE_MIN_STEMS = 4 };  // "I like my job" is near to all that is about jobs, and tells nothing

const char *viva_point_status_text(enum viva_point_status status)
{
	switch (status) {
	case VIVA_POINT_COVERED:
		return "covered";
	case VIVA_POINT_PARTLY:
		return "partly";
	case VIVA_POINT_NOT_FOUND:
		break;
	}
	return "not_found";
}

int viva_rubric_prepare(struct viva_embedder *embedder, const struct viva_answer *answer, struct viva_arena *arena,
			struct viva_rubric *ret_rubric, struct viva_error *error)
{
	size_t count = answer->reference_point_count;
	struct viva_rubric rubric = {.points = answer->reference_points,
				     .count = count,
				     .partly = answer->is_narrative ? NARRATIVE_PARTLY : PARTLY,
				     .covered = answer->is_narrative ? NARRATIVE_COVERED : COVERED,
				     .min_stems = answer->is_narrative ? NARRATIVE_MIN_STEMS : 0};
	bool has_labels = answer->point_labels != NULL;
	struct viva_bytes *texts = viva_arena_alloc(arena, (count + 1) * sizeof *texts);
	rubric.findings = viva_arena_alloc(arena, (count + 1) * sizeof *rubric.findings);
	rubric.embeddings = viva_arena_alloc(arena, (count + 1) * sizeof *rubric.embeddings);
	if (!texts || !rubric.findings || !rubric.embeddings)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		texts[i] = viva_bytes_of_text(rubric.points[i]);
		rubric.findings[i] =
			(struct viva_point_finding){.text = has_labels ? answer->point_labels[i] : rubric.points[i],
						    .is_label = has_labels,
						    .evidence = ""};
	}
	int code = viva_embed_cached(embedder, texts, count, arena, rubric.embeddings, error);
	if (code == 0)
		*ret_rubric = rubric;
	return code;
}

// The stems of a point with what each weighs.
struct point_words {
	const char **stems;
	size_t count;
	const char *const *question_stems;
	size_t question_stem_count;
};

// Weighted share of the point's words that one or two sentences have.
static double shared_words(const struct point_words *point, const struct viva_essence_sentence *a,
			   const struct viva_essence_sentence *b)
{
	double all = 0;
	double shared = 0;
	for (size_t i = 0; i < point->count; i++) {
		const char *stem = point->stems[i];
		double weight = viva_stems_have(point->question_stems, point->question_stem_count, stem)
					? QUESTION_WORD_WEIGHT
					: 1;
		all += weight;
		if (viva_stems_have(a->stems, a->stem_count, stem) ||
		    (b && viva_stems_have(b->stems, b->stem_count, stem)))
			shared += weight;
	}
	return all > 0 ? shared / all : 0;
}

static double pair_cosine(const struct viva_embedding *point, const struct viva_essence_sentence *a,
			  const struct viva_essence_sentence *b)
{
	double length = sqrt(2 + 2 * viva_embedding_cosine(&a->embedding, &b->embedding));
	if (length < 1e-6)
		return 0;
	return (viva_embedding_cosine(point, &a->embedding) + viva_embedding_cosine(point, &b->embedding)) / length;
}

static double similarity(double cosine, double shared)
{
	return MEANING_WEIGHT * fmax(cosine, 0) + (1 - MEANING_WEIGHT) * shared;
}

// The answer's own words from one sentence to another.
static const char *quote(const struct viva_text *answer, size_t first, size_t last, struct viva_arena *arena)
{
	size_t begin = answer->sentences[first].begin;
	size_t end = answer->sentences[last].end;
	size_t kept = viva_utf8_cut(answer->data + begin, end - begin, MAX_EVIDENCE_BYTES);
	bool is_cut = begin + kept < end || answer->sentences[last].goes_on;
	return viva_arena_printf(arena, "%s%.*s%s", answer->sentences[first].is_continued ? "…" : "", (int)kept,
				 answer->data + begin, is_cut ? "…" : "");
}

// Of two sentences that meet a point together, both where they are short, else the nearer one.
static const char *quote_pair(const struct viva_text *answer, const struct viva_embedding *point,
			      const struct viva_essence_sentence *a, const struct viva_essence_sentence *b,
			      struct viva_arena *arena)
{
	size_t size = answer->sentences[b->index].end - answer->sentences[a->index].begin;
	if (size <= MAX_PAIR_BYTES)
		return quote(answer, a->index, b->index, arena);
	bool is_first = viva_embedding_cosine(point, &a->embedding) >= viva_embedding_cosine(point, &b->embedding);
	size_t nearer = is_first ? a->index : b->index;
	return quote(answer, nearer, nearer, arena);
}

static int match_point(struct viva_rubric *rubric, size_t index, const struct point_words *words,
		       const struct viva_text *answer, const struct viva_essence *essence, struct viva_arena *arena)
{
	struct viva_point_finding *finding = &rubric->findings[index];
	const struct viva_embedding *embedding = &rubric->embeddings[index];
	const struct viva_essence_sentence *best_a = NULL;
	const struct viva_essence_sentence *best_b = NULL;
	for (size_t i = 0; i < essence->count; i++) {
		const struct viva_essence_sentence *a = &essence->sentences[i];
		const struct viva_essence_sentence *b = i + 1 < essence->count ? a + 1 : NULL;
		double alone =
			similarity(viva_embedding_cosine(embedding, &a->embedding), shared_words(words, a, NULL));
		if (alone > finding->similarity) {
			finding->similarity = alone;
			best_a = a;
			best_b = NULL;
		}
		if (!b || b->index != a->index + 1)
			continue;
		// A pair must be clearly better than its halves: quotes should be short. But where a speaker's sentence
		// ends is a guess in a run without punctuation.
		double pair = similarity(pair_cosine(embedding, a, b), shared_words(words, a, b));
		if (pair > finding->similarity + (answer->sentences[a->index].goes_on ? 0 : .03)) {
			finding->similarity = pair;
			best_a = a;
			best_b = b;
		}
	}
	finding->similarity = fmin(finding->similarity, 1);
	size_t stems = (best_a ? best_a->stem_count : 0) + (best_b ? best_b->stem_count : 0);
	if (stems < rubric->min_stems)
		finding->similarity = fmin(finding->similarity, rubric->partly);
	if (finding->similarity >= rubric->covered)
		finding->status = VIVA_POINT_COVERED;
	else if (finding->similarity >= rubric->partly)
		finding->status = VIVA_POINT_PARTLY;
	if (finding->status != VIVA_POINT_NOT_FOUND)
		finding->evidence = best_b ? quote_pair(answer, embedding, best_a, best_b, arena)
					   : quote(answer, best_a->index, best_a->index, arena);
	return finding->evidence ? 0 : VIVA_ENOMEM;
}

int viva_rubric_match(struct viva_rubric *rubric, const struct viva_text *answer, const struct viva_text *question,
		      const struct viva_essence *essence, struct viva_arena *arena)
{
	struct point_words words = {0};
	words.question_stems =
		viva_stems_of(question, 0, question->word_count, NULL, arena, &words.question_stem_count);
	if (!words.question_stems)
		return VIVA_ENOMEM;
	double sum = 0;
	for (size_t i = 0; i < rubric->count; i++) {
		struct viva_text point;
		int code = viva_text_read(viva_bytes_of_text(rubric->points[i]), 4000, arena, &point);
		if (code != 0)
			return code;
		words.stems = viva_stems_of(&point, 0, point.word_count, NULL, arena, &words.count);
		if (!words.stems)
			return VIVA_ENOMEM;
		code = match_point(rubric, i, &words, answer, essence, arena);
		if (code != 0)
			return code;
		double above = (rubric->findings[i].similarity - rubric->partly) / (rubric->covered - rubric->partly);
		if (rubric->findings[i].status != VIVA_POINT_NOT_FOUND)
			sum += fmin(.4 + .6 * above, 1);
	}
	rubric->coverage = rubric->count > 0 ? sum / (double)rubric->count : 0;
	return 0;
}
