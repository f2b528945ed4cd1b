// SPDX-License-Identifier: Apache-2.0
#include "interview/choose.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/macros.h"

// docs/questions.md, "Adaptive interviews".
static const double DIFFICULTY_STEP = .8;  // on the logistic scale
static const double FIRST_GAIN = 1.6;      // how far the first answer can move the ability; falls with 1/sqrt(n)
static const double MAX_ABILITY = 2.5;
static const double SHALLOW = .45;     // depth below which a follow-up digs deeper,
static const double ON_TOPIC = .3;     // if the answer is relevant: what was missed altogether isn't dug into
enum { QUESTIONS_PER_FOLLOW_UP = 4 };  // of an interview

double interview_difficulty(int difficulty)
{
	return (difficulty - 3) * DIFFICULTY_STEP;
}

double interview_ability(const struct interview_judged *answers, size_t count)
{
	double ability = 0;
	double scored = 0;
	for (size_t i = 0; i < count; i++) {
		if (!answers[i].is_scored || !answers[i].slot.question)
			continue;
		// Elo's update, which is a gradient step on the likelihood of the Rasch model.
		double distance = ability - interview_difficulty(answers[i].slot.question->difficulty);
		double expected = 1 / (1 + exp(-distance));
		scored++;
		ability += FIRST_GAIN / sqrt(scored) * (answers[i].quality - expected);
		ability = fmin(fmax(ability, -MAX_ABILITY), MAX_ABILITY);
	}
	return ability;
}

// Chance that is the same for the same seed and question: SplitMix64 over FNV-1a.
static uint64_t chance(uint64_t seed, const char *id)
{
	uint64_t hash = viva_hash_more(VIVA_HASH_START ^ seed, id, strlen(id));
	hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
	return hash ^ hash >> 31;
}

static bool is_same_group(const struct viva_question *a, const struct viva_question *b)
{
	return strcmp(a->category, b->category) == 0 && strcmp(a->topic, b->topic) == 0;
}

static bool holds(const struct interview_slot *slots, size_t count, const struct viva_question *question)
{
	for (size_t i = 0; i < count; i++) {
		if (slots[i].question == question && slots[i].follow_up < 0)
			return true;
	}
	return false;
}

// Whether `a` suits the ability better than `b`.
static bool is_better(const struct viva_question *a, const struct viva_question *b, double ability, uint64_t seed)
{
	double distance_a = fabs(interview_difficulty(a->difficulty) - ability);
	double distance_b = fabs(interview_difficulty(b->difficulty) - ability);
	// Difficulties that are as far above as below come out a rounding apart.
	if (fabs(distance_a - distance_b) > 1e-9)
		return distance_a < distance_b;
	return chance(seed, a->id) < chance(seed, b->id);
}

// ---- the plan

// Questions of one category and topic.
struct group {
	const struct viva_question *first;
	size_t size;
	size_t seats;
};

static size_t find_groups(const struct viva_question_set *set, struct group *groups)
{
	size_t count = 0;
	for (size_t i = 0; i < set->question_count; i++) {
		size_t g = 0;
		while (g < count && !is_same_group(groups[g].first, set->questions[i]))
			g++;
		if (g == count)
			groups[count++] = (struct group){.first = set->questions[i]};
		groups[g].size++;
	}
	return count;
}

// The group that gets the next seat: each has one before any has two, then by d'Hondt's highest average.
static size_t next_group(const struct group *groups, size_t count)
{
	size_t best = 0;
	double best_average = -1;
	for (size_t g = 0; g < count; g++) {
		if (groups[g].seats == groups[g].size)
			continue;
		double average = (double)groups[g].size / (double)(groups[g].seats + 1);
		if (groups[g].seats == 0)
			average += 1000;
		if (average > best_average) {
			best = g;
			best_average = average;
		}
	}
	return best;
}

