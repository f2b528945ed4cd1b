// SPDX-License-Identifier: Apache-2.0
#include "interview/choose.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "viva_test.h"

static struct viva_question_bank *bank;

static int open_bank(void **state)
{
	(void)state;
	return viva_question_bank_open(NULL, &bank, NULL);
}

static int close_bank(void **state)
{
	(void)state;
	bank = viva_question_bank_destroy(bank);
	return 0;
}

// A candidate who answers questions up to a difficulty well, and others badly, interviewed to the end.
struct candidate {
	double level;
	double depth_of_good;  // below .45 a follow-up is due
	bool is_judged;        // the scoring service is there
};

struct course {
	struct interview_slot put[INTERVIEW_MAX_SLOTS];
	struct interview_judged answers[INTERVIEW_MAX_SLOTS];
	size_t count;
	double ability;
};

static void interview(const struct viva_question_set *set, size_t total, uint64_t seed,
		      const struct candidate *candidate, struct course *course)
{
	struct interview_slot slots[INTERVIEW_MAX_SLOTS];
	*course = (struct course){0};
	interview_plan(set, total, seed, slots);
	for (size_t i = 0; i < total; i++) {
		const struct interview_choosing choosing = {.set = set,
							    .seed = seed,
							    .total = total,
							    .answers = course->answers,
							    .answer_count = i,
							    .put = course->put,
							    .put_count = i};
		if (i > 0)
			interview_choose(&choosing, slots, total - i);
		course->put[i] = slots[0];
		bool is_good = slots[0].question->difficulty <= candidate->level;
		course->answers[i] = (struct interview_judged){.slot = slots[0],
							       .is_scored = candidate->is_judged,
							       .quality = is_good ? .85 : .15,
							       .depth = is_good ? candidate->depth_of_good : .1,
							       .relevance = is_good ? .9 : .2};
		memmove(slots, slots + 1, (total - i - 1) * sizeof *slots);
		course->count++;
	}
	course->ability = interview_ability(course->answers, course->count);
}

static bool is_of_set(const struct viva_question_set *set, const struct viva_question *question)
{
	for (size_t i = 0; i < set->question_count; i++) {
		if (set->questions[i] == question)
			return true;
	}
	return false;
}

static double mean_difficulty(const struct course *course, size_t from)
{
	double sum = 0;
	for (size_t i = from; i < course->count; i++)
		sum += course->put[i].question->difficulty;
	return sum / (double)(course->count - from);
}

static void test_choose__whatever_is_answered_no_question_comes_twice_and_all_are_of_the_set(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 7);
	for (size_t s = 0; s < viva_question_bank_set_count(bank); s++) {
		const struct viva_question_set *set = viva_question_bank_set_at(bank, s);
		for (int run = 0; run < 40; run++) {
			size_t most = VIVA_MIN(set->question_count, (size_t)INTERVIEW_MAX_SLOTS);
			size_t total = 1 + (size_t)viva_random_below(&random.random, most);
			struct course course;
			const struct candidate candidate = {
				.level = (double)viva_random_below(&random.random, 7),
				.depth_of_good = (double)viva_random_below(&random.random, 100) / 100,
				.is_judged = viva_random_below(&random.random, 8) > 0};
			interview(set, total, viva_random_below(&random.random, 1u << 30), &candidate, &course);
			size_t follow_ups = 0;
			for (size_t i = 0; i < total; i++) {
				const struct interview_slot *slot = &course.put[i];
				assert_true(is_of_set(set, slot->question));
				assert_true(slot->follow_up < (int)slot->question->follow_up_count);
				for (size_t k = 0; k < i; k++)
					assert_false(course.put[k].question == slot->question &&
						     course.put[k].follow_up == slot->follow_up);
				if (slot->follow_up < 0)
					continue;
				follow_ups++;
				assert_ptr_equal(course.put[i - 1].question, slot->question);
				assert_true(course.put[i - 1].follow_up < 0);
			}
			assert_true(follow_ups * 4 <= total);
		}
	}
}

static void test_choose__the_same_seed_and_answers_give_the_same_questions(void **state)
{
	(void)state;
	const struct viva_question_set *set = viva_question_bank_set(bank, "backend-engineer");
	const struct candidate candidate = {.level = 3, .depth_of_good = .8, .is_judged = true};
	size_t different = 0;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct course one, same, other;
		interview(set, 9, seed, &candidate, &one);
		interview(set, 9, seed, &candidate, &same);
		interview(set, 9, seed + 1000, &candidate, &other);
		for (size_t i = 0; i < 9; i++) {
			assert_ptr_equal(one.put[i].question, same.put[i].question);
			assert_int_equal(one.put[i].follow_up, same.put[i].follow_up);
			different += one.put[i].question != other.put[i].question;
		}
	}
	assert_true(different > 40);
}

