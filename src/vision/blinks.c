// SPDX-License-Identifier: Apache-2.0
#include "vision/blinks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "vision/looks.h"

enum {
	MIN_OPEN_RATIOS = 5,      // before these nothing is judged
	MAX_GAP_MS = 1000,        // between frames; a longer one may hide anything
	MAX_OBSERVED_MS = 10000,  // a pause longer than this does not count as observed
	MAX_CLOSED_MS = 3000,     // then the baseline is doubted and learnt anew, unless the network sees closed eyes
	LEVEL_MS = 400,           // of open frames, that the level is taken of
	MIN_LEVEL_RATIOS = 5,
	MAX_LEVEL_RATIOS = 15,
	PARTIAL_MAX_MS = 300,  // of a partial blink, below narrowed_share of the level
	PARTIAL_FRAMES = 2,    // a single frame may be a slip of the points
	BETWEEN_MS = 200,      // eyes are open for so long before a partial blink, or it is the last one's tail
	SQUINT_MS = 400,       // a longer narrowing is no blink
	RATIO_UNITS = 10000,
	MAX_RATIO_UNITS = 20000,
	SHUT_FROM_MS = 500,  // attention falls from here
	SHUT_MS = 1500,      // to here
};

static const float min_baseline = VIVA_EYES_MIN_OPEN;  // lower, and nothing is judged
// Of the baseline.
static const float closed_share = .6f;
static const float least_closed_share = .45f;
static const float reopened_share = .7f;
static const float slip_share = .5f;   // lids that come down so far don't leave eyes that the network sees open
static const float shut_share = .35f;  // no squint is as narrow
// Of the level.
static const float narrowed_share = .8f;
static const float recovered_share = .85f;
static const float partial_share = .7f;
static const float noise_multiple = 5;    // by which a partial blink is deeper than the ratio trembles
static const float still_degrees = 5;     // of a head that does not move while the lids do
static const float pose_following = .2f;  // a frame, of the pose that it is compared with
// Of the network.
static const float open_for_sure = .9f;
static const float closed_for_sure = .1f;
static const float closed_at_all = .5f;
// By which the network's logit falls below that of the session's open eyes (docs/decisions/0026).
static const float fallen = 2.5f;        // lids are down, and the points say so, too
static const float fallen_alone = 3.5f;  // lids are down that the points hardly follow
static const float fallen_for_long = 4;  // lids are down for longer than a glance would have them
static const float still_fallen = 1.2f;  // lids are not up again
static const float watched_share = .9f;  // of the level; narrower eyes are looked at

static const float baseline_percentile = .8f;
static const float smoothing = .1f;
static const float hopeless_fps = 2;     // slower than this a blink is seen by luck only
static const float sufficient_fps = 24;  // blinks last two frames or more

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

// The open ratios of the last LEVEL_MS, the newest first. Gives how many.
static int latest_ratios(const struct viva_tracker_eyes *eyes, uint16_t ret_ratios[MAX_LEVEL_RATIOS])
{
	float frames = eyes->interval_ms > 0 ? LEVEL_MS / eyes->interval_ms : MIN_LEVEL_RATIOS;
	int count = (int)fminf(fmaxf(frames, MIN_LEVEL_RATIOS), MAX_LEVEL_RATIOS);
	count = VIVA_MIN(count, eyes->open_count);
	for (int i = 0; i < count; i++) {
		int at = eyes->open_next + VIVA_TRACKER_OPEN_RATIOS - 1 - i;
		ret_ratios[i] = eyes->open_ratios[at % VIVA_TRACKER_OPEN_RATIOS];
	}
	return count;
}

static float present_level(const struct viva_tracker_eyes *eyes)
{
	uint16_t ratios[MAX_LEVEL_RATIOS];
	int count = latest_ratios(eyes, ratios);
	qsort(ratios, (size_t)count, sizeof *ratios, by_value);
	return count > 0 ? (float)ratios[count / 2] / RATIO_UNITS : 0;
}

