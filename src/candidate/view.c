// SPDX-License-Identifier: Apache-2.0
#include "candidate/view.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

enum {
	BAR_CELLS = 20,
	DRAW_INTERVAL_MS = 50,
	LINE_INTERVAL_MS = 5000,
	MIN_COLUMNS = 20,
	MAX_TEXT = 4096,
	WRAP_INDENT = 13
};

void candidate_clean(const char *text, char *ret_text, size_t size)
{
	size_t used = 0;
	const unsigned char *end = (const unsigned char *)text + viva_utf8_cut(text, strlen(text), size - 1);
	for (const unsigned char *c = (const unsigned char *)text; c < end; c++) {
		bool is_c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;  // U+0080 … U+009F in UTF-8
		if (is_c1) {
			c++;
			ret_text[used++] = ' ';
		} else {
			ret_text[used++] = *c < 0x20 || *c == 0x7f ? ' ' : (char)*c;
		}
	}
	ret_text[used] = '\0';
}

void candidate_view_init(struct candidate_view *view, FILE *out)
{
	const char *terminal = getenv("TERM");
	*view = (struct candidate_view){.out = out};
	view->is_live = isatty(fileno(out)) && terminal && strcmp(terminal, "dumb") != 0;
}

static int columns(const struct candidate_view *view)
{
	struct winsize size;
	if (ioctl(fileno(view->out), TIOCGWINSZ, &size) != 0 || size.ws_col < MIN_COLUMNS)
		return 80;
	return size.ws_col;
}

// Takes the live block off the screen; what is printed next stands in its place.
static void erase(struct candidate_view *view)
{
	if (view->drawn_lines > 0)
		fprintf(view->out, "\x1b[%dA\x1b[J", view->drawn_lines);
	view->drawn_lines = 0;
}

// At most `width` characters of the text up to a space, or a whole word where it is longer: their bytes.
static size_t line_bytes(const char *text, int width)
{
	size_t best = 0;
	int characters = 0;
	for (size_t i = 0;; i++) {
		if (text[i] == '\0')
			return i;
		if (text[i] == ' ')
			best = i;
		bool begins_character = ((unsigned char)text[i] & 0xc0) != 0x80;
		characters += begins_character;
		if (characters > width && best > 0)
			return best;
	}
}

// Breaks the line at words; what follows is set in as far as the texts of the first line are.
static void print_wrapped(const struct candidate_view *view, const char *text)
{
	bool is_labelled = strncmp(text, "  ", 2) == 0 && text[2] != ' ';
	int indent = is_labelled ? WRAP_INDENT : 0;
	int width = columns(view) - 1;
	for (bool is_first = true; *text; is_first = false) {
		int room = is_first ? width : width - indent;
		// The first line may begin with spaces, at which it must not be broken.
		size_t blank = strspn(text, " ");
		size_t size = blank + line_bytes(text + blank, VIVA_MAX(room - (int)blank, MIN_COLUMNS));
		fprintf(view->out, "%*s%.*s\n", is_first ? 0 : indent, "", (int)size, text);
		text += size;
		text += strspn(text, " ");
	}
}

void candidate_view_say(struct candidate_view *view, const char *format, ...)
{
	char text[MAX_TEXT];
	char clean[MAX_TEXT];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	candidate_clean(text, clean, sizeof clean);
	erase(view);
	if (view->is_live)
		print_wrapped(view, clean);
	else
		fprintf(view->out, "%s\n", clean);
	fflush(view->out);
}

static void make_bar(double share, char ret_bar[3 * BAR_CELLS + 1])
{
	int full = (int)(VIVA_MAX(0, VIVA_MIN(share, 1)) * BAR_CELLS + 0.5);
	ret_bar[0] = '\0';
	for (int i = 0; i < BAR_CELLS; i++)
		strcat(ret_bar, i < full ? "█" : "░");
}

// One line of the live block, cut at the terminal's width so that it stays one.
static void draw_line(struct candidate_view *view, const char *format, ...) VIVA_PRINTF(2, 3);
static void draw_line(struct candidate_view *view, const char *format, ...)
{
	char text[MAX_TEXT];
	char clean[MAX_TEXT];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	candidate_clean(text, clean, sizeof clean);

	size_t end = 0;
	for (int left = columns(view); clean[end]; end++) {
		bool begins_character = ((unsigned char)clean[end] & 0xc0) != 0x80;
		if (begins_character && --left == 0)
			break;
	}
	fprintf(view->out, "%.*s\n", (int)end, clean);
	view->drawn_lines++;
}

