// SPDX-License-Identifier: Apache-2.0
//
// What the page says of the person, the scores and the answers.
#include <string.h>

#include "report/html_parts.h"
#include "report/report_text.h"

enum {
	MAX_NAME = 80,
	MAX_TEXT = 1600,
	MAX_ANSWER = 20000,
};

static bool is_recruitment(const struct html *html)
{
	return strcmp(viva_report_text(json_object_get(html->report, "interview"), "mode"), "recruitment") == 0;
}

static void put_bar(struct html *html, const char *label, const json_t *score, const json_t *band)
{
	double value = json_number_value(score);
	double low = viva_report_number(band, "low");
	double high = viva_report_number(band, "high");
	html_put(html, "<div class=\"bar\"><span>%s</span>", label);
	if (!json_is_number(score)) {
		html_put(html, "<span class=\"meta\">not scored</span><b></b></div>\n");
		return;
	}
	html_put(html,
		 "<svg viewBox=\"0 0 100 14\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%.0f of "
		 "100\"><rect class=\"track\" y=\"4\" width=\"100\" height=\"6\"/>",
		 value);
	if (json_is_object(band))
		html_put(html,
			 "<rect class=\"band\" x=\"%.1f\" y=\"2\" width=\"%.1f\" height=\"10\"/>"
			 "<rect class=\"mark\" x=\"%.1f\" y=\"0\" width=\".8\" height=\"14\"/>",
			 low, high - low, value - .4);
	else
		html_put(html, "<rect class=\"fill\" y=\"4\" width=\"%.1f\" height=\"6\"/>", value);
	html_put(html, "</svg><b>%.0f</b></div>\n", value);
}

static void put_person(struct html *html)
{
	const json_t *interview = json_object_get(html->report, "interview");
	const char *name = viva_report_clean(html->arena, viva_report_text(interview, "user_id"), MAX_NAME);
	const char *completed = viva_report_moment(html->arena, viva_report_text(interview, "completed_at"));
	long answered = (long)viva_report_number(interview, "answered");
	long total = (long)viva_report_number(interview, "total_questions");
	html_put(html, "<header>\n<p class=\"kicker\">Interview report</p>\n");
	html_element(html, "h1", "name", name[0] ? name : "Candidate without a name", MAX_NAME);
	html_put(html, "<p class=\"meta\">%s%s%s · %ld of %ld questions answered</p>\n</header>\n",
		 is_recruitment(html) ? "Recruitment interview" : "Practice interview",
		 completed[0] ? " · completed " : "", completed, answered, total > answered ? total : answered);
}

static void put_sum(struct html *html, const char *label, const char *text)
{
	if (text[0] == '\0')
		return;
	html_put(html, "<dt>%s</dt><dd>", label);
	html_text(html, text, MAX_TEXT);
	html_put(html, "</dd>\n");
}

void html_summary(struct html *html)
{
	const json_t *scores = json_object_get(html->report, "scores");
	const json_t *sums = json_object_get(json_object_get(html->report, "formulas"), "sums");
	const json_t *overall = json_object_get(scores, "overall_score");
	const json_t *band = json_object_get(scores, "overall_band");
	put_person(html);
	html_put(html, "<section class=\"card\">\n<div>");
	if (json_is_number(overall))
		html_put(html, "<div class=\"figure\">%.0f</div><div class=\"small\">overall, of 100</div>",
			 json_number_value(overall));
	else
		html_put(html, "<b>Not scorable</b>");
	html_put(html, "</div>\n<div class=\"bars\">\n");
	put_bar(html, "Technical", json_object_get(scores, "technical_score"), NULL);
	put_bar(html, "Communication", json_object_get(scores, "communication_score"), NULL);
	if (json_is_number(json_object_get(scores, "emotion_score")))
		put_bar(html, "Expression", json_object_get(scores, "emotion_score"), NULL);
	if (json_is_object(band))
		put_bar(html, "Overall", overall, band);
	html_put(html, "</div>\n</section>\n");
	if (json_is_object(band))
		html_put(html,
			 "<p class=\"meta\">With other questions and other graders the overall score would lie between "
			 "%.0f and %.0f in nine of ten cases (the pale stripe).</p>\n",
			 viva_report_number(band, "low"), viva_report_number(band, "high"));
	html_element(html, "p", "feedback", viva_report_text(scores, "feedback"), MAX_TEXT);
	if (!json_is_object(sums))
		return;
	html_put(html, "<h2>How the scores come about</h2>\n<dl>\n");
	put_sum(html, "Technical", viva_report_text(sums, "technical"));
	put_sum(html, "Communication", viva_report_text(sums, "communication"));
	put_sum(html, "Overall", viva_report_text(sums, "overall"));
	html_put(html, "</dl>\n");
}

