// SPDX-License-Identifier: Apache-2.0
#include "report_fixture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

enum { MAX_FRAMES = 2000 };

static const int64_t start_ms = INT64_C(1795600000000);  // 2026-11-25

static json_t *details_of(const struct report_case *test)
{
	return json_pack(
		"{s:[{s:s, s:s, s:b, s:b, s:f, s:f, s:s, s:s, s:{s:f, s:f, s:f, s:[s, s], s:s, s:b, s:s, s:[{s:s, s:s, "
		"s:s, s:f}, {s:s, s:s, s:s, s:f}, {s:s, s:s, s:s, s:f}], s:{s:i, s:i, s:i, s:i, s:f, s:n, s:f}, s:f, "
		"s:f, s:s, s:{s:s, s:n, s:s, s:n}}},"
		" {s:s, s:s, s:b, s:b, s:n, s:n, s:{s:b, s:s, s:s}}],"
		" s:b, s:{s:f, s:f, s:f}, s:{s:f, s:f, s:f}, s:{s:f, s:f, s:f}}",
		"answers", "question", "What is the difference between a process and a thread?", "category",
		"technical", "scored", !test->not_scorable, "technical", !test->not_scorable, "content_score", 71.25,
		"communication_score", 80.5, "content_sum", "100 × (0.45 × depth 0.6125) ÷ 1 = 71.25",
		"communication_sum", "100 × clarity 0.8500 = 80.50", "analysis", "relevance_score", .91,
		"clarity_score", .85, "depth_score", .6125, "keywords", "address space", "locks", "feedback",
		"The answer addresses the question.", "unscorable", test->not_scorable, "reason",
		test->not_scorable ? "The speech recogniser was not sure enough." : "", "points", "text",
		"A process has its own address space.", "status", "covered", "evidence", test->transcript, "similarity",
		.7, "text", "Threads share memory.", "status", "partly", "evidence", "they share", "similarity", .4,
		"text", "Shared data needs locks.", "status", "not_found", "evidence", "", "similarity", .1, "features",
		"words", 120, "fillers", 3, "soft_fillers", 1, "repetitions", 2, "words_per_minute", 150.,
		"lexical_diversity", "words_per_sentence", 17., "correctness_score", .715, "specificity", .45,
		"specificity_evidence", "It took 12 ms because of the switch.", "story", "situation",
		"In my last job it crashed.", "task", "action", "I wrote a lock.", "result",
		// The second answer.
		"question", "What is a hash table?", "category", "technical", "scored", 0, "technical", 0,
		"content_score", "communication_score", "analysis", "unscorable", 1, "reason",
		"Only answers in English can be judged.", "feedback", "",
		// The interview.
		"technical_fallback", 0, "weights", "technical", .6, "communication", .4, "emotion", 0.,
		"content_weights", "depth", .45, "relevance", .25, "coverage", .3, "standard_errors", "technical", 17.4,
		"communication", 17.4, "overall", 17.4);
}

static size_t fill_emotions(const struct report_case *test, Scoring__EmotionData *rows, Scoring__EmotionData **pointers)
{
	static const char *const names[] = {"neutral", "happy", "surprise", "sad", "confident"};
	for (size_t i = 0; i < test->frames; i++) {
		scoring__emotion_data__init(&rows[i]);
		rows[i].timestamp = start_ms + (int64_t)i * 100;
		rows[i].emotion = (char *)(uintptr_t)(i % 40 == 39 ? "" : names[i / 50 % VIVA_COUNT(names)]);
		rows[i].confidence = .4f + .05f * (float)(i % 10);
		rows[i].blink_count = (int32_t)(i / 33);
		pointers[i] = &rows[i];
	}
	return test->frames;
}

json_t *report_fixture_key_frame(double seconds, int question, const char *emotion, struct viva_bytes file)
{
	VIVA_AUTO_FREE char *text = calloc(1, viva_base64_encoded_size(file.size) + 1);
	viva_base64_encode(file.data, file.size, text);
	return json_pack("{s:I, s:i, s:i, s:s, s:f, s:i, s:i, s:s}", "timestamp",
			 (json_int_t)(start_ms + (int64_t)(1000 * seconds)), "frame_number", 1, "question", question,
			 "emotion", emotion, "confidence", .875, "width", 1, "height", 1, "image_data", text);
}

