// SPDX-License-Identifier: Apache-2.0
//
// What reports say, in each format. Needs pdftotext (Debian's poppler-utils).
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "report/report_html.h"
#include "report_fixture.h"

#define ANSWER "A process has its own address space, and its threads share it."

static const struct report_case plain = {
	.name = "Ada Kowalska", .mode = "practice", .transcript = ANSWER, .frames = 300};

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part))
		return;
	print_error("\"%s\" is not in the report\n", part);
	fail();
}

static void assert_lacks(const char *text, const char *part)
{
	if (!strcasestr(text, part))
		return;
	print_error("\"%s\" is in the report\n", part);
	fail();
}

static void test_report__every_format_tells_the_same_facts(void **state)
{
	(void)state;
	static const char *const facts[] = {
		"Ada Kowalska",
		"01980000-0000-7000-8000-000000000001",
		"What is the difference between a process and a thread?",
		ANSWER,
		"A process has its own address space.",
		"Threads share memory.",
		"they share",
		"Shared data needs locks.",
		"Answer 1 covers 1 of 3 reference points.",
		"The answer addresses the question.",
		"address space, locks",
		"Only answers in English can be judged.",
		"answer 1: (71.25) ÷ 1 = 71.25",
		"(0.6 × 71.25 + 0.4 × 80.50) ÷ 1 = 74.95",
		"100 × (0.45 × depth 0.6125) ÷ 1 = 71.25",
		"Transcripts came without times, so pauses are not measured.",
		"The candidate did not agree to pictures being stored, so this report holds none.",
		"You may object to automated scoring, and have a person review the result.",
		"A score is an aid for practice and for people who decide; it must not decide on its own.",
		"scoring-2 language-1",
		"Fewer than 15 pictures a second were seen",
	};
	VIVA_AUTO_JSON report = report_fixture_make(&plain);
	VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	VIVA_AUTO_FREE char *json = report_fixture_text(report, VIVA_REPORT_JSON);
	for (size_t i = 0; i < VIVA_COUNT(facts); i++) {
		// A list in JSON, and a sentence that goes on over the end of a line.
		bool is_list = strcmp(facts[i], "address space, locks") == 0;
		bool is_long = strncmp(facts[i], "Fewer", 5) == 0;
		if (!is_long)
			assert_has(pdf, facts[i]);
		if (!is_list) {
			assert_has(html, facts[i]);
			assert_has(json, facts[i]);
		}
	}
	static const char *const read_well[] = {"Covered", "Partly", "Not found", "between 46 and 100", "neutral"};
	for (size_t i = 0; i < VIVA_COUNT(read_well); i++) {
		assert_has(pdf, read_well[i]);
		assert_has(html, read_well[i]);
	}
}

static void test_report__an_answer_shows_how_right_and_specific_it_is_and_which_parts_of_a_story_it_has(void **state)
{
	(void)state;
	struct report_case test = plain;
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	static const char *const facts[] = {"Correctness: about 72 of 100 points",
					    "Specificity: 45 of 100",
					    "“It took 12 ms because of the switch.”",
					    "The parts of a story, as advice",
					    "Situation",
					    "“In my last job it crashed.”",
					    "Task",
					    "Action",
					    "“I wrote a lock.”",
					    "Result"};
	for (size_t i = 0; i < VIVA_COUNT(facts); i++) {
		assert_has(pdf, facts[i]);
		assert_has(html, facts[i]);
	}
	// An answer that could not be scored has none of it.
	test.not_scorable = true;
	VIVA_AUTO_JSON unscored = report_fixture_make(&test);
	VIVA_AUTO_FREE char *without = report_fixture_text(unscored, VIVA_REPORT_PDF);
	assert_lacks(without, "Correctness");
	assert_lacks(without, "Specificity");
}