// By how much the ratio of open eyes changes from frame to frame.
static float noise(const struct viva_tracker_eyes *eyes)
{
	uint16_t ratios[MAX_LEVEL_RATIOS];
	int count = latest_ratios(eyes, ratios), sum = 0;
	for (int i = 1; i < count; i++)
		sum += abs(ratios[i] - ratios[i - 1]);
	return count > 1 ? (float)sum / (float)(count - 1) / RATIO_UNITS : 0;
}

static uint16_t to_units(float ratio)
{
	return (uint16_t)lroundf(fminf(fmaxf(ratio * RATIO_UNITS, 0), MAX_RATIO_UNITS));
}

static void learn_open(struct viva_tracker_eyes *eyes, float ratio)
{
	eyes->open_ratios[eyes->open_next] = to_units(ratio);
	eyes->open_next = (uint8_t)((eyes->open_next + 1) % VIVA_TRACKER_OPEN_RATIOS);
	if (eyes->open_count < VIVA_TRACKER_OPEN_RATIOS)
		eyes->open_count++;
}

static void forget_baseline(struct viva_tracker_eyes *eyes)
{
	eyes->open_count = 0;
	eyes->open_next = 0;
	eyes->open_looks = 0;
	eyes->state = VIVA_EYES_UNKNOWN;
}

// The opening before the narrowing that is in progress, if one is.
static float level(const struct viva_tracker_eyes *eyes)
{
	bool is_held = eyes->state == VIVA_EYES_DIPPING || eyes->state == VIVA_EYES_CLOSED;
	return is_held ? (float)eyes->level / RATIO_UNITS : present_level(eyes);
}

// Of eyes that are narrow already, less does not say closed.
static float closed_below(const struct viva_tracker_eyes *eyes, float open)
{
	return fminf(fmaxf(narrowed_share * level(eyes), least_closed_share * open), closed_share * open);
}

static bool is_seen_open(const struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen, float at_least)
{
	return seen->is_looked_at && seen->open >= at_least && viva_looks_fall(eyes, seen) < fallen;
}

// Whether lids are down that the points show up, or nearly.
static bool is_seen_down(const struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen, float by)
{
	return seen->ratio < watched_share * level(eyes) && viva_looks_fall(eyes, seen) >= by;
}

static void note_blink(struct viva_tracker_eyes *eyes, int64_t begin_ms, int64_t now_ms)
{
	if (eyes->blink_count == INT32_MAX)
		return;
	eyes->blink_count++;
	eyes->blink_total_ms += now_ms - begin_ms;
	if (eyes->blink_times == VIVA_TRACKER_BLINKS) {
		memmove(eyes->blink_times_ms, eyes->blink_times_ms + 1,
			(VIVA_TRACKER_BLINKS - 1) * sizeof *eyes->blink_times_ms);
		eyes->blink_times--;
	}
	eyes->blink_times_ms[eyes->blink_times++] = begin_ms;
}

static void increment(int32_t *count)
{
	if (*count < INT32_MAX)
		++*count;
}

// ---- what the states do with a frame

static void open_up(struct viva_tracker_eyes *eyes, int64_t now_ms, const struct viva_eyes_seen *seen)
{
	float follow = eyes->state == VIVA_EYES_OPEN ? pose_following : 1;
	if (eyes->state != VIVA_EYES_OPEN)
		eyes->opened_ms = now_ms;
	eyes->state = VIVA_EYES_OPEN;
	eyes->yaw += follow * (seen->yaw - eyes->yaw);
	eyes->pitch += follow * (seen->pitch - eyes->pitch);
	learn_open(eyes, seen->ratio);
}

static void stay_open(struct viva_tracker_eyes *eyes, int64_t now_ms, const struct viva_eyes_seen *seen)
{
	if (seen->ratio >= recovered_share * level(eyes))
		viva_looks_learn(eyes, seen);
	open_up(eyes, now_ms, seen);
}

