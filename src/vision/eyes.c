// SPDX-License-Identifier: Apache-2.0
#include "vision/eyes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	MIN_OPEN_RATIOS = 5,      // before these nothing is judged
	MAX_GAP_MS = 1000,        // between frames; a longer one may hide anything
	MAX_OBSERVED_MS = 10000,  // a pause longer than this does not count as observed
	MAX_CLOSED_MS = 3000,     // then the baseline is doubted and learnt anew
	RATIO_UNITS = 10000,
	MAX_RATIO_UNITS = 20000,
	SIDE = 64,  // of the crop; the network averages it down to half
};

static const float min_baseline = VIVA_EYES_MIN_OPEN;  // lower, and nothing is judged
static const float closed_share = .6f;
static const float reopened_share = .7f;
static const float open_for_sure = .9f;    // of the network
static const float closed_for_sure = .1f;  // of the network
static const float eye_region = 1.4f;      // of the crop by the eye's width, as in the crops of the training
static const float baseline_percentile = .8f;
static const float smoothing = .1f;
static const float hopeless_fps = 2;     // slower than this a blink is seen by luck only
static const float sufficient_fps = 24;  // blinks last two frames or more

static float distance(struct viva_point a, struct viva_point b)
{
	return hypotf(a.x - b.x, a.y - b.y);
}

static float lid_ratio(const struct viva_point lids[VIVA_LID_POINTS])
{
	float width = distance(lids[0], lids[8]), height = 0;
	for (int i = 1; i < 8; i++)
		height += distance(lids[i], lids[i + 8]) / 7;
	return width > 0 ? height / width : 0;
}

float viva_eye_ratio(const struct viva_face *face)
{
	return (lid_ratio(face->lids[VIVA_RIGHT]) + lid_ratio(face->lids[VIVA_LEFT])) / 2;
}

const struct viva_network_shape viva_eye_network = {.file = "viva_eye.xml", .input = SIDE * SIDE * 3, .outputs = {1}};

int viva_eye_look(struct viva_network *network, const struct viva_picture *picture, const struct viva_region *region,
		  float *ret_open, struct viva_error *error)
{
	static const struct viva_warp_range pixel_range = {.scale = 1 / 255.f};
	viva_warp(picture, region, SIDE, &pixel_range, network->input);
	int code = viva_network_run(network, error);
	if (code == 0)
		*ret_open = network->outputs[0][0];
	return code;
}

