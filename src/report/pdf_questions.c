// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "report/pdf_parts.h"
#include "report/report_text.h"

enum {
	MAX_QUESTION = 300,
	MAX_ANSWER = 1200,
	MAX_POINT = 240,
	MAX_EVIDENCE = 240,
	MAX_FEEDBACK = 1200,
	MAX_SUM = 600,
	COLUMN_CONTENT = PDF_WIDTH - PDF_MARGIN - 170,
	COLUMN_COMMUNICATION = PDF_WIDTH - PDF_MARGIN - 100,
	COLUMN_POINTS = PDF_WIDTH - PDF_MARGIN - 92,
};

struct tally {
	size_t covered, partly, not_found;
};

static struct tally tally_of(const json_t *points)
{
	struct tally tally = {0};
	size_t index;
	const json_t *point;
	json_array_foreach(points, index, point)
	{
		const char *status = viva_report_text(point, "status");
		tally.covered += strcmp(status, "covered") == 0;
		tally.partly += strcmp(status, "partly") == 0;
		tally.not_found += strcmp(status, "not_found") == 0;
	}
	return tally;
}

static const char *question_of(const struct pdf_report *part, const json_t *question, size_t max)
{
	const char *text = viva_report_clean(part->arena, viva_report_text(question, "question"), max);
	return text[0] ? text : "Question unknown";
}

static void show_score(const struct pdf_report *part, double right, const json_t *score)
{
	if (json_is_number(score))
		pdf_text_right(part->pdf, PDF_STRONG, PDF_INK, right, 60,
			       viva_report_print(part->arena, "%.0f", json_number_value(score)));
	else
		pdf_text_right(part->pdf, PDF_BODY, PDF_GREY, right, 60, "–");
}

static void show_table_head(const struct pdf_report *part)
{
	pdf_text(part->pdf, PDF_LABEL, PDF_GREY, PDF_MARGIN + 18, 200, "Question");
	pdf_text_right(part->pdf, PDF_LABEL, PDF_GREY, COLUMN_CONTENT, 60, "Content");
	pdf_text_right(part->pdf, PDF_LABEL, PDF_GREY, COLUMN_COMMUNICATION, 66, "Communication");
	pdf_text(part->pdf, PDF_LABEL, PDF_GREY, COLUMN_POINTS + 8, 90, "Reference points");
	pdf_skip(part->pdf, 13);
}

static void show_tally(const struct pdf_report *part, struct tally tally)
{
	static const enum pdf_colour colours[] = {PDF_GREEN, PDF_AMBER, PDF_GREY};
	static const double fills[] = {1, .5, 0};
	const size_t counts[] = {tally.covered, tally.partly, tally.not_found};
	size_t place = 0;
	for (size_t kind = 0; kind < VIVA_COUNT(counts); kind++) {
		for (size_t i = 0; i < counts[kind] && place < 9; i++, place++)
			pdf_dot(part->pdf, colours[kind], COLUMN_POINTS + 12 + 9.5 * (double)place, 7, 3, fills[kind]);
	}
	if (place == 0)
		pdf_text(part->pdf, PDF_BODY, PDF_GREY, COLUMN_POINTS + 8, 90, "–");
}

static void show_row(const struct pdf_report *part, const json_t *question)
{
	struct viva_pdf *pdf = part->pdf;
	const double width = COLUMN_CONTENT - 50 - PDF_MARGIN - 18;
	const char *text = question_of(part, question, 160);
	const json_t *points = json_object_get(json_object_get(question, "analysis"), "points");
	double height = pdf_height(pdf, PDF_BODY, width, text) + 5;
	if (pdf_need(pdf, height))
		show_table_head(part);
	pdf_text(pdf, PDF_BODY, PDF_GREY, PDF_MARGIN, 18,
		 viva_report_print(part->arena, "%.0f", viva_report_number(question, "number")));
	pdf_text(pdf, PDF_BODY, PDF_INK, PDF_MARGIN + 18, width, text);
	show_score(part, COLUMN_CONTENT, json_object_get(question, "content_score"));
	show_score(part, COLUMN_COMMUNICATION, json_object_get(question, "communication_score"));
	show_tally(part, tally_of(points));
	pdf_skip(pdf, height);
	pdf_rule(pdf, PDF_LINE, PDF_MARGIN, -2.5, PDF_WIDTH - PDF_MARGIN, -2.5, .5);
}