static void begin_narrowing(struct viva_tracker_eyes *eyes, int64_t now_ms, const struct viva_eyes_seen *seen)
{
	eyes->level = to_units(level(eyes));
	eyes->narrowed_since_ms = now_ms;
	eyes->narrowest = to_units(seen->ratio);
	eyes->narrowed_frames = 0;
	eyes->most_fallen = 0;
	eyes->is_no_blink = now_ms - eyes->opened_ms < BETWEEN_MS && viva_looks_fall(eyes, seen) < fallen;
}

static void go_on_narrowing(struct viva_tracker_eyes *eyes, float open, const struct viva_eyes_seen *seen)
{
	// Lids that move with the head follow the gaze.
	bool has_moved =
		fabsf(seen->yaw - eyes->yaw) > still_degrees || fabsf(seen->pitch - eyes->pitch) > still_degrees;
	bool has_slipped = is_seen_open(eyes, seen, open_for_sure) && seen->ratio < slip_share * open;
	eyes->is_no_blink = eyes->is_no_blink || has_moved || has_slipped;
	eyes->narrowest = VIVA_MIN(eyes->narrowest, to_units(seen->ratio));
	eyes->most_fallen = fmaxf(eyes->most_fallen, viva_looks_fall(eyes, seen));
	if (eyes->narrowed_frames < UINT8_MAX)
		eyes->narrowed_frames++;
}

// Whether a closure is one, and no narrowing: the network sees it, or the lids are too close for anything else. Where
// the network was not asked, the lids have the word.
static bool is_sure(const struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen, float open)
{
	if (!seen->is_looked_at || seen->ratio < shut_share * open)
		return true;
	return seen->open < closed_at_all && (!viva_looks_are_known(eyes) || viva_looks_fall(eyes, seen) >= fallen);
}

static void begin_dip(struct viva_tracker_eyes *eyes, int64_t now_ms, float open, const struct viva_eyes_seen *seen)
{
	begin_narrowing(eyes, now_ms, seen);
	go_on_narrowing(eyes, open, seen);
	eyes->state = VIVA_EYES_DIPPING;
}

static void note_partial_blink(struct viva_tracker_eyes *eyes, int64_t now_ms)
{
	// It may have begun up to a frame before it was seen.
	float duration_ms = (float)(now_ms - eyes->narrowed_since_ms) + eyes->interval_ms;
	if (eyes->is_no_blink || duration_ms > PARTIAL_MAX_MS)
		return;
	note_blink(eyes, eyes->narrowed_since_ms, now_ms);
	increment(&eyes->partial_blinks);
}

// Whether the network saw the lids come down; where the points hardly did, it takes more.
static bool has_fallen(const struct viva_tracker_eyes *eyes)
{
	bool is_shallow = (float)eyes->narrowest > partial_share * (float)eyes->level;
	return eyes->most_fallen >= (is_shallow ? fallen_alone : fallen);
}

static bool is_beyond_noise(const struct viva_tracker_eyes *eyes)
{
	return (float)(eyes->level - eyes->narrowest) >= noise_multiple * noise(eyes) * RATIO_UNITS;
}

static bool is_deep(const struct viva_tracker_eyes *eyes)
{
	if (has_fallen(eyes))
		return true;
	return eyes->narrowed_frames >= PARTIAL_FRAMES &&
	       (float)eyes->narrowest <= partial_share * (float)eyes->level && is_beyond_noise(eyes);
}

static void dip(struct viva_tracker_eyes *eyes, int64_t now_ms, float open, const struct viva_eyes_seen *seen)
{
	if (seen->ratio >= recovered_share * fminf(level(eyes), open) && !is_seen_down(eyes, seen, still_fallen)) {
		if (is_deep(eyes))
			note_partial_blink(eyes, now_ms);
		open_up(eyes, now_ms, seen);
		return;
	}
	go_on_narrowing(eyes, open, seen);
	if (now_ms - eyes->narrowed_since_ms <= SQUINT_MS)
		return;
	if (eyes->is_no_blink) {
		open_up(eyes, now_ms, seen);
		return;
	}
	eyes->state = VIVA_EYES_NARROWED;
	increment(&eyes->squints);
	learn_open(eyes, seen->ratio);
}

