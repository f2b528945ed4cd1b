// SPDX-License-Identifier: Apache-2.0
#include "analyze/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void analyze_set_name(struct analyze_record *record, const char *name)
{
	size_t size = strlen(name);
	bool is_text = viva_utf8_is_valid(name, size);
	size = is_text ? viva_utf8_cut(name, size, sizeof record->name - 1) : VIVA_MIN(size, sizeof record->name - 1);
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)name[i];
		// U+0080–U+009F are control characters too: C2 80 – C2 9F.
		bool is_control = byte < 0x20 || byte == 0x7f ||
				  (byte >= 0x80 && byte < 0xa0 && i > 0 && (unsigned char)name[i - 1] == 0xc2);
		if (is_control && byte >= 0x80)
			record->name[i - 1] = '?';
		record->name[i] = is_control || (!is_text && byte >= 0x80) ? '?' : name[i];
	}
	record->name[size] = '\0';
}

const char *analyze_eyes_name(enum viva_eye_state eyes)
{
	switch (eyes) {
	case VIVA_EYES_UNKNOWN:
		return "unknown";
	case VIVA_EYES_OPEN:
	case VIVA_EYES_DIPPING:
		return "open";
	case VIVA_EYES_CLOSED:
		return "closed";
	case VIVA_EYES_NARROWED:
		return "narrowed";
	}
	return "unknown";
}

static void widen(struct analyze_range *range, float value, bool is_first)
{
	range->low = is_first ? value : fminf(range->low, value);
	range->high = is_first ? value : fmaxf(range->high, value);
}

static void add_face(struct analyze_summary *summary, const struct viva_vision_result *result)
{
	bool is_first = summary->faces == 0;
	summary->faces++;
	summary->emotions[result->emotion]++;
	summary->attention_sum += (double)result->attention;
	widen(&summary->yaw, result->pose.yaw, is_first);
	widen(&summary->pitch, result->pose.pitch, is_first);
	widen(&summary->roll, result->pose.roll, is_first);
}

static int add_time(struct analyze_summary *summary, double seconds)
{
	size_t count = summary->pictures - summary->unreadable;
	if (count == summary->capacity) {
		size_t capacity = summary->capacity > 0 ? 2 * summary->capacity : 256;
		double *grown = realloc(summary->seconds, capacity * sizeof *grown);
		if (!grown)
			return VIVA_ENOMEM;
		summary->seconds = grown;
		summary->capacity = capacity;
	}
	summary->seconds[count] = seconds;
	return 0;
}

int analyze_summary_add(struct analyze_summary *summary, const struct analyze_record *record,
			const struct viva_tracker *tracker)
{
	const struct viva_vision_result *result = &record->result;
	if (record->is_readable && add_time(summary, result->timing.total) != 0)
		return VIVA_ENOMEM;
	summary->pictures++;
	summary->unreadable += !record->is_readable;
	summary->duration_ms = record->time_ms;
	if (!record->is_readable)
		return 0;
	summary->tracker = *tracker;
	summary->several_faces += result->face_count > 1;
	summary->most_faces = VIVA_MAX(summary->most_faces, result->face_count);
	if ((unsigned)result->hint < VIVA_COUNT(summary->hints))
		summary->hints[result->hint]++;
	if (result->is_detected)
		add_face(summary, result);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double analyze_summary_time_ms(struct analyze_summary *summary, double share)
{
	size_t count = summary->pictures - summary->unreadable;
	if (count == 0)
		return 0;
	qsort(summary->seconds, count, sizeof *summary->seconds, by_time);
	return summary->seconds[VIVA_MIN((size_t)(share * (double)count), count - 1)] * 1000;
}

void analyze_summary_finish(struct analyze_summary *summary)
{
	free(summary->seconds);
	summary->seconds = NULL;
}