// What was looked for in an answer: a dot, how far it is there, and its evidence.
static void show_finding(const struct pdf_report *part, double fill, const char *status, const char *text,
			 const char *evidence)
{
	struct viva_pdf *pdf = part->pdf;
	enum pdf_colour colour = fill >= 1 ? PDF_GREEN : fill > 0 ? PDF_AMBER : PDF_GREY;
	const char *clean = viva_report_clean(part->arena, text, MAX_POINT);
	const char *quote = viva_report_clean(part->arena, evidence, MAX_EVIDENCE);
	const double left = PDF_MARGIN + 84, width = PDF_INNER - 84;
	// What stands alone beside the status has its size.
	enum pdf_style quote_style = clean[0] ? PDF_SMALL : PDF_BODY;
	pdf_need(pdf, pdf_height(pdf, PDF_BODY, width, clean[0] ? clean : status) + 2);
	pdf_dot(pdf, colour, PDF_MARGIN + 16, 7, 3.2, fill);
	pdf_text(pdf, PDF_BODY, colour, PDF_MARGIN + 25, 60, status);
	if (clean[0])
		pdf_paragraph(pdf, PDF_BODY, PDF_INK, left, width, clean, NULL);
	if (quote[0])
		pdf_paragraph(pdf, quote_style, PDF_GREY, left, width, viva_report_print(part->arena, "“%s”", quote),
			      NULL);
	pdf_skip(pdf, 3);
}

static void show_point(const struct pdf_report *part, const json_t *point)
{
	const char *status = viva_report_text(point, "status");
	double fill = strcmp(status, "covered") == 0 ? 1 : strcmp(status, "partly") == 0 ? .5 : 0;
	show_finding(part, fill, viva_report_status(status), viva_report_text(point, "text"),
		     viva_report_text(point, "evidence"));
}

// Advice: the parts weigh nothing.
static void show_story(const struct pdf_report *part, const json_t *story)
{
	if (!json_is_object(story))
		return;
	pdf_need(part->pdf, 40);
	pdf_paragraph(part->pdf, PDF_SMALL, PDF_GREY, PDF_MARGIN + 24, PDF_INNER - 24, VIVA_REPORT_STORY_NOTE, NULL);
	pdf_skip(part->pdf, 2);
	for (size_t i = 0; i < VIVA_REPORT_STORY_PARTS; i++) {
		const char *told = viva_report_text(story, viva_report_story[i].member);
		show_finding(part, told[0] ? 1 : 0, viva_report_story[i].name, told[0] ? "" : "Not found", told);
	}
}

static const char *line_of_facts(const struct pdf_report *part, const json_t *question)
{
	const char *category = viva_report_clean(part->arena, viva_report_text(question, "category"), 40);
	double seconds = viva_report_number(question, "duration");
	const char *duration = seconds > 0 ? viva_report_print(part->arena, "  ·  spoken for %s",
							       viva_report_clock(part->arena, seconds))
					   : "";
	const char *pauses = viva_report_pauses(part->arena, json_object_get(question, "pauses"));
	return viva_report_print(part->arena, "%s%s%s%s", category[0] ? category : "other", duration,
				 pauses[0] ? "  ·  " : "", pauses);
}

static void show_sum(const struct pdf_report *part, const char *label, const char *sum)
{
	if (sum[0])
		pdf_paragraph(part->pdf, PDF_SMALL, PDF_GREY, PDF_MARGIN + 24, PDF_INNER - 24,
			      viva_report_print(part->arena, "%s%s%s", label, label[0] ? " " : "",
						viva_report_clean(part->arena, sum, MAX_SUM)),
			      NULL);
}