static void test_report__pauses_are_told_where_times_were_given(void **state)
{
	(void)state;
	struct report_case test = plain;
	test.has_times = true;
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	const json_t *pauses = json_object_get(json_object_get(report, "communication"), "pauses");
	assert_int_equal(json_integer_value(json_object_get(pauses, "answers")), 1);
	assert_true(json_number_value(json_object_get(pauses, "share")) == .125);
	VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	static const char *const facts[] = {"4 pauses, the longest 2.4 s", "1 long, 12 % of time",
					    "silences of half a second or more"};
	for (size_t i = 0; i < VIVA_COUNT(facts); i++) {
		assert_has(pdf, facts[i]);
		assert_has(html, facts[i]);
	}
	assert_lacks(pdf, "not measured");
	VIVA_AUTO_JSON untimed = report_fixture_make(&plain);
	assert_true(json_is_null(json_object_get(json_object_get(untimed, "communication"), "pauses")));
}

static void test_report__the_same_report_is_the_same_bytes(void **state)
{
	(void)state;
	VIVA_AUTO_JSON report = report_fixture_make(&plain);
	for (int format = 0; format <= VIVA_REPORT_HTML; format++) {
		VIVA_AUTO(viva_blob) first = report_fixture_render(report, (enum viva_report_format)format);
		VIVA_AUTO(viva_blob) again = report_fixture_render(report, (enum viva_report_format)format);
		struct viva_bytes a = viva_blob_bytes(first), b = viva_blob_bytes(again);
		assert_int_equal(a.size, b.size);
		assert_memory_equal(a.data, b.data, a.size);
		if (format == VIVA_REPORT_PDF)
			assert_non_null(memmem(a.data, a.size, "/CreationDate (20261125", 23));
	}
}

static void test_report__recruitment_has_nothing_of_emotions(void **state)
{
	(void)state;
	static const char *const words[] = {"emotion", "expression", "blink", "feeling", "happy", "neutral"};
	struct report_case test = plain;
	test.mode = "recruitment";
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	assert_true(json_is_null(json_object_get(report, "emotions")));
	assert_true(json_is_null(json_object_get(json_object_get(report, "scores"), "emotion_score")));
	VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	for (size_t i = 0; i < VIVA_COUNT(words); i++) {
		assert_lacks(pdf, words[i]);
		assert_lacks(html, words[i]);
	}
	assert_has(pdf, "Recruitment interview");
}

static void test_report__what_could_not_be_scored_has_no_number(void **state)
{
	(void)state;
	struct report_case test = plain;
	test.not_scorable = true;
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	const json_t *scores = json_object_get(report, "scores");
	assert_true(json_is_null(json_object_get(scores, "overall_score")));
	assert_true(json_is_null(json_object_get(scores, "technical_score")));
	assert_true(json_is_null(json_object_get(scores, "overall_band")));
	assert_true(json_is_false(json_object_get(scores, "scorable")));
	VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	assert_has(pdf, "Not scorable");
	assert_has(html, "Not scorable");
	assert_has(pdf, "The speech recogniser was not sure enough.");
	assert_lacks(pdf, "overall, of 100");
}

static void test_report__texts_of_any_script_are_there(void **state)
{
	(void)state;
	static const char *const names[] = {"王小明", "田中さくら", "김민준", "Zoë Łukasiewicz", "Δημήτρης"};
	struct report_case test = plain;
	for (size_t i = 0; i < VIVA_COUNT(names); i++) {
		test.name = names[i];
		VIVA_AUTO_JSON report = report_fixture_make(&test);
		VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
		assert_has(pdf, names[i]);
	}
	// Shaped letters are read back in another order: it is enough that each has its glyph.
	test.name = "محمد";
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	VIVA_AUTO(viva_blob) blob = report_fixture_render(report, VIVA_REPORT_PDF);
	struct viva_bytes bytes = viva_blob_bytes(blob);
	assert_non_null(memmem(bytes.data, bytes.size, "Arabic", 6));
}

static void test_report__emoji_are_words_on_paper_and_pictures_on_a_screen(void **state)
{
	(void)state;
	struct report_case test = plain;
	test.name = "Ada 👍🏽";
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	assert_has(pdf, "Ada [thumbs up sign]");
	assert_has(html, "Ada 👍🏽");
}