static void put_quote(struct html *html, const char *evidence)
{
	if (evidence[0])
		html_element(html, "p", "quote", viva_report_print(html->arena, "“%s”", evidence), MAX_TEXT);
}

void html_insights(struct html *html)
{
	size_t index;
	size_t shown = 0;
	const json_t *insight;
	json_array_foreach(json_object_get(json_object_get(html->report, "scores"), "insights"), index, insight)
	{
		double impact = viva_report_number(insight, "impact");
		const char *direction = impact > .005 ? "up" : impact < -.005 ? "down" : "level";
		if (is_recruitment(html) && strcmp(viva_report_text(insight, "category"), "emotion") == 0)
			continue;
		if (shown++ == 0)
			html_put(html, "<h2>What stood out</h2>\n");
		html_put(html, "<div class=\"insight\"><span class=\"impact %s\">", direction);
		if (strcmp(direction, "level") == 0)
			html_put(html, "±0");
		else
			html_put(html, "%+.2f", impact);
		html_put(html, "</span><div>");
		html_element(html, "p", "description", viva_report_text(insight, "description"), MAX_TEXT);
		put_quote(html, viva_report_text(insight, "evidence"));
		html_put(html, "</div></div>\n");
	}
}

static void put_cell(struct html *html, const json_t *score)
{
	if (json_is_number(score))
		html_put(html, "<td class=\"number\"><b>%.0f</b></td>", json_number_value(score));
	else
		html_put(html, "<td class=\"number\">–</td>");
}

static size_t count_status(const json_t *points, const char *status)
{
	size_t count = 0;
	size_t index;
	const json_t *point;
	json_array_foreach(points, index, point) count += strcmp(viva_report_text(point, "status"), status) == 0;
	return count;
}

static const char *question_of(const json_t *question)
{
	const char *text = viva_report_text(question, "question");
	return text[0] ? text : "Question unknown";
}

static void put_table(struct html *html, const json_t *questions)
{
	size_t index;
	const json_t *question;
	html_put(html,
		 "<table>\n<thead><tr><th scope=\"col\">No.</th><th scope=\"col\">Question</th>"
		 "<th scope=\"col\" class=\"number\">Content</th><th scope=\"col\" class=\"number\">Communication</th>"
		 "<th scope=\"col\" class=\"number\">Covered / partly / not found</th></tr></thead>\n<tbody>\n");
	json_array_foreach(questions, index, question)
	{
		const json_t *points = json_object_get(json_object_get(question, "analysis"), "points");
		html_put(html, "<tr><td>%.0f</td>", viva_report_number(question, "number"));
		html_element(html, "td", "question", question_of(question), 300);
		put_cell(html, json_object_get(question, "content_score"));
		put_cell(html, json_object_get(question, "communication_score"));
		if (json_array_size(points) > 0)
			html_put(html, "<td class=\"number\">%zu / %zu / %zu</td></tr>\n",
				 count_status(points, "covered"), count_status(points, "partly"),
				 count_status(points, "not_found"));
		else
			html_put(html, "<td class=\"number\">–</td></tr>\n");
	}
	html_put(html, "</tbody>\n</table>\n");
}

static void put_points(struct html *html, const json_t *points)
{
	size_t index;
	const json_t *point;
	if (json_array_size(points) == 0)
		return;
	html_put(html, "<ul class=\"points\">\n");
	json_array_foreach(points, index, point)
	{
		const char *status = viva_report_text(point, "status");
		const char *class_name = strcmp(status, "covered") == 0  ? "covered"
					 : strcmp(status, "partly") == 0 ? "partly"
									 : "not_found";
		html_put(html, "<li><span class=\"status %s\">%s</span><div>", class_name, viva_report_status(status));
		html_element(html, "p", "point", viva_report_text(point, "text"), MAX_TEXT);
		put_quote(html, viva_report_text(point, "evidence"));
		html_put(html, "</div></li>\n");
	}
	html_put(html, "</ul>\n");
}