static const char *keywords_of(const struct pdf_report *part, const json_t *analysis)
{
	const char *line = "";
	size_t index;
	const json_t *keyword;
	json_array_foreach(json_object_get(analysis, "keywords"), index, keyword)
	{
		const char *text = json_string_value(keyword);
		line = viva_report_print(part->arena, "%s%s%s", line, index > 0 ? ", " : "",
					 viva_report_clean(part->arena, text ? text : "", 60));
	}
	return line;
}

static void show_question(const struct pdf_report *part, const json_t *question)
{
	static const enum pdf_colour rule = PDF_BLUE_PALE;
	struct viva_pdf *pdf = part->pdf;
	struct viva_arena *arena = part->arena;
	const json_t *analysis = json_object_get(question, "analysis");
	const char *title = question_of(part, question, MAX_QUESTION);
	const char *answer = viva_report_clean(arena, viva_report_text(question, "transcript"), MAX_ANSWER);
	const char *reason = viva_report_clean(arena, viva_report_text(analysis, "reason"), MAX_FEEDBACK);
	const char *feedback = viva_report_clean(arena, viva_report_text(analysis, "feedback"), MAX_FEEDBACK);
	const char *keywords = keywords_of(part, analysis);
	bool is_scored = json_is_true(json_object_get(question, "scored"));
	size_t index;
	const json_t *point;

	pdf_skip(pdf, 10);
	pdf_need(pdf, pdf_height(pdf, PDF_SUBHEADING, PDF_INNER - 24, title) + 50);
	pdf_text(pdf, PDF_SUBHEADING, PDF_BLUE, PDF_MARGIN, 24,
		 viva_report_print(arena, "%.0f", viva_report_number(question, "number")));
	pdf_paragraph(pdf, PDF_SUBHEADING, PDF_INK, PDF_MARGIN + 24, PDF_INNER - 24, title, NULL);
	pdf_paragraph(pdf, PDF_SMALL, PDF_GREY, PDF_MARGIN + 24, PDF_INNER - 24, line_of_facts(part, question), NULL);
	show_sum(part, "Content", viva_report_text(question, "content_sum"));
	show_sum(part, "Communication", viva_report_text(question, "communication_sum"));
	show_sum(part, "", viva_report_judge(arena, question));
	pdf_skip(pdf, 4);
	if (!is_scored)
		pdf_paragraph(pdf, PDF_STRONG, PDF_AMBER, PDF_MARGIN + 24, PDF_INNER - 24,
			      viva_report_print(arena, "Not scorable; it lowers no score. %s", reason), NULL);
	pdf_paragraph(pdf, PDF_BODY, answer[0] ? PDF_INK : PDF_GREY, PDF_MARGIN + 34, PDF_INNER - 34,
		      answer[0] ? answer : "Nothing was said.", &rule);
	pdf_skip(pdf, 5);
	json_array_foreach(json_object_get(analysis, "points"), index, point) show_point(part, point);
	show_story(part, json_object_get(analysis, "story"));
	if (is_scored) {
		show_sum(part, "", viva_report_correctness(arena, analysis));
		show_sum(part, "", viva_report_specificity(arena, analysis));
	}
	pdf_skip(pdf, 2);
	if (is_scored && feedback[0])
		pdf_paragraph(pdf, PDF_BODY, PDF_INK, PDF_MARGIN + 24, PDF_INNER - 24, feedback, NULL);
	pdf_skip(pdf, 2);
	if (keywords[0])
		pdf_paragraph(pdf, PDF_SMALL, PDF_GREY, PDF_MARGIN + 24, PDF_INNER - 24,
			      viva_report_print(arena, "Key phrases: %s", keywords), NULL);
}

void pdf_questions(const struct pdf_report *part)
{
	const json_t *questions = json_object_get(part->report, "questions");
	size_t index;
	const json_t *question;
	if (json_array_size(questions) == 0)
		return;
	pdf_heading(part, "Questions at a glance", 70);
	show_table_head(part);
	json_array_foreach(questions, index, question) show_row(part, question);
	pdf_heading(part, "Answers and evidence", 80);
	pdf_skip(part->pdf, -8);
	json_array_foreach(questions, index, question) show_question(part, question);
}
