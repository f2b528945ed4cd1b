// SPDX-License-Identifier: Apache-2.0
//
// How far a score is to be trusted: the standard error of a mean over few answers, and a band around the overall score.
// docs/scoring.md has the formulas.
//
// Threads: any; pure functions.
#ifndef VIVA_SCORING_BAND_H
#define VIVA_SCORING_BAND_H

#include <stddef.h>

// The deviation of one answer's score from a human grader's, of 100: .87 of 5 points is the error of grading short
// answers that the analysis is held to (Mohler's data, questions not seen).
#define SCORING_ANSWER_DEVIATION 17.4
// Answers that this deviation stands for beside those of the interview: with few answers their own spread says little.
#define SCORING_DEVIATION_WEIGHT 4.0
// Of the normal distribution: nine in ten lie within so many standard errors.
#define SCORING_BAND_WIDTH 1.645

// Scores of answers, 0–100, as they are summed up.
struct scoring_sample {
	size_t count;
	double sum;
	double square_sum;
};

void scoring_sample_add(struct scoring_sample *sample, double score);
double scoring_sample_mean(const struct scoring_sample *sample);  // 0 of none
// sqrt((4 × 17.4² + Σ (score − mean)²) ÷ (4 + n − 1) ÷ n); 0 of none.
double scoring_sample_error(const struct scoring_sample *sample);

struct scoring_band {
	double low, high;  // 0–100
};
// The mean ± 1.645 × error, within [0, 100].
struct scoring_band scoring_band_around(double score, double standard_error);

#endif
