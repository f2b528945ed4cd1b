// SPDX-License-Identifier: Apache-2.0
#include "worker/completion_rule.h"

static bool are_noted(const struct worker_completion_view *view)
{
	return view->accepted + view->dropped >= view->queued;
}

bool worker_completion_needs_timeline(const struct worker_completion_view *view)
{
	return !view->is_erased && view->accepted > 0 && are_noted(view);
}

enum worker_completion_step worker_completion_decide(const struct worker_completion_view *view)
{
	bool is_through = view->accepted == 0 || view->timeline == WORKER_TIMELINE_THROUGH;
	if (view->is_erased || (are_noted(view) && is_through))
		return WORKER_GO_ON;
	return view->waited_ms >= view->limit_ms ? WORKER_CUT_SHORT : WORKER_WAIT;
}