static void test_choose__those_who_can_are_asked_harder_questions(void **state)
{
	(void)state;
	const struct viva_question_set *set = viva_question_bank_set(bank, "site-reliability");
	const struct candidate able = {.level = 5, .depth_of_good = .8, .is_judged = true};
	const struct candidate middling = {.level = 3, .depth_of_good = .8, .is_judged = true};
	const struct candidate weak = {.level = 0, .depth_of_good = .8, .is_judged = true};
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct course a, m, w;
		interview(set, 9, seed, &able, &a);
		interview(set, 9, seed, &middling, &m);
		interview(set, 9, seed, &weak, &w);
		assert_true(mean_difficulty(&a, 2) > mean_difficulty(&w, 2) + .8);
		assert_true(a.ability > m.ability);
		assert_true(m.ability > w.ability);
	}
}

static void test_choose__a_shallow_answer_is_followed_up(void **state)
{
	(void)state;
	const struct viva_question_set *set = viva_question_bank_set(bank, "behavioural");
	struct interview_slot slots[8];
	interview_plan(set, 8, 1, slots);
	struct interview_judged answer = {
		.slot = slots[0], .is_scored = true, .quality = .4, .depth = .2, .relevance = .8};
	struct interview_choosing choosing = {
		.set = set, .seed = 1, .total = 8, .answers = &answer, .answer_count = 1, .put = slots, .put_count = 1};
	struct interview_slot rest[7];
	memcpy(rest, slots + 1, sizeof rest);
	interview_choose(&choosing, rest, 7);
	assert_ptr_equal(rest[0].question, slots[0].question);
	assert_true(rest[0].follow_up >= 0);

	// Not after an answer that was deep, missed the question, or was not judged; nor in a short interview.
	struct interview_judged others[] = {answer, answer, answer};
	others[0].depth = .6;
	others[1].relevance = .1;
	others[2].is_scored = false;
	for (size_t i = 0; i < VIVA_COUNT(others); i++) {
		memcpy(rest, slots + 1, sizeof rest);
		choosing.answers = &others[i];
		interview_choose(&choosing, rest, 7);
		assert_true(rest[0].follow_up < 0);
	}
	choosing.answers = &answer;
	choosing.total = 3;
	memcpy(rest, slots + 1, sizeof rest);
	interview_choose(&choosing, rest, 2);
	assert_true(rest[0].follow_up < 0);
}

static void test_choose__without_judgements_the_plan_is_asked(void **state)
{
	(void)state;
	const struct viva_question_set *set = viva_question_bank_set(bank, "data-engineer");
	const struct candidate unjudged = {.level = 5, .depth_of_good = .1, .is_judged = false};
	struct course course;
	struct interview_slot slots[8];
	interview(set, 8, 5, &unjudged, &course);
	interview_plan(set, 8, 5, slots);
	for (size_t i = 0; i < 8; i++)
		assert_ptr_equal(course.put[i].question, slots[i].question);
}

static void test_choose__a_plan_has_something_of_each_topic(void **state)
{
	(void)state;
	const struct viva_question_set *set = viva_question_bank_set(bank, "full-stack-engineer");
	struct interview_slot slots[9];
	interview_plan(set, 9, 3, slots);
	static const char *const topics[] = {"web", "databases", "engineering"};
	for (size_t t = 0; t < VIVA_COUNT(topics); t++) {
		size_t count = 0;
		for (size_t i = 0; i < 9; i++)
			count += strcmp(slots[i].question->topic, topics[t]) == 0;
		assert_true(count >= 1);
	}
	assert_string_equal(slots[0].question->category, "introduction");
	assert_string_equal(slots[8].question->category, "situational");
}

static void test_choose__ability_is_elo_by_hand(void **state)
{
	(void)state;
	const struct viva_question *middle = viva_question_bank_find_key(bank, "database-index");  // difficulty 3
	const struct viva_question *hard = viva_question_bank_find_key(bank, "replication");       // 4
	const struct interview_judged answers[] = {
		{.slot = {.question = middle, .follow_up = -1}, .is_scored = true, .quality = .9},
		{.slot = {.question = middle, .follow_up = 0}},
		{.slot = {.question = hard, .follow_up = -1}, .is_scored = true, .quality = .2},
	};
	double ability = 1.6 * (.9 - .5);
	assert_true(fabs(interview_ability(answers, 1) - ability) < 1e-12);
	assert_true(fabs(interview_ability(answers, 2) - ability) < 1e-12);
	ability += 1.6 / sqrt(2) * (.2 - 1 / (1 + exp(-(ability - .8))));
	assert_true(fabs(interview_ability(answers, 3) - ability) < 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose__whatever_is_answered_no_question_comes_twice_and_all_are_of_the_set),
		cmocka_unit_test(test_choose__the_same_seed_and_answers_give_the_same_questions),
		cmocka_unit_test(test_choose__those_who_can_are_asked_harder_questions),
		cmocka_unit_test(test_choose__a_shallow_answer_is_followed_up),
		cmocka_unit_test(test_choose__without_judgements_the_plan_is_asked),
		cmocka_unit_test(test_choose__a_plan_has_something_of_each_topic),
		cmocka_unit_test(test_choose__ability_is_elo_by_hand),
	};
	return cmocka_run_group_tests(tests, open_bank, close_bank);
}
