// SPDX-License-Identifier: Apache-2.0
#include "analyze/text.h"

#include <math.h>

// Emotions that are less probable are not worth a word.
static const float worth_telling = .05f;

const char *analyze_hint_sentence(enum viva_vision_hint hint)
{
	switch (hint) {
	case VIVA_HINT_NONE:
		return "";
	case VIVA_HINT_NO_FACE:
		return "no face";
	case VIVA_HINT_TOO_DARK:
		return "the face is too dark";
	case VIVA_HINT_FACE_TOO_SMALL:
		return "the face is too small";
	case VIVA_HINT_TOO_BLURRED:
		return "the face is blurred";
	case VIVA_HINT_FACE_CUT_OFF:
		return "the face is cut off";
	case VIVA_HINT_TURNED_AWAY:
		return "turned away";
	case VIVA_HINT_SEVERAL_FACES:
		return "several faces";
	}
	return viva_vision_hint_name(hint);
}

static int percent(double share)
{
	return (int)lround(share * 100);
}

static void tell_expressions(FILE *out, const struct viva_vision_result *result)
{
	fprintf(out, "  looks      %s (%d %%)", viva_emotion_name(result->emotion),
		percent((double)result->emotion_confidence));
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++)
		if (result->expressions[i] >= worth_telling && i != (int)result->emotion)
			fprintf(out, ", %s %d %%", viva_emotion_name((enum viva_emotion)i),
				percent((double)result->expressions[i]));
	fputc('\n', out);
}

void analyze_text_picture(const struct analyze_writer *writer, const struct analyze_record *record)
{
	const struct viva_vision_result *result = &record->result;
	FILE *out = writer->out;
	fprintf(out, "%s: %u × %u pixels\n", writer->input, result->width, result->height);
	if (!result->is_detected) {
		fputs("  face       none\n", out);
		return;
	}
	fprintf(out, "  face       %d × %d pixels at (%d, %d), sure to %d %%; %d in all\n", result->box.width,
		result->box.height, result->box.x, result->box.y, percent((double)result->confidence),
		result->face_count);
	tell_expressions(out, result);
	fprintf(out, "  head       yaw %ld°, pitch %ld°, roll %ld°\n", lroundf(result->pose.yaw),
		lroundf(result->pose.pitch), lroundf(result->pose.roll));
	if (result->has_gaze)
		fprintf(out, "  gaze       yaw %ld°, pitch %ld°\n", lroundf(result->gaze.yaw),
			lroundf(result->gaze.pitch));
	else
		fputs("  gaze       none: the eyes are closed\n", out);
	fprintf(out, "  attention  %.2f\n", (double)result->attention);
	fprintf(out, "  eyes       height by width %.2f\n", (double)result->eye_ratio);
	if (result->hint != VIVA_HINT_NONE)
		fprintf(out, "  hint       %s\n", analyze_hint_sentence(result->hint));
	fprintf(out, "  time       %.1f ms\n", result->timing.total * 1000);
}

static void tell_blinks(const struct analyze_writer *writer, const struct analyze_summary *summary)
{
	struct viva_blink_summary blinks = viva_tracker_blinks(&summary->tracker);
	const struct viva_tracker_eyes *eyes = &summary->tracker.eyes;
	fprintf(writer->out, "  blinks     %d", blinks.count);
	for (size_t i = 0; i < eyes->blink_times; i++)
		fprintf(writer->out, "%s %.2f", i == 0 ? ": at second" : ",", (double)eyes->blink_times_ms[i] / 1000);
	if (blinks.count > 0)
		fprintf(writer->out, "; %.0f ms on average, %.1f a minute", (double)blinks.avg_duration_ms,
			(double)blinks.rate_per_min);
	if (blinks.partial > 0)
		fprintf(writer->out, "; %d partial", blinks.partial);
	fprintf(writer->out, " (reliability %.2f)\n", (double)blinks.reliability);
	if (blinks.long_closures > 0 || blinks.squints > 0)
		fprintf(writer->out, "  eyes       closed for long %d times, narrowed %d times\n", blinks.long_closures,
			blinks.squints);
}

static void tell_shares(FILE *out, const struct analyze_summary *summary)
{
	const char *comma = "";
	fputs("  looks      ", out);
	for (int i = 0; i < VIVA_EMOTION_COUNT; i++) {
		if (summary->emotions[i] == 0)
			continue;
		fprintf(out, "%s%s %d %%", comma, viva_emotion_name((enum viva_emotion)i),
			percent((double)summary->emotions[i] / (double)summary->faces));
		comma = ", ";
	}
	fputs(" of the pictures with a face\n", out);
}

static void tell_hints(FILE *out, const struct analyze_summary *summary)
{
	const char *lead = "  hints      ";
	for (int i = VIVA_HINT_NONE + 1; i < ANALYZE_HINTS; i++) {
		if (summary->hints[i] == 0)
			continue;
		fprintf(out, "%s%s in %zu", lead, analyze_hint_sentence((enum viva_vision_hint)i), summary->hints[i]);
		lead = ", ";
	}
	if (lead[0] == ',')
		fputc('\n', out);
}

void analyze_text_summary(const struct analyze_writer *writer, struct analyze_summary *summary)
{
	FILE *out = writer->out;
	size_t readable = summary->pictures - summary->unreadable;
	fprintf(out, "%s: %zu pictures", writer->input, summary->pictures);
	if (writer->is_film)
		fprintf(out, ", %.1f s at %g a second", (double)summary->duration_ms / 1000, writer->fps);
	if (summary->unreadable > 0)
		fprintf(out, "; %zu can't be read", summary->unreadable);
	fprintf(out, "\n  face       in %zu of %zu", summary->faces, readable);
	if (summary->several_faces > 0)
		fprintf(out, ", several in %zu (at most %d)", summary->several_faces, summary->most_faces);
	fputc('\n', out);
	if (summary->faces > 0) {
		tell_shares(out, summary);
		fprintf(out, "  head       yaw %ld° to %ld°, pitch %ld° to %ld°, roll %ld° to %ld°\n",
			lroundf(summary->yaw.low), lroundf(summary->yaw.high), lroundf(summary->pitch.low),
			lroundf(summary->pitch.high), lroundf(summary->roll.low), lroundf(summary->roll.high));
		fprintf(out, "  attention  %.2f on average\n", summary->attention_sum / (double)summary->faces);
		if (writer->is_film)
			tell_blinks(writer, summary);
	}
	tell_hints(out, summary);
	if (readable > 0)
		fprintf(out, "  time       %.1f ms a picture (median; 99 %% within %.1f)\n",
			analyze_summary_time_ms(summary, .5), analyze_summary_time_ms(summary, .99));
}
