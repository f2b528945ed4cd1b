// SPDX-License-Identifier: Apache-2.0
//
// What the page says of how was spoken, of what was seen, and of the method.
#include <string.h>

#include "report/html_parts.h"
#include "report/palette.h"
#include "report/report_text.h"

enum { STRIP_WIDTH = 800, STRIP_HEIGHT = 56, MAX_TICKS = 12, MAX_TEXT = 1600 };

static void put_tile(struct html *html, const json_t *value, int digits, const char *label, const char *note)
{
	html_put(html, "<div class=\"tile\"><b>");
	if (json_is_number(value))
		html_put(html, "%.*f", digits, json_number_value(value));
	else
		html_put(html, "–");
	html_put(html, "</b><span>%s</span><span class=\"small\">%s</span></div>\n", label, note);
}

void html_communication(struct html *html)
{
	const json_t *spoken = json_object_get(html->report, "communication");
	const json_t *pauses = json_object_get(spoken, "pauses");
	if (viva_report_number(spoken, "words") <= 0)
		return;
	html_put(html, "<h2>How was spoken</h2>\n<div class=\"tiles\">\n");
	put_tile(html, json_object_get(spoken, "words_per_minute"), 0, "words a minute", "140–210 read well");
	put_tile(html, json_object_get(spoken, "fillers_per_100_words"), 1, "fillers in 100 words",
		 viva_report_print(html->arena, "and %.1f soft ones",
				   viva_report_number(spoken, "soft_fillers_per_100_words")));
	put_tile(html, json_object_get(spoken, "repetitions_per_100_words"), 1, "words said twice", "in 100 words");
	put_tile(html, json_object_get(spoken, "words_per_sentence"), 0, "words a sentence", "8–26 read well");
	put_tile(html, json_object_get(pauses, "count"), 0, "pauses", viva_report_pauses_share(html->arena, pauses));
	html_put(html, "</div>\n");
	html_element(html, "p", "small", viva_report_text(spoken, "pauses_note"), MAX_TEXT);
}

static void put_stretch(struct html *html, const json_t *stretch, double scale, double step)
{
	double x = viva_report_number(stretch, "seconds") * scale;
	double width = step * scale;
	double height = STRIP_HEIGHT * (.25 + .75 * viva_report_number(stretch, "confidence"));
	double blinks = viva_report_number(stretch, "blinks");
	double ticks = blinks > MAX_TICKS ? MAX_TICKS : blinks;
	const char *emotion = viva_report_text(stretch, "emotion");
	if (emotion[0]) {
		html_put(html, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"><title>", x,
			 STRIP_HEIGHT - height, width, height, viva_palette_of(emotion)->hex);
		html_text(html, emotion, 20);
		html_put(html, ", from %s</title></rect>",
			 viva_report_clock(html->arena, viva_report_number(stretch, "seconds")));
	}
	for (double i = 0; i < ticks; i++) {
		double at = x + width * (i + .5) / ticks;
		html_put(html, "<line class=\"tick\" x1=\"%.2f\" x2=\"%.2f\" y1=\"%d\" y2=\"%d\"/>", at, at,
			 STRIP_HEIGHT + 5, STRIP_HEIGHT + 16);
	}
	html_put(html, "\n");
}

static void put_legend(struct html *html, const json_t *distribution)
{
	const char *name;
	const json_t *share;
	html_put(html, "<ul class=\"legend small\">\n");
	json_object_foreach((json_t *)(uintptr_t)distribution, name, share)
	{
		html_put(html,
			 "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect width=\"10\" height=\"10\" "
			 "fill=\"%s\"/></svg>",
			 viva_palette_of(name)->hex);
		html_text(html, name, 20);
		html_put(html, " %.0f %%</li>\n", 100 * json_number_value(share));
	}
	html_put(html, "</ul>\n");
}

static void put_timeline(struct html *html, const json_t *emotions)
{
	const json_t *timeline = json_object_get(emotions, "timeline");
	const json_t *last = json_array_get(timeline, json_array_size(timeline) - 1);
	double step = viva_report_number(emotions, "stretch_seconds");
	double end = viva_report_number(last, "seconds") + step;
	size_t index;
	const json_t *stretch;
	html_put(html,
		 "<svg class=\"strip\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Expressions and blinks over "
		 "time\"><rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n",
		 STRIP_WIDTH, STRIP_HEIGHT + 18, STRIP_WIDTH, STRIP_HEIGHT);
	json_array_foreach(timeline, index, stretch) put_stretch(html, stretch, end > 0 ? STRIP_WIDTH / end : 0, step);
	html_put(html, "</svg>\n<div class=\"scale small\"><span>0:00</span><span>%s</span></div>\n",
		 viva_report_clock(html->arena, end));
}

void html_emotions(struct html *html)
{
	const json_t *emotions = json_object_get(html->report, "emotions");
	const json_t *rate = json_object_get(emotions, "blinks_per_minute");
	const char *note = viva_report_text(emotions, "note");
	if (!json_is_object(emotions))
		return;
	html_put(html, "<h2>Expressions and blinks</h2>\n");
	if (viva_report_number(emotions, "faces") <= 0) {
		html_element(html, "p", "note", note[0] ? note : "No face was seen.", MAX_TEXT);
		return;
	}
	put_timeline(html, emotions);
	put_legend(html, json_object_get(emotions, "distribution"));
	html_put(html,
		 "<p>Each column is the strongest expression of a stretch of %.0f s, the higher the surer; ticks below "
		 "are blinks. A face was seen in %.0f of %.0f pictures. %.0f blinks were seen",
		 viva_report_number(emotions, "stretch_seconds"), viva_report_number(emotions, "faces"),
		 viva_report_number(emotions, "frames"), viva_report_number(emotions, "blinks"));
	if (json_is_number(rate))
		html_put(html, ", %.0f a minute", json_number_value(rate));
	html_put(html, ". ");
	html_text(html, viva_report_text(emotions, "blink_note"), MAX_TEXT);
	html_put(html, "</p>\n");
}

static void put_list(struct html *html, const char *title, const json_t *texts)
{
	size_t index;
	const json_t *text;
	html_put(html, "<h3>%s</h3>\n<ul class=\"small\">\n", title);
	json_array_foreach(texts, index, text)
	{
		html_put(html, "<li>");
		html_text(html, json_is_string(text) ? json_string_value(text) : "", MAX_TEXT);
		html_put(html, "</li>\n");
	}
	html_put(html, "</ul>\n");
}

void html_notes(struct html *html)
{
	const json_t *report = html->report;
	const json_t *versions = json_object_get(report, "versions");
	html_put(html, "<h2>Method, limits and your rights</h2>\n");
	put_list(html, "Your rights", json_object_get(report, "rights"));
	put_list(html, "What the method can&#39;t do", json_object_get(report, "limits"));
	put_list(html, "Method", json_object_get(report, "method"));
	html_element(html, "p", "small", viva_report_judges(html->arena, json_object_get(report, "scores")), MAX_TEXT);
	html_put(html, "<p class=\"small\">Interview ");
	html_text(html, viva_report_text(json_object_get(report, "interview"), "id"), 64);
	html_put(html, " · Viva ");
	html_text(html, viva_report_text(versions, "viva"), 40);
	html_put(html, " · ");
	html_text(html, viva_report_text(versions, "scoring"), 200);
	html_put(html, " · ");
	html_text(html, viva_report_text(versions, "report"), 40);
	html_put(html, "</p>\n");
}