static void test_report__hostile_texts_are_only_texts(void **state)
{
	(void)state;
	static const char hostile[] = "</style></title><script>alert(1)</script><img src=x onerror=alert(2)>"
				      "&lt; \"quoted\" 'single' %s%n \xe2\x80\xae"
				      "backwards \xe2\x81\xa6isolated \x07"
				      "bell \xf3\xa0\x81\x81tag http://example.com/";
	struct report_case test = plain;
	test.name = hostile;
	test.transcript = hostile;
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	assert_has(pdf, "<script>alert(1)</script>");
	assert_has(html, "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&amp;lt; "
			 "&quot;quoted&quot; &#39;single&#39; %s%n backwards isolated bell tag");
	static const char *const never[] = {"<script",      "<img",         "\x07",
					    "\xe2\x80\xae", "\xe2\x81\xa6", "\xf3\xa0\x81\x81"};
	for (size_t i = 0; i < VIVA_COUNT(never); i++)
		assert_lacks(html, never[i]);
	assert_lacks(pdf, "\xe2\x80\xae");
}

static void test_report__the_page_loads_nothing_and_says_so(void **state)
{
	(void)state;
	char policy[256];
	assert_ok(viva_report_html_policy(policy));
	VIVA_AUTO_JSON report = report_fixture_make(&plain);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	assert_has(policy, "default-src 'none'; style-src 'sha256-");
	assert_has(html, policy);
	static const char *const loads[] = {
		" src=", " href=", "url(", "@import", "http:", "https:", "<script", " style=", " onclick"};
	for (size_t i = 0; i < VIVA_COUNT(loads); i++)
		assert_lacks(html, loads[i]);
}

static void test_report__long_texts_are_cut_on_paper_and_whole_in_json(void **state)
{
	(void)state;
	static char word[40001];
	memset(word, 'W', sizeof word - 1);
	struct report_case test = plain;
	test.name = word;
	test.transcript = word;
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	VIVA_AUTO(viva_blob) pdf = report_fixture_render(report, VIVA_REPORT_PDF);
	assert_true(viva_blob_bytes(pdf).size < 200000);
	VIVA_AUTO_FREE char *json = report_fixture_text(report, VIVA_REPORT_JSON);
	assert_has(json, word);
}

static void test_report__a_format_is_known_or_refused(void **state)
{
	(void)state;
	enum viva_report_format format = VIVA_REPORT_HTML;
	assert_ok(viva_report_format_parse("", &format, NULL));
	assert_int_equal(format, VIVA_REPORT_PDF);
	assert_ok(viva_report_format_parse("html", &format, NULL));
	assert_int_equal(format, VIVA_REPORT_HTML);
	struct viva_error error = {0};
	assert_error(viva_report_format_parse("docx", &format, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "format");
	assert_int_equal(format, VIVA_REPORT_HTML);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report__every_format_tells_the_same_facts),
		cmocka_unit_test(
			test_report__an_answer_shows_how_right_and_specific_it_is_and_which_parts_of_a_story_it_has),
		cmocka_unit_test(test_report__pauses_are_told_where_times_were_given),
		cmocka_unit_test(test_report__the_same_report_is_the_same_bytes),
		cmocka_unit_test(test_report__recruitment_has_nothing_of_emotions),
		cmocka_unit_test(test_report__what_could_not_be_scored_has_no_number),
		cmocka_unit_test(test_report__texts_of_any_script_are_there),
		cmocka_unit_test(test_report__emoji_are_words_on_paper_and_pictures_on_a_screen),
		cmocka_unit_test(test_report__hostile_texts_are_only_texts),
		cmocka_unit_test(test_report__the_page_loads_nothing_and_says_so),
		cmocka_unit_test(test_report__long_texts_are_cut_on_paper_and_whole_in_json),
		cmocka_unit_test(test_report__a_format_is_known_or_refused),
	};
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
