// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "report/pdf_parts.h"
#include "report/report_text.h"

enum {
	MAX_NAME = 80,
	MAX_FEEDBACK = 1600,
	MAX_INSIGHT = 500,
	MAX_EVIDENCE = 240,
	FIGURE_WIDTH = 118,
	BAR_LEFT = PDF_MARGIN + FIGURE_WIDTH + 118,
	BAR_WIDTH = PDF_WIDTH - PDF_MARGIN - BAR_LEFT - 40,
};

static void show_person(const struct pdf_report *part)
{
	struct viva_arena *arena = part->arena;
	struct viva_pdf *pdf = part->pdf;
	const json_t *interview = json_object_get(part->report, "interview");
	const char *name = viva_report_clean(arena, viva_report_text(interview, "user_id"), MAX_NAME);
	const char *mode = strcmp(viva_report_text(interview, "mode"), "recruitment") == 0 ? "Recruitment interview"
											   : "Practice interview";
	const char *completed = viva_report_moment(arena, viva_report_text(interview, "completed_at"));
	long answered = (long)viva_report_number(interview, "answered");
	long total = (long)viva_report_number(interview, "total_questions");
	pdf_outline(pdf, "Summary");
	pdf_skip(pdf, pdf_text(pdf, PDF_TITLE, PDF_BLUE, PDF_MARGIN, PDF_INNER, "Interview report"));
	pdf_paragraph(pdf, PDF_NAME, PDF_INK, PDF_MARGIN, PDF_INNER, name[0] ? name : "Candidate without a name", NULL);
	pdf_skip(pdf, 2);
	pdf_paragraph(pdf, PDF_BODY, PDF_GREY, PDF_MARGIN, PDF_INNER,
		      viva_report_print(arena, "%s%s%s  ·  %ld of %ld questions answered", mode,
					completed[0] ? "  ·  completed " : "", completed, answered,
					total > answered ? total : answered),
		      NULL);
	pdf_skip(pdf, 10);
}

// The scale from 0 to 100 with the band as a broad stripe and the score as a mark.
static void show_band(const struct pdf_report *part, double x, double width, double score, const json_t *band)
{
	struct viva_pdf *pdf = part->pdf;
	double low = viva_report_number(band, "low");
	double high = viva_report_number(band, "high");
	pdf_box(pdf, PDF_LINE, x, 0, width, 5, 2.5);
	pdf_box(pdf, PDF_BLUE_PALE, x + width * low / 100, -1.5, width * (high - low) / 100, 8, 2);
	pdf_box(pdf, PDF_BLUE, x + width * score / 100 - 1.25, -3.5, 2.5, 12, 1);
}

static void show_bar(const struct pdf_report *part, const char *label, const json_t *score)
{
	struct viva_pdf *pdf = part->pdf;
	double value = json_number_value(score);
	pdf_text(pdf, PDF_BODY, PDF_INK, PDF_MARGIN + FIGURE_WIDTH + 14, 100, label);
	if (json_is_number(score)) {
		pdf_box(pdf, PDF_LINE, BAR_LEFT, 3.5, BAR_WIDTH, 7, 3.5);
		pdf_box(pdf, PDF_BLUE, BAR_LEFT, 3.5, BAR_WIDTH * value / 100, 7, 3.5);
		pdf_text_right(pdf, PDF_STRONG, PDF_INK, PDF_WIDTH - PDF_MARGIN - 10, 34,
			       viva_report_print(part->arena, "%.0f", value));
	} else {
		pdf_text(pdf, PDF_BODY, PDF_GREY, BAR_LEFT, BAR_WIDTH, "not scored");
	}
	pdf_skip(pdf, 19);
}

static void show_overall(const struct pdf_report *part, const json_t *scores)
{
	struct viva_pdf *pdf = part->pdf;
	struct viva_arena *arena = part->arena;
	const json_t *overall = json_object_get(scores, "overall_score");
	const json_t *band = json_object_get(scores, "overall_band");
	double top = pdf_y(pdf);
	bool has_emotion = json_is_number(json_object_get(scores, "emotion_score"));
	pdf_box(pdf, PDF_PALE, PDF_MARGIN, 0, PDF_INNER, 104, 6);
	pdf_skip(pdf, 12);
	if (json_is_number(overall)) {
		pdf_text(pdf, PDF_FIGURE, PDF_BLUE, PDF_MARGIN + 16, FIGURE_WIDTH - 16,
			 viva_report_print(arena, "%.0f", json_number_value(overall)));
		pdf_move_to(pdf, top + 70);
		pdf_text(pdf, PDF_SMALL, PDF_GREY, PDF_MARGIN + 16, FIGURE_WIDTH, "overall, of 100");
	} else {
		pdf_move_to(pdf, top + 30);
		pdf_text(pdf, PDF_NUMBER, PDF_GREY, PDF_MARGIN + 16, FIGURE_WIDTH - 16, "Not scorable");
	}
	pdf_move_to(pdf, top + 12);
	show_bar(part, "Technical", json_object_get(scores, "technical_score"));
	show_bar(part, "Communication", json_object_get(scores, "communication_score"));
	if (has_emotion)
		show_bar(part, "Expression", json_object_get(scores, "emotion_score"));
	if (json_is_object(band)) {
		pdf_move_to(pdf, top + 78);
		pdf_text(pdf, PDF_BODY, PDF_INK, PDF_MARGIN + FIGURE_WIDTH + 14, 100, "Overall");
		pdf_skip(pdf, 4);
		show_band(part, BAR_LEFT, BAR_WIDTH, json_number_value(overall), band);
		pdf_skip(pdf, -4);
		pdf_text_right(pdf, PDF_STRONG, PDF_INK, PDF_WIDTH - PDF_MARGIN - 10, 34,
			       viva_report_print(arena, "%.0f", json_number_value(overall)));
	}
	pdf_move_to(pdf, top + 112);
	if (json_is_object(band))
		pdf_paragraph(pdf, PDF_BODY, PDF_GREY, PDF_MARGIN, PDF_INNER,
			      viva_report_print(arena,
						"With other questions and other graders the overall score would "
						"lie between %.0f and %.0f in nine of ten cases (the pale stripe).",
						viva_report_number(band, "low"), viva_report_number(band, "high")),
			      NULL);
}

