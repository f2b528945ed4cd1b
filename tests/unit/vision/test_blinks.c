// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "vision/blinks.h"

#include "viva_test.h"

enum { FRAME_MS = 40 };  // 25 frames a second

struct film {
	struct viva_tracker tracker;
	int64_t now_ms;
};

static void show_seen(struct film *film, struct viva_eyes_seen seen, int frames)
{
	for (int i = 0; i < frames; i++) {
		film->now_ms += FRAME_MS;
		viva_eyes_observe(&film->tracker.eyes, film->now_ms, FRAME_MS, &seen);
		film->tracker.last_ms = film->now_ms;
	}
}

static void show(struct film *film, float ratio, int frames)
{
	show_seen(film, (struct viva_eyes_seen){.is_visible = true, .ratio = ratio}, frames);
}

static int32_t blinks(const struct film *film)
{
	return viva_tracker_blinks(&film->tracker).count;
}

static void test_blinks__a_short_closure_is_a_blink_once_the_eyes_reopen(void **state)
{
	(void)state;
	struct film film = {.now_ms = 1000000};
	show(&film, .25f, 20);
	int64_t open_until_ms = film.now_ms;
	show(&film, .05f, 3);
	assert_int_equal(blinks(&film), 0);
	show(&film, .24f, 5);
	assert_int_equal(blinks(&film), 1);
	assert_int_equal(film.tracker.eyes.blink_times_ms[0], open_until_ms + FRAME_MS);
	struct viva_blink_summary summary = viva_tracker_blinks(&film.tracker);
	assert_float_equal(summary.avg_duration_ms, 3 * FRAME_MS, .01f);
	assert_float_equal(summary.rate_per_min, 60000.f / (28 * FRAME_MS), .01f);
}

static void test_blinks__narrow_and_wide_eyes_need_no_setting(void **state)
{
	(void)state;
	for (float open = .13f; open < .4f; open += .03f) {
		struct film film = {.now_ms = 1000000};
		for (int i = 0; i < 4; i++) {
			show(&film, open, 20);
			show(&film, open * .4f, 2);
		}
		show(&film, open, 2);
		assert_int_equal(blinks(&film), 4);
	}
}

static void test_blinks__lids_that_seem_shut_over_eyes_that_are_seen_open_are_no_blink(void **state)
{
	(void)state;
	struct viva_eyes_seen doubtful = {.is_visible = true, .ratio = .1f, .is_looked_at = true, .open = .97f};
	const struct viva_eyes_seen open = {.is_visible = true, .ratio = .25f, .is_looked_at = true, .open = .98f};
	struct film film = {.now_ms = 1000000};
	show_seen(&film, open, 20);
	assert_false(viva_eyes_are_in_doubt(&film.tracker.eyes, .24f));
	assert_true(viva_eyes_are_in_doubt(&film.tracker.eyes, doubtful.ratio));
	show_seen(&film, doubtful, 3);
	assert_int_not_equal(film.tracker.eyes.state, VIVA_EYES_CLOSED);
	show(&film, .25f, 10);
	assert_int_equal(blinks(&film), 0);
	assert_true(viva_eyes_are_in_doubt(&film.tracker.eyes, .22f));
	doubtful.open = .6f;
	show_seen(&film, doubtful, 3);
	assert_int_equal(film.tracker.eyes.state, VIVA_EYES_CLOSED);
	show(&film, .25f, 3);
	assert_int_equal(blinks(&film), 1);
}

static void test_blinks__open_eyes_are_looked_at_now_and_then(void **state)
{
	(void)state;
	struct viva_eyes_seen open = {.is_visible = true, .ratio = .25f, .open = .9f};
	struct film film = {.now_ms = 1000000};
	int looks = 0;
	for (int i = 0; i < 160; i++) {
		open.is_looked_at = viva_eyes_are_in_doubt(&film.tracker.eyes, open.ratio);
		looks += open.is_looked_at ? 1 : 0;
		show_seen(&film, open, 1);
	}
	assert_in_range(looks, 10, 16);
	assert_float_equal(film.tracker.eyes.open_logit, logf(9), .01f);
}