static const struct viva_question *best_of_group(const struct viva_question_set *set, const struct viva_question *like,
						 const struct interview_slot *taken, size_t taken_count, double ability,
						 uint64_t seed)
{
	const struct viva_question *best = NULL;
	for (size_t i = 0; i < set->question_count; i++) {
		const struct viva_question *question = set->questions[i];
		if (is_same_group(question, like) && !holds(taken, taken_count, question) &&
		    (!best || is_better(question, best, ability, seed)))
			best = question;
	}
	return best;
}

void interview_plan(const struct viva_question_set *set, size_t total, uint64_t seed, struct interview_slot *ret_slots)
{
	struct group groups[VIVA_QUESTION_SET_MAX_QUESTIONS];
	size_t group_count = find_groups(set, groups);
	for (size_t i = 0; i < total; i++)
		groups[next_group(groups, group_count)].seats++;
	size_t count = 0;
	for (size_t g = 0; g < group_count; g++) {
		for (size_t seat = 0; seat < groups[g].seats; seat++) {
			ret_slots[count] = (struct interview_slot){
				.question = best_of_group(set, groups[g].first, ret_slots, count, 0, seed),
				.follow_up = -1};
			count++;
		}
	}
}

// ---- the next question

static bool digs_deeper(const struct interview_choosing *choosing, struct interview_slot *ret_slot)
{
	if (choosing->answer_count == 0)
		return false;
	const struct interview_judged *last = &choosing->answers[choosing->answer_count - 1];
	const struct viva_question *question = last->slot.question;
	if (!question || last->slot.follow_up >= 0 || question->follow_up_count == 0 || !last->is_scored ||
	    last->depth >= SHALLOW || last->relevance < ON_TOPIC)
		return false;
	size_t asked = 0;
	for (size_t i = 0; i < choosing->put_count; i++)
		asked += choosing->put[i].follow_up >= 0;
	if ((asked + 1) * QUESTIONS_PER_FOLLOW_UP > choosing->total)
		return false;
	int index = (int)(chance(choosing->seed, question->id) % question->follow_up_count);
	*ret_slot = (struct interview_slot){.question = question, .follow_up = index};
	for (size_t i = 0; i < choosing->put_count; i++) {
		if (choosing->put[i].question == question && choosing->put[i].follow_up == index)
			return false;
	}
	return true;
}

// What is left out for a follow-up: the last question on what most questions are still to come on.
static size_t least_missed(const struct interview_slot *slots, size_t count)
{
	size_t least = count - 1;
	size_t most_alike = 0;
	for (size_t i = count; i-- > 0;) {
		size_t alike = 0;
		for (size_t k = 0; k < count; k++)
			alike += slots[i].question && slots[k].question &&
				 is_same_group(slots[i].question, slots[k].question);
		if (alike > most_alike) {
			most_alike = alike;
			least = i;
		}
	}
	return least;
}

void interview_choose(const struct interview_choosing *choosing, struct interview_slot *slots, size_t count)
{
	struct interview_slot follow_up;
	if (digs_deeper(choosing, &follow_up)) {
		size_t left_out = least_missed(slots, count);
		memmove(slots + 1, slots, left_out * sizeof *slots);
		slots[0] = follow_up;
		return;
	}
	if (!slots[0].question)
		return;
	struct interview_slot taken[2 * INTERVIEW_MAX_SLOTS];
	size_t taken_count = VIVA_MIN(choosing->put_count, (size_t)INTERVIEW_MAX_SLOTS);
	memcpy(taken, choosing->put, taken_count * sizeof *taken);
	for (size_t i = 1; i < count && taken_count < VIVA_COUNT(taken); i++)
		taken[taken_count++] = slots[i];
	double ability = interview_ability(choosing->answers, choosing->answer_count);
	const struct viva_question *best =
		best_of_group(choosing->set, slots[0].question, taken, taken_count, ability, choosing->seed);
	if (best)
		slots[0] = (struct interview_slot){.question = best, .follow_up = -1};
}
