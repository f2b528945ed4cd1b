// SPDX-License-Identifier: Apache-2.0
#include "questions/lint.h"

#include <stdio.h>
#include <string.h>

#include "viva_test.h"

#define ID(n) "00000000-0000-4000-8000-00000000000" #n
#define GOOD_POINTS                                                                                                    \
	"\"reference_points\":[\"The data is stored in one place only.\",\"Each table has a key of its own.\","        \
	"\"Reading may get slower by the joins.\"]"
#define REST ",\"category\":\"technical\",\"difficulty\":3,\"seconds\":60,"
#define FOLLOW_UPS ",\"follow_ups\":[\"Why is that so?\"]}"
#define QUESTION(n, key, text, points)                                                                                 \
	"{\"id\":\"" ID(n) "\",\"key\":\"" key "\",\"text\":\"" text "\"" REST points FOLLOW_UPS
#define NORMAL QUESTION(1, "a", "What is normalisation good for in a database?", GOOD_POINTS)
#define REFERENCE                                                                                                      \
	GOOD_POINTS ",\"reference_answer\":\"Each fact is stored in one place, so that no change of it is "            \
		    "forgotten.\""
#define GRADE(answer, points) "{\"answer\":\"" answer "\",\"points\":" #points "}"
#define GRADED(list)                                                                                                   \
	BANK(QUESTION(1, "a", "What is normalisation good for in a database?",                                         \
		      REFERENCE ",\"graded_answers\":[" list "]"),                                                     \
	     "\"a\"")
#define BANK(questions, keys)                                                                                          \
	"{\"format\":1,\"questions\":[" questions                                                                      \
	"],\"sets\":[{\"name\":\"default\",\"title\":\"x\",\"questions\":[" keys "]}]}"

struct findings {
	size_t count;
	char text[8][256];
};

static void note(const struct viva_question_finding *finding, void *context)
{
	struct findings *findings = context;
	if (findings->count < VIVA_COUNT(findings->text))
		snprintf(findings->text[findings->count], sizeof findings->text[0], "%s: %s: %s", finding->place,
			 finding->field, finding->sentence);
	findings->count++;
}

static struct findings lint(const char *text)
{
	VIVA_AUTO(viva_question_bank) bank = NULL;
	struct viva_error error = {0};
	struct findings findings = {0};
	size_t count = 0;
	if (viva_question_bank_read(viva_bytes_of_text(text), "bank", &bank, &error) != 0)
		fail_msg("%s", error.message);
	assert_ok(viva_question_bank_lint(bank, note, &findings, &count));
	assert_int_equal(count, findings.count);
	return findings;
}

static void test_lint__a_good_bank_has_no_findings(void **state)
{
	(void)state;
	assert_int_equal(lint(BANK(NORMAL, "\"a\"")).count, 0);
	assert_int_equal(lint(GRADED(GRADE("No fact is stored twice.", 1) "," GRADE("It is faster.", 0) "," GRADE(
				      "Keys.", 0) "," GRADE("One place.", 0.8) "," GRADE("Fewer faults.", 0.5)))
				 .count,
			 0);
}

static void test_lint__the_bank_that_comes_with_viva_has_no_findings(void **state)
{
	(void)state;
	VIVA_AUTO(viva_question_bank) bank = NULL;
	struct findings findings = {0};
	size_t count = 0;
	assert_ok(viva_question_bank_open(NULL, &bank, NULL));
	assert_ok(viva_question_bank_lint(bank, note, &findings, &count));
	if (count > 0)
		fail_msg("%s", findings.text[0]);
}

static void test_lint__each_finding_names_the_question_the_field_and_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *bank, *finding;
	} cases[] = {
		{BANK(NORMAL "," QUESTION(2, "b", "In a database, what is normalisation good for?", GOOD_POINTS),
		      "\"a\",\"b\""),
		 "question b: text: is nearly the same as that of a"},
		{BANK(QUESTION(1, "a", "What is normalisation good for in a database?", "\"reference_points\":[]"),
		      "\"a\""),
		 "question a: reference_points: has none"},
		{BANK(QUESTION(1, "a", "What is normalisation good for in a database?",
			       "\"reference_points\":[\"The data is stored once.\",\"It is all in keys.\"]"),
		      "\"a\""),
		 "question a: reference_points: has 2"},
		{BANK(QUESTION(1, "a", "What is normalisation good for in a database?",
			       "\"reference_points\":[\"The data is stored in one place only.\",\"Only in one place "
			       "the data is "
			       "stored.\",\"Reading may get slower by the joins.\"]"),
		      "\"a\""),
		 "question a: reference_points[1]: says nearly the same as reference_points[0]"},
		{BANK(QUESTION(1, "a", "What is normalisation good for in a database?",
			       GOOD_POINTS ",\"point_labels\":[\"one place\",\"keys of tables.\",\"speed\"]"),
		      "\"a\""),
		 "question a: point_labels[1]: ends like a sentence"},
		{BANK(QUESTION(1, "a", "Databases?", GOOD_POINTS), "\"a\""), "question a: text: has 1 words"},
		{BANK(QUESTION(1, "a", "what is normalisation good for in a database?", GOOD_POINTS), "\"a\""),
		 "question a: text: begins with a small letter"},
		{BANK(QUESTION(1, "a", "Was ist der Nutzen der Normalisierung einer Datenbank?", GOOD_POINTS), "\"a\""),
		 "question a: text: does not look like English"},
		{BANK(NORMAL "," QUESTION(2, "b", "Which indexes would you use for this table?", GOOD_POINTS), "\"a\""),
		 "question b: key: is in no set"},
		{GRADED(GRADE("No fact is stored twice.", 1) "," GRADE("It is faster.", 0)),
		 "question a: graded_answers: has 2"},
		{GRADED(GRADE("No fact is stored twice.", 1) "," GRADE("It is faster.", 1) "," GRADE(
			 "Keys.", 1) "," GRADE("One place.", 1) "," GRADE("Fewer faults.", 1)),
		 "question a: graded_answers: all have the same points"},
		{GRADED(GRADE("No fact is stored twice.", 1) "," GRADE("It is faster.", 0) "," GRADE(
			 "Keys.", 0) "," GRADE("One place.", 1) "," GRADE("No fact is twice stored!", 0.5)),
		 "question a: graded_answers[4]: says nearly the same as graded_answers[0], for 0.50 points instead"},
		{BANK(QUESTION(1, "a", "What is normalisation good for in a database?",
			       GOOD_POINTS ",\"reference_answer\":\"One place.\""),
		      "\"a\""),
		 "question a: reference_answer: has 2 words"},
		{"{\"format\":1,\"questions\":[" NORMAL
		 "],\"sets\":[{\"name\":\"default\",\"title\":\"x\",\"adaptive\":true,"
		 "\"questions\":[\"a\"]}]}",
		 "set default: questions: has 1 questions for interviews of 1"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct findings findings = lint(cases[i].bank);
		if (findings.count != 1 || !strstr(findings.text[0], cases[i].finding))
			fail_msg("%zu findings, “%s” instead of “%s”", findings.count, findings.text[0],
				 cases[i].finding);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lint__a_good_bank_has_no_findings),
		cmocka_unit_test(test_lint__the_bank_that_comes_with_viva_has_no_findings),
		cmocka_unit_test(test_lint__each_finding_names_the_question_the_field_and_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