static void test_blinks__a_sure_network_changes_nothing_before_it_has_seen_open_eyes(void **state)
{
	(void)state;
	const struct viva_eyes_seen shut = {.is_visible = true, .ratio = .22f, .is_looked_at = true, .open = 0};
	struct film film = {.now_ms = 1000000};
	show(&film, .25f, 20);
	show_seen(&film, shut, 3);
	show(&film, .25f, 5);
	assert_int_equal(blinks(&film), 0);
	show_seen(&film, (struct viva_eyes_seen){.is_visible = true, .ratio = .25f, .is_looked_at = true, .open = 1},
		  5);
	show_seen(&film, shut, 3);
	show(&film, .25f, 5);
	assert_int_equal(blinks(&film), 1);
}

static void test_blinks__a_session_that_begins_with_closed_eyes_takes_no_baseline_from_them(void **state)
{
	(void)state;
	struct viva_eyes_seen closed = {.is_visible = true, .ratio = .12f, .is_looked_at = true, .open = .02f};
	struct film film = {.now_ms = 1000000};
	assert_true(viva_eyes_are_in_doubt(&film.tracker.eyes, closed.ratio));
	show_seen(&film, closed, 20);
	assert_int_equal(film.tracker.eyes.state, VIVA_EYES_UNKNOWN);
	assert_int_equal(film.tracker.eyes.open_count, 0);
	show(&film, .25f, 10);
	assert_int_equal(film.tracker.eyes.state, VIVA_EYES_OPEN);
	show(&film, .12f, 3);
	assert_int_equal(film.tracker.eyes.state, VIVA_EYES_CLOSED);
}

static void test_blinks__a_squint_or_a_trembling_lid_is_no_blink(void **state)
{
	(void)state;
	struct film film = {.now_ms = 1000000};
	show(&film, .25f, 30);
	show(&film, .18f, 5);  // .72 of the baseline
	show(&film, .25f, 5);
	assert_int_equal(blinks(&film), 0);
	for (int i = 0; i < 10; i++)
		show(&film, i % 2 ? .16f : .14f, 1);  // about .6: closed once, never fully open again
	show(&film, .25f, 2);
	assert_int_equal(blinks(&film), 1);
}

static void test_blinks__resting_them_is_no_blink_but_a_long_closure(void **state)
{
	(void)state;
	struct film film = {.now_ms = 1000000};
	show(&film, .25f, 30);
	show(&film, .03f, VIVA_BLINK_MAX_MS / FRAME_MS);
	show(&film, .25f, 30);
	assert_int_equal(blinks(&film), 1);
	assert_int_equal(viva_tracker_blinks(&film.tracker).long_closures, 0);
	show(&film, .03f, 2 * VIVA_BLINK_MAX_MS / FRAME_MS);
	assert_int_equal(viva_tracker_blinks(&film.tracker).long_closures, 0);
	show(&film, .25f, 30);
	assert_int_equal(blinks(&film), 1);
	assert_int_equal(viva_tracker_blinks(&film.tracker).long_closures, 1);
	// So long that the baseline is doubted: what follows is no end of a closure.
	show(&film, .03f, 5 * VIVA_BLINK_MAX_MS / FRAME_MS);
	show(&film, .25f, 30);
	assert_int_equal(blinks(&film), 1);
	assert_int_equal(viva_tracker_blinks(&film.tracker).long_closures, 1);
}

static void test_blinks__a_film_that_begins_with_closed_eyes_learns_only_from_open_ones(void **state)
{
	(void)state;
	struct film film = {.now_ms = 1000000};
	show(&film, .03f, 50);
	show(&film, .07f, 30);
	show(&film, .25f, 40);
	assert_int_equal(blinks(&film), 0);
	show(&film, .04f, 3);
	show(&film, .25f, 3);
	assert_int_equal(blinks(&film), 1);
}