static void close_up(struct viva_tracker_eyes *eyes, int64_t now_ms, float open, const struct viva_eyes_seen *seen)
{
	// A narrowing that was taken for a squint because the points hardly followed the lids.
	bool was_shut = eyes->state == VIVA_EYES_NARROWED && eyes->most_fallen >= fallen;
	if (eyes->state != VIVA_EYES_DIPPING && !was_shut)
		begin_narrowing(eyes, now_ms, seen);
	go_on_narrowing(eyes, open, seen);
	eyes->state = VIVA_EYES_CLOSED;
	eyes->closed_since_ms = was_shut ? eyes->narrowed_since_ms : now_ms;
	eyes->is_closure_sure = is_sure(eyes, seen, open);
}

// Whether eyes are shut beyond doubt: what looks down narrows them for longer than a blink, and lowers the logit, too.
static bool is_shut_for_sure(const struct viva_tracker_eyes *eyes)
{
	return eyes->is_closure_sure && (!viva_looks_are_known(eyes) || eyes->most_fallen >= fallen_for_long ||
					 (float)eyes->narrowest < shut_share * (float)eyes->level);
}

static void end_closure(struct viva_tracker_eyes *eyes, int64_t now_ms)
{
	int64_t duration_ms = now_ms - eyes->closed_since_ms;
	if (!is_shut_for_sure(eyes) && now_ms - eyes->narrowed_since_ms > SQUINT_MS)
		increment(&eyes->squints);
	else if (!eyes->is_closure_sure && (has_fallen(eyes) || is_beyond_noise(eyes)))
		note_partial_blink(eyes, now_ms);
	else if (eyes->is_closure_sure && duration_ms <= VIVA_BLINK_MAX_MS)
		note_blink(eyes, eyes->closed_since_ms, now_ms);
	else if (eyes->is_closure_sure)
		increment(&eyes->long_closures);
}

static void closure(struct viva_tracker_eyes *eyes, int64_t now_ms, float open, const struct viva_eyes_seen *seen)
{
	// Not for ever, lest a light that changed keeps them closed.
	bool is_held = now_ms - eyes->closed_since_ms <= MAX_CLOSED_MS && is_seen_down(eyes, seen, still_fallen);
	if (seen->ratio >= fminf(reopened_share * open, recovered_share * level(eyes)) && !is_held) {
		end_closure(eyes, now_ms);
		open_up(eyes, now_ms, seen);
		return;
	}
	go_on_narrowing(eyes, open, seen);
	eyes->is_closure_sure = eyes->is_closure_sure || is_sure(eyes, seen, open);
	if (now_ms - eyes->closed_since_ms <= MAX_CLOSED_MS || (seen->is_looked_at && seen->open < closed_at_all))
		return;
	// Open by the network's word, or nobody knows: then the baseline is to blame.
	if (seen->is_looked_at)
		end_closure(eyes, now_ms);
	forget_baseline(eyes);
}

