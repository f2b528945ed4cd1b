// SPDX-License-Identifier: Apache-2.0
//
// Blinks, squints and what looks like them, as traces of the opening over time at the rates that clients send.
#include <math.h>

#include "vision/blinks.h"
#include "viva_test.h"

static const int rates[] = {30, 24, 20, 15, 10, 5};  // frames a second

enum { MAX_GESTURES = 64, FIRST_MS = 2000 };

// Lids come down and go up again within duration_ms; edge_ms each way, and between them they stay.
struct gesture {
	int at_ms, duration_ms, down_ms, up_ms;
	float depth;  // 1 = to shut
	float pitch;  // degrees that the head moves by meanwhile
};

struct trace {
	struct gesture gestures[MAX_GESTURES];
	int count, length_ms;
	float opening;    // ratio of open eyes
	float noise;      // share of it
	float drift;      // by which the opening wanders slowly
	float follow;     // share of the lids' way that the points go with them
	float surest;     // what the network tells of open eyes
	float tardiness;  // of a frame at most, in shares of the time between two
	float lost;       // share of frames that never come
	uint32_t random;
};

static float uniform(struct trace *trace)
{
	trace->random = trace->random * 1664525 + 1013904223;
	return (float)(trace->random >> 8) / (1 << 24);
}

static int between(struct trace *trace, int low, int high)
{
	return low + (int)(uniform(trace) * (float)(high - low));
}

// About normal, of deviation 1.
static float bell(struct trace *trace)
{
	float sum = -6;
	for (int i = 0; i < 12; i++)
		sum += uniform(trace);
	return sum;
}

static struct trace begin(float opening)
{
	return (struct trace){.opening = opening,
			      .noise = .02f,
			      .drift = .05f,
			      .follow = 1,
			      .surest = .99f,
			      .random = 7,
			      .length_ms = FIRST_MS};
}

static void add(struct trace *trace, struct gesture gesture)
{
	gesture.at_ms = trace->length_ms + between(trace, 0, 100);
	assert_true(trace->count < MAX_GESTURES);
	trace->gestures[trace->count++] = gesture;
	trace->length_ms = gesture.at_ms + gesture.duration_ms + between(trace, 900, 1500);
}

// A lid falls faster than it rises (VanderWerf et al. 2003).
static struct gesture blink(int duration_ms, float depth)
{
	return (struct gesture){.duration_ms = duration_ms,
				.down_ms = duration_ms * 35 / 100,
				.up_ms = duration_ms * 55 / 100,
				.depth = depth};
}

static struct gesture hold(int duration_ms, int edge_ms, float depth)
{
	return (struct gesture){.duration_ms = duration_ms, .down_ms = edge_ms, .up_ms = edge_ms, .depth = depth};
}

static float part_of(const struct gesture *gesture, float now_ms)
{
	float in = now_ms - (float)gesture->at_ms, left = (float)gesture->duration_ms - in;
	if (in <= 0 || left <= 0)
		return 0;
	float part = fminf(fminf(in / (float)gesture->down_ms, left / (float)gesture->up_ms), 1);
	return part * part * (3 - 2 * part);
}

// What the network makes of an opening; as measured on films of lids that come down.
static float seen_open(const struct trace *trace, float share)
{
	return fminf(fmaxf((share - .4f) / .25f * trace->surest, .01f), trace->surest);
}

static struct viva_tracker play(struct trace *trace, int rate)
{
	struct viva_tracker tracker = {0};
	float interval_ms = 1000 / (float)rate;
	int64_t last_ms = 0;
	for (float due = (float)between(trace, 0, 1000 / rate); due < (float)trace->length_ms; due += interval_ms) {
		if (trace->lost > 0 && uniform(trace) < trace->lost)
			continue;
		float now = due + (trace->tardiness > 0 ? trace->tardiness * uniform(trace) * interval_ms : 0);
		float share = 1, pitch = 0;
		for (int i = 0; i < trace->count; i++) {
			float part = part_of(&trace->gestures[i], now);
			share -= .85f * trace->gestures[i].depth * part;  // shut lids still have a height
			pitch += trace->gestures[i].pitch * part;
		}
		float wander = 1 + trace->drift * sinf(now / 1500);
		float lids = 1 - (1 - share) * trace->follow;
		float ratio = trace->opening * (lids * wander + trace->noise * bell(trace));
		int64_t now_ms = 1000000 + (int64_t)now;
		struct viva_eyes_seen seen = {.is_visible = true, .ratio = fmaxf(ratio, 0), .pitch = pitch};
		seen.is_looked_at = viva_eyes_are_in_doubt(&tracker.eyes, seen.ratio);
		seen.open = seen_open(trace, share);
		viva_eyes_observe(&tracker.eyes, now_ms, last_ms ? now_ms - last_ms : 0, &seen);
		last_ms = now_ms;
	}
	return tracker;
}

