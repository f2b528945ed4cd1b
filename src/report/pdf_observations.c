// SPDX-License-Identifier: Apache-2.0
//
// How was spoken, what was seen, and what a reader should know of all that.
#include <string.h>

#include "report/palette.h"
#include "report/pdf_parts.h"
#include "report/report_text.h"

enum { TILES = 5, TILE_GAP = 8, TILE_HEIGHT = 58, STRIPE_HEIGHT = 34, LEGEND_STEP = 64 };

static void show_tile(const struct pdf_report *part, size_t place, const char *value, const char *label,
		      const char *note)
{
	const double width = (double)(PDF_INNER - (TILES - 1) * TILE_GAP) / TILES;
	double x = PDF_MARGIN + (double)place * (width + TILE_GAP);
	double top = pdf_y(part->pdf);
	pdf_box(part->pdf, PDF_PALE, x, 0, width, TILE_HEIGHT, 4);
	pdf_skip(part->pdf, 5);
	pdf_text(part->pdf, PDF_NUMBER, value[0] ? PDF_INK : PDF_GREY, x + 8, width - 12, value[0] ? value : "–");
	pdf_move_to(part->pdf, top + 28);
	pdf_text(part->pdf, PDF_LABEL, PDF_INK, x + 8, width - 12, label);
	pdf_move_to(part->pdf, top + 40);
	pdf_text(part->pdf, PDF_LABEL, PDF_GREY, x + 8, width - 10, note);
	pdf_move_to(part->pdf, top);
}

static const char *figure(const struct pdf_report *part, const json_t *object, const char *name, const char *format)
{
	const json_t *value = json_object_get(object, name);
	bool is_whole = strcmp(format, "whole") == 0;
	return json_is_number(value)
		       ? viva_report_print(part->arena, is_whole ? "%.0f" : "%.1f", json_number_value(value))
		       : "";
}

void pdf_communication(const struct pdf_report *part)
{
	const json_t *spoken = json_object_get(part->report, "communication");
	const json_t *pauses = json_object_get(spoken, "pauses");
	if (viva_report_number(spoken, "words") <= 0)
		return;
	pdf_heading(part, "How was spoken", TILE_HEIGHT + 10);
	show_tile(part, 0, figure(part, spoken, "words_per_minute", "whole"), "words a minute", "140–210 read well");
	show_tile(part, 1, figure(part, spoken, "fillers_per_100_words", ""), "fillers in 100 words",
		  viva_report_print(part->arena, "and %.1f soft ones",
				    viva_report_number(spoken, "soft_fillers_per_100_words")));
	show_tile(part, 2, figure(part, spoken, "repetitions_per_100_words", ""), "words said twice", "in 100 words");
	show_tile(part, 3, figure(part, spoken, "words_per_sentence", "whole"), "words a sentence", "8–26 read well");
	show_tile(part, 4, figure(part, pauses, "count", "whole"), "pauses",
		  viva_report_pauses_share(part->arena, pauses));
	pdf_skip(part->pdf, TILE_HEIGHT + 4);
	pdf_paragraph(part->pdf, PDF_SMALL, PDF_GREY, PDF_MARGIN, PDF_INNER, viva_report_text(spoken, "pauses_note"),
		      NULL);
}

static void show_legend(const struct pdf_report *part, const json_t *distribution)
{
	double x = PDF_MARGIN;
	const char *name;
	const json_t *share;
	json_object_foreach((json_t *)(uintptr_t)distribution, name, share)
	{
		if (x + LEGEND_STEP + 30 > PDF_WIDTH - PDF_MARGIN) {
			x = PDF_MARGIN;
			pdf_skip(part->pdf, 12);
		}
		pdf_tint(part->pdf, viva_palette_of(name)->rgb, x, 2.5, 7, 7);
		pdf_text(part->pdf, PDF_SMALL, PDF_GREY, x + 10, LEGEND_STEP + 20,
			 viva_report_print(part->arena, "%s %.0f %%", viva_report_clean(part->arena, name, 12),
					   100 * json_number_value(share)));
		x += LEGEND_STEP + 12;
	}
	pdf_skip(part->pdf, 14);
}

