// SPDX-License-Identifier: Apache-2.0
#include "language/feedback.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { MAX_QUOTE_BYTES = 140, MAX_POINTS_NAMED = 2, MAX_LIST_BYTES = 1200 };

// Relevance below which an answer is called unrelated, and from which on there is advice on how to say more of the
// same.
static const double UNRELATED = .1, RELATED = .3;

struct writer {
	char text[VIVA_ANSWER_MAX_FEEDBACK_BYTES + 1];
	size_t size;
};

// Adds a sentence, or leaves it out whole when it does not fit.
static void VIVA_PRINTF(2, 3) say(struct writer *writer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	size_t room = sizeof writer->text - writer->size;
	size_t space = writer->size > 0;
	int length = room > 1 ? vsnprintf(writer->text + writer->size + space, room - space, format, arguments) : -1;
	va_end(arguments);
	if (length < 0 || (size_t)length + space >= room) {
		writer->text[writer->size] = '\0';
		return;
	}
	if (space)
		writer->text[writer->size] = ' ';
	writer->size += (size_t)length + space;
}

static void say_relevance(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	if (!analysis->has_relevance)
		return;
	if (analysis->relevance >= .6)
		say(writer, "The answer addresses the question.");
	else if (analysis->relevance >= RELATED)
		say(writer, "Part of the answer is about the question; how the rest belongs to it could be plainer.");
	else if (analysis->relevance >= UNRELATED)
		say(writer,
		    "How the answer belongs to the question is not easy to see; naming what it asks for would help.");
	else
		say(writer, "Little of the answer is recognisably about the question.");
}

static const struct viva_point_finding *best_point(const struct viva_answer_analysis *analysis)
{
	const struct viva_point_finding *best = NULL;
	for (size_t i = 0; i < analysis->point_count; i++) {
		const struct viva_point_finding *point = &analysis->points[i];
		if (point->status == VIVA_POINT_COVERED && (!best || point->similarity > best->similarity))
			best = point;
	}
	return best;
}

static int without_full_stop(const char *text)
{
	size_t size = strlen(text);
	return (int)(size > 0 && text[size - 1] == '.' ? size - 1 : size);
}

// The candidate's words, to stand within a sentence of ours.
struct quotation {
	int size;
	const char *text, *more;
};

static struct quotation quote(const char *text)
{
	size_t cut = viva_utf8_cut(text, strlen(text), MAX_QUOTE_BYTES);
	bool is_whole = text[cut] == '\0';
	return (struct quotation){is_whole ? without_full_stop(text) : (int)cut, text, is_whole ? "" : "…"};
}

// A label goes into the sentence; a point is one itself.
static void say_covered(struct writer *writer, const struct viva_point_finding *point)
{
	struct quotation said = quote(point->evidence);
	if (point->is_label)
		say(writer, "You say “%.*s%s”, which speaks to %s.", said.size, said.text, said.more, point->text);
	else
		say(writer, "You say “%.*s%s”: that speaks to the point “%.*s”.", said.size, said.text, said.more,
		    without_full_stop(point->text), point->text);
}

// Points of that status after a few words: "Not found: “A”; “B”." As many as `*room` says, of which it is taken.
static void say_status(struct writer *writer, const struct viva_answer_analysis *analysis,
		       enum viva_point_status status, const char *words, size_t *room)
{
	char list[MAX_LIST_BYTES] = "";
	size_t size = 0;
	for (size_t i = 0; *room > 0 && i < analysis->point_count; i++) {
		const struct viva_point_finding *point = &analysis->points[i];
		if (point->status != status)
			continue;
		int length = snprintf(list + size, sizeof list - size, "%s“%.*s”", size > 0 ? "; " : "",
				      without_full_stop(point->text), point->text);
		if (length < 0 || (size_t)length >= sizeof list - size) {
			list[size] = '\0';
			break;
		}
		size += (size_t)length;
		(*room)--;
	}
	if (size > 0)
		say(writer, "%s: %s.", words, list);
}

// By their labels. Where an event speaks for itself it may well meet a point that is not found, so none is denied.
static void say_labels(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	const char *named[MAX_POINTS_NAMED] = {0};
	size_t count = 0;
	for (int status = VIVA_POINT_NOT_FOUND; status <= VIVA_POINT_PARTLY; status++) {
		for (size_t i = 0; i < analysis->point_count && count < MAX_POINTS_NAMED; i++) {
			if ((int)analysis->points[i].status == status)
				named[count++] = analysis->points[i].text;
		}
	}
	if (count > 0)
		say(writer, "Worth adding, or saying more plainly: %s%s%s.", named[0], count > 1 ? "; " : "",
		    count > 1 ? named[1] : "");
}

static void say_points(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	const struct viva_point_finding *best = best_point(analysis);
	if (best)
		say_covered(writer, best);
	if (analysis->point_count > 0 && analysis->points[0].is_label) {
		say_labels(writer, analysis);
		return;
	}
	size_t room = MAX_POINTS_NAMED;
	say_status(writer, analysis, VIVA_POINT_NOT_FOUND, "Not found", &room);
	say_status(writer, analysis, VIVA_POINT_PARTLY, "Only partly there", &room);
}

