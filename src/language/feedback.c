// SPDX-License-Identifier: Apache-2.0
#include "language/feedback.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { MAX_QUOTE_BYTES = 140, MAX_POINTS_NAMED = 2 };

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
	else if (analysis->relevance >= .3)
		say(writer, "Part of the answer is about the question; how the rest belongs to it could be plainer.");
	else if (analysis->relevance >= .1)
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

static void say_points(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	const struct viva_point_finding *best = best_point(analysis);
	if (best) {
		size_t size = strlen(best->evidence);
		size_t cut = viva_utf8_cut(best->evidence, size, MAX_QUOTE_BYTES);
		say(writer, "You say “%.*s%s”: that covers the point “%.*s”.", (int)cut, best->evidence,
		    cut < size ? "…" : "", without_full_stop(best->text), best->text);
	}
	size_t named = 0;
	for (size_t i = 0; i < analysis->point_count && named < MAX_POINTS_NAMED; i++) {
		const struct viva_point_finding *point = &analysis->points[i];
		if (point->status == VIVA_POINT_COVERED)
			continue;
		say(writer, point->status == VIVA_POINT_PARTLY ? "Only partly there: “%.*s”." : "Not found: “%.*s”.",
		    without_full_stop(point->text), point->text);
		named++;
	}
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

// The parts of a story that were not found, as advice.
static void say_story(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	static const char *const advice[VIVA_STORY_PARTS] = {
		"say when and where it was",
		"say what you had to achieve",
		"say what you yourself did",
		"say how it ended, with a figure if there is one",
	};
	if (!analysis->is_story)
		return;
	for (int part = 0; part < VIVA_STORY_PARTS; part++) {
		if (!analysis->story[part]) {
			say(writer, "The %s is not easy to find in the story: %s.",
			    viva_story_part_text((enum viva_story_part)part), advice[part]);
			return;  // one piece of advice at a time
		}
	}
	const char *end = analysis->story[VIVA_STORY_RESULT];
	size_t cut = viva_utf8_cut(end, strlen(end), MAX_QUOTE_BYTES);
	say(writer, "The story is whole, up to its end: “%.*s%s”.", (int)cut, end, end[cut] ? "…" : "");
}

static void say_manner(struct writer *writer, const struct viva_features *features)
{
	if (features->words < 20)
		return;
	double per_hundred = 100 * (double)features->fillers / (double)features->words;
	if (features->fillers >= 2 && per_hundred >= 2)
		say(writer, "“Um” and its like are heard %zu times in %zu words; a short pause reads better.",
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

static void say_depth(struct writer *writer, const struct viva_answer_analysis *analysis)
{
	if (analysis->features.words < 40)
		say(writer, "With %zu words it is short; a reason and an example would give it depth.",
		    analysis->features.words);
	else if (analysis->depth < .45)
		say(writer, "A concrete example, a figure or a reason would give it more depth.");
	else if (analysis->depth >= .7)
		say(writer, "It goes into depth with reasons and details.");
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
		if (analysis->remarks[i].impact < 0)
			say(&writer, "%s", analysis->remarks[i].description);
	}
	say_relevance(&writer, analysis);
	say_points(&writer, analysis);
	say_correctness(&writer, analysis);
	say_depth(&writer, analysis);
	say_story(&writer, analysis);
	say_manner(&writer, &analysis->features);
	return viva_arena_text(arena, writer.text, writer.size);
}