static void step(struct viva_tracker_eyes *eyes, int64_t now_ms, const struct viva_eyes_seen *seen)
{
	float ratio = seen->ratio, open = baseline(eyes);
	if (open < min_baseline) {
		eyes->state = VIVA_EYES_UNKNOWN;
		if (!seen->is_looked_at || seen->open > closed_for_sure) {
			learn_open(eyes, ratio);
			viva_looks_learn(eyes, seen);
		}
		return;
	}
	bool is_closing = ratio < closed_below(eyes, open) && !is_seen_open(eyes, seen, open_for_sure);
	switch (eyes->state) {
	case VIVA_EYES_UNKNOWN:
		if (ratio >= closed_share * open)
			open_up(eyes, now_ms, seen);
		break;
	case VIVA_EYES_OPEN:
		if (is_closing)
			close_up(eyes, now_ms, open, seen);
		else if (ratio < narrowed_share * level(eyes) || is_seen_down(eyes, seen, fallen))
			begin_dip(eyes, now_ms, open, seen);
		else
			stay_open(eyes, now_ms, seen);
		break;
	case VIVA_EYES_DIPPING:
		if (is_closing)
			close_up(eyes, now_ms, open, seen);
		else
			dip(eyes, now_ms, open, seen);
		break;
	case VIVA_EYES_NARROWED:
		if (is_closing)
			close_up(eyes, now_ms, open, seen);
		else if (ratio >= recovered_share * fminf((float)eyes->level / RATIO_UNITS, open))
			open_up(eyes, now_ms, seen);
		else
			learn_open(eyes, ratio);
		break;
	case VIVA_EYES_CLOSED:
		closure(eyes, now_ms, open, seen);
		break;
	}
}

bool viva_eyes_are_in_doubt(const struct viva_tracker_eyes *eyes, float ratio)
{
	float open = baseline(eyes);
	if (open < min_baseline || ratio < closed_share * open || ratio < watched_share * level(eyes))
		return true;
	return eyes->state == VIVA_EYES_OPEN && viva_looks_are_due(eyes);
}

static bool are_shut(const struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen)
{
	if (!seen->is_visible)
		return seen->is_turned_away && seen->ratio < VIVA_EYES_MIN_OPEN;
	float open = baseline(eyes);
	if (open < min_baseline && seen->is_looked_at && seen->open < closed_for_sure)
		return true;
	if (open < min_baseline)
		return seen->ratio < VIVA_EYES_MIN_OPEN && !is_seen_open(eyes, seen, closed_at_all);
	if (eyes->state == VIVA_EYES_UNKNOWN)
		return seen->ratio < closed_share * open && !is_seen_open(eyes, seen, closed_at_all);
	return eyes->state == VIVA_EYES_CLOSED && eyes->is_closure_sure;
}

static void observe_shut(struct viva_tracker_eyes *eyes, int64_t elapsed_ms, bool is_first,
			 const struct viva_eyes_seen *seen)
{
	bool was_shut = eyes->is_shut;
	eyes->is_shut = are_shut(eyes, seen);
	if (!eyes->is_shut)
		eyes->shut_ms = 0;
	else if (was_shut)
		eyes->shut_ms = (uint16_t)VIVA_MIN(eyes->shut_ms + elapsed_ms, SHUT_MS);
	else  // Where no open eyes were seen before, nothing says that this is a blink.
		eyes->shut_ms = is_first ? SHUT_MS : 0;
}

void viva_eyes_observe(struct viva_tracker_eyes *eyes, int64_t now_ms, int64_t elapsed_ms,
		       const struct viva_eyes_seen *seen)
{
	bool is_visible = seen->is_visible, is_first = eyes->open_count == 0;
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
	if (is_visible) {
		if (elapsed_ms <= MAX_OBSERVED_MS && eyes->observed_ms <= INT64_MAX - elapsed_ms)
			eyes->observed_ms += elapsed_ms;
		step(eyes, now_ms, seen);
	}
	viva_looks_count(eyes, seen);
	observe_shut(eyes, elapsed_ms, is_first, seen);
}

float viva_eyes_attention(const struct viva_tracker_eyes *eyes)
{
	if (!eyes->is_shut)
		return 1;
	return fminf(fmaxf((float)(SHUT_MS - eyes->shut_ms) / (SHUT_MS - SHUT_FROM_MS), 0), 1);
}

struct viva_blink_summary viva_tracker_blinks(const struct viva_tracker *tracker)
{
	const struct viva_tracker_eyes *eyes = &tracker->eyes;
	struct viva_blink_summary summary = {.count = eyes->blink_count,
					     .partial = eyes->partial_blinks,
					     .long_closures = eyes->long_closures,
					     .squints = eyes->squints};
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