static void show_sum(const struct pdf_report *part, const char *label, const char *text)
{
	struct viva_pdf *pdf = part->pdf;
	if (text[0] == '\0')
		return;
	double height = pdf_height(pdf, PDF_BODY, PDF_INNER - 100, text);
	pdf_need(pdf, height);
	pdf_text(pdf, PDF_STRONG, PDF_INK, PDF_MARGIN, 95, label);
	pdf_paragraph(pdf, PDF_BODY, PDF_INK, PDF_MARGIN + 100, PDF_INNER - 100, text, NULL);
}

void pdf_summary(const struct pdf_report *part)
{
	struct viva_arena *arena = part->arena;
	const json_t *scores = json_object_get(part->report, "scores");
	const json_t *sums = json_object_get(json_object_get(part->report, "formulas"), "sums");
	show_person(part);
	show_overall(part, scores);
	pdf_skip(part->pdf, 6);
	pdf_paragraph(part->pdf, PDF_BODY, PDF_INK, PDF_MARGIN, PDF_INNER,
		      viva_report_clean(arena, viva_report_text(scores, "feedback"), MAX_FEEDBACK), NULL);
	if (!json_is_object(sums))
		return;
	pdf_heading(part, "How the scores come about", 60);
	show_sum(part, "Technical", viva_report_clean(arena, viva_report_text(sums, "technical"), 1200));
	show_sum(part, "Communication", viva_report_clean(arena, viva_report_text(sums, "communication"), 1200));
	show_sum(part, "Overall", viva_report_clean(arena, viva_report_text(sums, "overall"), 200));
}

static void show_insight(const struct pdf_report *part, const json_t *insight)
{
	struct viva_pdf *pdf = part->pdf;
	double impact = viva_report_number(insight, "impact");
	const char *text = viva_report_clean(part->arena, viva_report_text(insight, "description"), MAX_INSIGHT);
	const char *evidence = viva_report_clean(part->arena, viva_report_text(insight, "evidence"), MAX_EVIDENCE);
	enum pdf_colour colour = impact > .005 ? PDF_GREEN : impact < -.005 ? PDF_RED : PDF_GREY;
	const double middle = PDF_MARGIN + 26;
	pdf_need(pdf, pdf_height(pdf, PDF_BODY, PDF_INNER - 100, text) + 4);
	pdf_rule(pdf, PDF_LINE, middle, 1, middle, 12, .8);
	pdf_box(pdf, colour, impact < 0 ? middle + 24 * impact : middle, 4, 24 * (impact < 0 ? -impact : impact), 5, 1);
	pdf_text_right(pdf, PDF_STRONG, colour, PDF_MARGIN + 92, 36,
		       colour == PDF_GREY ? "±0" : viva_report_print(part->arena, "%+.2f", impact));
	pdf_paragraph(pdf, PDF_BODY, PDF_INK, PDF_MARGIN + 100, PDF_INNER - 100, text, NULL);
	if (evidence[0])
		pdf_paragraph(pdf, PDF_SMALL, PDF_GREY, PDF_MARGIN + 100, PDF_INNER - 100,
			      viva_report_print(part->arena, "“%s”", evidence), NULL);
	pdf_skip(pdf, 4);
}

void pdf_insights(const struct pdf_report *part)
{
	const json_t *insights = json_object_get(json_object_get(part->report, "scores"), "insights");
	const char *mode = viva_report_text(json_object_get(part->report, "interview"), "mode");
	bool is_recruitment = strcmp(mode, "recruitment") == 0;
	size_t shown = 0;
	size_t index;
	const json_t *insight;
	json_array_foreach(insights, index, insight)
	{
		// Why there is no emotion score is for programs to know; people who recruit read nothing of emotions.
		if (is_recruitment && strcmp(viva_report_text(insight, "category"), "emotion") == 0)
			continue;
		if (shown++ == 0)
			pdf_heading(part, "What stood out", 40);
		show_insight(part, insight);
	}
}
