// SPDX-License-Identifier: Apache-2.0
//
// Judges one answer to one question: how relevant, clear and deep it is, what it says, which reference points it
// covers, and feedback in whole sentences. docs/scoring.md has the formulas. It never claims that an answer is wrong.
//
// Threads: open and destroy from one; analyze from any, and blocks while it computes (60–100 ms for 200 words).
#ifndef VIVA_LANGUAGE_ANALYZE_H
#define VIVA_LANGUAGE_ANALYZE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "language/fluency.h"
#include "language/structure.h"

enum {
	VIVA_ANSWER_MAX_CHARACTERS = 50000,  // of a transcript; the rest is not read
	VIVA_ANSWER_MAX_KEYWORDS = 8,
	VIVA_ANSWER_MAX_POINTS = 16,
	VIVA_ANSWER_MAX_GRADED = 20,
	VIVA_ANSWER_MAX_FEEDBACK_BYTES = 2000,
};

// Of formulas, constants and word lists: goes into every score.
#define VIVA_LANGUAGE_VERSION "language-4"

struct viva_language;

// A question that others are compared with.
struct viva_background_question {
	const char *text;
	const char *const *points;  // its reference points; may be NULL
	size_t point_count;
};

struct viva_language_options {
	const char *model_directory;  // see embed.h
	size_t max_concurrent;        // answers analysed at a time. Default 2.
	// The questions of a bank, against which relevance is measured; ≥ 8 make it work well. Not kept.
	const struct viva_background_question *background;
	size_t background_count;
	const char *background_file;  // keeps what is computed of them between opens; NULL = nowhere. Default NULL.
	double confidence_floor;      // a transcript below is not scorable, 0–1. Default .4.
};

struct viva_language_options viva_language_defaults(void);
// Errors of viva_embedder_open; VIVA_EINVAL (a background text is not UTF-8).
VIVA_MUST_CHECK int viva_language_open(const struct viva_language_options *options, struct viva_language **ret_language,
				       struct viva_error *error);
struct viva_language *viva_language_destroy(struct viva_language *language);  // after the last analysis returned
VIVA_DEFINE_AUTO(viva_language)

// An answer to the same question that a person has graded.
struct viva_graded_answer {
	struct viva_bytes text;
	double points;  // share of full points, 0–1
};

struct viva_answer {
	struct viva_bytes question;           // empty = unknown: then relevance can't be judged
	const char *const *reference_points;  // may be NULL
	size_t reference_point_count;         // at most VIVA_ANSWER_MAX_POINTS
	const char *const *point_labels;      // how feedback names them: "what you built"; NULL = by the points
	bool is_narrative;  // the question asks for experience or conduct: points are met by what someone did or would
			    // do, not by a statement
	bool asks_for_story;  // it asks for something that happened: its parts are then looked for
	struct viva_bytes transcript;
	double seconds;                      // of speech; 0 = unknown
	double confidence;                   // the speech recogniser's, 0–1; 0 = unknown
	const char *language;                // BCP 47; NULL or "" = English
	struct viva_bytes reference_answer;  // what a full answer says; empty = none: then correctness is not judged
	const struct viva_graded_answer *graded_answers;  // may be NULL; without reference_answer they say nothing
	size_t graded_answer_count;                       // at most VIVA_ANSWER_MAX_GRADED
};

// Why an answer says nothing about its speaker.
enum viva_unscorable {
	VIVA_SCORABLE,
	VIVA_UNSCORABLE_CONFIDENCE,  // the speech recogniser was not sure enough
	VIVA_UNSCORABLE_LANGUAGE,    // not English
};

enum viva_point_status { VIVA_POINT_NOT_FOUND, VIVA_POINT_PARTLY, VIVA_POINT_COVERED };

struct viva_point_finding {
	const char *text;  // the reference point, as people are told of it: its label, where it has one
	bool is_label;     // it has
	enum viva_point_status status;
	const char *evidence;  // the answer's own words; "" = none
	double similarity;     // 0–1, of the evidence to the point
};

// Something the score depends on that its reader should know.
struct viva_answer_remark {
	const char *code;         // "no_answer", "question_copy", "too_short", "keyword_list", "capped", …
	const char *description;  // a sentence
	double impact;            // on the scores, in [-1, 1]
};

enum { VIVA_ANSWER_MAX_REMARKS = 8 };

// All texts live in the arena given to analyze.
struct viva_answer_analysis {
	enum viva_unscorable unscorable;   // not SCORABLE: all below is 0 or empty, but reason and feedback
	const char *reason;                // "" = scorable
	bool has_relevance;                // the question was known
	double relevance, clarity, depth;  // 0–1
	bool has_points;
	double coverage;       // 0–1: share of the reference points that are covered; 0 without points
	bool has_correctness;  // there was a reference answer
	double correctness;  // 0–1: the points that graders would give, as a model estimates them (models/grading.md)
	double substance;  // 0–1: how much of relevance and coverage its form bears out: less in a list of keywords,
			   // in disorder, and in a few words
	double specificity;                   // 0–1: figures, reasons and examples, in what is on topic
	const char *specific;                 // the sentence with the most of them; NULL = none
	bool has_marks;                       // figures, reasons or examples stand somewhere, on topic or not
	bool is_story;                        // one was asked for, and the answer is long enough to look for its parts
	const char *story[VIVA_STORY_PARTS];  // the sentence that tells it; NULL = not found. Weighs nothing.
	const char *const *keywords;
	size_t keyword_count;
	const struct viva_point_finding *points;
	size_t point_count;
	const char *feedback;
	struct viva_answer_remark remarks[VIVA_ANSWER_MAX_REMARKS];
	size_t remark_count;
	struct viva_features features;
};

// VIVA_EFIELD (not UTF-8: field "transcript", "question", "reference_answer" or "graded_answers"; too many points or
// graded answers), VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_language_analyze(struct viva_language *language, const struct viva_answer *answer,
					  struct viva_arena *arena, struct viva_answer_analysis *ret_analysis,
					  struct viva_error *error);

const char *viva_point_status_text(enum viva_point_status status);  // "covered", "partly", "not_found"

#endif