int viva_eyes_look(struct viva_network *network, const struct viva_picture *picture, const struct viva_face *face,
		   float *ret_open, struct viva_error *error)
{
	float sum = 0, angle = viva_face_region(face, 1).angle;
	for (int side = VIVA_RIGHT; side <= VIVA_LEFT; side++) {
		struct viva_point a = face->lids[side][0], b = face->lids[side][8];
		struct viva_region region = {.x = (a.x + b.x) / 2,
					     .y = (a.y + b.y) / 2,
					     .size = fmaxf(distance(a, b) * eye_region, 1),
					     .angle = angle};
		float open = 0;
		int code = viva_eye_look(network, picture, &region, &open, error);
		if (code != 0)
			return code;
		sum += open;
	}
	*ret_open = sum / 2;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

// 0 while too few open frames are known.
static float baseline(const struct viva_tracker_eyes *eyes)
{
	if (eyes->open_count < MIN_OPEN_RATIOS)
		return 0;
	uint16_t sorted[VIVA_TRACKER_OPEN_RATIOS];
	memcpy(sorted, eyes->open_ratios, eyes->open_count * sizeof *sorted);
	qsort(sorted, eyes->open_count, sizeof *sorted, by_value);
	return (float)sorted[(int)(baseline_percentile * (float)(eyes->open_count - 1))] / RATIO_UNITS;
}

static void learn_open(struct viva_tracker_eyes *eyes, float ratio)
{
	float units = fminf(fmaxf(ratio * RATIO_UNITS, 0), MAX_RATIO_UNITS);
	eyes->open_ratios[eyes->open_next] = (uint16_t)lroundf(units);
	eyes->open_next = (uint8_t)((eyes->open_next + 1) % VIVA_TRACKER_OPEN_RATIOS);
	if (eyes->open_count < VIVA_TRACKER_OPEN_RATIOS)
		eyes->open_count++;
}

static void forget_baseline(struct viva_tracker_eyes *eyes)
{
	eyes->open_count = 0;
	eyes->open_next = 0;
	eyes->state = VIVA_EYES_UNKNOWN;
}

static void count_closure(struct viva_tracker_eyes *eyes, int64_t now_ms)
{
	int64_t duration_ms = now_ms - eyes->closed_since_ms;
	if (duration_ms > VIVA_BLINK_MAX_MS) {
		if (eyes->long_closures < INT32_MAX && duration_ms <= MAX_CLOSED_MS)
			eyes->long_closures++;
		return;
	}
	if (eyes->blink_count == INT32_MAX)
		return;
	eyes->blink_count++;
	eyes->blink_total_ms += duration_ms;
	if (eyes->blink_times == VIVA_TRACKER_BLINKS) {
		memmove(eyes->blink_times_ms, eyes->blink_times_ms + 1,
			(VIVA_TRACKER_BLINKS - 1) * sizeof *eyes->blink_times_ms);
		eyes->blink_times--;
	}
	eyes->blink_times_ms[eyes->blink_times++] = eyes->closed_since_ms;
}

bool viva_eyes_are_in_doubt(const struct viva_tracker_eyes *eyes, float ratio)
{
	float open = baseline(eyes);
	return open < min_baseline || (eyes->state != VIVA_EYES_CLOSED && ratio < closed_share * open);
}

static void step(struct viva_tracker_eyes *eyes, int64_t now_ms, const struct viva_eyes_seen *seen)
{
	float ratio = seen->ratio, open = baseline(eyes);
	if (open < min_baseline) {
		eyes->state = VIVA_EYES_UNKNOWN;
		if (!seen->is_looked_at || seen->open > closed_for_sure)
			learn_open(eyes, ratio);
		return;
	}
	switch (eyes->state) {
	case VIVA_EYES_UNKNOWN:
	case VIVA_EYES_OPEN:
		if (ratio >= closed_share * open) {
			eyes->state = VIVA_EYES_OPEN;
			learn_open(eyes, ratio);
		} else if (eyes->state == VIVA_EYES_OPEN && !(seen->is_looked_at && seen->open >= open_for_sure)) {
			eyes->state = VIVA_EYES_CLOSED;
			eyes->closed_since_ms = now_ms;
		}
		break;
	case VIVA_EYES_CLOSED:
		if (ratio >= reopened_share * open) {
			count_closure(eyes, now_ms);
			eyes->state = VIVA_EYES_OPEN;
			learn_open(eyes, ratio);
		} else if (now_ms - eyes->closed_since_ms > MAX_CLOSED_MS) {
			forget_baseline(eyes);
		}
		break;
	}
}

void viva_eyes_observe(struct viva_tracker_eyes *eyes, int64_t now_ms, int64_t elapsed_ms,
		       const struct viva_eyes_seen *seen)
{
	bool is_visible = seen->is_visible;
	float interval_ms = (float)VIVA_MIN(elapsed_ms, MAX_OBSERVED_MS);
	float visibility = is_visible ? 1 : 0;
	if (eyes->interval_ms > 0) {
		interval_ms = eyes->interval_ms + smoothing * (interval_ms - eyes->interval_ms);
		visibility = eyes->visibility + smoothing * (visibility - eyes->visibility);
	}
	eyes->interval_ms = interval_ms;
	eyes->visibility = visibility;
	if (elapsed_ms > MAX_GAP_MS || !is_visible)
		eyes->state = VIVA_EYES_UNKNOWN;
	if (!is_visible)
		return;
	if (elapsed_ms <= MAX_OBSERVED_MS && eyes->observed_ms <= INT64_MAX - elapsed_ms)
		eyes->observed_ms += elapsed_ms;
	step(eyes, now_ms, seen);
}

struct viva_blink_summary viva_tracker_blinks(const struct viva_tracker *tracker)
{
	const struct viva_tracker_eyes *eyes = &tracker->eyes;
	struct viva_blink_summary summary = {.count = eyes->blink_count, .long_closures = eyes->long_closures};
	if (eyes->observed_ms > 0)
		summary.rate_per_min = (float)eyes->blink_count * 60000 / (float)eyes->observed_ms;
	if (eyes->blink_count > 0)
		summary.avg_duration_ms = (float)eyes->blink_total_ms / (float)eyes->blink_count;
	if (eyes->interval_ms > 0) {
		float fps = 1000 / eyes->interval_ms;
		float trust = (fps - hopeless_fps) / (sufficient_fps - hopeless_fps);
		summary.reliability = fminf(fmaxf(trust, 0), 1) * eyes->visibility;
	}
	return summary;
}