// How many of the gestures were told as blinks at their time; each once.
static int found(const struct trace *trace, const struct viva_tracker *tracker)
{
	int count = 0;
	for (int i = 0; i < trace->count; i++) {
		const struct gesture *gesture = &trace->gestures[i];
		for (int k = 0; k < tracker->eyes.blink_times; k++) {
			int64_t at = tracker->eyes.blink_times_ms[k] - 1000000;
			if (at >= gesture->at_ms && at <= gesture->at_ms + gesture->duration_ms) {
				count++;
				break;
			}
		}
	}
	return count;
}

static void test_traces__blinks_are_found_as_far_as_the_rate_lets_hope(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		for (float opening = .15f; opening < .36f; opening += .05f) {
			struct trace trace = begin(opening);
			while (trace.count < 40)
				add(&trace, blink(between(&trace, 100, 400), 1));
			struct viva_tracker tracker = play(&trace, rates[i]);
			struct viva_blink_summary blinks = viva_tracker_blinks(&tracker);
			int hits = found(&trace, &tracker);
			assert_int_equal(blinks.count, hits);
			assert_true((float)hits >= (rates[i] >= 20 ? .95f : blinks.reliability) * 40);
			assert_int_equal(blinks.squints + blinks.long_closures, 0);
		}
	}
}

static void test_traces__partial_blinks_are_found_where_frames_come_fast(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		struct trace trace = begin(.25f);
		while (trace.count < 40)
			add(&trace, blink(between(&trace, 200, 350), .47f));  // to .6 of the opening
		struct viva_tracker tracker = play(&trace, rates[i]);
		struct viva_blink_summary blinks = viva_tracker_blinks(&tracker);
		assert_int_equal(blinks.count, found(&trace, &tracker));
		assert_true(blinks.partial <= blinks.count);
		if (rates[i] >= 24)
			assert_true(blinks.count >= 38 && blinks.partial >= 20);
		assert_int_equal(blinks.squints + blinks.long_closures, 0);
	}
}

// Of heads that lean back, of lashes and of glasses the points follow lids a part of their way only.
static void test_traces__blinks_are_found_that_the_points_hardly_follow(void **state)
{
	(void)state;
	static const float surest[] = {.99f, .9f, .7f};
	for (size_t i = 0; i < VIVA_COUNT(rates) && rates[i] >= 15; i++) {
		for (size_t k = 0; k < VIVA_COUNT(surest); k++) {
			struct trace trace = begin(.2f);
			trace.follow = .25f;
			trace.surest = surest[k];
			while (trace.count < 40)
				add(&trace, blink(between(&trace, 150, 350), 1));
			struct viva_tracker tracker = play(&trace, rates[i]);
			struct viva_blink_summary blinks = viva_tracker_blinks(&tracker);
			assert_int_equal(blinks.count, found(&trace, &tracker));
			assert_in_range(blinks.count, 38, 40);
			assert_int_equal(blinks.long_closures, 0);
		}
	}
}

static void test_traces__eyes_that_stay_shut_blink_once_however_the_points_tremble(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		struct trace trace = begin(.2f);
		trace.noise = .03f;
		trace.follow = .4f;  // to .66 of the opening, where it is neither closed nor open
		while (trace.count < 20)
			add(&trace, hold(between(&trace, 1500, 2500), 200, 1));
		struct viva_tracker tracker = play(&trace, rates[i]);
		assert_int_equal(tracker.eyes.blink_count, 0);
	}
}