// A column for each stretch: its colour is the expression, its height how sure the network was; ticks are blinks.
static void show_timeline(const struct pdf_report *part, const json_t *emotions)
{
	const json_t *timeline = json_object_get(emotions, "timeline");
	const json_t *last = json_array_get(timeline, json_array_size(timeline) - 1);
	double step = viva_report_number(emotions, "stretch_seconds");
	double end = viva_report_number(last, "seconds") + step;
	double scale = end > 0 ? PDF_INNER / end : 0;
	size_t index;
	const json_t *stretch;
	pdf_box(part->pdf, PDF_PALE, PDF_MARGIN, 0, PDF_INNER, STRIPE_HEIGHT, 0);
	json_array_foreach(timeline, index, stretch)
	{
		double x = PDF_MARGIN + viva_report_number(stretch, "seconds") * scale;
		double width = step * scale;
		double height = STRIPE_HEIGHT * (.25 + .75 * viva_report_number(stretch, "confidence"));
		const char *emotion = viva_report_text(stretch, "emotion");
		double blinks = viva_report_number(stretch, "blinks");
		if (emotion[0])
			pdf_tint(part->pdf, viva_palette_of(emotion)->rgb, x, STRIPE_HEIGHT - height, width, height);
		for (double i = 0; i < blinks && i < 12; i++)
			pdf_rule(part->pdf, PDF_INK, x + width * (i + .5) / (blinks > 12 ? 12 : blinks),
				 STRIPE_HEIGHT + 3, x + width * (i + .5) / (blinks > 12 ? 12 : blinks),
				 STRIPE_HEIGHT + 10, .8);
	}
	pdf_skip(part->pdf, STRIPE_HEIGHT + 12);
	pdf_text(part->pdf, PDF_LABEL, PDF_GREY, PDF_MARGIN, 60, "0:00");
	pdf_text_right(part->pdf, PDF_LABEL, PDF_GREY, PDF_WIDTH - PDF_MARGIN, 60, viva_report_clock(part->arena, end));
	pdf_skip(part->pdf, 12);
}

static const char *blink_sentence(const struct pdf_report *part, const json_t *emotions)
{
	double blinks = viva_report_number(emotions, "blinks");
	const json_t *rate = json_object_get(emotions, "blinks_per_minute");
	const char *often =
		json_is_number(rate) ? viva_report_print(part->arena, ", %.0f a minute", json_number_value(rate)) : "";
	return viva_report_print(part->arena, "%.0f blinks were seen%s. %s", blinks, often,
				 viva_report_text(emotions, "blink_note"));
}

void pdf_emotions(const struct pdf_report *part)
{
	const json_t *emotions = json_object_get(part->report, "emotions");
	struct viva_pdf *pdf = part->pdf;
	if (!json_is_object(emotions))
		return;
	pdf_heading(part, "Expressions and blinks", STRIPE_HEIGHT + 60);
	if (viva_report_number(emotions, "faces") <= 0) {
		const char *note = viva_report_text(emotions, "note");
		pdf_paragraph(pdf, PDF_BODY, PDF_INK, PDF_MARGIN, PDF_INNER, note[0] ? note : "No face was seen.",
			      NULL);
		return;
	}
	show_timeline(part, emotions);
	show_legend(part, json_object_get(emotions, "distribution"));
	pdf_paragraph(pdf, PDF_BODY, PDF_INK, PDF_MARGIN, PDF_INNER,
		      viva_report_print(
			      part->arena,
			      "Each column is the strongest expression of a stretch of %.0f s, the higher the "
			      "surer; ticks below are blinks. A face was seen in %.0f of %.0f pictures. %s",
			      viva_report_number(emotions, "stretch_seconds"), viva_report_number(emotions, "faces"),
			      viva_report_number(emotions, "frames"), blink_sentence(part, emotions)),
		      NULL);
}

static void show_list(const struct pdf_report *part, const char *title, const json_t *texts)
{
	size_t index;
	const json_t *text;
	if (json_array_size(texts) == 0)
		return;
	pdf_need(part->pdf, 40);
	pdf_skip(part->pdf, 4);
	pdf_skip(part->pdf, pdf_text(part->pdf, PDF_STRONG, PDF_INK, PDF_MARGIN, PDF_INNER, title));
	json_array_foreach(texts, index, text)
	{
		pdf_need(part->pdf, pdf_height(part->pdf, PDF_SMALL, PDF_INNER - 10, json_string_value(text)));
		pdf_dot(part->pdf, PDF_GREY, PDF_MARGIN + 3, 6, .8, 1);
		pdf_paragraph(part->pdf, PDF_SMALL, PDF_INK, PDF_MARGIN + 10, PDF_INNER - 10, json_string_value(text),
			      NULL);
	}
}

void pdf_notes(const struct pdf_report *part)
{
	const json_t *report = part->report;
	const json_t *versions = json_object_get(report, "versions");
	pdf_heading(part, "Method, limits and your rights", 60);
	show_list(part, "Your rights", json_object_get(report, "rights"));
	show_list(part, "What the method can't do", json_object_get(report, "limits"));
	show_list(part, "Method", json_object_get(report, "method"));
	pdf_paragraph(part->pdf, PDF_SMALL, PDF_INK, PDF_MARGIN + 10, PDF_INNER - 10,
		      viva_report_judges(part->arena, json_object_get(report, "scores")), NULL);
	pdf_skip(part->pdf, 8);
	pdf_paragraph(part->pdf, PDF_SMALL, PDF_GREY, PDF_MARGIN, PDF_INNER,
		      viva_report_print(part->arena,
					"Viva %s · %s · %s. The report as JSON has all of this in full, and whole "
					"transcripts.",
					viva_report_text(versions, "viva"), viva_report_text(versions, "scoring"),
					viva_report_text(versions, "report")),
		      NULL);
}