static void test_blinks__turning_away_or_a_gap_ends_a_closure_without_a_blink(void **state)
{
	(void)state;
	struct film film = {.now_ms = 1000000};
	show(&film, .25f, 20);
	show(&film, .05f, 2);
	film.now_ms += FRAME_MS;
	viva_eyes_observe(&film.tracker.eyes, film.now_ms, FRAME_MS, &(struct viva_eyes_seen){0});
	show(&film, .25f, 3);
	assert_int_equal(blinks(&film), 0);
	show(&film, .05f, 2);
	film.now_ms += 5000;
	viva_eyes_observe(&film.tracker.eyes, film.now_ms, 5000,
			  &(struct viva_eyes_seen){.is_visible = true, .ratio = .25f});
	show(&film, .25f, 3);
	assert_int_equal(blinks(&film), 0);
}

static void test_blinks__the_count_goes_on_past_the_times_that_are_kept(void **state)
{
	(void)state;
	struct film film = {.now_ms = 1000000};
	for (int i = 0; i < VIVA_TRACKER_BLINKS + 10; i++) {
		show(&film, .25f, 10);
		show(&film, .05f, 2);
	}
	show(&film, .25f, 2);
	assert_int_equal(blinks(&film), VIVA_TRACKER_BLINKS + 10);
	assert_int_equal(film.tracker.eyes.blink_times, VIVA_TRACKER_BLINKS);
	for (int i = 1; i < VIVA_TRACKER_BLINKS; i++)
		assert_true(film.tracker.eyes.blink_times_ms[i] > film.tracker.eyes.blink_times_ms[i - 1]);
}

static float reliability_at(int64_t interval_ms, bool is_visible)
{
	struct viva_tracker tracker = {0};
	for (int i = 1; i < 200; i++) {
		struct viva_eyes_seen seen = {.is_visible = is_visible || i % 2, .ratio = .25f};
		viva_eyes_observe(&tracker.eyes, i * interval_ms, interval_ms, &seen);
	}
	return viva_tracker_blinks(&tracker).reliability;
}

static void test_blinks__reliability_falls_with_the_frame_rate_and_the_view(void **state)
{
	(void)state;
	assert_float_equal(reliability_at(33, true), 1, .01f);
	assert_in_range((int)(reliability_at(67, true) * 100), 50, 65);
	assert_float_equal(reliability_at(1000, true), 0, .01f);
	assert_in_range((int)(reliability_at(33, false) * 100), 40, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blinks__a_short_closure_is_a_blink_once_the_eyes_reopen),
		cmocka_unit_test(test_blinks__narrow_and_wide_eyes_need_no_setting),
		cmocka_unit_test(test_blinks__lids_that_seem_shut_over_eyes_that_are_seen_open_are_no_blink),
		cmocka_unit_test(test_blinks__open_eyes_are_looked_at_now_and_then),
		cmocka_unit_test(test_blinks__a_sure_network_changes_nothing_before_it_has_seen_open_eyes),
		cmocka_unit_test(test_blinks__a_session_that_begins_with_closed_eyes_takes_no_baseline_from_them),
		cmocka_unit_test(test_blinks__a_squint_or_a_trembling_lid_is_no_blink),
		cmocka_unit_test(test_blinks__resting_them_is_no_blink_but_a_long_closure),
		cmocka_unit_test(test_blinks__a_film_that_begins_with_closed_eyes_learns_only_from_open_ones),
		cmocka_unit_test(test_blinks__turning_away_or_a_gap_ends_a_closure_without_a_blink),
		cmocka_unit_test(test_blinks__the_count_goes_on_past_the_times_that_are_kept),
		cmocka_unit_test(test_blinks__reliability_falls_with_the_frame_rate_and_the_view),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
