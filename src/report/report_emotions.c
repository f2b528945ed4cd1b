// SPDX-License-Identifier: Apache-2.0
#include "report/report_emotions.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { MIN_STRETCH_MS = 1000, MAX_NAMES = 16 };

// Below it most blinks fall between two frames (docs/emotion.md).
static const double TRUSTED_RATE = 15;

struct names {
	const char *of[MAX_NAMES];
	size_t count;
};

struct stretch {
	size_t frames, faces;
	double confidence[MAX_NAMES];  // sums
	size_t seen[MAX_NAMES];
	int32_t blinks;
};

struct timeline {
	const Scoring__ScoreRequest *request;
	struct names names;
	int64_t from_ms, until_ms, stretch_ms;
	struct stretch stretches[VIVA_REPORT_MAX_STRETCHES];
	struct stretch all;
};

// The index of a name, which is noted when it is new; MAX_NAMES when there are too many.
static size_t name_index(struct names *names, const char *name)
{
	size_t i = 0;
	while (i < names->count && strcmp(names->of[i], name) != 0)
		i++;
	if (i == names->count && i < MAX_NAMES)
		names->of[names->count++] = name;
	return i;
}

static void find_span(struct timeline *timeline)
{
	const Scoring__ScoreRequest *request = timeline->request;
	for (size_t i = 0; i < request->n_emotions; i++) {
		int64_t time_ms = request->emotions[i]->timestamp;
		timeline->from_ms = i == 0 ? time_ms : VIVA_MIN(timeline->from_ms, time_ms);
		timeline->until_ms = i == 0 ? time_ms : VIVA_MAX(timeline->until_ms, time_ms);
	}
	int64_t span_ms = timeline->until_ms - timeline->from_ms;
	timeline->stretch_ms = VIVA_MAX((int64_t)MIN_STRETCH_MS, span_ms / VIVA_REPORT_MAX_STRETCHES + 1);
}

static void put(struct stretch *stretch, size_t name, double confidence)
{
	stretch->frames++;
	if (name == MAX_NAMES)
		return;
	stretch->faces++;
	stretch->seen[name]++;
	stretch->confidence[name] += confidence;
}

static void fill(struct timeline *timeline)
{
	int32_t blinks = 0;
	for (size_t i = 0; i < timeline->request->n_emotions; i++) {
		const Scoring__EmotionData *row = timeline->request->emotions[i];
		size_t at = (size_t)((row->timestamp - timeline->from_ms) / timeline->stretch_ms);
		struct stretch *stretch = &timeline->stretches[VIVA_MIN(at, (size_t)VIVA_REPORT_MAX_STRETCHES - 1)];
		size_t name = row->emotion[0] != '\0' ? name_index(&timeline->names, row->emotion) : MAX_NAMES;
		put(stretch, name, (double)row->confidence);
		put(&timeline->all, name, (double)row->confidence);
		// The count is of the whole session.
		if (row->blink_count > blinks) {
			stretch->blinks += row->blink_count - blinks;
			blinks = row->blink_count;
		}
	}
	timeline->all.blinks = blinks;
}

static size_t strongest(const struct stretch *stretch, size_t names)
{
	size_t best = MAX_NAMES;
	for (size_t i = 0; i < names; i++) {
		if (stretch->seen[i] > 0 && (best == MAX_NAMES || stretch->confidence[i] > stretch->confidence[best]))
			best = i;
	}
	return best;
}

static json_t *stretch_json(const struct timeline *timeline, size_t index)
{
	const struct stretch *stretch = &timeline->stretches[index];
	size_t best = strongest(stretch, timeline->names.count);
	bool has_face = best < MAX_NAMES;
	double confidence = has_face ? stretch->confidence[best] / (double)stretch->seen[best] : 0;
	return json_pack("{s:o, s:I, s:I, s:s?, s:o, s:i}", "seconds",
			 viva_json_real((double)index * (double)timeline->stretch_ms / 1000, 1), "frames",
			 (json_int_t)stretch->frames, "faces", (json_int_t)stretch->faces, "emotion",
			 has_face ? timeline->names.of[best] : NULL, "confidence", viva_json_real(confidence, 3),
			 "blinks", (int)stretch->blinks);
}

static json_t *stretches_json(const struct timeline *timeline)
{
	json_t *stretches = json_array();
	for (size_t i = 0; i < VIVA_REPORT_MAX_STRETCHES; i++) {
		if (timeline->stretches[i].frames > 0)
			json_array_append_new(stretches, stretch_json(timeline, i));
	}
	return stretches;
}

static json_t *distribution_json(const struct timeline *timeline, const char **ret_dominant)
{
	json_t *distribution = json_object();
	size_t most = 0;
	for (size_t i = 0; i < timeline->names.count; i++) {
		size_t seen = timeline->all.seen[i];
		json_object_set_new(distribution, timeline->names.of[i],
				    viva_json_real((double)seen / (double)timeline->all.faces, 4));
		if (seen > most) {
			most = seen;
			*ret_dominant = timeline->names.of[i];
		}
	}
	return distribution;
}

static json_t *moment(int64_t unix_ms)
{
	char text[32];
	if (unix_ms <= 0)
		return json_null();
	viva_rfc3339_from_unix_ms(unix_ms, text);
	return json_string(text);
}

json_t *viva_report_emotions(const Scoring__ScoreRequest *request)
{
	if (request->metadata && request->metadata->emotion_withheld)
		return json_pack("{s:b, s:s}", "analysed", 0, "note",
				 "The candidate did not agree to the analysis of emotions: no picture was analysed.");
	struct timeline timeline = {.request = request};
	const char *dominant = NULL;
	find_span(&timeline);
	fill(&timeline);
	double seconds = (double)(timeline.until_ms - timeline.from_ms) / 1000;
	double frame_rate = seconds > 0 ? (double)(request->n_emotions - 1) / seconds : 0;
	double blink_rate = seconds > 0 ? timeline.all.blinks * 60 / seconds : 0;
	json_t *distribution = distribution_json(&timeline, &dominant);
	return json_pack("{s:b, s:I, s:I, s:s?, s:o, s:i, s:o, s:o, s:s?, s:o, s:o, s:o, s:o}", "analysed", 1, "frames",
			 (json_int_t)request->n_emotions, "faces", (json_int_t)timeline.all.faces, "dominant", dominant,
			 "distribution", distribution, "blinks", (int)timeline.all.blinks, "blinks_per_minute",
			 seconds > 0 ? viva_json_real(blink_rate, 1) : json_null(), "frames_per_second",
			 seconds > 0 ? viva_json_real(frame_rate, 1) : json_null(), "blink_note",
			 frame_rate < TRUSTED_RATE
				 ? "Fewer than 15 pictures a second were seen: many blinks fall between two of them."
				 : NULL,
			 "from", moment(timeline.from_ms), "until", moment(timeline.until_ms), "stretch_seconds",
			 viva_json_real((double)timeline.stretch_ms / 1000, 3), "timeline", stretches_json(&timeline));
}