static void test_traces__squints_of_eyes_that_the_network_doubts_are_no_blinks(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		struct trace trace = begin(.2f);
		trace.surest = .65f;
		while (trace.count < 20)
			add(&trace, hold(between(&trace, 700, 1500), 100, .4f + .1f * uniform(&trace)));
		struct viva_tracker tracker = play(&trace, rates[i]);
		assert_int_equal(tracker.eyes.blink_count + tracker.eyes.long_closures, 0);
	}
}

static void test_traces__frames_that_come_as_they_like_lose_few_blinks(void **state)
{
	(void)state;
	struct trace trace = begin(.25f);
	trace.tardiness = .8f;
	trace.lost = .1f;
	while (trace.count < 60)
		add(&trace, blink(between(&trace, 150, 400), 1));
	struct viva_tracker tracker = play(&trace, 30);
	assert_int_equal(tracker.eyes.blink_count, found(&trace, &tracker));
	assert_in_range(tracker.eyes.blink_count, 57, 60);
}

static void test_traces__a_squint_is_no_blink_however_fast_it_begins(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		struct trace trace = begin(.25f);
		while (trace.count < 20)
			add(&trace,
			    hold(between(&trace, 1000, 3000), between(&trace, 60, 200), .3f + .2f * uniform(&trace)));
		struct viva_tracker tracker = play(&trace, rates[i]);
		struct viva_blink_summary blinks = viva_tracker_blinks(&tracker);
		assert_int_equal(blinks.count + blinks.long_closures, 0);
		if (rates[i] >= 10)
			assert_true(blinks.squints >= 18 && blinks.squints <= 22);
	}
}

static void test_traces__eyes_that_close_slowly_and_stay_so_don_t_blink(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		struct trace trace = begin(.25f);
		while (trace.count < 12)
			add(&trace, hold(between(&trace, 2500, 3800), between(&trace, 300, 800), 1));
		struct viva_tracker tracker = play(&trace, rates[i]);
		struct viva_blink_summary blinks = viva_tracker_blinks(&tracker);
		assert_int_equal(blinks.count, 0);
		assert_int_equal(blinks.long_closures, 12);
	}
}

static void test_traces__a_glance_down_is_no_partial_blink(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		struct trace slow = begin(.25f), nodding = begin(.25f);
		while (slow.count < 40)
			add(&slow, hold(between(&slow, 400, 800), 60, .3f + .15f * uniform(&slow)));
		while (nodding.count < 40) {
			struct gesture nod = blink(between(&nodding, 200, 350), .45f);
			nod.pitch = -12;
			add(&nodding, nod);
		}
		assert_int_equal(play(&slow, rates[i]).eyes.blink_count, 0);
		assert_int_equal(play(&nodding, rates[i]).eyes.blink_count, 0);
	}
}

static void test_traces__noise_is_no_blink(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		for (float noise = .02f; noise < .1f; noise += .03f) {
			struct trace trace = begin(.2f);
			trace.noise = noise;
			trace.drift = .15f;
			trace.length_ms = 120000;
			struct viva_tracker tracker = play(&trace, rates[i]);
			assert_int_equal(tracker.eyes.blink_count, 0);
			assert_int_equal(tracker.eyes.long_closures, 0);
		}
	}
}

// Of a small dark face.
static void test_traces__points_that_tremble_much_over_eyes_that_the_network_doubts_don_t_blink(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(rates); i++) {
		struct trace trace = begin(.15f);
		trace.noise = .1f;
		trace.surest = .5f;
		trace.length_ms = 120000;
		struct viva_tracker tracker = play(&trace, rates[i]);
		assert_int_equal(tracker.eyes.blink_count, 0);
	}
}

static void test_traces__blinks_of_eyes_that_squint_are_found(void **state)
{
	(void)state;
	struct trace trace = begin(.25f);
	for (int i = 0; i < 10; i++) {
		add(&trace, blink(200, 1));
		trace.gestures[trace.count++] = (struct gesture){.at_ms = trace.gestures[trace.count - 1].at_ms - 1000,
								 .duration_ms = 2000,
								 .down_ms = 200,
								 .up_ms = 200,
								 .depth = .4f};
		trace.length_ms += 2000;
	}
	struct viva_tracker tracker = play(&trace, 30);
	assert_in_range(tracker.eyes.blink_count, 9, 10);
}

