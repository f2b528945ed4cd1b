// SPDX-License-Identifier: Apache-2.0
//
// Which questions an adaptive interview asks, decided by the answers so far: docs/questions.md, "Adaptive interviews".
// Pure: the same set, seed and answers give the same questions, on each machine.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_CHOOSE_H
#define VIVA_INTERVIEW_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "questions/question_bank.h"

enum { INTERVIEW_MAX_SLOTS = 50 };  // questions of an interview

// A question to ask: one of the bank, or one of its follow-ups.
struct interview_slot {
	const struct viva_question *question;
	int follow_up;  // its index; -1 = the question itself
};

// An answer, as far as it was judged.
struct interview_judged {
	struct interview_slot slot;  // question NULL = no longer of the bank
	bool is_scored;              // false: not judged yet, or not to be judged
	double quality;              // 0–1, of its content
	double depth, relevance;     // 0–1
};

// The plan of an interview: `total` (at most INTERVIEW_MAX_SLOTS and the set's questions) different questions, spread
// over the set's categories and topics by how many it has of each, of middle difficulty.
void interview_plan(const struct viva_question_set *set, size_t total, uint64_t seed, struct interview_slot *ret_slots);

// The running ability, -2.5 – 2.5; 0 = a question of difficulty 3 is answered half well. `answers` in their order.
double interview_ability(const struct interview_judged *answers, size_t count);
// A difficulty of 1–5 on the scale of abilities.
double interview_difficulty(int difficulty);

struct interview_choosing {
	const struct viva_question_set *set;
	uint64_t seed;
	size_t total;                            // questions of the whole interview
	const struct interview_judged *answers;  // in their order; the last one was just given
	size_t answer_count;
	const struct interview_slot *put;  // what was put to the candidate, whether answered or not
	size_t put_count;
};

// Decides the first of the slots that are still to be put, of which there are `count` ≥ 1, and may change what follows
// it: afterwards they are as many, different from each other and from what was put.
void interview_choose(const struct interview_choosing *choosing, struct interview_slot *slots, size_t count);

#endif
