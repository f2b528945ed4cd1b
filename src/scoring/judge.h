// SPDX-License-Identifier: Apache-2.0
//
// One answer judged with what the question bank knows of its question, and the analysis in its outward forms.
//
// Threads: any; blocks while the language library computes.
#ifndef VIVA_SCORING_JUDGE_H
#define VIVA_SCORING_JUDGE_H

#include "base/json.h"
#include "scoring.pb-c.h"
#include "scoring/state.h"

enum scoring_category {
	SCORING_INTRODUCTION,
	SCORING_BEHAVIOURAL,
	SCORING_TECHNICAL,
	SCORING_SITUATIONAL,
	SCORING_OTHER,
};

// One answer as it was put. All texts are borrowed.
struct scoring_answer {
	const char *question_id;
	const char *question;
	const char *category;
	const char *transcript;
	double seconds;
	double confidence;
	const char *language;
	const char *reference_answer;            // NULL or "" = the bank's, if it has one
	Scoring__GradedAnswer **graded_answers;  // checked
	size_t graded_answer_count;
};

struct scoring_judgement {
	const char *question;  // the text that was judged against; "" = unknown
	const char *category_name;
	enum scoring_category category;
	struct viva_answer_analysis analysis;
};

// An answer as it comes in a request that was checked.
struct scoring_answer scoring_answer_of(const Scoring__AnswerRequest *request);

// A question that is neither given nor of the bank is unknown: relevance is then not judged. Errors of
// viva_language_analyze.
VIVA_MUST_CHECK int scoring_judge(struct scoring_service *service, const struct scoring_answer *answer,
				  struct viva_arena *arena, struct scoring_judgement *ret_judgement,
				  struct viva_error *error);

// The analysis as a protobuf message, in the arena. VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_analysis_message(const struct viva_answer_analysis *analysis, struct viva_arena *arena,
					     Scoring__AnswerAnalysis *ret_message);
// As JSON, with proto field names and beyond them features and remarks. NULL when memory is short.
json_t *scoring_analysis_json(const struct viva_answer_analysis *analysis);

#endif