// What graders would give, as a share; never that something is wrong.
static void say_correctness(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	if (!analysis->has_correctness)
		return;
	const char *near = analysis->correctness >= .85  ? "It says about what the reference answer says"
			   : analysis->correctness >= .6 ? "It says much of what the reference answer says"
							 : "It says little of what the reference answer says";
	say(writer, "%s: an estimated %.0f of 100 points.", near, 100 * analysis->correctness);
}

// The first part of a story that was not found, as advice: one piece at a time, the most telling part first. A task
// mostly lies in the situation.
static void say_story(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	static const struct {
		enum viva_story_part part;
		const char *advice;
	} parts[] = {
		{VIVA_STORY_ACTION, "What you yourself did is not easy to find in the story: “I asked”, “I wrote”."},
		{VIVA_STORY_RESULT, "How it ended is not easy to find in the story; a figure makes it stronger."},
		{VIVA_STORY_SITUATION, "When and where it was is not easy to find in the story."},
	};
	if (!analysis->is_story)
		return;
	for (size_t i = 0; i < VIVA_COUNT(parts); i++) {
		if (!analysis->story[parts[i].part]) {
			say(writer, "%s", parts[i].advice);
			return;
		}
	}
	struct quotation end = quote(analysis->story[VIVA_STORY_RESULT]);
	say(writer, "The story is whole, up to its end: “%.*s%s”.", end.size, end.text, end.more);
}

static void say_manner(struct writer *writer, const struct viva_features *features)
{
	if (features->words < 20)
		return;
	double per_hundred = 100 * (double)features->fillers / (double)features->words;
	if (features->fillers >= 2 && per_hundred >= 2)
		say(writer, "“Um” and its like are heard %zu times in %zu words; a short pause sounds better.",
		    features->fillers, features->words);
	if (features->repetitions + features->repairs >= 3 &&
	    25 * (features->repetitions + features->repairs) > features->words)
		say(writer,
		    "Words are repeated or taken back %zu times; finishing the thought first makes it easier to "
		    "follow.",
		    features->repetitions + features->repairs);
	if (features->words_per_minute > 0 && features->words_per_minute < 100)
		say(writer, "At %.0f words a minute the pace is slow; 140 to 200 are easy to follow.",
		    features->words_per_minute);
	else if (features->words_per_minute > 230)
		say(writer, "At %.0f words a minute the pace is fast; 140 to 200 are easy to follow.",
		    features->words_per_minute);
	if (features->disorder > .15)
		say(writer, "Many sentences are hard to follow because their words do not connect.");
	else if (features->sentence_words > 32)
		say(writer, "The sentences are long, %.0f words on average; shorter ones are clearer.",
		    features->sentence_words);
}

// What would make it deeper: what it lacks most of.
static void say_depth(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	size_t words = analysis->features.words;
	bool is_short = words < 40;
	if (analysis->depth >= .7)
		say(writer, "It goes into depth with reasons and details.");
	else if (analysis->specificity >= .4 && is_short)
		say(writer, "It is to the point, but short with %zu words: more of what is asked would give it depth.",
		    words);
	else if (analysis->specificity >= .4 && analysis->depth < .45)
		say(writer, "It has figures, reasons or examples; more of what is asked would give it depth.");
	else if (is_short)
		say(writer, "With %zu words it is short; a reason and an example would give it depth.", words);
	else if (analysis->depth < .45)
		say(writer, "%s",
		    analysis->has_marks ? "Figures, reasons and examples give depth where they are about what is asked."
					: "A concrete example, a figure or a reason would give it more depth.");
}

static bool is_declined(const struct viva_answer_analysis *analysis)
{
	for (size_t i = 0; i < analysis->remark_count; i++) {
		if (strcmp(analysis->remarks[i].code, "no_answer") == 0)
			return true;
	}
	return false;
}

const char *viva_feedback_write(const struct viva_answer_analysis *analysis, struct viva_arena *arena)
{
	struct writer writer = {.size = 0};
	if (analysis->unscorable != VIVA_SCORABLE) {
		say(&writer, "%s This does not count against you.", analysis->reason);
		return viva_arena_text(arena, writer.text, writer.size);
	}
	if (analysis->features.words == 0) {
		say(&writer, "There is no answer to judge.");
		return viva_arena_text(arena, writer.text, writer.size);
	}
	for (size_t i = 0; i < analysis->remark_count; i++) {
		// How short it is say_depth says.
		if (analysis->remarks[i].impact < 0 && strcmp(analysis->remarks[i].code, "too_short") != 0)
			say(&writer, "%s", analysis->remarks[i].description);
	}
	if (is_declined(analysis)) {
		say(&writer, "What you do know about it would count, even if it is little.");
		return viva_arena_text(arena, writer.text, writer.size);
	}
	say_relevance(&writer, analysis);
	say_points(&writer, analysis);
	say_correctness(&writer, analysis);
	if (!analysis->has_relevance || analysis->relevance >= RELATED) {
		say_depth(&writer, analysis);
		say_story(&writer, analysis);
	}
	say_manner(&writer, &analysis->features);
	return viva_arena_text(arena, writer.text, writer.size);
}