static void put_line(struct html *html, const char *label, const char *sum)
{
	if (sum[0] == '\0')
		return;
	html_put(html, "<br>%s ", label);
	html_text(html, sum, 600);
}

static void put_scores(struct html *html, const json_t *question)
{
	double seconds = viva_report_number(question, "duration");
	html_put(html, "<p class=\"small\">");
	html_text(html, viva_report_text(question, "category"), 40);
	if (seconds > 0)
		html_put(html, " · spoken for %s", viva_report_clock(html->arena, seconds));
	const char *pauses = viva_report_pauses(html->arena, json_object_get(question, "pauses"));
	html_put(html, "%s%s", pauses[0] ? " · " : "", pauses);
	put_line(html, "Content", viva_report_text(question, "content_sum"));
	put_line(html, "Communication", viva_report_text(question, "communication_sum"));
	put_line(html, "", viva_report_judge(html->arena, question));
	html_put(html, "</p>\n");
}

// Advice: the parts weigh nothing.
static void put_story(struct html *html, const json_t *story)
{
	if (!json_is_object(story))
		return;
	html_put(html, "<p class=\"small\">%s</p>\n<ul class=\"points\">\n", VIVA_REPORT_STORY_NOTE);
	for (size_t i = 0; i < VIVA_REPORT_STORY_PARTS; i++) {
		const char *told = viva_report_text(story, viva_report_story[i].member);
		html_put(html, "<li><span class=\"status %s\">%s</span><div>", told[0] ? "covered" : "not_found",
			 viva_report_story[i].name);
		if (told[0])
			put_quote(html, told);
		else
			html_put(html, "<p class=\"point\">Not found</p>");
		html_put(html, "</div></li>\n");
	}
	html_put(html, "</ul>\n");
}

static void put_keywords(struct html *html, const json_t *keywords)
{
	size_t index;
	const json_t *keyword;
	if (json_array_size(keywords) == 0)
		return;
	html_put(html, "<p class=\"small\">Key phrases: ");
	json_array_foreach(keywords, index, keyword)
	{
		html_put(html, "%s<bdi>", index > 0 ? ", " : "");
		html_text(html, json_is_string(keyword) ? json_string_value(keyword) : "", 60);
		html_put(html, "</bdi>");
	}
	html_put(html, "</p>\n");
}

void html_questions(struct html *html)
{
	const json_t *questions = json_object_get(html->report, "questions");
	size_t index;
	const json_t *question;
	if (json_array_size(questions) == 0)
		return;
	html_put(html, "<h2>Questions at a glance</h2>\n");
	put_table(html, questions);
	html_put(html, "<h2>Answers and evidence</h2>\n");
	json_array_foreach(questions, index, question)
	{
		const json_t *analysis = json_object_get(question, "analysis");
		const char *answer = viva_report_text(question, "transcript");
		bool is_scored = json_is_true(json_object_get(question, "scored"));
		html_put(html, "<article>\n<h3 dir=\"auto\">%.0f. ", viva_report_number(question, "number"));
		html_text(html, question_of(question), MAX_TEXT);
		html_put(html, "</h3>\n");
		put_scores(html, question);
		if (!is_scored) {
			html_put(html, "<p class=\"unscored\">Not scorable; it lowers no score. ");
			html_text(html, viva_report_text(analysis, "reason"), MAX_TEXT);
			html_put(html, "</p>\n");
		}
		html_element(html, "blockquote", "answer", answer[0] ? answer : "Nothing was said.", MAX_ANSWER);
		put_points(html, json_object_get(analysis, "points"));
		put_story(html, json_object_get(analysis, "story"));
		if (is_scored) {
			html_element(html, "p", "small", viva_report_correctness(html->arena, analysis), MAX_TEXT);
			html_element(html, "p", "small", viva_report_specificity(html->arena, analysis), MAX_TEXT);
			html_element(html, "p", "feedback", viva_report_text(analysis, "feedback"), MAX_TEXT);
		}
		put_keywords(html, json_object_get(analysis, "keywords"));
		html_put(html, "</article>\n");
	}
}
