// SPDX-License-Identifier: Apache-2.0
//
// The questions an interview draws from, and the sets they are grouped in: one JSON file, checked whole when opened
// (schemas/questions.schema.json describes its form).
//
// Threads: open and destroy from one; after open, reading is free from any thread. Nothing blocks but open (one read).
#ifndef VIVA_QUESTIONS_QUESTION_BANK_H
#define VIVA_QUESTIONS_QUESTION_BANK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"

// An answer that a person has graded.
struct viva_graded_example {
	const char *answer;  // 1–8000 bytes
	double points;       // share of full points, 0–1
};

// One question. All texts are UTF-8, never NULL, and live as long as the bank.
struct viva_question {
	const char *id;                       // UUID; stays the same when the text is reworded
	const char *key;                      // short name, unique: 1–64 of [a-z0-9-]
	const char *text;                     // what the candidate is asked; 1–1000 bytes
	const char *category;                 // "introduction", "behavioural", "technical" or "situational"
	const char *topic;                    // the subject within the category, named like a key; "" = none
	int difficulty;                       // 1 (easy) – 5 (hard)
	int seconds;                          // time to speak that a good answer needs; 15–900
	const char *const *reference_points;  // what a full answer holds, one statement each
	size_t reference_point_count;         // 0–16
	const char *const *point_labels;      // how people are told of each point; NULL = by the points themselves
	const char *const *follow_ups;        // questions that dig deeper
	const char *const *follow_up_ids;     // a UUID each, made of the question's id and the follow-up's text
	size_t follow_up_count;               // 0–8
	// What scoring alone may know: neither is ever told to a candidate.
	const char *reference_answer;  // what a full answer says; 1–8000 bytes, "" = none
	const struct viva_graded_example *graded_answers;
	size_t graded_answer_count;  // 0 – VIVA_QUESTION_MAX_GRADED; 0 without a reference answer
};

// A named, ordered choice of questions.
struct viva_question_set {
	const char *name;   // 1–64 of [a-z0-9-]
	const char *title;  // for people
	const struct viva_question *const *questions;
	size_t question_count;  // 1–200
	bool is_adaptive;       // interviews choose from it by the answers; else they ask it in its order
	size_t asked;           // questions of an interview where nothing else is said; 1 – question_count
};

enum {
	VIVA_QUESTION_BANK_MAX_BYTES = 4 << 20,  // of the file
	VIVA_QUESTION_BANK_MAX_QUESTIONS = 5000,
	VIVA_QUESTION_BANK_MAX_SETS = 200,
	VIVA_QUESTION_SET_MAX_QUESTIONS = 200,
	VIVA_QUESTION_MAX_GRADED = 20,
};

struct viva_question_bank;

// The bank that comes with Viva, where no --questions is given.
const char *viva_question_bank_default_path(void);

// Reads and checks the file at `path`; NULL = the default path. VIVA_EIO (can't be read), VIVA_EJSON, VIVA_EFIELD (the
// sentence names the file, the question or set, and the member at fault), VIVA_ELIMIT (too large), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_question_bank_open(const char *path, struct viva_question_bank **ret_bank,
					    struct viva_error *error);
// The same of a text in memory; `name` stands for the file in sentences.
VIVA_MUST_CHECK int viva_question_bank_read(struct viva_bytes text, const char *name,
					    struct viva_question_bank **ret_bank, struct viva_error *error);
struct viva_question_bank *viva_question_bank_destroy(struct viva_question_bank *bank);
VIVA_DEFINE_AUTO(viva_question_bank)

// The set of that name, or NULL. There always is one called "default".
const struct viva_question_set *viva_question_bank_set(const struct viva_question_bank *bank, const char *name);
// Sets and questions in the file's order; index < count.
size_t viva_question_bank_set_count(const struct viva_question_bank *bank);
const struct viva_question_set *viva_question_bank_set_at(const struct viva_question_bank *bank, size_t index);
size_t viva_question_bank_question_count(const struct viva_question_bank *bank);
const struct viva_question *viva_question_bank_question_at(const struct viva_question_bank *bank, size_t index);

// An id for a question that has a key only: the same on each machine.
void viva_question_id_of_key(const char *key, char ret_id[VIVA_UUID_SIZE]);

// The question with that id (a UUID in either case), or with that key; NULL = not in the bank.
const struct viva_question *viva_question_bank_find(const struct viva_question_bank *bank, const char *id);
const struct viva_question *viva_question_bank_find_key(const struct viva_question_bank *bank, const char *key);
// The question of which that id (in either case) is a follow-up's, and the follow-up's index; NULL = no follow-up.
const struct viva_question *viva_question_bank_find_follow_up(const struct viva_question_bank *bank, const char *id,
							      size_t *ret_index);

#endif
