// SPDX-License-Identifier: Apache-2.0
#include "report/report_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unicode/uchar.h>

#include "base/text.h"
#include "language/unicode.h"

enum { MAX_MARKS = 3, REPLACEMENT = 0xfffd, NON_JOINER = 0x200c, JOINER = 0x200d };

enum fate { KEEP, DROP, REPLACE, SPACE, MARK };

static enum fate fate_of(UChar32 character)
{
	if (u_isUWhiteSpace(character))
		return SPACE;
	switch (u_charType(character)) {
	case U_CONTROL_CHAR:
		return DROP;
	case U_FORMAT_CHAR:
		return character == NON_JOINER || character == JOINER ? KEEP : DROP;
	case U_UNASSIGNED:
	case U_PRIVATE_USE_CHAR:
	case U_SURROGATE:
		return REPLACE;
	case U_NON_SPACING_MARK:
	case U_ENCLOSING_MARK:
		return MARK;
	default:
		return KEEP;
	}
}

const char *viva_report_clean(struct viva_arena *arena, const char *text, size_t max_characters)
{
	static const char ellipsis[] = "…";
	size_t size = strlen(text);
	// A replacement has three bytes, whatever it stands for.
	size_t capacity = VIVA_MIN(3 * size, 4 * max_characters) + sizeof ellipsis;
	uint8_t *clean = viva_arena_alloc(arena, capacity);
	if (!clean)
		return "";
	size_t at = 0;
	size_t written = 0;
	size_t count = 0;
	unsigned marks = 0;
	bool wants_space = false;
	while (at < size) {
		UChar32 character = viva_utf8_next((const uint8_t *)text, &at);
		enum fate fate = fate_of(character);
		marks = fate == MARK ? marks + 1 : 0;
		if (fate == SPACE)
			wants_space = written > 0;
		if (fate == SPACE || fate == DROP || marks > MAX_MARKS)
			continue;
		if (count + wants_space >= max_characters) {
			memcpy(clean + written, ellipsis, sizeof ellipsis);
			return (char *)clean;
		}
		if (wants_space)
			clean[written++] = ' ';
		count += 1 + wants_space;
		wants_space = false;
		viva_utf8_put(clean, &written, fate == REPLACE ? REPLACEMENT : character);
	}
	clean[written] = '\0';
	return (char *)clean;
}

const char *viva_report_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

double viva_report_number(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

const char *viva_report_print(struct viva_arena *arena, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const char *text = viva_arena_vprintf(arena, format, arguments);
	va_end(arguments);
	return text ? text : "";
}

const char *viva_report_clock(struct viva_arena *arena, double seconds)
{
	long whole = (long)(seconds + .5);
	return viva_report_print(arena, "%ld:%02ld", whole / 60, whole % 60);
}

const char *viva_report_moment(struct viva_arena *arena, const char *rfc3339)
{
	static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
					     "July",    "August",   "September", "October", "November", "December"};
	int year, month, day, hour, minute;
	int64_t unix_ms;
	if (viva_rfc3339_to_unix_ms(rfc3339, &unix_ms) != 0)
		return "";
	char text[32];
	viva_rfc3339_from_unix_ms(unix_ms, text);
	if (sscanf(text, "%d-%d-%dT%d:%d", &year, &month, &day, &hour, &minute) != 5 || month < 1 || month > 12)
		return "";
	return viva_report_print(arena, "%d %s %d, %02d:%02d UTC", day, months[month - 1], year, hour, minute);
}

enum { MAX_MODEL = 80, MAX_REASON = 400, MAX_QUOTE = 240 };

const char *viva_report_judge(struct viva_arena *arena, const json_t *question)
{
	const json_t *judge = json_object_get(question, "judge");
	const char *model = viva_report_clean(arena, viva_report_text(judge, "model"), MAX_MODEL);
	const char *reason = viva_report_clean(arena, viva_report_text(judge, "reason"), MAX_REASON);
	if (strcmp(viva_report_text(judge, "by"), "llm") == 0)
		return viva_report_print(arena, "Content judged by the language model %s, too: “%s”", model, reason);
	return reason[0] ? viva_report_print(arena, "Judged without the language model: %s.", reason) : "";
}

const char *viva_report_judges(struct viva_arena *arena, const json_t *scores)
{
	const char *by = viva_report_text(scores, "judged_by");
	const char *model = viva_report_clean(arena, viva_report_text(scores, "judge_model"), MAX_MODEL);
	if (strcmp(by, "llm") == 0 || strcmp(by, "mixed") == 0)
		return viva_report_print(
			arena,
			"The content of %s answers was judged by the language model %s, too, which may "
			"move it by a limited number of points; all else by Viva's own analysis.",
			strcmp(by, "mixed") == 0 ? "some" : "all", model);
	return "All answers were judged by Viva's own analysis alone.";
}

const char *viva_report_correctness(struct viva_arena *arena, const json_t *analysis)
{
	const json_t *share = json_object_get(analysis, "correctness_score");
	if (!json_is_number(share))
		return "";
	return viva_report_print(arena,
				 "Correctness: about %.0f of 100 points, as people who grade by the reference answer "
				 "are estimated to give. It weighs nothing in the scores.",
				 100 * json_number_value(share));
}

const char *viva_report_specificity(struct viva_arena *arena, const json_t *analysis)
{
	const json_t *share = json_object_get(analysis, "specificity");
	const char *evidence = viva_report_clean(arena, viva_report_text(analysis, "specificity_evidence"), MAX_QUOTE);
	if (!json_is_number(share))
		return "";
	if (evidence[0] == '\0')
		return "Specificity: no figures, reasons or examples on the subject were found.";
	return viva_report_print(arena, "Specificity: %.0f of 100, for figures, reasons and examples: “%s”",
				 100 * json_number_value(share), evidence);
}

const char *viva_report_pauses(struct viva_arena *arena, const json_t *pauses)
{
	double count = viva_report_number(pauses, "count");
	if (!json_is_object(pauses))
		return "";
	if (count <= 0)
		return "no pauses";
	return viva_report_print(arena, "%.0f pause%s, the longest %.1f s", count, count > 1 ? "s" : "",
				 viva_report_number(pauses, "longest_seconds"));
}

const char *viva_report_pauses_share(struct viva_arena *arena, const json_t *pauses)
{
	if (!json_is_object(pauses))
		return "not measured";
	return viva_report_print(arena, "%.0f long, %.0f %% of time", viva_report_number(pauses, "long"),
				 100 * viva_report_number(pauses, "share"));
}

const struct viva_report_story_part viva_report_story[VIVA_REPORT_STORY_PARTS] = {
	{"situation", "Situation"}, {"task", "Task"}, {"action", "Action"}, {"result", "Result"}};

const char *viva_report_status(const char *status)
{
	if (strcmp(status, "covered") == 0)
		return "Covered";
	return strcmp(status, "partly") == 0 ? "Partly" : "Not found";
}
