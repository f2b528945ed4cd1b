// SPDX-License-Identifier: Apache-2.0
#include "worker/completion_rule.h"

#include "base/macros.h"
#include "viva_test.h"

enum { LIMIT_MS = 30000 };

static void test_completion_rule__decides_as_its_table_says(void **state)
{
	(void)state;
	static const struct {
		int64_t queued, accepted, dropped;
		enum worker_timeline timeline;
		enum worker_completion_step early, at_the_limit;
	} rows[] = {
		// None was queued.
		{0, 0, 0, WORKER_TIMELINE_UNKNOWN, WORKER_GO_ON, WORKER_GO_ON},
		// Unknown how many: those that were passed on must be in the timeline.
		{-1, 0, 0, WORKER_TIMELINE_UNKNOWN, WORKER_GO_ON, WORKER_GO_ON},
		{-1, 0, 4, WORKER_TIMELINE_UNKNOWN, WORKER_GO_ON, WORKER_GO_ON},
		{-1, 3, 0, WORKER_TIMELINE_BEHIND, WORKER_WAIT, WORKER_CUT_SHORT},
		{-1, 3, 0, WORKER_TIMELINE_THROUGH, WORKER_GO_ON, WORKER_GO_ON},
		// Some have not come to the worker.
		{5, 0, 0, WORKER_TIMELINE_UNKNOWN, WORKER_WAIT, WORKER_CUT_SHORT},
		{5, 2, 2, WORKER_TIMELINE_UNKNOWN, WORKER_WAIT, WORKER_CUT_SHORT},
		{5, 2, 2, WORKER_TIMELINE_THROUGH, WORKER_WAIT, WORKER_CUT_SHORT},
		// All have come, some are not in the timeline.
		{5, 3, 2, WORKER_TIMELINE_BEHIND, WORKER_WAIT, WORKER_CUT_SHORT},
		{5, 3, 2, WORKER_TIMELINE_UNKNOWN, WORKER_WAIT, WORKER_CUT_SHORT},
		// All are through.
		{5, 3, 2, WORKER_TIMELINE_THROUGH, WORKER_GO_ON, WORKER_GO_ON},
		{5, 0, 5, WORKER_TIMELINE_UNKNOWN, WORKER_GO_ON, WORKER_GO_ON},
		// A stock client sent some more.
		{5, 7, 0, WORKER_TIMELINE_BEHIND, WORKER_WAIT, WORKER_CUT_SHORT},
		{5, 7, 0, WORKER_TIMELINE_THROUGH, WORKER_GO_ON, WORKER_GO_ON},
	};
	for (size_t i = 0; i < VIVA_COUNT(rows); i++) {
		struct worker_completion_view view = {.queued = rows[i].queued,
						      .accepted = rows[i].accepted,
						      .dropped = rows[i].dropped,
						      .timeline = rows[i].timeline,
						      .limit_ms = LIMIT_MS};
		assert_int_equal(worker_completion_decide(&view), rows[i].early);
		view.waited_ms = LIMIT_MS - 1;
		assert_int_equal(worker_completion_decide(&view), rows[i].early);
		view.waited_ms = LIMIT_MS;
		assert_int_equal(worker_completion_decide(&view), rows[i].at_the_limit);
		view.is_erased = true;
		assert_int_equal(worker_completion_decide(&view), WORKER_GO_ON);
	}
}

static void test_completion_rule__the_timeline_is_asked_only_when_it_decides(void **state)
{
	(void)state;
	struct worker_completion_view view = {.queued = 5, .accepted = 2, .dropped = 2};
	assert_false(worker_completion_needs_timeline(&view));
	view.accepted = 3;
	assert_true(worker_completion_needs_timeline(&view));
	view.is_erased = true;
	assert_false(worker_completion_needs_timeline(&view));
	view = (struct worker_completion_view){.queued = 5, .dropped = 5};
	assert_false(worker_completion_needs_timeline(&view));
	view = (struct worker_completion_view){.queued = -1, .accepted = 1};
	assert_true(worker_completion_needs_timeline(&view));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_completion_rule__decides_as_its_table_says),
		cmocka_unit_test(test_completion_rule__the_timeline_is_asked_only_when_it_decides),
	};
	return cmocka_run_group_tests_name("completion_rule", tests, NULL, NULL);
}
