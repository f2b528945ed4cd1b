// SPDX-License-Identifier: Apache-2.0
//
// How something is said, measured on words alone: fillers, repetitions, pace, variety, order, sentences.
// docs/scoring.md has the formulas and where their constants come from.
//
// Threads: any; pure functions.
#ifndef VIVA_LANGUAGE_FLUENCY_H
#define VIVA_LANGUAGE_FLUENCY_H

#include <stdbool.h>
#include <stddef.h>

#include "language/words.h"

struct viva_features {
	size_t words;             // without fillers
	double telling_words;     // of them: all, until the judge knows how many are about the question
	size_t content_words;     // that are no function words
	size_t fillers;           // "um", "uh", …
	size_t soft_fillers;      // "basically", "you know", …
	size_t repetitions;       // words said twice in a row
	size_t repairs;           // "no, wait", "or rather": the speaker begins anew
	double words_per_minute;  // 0 = unknown
	double diversity;         // MTLD (McCarthy & Jarvis 2010); 0 = too short to tell (< 50 words)
	double sentence_words;    // mean length of a sentence; 0 = no punctuation to go by
	double disorder;          // 0–1: share of places where the order of words is not English
	double function_share;    // 0–1: share of function words; about .5 in prose, 0 in a list of keywords
	double segment_words;     // mean number of words between punctuation marks; about 1 in a list; 0 = no words
};

// `seconds` is the duration of speech; 0 = unknown.
void viva_features_measure(const struct viva_text *text, double seconds, struct viva_features *ret_features);

// Whether the word is a filler here: "um" always, "like" or "you know" by what is around it. *ret_is_soft tells which.
bool viva_is_filler(const struct viva_text *text, size_t word, bool *ret_is_soft);

// Clarity in [0, 1] of an answer with these features.
double viva_features_clarity(const struct viva_features *features);
// Each a factor in [0, 1] of clarity or depth.
double viva_features_pace(double words_per_minute);  // 1 when unknown
double viva_features_order(double disorder);
double viva_features_prose(double function_share, double segment_words);

#endif
