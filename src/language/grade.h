// SPDX-License-Identifier: Apache-2.0
//
// Points of correctness of an answer to a question with a reference answer: a small model over measured features,
// trained on answers that people graded (models/grading.md), and corrected by graded answers to the same question where
// there are any. Without a reference answer there is no such claim.
//
// Threads: a model never changes after parse; everything else is pure but for the embedder, which blocks (embed.h).
#ifndef VIVA_LANGUAGE_GRADE_H
#define VIVA_LANGUAGE_GRADE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "language/embed.h"

// What is measured of (question, reference answer, answer). Names and order are those of the model's file.
enum viva_grade_feature {
	VIVA_GRADE_COSINE,            // of the answer's and the reference's embeddings
	VIVA_GRADE_QUESTION_COSINE,   // of the answer's and the question's
	VIVA_GRADE_GAIN,              // of the two above, the first minus the second
	VIVA_GRADE_JOINT_COSINE,      // of question + answer and question + reference, each read in one go
	VIVA_GRADE_REFERENCE_COSINE,  // of the reference's and the question's
	VIVA_GRADE_SENTENCE_RECALL,   // the reference's sentences, each with its nearest sentence of the answer, mean
	VIVA_GRADE_RECALL,          // share of the reference's words that the answer has, rare words weighing more and
				    // words of the question less
	VIVA_GRADE_PLAIN_RECALL,    // the same without looking at the question
	VIVA_GRADE_SOFT_RECALL,     // as RECALL, where a word that is only spelt alike counts in part
	VIVA_GRADE_MEANING_RECALL,  // as RECALL, where a word that only means the like counts in part
	VIVA_GRADE_WINDOW_RECALL,   // the reference's runs of four words, each with its nearest run of the answer, mean
				    // cosine, runs that are near to the question weighing less
	VIVA_GRADE_WINDOW_PRECISION,  // the same the other way round
	VIVA_GRADE_EXCESS,            // how far UNTRAINED is above the value from which graders see no difference
	VIVA_GRADE_PRECISION,         // share of the answer's words that the reference has, weighted as PLAIN_RECALL
	VIVA_GRADE_TF_IDF,            // cosine of the bags of stems
	VIVA_GRADE_TRIGRAMS,          // Dice's coefficient of the sets of letter trigrams
	VIVA_GRADE_BIGRAM_RECALL,     // share of the reference's pairs of neighbouring stems
	VIVA_GRADE_LOG_WORDS,         // ln(1 + words) of the answer
	VIVA_GRADE_LOG_REFERENCE_WORDS,
	VIVA_GRADE_LOG_QUESTION_WORDS,
	VIVA_GRADE_LOG_RATIO,       // LOG_WORDS − LOG_REFERENCE_WORDS
	VIVA_GRADE_QUESTION_SHARE,  // share of the answer's content stems that the question has
	VIVA_GRADE_NEGATION,        // difference in the number of negations, at most 3
	VIVA_GRADE_FEATURES,
};

// The feature's name in the model's file.
const char *viva_grade_feature_name(enum viva_grade_feature feature);

struct viva_grade_features {
	double values[VIVA_GRADE_FEATURES];
	struct viva_embedding answer;  // for the comparison with graded answers
	bool declines;                 // "I don't know": no points
};

// Errors of viva_embed; VIVA_EFIELD (a text is not UTF-8: field "question", "reference_answer" or "transcript").
VIVA_MUST_CHECK int viva_grade_measure(struct viva_embedder *embedder, struct viva_bytes question,
				       struct viva_bytes reference, struct viva_bytes answer, struct viva_arena *arena,
				       struct viva_grade_features *ret_features, struct viva_error *error);

// A model: weights of some features and what graded answers to the same question are worth.
struct viva_grade_model {
	double bias;
	double weights[VIVA_GRADE_FEATURES];  // of the features as measured; points as a share of full points
	// Of the covariance of two answers' errors (a Gaussian process): common to the question, by nearness in
	// meaning, by points; and the standard deviation of a grade. All ≥ 0, noise > 0, reach > 0.
	double common, nearness, reach, slope, noise;
};

// Reads {"format":1,"bias":…,"weights":{name:…},"examples":{"common","nearness","reach","slope","noise"}}. VIVA_EJSON,
// VIVA_EFIELD (an unknown feature, a number out of range), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_grade_model_parse(struct viva_bytes json, struct viva_grade_model *ret_model,
					   struct viva_error *error);
// The model that this library was built with (models/grading.json).
VIVA_MUST_CHECK int viva_grade_model_shipped(struct viva_grade_model *ret_model, struct viva_error *error);

// Points as a share of full points, in [0, 1].
double viva_grade_points(const struct viva_grade_model *model, const struct viva_grade_features *features);

enum { VIVA_GRADE_MAX_EXAMPLES = 50 };

// A graded answer to the same question.
struct viva_grade_example {
	struct viva_grade_features features;
	double points;  // given, 0–1
};

// The same, corrected by what the model got wrong about graded answers, the nearer in meaning the more. `count` is at
// most VIVA_GRADE_MAX_EXAMPLES; none give viva_grade_points.
double viva_grade_points_adapted(const struct viva_grade_model *model, const struct viva_grade_features *features,
				 const struct viva_grade_example *examples, size_t count);
// The estimate without any training: the mean of COSINE, MEANING_RECALL and WINDOW_RECALL.
double viva_grade_untrained(const struct viva_grade_features *features);

#endif