static void draw(struct candidate_view *view, const struct candidate_status *status)
{
	char confidence[3 * BAR_CELLS + 1], attention[3 * BAR_CELLS + 1], progress[3 * BAR_CELLS + 1];
	make_bar(status->confidence, confidence);
	make_bar(status->attention, attention);
	make_bar(status->progress / 100.0, progress);

	erase(view);
	draw_line(view, " ");
	draw_line(view, "  question  %d of %d, %s", status->current_question, status->total_questions,
		  status->category);
	draw_line(view, "            %s", status->question);
	if (status->sends_frames) {
		draw_line(view, "  emotion   %s %3.0f %%  %s", confidence, 100 * status->confidence,
			  status->is_face_missing ? "no face to be seen" : status->emotion);
		draw_line(view, "  attention %s %3.0f %%  %lld blinks", attention, 100 * status->attention,
			  (long long)status->blinks);
		draw_line(view, "  frames    %lld sent, %lld analysed", (long long)status->frames,
			  (long long)status->updates);
		if (status->hint[0])
			draw_line(view, "            %s", status->hint);
	}
	draw_line(view, "  progress  %s %3d %%%s", progress, status->progress,
		  status->is_connected ? "" : "  connecting again …");
	fflush(view->out);
}

void candidate_view_update(struct candidate_view *view, const struct candidate_status *status, int64_t now_ms)
{
	if (view->is_live) {
		if (now_ms - view->drawn_ms >= DRAW_INTERVAL_MS) {
			view->drawn_ms = now_ms;
			draw(view, status);
		}
		return;
	}
	bool is_news = strcmp(view->last_emotion, status->emotion) != 0;
	if (status->updates == 0 || (!is_news && now_ms - view->drawn_ms < LINE_INTERVAL_MS))
		return;
	view->drawn_ms = now_ms;
	snprintf(view->last_emotion, sizeof view->last_emotion, "%s", status->emotion);
	candidate_view_say(view, "  %-9s %3.0f %%   attention %3.0f %%   %lld blinks   %lld of %lld frames analysed",
			   status->emotion, 100 * status->confidence, 100 * status->attention,
			   (long long)status->blinks, (long long)status->updates, (long long)status->frames);
}

void candidate_view_question(struct candidate_view *view, const struct candidate_status *status)
{
	candidate_view_say(view, "Question %d of %d (%s): %s", status->current_question, status->total_questions,
			   status->category, status->question);
}

static double number_of(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static void say_keywords(struct candidate_view *view, const json_t *keywords)
{
	char line[MAX_TEXT] = "";
	size_t used = 0;
	for (size_t i = 0; i < json_array_size(keywords) && used < sizeof line - 1; i++) {
		const char *word = json_string_value(json_array_get(keywords, i));
		int written = snprintf(line + used, sizeof line - used, "%s%s", i > 0 ? ", " : "", word ? word : "");
		used += written > 0 ? (size_t)written : 0;
	}
	if (line[0])
		candidate_view_say(view, "  key words  %.900s", line);
}

void candidate_view_analysis(struct candidate_view *view, const json_t *analysis)
{
	if (!json_object_get(analysis, "relevance_score")) {
		bool is_unscorable = json_is_false(json_object_get(analysis, "scorable"));
		candidate_view_say(view, "  %s%.900s",
				   is_unscorable ? "not scorable: "
						 : "kept; it is analysed as soon as that is possible",
				   is_unscorable ? text_of(analysis, "reason") : "");
		return;
	}
	candidate_view_say(view, "  answered   relevance %.2f   clarity %.2f   depth %.2f",
			   number_of(analysis, "relevance_score"), number_of(analysis, "clarity_score"),
			   number_of(analysis, "depth_score"));
	say_keywords(view, json_object_get(analysis, "keywords"));
	if (text_of(analysis, "feedback")[0])
		candidate_view_say(view, "  feedback   %s", text_of(analysis, "feedback"));
}

void candidate_view_score(struct candidate_view *view, const json_t *score)
{
	static const char *const rows[][2] = {{"technical_score", "technical"},
					      {"communication_score", "communication"},
					      {"emotion_score", "emotion"},
					      {"overall_score", "overall"}};
	candidate_view_say(view, " ");
	for (size_t i = 0; i < VIVA_COUNT(rows); i++) {
		const json_t *value = json_object_get(score, rows[i][0]);
		char bar[3 * BAR_CELLS + 1];
		make_bar(json_number_value(value) / 100, bar);
		if (json_is_number(value))
			candidate_view_say(view, "  %-14s %s %5.1f", rows[i][1], bar, json_number_value(value));
		else
			candidate_view_say(view, "  %-14s not scored", rows[i][1]);
	}
	if (text_of(score, "feedback")[0])
		candidate_view_say(view, "  %s", text_of(score, "feedback"));
	const json_t *insights = json_object_get(score, "insights");
	for (size_t i = 0; i < json_array_size(insights); i++)
		candidate_view_say(view, "  %+.2f %.60s: %.700s", number_of(json_array_get(insights, i), "impact"),
				   text_of(json_array_get(insights, i), "category"),
				   text_of(json_array_get(insights, i), "description"));
}