static void test_traces__attention_goes_with_the_eyes_shut_but_not_with_a_blink(void **state)
{
	(void)state;
	struct viva_tracker_eyes eyes = {0};
	int64_t now_ms = 1000;
	const struct {
		float ratio;
		int frames;
		float least, most;
	} steps[] = {{.25f, 30, 1, 1},    {.03f, 10, 1, 1}, {.25f, 30, 1, 1}, {.03f, 25, .45f, .56f},
		     {.03f, 15, 0, .01f}, {.03f, 60, 0, 0}, {.25f, 1, 1, 1}};
	for (size_t i = 0; i < VIVA_COUNT(steps); i++) {
		for (int k = 0; k < steps[i].frames; k++, now_ms += 40) {
			struct viva_eyes_seen seen = {.is_visible = true, .ratio = steps[i].ratio};
			viva_eyes_observe(&eyes, now_ms, 40, &seen);
		}
		float attention = viva_eyes_attention(&eyes);
		assert_true(attention >= steps[i].least && attention <= steps[i].most);
	}
}

static void test_traces__a_first_picture_of_shut_eyes_has_no_attention(void **state)
{
	(void)state;
	static const struct viva_eyes_seen shut[] = {
		{.is_visible = true, .ratio = .05f},
		{.is_turned_away = true, .ratio = .05f, .yaw = 30},
		{.is_visible = true, .ratio = .13f, .is_looked_at = true, .open = .03f},
		{.is_visible = true, .ratio = .08f, .is_looked_at = true, .open = .3f}};
	static const struct viva_eyes_seen open[] = {
		{.is_visible = true, .ratio = .13f, .is_looked_at = true, .open = .6f},
		{.is_visible = true, .ratio = .08f, .is_looked_at = true, .open = .95f},
		{.is_visible = true, .ratio = .09f, .is_looked_at = true, .open = .6f},  // narrowed by a laugh
		{.is_turned_away = true, .ratio = .15f, .yaw = 30},
		{.ratio = 0}};
	for (size_t i = 0; i < VIVA_COUNT(shut); i++) {
		struct viva_tracker_eyes eyes = {0};
		viva_eyes_observe(&eyes, 1000, 0, &shut[i]);
		assert_float_equal(viva_eyes_attention(&eyes), 0, 0);
	}
	for (size_t i = 0; i < VIVA_COUNT(open); i++) {
		struct viva_tracker_eyes eyes = {0};
		viva_eyes_observe(&eyes, 1000, 0, &open[i]);
		assert_float_equal(viva_eyes_attention(&eyes), 1, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traces__blinks_are_found_as_far_as_the_rate_lets_hope),
		cmocka_unit_test(test_traces__partial_blinks_are_found_where_frames_come_fast),
		cmocka_unit_test(test_traces__blinks_are_found_that_the_points_hardly_follow),
		cmocka_unit_test(test_traces__eyes_that_stay_shut_blink_once_however_the_points_tremble),
		cmocka_unit_test(test_traces__squints_of_eyes_that_the_network_doubts_are_no_blinks),
		cmocka_unit_test(test_traces__frames_that_come_as_they_like_lose_few_blinks),
		cmocka_unit_test(test_traces__a_squint_is_no_blink_however_fast_it_begins),
		cmocka_unit_test(test_traces__eyes_that_close_slowly_and_stay_so_don_t_blink),
		cmocka_unit_test(test_traces__a_glance_down_is_no_partial_blink),
		cmocka_unit_test(test_traces__noise_is_no_blink),
		cmocka_unit_test(test_traces__points_that_tremble_much_over_eyes_that_the_network_doubts_don_t_blink),
		cmocka_unit_test(test_traces__blinks_of_eyes_that_squint_are_found),
		cmocka_unit_test(test_traces__attention_goes_with_the_eyes_shut_but_not_with_a_blink),
		cmocka_unit_test(test_traces__a_first_picture_of_shut_eyes_has_no_attention),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