json_t *report_fixture_make(const struct report_case *test)
{
	static Scoring__EmotionData rows[MAX_FRAMES];
	static Scoring__EmotionData *emotions[MAX_FRAMES];
	Scoring__Answer answers[2];
	Scoring__Answer *answer_pointers[] = {&answers[0], &answers[1]};
	Scoring__InterviewMetadata metadata;
	Scoring__ScoreRequest request;
	Scoring__ScoreResponse response;
	Scoring__Insight insights[2];
	Scoring__Insight *insight_pointers[] = {&insights[0], &insights[1]};
	char *const transcript = (char *)(uintptr_t)test->transcript;
	char texts[][80] = {"01980000-0000-7000-8000-000000000001",
			    "q1",
			    "q2",
			    "Eine Antwort auf Deutsch.",
			    "coverage",
			    "Answer 1 covers 1 of 3 reference points.",
			    "emotion",
			    "Emotions are never analysed or scored in recruitment.",
			    "scoring-2 language-1",
			    "Overall 75 of 100."};
	assert_true(test->frames <= MAX_FRAMES);
	scoring__answer__init(&answers[0]);
	scoring__answer__init(&answers[1]);
	answers[0].question_id = texts[1];
	answers[0].transcript = transcript;
	answers[0].duration = 48;
	answers[1].question_id = texts[2];
	answers[1].transcript = texts[3];
	scoring__interview_metadata__init(&metadata);
	metadata.user_id = (char *)(uintptr_t)test->name;
	metadata.mode = (char *)(uintptr_t)test->mode;
	metadata.started_at = start_ms;
	metadata.completed_at = start_ms + 600123;
	metadata.total_questions = 3;
	metadata.recording = test->is_recorded;
	scoring__score_request__init(&request);
	request.session_id = texts[0];
	request.answers = answer_pointers;
	request.n_answers = 2;
	request.metadata = &metadata;
	request.emotions = emotions;
	request.n_emotions = fill_emotions(test, rows, emotions);
	scoring__insight__init(&insights[0]);
	scoring__insight__init(&insights[1]);
	insights[0].category = texts[4];
	insights[0].description = texts[5];
	insights[0].impact = -.25f;
	insights[0].evidence = transcript;
	insights[1].category = texts[6];
	insights[1].description = texts[7];
	scoring__score_response__init(&response);
	response.session_id = texts[0];
	response.technical_score = 71.25f;
	response.communication_score = 80.5f;
	response.overall_score = 74.95f;
	response.overall_low = 46.33f;
	response.overall_high = 100;
	response.not_scorable = test->not_scorable;
	response.feedback = texts[9];
	response.version = texts[8];
	response.insights = insight_pointers;
	response.n_insights = 2;
	VIVA_AUTO_JSON details = details_of(test);
	assert_non_null(details);
	if (test->has_times)
		json_object_set_new(json_array_get(json_object_get(details, "answers"), 0), "pauses",
				    json_pack("{s:i, s:i, s:f, s:f, s:f, s:f, s:b}", "count", 4, "long", 1,
					      "total_seconds", 5.25, "longest_seconds", 2.4, "span_seconds", 42.,
					      "share", .125, "by_word", 1));
	const struct viva_report_source source = {.request = &request,
						  .response = &response,
						  .details = details,
						  .include_emotions = true,
						  .include_video = true,
						  .key_frames = test->key_frames};
	json_t *report = viva_report_json(&source);
	assert_non_null(report);
	return report;
}

struct viva_blob *report_fixture_render(const json_t *report, enum viva_report_format format)
{
	struct viva_blob *blob = NULL;
	assert_ok(viva_report_render(report, format, &blob));
	return blob;
}

static char *read_pdf(struct viva_bytes pdf)
{
	char directory[PATH_MAX], path[PATH_MAX + 16], text_path[PATH_MAX + 16], command[3 * PATH_MAX];
	char *text = NULL;
	size_t size = 0;
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/a.pdf", directory);
	snprintf(text_path, sizeof text_path, "%s/a.txt", directory);
	snprintf(command, sizeof command, "pdftotext -layout '%s' '%s'", path, text_path);
	assert_ok(viva_file_replace(path, pdf));
	// The sanitizers' runtime is ours alone.
	unsetenv("LD_PRELOAD");
	assert_int_equal(system(command), 0);
	assert_ok(viva_file_read(text_path, 16 << 20, &text, &size));
	remove_test_directory(directory);
	return text;
}

char *report_fixture_text(const json_t *report, enum viva_report_format format)
{
	VIVA_AUTO(viva_blob) blob = report_fixture_render(report, format);
	struct viva_bytes bytes = viva_blob_bytes(blob);
	return format == VIVA_REPORT_PDF ? read_pdf(bytes) : strndup((const char *)bytes.data, bytes.size);
}
